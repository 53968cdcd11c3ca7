//! The desktop app: windows, tray, links, settings, shortcuts. It knows nothing of meetings: a window's participant is a
//! `confab_client::desk::Desk`, and this program carries words between it and its page.
//!
//! Threads of its own: `shell` does the pages' commands, `shell-long` those that wait, `sign-in` waits for the browser, `leave` says
//! goodbye.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod accounts;
mod args;
mod awake;
mod bundle;
mod carried;
mod commands;
mod desks;
mod drawing;
mod ipc;
mod link;
mod logs;
mod mask;
mod notices;
mod pages;
mod platform;
mod policy;
mod recent;
mod saved;
#[cfg(target_os = "linux")]
mod scheme;
mod sessions;
mod settings;
mod share_bar;
mod shell;
mod shortcuts;
mod store;
mod texts;
mod tray;
#[cfg(test)]
mod types;
mod updates;
mod windows;

use args::Args;
use clap::Parser;
use drawing::{Drawing, NO_DMABUF};
use policy::Policy;
use shell::{Paths, Shell};
use std::path::PathBuf;
use std::process::ExitCode;
use tauri::{App, AppHandle, Manager, RunEvent};

fn main() -> ExitCode {
    let drawing = Drawing::begin();
    if drawing.as_ref().is_some_and(Drawing::wants_shared_memory) {
        // SAFETY: the first thing this process does; no other thread is there to read the environment.
        unsafe { std::env::set_var(NO_DMABUF, "1") };
    }
    let args = Args::parse();
    // Two of our libraries bring a TLS provider each; rustls wants to be told which one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, words, _folder| {
            on_second_start(app, &words)
        }))
        .plugin(
            tauri_plugin_global_shortcut::Builder::new()
                .with_handler(shortcuts::on_key)
                .build(),
        )
        .plugin(tauri_plugin_notification::init())
        .plugin(
            tauri_plugin_autostart::Builder::new()
                .arg("--hidden")
                .app_name("Confab")
                .build(),
        )
        .plugin(tauri_plugin_updater::Builder::new().build())
        .invoke_handler(commands::handler())
        .setup(move |app| {
            if let Some(drawing) = drawing {
                app.manage(drawing);
            }
            set_up(app, args).map_err(Into::into)
        })
        .build(tauri::tauri_build_context!());
    match app {
        Ok(app) => {
            app.run(on_event);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("confab-desktop: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The log, the files, the tray and the first window.
fn set_up(app: &mut App, args: Args) -> tauri::Result<()> {
    let (paths, logs) = places(app)?;
    let log = match logs::Log::open(&logs) {
        Ok(log) => {
            log.install();
            Some(log)
        }
        Err(error) => {
            eprintln!("confab-desktop: no log in {}: {error}", logs.display());
            None
        }
    };
    tracing::info!(
        "Confab {} on {}",
        env!("CARGO_PKG_VERSION"),
        platform::describe()
    );
    if log.as_ref().is_some_and(logs::Log::begin) {
        tracing::warn!("the run before ended without goodbye");
    }
    let file = policy_path();
    let (policy, wrong) = Policy::load(&file);
    if let Some(why) = wrong {
        tracing::error!("{}: {why}; no server may be used", file.display());
    }
    let (link, hidden) = (args.link.clone(), args.hidden);
    app.manage(Shell::load(args, policy, paths, log));
    let app = app.handle();
    register_links(app);
    end_politely(app);
    tray::install(app);
    shortcuts::apply(app, &app.state::<Shell>().settings().global_shortcuts);
    match link {
        Some(text) => windows::follow(app, &text),
        None if hidden => {}
        None => windows::open_home(app)?,
    }
    Ok(())
}

/// Where this user's files stand, and the log's folder.
fn places(app: &App) -> tauri::Result<(Paths, PathBuf)> {
    let path = app.path();
    let config = path.app_config_dir()?;
    let documents = path.download_dir().or_else(|_| path.document_dir());
    let paths = Paths {
        settings: config.join("settings.json"),
        recent: path.app_data_dir()?.join("recent.json"),
        sessions: path.app_data_dir()?.join("sessions.json"),
        documents: documents.or_else(|_| path.home_dir()).unwrap_or(config),
        home: path.home_dir().ok(),
    };
    Ok((paths, path.app_log_dir()?))
}

/// The policy's file; in a developer's build a variable may name another one, for tests.
fn policy_path() -> PathBuf {
    let other = std::env::var_os("CONFAB_TEST_POLICY").filter(|_| cfg!(debug_assertions));
    other.map_or_else(Policy::path, PathBuf::from)
}

/// On a thread of its own: it asks programs of the desktop.
#[cfg(target_os = "linux")]
fn register_links(app: &AppHandle) {
    let Ok(data) = app.path().data_dir() else {
        return;
    };
    let work = move || {
        if let Err(error) = scheme::program().and_then(|exe| scheme::register(&exe, &data)) {
            tracing::warn!("confab:// links do not lead here: {error}");
        }
    };
    if let Err(error) = std::thread::Builder::new()
        .name("links".to_owned())
        .spawn(work)
    {
        tracing::warn!("no thread: {error}");
    }
}

/// macOS takes the scheme from the bundle, and hands links over as events; Windows from the registry.
#[cfg(not(target_os = "linux"))]
fn register_links(app: &AppHandle) {
    use tauri_plugin_deep_link::DeepLinkExt;
    if let Err(error) = app.plugin(tauri_plugin_deep_link::init()) {
        tracing::warn!("confab:// links do not lead here: {error}");
        return;
    }
    if cfg!(windows)
        && let Err(error) = app.deep_link().register(link::SCHEME)
    {
        tracing::warn!("confab:// links do not lead here: {error}");
    }
}

/// A logout says SIGTERM: meetings are left with a goodbye, not by falling silent.
#[cfg(unix)]
fn end_politely(app: &AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        match signal(SignalKind::terminate()) {
            Ok(mut ends) => {
                ends.recv().await;
                app.exit(0);
            }
            Err(error) => tracing::warn!("SIGTERM will end the app without goodbye: {error}"),
        }
    });
}

/// Windows closes the windows, and that is goodbye enough.
#[cfg(not(unix))]
fn end_politely(_app: &AppHandle) {}

/// Somebody started the program again, perhaps with a link. While this one is still starting, that waits.
fn on_second_start(app: &AppHandle, words: &[String]) {
    let begin = std::time::Instant::now();
    while app.try_state::<Shell>().is_none() {
        if begin.elapsed() > std::time::Duration::from_secs(10) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let args = Args::lenient(words);
    match args.link {
        Some(text) => windows::follow(app, &text),
        None if args.hidden => {}
        None => {
            if let Err(error) = windows::open_home(app) {
                tracing::error!("no home window: {error}");
            }
        }
    }
}

fn on_event(app: &AppHandle, event: RunEvent) {
    // Absent before `set_up`, and when that failed.
    let Some(shell) = app.try_state::<Shell>() else {
        return;
    };
    match event {
        // Started at login, the app waits in the tray; else it ends with its last window.
        RunEvent::ExitRequested {
            code: None, api, ..
        } if shell.args.hidden => api.prevent_exit(),
        RunEvent::Exit => {
            shell.desks.close_all();
            if let Some(log) = &shell.log {
                log.end();
            }
        }
        #[cfg(target_os = "macos")]
        RunEvent::Opened { urls } => urls
            .iter()
            .for_each(|url| windows::follow(app, url.as_str())),
        _ => {}
    }
}
