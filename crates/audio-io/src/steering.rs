//! How the fill of a speaker's ring is held at its target: pure, told the fill before each frame.
//!
//! Frames are made a little longer or shorter, in proportion to how far the smoothed fill is off, so that a speaker whose clock
//! differs from the microphone's neither starves nor falls behind: 100 ppm settle 1 ms off the target.

use std::time::Duration;

/// Above the target by this much, frames are dropped until the target is reached: after a hiccup of the writer, playing it off slowly
/// would keep everyone late for many seconds.
const TOO_MUCH: Duration = Duration::from_millis(60);
/// Strength of the correction: 10 ms off the target change the rate by 0.1 %.
const GAIN_PER_SECOND: f64 = 0.1;
/// The largest correction: clocks of real devices are off by less, and a change of pitch by 0.3 % is not heard.
const MOST: f64 = 0.003;
/// Weight of a new fill: smoothed over about a second.
const SMOOTHING: f64 = 0.01;

/// What to do with the next frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// Drop it: far too much waits.
    Drop,
    /// Fill up with silence to the target before it, once, instead of clicking frame by frame; then write it as it is.
    Refill,
    /// Write it, this much longer (parts of one, -0.003 to 0.003).
    Write(f64),
}

#[derive(Debug, Default)]
pub(crate) struct Steering {
    /// The fill, smoothed, moments.
    fill: f64,
    draining: bool,
}

impl Steering {
    /// Begins anew, as if the ring held the target.
    pub(crate) fn start(&mut self, target: usize) {
        self.fill = target as f64;
        self.draining = false;
    }

    /// Before a frame is written: `waiting` and `target` in moments, `rate` in moments per second.
    pub(crate) fn next(&mut self, waiting: usize, target: usize, rate: u32) -> Next {
        let limit = if self.draining {
            target
        } else {
            target + samples(TOO_MUCH, rate)
        };
        self.draining = waiting > limit;
        if self.draining || waiting == 0 {
            self.fill = target as f64;
            return if waiting == 0 {
                Next::Refill
            } else {
                Next::Drop
            };
        }
        self.fill += SMOOTHING * (waiting as f64 - self.fill);
        let off = (target as f64 - self.fill) / f64::from(rate);
        Next::Write((off * GAIN_PER_SECOND).clamp(-MOST, MOST))
    }
}

/// Moments in this time.
pub(crate) fn samples(time: Duration, rate: u32) -> usize {
    (time.as_secs_f64() * f64::from(rate)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;
    const TARGET: usize = 960 + 1024;

    /// A device that takes bursts of 1024 by a clock that is off by `ppm`, for this many seconds. Gives the fills before each frame.
    fn play(steering: &mut Steering, ppm: f64, seconds: usize) -> Vec<f64> {
        let mut fills = Vec::new();
        let (mut ring, mut owed, mut made) = (TARGET as f64, 0.0, 0.0);
        steering.start(TARGET);
        for _ in 0..seconds * 100 {
            owed += 480.0 * (1.0 + ppm * 1e-6);
            while owed >= 1024.0 {
                assert!(ring >= 1024.0, "starved");
                ring -= 1024.0;
                owed -= 1024.0;
            }
            fills.push(ring);
            match steering.next(ring as usize, TARGET, RATE) {
                Next::Write(longer) => made += 480.0 * (1.0 + longer),
                other => panic!("{other:?} at a fill of {ring}"),
            }
            ring += f64::floor(made);
            made -= f64::floor(made);
        }
        fills
    }

    fn mean(fills: &[f64]) -> f64 {
        fills.iter().sum::<f64>() / fills.len() as f64 / 48.0
    }

    #[test]
    fn an_hour_at_clocks_100_ppm_apart_neither_starves_nor_drifts() {
        for ppm in [-100.0, 100.0] {
            let fills = play(&mut Steering::default(), ppm, 3600);
            // The mean fill of each minute, ms: all within two, the first one with its settling too.
            let minutes: Vec<f64> = fills.chunks_exact(6000).map(mean).collect();
            let largest = minutes.iter().copied().fold(f64::MIN, f64::max);
            let smallest = minutes.iter().copied().fold(f64::MAX, f64::min);
            assert!(
                largest - smallest < 2.0,
                "{ppm} ppm: {smallest} to {largest} ms"
            );
        }
    }

    #[test]
    fn the_pitch_moves_too_slowly_to_be_heard() {
        let mut steering = Steering::default();
        steering.start(TARGET);
        let mut last = 0.0;
        for i in 0..2000 {
            // The fill as a burst of 1024 makes it jump, around a lasting surplus of 20 ms.
            let waiting = TARGET + 960 + i * 480 % 1024;
            let Next::Write(longer) = steering.next(waiting, TARGET, RATE) else {
                panic!("nothing to drop or refill");
            };
            assert!((-MOST..=0.0).contains(&longer), "{longer}");
            assert!((longer - last).abs() < 1e-4, "{last} to {longer}");
            last = longer;
        }
        assert!(last < -0.001, "{last}");
    }

    #[test]
    fn an_empty_ring_is_refilled_and_a_flooded_one_drained_to_the_target() {
        let mut steering = Steering::default();
        steering.start(TARGET);
        assert_eq!(steering.next(0, TARGET, RATE), Next::Refill);
        assert_eq!(steering.next(TARGET + 2881, TARGET, RATE), Next::Drop);
        assert_eq!(steering.next(TARGET + 1, TARGET, RATE), Next::Drop);
        assert_eq!(steering.next(TARGET, TARGET, RATE), Next::Write(0.0));
        assert!(matches!(
            steering.next(TARGET + 1, TARGET, RATE),
            Next::Write(_)
        ));
    }
}
