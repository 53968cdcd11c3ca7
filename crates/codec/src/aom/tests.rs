//! What only AV1 does; what all codecs do is in `tests/video.rs`.

use crate::tests::{decoder, stream};
use confab_base::VideoCodec::Av1;
use confab_base::{Time, VideoCodec};
use confab_rtp::{FrameAssembler, VideoPacket, av1};

#[test]
fn frames_come_through_packets_with_and_without_their_higher_layers() {
    for keep in [2, 1, 0] {
        let mut assembler = FrameAssembler::new(VideoCodec::Av1, 512, 1 << 20).unwrap();
        let mut decoder = decoder(Av1);
        let mut seq = 0;
        for (i, frame) in stream(Av1, 3, 24, 800) {
            let mut payloads = Vec::new();
            av1::packetize(&frame.data, 1150, &mut payloads).unwrap();
            if frame.temporal > keep {
                continue; // left out on the way, and its numbers with it
            }
            assert_eq!(av1::is_keyframe(&payloads[0]), i == 0);
            let last = payloads.len() - 1;
            for (n, payload) in payloads.into_iter().enumerate() {
                let packet = VideoPacket {
                    tag: None,
                    seq,
                    timestamp: i * 3000,
                    marker: n == last,
                    payload,
                };
                assert!(assembler.insert(packet, u64::from(i) * 3000, Time::ZERO));
                seq += 1;
            }
            if i == 0 {
                assembler.skip_to_keyframe();
            }
            let unit = assembler.take().unwrap().unwrap();
            assert_eq!((unit.keyframe, &unit.data), (i == 0, &frame.data));
            assert!(decoder.decode(&unit.data).unwrap().is_some());
        }
    }
}

#[test]
fn the_layers_stand_in_the_stream() {
    for (_, frame) in stream(Av1, 3, 12, 800) {
        let mut obus = av1::obus(&frame.data);
        assert!(obus.all(|obu| obu.is_ok_and(|o| o.kind() == 1 || o.temporal() == frame.temporal)));
    }
}

/// A package is to run where no libaom, or another one, is installed.
#[cfg(target_os = "linux")]
#[test]
fn libaom_is_in_the_program() {
    let _ = decoder(Av1);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(
        !maps.contains("libaom"),
        "it was linked as a shared library"
    );
}
