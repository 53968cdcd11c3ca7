//! A receiver with little room gets fewer frames before it gets none, and the old layer's base frames while a smaller one is waited for.

use confab_base::{
    Bitrate, Duration, FrameTag, FrameTagger, MediaKind, ParticipantId, Source, Time, TrackId,
    VideoCodec,
};
use confab_forward::{
    ForwardConfig, Forwarder, Input, LayerSpec, Limited, Output, RtpIn, RtpOut, SlotSpec, SlotState,
};
use std::collections::{BTreeSet, VecDeque};

const SENDER: ParticipantId = ParticipantId(1);
const RECEIVER: ParticipantId = ParticipantId(2);
const TRACK: TrackId = TrackId(7);
/// Packets of 960 bytes, 1000 on the wire: 480 and 960 kbps.
const PACKETS: [usize; 2] = [2, 4];

#[derive(Default)]
struct Layer {
    seq: u64,
    place: usize,
    tagger: FrameTagger,
}

/// One camera of two layers, one that looks at it.
struct Scene {
    forwarder: Forwarder,
    now: Time,
    frame: u32,
    layers: [Layer; 2],
    /// Key frames that were asked for, and when they come.
    asked: VecDeque<(Time, usize)>,
    /// How long a key frame takes.
    away: Duration,
    /// The large layer is switched off, and the small one begins anew.
    small_only: bool,
    requests: usize,
    got: Vec<(Time, RtpOut)>,
    state: Option<SlotState>,
}

impl Scene {
    fn new(height: u16) -> Scene {
        let mut scene = Scene {
            forwarder: Forwarder::new(ForwardConfig::default()),
            now: Time::from_millis(1000),
            frame: 0,
            layers: Default::default(),
            asked: VecDeque::new(),
            away: Duration::ZERO,
            small_only: false,
            requests: 0,
            got: Vec::new(),
            state: None,
        };
        scene.put(Input::Join {
            participant: RECEIVER,
            decodes: vec![VideoCodec::H264],
        });
        let layer = |height, kbps| LayerSpec {
            height,
            max_bitrate: Bitrate::kbps(kbps),
        };
        scene.put(Input::Publish {
            participant: SENDER,
            track: TRACK,
            source: Source::Camera,
            codec: Some(VideoCodec::H264),
            layers: vec![layer(180, 500), layer(360, 1000)],
        });
        scene.put(Input::View {
            participant: RECEIVER,
            slots: vec![SlotSpec {
                slot: 0,
                kind: MediaKind::Video,
                track: Some(TRACK),
                max_height: height,
                red: None,
            }],
        });
        scene
    }

    fn put(&mut self, input: Input) {
        self.forwarder.handle(input, self.now);
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send { packet, .. } => self.got.push((self.now, packet)),
                Output::RequestKeyframe { layer, .. } => {
                    self.requests += 1;
                    let at = self.now + self.away;
                    self.asked.push_back((at, usize::from(layer)));
                }
                Output::SlotState { state, .. } => self.state = Some(state),
                _ => {}
            }
        }
    }

    fn estimate(&mut self, kbps: u64) {
        self.put(Input::Estimate {
            participant: RECEIVER,
            bitrate: Bitrate::kbps(kbps),
        });
    }

    /// So many frames; what came of them.
    fn play(&mut self, frames: usize) -> Vec<(Time, RtpOut)> {
        self.got.clear();
        for _ in 0..frames {
            self.now += Duration::from_micros(33_333);
            self.frame += 1;
            (0..2).for_each(|layer| self.film(layer));
            if self
                .forwarder
                .next_wakeup()
                .is_some_and(|at| at <= self.now)
            {
                self.put(Input::Wakeup);
            }
        }
        std::mem::take(&mut self.got)
    }

    fn film(&mut self, index: usize) {
        if index == 1 && self.small_only {
            return;
        }
        let due = |(at, layer): &(Time, usize)| *at <= self.now && *layer == index;
        let is_key = self.asked.iter().any(due) || self.frame == 1;
        let now = self.now;
        self.asked
            .retain(|(at, layer)| *at > now || *layer != index);
        let layer = &mut self.layers[index];
        if is_key {
            layer.place = 0;
        }
        let temporal = [0, 2, 1, 2][layer.place];
        layer.place = (layer.place + 1) % 4;
        let tag = layer.tagger.next(temporal, is_key).unwrap();
        for n in 0..PACKETS[index] {
            self.layers[index].seq += 1;
            let kind = if is_key && n == 0 { 0x67 } else { 0x61 };
            let mut payload = vec![kind, index as u8];
            payload.resize(960, 0);
            let packet = RtpIn {
                tag: Some(FrameTag {
                    start: n == 0,
                    ..tag
                }),
                seq: self.layers[index].seq,
                timestamp: self.frame * 3000,
                marker: n + 1 == PACKETS[index],
                payload: payload.into(),
                audio_level: None,
                voice: false,
                red: false,
            };
            self.put(Input::Packet {
                track: TRACK,
                layer: index as u8,
                packet,
            });
        }
    }
}

/// Frames of each temporal layer, all of them whole and to be decoded: what each refers to is there.
fn frames(got: &[(Time, RtpOut)], known: &mut BTreeSet<(u8, u16)>) -> [usize; 3] {
    let mut count = [0; 3];
    for frame in got.chunk_by(|a, b| a.1.timestamp == b.1.timestamp) {
        let (first, last) = (&frame[0].1, &frame[frame.len() - 1].1);
        let (tag, layer) = (first.tag.unwrap(), first.payload[1]);
        assert!(tag.start && last.marker, "half of a frame");
        assert_eq!(frame.len(), PACKETS[usize::from(layer)]);
        let refers = tag.frame.wrapping_sub(u16::from(tag.refers));
        assert!(
            tag.refers == 0 || known.contains(&(layer, refers)),
            "{tag:?} cannot be decoded"
        );
        known.insert((layer, tag.frame));
        count[usize::from(tag.temporal)] += 1;
    }
    let seqs: Vec<u64> = got.iter().map(|(_, p)| p.seq).collect();
    assert!(
        seqs.windows(2).all(|w| w[1] == w[0] + 1),
        "a gap in the numbers"
    );
    count
}

#[test]
fn less_room_means_fewer_frames_and_more_room_all_of_them_again() {
    let mut scene = Scene::new(180);
    let known = &mut BTreeSet::new();
    scene.estimate(800);
    assert_eq!(frames(&scene.play(60), known), [15, 15, 30]);
    for (kbps, expected) in [(400, [15, 15, 0]), (150, [15, 0, 0])] {
        scene.estimate(kbps);
        // The frame that is on its way is finished.
        frames(&scene.play(4), known);
        assert_eq!(frames(&scene.play(60), known), expected, "{kbps} kbps");
        assert_eq!(scene.state.unwrap().limited, Limited::Bandwidth);
        assert_eq!(scene.state.unwrap().height, 180);
    }
    scene.estimate(100);
    let [base, middle, top] = frames(&scene.play(45), known);
    assert!(base >= 10 && middle + top == 0, "a dip costs no picture");
    frames(&scene.play(30), known);
    assert_eq!(scene.play(30).len(), 0, "not even those");
    assert_eq!(scene.state.unwrap().height, 0);
    scene.estimate(1000);
    frames(&scene.play(90), known);
    assert_eq!(frames(&scene.play(60), known), [15, 15, 30]);
    assert_eq!(scene.state.unwrap().limited, Limited::No);
}

#[test]
fn while_a_smaller_layer_is_waited_for_the_base_frames_of_the_large_one_go_on() {
    let mut scene = Scene::new(360);
    let known = &mut BTreeSet::new();
    scene.estimate(2000);
    assert_eq!(frames(&scene.play(60), known).iter().sum::<usize>(), 60);
    scene.away = Duration::from_millis(400);
    scene.estimate(700);
    let got = scene.play(12);
    assert!(
        got.iter().all(|(_, p)| p.payload[1] == 1),
        "still the large one"
    );
    let [base, middle, top] = frames(&got, known);
    assert!(
        (2..=4).contains(&base) && middle + top <= 1,
        "{base} {middle} {top}"
    );
    let got = scene.play(60);
    assert!(got.iter().skip(16).all(|(_, p)| p.payload[1] == 0));
    let [base, middle, top] = frames(&got, known);
    assert!(
        base >= 14 && middle >= 14 && top >= 28,
        "{base} {middle} {top}"
    );
}

#[test]
fn a_key_frame_made_where_the_large_layer_ends_is_what_viewers_go_on_with() {
    let mut scene = Scene::new(360);
    let known = &mut BTreeSet::new();
    scene.estimate(2000);
    frames(&scene.play(60), known);
    scene.small_only = true;
    scene.asked.push_back((scene.now, 0));
    scene.requests = 0;
    let got = scene.play(30);
    let count: usize = frames(&got, known).iter().sum();
    assert!(
        count >= 29,
        "{count} frames: those that came before it was known are there"
    );
    let first = got.first().unwrap().0;
    let gap = got.windows(2).map(|w| w[1].0.since(w[0].0)).max().unwrap();
    assert!(
        first < scene.now && gap <= Duration::from_millis(300),
        "{gap:?}"
    );
    assert_eq!(scene.requests, 0, "no other one was asked for");
}
