//! CPU per forwarded packet in memory: no sockets, no crypto, only the decisions and the rewriting. Divide a line's time
//! by its item count; divan does it in the `item/s` column.

use confab_base::{Bitrate, MediaKind, ParticipantId, Source, Time, TrackId, VideoCodec};
use confab_forward::{ForwardConfig, Forwarder, Input, LayerSpec, Output, RtpIn, SlotSpec};
use divan::counter::ItemsCount;
use std::sync::Arc;

fn main() {
    divan::main();
}

/// `senders` publish a camera each; `receivers` (the senders among them) see all others'.
fn meeting(senders: u32, receivers: u32) -> Forwarder {
    let mut f = Forwarder::new(ForwardConfig {
        start_estimate: Bitrate::kbps(900_000),
        seed: 1,
    });
    let now = Time::from_millis(1);
    for n in 0..receivers {
        f.handle(
            Input::Join {
                participant: ParticipantId(n),
                decodes: vec![VideoCodec::H264],
            },
            now,
        );
    }
    for n in 0..senders {
        let layers = vec![LayerSpec {
            height: 720,
            max_bitrate: Bitrate::kbps(1500),
        }];
        let (participant, track) = (ParticipantId(n), TrackId(n));
        f.handle(
            Input::Publish {
                participant,
                track,
                source: Source::Camera,
                codec: Some(VideoCodec::H264),
                layers,
            },
            now,
        );
    }
    for n in 0..receivers {
        let slots = (0..senders)
            .filter(|t| *t != n || receivers == 1)
            .map(|t| SlotSpec {
                slot: t as u16,
                kind: MediaKind::Video,
                track: Some(TrackId(t)),
                max_height: 720,
                red: None,
            });
        let slots = slots.collect();
        f.handle(
            Input::View {
                participant: ParticipantId(n),
                slots,
            },
            now,
        );
    }
    f
}

/// A frame of ten packets from everybody, a thirtieth of a second later.
fn frame(f: &mut Forwarder, senders: u32, seq: &mut u64, payload: &[Arc<[u8]>; 2]) -> usize {
    let mut sent = 0;
    let at = Time::from_micros(*seq / 10 * 33_333 + 1000);
    for i in 0..10 {
        for t in 0..senders {
            let packet = RtpIn {
                tag: None,
                seq: *seq + i,
                timestamp: (*seq / 10 * 3000) as u32,
                marker: i == 9,
                payload: payload[usize::from(*seq > 0 || i > 0)].clone(),
                audio_level: None,
                voice: false,
                red: false,
            };
            f.handle(
                Input::Packet {
                    track: TrackId(t),
                    layer: 0,
                    packet,
                },
                at,
            );
            while let Some(output) = f.poll_output() {
                sent += usize::from(matches!(divan::black_box(output), Output::Send { .. }));
            }
        }
    }
    *seq += 10;
    sent
}

fn payloads() -> [Arc<[u8]>; 2] {
    let start = |first: u8| {
        let mut bytes = vec![first];
        bytes.resize(1200, 7);
        Arc::from(bytes)
    };
    [start(0x67), start(0x61)]
}

fn run(bencher: divan::Bencher, senders: u32, receivers: u32) {
    let mut f = meeting(senders, receivers);
    let payload = payloads();
    let mut seq = 0;
    frame(&mut f, senders, &mut seq, &payload);
    let per_frame = frame(&mut f, senders, &mut seq, &payload);
    assert!(per_frame >= 90, "{per_frame}");
    bencher
        .counter(ItemsCount::new(per_frame))
        .bench_local(|| frame(&mut f, senders, &mut seq, &payload));
}

/// One sender to this many receivers.
#[divan::bench(args = [11, 51, 101])]
fn one_to_many(bencher: divan::Bencher, receivers: u32) {
    run(bencher, 1, receivers);
}

#[divan::bench]
fn ten_to_ten(bencher: divan::Bencher) {
    run(bencher, 10, 10);
}
