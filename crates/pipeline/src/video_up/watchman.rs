//! Sees to it that coding pictures leaves the machine to the voice, and that the better codec is used only where there is time for it.

use confab_base::{Duration, Time};
use confab_picture::{CodecGuard, CodingLoad, LoadGuard};
use confab_priority::MachineLoad;

/// Between two looks at the machine.
const LOOK: Duration = Duration::from_secs(1);

/// Measures what coding takes, and says what may be coded. One that is off lets everything pass.
#[derive(Debug)]
pub(super) struct Watchman {
    guard: LoadGuard,
    codec: CodecGuard,
    machine: Option<MachineLoad>,
    looked: Option<Time>,
    /// Since then: time spent coding, and pictures that came.
    spent: Duration,
    pictures: u32,
}

impl Watchman {
    /// `fine`: begins with the better codec.
    pub(super) fn new(layers: usize, fine: bool, on: bool) -> Watchman {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        Watchman {
            guard: LoadGuard::new(layers),
            codec: CodecGuard::new(fine, cores),
            machine: on.then(MachineLoad::new),
            looked: None,
            spent: Duration::ZERO,
            pictures: 0,
        }
    }

    /// Whether this layer may be coded.
    pub(super) fn allows(&self, layer: usize) -> bool {
        layer < self.guard.layers()
    }

    /// Whether the better codec may be used.
    pub(super) fn allows_fine(&self) -> bool {
        self.codec.allows()
    }

    /// How many may be coded, the lowest ones.
    pub(super) fn layers(&self) -> usize {
        self.guard.layers()
    }

    /// Whether less is coded than is wanted.
    pub(super) fn limits(&self) -> bool {
        self.guard.limits()
    }

    /// A picture came; whether it is to be left out.
    pub(super) fn passes_over(&mut self) -> bool {
        self.pictures += 1;
        self.guard.halves() && self.pictures.is_multiple_of(2)
    }

    /// A picture took so long; whether other layers or another codec are allowed now.
    pub(super) fn coded(&mut self, took: Duration, now: Time) -> bool {
        let Some(machine) = &mut self.machine else {
            return false;
        };
        self.spent += took;
        let looked = *self.looked.get_or_insert(now);
        let passed = now.since(looked);
        if passed < LOOK {
            return false;
        }
        let load = CodingLoad {
            machine: machine.look(),
            coding: self.spent.as_secs_f64() as f32 / passed.as_secs_f64() as f32,
        };
        (self.looked, self.spent) = (Some(now), Duration::ZERO);
        let is_limited = self.guard.limits();
        let other_codec = self.codec.handle(load, is_limited, now);
        self.guard.handle(load, now) || other_codec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coding_that_never_ends_costs_the_largest_layers_and_then_every_other_picture() {
        let mut watchman = Watchman::new(2, true, true);
        assert!(watchman.allows(1) && !watchman.passes_over());
        let mut changes = 0;
        for n in 1..=300u64 {
            let now = Time::from_millis(n * 50);
            changes += u32::from(watchman.coded(Duration::from_millis(60), now));
        }
        assert_eq!(changes, 3);
        assert!(!watchman.allows_fine(), "which was the first to go");
        assert!(watchman.limits() && watchman.allows(0) && !watchman.allows(1));
        let left_out = (0..10).filter(|_| watchman.passes_over()).count();
        assert_eq!(left_out, 5);
    }

    #[test]
    fn one_that_is_off_allows_everything() {
        let mut watchman = Watchman::new(2, true, false);
        for n in 1..=300u64 {
            assert!(!watchman.coded(Duration::from_millis(60), Time::from_millis(n * 50)));
        }
        assert!(watchman.allows(1) && !watchman.passes_over() && !watchman.limits());
        assert!(watchman.allows_fine());
    }
}
