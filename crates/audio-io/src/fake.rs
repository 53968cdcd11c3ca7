//! Devices without hardware, paced by the wall clock.

use crate::{Frame, Microphone, SAMPLE_RATE, Speaker, StereoFrame};
use std::time::{Duration, Instant};

const FRAME_TIME: Duration = Duration::from_millis(10);

/// Lets 10 ms pass per call on average. Who is late is not made to wait until it has caught up; who is later than half a second
/// (a suspended machine) starts anew.
#[derive(Debug, Default)]
pub struct Pacer {
    next: Option<Instant>,
}

impl Pacer {
    pub fn wait(&mut self) {
        let now = Instant::now();
        let next = match self.next {
            Some(next) if now.saturating_duration_since(next) < Duration::from_millis(500) => next,
            _ => now,
        };
        std::thread::sleep(next.saturating_duration_since(now));
        self.next = Some(next + FRAME_TIME);
    }

    /// The next wait starts from then: for pauses in which something else kept the pace.
    pub fn reset(&mut self) {
        self.next = None;
    }
}

/// A sine; 0 Hz is silence.
#[derive(Debug)]
pub struct ToneMicrophone {
    pacer: Pacer,
    phase: f64,
    step: f64,
}

impl ToneMicrophone {
    pub fn new(hz: f32) -> ToneMicrophone {
        ToneMicrophone {
            pacer: Pacer::default(),
            phase: 0.0,
            step: f64::from(hz) / f64::from(SAMPLE_RATE),
        }
    }
}

impl Microphone for ToneMicrophone {
    fn read(&mut self, frame: &mut Frame) {
        self.pacer.wait();
        for sample in frame {
            *sample = 0.25 * (self.phase * std::f64::consts::TAU).sin() as f32;
            self.phase = (self.phase + self.step).fract();
        }
    }
}

/// Swallows sound.
#[derive(Debug)]
pub struct NullSpeaker;

impl Speaker for NullSpeaker {
    fn write(&mut self, _frame: &Frame) {}

    fn write_stereo(&mut self, _frame: &StereoFrame) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_goes_on_across_frames_and_silence_is_silent() {
        let mut tone = ToneMicrophone::new(1000.0);
        let (mut a, mut b) = ([0.0; 480], [0.0; 480]);
        tone.read(&mut a);
        tone.read(&mut b);
        assert!((b[0] - a[0]).abs() < 1e-3, "1 kHz fits 10 ms exactly");
        assert!(a.iter().any(|s| *s > 0.24));
        ToneMicrophone::new(0.0).read(&mut a);
        assert_eq!(a, [0.0; 480]);
    }
}
