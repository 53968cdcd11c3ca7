//! The voice chain as a filter for programs: frames of 480 near and 480 far samples (`f32`, little endian, 48 kHz) on standard input, frames of 480 on standard output. `cargo xtask bench
//! voice` feeds it, also with the frame it got last, to close a loop.
//!
//! Arguments: `ours` or `sonora`, then any of `learned` (with the weights in `~/.cache/confab/models/deepfilter3.f32`), `gtcrn` (the same with those in `gtcrn.f32`), `noecho`, `nonoise`, `nogain`, `state`. At the end it says on standard error how many microseconds of CPU a frame took.

use confab_dsp::{FRAME, Frame, LearnedNoise, NoiseLevel, VoiceChain, VoiceConfig};
use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate,
    NoiseSuppression, NoiseSuppressionLevel, Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};
use std::io::{Read, Write};
use std::time::Instant;

/// Takes near and far, leaves the cleaned frame in near.
type Chain = Box<dyn FnMut(&mut Frame, &Frame)>;

struct Switches {
    echo: bool,
    noise: bool,
    gain: bool,
    state: bool,
    /// Name of the file of weights.
    learned: Option<&'static str>,
}

fn ours(on: &Switches) -> Chain {
    let mut chain = VoiceChain::new(VoiceConfig {
        echo_cancel: on.echo,
        noise_suppress: on.noise.then_some(NoiseLevel::High),
        gain_control: on.gain,
        learned: on.learned.is_some(),
        ..VoiceConfig::default()
    });
    if let Some(file) = on.learned {
        chain.set_learned(weights(file));
    }
    let (state, mut frames) = (on.state, 0u32);
    Box::new(move |near, far| {
        chain.process(near, far);
        frames += 1;
        if state && frames.is_multiple_of(20) {
            eprintln!("{:.1} {:?}", f64::from(frames) / 100.0, chain.echo_state());
        }
    })
}

/// The learned engine, or nothing and a word why.
fn weights(file: &str) -> Option<LearnedNoise> {
    let home = std::env::var_os("HOME")?;
    let path = std::path::Path::new(&home)
        .join(".cache/confab/models")
        .join(file);
    let bytes = std::fs::read(&path)
        .inspect_err(|e| eprintln!("{}: {e}", path.display()))
        .ok()?;
    LearnedNoise::new(&bytes)
        .inspect_err(|e| eprintln!("{}: {e}", path.display()))
        .ok()
}

/// The port of the usual chain, for comparison.
fn sonora(on: &Switches) -> Chain {
    let mono = StreamConfig::new(confab_dsp::SAMPLE_RATE, 1);
    let config = Config {
        pipeline: Pipeline {
            maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
            ..Pipeline::default()
        },
        high_pass_filter: Some(HighPassFilter::default()),
        echo_canceller: on.echo.then(EchoCanceller::default),
        noise_suppression: on.noise.then(|| NoiseSuppression {
            level: NoiseSuppressionLevel::Moderate,
            ..NoiseSuppression::default()
        }),
        gain_controller2: on.gain.then(|| GainController2 {
            adaptive_digital: Some(AdaptiveDigital::default()),
            ..GainController2::default()
        }),
        ..Config::default()
    };
    let mut chain = AudioProcessing::builder()
        .config(config)
        .capture_config(mono)
        .render_config(mono)
        .build();
    Box::new(move |near, far| {
        let (mut played, mut out) = ([0.0; FRAME], [0.0; FRAME]);
        let ok = chain.process_render_f32(&[far], &mut [&mut played]).is_ok()
            && chain
                .process_capture_f32(&[&near[..]], &mut [&mut out])
                .is_ok();
        if ok {
            *near = out;
        }
    })
}

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|w| w == word);
    let on = Switches {
        echo: !has("noecho"),
        noise: !has("nonoise"),
        gain: !has("nogain"),
        state: has("state"),
        learned: match () {
            () if has("gtcrn") => Some("gtcrn.f32"),
            () if has("learned") => Some("deepfilter3.f32"),
            () => None,
        },
    };
    let mut chain = if has("sonora") {
        sonora(&on)
    } else {
        ours(&on)
    };
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut bytes = [0u8; 8 * FRAME];
    let (mut spent, mut frames) = (0.0, 0u32);
    while input.read_exact(&mut bytes).is_ok() {
        let sample = |i: usize| f32::from_le_bytes(std::array::from_fn(|b| bytes[4 * i + b]));
        let mut near: Frame = std::array::from_fn(sample);
        let far: Frame = std::array::from_fn(|i| sample(FRAME + i));
        let start = Instant::now();
        chain(&mut near, &far);
        spent += start.elapsed().as_secs_f64();
        frames += 1;
        for sample in near {
            output.write_all(&sample.to_le_bytes())?;
        }
        output.flush()?;
    }
    eprintln!("cpu_us {:.2}", spent * 1e6 / f64::from(frames.max(1)));
    Ok(())
}
