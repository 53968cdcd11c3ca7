//! A camera, a lossy path (or two with a repairing middle), and eyes: what of the pictures gets through in virtual time.

use confab_base::{Bitrate, Duration, Time};
use confab_congestion::repair::{
    FrameClass, MediaPacket, RepairReceiveStats, RepairReceiver, RepairSendStats, RepairSender,
};
use confab_simnet::{LinkConfig, Loss, Net, Node, NodeId, Rng, World};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const FRAME: Duration = Duration::from_micros(33_333);
const SSRC: u32 = 7;
/// RTP header, SRTP tag, UDP and IP, in bytes.
const HEADERS: usize = 54;

#[derive(Clone, Debug)]
pub enum Wire {
    Media(MediaPacket),
    Repair(Vec<u8>),
    Feedback(Vec<u8>),
    Pli,
}

impl Wire {
    fn bytes(&self) -> usize {
        HEADERS
            + match self {
                Wire::Media(packet) => packet.payload.len(),
                Wire::Repair(bytes) | Wire::Feedback(bytes) => bytes.len(),
                Wire::Pli => 12,
            }
    }
}

/// What stands at the head of each payload of the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub frame: u32,
    pub needs: u32,
    pub index: u8,
    pub count: u8,
    pub class: FrameClass,
}

impl Head {
    const BYTES: usize = 12;

    fn payload(self, bytes: usize) -> Arc<[u8]> {
        let mut out = Vec::with_capacity(bytes);
        out.extend(self.frame.to_be_bytes());
        out.extend(self.needs.to_be_bytes());
        out.extend([self.index, self.count]);
        out.extend([self.class.temporal, u8::from(self.class.keyframe)]);
        let mut dice = Rng::new(u64::from(self.frame) << 8 | u64::from(self.index));
        while out.len() < bytes {
            out.push(dice.next_u32() as u8);
        }
        out.into()
    }

    /// Reads a payload and checks that every byte is as it was sent.
    pub fn read(packet: &MediaPacket) -> Head {
        let b = &packet.payload;
        let word = |at: usize| u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        let head = Head {
            frame: word(0),
            needs: word(4),
            index: b[8],
            count: b[9],
            class: FrameClass {
                temporal: b[10],
                keyframe: b[11] == 1,
            },
        };
        assert_eq!(packet.timestamp, head.frame.wrapping_mul(3000));
        assert_eq!(packet.marker, head.index + 1 == head.count);
        assert_eq!(packet.payload, head.payload(b.len()), "another payload");
        head
    }
}

/// No frame is needed.
const NONE: u32 = u32::MAX;

pub struct Camera {
    pub repair: RepairSender,
    rate: Bitrate,
    dice: Rng,
    frame: u32,
    seq: u64,
    /// Frames since the last base frame, and the last base and middle frame.
    step: u32,
    base: u32,
    middle: u32,
    key_wanted: bool,
    last_key: u32,
    pub keys: u32,
    pub media_bytes: u64,
    next: Time,
}

impl Camera {
    fn new(rate: Bitrate, seed: u64) -> Camera {
        let mut repair = RepairSender::new();
        repair.set_rate(rate);
        Camera {
            repair,
            rate,
            dice: Rng::new(seed),
            frame: 0,
            seq: 100,
            step: 0,
            base: NONE,
            middle: NONE,
            key_wanted: true,
            last_key: 0,
            keys: 0,
            media_bytes: 0,
            next: Time::ZERO,
        }
    }

    fn take(&mut self, now: Time) -> Vec<MediaPacket> {
        let frame = self.frame;
        self.frame += 1;
        self.next = now + FRAME;
        let key = self.key_wanted && (frame == 0 || frame - self.last_key >= 15);
        if key {
            (self.key_wanted, self.last_key, self.step) = (false, frame, 0);
            self.keys += 1;
        }
        let step = self.step % 4;
        self.step += 1;
        let (temporal, needs, weight) = match (key, step) {
            (true, _) => (0, NONE, 5.0),
            (_, 0) => (0, self.base, 1.6),
            (_, 2) => (1, self.base, 1.1),
            (_, 1) => (2, self.base, 0.65),
            _ => (2, self.middle, 0.65),
        };
        match temporal {
            0 => self.base = frame,
            1 => self.middle = frame,
            _ => {}
        }
        let share = f64::from(self.repair.media_share());
        // The encoder's share without headers, and no more than a camera needs.
        let bps = (self.rate.bps() as f64 * share * 0.93).min(1.5e6);
        // An estimate begins low.
        let bps = if frame < 30 { bps.min(3e5) } else { bps };
        let noise = 0.75 + 0.5 * (self.dice.below(1000) as f64 / 1000.0);
        let bytes = ((bps / 8.0 / 30.0 * weight * noise) as usize).max(60);
        self.packets(
            frame,
            needs,
            FrameClass {
                temporal,
                keyframe: key,
            },
            bytes,
        )
    }

    fn packets(
        &mut self,
        frame: u32,
        needs: u32,
        class: FrameClass,
        bytes: usize,
    ) -> Vec<MediaPacket> {
        let count = bytes.div_ceil(self.repair.media_payload());
        let each = bytes.div_ceil(count);
        let packet = |index: usize| {
            // Equal parts, as the packetiser makes them.
            let size = bytes.saturating_sub(index * each).min(each);
            let head = Head {
                frame,
                needs,
                index: index as u8,
                count: count as u8,
                class,
            };
            MediaPacket {
                ssrc: SSRC,
                seq: self.seq + index as u64,
                timestamp: frame.wrapping_mul(3000),
                marker: index + 1 == count,
                tag: [9; 4],
                payload: head.payload(size.max(Head::BYTES)),
            }
        };
        let packets: Vec<_> = (0..count).map(packet).collect();
        self.seq += count as u64;
        self.media_bytes += packets.iter().map(|p| p.payload.len() as u64).sum::<u64>();
        packets
    }
}

#[derive(Clone, Copy, Debug)]
struct Picture {
    head: Head,
    got: [u64; 4],
    /// All packets there, and all it needs decoded.
    whole: Option<Time>,
    decoded: Option<Time>,
}

/// The one who looks.
#[derive(Default)]
pub struct Eyes {
    frames: BTreeMap<u32, Picture>,
    asked: Option<Time>,
    pub plis: u32,
    /// Capture numbers of shown frames and their delays.
    pub shown: Vec<(u32, Duration)>,
    last_base_decoded: Option<u32>,
}

pub fn captured(frame: u32) -> Time {
    Time::ZERO + FRAME * frame
}

impl Eyes {
    fn take(&mut self, packet: &MediaPacket, now: Time) {
        let head = Head::read(packet);
        let picture = self.frames.entry(head.frame).or_insert(Picture {
            head,
            got: [0; 4],
            whole: None,
            decoded: None,
        });
        picture.got[usize::from(head.index) / 64] |= 1 << (head.index % 64);
        let got: u32 = picture.got.iter().map(|g| g.count_ones()).sum();
        if got == u32::from(head.count) && picture.whole.is_none() {
            picture.whole = Some(now);
            self.decode(now);
        }
    }

    fn decode(&mut self, now: Time) {
        let decoded = |frames: &BTreeMap<u32, Picture>, frame: u32| {
            frame == NONE || frames.get(&frame).is_some_and(|f| f.decoded.is_some())
        };
        let open: Vec<u32> = self
            .frames
            .iter()
            .filter(|f| f.1.whole.is_some() && f.1.decoded.is_none())
            .map(|f| *f.0)
            .collect();
        for frame in open {
            if !decoded(&self.frames, self.frames[&frame].head.needs) {
                continue;
            }
            let picture = self.frames.get_mut(&frame).unwrap();
            picture.decoded = Some(now);
            if picture.head.class.temporal == 0 {
                self.last_base_decoded = self.last_base_decoded.max(Some(frame));
            }
            let delay = now.since(captured(frame));
            if delay <= Duration::from_millis(400) {
                self.shown.push((frame, delay));
            }
        }
    }

    /// Whether pictures can't go on without a key frame: the next base frame is a second late.
    fn is_stuck(&self, now: Time) -> bool {
        let next_base = self.last_base_decoded.map_or(0, |f| f + 4);
        now.since(captured(next_base)) > Duration::from_millis(1000)
    }

    /// Asks again every 100 ms.
    fn asks(&mut self, now: Time) -> bool {
        let due = self
            .asked
            .is_none_or(|at| now.since(at) >= Duration::from_millis(100));
        if due && self.is_stuck(now) {
            self.asked = Some(now);
            self.plis += 1;
            return true;
        }
        false
    }
}

#[expect(clippy::large_enum_variant, reason = "three of them in a scene")]
pub enum End {
    Camera(Camera),
    /// Takes from node 0 or the one before, sends to the next.
    Middle(RepairReceiver, RepairSender),
    Eyes(RepairReceiver, Eyes),
}

/// A node: its end, its neighbours, and when it acts next.
pub struct Place {
    pub end: End,
    before: NodeId,
    after: NodeId,
    at: Time,
    pub recovered: u64,
    pub repaired: u64,
    pub sent_bytes: u64,
}

impl Place {
    fn send(&mut self, net: &mut Net<Wire>, to: NodeId, wire: Wire) {
        self.sent_bytes += wire.bytes() as u64;
        net.datagram(to, wire.bytes(), wire);
    }

    fn media(&mut self, packet: MediaPacket, net: &mut Net<Wire>) {
        match &mut self.end {
            End::Eyes(_, eyes) => eyes.take(&packet, net.now),
            End::Middle(_, sender) => {
                sender.sent(packet.clone(), Head::read(&packet).class, net.now);
                let to = self.after;
                self.send(net, to, Wire::Media(packet));
            }
            End::Camera(_) => unreachable!("media goes one way"),
        }
    }

    fn receiver(&mut self) -> Option<&mut RepairReceiver> {
        match &mut self.end {
            End::Camera(_) => None,
            End::Middle(receiver, _) | End::Eyes(receiver, _) => Some(receiver),
        }
    }

    fn sender(&mut self) -> Option<&mut RepairSender> {
        match &mut self.end {
            End::Camera(camera) => Some(&mut camera.repair),
            End::Middle(_, sender) => Some(sender),
            End::Eyes(..) => None,
        }
    }

    /// All that is due now, and when to come next.
    fn turn(&mut self, net: &mut Net<Wire>) {
        let now = net.now;
        if let End::Camera(camera) = &mut self.end
            && camera.next <= now
        {
            for packet in camera.take(now) {
                let class = Head::read(&packet).class;
                if let End::Camera(camera) = &mut self.end {
                    camera.repair.sent(packet.clone(), class, now);
                }
                let to = self.after;
                self.send(net, to, Wire::Media(packet));
            }
        }
        let mut out = Vec::new();
        if self
            .receiver()
            .is_some_and(|r| r.poll_feedback(now, &mut out))
        {
            let to = self.before;
            self.send(net, to, Wire::Feedback(out.clone()));
        }
        if let End::Eyes(_, eyes) = &mut self.end
            && eyes.asks(now)
        {
            let to = self.before;
            self.send(net, to, Wire::Pli);
        }
        while self
            .sender()
            .is_some_and(|s| s.poll(now, &mut out).is_some())
        {
            let to = self.after;
            self.repaired += 1;
            self.send(net, to, Wire::Repair(out.clone()));
        }
        let feedback = self.receiver().and_then(|r| r.next_wakeup());
        let repair = self.sender().and_then(|s| s.next_wakeup());
        let camera = match &self.end {
            End::Camera(camera) => Some(camera.next),
            End::Eyes(..) => Some(now + Duration::from_millis(100)),
            End::Middle(..) => None,
        };
        let next = [feedback, repair, camera].into_iter().flatten().min();
        self.at = next
            .unwrap_or(Time::MAX)
            .max(now + Duration::from_micros(100));
    }
}

impl Node for Place {
    type Message = Wire;

    fn on_message(&mut self, _: NodeId, message: Wire, net: &mut Net<Wire>) {
        let now = net.now;
        match message {
            Wire::Media(packet) => {
                let new = self
                    .receiver()
                    .is_some_and(|r| r.received(packet.clone(), now));
                if new {
                    self.media(packet, net);
                }
            }
            Wire::Repair(bytes) => {
                let receiver = self.receiver().expect("repair goes one way");
                receiver.repair(&bytes, now).expect("our own repair");
            }
            Wire::Feedback(bytes) => {
                let sender = self.sender().expect("feedback goes one way");
                sender.feedback(&bytes, now).expect("our own feedback");
            }
            Wire::Pli => match &mut self.end {
                End::Camera(camera) => camera.key_wanted = true,
                End::Middle(..) => {
                    let to = self.before;
                    self.send(net, to, Wire::Pli);
                }
                End::Eyes(..) => unreachable!("nobody asks eyes"),
            },
        }
        while let Some(packet) = self.receiver().and_then(|r| r.poll_recovered()) {
            self.recovered += 1;
            self.media(packet, net);
        }
        self.turn(net);
    }

    fn on_wakeup(&mut self, net: &mut Net<Wire>) {
        self.turn(net);
    }

    fn next_wakeup(&self) -> Option<Time> {
        Some(self.at)
    }
}

#[derive(Clone, Debug)]
pub struct Scene {
    pub name: &'static str,
    pub links: Vec<LinkConfig>,
    /// The first link becomes this at some time.
    pub change: Option<(Time, Loss)>,
    pub seconds: u64,
    pub seed: u64,
}

pub fn link(loss: Loss) -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(25),
        loss,
        rate: Some(Bitrate(2_000_000)),
        ..LinkConfig::default()
    }
}

impl Scene {
    pub fn new(name: &'static str, loss: Loss) -> Scene {
        Scene {
            name,
            links: vec![link(loss)],
            change: None,
            seconds: 60,
            seed: 1,
        }
    }

    pub fn run(&self) -> Seen {
        let mut world: World<Place> = World::new(self.seed);
        let hops = self.links.len();
        for at in 0..=hops {
            let end = match at {
                0 => End::Camera(Camera::new(Bitrate(2_000_000), self.seed)),
                _ if at == hops => End::Eyes(RepairReceiver::new(), Eyes::default()),
                _ => {
                    let mut sender = RepairSender::new();
                    sender.set_rate(Bitrate(2_000_000));
                    End::Middle(RepairReceiver::new(), sender)
                }
            };
            let place = Place {
                end,
                before: NodeId(at.saturating_sub(1)),
                after: NodeId(at + 1),
                at: Time::ZERO,
                recovered: 0,
                repaired: 0,
                sent_bytes: 0,
            };
            world.add(place);
        }
        for (at, config) in self.links.iter().enumerate() {
            world.connect(NodeId(at), NodeId(at + 1), *config);
        }
        if let Some((at, loss)) = self.change {
            world.run_until(at);
            for pair in [(0, 1), (1, 0)] {
                world
                    .link(NodeId(pair.0), NodeId(pair.1))
                    .unwrap()
                    .config
                    .loss = loss;
            }
        }
        world.run_until(Time::from_millis(self.seconds * 1000));
        Seen::of(self, &world)
    }
}

/// What was seen, and what it cost.
#[derive(Clone, Debug)]
pub struct Seen {
    pub name: &'static str,
    pub fps: f64,
    /// The longest time without a new picture.
    pub longest_gap: Duration,
    pub delay_p50: Duration,
    pub delay_p90: Duration,
    pub video_kbps: f64,
    /// On the first link, with all headers: media and repair; feedback.
    pub kbps: f64,
    pub feedback_kbps: f64,
    pub keys: u32,
    pub send: RepairSendStats,
    pub receive: RepairReceiveStats,
}

impl Seen {
    fn of(scene: &Scene, world: &World<Place>) -> Seen {
        let (mut send, mut keys, mut video, mut kbps) = (None, 0, 0, 0.0);
        let mut seen = None;
        let seconds = scene.seconds as f64;
        for (_, place) in world.nodes() {
            match &place.end {
                End::Camera(camera) => {
                    (send, keys) = (Some(camera.repair.stats()), camera.keys);
                    video = camera.media_bytes;
                    kbps = place.sent_bytes as f64 * 8.0 / seconds / 1000.0;
                }
                End::Eyes(receiver, eyes) => {
                    seen = Some((receiver.stats(), eyes, place.sent_bytes))
                }
                End::Middle(..) => {}
            }
        }
        let (receive, eyes, feedback) = seen.expect("there are eyes");
        let mut shown = eyes.shown.clone();
        shown.sort_unstable();
        let mut delays: Vec<_> = shown.iter().map(|s| s.1).collect();
        delays.sort_unstable();
        let at = |share: f64| {
            delays
                .get((delays.len() as f64 * share) as usize)
                .copied()
                .unwrap_or_default()
        };
        let last = (scene.seconds * 30) as u32 - 15;
        let mut gap = 0;
        let mut before = 0;
        for frame in shown.iter().map(|s| s.0).chain([last]) {
            gap = gap.max(frame.saturating_sub(before));
            before = frame;
        }
        Seen {
            name: scene.name,
            fps: shown.len() as f64 / (seconds - 0.4),
            longest_gap: FRAME * gap,
            delay_p50: at(0.5),
            delay_p90: at(0.9),
            video_kbps: video as f64 * 8.0 / seconds / 1000.0,
            kbps,
            feedback_kbps: feedback as f64 * 8.0 / seconds / 1000.0,
            keys,
            send: send.expect("there is a camera"),
            receive,
        }
    }

    /// The row of docs/QUALITY.md.
    pub fn row(&self) -> String {
        format!(
            "| {} | {:.1} | {} | {} / {} | {:.0} | {:.0} | {:.2} | {:.0} | {} | {} / {} |",
            self.name,
            self.fps,
            self.longest_gap.as_millis(),
            self.delay_p50.as_millis(),
            self.delay_p90.as_millis(),
            self.video_kbps,
            self.kbps,
            self.send.overhead(),
            self.feedback_kbps,
            self.keys,
            self.receive.recovered,
            self.receive.useless,
        )
    }

    pub const HEAD: &str = "| scene | fps | longest gap ms | delay p50 / p90 ms | video kbps | sent kbps | repair per media byte | feedback kbps | key frames | recovered / useless symbols |";
}
