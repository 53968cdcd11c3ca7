//! What was played: samples of the last second, read at any (also fractional) delay, and their spectra frame by frame.

use crate::spectrum::{Spectrum, Transform};
use crate::{FRAME, Frame};

/// Samples kept: 1.3 s, enough for the longest delay and the filter's tail behind it.
const KEPT: usize = 1 << 16;
/// Taps of the interpolation filter, and positions between two samples for which it is tabled.
const TAPS: usize = 16;
const PHASES: usize = 64;

/// The far voice on the near clock.
#[derive(Debug)]
pub struct FarLine {
    ring: Vec<f32>,
    written: u64,
    /// How long ago, in samples, the end of the current frame was played.
    delay: f64,
    /// How much faster the far clock runs, as a fraction: 100 ppm is 1e-4.
    drift: f64,
    table: Vec<[f32; TAPS]>,
}

impl Default for FarLine {
    fn default() -> FarLine {
        FarLine {
            ring: vec![0.0; KEPT],
            written: 0,
            delay: 0.0,
            drift: 0.0,
            table: (0..=PHASES)
                .map(|phase| kernel(phase as f64 / PHASES as f64))
                .collect(),
        }
    }
}

/// A windowed sinc that gives the signal `fraction` samples after the middle.
fn kernel(fraction: f64) -> [f32; TAPS] {
    let half = TAPS as f64 / 2.0;
    let mut taps: [f64; TAPS] = std::array::from_fn(|i| {
        let x = i as f64 - (half - 1.0) - fraction;
        let angle = std::f64::consts::PI * x;
        let sinc = if x.abs() < 1e-9 {
            1.0
        } else {
            angle.sin() / angle
        };
        let window = (std::f64::consts::FRAC_PI_2 * (x / half).clamp(-1.0, 1.0))
            .cos()
            .powi(2);
        sinc * window
    });
    let sum: f64 = taps.iter().sum();
    taps.iter_mut().for_each(|t| *t /= sum);
    taps.map(|t| t as f32)
}

impl FarLine {
    /// Longest delay that can be read, in samples: 0.6 s.
    pub const LONGEST: f64 = 28_800.0;

    pub fn push(&mut self, frame: &Frame) {
        for sample in frame {
            let at = (self.written % KEPT as u64) as usize;
            self.ring[at] = if sample.is_finite() { *sample } else { 0.0 };
            self.written += 1;
        }
        self.delay = (self.delay + self.drift * FRAME as f64).clamp(0.0, Self::LONGEST);
    }

    pub fn delay(&self) -> f64 {
        self.delay
    }

    pub fn drift(&self) -> f64 {
        self.drift
    }

    pub fn set_drift(&mut self, drift: f64) {
        self.drift = drift;
    }

    /// Moves the reading point; positive: further back.
    pub fn shift(&mut self, samples: f64) {
        self.delay = (self.delay + samples).clamp(0.0, Self::LONGEST);
    }

    /// The frame `back` frames before the current one.
    pub fn read(&self, back: usize, out: &mut Frame) {
        let step = 1.0 - self.drift;
        let end = self.written as f64 - self.delay - (back * FRAME) as f64 * step;
        let start = end - FRAME as f64 * step;
        if self.drift == 0.0 && start.fract() == 0.0 {
            for (i, out) in out.iter_mut().enumerate() {
                *out = self.at(start as i64 + i as i64);
            }
            return;
        }
        for (i, out) in out.iter_mut().enumerate() {
            *out = self.between(start + i as f64 * step);
        }
    }

    fn between(&self, position: f64) -> f32 {
        let whole = position.floor();
        let phase = (position - whole) * PHASES as f64;
        let index = (phase as usize).min(PHASES - 1);
        let mix = (phase - index as f64) as f32;
        let first = whole as i64 - (TAPS as i64 / 2 - 1);
        let (a, b) = (&self.table[index], &self.table[index + 1]);
        (0..TAPS)
            .map(|t| self.at(first + t as i64) * (a[t] + mix * (b[t] - a[t])))
            .sum()
    }

    fn at(&self, position: i64) -> f32 {
        let known = position >= 0 && (position as u64) < self.written;
        if known {
            self.ring[(position as u64 % KEPT as u64) as usize]
        } else {
            0.0
        }
    }
}

/// Spectra of the far voice, newest first: partition `p` belongs to the frame `p` frames ago (each with the frame before it).
#[derive(Debug)]
pub struct FarSpectra {
    bins: usize,
    partitions: usize,
    newest: usize,
    re: Vec<f32>,
    im: Vec<f32>,
    power: Vec<f32>,
    last: Frame,
    spectrum: Spectrum,
}

impl FarSpectra {
    pub fn new(partitions: usize) -> FarSpectra {
        let bins = FRAME + 1;
        FarSpectra {
            bins,
            partitions,
            newest: 0,
            re: vec![0.0; partitions * bins],
            im: vec![0.0; partitions * bins],
            power: vec![0.0; partitions * bins],
            last: [0.0; FRAME],
            spectrum: Spectrum::new(bins),
        }
    }

    pub fn push(&mut self, frame: &Frame, transform: &mut Transform) {
        transform.forward(&[&self.last, frame], &mut self.spectrum);
        self.last = *frame;
        self.newest = (self.newest + self.partitions - 1) % self.partitions;
        let range = self.newest * self.bins..(self.newest + 1) * self.bins;
        self.re[range.clone()].copy_from_slice(&self.spectrum.re);
        self.im[range.clone()].copy_from_slice(&self.spectrum.im);
        self.spectrum.power(&mut self.power[range]);
    }

    /// Reads the past anew, after the reading point moved.
    pub fn rebuild(&mut self, line: &FarLine, transform: &mut Transform) {
        let mut frame = [0.0; FRAME];
        for back in (0..=self.partitions).rev() {
            line.read(back, &mut frame);
            self.push(&frame, transform);
        }
    }

    /// Real parts, imaginary parts and powers.
    pub fn partition(&self, partition: usize) -> (&[f32], &[f32], &[f32]) {
        let slot = (self.newest + partition) % self.partitions;
        let range = slot * self.bins..(slot + 1) * self.bins;
        (
            &self.re[range.clone()],
            &self.im[range.clone()],
            &self.power[range],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Tone;

    #[test]
    fn a_whole_delay_gives_the_very_samples() {
        let mut line = FarLine::default();
        let mut out = [0.0; FRAME];
        for i in 0..10 {
            line.push(&std::array::from_fn(|k| (i * FRAME + k) as f32));
        }
        line.shift(1000.0);
        line.read(0, &mut out);
        assert_eq!(out[0], (10 * FRAME - 1000 - FRAME) as f32);
        line.read(2, &mut out);
        assert_eq!(out[FRAME - 1], (8 * FRAME - 1000 - 1) as f32);
    }

    #[test]
    fn a_fractional_delay_turns_a_tones_phase_and_nothing_else() {
        let mut line = FarLine::default();
        let mut tone = Tone::new(3000.0, 0.5);
        let mut frame = [0.0; FRAME];
        for _ in 0..10 {
            tone.fill(&mut frame);
            line.push(&frame);
        }
        line.shift(100.37);
        let mut out = [0.0; FRAME];
        line.read(0, &mut out);
        let worst = (0..FRAME).fold(0.0f32, |worst, i| {
            let at = (9 * FRAME + i) as f64 - 100.37;
            let expected = 0.5 * (at * 3000.0 / 48_000.0 * std::f64::consts::TAU).sin();
            worst.max((out[i] - expected as f32).abs())
        });
        assert!(worst < 1e-3, "{worst}");
    }

    #[test]
    fn drift_moves_the_reading_point() {
        let mut line = FarLine::default();
        line.shift(1000.0);
        line.set_drift(1e-4);
        (0..100).for_each(|_| line.push(&[0.0; FRAME]));
        assert!((line.delay() - 1004.8).abs() < 1e-6);
    }
}
