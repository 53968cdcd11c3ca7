//! The doors a page has: `desk` for its participant, `app` for the shell, and `pictures` where sockets are blocked. The first
//! two take one typed command each and give one typed reply; whatever is no such command is refused before it does anything.

use crate::desks::number;
use crate::drawing::Drawing;
use crate::ipc::{AppCode, AppCommand, AppEvent, AppInfo, AppReply, PopOutHost, ShellCode};
use crate::shell::Shell;
use crate::{accounts, bundle, carried, desks, platform, saved, shortcuts, tray, updates, windows};
use confab_client::desk::{DeskCode, DeskCommand, DeskReply, OwnCode, api};
use confab_client::diagnose::DiagnoseOptions;
use confab_protocol::CreateMeeting;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use tauri::ipc::{Invoke, InvokeBody, InvokeResolver};
use tauri::{AppHandle, Manager, Runtime, Url};
use tauri_plugin_autostart::ManagerExt;

/// Commands to the shell that may wait; a page that has more of them open than this is told so.
const WAITING: usize = 64;

/// One command on its way to the shell's thread.
struct Order<R: Runtime> {
    window: String,
    command: AppCommand,
    resolver: InvokeResolver<R>,
}

/// The handler of all calls from pages. Shell commands are done one after the other on a thread of their own, `shell`.
pub fn handler<R: Runtime>() -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
    let thread = std::sync::OnceLock::<SyncSender<Order<R>>>::new();
    move |invoke| {
        let window = invoke.message.webview_ref().label().to_owned();
        match invoke.message.command() {
            "desk" => desk(&window, invoke),
            "pictures" => carried::pictures(&window, invoke),
            "app" => {
                let app = invoke.message.webview_ref().app_handle();
                let orders = thread.get_or_init(|| start(app));
                match command::<R, AppCommand>(&invoke) {
                    Ok(command) => {
                        let resolver = invoke.resolver;
                        let order = Order {
                            window,
                            command,
                            resolver,
                        };
                        if let Err(TrySendError::Full(order) | TrySendError::Disconnected(order)) =
                            orders.try_send(order)
                        {
                            tracing::warn!("the shell is too busy");
                            order
                                .resolver
                                .resolve(AppReply::from(ShellCode::Unavailable));
                        }
                    }
                    Err(error) => invoke.resolver.reject(error),
                }
            }
            _ => return false,
        }
        true
    }
}

/// The `command` argument of a call.
fn command<R: Runtime, T: DeserializeOwned>(invoke: &Invoke<R>) -> Result<T, String> {
    let InvokeBody::Json(body) = invoke.message.payload() else {
        return Err("bad_message".to_owned());
    };
    let command = body.get("command").cloned().unwrap_or_default();
    serde_json::from_value(command).map_err(|error| {
        tracing::warn!("a page sent no command: {error}");
        "bad_message".to_owned()
    })
}

/// Hands a command to the window's participant. In place, so that commands stay in order; the reply comes when it comes.
fn desk<R: Runtime>(window: &str, invoke: Invoke<R>) {
    let shell = invoke.message.webview_ref().state::<Shell>();
    let desk = number(window).and_then(|n| shell.desks.desk(n));
    match (desk, command::<R, DeskCommand>(&invoke)) {
        (_, Err(error)) => invoke.resolver.reject(error),
        (Some(desk), Ok(command)) => {
            let bus = number(window).and_then(|n| shell.desks.bus_of(n, window));
            let resolver = invoke.resolver;
            desk.ask(command, move |mut reply| {
                // A bus serves one page: each window has its own, or none.
                if let DeskReply::Attached { bus: there, .. } = &mut reply {
                    *there = bus;
                }
                resolver.resolve(reply);
            });
        }
        (None, Ok(_)) => {
            let code = DeskCode::Own(OwnCode::Closed);
            invoke.resolver.resolve(DeskReply::Failed { code });
        }
    }
}

fn start<R: Runtime>(app: &AppHandle<R>) -> SyncSender<Order<R>> {
    let (orders, inbox) = sync_channel::<Order<R>>(WAITING);
    let app = app.clone();
    let started = std::thread::Builder::new()
        .name("shell".to_owned())
        .spawn(move || {
            for order in inbox {
                run(&app, order);
            }
        });
    if let Err(error) = started {
        tracing::error!("no thread for the shell: {error}");
    }
    orders
}

fn run<R: Runtime>(app: &AppHandle<R>, order: Order<R>) {
    let Order {
        window,
        command,
        resolver,
    } = order;
    if takes_long(&command) {
        let app = app.clone();
        let refuse = resolver.clone();
        let work = move || resolver.resolve(reply(&app, &window, command));
        if let Err(error) = std::thread::Builder::new()
            .name("shell-long".to_owned())
            .spawn(work)
        {
            tracing::error!("no thread: {error}");
            refuse.resolve(AppReply::from(ShellCode::Unavailable));
        }
    } else {
        resolver.resolve(reply(app, &window, command));
    }
}

/// Whether a command waits for a network or a slow disk.
fn takes_long(command: &AppCommand) -> bool {
    matches!(
        command,
        AppCommand::CreateMeeting { .. }
            | AppCommand::SupportBundle
            | AppCommand::CheckUpdate
            | AppCommand::InstallUpdate
            | AppCommand::OpenLink { .. }
            | AppCommand::SignIn
            | AppCommand::SignOut { .. }
            | AppCommand::AskServer { .. }
            | AppCommand::FetchFile { .. }
            | AppCommand::SaveFile { .. }
    )
}

fn reply<R: Runtime>(app: &AppHandle<R>, window: &str, command: AppCommand) -> AppReply {
    do_command(app, window, command).unwrap_or_else(|code| AppReply::Failed { code })
}

fn do_command<R: Runtime>(
    app: &AppHandle<R>,
    window: &str,
    command: AppCommand,
) -> Result<AppReply, AppCode> {
    let shell = app.state::<Shell>();
    let done = Ok(AppReply::Done);
    match command {
        AppCommand::Info => Ok(AppReply::Info { info: info(&shell) }),
        AppCommand::Place => {
            let place = windows::place(&shell, window).ok_or(ShellCode::Unavailable)?;
            // A page loaded anew knows nothing of its window.
            if let Some(number) = number(window).filter(|n| window == desks::label(*n)) {
                shell.desks.set_full_screen(number, false);
                windows::note_full_screen(app, window);
            }
            Ok(AppReply::Place { place })
        }
        AppCommand::Settings => Ok(AppReply::Settings {
            settings: Box::new(shell.settings()),
        }),
        AppCommand::SaveSettings { patch } => save_settings(app, &shell, &patch),
        AppCommand::Recent => Ok(AppReply::Recent {
            meetings: shell.recent(),
        }),
        AppCommand::ForgetRecent { id } => {
            shell.forget(&id)?;
            done
        }
        AppCommand::OpenMeeting { text } => {
            windows::open_meeting(app, shell.destination(&text)?)?;
            done
        }
        AppCommand::CreateMeeting { request } => create_meeting(&shell, &request),
        AppCommand::Accounts => Ok(AppReply::Accounts {
            accounts: shell.accounts(),
        }),
        AppCommand::SaveFile { name, text } => {
            saved::save(&shell.paths.documents, &name, text.as_bytes())
        }
        AppCommand::SignIn
        | AppCommand::CancelSignIn
        | AppCommand::SignOut { .. }
        | AppCommand::AskServer { .. }
        | AppCommand::FetchFile { .. } => account_command(app, &shell, window, command),
        AppCommand::OpenHome => windows::open_home(app)
            .map_err(unavailable)
            .map(|()| AppReply::Done),
        AppCommand::Close => with_window(app, window, |w| w.close()),
        AppCommand::OpenLink { url } => open_link(&shell, &url),
        AppCommand::FullScreen { on } => {
            with_window(app, window, |w| w.set_fullscreen(on))?;
            // As far as one can tell: a window manager that refuses says nothing.
            let main = number(window).filter(|n| window == desks::label(*n));
            if main.is_none_or(|n| shell.desks.set_full_screen(n, on)) {
                windows::tell(app, window, &AppEvent::FullScreen { on });
            }
            done
        }
        AppCommand::DrawRate { fps } => {
            if let Some(drawing) = app.try_state::<Drawing>() {
                drawing.note(fps);
            }
            done
        }
        AppCommand::PopOut { what } => {
            let number = number(window).ok_or(ShellCode::Unavailable)?;
            windows::pop_out(app, number, what).map_err(unavailable)?;
            Ok(AppReply::PopOut {
                host: PopOutHost::Apart,
            })
        }
        AppCommand::SupportBundle => support_bundle(&shell),
        AppCommand::OpenDiagnostics => {
            open_diagnostics(&shell, window)?;
            done
        }
        AppCommand::CheckUpdate => updates::check(app).map(|update| AppReply::Update { update }),
        AppCommand::InstallUpdate => updates::install(app).map(|()| AppReply::Done),
    }
}

/// In somebody's name, so from the home window alone: a meeting's page shows what others wrote.
fn account_command<R: Runtime>(
    app: &AppHandle<R>,
    shell: &Shell,
    window: &str,
    command: AppCommand,
) -> Result<AppReply, AppCode> {
    if window != windows::HOME {
        return Err(ShellCode::Unavailable.into());
    }
    match command {
        AppCommand::SignIn => accounts::sign_in(app, shell).map(|()| AppReply::Done),
        AppCommand::CancelSignIn => {
            accounts::cancel(shell);
            Ok(AppReply::Done)
        }
        AppCommand::SignOut { server } => accounts::sign_out(app, shell, server.as_deref()),
        AppCommand::AskServer { request } => accounts::ask(app, shell, request),
        AppCommand::FetchFile { path, name } => accounts::fetch(shell, &path, &name),
        _ => Err(ShellCode::Unavailable.into()),
    }
}

fn unavailable(error: impl std::fmt::Display) -> AppCode {
    tracing::warn!("not possible: {error}");
    ShellCode::Unavailable.into()
}

fn with_window<R: Runtime>(
    app: &AppHandle<R>,
    window: &str,
    work: impl FnOnce(tauri::WebviewWindow<R>) -> tauri::Result<()>,
) -> Result<AppReply, AppCode> {
    let window = app
        .get_webview_window(window)
        .ok_or(ShellCode::Unavailable)?;
    work(window).map_err(unavailable).map(|()| AppReply::Done)
}

fn info(shell: &Shell) -> AppInfo {
    AppInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: platform::describe(),
        policy: shell.policy.info(),
        diagnostics: platform::diagnostics().is_some(),
        updates: updates::available(&shell.policy),
    }
}

/// Saves, does what follows from it, and tells all windows.
fn save_settings<R: Runtime>(
    app: &AppHandle<R>,
    shell: &Shell,
    patch: &Map<String, Value>,
) -> Result<AppReply, AppCode> {
    let before = shell.settings();
    let now = shell.save_settings(patch)?;
    if now == before {
        return Ok(AppReply::Done);
    }
    let mut worked = true;
    if now.global_shortcuts != before.global_shortcuts {
        worked &= shortcuts::apply(app, &now.global_shortcuts);
    }
    if now.autostart != before.autostart {
        worked &= set_autostart(app, now.autostart);
    }
    if now.scale != before.scale {
        windows::zoom_all(app, now.scale);
    }
    if (now.theme, now.high_contrast) != (before.theme, before.high_contrast) {
        windows::paint_all(app, &now);
    }
    if now.keep_awake != before.keep_awake {
        desks::update_awake(app);
    }
    if now.language != before.language {
        tray::translate(app);
    }
    windows::tell_all(
        app,
        &AppEvent::Settings {
            settings: Box::new(now),
        },
    );
    if worked {
        Ok(AppReply::Done)
    } else {
        Err(ShellCode::Unavailable.into())
    }
}

fn set_autostart<R: Runtime>(app: &AppHandle<R>, on: bool) -> bool {
    let login = app.autolaunch();
    let result = if on { login.enable() } else { login.disable() };
    if let Err(error) = &result {
        tracing::warn!("start at login: {error}");
    }
    result.is_ok()
}

fn create_meeting(shell: &Shell, request: &CreateMeeting) -> Result<AppReply, AppCode> {
    let server = shell.server().ok_or(ShellCode::NoServer)?;
    let url = Url::parse(server.as_str()).map_err(unavailable)?;
    let session = shell.session(&server);
    match api::create_meeting(&url, &shell.trust(), session.as_ref(), request) {
        Ok(created) => Ok(AppReply::Created { created }),
        Err(DeskCode::Code(code)) => Err(AppCode::Code(code)),
        Err(DeskCode::Own(_)) => Err(ShellCode::Unreachable.into()),
    }
}

/// Opens a web address, or a page of the settings' server by its path, in the system's browser; nothing else can be opened from a page.
fn open_link(shell: &Shell, text: &str) -> Result<AppReply, AppCode> {
    let url = match text.starts_with('/') {
        true => accounts::server_page(shell, text)?,
        false => Url::parse(text).map_err(|_| ShellCode::BadLink)?,
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(ShellCode::BadLink.into());
    }
    open_page(url.as_str())?;
    Ok(AppReply::Done)
}

/// In the system's browser.
pub fn open_page(url: &str) -> Result<(), AppCode> {
    open::that_detached(url).map_err(unavailable)
}

/// Lets the diagnostics window into the meeting of this window, or the one in front, and starts it.
fn open_diagnostics(shell: &Shell, window: &str) -> Result<(), AppCode> {
    let number = number(window).or_else(|| shell.desks.in_front());
    let desk = number.and_then(|n| shell.desks.desk(n));
    let program = concat!("confab-desktop ", env!("CARGO_PKG_VERSION"));
    let options = DiagnoseOptions {
        taps: Some(shell.paths.documents.join("Confab recordings")),
        ..DiagnoseOptions::new(program)
    };
    let name = desk.map(|desk| desk.diagnose(options)).transpose();
    let name = name.map_err(unavailable)?;
    platform::open_diagnostics(name.as_deref()).map_err(unavailable)
}

fn support_bundle(shell: &Shell) -> Result<AppReply, AppCode> {
    let settings = shell.settings();
    let contents = bundle::Contents {
        about: platform::about(shell),
        settings: &settings,
        logs: shell.log.as_ref().map(|l| l.files()).unwrap_or_default(),
        home: shell
            .paths
            .home
            .as_ref()
            .map(|h| h.to_string_lossy().into_owned()),
    };
    match bundle::save(&shell.paths.documents, &platform::stamp(), &contents) {
        Ok(path) => Ok(AppReply::File {
            path: path.to_string_lossy().into_owned(),
        }),
        Err(error) => {
            tracing::error!("no support bundle: {error}");
            Err(ShellCode::File.into())
        }
    }
}
