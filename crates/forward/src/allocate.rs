//! A receiver's budget shared over its visible videos: a pure function of what they ask for and what is to be had.
//! docs/ALLOCATION.md is the rule in words.
//!
//! Everyone gets the lowest layer first, in order of importance; then the most important is raised as far as it asks,
//! then the next. Screens come first, then who speaks, then the biggest view.

use std::cmp::{Ordering, Reverse};

/// What a video is to the one who sees it; the more important is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Screen,
    Speaker,
    Other,
}

/// One visible video.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    pub role: Role,
    pub height: u16,
    /// Cost in bits per second of each layer that may be chosen, lowest first; `None`: not to be had now.
    pub costs: [Option<u64>; LAYERS],
    /// Highest layer worth sending for the view's height.
    pub wanted: u8,
    /// The layer it has had until now.
    pub held: Option<u8>,
    /// It came into view, or its view changed, a moment ago.
    pub is_fresh: bool,
}

pub(crate) const LAYERS: usize = 3;

impl Demand {
    pub fn lowest(&self) -> Option<u8> {
        (0..LAYERS as u8).find(|l| self.has(*l))
    }

    pub fn has(&self, layer: u8) -> bool {
        self.costs
            .get(usize::from(layer))
            .is_some_and(Option::is_some)
    }

    fn cost(&self, layer: u8) -> u64 {
        self.costs[usize::from(layer)].unwrap_or(0)
    }

    /// The best layer up to `cap` that costs no more than `most`.
    fn best(&self, cap: u8, most: u64) -> Option<u8> {
        (0..=cap.min(LAYERS as u8 - 1))
            .rev()
            .find(|l| self.has(*l) && self.cost(*l) <= most)
    }
}

/// The demands' numbers, the most important first. Among equals the first in `demands` comes first.
pub(crate) fn by_importance(demands: &[Demand]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|i| (demands[*i].role, Reverse(demands[*i].height), *i));
    order
}

/// The layer of each demand, in the order of `demands`; `None`: nothing. Spends at most `budget`, bits per second; but on
/// trial the most important gets its lowest layer whatever it costs. `cap` says how high each may go; `None`: not at all.
pub(crate) fn allocate(
    demands: &[Demand],
    order: &[usize],
    budget: u64,
    is_trial: bool,
    cap: impl Fn(&Demand) -> Option<u8>,
) -> Vec<Option<u8>> {
    let mut chosen = vec![None; demands.len()];
    let mut left = budget;
    let mut is_trial = is_trial;
    for &i in order {
        let lowest = cap(&demands[i]).and(demands[i].lowest());
        let Some(lowest) = lowest else { continue };
        let cost = demands[i].cost(lowest);
        if cost <= left || is_trial {
            chosen[i] = Some(lowest);
            left = left.saturating_sub(cost);
        }
        is_trial = false;
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

/// Which of two allocations is better: first by who gets anything, the most important first, then by their layers.
pub(crate) fn compare(order: &[usize], a: &[Option<u8>], b: &[Option<u8>]) -> Ordering {
    let seen = order.iter().map(|i| a[*i].is_some());
    seen.cmp(order.iter().map(|i| b[*i].is_some()))
        .then_with(|| {
            let layers = order.iter().map(|i| a[*i]);
            layers.cmp(order.iter().map(|i| b[*i]))
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

    fn camera(height: u16) -> Demand {
        let wanted = wanted_layer([180, 360, 720].into_iter(), height);
        Demand {
            role: Role::Other,
            height,
            costs: [Some(150_000), Some(500_000), Some(1_700_000)],
            wanted,
            held: None,
            is_fresh: false,
        }
    }

    fn share(demands: &[Demand], budget: u64) -> Vec<Option<u8>> {
        let order = by_importance(demands);
        allocate(demands, &order, budget, false, |d| Some(d.wanted))
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
            costs: [Some(1_200_000), None, None],
            wanted: 0,
            ..camera(200)
        };
        let d = [camera(720), screen];
        assert_eq!(share(&d, 1_300_000), [None, Some(0)]);
        assert_eq!(share(&d, 700_000), [Some(1), None]);
        let order = by_importance(&d);
        let all = allocate(&d, &order, 20_000, true, |d| Some(d.wanted));
        assert_eq!(all, [None, Some(0)]);
    }

    #[test]
    fn dead_layers_are_stepped_over() {
        let mut d = camera(720);
        d.costs[2] = None;
        assert_eq!(share(&[d.clone()], 9_000_000), [Some(1)]);
        d.costs[0] = None;
        assert_eq!(share(&[d.clone()], 500_000), [Some(1)]);
        assert_eq!(share(&[d], 100_000), [None]);
    }

    #[test]
    fn to_see_somebody_more_is_better_than_to_see_somebody_better() {
        let d = [camera(720), camera(360)];
        let order = by_importance(&d);
        let (few, many) = ([Some(2), None], [Some(0), Some(0)]);
        assert_eq!(compare(&order, &many, &few), Ordering::Greater);
        let one = [Some(1), Some(0)];
        assert_eq!(compare(&order, &one, &many), Ordering::Greater);
        assert_eq!(
            compare(&order, &one, &[Some(0), Some(1)]),
            Ordering::Greater
        );
    }

    fn demand() -> impl Strategy<Value = Demand> {
        let cost = || proptest::option::of(10_000u64..3_000_000);
        let role = prop_oneof![Just(Role::Screen), Just(Role::Speaker), Just(Role::Other)];
        (role, 1u16..1200, cost(), cost(), cost(), 0u8..3).prop_map(
            |(role, height, a, b, c, wanted)| Demand {
                role,
                height,
                costs: [a, b, c],
                wanted,
                held: None,
                is_fresh: false,
            },
        )
    }

    proptest! {
        #[test]
        fn the_sum_stays_in_budget(demands in proptest::collection::vec(demand(), 0..20), budget in 0u64..9_000_000) {
            let chosen = share(&demands, budget);
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
