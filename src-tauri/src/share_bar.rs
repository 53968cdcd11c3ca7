//! The bar that floats over everything while a screen is shared: a small window whose page shows what is shared, and pauses
//! and stops it. Windows and macOS leave it out of what is captured. X11 and Wayland cannot, and others would see it lie over
//! the screen: there the bar in the meeting's window is the only one.

use crate::desks::share_label;
use crate::shell::{Shell, lock};
use crate::windows;
use tauri::{AppHandle, LogicalPosition, Manager, Runtime, WebviewWindow};

/// Logical pixels.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 56.0;
/// From the upper edge of the screen.
const MARGIN: f64 = 8.0;

/// Puts the bar of a meeting up or takes it away, as the share stands now. Waits for the window: not on the main thread.
pub fn follow<R: Runtime>(app: &AppHandle<R>, number: u32) {
    if cfg!(target_os = "linux") {
        return;
    }
    let desks = &app.state::<Shell>().desks;
    let _alone = lock(&desks.bars);
    let label = share_label(number);
    let bar = app.get_webview_window(&label);
    let done = match (desks.is_sharing(number), bar) {
        (true, None) => put_up(app, &label),
        (false, Some(bar)) => bar.destroy(),
        (true, Some(_)) | (false, None) => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!("the bar of a share: {error}");
    }
}

fn put_up<R: Runtime>(app: &AppHandle<R>, label: &str) -> tauri::Result<()> {
    let bar = windows::build(app, label, |b| {
        b.inner_size(WIDTH, HEIGHT)
            .resizable(false)
            .decorations(false)
            .always_on_top(true)
            .visible_on_all_workspaces(true)
            .skip_taskbar(true)
            .focused(false)
            .content_protected(true)
    })?;
    place(&bar)
}

/// In the middle of the upper edge; where a system lets no program place its windows, wherever that puts it.
fn place<R: Runtime>(bar: &WebviewWindow<R>) -> tauri::Result<()> {
    let Some(screen) = bar.primary_monitor()? else {
        return Ok(());
    };
    let scale = screen.scale_factor();
    let corner = screen.position().to_logical::<f64>(scale);
    let width = screen.size().to_logical::<f64>(scale).width;
    bar.set_position(LogicalPosition::new(
        corner.x + (width - WIDTH) / 2.0,
        corner.y + MARGIN,
    ))
}
