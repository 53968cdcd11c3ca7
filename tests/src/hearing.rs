//! Recognises a known recording inside what somebody heard, through codecs, mixing and jitter buffers.
//!
//! Both sides are brought to 8 kHz and whitened: every short-time spectrum is made nearly flat, so that one vowel does not look
//! like another, and a voice that leads in a fraction of the time-frequency plane is found below louder ones (the idea of
//! GCC-PHAT, Knapp & Carter 1976). Windows of the heard sound are cross-correlated with the whole source by FFT, and the place in
//! the source is followed from window to window: jitter buffers stretch time, and a machine that stumbles skips some.

use rustfft::{Fft, FftPlanner, num_complex::Complex32};
use std::path::Path;
use std::sync::Arc;

/// Samples per second inside this module, and of what [`read_wav`] gives.
pub const RATE: usize = 8_000;
/// Length of a window: 1 s.
const WINDOW: usize = RATE;
/// Distance of windows: 0.5 s.
const HOP: usize = RATE / 2;
/// From one window to the next the place may move this far by stretching, in samples.
const WANDER: usize = RATE / 4;
/// And this far while the buffer is content: 20 ms.
const SWAY: usize = RATE / 50;
/// A window is recognised by normalised correlation, where that is this large, and this many times what the window has
/// with the source on average over all places (root mean square): voices that buzz alike agree everywhere. The fewer places
/// are looked at, the less chance can do.
const RECOGNISED_SWAYING: Threshold = Threshold(0.045, 4.2);
const RECOGNISED_WANDERING: Threshold = Threshold(0.065, 5.5);
/// Anywhere in the source: time was skipped.
const FOUND_AFRESH: Threshold = Threshold(0.12, 9.0);
/// Short-time spectra for whitening: 64 ms every 16 ms.
const SPECTRUM: usize = 512;
const STRIDE: usize = SPECTRUM / 4;

/// Normalised correlation, and times the average one.
#[derive(Clone, Copy)]
struct Threshold(f32, f32);

/// What was found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Heard {
    /// Windows in which the source spoke, going by the place followed.
    pub active: usize,
    /// Those of them in which it was recognised.
    pub recognised: usize,
    /// `recognised / active`, 0 to 1.
    pub share: f32,
    /// Median normalised correlation of recognised windows, 0 to 1.
    pub correlation: f32,
    /// Where in the source the recording starts, seconds (the source loops).
    pub offset_s: f32,
    /// Longest stretch in which the source spoke and was not recognised, seconds.
    pub longest_gap_s: f32,
    /// Sum of the jumps in the source that were larger than stretching explains, seconds: speech that never came.
    pub skipped_s: f32,
}

/// Reads a WAV file of any channel count and rate as 8 kHz mono.
pub fn read_wav(path: &Path) -> Result<Vec<f32>, String> {
    let mut reader =
        hound::WavReader::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map_while(Result::ok).collect(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / (1u64 << (spec.bits_per_sample - 1)) as f32;
            reader
                .samples::<i32>()
                .map_while(Result::ok)
                .map(|s| s as f32 * scale)
                .collect()
        }
    };
    let channels = usize::from(spec.channels);
    let mono: Vec<f32> = samples
        .chunks_exact(channels)
        .map(|c| c.iter().sum::<f32>() / channels as f32)
        .collect();
    let rate = spec.sample_rate as usize;
    if !rate.is_multiple_of(RATE) {
        return Err(format!(
            "{}: {rate} Hz is no multiple of {RATE} Hz",
            path.display()
        ));
    }
    Ok(decimate(&mono, rate / RATE))
}

/// Keeps every `factor`-th sample after a windowed-sinc low-pass.
fn decimate(x: &[f32], factor: usize) -> Vec<f32> {
    if factor == 1 {
        return x.to_vec();
    }
    let half = 8 * factor as isize;
    let taps: Vec<f32> = (-half..=half)
        .map(|i| {
            let t = i as f32 / factor as f32;
            let sinc = if i == 0 {
                1.0
            } else {
                (std::f32::consts::PI * t).sin() / (std::f32::consts::PI * t)
            };
            let hann = 0.5 + 0.5 * (std::f32::consts::PI * i as f32 / (half + 1) as f32).cos();
            sinc * hann / factor as f32
        })
        .collect();
    (0..x.len() / factor)
        .map(|n| {
            let centre = (n * factor) as isize;
            taps.iter()
                .zip(centre - half..=centre + half)
                .filter_map(|(tap, i)| Some(tap * x.get(usize::try_from(i).ok()?)?))
                .sum()
        })
        .collect()
}

/// Looks for `source` (8 kHz mono, looping) in `heard`. `None` when there is less than one window, or silence.
pub fn recognise(heard: &[f32], source: &[f32]) -> Option<Heard> {
    if heard.len() < WINDOW || heard.iter().all(|s| s.abs() < 1e-4) {
        return None;
    }
    let finder = Finder::new(source);
    let heard = whiten(heard);
    let starts: Vec<usize> = (0..=heard.len() - WINDOW).step_by(HOP).collect();
    let curves: Vec<Vec<f32>> = starts
        .iter()
        .map(|&s| finder.curve(&heard[s..s + WINDOW]))
        .collect();
    let first = finder.common_offset(&curves, &starts)?;

    let mut found = Heard {
        active: 0,
        recognised: 0,
        share: 0.0,
        correlation: 0.0,
        offset_s: first as f32 / RATE as f32,
        longest_gap_s: 0.0,
        skipped_s: 0.0,
    };
    let (mut offset, mut begun) = (first, false);
    let (mut gap, mut peaks) = (0usize, Vec::new());
    for (curve, &start) in curves.iter().zip(&starts) {
        let expected = (offset + start) % finder.period;
        let average = root_mean_square(curve);
        let searches = [
            (SWAY, RECOGNISED_SWAYING),
            (WANDER, RECOGNISED_WANDERING),
            (finder.period / 2, FOUND_AFRESH),
        ];
        // The first window has no place to sway around.
        let place = searches[usize::from(!begun)..]
            .iter()
            .find_map(|&(reach, threshold)| {
                let place = finder.near(curve, expected, reach);
                (place.1 >= threshold.0.max(threshold.1 * average)).then_some(place)
            });
        let lag = place.map_or(expected, |(lag, _)| lag);
        let jump = finder.distance(lag, expected);
        if begun && jump > WANDER {
            found.skipped_s += jump as f32 / RATE as f32;
        }
        if !finder.speaks(lag) {
            continue;
        }
        found.active += 1;
        if let Some((_, peak)) = place {
            begun = true;
            offset = (lag + finder.period - start % finder.period) % finder.period;
            found.recognised += 1;
            peaks.push(peak);
            gap = 0;
        } else {
            gap += HOP;
            found.longest_gap_s = found.longest_gap_s.max(gap as f32 / RATE as f32);
        }
    }
    peaks.sort_by(f32::total_cmp);
    found.correlation = peaks.get(peaks.len() / 2).copied().unwrap_or(0.0);
    found.share = found.recognised as f32 / found.active.max(1) as f32;
    Some(found)
}

/// Makes every short-time spectrum nearly flat. As long as the input.
fn whiten(x: &[f32]) -> Vec<f32> {
    let mut planner = FftPlanner::new();
    let (forward, inverse) = (
        planner.plan_fft_forward(SPECTRUM),
        planner.plan_fft_inverse(SPECTRUM),
    );
    let window: Vec<f32> = (0..SPECTRUM)
        .map(|i| (std::f32::consts::PI * (i as f32 + 0.5) / SPECTRUM as f32).sin())
        .collect();
    let loudest = x.iter().fold(0.0f32, |m, v| m.max(v.abs())) * SPECTRUM as f32 / 4.0;
    let floor = 1e-3 * loudest + 1e-9;
    let mut out = vec![0.0; x.len()];
    let mut buffer = vec![Complex32::default(); SPECTRUM];
    let mut at = -((SPECTRUM - STRIDE) as isize);
    while at < x.len() as isize {
        for (i, b) in buffer.iter_mut().enumerate() {
            let sample = usize::try_from(at + i as isize).ok().and_then(|n| x.get(n));
            *b = Complex32::new(sample.copied().unwrap_or(0.0) * window[i], 0.0);
        }
        forward.process(&mut buffer);
        for b in &mut buffer {
            *b /= b.norm().powf(0.8) + floor.powf(0.8);
        }
        inverse.process(&mut buffer);
        for (i, b) in buffer.iter().enumerate() {
            if let Some(sample) = usize::try_from(at + i as isize)
                .ok()
                .and_then(|n| out.get_mut(n))
            {
                *sample += b.re * window[i];
            }
        }
        at += STRIDE as isize;
    }
    out
}

/// The source, transformed once.
struct Finder {
    period: usize,
    /// Running sum of squares over the whitened source and one window beyond its end.
    energy: Vec<f64>,
    /// The same of the source as it sounds.
    loudness: Vec<f64>,
    spectrum: Vec<Complex32>,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

impl Finder {
    fn new(source: &[f32]) -> Finder {
        let period = source.len();
        let mut looped = source.to_vec();
        looped.extend_from_within(..WINDOW.min(period));
        let loudness = running_sum(&looped);
        let looped = whiten(&looped);
        let energy = running_sum(&looped);
        let size = (looped.len() + WINDOW).next_power_of_two();
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (
            planner.plan_fft_forward(size),
            planner.plan_fft_inverse(size),
        );
        let mut spectrum: Vec<Complex32> = looped.iter().map(|&x| Complex32::new(x, 0.0)).collect();
        spectrum.resize(size, Complex32::default());
        forward.process(&mut spectrum);
        Finder {
            period,
            energy,
            loudness,
            spectrum,
            forward,
            inverse,
        }
    }

    /// Whether the window at `lag` is louder than a twentieth of the average one.
    fn speaks(&self, lag: usize) -> bool {
        let sum = &self.loudness;
        let average = sum[sum.len() - 1] / (sum.len() as f64 / WINDOW as f64);
        in_window(sum, lag) > 0.05 * average
    }

    /// Normalised correlation of a window with the source at every lag.
    fn curve(&self, window: &[f32]) -> Vec<f32> {
        let mut buffer: Vec<Complex32> = window.iter().map(|&x| Complex32::new(x, 0.0)).collect();
        buffer.resize(self.spectrum.len(), Complex32::default());
        self.forward.process(&mut buffer);
        for (b, s) in buffer.iter_mut().zip(&self.spectrum) {
            *b = s * b.conj();
        }
        self.inverse.process(&mut buffer);
        let own: f64 = window.iter().map(|x| f64::from(x * x)).sum();
        let scale = 1.0 / self.spectrum.len() as f64;
        let floor = 1e-9;
        (0..self.period)
            .map(|lag| {
                (f64::from(buffer[lag].re) * scale
                    / (own * in_window(&self.energy, lag) + floor).sqrt()) as f32
            })
            .collect()
    }

    /// The offset of the recording in the source on which most windows agree, weighted by how well they match.
    fn common_offset(&self, curves: &[Vec<f32>], starts: &[usize]) -> Option<usize> {
        let bin = WANDER / 2;
        let mut votes = vec![0.0f32; self.period / bin + 1];
        for (curve, start) in curves.iter().zip(starts) {
            let (lag, peak) = curve.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
            let offset = (lag + self.period - start % self.period) % self.period;
            votes[offset / bin] += peak.max(0.0);
        }
        let n = votes.len();
        let around = |i: usize| votes[i] + votes[(i + 1) % n];
        let best = (0..n).max_by(|&a, &b| around(a).total_cmp(&around(b)))?;
        (around(best) > 0.0).then_some((best + 1) * bin % self.period)
    }

    /// The best match within `reach` of `centre`: lag and correlation.
    fn near(&self, curve: &[f32], centre: usize, reach: usize) -> (usize, f32) {
        let from = centre + self.period - reach;
        best((from..=from + 2 * reach).map(|i| (i % self.period, curve[i % self.period])))
    }

    /// The shorter way round between two lags.
    fn distance(&self, a: usize, b: usize) -> usize {
        let d = a.abs_diff(b);
        d.min(self.period - d)
    }
}

fn best(all: impl Iterator<Item = (usize, f32)>) -> (usize, f32) {
    all.fold((0, f32::MIN), |a, b| if b.1 > a.1 { b } else { a })
}

fn root_mean_square(x: &[f32]) -> f32 {
    let squares: f64 = x.iter().map(|v| f64::from(v * v)).sum();
    (squares / x.len().max(1) as f64).sqrt() as f32
}

fn running_sum(x: &[f32]) -> Vec<f64> {
    let mut sum = vec![0.0];
    for v in x {
        sum.push(sum[sum.len() - 1] + f64::from(v * v));
    }
    sum
}

fn in_window(sum: &[f64], start: usize) -> f64 {
    sum[(start + WINDOW).min(sum.len() - 1)] - sum[start]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise with a syllable-like envelope, different for each seed.
    fn voice(seed: u32, seconds: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let mut low = 0.0;
        (0..seconds * RATE)
            .map(|i| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                low = 0.7 * low + 0.3 * (state as f32 / u32::MAX as f32 - 0.5);
                low * (0.6 + 0.4 * (i as f32 / RATE as f32 * (3.0 + seed as f32 * 0.3)).sin())
            })
            .collect()
    }

    #[test]
    fn a_voice_is_recognised_in_a_mix_and_a_stranger_is_not() {
        let (a, b, stranger) = (voice(1, 10), voice(2, 10), voice(3, 10));
        let mix: Vec<f32> = (0..6 * RATE)
            .map(|i| a[i + 2 * RATE] + b[(i + 7 * RATE) % b.len()])
            .collect();
        let found = recognise(&mix, &a).unwrap();
        assert!(
            found.share > 0.95 && (found.offset_s - 2.0).abs() < 0.3,
            "{found:?}"
        );
        assert!(recognise(&mix, &b).unwrap().share > 0.95);
        let other = recognise(&mix, &stranger).unwrap();
        assert!(other.share < 0.1, "{other:?}");
    }

    #[test]
    fn a_gap_is_measured() {
        let a = voice(1, 10);
        let mut heard = a[..8 * RATE].to_vec();
        heard[3 * RATE..6 * RATE].fill(0.0);
        let found = recognise(&heard, &a).unwrap();
        assert!((1.5..=3.5).contains(&found.longest_gap_s), "{found:?}");
    }

    #[test]
    fn a_skip_is_followed_and_told() {
        let a = voice(1, 20);
        let mut heard = a[..5 * RATE].to_vec();
        heard.extend_from_slice(&a[7 * RATE..12 * RATE]);
        let found = recognise(&heard, &a).unwrap();
        assert!(found.share > 0.9, "{found:?}");
        assert!((found.skipped_s - 2.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn silence_is_nobody() {
        assert!(recognise(&vec![0.0; 4 * RATE], &voice(1, 10)).is_none_or(|h| h.recognised == 0));
    }
}
