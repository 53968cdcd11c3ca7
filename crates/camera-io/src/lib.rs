//! Cameras: the system's through nokhwa, and two that need no device: a Y4M file and a test pattern.
//!
//! Every camera runs on a thread of its own named `camera`, and leaves its latest picture in a slot that is overwritten,
//! never queued: who takes pictures too slowly misses some and sees none late.

mod device;
mod fake;
mod slot;

pub use slot::Frame;

use slot::Slot;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Which camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraSpec {
    /// A camera by an id that [`devices`] lists.
    Device(String),
    /// A Y4M file (8-bit 4:2:0), played at its own rate.
    File { path: PathBuf, looped: bool },
    /// A moving test picture with the mark of source `id` and a frame counter in it.
    Pattern {
        width: usize,
        height: usize,
        fps: u32,
        id: u8,
    },
}

/// A camera as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// For [`CameraSpec::Device`].
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

/// An open camera. Dropping it closes the device.
#[derive(Debug)]
pub struct Camera {
    slot: Arc<Slot>,
    size: (usize, usize),
    seen: u64,
    stop: Arc<AtomicBool>,
    /// Joined on drop; none where the thread may sleep in a driver for as long as that likes.
    thread: Option<JoinHandle<()>>,
}

/// Opens a camera and waits until it works: for a device, until its first picture came.
pub fn open(spec: &CameraSpec) -> Result<Camera, CameraError> {
    match spec {
        CameraSpec::Device(id) => device::open(id),
        CameraSpec::File { path, looped } => fake::open_file(path, *looped),
        CameraSpec::Pattern {
            width,
            height,
            fps,
            id,
        } => Ok(fake::open_pattern(*width, *height, *fps, *id)),
    }
}

/// The system's cameras. Empty where there is none, or none may be listed.
pub fn devices() -> Vec<CameraInfo> {
    device::list()
}

impl Camera {
    /// Width and height of its pictures, even numbers.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// The latest picture that was not given yet; waits for it no longer than `patience`.
    pub fn next(&mut self, patience: Duration) -> Option<Frame> {
        self.slot.take(&mut self.seen, patience)
    }

    /// Whether no more pictures will come: the file has ended, the camera was unplugged.
    pub fn ended(&self) -> bool {
        self.slot.is_closed()
    }

    /// Leaves the thread to end by itself after it was told to stop.
    pub(crate) fn detach(&mut self) {
        self.thread = None;
    }

    /// Starts the thread; `run` fills the slot until it is told to stop, then the slot is closed.
    pub(crate) fn start(
        size: (usize, usize),
        run: impl FnOnce(&Slot, &AtomicBool) + Send + 'static,
    ) -> Camera {
        let (slot, stop) = (Arc::new(Slot::default()), Arc::new(AtomicBool::new(false)));
        let (theirs, told) = (Arc::clone(&slot), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("camera".into())
            .spawn(move || {
                // nokhwa panics when it closes a device that went away; whoever waits must hear of the end all the same.
                let ended = catch_unwind(AssertUnwindSafe(|| run(&theirs, &told)));
                theirs.close();
                if ended.is_err() {
                    tracing::warn!("the camera could not be closed in order");
                }
            });
        if thread.is_err() {
            slot.close();
        }
        Camera {
            slot,
            size,
            seen: 0,
            stop,
            thread: thread.ok(),
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
