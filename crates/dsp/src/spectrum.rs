//! Real Fourier transforms whose buffers are made once, and spectra kept as two plain arrays (real and imaginary parts apart), which is the form the compiler turns into
//! vector instructions.

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use std::sync::Arc;

/// Half a spectrum of a real signal: `length / 2 + 1` bins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spectrum {
    pub re: Vec<f32>,
    pub im: Vec<f32>,
}

impl Spectrum {
    pub fn new(bins: usize) -> Spectrum {
        Spectrum {
            re: vec![0.0; bins],
            im: vec![0.0; bins],
        }
    }

    pub fn bins(&self) -> usize {
        self.re.len()
    }

    pub fn clear(&mut self) {
        self.re.fill(0.0);
        self.im.fill(0.0);
    }

    /// `|X|²` of every bin.
    pub fn power(&self, out: &mut [f32]) {
        for ((out, re), im) in out.iter_mut().zip(&self.re).zip(&self.im) {
            *out = re * re + im * im;
        }
    }
}

/// Transforms of one length, forward and back; back is scaled by the length, so that a round trip is the identity.
pub struct Transform {
    length: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    time: Vec<f32>,
    bins: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transform")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Transform {
    /// `length`: even.
    pub fn new(length: usize) -> Transform {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(length);
        let inverse = planner.plan_fft_inverse(length);
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Transform {
            length,
            forward,
            inverse,
            time: vec![0.0; length],
            bins: vec![Complex::default(); length / 2 + 1],
            scratch: vec![Complex::default(); scratch],
        }
    }

    /// The spectrum of `parts` one after the other, as long as the transform together; missing samples are zeros.
    pub fn forward(&mut self, parts: &[&[f32]], out: &mut Spectrum) {
        let mut at = 0;
        for part in parts {
            let end = (at + part.len()).min(self.length);
            self.time[at..end].copy_from_slice(&part[..end - at]);
            at = end;
        }
        self.time[at..].fill(0.0);
        self.run_forward(out);
    }

    /// As [`Transform::forward`], each sample weighed by `window`.
    pub fn forward_windowed(&mut self, parts: &[&[f32]], window: &[f32], out: &mut Spectrum) {
        let samples = parts.iter().flat_map(|part| part.iter());
        for ((time, sample), weight) in self.time.iter_mut().zip(samples).zip(window) {
            *time = sample * weight;
        }
        self.run_forward(out);
    }

    fn run_forward(&mut self, out: &mut Spectrum) {
        let len = self.forward.get_scratch_len();
        // Lengths are fixed at construction, so this cannot fail; a spectrum it refused would stay as it was.
        let done = self.forward.process_with_scratch(
            &mut self.time,
            &mut self.bins,
            &mut self.scratch[..len],
        );
        debug_assert!(done.is_ok());
        for ((bin, re), im) in self.bins.iter().zip(&mut out.re).zip(&mut out.im) {
            (*re, *im) = (bin.re, bin.im);
        }
    }

    /// The signal of a spectrum, valid until the next call.
    pub fn inverse(&mut self, spectrum: &Spectrum) -> &mut [f32] {
        for ((bin, re), im) in self.bins.iter_mut().zip(&spectrum.re).zip(&spectrum.im) {
            *bin = Complex::new(*re, *im);
        }
        // A real signal has no imaginary part at DC and Nyquist; rounding may leave one.
        self.bins[0].im = 0.0;
        self.bins[self.length / 2].im = 0.0;
        let len = self.inverse.get_scratch_len();
        let done = self.inverse.process_with_scratch(
            &mut self.bins,
            &mut self.time,
            &mut self.scratch[..len],
        );
        debug_assert!(done.is_ok());
        let scale = 1.0 / self.length as f32;
        self.time.iter_mut().for_each(|s| *s *= scale);
        &mut self.time
    }
}

/// The square root of a periodic Hann window: used before and after, it sums to 1 at half overlap.
pub fn root_hann(length: usize) -> Vec<f32> {
    (0..length)
        .map(|i| (std::f32::consts::PI * i as f32 / length as f32).sin())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;

    #[test]
    fn there_and_back_is_the_same() {
        let mut samples = vec![0.0; 960];
        Noise::new(1).fill(&mut samples, 0.5);
        let mut transform = Transform::new(960);
        let mut spectrum = Spectrum::new(481);
        transform.forward(&[&samples[..480], &samples[480..]], &mut spectrum);
        let back = transform.inverse(&spectrum);
        assert!(back.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn a_tone_is_one_bin() {
        let samples: Vec<f32> = (0..960)
            .map(|i| (std::f32::consts::TAU * 20.0 * i as f32 / 960.0).cos())
            .collect();
        let mut spectrum = Spectrum::new(481);
        Transform::new(960).forward(&[&samples], &mut spectrum);
        let mut power = vec![0.0; 481];
        spectrum.power(&mut power);
        let loudest = (0..481).max_by(|a, b| power[*a].total_cmp(&power[*b]));
        assert_eq!(loudest, Some(20));
        assert!(power[20] / power.iter().sum::<f32>() > 0.999);
    }

    #[test]
    fn the_window_squared_sums_to_one_at_half_overlap() {
        let window = root_hann(960);
        assert!((0..480).all(|i| (window[i].powi(2) + window[i + 480].powi(2) - 1.0).abs() < 1e-5));
    }
}
