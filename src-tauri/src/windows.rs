//! Windows: home, one for each meeting, and a pop-out beside it. All show the same page, which asks for its place.

use crate::desks::{label, number, pop_out_label};
use crate::ipc::{AppCode, AppEvent, Place, PopOutWhat, Settings, ShellCode, Theme};
use crate::link::Destination;
use crate::pages;
use crate::shell::Shell;
use tauri::webview::{Color, NewWindowResponse};
use tauri::{
    AppHandle, Emitter, EventTarget, Manager, Runtime, WebviewUrl, WebviewWindow,
    WebviewWindowBuilder, WindowEvent,
};

pub const HOME: &str = "home";

/// What a window of this label shows.
pub fn place(shell: &Shell, window: &str) -> Option<Place> {
    if window == HOME {
        return Some(Place::Home);
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
        });
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

/// Opens the small window beside a meeting's, or closes it.
pub fn pop_out<R: Runtime>(
    app: &AppHandle<R>,
    number: u32,
    what: Option<PopOutWhat>,
) -> tauri::Result<()> {
    let desks = &app.state::<Shell>().desks;
    if let Some(window) = app.get_webview_window(&pop_out_label(number)) {
        window.destroy()?;
    }
    desks.set_pop_out(number, what);
    if what.is_some() {
        build(app, &pop_out_label(number), |b| {
            b.inner_size(400.0, 225.0)
                .min_inner_size(200.0, 112.0)
                .always_on_top(true)
                .skip_taskbar(true)
        })?;
    }
    Ok(())
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

type Builder<'a, R> = WebviewWindowBuilder<'a, R, AppHandle<R>>;

fn build<'a, R: Runtime>(
    app: &'a AppHandle<R>,
    label: &str,
    shape: impl FnOnce(Builder<'a, R>) -> Builder<'a, R>,
) -> tauri::Result<WebviewWindow<R>> {
    let settings = app.state::<Shell>().settings();
    let (theme, background) = colours(&settings);
    let builder = WebviewWindowBuilder::new(app, label, WebviewUrl::App("index.html".into()))
        .title("Confab")
        .theme(theme)
        .background_color(background)
        // Pages never leave the app: links go to the system's browser by `open_link`.
        .on_navigation(pages::is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .disable_drag_drop_handler();
    let window = shape(builder).build()?;
    pages::guard(&window)?;
    window.set_zoom(settings.scale)?;
    let (app, label) = (app.clone(), label.to_owned());
    window.on_window_event(move |event| on_event(&app, &label, event));
    Ok(window)
}

/// Until the page has drawn, the window has its colour.
fn colours(settings: &Settings) -> (Option<tauri::Theme>, Color) {
    let (dark, light) = (Color(20, 24, 29, 255), Color(246, 247, 248, 255));
    match settings.theme {
        Theme::Light => (Some(tauri::Theme::Light), light),
        Theme::Dark => (Some(tauri::Theme::Dark), dark),
        Theme::System => (None, dark),
    }
}

fn on_event<R: Runtime>(app: &AppHandle<R>, window: &str, event: &WindowEvent) {
    let shell = app.state::<Shell>();
    let Some(number) = number(window) else {
        return;
    };
    let main = window == label(number);
    match event {
        WindowEvent::Focused(has) => shell.desks.focus(number, *has),
        WindowEvent::Destroyed if main => {
            shell.desks.close(app, number);
            if let Some(beside) = app.get_webview_window(&pop_out_label(number)) {
                let _ = beside.destroy();
            }
        }
        WindowEvent::Destroyed => {
            shell.desks.set_pop_out(number, None);
            tell(app, &label(number), &AppEvent::PopOutClosed);
        }
        _ => {}
    }
}
