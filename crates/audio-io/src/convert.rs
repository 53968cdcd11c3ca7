//! Sample-rate conversion between devices or files and our 48 kHz.

use crate::{FRAME, OpenError, SAMPLE_RATE, StereoFrame};
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Adjustable, Async, Fft, FixedAsync, FixedSync, PolynomialDegree, Resampler};

/// One or two interleaved channels from any rate to 48 kHz.
pub struct ToOurs {
    channels: usize,
    engine: Option<Box<dyn Resampler<f32>>>,
    pending: Vec<f32>,
    made: Vec<f32>,
}

impl ToOurs {
    pub fn new(rate: u32, channels: usize) -> Result<ToOurs, OpenError> {
        if !(1_000..=768_000).contains(&rate) {
            return Err(OpenError::Format);
        }
        let chunk = (rate / 100) as usize;
        let engine: Option<Box<dyn Resampler<f32>>> = if rate == SAMPLE_RATE {
            None
        } else if rate.is_multiple_of(50) {
            let fft = Fft::new(
                rate as usize,
                SAMPLE_RATE as usize,
                chunk,
                channels,
                FixedSync::Both,
            );
            Some(Box::new(fft.map_err(|_| OpenError::Format)?))
        } else {
            // No common grid with 48 kHz: the filter of an FFT conversion would be seconds long.
            let ratio = f64::from(SAMPLE_RATE) / f64::from(rate);
            let poly = Async::new_poly(
                ratio,
                1.1,
                PolynomialDegree::Septic,
                chunk,
                channels,
                FixedAsync::Input,
            );
            Some(Box::new(poly.map_err(|_| OpenError::Format)?))
        };
        let output = engine
            .as_ref()
            .map_or(0, |engine| engine.output_frames_max());
        Ok(ToOurs {
            channels,
            engine,
            pending: Vec::new(),
            made: vec![0.0; output * channels],
        })
    }

    /// Converts what it can in blocks of about 10 ms; the rest waits for the next call. Takes and gives whole moments, a sample of
    /// each channel.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        let Some(engine) = &mut self.engine else {
            out.extend_from_slice(input);
            return;
        };
        self.pending.extend_from_slice(input);
        let mut used = 0;
        let channels = self.channels;
        while let Some(block) = self
            .pending
            .get(used..used + engine.input_frames_next() * channels)
        {
            let Some(written) = run(engine.as_mut(), channels, block, &mut self.made) else {
                break;
            };
            out.extend_from_slice(&self.made[..written]);
            used += block.len();
        }
        self.pending.drain(..used);
    }
}

/// Two interleaved sides from 48 kHz to a device's rate, by a ratio that follows the device's real clock.
pub struct ToDevice {
    engine: Async<f32>,
    made: Vec<f32>,
}

impl ToDevice {
    pub fn new(rate: u32) -> Result<ToDevice, OpenError> {
        let ratio = f64::from(rate) / f64::from(SAMPLE_RATE);
        let engine = Async::new_poly(
            ratio,
            1.02,
            PolynomialDegree::Septic,
            FRAME,
            2,
            FixedAsync::Input,
        )
        .map_err(|_| OpenError::Format)?;
        Ok(ToDevice {
            made: vec![0.0; 2 * engine.output_frames_max()],
            engine,
        })
    }

    /// Converts one frame. `correction` in -0.01..=0.01 makes it longer or shorter by that fraction.
    pub fn process(&mut self, frame: &StereoFrame, correction: f64) -> &[f32] {
        let _ = self
            .engine
            .set_resample_ratio_relative(1.0 + correction.clamp(-0.01, 0.01), true);
        let written = run(&mut self.engine, 2, frame, &mut self.made).unwrap_or(0);
        &self.made[..written]
    }
}

/// How many samples of all channels were written to `made`.
fn run(
    engine: &mut dyn Resampler<f32>,
    channels: usize,
    input: &[f32],
    made: &mut [f32],
) -> Option<usize> {
    let capacity = made.len() / channels;
    let source = InterleavedSlice::new(input, channels, input.len() / channels).ok()?;
    let mut sink = InterleavedSlice::new_mut(made, channels, capacity).ok()?;
    engine
        .process_into_buffer(&source, &mut sink, None)
        .ok()
        .map(|(_, written)| written * channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_stays_a_second_at_any_rate() {
        for rate in [8_000, 16_000, 44_100, 44_099, 48_000, 96_000, 192_000] {
            let mut converter = ToOurs::new(rate, 1).unwrap();
            let input: Vec<f32> = (0..rate).map(|i| (i as f32 * 0.01).sin()).collect();
            let mut out = Vec::new();
            input
                .chunks(777)
                .for_each(|piece| converter.process(piece, &mut out));
            assert!(
                (46_000..=48_500).contains(&out.len()),
                "{rate}: {}",
                out.len()
            );
        }
        assert!(ToOurs::new(10, 1).is_err());
    }

    #[test]
    fn the_correction_changes_the_length() {
        let mut converter = ToDevice::new(44_100).unwrap();
        let mut count = |correction| {
            (0..100)
                .map(|_| converter.process(&[0.1; 2 * FRAME], correction).len() / 2)
                .sum::<usize>() as f64
        };
        assert!((count(0.0) / 44_100.0 - 1.0).abs() < 0.001);
        assert!((count(0.005) / 44_320.0 - 1.0).abs() < 0.001);
    }

    #[test]
    fn two_sides_are_converted_like_each_by_itself() {
        for rate in [16_000, 44_100, 44_099, 48_000] {
            let tone =
                |hz: f32| move |i: u32| (i as f32 / rate as f32 * hz * std::f32::consts::TAU).sin();
            let (left, right) = (tone(440.0), tone(880.0));
            let mut alone = [Vec::new(), Vec::new()];
            for (side, out) in alone.iter_mut().enumerate() {
                let one = |i: u32| if side == 0 { left(i) } else { right(i) };
                let input: Vec<f32> = (0..rate / 4).map(one).collect();
                ToOurs::new(rate, 1).unwrap().process(&input, out);
            }
            let pairs: Vec<f32> = (0..rate / 4).flat_map(|i| [left(i), right(i)]).collect();
            let (mut both, mut converter) = (Vec::new(), ToOurs::new(rate, 2).unwrap());
            converter.process(&pairs, &mut both);
            assert_eq!(both.len(), 2 * alone[0].len(), "{rate}");
            for (i, pair) in both.chunks_exact(2).enumerate() {
                let apart = [alone[0][i], alone[1][i]];
                let off = (0..2)
                    .map(|n| (pair[n] - apart[n]).abs())
                    .fold(0.0, f32::max);
                assert!(off < 1e-6, "{rate}: {off} at {i}");
            }
        }
    }
}
