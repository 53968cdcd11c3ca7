//! [`Gtcrn`] with sound around it: frames of 10 ms in, spectra of 32 ms, its mask applied, frames out.
//!
//! The network hears up to 8 kHz. A spectrum of 32 ms at 48 kHz has the same bins there as the one it was trained on at 16 kHz, so nothing is resampled; what is above gets the mean gain of
//! the highest octave below. Its frames of 16 ms do not fit ours of 10: with the window's half they make 30 ms of delay.

use super::gtcrn::{BINS, Gtcrn};
use super::layers::BadWeights;
use crate::spectrum::{Spectrum, Transform, root_hann};
use crate::{FRAME, Frame};

/// Samples of a window, and between windows.
const WINDOW: usize = 1536;
const HOP: usize = WINDOW / 2;
/// Samples ready before the first are wanted: the most that frames of 480 can run ahead of hops of 768.
const AHEAD: usize = 672;
/// Bins above what the network hears take the mean gain of these, 5 to 8 kHz.
const NEIGHBOURS: std::ops::Range<usize> = 160..BINS;

/// The engine with its weights.
#[derive(Debug)]
pub struct Hops {
    network: Gtcrn,
    transform: Transform,
    window: Vec<f32>,
    spectrum: Spectrum,
    mask: Spectrum,
    heard: Vec<f32>,
    tail: Vec<f32>,
    ready: Vec<f32>,
}

impl Hops {
    /// Samples by which it delays.
    pub const DELAY: usize = HOP + AHEAD;

    /// # Errors
    /// The file does not hold this network.
    pub fn new(weights: &[u8]) -> Result<Hops, BadWeights> {
        let mut heard = Vec::with_capacity(WINDOW + FRAME);
        heard.resize(HOP, 0.0);
        let mut ready = Vec::with_capacity(WINDOW + FRAME);
        ready.resize(AHEAD, 0.0);
        Ok(Hops {
            network: Gtcrn::read(weights)?,
            transform: Transform::new(WINDOW),
            window: root_hann(WINDOW),
            spectrum: Spectrum::new(HOP + 1),
            mask: Spectrum::new(BINS),
            heard,
            tail: vec![0.0; HOP],
            ready,
        })
    }

    /// Forgets what was heard, keeps the weights.
    pub fn reset(&mut self) {
        self.network.reset();
        self.tail.fill(0.0);
        self.heard.clear();
        self.heard.resize(HOP, 0.0);
        self.ready.clear();
        self.ready.resize(AHEAD, 0.0);
    }

    /// Takes a frame and gives back the one of 30 ms ago, cleaned.
    pub fn process(&mut self, frame: &mut Frame) {
        self.heard.extend_from_slice(frame);
        if self.heard.len() >= WINDOW {
            self.hop();
        }
        frame.copy_from_slice(&self.ready[..FRAME]);
        self.ready.drain(..FRAME);
    }

    fn hop(&mut self) {
        self.transform
            .forward_windowed(&[&self.heard[..WINDOW]], &self.window, &mut self.spectrum);
        self.heard.drain(..HOP);
        // Three times as many samples as at 16 kHz make bins three times as large.
        let scale = |values: &mut [f32], by: f32| values.iter_mut().for_each(|v| *v *= by);
        scale(&mut self.spectrum.re, 1.0 / 3.0);
        scale(&mut self.spectrum.im, 1.0 / 3.0);
        self.network.run(
            &self.spectrum.re[..BINS],
            &self.spectrum.im[..BINS],
            &mut self.mask.re,
            &mut self.mask.im,
        );
        let mut above = 0.0;
        for k in 0..BINS {
            let (re, im) = (self.spectrum.re[k], self.spectrum.im[k]);
            let (m_re, m_im) = (self.mask.re[k], self.mask.im[k]);
            self.spectrum.re[k] = re * m_re - im * m_im;
            self.spectrum.im[k] = im * m_re + re * m_im;
            if NEIGHBOURS.contains(&k) {
                above += (m_re * m_re + m_im * m_im).sqrt() / NEIGHBOURS.len() as f32;
            }
        }
        scale(&mut self.spectrum.re[BINS..], above);
        scale(&mut self.spectrum.im[BINS..], above);
        let time = self.transform.inverse(&self.spectrum);
        for i in 0..HOP {
            self.ready
                .push(self.tail[i] + 3.0 * time[i] * self.window[i]);
            self.tail[i] = 3.0 * time[HOP + i] * self.window[HOP + i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;

    #[test]
    fn frames_and_hops_never_run_dry() {
        // Weights of zero give a mask of zero: silence, frame after frame.
        let mut engine = Hops::new(&vec![0; 4 * 47_665]).unwrap();
        let (mut noise, mut frame) = (Noise::new(1), [0.0; FRAME]);
        for _ in 0..100 {
            noise.fill(&mut frame, 0.5);
            engine.process(&mut frame);
            assert!(frame.iter().all(|s| s.abs() < 1e-6));
        }
    }
}
