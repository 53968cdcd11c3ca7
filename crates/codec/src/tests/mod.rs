//! Pictures, streams and decoders for the tests of all video codecs; `video` holds what every one of them has to do.

mod video;

use crate::{
    CAN_DECODE, EncodedFrame, LayerConfig, VideoConfig, VideoDecoder, VideoEncoder, video_decoder,
    video_encoder,
};
use confab_base::{Bitrate, Time, VideoCodec};
use confab_picture::{I420, TestPattern};
use confab_rtp::{FrameAssembler, VideoPacket};
use std::sync::Arc;

pub(crate) const FPS: u64 = 30;

pub(crate) fn at(frame: u32) -> Time {
    Time::from_micros(u64::from(frame) * 1_000_000 / FPS)
}

pub(crate) fn layer(width: usize, height: usize, kbps: u64) -> LayerConfig {
    LayerConfig {
        width,
        height,
        bitrate: Bitrate::kbps(kbps),
        max_fps: FPS as u32,
    }
}

pub(crate) fn camera(layers: &[LayerConfig], temporal_layers: u8) -> VideoConfig {
    VideoConfig {
        layers: layers.to_vec(),
        temporal_layers,
        screen: false,
    }
}

pub(crate) fn encoder(
    codec: VideoCodec,
    layers: &[LayerConfig],
    temporal_layers: u8,
) -> Box<dyn VideoEncoder> {
    video_encoder(codec, camera(layers, temporal_layers)).unwrap()
}

pub(crate) fn decoder(codec: VideoCodec) -> Box<dyn VideoDecoder> {
    assert!(CAN_DECODE.contains(&codec));
    video_decoder(codec).unwrap()
}

/// A picture that costs bits at any rate: noise over a moving scene.
pub(crate) fn busy(width: usize, height: usize, number: u32) -> I420 {
    let mut p = TestPattern::new(width, height, 2).frame(number);
    let mut s = u64::from(number) + 1;
    for l in p.planes_mut()[0].iter_mut() {
        s = s
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        *l = l.saturating_add((s >> 60) as u8);
    }
    p
}

pub(crate) fn decode(decoder: &mut dyn VideoDecoder, frame: &EncodedFrame) -> I420 {
    decoder.decode(&frame.data).unwrap().unwrap()
}

/// Frames of one layer with the number of the picture each is of.
pub(crate) fn stream(
    codec: VideoCodec,
    temporal_layers: u8,
    pictures: u32,
    kbps: u64,
) -> Vec<(u32, EncodedFrame)> {
    let mut encoder = encoder(codec, &[layer(640, 360, kbps)], temporal_layers);
    (0..pictures)
        .flat_map(|i| {
            let frames = encoder.encode(&busy(640, 360, i), at(i), &[]).unwrap();
            frames.into_iter().map(move |f| (i, f))
        })
        .collect()
}

/// What each frame shows when none is missing.
pub(crate) fn whole(codec: VideoCodec, frames: &[(u32, EncodedFrame)]) -> Vec<I420> {
    let mut decoder = decoder(codec);
    let shown = frames.iter().map(|(_, f)| decode(&mut *decoder, f));
    shown.collect()
}

/// A key frame and some that follow, of a small picture.
pub(crate) fn short_stream(codec: VideoCodec) -> Vec<Vec<u8>> {
    let pattern = TestPattern::new(96, 64, 0);
    let mut encoder = encoder(codec, &[layer(96, 64, 200)], 1);
    (0..6)
        .flat_map(|i| encoder.encode(&pattern.frame(i), at(i), &[]).unwrap())
        .map(|f| f.data)
        .collect()
}

/// Frames, each with its payloads, through the receiver's assembler: every one has to come out as it was, begin with a key frame, and be
/// decoded.
pub(crate) fn through_packets(
    codec: VideoCodec,
    frames: impl Iterator<Item = (Vec<u8>, Vec<Arc<[u8]>>)>,
) {
    let mut assembler = FrameAssembler::new(512, 1 << 20);
    let mut decoder = decoder(codec);
    let mut seq = 0;
    for ((data, payloads), i) in frames.zip(0u32..) {
        let timestamp = i * 3000;
        let last = payloads.len() - 1;
        for (n, payload) in payloads.into_iter().enumerate() {
            let packet = VideoPacket {
                codec,
                tag: None,
                seq,
                timestamp,
                marker: n == last,
                payload,
            };
            assert!(assembler.insert(packet, timestamp.into(), Time::ZERO));
            seq += 1;
        }
        if i == 0 {
            assembler.skip_to_keyframe();
        }
        let unit = assembler.take().unwrap().unwrap();
        assert_eq!((unit.keyframe, unit.data == data), (i == 0, true));
        assert!(decoder.decode(&data).unwrap().is_some());
    }
}
