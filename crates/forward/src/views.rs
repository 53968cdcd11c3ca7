//! What receivers want to see, and which layer each of their slots shall have.

use crate::forwarder::Forwarder;
use crate::io::{Output, SlotSpec, SlotState};
use crate::leg::{FRESH, Slot};
use crate::slot::Flow;
use crate::track::Track;
use confab_base::{ParticipantId, Time, TrackId};
use std::collections::{BTreeMap, VecDeque};

/// Outgoing numbers a receiver can have; beyond this a slot id is not one of the shell's.
const MAX_SLOT: u16 = 1024;

impl Forwarder {
    pub(crate) fn view(&mut self, participant: ParticipantId, view: &[SlotSpec], now: Time) {
        let Some(leg) = self.legs.get_mut(&participant) else {
            return;
        };
        for key in leg.slots.clone() {
            let Some(slot) = self.slots.get_mut(key).and_then(Option::as_mut) else {
                continue;
            };
            let empty = SlotSpec {
                track: None,
                max_height: 0,
                ..slot.spec
            };
            let wanted = view
                .iter()
                .find(|v| v.slot == slot.spec.slot)
                .copied()
                .unwrap_or(empty);
            point(slot, key, wanted, &mut self.tracks, now);
        }
        for spec in view.iter().filter(|v| v.slot < MAX_SLOT) {
            let known = leg.slots.iter().any(|k| {
                self.slots[*k]
                    .as_ref()
                    .is_some_and(|s| s.spec.slot == spec.slot)
            });
            if known {
                continue;
            }
            self.seeds += 1;
            let mut slot = Slot::new(
                participant,
                SlotSpec {
                    track: None,
                    ..*spec
                },
                mix(self.config.seed ^ self.seeds),
            );
            let key = self
                .slots
                .iter()
                .position(Option::is_none)
                .unwrap_or(self.slots.len());
            slot.copier.protection = leg.voice.protection();
            point(&mut slot, key, *spec, &mut self.tracks, now);
            if key == self.slots.len() {
                self.slots.push(Some(slot));
            } else {
                self.slots[key] = Some(slot);
            }
            leg.slots.push(key);
        }
        self.choose(participant, now);
        // Whoever comes in waits for nothing.
        let shown: Vec<TrackId> = view.iter().filter_map(|v| v.track).collect();
        shown.into_iter().for_each(|id| self.tell_wanted(id, now));
    }

    pub(crate) fn choose_subscribers(&mut self, id: TrackId, now: Time) {
        let Some(track) = self.tracks.get(&id) else {
            return;
        };
        let of_key = |k: &usize| self.slots.get(*k)?.as_ref().map(|s| s.participant);
        let mut participants: Vec<ParticipantId> =
            track.subscribers.iter().filter_map(of_key).collect();
        participants.sort_unstable();
        participants.dedup();
        for participant in participants {
            self.choose(participant, now);
        }
    }

    /// Shares the receiver's budget anew and carries out the outcome.
    pub(crate) fn choose(&mut self, participant: ParticipantId, now: Time) {
        let Some(leg) = self.legs.get_mut(&participant) else {
            return;
        };
        let speaker = self.groups.seen_by(participant);
        for choice in leg.choose(&self.slots, &self.tracks, speaker, now) {
            let Some(slot) = self.slots.get_mut(choice.key).and_then(Option::as_mut) else {
                continue;
            };
            slot.target = choice.target;
            slot.ideals = choice.ideals;
            slot.limited = choice.limited;
            let flow = slot.rewriter.flow();
            if choice.target.is_none() {
                slot.rewriter.close();
            }
            report(slot, &self.tracks, &mut self.out);
            let (Some(id), Some(level)) = (slot.spec.track, choice.target) else {
                continue;
            };
            let layer = level.layer();
            let Some(track) = self.tracks.get(&id) else {
                continue;
            };
            let wanted = Flow {
                track: id,
                layer,
                epoch: track.epoch,
            };
            let goes_on = |f: Flow| {
                let layer = track.layers.get(usize::from(f.layer));
                f.track == id && f.epoch == track.epoch && layer.is_some_and(|l| l.alive)
            };
            let is_video = track.codec.is_some();
            // What is shown goes on until a key frame comes, but there may be one already for who is shown nothing.
            let is_dark = is_video && !flow.is_some_and(goes_on);
            if flow != Some(wanted) && !(is_dark && self.begin_kept(choice.key, wanted, now)) {
                self.ask(id, layer, now);
            }
        }
    }
}

/// Tells the shell what a slot carries, if that changed.
pub(crate) fn report(
    slot: &mut Slot,
    tracks: &BTreeMap<TrackId, Track>,
    out: &mut VecDeque<Output>,
) {
    let state: SlotState = slot.state(tracks);
    if slot.reported != Some(state) {
        slot.reported = Some(state);
        out.push_back(Output::SlotState {
            participant: slot.participant,
            state,
        });
    }
}

/// Points a slot at what its view now asks for.
fn point(
    slot: &mut Slot,
    key: usize,
    spec: SlotSpec,
    tracks: &mut BTreeMap<TrackId, Track>,
    now: Time,
) {
    if slot.spec == spec && spec.track.is_none() {
        return;
    }
    if slot.spec.track != spec.track {
        unsubscribe(tracks, slot.spec.track, key);
        if let Some(track) = spec.track.and_then(|t| tracks.get_mut(&t)) {
            track.subscribers.push(key);
        }
        slot.rewriter.close();
        slot.target = None;
    }
    if slot.spec != spec {
        slot.fresh_until = now + FRESH;
    }
    slot.spec = spec;
}

pub(crate) fn unsubscribe(
    tracks: &mut BTreeMap<TrackId, Track>,
    track: Option<TrackId>,
    key: usize,
) {
    if let Some(track) = track.and_then(|t| tracks.get_mut(&t)) {
        track.subscribers.retain(|k| *k != key);
    }
}

/// SplitMix64's finalizer: spreads a counter over all bits.
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
