//! One meeting's routing: from a publisher's packet to the slots that show its track. `members` is the part about who
//! takes part and publishes what, `views` the part about who gets which layer.

use crate::gate;
use crate::groups::Groups;
use crate::io::{ForwardConfig, Input, Output, RtpIn};
use crate::leg::{Leg, Slot};
use crate::quality::Quality;
use crate::same_room::SameRoom;
use crate::slot::Flow;
use crate::thinner::Thinned;
use crate::track::Track;
use crate::views::report;
use confab_base::{Bitrate, Duration, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec};
use std::collections::{BTreeMap, VecDeque};

/// How often rates are measured, silence is noticed and budgets are shared anew without another reason.
const TICK: Duration = Duration::from_millis(250);

/// See the crate's page. Packets for a hundred receivers cost no allocation but the queue's own, kept from call to call.
#[derive(Debug)]
pub struct Forwarder {
    pub(crate) config: ForwardConfig,
    pub(crate) tracks: BTreeMap<TrackId, Track>,
    pub(crate) legs: BTreeMap<ParticipantId, Leg>,
    /// Slots of all receivers by key, so that a track finds its subscribers without a search. Empty keys are re-used.
    pub(crate) slots: Vec<Option<Slot>>,
    pub(crate) groups: Groups,
    pub(crate) same_room: SameRoom,
    pub(crate) quality: Quality,
    pub(crate) out: VecDeque<Output>,
    /// Seeds drawn so far.
    pub(crate) seeds: u64,
    ticked: Option<Time>,
    /// Earliest key-frame request that has to be repeated.
    requests_at: Option<Time>,
    dropped_muted: u64,
    restored: u64,
}

impl Forwarder {
    pub fn new(config: ForwardConfig) -> Forwarder {
        Forwarder {
            config,
            tracks: BTreeMap::new(),
            legs: BTreeMap::new(),
            slots: Vec::new(),
            groups: Groups::default(),
            same_room: SameRoom::default(),
            quality: Quality::default(),
            out: VecDeque::new(),
            seeds: 0,
            ticked: None,
            requests_at: None,
            dropped_muted: 0,
            restored: 0,
        }
    }

    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Packet {
                track,
                layer,
                packet,
            } => self.take(track, layer, &packet, now),
            Input::Wakeup => {}
            Input::Join {
                participant,
                decodes,
            } => self.join(participant, decodes, now),
            Input::Leave { participant } => self.leave(participant, now),
            Input::Group { participant, group } => self.groups.set(participant, group),
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
            Input::Cap { participant, most } => self.cap(participant, most, now),
            Input::KeyframeRequest { participant, slot } => {
                self.keyframe_request(participant, slot, now)
            }
            Input::Reference {
                participant,
                slot,
                seq,
                is_stuck,
            } => self.reference((participant, slot), seq, is_stuck, now),
            Input::Estimate {
                participant,
                bitrate,
            } => self.estimate(participant, bitrate, now),
            Input::Health {
                participant,
                health,
            } => self.health(participant, health, now),
            Input::Listening {
                participant,
                stalled_permille,
            } => self.quality.listens(participant, stalled_permille, now),
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
            self.groups.next_wakeup(),
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

    /// Frames restored from copies after their packets were lost on the way here.
    pub fn restored(&self) -> u64 {
        self.restored
    }

    /// A voice's packet may bring frames before its own.
    fn take(&mut self, id: TrackId, layer: u8, packet: &RtpIn, now: Time) {
        match self.tracks.get_mut(&id) {
            Some(track) if track.kind() == MediaKind::Audio && !track.muted => {
                let (frames, restored) = track.seen.frames(packet, now);
                self.restored += restored;
                for frame in &frames {
                    self.packet(id, layer, frame, now);
                }
            }
            _ => self.packet(id, layer, packet, now),
        }
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
        let Some(state) = track.layers.get(usize::from(layer)) else {
            return;
        };
        let begins = codec.is_none_or(|codec| {
            let is_first = || state.is_first_of_frame(packet);
            gate::is_keyframe_start(codec, packet.tag, &packet.payload, is_first)
        });
        let (is_newest, died) = track.note(usize::from(layer), packet, now);
        let Some(state) = track.layers.get_mut(usize::from(layer)) else {
            return;
        };
        let woke = !state.alive && !packet.payload.is_empty();
        state.alive |= woke;
        let is_start = begins && (is_newest || state.is_in_reach(packet.seq));
        let behind = match is_start && !is_newest {
            true => state.behind(packet.seq),
            false => Vec::new(),
        };
        if is_start {
            state.request.arrived();
        }
        if woke {
            state.woke(now);
        }
        if woke && !any_alive {
            track.since = now;
        }
        if woke || died {
            self.choose_subscribers(id, now);
        }
        if let Some(level) = packet.audio_level {
            if source == Source::Microphone {
                self.groups.note(owner, level, packet.voice, now);
            }
            let spoken = packet.timestamp;
            self.same_room.note(owner, source, level, spoken, now);
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
                for packet in &behind {
                    pass(slot, flow, packet, false, codec, now, &mut self.out);
                }
                report(slot, &self.tracks, &mut self.out);
            }
        }
        // Those who began with what was kept have got this one above.
        let track = self.tracks.get_mut(&id).filter(|t| t.codec.is_some());
        if let Some(state) = track.and_then(|t| t.layers.get_mut(usize::from(layer))) {
            state.keep(packet, is_start, now);
        }
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

    fn cap(&mut self, participant: ParticipantId, most: Option<Bitrate>, now: Time) {
        if let Some(leg) = self.legs.get_mut(&participant)
            && leg.cap != most
        {
            leg.cap = most;
            self.choose(participant, now);
        }
    }

    /// Begins a flow in a slot with a key frame that came a moment ago. False if there is none.
    pub(crate) fn begin_kept(&mut self, key: usize, flow: Flow, now: Time) -> bool {
        let Some(track) = self.tracks.get(&flow.track) else {
            return false;
        };
        let layer = track.layers.get(usize::from(flow.layer));
        let Some((first, behind)) = layer.and_then(|l| l.young_start(now)) else {
            return false;
        };
        let Some(slot) = self.slots.get_mut(key).and_then(Option::as_mut) else {
            return false;
        };
        let codec = track.codec;
        let began = pass(slot, flow, &first, true, codec, now, &mut self.out);
        if began {
            for packet in &behind {
                pass(slot, flow, packet, false, codec, now, &mut self.out);
            }
            report(slot, &self.tracks, &mut self.out);
        }
        began
    }

    pub(crate) fn ask(&mut self, id: TrackId, layer: u8, now: Time) {
        let Some(track) = self
            .tracks
            .get_mut(&id)
            .filter(|t| t.kind() == MediaKind::Video && !t.muted)
        else {
            return;
        };
        // Whoever is still shown a layer that was switched off goes over to another, which was asked for then.
        let state = track.layers.get(usize::from(layer));
        if !state.is_some_and(|state| track.offers(state, now)) {
            return;
        }
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

    fn housekeeping(&mut self, now: Time) {
        if self.requests_at.is_some_and(|at| at <= now) {
            self.repeat_requests(now);
        }
        if self.ticked.is_none_or(|at| now.since(at) >= TICK) {
            self.tick(now);
        }
        if let Some(list) = self.groups.poll(now) {
            self.out.push_back(Output::Speakers(list));
        }
        if let Some(pairs) = self.same_room.poll(now) {
            self.out.push_back(Output::SameRoom(pairs));
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
        self.groups.tick(now);
        self.tell_losses(now);
        let participants: Vec<ParticipantId> = self.legs.keys().copied().collect();
        for participant in participants {
            self.choose(participant, now);
            self.tell_desired(participant, now);
        }
        let tracks: Vec<TrackId> = self.tracks.keys().copied().collect();
        tracks.into_iter().for_each(|id| self.tell_wanted(id, now));
    }

    /// Tells those who speak what is lost of it on the way here and to those who listen.
    fn tell_losses(&mut self, now: Time) {
        let (slots, legs) = (&self.slots, &self.legs);
        let loss = |key: &usize| {
            let slot = slots.get(*key)?.as_ref()?;
            Some(legs.get(&slot.participant)?.voice.loss())
        };
        let voices = self.tracks.values_mut();
        for track in voices.filter(|t| t.source == Source::Microphone) {
            let losses = track.subscribers.iter().filter_map(loss);
            let worst = losses.fold(0.0, f32::max);
            let burst = track.seen.runs.mean();
            if let Some(loss) = track.told_loss.update(worst, burst, now) {
                self.out.push_back(Output::VoiceLoss {
                    participant: track.owner,
                    loss,
                });
            }
        }
    }

    fn tell_desired(&mut self, participant: ParticipantId, now: Time) {
        let Some(leg) = self.legs.get_mut(&participant) else {
            return;
        };
        let desired = leg.desired(&self.slots, &self.tracks, now);
        if desired.bps().abs_diff(leg.desired.bps()) * 20 > leg.desired.bps() {
            leg.desired = desired;
            self.out.push_back(Output::Desired {
                participant,
                bitrate: desired,
            });
        }
    }
}

/// Whether the packet is of a frame the slot has no room for.
fn thins(slot: &mut Slot, flow: Flow, packet: &RtpIn, temporal: u8, is_vp8: bool) -> bool {
    let most = slot.most(flow);
    if !slot.rewriter.is_ahead(packet.seq) {
        // Its number is a gap already. A late VP8 picture has none: it went to the one after it.
        return is_vp8 && temporal > most;
    }
    match slot.thinner.look(packet.timestamp, temporal, most) {
        Thinned::Passed => false,
        Thinned::LeftOut { is_first_of_frame } => {
            slot.rewriter.skip(flow, packet.seq, is_first_of_frame);
            true
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
        slot.rewriter.skip(flow, packet.seq, false);
        return false;
    }
    let clock = if codec.is_some() { 90_000 } else { 48_000 };
    let held = slot.rewriter.flow() == Some(flow);
    let begins = if held {
        slot.rewriter.jumped(packet.seq)
    } else {
        is_start && slot.target.is_some_and(|t| t.layer() == flow.layer)
    };
    if begins {
        slot.rewriter.open(flow, packet, now, clock, is_vp8);
        slot.thinner.begin(slot.most(flow));
    } else if held
        && let Some(temporal) = packet.temporal(codec)
        && thins(slot, flow, packet, temporal, is_vp8)
    {
        return false;
    }
    if let Some(mut packet) = slot.rewriter.map(flow, packet, now, is_vp8) {
        if codec.is_none() {
            slot.copier.add(&mut packet, slot.spec.red);
        }
        out.push_back(Output::Send {
            participant: slot.participant,
            slot: slot.spec.slot,
            packet,
        });
    }
    begins
}
