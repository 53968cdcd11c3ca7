//! Linux has two desktops. Under Wayland an X server may be there too, but shows nothing of the others' windows.

use crate::border::{self, Border};
use crate::overlay::{self, Overlay};
use crate::{Ink, Screen, ScreenError, ScreenOptions, ScreenSpec, Source, x11};
#[cfg(feature = "portal")]
use crate::{Kind, SYSTEM_DIALOG, portal};
use confab_picture::I420;

fn wayland() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    set("WAYLAND_DISPLAY") || std::env::var_os("XDG_SESSION_TYPE").is_some_and(|t| t == "wayland")
}

pub(crate) fn possible() -> bool {
    match wayland() {
        true => cfg!(feature = "portal"),
        false => std::env::var_os("DISPLAY").is_some_and(|display| !display.is_empty()),
    }
}

pub(crate) fn sources() -> Result<Vec<Source>, ScreenError> {
    if !wayland() {
        return x11::sources(None);
    }
    #[cfg(feature = "portal")]
    return Ok(vec![Source {
        id: SYSTEM_DIALOG.into(),
        kind: Kind::Display,
        title: String::new(),
        size: (0, 0),
        primary: true,
    }]);
    #[cfg(not(feature = "portal"))]
    Err(ScreenError::Unsupported)
}

pub(crate) fn border(spec: &ScreenSpec, colour: u32) -> Option<Border> {
    match wayland() {
        true => None,
        false => border::x11(None, spec, colour),
    }
}

pub(crate) fn overlay(spec: &ScreenSpec, ink: &Ink) -> Option<Overlay> {
    match wayland() {
        true => None,
        false => overlay::x11(None, spec, ink),
    }
}

pub(crate) fn picture(spec: &ScreenSpec) -> Result<I420, ScreenError> {
    match wayland() {
        // Only the system's dialog may look before the user has agreed.
        true => Err(ScreenError::Unsupported),
        false => x11::picture(None, spec),
    }
}

pub(crate) fn open(spec: &ScreenSpec, options: &ScreenOptions) -> Result<Screen, ScreenError> {
    if !wayland() {
        return x11::open(None, spec, options);
    }
    #[cfg(feature = "portal")]
    return portal::open(options);
    #[cfg(not(feature = "portal"))]
    Err(ScreenError::Unsupported)
}
