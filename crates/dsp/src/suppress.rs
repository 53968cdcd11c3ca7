//! The residual-echo and noise suppressor: one short-time spectrum (20 ms root-Hann windows, 10 ms apart, 10 ms of delay), one gain per bin.
//!
//! What is wanted is weighed against what is known of the rest: steady noise ([`NoiseTracker`]) and the echo that the linear filter left ([`Residual`]). Nothing decides between
//! single and double talk for the whole band: bins where the near talker is stronger stay, those where the echo is stronger go.

use crate::noise::NoiseTracker;
use crate::residual::{BINS, Bender, Powers, Residual};
use crate::spectrum::{Spectrum, Transform, root_hann};
use crate::{FRAME, Frame};

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
/// How fast the near talker is believed, per frame.
const ATTACK: f32 = 0.5;
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
pub struct Linear<'a> {
    pub far_active: bool,
    /// Echo return loss of the filter in dB.
    pub erle_db: f32,
    /// Power spectrum of the own voice as it would come back in this frame, if it does.
    pub own: Option<&'a [f32]>,
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
    last_bent: Frame,
    tail: Frame,
    error: Spectrum,
    echo: Spectrum,
    scratch: Spectrum,
    error_power: Vec<f32>,
    echo_power: Vec<f32>,
    bent_power: Vec<f32>,
    bender: Bender,
    residual: Residual,
    noise: NoiseTracker,
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
            last_bent: [0.0; FRAME],
            tail: [0.0; FRAME],
            error: Spectrum::new(BINS),
            echo: Spectrum::new(BINS),
            scratch: Spectrum::new(BINS),
            error_power: vec![0.0; BINS],
            echo_power: vec![0.0; BINS],
            bent_power: vec![0.0; BINS],
            bender: Bender::default(),
            residual: Residual::default(),
            noise: NoiseTracker::new(BINS),
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
        let (transform, window) = (&mut self.transform, &self.window);
        transform.forward_windowed(&[&self.last_error, error], window, &mut self.error);
        transform.forward_windowed(&[&self.last_echo, echo], window, &mut self.echo);
        self.last_error = *error;
        self.last_echo = *echo;
        self.error.power(&mut self.error_power);
        self.echo.power(&mut self.echo_power);
        let bent = self.bender.bend(echo);
        transform.forward_windowed(&[&self.last_bent, &bent], window, &mut self.scratch);
        self.scratch.power(&mut self.bent_power);
        self.last_bent = bent;
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
        let now = Powers {
            error: &self.error_power,
            noise: self.noise.power(),
            echo: &self.echo_power,
            bent: &self.bent_power,
            own: linear.own,
        };
        self.residual.follow(&now, linear.far_active, self.near);
        let residual = self.residual.power();
        self.noise
            .update(&self.error_power, residual, linear.far_active);
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

    fn weigh(&mut self, linear: &Linear, options: SuppressOptions) {
        self.note_near(linear);
        let weight = if options.echo {
            STRICT + (MILD - STRICT) * self.near
        } else {
            0.0
        };
        let (noise, residual) = (self.noise.power(), self.residual.power());
        let hard = if options.echo && (linear.far_active || linear.own.is_some()) {
            1.0 - (1.0 - HARD) * (1.0 - self.near)
        } else {
            1.0
        };
        for k in 0..BINS {
            let rest = weight * residual[k]
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
            let least =
                options.noise_floor * (noise[k] / (noise[k] + weight * residual[k] + 1e-9)).sqrt();
            let gain = (wiener * hard).max(least).min(1.0);
            self.gain[k] = gain;
            self.passed[k] = gain * gain * power;
        }
    }

    /// Whether more than the echo is heard.
    fn note_near(&mut self, linear: &Linear) {
        let mean = self.residual.evidence();
        self.evidence += 0.5 * (mean - self.evidence);
        let target = ((self.evidence - NOBODY) / (SOMEBODY - NOBODY)).clamp(0.0, 1.0);
        let rate = if target > self.near { ATTACK } else { RELEASE };
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
