//! The first stage: a fourth-order Butterworth high-pass at 80 Hz, below every voice and above hum, rumble and DC.

use std::f64::consts::PI;

/// Corner in Hz.
const CORNER: f64 = 80.0;

/// Two second-order sections in a row, in double precision: poles this close to the unit circle are lost in single.
#[derive(Clone, Debug)]
pub struct HighPass {
    sections: [Section; 2],
}

impl Default for HighPass {
    fn default() -> HighPass {
        // The two pole pairs of a fourth-order Butterworth filter (cookbook formulas of R. Bristow-Johnson).
        HighPass {
            sections: [0.541_196_1, 1.306_563].map(Section::new),
        }
    }
}

impl HighPass {
    pub fn process(&mut self, samples: &mut [f32]) {
        for section in &mut self.sections {
            samples.iter_mut().for_each(|s| *s = section.step(*s));
        }
    }
}

#[derive(Clone, Debug)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
    state: [f64; 2],
}

impl Section {
    fn new(quality: f64) -> Section {
        let omega = 2.0 * PI * CORNER / f64::from(crate::SAMPLE_RATE);
        let alpha = omega.sin() / (2.0 * quality);
        let a0 = 1.0 + alpha;
        let b = (1.0 + omega.cos()) / 2.0 / a0;
        Section {
            b: [b, -2.0 * b, b],
            a: [-2.0 * omega.cos() / a0, (1.0 - alpha) / a0],
            state: [0.0; 2],
        }
    }

    fn step(&mut self, sample: f32) -> f32 {
        // A microphone that delivers nonsense must not poison the state for ever.
        let x = if sample.is_finite() {
            f64::from(sample)
        } else {
            0.0
        };
        let y = self.b[0] * x + self.state[0];
        self.state[0] = self.b[1] * x - self.a[0] * y + self.state[1];
        self.state[1] = self.b[2] * x - self.a[1] * y;
        y as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Tone;
    use crate::rms;

    fn gain_at(hz: f32) -> f32 {
        let mut samples = vec![0.0; 48_000];
        Tone::new(hz, 0.5).fill(&mut samples);
        let before = rms(&samples[24_000..]);
        HighPass::default().process(&mut samples);
        20.0 * (rms(&samples[24_000..]) / before).log10()
    }

    #[test]
    fn hum_goes_and_voices_stay() {
        assert!(gain_at(40.0) < -20.0, "{}", gain_at(40.0));
        assert!((gain_at(80.0) + 3.0).abs() < 0.2, "{}", gain_at(80.0));
        assert!(gain_at(200.0) > -0.2, "{}", gain_at(200.0));
    }

    #[test]
    fn nonsense_does_not_stay() {
        let mut filter = HighPass::default();
        filter.process(&mut [f32::NAN, f32::INFINITY]);
        let mut after = [0.1; 10];
        filter.process(&mut after);
        assert!(after.iter().all(|s| s.is_finite()));
    }
}
