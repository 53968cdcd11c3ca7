//! What a meeting costs: bytes that went each way over all its peer connections, and what an hour like the last minute would.

use confab_base::{Duration, Time};
use std::collections::VecDeque;

/// The last minute is what counts for the hour.
const MINUTE: Duration = Duration::from_secs(60);
/// Less than this says nothing of an hour.
const LEAST: Duration = Duration::from_secs(10);

/// Bytes of datagrams, the headers of IP and UDP left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Both ways together in an hour that is like the last minute; `None` in the first ten seconds.
    pub(crate) hour: Option<u64>,
}

/// Counts over peer connections, whose own counts begin with nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    generation: u32,
    /// Of the peer connections before this one.
    before: (u64, u64),
    now: (u64, u64),
    /// Both ways together by time, the newest last.
    minute: VecDeque<(Time, u64)>,
}

impl Usage {
    /// What the peer connection of this generation counted so far.
    pub(crate) fn note(&mut self, generation: u32, sent: u64, received: u64, now: Time) {
        if generation != self.generation {
            let (before, last) = (self.before, self.now);
            self.before = (before.0 + last.0, before.1 + last.1);
            self.generation = generation;
        }
        self.now = (sent, received);
        let used = self.used();
        self.minute.push_back((now, used.sent + used.received));
        while self.minute.get(1).is_some_and(|m| now.since(m.0) >= MINUTE) {
            self.minute.pop_front();
        }
    }

    pub(crate) fn used(&self) -> Used {
        let ends = self.minute.front().zip(self.minute.back());
        let hour = ends.and_then(|(first, last)| {
            let passed = last.0.since(first.0);
            let bytes = last.1.saturating_sub(first.1) as f64;
            (passed >= LEAST).then(|| (bytes / passed.as_secs_f64() * 3600.0) as u64)
        });
        Used {
            sent: self.before.0 + self.now.0,
            received: self.before.1 + self.now.1,
            hour,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_new_peer_connection_goes_on_counting() {
        let mut usage = Usage::default();
        usage.note(1, 100, 1000, at(0));
        usage.note(1, 300, 3000, at(1));
        usage.note(2, 0, 50, at(2));
        usage.note(4, 7, 0, at(3));
        let used = usage.used();
        assert_eq!((used.sent, used.received), (307, 3050));
        assert_eq!(used.hour, None, "three seconds tell nothing");
    }

    #[test]
    fn the_hour_is_like_the_last_minute() {
        let mut usage = Usage::default();
        for second in 0..=120u64 {
            // A million a second, then a hundred thousand.
            let sent = second.min(30) * 1_000_000 + second.saturating_sub(30) * 100_000;
            usage.note(1, sent, 0, at(second));
        }
        assert_eq!(usage.used().hour, Some(360_000_000));
        assert!(usage.minute.len() < 70, "{}", usage.minute.len());
    }
}
