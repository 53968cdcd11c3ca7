//! Whole scenes in virtual time: senders with three layers, receivers with views and links, and what arrives.

use confab_base::{
    AudioLevel, Bitrate, Duration, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec,
};
use confab_forward::{
    ForwardConfig, Forwarder, Input, LayerSpec, Limited, Output, RtpIn, RtpOut, SlotSpec, SlotState,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const HEIGHTS: [u16; 3] = [180, 360, 720];
/// Packets of 960 bytes (1000 on the wire) per frame at 30 frames a second: 240, 480 and 1200 kbps.
const PACKETS: [u64; 3] = [1, 2, 5];

fn p(n: u32) -> ParticipantId {
    ParticipantId(n)
}

/// A camera whose encoder makes key frames when asked.
struct Camera {
    track: TrackId,
    seq: [u64; 3],
    wants_key: [bool; 3],
    active: [bool; 3],
    frame: u32,
}

struct Scene {
    forwarder: Forwarder,
    now: Time,
    cameras: Vec<Camera>,
    /// Everything received, per participant and slot.
    got: BTreeMap<(ParticipantId, u16), Vec<(Time, RtpOut)>>,
    states: BTreeMap<(ParticipantId, u16), SlotState>,
    requests: Vec<(Time, TrackId, u8)>,
    speakers: Vec<ParticipantId>,
    desired: BTreeMap<ParticipantId, Bitrate>,
    /// What was last told of each track's layers; cameras code no others where they `obey`.
    wanted: BTreeMap<TrackId, Vec<u8>>,
    obey: bool,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            forwarder: Forwarder::new(ForwardConfig {
                start_estimate: Bitrate::kbps(5000),
                seed: 9,
            }),
            now: Time::from_millis(1000),
            cameras: Vec::new(),
            got: BTreeMap::new(),
            states: BTreeMap::new(),
            requests: Vec::new(),
            speakers: Vec::new(),
            desired: BTreeMap::new(),
            wanted: BTreeMap::new(),
            obey: false,
        }
    }

    fn put(&mut self, input: Input) {
        self.forwarder.handle(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send {
                    participant,
                    slot,
                    packet,
                } => {
                    self.got
                        .entry((participant, slot))
                        .or_default()
                        .push((self.now, packet));
                }
                Output::RequestKeyframe { track, layer } => {
                    self.requests.push((self.now, track, layer));
                    if let Some(c) = self.cameras.iter_mut().find(|c| c.track == track) {
                        c.wants_key[usize::from(layer)] = true;
                    }
                }
                Output::SlotState { participant, state } => {
                    self.states.insert((participant, state.slot), state);
                }
                Output::Speakers(list) => self.speakers = list,
                Output::Desired {
                    participant,
                    bitrate: desired,
                } => {
                    self.desired.insert(participant, desired);
                }
                Output::LayersWanted { track, layers, .. } => {
                    if let Some(c) = self
                        .cameras
                        .iter_mut()
                        .find(|c| c.track == track && self.obey)
                    {
                        for layer in 0..3 {
                            let active = layers.contains(&(layer as u8));
                            c.wants_key[layer] |= active && !c.active[layer];
                            c.active[layer] = active;
                        }
                    }
                    self.wanted.insert(track, layers);
                }
                Output::Quality(_)
                | Output::VoiceLoss { .. }
                | Output::Acknowledged { .. }
                | Output::Recover { .. }
                | Output::SameRoom(_) => {}
            }
        }
    }

    fn join(&mut self, n: u32) {
        self.put(Input::Join {
            participant: p(n),
            decodes: vec![VideoCodec::H264],
        });
    }

    fn camera(&mut self, n: u32, source: Source) -> TrackId {
        let track = TrackId(n * 10 + source as u32);
        self.publish(track, source, VideoCodec::H264, &HEIGHTS);
        let seq = [100, 40_000, 7];
        self.cameras.push(Camera {
            track,
            seq,
            wants_key: [true; 3],
            active: [true; 3],
            frame: 0,
        });
        track
    }

    /// Announces a track, its layers of these heights.
    fn publish(&mut self, track: TrackId, source: Source, codec: VideoCodec, heights: &[u16]) {
        let layers = heights.iter().zip([300, 600, 1500]);
        let layers = layers
            .map(|(h, k)| LayerSpec {
                height: *h,
                max_bitrate: Bitrate::kbps(k),
            })
            .collect();
        self.put(Input::Publish {
            participant: p(track.0 / 10),
            track,
            source,
            codec: Some(codec),
            layers,
        });
    }

    fn view(&mut self, n: u32, slots: &[(u16, TrackId, u16)]) {
        let slots = slots.iter().map(|(slot, track, h)| SlotSpec {
            slot: *slot,
            kind: MediaKind::Video,
            track: Some(*track),
            max_height: *h,
            red: None,
        });
        let slots = slots.collect();
        self.put(Input::View {
            participant: p(n),
            slots,
        });
    }

    /// Plays `time` in steps of one frame.
    fn play(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_micros(33_333);
            for i in 0..self.cameras.len() {
                self.film(i);
            }
            if self
                .forwarder
                .next_wakeup()
                .is_some_and(|at| at <= self.now)
            {
                self.put(Input::Wakeup);
            }
        }
    }

    fn film(&mut self, i: usize) {
        self.cameras[i].frame += 1;
        for (layer, packets) in PACKETS.into_iter().enumerate() {
            let c = &mut self.cameras[i];
            if !c.active[layer] {
                continue;
            }
            let is_key = std::mem::take(&mut c.wants_key[layer]);
            for n in 0..packets {
                let c = &mut self.cameras[i];
                c.seq[layer] += 1;
                let kind = if is_key && n == 0 { 0x67 } else { 0x61 };
                let mut payload = vec![kind, layer as u8, c.track.0 as u8];
                payload.resize(960, 0);
                let packet = RtpIn {
                    tag: None,
                    seq: c.seq[layer],
                    timestamp: c.frame * 3000 + layer as u32 * 999_999,
                    marker: n + 1 == packets,
                    payload: payload.into(),
                    audio_level: None,
                    voice: false,
                    red: false,
                };
                let track = c.track;
                self.put(Input::Packet {
                    track,
                    layer: layer as u8,
                    packet,
                });
            }
        }
    }

    fn layer(&self, n: u32, slot: u16) -> Option<u8> {
        self.got
            .get(&(p(n), slot))?
            .last()
            .map(|(_, packet)| packet.payload[1])
    }

    fn clear(&mut self) {
        self.got.clear();
    }

    /// No gap, switches at key frames only, timestamps go on.
    fn assert_unbroken(&self) {
        for ((who, slot), packets) in &self.got {
            let seqs: BTreeSet<u64> = packets.iter().map(|(_, p)| p.seq).collect();
            assert_eq!(
                seqs.len(),
                packets.len(),
                "{who} slot {slot} repeats numbers"
            );
            let (first, last) = (*seqs.first().unwrap(), *seqs.last().unwrap());
            assert_eq!(
                last - first + 1,
                seqs.len() as u64,
                "{who} slot {slot} has gaps"
            );
            for w in packets.windows(2) {
                let ((x_at, x), (y_at, y)) = (&w[0], &w[1]);
                let is_switch = x.payload[1..3] != y.payload[1..3];
                assert!(
                    !is_switch || y.payload[0] == 0x67,
                    "{who} slot {slot} switches inside a picture"
                );
                let ticks = i64::from(y.timestamp.wrapping_sub(x.timestamp) as i32);
                let passed = y_at.since(*x_at).as_micros() as i64 * 9 / 100;
                assert!(
                    (ticks - passed).abs() <= 3100,
                    "{who} slot {slot}: {ticks} ticks in {passed}"
                );
            }
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_link_that_shrinks_is_obeyed_at_once_and_one_that_grows_after_it_held() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    s.view(2, &[(0, cam, 720)]);
    s.play(3 * SECOND);
    assert_eq!(s.layer(2, 0), Some(2));
    assert_eq!(
        s.states[&(p(2), 0)],
        SlotState {
            slot: 0,
            track: Some(cam),
            height: 720,
            limited: Limited::No
        }
    );
    s.put(Input::Estimate {
        participant: p(2),
        bitrate: Bitrate::kbps(700),
    });
    s.play(Duration::from_millis(100));
    assert_eq!(s.layer(2, 0), Some(1), "down within three frames");
    assert_eq!(s.states[&(p(2), 0)].limited, Limited::Bandwidth);
    s.put(Input::Estimate {
        participant: p(2),
        bitrate: Bitrate::kbps(250),
    });
    s.play(Duration::from_millis(100));
    assert_eq!(s.layer(2, 0), Some(0));
    s.put(Input::Estimate {
        participant: p(2),
        bitrate: Bitrate::kbps(3000),
    });
    s.play(Duration::from_millis(1700));
    assert_eq!(s.layer(2, 0), Some(0), "not yet");
    s.play(SECOND);
    assert_eq!(s.layer(2, 0), Some(2));
    s.assert_unbroken();
}

#[test]
fn a_layer_the_sender_switches_off_is_left_within_half_a_second() {
    for off in [[true, true, false], [true, false, false]] {
        let mut s = Scene::new();
        s.join(1);
        s.join(2);
        let cam = s.camera(1, Source::Camera);
        s.view(2, &[(0, cam, 720)]);
        s.play(3 * SECOND);
        assert_eq!(s.layer(2, 0), Some(2));
        s.cameras[0].active = off;
        s.play(2 * SECOND);
        assert_eq!(s.layer(2, 0), Some(if off[1] { 1 } else { 0 }));
        let gaps = s.got[&(p(2), 0)].windows(2).map(|w| w[1].0.since(w[0].0));
        let longest = gaps.max().unwrap();
        // A network and an encoder take up to 100 ms more for the key frame than this one does.
        assert!(
            longest <= Duration::from_millis(400),
            "{longest:?} without a picture"
        );
        s.cameras[0].active = [true; 3];
        s.play(4 * SECOND);
        assert_eq!(s.layer(2, 0), Some(2), "and taken again when it is back");
        s.assert_unbroken();
    }
}

#[test]
fn no_key_frame_is_asked_for_of_a_layer_that_was_switched_off() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    s.view(2, &[(0, cam, 720)]);
    s.play(3 * SECOND);
    let (participant, slot) = (p(2), 0);
    s.cameras[0].active = [true, false, false];
    s.play(Duration::from_millis(100));
    s.put(Input::KeyframeRequest { participant, slot });
    assert_eq!(s.requests.last().map(|r| r.2), Some(2), "it may come yet");
    s.play(SECOND);
    s.requests.clear();
    s.put(Input::KeyframeRequest { participant, slot });
    s.play(3 * SECOND);
    assert!(s.requests.iter().all(|r| r.2 == 0), "{:?}", s.requests);
    assert_eq!(s.layer(2, 0), Some(0));
    s.assert_unbroken();
}

#[test]
fn senders_code_only_what_somebody_receives_and_receivers_see_no_gap() {
    let mut s = Scene::new();
    s.obey = true;
    s.join(1);
    let cam = s.camera(1, Source::Camera);
    s.play(SECOND);
    assert_eq!(s.wanted[&cam], [], "nobody looks");
    s.join(2);
    s.view(2, &[(0, cam, 720)]);
    assert_eq!(
        s.wanted[&cam],
        [2, 0],
        "told with the view, and which is only for a dip"
    );
    s.play(3 * SECOND);
    assert_eq!(s.layer(2, 0), Some(2));
    s.join(3);
    s.view(3, &[(0, cam, 360)]);
    s.play(3 * SECOND);
    assert_eq!((s.layer(2, 0), s.layer(3, 0)), (Some(2), Some(1)));
    assert_eq!(s.wanted[&cam], [1, 2, 0]);
    s.view(3, &[(0, cam, 180)]);
    s.play(8 * SECOND);
    assert_eq!(s.wanted[&cam], [0, 2], "the middle one is nobody's");
    s.put(Input::Estimate {
        participant: p(2),
        bitrate: Bitrate::kbps(900),
    });
    s.play(Duration::from_millis(400));
    assert_eq!(s.layer(2, 0), Some(0), "what there is");
    s.play(14 * SECOND);
    assert_eq!(s.layer(2, 0), Some(1), "what fits");
    assert_eq!(s.wanted[&cam], [0, 1]);
    s.put(Input::Estimate {
        participant: p(2),
        bitrate: Bitrate::kbps(5000),
    });
    s.play(3 * SECOND);
    assert_eq!(s.layer(2, 0), Some(2), "and all of it again");
    let all = s.got.values().flat_map(|got| got.windows(2));
    let longest = all.map(|w| w[1].0.since(w[0].0)).max().unwrap();
    assert!(longest <= Duration::from_millis(400), "{longest:?}");
    s.assert_unbroken();
    s.view(2, &[]);
    s.view(3, &[]);
    s.play(8 * SECOND);
    assert_eq!(s.wanted[&cam], [], "nobody looks any more");
    s.clear();
    s.view(2, &[(0, cam, 720)]);
    s.play(Duration::from_millis(100));
    assert!(s.layer(2, 0).is_some(), "there at once");
}

#[test]
fn somebody_who_unmutes_is_seen_at_once_however_long_the_camera_was_off() {
    let mut s = Scene::new();
    s.obey = true;
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    s.view(2, &[(0, cam, 720)]);
    s.play(SECOND);
    let mute = |track, muted| Input::Mute { track, muted };
    s.put(mute(cam, true));
    s.play(20 * SECOND);
    assert_eq!(s.wanted[&cam], [2, 0]);
    s.clear();
    s.put(mute(cam, false));
    s.play(Duration::from_millis(100));
    assert!(s.layer(2, 0).is_some());
}

#[test]
fn an_estimate_that_wavers_around_a_layers_cost_causes_no_flapping() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    s.view(2, &[(0, cam, 720)]);
    for i in 0..60 {
        let k = if i % 2 == 0 { 1150 } else { 1300 };
        s.put(Input::Estimate {
            participant: p(2),
            bitrate: Bitrate::kbps(k),
        });
        s.play(Duration::from_millis(500));
    }
    let packets = &s.got[&(p(2), 0)];
    let switches = packets
        .windows(2)
        .filter(|w| w[0].1.payload[1] != w[1].1.payload[1])
        .count();
    assert!(switches <= 4, "{switches} switches in 30 s");
    s.assert_unbroken();
}

#[test]
fn a_budget_is_shared_screen_first_and_everyone_seen() {
    let mut s = Scene::new();
    (1..=4).for_each(|n| s.join(n));
    let cams: Vec<TrackId> = (1..=3).map(|n| s.camera(n, Source::Camera)).collect();
    let screen = s.camera(1, Source::Screen);
    s.view(
        4,
        &[
            (0, cams[0], 180),
            (1, cams[1], 360),
            (2, cams[2], 180),
            (3, screen, 720),
        ],
    );
    s.play(3 * SECOND);
    assert_eq!(
        [0, 1, 2, 3].map(|i| s.layer(4, i)),
        [Some(0), Some(1), Some(0), Some(2)]
    );
    s.put(Input::Estimate {
        participant: p(4),
        bitrate: Bitrate::kbps(1300),
    });
    s.play(SECOND);
    // 4 × 240 for everyone; 340 are left: the screen's next layer takes 240 of them.
    assert_eq!(
        [0, 1, 2, 3].map(|i| s.layer(4, i)),
        [Some(0), Some(0), Some(0), Some(1)]
    );
    s.clear();
    s.put(Input::Estimate {
        participant: p(4),
        bitrate: Bitrate::kbps(300),
    });
    s.play(SECOND);
    s.clear();
    s.play(SECOND);
    assert_eq!(
        [0, 1, 2, 3].map(|i| s.layer(4, i)),
        [None, None, None, Some(0)]
    );
    assert_eq!(s.states[&(p(4), 0)].limited, Limited::Bandwidth);
}

#[test]
fn a_slot_goes_from_one_speaker_to_the_next_without_a_break() {
    let mut s = Scene::new();
    (1..=3).for_each(|n| s.join(n));
    let (a, b) = (s.camera(1, Source::Camera), s.camera(2, Source::Camera));
    for i in 0..6 {
        s.view(3, &[(0, if i % 2 == 0 { a } else { b }, 360)]);
        s.play(SECOND);
        assert_eq!(s.layer(3, 0), Some(1));
    }
    s.assert_unbroken();
    assert!(s.got[&(p(3), 0)][0].1.seq < 65_536);
}

#[test]
fn a_layer_its_sender_gives_up_is_replaced_and_a_silent_track_is_told() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    s.view(2, &[(0, cam, 720)]);
    s.play(3 * SECOND);
    s.cameras[0].active = [true, true, false];
    s.play(Duration::from_millis(1200));
    assert_eq!(s.layer(2, 0), Some(1));
    assert_eq!(s.states[&(p(2), 0)].limited, Limited::Source);
    s.cameras[0].active = [false; 3];
    s.play(3 * SECOND);
    assert_eq!(
        s.states[&(p(2), 0)],
        SlotState {
            slot: 0,
            track: Some(cam),
            height: 0,
            limited: Limited::Source
        }
    );
    s.cameras[0].active = [true; 3];
    s.play(SECOND);
    assert!(s.states[&(p(2), 0)].height > 0);
    s.assert_unbroken_numbers();
}

impl Scene {
    /// As [`Scene::assert_unbroken`], where time stood still for a while.
    fn assert_unbroken_numbers(&self) {
        for packets in self.got.values() {
            assert!(packets.windows(2).all(|w| w[1].1.seq == w[0].1.seq + 1));
        }
    }
}

#[test]
fn fifty_receivers_that_join_together_cost_the_sender_one_key_frame() {
    let mut s = Scene::new();
    s.join(1);
    let cam = s.camera(1, Source::Camera);
    s.play(SECOND);
    s.requests.clear();
    for n in 2..52 {
        s.join(n);
        s.view(n, &[(0, cam, 180)]);
    }
    s.play(SECOND);
    assert_eq!(s.requests.len(), 1, "{:?}", s.requests);
    assert!((2..52).all(|n| s.layer(n, 0) == Some(0)));
    s.assert_unbroken();
}

#[test]
fn key_frames_are_asked_for_until_they_come() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    s.play(SECOND);
    s.cameras[0].track = TrackId(999); // The encoder does not hear.
    s.view(2, &[(0, cam, 180)]);
    for _ in 0..20 {
        s.now += Duration::from_millis(100);
        s.put(Input::Wakeup);
    }
    assert!((4..=5).contains(&s.requests.len()), "{:?}", s.requests);
}

#[test]
fn what_a_receiver_cannot_decode_is_not_sent() {
    let mut s = Scene::new();
    s.join(1);
    s.put(Input::Join {
        participant: p(2),
        decodes: vec![VideoCodec::Vp8],
    });
    let cam = s.camera(1, Source::Camera);
    s.view(2, &[(0, cam, 720)]);
    s.play(SECOND);
    assert_eq!(s.layer(2, 0), None);
    assert_eq!(s.states[&(p(2), 0)].limited, Limited::Codec);
}

#[test]
fn a_new_leg_starts_anew_and_a_new_numbering_of_the_sender_is_followed() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    s.view(2, &[(0, cam, 180)]);
    s.play(2 * SECOND);
    s.put(Input::Restarted { track: cam });
    s.cameras[0].seq = [5, 5, 5];
    s.cameras[0].wants_key = [true; 3];
    s.play(SECOND);
    s.assert_unbroken();
    let before = s.got[&(p(2), 0)].len();
    s.put(Input::NewLeg { participant: p(2) });
    s.play(SECOND);
    assert_eq!(s.got[&(p(2), 0)].len(), before, "no slot, no packet");
    s.clear();
    s.view(2, &[(0, cam, 180)]);
    s.play(SECOND);
    s.assert_unbroken();
    assert!(s.got[&(p(2), 0)][0].1.seq < 65_536);
}

#[test]
fn a_track_offered_anew_with_other_sizes_flows_on() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let screen = s.camera(1, Source::Screen);
    s.view(2, &[(0, screen, 720)]);
    s.play(3 * SECOND);
    let requests = s.requests.len();
    let before = s.got[&(p(2), 0)].len();
    s.publish(screen, Source::Screen, VideoCodec::H264, &[200, 400, 700]);
    s.play(SECOND);
    assert!(s.got[&(p(2), 0)].len() >= before + 145, "not a frame less");
    assert_eq!(s.requests.len(), requests, "and no key frame");
    assert_eq!(s.states[&(p(2), 0)].height, 700);
    s.assert_unbroken();
}

#[test]
fn other_layers_or_another_codec_begin_anew_with_a_key_frame() {
    let both = vec![VideoCodec::H264, VideoCodec::Vp8];
    for (codec, heights) in [
        (VideoCodec::H264, &HEIGHTS[..1]),
        (VideoCodec::Vp8, &HEIGHTS[..]),
    ] {
        let mut s = Scene::new();
        s.join(1);
        s.put(Input::Join {
            participant: p(2),
            decodes: both.clone(),
        });
        let cam = s.camera(1, Source::Camera);
        s.view(2, &[(0, cam, 180)]);
        s.play(2 * SECOND);
        s.requests.clear();
        s.publish(cam, Source::Camera, codec, heights);
        assert_eq!(s.requests.len(), 1, "{:?}", s.requests);
        if codec == VideoCodec::H264 {
            let before = s.got[&(p(2), 0)].len();
            s.play(SECOND);
            assert!(s.got[&(p(2), 0)].len() >= before + 28);
            s.assert_unbroken();
        }
    }
}

#[test]
fn a_new_leg_is_told_its_rates_anew() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    for _ in 0..2 {
        s.desired.clear();
        s.put(Input::NewLeg { participant: p(2) });
        s.view(2, &[(0, cam, 720)]);
        s.play(SECOND);
        assert_eq!(s.desired.get(&p(2)), Some(&Bitrate::kbps(1500)));
    }
}

#[test]
fn the_desired_rate_is_what_the_view_would_take() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let cam = s.camera(1, Source::Camera);
    s.view(2, &[(0, cam, 720)]);
    s.put(Input::Estimate {
        participant: p(2),
        bitrate: Bitrate::kbps(300),
    });
    s.play(2 * SECOND);
    assert_eq!(s.desired[&p(2)], Bitrate::kbps(1500));
}

#[test]
fn muted_sound_is_neither_heard_nor_seen_among_the_speakers() {
    let mut s = Scene::new();
    s.join(1);
    s.join(2);
    let track = TrackId(1);
    s.put(Input::Publish {
        participant: p(1),
        track,
        source: Source::Microphone,
        codec: None,
        layers: vec![],
    });
    let spec = SlotSpec {
        slot: 0,
        kind: MediaKind::Audio,
        track: Some(track),
        max_height: 0,
        red: None,
    };
    s.put(Input::View {
        participant: p(2),
        slots: vec![spec],
    });
    let mut seq = 0;
    let mut talk = |s: &mut Scene, packets: u32| {
        for _ in 0..packets {
            seq += 1;
            s.now += Duration::from_millis(20);
            let packet = RtpIn {
                tag: None,
                seq,
                timestamp: seq as u32 * 960,
                marker: false,
                payload: Arc::from([1u8; 80]),
                audio_level: Some(AudioLevel(20)),
                voice: true,
                red: false,
            };
            s.put(Input::Packet {
                track,
                layer: 0,
                packet,
            });
        }
    };
    talk(&mut s, 50);
    assert_eq!(s.speakers, [p(1)]);
    assert_eq!(s.got[&(p(2), 0)].len(), 50);
    s.put(Input::Mute { track, muted: true });
    talk(&mut s, 50);
    assert_eq!(s.got[&(p(2), 0)].len(), 50);
    assert!(s.speakers.is_empty());
    assert_eq!(s.forwarder.dropped_muted(), 50);
    s.put(Input::Mute {
        track,
        muted: false,
    });
    talk(&mut s, 5);
    s.assert_unbroken_numbers();
    assert_eq!(s.got[&(p(2), 0)].len(), 55);
}

/// Anything in any order.
fn input() -> impl Strategy<Value = (Input, u64)> {
    let who = || (0u32..4).prop_map(ParticipantId);
    let track = || (0u32..6).prop_map(TrackId);
    let source = (0usize..4).prop_map(|i| Source::ALL[i]);
    let layers = proptest::collection::vec(
        (0u16..1200, 0u64..3_000_000).prop_map(|(height, b)| LayerSpec {
            height,
            max_bitrate: Bitrate(b),
        }),
        0..5,
    );
    let codec = proptest::option::of(prop_oneof![Just(VideoCodec::H264), Just(VideoCodec::Vp8)]);
    let kind = || prop_oneof![Just(MediaKind::Audio), Just(MediaKind::Video)];
    let slot = (
        0u16..1100,
        kind(),
        proptest::option::of(track()),
        0u16..1200,
    )
        .prop_map(|(slot, kind, track, max_height)| SlotSpec {
            slot,
            kind,
            track,
            max_height,
            red: None,
        });
    let packet = (
        any::<u64>(),
        any::<u32>(),
        proptest::collection::vec(any::<u8>(), 0..12),
        proptest::option::of(any::<u8>()),
    )
        .prop_map(|(seq, timestamp, payload, level)| RtpIn {
            tag: None,
            seq: seq >> 16,
            timestamp,
            marker: false,
            payload: payload.into(),
            audio_level: level.map(AudioLevel),
            voice: false,
            red: false,
        });
    let any_input = prop_oneof![
        1 => who().prop_map(|participant| Input::Join { participant, decodes: vec![VideoCodec::H264, VideoCodec::Vp8] }),
        1 => who().prop_map(|participant| Input::Leave { participant }),
        1 => who().prop_map(|participant| Input::NewLeg { participant }),
        3 => (who(), track(), source, codec, layers).prop_map(|(participant, track, source, codec, layers)| {
            Input::Publish { participant, track, source, codec, layers }
        }),
        1 => track().prop_map(|track| Input::Unpublish { track }),
        1 => track().prop_map(|track| Input::Restarted { track }),
        1 => (track(), any::<bool>()).prop_map(|(track, muted)| Input::Mute { track, muted }),
        3 => (who(), proptest::collection::vec(slot, 0..5)).prop_map(|(participant, slots)| Input::View { participant, slots }),
        9 => (track(), 0u8..5, packet).prop_map(|(track, layer, packet)| Input::Packet { track, layer, packet }),
        1 => (who(), 0u16..9).prop_map(|(participant, slot)| Input::KeyframeRequest { participant, slot }),
        1 => (who(), 0u64..9_000_000).prop_map(|(participant, b)| Input::Estimate { participant, bitrate: Bitrate(b) }),
        1 => Just(Input::Wakeup),
    ];
    (any_input, 0u64..400)
}

proptest! {
    #[test]
    fn no_order_of_events_breaks_it(inputs in proptest::collection::vec(input(), 1..150)) {
        let mut s = Scene::new();
        for (input, ms) in inputs {
            s.now += Duration::from_millis(ms);
            s.put(input);
            prop_assert!(s.forwarder.next_wakeup().is_none_or(|at| at > s.now), "nothing is left undone");
        }
        for packets in s.got.values() {
            let seqs: BTreeSet<u64> = packets.iter().map(|(_, p)| p.seq).collect();
            prop_assert!(seqs.len() <= packets.len());
        }
    }
}
