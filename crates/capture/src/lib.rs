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

/// Why no more pictures come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Whoever opened it let go of it.
    Stopped,
    /// The file is at its end.
    Finished,
    /// The shared window was closed.
    Closed,
    /// The user or the system took the permission back.
    Revoked,
    /// The camera, the monitor or the display is gone.
    Gone,
    /// Reading failed; the log says why.
    Failed,
}

/// What the capture thread is told.
#[derive(Debug, Default)]
pub struct Control {
    stop: AtomicBool,
    paused: AtomicBool,
}

impl Control {
    /// The thread is to end now.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Nothing new may be shown; the thread keeps what it showed last.
    pub fn paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }
}

/// An open camera or screen. Dropping it stops the thread.
#[derive(Debug)]
pub struct Capture {
    slot: Arc<Slot>,
    size: (usize, usize),
    seen: u64,
    control: Arc<Control>,
    /// Joined on drop; none where the thread may sleep in a driver for as long as that likes.
    thread: Option<JoinHandle<()>>,
}

/// A second hand on an open camera or screen, for whoever does not take its pictures.
#[derive(Clone, Debug)]
pub struct Handle {
    slot: Arc<Slot>,
    control: Arc<Control>,
}

impl Handle {
    /// Freezes the picture, or lets it go on.
    pub fn pause(&self, on: bool) {
        self.control.paused.store(on, Ordering::Relaxed);
    }

    pub fn is_paused(&self) -> bool {
        self.control.paused()
    }

    /// The latest picture, for a preview; it stays in the slot.
    pub fn latest(&self) -> Option<Frame> {
        self.slot.latest()
    }

    /// Why no more pictures come; `None` while they do.
    pub fn end(&self) -> Option<End> {
        self.slot.end()
    }
}

impl Capture {
    /// Starts a thread called `name`; `run` fills the slot until it is told to stop, and says why it ended. `size` is width and
    /// height of the first pictures, even numbers.
    pub fn start(
        name: &str,
        size: (usize, usize),
        run: impl FnOnce(&Slot, &Control) -> End + Send + 'static,
    ) -> Capture {
        let (slot, control) = (Arc::new(Slot::default()), Arc::new(Control::default()));
        let (theirs, told) = (Arc::clone(&slot), Arc::clone(&control));
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                // A capture library may panic when it closes a device that went away; whoever waits must hear of the end all
                // the same.
                let end = catch_unwind(AssertUnwindSafe(|| run(&theirs, &told)));
                theirs.close(end.unwrap_or_else(|_| {
                    tracing::warn!("a capture device could not be closed in order");
                    End::Failed
                }));
            });
        if thread.is_err() {
            slot.close(End::Failed);
        }
        Capture {
            slot,
            size,
            seen: 0,
            control,
            thread: thread.ok(),
        }
    }

    /// Width and height of its latest picture, even numbers. A window's change when it is resized.
    pub fn size(&self) -> (usize, usize) {
        self.slot
            .latest()
            .map_or(self.size, |frame| frame.picture.size())
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
        self.end().is_some()
    }

    /// Why no more pictures come; `None` while they do.
    pub fn end(&self) -> Option<End> {
        self.slot.end()
    }

    /// For pausing and watching from elsewhere.
    pub fn handle(&self) -> Handle {
        Handle {
            slot: Arc::clone(&self.slot),
            control: Arc::clone(&self.control),
        }
    }

    /// Leaves the thread to end by itself after it was told to stop.
    pub fn detach(&mut self) {
        self.thread = None;
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.control.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_picture::I420;
    use std::time::Instant;

    #[test]
    fn a_handle_pauses_and_sees_the_picture_and_the_end() {
        let (tell, told) = std::sync::mpsc::channel();
        let mut capture = Capture::start("capture", (2, 2), move |slot, control| {
            slot.put(Frame {
                picture: Arc::new(I420::black(4, 2)),
                captured: Instant::now(),
            });
            while !control.paused() {
                std::thread::yield_now();
            }
            let _ = told.recv();
            End::Closed
        });
        assert!(capture.next(Duration::from_secs(60)).is_some());
        assert_eq!(capture.size(), (4, 2));
        let handle = capture.handle();
        handle.pause(true);
        assert!(handle.is_paused() && handle.end().is_none());
        tell.send(()).unwrap();
        assert!(capture.next(Duration::from_secs(60)).is_none());
        assert_eq!((handle.end(), capture.ended()), (Some(End::Closed), true));
        assert!(handle.latest().is_some());
    }

    #[test]
    fn a_panic_is_an_end() {
        let mut capture = Capture::start("capture", (2, 2), |_, _| panic!("on purpose"));
        assert!(capture.next(Duration::from_secs(60)).is_none());
        assert_eq!(capture.end(), Some(End::Failed));
    }
}
