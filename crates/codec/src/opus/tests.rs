//! What goes through Opus.

use super::*;
use crate::{AudioDecoder, AudioEncoder};
use confab_base::{Bitrate, Duration};
use proptest::prelude::*;

const FRAME: usize = 960;

/// A rising tone of a buzzing voice: 100 to 3000 Hz over two seconds, two harmonics.
fn chirp(samples: usize) -> Vec<f32> {
    let mut phase = 0.0f64;
    (0..samples)
        .map(|i| {
            let hz = 100.0 + 2900.0 * (i % 96_000) as f64 / 96_000.0;
            phase += hz / SAMPLE_RATE as f64;
            let turn = phase * std::f64::consts::TAU;
            (0.3 * turn.sin() + 0.1 * (2.0 * turn).sin()) as f32
        })
        .collect()
}

/// Something like a vowel: 140 Hz and falling harmonics.
fn vowel(samples: usize) -> Vec<f32> {
    let harmonic = |i: usize, k: usize| {
        let turn = i as f32 * 140.0 * k as f32 / SAMPLE_RATE as f32;
        (turn.fract() * std::f32::consts::TAU).sin() / k as f32
    };
    (0..samples)
        .map(|i| 0.2 * (1..12).map(|k| harmonic(i, k)).sum::<f32>())
        .collect()
}

fn packets(encoder: &mut Encoder, pcm: &[f32], frame: usize) -> Vec<Vec<u8>> {
    let one = |frame: &[f32]| {
        let mut out = Vec::new();
        encoder.encode(frame, &mut out).unwrap();
        out
    };
    pcm.chunks_exact(frame).map(one).collect()
}

/// Best normalised correlation of `b` with `a` over the codec's possible delays.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let score = |delay: usize| {
        let pairs = a.iter().zip(&b[delay..]);
        let (mut ab, mut aa, mut bb) = (0.0, 0.0, 1e-9);
        for (x, y) in pairs {
            ab += x * y;
            aa += x * x;
            bb += y * y;
        }
        ab / (aa * bb).sqrt()
    };
    (0..700).map(score).fold(0.0, f32::max)
}

fn energy(pcm: &[f32]) -> f32 {
    pcm.iter().map(|s| s * s).sum::<f32>() / pcm.len() as f32
}

fn config(kbps: u64) -> OpusConfig {
    OpusConfig {
        bitrate: Bitrate::kbps(kbps),
        ..OpusConfig::default()
    }
}

#[test]
fn sound_comes_back_the_same() {
    let pcm = chirp(96_000);
    for (kbps, bound) in [(24, 0.9), (64, 0.97)] {
        let mut encoder = Encoder::new(config(kbps)).unwrap();
        let mut decoder = Decoder::new(1).unwrap();
        let (mut heard, mut out, mut bytes) = (Vec::new(), Vec::new(), 0);
        for packet in packets(&mut encoder, &pcm, FRAME) {
            bytes += packet.len();
            decoder.decode(&packet, &mut out).unwrap();
            assert_eq!(out.len(), FRAME);
            heard.extend(&out);
        }
        let c = correlation(&pcm[..90_000], &heard);
        assert!(c > bound, "{kbps} kbps: {c}");
        let rate = bytes as f64 * 8.0 / 2.0 / 1000.0;
        assert!(rate < kbps as f64 * 1.4, "{rate}");
    }
}

#[test]
fn stereo_keeps_its_sides_apart() {
    let left = chirp(48_000);
    let pcm: Vec<f32> = left.iter().flat_map(|&s| [s, 0.0]).collect();
    let mut encoder = Encoder::new(OpusConfig {
        channels: 2,
        ..config(96)
    })
    .unwrap();
    let mut decoder = Decoder::new(2).unwrap();
    let (mut heard, mut out) = (Vec::new(), Vec::new());
    for packet in packets(&mut encoder, &pcm, FRAME * 2) {
        decoder.decode(&packet, &mut out).unwrap();
        heard.extend_from_slice(&out);
    }
    let side = |n: usize| -> Vec<f32> { heard.chunks_exact(2).map(|p| p[n]).collect() };
    assert!(energy(&side(0)) > 100.0 * energy(&side(1)));
}

#[test]
fn music_in_packets_of_10_ms_keeps_its_sides_apart_and_its_highs() {
    let tone = |hz: f32, i: usize| (i as f32 * hz / 48_000.0 * std::f32::consts::TAU).sin();
    let pcm: Vec<f32> = (0..96_000)
        .flat_map(|i| [0.2 * tone(440.0, i), 0.2 * tone(15_000.0, i)])
        .collect();
    let mut encoder = Encoder::new(OpusConfig::music()).unwrap();
    encoder.set_channels(2);
    let mut decoder = Decoder::new(2).unwrap();
    let (mut heard, mut out, mut bytes) = (Vec::new(), Vec::new(), 0);
    for packet in packets(&mut encoder, &pcm, 2 * 480) {
        assert!(packet[0] & 4 != 0, "two channels");
        assert!(packet[0] & 0x80 != 0, "no speech model");
        bytes += packet.len();
        decoder.decode(&packet, &mut out).unwrap();
        assert_eq!(out.len(), 2 * 480);
        heard.extend_from_slice(&out);
    }
    let side = |n: usize| -> Vec<f32> { heard[9600..].chunks_exact(2).map(|p| p[n]).collect() };
    for n in 0..2 {
        assert!((energy(&side(n)) / 0.02 - 1.0).abs() < 0.05, "side {n}");
    }
    let kbps = bytes as f64 * 8.0 / 2.0 / 1000.0;
    assert!((90.0..160.0).contains(&kbps), "{kbps} kbps");
}

#[test]
fn an_encoder_of_two_channels_can_send_one_and_goes_back() {
    let pcm: Vec<f32> = chirp(480 * 20).iter().flat_map(|&s| [s, s]).collect();
    let mut encoder = Encoder::new(OpusConfig::music()).unwrap();
    for channels in [2, 1, 2, 9] {
        encoder.set_channels(channels);
        let all = packets(&mut encoder, &pcm, 2 * 480);
        let stereo = all.last().unwrap()[0] & 4 != 0;
        assert_eq!(stereo, channels > 1);
    }
}

#[test]
fn frames_of_every_allowed_length_are_taken_and_no_others() {
    let mut encoder = Encoder::new(OpusConfig::default()).unwrap();
    let mut decoder = Decoder::new(1).unwrap();
    let (mut packet, mut out) = (Vec::new(), Vec::new());
    for samples in [480, 960, 1920, 2880] {
        encoder.encode(&chirp(samples), &mut packet).unwrap();
        decoder.decode(&packet, &mut out).unwrap();
        assert_eq!(out.len(), samples);
    }
    for samples in [0, 1, 479, 961, 48_000] {
        let bad = encoder.encode(&chirp(samples), &mut packet);
        assert_eq!(bad, Err(CodecError::BadInput));
        assert!(packet.is_empty());
    }
    let mut stereo = Encoder::new(OpusConfig {
        channels: 2,
        ..OpusConfig::default()
    })
    .unwrap();
    let bad = stereo.encode(&chirp(961), &mut packet);
    assert_eq!(bad, Err(CodecError::BadInput));
}

#[test]
fn concealment_has_the_length_asked_for_and_goes_on_with_the_sound() {
    let pcm = vowel(48_000);
    let mut encoder = Encoder::new(OpusConfig::default()).unwrap();
    let mut decoder = Decoder::new(1).unwrap();
    let mut out = Vec::new();
    for packet in packets(&mut encoder, &pcm, FRAME) {
        decoder.decode(&packet, &mut out).unwrap();
    }
    let spoken = energy(&out);
    decoder.conceal(FRAME, &mut out).unwrap();
    assert_eq!(out.len(), FRAME);
    assert!(energy(&out) > spoken / 10.0, "{} of {spoken}", energy(&out));
    for samples in [1, 120, 121, 480, 5000, 48_000] {
        decoder.conceal(samples, &mut out).unwrap();
        assert_eq!(out.len(), samples);
    }
    // Long gaps sink to what the decoder takes for the background, here a vowel that never paused.
    let tail = energy(&out[40_000..]);
    assert!(tail < spoken / 15.0, "{tail} of {spoken}");
    assert_eq!(decoder.conceal(0, &mut out), Err(CodecError::BadInput));
    let endless = decoder.conceal(usize::MAX, &mut out);
    assert_eq!(endless, Err(CodecError::BadInput));
}

#[test]
fn the_next_packet_brings_back_a_lost_one() {
    let pcm = chirp(96_000);
    let mut encoder = Encoder::new(OpusConfig {
        expected_loss: 0.3,
        ..config(32)
    })
    .unwrap();
    let all = packets(&mut encoder, &pcm, FRAME);
    let (mut with_fec, mut concealed, mut out) = (Vec::new(), Vec::new(), Vec::new());
    let mut decoders = [Decoder::new(1).unwrap(), Decoder::new(1).unwrap()];
    for (i, packet) in all.iter().enumerate() {
        if i % 3 == 1 && i + 1 < all.len() {
            decoders[0]
                .decode_fec(&all[i + 1], FRAME, &mut out)
                .unwrap();
            assert_eq!(out.len(), FRAME);
            with_fec.extend(&out);
            decoders[1].conceal(FRAME, &mut out).unwrap();
            concealed.extend(&out);
        } else {
            decoders[0].decode(packet, &mut out).unwrap();
            with_fec.extend(&out);
            decoders[1].decode(packet, &mut out).unwrap();
            concealed.extend(&out);
        }
    }
    let fec = correlation(&pcm[..90_000], &with_fec);
    let plc = correlation(&pcm[..90_000], &concealed);
    assert!(fec > 0.85 && fec > plc, "{fec} {plc}");
}

/// With deep redundancy of half a second.
fn deep_encoder() -> Encoder {
    let mut encoder = Encoder::new(OpusConfig {
        expected_loss: 0.5,
        inband_fec: false,
        ..config(48)
    })
    .unwrap();
    encoder.set_deep_redundancy(Duration::from_millis(500));
    encoder
}

fn deep_packets(pcm: &[f32]) -> Vec<Vec<u8>> {
    packets(&mut deep_encoder(), pcm, FRAME)
}

#[test]
fn a_packet_describes_the_half_second_before_it() {
    let all = deep_packets(&vowel(96_000));
    let mut decoder = Decoder::new(1).unwrap();
    let span = decoder.deep_redundancy(&all[80]);
    assert!(span >= SAMPLE_RATE * 4 / 10, "{span}");
    let mut plain = Encoder::new(OpusConfig::default()).unwrap();
    let without = packets(&mut plain, &vowel(9600), FRAME);
    assert_eq!(decoder.deep_redundancy(&without[9]), 0);
}

#[test]
fn what_was_encoded_before_a_reset_is_not_described() {
    let mut encoder = deep_encoder();
    packets(&mut encoder, &vowel(96_000), FRAME);
    encoder.reset();
    let after = packets(&mut encoder, &vowel(96_000), FRAME);
    let mut decoder = Decoder::new(1).unwrap();
    for packet in &after[..4] {
        let span = decoder.deep_redundancy(packet);
        assert!(span < SAMPLE_RATE / 5, "{span}");
    }
    let span = decoder.deep_redundancy(&after[80]);
    assert!(span >= SAMPLE_RATE * 4 / 10, "the setting stays: {span}");
}

#[test]
fn a_long_gap_is_filled_from_what_the_next_packet_describes() {
    let all = deep_packets(&vowel(96_000));
    let mut decoder = Decoder::new(1).unwrap();
    let mut out = Vec::new();
    for packet in &all[..60] {
        decoder.decode(packet, &mut out).unwrap();
    }
    // Concealment would have faded away after 300 ms.
    let lost = 20;
    let next = &all[60 + lost];
    let mut filled = Vec::new();
    for gap in (1..=lost).rev() {
        decoder
            .decode_deep(next, gap * FRAME, FRAME, &mut out)
            .unwrap();
        assert_eq!(out.len(), FRAME);
        filled.extend(&out);
    }
    let end = energy(&filled[filled.len() - 4 * FRAME..]);
    let whole = energy(&vowel(48_000));
    assert!(end > 0.2 * whole && end < 5.0 * whole, "{end} {whole}");
}

#[test]
fn damaged_descriptions_break_nothing() {
    let packet = deep_packets(&vowel(48_000)).pop().unwrap();
    let mut decoder = Decoder::new(1).unwrap();
    let mut out = Vec::new();
    for at in 0..packet.len() {
        let mut damaged = packet.clone();
        damaged[at] ^= 1 << (at % 8);
        damaged.truncate(packet.len() - at / 7);
        let _ = decoder.deep_redundancy(&damaged);
        let _ = decoder.decode_deep(&damaged, 48_000, FRAME, &mut out);
        assert!(out.iter().all(|s| s.is_finite()));
    }
}

#[test]
fn asking_for_what_is_not_described_is_an_error() {
    let all = deep_packets(&vowel(48_000));
    let mut plain = Encoder::new(OpusConfig::default()).unwrap();
    let without = packets(&mut plain, &vowel(9600), FRAME);
    let mut decoder = Decoder::new(1).unwrap();
    let mut out = vec![1.0];
    for (packet, before, samples) in [
        (&without[5], 960, 960),
        (&all[30], 960, 0),
        (&all[30], 960, 961),
        (&all[30], 480, 960),
        (&all[30], usize::MAX, 960),
        (&Vec::new(), 960, 960),
    ] {
        let result = decoder.decode_deep(packet, before, samples, &mut out);
        assert!(result.is_err() && out.is_empty(), "{before} {samples}");
    }
}

#[test]
fn several_lost_frames_before_a_packet_are_all_filled() {
    let mut encoder = Encoder::new(OpusConfig::default()).unwrap();
    let all = packets(&mut encoder, &vowel(9600), FRAME);
    let mut decoder = Decoder::new(1).unwrap();
    let mut out = Vec::new();
    for samples in [100, 480, 960, 2000, 2880] {
        decoder.decode_fec(&all[5], samples, &mut out).unwrap();
        assert!(
            out.len().abs_diff(samples) < UNIT,
            "{samples}: {}",
            out.len()
        );
    }
}

#[test]
fn settings_out_of_range_are_brought_in_or_refused() {
    for channels in [0, 3, 255] {
        assert!(Decoder::new(channels).is_err());
        let config = OpusConfig {
            channels,
            ..OpusConfig::default()
        };
        assert!(Encoder::new(config).is_err());
    }
    let mut encoder = Encoder::new(OpusConfig::default()).unwrap();
    for bitrate in [0, 1, u64::MAX] {
        encoder.set_bitrate(Bitrate(bitrate));
    }
    for loss in [-1.0, f32::NAN, 7.0] {
        encoder.set_expected_loss(loss);
    }
    let mut packet = Vec::new();
    encoder.encode(&[f32::NAN; FRAME], &mut packet).unwrap();
    encoder.encode(&[1e30; FRAME], &mut packet).unwrap();
    encoder.reset();
    encoder.encode(&chirp(FRAME), &mut packet).unwrap();
}

#[test]
fn a_reset_decoder_forgets() {
    let mut encoder = Encoder::new(OpusConfig::default()).unwrap();
    let all = packets(&mut encoder, &vowel(9600), FRAME);
    let mut decoder = Decoder::new(1).unwrap();
    let mut out = Vec::new();
    all.iter()
        .for_each(|p| decoder.decode(p, &mut out).unwrap());
    decoder.reset();
    decoder.conceal(FRAME, &mut out).unwrap();
    assert_eq!(energy(&out), 0.0);
}

#[test]
fn garbage_is_an_error_and_leaves_nothing_in_the_buffer() {
    let mut decoder = Decoder::new(1).unwrap();
    let mut out = vec![1.0];
    // No bytes; a frame count of zero; two frames of equal size in an odd number of bytes; a length beyond the end.
    for bad in [&[][..], &[3, 0], &[1, 2, 3, 4], &[2, 250]] {
        assert!(decoder.decode(bad, &mut out).is_err(), "{bad:?}");
        assert!(out.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_crash_the_decoder(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
        samples in 0usize..6000,
    ) {
        let mut decoder = Decoder::new(2).unwrap();
        let mut out = Vec::new();
        for packet in packets {
            if decoder.decode(&packet, &mut out).is_ok() {
                prop_assert!(!out.is_empty() && out.len() <= MAX_FRAME * 2);
            }
            let _ = decoder.decode_fec(&packet, samples, &mut out);
            let _ = decoder.conceal(samples, &mut out);
            let _ = decoder.deep_redundancy(&packet);
            let _ = decoder.decode_deep(&packet, 4800, samples / 120 * 120, &mut out);
        }
    }
}
