//! Whether a connection is far or stumbles: how long its pings take, and beside the fastest of them. Twin of `ui/src/port/board/pace.ts`.

use confab_base::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// Between pings while something comes or goes, and so long after it.
const ACTIVE: Duration = Duration::from_secs(1);
/// Between pings otherwise.
const IDLE: Duration = Duration::from_secs(10);
/// A ping that takes this much longer than the fastest was held back: a lost segment costs a round trip more, and 200 ms on
/// most systems where none follows it.
const LATE: Duration = Duration::from_millis(120);
/// Where two pings took so long, a lost segment costs more than anybody fails to see, and it is not waited for.
const FAR: Duration = Duration::from_millis(100);
/// So many of the last ones have to be late.
const STUMBLES: usize = 2;
const LOOKED_AT: usize = 10;

/// The pings of one connection.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Sent and not answered yet.
    asked: Option<Time>,
    last_asked: Option<Time>,
    /// When anything but pings last came or went.
    last_busy: Option<Time>,
    fastest: Option<Duration>,
    /// Whether the last ones were late, newest last.
    late: VecDeque<bool>,
    /// It was looked at anew.
    again: bool,
}

impl Pace {
    /// Something came or went.
    pub(super) fn busy(&mut self, now: Time) {
        self.last_busy = Some(now);
    }

    /// When the next ping is due: the first at once.
    pub(super) fn due(&self, began: Time) -> Time {
        let Some(asked) = self.last_asked else {
            return began;
        };
        let is_busy = self.last_busy.is_some_and(|at| at + ACTIVE >= asked);
        match is_busy && self.asked.is_none() {
            true => asked + ACTIVE,
            false => asked + IDLE,
        }
    }

    pub(super) fn asked(&mut self, now: Time) {
        self.asked.get_or_insert(now);
        self.last_asked = Some(now);
    }

    pub(super) fn answered(&mut self, now: Time) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        let took = now.since(asked);
        let fastest = self.fastest.map_or(took, |f| f.min(took));
        self.fastest = Some(fastest);
        self.late.push_back(took > fastest + LATE);
        if self.late.len() > LOOKED_AT {
            self.late.pop_front();
        }
    }

    /// Whether it needs another beside it: it stumbles, or it is far and there was none yet.
    pub(super) fn is_slow(&self) -> bool {
        let is_far = self.late.len() >= 2 && self.fastest.is_some_and(|took| took >= FAR);
        let late = self.late.iter().filter(|late| **late).count();
        late >= STUMBLES || is_far && !self.again
    }

    /// The other one is gone: looks anew whether it stumbles.
    pub(super) fn forget(&mut self) {
        self.again = true;
        self.late.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(pace: &mut Pace, at_ms: u64, took_ms: u64) {
        pace.asked(Time::from_millis(at_ms));
        pace.answered(Time::from_millis(at_ms + took_ms));
    }

    #[test]
    fn a_connection_that_is_near_is_slow_when_it_holds_back_twice() {
        let mut pace = Pace::default();
        for i in 0..20 {
            ping(&mut pace, i * 1000, 20 + i % 100);
        }
        assert!(!pace.is_slow());
        ping(&mut pace, 30_000, 250);
        assert!(!pace.is_slow(), "once is chance");
        ping(&mut pace, 32_000, 20);
        ping(&mut pace, 33_000, 220);
        assert!(pace.is_slow());
        for i in 0..10 {
            ping(&mut pace, 40_000 + i * 1000, 20);
        }
        assert!(!pace.is_slow(), "long ago");
        ping(&mut pace, 60_000, 220);
        ping(&mut pace, 61_000, 220);
        pace.forget();
        assert!(!pace.is_slow());
    }

    #[test]
    fn one_that_is_far_is_slow_from_the_second_ping_but_only_once() {
        let mut pace = Pace::default();
        ping(&mut pace, 0, 200);
        assert!(!pace.is_slow(), "opening takes its time");
        ping(&mut pace, 1000, 200);
        assert!(pace.is_slow());
        pace.forget();
        ping(&mut pace, 1500, 200);
        ping(&mut pace, 2000, 450);
        assert!(!pace.is_slow());
        ping(&mut pace, 3000, 450);
        assert!(pace.is_slow());
    }

    #[test]
    fn it_is_asked_often_while_something_happens() {
        let began = Time::from_millis(500);
        let mut pace = Pace::default();
        assert_eq!(pace.due(began), began);
        pace.asked(began);
        pace.answered(Time::from_millis(700));
        assert_eq!(pace.due(began), began + IDLE);
        pace.busy(Time::from_millis(600));
        assert_eq!(pace.due(began), began + ACTIVE);
        pace.asked(Time::from_millis(1500));
        // One at a time.
        assert_eq!(pace.due(began), Time::from_millis(11_500));
        pace.busy(Time::from_millis(1550));
        pace.answered(Time::from_millis(1700));
        assert_eq!(pace.due(began), Time::from_millis(2500));
        pace.asked(Time::from_millis(2500));
        pace.answered(Time::from_millis(2700));
        pace.asked(Time::from_millis(3500));
        pace.answered(Time::from_millis(3700));
        assert_eq!(
            pace.due(began),
            Time::from_millis(13_500),
            "nothing happens"
        );
    }
}
