//! A limiter that never lets a sample past its ceiling and adds no delay.
//!
//! The frame is handled in blocks of a millisecond. Each block's gain already allows for the next block's peak, so the gain ramps
//! down before a peak arrives; only a peak in the first block of a frame can come unannounced, and what then sticks out is bent by
//! a soft knee instead of cut.

const BLOCK: usize = 48;
/// Gain recovers by this factor per block: about 50 dB/s.
const RELEASE: f32 = 1.006;

#[derive(Clone, Debug)]
pub struct Limiter {
    ceiling: f32,
    gain: f32,
}

impl Default for Limiter {
    /// Ceiling 1 dB below full scale: room for the overshoot of resamplers and codecs behind it.
    fn default() -> Limiter {
        Limiter::new(0.891)
    }
}

impl Limiter {
    /// `ceiling` in 0..=1.
    pub fn new(ceiling: f32) -> Limiter {
        Limiter {
            ceiling: ceiling.clamp(0.01, 1.0),
            gain: 1.0,
        }
    }

    /// Limits mono samples in place; any length.
    pub fn process(&mut self, samples: &mut [f32]) {
        self.run::<1>(samples);
    }

    /// Limits interleaved samples of two sides in place, both by the same gain, so that nothing moves from its place.
    pub fn process_stereo(&mut self, samples: &mut [f32]) {
        self.run::<2>(samples);
    }

    fn run<const CHANNELS: usize>(&mut self, samples: &mut [f32]) {
        let size = BLOCK * CHANNELS;
        let blocks = samples.len().div_ceil(size);
        for block in 0..blocks {
            let start = block * size;
            let end = (start + size).min(samples.len());
            let peak = peak_of(&samples[start..(end + size).min(samples.len())]);
            let allowed = if peak > self.ceiling {
                self.ceiling / peak
            } else {
                1.0
            };
            let target = allowed.min(self.gain * RELEASE);
            let step = (target - self.gain) / ((end - start) / CHANNELS).max(1) as f32;
            for moment in samples[start..end].chunks_mut(CHANNELS) {
                self.gain += step;
                for sample in moment {
                    *sample = self.bend(*sample * self.gain);
                }
            }
            self.gain = target;
        }
    }

    /// Nothing is changed below 80 % of the ceiling once limiting is needed; above it approaches the ceiling smoothly.
    fn bend(&self, sample: f32) -> f32 {
        let magnitude = sample.abs();
        if magnitude <= self.ceiling || !magnitude.is_finite() {
            return if magnitude.is_finite() { sample } else { 0.0 };
        }
        let over = magnitude - self.ceiling;
        let room = 1.0 - self.ceiling;
        (self.ceiling + room * over / (over + room.max(1e-6))).min(1.0) * sample.signum()
    }
}

fn peak_of(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, s| peak.max(s.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Noise, Tone};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_leaves_full_scale(samples in prop::collection::vec(prop::num::f32::ANY, 0..1000)) {
            let mut limiter = Limiter::default();
            let mut out = samples;
            limiter.process(&mut out);
            prop_assert!(out.iter().all(|s| s.abs() <= 1.0), "{out:?}");
        }
    }

    #[test]
    fn quiet_sound_passes_untouched() {
        let mut samples = [0.0; 480];
        Noise::new(1).fill(&mut samples, 0.5);
        let before = samples;
        Limiter::default().process(&mut samples);
        assert_eq!(samples, before);
    }

    #[test]
    fn a_loud_tone_comes_down_to_the_ceiling_and_stays_a_tone() {
        let mut limiter = Limiter::default();
        let mut tone = Tone::new(440.0, 4.0);
        let mut last = [0.0; 4800];
        for _ in 0..10 {
            tone.fill(&mut last);
            for frame in last.chunks_mut(480) {
                limiter.process(frame);
            }
        }
        let total = crate::rms(&last).powi(2);
        let pure = crate::tone_power(&last, 440.0, 48_000);
        assert!(pure / total > 0.998, "distortion {}", 1.0 - pure / total);
        assert!((0.30..0.42).contains(&total), "{total}");
    }
}
