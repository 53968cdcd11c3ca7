//! Whether a machine has time for a codec that shows more at the same rate and takes longer for it.

use crate::CodingLoad;
use confab_base::{Duration, Time};

/// How many times as long the better codec takes, for pictures that the other one codes in a time worth mentioning: AV1 takes 3 times
/// as long as H.264 for 720p, 4 to 5 for 360p (docs/adr/0016-av1.md).
const COST: f32 = 4.0;
/// Share of the time between two pictures that coding one may take with it, and share of the whole machine that may be busy then. Both
/// are guessed before, and measured while it is at work.
const ROOM: f32 = 0.6;
const IDLE: f32 = 0.6;
/// Above these it is given up: before [`crate::LoadGuard`] takes pictures away.
const LONG: f32 = 0.7;
const BUSY: f32 = 0.85;
/// How long it must have been so. The way back is short: whatever else the machine does has waited long enough.
const DOWN_AFTER: Duration = Duration::from_secs(1);
const UP_AFTER: Duration = Duration::from_secs(20);
/// Each time it had to be given up soon after doubles the next wait, up to this.
const UP_LATEST: Duration = Duration::from_secs(640);
/// One that works for so long was no mistake.
const HOLDS: Duration = Duration::from_secs(60);

/// Allows or forbids the better codec.
///
/// A machine of floor 1 that needs no waking: it changes only by what it is told.
#[derive(Debug)]
pub struct CodecGuard {
    cores: f32,
    allows: bool,
    /// Since when there is room for it, or too little, whichever would change something.
    since: Option<Time>,
    up_after: Duration,
    changed: Option<Time>,
}

impl CodecGuard {
    /// `allows`: how it begins. `cores`: of the machine.
    pub fn new(allows: bool, cores: usize) -> CodecGuard {
        CodecGuard {
            cores: cores.max(1) as f32,
            allows,
            since: None,
            up_after: UP_AFTER,
            changed: None,
        }
    }

    /// Whether the better codec may be used.
    pub fn allows(&self) -> bool {
        self.allows
    }

    /// True when it changed its mind. `load` is that of the codec it allowed so far, best told once a second; what is no number counts
    /// as not measured. `is_limited`: something was taken away already, which comes back first.
    pub fn handle(&mut self, load: CodingLoad, is_limited: bool, now: Time) -> bool {
        let due = match self.allows {
            true => load.machine > BUSY || load.coding > LONG || is_limited,
            false => {
                let more = load.coding * (COST - 1.0) / self.cores;
                !is_limited && load.coding * COST < ROOM && load.machine + more < IDLE
            }
        };
        self.since = due.then(|| self.since.unwrap_or(now));
        let after = if self.allows {
            DOWN_AFTER
        } else {
            self.up_after
        };
        if self.since.is_none_or(|at| now.since(at) < after) {
            return false;
        }
        if self.allows {
            let is_early = self.changed.is_some_and(|at| now.since(at) < HOLDS);
            self.up_after = match is_early {
                true => (self.up_after * 2).min(UP_LATEST),
                false => UP_AFTER,
            };
        }
        self.allows = !self.allows;
        (self.since, self.changed) = (None, Some(now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine {
        guard: CodecGuard,
        second: u64,
    }

    impl Machine {
        fn new(allows: bool) -> Machine {
            Machine {
                guard: CodecGuard::new(allows, 4),
                second: 0,
            }
        }

        /// Up to so many seconds of this, until it changes its mind; how many that took.
        fn run(&mut self, machine: f32, coding: f32, seconds: u64) -> Option<u64> {
            (1..=seconds).find(|_| {
                self.second += 1;
                let now = Time::from_millis(self.second * 1000);
                let load = CodingLoad { machine, coding };
                self.guard.handle(load, false, now)
            })
        }
    }

    #[test]
    fn an_idle_machine_gets_it_after_a_while_and_a_busy_one_never() {
        let mut idle = Machine::new(false);
        assert_eq!(idle.run(0.2, 0.1, 60), Some(21));
        assert!(idle.guard.allows());
        assert_eq!(
            Machine::new(false).run(0.2, 0.2, 600),
            None,
            "0.8 of a core"
        );
        assert_eq!(Machine::new(false).run(0.55, 0.1, 600), None, "no room");
        assert_eq!(Machine::new(false).run(f32::NAN, 0.1, 600), None);
    }

    #[test]
    fn it_is_given_up_within_two_seconds_for_either_reason() {
        assert_eq!(Machine::new(true).run(0.9, 0.4, 9), Some(2));
        assert_eq!(Machine::new(true).run(0.4, 1.1, 9), Some(2));
        let mut calm = Machine::new(true);
        assert_eq!(calm.run(0.7, 0.6, 600), None);
        assert_eq!(calm.run(0.95, 0.6, 1), None, "a moment");
        assert_eq!(calm.run(0.7, 0.6, 600), None);
    }

    #[test]
    fn a_try_that_failed_makes_the_next_one_later_and_one_that_held_does_not() {
        let mut m = Machine::new(false);
        m.run(0.2, 0.1, 30);
        m.run(0.95, 0.6, 30);
        assert_eq!(m.run(0.2, 0.1, 60), Some(41));
        m.run(0.3, 0.4, 90);
        assert!(m.guard.allows());
        m.run(0.95, 0.6, 30);
        assert_eq!(m.run(0.2, 0.1, 60), Some(21));
    }

    #[test]
    fn what_was_taken_away_comes_back_first() {
        let mut guard = CodecGuard::new(true, 4);
        let load = CodingLoad {
            machine: 0.1,
            coding: 0.01,
        };
        let mut changes =
            (0..100).filter(|s| guard.handle(load, true, Time::from_millis(s * 1000)));
        assert_eq!((changes.next(), changes.next()), (Some(1), None));
    }
}
