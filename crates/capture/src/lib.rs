//! What cameras and screens share: a named capture thread that leaves its latest picture in a slot, overwritten and never
//! queued. Who takes pictures too slowly misses some and sees none late.
#![forbid(unsafe_code)]

mod slot;

pub use slot::{Frame, Slot};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// An open camera or screen. Dropping it stops the thread.
#[derive(Debug)]
pub struct Capture {
    slot: Arc<Slot>,
    size: (usize, usize),
    seen: u64,
    stop: Arc<AtomicBool>,
    /// Joined on drop; none where the thread may sleep in a driver for as long as that likes.
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts a thread called `name`; `run` fills the slot until it is told to stop, then the slot is closed. `size` is
    /// width and height of the pictures, even numbers.
    pub fn start(
        name: &str,
        size: (usize, usize),
        run: impl FnOnce(&Slot, &AtomicBool) + Send + 'static,
    ) -> Capture {
        let (slot, stop) = (Arc::new(Slot::default()), Arc::new(AtomicBool::new(false)));
        let (theirs, told) = (Arc::clone(&slot), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                // A capture library may panic when it closes a device that went away; whoever waits must hear of the end all
                // the same.
                let ended = catch_unwind(AssertUnwindSafe(|| run(&theirs, &told)));
                theirs.close();
                if ended.is_err() {
                    tracing::warn!("a capture device could not be closed in order");
                }
            });
        if thread.is_err() {
            slot.close();
        }
        Capture {
            slot,
            size,
            seen: 0,
            stop,
            thread: thread.ok(),
        }
    }

    /// Width and height of its pictures, even numbers.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Tells the size where it is known only after the start.
    pub fn set_size(&mut self, size: (usize, usize)) {
        self.size = size;
    }

    /// The latest picture that was not given yet; waits for it no longer than `patience`.
    pub fn next(&mut self, patience: Duration) -> Option<Frame> {
        self.slot.take(&mut self.seen, patience)
    }

    /// Whether no more pictures will come: the file has ended, the device is gone.
    pub fn ended(&self) -> bool {
        self.slot.is_closed()
    }

    /// Leaves the thread to end by itself after it was told to stop.
    pub fn detach(&mut self) {
        self.thread = None;
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
