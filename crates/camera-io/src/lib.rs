//! Cameras: the system's through nokhwa, and two that need no device: a Y4M file and a test pattern.
//!
//! Every camera runs on a thread of its own named `camera`, and leaves its latest picture in a slot that is overwritten,
//! never queued: who takes pictures too slowly misses some and sees none late.

mod choose;
mod device;
mod fake;
mod names;

pub use confab_capture::{End, Frame, Handle};
pub use device::jpeg;

use confab_base::DeviceFault;
use confab_capture::Capture;
use std::path::PathBuf;

/// Which camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraSpec {
    /// A camera by an id that [`devices`] lists.
    Device(String),
    /// A Y4M file (8-bit 4:2:0), played at its own rate. With `clock` the top fifth of each picture says when it was taken, as a
    /// mark of source 0: milliseconds since 1970, the low 32 bits.
    File {
        path: PathBuf,
        looped: bool,
        clock: bool,
    },
    /// A moving test picture with the mark of source `id` and a frame counter in it.
    Pattern {
        width: usize,
        height: usize,
        fps: u32,
        id: u8,
    },
}

/// What is wanted of a device; it gives the nearest it has. Files and patterns have their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CameraOptions {
    /// Pixels at most; bigger formats are taken only where there is no other.
    pub width: u32,
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
}

impl Default for CameraOptions {
    /// What a meeting sends at most.
    fn default() -> CameraOptions {
        CameraOptions {
            width: 1280,
            height: 720,
            fps: 30,
        }
    }
}

/// A camera as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// For [`CameraSpec::Device`]. Stays the camera's own over restarts and re-plugging, as far as the system can tell.
    pub id: String,
    pub name: String,
}

/// Why a camera does not open.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    #[error("there is no camera {0}")]
    NotFound(String),
    #[error("the camera is used by another program")]
    Busy,
    #[error("this program may not use the camera")]
    Denied,
    #[error("the camera offers no picture format this program reads")]
    Format,
    #[error("{path}: {why}")]
    File { path: PathBuf, why: String },
    #[error("the camera does not work: {0}")]
    Failed(String),
}

impl CameraError {
    /// What people can do about it.
    pub fn fault(&self) -> DeviceFault {
        match self {
            CameraError::NotFound(_) => DeviceFault::Missing,
            CameraError::Busy => DeviceFault::Busy,
            CameraError::Denied => DeviceFault::Denied,
            CameraError::Format => DeviceFault::Unsupported,
            CameraError::File { .. } | CameraError::Failed(_) => DeviceFault::Failed,
        }
    }
}

/// An open camera. Dropping it closes the device.
pub type Camera = Capture;

/// Opens a camera and waits until it works: for a device, until its first picture came.
pub fn open(spec: &CameraSpec) -> Result<Camera, CameraError> {
    open_with(spec, &CameraOptions::default())
}

/// Opens a camera in the format nearest to what is wanted.
pub fn open_with(spec: &CameraSpec, options: &CameraOptions) -> Result<Camera, CameraError> {
    match spec {
        CameraSpec::Device(id) => device::open(id, options),
        CameraSpec::File {
            path,
            looped,
            clock,
        } => fake::open_file(path, *looped, *clock),
        CameraSpec::Pattern {
            width,
            height,
            fps,
            id,
        } => Ok(fake::open_pattern(*width, *height, *fps, *id)),
    }
}

/// The system's cameras. Empty where there is none, or none may be listed. Cheap enough to be asked once a second.
pub fn devices() -> Vec<CameraInfo> {
    device::list()
}

/// Notices cameras that are plugged in or out; asked from time to time.
#[derive(Debug, Default)]
pub struct CameraWatch {
    known: Option<Vec<CameraInfo>>,
}

impl CameraWatch {
    /// The cameras, if they are others than at the last call; always at the first.
    pub fn changed(&mut self) -> Option<&[CameraInfo]> {
        self.compare(devices())
    }

    fn compare(&mut self, now: Vec<CameraInfo>) -> Option<&[CameraInfo]> {
        if self.known.as_ref() == Some(&now) {
            return None;
        }
        Some(self.known.insert(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_of_the_list_are_told() {
        let mut watch = CameraWatch::default();
        let camera = CameraInfo {
            id: "usb".into(),
            name: "USB".into(),
        };
        assert_eq!(watch.compare(vec![]), Some(&[][..]));
        assert_eq!(watch.compare(vec![]), None);
        let one = vec![camera];
        assert_eq!(watch.compare(one.clone()), Some(&one[..]));
        assert_eq!(watch.compare(one.clone()), None);
        assert_eq!(watch.compare(vec![]), Some(&[][..]));
    }
}
