//! Two sound cards have two clocks, up to 100 ppm apart: 5 samples in each second, faster than an echo filter can follow without losing most of its depth. The slope of the phase between
//! the expected echo and the microphone shows the lag as it grows, and a slow loop turns it into a steady change of the far voice's reading speed.

use crate::spectrum::Spectrum;
use std::f32::consts::TAU;

/// Frames per look.
const LOOK: u32 = 10;
/// Smoothing of the cross-spectrum, per frame.
const MEMORY: f32 = 0.96;
/// Bins used: 300 Hz to 6 kHz at 50 Hz per bin.
const LOW: usize = 6;
const HIGH: usize = 120;
/// The loop: change of the drift, and of the reading point, per look and sample of lag. The filter follows the lag too, so only the integral brings it to rest.
const INTEGRAL: f64 = 4e-6;
const PROPORTION: f64 = 0.02;
/// Clocks further apart than this are broken.
const MOST: f64 = 5e-4;

/// What to do to the reading point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriftChange {
    pub drift: f64,
    /// Samples, positive: further back.
    pub shift: f64,
}

#[derive(Debug)]
pub struct DriftTracker {
    cross: Spectrum,
    drift: f64,
    until_look: u32,
    seen: u32,
}

impl Default for DriftTracker {
    fn default() -> DriftTracker {
        DriftTracker {
            cross: Spectrum::new(HIGH),
            drift: 0.0,
            until_look: LOOK,
            seen: 0,
        }
    }
}

impl DriftTracker {
    /// Takes a frame's remainder and echo; the microphone is their sum.
    pub fn push(
        &mut self,
        error: &Spectrum,
        echo: &Spectrum,
        reliable: bool,
    ) -> Option<DriftChange> {
        if !reliable {
            return None;
        }
        for k in LOW..HIGH {
            let (c, d) = (echo.re[k], echo.im[k]);
            let (a, b) = (error.re[k] + c, error.im[k] + d);
            self.cross.re[k] = MEMORY * self.cross.re[k] + (1.0 - MEMORY) * (a * c + b * d);
            self.cross.im[k] = MEMORY * self.cross.im[k] + (1.0 - MEMORY) * (b * c - a * d);
        }
        self.seen += 1;
        self.until_look -= 1;
        if self.until_look > 0 || self.seen < 50 {
            self.until_look = self.until_look.max(1);
            return None;
        }
        self.until_look = LOOK;
        let lag = f64::from(self.lag()).clamp(-1.0, 1.0);
        self.drift = (self.drift + INTEGRAL * lag).clamp(-MOST, MOST);
        Some(DriftChange {
            drift: self.drift,
            shift: PROPORTION * lag,
        })
    }

    /// Samples by which the microphone is later than expected: the slope of the phase, weighed by power.
    fn lag(&self) -> f32 {
        let (mut along, mut across) = (0.0, 1e-20);
        for k in LOW..HIGH {
            let (re, im) = (self.cross.re[k], self.cross.im[k]);
            let weight = (re * re + im * im).sqrt().sqrt();
            let k_f = k as f32;
            along += weight * k_f * im.atan2(re);
            across += weight * k_f * k_f;
        }
        -along / across * 960.0 / TAU
    }

    /// Forgets the phases, not the clocks.
    pub fn clear(&mut self) {
        self.cross.clear();
        self.seen = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;

    /// An echo that arrives `lag` samples later than expected, as spectra.
    fn pair(lag: f32, noise: &mut Noise) -> (Spectrum, Spectrum) {
        let mut echo = Spectrum::new(481);
        let mut error = Spectrum::new(481);
        for k in 0..481 {
            let (re, im) = (noise.sample(), noise.sample());
            let turn = -TAU * k as f32 * lag / 960.0;
            let (c, s) = (turn.cos(), turn.sin());
            (echo.re[k], echo.im[k]) = (re, im);
            (error.re[k], error.im[k]) = (re * c - im * s - re, re * s + im * c - im);
        }
        (error, echo)
    }

    #[test]
    fn a_late_echo_speeds_the_reading_down_and_an_early_one_up() {
        for lag in [0.4f32, -0.4] {
            let mut tracker = DriftTracker::default();
            let mut noise = Noise::new(1);
            let mut last = None;
            for _ in 0..200 {
                let (error, echo) = pair(lag, &mut noise);
                last = tracker.push(&error, &echo, true).or(last);
            }
            let change = last.unwrap();
            assert!((tracker.lag() - lag).abs() < 0.02, "{}", tracker.lag());
            assert_eq!(change.shift.is_sign_positive(), lag > 0.0);
            assert_eq!(change.drift.is_sign_positive(), lag > 0.0);
        }
    }

    #[test]
    fn nothing_is_said_while_the_filter_is_not_to_be_trusted() {
        let mut tracker = DriftTracker::default();
        let (error, echo) = pair(1.0, &mut Noise::new(2));
        assert!((0..100).all(|_| tracker.push(&error, &echo, false).is_none()));
    }
}
