//! What only AV1 does; what all codecs do is in `tests/video.rs`.

use crate::tests::{decoder, stream, through_packets};
use confab_base::VideoCodec::Av1;
use confab_rtp::av1;

#[test]
fn frames_come_through_packets_with_and_without_their_higher_layers() {
    for keep in [2, 1, 0] {
        let frames = stream(Av1, 3, 24, 800).into_iter().map(|(_, frame)| frame);
        let packed = frames.filter(|f| f.temporal <= keep).map(|frame| {
            let mut payloads = Vec::new();
            av1::packetize(&frame.data, 1150, &mut payloads).unwrap();
            (frame.data, payloads)
        });
        through_packets(Av1, packed);
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
