//! Which layers of a video somebody receives or could, so that its sender codes no others. docs/ALLOCATION.md has the rule in words.

use crate::allocate::{Demand, LAYERS, Level, allocate, by_importance};
use crate::forwarder::Forwarder;
use crate::hysteresis::CALM_SHARE;
use crate::io::Output;
use confab_base::{Duration, MediaKind, Time, TrackId};

/// A layer that nobody wants any more is told so after this time: views and estimates waver, and each beginning is a key frame.
const OFF_HOLD: Duration = Duration::from_secs(6);
/// And comes after those that somebody receives this long after the last one left it: where all have gone over to a larger layer, both
/// of them hardly fit for long.
const LEFT_HOLD: Duration = Duration::from_millis(500);

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
    /// `None`: nothing, and its sender codes all.
    told: Option<Vec<u8>>,
    needed: Lately,
    received: Lately,
}

/// Layers, a bit for each, the lowest first.
type Layers = u8;

/// The layers that were named in the last seconds.
#[derive(Debug, Default)]
struct Lately([Option<Time>; LAYERS]);

impl Lately {
    fn update(&mut self, named: Layers, hold: Duration, now: Time) -> Layers {
        let mut lately = 0;
        for (layer, at) in self.0.iter_mut().enumerate() {
            if named >> layer & 1 == 1 {
                *at = Some(now);
            }
            let recent = at.is_some_and(|at| now.since(at) < hold);
            lately |= u8::from(recent) << layer;
        }
        lately
    }
}

impl Wanting {
    /// `needed`: the layers somebody receives or might soon, and those of them that somebody receives or would at once. The layers to
    /// tell, if it is another list than before.
    fn update(&mut self, needed: Layers, received: Layers, now: Time) -> Option<Vec<u8>> {
        let wanted = self.needed.update(needed, OFF_HOLD, now);
        let received = self.received.update(received, LEFT_HOLD, now) & wanted;
        let of = |layers: Layers| (0..LAYERS as u8).filter(move |l| layers >> l & 1 == 1);
        let told: Vec<u8> = match received & 1 {
            1 => of(wanted).collect(),
            // Nobody would miss the lowest for now: a sender with little room has more use of the one that is seen.
            _ => of(received).chain(of(wanted & !received)).collect(),
        };
        if self.told.as_ref() == Some(&told) {
            return None;
        }
        self.told = Some(told.clone());
        Some(told)
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
        let bit = |level: &Level| 1 << level.layer();
        let bits = |levels: &mut dyn Iterator<Item = &Level>| levels.map(bit).fold(0, |a, b| a | b);
        let (mut needed, mut received) = (0, 0);
        for slot in track.subscribers.iter().filter_map(|k| self.slots.get(*k)) {
            let Some(slot) = slot else { continue };
            let [whole, dip] = &slot.ideals;
            let now = bits(&mut [whole, &slot.target].into_iter().flatten());
            received |= now;
            needed |= now | bits(&mut dip.iter());
        }
        if needed != 0 {
            // Whoever's link breaks down falls back on it.
            needed |= 1;
        }
        let there = (1u8 << track.layers.len().min(LAYERS)) - 1;
        if let Some(layers) = track.wanting.update(needed & there, received & there, now) {
            self.out.push_back(Output::LayersWanted {
                participant: track.owner,
                track: id,
                layers,
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
        let mut at = |needed, ms| wanting.update(needed, needed, Time::from_millis(ms));
        assert_eq!(at(0, 0), Some(vec![]), "all are coded until it is told");
        assert_eq!(at(0b101, 100), Some(vec![0, 2]));
        assert_eq!(at(0b101, 200), None);
        assert_eq!(at(0b011, 1000), Some(vec![0, 1, 2]), "one more at once");
        assert_eq!(at(0b011, 5000), None);
        let less = Some(vec![0, 1]);
        assert_eq!(
            at(0b011, 6300),
            less,
            "one less when it was not needed for long"
        );
        assert_eq!(at(0, 12_400), Some(vec![]));
    }

    #[test]
    fn what_is_only_there_to_fall_back_on_is_named_last() {
        let mut wanting = Wanting::default();
        let mut at = |needed, received, ms| wanting.update(needed, received, Time::from_millis(ms));
        assert_eq!(at(0b011, 0b010, 0), Some(vec![1, 0]));
        assert_eq!(
            at(0b111, 0b100, 100),
            Some(vec![1, 2, 0]),
            "the second was received a moment ago"
        );
        assert_eq!(at(0b111, 0b100, 500), Some(vec![2, 0, 1]));
        assert_eq!(
            at(0b111, 0b101, 600),
            Some(vec![0, 1, 2]),
            "as soon as somebody receives it"
        );
    }
}
