//! What others draw on the shared screen, over the real one.

use crate::{Ink, ScreenSpec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Goes when it is dropped, or when what it lies over goes.
#[derive(Debug)]
pub struct Overlay {
    ink: Ink,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Lays what is on the sheet over a screen or window, and follows both. It takes no clicks. `None` where this is not how it is
/// done: Windows and macOS have a window of the shell for it, Wayland lets no program place one.
pub fn overlay(spec: &ScreenSpec, ink: &Ink) -> Option<Overlay> {
    crate::system::overlay(spec, ink)
}

#[cfg(target_os = "linux")]
pub(crate) fn x11(display: Option<&str>, spec: &ScreenSpec, ink: &Ink) -> Option<Overlay> {
    let film = crate::x11::overlay::open(display, spec)
        .inspect_err(|e| tracing::info!("nothing is drawn over the screen: {e}"))
        .ok()?;
    let over = Arc::new(AtomicBool::new(false));
    let (its, ended) = (ink.clone(), Arc::clone(&over));
    let thread = std::thread::Builder::new()
        .name("overlay".into())
        .spawn(move || film.follow(&its, &ended))
        .ok()?;
    Some(Overlay {
        ink: ink.clone(),
        over,
        thread: Some(thread),
    })
}

impl Drop for Overlay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.ink.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
