//! How quickly a receiver's allocation may change: down at once, up when it held, and never to and fro.
//!
//! What is held may use the whole budget; what is new has to fit into a part of it. So an allocation that was just
//! taken survives the next small dip, and one decision is made for all videos of a receiver together: two decisions that
//! follow different budgets would not add up.

use crate::allocate::{Demand, Level, allocate, by_importance, compare};
use confab_base::{Duration, Time};
use confab_congestion::Caution;
use std::cmp::Ordering;
use std::collections::VecDeque;

/// How long a better allocation must have been affordable. It need not have been there to be had.
const UP_HOLD: Duration = Duration::from_secs(2);
/// Only this share of the budget is spent on going up.
const UP_SHARE: f64 = 0.87;
/// After the link made something go down, for so long only this share. Others may go up meanwhile, after [`UP_HOLD`]; they
/// shall have ten seconds of it.
const CALM: Duration = Duration::from_secs(13);
pub(crate) const CALM_SHARE: f64 = 0.6;
/// It is another link that has had so many times as much for [`UP_HOLD`] as when something went down.
const RECOVERED: f64 = 2.0;
/// The most important picture outlives for so long that there is too little for it: what empties a queue, and what lost frames are
/// repaired with, is taken off for about a second, and who pauses for that has to wait for room and a key frame.
const DIP: Duration = Duration::from_secs(2);
/// But more frames of what is shown need no key frame, and are had when there was room for them for so long.
const FRAMES_HOLD: Duration = Duration::from_secs(2);
/// Budgets are remembered as long as anything holds: [`UP_HOLD`], where much is lost.
const REMEMBERED: Duration = Duration::from_secs(6);
/// Between two changes that take from one video to give to another.
const TRADE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Hysteresis {
    better_since: Option<Time>,
    budgets: Budgets,
    lowered: Option<Time>,
    /// The budget then.
    lowered_to: u64,
    /// Since when there is too little for the most important picture.
    lacks: Option<Time>,
    traded: Option<Time>,
}

impl Hysteresis {
    /// The level each demand shall have. `budget` in bits per second; on `trial` the most important is tried whatever it costs. `loss`: the
    /// share of packets lost on the way, 0 to 1: where much is, what is shown already is raised for more room, and later.
    pub fn decide(
        &mut self,
        demands: &[Demand],
        (budget, loss): (u64, f64),
        is_trial: bool,
        now: Time,
    ) -> Vec<Option<Level>> {
        let order = by_importance(demands);
        let part = |share: f64| (budget as f64 * share) as u64;
        let kept = allocate(demands, &order, budget, is_trial, held);
        if is_lowered(demands, &kept) {
            (self.lowered, self.lowered_to) = (Some(now), budget);
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
                if compare(demands, &order, &other, &chosen) == Ordering::Greater {
                    chosen = other;
                }
            }
        }
        self.budgets.add(budget, now);
        if let Some(least) = self.least(FRAMES_HOLD, now) {
            let budget = (least as f64 * UP_SHARE) as u64;
            let fuller = allocate(demands, &order, budget, is_trial, |d| {
                held(d).map(|h| Level::whole(h.layer()))
            });
            let takes = fuller.iter().zip(&chosen).any(|(f, c)| f < c);
            if !takes && compare(demands, &order, &fuller, &chosen) == Ordering::Greater {
                chosen = fuller;
            }
        }
        let caution = Caution::at(loss);
        let is_calming = self.is_calming(caution, now);
        let share = if is_calming { CALM_SHARE } else { UP_SHARE };
        let within = |part| allocate(demands, &order, part, is_trial, |d| Some(d.wanted));
        let better = within(part(share));
        // To be seen at all is worth a key frame however much is lost.
        let (better, share, hold) = match count(&better) > count(&chosen) {
            true => (better, share, UP_HOLD),
            false => {
                let share = share / caution.margin();
                (within(part(share)), share, caution.patience(UP_HOLD))
            }
        };
        if compare(demands, &order, &better, &chosen) != Ordering::Greater {
            self.better_since = None;
            return chosen;
        }
        let since = *self.better_since.get_or_insert(now);
        if now.since(since) < hold {
            // What would have fitted all the while is new, not the room for it.
            let Some(least) = self.least(hold, now) else {
                return chosen;
            };
            let sure = (least as f64 * share) as u64;
            let sure = within(sure);
            let takes = sure.iter().zip(&chosen).any(|(s, c)| s < c);
            let is_better = !takes && compare(demands, &order, &sure, &chosen) == Ordering::Greater;
            return if is_better { sure } else { chosen };
        }
        let takes = better.iter().zip(&chosen).any(|(b, c)| b < c);
        let shows_more = count(&better) > count(&chosen);
        let may_take = shows_more || self.traded.is_none_or(|at| now.since(at) >= TRADE);
        if takes && !may_take {
            return chosen;
        }
        self.better_since = None;
        if takes {
            self.traded = Some(now);
        }
        better
    }

    /// Whether the most important picture, which is shown, has had too little of the budget only for a moment.
    pub fn is_dip(&mut self, demands: &[Demand], budget: u64, now: Time) -> bool {
        let first = by_importance(demands).first().map(|i| &demands[*i]);
        // Base frames alone cost little; a whole picture would fill the queue.
        let thin = |l: &Level| *l < Level::whole(l.layer());
        let cost = first.and_then(|d| d.held.and(d.costs[d.lowest().filter(thin)?.at()]));
        let lacks = cost.is_some_and(|cost| cost > budget);
        self.lacks = lacks.then(|| self.lacks.unwrap_or(now));
        self.lacks.is_some_and(|at| now.since(at) < DIP)
    }

    fn is_calming(&self, caution: Caution, now: Time) -> bool {
        let is_young = self.lowered.is_some_and(|at| now.since(at) < CALM);
        let least = self.least(UP_HOLD, now).unwrap_or(0);
        is_young && (least as f64) < self.lowered_to as f64 * RECOVERED * caution.times()
    }

    /// The least budget of so long, where it took nothing from anybody meanwhile.
    fn least(&self, over: Duration, now: Time) -> Option<u64> {
        let is_calm = self.lowered.is_none_or(|at| now.since(at) >= over);
        is_calm.then(|| self.budgets.least(over, now))?
    }
}

/// The budgets of the last [`REMEMBERED`]: those that no later one was below, the oldest first.
#[derive(Debug, Default)]
struct Budgets {
    begun: Option<Time>,
    kept: VecDeque<(Time, u64)>,
}

impl Budgets {
    fn add(&mut self, budget: u64, now: Time) {
        self.begun.get_or_insert(now);
        while self.kept.back().is_some_and(|b| b.1 >= budget) {
            self.kept.pop_back();
        }
        self.kept.push_back((now, budget));
        while self
            .kept
            .front()
            .is_some_and(|b| now.since(b.0) > REMEMBERED)
        {
            self.kept.pop_front();
        }
    }

    /// The least of so long; `None` until they are known for so long.
    fn least(&self, over: Duration, now: Time) -> Option<u64> {
        let is_known = self.begun.is_some_and(|at| now.since(at) >= over);
        let mut within = self.kept.iter().filter(|b| now.since(b.0) <= over);
        is_known.then(|| within.next().map(|b| b.1))?
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
            self.run_at(0.0, budget, ms)
        }

        /// And with so much loss.
        fn run_at(&mut self, loss: f64, budget: u64, ms: u64) -> usize {
            let mut changes = 0;
            for _ in 0..ms / 100 {
                self.ms += 100;
                let now = Time::from_millis(self.ms);
                let layers = self
                    .hysteresis
                    .decide(&self.demands, (budget, loss), false, now);
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
    fn where_much_is_lost_a_larger_picture_comes_for_more_and_later_and_the_first_as_ever() {
        let mut v = Viewer::new(vec![camera()]);
        v.run_at(0.5, 125_000, 2200);
        assert_eq!(v.layers(), [Some(0)]);
        v.run_at(0.5, 640_000, 20_000);
        assert_eq!(v.layers(), [Some(0)], "0.61 of it is too little");
        v.run_at(0.5, 660_000, 3500);
        assert_eq!(v.layers(), [Some(0)]);
        v.run_at(0.5, 660_000, 600);
        assert_eq!(v.layers(), [Some(1)]);
        v.run_at(0.5, 300_000, 100);
        v.run_at(0.5, 940_000, 10_000);
        assert_eq!(v.layers(), [Some(0)], "three times as much came back");
        v.run_at(0.5, 1_300_000, 4300);
        assert_eq!(v.layers(), [Some(1)], "another link");
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
        v.run(190_000, 100);
        assert_eq!(v.layers(), [Some(0), None]);
        v.run(350_000, 2200);
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
        assert_eq!(v.run(110_000, 4900), 1, "up to what 0.6 of it carries");
        assert_eq!(v.demands[0].held, Some(Level::new(0, 1)));
        v.run(110_000, 2000);
        assert_eq!(v.demands[0].held, Some(Level::new(0, 1)), "0.87 of it");
        v.run(120_000, 1900);
        assert_eq!(v.demands[0].held, Some(Level::new(0, 1)));
        v.run(120_000, 300);
        assert_eq!(v.demands[0].held, Some(Level::whole(0)));
    }

    #[test]
    fn after_a_dip_more_frames_are_had_sooner_than_a_larger_picture() {
        let mut camera = camera();
        camera.costs[Level::new(0, 1).at()] = Some(60_000);
        let mut v = Viewer::new(vec![camera]);
        v.run(500_000, 5000);
        assert_eq!(v.layers(), [Some(1)]);
        v.run(70_000, 100);
        assert_eq!(v.demands[0].held, Some(Level::new(0, 1)));
        v.run(125_000, 5300);
        assert_eq!(v.demands[0].held, Some(Level::whole(0)));
        v.run(125_000, 10_000);
        assert_eq!(v.layers(), [Some(0)]);
    }

    #[test]
    fn what_fits_into_the_budget_of_all_the_while_does_not_wait_when_it_comes() {
        let small = Demand {
            costs: std::array::from_fn(|at| (at == Level::whole(0).at()).then_some(100_000)),
            ..camera()
        };
        let mut v = Viewer::new(vec![small.clone()]);
        v.run(600_000, 10_000);
        v.demands[0].costs = camera().costs;
        v.run(600_000, 100);
        assert_eq!(v.layers(), [Some(1)]);
        // Where it is the room that is new, it does.
        let mut v = Viewer::new(vec![small]);
        v.run(300_000, 10_000);
        v.run(600_000, 500);
        v.demands[0].costs = camera().costs;
        v.run(600_000, 1400);
        assert_eq!(v.layers(), [Some(0)]);
        v.run(600_000, 300);
        assert_eq!(v.layers(), [Some(1)]);
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
