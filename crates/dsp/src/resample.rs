//! Streaming sample-rate conversion with rubato: FFT filters between rates with a common 20 ms grid, polynomial interpolation for
//! odd ones (a device that reports 44,099 Hz).

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, Fft, FixedAsync, FixedSync, PolynomialDegree};

/// A rate or channel count that can't be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRate;

/// Converts interleaved samples from one rate to another, in pieces of any size.
pub struct Resampler {
    engine: Option<Box<dyn rubato::Resampler<f32>>>,
    channels: usize,
    pending: Vec<f32>,
    produced: Vec<f32>,
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler")
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl Resampler {
    /// Rates in Hz, 1,000..=768,000; 1 to 8 channels. Equal rates pass samples through.
    pub fn new(from: u32, to: u32, channels: usize) -> Result<Resampler, BadRate> {
        let known = 1_000..=768_000;
        if !known.contains(&from) || !known.contains(&to) || !(1..=8).contains(&channels) {
            return Err(BadRate);
        }
        let engine = (from != to)
            .then(|| engine(from, to, channels))
            .transpose()?;
        let (input, output) = engine
            .as_ref()
            .map_or((0, 0), |e| (e.input_frames_max(), e.output_frames_max()));
        Ok(Resampler {
            engine,
            channels,
            pending: Vec::with_capacity(2 * input * channels),
            produced: vec![0.0; output * channels],
        })
    }

    /// Appends what `input` (interleaved, whole frames) makes to `out`. Converts in blocks of about 10 ms; the rest waits for the
    /// next call. Allocates only when `input` or `out` outgrow what they had.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        let Some(engine) = &mut self.engine else {
            out.extend_from_slice(input);
            return;
        };
        self.pending.extend_from_slice(input);
        let mut used = 0;
        loop {
            let frames = engine.input_frames_next();
            let Some(block) = self.pending.get(used..used + frames * self.channels) else {
                break;
            };
            let capacity = self.produced.len() / self.channels;
            let (Ok(source), Ok(mut sink)) = (
                InterleavedSlice::new(block, self.channels, frames),
                InterleavedSlice::new_mut(&mut self.produced, self.channels, capacity),
            ) else {
                break;
            };
            let Ok((_, written)) = engine.process_into_buffer(&source, &mut sink, None) else {
                break;
            };
            out.extend_from_slice(&self.produced[..written * self.channels]);
            used += frames * self.channels;
        }
        self.pending.drain(..used);
    }

    /// Delay in output frames.
    pub fn delay(&self) -> usize {
        self.engine
            .as_ref()
            .map_or(0, |engine| engine.output_delay())
    }
}

fn engine(from: u32, to: u32, channels: usize) -> Result<Box<dyn rubato::Resampler<f32>>, BadRate> {
    if from.is_multiple_of(50) && to.is_multiple_of(50) {
        let chunk = (from / 100) as usize;
        let fft = Fft::new(from as usize, to as usize, chunk, channels, FixedSync::Both)
            .map_err(|_| BadRate)?;
        return Ok(Box::new(fft));
    }
    let ratio = f64::from(to) / f64::from(from);
    let chunk = (from / 100) as usize;
    let poly = Async::new_poly(
        ratio,
        1.1,
        PolynomialDegree::Septic,
        chunk,
        channels,
        FixedAsync::Input,
    )
    .map_err(|_| BadRate)?;
    Ok(Box::new(poly))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rms, tone_power};

    /// One second of a 1 kHz sine, fed in uneven pieces.
    fn convert(from: u32, to: u32, channels: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(from, to, channels).unwrap();
        let input: Vec<f32> = (0..from)
            .flat_map(|i| {
                std::iter::repeat_n(
                    (i as f32 / from as f32 * 1000.0 * std::f32::consts::TAU).sin() * 0.5,
                    channels,
                )
            })
            .collect();
        let mut out = Vec::new();
        for piece in input.chunks(channels * 331) {
            resampler.process(piece, &mut out);
        }
        out
    }

    #[test]
    fn a_tone_keeps_its_frequency_length_and_purity() {
        for (from, to) in [
            (44_100, 48_000),
            (16_000, 48_000),
            (48_000, 44_100),
            (8_000, 48_000),
            (96_000, 48_000),
            (44_099, 48_000),
        ] {
            let out = convert(from, to, 1);
            assert!(
                (out.len() as i64 - i64::from(to)).unsigned_abs() < u64::from(to) / 20,
                "{from}: {}",
                out.len()
            );
            let middle = &out[out.len() / 4..out.len() / 4 + to as usize / 2];
            let (total, pure) = (rms(middle).powi(2), tone_power(middle, 1000.0, to));
            assert!(
                (pure / total - 1.0).abs() < 0.002,
                "{from} to {to}: {}",
                pure / total
            );
            assert!((total - 0.125).abs() < 0.002, "{from} to {to}: {total}");
        }
    }

    #[test]
    fn stereo_stays_in_step() {
        let out = convert(44_100, 48_000, 2);
        assert!(
            out.chunks(2)
                .all(|frame| (frame[0] - frame[1]).abs() < 1e-6)
        );
    }

    #[test]
    fn strange_rates_are_refused_and_equal_ones_pass() {
        assert!(Resampler::new(0, 48_000, 1).is_err());
        assert!(Resampler::new(48_000, 48_000, 9).is_err());
        let mut out = Vec::new();
        Resampler::new(48_000, 48_000, 1)
            .unwrap()
            .process(&[0.1, 0.2, 0.3], &mut out);
        assert_eq!(out, [0.1, 0.2, 0.3]);
    }
}
