//! The socket thread's loop: commands, packets and timeouts into the peer; packets and events out of it.

use super::sockets::{Changed, Sockets};
use super::tcp::TlsWay;
use super::{Burst, Control, Direction, DriverConfig, DriverEvent, Filter, WAKER};
use crate::{InPacket, Peer, PeerEvent, PeerOutput, Protocol, sdp_text};
use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};
use mio::{Events, Poll};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// UDP gets this long before TCP is tried beside it.
const TCP_AFTER: Duration = Duration::from_millis(700);
/// While there is no path: how often TCP and new own addresses are tried again.
const RETRY: Duration = Duration::from_millis(1000);
/// How long the last events are offered to a reader that does not read.
const LAST_WORDS: Duration = Duration::from_millis(500);

pub(super) struct Ends {
    pub(super) control: Receiver<Control>,
    pub(super) bursts: Receiver<Burst>,
    pub(super) media: Sender<InPacket>,
    pub(super) events: Sender<DriverEvent>,
    pub(super) dropped: Arc<AtomicU64>,
}

struct Loop {
    peer: Peer,
    sockets: Sockets,
    ends: Ends,
    filter: Option<Filter>,
    tls: Option<TlsWay>,
    /// Events the reader's queue had no room for.
    backlog: VecDeque<DriverEvent>,
    /// Where the server is; empty before the answer.
    servers: Vec<(Protocol, SocketAddr)>,
    connected: bool,
    /// It was connected and is not now.
    lost: bool,
    /// Of the packet last sent or received.
    path: Protocol,
    /// When to try for another path next, while there is none.
    retry: Option<Instant>,
    /// TCP in the clear was tried, and had its time.
    tried_tcp: bool,
    over: bool,
}

pub(super) fn run(config: DriverConfig, mut poll: Poll, ends: Ends) {
    let registry = match poll.registry().try_clone() {
        Ok(registry) => registry,
        Err(error) => {
            tracing::error!(%error, "socket thread cannot start");
            let _ = ends.events.send_timeout(DriverEvent::Closed, LAST_WORDS);
            return;
        }
    };
    let mut this = Loop {
        peer: Peer::new(config.peer, Instant::now()),
        sockets: Sockets::new(registry),
        ends,
        filter: config.test_filter,
        tls: config.tls,
        backlog: VecDeque::new(),
        servers: Vec::new(),
        connected: false,
        lost: false,
        path: Protocol::Udp,
        retry: None,
        tried_tcp: false,
        over: false,
    };
    let mut events = Events::with_capacity(64);
    while !this.over {
        let due = this.work();
        if this.over {
            break;
        }
        let wait = this.wait(due);
        if let Err(error) = poll.poll(&mut events, Some(wait))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "socket thread cannot poll");
            break;
        }
        for event in events.iter().filter(|e| e.token() != WAKER) {
            if let Some(local) = this.sockets.on_ready(event) {
                this.peer.add_local_candidate(local, Protocol::Tcp);
            }
        }
        this.receive();
        this.on_time(due);
    }
    this.end();
}

impl Loop {
    /// Takes all commands and media, and lets the peer speak. Returns when it wants to be called again.
    fn work(&mut self) -> Instant {
        loop {
            match self.ends.control.try_recv() {
                Ok(control) => self.on_control(control),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.over = true;
                    break;
                }
            }
        }
        while let Ok(burst) = self.ends.bursts.try_recv() {
            let now = Instant::now();
            for packet in burst.packets {
                if let Err(error) = self.peer.send_rtp(burst.mid, burst.rid, packet, now) {
                    tracing::trace!(%error, mid = ?burst.mid, "not sent");
                }
            }
        }
        let due = self.speak();
        while let Some(event) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(event)) = self.ends.events.try_send(event) {
                self.backlog.push_front(event);
                break;
            }
        }
        due
    }

    fn wait(&self, due: Instant) -> Duration {
        if self.sockets.has_more() {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let due = self.retry.map_or(due, |r| r.min(due));
        let wait = due.saturating_duration_since(now);
        // A reader that was slow is looked after soon; and never sleep long, whatever the peer said.
        let longest = if self.backlog.is_empty() { 1000 } else { 20 };
        wait.min(Duration::from_millis(longest))
    }

    fn on_control(&mut self, control: Control) {
        match control {
            Control::Offer(plan) => {
                let event = match self.peer.create_offer(&plan) {
                    Ok(offer) => DriverEvent::Offer(offer),
                    Err(error) => DriverEvent::OfferFailed(error),
                };
                self.tell(event);
            }
            Control::Answer(sdp) => self.on_answer(&sdp),
            Control::Keyframe(mid, rid) => self.peer.request_keyframe(mid, rid),
            Control::Refer(mid, reference) => {
                self.peer.refer(mid, None, reference);
            }
            Control::Desired(desired) => self.peer.set_desired(desired),
            Control::Close => {
                self.peer.disconnect();
                self.speak();
                self.over = true;
            }
        }
    }

    fn on_answer(&mut self, sdp: &str) {
        if let Err(error) = self.peer.accept_answer(sdp) {
            self.tell(DriverEvent::AnswerFailed(error));
            return;
        }
        self.tell(DriverEvent::Answered(self.peer.lines().to_vec()));
        let first = self.servers.is_empty();
        self.servers = sdp_text::candidates(sdp);
        if first {
            self.open_udp();
            self.retry = Some(Instant::now() + TCP_AFTER);
        }
    }

    fn open_udp(&mut self) {
        for local in self.sockets.open_udp(&self.servers) {
            self.peer.add_local_candidate(local, Protocol::Udp);
        }
    }

    fn on_time(&mut self, due: Instant) {
        let now = Instant::now();
        if due <= now {
            self.peer.handle_timeout(now);
        }
        if self.retry.is_some_and(|r| r <= now) {
            self.retry = Some(now + RETRY);
            self.open_udp();
            self.sockets.open_tcp(&self.servers);
            if let Some(way) = self.tls.as_ref().filter(|_| self.tried_tcp) {
                self.sockets.open_tls(&self.servers, way);
            }
            self.tried_tcp = true;
        }
    }

    fn receive(&mut self) {
        let Loop {
            peer,
            sockets,
            filter,
            path,
            ..
        } = self;
        let Changed { up, lost } = sockets.read(|(protocol, src, dst), bytes| {
            if passes(filter, Direction::In, protocol, bytes) {
                *path = protocol;
                peer.handle_packet(protocol, src, dst, bytes, Instant::now());
            }
        });
        for local in up {
            self.peer.add_local_candidate(local, Protocol::Tcp);
        }
        for local in lost {
            self.peer.remove_local_candidate(local, Protocol::Tcp);
            let now = Instant::now();
            self.retry.get_or_insert(now + RETRY);
        }
    }

    /// Polls the peer dry.
    fn speak(&mut self) -> Instant {
        loop {
            match self.peer.poll() {
                PeerOutput::Timeout(at) => return at,
                PeerOutput::Event(event) => self.on_event(event),
                PeerOutput::Transmit {
                    protocol,
                    src,
                    dst,
                    bytes,
                } => {
                    if passes(&mut self.filter, Direction::Out, protocol, &bytes) {
                        self.sockets.send(protocol, src, dst, &bytes);
                    }
                }
            }
        }
    }

    fn on_event(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::Rtp(packet) => {
                if self.ends.media.try_send(packet).is_err() {
                    self.ends.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            PeerEvent::Connected => self.on_connected(),
            PeerEvent::Disconnected => {
                // Another own address or TCP may help; the old path is still checked.
                if std::mem::take(&mut self.connected) {
                    self.lost = true;
                    self.retry = Some(Instant::now());
                    self.tell(DriverEvent::Disconnected);
                }
            }
            PeerEvent::Closed => self.over = true,
            PeerEvent::KeyframeRequest { mid, rid } => {
                self.tell(DriverEvent::KeyframeRequest { mid, rid });
            }
            PeerEvent::Reference {
                mid,
                rid,
                reference,
            } => self.tell(DriverEvent::Reference {
                mid,
                rid,
                reference,
            }),
            PeerEvent::Estimate(rate) => self.tell(DriverEvent::Estimate(rate)),
            PeerEvent::Hold(time) => self.tell(DriverEvent::Hold(time)),
            PeerEvent::Stats(stats) => self.tell(DriverEvent::Stats(stats)),
        }
    }

    fn on_connected(&mut self) {
        if self.lost && self.path == Protocol::Tcp {
            // UDP fell silent and TCP did not: somebody on the way blocks UDP. ICE would go on preferring the dead path
            // for most of a minute.
            for local in self.sockets.close_udp() {
                self.peer.remove_local_candidate(local, Protocol::Udp);
            }
        }
        self.lost = false;
        self.connected = true;
        self.retry = None;
        self.tell(DriverEvent::Connected { path: self.path });
    }

    fn tell(&mut self, event: DriverEvent) {
        let minor = matches!(
            event,
            DriverEvent::Estimate(_)
                | DriverEvent::Reference { .. }
                | DriverEvent::Hold(_)
                | DriverEvent::Stats(_)
        );
        if !self.backlog.is_empty() {
            if !minor {
                self.backlog.push_back(event);
            }
            return;
        }
        if let Err(TrySendError::Full(event)) = self.ends.events.try_send(event)
            && !minor
        {
            self.backlog.push_back(event);
        }
    }

    fn end(mut self) {
        self.peer.disconnect();
        self.speak();
        let until = Instant::now() + LAST_WORDS;
        self.backlog.push_back(DriverEvent::Closed);
        for event in self.backlog.drain(..) {
            if self.ends.events.send_deadline(event, until).is_err() {
                return;
            }
        }
    }
}

fn passes(
    filter: &mut Option<Filter>,
    direction: Direction,
    protocol: Protocol,
    bytes: &[u8],
) -> bool {
    filter
        .as_mut()
        .is_none_or(|pass| pass(direction, protocol, bytes))
}
