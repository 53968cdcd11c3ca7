//! A receiver's budget shared over its visible videos: a pure function of what they ask for and what is to be had.
//! docs/ALLOCATION.md is the rule in words.
//!
//! Screens come first, then who speaks, then the biggest view. In this order everyone gets the lowest level first, but a screen and
//! who speaks all frames of their lowest layer; then the most important is raised as far as it asks, then the next.

use std::cmp::{Ordering, Reverse};

/// What a video is to the one who sees it; the more important is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Screen,
    Speaker,
    Other,
}

/// Simulcast layers of a video at most.
pub(crate) const LAYERS: usize = 3;
/// How much of a layer's frames may be sent: its base, that and the middle temporal layer, or all.
pub(crate) const THINNINGS: usize = 3;
pub(crate) const LEVELS: usize = LAYERS * THINNINGS;

/// What can be sent of a video: a layer, and how many of its temporal layers. A larger layer is a higher level, and within one
/// more frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level(u8);

impl Level {
    /// Temporal layers up to `temporal`, 0 to 2, of `layer`, below [`LAYERS`].
    pub fn new(layer: u8, temporal: u8) -> Level {
        let most = THINNINGS as u8 - 1;
        Level(layer.min(LAYERS as u8 - 1) * THINNINGS as u8 + temporal.min(most))
    }

    /// All frames of a layer.
    pub fn whole(layer: u8) -> Level {
        Level::new(layer, THINNINGS as u8 - 1)
    }

    pub fn layer(self) -> u8 {
        self.0 / THINNINGS as u8
    }

    /// The highest temporal layer that is sent.
    pub fn temporal(self) -> u8 {
        self.0 % THINNINGS as u8
    }

    /// Its place in [`Demand::costs`].
    pub fn at(self) -> usize {
        usize::from(self.0)
    }

    fn all() -> impl DoubleEndedIterator<Item = Level> {
        (0..LEVELS as u8).map(Level)
    }
}

/// One visible video.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    pub role: Role,
    pub height: u16,
    /// Cost in bits per second of each level that may be chosen; `None`: not to be had now.
    pub costs: [Option<u64>; LEVELS],
    /// Highest level worth sending for the view's height.
    pub wanted: Level,
    /// The level it has had until now.
    pub held: Option<Level>,
    /// It came into view, or its view changed, a moment ago.
    pub is_fresh: bool,
}

impl Demand {
    pub fn lowest(&self) -> Option<Level> {
        Level::all().find(|l| self.has(*l))
    }

    /// All frames of the lowest layer that is to be had.
    pub fn lowest_whole(&self) -> Option<Level> {
        self.lowest().map(|l| Level::whole(l.layer()))
    }

    /// The most it gets before anything less important does: all frames of its lowest layer where it is what a meeting is about, else
    /// the fewest.
    fn claim(&self) -> Option<Level> {
        match self.role {
            Role::Screen | Role::Speaker => self.lowest_whole(),
            Role::Other => self.lowest(),
        }
    }

    /// So much of its claim, of `most` at most and up to `cap`, but no less than its lowest level.
    fn first(&self, cap: Level, most: u64) -> Option<Level> {
        let lowest = self.lowest()?;
        self.best(cap.min(self.claim()?).max(lowest), most)
    }

    /// How much of its claim this is.
    fn claimed(&self, level: Option<Level>) -> Option<Level> {
        level.map(|level| self.claim().map_or(level, |most| level.min(most)))
    }

    pub fn has(&self, level: Level) -> bool {
        self.costs[level.at()].is_some()
    }

    fn cost(&self, level: Level) -> u64 {
        self.costs[level.at()].unwrap_or(0)
    }

    /// The best level up to `cap` that is to be had for no more than `most`.
    pub fn best(&self, cap: Level, most: u64) -> Option<Level> {
        Level::all()
            .rev()
            .find(|l| *l <= cap && self.has(*l) && self.cost(*l) <= most)
    }
}

/// The demands' numbers, the most important first. Among equals the first in `demands` comes first.
pub(crate) fn by_importance(demands: &[Demand]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|i| (demands[*i].role, Reverse(demands[*i].height), *i));
    order
}

/// The level of each demand, in the order of `demands`; `None`: nothing. Spends at most `budget`, bits per second; but on
/// trial the most important gets its lowest level whatever it costs. `cap` says how high each may go; `None`: not at all.
pub(crate) fn allocate(
    demands: &[Demand],
    order: &[usize],
    budget: u64,
    is_trial: bool,
    cap: impl Fn(&Demand) -> Option<Level>,
) -> Vec<Option<Level>> {
    let mut chosen = vec![None; demands.len()];
    let mut left = budget;
    let mut is_trial = is_trial;
    for &i in order {
        let Some(cap) = cap(&demands[i]) else {
            continue;
        };
        let tried = demands[i].lowest().filter(|_| is_trial);
        chosen[i] = demands[i].first(cap, left).or(tried);
        left = left.saturating_sub(chosen[i].map_or(0, |l| demands[i].cost(l)));
        is_trial &= demands[i].lowest().is_none();
    }
    for &i in order {
        let (Some(now), Some(cap)) = (chosen[i], cap(&demands[i])) else {
            continue;
        };
        let held = demands[i].cost(now);
        if let Some(best) = demands[i].best(cap.min(demands[i].wanted), held + left)
            && best > now
        {
            left = (left + held).saturating_sub(demands[i].cost(best));
            chosen[i] = Some(best);
        }
    }
    chosen
}

/// Which of two allocations is better: first by who gets what it has a first claim to, the most important first, then by their levels.
pub(crate) fn compare(
    demands: &[Demand],
    order: &[usize],
    a: &[Option<Level>],
    b: &[Option<Level>],
) -> Ordering {
    let claimed = |i: &usize, of: &[Option<Level>]| demands[*i].claimed(of[*i]);
    let claims = order.iter().map(|i| claimed(i, a));
    claims
        .cmp(order.iter().map(|i| claimed(i, b)))
        .then_with(|| {
            let levels = order.iter().map(|i| a[*i]);
            levels.cmp(order.iter().map(|i| b[*i]))
        })
}

/// The smallest layer that fills a view of `height` pixels, a tenth less counting as full; else the highest.
pub(crate) fn wanted_layer(heights: impl Iterator<Item = u16> + Clone, height: u16) -> u8 {
    let fills = |h: u16| u32::from(h) * 10 >= u32::from(height) * 9;
    let count = heights.clone().count();
    heights
        .into_iter()
        .position(fills)
        .unwrap_or(count.saturating_sub(1)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Costs of whole layers.
    fn whole(costs: [Option<u64>; LAYERS]) -> [Option<u64>; LEVELS] {
        let mut all = [None; LEVELS];
        for (layer, cost) in costs.into_iter().enumerate() {
            all[Level::whole(layer as u8).at()] = cost;
        }
        all
    }

    fn camera(height: u16) -> Demand {
        let wanted = wanted_layer([180, 360, 720].into_iter(), height);
        Demand {
            role: Role::Other,
            height,
            costs: whole([Some(150_000), Some(500_000), Some(1_700_000)]),
            wanted: Level::whole(wanted),
            held: None,
            is_fresh: false,
        }
    }

    /// As [`camera`], whose small layer may be thinned.
    fn layered(height: u16) -> Demand {
        let mut demand = camera(height);
        demand.costs[Level::new(0, 0).at()] = Some(60_000);
        demand.costs[Level::new(0, 1).at()] = Some(90_000);
        demand
    }

    fn share(demands: &[Demand], budget: u64) -> Vec<Option<u8>> {
        let levels = levels(demands, budget);
        let whole = levels.iter().flatten().all(|l| l.temporal() == 2);
        assert!(whole, "{levels:?}");
        levels.iter().map(|l| l.map(Level::layer)).collect()
    }

    fn levels(demands: &[Demand], budget: u64) -> Vec<Option<Level>> {
        let order = by_importance(demands);
        allocate(demands, &order, budget, false, |d| Some(d.wanted))
    }

    #[test]
    fn who_comes_short_gets_fewer_frames_before_it_gets_none() {
        let d = [layered(720), layered(180), layered(180)];
        let level = |layer, temporal| Some(Level::new(layer, temporal));
        assert_eq!(levels(&d, 60_000), [level(0, 0), None, None]);
        assert_eq!(levels(&d, 180_000), [level(0, 0); 3]);
        assert_eq!(levels(&d, 270_000), [level(0, 2), level(0, 0), level(0, 0)]);
        assert_eq!(levels(&d, 299_000), [level(0, 2), level(0, 0), level(0, 0)]);
        assert_eq!(levels(&d, 300_000), [level(0, 2), level(0, 1), level(0, 0)]);
        assert_eq!(levels(&d, 800_000), [level(1, 2), level(0, 2), level(0, 2)]);
    }

    #[test]
    fn who_speaks_has_all_frames_before_others_have_any() {
        let mut d = [layered(180), layered(720), layered(180)];
        d[0].role = Role::Speaker;
        let level = |layer, temporal| Some(Level::new(layer, temporal));
        assert_eq!(levels(&d, 60_000), [level(0, 0), None, None]);
        assert_eq!(levels(&d, 149_000), [level(0, 1), None, None]);
        assert_eq!(levels(&d, 150_000), [level(0, 2), None, None]);
        assert_eq!(levels(&d, 220_000), [level(0, 2), level(0, 0), None]);
        assert_eq!(levels(&d, 299_000), [level(0, 2), level(0, 0), level(0, 0)]);
        let order = by_importance(&d);
        let (fluent, many) = ([level(0, 2), None, None], [level(0, 1); 3]);
        assert_eq!(compare(&d, &order, &fluent, &many), Ordering::Greater);
        let large = [level(2, 2), None, None];
        let more = [level(0, 2), level(0, 0), None];
        assert_eq!(compare(&d, &order, &more, &large), Ordering::Greater);
    }

    #[test]
    fn a_view_gets_the_smallest_layer_that_fills_it() {
        for (height, layer) in [
            (90, 0),
            (180, 0),
            (199, 0),
            (201, 1),
            (360, 1),
            (540, 2),
            (1080, 2),
        ] {
            assert_eq!(
                wanted_layer([180, 360, 720].into_iter(), height),
                layer,
                "{height}"
            );
        }
    }

    #[test]
    fn everyone_gets_something_before_anyone_gets_much() {
        let d = [camera(180), camera(720), camera(180)];
        assert_eq!(share(&d, 10_000_000), [Some(0), Some(2), Some(0)]);
        assert_eq!(share(&d, 900_000), [Some(0), Some(1), Some(0)]);
        assert_eq!(share(&d, 310_000), [Some(0), Some(0), None]);
    }

    #[test]
    fn the_screen_comes_before_who_speaks_and_both_before_the_rest() {
        let mut d = [camera(720), camera(360), camera(360)];
        d[1].role = Role::Speaker;
        d[2].role = Role::Screen;
        assert_eq!(share(&d, 150_000), [None, None, Some(0)]);
        assert_eq!(share(&d, 300_000), [None, Some(0), Some(0)]);
        assert_eq!(share(&d, 800_000), [Some(0), Some(0), Some(1)]);
        assert_eq!(share(&d, 1_150_000), [Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn what_fits_nowhere_holds_up_nobody_and_is_paused_but_on_trial() {
        let screen = Demand {
            role: Role::Screen,
            costs: whole([Some(1_200_000), None, None]),
            wanted: Level::whole(0),
            ..camera(200)
        };
        let d = [camera(720), screen];
        assert_eq!(share(&d, 1_300_000), [None, Some(0)]);
        assert_eq!(share(&d, 700_000), [Some(1), None]);
        let order = by_importance(&d);
        let all = allocate(&d, &order, 20_000, true, |d| Some(d.wanted));
        assert_eq!(all, [None, Some(Level::whole(0))]);
    }

    #[test]
    fn dead_layers_are_stepped_over() {
        let mut d = camera(720);
        d.costs[Level::whole(2).at()] = None;
        assert_eq!(share(&[d.clone()], 9_000_000), [Some(1)]);
        d.costs[Level::whole(0).at()] = None;
        assert_eq!(share(&[d.clone()], 500_000), [Some(1)]);
        assert_eq!(share(&[d], 100_000), [None]);
    }

    #[test]
    fn to_see_somebody_more_is_better_than_to_see_somebody_better() {
        let d = [camera(720), camera(360)];
        let order = by_importance(&d);
        let whole = |layer| Some(Level::whole(layer));
        let (few, many) = ([whole(2), None], [whole(0), whole(0)]);
        assert_eq!(compare(&d, &order, &many, &few), Ordering::Greater);
        let one = [whole(1), whole(0)];
        assert_eq!(compare(&d, &order, &one, &many), Ordering::Greater);
        assert_eq!(
            compare(&d, &order, &one, &[whole(0), whole(1)]),
            Ordering::Greater
        );
    }

    fn demand() -> impl Strategy<Value = Demand> {
        let cost = || proptest::option::of(10_000u64..3_000_000);
        let role = prop_oneof![Just(Role::Screen), Just(Role::Speaker), Just(Role::Other)];
        let costs = proptest::array::uniform9(cost());
        (role, 1u16..1200, costs, 0u8..3, 0u8..3).prop_map(
            |(role, height, costs, layer, temporal)| Demand {
                role,
                height,
                costs,
                wanted: Level::new(layer, temporal),
                held: None,
                is_fresh: false,
            },
        )
    }

    proptest! {
        #[test]
        fn the_sum_stays_in_budget(demands in proptest::collection::vec(demand(), 0..20), budget in 0u64..9_000_000) {
            let chosen = levels(&demands, budget);
            let cost: u64 = chosen.iter().zip(&demands).filter_map(|(l, d)| l.map(|l| d.cost(l))).sum();
            prop_assert!(cost <= budget);
            for (l, d) in chosen.iter().zip(&demands) {
                if let Some(l) = l {
                    prop_assert!(d.has(*l));
                    prop_assert!(*l <= d.wanted || Some(*l) == d.lowest());
                }
            }
        }
    }
}
