//! Adds up voices, in the middle or with two sides. The sum passes a limiter, so ten people at once are loud but never clipped.

use crate::{FRAME, Frame, Limiter, StereoFrame};

/// Per frame: [`Self::add`] or [`Self::add_stereo`] each input, then [`Self::finish`] or [`Self::finish_stereo`].
#[derive(Debug)]
pub struct Mixer {
    /// What is in the middle.
    sum: Frame,
    /// What has two sides.
    sides: StereoFrame,
    /// Whether anything is in `sides`.
    is_stereo: bool,
    limiter: Limiter,
}

impl Default for Mixer {
    fn default() -> Mixer {
        Mixer {
            sum: [0.0; FRAME],
            sides: [0.0; 2 * FRAME],
            is_stereo: false,
            limiter: Limiter::default(),
        }
    }
}

impl Mixer {
    /// Adds one input in the middle. The gain moves from `from` to `to` across the frame, so that volume changes don't click; pass
    /// the same number twice for a steady one.
    pub fn add(&mut self, input: &Frame, from: f32, to: f32) {
        let step = (to - from) / FRAME as f32;
        for (i, (sum, sample)) in self.sum.iter_mut().zip(input).enumerate() {
            *sum += sample * (from + step * i as f32);
        }
    }

    /// Adds one input with two sides, as it is.
    pub fn add_stereo(&mut self, input: &StereoFrame) {
        self.is_stereo = true;
        for (sum, sample) in self.sides.iter_mut().zip(input) {
            *sum += sample;
        }
    }

    /// Whether this frame has two sides so far: then it is worth [`Self::finish_stereo`].
    pub fn is_stereo(&self) -> bool {
        self.is_stereo
    }

    /// Writes the limited sum and starts the next frame. What has two sides is in the middle, too.
    pub fn finish(&mut self, out: &mut Frame) {
        if self.is_stereo {
            for (sum, pair) in self.sum.iter_mut().zip(self.sides.chunks_exact(2)) {
                *sum += (pair[0] + pair[1]) * 0.5;
            }
        }
        *out = std::mem::replace(&mut self.sum, [0.0; FRAME]);
        self.start();
        self.limiter.process(out);
    }

    /// Writes the limited sum of both sides and starts the next frame. What is in the middle has on each side the level that
    /// [`Self::finish`] gives it.
    pub fn finish_stereo(&mut self, out: &mut StereoFrame) {
        for (pair, middle) in self.sides.chunks_exact_mut(2).zip(&self.sum) {
            pair[0] += middle;
            pair[1] += middle;
        }
        *out = self.sides;
        self.sum = [0.0; FRAME];
        self.is_stereo = true;
        self.start();
        self.limiter.process_stereo(out);
    }

    fn start(&mut self) {
        if std::mem::take(&mut self.is_stereo) {
            self.sides = [0.0; 2 * FRAME];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;
    use crate::{downmix, interleave};

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

    #[test]
    fn a_voice_in_the_middle_is_on_both_sides_as_loud_as_alone_and_sides_stay_apart() {
        let mut mixer = Mixer::default();
        let mut out = [0.0; 2 * FRAME];
        mixer.add(&[0.25; FRAME], 1.0, 1.0);
        assert!(!mixer.is_stereo());
        mixer.add_stereo(&interleave(&[0.5; FRAME], &[-0.125; FRAME]));
        assert!(mixer.is_stereo());
        mixer.finish_stereo(&mut out);
        assert_eq!(out, interleave(&[0.75; FRAME], &[0.125; FRAME]));
        assert!(!mixer.is_stereo(), "nothing stays from the frame before");
        mixer.add(&[0.25; FRAME], 1.0, 1.0);
        mixer.finish_stereo(&mut out);
        assert_eq!(out, [0.25; 2 * FRAME]);
    }

    #[test]
    fn both_sides_are_limited_by_one_gain() {
        let mut mixer = Mixer::default();
        let (mut noise, mut out) = (Noise::new(5), [0.0; 2 * FRAME]);
        for _ in 0..50 {
            let mut left = [0.0; FRAME];
            noise.fill(&mut left, 4.0);
            let right = left.map(|s| s * 0.125);
            mixer.add_stereo(&interleave(&left, &right));
            mixer.finish_stereo(&mut out);
            for pair in out.chunks_exact(2) {
                assert!(pair[0].abs() <= 1.0);
                // What sticks out is bent on its own side only.
                let bent = pair[0].abs() > 0.89;
                assert!(bent || (pair[0] * 0.125 - pair[1]).abs() < 1e-6, "{pair:?}");
            }
        }
    }

    #[test]
    fn a_mix_with_sides_is_heard_in_mono_too() {
        let mut mixer = Mixer::default();
        let sides = interleave(&[0.5; FRAME], &[0.25; FRAME]);
        mixer.add_stereo(&sides);
        mixer.add(&[0.125; FRAME], 1.0, 1.0);
        let mut out = [0.0; FRAME];
        mixer.finish(&mut out);
        assert_eq!(out, [0.5; FRAME]);
        assert_eq!(downmix(&sides), [0.375; FRAME]);
        mixer.finish(&mut out);
        assert_eq!(out, [0.0; FRAME], "nothing stays from the frame before");
    }
}
