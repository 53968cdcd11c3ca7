//! The spectrum of steady noise, by speech presence probability (T. Gerkmann and R. Hendriks, "Unbiased MMSE-based noise power estimation with low complexity and low tracking delay",
//! 2012): bins that hold no speech are averaged, bins that do are left out, without any threshold on speech pauses.

/// A priori signal-to-noise ratio of speech where it is present: 15 dB.
const TYPICAL: f32 = 31.6;
/// Smoothing of the noise, per frame of 10 ms.
const SMOOTHING: f32 = 0.85;
/// Most that the estimate rises per frame while speech is likely: about 6 dB/s.
const RISE: f32 = 1.014;
/// Frames at the start that are taken for noise, the steadier for being averaged.
const FIRST: u32 = 8;

/// Smoothing of what the least is sought in, per frame; how many frames a part of the window has, and how many parts there are: two seconds, within which every talker pauses.
const STEADY: f32 = 0.2;
const PART: u32 = 25;
const PARTS: usize = 8;
/// What the mean of steady noise is over the least of it within the window: 2.6 in the mean of bins, 3.6 in one of twenty.
const BIAS: f32 = 3.5;

#[derive(Clone, Debug)]
pub struct NoiseTracker {
    floor: Floor,
    power: Vec<f32>,
    /// Speech presence, smoothed: a bin stuck at "speech" is let go.
    stuck: Vec<f32>,
    frames: u32,
}

impl NoiseTracker {
    pub fn new(bins: usize) -> NoiseTracker {
        NoiseTracker {
            floor: Floor::new(bins),
            power: vec![0.0; bins],
            stuck: vec![0.0; bins],
            frames: 0,
        }
    }

    /// Power of the noise in each bin.
    pub fn power(&self) -> &[f32] {
        &self.power
    }

    /// Takes the power spectrum of the next frame. `echo`: what in it is known to be echo, which is no noise however steady. `may_echo`: more echo than that may be in it. Then the estimate may rise above
    /// what is steady, with what the echo canceller leaves.
    pub fn update(&mut self, power: &[f32], echo: &[f32], may_echo: bool) {
        self.floor.update(power);
        if self.frames < FIRST {
            self.start(power);
            return;
        }
        for k in 0..self.power.len() {
            let noise = self.power[k].max(1e-10);
            // Where echo may be, only what is below it tells of the noise.
            let seen = if echo[k] > 0.5 * noise {
                power[k].min(noise)
            } else {
                power[k]
            };
            let ratio = (power[k] / noise * (TYPICAL / (1.0 + TYPICAL))).min(60.0);
            let mut speech = 1.0 / (1.0 + (1.0 + TYPICAL) * (-ratio).exp());
            self.stuck[k] = 0.9 * self.stuck[k] + 0.1 * speech;
            if self.stuck[k] > 0.99 {
                speech = speech.min(0.99);
            }
            let estimate = speech * noise + (1.0 - speech) * seen;
            let next = SMOOTHING * noise + (1.0 - SMOOTHING) * estimate;
            // A long vowel must not become noise: where speech is likely, the estimate rises slowly.
            let most = if speech > 0.9 { noise * RISE } else { f32::MAX };
            self.power[k] = next.min(most);
            if !may_echo {
                self.power[k] = self.power[k].min(self.floor.most(k));
            }
        }
    }

    fn start(&mut self, power: &[f32]) {
        self.frames += 1;
        let weight = 1.0 / self.frames as f32;
        for (noise, power) in self.power.iter_mut().zip(power) {
            *noise += weight * (power - *noise);
        }
    }
}

/// What each bin falls to within seconds: steady noise is never above it for long, while the ends of words in a room with reverberation are (R. Martin, "Noise power spectral density
/// estimation based on optimal smoothing and minimum statistics", 2001).
#[derive(Clone, Debug)]
struct Floor {
    smooth: Vec<f32>,
    /// The least of the part of a second that is heard now, and of those before.
    least: Vec<f32>,
    parts: Vec<Vec<f32>>,
    oldest: usize,
    frames: u32,
    most: Vec<f32>,
}

impl Floor {
    fn new(bins: usize) -> Floor {
        Floor {
            smooth: vec![0.0; bins],
            least: vec![f32::MAX; bins],
            parts: vec![vec![f32::MAX; bins]; PARTS],
            oldest: 0,
            frames: 0,
            most: vec![f32::MAX; bins],
        }
    }

    /// Most that the noise of a bin can be.
    fn most(&self, k: usize) -> f32 {
        self.most[k]
    }

    fn update(&mut self, power: &[f32]) {
        let first = self.frames == 0;
        for ((smooth, least), power) in self.smooth.iter_mut().zip(&mut self.least).zip(power) {
            *smooth = if first {
                *power
            } else {
                *smooth + STEADY * (power - *smooth)
            };
            *least = least.min(*smooth);
        }
        self.frames += 1;
        if self.frames.is_multiple_of(PART) {
            self.turn();
        }
    }

    /// A part of the window is over.
    fn turn(&mut self) {
        std::mem::swap(&mut self.parts[self.oldest], &mut self.least);
        self.oldest = (self.oldest + 1) % PARTS;
        self.least.fill(f32::MAX);
        for (k, most) in self.most.iter_mut().enumerate() {
            let least = self
                .parts
                .iter()
                .fold(f32::MAX, |least, part| least.min(part[k]));
            *most = BIAS * least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;

    fn hiss(noise: &mut Noise, level: f32) -> Vec<f32> {
        // Sum of two squares of roughly normal numbers: the power of a bin of noise.
        let mut normal = || (0..6).map(|_| noise.sample()).sum::<f32>() / 2f32.sqrt();
        (0..100)
            .map(|_| level * 0.5 * (normal().powi(2) + normal().powi(2)))
            .collect()
    }

    fn mean(values: &[f32]) -> f32 {
        values.iter().sum::<f32>() / values.len() as f32
    }

    #[test]
    fn steady_noise_is_learnt_and_a_loud_second_hardly_counts() {
        let (mut tracker, mut noise) = (NoiseTracker::new(100), Noise::new(1));
        let silence = vec![0.0; 100];
        for _ in 0..200 {
            tracker.update(&hiss(&mut noise, 1.0), &silence, false);
        }
        assert!(
            (0.6..1.4).contains(&mean(tracker.power())),
            "{}",
            mean(tracker.power())
        );
        for _ in 0..100 {
            tracker.update(&hiss(&mut noise, 1000.0), &silence, false);
        }
        assert!(mean(tracker.power()) < 8.0, "{}", mean(tracker.power()));
    }

    /// Words of 300 ms in a room that takes 60 dB away in half a second, and a breath every two seconds: what is steady is the hiss alone.
    #[test]
    fn the_ends_of_words_in_a_room_are_no_noise() {
        let (mut tracker, mut noise) = (NoiseTracker::new(100), Noise::new(3));
        let silence = vec![0.0; 100];
        let (mut room, mut most) = (0.0f32, 0.0f32);
        for frame in 0..1200 {
            let talks = frame % 200 < 150 && frame % 50 < 30;
            room = if talks { 1e4 } else { 0.76 * room };
            tracker.update(&hiss(&mut noise, 1.0 + room), &silence, false);
            if frame >= 400 {
                most = most.max(mean(tracker.power()));
            }
        }
        assert!(most < 3.0, "{most}");
    }

    #[test]
    fn echo_is_no_noise() {
        let (mut tracker, mut noise) = (NoiseTracker::new(100), Noise::new(2));
        let silence = vec![0.0; 100];
        for _ in 0..200 {
            tracker.update(&hiss(&mut noise, 1.0), &silence, false);
        }
        for _ in 0..300 {
            let loud = hiss(&mut noise, 5.0);
            tracker.update(&loud, &vec![5.0; 100], true);
        }
        assert!(mean(tracker.power()) < 2.0, "{}", mean(tracker.power()));
    }
}
