//! The voice chain between microphone and encoder: one 10 ms frame in, the cleaned frame out, with its level and whether it is voice.

use crate::{FRAME, Frame, Limiter, level_of};
use confab_base::AudioLevel;
use nnnoiseless::DenoiseState;
use sonora::config::{
    AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate,
    NoiseSuppression, NoiseSuppressionLevel, Pipeline,
};
use sonora::{AudioProcessing, Config, StreamConfig};

/// The stages of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    HighPass,
    EchoCancel,
    NoiseSuppress,
    GainControl,
    Limit,
    Measure,
}

/// The order of the stages, each with the reason for its place. The first four run inside one `sonora` instance, which keeps this
/// order itself and shares its spectra between them; the last two are ours.
pub const ORDER: [(Stage, &str); 6] = [
    (
        Stage::HighPass,
        "first: rumble and DC would only disturb the echo model and the noise estimate",
    ),
    (
        Stage::EchoCancel,
        "before anything that changes the signal in a way the linear filter can't follow",
    ),
    (
        Stage::NoiseSuppress,
        "behind the echo canceller, whose residual it also takes for noise and lowers",
    ),
    (
        Stage::GainControl,
        "behind both, or it would turn up noise and echo in pauses",
    ),
    (
        Stage::Limit,
        "behind the gain, which overshoots when speech gets loud at once",
    ),
    (
        Stage::Measure,
        "last: level and voice activity are to tell what the others hear",
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseLevel {
    /// About 6, 12, 18 and 21 dB.
    Low,
    Moderate,
    High,
    VeryHigh,
}

/// Which stages work. The rest pass sound through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoiceConfig {
    pub high_pass: bool,
    pub echo_cancel: bool,
    pub noise_suppress: Option<NoiseLevel>,
    pub gain_control: bool,
    pub limit: bool,
}

impl Default for VoiceConfig {
    fn default() -> VoiceConfig {
        VoiceConfig {
            high_pass: true,
            echo_cancel: true,
            noise_suppress: Some(NoiseLevel::Moderate),
            gain_control: true,
            limit: true,
        }
    }
}

impl VoiceConfig {
    /// Everything off: what goes in comes out, with level and voice activity.
    pub const BYPASS: VoiceConfig = VoiceConfig {
        high_pass: false,
        echo_cancel: false,
        noise_suppress: None,
        gain_control: false,
        limit: false,
    };

    fn needs_sonora(&self) -> bool {
        self.high_pass || self.echo_cancel || self.noise_suppress.is_some() || self.gain_control
    }

    fn sonora(&self) -> Config {
        Config {
            pipeline: Pipeline {
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                ..Pipeline::default()
            },
            high_pass_filter: self.high_pass.then(HighPassFilter::default),
            echo_canceller: self.echo_cancel.then(EchoCanceller::default),
            noise_suppression: self.noise_suppress.map(|level| NoiseSuppression {
                level: match level {
                    NoiseLevel::Low => NoiseSuppressionLevel::Low,
                    NoiseLevel::Moderate => NoiseSuppressionLevel::Moderate,
                    NoiseLevel::High => NoiseSuppressionLevel::High,
                    NoiseLevel::VeryHigh => NoiseSuppressionLevel::VeryHigh,
                },
                ..NoiseSuppression::default()
            }),
            gain_controller2: self.gain_control.then(|| GainController2 {
                adaptive_digital: Some(AdaptiveDigital::default()),
                ..GainController2::default()
            }),
            ..Config::default()
        }
    }
}

/// What the chain says of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoiceFrame {
    /// Of the frame as sent (RFC 6464).
    pub level: AudioLevel,
    /// With 200 ms of hangover, so that word ends are not cut.
    pub voice_active: bool,
    /// 0..=1, without hangover.
    pub voice_probability: f32,
}

/// One per microphone.
pub struct VoiceChain {
    config: VoiceConfig,
    sonora: Option<AudioProcessing>,
    limiter: Limiter,
    detector: Detector,
    out: Frame,
}

impl std::fmt::Debug for VoiceChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VoiceChain")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl VoiceChain {
    pub fn new(config: VoiceConfig) -> VoiceChain {
        VoiceChain {
            sonora: build(&config),
            config,
            limiter: Limiter::default(),
            detector: Detector::new(),
            out: [0.0; FRAME],
        }
    }

    /// Switches stages; the canceller and the estimators start anew when anything they depend on changes. Allocates.
    pub fn set_config(&mut self, config: VoiceConfig) {
        if config != self.config {
            self.sonora = build(&config);
            self.config = config;
        }
    }

    pub fn config(&self) -> VoiceConfig {
        self.config
    }

    /// Processes one frame in place. `far` is what is handed to the loudspeaker during the same 10 ms: the canceller finds the
    /// delay between the two itself, up to about half a second, as long as `far` is not late.
    pub fn process(&mut self, near: &mut Frame, far: &Frame) -> VoiceFrame {
        if let Some(sonora) = &mut self.sonora {
            let out = &mut self.out;
            // With lengths fixed at 10 ms of 48 kHz mono neither call can fail; a frame it refused would pass unprocessed.
            let rendered = !self.config.echo_cancel || {
                let mut unused = [0.0; FRAME];
                sonora
                    .process_render_f32(&[far], &mut [&mut unused])
                    .is_ok()
            };
            if rendered
                && sonora
                    .process_capture_f32(&[&near[..]], &mut [&mut out[..]])
                    .is_ok()
            {
                *near = *out;
            }
        }
        if self.config.limit {
            self.limiter.process(near);
        }
        self.detector.measure(near)
    }
}

fn build(config: &VoiceConfig) -> Option<AudioProcessing> {
    let mono = StreamConfig::new(crate::SAMPLE_RATE, 1);
    config.needs_sonora().then(|| {
        AudioProcessing::builder()
            .config(config.sonora())
            .capture_config(mono)
            .render_config(mono)
            .build()
    })
}

/// Voice activity from the recurrent network of RNNoise, whose suppressed output is not used.
struct Detector {
    rnn: Box<DenoiseState<'static>>,
    scaled: Frame,
    unused: Frame,
    /// Frames for which voice is still said to be active.
    hangover: u32,
}

impl Detector {
    const HANGOVER: u32 = 20;

    fn new() -> Detector {
        Detector {
            rnn: DenoiseState::new(),
            scaled: [0.0; FRAME],
            unused: [0.0; FRAME],
            hangover: 0,
        }
    }

    fn measure(&mut self, frame: &Frame) -> VoiceFrame {
        let level = level_of(frame);
        // Nothing below -70 dB is a voice; and silence is the usual state of most microphones.
        let voice_probability = if level.0 > 70 {
            0.0
        } else {
            // RNNoise wants the range of 16-bit samples.
            self.scaled
                .iter_mut()
                .zip(frame)
                .for_each(|(to, from)| *to = from * 32_768.0);
            self.rnn.process_frame(&mut self.unused, &self.scaled)
        };
        self.hangover = if voice_probability > 0.6 {
            Self::HANGOVER
        } else {
            self.hangover.saturating_sub(1)
        };
        VoiceFrame {
            level,
            voice_active: self.hangover > 0,
            voice_probability,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::correlate;
    use crate::generate::{Noise, Speech};
    use crate::rms;

    /// Room response: 25 ms to the first sound, then 80 ms of noise decaying by 60 dB in 250 ms; echo about 6 dB below far.
    fn room() -> Vec<f32> {
        let mut noise = Noise::new(99);
        let mut taps = vec![0.0f32; 1200];
        taps.push(0.4);
        taps.extend(
            (0..3840).map(|i| noise.sample() * 0.03 * 10f32.powf(-3.0 * i as f32 / 12_000.0)),
        );
        taps
    }

    /// Direct convolution with every fourth tap: plain, and quick enough.
    fn convolve(signal: &[f32], taps: &[f32]) -> Vec<f32> {
        let tail: Vec<(usize, f32)> = taps
            .iter()
            .copied()
            .enumerate()
            .filter(|(i, t)| *t != 0.0 && (i % 4 == 0))
            .collect();
        (0..signal.len())
            .map(|n| {
                tail.iter()
                    .take_while(|(i, _)| *i <= n)
                    .map(|(i, t)| signal[n - i] * t)
                    .sum()
            })
            .collect()
    }

    fn run(config: VoiceConfig, near: &[f32], far: &[f32]) -> Vec<f32> {
        let mut chain = VoiceChain::new(config);
        near.chunks_exact(FRAME)
            .zip(far.chunks_exact(FRAME))
            .flat_map(|(near, far)| {
                let mut frame: Frame = near.try_into().unwrap();
                chain.process(&mut frame, far.try_into().unwrap());
                frame
            })
            .collect()
    }

    fn decibels(ratio: f32) -> f32 {
        20.0 * ratio.log10()
    }

    #[test]
    fn the_echo_of_a_far_voice_is_gone_after_three_seconds() {
        let mut far = vec![0.0; 8 * 48_000];
        Speech::new(11).fill(&mut far);
        let echo = convolve(&far, &room());
        let config = VoiceConfig {
            gain_control: false,
            ..VoiceConfig::default()
        };
        let out = run(config, &echo, &far);
        let from = 3 * 48_000;
        let attenuation = decibels(rms(&echo[from..]) / rms(&out[from..]).max(1e-7));
        assert!(attenuation >= 20.0, "{attenuation} dB");
        eprintln!("echo attenuation after 3 s: {attenuation:.1} dB");
    }

    #[test]
    fn a_near_voice_passes() {
        let mut near = vec![0.0; 6 * 48_000];
        Speech::new(12).fill(&mut near);
        let far = vec![0.0; near.len()];
        let config = VoiceConfig {
            gain_control: false,
            ..VoiceConfig::default()
        };
        let out = run(config, &near, &far);
        // The high-pass turns phases around the pitch, which is inaudible but changes the wave: compare behind it.
        let high_pass = VoiceConfig {
            high_pass: true,
            ..VoiceConfig::BYPASS
        };
        let reference = run(high_pass, &near, &far);
        let (a, b) = (&reference[96_000..], &out[96_000..]);
        let found = correlate(a, b, 4800).unwrap();
        eprintln!(
            "near voice: correlation {:.3} at {} samples, level {:+.1} dB",
            found.value,
            found.lag,
            decibels(rms(b) / rms(a))
        );
        assert!(found.value > 0.95, "{found:?}");
        assert!(decibels(rms(b) / rms(a)).abs() < 3.0);
    }

    #[test]
    fn steady_noise_is_lowered() {
        let mut near = vec![0.0; 6 * 48_000];
        Noise::new(4).fill(&mut near, 0.02);
        let far = vec![0.0; near.len()];
        let out = run(
            VoiceConfig {
                gain_control: false,
                ..VoiceConfig::default()
            },
            &near,
            &far,
        );
        let lowered = decibels(rms(&near[4 * 48_000..]) / rms(&out[4 * 48_000..]));
        eprintln!("noise lowered by {lowered:.1} dB");
        assert!(lowered > 8.0, "{lowered}");
    }

    #[test]
    fn bypass_changes_nothing() {
        let mut near = vec![0.0; 48_000];
        Speech::new(13).fill(&mut near);
        assert_eq!(run(VoiceConfig::BYPASS, &near, &near), near);
    }

    #[test]
    fn silence_is_no_voice() {
        let mut chain = VoiceChain::new(VoiceConfig::default());
        let said = chain.process(&mut [0.0; FRAME], &[0.0; FRAME]);
        assert!(!said.voice_active);
        assert_eq!(said.level, AudioLevel::SILENCE);
    }

    #[test]
    fn measuring_comes_last_and_echo_cancelling_before_gain() {
        let place = |stage| ORDER.iter().position(|(s, _)| *s == stage).unwrap();
        assert_eq!(place(Stage::Measure), ORDER.len() - 1);
        assert!(place(Stage::EchoCancel) < place(Stage::GainControl));
    }
}
