//! `cargo bench -p confab-codec`: one frame encoded or decoded per rung by each codec, and simulcast by one instance against one each.
//! The pictures cost like a camera's: a moving scene under light noise.

use confab_base::{Bitrate, Time, VideoCodec};
use confab_codec::h264::RawEncoder;
use confab_codec::{
    LayerConfig, OpusConfig, VideoConfig, VideoEncoder, video_decoder, video_encoder,
};
use confab_picture::{I420, TestPattern, ladder};
use divan::Bencher;

fn main() {
    divan::main();
}

const RUNGS: [usize; 3] = [180, 360, 720];

fn layers(height: usize) -> Vec<LayerConfig> {
    let config = |r: confab_picture::Rung| LayerConfig {
        width: r.width,
        height: r.height,
        bitrate: r.bitrate,
        max_fps: r.fps,
    };
    ladder(height * 16 / 9, height)
        .into_iter()
        .map(config)
        .collect()
}

fn top(height: usize) -> LayerConfig {
    layers(height).pop().expect("a ladder has a rung")
}

/// Two seconds of pictures, made beforehand.
fn pictures(height: usize) -> Vec<I420> {
    let pattern = TestPattern::new(height * 16 / 9, height, 1);
    let noisy = |i: u32| {
        let mut p = pattern.frame(i);
        let mut s = u64::from(i) + 1;
        for l in p.planes_mut()[0].iter_mut() {
            s = s
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            *l = l.saturating_add((s >> 62) as u8);
        }
        p
    };
    (0..60).map(noisy).collect()
}

fn encoder(codec: VideoCodec, layers: Vec<LayerConfig>) -> Box<dyn VideoEncoder> {
    let config = VideoConfig {
        layers,
        temporal_layers: 1,
        screen: false,
    };
    video_encoder(codec, config).expect("valid layers")
}

fn encode(bencher: Bencher, codec: VideoCodec, layers: Vec<LayerConfig>, pictures: &[I420]) {
    let mut encoder = encoder(codec, layers);
    let mut i = 0u64;
    bencher.bench_local(|| {
        i += 1;
        let picture = &pictures[i as usize % pictures.len()];
        let at = Time::from_micros(i * 33_333);
        encoder.encode(picture, at, &[]).expect("encodes")
    });
}

#[divan::bench(args = RUNGS, sample_count = 150)]
fn h264_encode(bencher: Bencher, height: usize) {
    encode(
        bencher,
        VideoCodec::H264,
        vec![top(height)],
        &pictures(height),
    );
}

#[divan::bench(args = RUNGS, sample_count = 150)]
fn vp8_encode(bencher: Bencher, height: usize) {
    encode(
        bencher,
        VideoCodec::Vp8,
        vec![top(height)],
        &pictures(height),
    );
}

#[divan::bench(args = RUNGS, sample_count = 150)]
fn av1_encode(bencher: Bencher, height: usize) {
    encode(
        bencher,
        VideoCodec::Av1,
        vec![top(height)],
        &pictures(height),
    );
}

/// Scaling included.
#[divan::bench(sample_count = 150)]
fn h264_encode_ladder_one_instance_each(bencher: Bencher) {
    encode(bencher, VideoCodec::H264, layers(720), &pictures(720));
}

/// Scaling included.
#[divan::bench(sample_count = 150)]
fn vp8_encode_ladder(bencher: Bencher) {
    encode(bencher, VideoCodec::Vp8, layers(720), &pictures(720));
}

#[divan::bench(sample_count = 150)]
fn h264_encode_ladder_one_instance_for_all(bencher: Bencher) {
    let pictures = pictures(720);
    let mut encoder = RawEncoder::new(&layers(720), 1, false).expect("valid layers");
    let mut i = 0;
    bencher.bench_local(|| {
        i += 1;
        encoder
            .encode(&pictures[i % pictures.len()], i as i64 * 33)
            .expect("encodes")
    });
}

fn decode(bencher: Bencher, codec: VideoCodec, height: usize) {
    let mut encoder = encoder(codec, vec![top(height)]);
    let units: Vec<Vec<u8>> = pictures(height)
        .iter()
        .enumerate()
        .flat_map(|(i, p)| {
            let at = Time::from_micros(i as u64 * 33_333);
            encoder.encode(p, at, &[]).expect("encodes")
        })
        .map(|f| f.data)
        .collect();
    let mut decoder = video_decoder(codec).expect("a decoder");
    let mut i = 0;
    bencher.bench_local(|| {
        let unit = &units[i % units.len()];
        i += 1;
        decoder.decode(unit).expect("decodes")
    });
}

#[divan::bench(args = RUNGS, sample_count = 150)]
fn h264_decode(bencher: Bencher, height: usize) {
    decode(bencher, VideoCodec::H264, height);
}

#[divan::bench(args = RUNGS, sample_count = 150)]
fn vp8_decode(bencher: Bencher, height: usize) {
    decode(bencher, VideoCodec::Vp8, height);
}

#[divan::bench(args = RUNGS, sample_count = 150)]
fn av1_decode(bencher: Bencher, height: usize) {
    decode(bencher, VideoCodec::Av1, height);
}

fn sound() -> Vec<f32> {
    (0..960)
        .map(|i| (i as f32 * 0.03).sin() * 0.3 + (i as f32 * 0.171).sin() * 0.1)
        .collect()
}

#[divan::bench(args = [24, 64])]
fn opus_encode_20_ms(bencher: Bencher, kbps: u64) {
    let config = OpusConfig {
        bitrate: Bitrate::kbps(kbps),
        ..OpusConfig::default()
    };
    let mut encoder = confab_codec::opus_encoder(config).expect("valid settings");
    let (pcm, mut out) = (sound(), Vec::new());
    bencher.bench_local(|| encoder.encode(&pcm, &mut out));
}

#[divan::bench]
fn opus_decode_20_ms(bencher: Bencher) {
    let mut encoder = confab_codec::opus_encoder(OpusConfig::default()).expect("valid settings");
    let mut decoder = confab_codec::opus_decoder(1).expect("a decoder");
    let (mut packet, mut out) = (Vec::new(), Vec::new());
    encoder.encode(&sound(), &mut packet).expect("encodes");
    bencher.bench_local(|| decoder.decode(&packet, &mut out));
}

/// One lost packet between two that came, which is when the deep concealment works.
#[divan::bench]
fn opus_conceal_20_ms_after_a_packet(bencher: Bencher) {
    let mut encoder = confab_codec::opus_encoder(OpusConfig::default()).expect("valid settings");
    let mut decoder = confab_codec::opus_decoder(1).expect("a decoder");
    let (mut packet, mut out) = (Vec::new(), Vec::new());
    encoder.encode(&sound(), &mut packet).expect("encodes");
    bencher.bench_local(|| {
        decoder.decode(&packet, &mut out).expect("decodes");
        decoder.conceal(960, &mut out)
    });
}
