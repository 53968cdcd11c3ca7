//! How quickly a receiver's allocation may change: down at once, up when it held, and never to and fro.
//!
//! What is held may use the whole budget; what is new has to fit into a part of it. So an allocation that was just
//! taken survives the next small dip, and one decision is made for all videos of a receiver together: two decisions that
//! follow different budgets would not add up.

use crate::allocate::{Demand, Level, allocate, by_importance, compare};
use confab_base::{Duration, Time};
use std::cmp::Ordering;

/// How long a better allocation must have been affordable.
const UP_HOLD: Duration = Duration::from_secs(2);
/// Only this share of the budget is spent on going up.
const UP_SHARE: f64 = 0.87;
/// After the link made something go down, for so long only this share. Others may go up meanwhile, after [`UP_HOLD`]; they
/// shall have ten seconds of it.
const CALM: Duration = Duration::from_secs(13);
pub(crate) const CALM_SHARE: f64 = 0.6;
/// Between two changes that take from one video to give to another.
const TRADE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Hysteresis {
    better_since: Option<Time>,
    lowered: Option<Time>,
    traded: Option<Time>,
}

impl Hysteresis {
    /// The level each demand shall have. `budget` in bits per second; on `trial` the most important is tried whatever it costs.
    pub fn decide(
        &mut self,
        demands: &[Demand],
        budget: u64,
        is_trial: bool,
        now: Time,
    ) -> Vec<Option<Level>> {
        let order = by_importance(demands);
        let part = |share: f64| (budget as f64 * share) as u64;
        let kept = allocate(demands, &order, budget, is_trial, held);
        if is_lowered(demands, &kept) {
            self.lowered = Some(now);
        }
        let mut chosen = kept;
        if demands.iter().any(|d| d.is_fresh) {
            let seen = allocate(demands, &order, budget, is_trial, |d| match d.is_fresh {
                true => held(d).or(d.lowest_whole()),
                false => held(d),
            });
            let raised = allocate(demands, &order, part(UP_SHARE), is_trial, |d| {
                match d.is_fresh {
                    true => Some(d.wanted),
                    false => held(d),
                }
            });
            for other in [seen, raised] {
                if compare(&order, &other, &chosen) == Ordering::Greater {
                    chosen = other;
                }
            }
        }
        let is_calming = self.lowered.is_some_and(|at| now.since(at) < CALM);
        let share = if is_calming { CALM_SHARE } else { UP_SHARE };
        let better = allocate(demands, &order, part(share), is_trial, |d| Some(d.wanted));
        if compare(&order, &better, &chosen) != Ordering::Greater {
            self.better_since = None;
            return chosen;
        }
        let since = *self.better_since.get_or_insert(now);
        let takes = better.iter().zip(&chosen).any(|(b, c)| b < c);
        let shows_more = count(&better) > count(&chosen);
        let may_take = shows_more || self.traded.is_none_or(|at| now.since(at) >= TRADE);
        if now.since(since) < UP_HOLD || (takes && !may_take) {
            return chosen;
        }
        self.better_since = None;
        if takes {
            self.traded = Some(now);
        }
        better
    }
}

/// How high a video may stay without asking. A layer that is gone is replaced by whatever there is.
fn held(demand: &Demand) -> Option<Level> {
    let lowest = demand.lowest_whole();
    demand.held.map(|held| match lowest {
        Some(lowest) if held.layer() < lowest.layer() => lowest,
        _ => held,
    })
}

/// Whether the budget took a level from anyone.
fn is_lowered(demands: &[Demand], kept: &[Option<Level>]) -> bool {
    demands.iter().zip(kept).any(|(demand, kept)| {
        let level = demand.held.map(|h| h.min(demand.wanted));
        level.is_some_and(|l| demand.has(l)) && *kept < level
    })
}

fn count(levels: &[Option<Level>]) -> usize {
    levels.iter().flatten().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::{LEVELS, Role};

    fn camera() -> Demand {
        let mut costs = [None; LEVELS];
        costs[Level::whole(0).at()] = Some(100_000);
        costs[Level::whole(1).at()] = Some(400_000);
        Demand {
            role: Role::Other,
            height: 360,
            costs,
            wanted: Level::whole(1),
            held: None,
            is_fresh: false,
        }
    }

    struct Viewer {
        hysteresis: Hysteresis,
        demands: Vec<Demand>,
        ms: u64,
    }

    impl Viewer {
        fn new(demands: Vec<Demand>) -> Viewer {
            Viewer {
                hysteresis: Hysteresis::default(),
                demands,
                ms: 60_000,
            }
        }

        /// So long under this budget: how often anything changed.
        fn run(&mut self, budget: u64, ms: u64) -> usize {
            let mut changes = 0;
            for _ in 0..ms / 100 {
                self.ms += 100;
                let now = Time::from_millis(self.ms);
                let layers = self.hysteresis.decide(&self.demands, budget, false, now);
                for (demand, layer) in self.demands.iter_mut().zip(layers) {
                    changes += usize::from(demand.held != layer);
                    demand.held = layer;
                    demand.is_fresh = false;
                }
            }
            changes
        }

        fn layers(&self) -> Vec<Option<u8>> {
            let levels = self.demands.iter().map(|d| d.held);
            levels.map(|l| l.map(Level::layer)).collect()
        }
    }

    #[test]
    fn what_comes_into_view_is_shown_at_once_and_raised_within_the_safe_part() {
        let mut fresh = camera();
        fresh.is_fresh = true;
        let mut v = Viewer::new(vec![fresh.clone()]);
        v.run(500_000, 100);
        assert_eq!(v.layers(), [Some(1)]);
        v.demands = vec![fresh.clone()];
        v.run(420_000, 100);
        assert_eq!(v.layers(), [Some(0)]);
        v.demands = vec![fresh];
        v.run(105_000, 100);
        assert_eq!(v.layers(), [Some(0)], "to be seen, the whole budget counts");
    }

    #[test]
    fn down_at_once_up_after_it_held_and_carefully_after_a_dip() {
        let mut v = Viewer::new(vec![camera()]);
        v.run(1_000_000, 2200);
        assert_eq!(v.layers(), [Some(1)]);
        v.run(390_000, 100);
        assert_eq!(v.layers(), [Some(0)]);
        v.run(500_000, 12_500);
        assert_eq!(v.layers(), [Some(0)], "0.6 of it is too little");
        v.run(500_000, 3000);
        assert_eq!(v.layers(), [Some(1)], "and calm again");
        v.run(390_000, 100);
        v.run(700_000, 2200);
        assert_eq!(v.layers(), [Some(1)], "clearly more is believed sooner");
    }

    #[test]
    fn two_that_could_swap_do_not_swap_to_and_fro() {
        let mut v = Viewer::new(vec![camera(), camera()]);
        v.run(650_000, 5000);
        assert_eq!(v.layers(), [Some(1), Some(0)]);
        let mut changes = 0;
        for i in 0..12 {
            // They talk in turn, three seconds each.
            v.demands[0].role = [Role::Speaker, Role::Other][i % 2];
            v.demands[1].role = [Role::Other, Role::Speaker][i % 2];
            changes += v.run(650_000, 3000);
        }
        assert!((2..=8).contains(&changes), "{changes} in 36 s");
    }

    #[test]
    fn the_paused_comes_back_before_others_are_raised() {
        let mut v = Viewer::new(vec![camera(), camera()]);
        v.run(650_000, 5000);
        v.run(150_000, 100);
        assert_eq!(v.layers(), [Some(0), None]);
        v.run(700_000, 2200);
        assert_eq!(v.layers(), [Some(0), Some(0)]);
    }

    #[test]
    fn fewer_frames_at_once_and_more_when_it_held() {
        let mut camera = camera();
        camera.costs[Level::new(0, 0).at()] = Some(40_000);
        camera.costs[Level::new(0, 1).at()] = Some(60_000);
        let mut v = Viewer::new(vec![camera]);
        v.run(300_000, 5000);
        assert_eq!(v.demands[0].held, Some(Level::whole(0)));
        v.run(65_000, 100);
        assert_eq!(v.demands[0].held, Some(Level::new(0, 1)));
        v.run(45_000, 100);
        assert_eq!(v.demands[0].held, Some(Level::new(0, 0)));
        assert_eq!(v.run(150_000, 12_000), 1, "up to what 0.6 of it carries");
        assert_eq!(v.demands[0].held, Some(Level::new(0, 1)));
        v.run(150_000, 4000);
        assert_eq!(v.demands[0].held, Some(Level::whole(0)));
    }

    #[test]
    fn a_layer_that_is_gone_is_replaced_by_all_of_the_next() {
        let mut v = Viewer::new(vec![camera()]);
        v.run(90_000, 2200);
        v.run(120_000, 2200);
        assert_eq!(v.demands[0].held, Some(Level::whole(0)));
        v.demands[0].costs = [None; LEVELS];
        for (temporal, cost) in [(0, 40_000), (1, 60_000), (2, 100_000)] {
            v.demands[0].costs[Level::new(1, temporal).at()] = Some(cost);
        }
        v.run(120_000, 100);
        assert_eq!(v.demands[0].held, Some(Level::whole(1)));
    }

    #[test]
    fn a_budget_that_only_wavers_changes_nothing() {
        let mut v = Viewer::new(vec![camera(), camera(), camera()]);
        v.run(1_040_000, 5000);
        let before = v.layers();
        assert_eq!(before, [Some(1), Some(1), Some(0)]);
        let mut changes = 0;
        for i in 0..600u64 {
            // Down to 11 % below.
            changes += v.run(1_040_000 - i % 13 * 10_000, 100);
        }
        assert_eq!((changes, v.layers()), (0, before));
    }
}
