//! Systems whose screens can't be captured: there is nothing to share, and [`crate::ScreenSpec::Pattern`] still works.

use crate::{Border, Ink, Overlay, Screen, ScreenError, ScreenOptions, ScreenSpec, Source};
use confab_picture::I420;

pub(crate) fn possible() -> bool {
    false
}

pub(crate) fn sources() -> Result<Vec<Source>, ScreenError> {
    Err(ScreenError::Unsupported)
}

pub(crate) fn border(_: &ScreenSpec, _: u32) -> Option<Border> {
    None
}

pub(crate) fn overlay(_: &ScreenSpec, _: &Ink) -> Option<Overlay> {
    None
}

pub(crate) fn picture(_: &ScreenSpec) -> Result<I420, ScreenError> {
    Err(ScreenError::Unsupported)
}

pub(crate) fn open(_: &ScreenSpec, _: &ScreenOptions) -> Result<Screen, ScreenError> {
    Err(ScreenError::Unsupported)
}
