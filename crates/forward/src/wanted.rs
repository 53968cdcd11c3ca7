//! Which layers of a video somebody receives or could, so that its sender codes no others. docs/ALLOCATION.md has the rule in words.

use crate::allocate::{Demand, LAYERS, Level, allocate, by_importance};
use crate::forwarder::Forwarder;
use crate::hysteresis::CALM_SHARE;
use crate::io::Output;
use confab_base::{Duration, MediaKind, Time, TrackId};

/// A layer that nobody wants any more is told so after this time: views and estimates waver, and each beginning is a key frame.
const OFF_HOLD: Duration = Duration::from_secs(6);

/// What a receiver would be sent if its senders coded everything: with all of its budget, and after a dip.
pub(crate) type Ideals = [Option<Level>; 2];

/// The ideals of these demands, which know the cost of every layer there may be.
pub(crate) fn ideals(demands: &[Demand], budget: u64, is_trial: bool) -> Vec<Ideals> {
    let order = by_importance(demands);
    let share = |part: f64| {
        let budget = (budget as f64 * part) as u64;
        allocate(demands, &order, budget, is_trial, |d| Some(d.wanted))
    };
    let (whole, dip) = (share(1.0), share(CALM_SHARE));
    whole.into_iter().zip(dip).map(|(a, b)| [a, b]).collect()
}

/// What was told about one video.
#[derive(Debug, Default)]
pub(crate) struct Wanting {
    /// A bit for each layer, the lowest first; `None`: nothing, and its sender codes all.
    told: Option<u8>,
    needed_at: [Option<Time>; LAYERS],
}

impl Wanting {
    /// `needed`: the layers somebody needs now, a bit each. The layers to tell, if they are others than before.
    fn update(&mut self, needed: u8, now: Time) -> Option<u8> {
        let mut wanted = 0;
        for (layer, at) in self.needed_at.iter_mut().enumerate() {
            if needed >> layer & 1 == 1 {
                *at = Some(now);
            }
            let recent = at.is_some_and(|at| now.since(at) < OFF_HOLD);
            wanted |= u8::from(recent) << layer;
        }
        let is_new = self.told != Some(wanted);
        self.told = Some(wanted);
        is_new.then_some(wanted)
    }
}

impl Forwarder {
    /// Tells which layers of this video are wanted, if that changed.
    pub(crate) fn tell_wanted(&mut self, id: TrackId, now: Time) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        // While it is muted nothing is told: whoever unmutes is seen at once.
        if track.kind() != MediaKind::Video || track.muted {
            return;
        }
        let bit = |layer: &u8| 1u8.checked_shl(u32::from(*layer)).unwrap_or(0);
        let mut needed = 0;
        for slot in track.subscribers.iter().filter_map(|k| self.slots.get(*k)) {
            let Some(slot) = slot else { continue };
            let levels = slot.ideals.iter().chain([&slot.target]).flatten();
            needed |= levels.map(|l| bit(&l.layer())).fold(0, |a, b| a | b);
        }
        if needed != 0 {
            // Whoever's link breaks down falls back on it.
            needed |= 1;
        }
        if let Some(wanted) = track.wanting.update(needed, now) {
            let layers = (0..track.layers.len() as u8).filter(|l| wanted >> l & 1 == 1);
            self.out.push_back(Output::LayersWanted {
                participant: track.owner,
                track: id,
                layers: layers.collect(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_wanted_at_once_and_for_some_seconds_after_it_was_needed() {
        let mut wanting = Wanting::default();
        let mut at = |needed, ms| wanting.update(needed, Time::from_millis(ms));
        assert_eq!(at(0, 0), Some(0), "all are coded until it is told");
        assert_eq!(at(0b101, 100), Some(0b101));
        assert_eq!(at(0b101, 200), None);
        assert_eq!(at(0b011, 1000), Some(0b111), "one more at once");
        assert_eq!(at(0b011, 5000), None);
        assert_eq!(
            at(0b011, 6300),
            Some(0b011),
            "one less when it was not needed for long"
        );
        assert_eq!(at(0, 12_400), Some(0));
    }
}
