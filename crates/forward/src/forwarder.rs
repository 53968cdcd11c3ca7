//! One meeting's routing: from a publisher's packet to the slots that show its track.

use crate::gate;
use crate::io::{ForwardConfig, Input, LayerSpec, Output, RtpIn, SlotSpec, SlotState};
use crate::leg::{FRESH, Leg, Slot};
use crate::quality::Quality;
use crate::slot::Flow;
use crate::speaker::Speakers;
use crate::track::Track;
use confab_base::{Bitrate, Duration, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec};
use std::collections::{BTreeMap, VecDeque};

/// How often rates are measured, silence is noticed and budgets are shared anew without another reason.
const TICK: Duration = Duration::from_millis(250);
/// Outgoing numbers a receiver can have; beyond this a slot id is not one of the shell's.
const MAX_SLOT: u16 = 1024;

/// See the crate's page. Packets for a hundred receivers cost no allocation but the queue's own, kept from call to call.
#[derive(Debug)]
pub struct Forwarder {
    config: ForwardConfig,
    tracks: BTreeMap<TrackId, Track>,
    legs: BTreeMap<ParticipantId, Leg>,
    /// Slots of all receivers by key, so that a track finds its subscribers without a search. Empty keys are re-used.
    slots: Vec<Option<Slot>>,
    speakers: Speakers,
    quality: Quality,
    out: VecDeque<Output>,
    /// Seeds drawn so far.
    seeds: u64,
    ticked: Option<Time>,
    /// Earliest key-frame request that has to be repeated.
    requests_at: Option<Time>,
    dropped_muted: u64,
}

impl Forwarder {
    pub fn new(config: ForwardConfig) -> Forwarder {
        Forwarder {
            config,
            tracks: BTreeMap::new(),
            legs: BTreeMap::new(),
            slots: Vec::new(),
            speakers: Speakers::default(),
            quality: Quality::default(),
            out: VecDeque::new(),
            seeds: 0,
            ticked: None,
            requests_at: None,
            dropped_muted: 0,
        }
    }

    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Packet {
                track,
                layer,
                packet,
            } => self.packet(track, layer, &packet, now),
            Input::Wakeup => {}
            Input::Join {
                participant,
                decodes,
            } => self.join(participant, decodes, now),
            Input::Leave { participant } => self.leave(participant, now),
            Input::NewLeg { participant } => self.new_leg(participant),
            Input::Publish {
                participant,
                track,
                source,
                codec,
                layers,
            } => {
                self.publish(track, participant, source, codec, &layers, now);
            }
            Input::Unpublish { track } => self.unpublish(track, now),
            Input::Restarted { track } => self.restarted(track, now),
            Input::Mute { track, muted } => self.mute(track, muted, now),
            Input::View { participant, slots } => self.view(participant, &slots, now),
            Input::KeyframeRequest { participant, slot } => {
                self.keyframe_request(participant, slot, now)
            }
            Input::Estimate {
                participant,
                bitrate,
            } => self.estimate(participant, bitrate, now),
            Input::Health {
                participant,
                health,
            } => {
                if self.legs.contains_key(&participant) {
                    self.quality.note(participant, health);
                }
            }
        }
        self.housekeeping(now);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Wakeup`] is due.
    pub fn next_wakeup(&self) -> Option<Time> {
        let tick = (!self.legs.is_empty()).then(|| self.ticked.map_or(Time::ZERO, |at| at + TICK));
        [
            tick,
            self.requests_at,
            self.speakers.next_wakeup(),
            self.quality.next_wakeup(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Packets of muted tracks dropped so far.
    pub fn dropped_muted(&self) -> u64 {
        self.dropped_muted
    }

    /// The tracks a participant publishes.
    pub fn tracks_of(&self, participant: ParticipantId) -> impl Iterator<Item = TrackId> {
        self.tracks
            .iter()
            .filter(move |(_, t)| t.owner == participant)
            .map(|(id, _)| *id)
    }

    fn packet(&mut self, id: TrackId, layer: u8, packet: &RtpIn, now: Time) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        if track.muted {
            self.dropped_muted += 1;
            return;
        }
        let codec = track.codec;
        let flow = Flow {
            track: id,
            layer,
            epoch: track.epoch,
        };
        let (owner, source) = (track.owner, track.source);
        let any_alive = track.any_alive();
        let Some(state) = track.layers.get_mut(usize::from(layer)) else {
            return;
        };
        let is_newest = state.note(packet.seq, packet.payload.len(), now);
        let woke = !state.alive && !packet.payload.is_empty();
        state.alive |= woke;
        let is_start =
            is_newest && codec.is_none_or(|c| gate::is_keyframe_start(c, &packet.payload));
        if is_start {
            state.request.arrived();
        }
        if woke && !any_alive {
            track.since = now;
        }
        if woke {
            self.choose_subscribers(id, now);
        }
        if let (Source::Microphone, Some(level)) = (source, packet.audio_level) {
            self.speakers.note(owner, level, packet.voice, now);
        }
        let Some(track) = self.tracks.get(&id) else {
            return;
        };
        for &key in &track.subscribers {
            let Some(slot) = self.slots.get_mut(key).and_then(Option::as_mut) else {
                continue;
            };
            let began = pass(slot, flow, packet, is_start, codec, now, &mut self.out);
            if began {
                report(slot, &self.tracks, &mut self.out);
            }
        }
    }

    fn join(&mut self, participant: ParticipantId, decodes: Vec<VideoCodec>, now: Time) {
        let start = self.config.start_estimate;
        let leg = self
            .legs
            .entry(participant)
            .or_insert_with(|| Leg::new(Vec::new(), start));
        if leg.decodes != decodes {
            leg.decodes = decodes;
            self.choose(participant, now);
        }
    }

    fn leave(&mut self, participant: ParticipantId, now: Time) {
        self.new_leg(participant);
        self.legs.remove(&participant);
        self.speakers.remove(participant);
        self.quality.remove(participant);
        let own: Vec<TrackId> = self.tracks_of(participant).collect();
        for track in own {
            self.unpublish(track, now);
        }
    }

    fn new_leg(&mut self, participant: ParticipantId) {
        let Some(leg) = self.legs.get_mut(&participant) else {
            return;
        };
        leg.estimate = self.config.start_estimate;
        for key in std::mem::take(&mut leg.slots) {
            if let Some(slot) = self.slots.get_mut(key).and_then(Option::take) {
                unsubscribe(&mut self.tracks, slot.spec.track, key);
            }
        }
    }

    fn publish(
        &mut self,
        id: TrackId,
        owner: ParticipantId,
        source: Source,
        codec: Option<VideoCodec>,
        layers: &[LayerSpec],
        now: Time,
    ) {
        let track = self
            .tracks
            .entry(id)
            .or_insert_with(|| Track::new(owner, source, codec, layers));
        if track.codec != codec {
            track.codec = codec;
            track.restart();
        }
        track.set_layers(layers);
        // Slots may have named the track before it was there.
        for (key, slot) in self.slots.iter_mut().enumerate() {
            let Some(slot) = slot.as_mut().filter(|s| s.spec.track == Some(id)) else {
                continue;
            };
            slot.fresh_until = now + FRESH;
            if !track.subscribers.contains(&key) {
                track.subscribers.push(key);
            }
        }
        self.choose_subscribers(id, now);
    }

    fn unpublish(&mut self, id: TrackId, now: Time) {
        let Some(track) = self.tracks.remove(&id) else {
            return;
        };
        if track.source == Source::Microphone {
            self.speakers.remove(track.owner);
        }
        for key in track.subscribers {
            if let Some(slot) = self.slots.get_mut(key).and_then(Option::as_mut) {
                slot.rewriter.close();
                slot.target = None;
                let participant = slot.participant;
                self.choose(participant, now);
            }
        }
    }

    fn restarted(&mut self, id: TrackId, now: Time) {
        if let Some(track) = self.tracks.get_mut(&id) {
            track.restart();
            self.refresh(id, now);
        }
    }

    fn mute(&mut self, id: TrackId, muted: bool, now: Time) {
        let Some(track) = self.tracks.get_mut(&id).filter(|t| t.muted != muted) else {
            return;
        };
        track.muted = muted;
        for layer in &mut track.layers {
            layer.request.forget();
            // Silence is judged from here on.
            layer.alive = false;
            layer.last = None;
        }
        if muted && track.source == Source::Microphone {
            let owner = track.owner;
            self.speakers.remove(owner);
        }
        self.refresh(id, now);
    }

    /// Everyone who shows the track starts over with it.
    fn refresh(&mut self, id: TrackId, now: Time) {
        let Some(track) = self.tracks.get(&id) else {
            return;
        };
        for &key in &track.subscribers {
            if let Some(slot) = self.slots.get_mut(key).and_then(Option::as_mut) {
                slot.rewriter.close();
                slot.target = None;
                slot.fresh_until = now + FRESH;
            }
        }
        self.choose_subscribers(id, now);
    }

    fn view(&mut self, participant: ParticipantId, view: &[SlotSpec], now: Time) {
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
            point(&mut slot, key, *spec, &mut self.tracks, now);
            if key == self.slots.len() {
                self.slots.push(Some(slot));
            } else {
                self.slots[key] = Some(slot);
            }
            leg.slots.push(key);
        }
        self.choose(participant, now);
    }

    fn keyframe_request(&mut self, participant: ParticipantId, slot: u16, now: Time) {
        let Some(leg) = self.legs.get(&participant) else {
            return;
        };
        let mut slots = leg
            .slots
            .iter()
            .filter_map(|k| self.slots.get(*k)?.as_ref());
        let Some(flow) = slots
            .find(|s| s.spec.slot == slot)
            .and_then(|s| s.rewriter.flow())
        else {
            return;
        };
        self.ask(flow.track, flow.layer, now);
    }

    fn estimate(&mut self, participant: ParticipantId, bitrate: Bitrate, now: Time) {
        if let Some(leg) = self.legs.get_mut(&participant) {
            leg.estimate = bitrate;
            self.choose(participant, now);
        }
    }

    fn ask(&mut self, id: TrackId, layer: u8, now: Time) {
        let Some(track) = self
            .tracks
            .get_mut(&id)
            .filter(|t| t.kind() == MediaKind::Video && !t.muted)
        else {
            return;
        };
        let Some(state) = track.layers.get_mut(usize::from(layer)) else {
            return;
        };
        state.request.want();
        if state.request.due(now) {
            self.out
                .push_back(Output::RequestKeyframe { track: id, layer });
        }
        let next = state.request.next_wakeup();
        self.requests_at = [self.requests_at, next].into_iter().flatten().min();
    }

    fn choose_subscribers(&mut self, id: TrackId, now: Time) {
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
    fn choose(&mut self, participant: ParticipantId, now: Time) {
        let Some(leg) = self.legs.get(&participant) else {
            return;
        };
        for choice in leg.choose(&mut self.slots, &self.tracks, now) {
            let Some(slot) = self.slots.get_mut(choice.key).and_then(Option::as_mut) else {
                continue;
            };
            slot.target = choice.target;
            slot.limited = choice.limited;
            let flow = slot.rewriter.flow();
            if choice.target.is_none() {
                slot.rewriter.close();
            }
            report(slot, &self.tracks, &mut self.out);
            let (track, target) = (slot.spec.track, choice.target);
            let wrong = target.is_some() && flow.map(|f| (f.track, f.layer)) != track.zip(target);
            if let (true, Some(track), Some(layer)) = (wrong, track, target) {
                self.ask(track, layer, now);
            }
        }
    }

    fn housekeeping(&mut self, now: Time) {
        if self.requests_at.is_some_and(|at| at <= now) {
            self.repeat_requests(now);
        }
        if self.ticked.is_none_or(|at| now.since(at) >= TICK) {
            self.tick(now);
        }
        if let Some(list) = self.speakers.poll(now) {
            self.out.push_back(Output::Speakers(list));
        }
        if let Some(levels) = self.quality.poll(now) {
            self.out.push_back(Output::Quality(levels));
        }
    }

    fn repeat_requests(&mut self, now: Time) {
        self.requests_at = None;
        for (id, track) in &mut self.tracks {
            for (i, layer) in track.layers.iter_mut().enumerate() {
                if layer.request.due(now) {
                    self.out.push_back(Output::RequestKeyframe {
                        track: *id,
                        layer: i as u8,
                    });
                }
                let next = layer.request.next_wakeup();
                self.requests_at = [self.requests_at, next].into_iter().flatten().min();
            }
        }
    }

    fn tick(&mut self, now: Time) {
        let seconds = self.ticked.map_or(TICK, |at| now.since(at)).as_secs_f64();
        self.ticked = Some(now);
        for track in self.tracks.values_mut() {
            track.tick(now, seconds);
        }
        let participants: Vec<ParticipantId> = self.legs.keys().copied().collect();
        for participant in participants {
            self.choose(participant, now);
            self.tell_rates(participant, now);
        }
    }

    fn tell_rates(&mut self, participant: ParticipantId, now: Time) {
        let Some(leg) = self.legs.get_mut(&participant) else {
            return;
        };
        let rates = (
            leg.desired(&self.slots, &self.tracks, now),
            leg.current(&self.slots, &self.tracks),
        );
        let near = |a: Bitrate, b: Bitrate| a.bps().abs_diff(b.bps()) * 20 <= b.bps();
        if !near(rates.0, leg.rates.0) || !near(rates.1, leg.rates.1) {
            leg.rates = rates;
            self.out.push_back(Output::Rates {
                participant,
                desired: rates.0,
                current: rates.1,
            });
        }
    }
}

/// Gives one slot a packet. True if a new run began with it.
fn pass(
    slot: &mut Slot,
    flow: Flow,
    packet: &RtpIn,
    is_start: bool,
    codec: Option<VideoCodec>,
    now: Time,
    out: &mut VecDeque<Output>,
) -> bool {
    let is_vp8 = codec == Some(VideoCodec::Vp8);
    if packet.payload.is_empty() {
        // Padding carries nothing; receivers get their own.
        slot.rewriter.skip(flow, packet.seq);
        return false;
    }
    let clock = if codec.is_some() { 90_000 } else { 48_000 };
    let held = slot.rewriter.flow() == Some(flow);
    let begins = if held {
        slot.rewriter.jumped(packet.seq)
    } else {
        is_start && slot.target == Some(flow.layer)
    };
    if begins {
        slot.rewriter.open(flow, packet, now, clock, is_vp8);
    }
    if let Some(packet) = slot.rewriter.map(flow, packet, now, is_vp8) {
        out.push_back(Output::Send {
            participant: slot.participant,
            slot: slot.spec.slot,
            packet,
        });
    }
    begins
}

fn report(slot: &mut Slot, tracks: &BTreeMap<TrackId, Track>, out: &mut VecDeque<Output>) {
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

fn unsubscribe(tracks: &mut BTreeMap<TrackId, Track>, track: Option<TrackId>, key: usize) {
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
