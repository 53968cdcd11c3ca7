//! A receiver's budget shared over its visible videos: a pure function of what they ask for and what is to be had.
//!
//! Everyone gets the lowest layer first, in order of importance; then the most important is raised as far as it asks,
//! then the next. Screens come first, then the biggest view. The most important video always keeps its lowest layer,
//! even over budget: without any traffic the estimate could never recover.

/// One visible video.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    pub is_screen: bool,
    pub height: u16,
    /// Cost in bits per second of each layer that may be chosen, lowest first; `None`: not to be had now.
    pub costs: [Option<u64>; LAYERS],
    /// Highest layer worth sending for the view's height.
    pub wanted: u8,
}

pub(crate) const LAYERS: usize = 3;

impl Demand {
    fn lowest(&self) -> Option<u8> {
        (0..LAYERS as u8).find(|l| self.costs[usize::from(*l)].is_some())
    }

    fn cost(&self, layer: u8) -> u64 {
        self.costs[usize::from(layer)].unwrap_or(0)
    }
}

/// The layer of each demand, in the order of `demands`; `None`: nothing.
pub(crate) fn allocate(demands: &[Demand], budget: u64) -> Vec<Option<u8>> {
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|i| {
        (
            !demands[*i].is_screen,
            std::cmp::Reverse(demands[*i].height),
            *i,
        )
    });
    let mut chosen = vec![None; demands.len()];
    let mut left = budget;
    let mut first = true;
    for &i in &order {
        let Some(lowest) = demands[i].lowest() else {
            continue;
        };
        let cost = demands[i].cost(lowest);
        if cost <= left || first {
            chosen[i] = Some(lowest);
            left = left.saturating_sub(cost);
        }
        first = false;
    }
    for &i in &order {
        let Some(now) = chosen[i] else {
            continue;
        };
        let demand = &demands[i];
        let held = demand.cost(now);
        let best = (now + 1..=demand.wanted)
            .rev()
            .find(|l| demand.costs[usize::from(*l)].is_some_and(|c| c <= held + left));
        if let Some(best) = best {
            left = (left + held).saturating_sub(demand.cost(best));
            chosen[i] = Some(best);
        }
    }
    chosen
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
            is_screen: false,
            height,
            costs: [Some(150_000), Some(500_000), Some(1_700_000)],
            wanted,
        }
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
        assert_eq!(allocate(&d, 10_000_000), [Some(0), Some(2), Some(0)]);
        assert_eq!(allocate(&d, 900_000), [Some(0), Some(1), Some(0)]);
        assert_eq!(allocate(&d, 310_000), [Some(0), Some(0), None]);
    }

    #[test]
    fn the_screen_comes_first_and_the_first_never_stops() {
        let screen = Demand {
            is_screen: true,
            height: 200,
            costs: [Some(1_200_000), None, None],
            wanted: 0,
        };
        let d = [camera(720), screen];
        assert_eq!(allocate(&d, 1_300_000), [None, Some(0)]);
        assert_eq!(allocate(&d, 20_000), [None, Some(0)]);
    }

    #[test]
    fn dead_layers_are_stepped_over() {
        let mut d = camera(720);
        d.costs[2] = None;
        assert_eq!(allocate(&[d.clone()], 9_000_000), [Some(1)]);
        d.costs[0] = None;
        assert_eq!(allocate(&[d], 100_000), [Some(1)]);
    }

    fn demand() -> impl Strategy<Value = Demand> {
        let cost = || proptest::option::of(10_000u64..3_000_000);
        (any::<bool>(), 1u16..1200, cost(), cost(), cost(), 0u8..3).prop_map(
            |(is_screen, height, a, b, c, wanted)| Demand {
                is_screen,
                height,
                costs: [a, b, c],
                wanted,
            },
        )
    }

    proptest! {
        #[test]
        fn the_sum_stays_in_budget_but_for_the_first(demands in proptest::collection::vec(demand(), 0..20), budget in 0u64..9_000_000) {
            let chosen = allocate(&demands, budget);
            let cost: u64 = chosen.iter().zip(&demands).filter_map(|(l, d)| l.map(|l| d.cost(l))).sum();
            let floor = demands.iter().filter_map(|d| d.lowest().map(|l| d.cost(l))).max().unwrap_or(0);
            prop_assert!(cost <= budget.max(floor));
            for (l, d) in chosen.iter().zip(&demands) {
                if let Some(l) = l {
                    prop_assert!(d.costs[usize::from(*l)].is_some());
                    prop_assert!(*l <= d.wanted || Some(*l) == d.lowest());
                }
            }
        }
    }
}
