//! Signals for tests, benches and the fake microphone: tones, clicks, noise, and something speech-like. All repeat from a seed.

use std::f32::consts::TAU;

/// A sine at 48 kHz.
#[derive(Clone, Debug)]
pub struct Tone {
    phase: f32,
    step: f32,
    amplitude: f32,
}

impl Tone {
    pub fn new(hz: f32, amplitude: f32) -> Tone {
        Tone {
            phase: 0.0,
            step: hz / 48_000.0,
            amplitude,
        }
    }

    pub fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = self.amplitude * (self.phase * TAU).sin();
            self.phase = (self.phase + self.step).fract();
        }
    }
}

/// A click (3 ms burst of 2 kHz, Hann-shaped) every `period` samples, the first at once; for delay measurements.
#[derive(Clone, Debug)]
pub struct Clicks {
    period: usize,
    at: usize,
}

impl Clicks {
    pub const LENGTH: usize = 144;

    pub fn new(period: usize) -> Clicks {
        Clicks {
            period: period.max(Self::LENGTH),
            at: 0,
        }
    }

    pub fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = if self.at < Self::LENGTH {
                Self::shape(self.at)
            } else {
                0.0
            };
            self.at = (self.at + 1) % self.period;
        }
    }

    fn shape(i: usize) -> f32 {
        let window = 0.5 - 0.5 * (i as f32 / Self::LENGTH as f32 * TAU).cos();
        0.8 * window * (i as f32 * 2000.0 / 48_000.0 * TAU).sin()
    }
}

/// White noise (xorshift64*).
#[derive(Clone, Debug)]
pub struct Noise {
    state: u64,
}

impl Noise {
    pub fn new(seed: u64) -> Noise {
        Noise {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// Uniform in -1..1.
    pub fn sample(&mut self) -> f32 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let bits = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
        bits as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn fill(&mut self, out: &mut [f32], amplitude: f32) {
        out.iter_mut()
            .for_each(|sample| *sample = self.sample() * amplitude);
    }
}

/// Something with the statistics of speech that matter to echo cancellers, detectors and buffers: a gliding glottal pulse
/// train through three moving formants, fricative noise, syllables of 120–300 ms and pauses.
#[derive(Clone, Debug)]
pub struct Speech {
    noise: Noise,
    phase: f32,
    pitch: f32,
    left: usize,
    voiced: f32,
    loudness: f32,
    envelope: f32,
    formants: [Formant; 3],
}

#[derive(Clone, Debug, Default)]
struct Formant {
    hz: f32,
    y: [f32; 2],
}

impl Formant {
    /// Two-pole resonator, 90 Hz wide.
    fn process(&mut self, x: f32) -> f32 {
        let radius = (-std::f32::consts::PI * 90.0 / 48_000.0).exp();
        let a = 2.0 * radius * (TAU * self.hz / 48_000.0).cos();
        let y = (1.0 - radius) * x + a * self.y[0] - radius * radius * self.y[1];
        self.y = [y, self.y[0]];
        y
    }
}

impl Speech {
    pub fn new(seed: u64) -> Speech {
        Speech {
            noise: Noise::new(seed),
            phase: 0.0,
            pitch: 120.0,
            left: 0,
            voiced: 1.0,
            loudness: 0.0,
            envelope: 0.0,
            formants: Default::default(),
        }
    }

    pub fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            if self.left == 0 {
                self.syllable();
            }
            self.left -= 1;
            self.envelope += (self.loudness - self.envelope) * 0.001;
            self.phase += self.pitch / 48_000.0;
            let pulse = if self.phase >= 1.0 {
                self.phase -= 1.0;
                12.0
            } else {
                0.0
            };
            let source = pulse * self.voiced + self.noise.sample() * (1.1 - self.voiced);
            let voice: f32 = self
                .formants
                .iter_mut()
                .map(|formant| formant.process(source))
                .sum();
            *sample = (voice * 0.5 * self.envelope).clamp(-0.95, 0.95);
        }
    }

    fn syllable(&mut self) {
        let mut dice = |low: f32, high: f32| low + (self.noise.sample() * 0.5 + 0.5) * (high - low);
        self.left = (dice(0.12, 0.3) * 48_000.0) as usize;
        self.loudness = if dice(0.0, 1.0) < 0.2 {
            0.0
        } else {
            dice(0.4, 1.0)
        };
        self.voiced = if dice(0.0, 1.0) < 0.2 { 0.1 } else { 1.0 };
        self.pitch = dice(90.0, 220.0);
        let targets = [
            dice(280.0, 800.0),
            dice(900.0, 2200.0),
            dice(2300.0, 3400.0),
        ];
        for (formant, hz) in self.formants.iter_mut().zip(targets) {
            formant.hz = hz;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_repeat_from_their_seed_and_stay_in_range() {
        let mut a = vec![0.0; 96_000];
        let mut b = a.clone();
        Speech::new(5).fill(&mut a);
        Speech::new(5).fill(&mut b);
        assert_eq!(a, b);
        assert!(a.iter().all(|s| s.abs() <= 1.0));
        assert!((0.02..0.5).contains(&crate::rms(&a)), "{}", crate::rms(&a));
        Speech::new(6).fill(&mut b);
        assert_ne!(a, b);
    }

    #[test]
    fn clicks_come_at_their_period() {
        let mut samples = vec![0.0; 48_000];
        Clicks::new(4800).fill(&mut samples);
        let loud: Vec<usize> = (0..48_000)
            .filter(|&i| samples[i].abs() > 0.5)
            .map(|i| i / 4800)
            .collect();
        assert!((0..10).all(|i| loud.contains(&i)));
    }
}
