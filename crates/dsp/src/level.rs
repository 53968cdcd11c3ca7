//! How loud: RFC 6464 levels, RMS, and the power of one tone (Goertzel).

use confab_base::AudioLevel;

/// Root mean square; 0 for no samples.
pub fn rms(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    (sum / samples.len() as f64).sqrt() as f32
}

/// The level of RFC 6464 (computed as in RFC 6465, appendix A): RMS in dB below full scale, 0..=127.
pub fn level_of(samples: &[f32]) -> AudioLevel {
    let rms = rms(samples);
    if rms <= 0.0 {
        return AudioLevel::SILENCE;
    }
    AudioLevel((-20.0 * rms.log10()).round().clamp(0.0, 127.0) as u8)
}

/// Mean square of the component at `hz` (Goertzel), for samples at `rate`: a sine of amplitude `a` gives `a²/2`.
pub fn tone_power(samples: &[f32], hz: f32, rate: u32) -> f32 {
    let omega = std::f64::consts::TAU * f64::from(hz) / f64::from(rate);
    let coefficient = 2.0 * omega.cos();
    let (mut s1, mut s2) = (0.0f64, 0.0f64);
    for &sample in samples {
        (s1, s2) = (f64::from(sample) + coefficient * s1 - s2, s1);
    }
    let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    let n = samples.len().max(1) as f64;
    (2.0 * power / (n * n)) as f32
}

/// A level meter for people: rises at once, falls by 20 dB/s.
#[derive(Clone, Debug)]
pub struct Meter {
    /// dB below full scale.
    shown: f32,
}

impl Default for Meter {
    fn default() -> Meter {
        Meter { shown: 127.0 }
    }
}

impl Meter {
    /// Takes the next samples at 48 kHz (per channel count 1) and returns what to show.
    pub fn process(&mut self, samples: &[f32]) -> AudioLevel {
        let fallen = self.shown + 20.0 * samples.len() as f32 / 48_000.0;
        self.shown = f32::from(level_of(samples).0).min(fallen).clamp(0.0, 127.0);
        self.level()
    }

    pub fn level(&self) -> AudioLevel {
        AudioLevel(self.shown.round() as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Tone;

    #[test]
    fn a_full_scale_sine_is_three_db_below_and_silence_is_127() {
        let mut samples = [0.0; 4800];
        Tone::new(1000.0, 1.0).fill(&mut samples);
        assert_eq!(level_of(&samples), AudioLevel(3));
        assert_eq!(level_of(&[0.0; 480]), AudioLevel::SILENCE);
        assert_eq!(level_of(&[1.0; 480]), AudioLevel(0));
    }

    #[test]
    fn the_power_of_a_tone_is_found_at_its_frequency_only() {
        let mut samples = [0.0; 4800];
        Tone::new(440.0, 0.5).fill(&mut samples);
        assert!((tone_power(&samples, 440.0, 48_000) - 0.125).abs() < 0.001);
        assert!(tone_power(&samples, 1000.0, 48_000) < 1e-4);
    }

    #[test]
    fn the_meter_falls_slowly() {
        let mut meter = Meter::default();
        assert_eq!(meter.process(&[0.5; 480]), AudioLevel(6));
        for _ in 0..100 {
            meter.process(&[0.0; 480]);
        }
        assert_eq!(meter.level(), AudioLevel(26));
    }
}
