//! A key frame whose first packet comes last: lost on the way, and put back by repair.

use confab_base::MediaKind;
use confab_base::{Bitrate, Duration, ParticipantId, Source, Time, TrackId, VideoCodec};
use confab_forward::{ForwardConfig, Forwarder, Input, LayerSpec, Output, RtpIn, RtpOut, SlotSpec};

const CAMERA: TrackId = TrackId(1);

fn packet(seq: u64, keyframe_start: bool) -> RtpIn {
    let frame = seq.saturating_sub(100) / 4;
    RtpIn {
        seq,
        timestamp: frame as u32 * 3000,
        marker: seq % 4 == 3,
        // A parameter set, or a slice.
        payload: vec![if keyframe_start { 0x67 } else { 0x61 }, seq as u8].into(),
        red: false,
        audio_level: None,
        voice: false,
        tag: None,
    }
}

/// What the receiver is sent of packets that come in this order, one a millisecond; 100 begins a key frame.
fn received(order: &[u64]) -> Vec<RtpOut> {
    let mut forwarder = Forwarder::new(ForwardConfig {
        start_estimate: Bitrate::kbps(5000),
        seed: 9,
    });
    let mut now = Time::from_millis(1000);
    let [sender, receiver] = [1, 2].map(ParticipantId);
    for participant in [sender, receiver] {
        let decodes = vec![VideoCodec::H264];
        forwarder.handle(
            Input::Join {
                participant,
                decodes,
            },
            now,
        );
    }
    forwarder.handle(
        Input::Publish {
            participant: sender,
            track: CAMERA,
            source: Source::Camera,
            codec: Some(VideoCodec::H264),
            layers: vec![LayerSpec {
                height: 180,
                max_bitrate: Bitrate::kbps(150),
            }],
        },
        now,
    );
    let slots = vec![SlotSpec {
        slot: 0,
        kind: MediaKind::Video,
        track: Some(CAMERA),
        max_height: 180,
        red: None,
    }];
    forwarder.handle(
        Input::View {
            participant: receiver,
            slots,
        },
        now,
    );
    let mut got = Vec::new();
    for &seq in order {
        now += Duration::from_millis(1);
        let packet = packet(seq, seq == 100);
        forwarder.handle(
            Input::Packet {
                track: CAMERA,
                layer: 0,
                packet,
            },
            now,
        );
        while let Some(output) = forwarder.poll_output() {
            if let Output::Send { packet, .. } = output {
                got.push(packet);
            }
        }
    }
    got
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
