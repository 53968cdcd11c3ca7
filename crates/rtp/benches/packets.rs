//! What packets cost: `cargo bench -p confab-rtp`.

use confab_base::{Time, VideoCodec};
use confab_rtp::h264::{Depacketizer, is_keyframe_start, packetize};
use confab_rtp::{
    AudioJitterBuffer, AudioJitterConfig, AudioPacket, VideoJitterBuffer, VideoJitterConfig,
    VideoPacket, vp8,
};
use divan::{Bencher, black_box, counter::ItemsCount};
use std::sync::Arc;

fn main() {
    divan::main();
}

/// 6 kB: a frame of 1.5 Mbps at 30 fps.
fn unit(keyframe: bool) -> Vec<u8> {
    let mut unit = Vec::new();
    if keyframe {
        unit.extend_from_slice(&[0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3]);
    }
    unit.extend_from_slice(&[0, 0, 0, 1, if keyframe { 0x65 } else { 0x61 }]);
    unit.extend((0..6000u32).map(|i| (i * 7 % 251) as u8 | 1));
    unit
}

#[divan::bench]
fn h264_packetize_6_kb(bencher: Bencher) {
    let (unit, mut out) = (unit(false), Vec::new());
    bencher.bench_local(|| {
        out.clear();
        packetize(black_box(&unit), 1180, &mut out);
        out.len()
    });
}

#[divan::bench]
fn h264_depacketize_6_kb(bencher: Bencher) {
    let mut payloads = Vec::new();
    packetize(&unit(false), 1180, &mut payloads);
    let mut depacketizer = Depacketizer::new(1 << 20);
    bencher.bench_local(|| {
        payloads
            .iter()
            .for_each(|payload| depacketizer.push(black_box(payload)).unwrap());
        depacketizer.take()
    });
}

#[divan::bench]
fn h264_keyframe_check(bencher: Bencher) {
    let mut payloads = Vec::new();
    packetize(&unit(true), 1180, &mut payloads);
    bencher
        .counter(ItemsCount::new(payloads.len()))
        .bench_local(|| {
            payloads
                .iter()
                .filter(|p| is_keyframe_start(black_box(p)))
                .count()
        });
}

#[divan::bench]
fn vp8_rewrite(bencher: Bencher) {
    let mut payloads = Vec::new();
    let frame = vp8::OutgoingFrame {
        data: &[1; 1100],
        temporal: Some(0),
        layer_sync: true,
        non_reference: false,
    };
    vp8::Packetizer::new(77).packetize(frame, 1180, &mut payloads);
    bencher.bench_local(|| {
        let descriptor = vp8::Descriptor::parse(black_box(&payloads[0])).unwrap();
        vp8::rewrite(&payloads[0], &descriptor, 78, 5)
    });
}

/// A second of Opus, in and out.
#[divan::bench]
fn audio_buffer_second(bencher: Bencher) {
    let payload: Arc<[u8]> = Arc::from(&[0x78, 0x80, 1, 2, 3][..]);
    let mut buffer = AudioJitterBuffer::new(AudioJitterConfig::default());
    let mut i = 0u64;
    bencher.counter(ItemsCount::new(50u32)).bench_local(|| {
        for _ in 0..50 {
            let now = Time::from_micros(i * 20_000 + i * 7 % 9_000);
            buffer.push(
                AudioPacket {
                    seq: i,
                    timestamp: (i * 960) as u32,
                    payload: payload.clone(),
                    deep: 0,
                },
                now,
            );
            black_box(buffer.pull(Time::from_millis(i * 20)));
            i += 1;
        }
    });
}

/// A second of 1.5 Mbps video, in and out.
#[divan::bench]
fn video_buffer_second(bencher: Bencher) {
    let (mut key, mut delta) = (Vec::new(), Vec::new());
    packetize(&unit(true), 1180, &mut key);
    packetize(&unit(false), 1180, &mut delta);
    let mut buffer = VideoJitterBuffer::new(VideoJitterConfig::default());
    let (mut seq, mut frame) = (0u64, 0u64);
    bencher
        .counter(ItemsCount::new(30 * delta.len()))
        .bench_local(|| {
            for _ in 0..30 {
                let payloads = if frame == 0 { &key } else { &delta };
                let now = Time::from_micros(frame * 33_333 + frame * 7 % 9_000);
                for (i, payload) in payloads.iter().enumerate() {
                    let marker = i + 1 == payloads.len();
                    buffer.push(
                        VideoPacket {
                            codec: VideoCodec::H264,
                            tag: None,
                            seq,
                            timestamp: (frame * 3000) as u32,
                            marker,
                            payload: payload.clone(),
                        },
                        now,
                    );
                    seq += 1;
                }
                frame += 1;
                while let Some(output) = buffer.poll_output(now) {
                    black_box(output);
                }
            }
        });
}
