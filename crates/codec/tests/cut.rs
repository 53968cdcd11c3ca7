//! What the encoder does when its rate falls to a seventh, which the scenes of the narrow link (`crates/forward/tests/narrow`) copy, and when
//! its layer was off.

use confab_base::{Bitrate, Time, VideoCodec};
use confab_codec::{LayerConfig, VideoConfig, VideoEncoder, video_encoder};
use confab_picture::TestPattern;
use std::ops::Range;

const RATE: Bitrate = Bitrate::kbps(500);

/// A layer of a camera at this rate.
fn encoder(bitrate: Bitrate) -> Box<dyn VideoEncoder> {
    let layer = LayerConfig {
        width: 640,
        height: 360,
        bitrate,
        max_fps: 30,
    };
    let config = VideoConfig {
        layers: vec![layer],
        temporal_layers: 3,
        screen: false,
    };
    video_encoder(VideoCodec::H264, config).unwrap()
}

/// Sizes of the frames of these pictures at 30 a second, told of each before; 0: left out.
fn sizes(
    encoder: &mut dyn VideoEncoder,
    pictures: Range<u32>,
    mut before: impl FnMut(u32, &mut dyn VideoEncoder),
) -> Vec<usize> {
    let pattern = TestPattern::new(640, 360, 1);
    let size = |i: u32| {
        let at = Time::from_micros(u64::from(i) * 1_000_000 / 30);
        before(i, encoder);
        let frames = encoder.encode(&pattern.frame(i), at, &[]).unwrap();
        frames.first().map_or(0, |f| f.data.len())
    };
    pictures.map(size).collect()
}

/// Of so many pictures after the rate fell.
fn after_a_cut(to: Bitrate, pictures: u32) -> Vec<usize> {
    let mut encoder = encoder(RATE);
    let cut = |i: u32, encoder: &mut dyn VideoEncoder| {
        if i == 150 {
            encoder.set_bitrate(0, to);
        }
    };
    sizes(&mut *encoder, 0..150 + pictures, cut).split_off(150)
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

/// The first second of a layer that comes back holds its rate but for the key frame: it comes back where there is just enough for it.
#[test]
fn a_layer_that_comes_back_keeps_to_its_rate() {
    for off in [20, 40, 70, 85, 200] {
        let mut encoder = encoder(Bitrate::kbps(80));
        let steady = sizes(&mut *encoder, 0..160, |_, _| {});
        let rate = |sizes: &[usize]| sizes.iter().sum::<usize>() as f64 * 8.0 / 1000.0;
        encoder.set_active(0, false);
        sizes(&mut *encoder, 160..160 + off, |_, _| {});
        encoder.set_active(0, true);
        let back = sizes(&mut *encoder, 160 + off..190 + off, |_, _| {});
        let (before, key, after) = (rate(&steady[130..]), rate(&back[..1]), rate(&back[1..]));
        eprintln!(
            "off for {off} pictures: {before:.0} kbps before, key frame of {key:.0} kbit, then {after:.0} kbps"
        );
        assert!(after < 1.5 * before, "{off}: {after} of {before} kbps");
    }
}
