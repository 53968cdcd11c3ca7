//! Screens and windows of every desktop, and a synthetic screen that needs none.
//!
//! A capture thread named `screen` leaves the latest picture in a slot that is overwritten, never queued. Only what was
//! drawn anew is read; a still screen costs next to nothing, and comes once a second all the same, for those who join late.
//!
//! | desktop | by | who chooses |
//! |---|---|---|
//! | Linux, X11 | `x11`: MIT-SHM, DAMAGE, XFixes cursor, Composite for windows | our picker |
//! | Linux, Wayland | `portal` (feature): desktop portal and PipeWire | the system's dialog: one source, [`SYSTEM_DIALOG`] |
//! | Windows | `windows`: Windows.Graphics.Capture; not run yet | our picker |
//! | macOS | `macos`: ScreenCaptureKit; not run yet | our picker |

mod border;
#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
mod elsewhere;
// Elsewhere nothing of ours reads the sheet.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
mod ink;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(target_os = "macos", target_os = "windows", test))]
mod mailbox;
mod overlay;
mod pattern;
#[cfg(all(target_os = "linux", feature = "portal"))]
mod portal;
#[cfg(target_os = "windows")]
mod windows;
#[cfg(target_os = "linux")]
mod x11;

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
use elsewhere as system;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;
#[cfg(target_os = "windows")]
use windows as system;

pub use border::{Border, border};
pub use confab_capture::{End, Frame, Handle};
pub use ink::{Ink, InkPoint, InkStroke, MOST_POINTS, MOST_STROKES};
pub use overlay::{Overlay, overlay};

use confab_base::DeviceFault;
use confab_capture::Capture;
use confab_picture::I420;
use std::time::Duration;

/// A still screen is sent again after this long.
pub const REFRESH: Duration = Duration::from_secs(1);
/// The id of the only source there is where the system shows a dialog of its own to choose in.
pub const SYSTEM_DIALOG: &str = "display:system-dialog";

/// Which screen or window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScreenSpec {
    /// A screen by an id that [`sources`] lists.
    Display(String),
    /// A window by an id that [`sources`] lists.
    Window(String),
    /// A synthetic 1280x720 page of text with a frame counter in it.
    Pattern,
}

impl ScreenSpec {
    /// From an id of [`sources`]; every id says what it is.
    pub fn from_id(id: &str) -> ScreenSpec {
        match id.starts_with("window:") {
            true => ScreenSpec::Window(id.to_owned()),
            false => ScreenSpec::Display(id.to_owned()),
        }
    }
}

/// How to capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenOptions {
    /// Pictures a second at most, 1..=60: 15 for text, 30 for films.
    pub fps: u32,
    /// Draw the pointer.
    pub cursor: bool,
}

impl Default for ScreenOptions {
    fn default() -> ScreenOptions {
        ScreenOptions {
            fps: 15,
            cursor: true,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Display,
    Window,
}

/// A screen or window as pickers show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// For [`ScreenSpec`] and [`thumbnail`]. A screen's stays over restarts, a window's as long as the window.
    pub id: String,
    pub kind: Kind,
    /// The monitor's connector or the window's title. Empty for [`SYSTEM_DIALOG`].
    pub title: String,
    /// Pixels; zeros where not known before it is opened.
    pub size: (usize, usize),
    /// The main screen.
    pub primary: bool,
}

/// Why a screen or window can't be shared.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    #[error("there is no screen or window {0}")]
    NotFound(String),
    #[error("no display: this session has none, or its access is not allowed")]
    NoDisplay,
    #[error("this program may not record the screen")]
    Denied,
    #[error("nothing was chosen")]
    Cancelled,
    #[error("sharing this is not possible on this system")]
    Unsupported,
    #[error("the screen can't be read: {0}")]
    Failed(String),
}

impl ScreenError {
    /// What people can do about it; `None` where they chose not to share.
    pub fn fault(&self) -> Option<DeviceFault> {
        Some(match self {
            ScreenError::NotFound(_) | ScreenError::NoDisplay => DeviceFault::Missing,
            ScreenError::Denied => DeviceFault::Denied,
            ScreenError::Cancelled => return None,
            ScreenError::Unsupported => DeviceFault::Unsupported,
            ScreenError::Failed(_) => DeviceFault::Failed,
        })
    }
}

/// An open screen or window. Dropping it stops the capture. [`Capture::end`] says why it ended by itself.
pub type Screen = Capture;

/// What can be shared now: screens first, then windows, the topmost first. Empty without a display.
pub fn sources() -> Vec<Source> {
    system::sources().unwrap_or_else(|e| {
        tracing::info!("no screens to share: {e}");
        Vec::new()
    })
}

/// Whether there may be something to share. Asks no system that might ask its user, and looks at no window.
pub fn possible() -> bool {
    system::possible()
}

/// What a source looks like now, in its own shape and at most `max_width` wide.
pub fn thumbnail(id: &str, max_width: usize) -> Result<I420, ScreenError> {
    Ok(shrink(
        &system::picture(&ScreenSpec::from_id(id))?,
        max_width,
    ))
}

/// Opens a screen or window with the usual options.
pub fn open(spec: &ScreenSpec) -> Result<Screen, ScreenError> {
    open_with(spec, &ScreenOptions::default())
}

/// Opens a screen or window. Where the system asks the user, this waits for the answer.
pub fn open_with(spec: &ScreenSpec, options: &ScreenOptions) -> Result<Screen, ScreenError> {
    let options = ScreenOptions {
        fps: options.fps.clamp(1, 60),
        ..*options
    };
    match spec {
        ScreenSpec::Pattern => Ok(pattern::open(options.fps)),
        spec => system::open(spec, &options),
    }
}

fn shrink(picture: &I420, max_width: usize) -> I420 {
    let (width, height) = picture.size();
    let wanted = max_width.clamp(2, width);
    picture.scale_to(wanted, (height * wanted / width).max(2))
}

/// The bare part of an id: `HDMI-1` of `display:HDMI-1`. Ids without a kind are taken as they are.
fn bare(id: &str) -> &str {
    id.strip_prefix("display:")
        .or_else(|| id.strip_prefix("window:"))
        .unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_it_is() {
        let (window, display) = ("window:0x1a", "display:HDMI-1");
        assert_eq!(
            ScreenSpec::from_id(window),
            ScreenSpec::Window(window.into())
        );
        assert_eq!(
            ScreenSpec::from_id(display),
            ScreenSpec::Display(display.into())
        );
        assert_eq!(
            (bare(window), bare(display), bare("eDP")),
            ("0x1a", "HDMI-1", "eDP")
        );
    }

    #[test]
    fn thumbnails_keep_the_shape_and_never_grow() {
        let picture = I420::black(1920, 1080);
        assert_eq!(shrink(&picture, 320).size(), (320, 180));
        assert_eq!(shrink(&picture, 4000).size(), (1920, 1080));
        assert_eq!(shrink(&I420::black(2, 900), 0).size(), (2, 900));
    }
}
