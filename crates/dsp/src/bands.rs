//! What a sound is made of, for people to look at: its power in bands of a sixth of an octave.

use realfft::{RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use std::sync::Arc;

/// Sixth octaves from 44 Hz to 20 kHz; number [`BAND_OF_1_KHZ`] is around 1 kHz.
pub const BANDS: usize = 54;
const BAND_OF_1_KHZ: usize = 27;
/// Samples looked at: 85 ms at 48 kHz, which tells tones of 12 Hz distance apart.
pub const BANDS_WINDOW: usize = 4096;
/// What counts as nothing, in dBov.
pub const FLOOR_DB: f32 = -120.0;

/// The middle of a band, Hz.
pub fn band_centre(band: usize) -> f32 {
    1000.0 * 2f32.powf((band as f32 - BAND_OF_1_KHZ as f32) / 6.0)
}

/// Mean square to dBov (0 is a full-scale square wave, a full-scale sine is -3), as RFC 6464 counts.
pub fn power_db(mean_square: f32) -> f32 {
    if mean_square <= 1e-12 {
        return FLOOR_DB;
    }
    10.0 * mean_square.log10()
}

/// Takes windows apart. Makes its tables once; nothing is allocated afterwards.
pub struct BandMeter {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    input: Vec<f32>,
    bins: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    /// Power of all bins below each bin's upper edge.
    sums: Vec<f64>,
    /// `BANDS + 1` edges in units of bins, counted from the lower edge of bin 0.
    edges: Vec<f64>,
    /// From the sum of squared magnitudes to mean square.
    scale: f64,
}

impl std::fmt::Debug for BandMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BandMeter")
    }
}

impl Default for BandMeter {
    fn default() -> BandMeter {
        let fft = RealFftPlanner::new().plan_fft_forward(BANDS_WINDOW);
        let length = BANDS_WINDOW as f32;
        let hann = |i: usize| 0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / length).cos();
        let window: Vec<f32> = (0..BANDS_WINDOW).map(hann).collect();
        let energy: f64 = window.iter().map(|w| f64::from(w * w)).sum();
        let bin = f64::from(crate::SAMPLE_RATE) / BANDS_WINDOW as f64;
        let edge = |band: usize| {
            let hz = f64::from(band_centre(band)) * 2f64.powf(-1.0 / 12.0);
            (hz / bin + 0.5).min((BANDS_WINDOW / 2 + 1) as f64)
        };
        BandMeter {
            window,
            input: fft.make_input_vec(),
            bins: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            sums: vec![0.0; BANDS_WINDOW / 2 + 2],
            edges: (0..=BANDS).map(edge).collect(),
            scale: 2.0 / (BANDS_WINDOW as f64 * energy),
            fft,
        }
    }
}

impl BandMeter {
    /// The power of each band in dBov. `samples` at 48 kHz; the last [`BANDS_WINDOW`] count, silence stands for what is
    /// missing before them.
    pub fn measure(&mut self, samples: &[f32], out: &mut [f32; BANDS]) {
        let samples = &samples[samples.len().saturating_sub(BANDS_WINDOW)..];
        let missing = BANDS_WINDOW - samples.len();
        self.input[..missing].fill(0.0);
        self.input[missing..].copy_from_slice(samples);
        for (sample, weight) in self.input.iter_mut().zip(&self.window) {
            *sample *= weight;
        }
        let (input, bins) = (&mut self.input, &mut self.bins);
        // The buffers were made by the plan itself, so their lengths fit.
        if self
            .fft
            .process_with_scratch(input, bins, &mut self.scratch)
            .is_err()
        {
            return out.fill(FLOOR_DB);
        }
        let mut sum = 0.0;
        for (to, bin) in self.sums[1..].iter_mut().zip(&self.bins) {
            sum += f64::from(bin.norm_sqr());
            *to = sum;
        }
        for (band, out) in out.iter_mut().enumerate() {
            let power = self.below(self.edges[band + 1]) - self.below(self.edges[band]);
            *out = power_db((power * self.scale) as f32);
        }
    }

    /// Power below an edge; within a bin it is taken for even.
    fn below(&self, edge: f64) -> f64 {
        let whole = (edge as usize).min(self.sums.len() - 1);
        let next = (whole + 1).min(self.sums.len() - 1);
        self.sums[whole] + (edge - whole as f64) * (self.sums[next] - self.sums[whole])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(samples: &[f32]) -> [f32; BANDS] {
        let mut out = [0.0; BANDS];
        BandMeter::default().measure(samples, &mut out);
        out
    }

    fn tone(hz: f32, amplitude: f32) -> Vec<f32> {
        let step = std::f32::consts::TAU * hz / crate::SAMPLE_RATE as f32;
        (0..BANDS_WINDOW)
            .map(|i| amplitude * (step * i as f32).sin())
            .collect()
    }

    fn loudest(bands: &[f32; BANDS]) -> usize {
        (0..BANDS)
            .max_by(|a, b| bands[*a].total_cmp(&bands[*b]))
            .unwrap()
    }

    #[test]
    fn a_tone_is_in_its_band_at_its_level_and_nowhere_far_from_it() {
        for band in [16, 20, 27, 35, 45, 53] {
            let bands = measure(&tone(band_centre(band), 0.5));
            assert_eq!(loudest(&bands), band);
            // Amplitude a is a mean square of a²/2: -9 dBov for one half.
            assert!((bands[band] + 9.0).abs() < 1.0, "{band}: {}", bands[band]);
            for (other, level) in bands.iter().enumerate() {
                assert!(
                    other.abs_diff(band) < 6 || *level < -70.0,
                    "{band} in {other}: {level}"
                );
            }
        }
    }

    #[test]
    fn bands_together_have_the_power_of_the_whole() {
        let mut noise = vec![0.0; BANDS_WINDOW];
        crate::generate::Noise::new(3).fill(&mut noise, 0.1);
        let whole = noise.iter().map(|s| s * s).sum::<f32>() / noise.len() as f32;
        let sum: f32 = measure(&noise).iter().map(|db| 10f32.powf(db / 10.0)).sum();
        // White noise has a seventh of its power above the bands; the window weighs samples unevenly.
        assert!((power_db(sum) - power_db(whole * 0.88)).abs() < 1.0);
    }

    #[test]
    fn silence_and_short_sounds_are_no_trouble() {
        assert!(measure(&[]).iter().all(|db| *db == FLOOR_DB));
        assert!(measure(&[0.0; 100]).iter().all(|db| *db == FLOOR_DB));
    }
}
