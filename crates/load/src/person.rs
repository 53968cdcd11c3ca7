//! One participant's media: its peer connection, its socket, and what it sends.

use crate::LoadError;
use crate::camera::{Camera, FRAME, STREAMS, Shot, Stamp, VOICE, VOICE_STREAM};
use crate::ledger::{Gaps, Ledger};
use crate::scene::{LAYERS, Scene};
use crate::wire::{self, Reader};
use confab_base::{AudioLevel, Bitrate, MediaKind, Source, VideoCodec};
use confab_transport::{
    Codec, InPacket, LocalOffer, MediaPlan, Mid, OutPacket, Peer, PeerConfig, PeerEvent,
    PeerOutput, Protocol, Rid, SendLine,
};
use mio::net::UdpSocket;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// A sender has room for all it sends: what is measured is the server.
const START: Bitrate = Bitrate::kbps(40_000);
/// Packets a datagram's number is looked for among, to tell its stream.
const RECENT: u64 = 1000;
/// Loud enough to be the speaker.
const LEVEL: AudioLevel = AudioLevel(30);
/// A sender that fell so far behind skips what it missed.
const BEHIND: Duration = Duration::from_millis(200);

pub(crate) struct Person {
    pub number: u32,
    pub peer: Peer,
    pub socket: UdpSocket,
    addr: SocketAddr,
    /// Camera and microphone, where it sends.
    sends: Option<Sends>,
    pub is_up: bool,
    pub is_closed: bool,
    /// When its peer connection wants to be looked at.
    pub due: Instant,
    /// By line, while it is counted.
    pub gaps: HashMap<Mid, Gaps>,
    /// When the datagrams read last were handed to the peer, and when they had come.
    arrivals: Vec<(Instant, Duration)>,
}

struct Sends {
    camera: Camera,
    /// Lines of its sources.
    lines: Vec<(Mid, Source)>,
    /// Payload types of voice and pictures.
    pts: (u8, u8),
    /// Streams by their SSRC, as they were met.
    streams: Vec<(u32, usize)>,
    next_frame: Instant,
    next_voice: Instant,
}

impl Person {
    /// A participant of the scene and its offer. Person numbers from 0; those who send come first.
    pub fn new(number: u32, scene: &Scene, ip: IpAddr) -> Result<(Person, LocalOffer), LoadError> {
        let now = Instant::now();
        let config = PeerConfig {
            start_bitrate: START,
            // Like a browser: the bulk of a large meeting's viewers are guests.
            own_ends: false,
            ..PeerConfig::client()
        };
        let mut peer = Peer::new(config, now);
        let ports = |why| LoadError::Ports {
            person: number,
            why,
        };
        let socket = wire::bind(ip, false).map_err(ports)?;
        let addr = socket.local_addr()?;
        peer.add_local_candidate(addr, Protocol::Udp);
        let is_sender = number < scene.senders();
        let (seen, heard) = scene.looks_at(number);
        let offer = peer
            .create_offer(&plan(is_sender, seen.len(), heard.len()))
            .map_err(|e| LoadError::Media(e.to_string()))?;
        let sends = is_sender.then(|| Sends {
            camera: Camera::new(number as u16, scene),
            lines: offer.publish.clone(),
            pts: (0, 0),
            streams: Vec::new(),
            // Nobody's pictures are taken at the same moment.
            next_frame: now + FRAME * number / scene.senders(),
            next_voice: now + VOICE * number / scene.senders(),
        });
        let person = Person {
            number,
            peer,
            socket,
            addr,
            sends,
            is_up: false,
            is_closed: false,
            due: now,
            gaps: HashMap::new(),
            arrivals: Vec::new(),
        };
        Ok((person, offer))
    }

    /// The server's answer has come.
    pub fn agree(&mut self, answer: &str) -> Result<(), LoadError> {
        self.peer
            .accept_answer(answer)
            .map_err(|e| LoadError::Media(e.to_string()))?;
        let lines = self.peer.lines();
        let pt = |kind| {
            let line = lines.iter().find(|l| l.kind == kind && l.sends)?;
            line.codecs.first().map(|c| c.pt)
        };
        let pts = (pt(MediaKind::Audio), pt(MediaKind::Video));
        if let Some(sends) = &mut self.sends {
            let (Some(audio), Some(video)) = pts else {
                return Err(LoadError::Media("the server takes no Opus or H.264".into()));
            };
            sends.pts = (audio, video);
        }
        Ok(())
    }

    /// The server says which layers of its camera somebody looks at.
    pub fn want_layers(&mut self, layers: &[u8]) {
        if let Some(sends) = &mut self.sends {
            let has = |layer| layers.iter().any(|l| usize::from(*l) == layer);
            sends.camera.wanted = std::array::from_fn(has);
        }
    }

    /// Numbers of the packets it made last.
    pub fn numbers(&self) -> Option<[u64; STREAMS]> {
        self.sends.as_ref().map(|s| s.camera.numbers())
    }

    /// Sends what is due; when the next is.
    pub fn send_due(&mut self, ledger: &mut Ledger) -> Option<Instant> {
        let now = Instant::now();
        let mut shots = Vec::new();
        let sends = self.sends.as_mut().filter(|_| self.is_up)?;
        let oldest = now.checked_sub(BEHIND).unwrap_or(now);
        sends.next_voice = sends.next_voice.max(oldest);
        sends.next_frame = sends.next_frame.max(oldest);
        while sends.next_voice <= now {
            sends.next_voice += VOICE;
            shots.push(sends.camera.speak());
        }
        while sends.next_frame <= now {
            sends.next_frame += FRAME;
            shots.extend(sends.camera.film());
        }
        let next = sends.next_voice.min(sends.next_frame);
        if !shots.is_empty() {
            shots.into_iter().for_each(|shot| self.send(shot));
            self.drain(ledger);
        }
        Some(next)
    }

    fn send(&mut self, shot: Shot) {
        let Some(sends) = &self.sends else { return };
        let is_voice = shot.stream == VOICE_STREAM;
        let (source, codec, rid) = match is_voice {
            true => (Source::Microphone, Codec::Opus, None),
            false => (Source::Camera, Codec::H264, Some(LAYERS[shot.stream].0)),
        };
        let Some(&(mid, _)) = sends.lines.iter().find(|(_, s)| *s == source) else {
            return;
        };
        let now = Instant::now();
        let packet = OutPacket {
            tag: None,
            codec,
            seq: shot.number,
            timestamp: shot.timestamp,
            marker: shot.marker,
            payload: shot.payload,
            red: false,
            audio_level: is_voice.then_some(LEVEL),
            voice: is_voice,
            captured: now,
        };
        // Before the connection is up nothing is taken, and nobody waits for it.
        let _ = self.peer.send_rtp(mid, rid.map(Rid::from), packet, now);
    }

    /// Reads what came, and answers it.
    pub fn read(&mut self, reader: &mut Reader, ledger: &mut Ledger) {
        let (peer, addr, arrivals) = (&mut self.peer, self.addr, &mut self.arrivals);
        arrivals.clear();
        reader.read(&self.socket, |from, bytes, at| {
            let now = Instant::now();
            arrivals.push((now, at));
            peer.handle_packet(Protocol::Udp, from, addr, bytes, now);
        });
        self.drain(ledger);
    }

    pub fn wake(&mut self, now: Instant, ledger: &mut Ledger) {
        self.peer.handle_timeout(now);
        self.drain(ledger);
    }

    pub fn drain(&mut self, ledger: &mut Ledger) {
        loop {
            match self.peer.poll() {
                PeerOutput::Timeout(at) => {
                    self.due = at;
                    return;
                }
                PeerOutput::Transmit { dst, bytes, .. } => {
                    if let Some(sends) = &mut self.sends {
                        sends.note_leaving(self.number, &bytes, ledger);
                    }
                    // As a network would, a full buffer loses it.
                    let _ = self.socket.send_to(&bytes, dst);
                }
                PeerOutput::Event(event) => self.event(event, ledger),
            }
        }
    }

    fn event(&mut self, event: PeerEvent, ledger: &mut Ledger) {
        match event {
            PeerEvent::Connected => self.is_up = true,
            PeerEvent::Closed => self.is_closed = true,
            PeerEvent::KeyframeRequest { rid, .. } => {
                if let Some(sends) = &mut self.sends {
                    sends.camera.want_key(rid.as_ref().map(Rid::as_str));
                }
            }
            PeerEvent::Rtp(packet) => self.arrived(&packet, ledger),
            PeerEvent::Disconnected
            | PeerEvent::Estimate(_)
            | PeerEvent::Hold(_)
            | PeerEvent::Reference { .. }
            | PeerEvent::Stats(_) => {}
        }
    }

    fn arrived(&mut self, packet: &InPacket, ledger: &mut Ledger) {
        let place = self.arrivals.partition_point(|a| a.0 < packet.received);
        let came = self.arrivals.get(place).filter(|a| a.0 == packet.received);
        let (Some(stamp), Some((_, at))) = (Stamp::read(&packet.payload), came) else {
            return;
        };
        if ledger.arrived(stamp, *at) {
            self.gaps.entry(packet.mid).or_default().note(packet.seq);
        }
    }
}

impl Sends {
    /// A datagram is about to leave: its RTP header tells the number, and number and SSRC the stream.
    fn note_leaving(&mut self, person: u32, datagram: &[u8], ledger: &mut Ledger) {
        let &[first, pt, n0, n1, _, _, _, _, s0, s1, s2, s3, ..] = datagram else {
            return;
        };
        let pt = pt & 0x7f;
        if first >> 6 != 2 || (pt != self.pts.0 && pt != self.pts.1) {
            return;
        }
        let number = u16::from_be_bytes([n0, n1]);
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
        let known = self.streams.iter().find(|(s, _)| *s == ssrc);
        let stream = match known {
            Some((_, stream)) => *stream,
            None => {
                let last = self.camera.numbers();
                let is_recent =
                    |stream: &usize| (last[*stream] as u16).wrapping_sub(number) < RECENT as u16;
                let Some(stream) = (0..STREAMS).find(is_recent) else {
                    return;
                };
                self.streams.push((ssrc, stream));
                stream
            }
        };
        ledger.leaves(person as u16, stream, u64::from(number), wire::clock());
    }
}

fn plan(is_sender: bool, seen: usize, heard: usize) -> MediaPlan {
    let line = |source: Source| SendLine {
        source,
        rids: match source {
            Source::Camera => LAYERS.iter().map(|l| Rid::from(l.0)).collect(),
            _ => Vec::new(),
        },
        codecs: vec![VideoCodec::H264],
    };
    let sources = [Source::Microphone, Source::Camera];
    MediaPlan {
        sends: sources
            .into_iter()
            .filter(|_| is_sender)
            .map(line)
            .collect(),
        audio_slots: heard,
        video_slots: seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Kind;

    #[test]
    fn a_datagram_that_leaves_is_known_by_number_and_ssrc() {
        let scene = Scene {
            kind: Kind::Viewers,
            count: 1,
            kbps: 1500,
        };
        let mut camera = Camera::new(0, &scene);
        camera.film();
        let mut sends = Sends {
            lines: Vec::new(),
            pts: (111, 108),
            streams: Vec::new(),
            next_frame: Instant::now(),
            next_voice: Instant::now(),
            camera,
        };
        let mut ledger = Ledger::new(1, [1; STREAMS], Duration::ZERO);
        let last = sends.camera.numbers();
        let mut leave = |sends: &mut Sends, number: u64, ssrc: u8, pt: u8| {
            let mut datagram = vec![0x90, pt];
            datagram.extend((number as u16).to_be_bytes());
            datagram.extend([0, 0, 0, 0, 0, 0, 0, ssrc, 1, 2]);
            sends.note_leaving(0, &datagram, &mut ledger);
            ledger.expected_total
        };
        assert_eq!(leave(&mut sends, last[1], 5, 108 | 0x80), 1);
        assert_eq!(leave(&mut sends, last[2] - 1, 6, 108), 2);
        assert_eq!(leave(&mut sends, last[1] + 9, 5, 108), 3);
        assert_eq!(leave(&mut sends, last[1], 9, 96), 3, "resent: not counted");
        assert_eq!(leave(&mut sends, 50_000, 7, 108), 3, "nobody's number");
        assert_eq!(sends.streams, [(5, 1), (6, 2)]);
    }

    #[test]
    fn an_offer_has_lines_for_what_is_sent_and_seen() {
        let scene = Scene {
            kind: Kind::Cameras,
            count: 30,
            kbps: 1500,
        };
        let local = "127.0.0.1".parse().unwrap();
        let (_, offer) = Person::new(3, &scene, local).unwrap();
        assert_eq!(offer.publish.len(), 2);
        assert_eq!((offer.audio_slots.len(), offer.video_slots.len()), (24, 25));
        let viewers = Scene {
            kind: Kind::Viewers,
            ..scene
        };
        let (_, offer) = Person::new(3, &viewers, local).unwrap();
        assert!(offer.publish.is_empty());
        assert_eq!((offer.audio_slots.len(), offer.video_slots.len()), (1, 1));
    }
}
