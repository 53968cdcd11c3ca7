//! Notices a dead path long before ICE gives up: silence of a peer that checks its path every second or two.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Silent,
    Heard,
}

/// Armed by the first connection; then tells when the peer falls silent and when it is heard again.
#[derive(Debug)]
pub(crate) struct Watchdog {
    patience: Duration,
    last_heard: Option<Instant>,
    silent: bool,
}

impl Watchdog {
    pub(crate) fn new(patience: Duration) -> Watchdog {
        Watchdog {
            patience,
            last_heard: None,
            silent: false,
        }
    }

    /// The peer is connected: from now on silence means something.
    pub(crate) fn arm(&mut self, now: Instant) {
        self.last_heard = Some(now);
    }

    pub(crate) fn heard(&mut self, now: Instant) -> Option<Change> {
        let last = self.last_heard.as_mut()?;
        *last = now.max(*last);
        std::mem::take(&mut self.silent).then_some(Change::Heard)
    }

    pub(crate) fn timeout(&mut self, now: Instant) -> Option<Change> {
        let due = self.deadline()? <= now;
        self.silent |= due;
        due.then_some(Change::Silent)
    }

    /// When to call [`Watchdog::timeout`]; none while nothing is to be found out.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let last = self.last_heard?;
        (!self.silent).then(|| last + self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_told_once_and_so_is_its_end() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut dog = Watchdog::new(Duration::from_secs(3));
        assert_eq!(dog.timeout(at(9000)), None, "not connected yet");
        dog.arm(at(0));
        assert_eq!(dog.heard(at(1000)), None);
        assert_eq!(dog.timeout(at(3999)), None);
        assert_eq!(dog.timeout(at(4000)), Some(Change::Silent));
        assert_eq!((dog.timeout(at(5000)), dog.deadline()), (None, None));
        assert_eq!(dog.heard(at(6000)), Some(Change::Heard));
        assert_eq!(dog.deadline(), Some(at(9000)));
    }
}
