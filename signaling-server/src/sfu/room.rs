//! One meeting's media: carries commands, packets and events between the meeting, the forwarder and the peer
//! connections. Everything here runs on one worker thread.

use crate::sfu::counters::Counters;
use crate::sfu::seat::{Seat, name};
use crate::sfu::worker::Io;
use confab_base::{Code, ParticipantId, Time, TrackId, VideoCodec};
use confab_forward::{ForwardConfig, Forwarder, Input, LinkHealth, Output, RtpIn, RtpOut};
use confab_protocol::{Limited, ParticipantQuality, QualityLevel, Slot, SlotState};
use confab_room::{MediaCommand, MediaEvent, PublishedLine};
use confab_transport::{
    Codec, InPacket, OutPacket, Peer, PeerConfig, PeerEvent, PeerOutput, PeerStats, Protocol,
};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Larger payloads are dropped: with headers and tags they would not fit one datagram on the way out.
const MAX_PAYLOAD: usize = 1400;
/// Peer connections of one worker; further offers are refused as overload.
const MOST_PEERS: usize = 4096;
/// Events kept aside while the meeting does not read; beyond that the oldest is dropped.
const BACKLOG: usize = 1024;
/// Room above what the views take, for the estimator to prove: going up needs a margin.
const PROBE_MARGIN: f64 = 1.3;

pub(crate) struct Room {
    key: u64,
    start: Instant,
    forwarder: Forwarder,
    seats: HashMap<ParticipantId, Seat>,
    /// What each participant wants to see; kept over generations.
    views: HashMap<ParticipantId, Vec<Slot>>,
    /// The newest generation of each participant, also of those whose peer was lost.
    generations: HashMap<ParticipantId, u32>,
    events: mpsc::Sender<MediaEvent>,
    backlog: VecDeque<MediaEvent>,
    closed: Arc<AtomicBool>,
    /// Seats to be polled.
    dirty: Vec<ParticipantId>,
    /// Seats by their next deadline.
    deadlines: BTreeSet<(Instant, ParticipantId)>,
    /// Participants whose slots changed, told together.
    slots_changed: BTreeSet<ParticipantId>,
    scratch: Vec<PeerEvent>,
    muted: u64,
    /// The deadline the worker knows of.
    pub scheduled: Option<Instant>,
}

struct Offer {
    participant: ParticipantId,
    ticket: u64,
    generation: u32,
    sdp: String,
    publish: Vec<PublishedLine>,
    decodes: Vec<VideoCodec>,
}

impl Room {
    pub fn new(
        key: u64,
        events: mpsc::Sender<MediaEvent>,
        closed: Arc<AtomicBool>,
        now: Instant,
    ) -> Room {
        let config = ForwardConfig {
            start_estimate: PeerConfig::lite_server().start_bitrate,
            seed: rand::random(),
        };
        Room {
            key,
            start: now,
            forwarder: Forwarder::new(config),
            seats: HashMap::new(),
            views: HashMap::new(),
            generations: HashMap::new(),
            events,
            backlog: VecDeque::new(),
            closed,
            dirty: Vec::new(),
            deadlines: BTreeSet::new(),
            slots_changed: BTreeSet::new(),
            scratch: Vec::new(),
            muted: 0,
            scheduled: None,
        }
    }

    pub fn key(&self) -> u64 {
        self.key
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) || self.events.is_closed()
    }

    fn time(&self, at: Instant) -> Time {
        Time::from_micros(at.saturating_duration_since(self.start).as_micros() as u64)
    }

    pub fn command(&mut self, command: MediaCommand, now: Instant, io: &mut Io) {
        let time = self.time(now);
        match command {
            MediaCommand::Offer {
                participant,
                ticket,
                generation,
                sdp,
                publish,
                decodes,
            } => {
                let offer = Offer {
                    participant,
                    ticket,
                    generation,
                    sdp,
                    publish,
                    decodes,
                };
                self.offer(offer, now, io);
            }
            MediaCommand::View { participant, slots } => {
                self.views.insert(participant, slots);
                self.apply_view(participant, now);
            }
            MediaCommand::Mute { track, muted } => {
                self.forwarder.handle(Input::Mute { track, muted }, time)
            }
            MediaCommand::Unpublish { track } => {
                for seat in self.seats.values_mut() {
                    seat.published.retain(|p| p.track != track);
                }
                self.forwarder.handle(Input::Unpublish { track }, time);
            }
            MediaCommand::Drop { participant } => {
                self.retire(participant, io);
                self.views.remove(&participant);
                self.generations.remove(&participant);
                self.forwarder.handle(Input::Leave { participant }, time);
            }
            MediaCommand::Close => self.close(io),
        }
    }

    /// Ends all peer connections.
    pub fn close(&mut self, io: &mut Io) {
        let all: Vec<ParticipantId> = self.seats.keys().copied().collect();
        for participant in all {
            self.retire(participant, io);
            self.forwarder
                .handle(Input::Leave { participant }, Time::ZERO);
        }
    }

    fn offer(&mut self, offer: Offer, now: Instant, io: &mut Io) {
        match self.try_offer(&offer, now, io) {
            Ok(answer) => self.tell(answer, true),
            Err((code, message)) => {
                tracing::debug!(seat = name(self.key, offer.participant), %code, message, "offer refused");
                let Offer {
                    participant,
                    ticket,
                    generation,
                    ..
                } = offer;
                self.tell(
                    MediaEvent::OfferFailed {
                        participant,
                        ticket,
                        generation,
                        code,
                        message,
                    },
                    true,
                );
            }
        }
    }

    fn try_offer(
        &mut self,
        offer: &Offer,
        now: Instant,
        io: &mut Io,
    ) -> Result<MediaEvent, (Code, String)> {
        let participant = offer.participant;
        let newest = self.generations.get(&participant).copied().unwrap_or(0);
        let held = self.seats.get(&participant).map(|s| s.generation);
        let is_new = held != Some(offer.generation);
        if offer.generation < newest || (is_new && offer.generation == newest) {
            return Err((
                Code::StaleGeneration,
                format!("peer connection {newest} is newer or lost"),
            ));
        }
        let bad_sdp = |e: confab_transport::SdpError| (Code::BadSdp, e.to_string());
        let sdp = if is_new {
            if io.peers.len() >= MOST_PEERS {
                return Err((Code::Overloaded, "too many peer connections".into()));
            }
            let (peer, sdp) = accept(&offer.sdp, now, io).map_err(bad_sdp)?;
            self.retire(participant, io);
            self.admit(participant, offer.generation, peer, now, io);
            sdp
        } else {
            let Some(seat) = self.seats.get_mut(&participant) else {
                return Err((Code::StaleGeneration, "no such peer connection".into()));
            };
            seat.peer.accept_offer(&offer.sdp).map_err(bad_sdp)?
        };
        let codecs = self.publish(offer, is_new && newest > 0, now);
        self.apply_view(participant, now);
        self.touch(participant);
        let (ticket, generation) = (offer.ticket, offer.generation);
        Ok(MediaEvent::Answer {
            participant,
            ticket,
            generation,
            sdp,
            codecs,
        })
    }

    fn admit(
        &mut self,
        participant: ParticipantId,
        generation: u32,
        peer: Peer,
        now: Instant,
        io: &mut Io,
    ) {
        let key = io.shared.directory.peer_key(io.index);
        let seat = Seat::new(generation, key, peer, now);
        io.shared.directory.add_name(seat.ufrag.clone(), key);
        io.peers.insert(key, (self.key, participant));
        Counters::add(&io.shared.counters.peers, 1);
        self.generations.insert(participant, generation);
        self.seats.insert(participant, seat);
        let time = self.time(now);
        self.forwarder.handle(Input::NewLeg { participant }, time);
    }

    /// Tells the forwarder what the participant sends and decodes now; the codec of each video track.
    fn publish(
        &mut self,
        offer: &Offer,
        restarted: bool,
        now: Instant,
    ) -> Vec<(TrackId, VideoCodec)> {
        let time = self.time(now);
        let participant = offer.participant;
        let Some(seat) = self.seats.get_mut(&participant) else {
            return Vec::new();
        };
        seat.map_lines(&offer.publish, offer.decodes.clone());
        let decodes = seat.decodes.clone();
        self.forwarder.handle(
            Input::Join {
                participant,
                decodes,
            },
            time,
        );
        let gone: Vec<TrackId> = self
            .forwarder
            .tracks_of(participant)
            .filter(|track| !seat.published.iter().any(|p| p.track == *track))
            .collect();
        for track in gone {
            self.forwarder.handle(Input::Unpublish { track }, time);
        }
        let mut codecs = Vec::new();
        for sending in &seat.published {
            let (track, source) = (sending.track, sending.publish.source);
            let codec = sending.codec.and_then(Codec::video);
            let layers = sending.layers();
            self.forwarder.handle(
                Input::Publish {
                    participant,
                    track,
                    source,
                    codec,
                    layers,
                },
                time,
            );
            if restarted {
                self.forwarder.handle(Input::Restarted { track }, time);
            }
            codecs.extend(codec.map(|c| (track, c)));
        }
        for line in &offer.publish {
            self.forwarder.handle(
                Input::Mute {
                    track: line.track,
                    muted: line.muted,
                },
                time,
            );
        }
        codecs
    }

    fn apply_view(&mut self, participant: ParticipantId, now: Instant) {
        let time = self.time(now);
        if let (Some(seat), Some(view)) =
            (self.seats.get(&participant), self.views.get(&participant))
        {
            let slots = seat.view(view);
            self.forwarder
                .handle(Input::View { participant, slots }, time);
        }
    }

    pub fn packet(
        &mut self,
        participant: ParticipantId,
        protocol: Protocol,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        if let Some(seat) = self.seats.get_mut(&participant) {
            seat.heard = now;
            seat.peer.handle_packet(protocol, from, to, bytes, now);
            self.touch(participant);
        }
    }

    /// A deadline of the meeting has come.
    pub fn timeout(&mut self, now: Instant, io: &mut Io) {
        let time = self.time(now);
        if self.forwarder.next_wakeup().is_some_and(|at| at <= time) {
            self.forwarder.handle(Input::Wakeup, time);
        }
        while let Some(&(at, participant)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            let Some(seat) = self.seats.get_mut(&participant) else {
                continue;
            };
            seat.scheduled = None;
            if seat.gives_up().is_some_and(|at| at <= now) {
                self.lost(participant, io, now);
                continue;
            }
            seat.peer.handle_timeout(now);
            self.touch(participant);
        }
        while let Some(event) = self.backlog.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
                self.backlog.push_front(event);
                break;
            }
        }
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        let wakeup = self
            .forwarder
            .next_wakeup()
            .map(|at| self.start + Duration::from_micros(at.as_micros()));
        [wakeup, self.deadlines.first().map(|d| d.0)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Carries on until nothing is left to do: packets in lead to packets out, those to deadlines.
    pub fn settle(&mut self, now: Instant, io: &mut Io) {
        loop {
            self.carry_out(None, now, io);
            if self.dirty.is_empty() {
                break;
            }
            for participant in std::mem::take(&mut self.dirty) {
                self.flush(participant, now, io);
            }
        }
        for participant in std::mem::take(&mut self.slots_changed) {
            if let Some(seat) = self.seats.get(&participant) {
                let slots = seat.slots.iter().filter_map(|s| s.state.clone()).collect();
                self.tell(MediaEvent::Slots { participant, slots }, false);
            }
        }
        let muted = self.forwarder.dropped_muted();
        Counters::add(&io.shared.counters.muted, muted - self.muted);
        self.muted = muted;
    }

    fn touch(&mut self, participant: ParticipantId) {
        if let Some(seat) = self.seats.get_mut(&participant)
            && !std::mem::replace(&mut seat.is_dirty, true)
        {
            self.dirty.push(participant);
        }
    }

    /// Polls a peer connection dry.
    fn flush(&mut self, participant: ParticipantId, now: Instant, io: &mut Io) {
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        seat.is_dirty = false;
        let mut events = std::mem::take(&mut self.scratch);
        let next = loop {
            match seat.peer.poll() {
                PeerOutput::Timeout(at) => break at,
                PeerOutput::Event(event) => events.push(event),
                PeerOutput::Transmit {
                    protocol,
                    src,
                    dst,
                    bytes,
                } => {
                    if seat.proves(protocol, dst, &bytes) {
                        io.shared
                            .directory
                            .learn((protocol, dst), seat.key, &mut seat.paths);
                    }
                    io.send(protocol, src, dst, bytes);
                }
            }
        };
        io.flush();
        let next = seat.gives_up().map_or(next, |at| at.min(next));
        if seat.scheduled != Some(next) {
            if let Some(old) = seat.scheduled.replace(next) {
                self.deadlines.remove(&(old, participant));
            }
            self.deadlines.insert((next, participant));
        }
        for event in events.drain(..) {
            self.event(participant, event, now, io);
        }
        self.scratch = events;
    }

    fn event(&mut self, participant: ParticipantId, event: PeerEvent, now: Instant, io: &mut Io) {
        let time = self.time(now);
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        match event {
            PeerEvent::Rtp(packet) => self.media(participant, packet, now, io),
            PeerEvent::Connected => seat.connected(),
            PeerEvent::Disconnected => {
                seat.silent(now);
                self.touch(participant);
            }
            PeerEvent::Closed => self.lost(participant, io, now),
            PeerEvent::KeyframeRequest { mid, .. } => {
                if let Some(slot) = seat.slot_of(mid) {
                    self.forwarder
                        .handle(Input::KeyframeRequest { participant, slot }, time);
                }
            }
            PeerEvent::Estimate(bitrate) => self.forwarder.handle(
                Input::Estimate {
                    participant,
                    bitrate,
                },
                time,
            ),
            PeerEvent::Stats(stats) => {
                let heard = seat.heard;
                let health = health(&stats, self.time(heard));
                self.forwarder.handle(
                    Input::Health {
                        participant,
                        health,
                    },
                    time,
                );
            }
        }
    }

    fn media(&mut self, participant: ParticipantId, packet: InPacket, now: Instant, io: &mut Io) {
        let time = self.time(now);
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        let source = seat
            .source(packet.mid, packet.rid)
            .filter(|_| packet.payload.len() <= MAX_PAYLOAD);
        let Some((sending, layer)) = source else {
            Counters::add(&io.shared.counters.unroutable, 1);
            return;
        };
        let track = sending.track;
        if sending.codec != Some(packet.codec)
            && packet.codec.kind() == sending.publish.source.kind()
        {
            // A browser may choose another of the codecs agreed on than the first.
            sending.codec = Some(packet.codec);
            let (source, layers) = (sending.publish.source, sending.layers());
            let codec = packet.codec.video();
            self.forwarder.handle(
                Input::Publish {
                    participant,
                    track,
                    source,
                    codec,
                    layers,
                },
                time,
            );
        }
        let captured = seat.clock.captured(
            packet.report,
            packet.timestamp,
            packet.codec.clock_rate(),
            packet.received,
        );
        let rtp = RtpIn {
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
            audio_level: packet.audio_level,
            voice: packet.voice.unwrap_or(false),
        };
        self.forwarder.handle(
            Input::Packet {
                track,
                layer,
                packet: rtp,
            },
            time,
        );
        self.carry_out(Some((packet.codec, captured)), now, io);
    }

    /// Does what the forwarder wants done. Packets come only while one was handed in: `media` is its codec and capture
    /// time.
    fn carry_out(&mut self, media: Option<(Codec, Instant)>, now: Instant, io: &mut Io) {
        let mut forwarded = 0;
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send {
                    participant,
                    slot,
                    packet,
                } => {
                    if let Some((codec, captured)) = media {
                        forwarded +=
                            u64::from(self.send(participant, slot, packet, codec, captured, now));
                    }
                }
                Output::RequestKeyframe { track, layer } => self.request_keyframe(track, layer),
                Output::Speakers(speakers) => self.tell(MediaEvent::Speakers(speakers), false),
                Output::Quality(levels) => {
                    let level = |(participant, level)| ParticipantQuality {
                        participant,
                        level: quality(level),
                    };
                    self.tell(
                        MediaEvent::Quality(levels.into_iter().map(level).collect()),
                        false,
                    );
                }
                Output::SlotState { participant, state } => self.slot_state(participant, state),
                Output::Rates {
                    participant,
                    desired,
                    current,
                } => {
                    if let Some(seat) = self.seats.get_mut(&participant) {
                        seat.peer
                            .set_bitrate(current.min(desired), desired.scaled(PROBE_MARGIN));
                        self.touch(participant);
                    }
                }
            }
        }
        Counters::add(&io.shared.counters.forwarded, forwarded);
    }

    fn send(
        &mut self,
        participant: ParticipantId,
        slot: u16,
        packet: RtpOut,
        codec: Codec,
        captured: Instant,
        now: Instant,
    ) -> bool {
        let Some(seat) = self.seats.get_mut(&participant) else {
            return false;
        };
        let Some(mid) = seat.slots.get(usize::from(slot)).map(|s| s.mid) else {
            return false;
        };
        let out = OutPacket {
            codec,
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload,
            audio_level: packet.audio_level,
            voice: packet.voice,
            captured,
        };
        if !seat.peer.is_connected() || seat.peer.send_rtp(mid, None, out, now).is_err() {
            return false;
        }
        if !std::mem::replace(&mut seat.is_dirty, true) {
            self.dirty.push(participant);
        }
        true
    }

    fn request_keyframe(&mut self, track: TrackId, layer: u8) {
        let owner = self.seats.iter_mut().find_map(|(who, seat)| {
            let sending = seat.published.iter().find(|p| p.track == track)?;
            let (mid, rid) = (sending.mid, sending.rid(layer));
            seat.peer.request_keyframe(mid, rid);
            Some(*who)
        });
        if let Some(owner) = owner {
            self.touch(owner);
        }
    }

    fn slot_state(&mut self, participant: ParticipantId, state: confab_forward::SlotState) {
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        if let Some(slot) = seat.slots.get_mut(usize::from(state.slot)) {
            let (mid, limited) = (slot.mid.as_str().to_owned(), limited(state.limited));
            slot.state = Some(SlotState {
                mid,
                track: state.track,
                height: state.height,
                limited,
            });
            self.slots_changed.insert(participant);
        }
    }

    fn lost(&mut self, participant: ParticipantId, io: &mut Io, now: Instant) {
        if let Some(generation) = self.retire(participant, io) {
            tracing::debug!(
                seat = name(self.key, participant),
                generation,
                "peer connection lost"
            );
            let time = self.time(now);
            self.forwarder.handle(Input::NewLeg { participant }, time);
            self.tell(
                MediaEvent::Lost {
                    participant,
                    generation,
                },
                true,
            );
        }
    }

    /// Says good-bye to a peer connection and forgets it; its generation.
    fn retire(&mut self, participant: ParticipantId, io: &mut Io) -> Option<u32> {
        let mut seat = self.seats.remove(&participant)?;
        if let Some(at) = seat.scheduled {
            self.deadlines.remove(&(at, participant));
        }
        self.dirty.retain(|p| *p != participant);
        seat.peer.disconnect();
        loop {
            match seat.peer.poll() {
                PeerOutput::Timeout(_) => break,
                PeerOutput::Transmit {
                    protocol,
                    src,
                    dst,
                    bytes,
                } => io.send(protocol, src, dst, bytes),
                PeerOutput::Event(_) => {}
            }
        }
        io.flush();
        io.shared
            .directory
            .forget(&seat.ufrag, seat.key, &seat.paths);
        io.peers.remove(&seat.key);
        Some(seat.generation)
    }

    /// Tells the meeting. What it `must` know waits if it does not read; the rest is dropped, the next news replace it.
    fn tell(&mut self, event: MediaEvent, must: bool) {
        if self.backlog.is_empty() {
            match self.events.try_send(event) {
                Err(mpsc::error::TrySendError::Full(event)) if must => {
                    self.backlog.push_back(event)
                }
                _ => {}
            }
        } else if must {
            if self.backlog.len() == BACKLOG {
                self.backlog.pop_front();
            }
            self.backlog.push_back(event);
        }
    }
}

fn accept(
    offer: &str,
    now: Instant,
    io: &Io,
) -> Result<(Peer, String), confab_transport::SdpError> {
    let mut peer = Peer::new(PeerConfig::lite_server(), now);
    for addr in &io.shared.announced.udp {
        peer.add_local_candidate(*addr, Protocol::Udp);
    }
    for addr in &io.shared.announced.tcp {
        peer.add_local_candidate(*addr, Protocol::Tcp);
    }
    let answer = peer.accept_offer(offer)?;
    Ok((peer, answer))
}

fn health(stats: &PeerStats, heard: Time) -> LinkHealth {
    LinkHealth {
        loss_up: stats.receive_loss.unwrap_or(0.0),
        loss_down: stats.send_loss.unwrap_or(0.0),
        rtt: stats.rtt,
        heard,
    }
}

fn quality(level: confab_forward::QualityLevel) -> QualityLevel {
    match level {
        confab_forward::QualityLevel::Lost => QualityLevel::Lost,
        confab_forward::QualityLevel::Poor => QualityLevel::Poor,
        confab_forward::QualityLevel::Fair => QualityLevel::Fair,
        confab_forward::QualityLevel::Good => QualityLevel::Good,
    }
}

fn limited(limited: confab_forward::Limited) -> Limited {
    match limited {
        confab_forward::Limited::No => Limited::No,
        confab_forward::Limited::Bandwidth => Limited::Bandwidth,
        confab_forward::Limited::Source => Limited::Source,
        confab_forward::Limited::Codec => Limited::Codec,
    }
}
