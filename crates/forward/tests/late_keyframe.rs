//! A key frame whose first packet comes last: lost on the way, and put back by repair.

use confab_base::MediaKind;
use confab_base::{Bitrate, Duration, ParticipantId, Source, Time, TrackId, VideoCodec};
use confab_forward::{ForwardConfig, Forwarder, Input, LayerSpec, Output, RtpIn, RtpOut, SlotSpec};

const CAMERA: TrackId = TrackId(1);

/// 100 begins a key frame with its parameter sets; 101 is its slice.
fn packet(seq: u64) -> RtpIn {
    let frame = seq.saturating_sub(100) / 4;
    let kind = match seq {
        100 => 0x67,
        101 => 0x65,
        _ => 0x61,
    };
    RtpIn {
        seq,
        timestamp: frame as u32 * 3000,
        marker: seq % 4 == 3,
        payload: vec![kind, seq as u8].into(),
        red: false,
        audio_level: None,
        voice: false,
        tag: None,
    }
}

/// One who looks at a camera of so many layers, and all that was sent to it.
struct Room {
    forwarder: Forwarder,
    now: Time,
    got: Vec<RtpOut>,
    asked: usize,
}

impl Room {
    fn new(heights: &[u16]) -> Room {
        let mut room = Room {
            forwarder: Forwarder::new(ForwardConfig {
                start_estimate: Bitrate::kbps(5000),
                seed: 9,
            }),
            now: Time::from_millis(1000),
            got: Vec::new(),
            asked: 0,
        };
        let [sender, receiver] = [1, 2].map(ParticipantId);
        for participant in [sender, receiver] {
            let decodes = vec![VideoCodec::H264];
            room.handle(Input::Join {
                participant,
                decodes,
            });
        }
        let layer = |height: &u16| LayerSpec {
            height: *height,
            max_bitrate: Bitrate::kbps(u64::from(*height)),
        };
        room.handle(Input::Publish {
            participant: sender,
            track: CAMERA,
            source: Source::Camera,
            codec: Some(VideoCodec::H264),
            layers: heights.iter().map(layer).collect(),
        });
        let slots = vec![SlotSpec {
            slot: 0,
            kind: MediaKind::Video,
            track: Some(CAMERA),
            max_height: *heights.last().unwrap(),
            red: None,
        }];
        room.handle(Input::View {
            participant: receiver,
            slots,
        });
        room
    }

    fn handle(&mut self, input: Input) {
        self.forwarder.handle(input, self.now);
        while let Some(output) = self.forwarder.poll_output() {
            match output {
                Output::Send { packet, .. } => self.got.push(packet),
                Output::RequestKeyframe { .. } => self.asked += 1,
                _ => {}
            }
        }
    }

    /// A packet of a layer comes, so much later than the one before.
    fn packet(&mut self, layer: u8, seq: u64, later: Duration) {
        self.now += later;
        let packet = packet(seq);
        self.handle(Input::Packet {
            track: CAMERA,
            layer,
            packet,
        });
    }
}

/// What the receiver is sent of packets that come in this order, one a millisecond; 100 begins a key frame.
fn received(order: &[u64]) -> Vec<RtpOut> {
    let mut room = Room::new(&[180]);
    for &seq in order {
        room.packet(0, seq, Duration::from_millis(1));
    }
    room.got
}

fn numbers(got: &[RtpOut]) -> Vec<u8> {
    got.iter().map(|p| p.payload[1]).collect()
}

#[test]
fn a_key_frame_whose_first_packet_comes_last_is_shown_with_all_that_follows_it() {
    let got = received(&[99, 101, 102, 104, 103, 105, 100, 106, 107]);
    assert_eq!(numbers(&got), [100, 101, 102, 103, 104, 105, 106, 107]);
    let first = got[0].seq;
    let offsets: Vec<u64> = got.iter().map(|p| p.seq - first).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4, 5, 6, 7], "in their places");
}

#[test]
fn packets_of_the_key_frame_that_come_later_still_find_their_place() {
    let got = received(&[102, 105, 100, 106, 101, 103, 104]);
    assert_eq!(numbers(&got), [100, 102, 105, 106, 101, 103, 104]);
    let places: Vec<u64> = got.iter().map(|p| p.seq - got[0].seq).collect();
    assert_eq!(places, [0, 2, 5, 6, 1, 3, 4]);
}

#[test]
fn what_comes_in_order_is_sent_once() {
    let got = received(&(100..140).collect::<Vec<_>>());
    assert_eq!(numbers(&got), (100..140).collect::<Vec<u8>>());
}

#[test]
fn a_first_packet_from_long_ago_begins_nothing() {
    let mut order: Vec<u64> = (101..900).collect();
    order.push(100);
    assert_eq!(received(&order).len(), 0);
}

#[test]
fn a_layer_that_takes_anothers_place_begins_with_its_key_frame_though_that_came_out_of_order() {
    let mut room = Room::new(&[180, 360]);
    let frame = Duration::from_millis(8);
    (100..300).for_each(|seq| room.packet(1, seq, frame));
    let before = room.got.len();
    assert_eq!(before, 200);
    room.asked = 0;
    // Nobody asked for it: its sender finds that there is no room for the larger one.
    let order = [101, 103, 100, 102].into_iter().chain(104..150);
    order.for_each(|seq| room.packet(0, seq, frame));
    let rest = numbers(&room.got[before..]);
    assert_eq!(rest[..4], [100, 101, 102, 103]);
    assert_eq!(rest.len(), 50);
    assert_eq!(room.asked, 0, "nothing was missing");
}
