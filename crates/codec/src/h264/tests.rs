//! What only H.264 does; what all codecs do is in `tests/video.rs`.

use super::*;
use crate::tests::{at, busy, decoder, encoder, layer, stream};
use crate::{CodecError, VideoDecoder};
use confab_base::VideoCodec::H264;
use confab_picture::{Mark, TestPattern, read_counter};
use proptest::prelude::*;

/// NAL unit types in an access unit, in order.
fn nal_types(data: &[u8]) -> Vec<u8> {
    let starts = data.windows(4).filter(|w| w[..3] == [0, 0, 1]);
    starts.map(|w| w[3] & 31).collect()
}

#[test]
fn key_frames_are_constrained_baseline_with_their_parameter_sets_in_front() {
    for (_, frame) in stream(H264, 2, 12, 500) {
        let types = nal_types(&frame.data);
        if frame.keyframe {
            assert_eq!(types[..3], [7, 8, 5]);
            // Baseline, constraint_set1: constrained baseline, as 42e0xx offers.
            assert_eq!(frame.data[5], 0x42);
            assert_eq!(frame.data[6] & 0x40, 0x40);
        } else {
            assert!(types.iter().all(|&t| t == 1), "{types:?}");
        }
    }
}

#[test]
fn a_lost_frame_is_noticed_and_a_key_frame_heals() {
    let pattern = TestPattern::new(320, 180, 4);
    let mut encoder = encoder(H264, &[layer(320, 180, 300)], 1);
    let mut decoder = decoder(H264);
    let mut errors = 0;
    for i in 0..30 {
        let frames = encoder
            .encode(&pattern.frame(i), at(i), &[i == 20])
            .unwrap();
        for frame in frames.iter().filter(|_| i != 10) {
            match decoder.decode(&frame.data) {
                Ok(out) if !(10..20).contains(&i) => {
                    let mark = read_counter(&out.unwrap());
                    assert_eq!(mark, Some(Mark { id: 4, counter: i }));
                }
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error, CodecError::Corrupt);
                    assert!((11..20).contains(&i), "{i}");
                    errors += 1;
                }
            }
        }
    }
    assert!(errors > 0);
}

#[test]
fn one_instance_can_make_all_layers_too() {
    let layers = [layer(320, 180, 150), layer(640, 360, 500)];
    let mut encoder = RawEncoder::new(&layers, 3, false).unwrap();
    let pattern = TestPattern::new(640, 360, 5);
    let mut decoders = [Decoder::new().unwrap(), Decoder::new().unwrap()];
    let mut shown = [0; 2];
    for i in 0..20 {
        for frame in encoder
            .encode(&pattern.frame(i), i64::from(i) * 33)
            .unwrap()
        {
            let out = decoders[frame.layer].decode(&frame.data).unwrap().unwrap();
            assert_eq!(out.width(), layers[frame.layer].width);
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
            shown[frame.layer] += 1;
        }
    }
    assert!(shown.iter().all(|&n| n > 15), "{shown:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn random_bytes_neither_crash_nor_hang(
        units in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..6),
        kinds in prop::collection::vec(0u8..32, 6),
    ) {
        let mut decoder = decoder(H264);
        for (unit, kind) in units.iter().zip(kinds) {
            let mut bytes = vec![0, 0, 0, 1, 0x60 | kind];
            bytes.extend(unit);
            let _ = decoder.decode(&bytes);
            let _ = decoder.decode(unit);
        }
    }
}

/// A stream whose receiver acknowledges what it decodes `delay` frames later, loses some base frames, and says so then: the sender's
/// sizes of what it recovered with, each with whether it was a key frame, and how many pictures were shown after.
fn lossy(temporal: u8, keep: bool, delay: usize) -> (Vec<(bool, usize)>, usize) {
    let mut encoder = encoder(H264, &[layer(640, 360, 500)], temporal);
    assert!(!keep || encoder.keep_long_term_references());
    let mut decoder = decoder(H264);
    let (mut last_good, mut shown, mut recovered) = (0, 0, Vec::new());
    let mut feedback = std::collections::VecDeque::new();
    let (mut reported, mut asked) = (None, false);
    let lost = |i: u32| {
        [80, 140, 200]
            .iter()
            .any(|from| (*from..*from + 6).contains(&i))
    };
    for i in 0..260 {
        let picture = busy(640, 360, i);
        for frame in encoder.encode(&picture, at(i), &[]).unwrap() {
            let is_answer = frame.keyframe || frame.refers.is_some();
            if asked && is_answer && frame.temporal == 0 {
                asked = false;
                recovered.push((frame.keyframe, frame.data.len()));
            }
            if lost(i) {
                feedback.push_back((i, Err(last_good)));
                continue;
            }
            if let Ok(Some(out)) = decoder.decode(&frame.data) {
                assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
                last_good = frame.number;
                shown += usize::from(i >= 80);
                feedback.push_back((i, Ok(frame.number)));
            }
        }
        while feedback
            .front()
            .is_some_and(|(at, _)| *at as usize + delay <= i as usize)
        {
            match feedback.pop_front().unwrap().1 {
                Ok(number) => encoder.acknowledge(0, number),
                Err(last) if reported != Some(last) => {
                    encoder.recover(0, last);
                    (reported, asked) = (Some(last), true);
                }
                Err(_) => {}
            }
        }
    }
    (recovered, shown)
}

#[test]
fn after_a_loss_an_acknowledged_frame_takes_the_place_of_a_key_frame() {
    for temporal in [1, 2, 3] {
        let (recovered, shown) = lossy(temporal, true, 5);
        assert_eq!(recovered.len(), 3, "{temporal}: {recovered:?}");
        assert!(recovered.iter().all(|(key, _)| !key), "{recovered:?}");
        let (keys, with_keys) = lossy(temporal, false, 5);
        assert!(keys.len() == 3 && keys.iter().all(|(key, _)| *key));
        let bytes = |all: &[(bool, usize)]| all.iter().map(|(_, b)| b).sum::<usize>();
        let (long, keys) = (bytes(&recovered), bytes(&keys));
        assert!(
            long * 10 < keys * 8,
            "{temporal}: {long} bytes, {keys} of key frames"
        );
        assert!(
            shown + 10 > with_keys,
            "{temporal}: {shown} and {with_keys}"
        );
    }
}

#[test]
fn without_an_acknowledgement_there_is_a_key_frame() {
    let mut encoder = encoder(H264, &[layer(320, 180, 300)], 3);
    assert!(encoder.keep_long_term_references());
    let pattern = TestPattern::new(320, 180, 4);
    let mut keys = Vec::new();
    for i in 0..40 {
        if i == 20 {
            encoder.recover(0, 3);
        }
        for frame in encoder.encode(&pattern.frame(i), at(i), &[]).unwrap() {
            if frame.keyframe {
                keys.push(i);
            }
        }
    }
    assert_eq!(keys, [0, 20]);
}
