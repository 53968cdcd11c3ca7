//! Slips: a sound card that drops or repeats a few milliseconds moves the whole echo at once. The echo filter is still right then, only late or early; so the echo it
//! expects is searched in the microphone's sound within 25 ms, and the reading point moved instead of the room learnt anew.

use crate::spectrum::{Spectrum, Transform};
use crate::{FRAME, Frame};

/// Samples compared: 85 ms of microphone against 135 ms of expected echo.
const LENGTH: usize = 8192;
const WINDOW: usize = 4096;
/// Longest slip that is found, in samples.
const RANGE: usize = 1200;
/// At the best place the expected echo must leave less than this share of what it leaves where we are. Voiced speech looks like itself a pitch period later, but only a true slip
/// explains so much more.
const LEFT: f32 = 0.4;
/// What the best place must correlate, normalised.
const LEAST: f32 = 0.6;
/// Two looks in a row must agree to so many samples.
const AGREE: isize = 2;

#[derive(Debug)]
pub struct SlipFinder {
    near: Vec<f32>,
    echo: Vec<f32>,
    transform: Transform,
    near_spectrum: Spectrum,
    echo_spectrum: Spectrum,
    candidate: Option<isize>,
}

impl Default for SlipFinder {
    fn default() -> SlipFinder {
        let kept = WINDOW + 2 * RANGE;
        SlipFinder {
            near: vec![0.0; kept],
            echo: vec![0.0; kept],
            transform: Transform::new(LENGTH),
            near_spectrum: Spectrum::new(LENGTH / 2 + 1),
            echo_spectrum: Spectrum::new(LENGTH / 2 + 1),
            candidate: None,
        }
    }
}

impl SlipFinder {
    pub fn push(&mut self, near: &Frame, echo: &Frame) {
        for (kept, frame) in [(&mut self.near, near), (&mut self.echo, echo)] {
            kept.copy_within(FRAME.., 0);
            let from = kept.len() - FRAME;
            kept[from..].copy_from_slice(frame);
        }
    }

    /// By how many samples the microphone's echo comes later than expected, when two looks in a row say the same; nothing when it does not, or when that can't be told.
    /// `least`: energy of a frame below which nothing is compared.
    pub fn find(&mut self, least: f32) -> Option<isize> {
        let now = self.look(least);
        let before = std::mem::replace(&mut self.candidate, now);
        now.filter(|now| before.is_some_and(|before| (now - before).abs() <= AGREE))
    }

    fn look(&mut self, least: f32) -> Option<isize> {
        // The microphone's newest part can be matched only with echo that was expected already, so it ends RANGE ago.
        let middle = RANGE..RANGE + WINDOW;
        let near = &self.near[middle];
        let near_energy: f32 = near.iter().map(|s| s * s).sum();
        if near_energy * (FRAME as f32) < least * WINDOW as f32 {
            return None;
        }
        self.transform.forward(&[near], &mut self.near_spectrum);
        self.transform
            .forward(&[&self.echo], &mut self.echo_spectrum);
        for k in 0..self.near_spectrum.bins() {
            let (a, b) = (self.near_spectrum.re[k], self.near_spectrum.im[k]);
            let (c, d) = (self.echo_spectrum.re[k], self.echo_spectrum.im[k]);
            self.near_spectrum.re[k] = a * c + b * d;
            self.near_spectrum.im[k] = a * d - b * c;
        }
        let correlation = self.transform.inverse(&self.near_spectrum);
        // correlation[l] = sum near[i] * echo[i + l]; no slip is l = RANGE.
        let mut energy: f32 = self.echo[..WINDOW].iter().map(|s| s * s).sum();
        let left =
            |lag: usize, energy: f32| (near_energy + energy - 2.0 * correlation[lag]).max(0.0);
        let (mut best, mut here) = ((0, f32::MAX, 0.0), 0.0);
        for lag in 0..=2 * RANGE {
            let left = left(lag, energy);
            if left < best.1 {
                best = (
                    lag,
                    left,
                    correlation[lag] / (near_energy * energy).max(1e-12).sqrt(),
                );
            }
            if lag == RANGE {
                here = left;
            }
            if lag < 2 * RANGE {
                energy += self.echo[lag + WINDOW].powi(2) - self.echo[lag].powi(2);
            }
        }
        let slip = RANGE as isize - best.0 as isize;
        (best.1 < LEFT * here && best.2 > LEAST && slip.unsigned_abs() > 1).then_some(slip)
    }

    /// Forgets the past, which belongs to another reading point.
    pub fn clear(&mut self) {
        self.near.fill(0.0);
        self.echo.fill(0.0);
        self.candidate = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Speech;

    fn slip_of(samples: isize) -> Option<isize> {
        let mut speech = vec![0.0; 48_000];
        Speech::new(3).fill(&mut speech);
        let mut finder = SlipFinder::default();
        for start in (4800..14_400).step_by(FRAME) {
            let at = |shift: isize| -> Frame {
                std::array::from_fn(|i| 0.5 * speech[(start + i).saturating_add_signed(-shift)])
            };
            finder.push(&at(samples), &at(0));
        }
        finder.find(0.0);
        finder.find(0.0)
    }

    #[test]
    fn slips_are_found_in_both_directions() {
        assert_eq!(slip_of(576), Some(576));
        assert_eq!(slip_of(-576), Some(-576));
        assert_eq!(slip_of(0), None);
    }
}
