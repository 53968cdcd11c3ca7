//! A meeting for tests: a forwarding unit on loopback, clients on their own socket threads, and a camera whose packets
//! say what they are.

use confab_base::{
    AudioLevel, Bitrate, FrameTag, FrameTagger, MediaKind, ParticipantId, Source, TrackId,
    VideoCodec,
};
use confab_protocol::{Layer, Publish, Slot, SlotState};
use confab_room::{MediaCommand, MediaEvent, PublishedLine};
use confab_server::sfu::{self, Sfu, SfuConfig, SfuRoom, TcpPort};
use confab_transport::driver::{Driver, DriverConfig, DriverEvent, DriverHandle, Filter};
use confab_transport::{Codec, InPacket, LocalOffer, MediaPlan, Mid, OutPacket, Rid, SendLine};
use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const RIDS: [&str; 3] = ["q", "h", "f"];
const HEIGHTS: [u16; 3] = [180, 360, 720];
/// Packets of 1000 bytes per frame.
const PACKETS: [usize; 3] = [1, 2, 4];
const RATES: [u64; 3] = [250, 500, 1000];

pub fn mic(p: u32) -> TrackId {
    TrackId(p * 10)
}

pub fn cam(p: u32) -> TrackId {
    TrackId(p * 10 + 1)
}

pub struct Meeting {
    pub sfu: Sfu,
    pub room: SfuRoom,
    pub slots: HashMap<ParticipantId, Vec<SlotState>>,
    pub lost: Vec<(ParticipantId, u32)>,
    pub speakers: Vec<ParticipantId>,
    pub answers: Vec<MediaEvent>,
    tickets: u64,
}

impl Meeting {
    pub fn new(workers: usize, tcp_port: Option<u16>) -> Meeting {
        let udp = (Ipv4Addr::LOCALHOST, 0).into();
        let sfu = sfu::start(SfuConfig {
            udp,
            public_addresses: Vec::new(),
            tcp_port: tcp_port.map(|port| TcpPort {
                here: port,
                public: port,
            }),
            workers,
            relay: Some(sfu::Limits::default()),
        })
        .unwrap();
        Meeting::of(sfu)
    }

    pub fn of(sfu: Sfu) -> Meeting {
        let room = sfu.open(7);
        let (slots, lost, speakers, answers) = Default::default();
        Meeting {
            sfu,
            room,
            slots,
            lost,
            speakers,
            answers,
            tickets: 0,
        }
    }

    pub fn listen(&mut self) {
        while let Ok(event) = self.room.events.try_recv() {
            match event {
                MediaEvent::Slots { participant, slots } => {
                    self.slots.insert(participant, slots);
                }
                MediaEvent::Lost {
                    participant,
                    generation,
                } => self.lost.push((participant, generation)),
                MediaEvent::Speakers(list) => self.speakers = list,
                MediaEvent::LayersWanted { .. }
                | MediaEvent::Codec { .. }
                | MediaEvent::Quality(_)
                | MediaEvent::Links(_)
                | MediaEvent::SameRoom(_)
                | MediaEvent::Connected { .. }
                | MediaEvent::VoiceLoss { .. } => {}
                answer => self.answers.push(answer),
            }
        }
    }

    /// Negotiates and connects a client that sends microphone and camera and has `slots` slots of each kind.
    pub fn join(&mut self, p: u32, slots: usize, filter: Option<Filter>) -> Client {
        let mut client = Client::start(p, 1, slots, filter);
        self.negotiate(&mut client, &[]);
        client.wait_connected(self);
        client
    }

    pub fn negotiate(&mut self, client: &mut Client, muted: &[TrackId]) {
        let DriverEvent::Offer(offer) = client.wait_event(|e| matches!(e, DriverEvent::Offer(_)))
        else {
            unreachable!()
        };
        self.tickets += 1;
        let publish = offer.publish.iter().map(|(mid, source)| {
            let layers = (0..3)
                .filter(|_| source.kind() == MediaKind::Video)
                .map(|i| Layer {
                    rid: RIDS[i].into(),
                    width: HEIGHTS[i] / 9 * 16,
                    height: HEIGHTS[i],
                    max_bitrate: RATES[i] * 1000,
                })
                .collect();
            let track = if *source == Source::Microphone {
                mic(client.p)
            } else {
                cam(client.p)
            };
            let publish = Publish {
                mid: mid.as_str().into(),
                source: *source,
                layers,
            };
            PublishedLine {
                track,
                muted: muted.contains(&track),
                publish,
            }
        });
        let command = MediaCommand::Offer {
            participant: ParticipantId(client.p),
            ticket: self.tickets,
            generation: client.generation,
            sdp: offer.sdp.clone(),
            publish: publish.collect(),
            decodes: vec![VideoCodec::H264],
        };
        self.room.send(command).unwrap();
        client.offer = Some(offer);
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            self.listen();
            match self.answers.pop() {
                Some(MediaEvent::Answer {
                    sdp,
                    ticket,
                    codecs,
                    ..
                }) => {
                    assert_eq!(ticket, self.tickets);
                    assert_eq!(codecs, [(cam(client.p), VideoCodec::H264)]);
                    client.driver.accept_answer(client.reached_at(&sdp));
                    return;
                }
                Some(other) => panic!("{other:?}"),
                None => assert!(Instant::now() < until, "no answer"),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// `client` looks at these: (track, height) in its slots, in order.
    pub fn view(&self, client: &Client, audio: &[TrackId], video: &[(TrackId, u16)]) {
        let offer = client.offer.as_ref().unwrap();
        let slot = |mid: &Mid, track, max_height| Slot {
            mid: mid.as_str().into(),
            track: Some(track),
            max_height,
        };
        let audio = offer
            .audio_slots
            .iter()
            .zip(audio)
            .map(|(m, t)| slot(m, *t, 0));
        let video = offer
            .video_slots
            .iter()
            .zip(video)
            .map(|(m, (t, h))| slot(m, *t, *h));
        let slots = audio.chain(video).collect();
        self.room
            .send(MediaCommand::View {
                participant: ParticipantId(client.p),
                slots,
                most: None,
            })
            .unwrap();
    }
}

pub struct Client {
    pub p: u32,
    pub generation: u32,
    pub driver: DriverHandle,
    pub offer: Option<LocalOffer>,
    pub got: Vec<InPacket>,
    pub lost_path: bool,
    /// Knows the server by this address alone.
    pub via: Option<SocketAddr>,
    camera: Camera,
}

impl Client {
    pub fn start(p: u32, generation: u32, slots: usize, filter: Option<Filter>) -> Client {
        let mut config = DriverConfig::new(format!("client-{p}"));
        config.test_filter = filter;
        Client::start_as(config, p, generation, slots)
    }

    pub fn start_as(config: DriverConfig, p: u32, generation: u32, slots: usize) -> Client {
        let driver = Driver::start(config).unwrap();
        let rids = RIDS.iter().map(|r| Rid::from(*r)).collect();
        let sends = vec![
            SendLine {
                source: Source::Microphone,
                rids: vec![],
                codecs: vec![],
            },
            SendLine {
                source: Source::Camera,
                rids,
                codecs: vec![VideoCodec::H264],
            },
        ];
        driver.create_offer(MediaPlan {
            sends,
            audio_slots: slots,
            video_slots: slots,
        });
        driver.set_desired(Bitrate::kbps(4000));
        let camera = Camera::new();
        Client {
            p,
            generation,
            driver,
            offer: None,
            got: Vec::new(),
            lost_path: false,
            via: None,
            camera,
        }
    }

    /// An answer with the candidates this client is to have.
    fn reached_at(&self, answer: &str) -> String {
        let Some(via) = self.via else {
            return answer.to_owned();
        };
        let only = format!(
            "a=candidate:1 1 udp 2130706431 {} {} typ host",
            via.ip(),
            via.port()
        );
        let mut has = false;
        let lines = answer.lines().filter_map(|line| {
            has &= !line.starts_with("m=");
            match line.starts_with("a=candidate:") {
                true => (!std::mem::replace(&mut has, true)).then(|| only.clone()),
                false => Some(line.to_owned()),
            }
        });
        lines.map(|line| line + "\r\n").collect()
    }

    pub fn wait_event(&mut self, wanted: impl Fn(&DriverEvent) -> bool) -> DriverEvent {
        let until = Instant::now() + Duration::from_secs(15);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.driver.events.recv_timeout(left) {
                Ok(event) if wanted(&event) => return event,
                Ok(DriverEvent::OfferFailed(e) | DriverEvent::AnswerFailed(e)) => panic!("{e}"),
                Ok(_) => {}
                Err(e) => panic!("client {}: {e}", self.p),
            }
        }
    }

    pub fn wait_connected(&mut self, meeting: &mut Meeting) {
        self.wait_event(|e| matches!(e, DriverEvent::Connected { .. }));
        meeting.listen();
    }

    /// Sends its lowest layer alone.
    pub fn send_lowest(&mut self) {
        self.camera.layers = 1;
    }

    fn read(&mut self) {
        while let Ok(event) = self.driver.events.try_recv() {
            match event {
                DriverEvent::KeyframeRequest { rid, .. } => {
                    let layer = RIDS.iter().position(|r| rid == Some(Rid::from(*r)));
                    layer
                        .into_iter()
                        .for_each(|l| self.camera.keyframe[l] = true);
                }
                DriverEvent::Disconnected | DriverEvent::Closed => self.lost_path = true,
                _ => {}
            }
        }
        self.got.extend(self.driver.media.try_iter());
    }

    /// What came in a slot, by sequence number, without repeats.
    pub fn slot(&self, kind: MediaKind, index: usize) -> BTreeMap<u64, &InPacket> {
        let offer = self.offer.as_ref().unwrap();
        let mid = match kind {
            MediaKind::Audio => offer.audio_slots[index],
            MediaKind::Video => offer.video_slots[index],
        };
        self.got
            .iter()
            .filter(|p| p.mid == mid)
            .map(|p| (p.seq, p))
            .collect()
    }
}

/// What a video packet of [`Camera`] says: sender, layer and frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub p: u32,
    pub layer: u8,
    pub is_keyframe: bool,
    pub frame: u32,
}

pub fn said(packet: &InPacket) -> Said {
    let b = &packet.payload;
    let frame = u32::from_be_bytes([b[3], b[4], b[5], b[6]]);
    Said {
        p: u32::from(b[1]),
        layer: b[2],
        is_keyframe: b[0] == 0x67,
        frame,
    }
}

struct Camera {
    seq: [u64; 3],
    keyframe: [bool; 3],
    taggers: [FrameTagger; 3],
    /// Layers that are sent, the lowest ones. Nobody here follows the estimate: on a bad link three are more than it takes.
    layers: usize,
    frame: u32,
    audio: u64,
}

impl Camera {
    fn new() -> Camera {
        Camera {
            seq: [100, 200, 300],
            keyframe: [true; 3],
            taggers: Default::default(),
            layers: 3,
            frame: 0,
            audio: 1000,
        }
    }
}

/// All send for `time`: video at 30 frames per second in three layers, audio every 20 ms; all read.
pub fn run(meeting: &mut Meeting, clients: &mut [&mut Client], time: Duration) {
    let start = Instant::now();
    let mut ticks = 0u32;
    while start.elapsed() < time {
        for client in clients.iter_mut() {
            client.read();
            if ticks.is_multiple_of(2) {
                client.speak();
            }
            if ticks.is_multiple_of(3) {
                client.film();
            }
        }
        meeting.listen();
        ticks += 1;
        let next = start + Duration::from_millis(10) * ticks;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

impl Client {
    fn mid(&self, source: Source) -> Mid {
        self.offer
            .as_ref()
            .unwrap()
            .publish
            .iter()
            .find(|(_, s)| *s == source)
            .unwrap()
            .0
    }

    fn speak(&mut self) {
        self.camera.audio += 1;
        let seq = self.camera.audio;
        let packet = OutPacket {
            tag: None,
            codec: Codec::Opus,
            seq,
            timestamp: (seq * 960) as u32,
            marker: false,
            payload: Arc::from([self.p as u8; 80]),
            red: false,
            audio_level: Some(AudioLevel(if self.p == 1 { 20 } else { 100 })),
            voice: self.p == 1,
            captured: Instant::now(),
        };
        self.driver
            .send(self.mid(Source::Microphone), None, vec![packet]);
    }

    fn film(&mut self) {
        self.camera.frame += 1;
        for layer in 0..self.camera.layers {
            let is_keyframe = std::mem::take(&mut self.camera.keyframe[layer]);
            let tag = self.camera.taggers[layer].next(0, is_keyframe);
            let packets = (0..PACKETS[layer]).map(|i| {
                self.camera.seq[layer] += 1;
                let kind = match (is_keyframe, i) {
                    (true, 0) => 0x67,
                    (true, _) => 0x68,
                    _ => 0x61,
                };
                let mut payload = vec![kind, self.p as u8, layer as u8];
                payload.extend(self.camera.frame.to_be_bytes());
                payload.resize(1000, 0);
                OutPacket {
                    tag: tag.map(|t| FrameTag { start: i == 0, ..t }),
                    codec: Codec::H264,
                    seq: self.camera.seq[layer],
                    timestamp: self.camera.frame * 3000 + layer as u32 * 1_000_000,
                    marker: i + 1 == PACKETS[layer],
                    payload: payload.into(),
                    red: false,
                    audio_level: None,
                    voice: false,
                    captured: Instant::now(),
                }
            });
            let packets = packets.collect();
            self.driver
                .send(self.mid(Source::Camera), Some(RIDS[layer].into()), packets);
        }
    }
}
