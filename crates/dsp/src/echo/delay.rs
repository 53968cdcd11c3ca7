//! Where the echo begins: generalised cross-correlation with phase transform (C. Knapp and G. Carter, 1976) between what was played and what the microphone hears, on both
//! signals brought down to 4 kHz. It finds delays up to half a second to a quarter of a millisecond, in about half a second of far speech.

use crate::spectrum::{Spectrum, Transform};
use crate::{FRAME, Frame};

/// 48 kHz → 4 kHz.
const FACTOR: usize = 12;
const SLOW: usize = FRAME / FACTOR;
/// Slow samples of a look: 1 s of far, the newest half of near.
const LONG: usize = 4096;
const SHORT: usize = LONG / 2;
/// Frames between looks: while searching, and when the delay is known.
const HURRIED: u32 = 10;
const CALM: u32 = 30;
/// Weight of the past in the averaged cross-spectrum, per look.
const MEMORY: f32 = 0.7;
/// A peak counts when it stands so high above the root mean square of the correlation, and is believed when the looks that agree on it add up to this.
const CLEAR: f32 = 7.0;
const SURE: f32 = 32.0;
/// Slow samples within which two looks agree.
const AGREE: usize = 6;
/// Far level below which a look says nothing (root mean square).
const AUDIBLE: f32 = 1e-3;

/// Low-pass filter and decimator.
#[derive(Debug)]
struct Slow {
    taps: Vec<f32>,
    past: Vec<f32>,
    kept: Vec<f32>,
}

impl Slow {
    fn new() -> Slow {
        let length = 8 * FACTOR;
        let cut = 1700.0 / 48_000.0 * std::f32::consts::TAU;
        let mut taps: Vec<f32> = (0..length)
            .map(|i| {
                let x = i as f32 - (length - 1) as f32 / 2.0;
                let window = (std::f32::consts::PI * (i as f32 + 0.5) / length as f32).sin();
                (cut * x).sin() / x * window.powi(2)
            })
            .collect();
        let sum: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|t| *t /= sum);
        Slow {
            past: vec![0.0; length + FRAME],
            kept: vec![0.0; LONG],
            taps,
        }
    }

    fn push(&mut self, frame: &Frame) {
        let length = self.taps.len();
        self.past.copy_within(FRAME.., 0);
        self.past[length..].copy_from_slice(frame);
        self.kept.copy_within(SLOW.., 0);
        for (i, out) in self.kept[LONG - SLOW..].iter_mut().enumerate() {
            let start = (i + 1) * FACTOR;
            let part = &self.past[start..start + length];
            *out = part.iter().zip(&self.taps).map(|(a, b)| a * b).sum();
        }
    }
}

/// Finds the delay from far to near.
#[derive(Debug)]
pub struct DelayFinder {
    far: Slow,
    near: Slow,
    transform: Transform,
    far_spectrum: Spectrum,
    near_spectrum: Spectrum,
    average: Spectrum,
    weighted: Spectrum,
    /// Where the last looks saw a peak, and how high in sum.
    candidate: Option<(usize, f32)>,
    known: Option<usize>,
    until_look: u32,
}

impl Default for DelayFinder {
    fn default() -> DelayFinder {
        let bins = LONG / 2 + 1;
        DelayFinder {
            far: Slow::new(),
            near: Slow::new(),
            transform: Transform::new(LONG),
            far_spectrum: Spectrum::new(bins),
            near_spectrum: Spectrum::new(bins),
            average: Spectrum::new(bins),
            weighted: Spectrum::new(bins),
            candidate: None,
            known: None,
            until_look: HURRIED,
        }
    }
}

impl DelayFinder {
    /// Takes the next frame of both; a delay in samples at 48 kHz when it was found or has changed.
    pub fn push(&mut self, near: &Frame, far: &Frame) -> Option<usize> {
        self.far.push(far);
        self.near.push(near);
        self.until_look -= 1;
        if self.until_look > 0 {
            return None;
        }
        let settled = self.known.is_some() && self.candidate.is_none_or(|(_, sum)| sum >= SURE);
        self.until_look = if settled { CALM } else { HURRIED };
        let (peak, height) = self.look()?;
        let sum = match self.candidate {
            Some((at, sum)) if at.abs_diff(peak) <= AGREE => sum + height,
            _ => height,
        };
        self.candidate = Some((peak, sum));
        let new = self.known.is_none_or(|known| known.abs_diff(peak) > AGREE);
        (sum >= SURE && new).then(|| {
            self.known = Some(peak);
            peak * FACTOR
        })
    }

    /// The last frame of both, near first, brought down to 4 kHz.
    pub fn newest(&self) -> (&[f32], &[f32]) {
        let from = LONG - SLOW;
        (&self.near.kept[from..], &self.far.kept[from..])
    }

    /// Whether a delay was ever found.
    pub fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// The echo was seen to come later by so many samples.
    pub fn moved(&mut self, samples: isize) {
        let slow = samples / FACTOR as isize;
        self.known = self.known.map(|known| known.saturating_add_signed(slow));
        self.average.clear();
        self.hurry();
    }

    /// Looks again soon, and trusts the past less.
    pub fn hurry(&mut self) {
        self.candidate = None;
        self.until_look = self.until_look.min(HURRIED);
    }

    fn look(&mut self) -> Option<(usize, f32)> {
        let newest = &self.far.kept[SHORT / 2..];
        let level = newest.iter().map(|s| s * s).sum::<f32>() / newest.len() as f32;
        if level < AUDIBLE * AUDIBLE {
            return None;
        }
        // Only the newest half of near: each of its samples has half a second of far before it.
        self.transform
            .forward(&[&self.far.kept], &mut self.far_spectrum);
        let silence = [0.0; SHORT];
        self.transform.forward(
            &[&silence, &self.near.kept[SHORT..]],
            &mut self.near_spectrum,
        );
        let bins = self.average.bins();
        // 100 Hz to 1.6 kHz.
        let (low, high) = (bins / 20, bins * 4 / 5);
        self.weighted.clear();
        for k in low..high {
            let (a, b) = (self.near_spectrum.re[k], self.near_spectrum.im[k]);
            let (c, d) = (self.far_spectrum.re[k], self.far_spectrum.im[k]);
            // Each look weighs by its far level only a little, so that one loud syllable does not rule.
            let norm = 1.0 / ((a * a + b * b) * (c * c + d * d) + 1e-20).sqrt().sqrt();
            let re = &mut self.average.re[k];
            let im = &mut self.average.im[k];
            *re = MEMORY * *re + norm * (a * c + b * d);
            *im = MEMORY * *im + norm * (b * c - a * d);
            let size = (*re * *re + *im * *im + 1e-20).sqrt();
            self.weighted.re[k] = *re / size;
            self.weighted.im[k] = *im / size;
        }
        let correlation = self.transform.inverse(&self.weighted);
        let lags = &correlation[..SHORT];
        let (peak, height) = lags.iter().enumerate().fold((0, 0.0f32), |best, (i, v)| {
            if v.abs() > best.1 { (i, v.abs()) } else { best }
        });
        let mean = (lags.iter().map(|v| v * v).sum::<f32>() / SHORT as f32).sqrt();
        (height > CLEAR * mean).then(|| (peak, height / mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Noise, Speech};

    fn find(delay: usize, near_noise: f32, seconds: usize) -> Option<(usize, usize)> {
        let mut far = vec![0.0; seconds * 48_000];
        Speech::new(5).fill(&mut far);
        let mut noise = Noise::new(6);
        let mut finder = DelayFinder::default();
        let mut found = None;
        for start in (0..far.len()).step_by(FRAME) {
            let near: Frame = std::array::from_fn(|i| {
                let echo = (start + i)
                    .checked_sub(delay)
                    .map_or(0.0, |at| 0.3 * far[at]);
                echo + near_noise * noise.sample()
            });
            let frame: Frame = far[start..start + FRAME].try_into().unwrap();
            if let Some(delay) = finder.push(&near, &frame) {
                found = Some((delay, start / FRAME));
            }
        }
        found
    }

    #[test]
    fn delays_are_found_to_a_quarter_of_a_millisecond() {
        for delay in [600, 5760, 12_000, 20_000] {
            let (found, _) = find(delay, 0.001, 4).unwrap();
            assert!(found.abs_diff(delay) <= 24, "{found} for {delay}");
        }
    }

    #[test]
    fn nothing_is_found_where_there_is_no_echo() {
        let mut finder = DelayFinder::default();
        let (mut a, mut b) = (Speech::new(1), Speech::new(2));
        let (mut near, mut far) = ([0.0; FRAME], [0.0; FRAME]);
        for _ in 0..500 {
            a.fill(&mut near);
            b.fill(&mut far);
            assert_eq!(finder.push(&near, &far), None);
        }
    }
}
