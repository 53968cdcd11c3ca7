//! Where systems that push pictures from threads of their own leave them for the capture thread: the latest one only.

use crate::REFRESH;
use confab_capture::{Control, End, Frame, Slot};
use confab_picture::I420;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest sleep of the capture thread: how late it notices that it is to stop.
const NAP: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Inner {
    fresh: Option<(I420, Instant)>,
    end: Option<End>,
}

#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Mailbox {
    /// Leaves a picture in the place of the one before.
    pub(crate) fn put(&self, picture: I420) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.fresh = Some((picture, Instant::now()));
        drop(inner);
        self.changed.notify_all();
    }

    /// No more pictures will come. The first reason counts.
    pub(crate) fn end(&self, end: End) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.end.get_or_insert(end);
        drop(inner);
        self.changed.notify_all();
    }

    /// Waits for the first picture; it stays there.
    pub(crate) fn first(&self, patience: Duration) -> Option<I420> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (inner, _) = self
            .changed
            .wait_timeout_while(inner, patience, |i| i.fresh.is_none() && i.end.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        inner.fresh.as_ref().map(|(picture, _)| picture.clone())
    }

    /// Moves pictures to the slot until the end.
    pub(crate) fn run(&self, slot: &Slot, control: &Control) -> End {
        let mut shown: Option<(Arc<I420>, Instant)> = None;
        while !control.stopped() {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut inner, _) = self
                .changed
                .wait_timeout_while(inner, NAP, |i| i.fresh.is_none() && i.end.is_none())
                .unwrap_or_else(PoisonError::into_inner);
            let (fresh, end) = (inner.fresh.take(), inner.end);
            drop(inner);
            if let Some(end) = end {
                return end;
            }
            if let Some((picture, captured)) = fresh.filter(|_| !control.paused()) {
                let picture = Arc::new(picture);
                slot.put(Frame {
                    picture: Arc::clone(&picture),
                    captured,
                });
                shown = Some((picture, Instant::now()));
            } else if let Some((picture, at)) = &mut shown
                && at.elapsed() >= REFRESH
            {
                // Whoever joins late has no other picture to begin with.
                *at = Instant::now();
                slot.put(Frame {
                    picture: Arc::clone(picture),
                    captured: *at,
                });
            }
        }
        End::Stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Screen;

    fn open(mailbox: &Arc<Mailbox>) -> Screen {
        let mailbox = Arc::clone(mailbox);
        Screen::start("screen", (2, 2), move |slot, control| {
            mailbox.run(slot, control)
        })
    }

    #[test]
    fn pictures_come_through_again_when_still_and_end_with_a_reason() {
        let mailbox = Arc::new(Mailbox::default());
        mailbox.put(I420::filled(4, 2, [50, 128, 128]));
        assert!(mailbox.first(Duration::ZERO).is_some());
        let mut screen = open(&mailbox);
        let mut next = || {
            screen
                .next(Duration::from_secs(20))
                .map(|f| f.picture.y()[0])
        };
        assert_eq!((next(), next()), (Some(50), Some(50)));
        mailbox.put(I420::filled(4, 2, [60, 128, 128]));
        while next() != Some(60) {}
        mailbox.end(End::Closed);
        while next().is_some() {}
        mailbox.end(End::Failed);
        assert_eq!(screen.end(), Some(End::Closed));
        assert!(Mailbox::default().first(Duration::ZERO).is_none());
    }
}
