//! Windows: home, one for each meeting, and a pop-out beside it. All show the same page, which asks for its place.

use crate::desks::{PopOut, label, number, pop_out_label, share_label};
use crate::ipc::{AppCode, AppEvent, Place, PopOutWhat, Settings, ShellCode, Theme};
use crate::link::Destination;
use crate::pages;
use crate::shell::Shell;
use tauri::webview::{Color, NewWindowResponse, PageLoadEvent};
use tauri::{
    AppHandle, Emitter, EventTarget, Manager, Runtime, WebviewUrl, WebviewWindow,
    WebviewWindowBuilder, WindowEvent,
};

pub const HOME: &str = "home";
/// What a pop-out's page calls itself when it says what it shows.
const POP_OUT_PAGE: &str = "pop_out";

/// What a window of this label shows.
pub fn place(shell: &Shell, window: &str) -> Option<Place> {
    if window == HOME {
        let refused = shell.take_refused();
        return Some(Place::Home { refused });
    }
    let here = shell.desks.here(number(window)?)?;
    let meeting = here.to.meeting.as_str().to_owned();
    let server = here.to.server.as_str().to_owned();
    if window.starts_with("meeting-") {
        let host = here.to.host_key.is_some();
        let unknown_server = here.unknown_server;
        return Some(Place::Meeting {
            meeting,
            server,
            host,
            unknown_server,
            popped_out: here.pop_out,
        });
    }
    if window.starts_with("share-") {
        return Some(Place::ShareBar { meeting, server });
    }
    let what = here.pop_out?;
    Some(Place::PopOut {
        meeting,
        server,
        what,
    })
}

/// Shows the home window.
pub fn open_home<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(HOME) {
        return to_front(&window);
    }
    build(app, HOME, |b| {
        b.inner_size(1080.0, 720.0)
            .min_inner_size(420.0, 480.0)
            .center()
    })
    .map(drop)
}

/// Opens a meeting's window, or brings it to the front.
pub fn open_meeting<R: Runtime>(app: &AppHandle<R>, to: Destination) -> Result<(), ShellCode> {
    let desks = &app.state::<Shell>().desks;
    if let Some(window) = desks
        .find(&to)
        .and_then(|n| app.get_webview_window(&label(n)))
    {
        return to_front(&window).map_err(unavailable);
    }
    tracing::info!(server = %to.server, meeting = ?to.meeting, "opening a meeting");
    let number = desks.start(app, to).map_err(unavailable)?;
    let built = build(app, &label(number), |b| {
        b.inner_size(1280.0, 800.0).min_inner_size(360.0, 420.0)
    });
    match built {
        Ok(_) => Ok(()),
        Err(error) => {
            desks.close(app, number);
            Err(unavailable(error))
        }
    }
}

/// Opens the small window beside a meeting's, shows something else in it, or closes it.
pub fn pop_out<R: Runtime>(
    app: &AppHandle<R>,
    number: u32,
    what: Option<PopOutWhat>,
) -> tauri::Result<()> {
    let shell = app.state::<Shell>();
    let label = pop_out_label(number);
    match (what, app.get_webview_window(&label)) {
        (Some(_), None) => {
            shell.desks.set_pop_out(number, what);
            build_pop_out(app, number)
        }
        // On its way out it is built anew once it is gone: its label is taken until then.
        (Some(_), Some(window)) => {
            if shell.desks.set_pop_out(number, what) == PopOut::Stays {
                if let Some(place) = place(&shell, &label) {
                    tell(app, &label, &AppEvent::Place { place });
                }
                to_front(&window)?;
            }
            Ok(())
        }
        (None, Some(window)) => {
            shell.desks.end_pop_out(number);
            window.destroy()
        }
        (None, None) => Ok(()),
    }
}

fn build_pop_out<R: Runtime>(app: &AppHandle<R>, number: u32) -> tauri::Result<()> {
    build(app, &pop_out_label(number), |b| {
        b.inner_size(400.0, 225.0)
            .min_inner_size(200.0, 112.0)
            .always_on_top(true)
            .skip_taskbar(true)
    })
    .map(drop)
}

/// It showed pictures that nobody sees any more. Wanted again meanwhile, it comes back.
fn on_pop_out_gone<R: Runtime>(app: &AppHandle<R>, number: u32) {
    let desks = &app.state::<Shell>().desks;
    desks.hide_all(number, POP_OUT_PAGE);
    if desks.pop_out_gone(number) {
        let app = app.clone();
        // Not in the middle of an event of another window.
        tauri::async_runtime::spawn_blocking(move || {
            if let Err(error) = build_pop_out(&app, number) {
                unavailable(error);
            }
        });
    } else {
        tell(app, &label(number), &AppEvent::PopOutClosed);
    }
}

/// Follows a text from outside. Where it leads nowhere, the home window says why.
pub fn follow<R: Runtime>(app: &AppHandle<R>, text: &str) {
    let shell = app.state::<Shell>();
    let Err(code) = shell.destination(text).and_then(|to| open_meeting(app, to)) else {
        return;
    };
    tracing::info!("a link was refused: {code:?}");
    let code = AppCode::from(code);
    if app.get_webview_window(HOME).is_none() {
        // Its page is told when it asks for its place.
        shell.set_refused(code);
    } else {
        tell(app, HOME, &AppEvent::LinkRefused { code });
    }
    if let Err(error) = open_home(app) {
        tracing::error!("no home window: {error}");
    }
}

/// Sends an event to one window.
pub fn tell<R: Runtime>(app: &AppHandle<R>, window: &str, event: &AppEvent) {
    if let Err(error) = app.emit_to(EventTarget::webview_window(window), "app://event", event) {
        tracing::warn!("a page was not told: {error}");
    }
}

/// Sends an event to all windows.
pub fn tell_all<R: Runtime>(app: &AppHandle<R>, event: &AppEvent) {
    app.webview_windows()
        .keys()
        .for_each(|window| tell(app, window, event));
}

/// Sends an event to the meeting that was in front last.
pub fn tell_meeting<R: Runtime>(app: &AppHandle<R>, event: &AppEvent) {
    if let Some(number) = app.state::<Shell>().desks.in_front() {
        tell(app, &label(number), event);
    }
}

/// Whether the window fills the screen; tells its page when that changed, whoever did it.
pub fn note_full_screen<R: Runtime>(app: &AppHandle<R>, label: &str) {
    let on = app
        .get_webview_window(label)
        .and_then(|window| window.is_fullscreen().ok());
    if let (Some(on), Some(number)) = (on, number(label))
        && app.state::<Shell>().desks.set_full_screen(number, on)
    {
        tell(app, label, &AppEvent::FullScreen { on });
    }
}

/// Gives all windows other colours.
pub fn paint_all<R: Runtime>(app: &AppHandle<R>, settings: &Settings) {
    for window in app.webview_windows().values() {
        if let Err(error) = paint(window, settings) {
            tracing::warn!("theme: {error}");
        }
    }
}

fn paint<R: Runtime>(window: &WebviewWindow<R>, settings: &Settings) -> tauri::Result<()> {
    let theme = theme(settings);
    window.set_theme(theme)?;
    // By the system's theme where none is set, which the window knows by now.
    let dark = theme.unwrap_or(window.theme()?) != tauri::Theme::Light;
    window.set_background_color(Some(stage(dark, settings.high_contrast)))
}

/// Draws all windows at another scale.
pub fn zoom_all<R: Runtime>(app: &AppHandle<R>, scale: f64) {
    for window in app.webview_windows().values() {
        if let Err(error) = window.set_zoom(scale) {
            tracing::warn!("scale: {error}");
        }
    }
}

fn unavailable(error: impl std::fmt::Display) -> ShellCode {
    tracing::error!("no window: {error}");
    ShellCode::Unavailable
}

fn to_front<R: Runtime>(window: &WebviewWindow<R>) -> tauri::Result<()> {
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

pub type Builder<'a, R> = WebviewWindowBuilder<'a, R, AppHandle<R>>;

/// A window with our page; `shape` says how large and of which kind. Waits for it.
pub fn build<'a, R: Runtime>(
    app: &'a AppHandle<R>,
    label: &str,
    shape: impl FnOnce(Builder<'a, R>) -> Builder<'a, R>,
) -> tauri::Result<WebviewWindow<R>> {
    let settings = app.state::<Shell>().settings();
    let theme = theme(&settings);
    let dark = theme != Some(tauri::Theme::Light);
    let builder = WebviewWindowBuilder::new(app, label, WebviewUrl::App("index.html".into()))
        .title("Confab")
        .theme(theme)
        .background_color(stage(dark, settings.high_contrast))
        // Pages never leave the app: links go to the system's browser by `open_link`.
        .on_navigation(pages::is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_page_load(|window, load| {
            if load.event() == PageLoadEvent::Started {
                let shell = window.state::<Shell>();
                shell.desks.uncarry(window.label());
            }
        })
        .disable_drag_drop_handler();
    let window = shape(builder).build()?;
    pages::guard(&window)?;
    window.set_zoom(settings.scale)?;
    if theme.is_none() {
        paint(&window, &settings)?;
    }
    let (app, label) = (app.clone(), label.to_owned());
    window.on_window_event(move |event| on_event(&app, &label, event));
    Ok(window)
}

/// None: the system's.
fn theme(settings: &Settings) -> Option<tauri::Theme> {
    match settings.theme {
        Theme::Light => Some(tauri::Theme::Light),
        Theme::Dark => Some(tauri::Theme::Dark),
        Theme::System => None,
    }
}

/// The page's own colour (`--stage` in `ui/src/styles/tokens.css`), for the window until the page has drawn.
fn stage(dark: bool, high_contrast: bool) -> Color {
    let level = |r, g, b| Color(r, g, b, 255);
    match (dark, high_contrast) {
        (true, false) => level(0x0e, 0x11, 0x16),
        (false, false) => level(0xf3, 0xf5, 0xf7),
        (true, true) => level(0, 0, 0),
        (false, true) => level(0xff, 0xff, 0xff),
    }
}

fn on_event<R: Runtime>(app: &AppHandle<R>, window: &str, event: &WindowEvent) {
    let shell = app.state::<Shell>();
    let Some(number) = number(window) else {
        return;
    };
    let main = window == label(number);
    if matches!(event, WindowEvent::Destroyed) {
        shell.desks.uncarry(window);
    }
    match event {
        WindowEvent::Focused(has) => shell.desks.focus(number, *has),
        WindowEvent::Destroyed if main => {
            shell.desks.close(app, number);
            for label in [pop_out_label(number), share_label(number)] {
                if let Some(beside) = app.get_webview_window(&label) {
                    let _ = beside.destroy();
                }
            }
        }
        // The bar of a share: it holds nothing.
        _ if window == share_label(number) => {}
        WindowEvent::Destroyed => on_pop_out_gone(app, number),
        WindowEvent::Resized(_) if main => note_full_screen(app, window),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_have_the_colours_of_their_pages() {
        let tokens = include_str!("../../ui/src/styles/tokens.css");
        for dark in [true, false] {
            for contrast in [true, false] {
                let Color(r, g, b, _) = stage(dark, contrast);
                let line = format!("--stage: #{r:02x}{g:02x}{b:02x};");
                assert!(tokens.contains(&line), "{line}");
            }
        }
    }
}
