//! A client and a lite server joined by a wire in virtual time: delay, loss and cuts, no sockets and no waiting.
#![allow(dead_code)] // Each test binary uses its part.

use confab_base::Source;
use confab_transport::*;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Decides on a packet: (it goes to the server, its bytes) → it passes.
pub type Filter = Box<dyn FnMut(bool, &[u8]) -> bool>;

pub struct Wire {
    pub now: Instant,
    pub start: Instant,
    pub client: Peer,
    pub server: Peer,
    pub client_events: Vec<PeerEvent>,
    pub server_events: Vec<PeerEvent>,
    pub filter: Filter,
    pub delay: Duration,
    /// Datagrams of which the peer said that it needs no poll; it is polled only when something else happens, then.
    pub unpolled: u32,
    flying: BinaryHeap<Flying>,
    count: u64,
    client_due: Instant,
    server_due: Instant,
}

#[derive(PartialEq, Eq)]
struct Flying {
    at: Instant,
    order: u64,
    to_server: bool,
    protocol: Protocol,
    src: SocketAddr,
    dst: SocketAddr,
    bytes: Vec<u8>,
}

impl Ord for Flying {
    fn cmp(&self, other: &Flying) -> std::cmp::Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Flying) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

pub fn client_addr() -> SocketAddr {
    "10.0.0.1:5000".parse().unwrap()
}

pub fn server_addr() -> SocketAddr {
    "10.0.0.2:7000".parse().unwrap()
}

impl Wire {
    pub fn new(protocol: Protocol) -> Wire {
        Wire::with(protocol, PeerConfig::client())
    }

    pub fn with(protocol: Protocol, client: PeerConfig) -> Wire {
        let now = Instant::now();
        let mut client = Peer::new(client, now);
        let mut server = Peer::new(PeerConfig::lite_server(), now);
        assert!(client.add_local_candidate(client_addr(), protocol));
        assert!(server.add_local_candidate(server_addr(), protocol));
        Wire {
            now,
            start: now,
            client,
            server,
            client_events: Vec::new(),
            server_events: Vec::new(),
            filter: Box::new(|_, _| true),
            delay: Duration::from_millis(10),
            unpolled: 0,
            flying: BinaryHeap::new(),
            count: 0,
            client_due: now,
            server_due: now,
        }
    }

    pub fn negotiate(&mut self, plan: &MediaPlan) -> LocalOffer {
        let offer = self.client.create_offer(plan).unwrap();
        let answer = self.server.accept_offer(&offer.sdp).unwrap();
        self.client.accept_answer(&answer).unwrap();
        self.pump();
        offer
    }

    /// A connected pair with a microphone, a three-layer camera and two slots of each kind.
    pub fn connected() -> (Wire, LocalOffer) {
        Wire::connected_with(PeerConfig::client())
    }

    /// The same where the client knows nothing that browsers do not know.
    pub fn connected_to_a_browser() -> (Wire, LocalOffer) {
        let own_ends = false;
        Wire::connected_with(PeerConfig {
            own_ends,
            ..PeerConfig::client()
        })
    }

    fn connected_with(client: PeerConfig) -> (Wire, LocalOffer) {
        let mut wire = Wire::with(Protocol::Udp, client);
        let offer = wire.negotiate(&usual_plan());
        wire.run_until(|w| w.client.is_connected() && w.server.is_connected());
        (wire, offer)
    }

    /// Lets both sides say what they have to say now.
    pub fn pump(&mut self) {
        self.poll(true, true);
    }

    fn poll(&mut self, client: bool, server: bool) {
        for to_server in [true, false] {
            if !(if to_server { client } else { server }) {
                continue;
            }
            let (peer, events) = if to_server {
                (&mut self.client, &mut self.client_events)
            } else {
                (&mut self.server, &mut self.server_events)
            };
            let due = loop {
                match peer.poll() {
                    PeerOutput::Timeout(at) => break at,
                    PeerOutput::Event(event) => events.push(event),
                    PeerOutput::Transmit {
                        protocol,
                        src,
                        dst,
                        bytes,
                    } => {
                        if (self.filter)(to_server, &bytes) {
                            self.count += 1;
                            self.flying.push(Flying {
                                at: self.now + self.delay,
                                order: self.count,
                                to_server,
                                protocol,
                                src,
                                dst,
                                bytes,
                            });
                        }
                    }
                }
            };
            if to_server {
                self.client_due = due;
            } else {
                self.server_due = due;
            }
        }
    }

    /// Moves on to the next thing that happens, but not beyond `limit`.
    fn step(&mut self, limit: Instant) {
        let arrival = self.flying.peek().map_or(limit, |f| f.at);
        let next = arrival.min(self.client_due).min(self.server_due).min(limit);
        self.now = self.now.max(next);
        // Server, client.
        let mut polls = [false; 2];
        while self.flying.peek().is_some_and(|f| f.at <= self.now) {
            let Some(f) = self.flying.pop() else { break };
            let peer = if f.to_server {
                &mut self.server
            } else {
                &mut self.client
            };
            let news = peer.handle_packet(f.protocol, f.src, f.dst, &f.bytes, self.now);
            polls[usize::from(!f.to_server)] |= news;
            self.unpolled += u32::from(!news);
        }
        if self.client_due <= self.now {
            self.client.handle_timeout(self.now);
            polls[1] = true;
        }
        if self.server_due <= self.now {
            self.server.handle_timeout(self.now);
            polls[0] = true;
        }
        let [server, client] = polls;
        self.poll(client, server);
    }

    pub fn run(&mut self, time: Duration) {
        let limit = self.now + time;
        self.pump();
        while self.now < limit {
            self.step(limit);
        }
    }

    /// Runs until `done`, for at most 20 virtual seconds.
    pub fn run_until(&mut self, done: impl Fn(&Wire) -> bool) {
        let limit = self.now + Duration::from_secs(20);
        self.pump();
        while !done(self) {
            assert!(self.now < limit, "did not happen in 20 virtual seconds");
            self.step(limit);
        }
    }
}

pub fn usual_plan() -> MediaPlan {
    MediaPlan {
        sends: vec![microphone(), camera()],
        audio_slots: 2,
        video_slots: 2,
    }
}

pub fn microphone() -> SendLine {
    SendLine {
        source: Source::Microphone,
        rids: vec![],
        codecs: vec![],
    }
}

pub fn camera() -> SendLine {
    SendLine {
        source: Source::Camera,
        rids: ["q", "h", "f"].map(Rid::from).to_vec(),
        codecs: vec![],
    }
}

/// A packet whose payload tells its number.
pub fn packet(codec: Codec, seq: u64, size: usize, captured: Instant) -> OutPacket {
    let mut payload = vec![0x41; size.max(8)];
    payload[..8].copy_from_slice(&seq.to_be_bytes());
    if codec == Codec::H264 {
        payload.insert(0, 0x41);
    }
    OutPacket {
        tag: None,
        codec,
        seq,
        timestamp: (seq as u32).wrapping_mul(960),
        marker: codec != Codec::Opus,
        payload: Arc::from(payload),
        red: false,
        audio_level: (codec == Codec::Opus).then_some(confab_base::AudioLevel(30)),
        voice: true,
        captured,
    }
}

pub fn rtp(events: &[PeerEvent]) -> impl Iterator<Item = &InPacket> {
    events.iter().filter_map(|e| match e {
        PeerEvent::Rtp(packet) => Some(packet),
        _ => None,
    })
}
