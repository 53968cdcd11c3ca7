//! What the encoder does when its rate falls to a seventh, which the scenes of the narrow link (`crates/forward/tests/narrow`) copy.

use confab_base::{Bitrate, Time, VideoCodec};
use confab_codec::{LayerConfig, VideoConfig, video_encoder};
use confab_picture::TestPattern;

/// Sizes of the frames of so many pictures at 30 a second after the rate fell; 0: left out.
fn after_a_cut(to: Bitrate, pictures: u32) -> Vec<usize> {
    let layer = LayerConfig {
        width: 640,
        height: 360,
        bitrate: Bitrate::kbps(500),
        max_fps: 30,
    };
    let config = VideoConfig {
        layers: vec![layer],
        temporal_layers: 3,
        screen: false,
    };
    let mut encoder = video_encoder(VideoCodec::H264, config).unwrap();
    let pattern = TestPattern::new(640, 360, 1);
    let mut size = |i: u32| {
        let at = Time::from_micros(u64::from(i) * 1_000_000 / 30);
        if i == 150 {
            encoder.set_bitrate(0, to);
        }
        let frames = encoder.encode(&pattern.frame(i), at, &[]).unwrap();
        frames.first().map_or(0, |f| f.data.len())
    };
    (0..150 + pictures).map(&mut size).skip(150).collect()
}

#[test]
fn an_encoder_whose_rate_falls_to_a_seventh_goes_on() {
    let sizes = after_a_cut(Bitrate::kbps(75), 60);
    let came = |all: &[usize]| all.iter().filter(|size| **size > 0).count();
    let gap = sizes.split(|size| *size > 0).map(<[usize]>::len).max();
    eprintln!(
        "{} of 20, {} of 60, {gap:?} in a row: {sizes:?}",
        came(&sizes[..20]),
        came(&sizes)
    );
    assert!(came(&sizes[..20]) >= 10, "{sizes:?}");
}
