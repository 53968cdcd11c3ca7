//! The tray's icon: opens the app, and turns microphone and camera of the meeting in front on and off.

use crate::ipc::{AppEvent, GlobalAction};
use crate::shell::Shell;
use crate::texts::texts;
use crate::windows;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tauri::menu::{Menu, MenuBuilder, MenuEvent};
use tauri::tray::TrayIconBuilder;
use tauri::{AppHandle, Manager, Runtime};

const ID: &str = "confab";

/// Puts the icon into the tray. A desktop without one is no error.
pub fn install<R: Runtime>(app: &AppHandle<R>) {
    // The indicator library is loaded when it is first used, and the crate that does so panics where it is missing.
    match catch_unwind(AssertUnwindSafe(|| build(app))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!("no tray icon: {error}"),
        Err(_) => tracing::info!("no tray icon: the system's library for it is missing"),
    }
}

/// The menu in the language that is set now.
pub fn translate<R: Runtime>(app: &AppHandle<R>) {
    let Some(icon) = app.tray_by_id(ID) else {
        return;
    };
    if let Err(error) = menu(app).and_then(|menu| icon.set_menu(Some(menu))) {
        tracing::warn!("tray: {error}");
    }
}

fn menu<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<Menu<R>> {
    let texts = texts(app.state::<Shell>().settings().language);
    MenuBuilder::new(app)
        .text("open", texts.open)
        .separator()
        .text("microphone", texts.microphone)
        .text("camera", texts.camera)
        .separator()
        .text("quit", texts.quit)
        .build()
}

fn build<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<()> {
    let mut icon = TrayIconBuilder::with_id(ID)
        .tooltip("Confab")
        .menu(&menu(app)?)
        .on_menu_event(on_menu);
    if let Some(image) = app.default_window_icon() {
        icon = icon.icon(image.clone());
    }
    icon.build(app).map(drop)
}

fn on_menu<R: Runtime>(app: &AppHandle<R>, event: MenuEvent) {
    let action = match event.id().as_ref() {
        "microphone" => GlobalAction::Microphone,
        "camera" => GlobalAction::Camera,
        "quit" => return app.exit(0),
        _ => {
            if let Err(error) = windows::open_home(app) {
                tracing::error!("no home window: {error}");
            }
            return;
        }
    };
    windows::tell_meeting(app, &AppEvent::Shortcut { action });
}
