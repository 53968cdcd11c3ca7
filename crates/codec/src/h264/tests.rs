//! What goes through encoder and decoder together.

use super::*;
use crate::{CodecError, EncodedFrame, H264Config, LayerConfig, VideoDecoder, VideoEncoder};
use confab_base::{Bitrate, Time};
use confab_picture::{I420, Mark, ScreenPattern, TestPattern, ladder, psnr_y, read_counter};
use proptest::prelude::*;

const FPS: u64 = 30;

fn at(frame: u32) -> Time {
    Time::from_micros(u64::from(frame) * 1_000_000 / FPS)
}

fn layer(width: usize, height: usize, kbps: u64) -> LayerConfig {
    LayerConfig {
        width,
        height,
        bitrate: Bitrate::kbps(kbps),
        max_fps: FPS as u32,
    }
}

fn encoder(layers: &[LayerConfig], temporal_layers: u8) -> Encoder {
    Encoder::new(H264Config {
        layers: layers.to_vec(),
        temporal_layers,
        screen: false,
    })
    .unwrap()
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

/// NAL unit types in an access unit, in order.
fn nal_types(data: &[u8]) -> Vec<u8> {
    let starts = data.windows(4).filter(|w| w[..3] == [0, 0, 1]);
    starts.map(|w| w[3] & 31).collect()
}

/// A picture that no rate control can make small: noise over a moving scene.
fn busy(width: usize, height: usize, number: u32) -> I420 {
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

#[test]
fn every_rung_shows_the_scene_and_its_counter() {
    let pattern = TestPattern::new(1280, 720, 6);
    let mut encoder = encoder(&rungs(), 1);
    let mut decoders: Vec<Decoder> = (0..3).map(|_| Decoder::new().unwrap()).collect();
    let mut shown = [0; 3];
    let mut worst = [f64::INFINITY; 3];
    for i in 0..45 {
        let picture = pattern.frame(i);
        for frame in encoder.encode(&picture, at(i), &[]).unwrap() {
            let out = decoders[frame.layer].decode(&frame.data).unwrap().unwrap();
            assert_eq!(read_counter(&out), Some(Mark { id: 6, counter: i }));
            let wanted = picture.scale_to(out.width(), out.height());
            worst[frame.layer] = worst[frame.layer].min(psnr_y(&wanted, &out));
            shown[frame.layer] += 1;
        }
    }
    assert!(shown.iter().all(|&n| n >= 40), "{shown:?}");
    assert!(worst.iter().all(|&db| db > 26.0), "{worst:?}");
}

#[test]
fn the_counter_survives_100_kbps_at_180p() {
    let pattern = TestPattern::new(1280, 720, 1);
    let mut encoder = encoder(&[layer(320, 180, 100)], 1);
    let mut decoder = Decoder::new().unwrap();
    let mut read = 0;
    for i in 0..90 {
        for frame in encoder.encode(&pattern.frame(i), at(i), &[]).unwrap() {
            let out = decoder.decode(&frame.data).unwrap().unwrap();
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
            read += 1;
        }
    }
    assert!(read > 60, "{read}");
}

#[test]
fn higher_temporal_layers_can_be_dropped() {
    let pattern = TestPattern::new(640, 360, 3);
    for keep in [0, 1] {
        let mut encoder = encoder(&[layer(640, 360, 500)], 3);
        let mut decoder = Decoder::new().unwrap();
        let mut shown = 0;
        for i in 0..64 {
            for frame in encoder.encode(&pattern.frame(i), at(i), &[]).unwrap() {
                if frame.temporal > keep {
                    continue;
                }
                let out = decoder.decode(&frame.data).unwrap().unwrap();
                assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
                shown += 1;
            }
        }
        let expected = 16 << keep;
        assert!(
            (expected - 3..=expected + 3).contains(&shown),
            "{keep}: {shown}"
        );
    }
}

#[test]
fn bitrates_are_held_within_a_quarter_over_five_seconds() {
    for (width, height, kbps) in [(320, 180, 150), (640, 360, 500)] {
        let mut encoder = encoder(&[layer(width, height, kbps)], 1);
        let mut bytes = 0;
        for i in 0..(1 + 5 * FPS as u32) {
            let frames = encoder.encode(&busy(width, height, i), at(i), &[]).unwrap();
            bytes += frames.iter().map(|f| f.data.len()).sum::<usize>();
        }
        let got = bytes as f64 * 8.0 / 5.0 / 1000.0;
        let ratio = got / kbps as f64;
        assert!((0.75..=1.25).contains(&ratio), "{kbps} kbps became {got}");
    }
}

#[test]
fn a_new_bitrate_is_followed_without_a_key_frame() {
    let mut encoder = encoder(&[layer(320, 180, 400)], 1);
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
    assert!((600..=1000).contains(&before), "{seconds:?}");
    assert!((225..=375).contains(&after), "{seconds:?}");
}

#[test]
fn a_slow_camera_still_gets_its_bitrate() {
    let mut encoder = encoder(&[layer(320, 180, 300)], 1);
    let mut bytes = 0;
    for i in 0..60u32 {
        let time = Time::from_millis(u64::from(i) * 100);
        let frames = encoder.encode(&busy(320, 180, i), time, &[]).unwrap();
        if i >= 20 {
            bytes += frames.iter().map(|f| f.data.len()).sum::<usize>();
        }
    }
    let kbps = bytes as f64 * 8.0 / 4000.0;
    assert!(kbps > 210.0, "{kbps}");
}

#[test]
fn key_frames_come_on_demand_in_the_asked_layer_only() {
    let pattern = TestPattern::new(640, 360, 0);
    let layers = [layer(320, 180, 150), layer(640, 360, 500)];
    let mut encoder = encoder(&layers, 2);
    for i in 0..40 {
        let ask = [false, i == 21];
        let frames = encoder.encode(&pattern.frame(i), at(i), &ask).unwrap();
        for frame in frames {
            let wanted = i == 0 || (i == 21 && frame.layer == 1);
            assert_eq!(frame.keyframe, wanted, "frame {i} layer {}", frame.layer);
            let types = nal_types(&frame.data);
            if wanted {
                assert_eq!(types[..3], [7, 8, 5]);
                // Baseline, constraint_set1: constrained baseline, as 42e0xx offers.
                assert_eq!(frame.data[5], 0x42);
                assert_eq!(frame.data[6] & 0x40, 0x40);
            } else {
                assert!(types.iter().all(|&t| t == 1), "{types:?}");
            }
        }
    }
}

#[test]
fn a_layer_switched_on_again_begins_with_a_key_frame() {
    let pattern = TestPattern::new(640, 360, 0);
    let mut encoder = encoder(&[layer(320, 180, 150), layer(640, 360, 500)], 1);
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
    assert!(
        seen.iter()
            .filter(|(_, f)| f.layer == 0 && f.keyframe)
            .count()
            == 1
    );
}

#[test]
fn pictures_of_any_size_fit_the_layers() {
    let mut encoder = encoder(&[layer(320, 180, 300)], 1);
    let mut decoder = Decoder::new().unwrap();
    for (i, (w, h)) in [(1280, 720), (640, 480), (2, 2), (100, 300)]
        .into_iter()
        .enumerate()
    {
        let p = I420::filled(w, h, [180, 128, 128]);
        for frame in encoder.encode(&p, at(i as u32), &[]).unwrap() {
            let out = decoder.decode(&frame.data).unwrap().unwrap();
            assert_eq!(out.size(), (320, 180));
        }
    }
}

#[test]
fn the_decoder_follows_a_change_of_size() {
    let mut decoder = Decoder::new().unwrap();
    for (w, h) in [(320, 180), (640, 360), (180, 320), (320, 180)] {
        let mut encoder = encoder(&[layer(w, h, 300)], 1);
        let pattern = TestPattern::new(w, h, 9);
        for i in 0..3 {
            for frame in encoder.encode(&pattern.frame(i), at(i), &[]).unwrap() {
                let out = decoder.decode(&frame.data).unwrap().unwrap();
                assert_eq!(out.size(), (w, h));
                assert_eq!(read_counter(&out), Some(Mark { id: 9, counter: i }));
            }
        }
    }
}

#[test]
fn a_lost_frame_is_noticed_and_a_key_frame_heals() {
    let pattern = TestPattern::new(320, 180, 4);
    let mut encoder = encoder(&[layer(320, 180, 300)], 1);
    let mut decoder = Decoder::new().unwrap();
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
fn a_screen_stays_sharp() {
    let pattern = ScreenPattern::new(640, 360, 8);
    let mut encoder = Encoder::new(H264Config {
        layers: vec![LayerConfig {
            max_fps: 15,
            ..layer(640, 360, 600)
        }],
        temporal_layers: 1,
        screen: true,
    })
    .unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut last = 0.0;
    for i in 0..60 {
        let picture = pattern.frame(i);
        for frame in encoder.encode(&picture, at(i * 2), &[]).unwrap() {
            let out = decoder.decode(&frame.data).unwrap().unwrap();
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
            last = psnr_y(&picture, &out);
        }
    }
    assert!(last > 30.0, "{last}");
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

#[test]
fn impossible_configurations_are_refused() {
    let make = |layers: Vec<LayerConfig>, temporal_layers| {
        let config = H264Config {
            layers,
            temporal_layers,
            screen: false,
        };
        Encoder::new(config).map(|_| ())
    };
    assert_eq!(make(vec![layer(320, 180, 100)], 3), Ok(()));
    for (layers, temporal) in [
        (vec![], 1),
        (vec![layer(320, 180, 100); 5], 1),
        (vec![layer(321, 180, 100)], 1),
        (vec![layer(0, 0, 100)], 1),
        (vec![layer(32000, 180, 100)], 1),
        (vec![layer(320, 180, 100)], 0),
        (vec![layer(320, 180, 100)], 4),
        (
            vec![LayerConfig {
                max_fps: 0,
                ..layer(320, 180, 100)
            }],
            1,
        ),
    ] {
        assert_eq!(make(layers, temporal), Err(CodecError::Unsupported));
    }
}

#[test]
fn encoders_and_decoders_may_change_threads() {
    let mut encoder = encoder(&[layer(320, 180, 150)], 1);
    let picture = TestPattern::new(320, 180, 0).frame(1);
    let first = encoder.encode(&picture, at(0), &[]).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let thread = std::thread::spawn(move || {
        let out = decoder.decode(&first[0].data).unwrap();
        drop(decoder);
        (encoder.encode(&picture, at(1), &[]).unwrap(), out)
    });
    assert!(thread.join().unwrap().1.is_some());
}

#[test]
fn empty_and_oversized_units_are_refused() {
    let mut decoder = Decoder::new().unwrap();
    assert_eq!(decoder.decode(&[]), Err(CodecError::BadInput));
    assert_eq!(decoder.decode(&vec![0; 9 << 20]), Err(CodecError::BadInput));
}

/// A key frame and some that follow, of a small picture.
fn short_stream() -> Vec<Vec<u8>> {
    let pattern = TestPattern::new(96, 64, 0);
    let mut encoder = encoder(&[layer(96, 64, 200)], 1);
    (0..6)
        .flat_map(|i| encoder.encode(&pattern.frame(i), at(i), &[]).unwrap())
        .map(|f| f.data)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn broken_access_units_neither_crash_nor_hang(
        flips in prop::collection::vec((0usize..6, any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::of((0usize..6, any::<prop::sample::Index>())),
        gone in 0usize..12,
    ) {
        let mut units = short_stream();
        for (unit, at, byte) in flips {
            let unit = unit % units.len();
            let at = at.index(units[unit].len());
            units[unit][at] = byte;
        }
        if let Some((unit, at)) = cut {
            let unit = unit % units.len();
            let at = at.index(units[unit].len());
            units[unit].truncate(at);
        }
        let mut decoder = Decoder::new().unwrap();
        for (i, unit) in units.iter().enumerate() {
            if i != gone {
                let _ = decoder.decode(unit);
            }
        }
        // Whatever happened, a new stream from its key frame on is whole.
        let healed: Vec<_> = short_stream().iter().map(|u| decoder.decode(u)).collect();
        prop_assert!(healed.last().is_some_and(|r| matches!(r, Ok(Some(_)))), "{healed:?}");
    }

    #[test]
    fn random_bytes_neither_crash_nor_hang(
        units in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..6),
        kinds in prop::collection::vec(0u8..32, 6),
    ) {
        let mut decoder = Decoder::new().unwrap();
        for (unit, kind) in units.iter().zip(kinds) {
            let mut bytes = vec![0, 0, 0, 1, 0x60 | kind];
            bytes.extend(unit);
            let _ = decoder.decode(&bytes);
            let _ = decoder.decode(unit);
        }
    }
}
