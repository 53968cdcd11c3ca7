//! [`DeepFilterNet`] with sound around it: frames of 10 ms in, their features, what the network says of them applied, frames out.
//!
//! Our frame is the network's hop. The window's half is 10 ms of delay, and the filter looks two frames ahead: 30 ms together.

use super::deep_filter::{BANDS, BINS, DeepFilterNet, TAPS};
use super::layers::BadWeights;
use super::reverberant::Reverberant;
use crate::spectrum::{Spectrum, Transform};
use crate::{FRAME, Frame};

/// Bins of a window of two frames.
const ALL: usize = FRAME + 1;
/// The network was trained on transforms divided by their length.
const SCALE: f32 = 1.0 / (2 * FRAME) as f32;
/// Share of the past in what features are measured against: one second.
const MEMORY: f32 = 0.99;
/// What levels and magnitudes are measured against at first, from the lowest band or bin to the highest: dB, and the square of 0.03 and 0.01.
const LEVELS: [f32; 2] = [-60.0, -90.0];
const MAGNITUDES: [f32; 2] = [0.001, 0.0001];
/// Steps per frame towards the sound as it came while somebody talks into the far voice, and back: there before the frame is heard, back within word gaps.
const ASIDE: f32 = 0.34;
const RETURN: f32 = 0.05;
/// Which of the last frames the network's answer belongs to.
const ANSWERED: usize = 2;

/// The engine with its weights.
#[derive(Debug)]
pub struct DeepFrames {
    network: DeepFilterNet,
    transform: Transform,
    window: Vec<f32>,
    edges: [usize; BANDS + 1],
    level_mean: [f32; BANDS],
    magnitude_mean: [f32; BINS],
    /// The last spectra, a ring.
    heard: [Spectrum; TAPS],
    newest: usize,
    cleaned: Spectrum,
    last: Frame,
    tail: Frame,
    /// 0..=1: how much of the sound passes as it came, because of double talk.
    aside: f32,
    reverberant: Reverberant,
}

impl DeepFrames {
    /// Samples by which it delays.
    pub const DELAY: usize = (1 + ANSWERED) * FRAME;

    /// # Errors
    /// The file does not hold this network.
    pub fn new(weights: &[u8]) -> Result<DeepFrames, BadWeights> {
        Ok(DeepFrames {
            network: DeepFilterNet::read(weights)?,
            transform: Transform::new(2 * FRAME),
            window: vorbis(2 * FRAME),
            edges: edges(),
            level_mean: between(LEVELS),
            magnitude_mean: between(MAGNITUDES),
            heard: std::array::from_fn(|_| Spectrum::new(ALL)),
            newest: 0,
            cleaned: Spectrum::new(ALL),
            last: [0.0; FRAME],
            tail: [0.0; FRAME],
            aside: 0.0,
            reverberant: Reverberant::default(),
        })
    }

    /// Forgets what was heard, keeps the weights.
    pub fn reset(&mut self) {
        self.network.reset();
        self.level_mean = between(LEVELS);
        self.magnitude_mean = between(MAGNITUDES);
        self.heard.iter_mut().for_each(Spectrum::clear);
        self.last.fill(0.0);
        self.tail.fill(0.0);
        self.aside = 0.0;
        self.reverberant = Reverberant::default();
    }

    /// Whether it leaves sound as it came, with its noise.
    pub fn steps_aside(&self) -> bool {
        self.aside > 0.0
    }

    /// Takes a frame and gives back the one of 30 ms ago, cleaned. `double_talk`: a near voice came through the echo suppressor together with the far one. Full of holes as it then is, the
    /// network would take it for noise (intelligibility fell from .75 to .50 with a voice 10 dB below the echo), so it passes.
    pub fn process(&mut self, frame: &mut Frame, double_talk: bool) {
        let step = if double_talk { ASIDE } else { -RETURN };
        self.aside = (self.aside + step).clamp(0.0, 1.0);
        self.newest = (self.newest + 1) % TAPS;
        let spectrum = &mut self.heard[self.newest];
        self.transform
            .forward_windowed(&[&self.last, &frame[..]], &self.window, spectrum);
        for part in [&mut spectrum.re, &mut spectrum.im] {
            part.iter_mut().for_each(|v| *v *= SCALE);
        }
        self.last = *frame;
        let (levels, magnitudes) = self.features();
        let (mut gains, mut filter) = ([0.0; BANDS], [0.0; 2 * TAPS * BINS]);
        self.network
            .run(&levels, &magnitudes, &mut gains, &mut filter);
        self.apply(&gains, &filter);
        let time = self.transform.inverse(&self.cleaned);
        for i in 0..FRAME {
            let (now, later) = (time[i], time[FRAME + i]);
            frame[i] = self.tail[i] + now * self.window[i] / SCALE;
            self.tail[i] = later * self.window[FRAME + i] / SCALE;
        }
    }

    /// The level of each band over its mean, in units of 40 dB; the lower bins over the root of their mean magnitude, real parts first.
    fn features(&mut self) -> ([f32; BANDS], [f32; 2 * BINS]) {
        let Spectrum { re, im } = &self.heard[self.newest];
        let (mut levels, mut lower) = ([0.0; BANDS], [0.0; 2 * BINS]);
        for (band, level) in levels.iter_mut().enumerate() {
            let range = self.edges[band]..self.edges[band + 1];
            let width = range.len() as f32;
            let power: f32 = range.map(|k| re[k] * re[k] + im[k] * im[k]).sum();
            let db = 10.0 * (power / width + 1e-10).log10();
            let mean = &mut self.level_mean[band];
            *mean = db * (1.0 - MEMORY) + *mean * MEMORY;
            *level = (db - *mean) / 40.0;
        }
        for (k, mean) in self.magnitude_mean.iter_mut().enumerate() {
            let size = (re[k] * re[k] + im[k] * im[k]).sqrt();
            *mean = size * (1.0 - MEMORY) + *mean * MEMORY;
            let by = 1.0 / mean.max(1e-12).sqrt();
            (lower[k], lower[BINS + k]) = (re[k] * by, im[k] * by);
        }
        (levels, lower)
    }

    fn apply(&mut self, gains: &[f32; BANDS], filter: &[f32; 2 * TAPS * BINS]) {
        let of = |number: usize| (self.newest + 1 + number) % TAPS;
        let middle = &self.heard[of(ANSWERED)];
        for (band, gain) in gains.iter().enumerate() {
            for k in self.edges[band].max(BINS)..self.edges[band + 1].max(BINS) {
                self.cleaned.re[k] = middle.re[k] * gain;
                self.cleaned.im[k] = middle.im[k] * gain;
            }
        }
        for (k, taps) in filter.chunks_exact(2 * TAPS).enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (number, tap) in taps.as_chunks::<2>().0.iter().enumerate() {
                let frame = &self.heard[of(number)];
                re += frame.re[k] * tap[0] - frame.im[k] * tap[1];
                im += frame.im[k] * tap[0] + frame.re[k] * tap[1];
            }
            (self.cleaned.re[k], self.cleaned.im[k]) = (re, im);
        }
        let share = self.reverberant.note(middle, &self.cleaned).max(self.aside);
        if share > 0.0 {
            let cleaned = [&mut self.cleaned.re, &mut self.cleaned.im];
            for (to, from) in cleaned.into_iter().zip([&middle.re, &middle.im]) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += share * (from - *to);
                }
            }
        }
    }
}

/// So many values from the first to the last, evenly apart.
fn between<const COUNT: usize>([first, last]: [f32; 2]) -> [f32; COUNT] {
    std::array::from_fn(|i| first + (last - first) * i as f32 / (COUNT - 1) as f32)
}

/// The window of the Vorbis codec: its square sums to 1 at half overlap, and it is flat in the middle.
fn vorbis(length: usize) -> Vec<f32> {
    use std::f64::consts::FRAC_PI_2;
    let inner = |i: usize| (FRAC_PI_2 * (i as f64 + 0.5) / (length / 2) as f64).sin();
    (0..length)
        .map(|i| (FRAC_PI_2 * inner(i).powi(2)).sin() as f32)
        .collect()
}

/// Edges of the bands, in bins: evenly apart on the scale of hearing (B. Glasberg and B. Moore, 1990), and two bins wide at least; what a band takes for that is missing from the next.
fn edges() -> [usize; BANDS + 1] {
    const PER_UNIT: f64 = 9.265;
    const HZ: f64 = 24.7 * PER_UNIT;
    const LEAST: isize = 2;
    let top = PER_UNIT * (f64::from(crate::SAMPLE_RATE) / 2.0 / HZ).ln_1p();
    let bin = f64::from(crate::SAMPLE_RATE) / (2 * FRAME) as f64;
    let (mut edges, mut before, mut owed) = ([0; BANDS + 1], 0, 0);
    for band in 0..BANDS {
        let hz = HZ * (top * (band + 1) as f64 / BANDS as f64 / PER_UNIT).exp_m1();
        let end = (hz / bin).round() as isize;
        let width = end - before - owed;
        owed = (LEAST - width).max(0);
        edges[band + 1] = edges[band] + width.max(LEAST) as usize;
        before = end;
    }
    edges[BANDS] = ALL;
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_everything_without_a_gap() {
        let edges = edges();
        assert_eq!((edges[0], edges[BANDS]), (0, ALL));
        assert!(edges.windows(2).all(|w| w[1] - w[0] >= 2), "{edges:?}");
    }

    #[test]
    fn the_window_squared_sums_to_one_at_half_overlap() {
        let window = vorbis(2 * FRAME);
        let sum = |i: usize| window[i].powi(2) + window[i + FRAME].powi(2);
        assert!((0..FRAME).all(|i| (sum(i) - 1.0).abs() < 1e-5));
    }

    /// Without weights the gains are one half and the filters nothing, but the frames' way through the engine is the same.
    #[test]
    fn upper_frequencies_come_out_late_and_at_their_gain() {
        let weights = vec![0; 4 * super::super::deep_filter::NUMBERS];
        let mut engine = DeepFrames::new(&weights).unwrap();
        let tone = |i: usize| (std::f32::consts::TAU * 9000.0 * i as f32 / 48_000.0).sin();
        let mut out = Vec::new();
        for f in 0..20 {
            let mut frame = std::array::from_fn(|i| tone(f * FRAME + i));
            engine.process(&mut frame, false);
            out.extend_from_slice(&frame);
        }
        for i in 8 * FRAME..20 * FRAME {
            let error = out[i] - 0.5 * tone(i - DeepFrames::DELAY);
            assert!(error.abs() < 1e-3, "{i}: {error}");
        }
    }

    /// Half of the sound is missing, and no more than a room's reverberation would be: some of it comes back.
    #[test]
    fn what_might_be_reverberation_passes_in_part() {
        let weights = vec![0; 4 * super::super::deep_filter::NUMBERS];
        let mut engine = DeepFrames::new(&weights).unwrap();
        let tone = |i: usize| (std::f32::consts::TAU * 7000.0 * i as f32 / 48_000.0).sin();
        let peaks: Vec<f32> = (0..200)
            .map(|f| {
                let mut frame = std::array::from_fn(|i| tone(f * FRAME + i));
                engine.process(&mut frame, false);
                frame.iter().copied().fold(0.0, f32::max)
            })
            .collect();
        assert!((peaks[90] - 0.5).abs() < 1e-2, "{}", peaks[90]);
        assert!((peaks[199] - 0.7).abs() < 1e-2, "{}", peaks[199]);
    }

    #[test]
    fn a_voice_in_double_talk_passes_as_it_came_and_later_no_more() {
        let weights = vec![0; 4 * super::super::deep_filter::NUMBERS];
        let mut engine = DeepFrames::new(&weights).unwrap();
        // Low: without weights nothing of it would pass.
        let tone = |i: usize| (std::f32::consts::TAU * 900.0 * i as f32 / 48_000.0).sin();
        let mut out = Vec::new();
        for f in 0..50 {
            let mut frame = std::array::from_fn(|i| tone(f * FRAME + i));
            engine.process(&mut frame, f < 20);
            out.extend_from_slice(&frame);
        }
        for i in 8 * FRAME..19 * FRAME {
            let error = out[i] - tone(i - DeepFrames::DELAY);
            assert!(error.abs() < 1e-3, "{i}: {error}");
        }
        assert!(out[48 * FRAME..].iter().all(|s| s.abs() < 1e-3));
        assert!(!engine.steps_aside());
    }
}
