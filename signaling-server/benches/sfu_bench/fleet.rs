//! Senders and receivers for the bench: many peers on one thread of a process of their own, which says on its standard
//! output what the server's process has to know, line by line, and reads answers from its standard input.

use super::meter::quantile;
use super::words::{Case, Said};
use confab_base::{AudioLevel, Bitrate, MediaKind, Source, TrackId, VideoCodec};
use confab_protocol::{Layer, Publish, Slot};
use confab_transport::{
    Codec, InPacket, LocalOffer, MediaPlan, OutPacket, Peer, PeerConfig, PeerEvent, PeerOutput,
    Protocol, SendLine,
};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_micros(33_333);
const VOICE: Duration = Duration::from_millis(20);
const PAYLOAD: usize = 1150;
/// Before counting starts: keys, first estimates.
const WARM_UP: Duration = Duration::from_secs(4);

struct Bot {
    number: u8,
    /// Payload types of its microphone and camera.
    pts: (u8, u8),
    peer: Peer,
    socket: UdpSocket,
    addr: SocketAddr,
    offer: LocalOffer,
    is_up: bool,
    next: Instant,
    seq: u64,
    audio: u64,
    frame: u32,
    wants_key: bool,
    got: u64,
}

/// When each packet left its sender: packets carry sender and number, and the RTP header in clear tells the number again
/// when the datagram leaves. So the sender's own pacing is not counted.
struct Times {
    start: Instant,
    /// Microseconds by sender, payload type's kind and 16-bit number.
    sent: Vec<u32>,
}

impl Times {
    fn slot(sender: u8, is_video: bool, seq: u16) -> usize {
        (usize::from(sender) * 2 + usize::from(is_video)) << 16 | usize::from(seq)
    }

    fn now(&self) -> u32 {
        self.start.elapsed().as_micros() as u32
    }

    fn left(&mut self, sender: u8, pts: (u8, u8), datagram: &[u8]) {
        let [first, pt, hi, lo, ..] = datagram else {
            return;
        };
        let pt = pt & 0x7f;
        if first >> 6 == 2 && (pt == pts.0 || pt == pts.1) {
            let at = Times::slot(sender, pt == pts.1, u16::from_be_bytes([*hi, *lo]));
            let now = self.now();
            if let Some(sent) = self.sent.get_mut(at) {
                *sent = now;
            }
        }
    }

    fn delay(&self, packet: &InPacket) -> Option<u32> {
        let &[_, sender, hi, lo, ..] = &packet.payload[..] else {
            return None;
        };
        let at = Times::slot(
            sender,
            packet.codec == Codec::H264,
            u16::from_be_bytes([hi, lo]),
        );
        let read = packet.received.duration_since(self.start).as_micros() as u32;
        let sent = self.sent.get(at).copied().filter(|t| *t > 0)?;
        Some(read.saturating_sub(sent))
    }
}

struct Fleet {
    bots: Vec<Bot>,
    poll: Poll,
    /// Microseconds from a packet's send call at its sender to its read here.
    delays: Vec<u32>,
    times: Times,
    counting: bool,
    sent: u64,
}

/// The fleet's process: joins, warms up, and plays `time`.
pub fn main(case: &Case, time: Duration) {
    let mut fleet = Fleet::new();
    for n in 0..case.people() {
        fleet.join(n, case);
    }
    fleet.run(case, WARM_UP);
    say(&Said::Begin);
    fleet.counting = true;
    let got: u64 = fleet.bots.iter().map(|b| b.got).sum();
    fleet.run(case, time);
    let got = fleet.bots.iter().map(|b| b.got).sum::<u64>() - got;
    fleet.delays.sort_unstable();
    let delay = |share| quantile(&fleet.delays, share);
    say(&Said::End {
        sent: fleet.sent,
        got,
        p50: delay(0.5),
        p99: delay(0.99),
    });
}

fn say(said: &Said) {
    let line = serde_json::to_string(said).expect("plain data");
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").expect("the server's process to listen");
}

impl Fleet {
    fn new() -> Fleet {
        let poll = Poll::new().expect("a poller");
        let times = Times {
            start: Instant::now(),
            sent: vec![0; Times::slot(10, false, 0)],
        };
        Fleet {
            bots: Vec::new(),
            poll,
            times,
            delays: Vec::new(),
            counting: false,
            sent: 0,
        }
    }

    fn join(&mut self, n: u32, case: &Case) {
        let now = Instant::now();
        let mut config = PeerConfig::client();
        config.start_bitrate = Bitrate::kbps(20_000);
        let mut peer = Peer::new(config, now);
        let mut socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a socket");
        let addr = socket.local_addr().expect("an address");
        peer.add_local_candidate(addr, Protocol::Udp);
        let is_sender = n < case.senders;
        let send = |source| SendLine {
            source,
            rids: vec![],
            codecs: vec![VideoCodec::H264],
        };
        let sends = [Source::Microphone, Source::Camera]
            .into_iter()
            .filter(|_| is_sender)
            .map(send)
            .collect();
        let others: Vec<u32> = (0..case.senders).filter(|s| *s != n).collect();
        let slots = others.len();
        let plan = MediaPlan {
            sends,
            audio_slots: slots,
            video_slots: slots,
        };
        let offer = peer.create_offer(&plan).expect("an offer");
        let audio = offer
            .audio_slots
            .iter()
            .zip(&others)
            .map(|(mid, s)| (mid, TrackId(s * 2), 0));
        let video = offer
            .video_slots
            .iter()
            .zip(&others)
            .map(|(mid, s)| (mid, TrackId(s * 2 + 1), 720));
        let slots = audio.chain(video).map(|(mid, track, max_height)| Slot {
            mid: mid.as_str().into(),
            track: Some(track),
            max_height,
        });
        say(&Said::Offer {
            n,
            sdp: offer.sdp.clone(),
            publish: published(&offer, case),
            slots: slots.collect(),
        });
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.expect("an answer");
        let answer: String = serde_json::from_str(&answer).expect("a string");
        peer.accept_answer(&answer).expect("a good answer");
        let of_kind = |kind| {
            peer.lines()
                .iter()
                .find(|l| l.kind == kind)
                .and_then(|l| l.codecs.first())
        };
        let pt = |kind| of_kind(kind).map_or(0, |c| c.pt);
        let pts = (pt(MediaKind::Audio), pt(MediaKind::Video));
        let token = Token(self.bots.len());
        self.poll
            .registry()
            .register(&mut socket, token, Interest::READABLE)
            .expect("a poller");
        let (is_up, next, seq, audio, frame, got) = (false, now, 100, 100, 0, 0);
        self.bots.push(Bot {
            number: n as u8,
            pts,
            peer,
            socket,
            addr,
            offer,
            is_up,
            next,
            seq,
            audio,
            frame,
            wants_key: true,
            got,
        });
        // Everyone's handshake runs while the next joins.
        self.step(Duration::ZERO);
    }

    fn run(&mut self, case: &Case, time: Duration) {
        let start = Instant::now();
        let (mut frames, mut voices) = (0u32, 0u32);
        while start.elapsed() < time {
            let now = start.elapsed();
            if now >= FRAME * frames {
                frames += 1;
                self.film(case);
            }
            if now >= VOICE * voices {
                voices += 1;
                self.speak(case);
            }
            let next = (FRAME * frames).min(VOICE * voices);
            self.step(next.saturating_sub(start.elapsed()));
        }
    }

    /// Reads what came, or waits for it; speaks what is due.
    fn step(&mut self, wait: Duration) {
        let now = Instant::now();
        let due = self
            .bots
            .iter()
            .map(|b| b.next)
            .min()
            .unwrap_or(now)
            .saturating_duration_since(now);
        let mut events = Events::with_capacity(256);
        let _ = self.poll.poll(&mut events, Some(wait.min(due)));
        let now = Instant::now();
        for event in &events {
            let bot = &mut self.bots[event.token().0];
            let mut bytes = [0; 2048];
            while let Ok((size, from)) = bot.socket.recv_from(&mut bytes) {
                bot.peer.handle_packet(
                    Protocol::Udp,
                    from,
                    bot.addr,
                    &bytes[..size],
                    Instant::now(),
                );
            }
            bot.drain(&mut self.times, self.counting.then_some(&mut self.delays));
        }
        for bot in self.bots.iter_mut().filter(|b| b.next <= now) {
            bot.peer.handle_timeout(now);
            bot.drain(&mut self.times, self.counting.then_some(&mut self.delays));
        }
    }

    fn film(&mut self, case: &Case) {
        let bytes = case.kbps * 1000 / 8 / 30;
        let packets = (bytes as usize).div_ceil(PAYLOAD).max(1);
        let size = bytes as usize / packets;
        for bot in self
            .bots
            .iter_mut()
            .take(case.senders as usize)
            .filter(|b| b.is_up)
        {
            bot.frame += 1;
            let is_key = std::mem::take(&mut bot.wants_key);
            for i in 0..packets {
                bot.seq += 1;
                let first = if is_key && i == 0 { 0x67 } else { 0x61 };
                let payload = stamped(first, size, bot.number, bot.seq);
                let (seq, timestamp) = (bot.seq, bot.frame * 3000);
                bot.send(
                    Source::Camera,
                    Codec::H264,
                    seq,
                    timestamp,
                    i + 1 == packets,
                    payload,
                );
            }
            self.sent += u64::from(self.counting) * packets as u64;
            bot.drain(&mut self.times, None);
        }
    }

    fn speak(&mut self, case: &Case) {
        for bot in self
            .bots
            .iter_mut()
            .take(case.senders as usize)
            .filter(|b| b.is_up)
        {
            bot.audio += 1;
            let seq = bot.audio;
            bot.send(
                Source::Microphone,
                Codec::Opus,
                seq,
                seq as u32 * 960,
                false,
                stamped(0, 90, bot.number, seq),
            );
            self.sent += u64::from(self.counting);
            bot.drain(&mut self.times, None);
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

fn published(offer: &LocalOffer, case: &Case) -> Vec<Publish> {
    let line = |(mid, source): &(confab_transport::Mid, Source)| {
        let is_video = source.kind() == MediaKind::Video;
        let layer = Layer {
            rid: String::new(),
            width: 1280,
            height: 720,
            max_bitrate: case.kbps * 1000,
        };
        Publish {
            mid: mid.as_str().into(),
            source: *source,
            layers: is_video.then_some(layer).into_iter().collect(),
        }
    };
    offer.publish.iter().map(line).collect()
}

impl Bot {
    fn send(
        &mut self,
        source: Source,
        codec: Codec,
        seq: u64,
        timestamp: u32,
        marker: bool,
        payload: Arc<[u8]>,
    ) {
        let Some((mid, _)) = self.offer.publish.iter().find(|(_, s)| *s == source) else {
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

    fn drain(&mut self, times: &mut Times, mut delays: Option<&mut Vec<u32>>) {
        loop {
            match self.peer.poll() {
                PeerOutput::Timeout(at) => {
                    self.next = at;
                    return;
                }
                PeerOutput::Transmit { dst, bytes, .. } => {
                    times.left(self.number, self.pts, &bytes);
                    let _ = self.socket.send_to(&bytes, dst);
                }
                PeerOutput::Event(PeerEvent::Connected) => self.is_up = true,
                PeerOutput::Event(PeerEvent::KeyframeRequest { .. }) => self.wants_key = true,
                PeerOutput::Event(PeerEvent::Rtp(packet)) => {
                    self.got += 1;
                    if let (Some(delays), Some(delay)) = (&mut delays, times.delay(&packet)) {
                        delays.push(delay);
                    }
                }
                PeerOutput::Event(_) => {}
            }
        }
    }
}
