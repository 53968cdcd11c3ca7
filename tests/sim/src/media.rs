//! Media in virtual time: the real forwarder between people who send tagged packets and check what comes back.
//! Nothing repairs losses here; what a gap breaks, only the next key frame mends.

use confab_base::{
    AudioLevel, Bitrate, Duration, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec,
};
use confab_forward::{
    ForwardConfig, Forwarder, Input, LayerSpec, Output, RtpIn, RtpOut, SlotSpec, SlotState,
};
use confab_simnet::{LinkConfig, Net, Node, NodeId, World};
use std::collections::BTreeMap;
use std::sync::Arc;

const FRAME: Duration = Duration::from_millis(66);
/// Heights of the three layers, and packets of their predicted frames; a key frame has four times as many.
pub const HEIGHTS: [u16; 3] = [180, 360, 720];
const PARTS: [u8; 3] = [1, 2, 4];
/// A receiver that saw no new picture for so long asks for a key frame.
const STUCK: Duration = Duration::from_millis(300);

#[derive(Clone, Debug)]
pub enum Packet {
    Up {
        track: TrackId,
        layer: u8,
        rtp: RtpIn,
    },
    Down {
        slot: u16,
        rtp: RtpOut,
    },
    /// A receiver's picture is stuck.
    Stuck {
        slot: u16,
    },
    /// The forwarder wants a key frame.
    Keyframe {
        layer: u8,
    },
}

#[derive(Debug)]
pub enum Actor {
    Sfu(Box<Sfu>),
    Talker(Box<Talker>),
}

/// The forwarder's shell.
#[derive(Debug)]
pub struct Sfu {
    pub forwarder: Forwarder,
    people: BTreeMap<ParticipantId, NodeId>,
    cameras: BTreeMap<TrackId, NodeId>,
    pub speakers: Vec<ParticipantId>,
    pub slots: BTreeMap<(ParticipantId, u16), SlotState>,
    pub keyframes_asked: u64,
}

/// A participant that sends a camera of three layers and a microphone, and receives.
#[derive(Debug)]
pub struct Talker {
    pub id: ParticipantId,
    pub loudness: u8,
    next_frame: Time,
    frame: u32,
    seq: [u64; 4],
    wants_key: [bool; 3],
    pub received: BTreeMap<u16, Received>,
}

/// What came in one video slot.
#[derive(Debug, Default)]
pub struct Received {
    /// By sequence number.
    pub packets: BTreeMap<u64, (u32, Tag)>,
    asked: Time,
    /// When the newest frame that could be decoded came, as far as can be told on the way.
    fresh: Time,
    last_seq: u64,
    intact: bool,
}

/// What a payload says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub track: u32,
    pub layer: u8,
    pub frame: u32,
    pub part: u8,
    pub parts: u8,
    pub key: bool,
}

impl Tag {
    fn to_payload(self, bytes: usize) -> Arc<[u8]> {
        // H.264: a key frame starts with its parameter set; everything else is a predicted slice or a later fragment.
        let first = match (self.key, self.part) {
            (true, 0) => [0x67, 0x42],
            (true, _) => [0x7c, 0x05],
            (false, _) => [0x61, 0],
        };
        let mut payload = vec![0; bytes];
        payload[..2].copy_from_slice(&first);
        payload[2..6].copy_from_slice(&self.track.to_be_bytes());
        payload[6..10].copy_from_slice(&self.frame.to_be_bytes());
        payload[10..14].copy_from_slice(&[self.layer, self.part, self.parts, u8::from(self.key)]);
        payload.into()
    }

    fn read(payload: &[u8]) -> Option<Tag> {
        let word = |at: usize| {
            Some(u32::from_be_bytes(
                payload.get(at..at + 4)?.try_into().ok()?,
            ))
        };
        let rest = payload.get(10..14)?;
        Some(Tag {
            track: word(2)?,
            frame: word(6)?,
            layer: rest[0],
            part: rest[1],
            parts: rest[2],
            key: rest[3] != 0,
        })
    }
}

pub fn camera(person: ParticipantId) -> TrackId {
    TrackId(person.0 * 2)
}

pub fn microphone(person: ParticipantId) -> TrackId {
    TrackId(person.0 * 2 + 1)
}

impl Sfu {
    pub fn feed(&mut self, input: Input, net: &mut Net<Packet>) {
        self.forwarder.handle(input, net.now);
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send {
                    participant,
                    slot,
                    packet,
                } => {
                    let bytes = packet.payload.len() + 40;
                    let down = Packet::Down { slot, rtp: packet };
                    net.datagram(self.people[&participant], bytes, down);
                }
                Output::RequestKeyframe { track, layer } => {
                    self.keyframes_asked += 1;
                    if let Some(node) = self.cameras.get(&track) {
                        net.datagram(*node, 60, Packet::Keyframe { layer });
                    }
                }
                Output::Speakers(speakers) => self.speakers = speakers,
                Output::SlotState { participant, state } => {
                    self.slots.insert((participant, state.slot), state);
                }
                Output::Quality(_)
                | Output::Acknowledged { .. }
                | Output::Recover { .. }
                | Output::SameRoom(_)
                | Output::Desired { .. }
                | Output::LayersWanted { .. }
                | Output::VoiceLoss { .. } => {}
            }
        }
    }

    fn on_packet(&mut self, from: NodeId, packet: Packet, net: &mut Net<Packet>) {
        let sender = self.people.iter().find(|(_, node)| **node == from);
        let Some(participant) = sender.map(|(id, _)| *id) else {
            return;
        };
        match packet {
            Packet::Up { track, layer, rtp } => self.feed(
                Input::Packet {
                    track,
                    layer,
                    packet: rtp,
                },
                net,
            ),
            Packet::Stuck { slot } => self.feed(Input::KeyframeRequest { participant, slot }, net),
            Packet::Down { .. } | Packet::Keyframe { .. } => {}
        }
    }
}

impl Talker {
    fn on_packet(&mut self, packet: Packet, now: Time) {
        match packet {
            Packet::Keyframe { layer } => self.wants_key[usize::from(layer)] = true,
            Packet::Down { slot, rtp } => {
                if let Some(tag) = Tag::read(&rtp.payload) {
                    self.received.entry(slot).or_default().note(&rtp, tag, now);
                }
            }
            Packet::Up { .. } | Packet::Stuck { .. } => {}
        }
    }

    fn on_wakeup(&mut self, net: &mut Net<Packet>) {
        self.next_frame = net.now + FRAME;
        self.frame += 1;
        self.send_audio(net);
        for layer in 0..3 {
            self.send_frame(layer, net);
        }
        for (slot, received) in &mut self.received {
            let stuck = net.now.since(received.fresh) > STUCK;
            if stuck && net.now.since(received.asked) > STUCK {
                received.asked = net.now;
                net.datagram(SFU, 60, Packet::Stuck { slot: *slot });
            }
        }
    }

    fn send_audio(&mut self, net: &mut Net<Packet>) {
        self.seq[3] += 1;
        let rtp = RtpIn {
            seq: self.seq[3],
            timestamp: self.frame * 3168,
            red: false,
            marker: false,
            payload: Arc::from(&[1u8; 10][..]),
            audio_level: Some(AudioLevel(127 - self.loudness)),
            voice: self.loudness > 60,
            tag: None,
        };
        let track = microphone(self.id);
        net.datagram(
            SFU,
            80,
            Packet::Up {
                track,
                layer: 0,
                rtp,
            },
        );
    }

    fn send_frame(&mut self, layer: usize, net: &mut Net<Packet>) {
        let key = std::mem::take(&mut self.wants_key[layer]) || self.frame == 1;
        let parts = PARTS[layer] * if key { 4 } else { 1 };
        for part in 0..parts {
            self.seq[layer] += 1;
            let tag = Tag {
                track: camera(self.id).0,
                layer: layer as u8,
                frame: self.frame,
                part,
                parts,
                key,
            };
            let rtp = RtpIn {
                seq: self.seq[layer],
                timestamp: self
                    .frame
                    .wrapping_mul(5940)
                    .wrapping_add(layer as u32 * 77_777),
                marker: part + 1 == parts,
                payload: tag.to_payload(1000),
                audio_level: None,
                voice: false,
                tag: None,
                red: false,
            };
            let track = camera(self.id);
            let up = Packet::Up {
                track,
                layer: layer as u8,
                rtp,
            };
            net.datagram(SFU, 1040, up);
        }
    }
}

impl Received {
    fn note(&mut self, rtp: &RtpOut, tag: Tag, now: Time) {
        let before = self.packets.insert(rtp.seq, (rtp.timestamp, tag));
        assert!(
            before.is_none_or(|b| b == (rtp.timestamp, tag)),
            "number {} was used twice",
            rtp.seq
        );
        if rtp.seq <= self.last_seq {
            return;
        }
        let gap = self.last_seq != 0 && rtp.seq != self.last_seq + 1;
        self.last_seq = rtp.seq;
        if tag.key && tag.part == 0 {
            self.intact = true;
        } else if gap {
            self.intact = false;
        }
        if self.intact && rtp.marker {
            self.fresh = now;
        }
    }

    /// Frames that a decoder could show: whole, and nothing missing since the last key frame.
    pub fn decodable(&self, from_frame: u32) -> usize {
        let mut shown = 0;
        let mut chain: Option<(u32, u8)> = None;
        let mut last_seq = None;
        let mut parts = 0;
        for (&seq, (_, tag)) in &self.packets {
            let contiguous = last_seq.is_none_or(|last: u64| seq == last + 1);
            last_seq = Some(seq);
            if tag.part == 0 {
                parts = 0;
                if tag.key {
                    chain = Some((tag.track, tag.layer));
                }
            }
            let starts = tag.key && tag.part == 0;
            let follows = contiguous && chain == Some((tag.track, tag.layer));
            if !starts && !follows {
                chain = None;
                continue;
            }
            parts += 1;
            if parts == tag.parts && tag.frame >= from_frame {
                shown += 1;
            }
        }
        shown
    }

    /// Where the slot moves to another track or layer it has to begin with a key frame, in order and in time.
    pub fn assert_unbroken(&self) {
        let mut last: Option<(u32, Tag)> = None;
        for (seq, (timestamp, tag)) in &self.packets {
            if let Some((before, from)) = last {
                assert!(
                    timestamp.wrapping_sub(before) < 1 << 31,
                    "time goes back at {seq}: {from:?} to {tag:?}"
                );
                let moved = (from.track, from.layer) != (tag.track, tag.layer);
                assert!(
                    !moved || (tag.key && tag.part == 0),
                    "moves inside a frame at {seq}: {from:?} to {tag:?}"
                );
            } else {
                assert!(tag.key && tag.part == 0, "begins with {tag:?}");
            }
            last = Some((*timestamp, *tag));
        }
    }

    /// Track and layer of the newest packet.
    pub fn now_showing(&self) -> Option<(u32, u8)> {
        let (_, (_, tag)) = self.packets.last_key_value()?;
        Some((tag.track, tag.layer))
    }
}

impl Node for Actor {
    type Message = Packet;

    fn on_message(&mut self, from: NodeId, message: Packet, net: &mut Net<Packet>) {
        match self {
            Actor::Sfu(sfu) => sfu.on_packet(from, message, net),
            Actor::Talker(talker) => talker.on_packet(message, net.now),
        }
    }

    fn on_wakeup(&mut self, net: &mut Net<Packet>) {
        match self {
            Actor::Sfu(sfu) => sfu.feed(Input::Wakeup, net),
            Actor::Talker(talker) => talker.on_wakeup(net),
        }
    }

    fn next_wakeup(&self) -> Option<Time> {
        match self {
            Actor::Sfu(sfu) => sfu.forwarder.next_wakeup(),
            Actor::Talker(talker) => Some(talker.next_frame),
        }
    }
}

const SFU: NodeId = NodeId(0);

/// People and a forwarder.
#[derive(Debug)]
pub struct MediaMeeting {
    pub world: World<Actor>,
}

impl MediaMeeting {
    pub fn new(seed: u64) -> MediaMeeting {
        let mut world = World::new(seed);
        let config = ForwardConfig {
            seed,
            start_estimate: Bitrate::kbps(20_000),
        };
        world.add(Actor::Sfu(Box::new(Sfu {
            forwarder: Forwarder::new(config),
            people: BTreeMap::new(),
            cameras: BTreeMap::new(),
            speakers: Vec::new(),
            slots: BTreeMap::new(),
            keyframes_asked: 0,
        })));
        MediaMeeting { world }
    }

    pub fn join(&mut self, link: LinkConfig) -> ParticipantId {
        let id = ParticipantId(self.world.nodes().count() as u32);
        let start = self.world.now() + Duration::from_millis(u64::from(id.0) * 7 % 66);
        let node = self.world.add(Actor::Talker(Box::new(Talker {
            id,
            loudness: 0,
            next_frame: start,
            frame: 0,
            seq: [40_000 + u64::from(id.0), 65_000, 7, 65_530],
            wants_key: [false; 3],
            received: BTreeMap::new(),
        })));
        self.world.connect(node, SFU, link);
        self.sfu(|sfu, net| {
            sfu.people.insert(id, node);
            sfu.cameras.insert(camera(id), node);
            let decodes = vec![VideoCodec::H264];
            sfu.feed(
                Input::Join {
                    participant: id,
                    decodes,
                },
                net,
            );
            let layer = |(height, parts): (u16, u8)| LayerSpec {
                height,
                max_bitrate: Bitrate::kbps(150 * u64::from(parts)),
            };
            let layers = HEIGHTS.into_iter().zip(PARTS).map(layer).collect();
            for (track, source, codec, layers) in [
                (microphone(id), Source::Microphone, None, Vec::new()),
                (camera(id), Source::Camera, Some(VideoCodec::H264), layers),
            ] {
                sfu.feed(
                    Input::Publish {
                        participant: id,
                        track,
                        source,
                        codec,
                        layers,
                    },
                    net,
                );
            }
        });
        id
    }

    /// What a participant looks at: cameras with the height at which each is shown, in slots from 0 on.
    pub fn view(&mut self, participant: ParticipantId, cameras: &[(ParticipantId, u16)]) {
        let slot = |(i, (who, max_height)): (usize, &(ParticipantId, u16))| SlotSpec {
            slot: i as u16,
            kind: MediaKind::Video,
            track: Some(camera(*who)),
            max_height: *max_height,
            red: None,
        };
        let slots = cameras.iter().enumerate().map(slot).collect();
        self.sfu(|sfu, net| sfu.feed(Input::View { participant, slots }, net));
    }

    /// The most a participant wants to be sent.
    pub fn cap(&mut self, participant: ParticipantId, most: Option<Bitrate>) {
        self.sfu(|sfu, net| sfu.feed(Input::Cap { participant, most }, net));
    }

    pub fn sfu<R>(&mut self, f: impl FnOnce(&mut Sfu, &mut Net<Packet>) -> R) -> R {
        self.world.poke(SFU, |actor, net| match actor {
            Actor::Sfu(sfu) => f(sfu, net),
            Actor::Talker(_) => panic!("the forwarder is a talker"),
        })
    }

    pub fn talker<R>(&mut self, id: ParticipantId, f: impl FnOnce(&mut Talker) -> R) -> R {
        self.world
            .poke(NodeId(id.0 as usize), |actor, _| match actor {
                Actor::Talker(talker) => f(talker),
                Actor::Sfu(_) => panic!("{id} is the forwarder"),
            })
    }

    pub fn run_ms(&mut self, ms: u64) {
        self.world.run_for(Duration::from_millis(ms));
    }

    pub fn frame_of(&mut self, id: ParticipantId) -> u32 {
        self.talker(id, |t| t.frame)
    }

    /// The link to or from a participant.
    pub fn set_link(&mut self, id: ParticipantId, down: bool, config: LinkConfig) {
        let node = NodeId(id.0 as usize);
        let (from, to) = if down { (SFU, node) } else { (node, SFU) };
        if let Some(link) = self.world.link(from, to) {
            link.config = config;
        }
    }
}
