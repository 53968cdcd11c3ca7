//! Adds up voices. The sum passes a limiter, so ten people at once are loud but never clipped.

use crate::{FRAME, Frame, Limiter};

/// Per frame: [`Self::add`] each input, then [`Self::finish`].
#[derive(Debug)]
pub struct Mixer {
    sum: Frame,
    limiter: Limiter,
}

impl Default for Mixer {
    fn default() -> Mixer {
        Mixer {
            sum: [0.0; FRAME],
            limiter: Limiter::default(),
        }
    }
}

impl Mixer {
    /// Adds one input. The gain moves from `from` to `to` across the frame, so that volume changes don't click; pass the same
    /// number twice for a steady one.
    pub fn add(&mut self, input: &Frame, from: f32, to: f32) {
        let step = (to - from) / FRAME as f32;
        for (i, (sum, sample)) in self.sum.iter_mut().zip(input).enumerate() {
            *sum += sample * (from + step * i as f32);
        }
    }

    /// Writes the limited sum and starts the next frame.
    pub fn finish(&mut self, out: &mut Frame) {
        *out = std::mem::replace(&mut self.sum, [0.0; FRAME]);
        self.limiter.process(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;

    #[test]
    fn two_quiet_voices_are_their_sum_and_twenty_loud_ones_do_not_clip() {
        let mut mixer = Mixer::default();
        let mut out = [0.0; FRAME];
        mixer.add(&[0.25; FRAME], 1.0, 1.0);
        mixer.add(&[0.5; FRAME], 0.5, 0.5);
        mixer.finish(&mut out);
        assert_eq!(out, [0.5; FRAME]);
        let mut noise = Noise::new(7);
        for _ in 0..50 {
            for _ in 0..20 {
                let mut voice = [0.0; FRAME];
                noise.fill(&mut voice, 0.9);
                mixer.add(&voice, 1.0, 1.0);
            }
            mixer.finish(&mut out);
            assert!(out.iter().all(|s| s.abs() <= 1.0));
        }
        mixer.finish(&mut out);
        assert_eq!(out, [0.0; FRAME], "nothing stays from the frame before");
    }
}
