//! What receivers say of the frames they have, on its way to who codes them: the oldest of it counts, in the sender's own numbers, and a
//! browser among them, which says nothing, leaves everything as it was.

use confab_base::MediaKind;
use confab_base::{Bitrate, Duration, ParticipantId, Source, Time, TrackId, VideoCodec};
use confab_forward::{ForwardConfig, Forwarder, Input, LayerSpec, Output, RtpIn, SlotSpec};
use std::collections::BTreeMap;

const CAMERA: TrackId = TrackId(1);
const SENDER: ParticipantId = ParticipantId(1);

#[derive(Debug, PartialEq)]
enum Told {
    Acknowledged(u64),
    Recover(u64),
    Keyframe,
}

struct Room {
    now: Time,
    forwarder: Forwarder,
    /// Of each receiver, the numbers packets went out with, by those they came with.
    out: BTreeMap<(ParticipantId, u64), u32>,
    told: Vec<Told>,
}

impl Room {
    /// Everybody has seen packets 100 to 119, each a frame, the first one a key frame.
    fn new(receivers: &[ParticipantId]) -> Room {
        let mut room = Room {
            now: Time::from_millis(1000),
            forwarder: Forwarder::new(ForwardConfig {
                start_estimate: Bitrate::kbps(5000),
                seed: 9,
            }),
            out: BTreeMap::new(),
            told: Vec::new(),
        };
        for &participant in [SENDER].iter().chain(receivers) {
            let decodes = vec![VideoCodec::H264];
            room.put(Input::Join {
                participant,
                decodes,
            });
        }
        room.put(Input::Publish {
            participant: SENDER,
            track: CAMERA,
            source: Source::Camera,
            codec: Some(VideoCodec::H264),
            layers: vec![LayerSpec {
                height: 180,
                max_bitrate: Bitrate::kbps(150),
            }],
        });
        for &participant in receivers {
            room.look(participant);
        }
        (100..120).for_each(|seq| room.packet(seq));
        room.told.clear();
        room
    }

    fn look(&mut self, participant: ParticipantId) {
        let slots = vec![SlotSpec {
            slot: 3,
            kind: MediaKind::Video,
            track: Some(CAMERA),
            max_height: 180,
            red: None,
        }];
        self.put(Input::View { participant, slots });
    }

    fn packet(&mut self, seq: u64) {
        let packet = RtpIn {
            seq,
            timestamp: seq as u32 * 3000,
            marker: true,
            payload: vec![if seq == 100 { 0x67 } else { 0x61 }, seq as u8].into(),
            red: false,
            audio_level: None,
            voice: false,
            tag: None,
        };
        self.put(Input::Packet {
            track: CAMERA,
            layer: 0,
            packet,
        });
    }

    fn put(&mut self, input: Input) {
        self.now += Duration::from_millis(10);
        self.forwarder.handle(input, self.now);
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send {
                    participant,
                    packet,
                    ..
                } => {
                    let came = u64::from(packet.payload[1]);
                    self.out.insert((participant, came), packet.seq as u32);
                }
                Output::Acknowledged { seq, .. } => self.told.push(Told::Acknowledged(seq)),
                Output::Recover { seq, .. } => self.told.push(Told::Recover(seq)),
                Output::RequestKeyframe { .. } => self.told.push(Told::Keyframe),
                _ => {}
            }
        }
    }

    /// A receiver says which frame it has, as it got it.
    fn says(&mut self, participant: ParticipantId, came: u64, is_stuck: bool) {
        let seq = self.out[&(participant, came)];
        self.put(Input::Reference {
            participant,
            slot: 3,
            seq,
            is_stuck,
        });
    }
}

#[test]
fn the_sender_hears_of_the_newest_frame_that_all_have() {
    let [a, b] = [2, 3].map(ParticipantId);
    let mut room = Room::new(&[a, b]);
    assert_ne!(room.out[&(a, 105)], 105, "a slot has numbers of its own");
    room.says(a, 108, false);
    assert_eq!(room.told, []);
    room.says(b, 104, false);
    room.says(b, 106, false);
    room.says(a, 112, false);
    room.says(b, 112, false);
    let told = [104, 106, 112].map(Told::Acknowledged);
    assert_eq!(room.told, told);
}

#[test]
fn who_is_stuck_is_helped_from_a_frame_that_all_have() {
    let [a, b] = [2, 3].map(ParticipantId);
    let mut room = Room::new(&[a, b]);
    room.says(a, 112, false);
    room.says(b, 104, false);
    room.told.clear();
    room.says(b, 104, true);
    room.says(b, 104, true);
    assert_eq!(room.told, [Told::Recover(104)], "once for a while");
}

#[test]
fn where_one_says_nothing_the_sender_hears_nothing_but_requests_for_key_frames() {
    let [a, browser] = [2, 3].map(ParticipantId);
    let mut room = Room::new(&[a, browser]);
    room.says(a, 112, false);
    assert_eq!(room.told, []);
    // What was asked for at the beginning is half a second ago.
    room.now += Duration::from_secs(1);
    room.says(a, 112, true);
    let is_key = |told: &Told| *told == Told::Keyframe;
    assert!(room.told.iter().all(is_key), "{:?}", room.told);
    room.told.clear();
    room.now += Duration::from_secs(1);
    room.put(Input::KeyframeRequest {
        participant: a,
        slot: 3,
    });
    assert!(room.told.contains(&Told::Keyframe));
    room.told.clear();
    room.put(Input::Leave {
        participant: browser,
    });
    room.says(a, 114, false);
    assert_eq!(room.told, [Told::Acknowledged(114)]);
}

#[test]
fn what_was_never_sent_is_passed_over() {
    let a = ParticipantId(2);
    let mut room = Room::new(&[a]);
    for (slot, seq) in [(3, 0x4000_0000), (9, 0)] {
        room.put(Input::Reference {
            participant: a,
            slot,
            seq,
            is_stuck: true,
        });
    }
    assert_eq!(room.told, []);
}
