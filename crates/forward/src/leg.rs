//! A receiver: its slots, its budget, what each slot asks for and what it gets.

use crate::allocate::{Demand, LAYERS, Role, wanted_layer};
use crate::hysteresis::Hysteresis;
use crate::io::{SlotSpec, SlotState};
use crate::slot::Rewriter;
use crate::track::Track;
use crate::voice::Copier;
use crate::wanted::{Ideals, ideals};
use confab_base::{
    Bitrate, Duration, Limited, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec,
};
use confab_congestion::{FORWARDER, VoiceLadder};
use std::collections::BTreeMap;

/// A receiver that never got a picture gets one for so long whatever the estimate says: sound alone proves little, and
/// padding needs a stream to go with.
const TRIAL: Duration = Duration::from_secs(2);
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
    /// And what it could be.
    pub ideals: Ideals,
    pub limited: Limited,
    pub reported: Option<SlotState>,
    pub fresh_until: Time,
}

impl Slot {
    pub fn new(participant: ParticipantId, spec: SlotSpec, seed: u64) -> Slot {
        Slot {
            participant,
            spec,
            rewriter: Rewriter::new(seed),
            copier: Copier::default(),
            target: None,
            ideals: Ideals::default(),
            limited: Limited::No,
            reported: None,
            fresh_until: Time::ZERO,
        }
    }

    /// What this slot carries now.
    pub fn state(&self, tracks: &BTreeMap<TrackId, Track>) -> SlotState {
        let flow = self
            .rewriter
            .flow()
            .filter(|f| Some(f.track) == self.spec.track);
        // Until its key frame has come, nothing is sent and nothing is held back.
        let is_waiting = self.target.is_some() && flow.is_none();
        let limited = match self.limited {
            Limited::Bandwidth if is_waiting => Limited::No,
            other => other,
        };
        let height = flow
            .filter(|_| self.limited != Limited::Source || self.flows(tracks))
            .and_then(|f| tracks.get(&f.track)?.layers.get(usize::from(f.layer)))
            .map_or(0, |l| l.spec.height);
        SlotState {
            slot: self.spec.slot,
            track: self.spec.track,
            height,
            limited,
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
    /// When the first picture was sent to it.
    pub first_picture: Option<Time>,
    pub hysteresis: Hysteresis,
}

/// The wish of one slot, and the layer it shall have.
pub(crate) struct Choice {
    pub key: usize,
    pub target: Option<u8>,
    pub ideals: Ideals,
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
            first_picture: None,
            hysteresis: Hysteresis::default(),
        }
    }

    /// Chooses a layer for every slot. `speaker`: who has the floor among the others.
    pub fn choose(
        &mut self,
        slots: &[Option<Slot>],
        tracks: &BTreeMap<TrackId, Track>,
        speaker: Option<ParticipantId>,
        now: Time,
    ) -> Vec<Choice> {
        let mut choices = Vec::with_capacity(self.slots.len());
        let mut videos: Vec<(usize, TrackId)> = Vec::new();
        let mut demands: Vec<Demand> = Vec::new();
        let mut all: Vec<Demand> = Vec::new();
        let mut audio = 0;
        for &key in &self.slots {
            let Some(slot) = slots.get(key).and_then(Option::as_ref) else {
                continue;
            };
            match self.wish(slot, tracks, speaker, now) {
                Wish::Nothing(limited) => choices.push(Choice {
                    key,
                    target: None,
                    ideals: Ideals::default(),
                    limited,
                }),
                Wish::Audio => {
                    audio += slot.audio_share();
                    choices.push(Choice {
                        key,
                        target: Some(0),
                        ideals: Ideals::default(),
                        limited: Limited::No,
                    });
                }
                Wish::Video(track, demand) => {
                    all.push(Demand {
                        costs: tracks.get(&track).map_or(demand.costs, costs_of_all),
                        ..demand.clone()
                    });
                    videos.push((key, track));
                    demands.push(demand);
                }
            }
            if slot.spec.kind == MediaKind::Video && slot.rewriter.flow().is_some() {
                self.first_picture.get_or_insert(now);
            }
        }
        let budget = self.estimate.bps().saturating_sub(audio);
        let is_trial = self.first_picture.is_none_or(|at| now.since(at) < TRIAL);
        let layers = self.hysteresis.decide(&demands, budget, is_trial, now);
        let ideals = ideals(&all, budget, is_trial);
        let each = videos.into_iter().zip(&demands).zip(layers).zip(ideals);
        for ((((key, track), demand), target), ideals) in each {
            choices.push(Choice {
                key,
                target,
                ideals,
                limited: limited(demand, target, tracks.get(&track)),
            });
        }
        choices
    }

    fn wish(
        &self,
        slot: &Slot,
        tracks: &BTreeMap<TrackId, Track>,
        speaker: Option<ParticipantId>,
        now: Time,
    ) -> Wish {
        let named = slot.spec.track.and_then(|t| Some((t, tracks.get(&t)?)));
        let Some((id, track)) = named else {
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
        let role = match track.source {
            Source::Screen => Role::Screen,
            _ if Some(track.owner) == speaker => Role::Speaker,
            _ => Role::Other,
        };
        let demand = Demand {
            role,
            height: slot.spec.max_height,
            costs,
            wanted: wanted_layer(heights, slot.spec.max_height),
            held: slot.target,
            is_fresh: now < slot.fresh_until,
        };
        Wish::Video(id, demand)
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
            Some(match self.wish(slot, tracks, None, now) {
                Wish::Nothing(_) => 0,
                Wish::Audio => slot.audio_share(),
                Wish::Video(id, d) => {
                    let track = tracks.get(&id)?;
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

/// What its layers cost if all were coded.
fn costs_of_all(track: &Track) -> [Option<u64>; LAYERS] {
    let mut costs = [None; LAYERS];
    for (cost, layer) in costs.iter_mut().zip(&track.layers) {
        *cost = Some(layer.cost());
    }
    costs
}

enum Wish {
    Nothing(Limited),
    Audio,
    Video(TrackId, Demand),
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
}

fn limited(demand: &Demand, target: Option<u8>, track: Option<&Track>) -> Limited {
    let Some(track) = track else {
        return Limited::No;
    };
    let started = track.layers.iter().any(|l| l.last.is_some());
    if !track.any_alive() && started {
        return Limited::Source;
    }
    let best = (0..=demand.wanted).rev().find(|l| demand.has(*l));
    if target < best {
        Limited::Bandwidth
    } else if target < Some(demand.wanted) {
        Limited::Source
    } else {
        Limited::No
    }
}
