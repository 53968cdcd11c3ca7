//! The desktop app: windows, tray, links, settings, shortcuts. It knows nothing of meetings: a window's participant is a
//! `confab_client::desk::Desk`, and this program carries words between it and its page.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() -> tauri::Result<()> {
    tauri::Builder::default().run(tauri::tauri_build_context!())
}
