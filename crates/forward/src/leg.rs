//! A receiver: its slots, its budget, and which layer each slot shall have, with hysteresis: down at once, up only
//! when the better choice held [`UP_HOLD`] with a margin to spare.

use crate::allocate::{Demand, LAYERS, allocate, wanted_layer};
use crate::io::{SlotSpec, SlotState};
use crate::slot::Rewriter;
use crate::track::Track;
use crate::voice::Copier;
use confab_base::{
    Bitrate, Duration, Limited, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec,
};
use confab_congestion::{FORWARDER, VoiceLadder};
use std::collections::BTreeMap;

/// How long a better layer must have been affordable.
const UP_HOLD: Duration = Duration::from_secs(2);
/// Only this share of the estimate is spent on going up.
const UP_SHARE: f64 = 0.87;
/// After a view changed or a track began, going up does not wait.
pub(crate) const FRESH: Duration = Duration::from_secs(2);
/// Set aside for each audio slot, bits per second.
pub(crate) const AUDIO_SHARE: u64 = 50_000;
/// And for each copy its packets carry.
const COPY_SHARE: u64 = 32_000;

/// One receiving m-line.
#[derive(Debug)]
pub(crate) struct Slot {
    pub participant: ParticipantId,
    pub spec: SlotSpec,
    pub rewriter: Rewriter,
    pub copier: Copier,
    /// The layer to be sent; the one being sent may differ until a key frame comes.
    pub target: Option<u8>,
    pub limited: Limited,
    pub reported: Option<SlotState>,
    pub fresh_until: Time,
    better_since: Option<Time>,
}

impl Slot {
    pub fn new(participant: ParticipantId, spec: SlotSpec, seed: u64) -> Slot {
        Slot {
            participant,
            spec,
            rewriter: Rewriter::new(seed),
            copier: Copier::default(),
            target: None,
            limited: Limited::No,
            reported: None,
            fresh_until: Time::ZERO,
            better_since: None,
        }
    }

    /// What this slot carries now.
    pub fn state(&self, tracks: &BTreeMap<TrackId, Track>) -> SlotState {
        let flow = self
            .rewriter
            .flow()
            .filter(|f| Some(f.track) == self.spec.track);
        let height = flow
            .filter(|_| self.limited != Limited::Source || self.flows(tracks))
            .and_then(|f| tracks.get(&f.track)?.layers.get(usize::from(f.layer)))
            .map_or(0, |l| l.spec.height);
        SlotState {
            slot: self.spec.slot,
            track: self.spec.track,
            height,
            limited: self.limited,
        }
    }

    fn flows(&self, tracks: &BTreeMap<TrackId, Track>) -> bool {
        self.spec
            .track
            .and_then(|t| tracks.get(&t))
            .is_some_and(|t| !t.muted && t.any_alive())
    }
}

#[derive(Debug)]
pub(crate) struct Leg {
    pub decodes: Vec<VideoCodec>,
    pub estimate: Bitrate,
    /// How many copies voices need on the way to it.
    pub voice: VoiceLadder,
    /// Keys of its slots.
    pub slots: Vec<usize>,
    /// Last told: desired and current rate.
    pub rates: (Bitrate, Bitrate),
}

/// The wish of one slot, and the layer it shall have.
pub(crate) struct Choice {
    pub key: usize,
    pub target: Option<u8>,
    pub limited: Limited,
}

impl Leg {
    pub fn new(decodes: Vec<VideoCodec>, estimate: Bitrate) -> Leg {
        Leg {
            decodes,
            estimate,
            voice: VoiceLadder::new(FORWARDER),
            slots: Vec::new(),
            rates: (Bitrate::ZERO, Bitrate::ZERO),
        }
    }

    /// Chooses a layer for every slot. Remembers in the slots since when a better one was affordable.
    pub fn choose(
        &self,
        slots: &mut [Option<Slot>],
        tracks: &BTreeMap<TrackId, Track>,
        now: Time,
    ) -> Vec<Choice> {
        let mut choices = Vec::with_capacity(self.slots.len());
        let mut videos: Vec<(usize, Demand)> = Vec::new();
        let mut audio = 0;
        for &key in &self.slots {
            let Some(slot) = slots.get(key).and_then(Option::as_ref) else {
                continue;
            };
            match self.wish(slot, tracks, now) {
                Wish::Nothing(limited) => choices.push(Choice {
                    key,
                    target: None,
                    limited,
                }),
                Wish::Audio => {
                    audio += slot.audio_share();
                    choices.push(Choice {
                        key,
                        target: Some(0),
                        limited: Limited::No,
                    });
                }
                Wish::Video(demand) => videos.push((key, demand)),
            }
        }
        let demands: Vec<Demand> = videos.iter().map(|(_, d)| d.clone()).collect();
        let budget = self.estimate.bps().saturating_sub(audio);
        let most = allocate(&demands, budget);
        let safe = allocate(&demands, (budget as f64 * UP_SHARE) as u64);
        for (((key, demand), most), safe) in videos.iter().zip(most).zip(safe) {
            if let Some(slot) = slots.get_mut(*key).and_then(Option::as_mut) {
                let dead = slot
                    .target
                    .is_some_and(|t| demand.costs[usize::from(t).min(LAYERS - 1)].is_none());
                let target = if dead {
                    most
                } else {
                    slot.step(most, safe, now)
                };
                slot.target = target;
                choices.push(Choice {
                    key: *key,
                    target,
                    limited: limited(demand, target, tracks, slot.spec.track),
                });
            }
        }
        choices
    }

    fn wish(&self, slot: &Slot, tracks: &BTreeMap<TrackId, Track>, now: Time) -> Wish {
        let Some(track) = slot.spec.track.and_then(|t| tracks.get(&t)) else {
            return Wish::Nothing(Limited::No);
        };
        if track.kind() != slot.spec.kind {
            return Wish::Nothing(Limited::No);
        }
        if track.codec.is_some_and(|c| !self.decodes.contains(&c)) {
            return Wish::Nothing(Limited::Codec);
        }
        if slot.spec.kind == MediaKind::Video && slot.spec.max_height == 0 {
            return Wish::Nothing(Limited::No);
        }
        if track.muted {
            return Wish::Nothing(Limited::Source);
        }
        if slot.spec.kind == MediaKind::Audio {
            return Wish::Audio;
        }
        let heights = track.layers.iter().map(|l| l.spec.height);
        let mut costs = [None; LAYERS];
        for (cost, layer) in costs.iter_mut().zip(&track.layers) {
            *cost = track.offers(layer, now).then(|| layer.cost());
        }
        Wish::Video(Demand {
            is_screen: track.source == Source::Screen,
            height: slot.spec.max_height,
            costs,
            wanted: wanted_layer(heights, slot.spec.max_height),
        })
    }

    /// What the views would take at best.
    pub fn desired(
        &self,
        slots: &[Option<Slot>],
        tracks: &BTreeMap<TrackId, Track>,
        now: Time,
    ) -> Bitrate {
        let of_slot = |key: &usize| -> Option<u64> {
            let slot = slots.get(*key)?.as_ref()?;
            Some(match self.wish(slot, tracks, now) {
                Wish::Nothing(_) => 0,
                Wish::Audio => slot.audio_share(),
                Wish::Video(d) => {
                    let track = tracks.get(&slot.spec.track?)?;
                    let wanted = track.layers.get(usize::from(d.wanted))?;
                    wanted.spec.max_bitrate.bps().max(wanted.measured().bps())
                }
            })
        };
        Bitrate(self.slots.iter().filter_map(of_slot).sum())
    }

    /// What is sent now.
    pub fn current(&self, slots: &[Option<Slot>], tracks: &BTreeMap<TrackId, Track>) -> Bitrate {
        let of_slot = |key: &usize| -> Option<u64> {
            let flow = slots.get(*key)?.as_ref()?.rewriter.flow()?;
            Some(
                tracks
                    .get(&flow.track)?
                    .layers
                    .get(usize::from(flow.layer))?
                    .measured()
                    .bps(),
            )
        };
        Bitrate(self.slots.iter().filter_map(of_slot).sum())
    }
}

enum Wish {
    Nothing(Limited),
    Audio,
    Video(Demand),
}

impl Slot {
    /// What its sound takes, bits per second. Copies are sent only where they can be read.
    fn audio_share(&self) -> u64 {
        let copies = match self.spec.red {
            Some(_) => self.copier.protection.copies.len() as u64,
            None => 0,
        };
        AUDIO_SHARE + copies * COPY_SHARE
    }

    fn step(&mut self, most: Option<u8>, safe: Option<u8>, now: Time) -> Option<u8> {
        let is_fresh = now < self.fresh_until;
        // `None` sorts below every layer.
        if most < self.target || (self.target.is_none() && is_fresh) {
            self.better_since = None;
            return if self.target.is_none() {
                safe.or(most)
            } else {
                most
            };
        }
        if safe <= self.target {
            self.better_since = None;
            return self.target;
        }
        let since = *self.better_since.get_or_insert(now);
        if is_fresh || now.since(since) >= UP_HOLD {
            self.better_since = None;
            return safe;
        }
        self.target
    }
}

fn limited(
    demand: &Demand,
    target: Option<u8>,
    tracks: &BTreeMap<TrackId, Track>,
    track: Option<TrackId>,
) -> Limited {
    let Some(track) = track.and_then(|t| tracks.get(&t)) else {
        return Limited::No;
    };
    let started = track.layers.iter().any(|l| l.last.is_some());
    if !track.any_alive() && started {
        return Limited::Source;
    }
    let best = (0..=demand.wanted).rev().find(|l| {
        demand
            .costs
            .get(usize::from(*l))
            .is_some_and(Option::is_some)
    });
    if target < best {
        Limited::Bandwidth
    } else if target < Some(demand.wanted) {
        Limited::Source
    } else {
        Limited::No
    }
}
