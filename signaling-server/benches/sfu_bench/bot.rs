//! One peer connection of the fleet: it speaks, films, and notes when what comes came.

use super::words::{Case, Orders};
use confab_base::{AudioLevel, Bitrate, MediaKind, Source};
use confab_load::wire::{self, Reader, clock};
use confab_transport::{
    Codec, InPacket, Mid, OutPacket, Peer, PeerConfig, PeerEvent, PeerOutput, Protocol,
};
use mio::net::UdpSocket;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PAYLOAD: usize = 1150;

pub struct Bot {
    /// Whose it is; senders come first.
    pub number: u8,
    pub peer: Peer,
    pub socket: UdpSocket,
    pub addr: SocketAddr,
    /// Lines that send; none in one that only receives.
    pub publish: Vec<(Mid, Source)>,
    /// Payload types of its microphone and camera.
    pub pts: (u8, u8),
    pub is_up: bool,
    pub next: Instant,
    pub got: u64,
    seq: u64,
    audio: u64,
    frame: u32,
    wants_key: bool,
    /// When the datagrams read last were handed over, and when they had come.
    arrivals: Vec<(Instant, u32)>,
}

/// When each packet left its sender: packets carry sender and number, and the RTP header in clear tells the number again
/// when the datagram leaves. So the sender's own pacing is not counted.
pub struct Times {
    start: Duration,
    /// Microseconds by sender, payload type's kind and 16-bit number.
    sent: Vec<u32>,
    /// Microseconds from a packet's send call at its sender to its arrival at a receiver's kernel.
    pub delays: Vec<u32>,
    pub counting: bool,
}

impl Times {
    pub fn new(senders: u32) -> Times {
        Times {
            start: clock(),
            sent: vec![0; Times::slot(senders as u8, false, 0)],
            delays: Vec::new(),
            counting: false,
        }
    }

    fn slot(sender: u8, is_video: bool, seq: u16) -> usize {
        (usize::from(sender) * 2 + usize::from(is_video)) << 16 | usize::from(seq)
    }

    fn micros(&self, at: Duration) -> u32 {
        at.saturating_sub(self.start).as_micros() as u32
    }

    /// A datagram is about to be sent.
    fn leaves(&mut self, sender: u8, pts: (u8, u8), datagram: &[u8]) {
        let [first, pt, hi, lo, ..] = datagram else {
            return;
        };
        let pt = pt & 0x7f;
        if first >> 6 == 2 && (pt == pts.0 || pt == pts.1) {
            let at = Times::slot(sender, pt == pts.1, u16::from_be_bytes([*hi, *lo]));
            let now = self.micros(clock());
            if let Some(sent) = self.sent.get_mut(at) {
                *sent = now;
            }
        }
    }

    fn arrived(&mut self, packet: &InPacket, at: u32) {
        let &[_, sender, hi, lo, ..] = &packet.payload[..] else {
            return;
        };
        let is_video = packet.codec != Codec::Opus;
        let slot = Times::slot(sender, is_video, u16::from_be_bytes([hi, lo]));
        if let Some(&sent) = self.sent.get(slot)
            && sent > 0
            && self.counting
        {
            self.delays.push(at.saturating_sub(sent));
        }
    }
}

/// How fleets' peer connections are set up.
pub fn config(case: &Case, base: PeerConfig) -> PeerConfig {
    PeerConfig {
        start_bitrate: Bitrate::kbps(40_000),
        own_ends: case.own,
        ..base
    }
}

impl Bot {
    pub fn new(number: u32, orders: &Orders, config: PeerConfig) -> Bot {
        let now = Instant::now();
        let mut peer = Peer::new(config, now);
        let socket = wire::bind(orders.ip, orders.whole).expect("a socket");
        let addr = socket.local_addr().expect("an address");
        peer.add_local_candidate(addr, Protocol::Udp);
        Bot {
            number: number as u8,
            peer,
            socket,
            addr,
            publish: Vec::new(),
            pts: (0, 0),
            is_up: false,
            next: now,
            got: 0,
            seq: 100,
            audio: 100,
            frame: 0,
            wants_key: true,
            arrivals: Vec::new(),
        }
    }

    /// The answer has come: it knows what it sends under.
    pub fn agreed(&mut self, publish: Vec<(Mid, Source)>) {
        let of_kind = |kind| {
            let line = self.peer.lines().iter().find(|l| l.kind == kind)?;
            line.codecs.first()
        };
        let pt = |kind| of_kind(kind).map_or(0, |c| c.pt);
        self.pts = (pt(MediaKind::Audio), pt(MediaKind::Video));
        self.publish = publish;
    }

    pub fn is_sending(&self) -> bool {
        self.is_up && !self.publish.is_empty()
    }

    /// Reads what came, and answers it.
    pub fn read(&mut self, reader: &mut Reader, times: &mut Times) {
        let (peer, addr, arrivals) = (&mut self.peer, self.addr, &mut self.arrivals);
        arrivals.clear();
        reader.read(&self.socket, |from, bytes, at| {
            let now = Instant::now();
            arrivals.push((now, times.micros(at)));
            peer.handle_packet(Protocol::Udp, from, addr, bytes, now);
        });
        self.drain(times);
    }

    /// A picture of the case's rate; how many packets it takes.
    pub fn film(&mut self, case: &Case, times: &mut Times) -> u64 {
        let bytes = (case.kbps * 1000 / 8 / 30) as usize;
        let packets = bytes.div_ceil(PAYLOAD).max(1);
        self.frame += 1;
        let is_key = std::mem::take(&mut self.wants_key);
        for i in 0..packets {
            self.seq += 1;
            let first = if is_key && i == 0 { 0x67 } else { 0x61 };
            let payload = stamped(first, bytes / packets, self.number, self.seq);
            let at = (self.seq, self.frame * 3000);
            self.send(Source::Camera, Codec::H264, at, i + 1 == packets, payload);
        }
        self.drain(times);
        packets as u64
    }

    pub fn speak(&mut self, times: &mut Times) {
        self.audio += 1;
        let at = (self.audio, self.audio as u32 * 960);
        let payload = stamped(0, 90, self.number, self.audio);
        self.send(Source::Microphone, Codec::Opus, at, false, payload);
        self.drain(times);
    }

    fn send(
        &mut self,
        source: Source,
        codec: Codec,
        (seq, timestamp): (u64, u32),
        marker: bool,
        payload: Arc<[u8]>,
    ) {
        let Some((mid, _)) = self.publish.iter().find(|(_, s)| *s == source) else {
            return;
        };
        let now = Instant::now();
        let audio_level = (codec == Codec::Opus).then_some(AudioLevel(40));
        let packet = OutPacket {
            tag: None,
            codec,
            seq,
            timestamp,
            marker,
            payload,
            red: false,
            audio_level,
            voice: false,
            captured: now,
        };
        let _ = self.peer.send_rtp(*mid, None, packet, now);
    }

    pub fn drain(&mut self, times: &mut Times) {
        loop {
            match self.peer.poll() {
                PeerOutput::Timeout(at) => {
                    self.next = at;
                    return;
                }
                PeerOutput::Transmit { dst, bytes, .. } => {
                    times.leaves(self.number, self.pts, &bytes);
                    let _ = self.socket.send_to(&bytes, dst);
                }
                PeerOutput::Event(PeerEvent::Connected) => self.is_up = true,
                PeerOutput::Event(PeerEvent::KeyframeRequest { .. }) => self.wants_key = true,
                PeerOutput::Event(PeerEvent::Rtp(packet)) => {
                    self.got += 1;
                    let at = self.arrivals.partition_point(|a| a.0 < packet.received);
                    let came = self.arrivals.get(at);
                    if let Some((_, at)) = came.filter(|a| a.0 == packet.received) {
                        times.arrived(&packet, *at);
                    }
                }
                PeerOutput::Event(_) => {}
            }
        }
    }
}

/// A payload that carries whose it is and its number.
fn stamped(first: u8, size: usize, sender: u8, seq: u64) -> Arc<[u8]> {
    let mut bytes = vec![first, sender];
    bytes.extend((seq as u16).to_be_bytes());
    bytes.resize(size.max(5), 1);
    bytes.into()
}
