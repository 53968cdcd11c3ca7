//! The residual-echo and noise suppressor: one short-time spectrum (20 ms root-Hann windows, 10 ms apart, 10 ms of delay), one gain per bin.
//!
//! What is wanted is weighed against what is known of the rest: steady noise ([`NoiseTracker`]) and the echo that the linear filter left. The latter is taken to be a share of
//! the echo the filter took out; the share ("leak") is followed per band as a low quantile, so that a near talker on top does not raise it. Nothing decides between
//! single and double talk for the whole band: bins where the near talker is stronger stay, those where the echo is stronger go.

use crate::noise::NoiseTracker;
use crate::spectrum::{Spectrum, Transform, root_hann};
use crate::{FRAME, Frame};

const BINS: usize = FRAME + 1;
/// Edges of the bands in which the leak is followed, in bins of 50 Hz: as wide as hearing's, roughly.
const EDGES: [usize; 22] = [
    2, 4, 6, 8, 10, 13, 16, 20, 24, 29, 35, 42, 51, 62, 76, 92, 112, 136, 166, 220, 320, BINS,
];
const BANDS: usize = EDGES.len() - 1;
/// Bands that tell a voice from what the filter left: 300 Hz to 5.6 kHz.
const VOICE: std::ops::Range<usize> = 2..16;

/// Share of the echo's power that reverberates into the next frame, behind the filter's tail: 60 dB in a quarter of a second.
const DECAY: f32 = 0.6;
/// Steps of the leak per frame: it settles where the remainder is above it in 7 frames of 10.
const LEAK_UP: f32 = 0.012;
const LEAK_DOWN: f32 = 0.03;
/// Weight of the expected echo while nobody near talks, and while somebody does.
const STRICT: f32 = 4.0;
const MILD: f32 = 1.5;
/// Further gain of echo while nobody near talks; what the noise is lowered to stays.
const HARD: f32 = 0.1;
/// Share of the past in the signal-to-rest ratio ("decision-directed", Y. Ephraim and D. Malah, 1984): high against musical noise, low for crisp onsets.
const INERTIA: f32 = 0.96;
/// Evidence (mean logarithm of remainder over expected echo) below which nobody near talks, and above which somebody does. With the far voice alone it is below 0.4 in 9 frames of 10.
const NOBODY: f32 = 0.45;
const SOMEBODY: f32 = 0.7;
/// How fast the near talker is forgotten, per frame: word gaps are bridged.
const RELEASE: f32 = 0.05;

/// What the stage is told and asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SuppressOptions {
    /// Lowers the echo the filter left.
    pub echo: bool,
    /// Least gain of noise; 1 leaves it.
    pub noise_floor: f32,
}

/// What the linear stage knows of the frame.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    pub far_active: bool,
    /// Echo return loss of the filter in dB.
    pub erle_db: f32,
}

/// What the stage found out, for the stages behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// Probability of a near voice.
    pub voice: f32,
    /// Level of the remaining noise, root mean square.
    pub noise: f32,
    /// Whether the far voice can be heard in the microphone.
    pub echo_heard: bool,
}

#[derive(Debug)]
pub struct Suppressor {
    transform: Transform,
    window: Vec<f32>,
    last_error: Frame,
    last_echo: Frame,
    tail: Frame,
    error: Spectrum,
    echo: Spectrum,
    error_power: Vec<f32>,
    echo_power: Vec<f32>,
    residual: Vec<f32>,
    noise: NoiseTracker,
    leak: [f32; BANDS],
    band_error: [f32; BANDS],
    band_echo: [f32; BANDS],
    /// Of the last frame: what was let through, per bin.
    passed: Vec<f32>,
    gain: Vec<f32>,
    /// 0: only echo, 1: someone near talks.
    near: f32,
    evidence: f32,
    started: u32,
}

impl Default for Suppressor {
    fn default() -> Suppressor {
        Suppressor {
            transform: Transform::new(2 * FRAME),
            window: root_hann(2 * FRAME),
            last_error: [0.0; FRAME],
            last_echo: [0.0; FRAME],
            tail: [0.0; FRAME],
            error: Spectrum::new(BINS),
            echo: Spectrum::new(BINS),
            error_power: vec![0.0; BINS],
            echo_power: vec![0.0; BINS],
            residual: vec![0.0; BINS],
            noise: NoiseTracker::new(BINS),
            leak: [0.3; BANDS],
            band_error: [0.0; BANDS],
            band_echo: [0.0; BANDS],
            passed: vec![0.0; BINS],
            gain: vec![1.0; BINS],
            near: 1.0,
            evidence: 1.0,
            started: 0,
        }
    }
}

impl Suppressor {
    /// Reads the spectra of the frame; to be called before [`Suppressor::process`].
    pub fn analyse(&mut self, error: &Frame, echo: &Frame) {
        self.transform
            .forward_windowed(&[&self.last_error, error], &self.window, &mut self.error);
        self.transform
            .forward_windowed(&[&self.last_echo, echo], &self.window, &mut self.echo);
        self.last_error = *error;
        self.last_echo = *echo;
        self.error.power(&mut self.error_power);
    }

    /// The spectra of the remainder and of the echo taken out.
    pub fn spectra(&self) -> (&Spectrum, &Spectrum) {
        (&self.error, &self.echo)
    }

    /// The power spectrum of the remainder.
    pub fn power(&self) -> &[f32] {
        &self.error_power
    }

    /// Writes the cleaned frame, 10 ms late.
    pub fn process(
        &mut self,
        linear: Linear,
        options: SuppressOptions,
        notches: &[f32],
        out: &mut Frame,
    ) -> Found {
        self.follow_echo(&linear);
        self.noise.update(&self.error_power, &self.residual);
        self.weigh(&linear, options);
        let found = self.found(&linear, options);
        for (k, notch) in notches.iter().enumerate() {
            let gain = self.gain[k] * notch;
            self.error.re[k] *= gain;
            self.error.im[k] *= gain;
        }
        let time = self.transform.inverse(&self.error);
        for i in 0..FRAME {
            out[i] = self.tail[i] + time[i] * self.window[i];
            self.tail[i] = time[FRAME + i] * self.window[FRAME + i];
        }
        found
    }

    /// How much echo the frame still holds.
    fn follow_echo(&mut self, linear: &Linear) {
        for k in 0..BINS {
            let now = self.echo.re[k] * self.echo.re[k] + self.echo.im[k] * self.echo.im[k];
            // What reverberates behind the filter's tail dies away like the room.
            self.echo_power[k] = now.max(DECAY * self.echo_power[k]);
        }
        for band in 0..BANDS {
            let range = EDGES[band]..EDGES[band + 1];
            let sum = |values: &[f32]| values[range.clone()].iter().sum::<f32>();
            let error = sum(&self.error_power);
            let echo = sum(&self.echo_power);
            let noise = sum(self.noise.power());
            self.band_error[band] = 0.6 * self.band_error[band] + 0.4 * error;
            self.band_echo[band] = 0.6 * self.band_echo[band] + 0.4 * echo;
            if linear.far_active && self.band_echo[band] > 2.0 * noise {
                let above = (self.band_error[band] - noise).max(0.05 * noise);
                let ratio = (above / self.band_echo[band]).clamp(1e-5, 4.0);
                // A quantile: steps up and down of fixed size in the logarithm.
                let step = if ratio > self.leak[band] {
                    1.0 + LEAK_UP
                } else {
                    1.0 - LEAK_DOWN
                };
                self.leak[band] = (self.leak[band] * step).clamp(1e-4, 2.0);
            }
            for k in range {
                self.residual[k] = self.leak[band] * self.echo_power[k];
            }
        }
    }

    fn weigh(&mut self, linear: &Linear, options: SuppressOptions) {
        self.note_near(linear);
        let weight = if options.echo {
            STRICT + (MILD - STRICT) * self.near
        } else {
            0.0
        };
        let noise = self.noise.power();
        let hard = if options.echo && linear.far_active {
            1.0 - (1.0 - HARD) * (1.0 - self.near)
        } else {
            1.0
        };
        for k in 0..BINS {
            let rest = weight * self.residual[k]
                + if options.noise_floor < 1.0 {
                    noise[k]
                } else {
                    0.0
                }
                + 1e-9;
            let power = self.error_power[k];
            let prior =
                INERTIA * self.passed[k] / rest + (1.0 - INERTIA) * (power / rest - 1.0).max(0.0);
            let wiener = prior / (1.0 + prior);
            // Noise never goes below its floor, and echo not below what the noise is lowered to.
            let least = options.noise_floor
                * (noise[k] / (noise[k] + weight * self.residual[k] + 1e-9)).sqrt();
            let gain = (wiener * hard).max(least).min(1.0);
            self.gain[k] = gain;
            self.passed[k] = gain * gain * power;
        }
    }

    /// Whether more than the echo is heard: by how much the remainder is above the expected echo, as a mean over the bands of speech of its logarithm, so that no band decides alone.
    fn note_near(&mut self, linear: &Linear) {
        let noise = self.noise.power();
        let mut sum = 0.0;
        for band in VOICE {
            let noise: f32 = noise[EDGES[band]..EDGES[band + 1]].iter().sum();
            let rest = self.leak[band] * self.band_echo[band] + 2.0 * noise + 1e-7;
            sum += (self.band_error[band] / rest).log10().clamp(-0.5, 1.5);
        }
        let mean = sum / VOICE.len() as f32;
        self.evidence += 0.5 * (mean - self.evidence);
        let target = ((self.evidence - NOBODY) / (SOMEBODY - NOBODY)).clamp(0.0, 1.0);
        let rate = if target > self.near { 0.5 } else { RELEASE };
        self.near += rate * (target - self.near);
        if linear.far_active && linear.erle_db < 3.0 && self.started < 150 {
            // Nothing is known yet: echo goes first.
            self.started += 1;
            self.near = 0.0;
        }
    }

    fn found(&self, linear: &Linear, options: SuppressOptions) -> Found {
        let noise = self.noise.power();
        let (mut voice, mut background) = (0.0f32, 0.0f32);
        for k in 4..80 {
            voice += self.passed[k];
            background += noise[k];
        }
        let floor = options.noise_floor.powi(2);
        let snr = voice / (background * floor.max(0.02) * 4.0 + 1e-5);
        let total: f32 = noise.iter().sum();
        Found {
            voice: (snr / (1.0 + snr)).clamp(0.0, 1.0),
            // Both halves of the spectrum, over the window's energy.
            noise: (2.0 * total / (FRAME as f32 * 2.0 * FRAME as f32)).sqrt() * options.noise_floor,
            echo_heard: linear.far_active && self.near < 0.3,
        }
    }
}
