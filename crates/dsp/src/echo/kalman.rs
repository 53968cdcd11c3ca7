//! The linear echo filter: a partitioned-block frequency-domain Kalman filter (G. Enzner and P. Vary, "Frequency-domain adaptive Kalman
//! filter for acoustic echo control in hands-free telephones", 2006; F. Kuech et al., "State-space architecture of the partitioned-block-based acoustic echo
//! controller", 2014). Each bin of each partition knows how uncertain it is, so the step size follows from the signals: large after a start or a move, small while
//! someone near talks. No double-talk detector is needed.

use super::history::FarSpectra;
use crate::FRAME;
use crate::spectrum::{Spectrum, Transform};

/// How a filter behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KalmanTuning {
    /// How much of the echo path is believed to stay from one frame to the next, squared: below 1.
    pub memory: f32,
    /// Smoothing of the near talker's spectrum, per frame.
    pub smoothing: f32,
    /// Partitions whose gradient is constrained per frame; the others drift for a few frames.
    pub constrained: usize,
}

/// Uncertainty of a partition at the start: an echo as loud as the far voice, spread over the tail.
const FIRST_UNCERTAINTY: f32 = 0.5;
/// Keeps divisions finite; far below the noise of any microphone (a frame of full-scale noise has a bin power of about 160).
const TINY: f32 = 1e-8;

#[derive(Debug)]
pub struct Kalman {
    tuning: KalmanTuning,
    bins: usize,
    partitions: usize,
    /// Echo path, partition after partition.
    re: Vec<f32>,
    im: Vec<f32>,
    /// Uncertainty of each coefficient.
    uncertainty: Vec<f32>,
    /// Power spectrum of what is not echo.
    near: Vec<f32>,
    /// Scratch: expected power of the error, expected power of its echo part.
    gain: Vec<f32>,
    spread: Vec<f32>,
    part: Spectrum,
    next: usize,
}

impl Kalman {
    pub fn new(partitions: usize, tuning: KalmanTuning) -> Kalman {
        let bins = FRAME + 1;
        let mut filter = Kalman {
            tuning,
            bins,
            partitions,
            re: vec![0.0; partitions * bins],
            im: vec![0.0; partitions * bins],
            uncertainty: vec![0.0; partitions * bins],
            near: vec![0.0; bins],
            gain: vec![0.0; bins],
            spread: vec![0.0; bins],
            part: Spectrum::new(bins),
            next: 0,
        };
        filter.reset();
        filter
    }

    /// Forgets the echo path.
    pub fn reset(&mut self) {
        self.re.fill(0.0);
        self.im.fill(0.0);
        self.near.fill(0.0);
        self.doubt();
    }

    /// Keeps the echo path but trusts it no more than at the start.
    pub fn doubt(&mut self) {
        for (partition, values) in self.uncertainty.chunks_exact_mut(self.bins).enumerate() {
            // Rooms decay: later partitions hold less.
            values.fill(FIRST_UNCERTAINTY * 0.8f32.powi(partition as i32));
        }
    }

    /// Takes over the echo path of another filter, and its uncertainty.
    pub fn copy_from(&mut self, other: &Kalman) {
        self.re.copy_from_slice(&other.re);
        self.im.copy_from_slice(&other.im);
        self.uncertainty.copy_from_slice(&other.uncertainty);
        self.near.copy_from_slice(&other.near);
    }

    /// The spectrum of the echo this filter expects.
    pub fn predict(&self, far: &FarSpectra, echo: &mut Spectrum) {
        echo.clear();
        let (out_re, out_im) = (&mut echo.re[..self.bins], &mut echo.im[..self.bins]);
        for partition in 0..self.partitions {
            let range = partition * self.bins..(partition + 1) * self.bins;
            let (x_re, x_im, _) = far.partition(partition);
            let (w_re, w_im) = (&self.re[range.clone()], &self.im[range]);
            let (x_re, x_im) = (&x_re[..self.bins], &x_im[..self.bins]);
            for k in 0..self.bins {
                out_re[k] += x_re[k] * w_re[k] - x_im[k] * w_im[k];
                out_im[k] += x_re[k] * w_im[k] + x_im[k] * w_re[k];
            }
        }
    }

    /// Learns from `error`, the spectrum of what was left of the frame.
    pub fn update(&mut self, far: &FarSpectra, error: &Spectrum) {
        self.expect(far);
        let smoothing = self.tuning.smoothing;
        for k in 0..self.bins {
            // What the near talker adds is what the filter can't explain: the error after the step about to be made.
            let power = error.re[k] * error.re[k] + error.im[k] * error.im[k];
            let unexplained = self.near[k] / (self.near[k] + self.spread[k] + TINY);
            let before = if self.near[k] == 0.0 {
                1.0
            } else {
                unexplained
            };
            self.near[k] = smoothing * self.near[k] + (1.0 - smoothing) * power * before;
            self.gain[k] = 1.0 / (self.near[k] + self.spread[k] + TINY);
        }
        let keep = self.tuning.memory;
        let (e_re, e_im, gain) = (
            &error.re[..self.bins],
            &error.im[..self.bins],
            &self.gain[..self.bins],
        );
        for partition in 0..self.partitions {
            let range = partition * self.bins..(partition + 1) * self.bins;
            let (x_re, x_im, x_power) = far.partition(partition);
            let w_re = &mut self.re[range.clone()];
            let w_im = &mut self.im[range.clone()];
            let doubt = &mut self.uncertainty[range];
            let (x_re, x_im) = (&x_re[..self.bins], &x_im[..self.bins]);
            let x_power = &x_power[..self.bins];
            for k in 0..self.bins {
                let step = doubt[k] * gain[k];
                w_re[k] += step * (x_re[k] * e_re[k] + x_im[k] * e_im[k]);
                w_im[k] += step * (x_re[k] * e_im[k] - x_im[k] * e_re[k]);
                let learnt = (1.0 - 0.5 * step * x_power[k]).max(0.0);
                let path = w_re[k] * w_re[k] + w_im[k] * w_im[k];
                doubt[k] = keep * learnt * doubt[k] + (1.0 - keep) * path + 1e-9;
            }
        }
    }

    fn expect(&mut self, far: &FarSpectra) {
        self.spread.fill(0.0);
        for partition in 0..self.partitions {
            let range = partition * self.bins..(partition + 1) * self.bins;
            let (_, _, power) = far.partition(partition);
            for ((sum, doubt), power) in self
                .spread
                .iter_mut()
                .zip(&self.uncertainty[range])
                .zip(power)
            {
                // Half: the error's window holds half as many samples as the far voice's.
                *sum += 0.5 * doubt * power;
            }
        }
    }

    /// Puts some partitions back to responses of one frame, in turn: without it the blocks' circular ends leak into each other.
    pub fn constrain(&mut self, transform: &mut Transform) {
        for _ in 0..self.tuning.constrained {
            let range = self.next * self.bins..(self.next + 1) * self.bins;
            self.part.re.copy_from_slice(&self.re[range.clone()]);
            self.part.im.copy_from_slice(&self.im[range.clone()]);
            let mut response = [0.0; FRAME];
            response.copy_from_slice(&transform.inverse(&self.part)[..FRAME]);
            transform.forward(&[&response], &mut self.part);
            self.re[range.clone()].copy_from_slice(&self.part.re);
            self.im[range].copy_from_slice(&self.part.im);
            self.next = (self.next + 1) % self.partitions;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frame;
    use crate::generate::Noise;

    const TUNING: KalmanTuning = KalmanTuning {
        memory: 0.999,
        smoothing: 0.9,
        constrained: 2,
    };

    /// Runs a filter of four partitions on noise through a path of three taps, with `near` on top, and gives the echo left in dB, mean of the last half second.
    fn left(seconds: usize, near: f32) -> f32 {
        let mut transform = Transform::new(2 * FRAME);
        let (mut filter, mut far) = (Kalman::new(4, TUNING), FarSpectra::new(4));
        let (mut noise, mut talker) = (Noise::new(1), Noise::new(2));
        let (mut echo, mut spectrum) = (Spectrum::new(FRAME + 1), Spectrum::new(FRAME + 1));
        let mut played = vec![0.0; 2000];
        let (mut heard, mut remained) = (0.0, 0.0);
        for index in 0..seconds * 100 {
            let frame: Frame = std::array::from_fn(|_| 0.3 * noise.sample());
            played.extend_from_slice(&frame);
            let end = played.len() - FRAME;
            let at = |i: usize, back: usize| played[end + i - back];
            let truth: Frame =
                std::array::from_fn(|i| 0.5 * at(i, 40) - 0.3 * at(i, 700) + 0.1 * at(i, 1500));
            far.push(&frame, &mut transform);
            filter.predict(&far, &mut echo);
            let tail = transform.inverse(&echo)[FRAME..].to_vec();
            let guess: Frame = std::array::from_fn(|i| tail[i]);
            let error: Frame =
                std::array::from_fn(|i| truth[i] + near * talker.sample() - guess[i]);
            transform.forward(&[&[0.0; FRAME], &error], &mut spectrum);
            filter.update(&far, &spectrum);
            filter.constrain(&mut transform);
            if index + 50 >= seconds * 100 {
                heard += truth.iter().map(|s| s * s).sum::<f32>();
                remained += truth
                    .iter()
                    .zip(&guess)
                    .map(|(t, g)| (t - g).powi(2))
                    .sum::<f32>();
            }
        }
        10.0 * (remained / heard).log10()
    }

    #[test]
    fn a_path_is_learnt_within_two_seconds() {
        assert!(left(2, 0.0) < -25.0, "{}", left(2, 0.0));
    }

    #[test]
    fn a_near_talker_as_loud_as_the_echo_does_not_lead_it_astray() {
        assert!(left(4, 0.17) < -10.0, "{}", left(4, 0.17));
    }
}
