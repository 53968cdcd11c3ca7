//! What goes through encoder and decoder together, the same for every codec that has both: one may take another's place.

use super::*;
use crate::CodecError;
use confab_picture::{Mark, ScreenPattern, ladder, psnr_y, read_counter};
use proptest::prelude::*;

/// Each of these for each codec, under a name of its own.
macro_rules! for_each_codec {
    ($($codec:ident: $variant:ident),*; $tests:tt) => { $(
        mod $codec {
            const CODEC: super::VideoCodec = super::VideoCodec::$variant;
            for_each_codec!($tests);
        }
    )* };
    (($($test:ident),* $(,)?)) => { $(
        #[test]
        fn $test() {
            super::$test(CODEC);
        }
    )* };
}

for_each_codec!(h264: H264, vp8: Vp8, av1: Av1; (
    every_rung_shows_the_scene_and_its_counter,
    the_counter_survives_100_kbps_at_180p,
    without_higher_temporal_layers_the_rest_is_the_same_to_the_bit,
    frames_of_the_highest_layer_are_discardable,
    bitrates_are_held_within_a_quarter_over_five_seconds,
    a_new_bitrate_is_followed_without_a_key_frame,
    a_slow_camera_still_gets_its_bitrate,
    a_clock_that_jumps_leaves_the_rate_as_it_is,
    key_frames_come_on_demand_in_the_asked_layer_only,
    a_layer_switched_on_again_begins_with_a_key_frame,
    pictures_of_any_size_fit_the_layers,
    the_decoder_follows_a_change_of_size,
    a_screen_stays_sharp,
    impossible_configurations_are_refused,
    encoders_and_decoders_may_change_threads,
    empty_and_oversized_units_are_refused,
    broken_units_neither_crash_nor_hang,
));

// H.264 notices by itself what is missing, and rather exceeds its rate than leaving out more than a few frames.
for_each_codec!(patterned_vp8: Vp8, patterned_av1: Av1; (
    a_rate_far_too_low_is_held_and_never_starves_the_base,
    a_key_frame_has_to_come_first_and_after_every_error,
    units_that_end_too_early_are_not_shown,
));

#[test]
fn key_frames_say_their_size() {
    use crate::key_frame_size;
    for codec in [VideoCodec::Vp8, VideoCodec::Av1] {
        let frames = short_stream(codec);
        let size = |n: usize| key_frame_size(codec, &frames[n]);
        assert_eq!((size(0), size(1)), (Some((96, 64)), None));
    }
    let vp9 = [0x82, 0x49, 0x83, 0x42, 0, 0x03, 0xf0, 0x01, 0xf0];
    assert_eq!(key_frame_size(VideoCodec::Vp9, &vp9), Some((64, 32)));
    for codec in crate::CAN_DECODE {
        assert_eq!(key_frame_size(codec, &[]), None);
    }
}

#[test]
fn every_codec_that_is_encoded_is_decoded_and_the_others_are_refused() {
    for codec in [
        VideoCodec::H264,
        VideoCodec::Vp8,
        VideoCodec::Vp9,
        VideoCodec::Av1,
    ] {
        let encodes = video_encoder(codec, camera(&[layer(320, 180, 100)], 1)).is_ok();
        assert_eq!(encodes, crate::CAN_ENCODE.contains(&codec));
        assert_eq!(video_decoder(codec).is_ok(), CAN_DECODE.contains(&codec));
        assert!(!encodes || CAN_DECODE.contains(&codec));
        assert!(encodes || !crate::FINE.contains(&codec));
    }
}

fn rungs() -> Vec<LayerConfig> {
    let config = |r: confab_picture::Rung| LayerConfig {
        width: r.width,
        height: r.height,
        bitrate: r.bitrate,
        max_fps: r.fps,
    };
    ladder(1280, 720).into_iter().map(config).collect()
}

fn every_rung_shows_the_scene_and_its_counter(codec: VideoCodec) {
    let pattern = TestPattern::new(1280, 720, 6);
    let mut encoder = encoder(codec, &rungs(), 1);
    let mut decoders: Vec<_> = (0..3).map(|_| decoder(codec)).collect();
    let mut shown = [0; 3];
    let mut worst = [f64::INFINITY; 3];
    for i in 0..45 {
        let picture = pattern.frame(i);
        for frame in encoder.encode(&picture, at(i), &[]).unwrap() {
            let out = decode(&mut *decoders[frame.layer], &frame);
            assert_eq!(read_counter(&out), Some(Mark { id: 6, counter: i }));
            let wanted = picture.scale_to(out.width(), out.height());
            worst[frame.layer] = worst[frame.layer].min(psnr_y(&wanted, &out));
            shown[frame.layer] += 1;
        }
    }
    assert!(shown.iter().all(|&n| n >= 40), "{shown:?}");
    assert!(worst.iter().all(|&db| db > 26.0), "{worst:?}");
}

fn the_counter_survives_100_kbps_at_180p(codec: VideoCodec) {
    let pattern = TestPattern::new(1280, 720, 1);
    let mut encoder = encoder(codec, &[layer(320, 180, 100)], 1);
    let mut decoder = decoder(codec);
    let mut read = 0;
    for i in 0..90 {
        for frame in encoder.encode(&pattern.frame(i), at(i), &[]).unwrap() {
            let out = decode(&mut *decoder, &frame);
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
            read += 1;
        }
    }
    assert!(read > 60, "{read}");
}

fn without_higher_temporal_layers_the_rest_is_the_same_to_the_bit(codec: VideoCodec) {
    for layers in [2u8, 3] {
        let frames = stream(codec, layers, 48, 800);
        let whole = whole(codec, &frames);
        for keep in 0..layers - 1 {
            let mut decoder = decoder(codec);
            let mut shown = 0usize;
            for ((_, frame), whole) in frames.iter().zip(&whole) {
                if frame.temporal <= keep {
                    assert!(decode(&mut *decoder, frame) == *whole, "it drifted");
                    shown += 1;
                }
            }
            let expected = frames.len() >> (layers - 1 - keep);
            assert!(shown.abs_diff(expected) <= 2, "{layers} {keep}: {shown}");
        }
    }
}

fn frames_of_the_highest_layer_are_discardable(codec: VideoCodec) {
    let frames = stream(codec, 3, 48, 800);
    for (_, frame) in &frames {
        assert_eq!(frame.discardable, frame.temporal == 2);
    }
    assert!(frames.iter().filter(|(_, f)| f.discardable).count() >= 8);
}

fn bitrates_are_held_within_a_quarter_over_five_seconds(codec: VideoCodec) {
    for (width, height, kbps, temporal) in [
        (320, 180, 150, 1),
        (640, 360, 500, 1),
        (640, 360, 500, 2),
        (640, 360, 500, 3),
    ] {
        let mut encoder = encoder(codec, &[layer(width, height, kbps)], temporal);
        let mut bytes = 0;
        for i in 0..(1 + 5 * FPS as u32) {
            let frames = encoder.encode(&busy(width, height, i), at(i), &[]).unwrap();
            bytes += frames.iter().map(|f| f.data.len()).sum::<usize>();
        }
        let got = bytes as f64 * 8.0 / 5.0 / 1000.0;
        let ratio = got / kbps as f64;
        assert!(
            (0.75..=1.25).contains(&ratio),
            "{kbps} kbps in {temporal} layers became {got}"
        );
    }
}

fn a_new_bitrate_is_followed_without_a_key_frame(codec: VideoCodec) {
    for temporal in [1, 3] {
        let mut encoder = encoder(codec, &[layer(320, 180, 400)], temporal);
        let mut seconds = [0usize; 8];
        for i in 0..(8 * FPS as u32) {
            if i == 4 * FPS as u32 {
                encoder.set_bitrate(0, Bitrate::kbps(150));
            }
            for frame in encoder.encode(&busy(320, 180, i), at(i), &[]).unwrap() {
                assert_eq!(frame.keyframe, i == 0);
                seconds[(i / FPS as u32) as usize] += frame.data.len() * 8 / 1000;
            }
        }
        let (before, after) = (seconds[2] + seconds[3], seconds[6] + seconds[7]);
        assert!((600..=1000).contains(&before), "{temporal}: {seconds:?}");
        assert!((225..=375).contains(&after), "{temporal}: {seconds:?}");
    }
}

fn a_rate_far_too_low_is_held_and_never_starves_the_base(codec: VideoCodec) {
    let frames = stream(codec, 3, 8 * FPS as u32, 40);
    let late = frames.iter().filter(|(i, _)| *i >= 4 * FPS as u32);
    let bytes: usize = late.map(|(_, f)| f.data.len()).sum();
    assert!(bytes * 8 < 4 * 60_000, "{bytes}");
    let base = frames.iter().filter(|(_, f)| f.temporal == 0).count();
    assert!(frames.len() < 8 * FPS as usize, "none was left out");
    assert!(base * 5 > frames.len(), "{base} of {}", frames.len());
    // However many are left out, what is there decodes.
    assert_eq!(whole(codec, &frames).len(), frames.len());
}

fn a_slow_camera_still_gets_its_bitrate(codec: VideoCodec) {
    let mut encoder = encoder(codec, &[layer(320, 180, 300)], 1);
    let mut bytes = 0;
    for i in 0..60u32 {
        let time = Time::from_millis(u64::from(i) * 100);
        let frames = encoder.encode(&busy(320, 180, i), time, &[]).unwrap();
        if i >= 20 {
            bytes += frames.iter().map(|f| f.data.len()).sum::<usize>();
        }
    }
    let kbps = bytes as f64 * 8.0 / 4000.0;
    assert!((210.0..=390.0).contains(&kbps), "{kbps}");
}

fn a_clock_that_jumps_leaves_the_rate_as_it_is(codec: VideoCodec) {
    let mut encoder = encoder(codec, &[layer(320, 180, 300)], 1);
    let mut bytes = 0;
    for i in 0..(6 * FPS as u32) {
        let time = match i {
            60.. => at(i - 60),
            _ => at(i) + std::time::Duration::from_secs(90_000),
        };
        for frame in encoder.encode(&busy(320, 180, i), time, &[]).unwrap() {
            bytes += if i >= 60 { frame.data.len() } else { 0 };
        }
    }
    let kbps = bytes as f64 * 8.0 / 4000.0;
    assert!((210.0..=390.0).contains(&kbps), "{kbps}");
}

fn key_frames_come_on_demand_in_the_asked_layer_only(codec: VideoCodec) {
    let pattern = TestPattern::new(640, 360, 0);
    let layers = [layer(320, 180, 150), layer(640, 360, 500)];
    for temporal in [1, 2, 3] {
        let mut encoder = encoder(codec, &layers, temporal);
        for i in 0..40 {
            let ask = [false, i == 21];
            let frames = encoder.encode(&pattern.frame(i), at(i), &ask).unwrap();
            for frame in frames {
                let wanted = i == 0 || (i == 21 && frame.layer == 1);
                assert_eq!(frame.keyframe, wanted, "frame {i} layer {}", frame.layer);
                if wanted {
                    assert_eq!(frame.temporal, 0);
                    let shown = decode(&mut *decoder(codec), &frame);
                    assert_eq!(read_counter(&shown).map(|m| m.counter), Some(i));
                }
            }
        }
    }
}

fn a_layer_switched_on_again_begins_with_a_key_frame(codec: VideoCodec) {
    let pattern = TestPattern::new(640, 360, 0);
    let layers = [layer(320, 180, 150), layer(640, 360, 500)];
    let mut encoder = encoder(codec, &layers, 3);
    let mut seen: Vec<(u32, EncodedFrame)> = Vec::new();
    for i in 0..30 {
        match i {
            10 => encoder.set_active(1, false),
            20 => encoder.set_active(1, true),
            _ => {}
        }
        let frames = encoder.encode(&pattern.frame(i), at(i), &[]).unwrap();
        seen.extend(frames.into_iter().map(|f| (i, f)));
    }
    let upper: Vec<_> = seen.iter().filter(|(_, f)| f.layer == 1).collect();
    assert!(upper.iter().all(|(i, _)| !(10..20).contains(i)));
    let back = upper.iter().find(|(i, _)| *i >= 20).unwrap();
    assert!(back.1.keyframe && back.0 < 23);
    let lower = seen.iter().filter(|(_, f)| f.layer == 0 && f.keyframe);
    assert_eq!(lower.count(), 1);
}

fn pictures_of_any_size_fit_the_layers(codec: VideoCodec) {
    let mut encoder = encoder(codec, &[layer(320, 180, 300)], 1);
    let mut decoder = decoder(codec);
    for (i, (w, h)) in [(1280, 720), (640, 480), (2, 2), (100, 300)]
        .into_iter()
        .enumerate()
    {
        let p = I420::filled(w, h, [180, 128, 128]);
        for frame in encoder.encode(&p, at(i as u32), &[]).unwrap() {
            assert_eq!(decode(&mut *decoder, &frame).size(), (320, 180));
        }
    }
}

fn the_decoder_follows_a_change_of_size(codec: VideoCodec) {
    let mut decoder = decoder(codec);
    for (w, h) in [(320, 180), (640, 360), (180, 320), (320, 180)] {
        let mut encoder = encoder(codec, &[layer(w, h, 300)], 1);
        let pattern = TestPattern::new(w, h, 9);
        for i in 0..3 {
            for frame in encoder.encode(&pattern.frame(i), at(i), &[]).unwrap() {
                let out = decode(&mut *decoder, &frame);
                assert_eq!(out.size(), (w, h));
                assert_eq!(read_counter(&out), Some(Mark { id: 9, counter: i }));
            }
        }
    }
}

fn a_screen_stays_sharp(codec: VideoCodec) {
    let pattern = ScreenPattern::new(640, 360, 8);
    let config = VideoConfig {
        layers: vec![LayerConfig {
            max_fps: 15,
            ..layer(640, 360, 600)
        }],
        temporal_layers: 1,
        screen: true,
    };
    let mut encoder = video_encoder(codec, config).unwrap();
    let mut decoder = decoder(codec);
    let mut last = 0.0;
    for i in 0..60 {
        let picture = pattern.frame(i);
        for frame in encoder.encode(&picture, at(i * 2), &[]).unwrap() {
            let out = decode(&mut *decoder, &frame);
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
            last = psnr_y(&picture, &out);
        }
    }
    assert!(last > 30.0, "{last}");
}

fn impossible_configurations_are_refused(codec: VideoCodec) {
    let make = |layers: &[LayerConfig], temporal_layers| {
        video_encoder(codec, camera(layers, temporal_layers)).map(|_| ())
    };
    let good = layer(320, 180, 100);
    let still = LayerConfig {
        max_fps: 0,
        ..good.clone()
    };
    assert_eq!(make(std::slice::from_ref(&good), 3), Ok(()));
    assert_eq!(make(&[layer(16, 16, 100)], 3), Ok(()));
    let five = vec![good.clone(); 5];
    for (layers, temporal) in [
        (&[][..], 1),
        (&five, 1),
        (&[layer(321, 180, 100)], 1),
        (&[layer(320, 181, 100)], 1),
        (&[layer(2, 2, 100)], 1),
        (&[layer(0, 0, 100)], 1),
        (&[layer(32000, 180, 100)], 1),
        (&five[..1], 0),
        (&five[..1], 4),
        (&[still], 1),
    ] {
        let made = make(layers, temporal);
        assert_eq!(made, Err(CodecError::Unsupported), "{layers:?}");
    }
}

fn encoders_and_decoders_may_change_threads(codec: VideoCodec) {
    let mut encoder = encoder(codec, &[layer(320, 180, 150)], 1);
    let picture = TestPattern::new(320, 180, 0).frame(1);
    let first = encoder.encode(&picture, at(0), &[]).unwrap();
    let mut decoder = decoder(codec);
    let thread = std::thread::spawn(move || {
        let out = decoder.decode(&first[0].data).unwrap();
        drop(decoder);
        (encoder.encode(&picture, at(1), &[]).unwrap(), out)
    });
    assert!(thread.join().unwrap().1.is_some());
}

fn empty_and_oversized_units_are_refused(codec: VideoCodec) {
    let mut decoder = decoder(codec);
    assert_eq!(decoder.decode(&[]), Err(CodecError::BadInput));
    assert_eq!(decoder.decode(&vec![0; 9 << 20]), Err(CodecError::BadInput));
}

fn a_key_frame_has_to_come_first_and_after_every_error(codec: VideoCodec) {
    let frames = short_stream(codec);
    let mut decoder = decoder(codec);
    assert_eq!(decoder.decode(&frames[1]), Err(CodecError::Corrupt));
    assert!(matches!(decoder.decode(&frames[0]), Ok(Some(_))));
    assert!(matches!(decoder.decode(&frames[1]), Ok(Some(_))));
    assert_eq!(decoder.decode(&[1]), Err(CodecError::Corrupt));
    assert_eq!(decoder.decode(&frames[2]), Err(CodecError::Corrupt));
    for (i, frame) in frames.iter().enumerate() {
        let out = decoder.decode(frame).unwrap().unwrap();
        assert_eq!(read_counter(&out).map(|m| m.counter), Some(i as u32));
    }
}

fn units_that_end_too_early_are_not_shown(codec: VideoCodec) {
    let frames = short_stream(codec);
    for cut in [1, 9, 10, 30, frames[0].len() / 2] {
        let out = decoder(codec).decode(&frames[0][..cut]);
        assert_eq!(out, Err(CodecError::Corrupt), "{cut}");
    }
    let mut decoder = decoder(codec);
    decoder.decode(&frames[0]).unwrap();
    let half = &frames[1][..frames[1].len() / 2];
    assert_eq!(decoder.decode(half), Err(CodecError::Corrupt));
}

/// Bytes changed, cut off and left out in [`short_stream`].
fn broken_units_neither_crash_nor_hang(codec: VideoCodec) {
    let good = short_stream(codec);
    let place = || (0..good.len(), any::<prop::sample::Index>());
    let flips = prop::collection::vec((place(), any::<u8>()), 0..12);
    let cut = prop::option::of(place());
    let config = ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(96)
    };
    let mut runner = prop::test_runner::TestRunner::new(config);
    let result = runner.run(&(flips, cut, 0usize..12), |(flips, cut, gone)| {
        let mut units = good.clone();
        for ((unit, at), byte) in flips {
            let at = at.index(units[unit].len());
            units[unit][at] = byte;
        }
        if let Some((unit, at)) = cut {
            let at = at.index(units[unit].len());
            units[unit].truncate(at);
        }
        let mut decoder = decoder(codec);
        for (i, unit) in units.iter().enumerate() {
            if i != gone {
                let _ = decoder.decode(unit);
            }
        }
        // Whatever happened, a new stream from its key frame on is whole.
        let healed: Vec<_> = good.iter().map(|u| decoder.decode(u)).collect();
        let last = healed.last().and_then(|r| r.as_ref().ok()?.as_ref());
        let counter = last.and_then(read_counter).map(|m| m.counter);
        prop_assert_eq!(counter, Some(good.len() as u32 - 1));
        Ok(())
    });
    result.unwrap();
}
