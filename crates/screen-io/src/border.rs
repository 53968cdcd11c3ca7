//! The frame around what is shared.

use crate::ScreenSpec;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

/// Goes when it is dropped, or when what it is around goes.
#[derive(Debug)]
pub struct Border {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Puts a frame of this colour (0xRRGGBB) around a screen or window. `None` where there is none to put: on X11 it is ours, Windows
/// and Wayland's desktops mark what is shared by themselves, macOS shows a sign in the menu bar.
pub fn border(spec: &ScreenSpec, colour: u32) -> Option<Border> {
    crate::system::border(spec, colour)
}

#[cfg(target_os = "linux")]
pub(crate) fn x11(display: Option<&str>, spec: &ScreenSpec, colour: u32) -> Option<Border> {
    let sides = crate::x11::border::show(display, spec, colour)
        .inspect_err(|e| tracing::info!("no border: {e}"))
        .ok()?;
    let (stop, stopped) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("border".into())
        .spawn(move || sides.follow(&stopped))
        .ok()?;
    Some(Border {
        stop: Some(stop),
        thread: Some(thread),
    })
}

impl Drop for Border {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
