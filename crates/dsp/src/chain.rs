//! The voice chain between microphone and encoder: one 10 ms frame in, the cleaned frame out, with its level and whether it is voice.

use crate::echo::{EchoCanceller, EchoState};
use crate::gain::{GainControl, GainInput};
use crate::high_pass::HighPass;
use crate::howl::HowlGuard;
use crate::learned::{Engines, LearnedNoise, NoiseEngine};
use crate::own::OwnVoice;
use crate::suppress::{Found, Linear, SuppressOptions, Suppressor};
use crate::{FRAME, Frame, Limiter, level_of};
use confab_base::AudioLevel;

/// The stages of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    HighPass,
    EchoCancel,
    GuardLoop,
    Suppress,
    LearnedNoise,
    GainControl,
    Limit,
    Measure,
}

impl Stage {
    /// What the sound behind it is called; `None`: it only listens.
    pub fn sound(self) -> Option<&'static str> {
        match self {
            Stage::HighPass => Some("high-pass"),
            Stage::EchoCancel => Some("echo-cancel"),
            Stage::Suppress => Some("suppress"),
            Stage::LearnedNoise => Some("learned-noise"),
            Stage::GainControl => Some("gain"),
            Stage::Limit => Some("limit"),
            Stage::GuardLoop | Stage::Measure => None,
        }
    }
}

/// The order of the stages, each with the reason for its place; [`VoiceChain::process`] walks through it.
pub const ORDER: [(Stage, &str); 8] = [
    (
        Stage::HighPass,
        "first: rumble and DC would only disturb the echo model and the noise estimate",
    ),
    (
        Stage::EchoCancel,
        "before anything that changes the signal in a way the linear filter can't follow",
    ),
    (
        Stage::GuardLoop,
        "behind the canceller, so that the far voice's tones are no loop; before the suppressor, which applies the notches",
    ),
    (
        Stage::Suppress,
        "residual echo and noise in one spectrum: two stages would each add delay and weigh the other's holes",
    ),
    (
        Stage::LearnedNoise,
        "behind the echo suppressor: it was trained on voices without echo, and would keep the far one",
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

/// How far noise is lowered at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseLevel {
    /// 6, 12, 18 and 24 dB.
    Low,
    Moderate,
    High,
    VeryHigh,
}

impl NoiseLevel {
    fn floor(self) -> f32 {
        match self {
            NoiseLevel::Low => 0.5,
            NoiseLevel::Moderate => 0.25,
            NoiseLevel::High => 0.125,
            NoiseLevel::VeryHigh => 0.063,
        }
    }
}

/// Which stages work. The rest pass sound through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoiceConfig {
    pub high_pass: bool,
    /// The linear filter, the residual-echo suppressor and the guard against howling.
    pub echo_cancel: bool,
    pub noise_suppress: Option<NoiseLevel>,
    /// Where noise is suppressed: by the learned engine, if [`VoiceChain::set_learned`] gave one.
    pub learned: bool,
    pub gain_control: bool,
    pub limit: bool,
    /// The sound is sent as music, with both its sides. The chain itself sees their mean.
    pub original: bool,
}

impl Default for VoiceConfig {
    fn default() -> VoiceConfig {
        VoiceConfig {
            high_pass: true,
            echo_cancel: true,
            noise_suppress: Some(NoiseLevel::High),
            learned: false,
            gain_control: true,
            limit: true,
            original: false,
        }
    }
}

impl VoiceConfig {
    /// Everything off: what goes in comes out, with level and voice activity.
    pub const BYPASS: VoiceConfig = VoiceConfig {
        high_pass: false,
        echo_cancel: false,
        noise_suppress: None,
        learned: false,
        gain_control: false,
        limit: false,
        original: false,
    };
    /// Original sound, for musicians: everything off, and sent as music.
    pub const ORIGINAL: VoiceConfig = VoiceConfig {
        original: true,
        ..VoiceConfig::BYPASS
    };

    /// Samples by which the suppressor's window delays.
    fn delay(&self) -> usize {
        if self.has_spectrum() { FRAME } else { 0 }
    }

    fn has_spectrum(&self) -> bool {
        self.echo_cancel || self.noise_suppress.is_some()
    }

    fn wants_learned(&self) -> bool {
        self.learned && self.noise_suppress.is_some()
    }

    /// Whether nothing but the way of suppressing noise is different, which a chain can change while it works.
    fn differs_in_noise_only(&self, other: &VoiceConfig) -> bool {
        let alike = VoiceConfig {
            noise_suppress: self.noise_suppress,
            learned: self.learned,
            ..*other
        };
        alike == *self && self.has_spectrum() == other.has_spectrum()
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
#[derive(Debug)]
pub struct VoiceChain {
    config: VoiceConfig,
    high_pass: HighPass,
    echo: EchoCanceller,
    guard: HowlGuard,
    own: OwnVoice,
    suppressor: Suppressor,
    engines: Engines,
    gain: GainControl,
    limiter: Limiter,
    detector: Detector,
    found: Found,
}

impl VoiceChain {
    pub fn new(config: VoiceConfig) -> VoiceChain {
        VoiceChain {
            config,
            high_pass: HighPass::default(),
            echo: EchoCanceller::default(),
            guard: HowlGuard::default(),
            own: OwnVoice::default(),
            suppressor: Suppressor::default(),
            engines: Engines::default(),
            gain: GainControl::default(),
            limiter: Limiter::default(),
            detector: Detector::default(),
            found: Found::default(),
        }
    }

    /// Gives the learned noise suppressor, or takes it away, before the first frame. It is heard where [`VoiceConfig::learned`] says so; it costs more CPU and 30 ms.
    pub fn set_learned(&mut self, engine: Option<LearnedNoise>) {
        self.engines
            .set(engine.map(Box::new), self.config.wants_learned());
    }

    /// Works as `other` does from now on, if that differs in noise suppression only: what was learnt of the room stays, and engines change without a click. Else nothing happens. `other`
    /// is of no use afterwards. Allocates nothing.
    pub fn adopt(&mut self, other: &mut VoiceChain) -> bool {
        if !self.config.differs_in_noise_only(&other.config) {
            return false;
        }
        self.config = other.config;
        self.engines.adopt(&mut other.engines);
        self.engines.want(self.config.wants_learned());
        true
    }

    /// Goes back to the classic noise suppressor within a second or so.
    pub fn give_up_learned(&mut self) {
        self.engines.want(false);
    }

    /// Samples by which the chain delays the voice.
    pub fn delay(&self) -> usize {
        let learned = self.engines.is_heard().then_some(LearnedNoise::DELAY);
        self.config.delay() + learned.unwrap_or(0)
    }

    /// The noise suppressor that is heard now.
    pub fn noise_engine(&self) -> NoiseEngine {
        match self.config.noise_suppress {
            _ if self.engines.is_heard() => NoiseEngine::Strong,
            Some(_) => NoiseEngine::Standard,
            None => NoiseEngine::Off,
        }
    }

    /// Whether the learned engine works, be it only to warm up.
    pub fn is_learned_running(&self) -> bool {
        self.engines.runs()
    }

    pub fn config(&self) -> VoiceConfig {
        self.config
    }

    /// What the echo canceller knows: delay, drift, depth.
    pub fn echo_state(&self) -> EchoState {
        self.echo.state()
    }

    /// Whether a loop howled within the last two seconds.
    pub fn is_howling(&self) -> bool {
        self.guard.is_howling()
    }

    /// Processes one frame in place. `far` is what is handed to the loudspeaker during the same 10 ms: the canceller finds the
    /// delay between the two itself, up to about half a second, as long as `far` is not late.
    pub fn process(&mut self, near: &mut Frame, far: &Frame) -> VoiceFrame {
        self.process_watched(near, far, &mut |_, _| {})
    }

    /// As [`VoiceChain::process`]; `watch` sees what comes out of every stage.
    pub fn process_watched(
        &mut self,
        near: &mut Frame,
        far: &Frame,
        watch: &mut dyn FnMut(Stage, &Frame),
    ) -> VoiceFrame {
        for (stage, _) in ORDER {
            self.run(stage, near, far);
            watch(stage, near);
        }
        if self.config.echo_cancel {
            self.own.send(near);
        }
        self.detector.measure(near, self.found.voice)
    }

    fn run(&mut self, stage: Stage, near: &mut Frame, far: &Frame) {
        let config = self.config;
        match stage {
            Stage::HighPass if config.high_pass => self.high_pass.process(near),
            Stage::EchoCancel if config.echo_cancel => {
                self.echo.process(near, far);
                *near = *self.echo.error();
            }
            Stage::GuardLoop => {
                // Analysed even where all is off: voice activity is told in every mode.
                self.suppressor.analyse(near, self.echo.echo());
                if config.echo_cancel {
                    let (error, echo) = self.suppressor.spectra();
                    self.echo.follow(error, echo);
                    self.own.hear(error);
                    self.guard.update(self.suppressor.power());
                }
            }
            Stage::Suppress => self.suppress(near),
            Stage::LearnedNoise => {
                let double_talk = self.may_echo() && !self.found.echo_heard;
                self.engines
                    .process(near, self.found.voice > 0.3, double_talk);
            }
            Stage::GainControl if config.gain_control => {
                let howling = self.guard.is_howling();
                let input = GainInput {
                    voice: self.found.voice,
                    noise: self.found.noise,
                    hold: self.found.echo_heard || howling,
                    ceiling_db: GainInput::NO_CEILING - self.guard.clamp_db(),
                };
                self.gain.process(near, input);
            }
            Stage::Limit if config.limit => self.limiter.process(near),
            _ => {}
        }
    }

    /// Whether an echo of the far voice may be in the microphone.
    fn may_echo(&self) -> bool {
        self.config.echo_cancel && self.echo.is_far_active()
    }

    fn suppress(&mut self, near: &mut Frame) {
        let config = self.config;
        let options = SuppressOptions {
            echo: config.echo_cancel,
            noise_floor: match config.noise_suppress {
                Some(level) if !self.engines.cleans_alone() => level.floor(),
                _ => 1.0,
            },
        };
        let linear = Linear {
            far_active: self.may_echo(),
            erle_db: self.echo.state().erle_db,
            own: self.own.comes_back(),
        };
        let mut cleaned = [0.0; FRAME];
        self.found = self
            .suppressor
            .process(linear, options, self.guard.notches(), &mut cleaned);
        if config.has_spectrum() {
            *near = cleaned;
        }
    }
}

/// Voice activity: the suppressor's probability, with hangover.
#[derive(Debug, Default)]
struct Detector {
    /// Frames for which voice is still said to be active.
    hangover: u32,
}

impl Detector {
    const HANGOVER: u32 = 20;

    fn measure(&mut self, frame: &Frame, probability: f32) -> VoiceFrame {
        let level = level_of(frame);
        // Nothing below -70 dB is a voice.
        let voice_probability = if level.0 > 70 { 0.0 } else { probability };
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
    fn another_noise_suppressor_is_adopted_and_another_chain_is_not() {
        let mut chain = VoiceChain::new(VoiceConfig::default());
        let mut strong = VoiceChain::new(VoiceConfig {
            learned: true,
            ..VoiceConfig::default()
        });
        strong.set_learned(LearnedNoise::new(&vec![0; 4 * 47_665]).ok());
        assert_eq!(strong.noise_engine(), NoiseEngine::Strong);
        assert!(chain.adopt(&mut strong));
        for _ in 0..200 {
            chain.process(&mut [0.0; FRAME], &[0.0; FRAME]);
        }
        assert_eq!(chain.noise_engine(), NoiseEngine::Strong);
        assert_eq!(chain.delay(), FRAME + LearnedNoise::DELAY);
        chain.give_up_learned();
        for _ in 0..200 {
            chain.process(&mut [0.0; FRAME], &[0.0; FRAME]);
        }
        assert_eq!(chain.noise_engine(), NoiseEngine::Standard);
        assert!(!chain.adopt(&mut VoiceChain::new(VoiceConfig::BYPASS)));
        assert!(chain.config().gain_control);
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
