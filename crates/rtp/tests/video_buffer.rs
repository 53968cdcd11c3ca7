//! The video jitter buffer against networks, in virtual time.

use confab_base::{Duration, FrameTag, FrameTagger, Time, VideoCodec};
use confab_rtp::h264::packetize;
use confab_rtp::{VideoJitterBuffer, VideoJitterConfig, VideoOutput, VideoPacket};
use proptest::prelude::*;
use std::sync::Arc;

/// A frame of `size` bytes as packets.
fn packets(seq: &mut u64, frame: u64, keyframe: bool, size: usize) -> Vec<VideoPacket> {
    let mut unit = Vec::new();
    if keyframe {
        unit.extend_from_slice(&[0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3]);
    }
    unit.extend_from_slice(&[0, 0, 0, 1, if keyframe { 0x65 } else { 0x61 }]);
    unit.resize(unit.len() + size, 7);
    let mut payloads: Vec<Arc<[u8]>> = Vec::new();
    packetize(&unit, 1000, &mut payloads);
    let last = payloads.len() - 1;
    let timestamp = 0xffff_f000u32.wrapping_add((frame * 3000) as u32);
    let number = |(i, payload)| {
        *seq += 1;
        VideoPacket {
            codec: VideoCodec::H264,
            tag: None,
            seq: *seq,
            timestamp,
            marker: i == last,
            payload,
        }
    };
    payloads.into_iter().enumerate().map(number).collect()
}

#[derive(Default, Debug)]
struct Outcome {
    /// Frame number and delay from capture to release, ms.
    released: Vec<(u64, f64)>,
    requests: usize,
    freezes: u64,
    frozen: Duration,
    dropped: u64,
}

/// 30 frames a second, three packets each. `path` says for packet `n` of frame `f` when it arrives after sending, µs. A key frame
/// follows each request after 60 ms.
fn run(frames: u64, path: impl FnMut(u64, usize) -> Option<u64>) -> Outcome {
    run_with(None, &[0], frames, path)
}

/// The same where frames are tagged, with the temporal layers 0 2 1 2.
fn run_tagged(frames: u64, path: impl FnMut(u64, usize) -> Option<u64>) -> Outcome {
    run_with(Some(FrameTagger::default()), &[0], frames, path)
}

/// The temporal layer of a frame, in a meeting that began with it.
fn temporal(frame: u64) -> u8 {
    [0, 2, 1, 2][frame as usize % 4]
}

/// `keys`: frames that are key frames though nobody asks.
fn run_with(
    mut tagger: Option<FrameTagger>,
    keys: &[u64],
    frames: u64,
    mut path: impl FnMut(u64, usize) -> Option<u64>,
) -> Outcome {
    let mut buffer = VideoJitterBuffer::new(VideoJitterConfig::default());
    buffer.set_rtt(Duration::from_millis(50));
    let mut outcome = Outcome::default();
    let (mut seq, mut keyframe_at) = (0, None);
    let mut wire: Vec<(u64, VideoPacket)> = Vec::new();
    let (mut sent, mut now) = (0, 1_000_000u64);
    while now < 1_000_000 + frames * 33_333 + 1_000_000 {
        while sent < frames && 1_000_000 + sent * 33_333 <= now {
            let asked = keyframe_at.take_if(|at| now >= *at).is_some();
            let key = asked || keys.contains(&sent);
            let tag = tagger.as_mut().and_then(|t| t.next(temporal(sent), key));
            for (i, mut packet) in packets(&mut seq, sent, key, 2500).into_iter().enumerate() {
                packet.tag = tag.map(|t| FrameTag { start: i == 0, ..t });
                wire.extend(path(sent, i).map(|delay| (now + delay, packet)));
            }
            sent += 1;
        }
        let mut arrived: Vec<_> = wire.extract_if(.., |(at, _)| *at <= now).collect();
        arrived.sort_by_key(|(at, packet)| (*at, packet.seq));
        arrived
            .into_iter()
            .for_each(|(at, packet)| buffer.push(packet, Time::from_micros(at)));
        while let Some(output) = buffer.poll_output(Time::from_micros(now)) {
            match output {
                VideoOutput::Frame(frame) => {
                    let number = u64::from(frame.timestamp.wrapping_sub(0xffff_f000) / 3000);
                    let captured = 1_000_000 + number * 33_333;
                    outcome
                        .released
                        .push((number, (now as f64 - captured as f64) / 1e3));
                }
                VideoOutput::RequestKeyframe => {
                    outcome.requests += 1;
                    keyframe_at.get_or_insert(now + 60_000);
                }
            }
        }
        now += 1_000;
    }
    let stats = buffer.stats(Time::from_micros(1_000_000 + frames * 33_333));
    (outcome.freezes, outcome.frozen, outcome.dropped) =
        (stats.freezes, stats.frozen, stats.dropped);
    outcome
}

fn dice(i: u64, n: u64) -> u64 {
    let mut x = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    x ^= x >> 30;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ x >> 27) % n
}

#[test]
fn on_a_clean_path_every_frame_is_released_at_once() {
    let outcome = run(300, |_, _| Some(20_000));
    assert_eq!(outcome.released.len(), 300);
    assert!(outcome.released.iter().all(|(_, delay)| *delay < 24.0));
    assert_eq!(
        (outcome.freezes, outcome.requests, outcome.dropped),
        (0, 0, 0)
    );
}

#[test]
fn jitter_becomes_even_play_out() {
    let outcome = run(900, |frame, _| Some(20_000 + dice(frame, 40_000)));
    assert_eq!((outcome.released.len(), outcome.freezes), (900, 0));
    let late: Vec<f64> = outcome.released[300..]
        .iter()
        .map(|(_, delay)| *delay)
        .collect();
    let mean = late.iter().sum::<f64>() / late.len() as f64;
    let uneven = late.iter().filter(|d| (**d - mean).abs() > 5.0).count();
    assert!(
        uneven * 20 < late.len(),
        "{uneven} of {} frames off by more than 5 ms",
        late.len()
    );
}

#[test]
fn resends_are_waited_for() {
    // 5 % of packets come by a resend, one round trip and a bit later.
    let outcome = run(900, |frame, i| {
        Some(if dice(frame * 3 + i as u64, 20) == 0 {
            90_000
        } else {
            20_000
        })
    });
    assert_eq!(
        (outcome.released.len(), outcome.requests, outcome.dropped),
        (900, 0, 0)
    );
    assert_eq!(outcome.freezes, 0);
}

#[test]
fn a_packet_that_never_comes_costs_a_short_gap_and_one_request() {
    let outcome = run(300, |frame, i| (frame != 150 || i != 1).then_some(20_000));
    assert_eq!(outcome.requests, 1);
    let missing = 300 - outcome.released.len();
    assert!((1..=12).contains(&missing), "{missing} frames");
    assert_eq!(outcome.dropped as usize, missing);
    assert!(outcome.released.windows(2).all(|w| w[0].0 < w[1].0));
}

#[test]
fn an_outage_is_one_freeze_of_its_length() {
    let outcome = run(300, |frame, _| {
        (!(150..180).contains(&frame)).then_some(20_000)
    });
    assert_eq!(outcome.freezes, 1);
    assert!(
        (1000..1400).contains(&outcome.frozen.as_millis()),
        "{:?}",
        outcome.frozen
    );
}

#[test]
fn without_a_first_key_frame_one_is_asked_for_again_and_again() {
    let mut buffer = VideoJitterBuffer::new(VideoJitterConfig::default());
    let (mut seq, mut requests) = (0, 0);
    for ms in 0..3000u64 {
        let now = Time::from_millis(1000 + ms);
        if ms % 33 == 0 {
            packets(&mut seq, ms / 33, false, 2500)
                .into_iter()
                .for_each(|p| buffer.push(p, now));
        }
        while let Some(output) = buffer.poll_output(now) {
            assert_eq!(output, VideoOutput::RequestKeyframe);
            requests += 1;
        }
    }
    assert!((5..=15).contains(&requests), "{requests}");
}

#[test]
fn a_long_wait_for_a_key_frame_does_not_fill_the_buffer_for_good() {
    let mut buffer = VideoJitterBuffer::new(VideoJitterConfig {
        max_packets: 64,
        ..VideoJitterConfig::default()
    });
    let mut seq = 0;
    let mut released = 0;
    for frame in 0..500u64 {
        let now = Time::from_micros(1_000_000 + frame * 33_334);
        packets(&mut seq, frame, frame == 400, 2500)
            .into_iter()
            .for_each(|p| buffer.push(p, now));
        while let Some(output) = buffer.poll_output(now) {
            released += usize::from(matches!(output, VideoOutput::Frame(_)));
        }
    }
    assert_eq!(released, 100);
}

proptest! {
    #[test]
    fn foreign_packets_never_panic_and_every_wakeup_is_a_reason(
        events in prop::collection::vec((0u64..60, any::<u32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..6), 0u64..90_000), 0..200),
    ) {
        let mut buffer = VideoJitterBuffer::new(VideoJitterConfig { max_packets: 32, ..VideoJitterConfig::default() });
        let mut now = Time::ZERO;
        for (seq, timestamp, marker, payload, wait) in events {
            now += Duration::from_micros(wait);
            let codec = [VideoCodec::H264, VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::Av1][wait as usize % 4];
            buffer.push(VideoPacket { codec, tag: None, seq, timestamp, marker, payload: payload.into() }, now);
            let mut outputs = 0;
            while buffer.poll_output(now).is_some() {
                outputs += 1;
                prop_assert!(outputs < 100);
            }
            let _ = (buffer.next_wakeup(), buffer.stats(now));
        }
    }
}

fn numbers(outcome: &Outcome) -> Vec<u64> {
    outcome.released.iter().map(|r| r.0).collect()
}

#[test]
fn frames_that_nothing_needs_are_passed_over_without_a_request_or_a_freeze() {
    // Every third frame of the highest layer never comes, whole or in part.
    let lost = |f: u64| temporal(f) == 2 && f % 3 == 1;
    let outcome = run_tagged(300, |f, i| {
        (!lost(f) || (f % 2 == 1 && i == 2)).then_some(10_000)
    });
    let expected: Vec<u64> = (0..300).filter(|f| !lost(*f)).collect();
    assert_eq!(numbers(&outcome), expected);
    assert_eq!((outcome.requests, outcome.freezes), (0, 0));
    let longest = outcome.released.iter().map(|r| r.1).fold(0.0, f64::max);
    assert!(longest < 60.0, "{longest} ms");
}

#[test]
fn what_builds_on_a_missing_frame_is_passed_over_too() {
    let outcome = run_tagged(100, |f, _| (f != 50).then_some(10_000));
    // 50 is of the middle layer: 51 is predicted from it, 52 is not.
    let expected: Vec<u64> = (0..100).filter(|f| ![50, 51].contains(f)).collect();
    assert_eq!((numbers(&outcome), outcome.requests), (expected, 0));
}

#[test]
fn a_base_frame_is_waited_for_before_its_sender_is_asked_for_anything() {
    let late = |f: u64, delay| if f == 40 { delay } else { 10_000 };
    let outcome = run_tagged(200, |f, _| Some(late(f, 400_000)));
    assert_eq!(numbers(&outcome), (0..200).collect::<Vec<_>>());
    assert_eq!(outcome.requests, 0);
    let outcome = run_tagged(200, |f, _| (f != 40).then_some(10_000));
    assert_eq!(outcome.requests, 1, "{outcome:?}");
    let gap = outcome.released.iter().find(|r| r.0 > 40).unwrap().0 - 40;
    assert!((13..20).contains(&gap), "{gap} frames");
}

#[test]
fn what_is_missing_before_a_key_frame_that_is_here_is_waited_for_no_longer_than_it_could_be_shown()
{
    let tagger = Some(FrameTagger::default());
    let outcome = run_with(tagger, &[0, 44], 200, |f, _| (f != 40).then_some(10_000));
    assert_eq!(outcome.requests, 0, "{outcome:?}");
    let expected: Vec<u64> = (0..40).chain(44..200).collect();
    assert_eq!(numbers(&outcome), expected);
    let late = outcome.released.iter().map(|r| r.1).fold(0.0, f64::max);
    assert!(late < 40.0, "{late} ms");
}

#[test]
fn who_comes_late_for_being_shown_makes_the_buffer_more_patient() {
    // Frames of the highest layer take 200 ms, as if each was repaired.
    let outcome = run_tagged(300, |f, _| {
        Some(if temporal(f) == 2 { 200_000 } else { 10_000 })
    });
    let shown = outcome.released.iter().filter(|r| r.0 >= 100).count();
    assert_eq!(shown, 200, "{:?}", outcome.dropped);
    assert!(outcome.dropped < 20, "{}", outcome.dropped);
}

#[test]
fn a_sender_goes_over_to_another_codec_between_two_frames() {
    let mut buffer = VideoJitterBuffer::new(VideoJitterConfig::default());
    let (mut seq, mut got) = (0, Vec::new());
    let mut vp8 = confab_rtp::vp8::Packetizer::new(7);
    for frame in 0..60u64 {
        let now = Time::from_micros(1_000_000 + frame * 33_334);
        let mut sent = packets(&mut seq, frame, frame == 0, 2500);
        if frame >= 30 {
            // As many payloads of VP8, the first frame a key frame.
            let mut data = vec![u8::from(frame > 30); 2500];
            data[3..10].copy_from_slice(&[0x9d, 0x01, 0x2a, 64, 1, 180, 0]);
            let outgoing = confab_rtp::vp8::OutgoingFrame {
                data: &data,
                temporal: Some(0),
                layer_sync: false,
                non_reference: false,
            };
            let mut payloads = Vec::new();
            vp8.packetize(outgoing, 1000, &mut payloads);
            assert_eq!(payloads.len(), sent.len());
            for (packet, payload) in sent.iter_mut().zip(payloads) {
                (packet.codec, packet.payload) = (VideoCodec::Vp8, payload);
            }
        }
        // The last packets of the one and the first of the other change places.
        sent.reverse();
        sent.into_iter().for_each(|p| buffer.push(p, now));
        while let Some(output) = buffer.poll_output(now) {
            let VideoOutput::Frame(frame) = output else {
                panic!("{output:?}")
            };
            got.push((frame.codec, frame.keyframe));
        }
    }
    let codecs = |codec| got.iter().filter(|(c, _)| *c == codec).count();
    assert_eq!(
        (codecs(VideoCodec::H264), codecs(VideoCodec::Vp8)),
        (30, 30)
    );
    assert_eq!(got[30], (VideoCodec::Vp8, true));
    assert_eq!(buffer.stats(Time::from_millis(4000)).dropped, 0);
}
