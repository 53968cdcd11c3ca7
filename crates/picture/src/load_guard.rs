//! When a machine does not keep up with coding: pictures get smaller, then fewer, before the voice suffers.

use confab_base::{Duration, Time};

/// Share of the whole machine above which coding takes less, and below which it may take more again.
const BUSY: f32 = 0.92;
const FREE: f32 = 0.70;
/// Share of the time between two pictures that coding one may take: beyond that they are late or lost.
const LONG: f32 = 0.8;
const SHORT: f32 = 0.5;
/// How long it must have been so. One busy moment, as when somebody joins, is no reason.
const DOWN_AFTER: Duration = Duration::from_secs(3);
/// The first way back; each step that had to be taken again doubles it, up to the last.
const UP_AFTER: Duration = Duration::from_secs(15);
const UP_LATEST: Duration = Duration::from_secs(240);
/// A step that holds for so long was no mistake.
const HOLDS: Duration = Duration::from_secs(60);

/// What was measured over about the last second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodingLoad {
    /// Share of all cores together that was busy, 0 to 1, whoever used it.
    pub machine: f32,
    /// Share of the time between two pictures that coding one took, in the mean.
    pub coding: f32,
}

/// How much of what is wanted is coded: step 0 is all; with each step from 1 on the largest picture of those that are left is, down to one; the
/// last step halves their rate as well.
///
/// A machine of floor 1 that needs no waking: it changes only by what it is told.
#[derive(Debug)]
pub struct LoadGuard {
    /// Pictures (simulcast layers) there are, at least one.
    layers: usize,
    step: usize,
    busy_since: Option<Time>,
    free_since: Option<Time>,
    up_after: Duration,
    stepped: Option<Time>,
}

impl LoadGuard {
    /// For so many simulcast layers.
    pub fn new(layers: usize) -> LoadGuard {
        LoadGuard {
            layers: layers.max(1),
            step: 0,
            busy_since: None,
            free_since: None,
            up_after: UP_AFTER,
            stepped: None,
        }
    }

    /// Layers that may be coded, the lowest ones; at least one.
    pub fn layers(&self) -> usize {
        self.layers - self.step.min(self.layers - 1)
    }

    /// Whether every other picture is left out.
    pub fn halves(&self) -> bool {
        self.step >= self.layers
    }

    /// Whether less is coded than is wanted.
    pub fn limits(&self) -> bool {
        self.step > 0
    }

    /// True when it changed what may be coded. Best told once a second; what is no number counts as not measured.
    pub fn handle(&mut self, load: CodingLoad, now: Time) -> bool {
        let above = |share: f32, bound: f32| !share.is_nan() && share > bound;
        let busy = above(load.machine, BUSY) || above(load.coding, LONG);
        let free = !above(load.machine, FREE) && !above(load.coding, SHORT);
        self.busy_since = busy.then(|| self.busy_since.unwrap_or(now));
        self.free_since = free.then(|| self.free_since.unwrap_or(now));
        let since = |at: Option<Time>| at.map(|at| now.since(at));
        if self.step < self.layers && since(self.busy_since).is_some_and(|t| t >= DOWN_AFTER) {
            // What came back and has to go again was given too early.
            let early = since(self.stepped).is_some_and(|t| t < HOLDS);
            self.up_after = match early {
                true => (self.up_after * 2).min(UP_LATEST),
                false => UP_AFTER,
            };
            return self.go(self.step + 1, now);
        }
        if self.step > 0 && since(self.free_since).is_some_and(|t| t >= self.up_after) {
            return self.go(self.step - 1, now);
        }
        false
    }

    fn go(&mut self, step: usize, now: Time) -> bool {
        self.step = step;
        self.stepped = Some(now);
        // What follows is judged anew.
        (self.busy_since, self.free_since) = (None, None);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine {
        guard: LoadGuard,
        second: u64,
    }

    impl Machine {
        fn new() -> Machine {
            Machine {
                guard: LoadGuard::new(3),
                second: 0,
            }
        }

        /// So many seconds of this; how often it changed.
        fn run(&mut self, machine: f32, coding: f32, seconds: u64) -> usize {
            let mut changes = 0;
            for _ in 0..seconds {
                self.second += 1;
                let now = Time::from_millis(self.second * 1000);
                let load = CodingLoad { machine, coding };
                changes += usize::from(self.guard.handle(load, now));
            }
            changes
        }
    }

    #[test]
    fn a_busy_machine_codes_less_step_by_step_and_never_nothing() {
        let mut m = Machine::new();
        assert_eq!(m.run(0.98, 0.3, 3), 0, "a moment");
        assert_eq!(m.run(0.98, 0.3, 2), 1);
        assert_eq!((m.guard.layers(), m.guard.halves()), (2, false));
        m.run(0.98, 0.3, 60);
        assert_eq!((m.guard.layers(), m.guard.halves()), (1, true));
        assert_eq!(m.run(0.98, 0.3, 60), 0, "there is no less");
    }

    #[test]
    fn coding_that_takes_longer_than_there_is_time_is_seen_on_an_idle_machine() {
        let mut m = Machine::new();
        m.run(0.3, 1.2, 5);
        assert_eq!(m.guard.layers(), 2);
        assert!(m.guard.limits());
    }

    #[test]
    fn it_comes_back_slowly_and_more_slowly_where_that_was_too_early() {
        let mut m = Machine::new();
        m.run(0.98, 0.3, 5);
        assert_eq!(m.run(0.5, 0.3, 14), 0);
        assert_eq!(m.run(0.5, 0.3, 3), 1, "after fifteen seconds");
        assert!(!m.guard.limits());
        m.run(0.98, 0.3, 5);
        assert_eq!(m.run(0.5, 0.3, 28), 0, "not so soon again");
        assert_eq!(m.run(0.5, 0.3, 5), 1);
        assert!(!m.guard.limits());
    }

    #[test]
    fn between_busy_and_free_nothing_changes_nor_by_what_is_no_number() {
        let mut m = Machine::new();
        assert_eq!(m.run(0.8, 0.6, 600), 0);
        assert_eq!(m.run(f32::NAN, f32::NAN, 600), 0);
        m.run(0.98, 0.3, 5);
        assert_eq!(m.run(0.8, 0.6, 600), 0);
        assert!(m.guard.limits());
    }
}
