//! The slot between a capture thread and whoever takes pictures: holds the latest one, overwrites, never queues.

use crate::End;
use confab_picture::I420;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A captured picture.
#[derive(Clone, Debug)]
pub struct Frame {
    pub picture: Arc<I420>,
    /// When it was taken, by the capturing thread's clock.
    pub captured: Instant,
}

#[derive(Debug, Default)]
struct Inner {
    frame: Option<Frame>,
    /// Rises with every frame put in; a taker remembers the last one it saw.
    count: u64,
    end: Option<End>,
}

/// One writer, any number of takers.
#[derive(Debug, Default)]
pub struct Slot {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Slot {
    /// Puts a picture in the place of the one before. A taker who was too slow never sees that one.
    pub fn put(&self, frame: Frame) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.frame = Some(frame);
        inner.count += 1;
        drop(inner);
        self.changed.notify_all();
    }

    /// No more pictures will come; waiting takers wake up.
    pub(crate) fn close(&self, end: End) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.end.get_or_insert(end);
        drop(inner);
        self.changed.notify_all();
    }

    pub(crate) fn end(&self) -> Option<End> {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .end
    }

    /// The latest picture, which stays where it is.
    pub(crate) fn latest(&self) -> Option<Frame> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.frame.clone()
    }

    /// The latest picture if it is newer than number `seen`, waiting for one no longer than `patience`.
    pub(crate) fn take(&self, seen: &mut u64, patience: Duration) -> Option<Frame> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (inner, _) = self
            .changed
            .wait_timeout_while(inner, patience, |i| i.count == *seen && i.end.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        if inner.count == *seen {
            return None;
        }
        *seen = inner.count;
        inner.frame.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(luma: u8) -> Frame {
        Frame {
            picture: Arc::new(I420::filled(2, 2, [luma, 128, 128])),
            captured: Instant::now(),
        }
    }

    #[test]
    fn only_the_latest_picture_is_kept_and_given_once() {
        let (slot, mut seen) = (Slot::default(), 0);
        slot.put(frame(1));
        slot.put(frame(2));
        let got = slot.take(&mut seen, Duration::ZERO).unwrap();
        assert_eq!(got.picture.y()[0], 2);
        assert!(slot.take(&mut seen, Duration::ZERO).is_none());
    }

    #[test]
    fn closing_wakes_a_waiting_taker() {
        let slot = Arc::new(Slot::default());
        let waiting = Arc::clone(&slot);
        let taker = std::thread::spawn(move || waiting.take(&mut 0, Duration::from_secs(60)));
        slot.close(End::Finished);
        assert!(taker.join().unwrap().is_none());
    }
}
