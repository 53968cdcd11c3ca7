//! Which base frames of a layer all its receivers have: its encoder keeps such a frame as a long-term reference, and goes on from it
//! where somebody lost one that could not be repaired, instead of making a key frame.
//!
//! The oldest of what the receivers have counts, and nothing counts while one of them has said nothing: a browser never does, and who
//! has just come has not yet. Then key frames are asked for, as ever. So no receiver is ever sent a frame it cannot decode for another's sake.

use crate::forwarder::Forwarder;
use crate::io::Output;
use crate::slot::Flow;
use confab_base::{Duration, ParticipantId, Time};
use std::collections::BTreeMap;

/// Between two words to a sender that a receiver is stuck: the answer takes a round trip, and others ask for the same meanwhile.
const INTERVAL: Duration = Duration::from_millis(300);

/// One layer's.
#[derive(Debug, Default)]
pub(crate) struct References {
    /// By slot, the number of the first packet of the newest base frame it has.
    has: BTreeMap<usize, u64>,
    told: Option<u64>,
    recovered: Option<Time>,
}

impl References {
    /// A slot has this frame; those in `receivers` are sent the layer now. What all of them have, and whether that is news.
    fn heard(&mut self, key: usize, seq: u64, receivers: &[usize]) -> Option<(u64, bool)> {
        self.has.retain(|key, _| receivers.contains(key));
        let newest = self.has.entry(key).or_insert(seq);
        *newest = seq.max(*newest);
        if self.has.len() < receivers.len() {
            return None;
        }
        let common = *self.has.values().min()?;
        let is_news = self.told.is_none_or(|told| common > told);
        self.told = Some(common);
        Some((common, is_news))
    }

    fn may_recover(&mut self, now: Time) -> bool {
        let is_due = self.recovered.is_none_or(|at| now.since(at) >= INTERVAL);
        if is_due {
            self.recovered = Some(now);
        }
        is_due
    }
}

impl Forwarder {
    /// A receiver has decoded a slot's base frame that begins with this packet, as its low 32 bits say it went out. `is_stuck`: and can
    /// decode nothing after it.
    pub(crate) fn reference(
        &mut self,
        (participant, slot): (ParticipantId, u16),
        seq: u32,
        is_stuck: bool,
        now: Time,
    ) {
        let Some(leg) = self.legs.get(&participant) else {
            return;
        };
        let of_slot = |k: &&usize| {
            let slot_of = self.slots.get(**k).and_then(Option::as_ref);
            slot_of.is_some_and(|s| s.spec.slot == slot)
        };
        let Some(&key) = leg.slots.iter().find(of_slot) else {
            return;
        };
        let rewriter = |key: usize| self.slots.get(key)?.as_ref().map(|s| &s.rewriter);
        // What was sent before the slot changed to another layer says nothing of this one.
        let Some((flow, seq)) = rewriter(key).and_then(|r| r.origin(seq)) else {
            return;
        };
        let Some(track) = self.tracks.get_mut(&flow.track) else {
            return;
        };
        let is_sent = |key: &usize| rewriter(*key).and_then(|r| r.flow()) == Some(flow);
        let receivers: Vec<usize> = track.subscribers.iter().copied().filter(is_sent).collect();
        let Some(layer) = track.layers.get_mut(usize::from(flow.layer)) else {
            return;
        };
        let common = layer.references.heard(key, seq, &receivers);
        let may_recover = is_stuck && common.is_some() && layer.references.may_recover(now);
        let Flow { track, layer, .. } = flow;
        match common {
            Some((seq, _)) if may_recover => {
                self.out.push_back(Output::Recover { track, layer, seq });
            }
            Some((seq, true)) => {
                self.out
                    .push_back(Output::Acknowledged { track, layer, seq });
            }
            // Whoever is still stuck asks for a key frame soon.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_receivers_have_is_what_the_slowest_has() {
        let mut r = References::default();
        assert_eq!(r.heard(1, 100, &[1, 2]), None, "the other said nothing yet");
        assert_eq!(r.heard(2, 80, &[1, 2]), Some((80, true)));
        assert_eq!(r.heard(1, 120, &[1, 2]), Some((80, false)));
        assert_eq!(r.heard(2, 110, &[1, 2]), Some((110, true)));
        assert_eq!(r.heard(2, 90, &[1, 2]), Some((110, false)), "overtaken");
    }

    #[test]
    fn who_comes_holds_it_back_and_who_goes_no_more() {
        let mut r = References::default();
        assert_eq!(r.heard(1, 100, &[1]), Some((100, true)));
        assert_eq!(r.heard(1, 110, &[1, 2]), None);
        assert_eq!(r.heard(1, 120, &[1]), Some((120, true)));
        assert_eq!(r.heard(3, 60, &[1, 3]), Some((60, false)));
    }

    #[test]
    fn a_crowd_that_is_stuck_is_one_word_to_the_sender() {
        let mut r = References::default();
        let asked = (0..1000u64)
            .step_by(10)
            .filter(|ms| r.may_recover(Time::from_millis(*ms)));
        assert_eq!(asked.collect::<Vec<_>>(), [0, 300, 600, 900]);
    }
}
