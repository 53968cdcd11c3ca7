//! A receiver: its slots, its budget, what each slot asks for and what it gets.

use crate::allocate::{Demand, Level, Role, by_importance, wanted_layer};
use crate::hysteresis::Hysteresis;
use crate::io::{SlotSpec, SlotState};
use crate::slot::{Flow, Rewriter};
use crate::thinner::Thinner;
use crate::track::Track;
use crate::voice::Copier;
use crate::wanted::{Ideals, ideals};
use confab_base::{
    Bitrate, Duration, Limited, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec,
};
use confab_congestion::repair::media_share;
use confab_congestion::{FORWARDER, VoiceLadder};
use std::collections::BTreeMap;

/// A receiver that never got a picture gets one for so long whatever the estimate says: sound alone proves little, and
/// padding needs a stream to go with.
const TRIAL: Duration = Duration::from_secs(2);
/// After a view changed or a track began, going up does not wait.
pub(crate) const FRESH: Duration = Duration::from_secs(2);
/// Set aside for whoever speaks next, bits per second, where those who do take less.
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
    /// What is to be sent; the layer being sent may differ until a key frame comes.
    pub target: Option<Level>,
    pub thinner: Thinner,
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
            thinner: Thinner::default(),
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
            Limited::Bandwidth | Limited::Saver if is_waiting => Limited::No,
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

    /// The highest temporal layer of this flow to be sent now. On the way down to a smaller layer the old one goes on with its base
    /// frames alone: there is no room for more.
    pub fn most(&self, flow: Flow) -> u8 {
        match self.target {
            Some(level) if level.layer() == flow.layer => level.temporal(),
            Some(level) if level.layer() < flow.layer && self.is_short() => 0,
            _ => u8::MAX,
        }
    }

    fn is_short(&self) -> bool {
        matches!(self.limited, Limited::Bandwidth | Limited::Saver)
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
    /// The most it wants to be sent.
    pub cap: Option<Bitrate>,
    /// Share of packets lost on the way to it, 0 to 1, over some seconds.
    pub loss: f64,
    /// The desired rate told last.
    pub desired: Bitrate,
    /// When the first picture was sent to it.
    pub first_picture: Option<Time>,
    pub hysteresis: Hysteresis,
}

/// The wish of one slot, and what it shall have.
pub(crate) struct Choice {
    pub key: usize,
    pub target: Option<Level>,
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
            cap: None,
            loss: 0.0,
            desired: Bitrate::ZERO,
            first_picture: None,
            hysteresis: Hysteresis::default(),
        }
    }

    /// Chooses a level for every slot. `speaker`: who has the floor among the others.
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
        let mut has_sound = false;
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
                    audio += slot.sound(tracks);
                    has_sound = true;
                    choices.push(Choice {
                        key,
                        target: Some(Level::whole(0)),
                        ideals: Ideals::default(),
                        limited: Limited::No,
                    });
                }
                Wish::Video(track, demand) => {
                    all.push(Demand {
                        costs: tracks
                            .get(&track)
                            .map_or(demand.costs, |t| t.costs(|_| true)),
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
        let audio = audio.max(if has_sound { AUDIO_SHARE } else { 0 });
        let cap = self.cap.map(|cap| cap.scaled(media_share(self.loss)));
        let cap = cap.map(|cap| cap.bps().saturating_sub(audio));
        let link = self.estimate.bps().saturating_sub(audio);
        let budget = cap.map_or(link, |cap| cap.min(link));
        let is_young = self.first_picture.is_none_or(|at| now.since(at) < TRIAL);
        let is_dip = self.hysteresis.is_dip(&demands, budget, now);
        let is_trial = (is_young || is_dip) && cap.is_none_or(|cap| first_fits(&demands, cap));
        let layers = self
            .hysteresis
            .decide(&demands, (budget, self.loss), is_trial, now);
        let ideals = ideals(&all, budget, is_trial);
        let each = videos.into_iter().zip(&demands).zip(layers).zip(ideals);
        for ((((key, track), demand), target), ideals) in each {
            choices.push(Choice {
                key,
                target,
                ideals,
                limited: match limited(demand, target, tracks.get(&track)) {
                    Limited::Bandwidth if cap.is_some_and(|cap| cap < link) => Limited::Saver,
                    limited => limited,
                },
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
        let role = match track.source {
            Source::Screen => Role::Screen,
            _ if Some(track.owner) == speaker => Role::Speaker,
            _ => Role::Other,
        };
        let demand = Demand {
            role,
            height: slot.spec.max_height,
            costs: track.costs(|layer| track.offers(layer, now)),
            wanted: Level::whole(wanted_layer(heights, slot.spec.max_height)),
            held: slot.target,
            is_fresh: now < slot.fresh_until,
        };
        Wish::Video(id, demand)
    }

    /// What the views would take at best, within the cap.
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
                    let wanted = track.layers.get(usize::from(d.wanted.layer()))?;
                    wanted.spec.max_bitrate.bps().max(wanted.measured().bps())
                }
            })
        };
        let views = Bitrate(self.slots.iter().filter_map(of_slot).sum());
        self.cap.map_or(views, |cap| views.min(cap))
    }
}

enum Wish {
    Nothing(Limited),
    Audio,
    Video(TrackId, Demand),
}

impl Slot {
    /// What its sound takes at most, bits per second.
    fn audio_share(&self) -> u64 {
        AUDIO_SHARE + self.copies() * COPY_SHARE
    }

    /// And what it takes now.
    fn sound(&self, tracks: &BTreeMap<TrackId, Track>) -> u64 {
        let track = self.spec.track.and_then(|t| tracks.get(&t));
        let voice = track.map_or(0, Track::voice);
        voice + self.copies() * voice.min(COPY_SHARE)
    }

    /// Copies are sent only where they can be read.
    fn copies(&self) -> u64 {
        match self.spec.red {
            Some(_) => self.copier.protection.copies.len() as u64,
            None => 0,
        }
    }
}

/// Whether the most important picture's lowest level costs no more than `most`, bits per second.
fn first_fits(demands: &[Demand], most: u64) -> bool {
    let first = by_importance(demands).first().map(|i| &demands[*i]);
    let lowest = first.and_then(|d| d.costs[d.lowest()?.at()]);
    lowest.is_none_or(|cost| cost <= most)
}

fn limited(demand: &Demand, target: Option<Level>, track: Option<&Track>) -> Limited {
    let Some(track) = track else {
        return Limited::No;
    };
    let started = track.layers.iter().any(|l| l.last.is_some());
    if !track.any_alive() && started {
        return Limited::Source;
    }
    let best = demand.best(demand.wanted, u64::MAX);
    if target < best {
        Limited::Bandwidth
    } else if target < Some(demand.wanted) {
        Limited::Source
    } else {
        Limited::No
    }
}
