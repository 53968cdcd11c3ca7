//! How much echo there can be at most: if the loudspeaker were heard, the microphone could not be quiet while, one delay after loud far sound, its echo should arrive.
//!
//! The delay need not be known. Every delay is excluded by itself, by any moment at which the microphone hears much less than what was played that long before; where all are excluded, there is no
//! echo to speak of, as with headphones. Pauses between the near talker's words are enough for that, long before a filter could prove anything.

/// Delays that are looked at, in frames: up to half a second.
const DELAYS: usize = 52;
/// Share of the past in the energies compared, per frame: no gap between two pulses of a voice counts as quiet, and the end of a word soon does.
const SMOOTH: f32 = 0.6;
/// Energy of a frame of far sound that is loud enough to be missed, and of a microphone that is muted and tells nothing.
const LOUD: f32 = 1e-4;
const MUTE: f32 = 1e-9;
/// Frames of the window's two halves.
const HALF: u32 = 150;
/// Echoes weaker than this (power) are taken for none.
const NONE: f32 = 1e-3;

/// One per microphone.
#[derive(Debug)]
pub struct Bound {
    far: [f32; DELAYS],
    newest: usize,
    far_now: f32,
    near_now: f32,
    last: [f32; 2],
    /// The least of near over far for each delay, in this half of the window and in the last one.
    least: [[f32; DELAYS]; 2],
    frames: u32,
}

impl Default for Bound {
    fn default() -> Bound {
        Bound {
            far: [0.0; DELAYS],
            newest: 0,
            far_now: 0.0,
            near_now: 0.0,
            last: [0.0; 2],
            least: [[f32::MAX; DELAYS]; 2],
            frames: 0,
        }
    }
}

impl Bound {
    /// Takes the next frames of both, at 4 kHz.
    pub fn push(&mut self, near: &[f32], far: &[f32]) {
        let near = slope(near, &mut self.last[0]);
        let far = slope(far, &mut self.last[1]);
        self.near_now = SMOOTH * self.near_now + (1.0 - SMOOTH) * near;
        self.far_now = SMOOTH * self.far_now + (1.0 - SMOOTH) * far;
        self.newest = (self.newest + 1) % DELAYS;
        self.far[self.newest] = self.far_now;
        self.frames += 1;
        if self.frames >= HALF {
            self.frames = 0;
            self.least.swap(0, 1);
            self.least[0] = [f32::MAX; DELAYS];
        }
        if near < MUTE {
            return;
        }
        for (delay, least) in self.least[0].iter_mut().enumerate() {
            let played = self.far[(self.newest + DELAYS - delay) % DELAYS];
            if played > LOUD {
                *least = least.min(self.near_now / played);
            }
        }
    }

    /// Most of the far sound's power that can come back, whatever the delay; large where nothing is known.
    pub fn most(&self) -> f32 {
        let [now, before] = &self.least;
        let least = now.iter().zip(before).map(|(a, b)| a.min(*b));
        least.fold(0.0, f32::max)
    }

    /// Whether there is no echo.
    pub fn excludes(&self) -> bool {
        self.most() < NONE
    }
}

/// Energy of the differences between samples: low frequencies, which small loudspeakers do not play, hardly count.
fn slope(samples: &[f32], last: &mut f32) -> f32 {
    samples
        .iter()
        .map(|sample| (sample - std::mem::replace(last, *sample)).powi(2))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;

    /// Syllables of noise: 300 ms, 40 samples a frame, then 200 ms of hiss.
    fn talk(noise: &mut Noise, frame: usize, offset: usize) -> [f32; 40] {
        let level = if (frame + offset) % 50 < 30 {
            0.1
        } else {
            1e-4
        };
        std::array::from_fn(|_| level * noise.sample())
    }

    /// What is known after so many frames of two talkers; `echo`: its level, 120 ms late.
    fn listen(frames: usize, echo: f32) -> Bound {
        let (mut bound, mut a, mut b) = (Bound::default(), Noise::new(1), Noise::new(2));
        let mut played = Vec::new();
        for frame in 0..frames {
            let far = talk(&mut a, frame, 0);
            // Another rhythm: now and then both pause.
            let mut near = talk(&mut b, frame * 7 / 10, 13);
            played.push(far);
            if let Some(past) = frame.checked_sub(12) {
                let back = played[past];
                near.iter_mut().zip(back).for_each(|(n, b)| *n += echo * b);
            }
            bound.push(&near, &far);
        }
        bound
    }

    #[test]
    fn pauses_of_the_near_talker_tell_that_there_is_no_echo() {
        assert!(!listen(20, 0.0).excludes(), "nothing was heard yet");
        for frames in [150, 300, 450] {
            assert!(listen(frames, 0.0).excludes(), "{frames}");
        }
    }

    #[test]
    fn an_echo_is_never_excluded() {
        for frames in (10..1000).step_by(5) {
            assert!(!listen(frames, 0.1).excludes(), "{frames}");
        }
    }

    #[test]
    fn a_muted_microphone_tells_nothing() {
        let (mut bound, mut noise) = (Bound::default(), Noise::new(1));
        for frame in 0..500 {
            bound.push(&[0.0; 40], &talk(&mut noise, frame, 0));
        }
        assert!(!bound.excludes());
    }
}
