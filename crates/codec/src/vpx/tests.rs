//! What goes through encoder and decoder together.

use super::*;
use crate::{CodecError, EncodedFrame, LayerConfig, VideoConfig, VideoDecoder, VideoEncoder};
use confab_base::{Bitrate, Time, VideoCodec};
use confab_picture::{I420, Mark, ScreenPattern, TestPattern, ladder, psnr_y, read_counter};

use confab_rtp::{FrameAssembler, VideoPacket, vp8};

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
    Encoder::new(VideoConfig {
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

/// A picture that costs bits at any rate: noise over a moving scene.
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

fn decode(decoder: &mut Decoder, frame: &EncodedFrame) -> I420 {
    decoder.decode(&frame.data).unwrap().unwrap()
}

/// Frames of one layer with the number of the picture each is of.
fn stream(temporal_layers: u8, pictures: u32, kbps: u64) -> Vec<(u32, EncodedFrame)> {
    let mut encoder = encoder(&[layer(640, 360, kbps)], temporal_layers);
    (0..pictures)
        .flat_map(|i| {
            let frames = encoder.encode(&busy(640, 360, i), at(i), &[]).unwrap();
            frames.into_iter().map(move |f| (i, f))
        })
        .collect()
}

#[test]
fn every_rung_shows_the_scene_and_its_counter() {
    let pattern = TestPattern::new(1280, 720, 6);
    let mut encoder = encoder(&rungs(), 1);
    let mut decoders: Vec<Decoder> = (0..3).map(|_| Decoder::vp8().unwrap()).collect();
    let mut shown = [0; 3];
    let mut worst = [f64::INFINITY; 3];
    for i in 0..45 {
        let picture = pattern.frame(i);
        for frame in encoder.encode(&picture, at(i), &[]).unwrap() {
            let out = decode(&mut decoders[frame.layer], &frame);
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
    let mut decoder = Decoder::vp8().unwrap();
    let mut read = 0;
    for i in 0..90 {
        for frame in encoder.encode(&pattern.frame(i), at(i), &[]).unwrap() {
            let out = decode(&mut decoder, &frame);
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
            read += 1;
        }
    }
    assert!(read > 60, "{read}");
}

#[test]
fn without_higher_temporal_layers_the_rest_is_the_same_to_the_bit() {
    for layers in [2u8, 3] {
        let frames = stream(layers, 48, 800);
        let mut decoder = Decoder::vp8().unwrap();
        let whole: Vec<I420> = frames
            .iter()
            .map(|(_, f)| decode(&mut decoder, f))
            .collect();
        for keep in 0..layers - 1 {
            let mut decoder = Decoder::vp8().unwrap();
            let mut shown = 0usize;
            for ((_, frame), whole) in frames.iter().zip(&whole) {
                if frame.temporal <= keep {
                    assert!(decode(&mut decoder, frame) == *whole, "it drifted");
                    shown += 1;
                }
            }
            let expected = frames.len() >> (layers - 1 - keep);
            assert!(shown.abs_diff(expected) <= 1, "{layers} {keep}: {shown}");
        }
    }
}

#[test]
fn discardable_frames_can_be_dropped_and_sync_frames_joined_at() {
    let frames = stream(3, 48, 800);
    let mut decoder = Decoder::vp8().unwrap();
    let whole: Vec<I420> = frames
        .iter()
        .map(|(_, f)| decode(&mut decoder, f))
        .collect();
    let mut decoder = Decoder::vp8().unwrap();
    let mut joined = 0;
    for ((_, frame), whole) in frames.iter().zip(&whole) {
        let is_top = frame.temporal == 2;
        assert_eq!(frame.discardable, is_top);
        // The base, and whatever says that it needs no more.
        if frame.temporal == 0 || (is_top && frame.layer_sync) {
            assert!(decode(&mut decoder, frame) == *whole);
            joined += usize::from(is_top);
        }
    }
    assert!(joined >= 10, "{joined}");
}

#[test]
fn frames_come_through_packets_with_and_without_their_higher_layers() {
    for keep in [2, 1, 0] {
        let mut packetizer = vp8::Packetizer::new(7);
        let mut assembler = FrameAssembler::new(512, 1 << 20);
        let mut decoder = Decoder::vp8().unwrap();
        let mut seq = 0;
        for (i, frame) in stream(3, 24, 800) {
            let mut payloads = Vec::new();
            let outgoing = vp8::OutgoingFrame {
                data: &frame.data,
                temporal: Some(frame.temporal),
                layer_sync: frame.layer_sync,
                non_reference: frame.discardable,
            };
            packetizer.packetize(outgoing, 1150, &mut payloads);
            if frame.temporal > keep {
                continue; // left out on the way, and its numbers with it
            }
            let last = payloads.len() - 1;
            for (n, payload) in payloads.into_iter().enumerate() {
                let packet = VideoPacket {
                    codec: VideoCodec::Vp8,
                    tag: None,
                    seq,
                    timestamp: i * 3000,
                    marker: n == last,
                    payload,
                };
                assert!(assembler.insert(packet, u64::from(i) * 3000, Time::ZERO));
                seq += 1;
            }
            if i == 0 {
                assembler.skip_to_keyframe();
            }
            let unit = assembler.take().unwrap().unwrap();
            assert_eq!((unit.keyframe, &unit.data), (i == 0, &frame.data));
            assert!(decoder.decode(&unit.data).unwrap().is_some());
        }
    }
}

#[test]
fn a_receiver_of_the_base_alone_gets_about_two_fifths_of_the_rate() {
    let frames = stream(3, 6 * FPS as u32, 600);
    let late = frames.iter().filter(|(i, _)| *i >= FPS as u32);
    let (mut base, mut all) = (0, 0);
    for (_, frame) in late {
        all += frame.data.len();
        base += if frame.temporal == 0 {
            frame.data.len()
        } else {
            0
        };
    }
    let share = base as f64 / all as f64;
    assert!((0.3..=0.5).contains(&share), "{share}");
}

#[test]
fn bitrates_are_held_within_a_quarter_over_five_seconds() {
    for (width, height, kbps, temporal) in [
        (320, 180, 150, 1),
        (640, 360, 500, 1),
        (640, 360, 500, 2),
        (640, 360, 500, 3),
    ] {
        let mut encoder = encoder(&[layer(width, height, kbps)], temporal);
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

#[test]
fn a_new_bitrate_is_followed_without_a_key_frame() {
    for temporal in [1, 3] {
        let mut encoder = encoder(&[layer(320, 180, 400)], temporal);
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

#[test]
fn a_rate_far_too_low_leaves_frames_out_and_never_the_base_for_long() {
    let frames = stream(3, 8 * FPS as u32, 60);
    let numbers: Vec<u32> = frames.iter().map(|(i, _)| *i).collect();
    assert!(numbers.len() < 5 * FPS as usize, "{}", numbers.len());
    let base: Vec<u32> = frames
        .iter()
        .filter(|(_, f)| f.temporal == 0)
        .map(|(i, _)| *i)
        .collect();
    assert!(base.len() * 5 > numbers.len(), "{base:?} of {numbers:?}");
    // However many are left out, what is there decodes.
    let mut decoder = Decoder::vp8().unwrap();
    frames.iter().for_each(|(_, f)| {
        decode(&mut decoder, f);
    });
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
    assert!((210.0..=390.0).contains(&kbps), "{kbps}");
}

#[test]
fn a_clock_that_jumps_leaves_the_rate_as_it_is() {
    let mut encoder = encoder(&[layer(320, 180, 300)], 1);
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

#[test]
fn key_frames_come_on_demand_in_the_asked_layer_only() {
    let pattern = TestPattern::new(640, 360, 0);
    let layers = [layer(320, 180, 150), layer(640, 360, 500)];
    for temporal in [1, 2, 3] {
        let mut encoder = encoder(&layers, temporal);
        for i in 0..40 {
            let ask = [false, i == 21];
            let frames = encoder.encode(&pattern.frame(i), at(i), &ask).unwrap();
            for frame in frames {
                let wanted = i == 0 || (i == 21 && frame.layer == 1);
                assert_eq!(frame.keyframe, wanted, "frame {i} layer {}", frame.layer);
                assert_eq!(frame.data[0] & 1 == 0, wanted);
                if wanted {
                    assert_eq!(frame.temporal, 0);
                    let mut fresh = Decoder::vp8().unwrap();
                    assert_eq!(
                        read_counter(&decode(&mut fresh, &frame)).map(|m| m.counter),
                        Some(i)
                    );
                }
            }
        }
    }
}

#[test]
fn a_layer_switched_on_again_begins_with_a_key_frame() {
    let pattern = TestPattern::new(640, 360, 0);
    let mut encoder = encoder(&[layer(320, 180, 150), layer(640, 360, 500)], 3);
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

#[test]
fn pictures_of_any_size_fit_the_layers() {
    let mut encoder = encoder(&[layer(320, 180, 300)], 1);
    let mut decoder = Decoder::vp8().unwrap();
    for (i, (w, h)) in [(1280, 720), (640, 480), (2, 2), (100, 300)]
        .into_iter()
        .enumerate()
    {
        let p = I420::filled(w, h, [180, 128, 128]);
        for frame in encoder.encode(&p, at(i as u32), &[]).unwrap() {
            assert_eq!(decode(&mut decoder, &frame).size(), (320, 180));
        }
    }
}

#[test]
fn the_decoder_follows_a_change_of_size() {
    let mut decoder = Decoder::vp8().unwrap();
    for (w, h) in [(320, 180), (640, 360), (180, 320), (320, 180)] {
        let mut encoder = encoder(&[layer(w, h, 300)], 1);
        let pattern = TestPattern::new(w, h, 9);
        for i in 0..3 {
            for frame in encoder.encode(&pattern.frame(i), at(i), &[]).unwrap() {
                let out = decode(&mut decoder, &frame);
                assert_eq!(out.size(), (w, h));
                assert_eq!(read_counter(&out), Some(Mark { id: 9, counter: i }));
            }
        }
    }
}

#[test]
fn odd_sizes_of_other_makers_lose_their_last_row_and_column() {
    let mut frame = stream(1, 1, 500).remove(0).1;
    let even = decode(&mut Decoder::vp8().unwrap(), &frame);
    // 639 x 359 has as many macroblocks as 640 x 360: only the crop is another.
    frame.data[6..10].copy_from_slice(&[0x7f, 0x02, 0x67, 0x01]);
    let odd = decode(&mut Decoder::vp8().unwrap(), &frame);
    assert_eq!(odd.size(), (638, 358));
    let mut rows = odd.y().chunks(638).zip(even.y().chunks(640));
    assert!(rows.all(|(odd, even)| odd == &even[..638]));
}

#[test]
fn a_screen_stays_sharp() {
    let pattern = ScreenPattern::new(640, 360, 8);
    let mut encoder = Encoder::new(VideoConfig {
        layers: vec![LayerConfig {
            max_fps: 15,
            ..layer(640, 360, 600)
        }],
        temporal_layers: 1,
        screen: true,
    })
    .unwrap();
    let mut decoder = Decoder::vp8().unwrap();
    let mut last = 0.0;
    for i in 0..60 {
        let picture = pattern.frame(i);
        for frame in encoder.encode(&picture, at(i * 2), &[]).unwrap() {
            let out = decode(&mut decoder, &frame);
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i));
            last = psnr_y(&picture, &out);
        }
    }
    assert!(last > 30.0, "{last}");
}

#[test]
fn impossible_configurations_are_refused() {
    let make = |layers: Vec<LayerConfig>, temporal_layers| {
        let config = VideoConfig {
            layers,
            temporal_layers,
            screen: false,
        };
        Encoder::new(config).map(|_| ())
    };
    assert_eq!(make(vec![layer(320, 180, 100)], 3), Ok(()));
    assert_eq!(make(vec![layer(16, 16, 100)], 3), Ok(()));
    for (layers, temporal) in [
        (vec![], 1),
        (vec![layer(320, 180, 100); 5], 1),
        (vec![layer(321, 180, 100)], 1),
        (vec![layer(320, 181, 100)], 1),
        (vec![layer(2, 2, 100)], 1),
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
    let mut decoder = Decoder::vp8().unwrap();
    let thread = std::thread::spawn(move || {
        let out = decoder.decode(&first[0].data).unwrap();
        drop(decoder);
        (encoder.encode(&picture, at(1), &[]).unwrap(), out)
    });
    assert!(thread.join().unwrap().1.is_some());
}

/// A package is to run where no libvpx, or another one, is installed.
#[cfg(target_os = "linux")]
#[test]
fn libvpx_is_in_the_program() {
    let _ = Decoder::vp8().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(
        !maps.contains("libvpx"),
        "it was linked as a shared library"
    );
}
