//! Whether the machine can afford an engine: told what each frame cost, it says when that is too much for too long. Falling back is for good until somebody wants the engine anew, so that a
//! machine at its limit does not go back and forth.

use confab_base::{Duration, Time};

/// Frames of the mean: one second.
const WINDOW: usize = 100;
/// The most a frame may cost on average: 20 % of a core.
pub const FRAME_BUDGET: Duration = Duration::from_millis(2);
/// How long it may cost more.
const PATIENCE: Duration = Duration::from_secs(3);
/// So many missed deadlines within [`PATIENCE`] are too many, whatever the frames cost: the machine is busy with something else.
const MISSES: usize = 10;

/// The account of one engine, from when it begins to work.
#[derive(Clone, Debug)]
pub struct EngineBudget {
    /// Microseconds of the last frames, a ring.
    costs: [u32; WINDOW],
    next: usize,
    filled: usize,
    sum: u64,
    /// Since when the mean is above [`FRAME_BUDGET`].
    over: Option<Time>,
    /// The last missed deadlines, a ring.
    misses: [Option<Time>; MISSES],
    next_miss: usize,
    exhausted: bool,
}

impl Default for EngineBudget {
    fn default() -> EngineBudget {
        EngineBudget {
            costs: [0; WINDOW],
            next: 0,
            filled: 0,
            sum: 0,
            over: None,
            misses: [None; MISSES],
            next_miss: 0,
            exhausted: false,
        }
    }
}

impl EngineBudget {
    /// The engine's work on one frame, and whether everything that frame needs came too late for the next one.
    pub fn note(&mut self, cost: Duration, late: bool, now: Time) {
        let cost = u32::try_from(cost.as_micros()).unwrap_or(u32::MAX);
        self.sum = self.sum - u64::from(self.costs[self.next]) + u64::from(cost);
        self.costs[self.next] = cost;
        self.next = (self.next + 1) % WINDOW;
        self.filled = (self.filled + 1).min(WINDOW);
        self.over = (self.cost() > FRAME_BUDGET).then(|| self.over.unwrap_or(now));
        let too_dear = self.over.is_some_and(|since| now.since(since) >= PATIENCE);
        self.exhausted |= too_dear || (late && self.is_one_too_many(now));
    }

    fn is_one_too_many(&mut self, now: Time) -> bool {
        self.misses[self.next_miss] = Some(now);
        self.next_miss = (self.next_miss + 1) % MISSES;
        // Where the next one goes is the oldest.
        self.misses[self.next_miss].is_some_and(|oldest| now.since(oldest) <= PATIENCE)
    }

    /// Mean cost of a frame over the last second; zero before the first.
    pub fn cost(&self) -> Duration {
        Duration::from_micros(self.sum / self.filled.max(1) as u64)
    }

    /// Whether the engine was ever too slow for this machine.
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of this cost from `from` ms on for `ms`, every `late_every`th of them late; when it was exhausted.
    fn run(
        budget: &mut EngineBudget,
        from: u64,
        ms: u64,
        cost_us: u64,
        late_every: Option<u64>,
    ) -> Option<u64> {
        (0..ms / 10).find_map(|i| {
            let late = late_every.is_some_and(|n| i % n == 0);
            let now = from + 10 * i;
            budget.note(Duration::from_micros(cost_us), late, Time::from_millis(now));
            budget.is_exhausted().then_some(now)
        })
    }

    #[test]
    fn an_engine_within_its_budget_stays() {
        let mut budget = EngineBudget::default();
        assert_eq!(run(&mut budget, 0, 60_000, 1_900, None), None);
        assert_eq!(budget.cost(), Duration::from_micros(1_900));
    }

    #[test]
    fn too_dear_for_three_seconds_is_too_dear() {
        let mut budget = EngineBudget::default();
        assert_eq!(run(&mut budget, 0, 60_000, 2_100, None), Some(3_000));
    }

    #[test]
    fn a_busy_moment_is_forgiven() {
        let mut budget = EngineBudget::default();
        assert_eq!(run(&mut budget, 0, 10_000, 400, None), None);
        assert_eq!(run(&mut budget, 10_000, 2_500, 5_000, None), None);
        assert_eq!(run(&mut budget, 12_500, 60_000, 400, None), None);
    }

    #[test]
    fn the_mean_counts_and_not_the_single_frame() {
        // The network works on every second or so frame, all of its cost at once.
        let mut budget = EngineBudget::default();
        for i in 0..6_000u64 {
            let cost = if i % 8 < 5 { 2_500 } else { 100 };
            budget.note(
                Duration::from_micros(cost),
                false,
                Time::from_millis(10 * i),
            );
        }
        assert!(!budget.is_exhausted(), "{:?}", budget.cost());
    }

    #[test]
    fn missed_deadlines_count_whatever_the_engine_costs() {
        let mut budget = EngineBudget::default();
        assert_eq!(run(&mut budget, 0, 60_000, 400, Some(10)), Some(900));
    }

    #[test]
    fn a_missed_deadline_now_and_then_does_not() {
        let mut budget = EngineBudget::default();
        assert_eq!(run(&mut budget, 0, 600_000, 400, Some(50)), None);
    }
}
