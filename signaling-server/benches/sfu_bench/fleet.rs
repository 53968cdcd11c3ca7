//! Senders and receivers for the bench: many peers on one thread, so that they disturb the worker little.

use super::meter::{quantile, thread_cpu};
use confab_base::{AudioLevel, Bitrate, MediaKind, ParticipantId, Source, TrackId, VideoCodec};
use confab_protocol::{Layer, Publish, Slot};
use confab_room::{MediaCommand, MediaEvent, PublishedLine};
use confab_server::sfu::{self, SfuConfig, SfuRoom};
use confab_transport::{
    Codec, InPacket, LocalOffer, MediaPlan, OutPacket, Peer, PeerConfig, PeerEvent, PeerOutput,
    Protocol, SendLine,
};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub struct Case {
    pub name: &'static str,
    pub senders: u32,
    pub receivers: u32,
    /// Of each sender's video, thousands of bits per second.
    pub kbps: u64,
}

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

/// Runs one case; a table row.
pub fn play(case: &Case, time: Duration) -> String {
    let udp = (Ipv4Addr::LOCALHOST, 0).into();
    let config = SfuConfig {
        udp,
        public_addresses: Vec::new(),
        tcp_port: None,
        workers: 1,
    };
    let Ok(sfu) = sfu::start(config) else {
        return format!("| {} | no server |", case.name);
    };
    let mut room = sfu.open(1);
    let mut fleet = Fleet::new();
    let people = if case.senders == 1 {
        case.receivers + 1
    } else {
        case.receivers
    };
    for n in 0..people {
        fleet.join(&mut room, n, case, sfu.udp_addr());
    }
    fleet.run(case, &mut room, WARM_UP);
    fleet.counting = true;
    let (before, cpu) = (sfu.counters(), thread_cpu("sfu-0"));
    let began = Instant::now();
    let got: u64 = fleet.bots.iter().map(|b| b.got).sum();
    fleet.run(case, &mut room, time);
    let (after, cpu) = (sfu.counters(), thread_cpu("sfu-0") - cpu);
    let took = began.elapsed().as_secs_f64();
    let got = fleet.bots.iter().map(|b| b.got).sum::<u64>() - got;
    let forwarded = after.forwarded - before.forwarded;
    let wanted = fleet.sent * u64::from(people - 1);
    fleet.delays.sort_unstable();
    let ms = |share| f64::from(quantile(&fleet.delays, share)) / 1000.0;
    format!(
        "| {} | {:.0} | {:.2} | {:.2} / {:.2} | {:.1} | {:.1} | {:.0} |",
        case.name,
        forwarded as f64 / took,
        cpu.as_secs_f64() * 1e6 / forwarded.max(1) as f64,
        ms(0.5),
        ms(0.99),
        100.0 * got as f64 / wanted.max(1) as f64,
        (after.datagrams_out - before.datagrams_out) as f64
            / (after.sends - before.sends).max(1) as f64,
        100.0 * cpu.as_secs_f64() / took,
    )
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

    fn join(&mut self, room: &mut SfuRoom, n: u32, case: &Case, server: SocketAddr) {
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
        let participant = ParticipantId(n);
        let command = MediaCommand::Offer {
            participant,
            ticket: 1,
            generation: 1,
            sdp: offer.sdp.clone(),
            publish: published(n, &offer, case),
            decodes: vec![VideoCodec::H264],
        };
        room.send(command).expect("a worker with room");
        let answer = loop {
            match room.events.blocking_recv() {
                Some(MediaEvent::Answer { sdp, .. }) => break sdp,
                Some(MediaEvent::OfferFailed { message, .. }) => panic!("{message}"),
                Some(_) => {}
                None => panic!("the worker is gone"),
            }
        };
        peer.accept_answer(&answer).expect("a good answer");
        let of_kind = |kind| {
            peer.lines()
                .iter()
                .find(|l| l.kind == kind)
                .and_then(|l| l.codecs.first())
        };
        let pt = |kind| of_kind(kind).map_or(0, |c| c.pt);
        let pts = (pt(MediaKind::Audio), pt(MediaKind::Video));
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
        let slots = slots.collect();
        room.send(MediaCommand::View { participant, slots })
            .expect("a worker with room");
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
        self.step(server, Duration::ZERO);
    }

    fn run(&mut self, case: &Case, room: &mut SfuRoom, time: Duration) {
        let start = Instant::now();
        let (mut frames, mut voices) = (0u32, 0u32);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        while start.elapsed() < time {
            while room.events.try_recv().is_ok() {}
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
            self.step(server, next.saturating_sub(start.elapsed()));
        }
    }

    /// Reads what came, or waits for it; speaks what is due.
    fn step(&mut self, _server: SocketAddr, wait: Duration) {
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

fn published(n: u32, offer: &LocalOffer, case: &Case) -> Vec<PublishedLine> {
    let line = |(mid, source): &(confab_transport::Mid, Source)| {
        let is_video = source.kind() == MediaKind::Video;
        let layer = Layer {
            rid: String::new(),
            width: 1280,
            height: 720,
            max_bitrate: case.kbps * 1000,
        };
        let layers = is_video.then_some(layer).into_iter().collect();
        let publish = Publish {
            mid: mid.as_str().into(),
            source: *source,
            layers,
        };
        PublishedLine {
            track: TrackId(n * 2 + u32::from(is_video)),
            muted: false,
            publish,
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
            codec,
            seq,
            timestamp,
            marker,
            payload,
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
