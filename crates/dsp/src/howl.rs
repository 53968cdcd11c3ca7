//! The guard against howling: two devices in one room whose sound goes round and round.
//!
//! A loop howls at one or a few frequencies: a peak far above its surroundings, at the same bin for a while, that does not breathe as speech does, and grows. Such bins get a notch;
//! when notches come often, the whole loop is too strong, and the gain control is told to add less. Both are given back slowly (T. van Waterschoot and M. Moonen, "Fifty years of acoustic
//! feedback control", 2011, names the criteria).

const BINS: usize = crate::FRAME + 1;
/// Frames a peak must stand: 350 ms; how far it must be above its surroundings (power); and the most it may fall from frame to frame. The loudness of vowels moves more.
const FRAMES: u8 = 35;
const ABOVE: f32 = 30.0;
const STEADY: f32 = 0.93;
/// Bins searched: 300 Hz to 9 kHz.
const LOW: usize = 6;
const HIGH: usize = 180;
/// Power of a peak below which nobody is bothered.
const AUDIBLE: f32 = 0.02;
/// Depth added by each hit, and given back per frame.
const BITE: f32 = 0.35;
const HEAL: f32 = 1.0006;
/// Gain taken away by each hit, and given back per frame, in dB.
const CLAMP_DB: f32 = 3.0;
const UNCLAMP_DB: f32 = 0.005;

#[derive(Clone, Debug)]
pub struct HowlGuard {
    standing: Vec<u8>,
    smooth: Vec<f32>,
    before: Vec<f32>,
    notch: Vec<f32>,
    clamp_db: f32,
    quiet_for: u32,
}

impl Default for HowlGuard {
    fn default() -> HowlGuard {
        HowlGuard {
            standing: vec![0; BINS],
            smooth: vec![0.0; BINS],
            before: vec![0.0; BINS],
            notch: vec![1.0; BINS],
            clamp_db: 0.0,
            quiet_for: 1000,
        }
    }
}

impl HowlGuard {
    /// Takes the power spectrum of the next frame of 20 ms.
    pub fn update(&mut self, power: &[f32]) {
        self.quiet_for = self.quiet_for.saturating_add(1);
        for ((smooth, before), power) in self.smooth.iter_mut().zip(&mut self.before).zip(power) {
            *before = *smooth;
            *smooth = 0.7 * *smooth + 0.3 * power;
        }
        for notch in &mut self.notch {
            *notch = (*notch * HEAL).min(1.0);
        }
        self.clamp_db = (self.clamp_db - UNCLAMP_DB).max(0.0);
        for k in LOW..HIGH {
            self.standing[k] = if self.is_peak(k) {
                self.standing[k].saturating_add(1)
            } else {
                self.standing[k].saturating_sub(5)
            };
            if self.standing[k] >= FRAMES {
                self.bite(k);
            }
        }
    }

    fn is_peak(&self, k: usize) -> bool {
        let here = self.smooth[k];
        if here < AUDIBLE
            || here < STEADY * self.before[k]
            || here < self.smooth[k - 1]
            || here < self.smooth[k + 1]
        {
            return false;
        }
        // Speech has harmonics every few bins; a howl has nothing near.
        let from = k.saturating_sub(12);
        let to = (k + 13).min(BINS);
        let around: f32 = (from..to)
            .filter(|i| i.abs_diff(k) > 2)
            .map(|i| self.smooth[i])
            .fold(0.0, f32::max);
        here > ABOVE * around
    }

    fn bite(&mut self, k: usize) {
        self.standing[k] = FRAMES / 2;
        for (offset, depth) in [(0usize, BITE), (1, BITE), (2, 0.6)] {
            for at in [k.wrapping_sub(offset), k + offset] {
                if let Some(notch) = self.notch.get_mut(at) {
                    *notch = (*notch * depth.sqrt()).max(0.01);
                }
            }
        }
        self.clamp_db = (self.clamp_db + CLAMP_DB).min(30.0);
        self.quiet_for = 0;
    }

    /// Gain of each bin.
    pub fn notches(&self) -> &[f32] {
        &self.notch
    }

    /// Whether a loop howled within the last two seconds.
    pub fn is_howling(&self) -> bool {
        self.quiet_for < 200
    }

    /// What the gain control is to add less, dB.
    pub fn clamp_db(&self) -> f32 {
        self.clamp_db
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Speech, Tone};
    use crate::spectrum::{Spectrum, Transform, root_hann};

    fn watch(guard: &mut HowlGuard, frames: usize, mut fill: impl FnMut(&mut [f32])) {
        let (mut transform, mut spectrum) = (Transform::new(960), Spectrum::new(BINS));
        let (window, mut power) = (root_hann(960), vec![0.0; BINS]);
        let mut last = [0.0; 480];
        for _ in 0..frames {
            let mut frame = [0.0; 480];
            fill(&mut frame);
            transform.forward_windowed(&[&last, &frame], &window, &mut spectrum);
            spectrum.power(&mut power);
            guard.update(&power);
            last = frame;
        }
    }

    #[test]
    fn a_howl_is_notched_within_half_a_second() {
        let mut guard = HowlGuard::default();
        let mut tone = Tone::new(1830.0, 0.05);
        watch(&mut guard, 50, |frame| tone.fill(frame));
        assert!(guard.is_howling());
        assert!(guard.notches()[37] < 0.5, "{}", guard.notches()[37]);
        assert!(guard.clamp_db() > 0.0);
        assert_eq!(guard.notches()[100], 1.0);
    }

    #[test]
    fn speech_is_no_howl() {
        let mut guard = HowlGuard::default();
        let mut speech = Speech::new(8);
        watch(&mut guard, 2000, |frame| speech.fill(frame));
        assert!(!guard.is_howling());
        assert_eq!(guard.clamp_db(), 0.0);
    }
}
