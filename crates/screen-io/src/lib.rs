//! Screens. On Linux with X11: shared memory and the cursor drawn in. A synthetic screen needs no display.
//!
//! A capture thread named `screen` leaves the latest picture in a slot that is overwritten, never queued. A picture equal
//! to the one before is left out, so that a still screen costs no encoding; once a second it comes all the same.
//!
//! Wayland, Windows and macOS come with the desktop app; there [`open`] says [`ScreenError::Unsupported`].

#[cfg(target_os = "linux")]
mod linux_x11;
mod pattern;

pub use confab_capture::Frame;

use confab_capture::Capture;
use std::time::Duration;

/// Pictures a second of a shared screen.
pub const FPS: u32 = 15;
/// A still screen is sent again after this long.
pub const REFRESH: Duration = Duration::from_secs(1);

/// Which screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScreenSpec {
    /// A screen by an id that [`devices`] lists.
    Display(String),
    /// A synthetic 1280x720 page of text with a frame counter in it.
    Pattern,
}

/// A screen as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenInfo {
    /// For [`ScreenSpec::Display`].
    pub id: String,
    pub name: String,
    pub width: usize,
    pub height: usize,
}

/// Why a screen can't be shared.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    #[error("there is no screen {0}")]
    NotFound(String),
    #[error("no display: this session has none, or its access is not allowed")]
    NoDisplay,
    #[error("sharing a screen is not possible on this system yet")]
    Unsupported,
    #[error("the screen can't be read: {0}")]
    Failed(String),
}

/// An open screen. Dropping it stops the capture.
pub type Screen = Capture;

/// Opens a screen.
pub fn open(spec: &ScreenSpec) -> Result<Screen, ScreenError> {
    match spec {
        ScreenSpec::Pattern => Ok(pattern::open()),
        #[cfg(target_os = "linux")]
        ScreenSpec::Display(id) => linux_x11::open(None, id),
        #[cfg(not(target_os = "linux"))]
        ScreenSpec::Display(_) => Err(ScreenError::Unsupported),
    }
}

/// The screens there are. Empty without a display.
pub fn devices() -> Vec<ScreenInfo> {
    #[cfg(target_os = "linux")]
    return linux_x11::list(None).unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    return Vec::new();
}
