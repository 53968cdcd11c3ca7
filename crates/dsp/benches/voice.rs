//! What 10 ms of voice cost: `cargo bench -p confab-dsp`. A core has 10,000 µs for them.

use confab_dsp::generate::Speech;
use confab_dsp::{
    FRAME, Frame, Mixer, NoiseLevel, Resampler, Stretcher, VoiceChain, VoiceConfig, correlate,
};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const BYPASS: VoiceConfig = VoiceConfig::BYPASS;

#[divan::bench(args = ["all", "echo only", "noise only", "measure only"])]
fn voice_chain(bencher: Bencher, stages: &str) {
    let config = match stages {
        "all" => VoiceConfig::default(),
        "echo only" => VoiceConfig {
            echo_cancel: true,
            ..BYPASS
        },
        "noise only" => VoiceConfig {
            noise_suppress: Some(NoiseLevel::Moderate),
            ..BYPASS
        },
        _ => BYPASS,
    };
    let mut chain = VoiceChain::new(config);
    let (mut near, mut far) = (Speech::new(1), Speech::new(2));
    let mut input = || {
        let (mut a, mut b): (Frame, Frame) = ([0.0; FRAME], [0.0; FRAME]);
        near.fill(&mut a);
        far.fill(&mut b);
        (a, b)
    };
    let frames: Vec<(Frame, Frame)> = (0..500).map(|_| input()).collect();
    let mut i = 0;
    bencher.bench_local(|| {
        let (mut near, far) = frames[i % frames.len()];
        i += 1;
        chain.process(&mut near, &far)
    });
}

#[divan::bench(args = [2, 10, 50])]
fn mix(bencher: Bencher, voices: usize) {
    let mut mixer = Mixer::default();
    let (frame, mut out) = ([0.1; FRAME], [0.0; FRAME]);
    bencher.bench_local(|| {
        (0..voices).for_each(|_| mixer.add(black_box(&frame), 1.0, 1.0));
        mixer.finish(&mut out);
    });
}

#[divan::bench(args = [44_100, 16_000, 96_000])]
fn resample_10_ms_to_48_khz(bencher: Bencher, rate: u32) {
    let mut resampler = Resampler::new(rate, 48_000, 1).unwrap();
    let (input, mut out) = (vec![0.1; rate as usize / 100], Vec::with_capacity(2048));
    bencher.bench_local(|| {
        out.clear();
        resampler.process(black_box(&input), &mut out);
    });
}

#[divan::bench]
fn stretch_20_ms(bencher: Bencher) {
    let mut stretcher = Stretcher::new(1);
    let mut packet = vec![0.0; 960];
    Speech::new(3).fill(&mut packet);
    bencher
        .with_inputs(|| packet.clone())
        .bench_local_values(|mut packet| stretcher.faster(&mut packet));
}

#[divan::bench]
fn correlate_1_s(bencher: Bencher) {
    let mut signal = vec![0.0; 48_000];
    Speech::new(4).fill(&mut signal);
    bencher.bench_local(|| correlate(&signal, &signal, 4800));
}
