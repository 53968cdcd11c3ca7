//! One meeting's media: carries commands, packets and events between the meeting, the forwarder and the peer
//! connections. Everything here runs on one worker thread. `offers` is the part about peer connections and their lines,
//! `carry` the part about packets.

use crate::sfu::counters::Counters;
use crate::sfu::offers::Offer;
use crate::sfu::seat::name;
use crate::sfu::seats::Seats;
use crate::sfu::worker::Io;
use confab_base::{Bitrate, ParticipantId, Time};
use confab_forward::{ForwardConfig, Forwarder, Input};
use confab_protocol::Slot;
use confab_room::{LinkSample, MediaCommand, MediaEvent};
use confab_transport::{PeerConfig, PeerEvent, PeerOutput, Protocol, stun_peek};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Events kept aside while the meeting does not read; beyond that it is closed.
const BACKLOG: usize = 1024;
/// How long packets of a frame wait for the rest of it: they leave in one system call then. The last packet of a frame
/// ends the wait, so only senders who spread a frame out feel it.
const HOLD: Duration = Duration::from_millis(2);
/// How often the meeting is told how everybody's way is.
const LINKS_EVERY: Duration = Duration::from_secs(5);

/// What a participant wants to see, and the most it wants to be sent.
pub(super) struct View {
    pub slots: Vec<Slot>,
    pub most: Option<Bitrate>,
}

pub(crate) struct Room {
    pub(super) key: u64,
    start: Instant,
    pub(super) forwarder: Forwarder,
    pub(super) seats: Seats,
    /// What each participant wants to see on its peer connection.
    pub(super) views: HashMap<ParticipantId, View>,
    events: mpsc::Sender<MediaEvent>,
    backlog: VecDeque<MediaEvent>,
    closed: Arc<AtomicBool>,
    /// Seats to be polled.
    dirty: Vec<ParticipantId>,
    /// Seats whose peers hold media to send, and when the first that waits has waited long enough.
    pub(super) loaded: Vec<ParticipantId>,
    held: Option<Instant>,
    /// Seats by their next deadline.
    deadlines: BTreeSet<(Instant, ParticipantId)>,
    /// Participants whose slots changed, told together.
    pub(super) slots_changed: BTreeSet<ParticipantId>,
    scratch: Vec<PeerEvent>,
    /// How ways were since the meeting was last told, and when that was.
    pub(super) links: Vec<LinkSample>,
    links_told: Instant,
    muted: u64,
    restored: u64,
    /// The deadline the worker knows of.
    pub scheduled: Option<Instant>,
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
            seats: Seats::default(),
            views: HashMap::new(),
            events,
            backlog: VecDeque::new(),
            closed,
            dirty: Vec::new(),
            loaded: Vec::new(),
            held: None,
            deadlines: BTreeSet::new(),
            slots_changed: BTreeSet::new(),
            scratch: Vec::new(),
            links: Vec::new(),
            links_told: now,
            muted: 0,
            restored: 0,
            scheduled: None,
        }
    }

    pub fn key(&self) -> u64 {
        self.key
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) || self.events.is_closed()
    }

    pub(super) fn time(&self, at: Instant) -> Time {
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
            MediaCommand::View {
                participant,
                slots,
                most,
            } => {
                self.views.insert(participant, View { slots, most });
                self.apply_view(participant, now);
            }
            MediaCommand::Group { participant, group } => {
                let group = Input::Group { participant, group };
                self.forwarder.handle(group, time);
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
            MediaCommand::Listening {
                participant,
                stalled_permille,
            } => {
                let listening = Input::Listening {
                    participant,
                    stalled_permille,
                };
                self.forwarder.handle(listening, time);
            }
            MediaCommand::Drop { participant } => {
                self.retire(participant, io);
                self.views.remove(&participant);
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
            let news = seat.peer.handle_packet(protocol, from, to, bytes, now);
            seat.heard = seat.peer.last_proven().unwrap_or(seat.heard);
            if news {
                self.touch(participant);
            }
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
        [wakeup, self.deadlines.first().map(|d| d.0), self.held]
            .into_iter()
            .flatten()
            .min()
    }

    /// Carries on until nothing is left to do: packets in lead to packets out, those to deadlines.
    pub fn settle(&mut self, now: Instant, io: &mut Io) {
        loop {
            self.carry_out(None, now, io);
            if self.dirty.is_empty() {
                self.release(now, io);
            }
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
        let restored = self.forwarder.restored();
        Counters::add(&io.shared.counters.restored, restored - self.restored);
        self.restored = restored;
    }

    /// Kept until a few seconds of everybody's are worth an event.
    pub(super) fn note_link(&mut self, sample: LinkSample, now: Instant) {
        self.links.push(sample);
        if now.duration_since(self.links_told) >= LINKS_EVERY {
            self.links_told = now;
            let links = std::mem::take(&mut self.links);
            self.tell(MediaEvent::Links(links), false);
        }
    }

    pub(super) fn touch(&mut self, participant: ParticipantId) {
        if let Some(seat) = self.seats.get_mut(&participant)
            && !std::mem::replace(&mut seat.is_dirty, true)
        {
            self.dirty.push(participant);
        }
    }

    /// Sends what the peers were given, but for frames that are not whole yet. Those whose repair is due are to be polled.
    fn release(&mut self, now: Instant, io: &mut Io) {
        self.held = None;
        let (seats, held, dirty) = (&mut self.seats, &mut self.held, &mut self.dirty);
        self.loaded.retain(|participant| {
            let Some(seat) = seats.get_mut(participant) else {
                return false;
            };
            let Some(until) = seat.loaded.map(|since| since + HOLD) else {
                return false;
            };
            if seat.is_urgent || until <= now {
                if seat.send_media(now, io) && !std::mem::replace(&mut seat.is_dirty, true) {
                    dirty.push(*participant);
                }
                return false;
            }
            *held = Some(held.map_or(until, |h| h.min(until)));
            true
        });
    }

    /// Polls a peer connection dry.
    fn flush(&mut self, participant: ParticipantId, now: Instant, io: &mut Io) {
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        seat.is_dirty = false;
        seat.send_media(now, io);
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
                    // The answer to a check proves the path.
                    if stun_peek::is_binding_success(&bytes) {
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

    pub(super) fn lost(&mut self, participant: ParticipantId, io: &mut Io, now: Instant) {
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
    pub(super) fn retire(&mut self, participant: ParticipantId, io: &mut Io) -> Option<u32> {
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
    pub(super) fn tell(&mut self, event: MediaEvent, must: bool) {
        if self.backlog.is_empty() {
            match self.events.try_send(event) {
                Err(mpsc::error::TrySendError::Full(event)) if must => {
                    self.backlog.push_back(event)
                }
                _ => {}
            }
        } else if must && self.backlog.len() < BACKLOG {
            self.backlog.push_back(event);
        } else if must {
            // Without this event somebody would wait for ever: the meeting starts over.
            tracing::error!(room = self.key, "a meeting does not read its media events");
            self.closed.store(true, Ordering::Release);
        }
    }
}
