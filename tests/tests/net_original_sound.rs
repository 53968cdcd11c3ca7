//! Original sound in a real meeting: what a musician plays in stereo is heard in stereo, and nothing is done to it.
#![allow(clippy::print_stdout, reason = "a report test prints what it measured")]

mod net_common;

use confab_client::pipeline::{MicrophoneSpec, SpeakerSpec, VoiceConfig};
use confab_dsp::generate::Tone;
use confab_dsp::tone_power;
use net_common::*;
use std::path::Path;
use std::time::Duration;

const LEFT: f32 = 440.0;
const RIGHT: f32 = 880.0;

/// Ten seconds of a tone on each side.
fn write_two_tones(path: &Path) {
    let (mut left, mut right) = (vec![0.0; 480_000], vec![0.0; 480_000]);
    Tone::new(LEFT, 0.3).fill(&mut left);
    Tone::new(RIGHT, 0.3).fill(&mut right);
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for (l, r) in left.iter().zip(&right) {
        writer.write_sample((l * 32767.0) as i16).unwrap();
        writer.write_sample((r * 32767.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// The last seconds of both sides of a recording.
fn last_of(path: &Path, seconds: usize) -> [Vec<f32>; 2] {
    let mut reader = hound::WavReader::open(path).unwrap();
    assert_eq!(reader.spec().channels, 2);
    let samples: Vec<f32> = reader
        .samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32768.0)
        .collect();
    let from = samples.len().saturating_sub(2 * 48_000 * seconds);
    let side = |n: usize| samples[from..].chunks_exact(2).map(|p| p[n]).collect();
    [side(0), side(1)]
}

#[test]
fn a_musicians_two_sides_are_heard_apart() {
    let house = House::open();
    let dir = house.dir.path();
    let (played, heard) = (dir.join("played.wav"), dir.join("heard.wav"));
    write_two_tones(&played);
    let ana = Coming {
        camera: None,
        microphone: Some(MicrophoneSpec::File {
            path: played,
            looped: true,
        }),
        voice: VoiceConfig::ORIGINAL,
        ..Coming::with_tone("ana", 0.0, 1)
    };
    // Ben speaks as usual, to be heard in the middle of nothing else.
    let ben = Coming {
        camera: None,
        ..Coming::with_tone("ben", 1500.0, 2)
    };
    let ana = ana.join(&house.host());
    let file = heard.clone();
    let ben = ben.join_with(&house.guest(), |media| {
        media.speaker = Some(SpeakerSpec::StereoFile(file));
    });
    ana.wait_joined();
    ben.wait_joined();
    wait(PATIENCE, "ben hears both tones, and ana hears ben", || {
        ben.hears(LEFT) && ben.hears(RIGHT) && ana.hears(1500.0)
    });
    std::thread::sleep(Duration::from_secs(6));
    ben.handle.leave();
    ana.handle.leave();

    let [left, right] = last_of(&heard, 4);
    let decibels = |own: f32, other: f32| 10.0 * (own / other.max(1e-9)).log10();
    let power = |side: &[f32], hz| tone_power(&side[..48_000], hz, 48_000);
    let apart = [
        decibels(power(&left, LEFT), power(&right, LEFT)),
        decibels(power(&right, RIGHT), power(&left, RIGHT)),
    ];
    println!("sides are {:.0} and {:.0} dB apart", apart[0], apart[1]);
    assert!(apart.iter().all(|db| *db > 30.0), "{apart:?}");
    // 0.3² / 2, where nothing made it louder or quieter.
    let level = power(&left, LEFT) / 0.045;
    assert!((0.7..1.3).contains(&level), "{level}");
}
