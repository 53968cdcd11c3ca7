//! How late packets come, and so how long to hold them.
//!
//! Each arrival gives a transit time (arrival minus media time; its zero means nothing). The smallest of the last seconds is the
//! base: the way without queues. It moves with the window, so clock drift between sender and receiver never adds up. The target is
//! a quantile of the *worst lateness per 100 ms of arrival time*: random jitter is judged by its peaks, and a single stall counts
//! as one block however many packets it held up, so it does not keep the delay high after it is over.
//!
//! When the way gets longer for good (another route, or the sender's clock stood still for a moment), waiting for the window to
//! pass would call every packet late for seconds. So once all arrivals of [`SETTLED`] are late by more than [`STEP`], the times
//! before are forgotten.

use confab_base::{Duration, Time};
use std::collections::VecDeque;

const BLOCK: Duration = Duration::from_millis(100);
/// A lasting change of the transit time is at least this large, µs; less is left to the window.
const STEP: i64 = 80_000;
/// And it has lasted for this long, with arrivals in at least [`SETTLED_BLOCKS`] blocks.
const SETTLED: Duration = Duration::from_millis(500);
const SETTLED_BLOCKS: usize = 4;

/// Transit statistics of one stream over a sliding window.
#[derive(Clone, Debug)]
pub struct DelayEstimator {
    clock_rate: u32,
    window: Duration,
    quantile: f64,
    blocks: VecDeque<Block>,
    scratch: Vec<i64>,
    base: i64,
    spread: i64,
}

/// Smallest and largest transit in µs among arrivals within [`BLOCK`] of its start.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: Time,
    min: i64,
    max: i64,
}

impl DelayEstimator {
    /// `clock_rate` in Hz; `window` is what is remembered; `quantile` in 0..=1 of the blocks shall be in time.
    pub fn new(clock_rate: u32, window: Duration, quantile: f64) -> DelayEstimator {
        DelayEstimator {
            clock_rate,
            window,
            quantile,
            blocks: VecDeque::new(),
            scratch: Vec::new(),
            base: 0,
            spread: 0,
        }
    }

    /// One arrival with its unwrapped timestamp. Returns false, and starts anew, when the media clock jumped by more than two
    /// seconds against the arrivals: another source now speaks on this stream.
    pub fn packet(&mut self, timestamp: u64, now: Time) -> bool {
        let transit = self.transit(timestamp, now);
        let continuous = self.blocks.is_empty()
            || (transit - self.base) > -2_000_000 && (transit - self.base) < 2_000_000;
        if !continuous {
            self.blocks.clear();
        }
        match self.blocks.back_mut() {
            Some(block) if now.since(block.start) < BLOCK => {
                let changed = transit < block.min || transit > block.max;
                block.min = block.min.min(transit);
                block.max = block.max.max(transit);
                if changed {
                    self.measure();
                }
            }
            _ => {
                self.blocks.push_back(Block {
                    start: now,
                    min: transit,
                    max: transit,
                });
                while self
                    .blocks
                    .front()
                    .is_some_and(|block| now.since(block.start) > self.window)
                {
                    self.blocks.pop_front();
                }
                self.forget_before_step(now);
                self.measure();
            }
        }
        continuous
    }

    /// Drops the blocks before a step up of the transit time that has lasted.
    fn forget_before_step(&mut self, now: Time) {
        let recent = self
            .blocks
            .iter()
            .rev()
            .take_while(|block| now.since(block.start) <= SETTLED);
        let (count, min) =
            recent.fold((0, i64::MAX), |(n, min), block| (n + 1, min.min(block.min)));
        let old = self.blocks.len() - count;
        let base = self.blocks.iter().take(old).map(|block| block.min).min();
        if count >= SETTLED_BLOCKS && base.is_some_and(|base| min > base + STEP) {
            self.blocks.drain(..old);
        }
    }

    fn measure(&mut self) {
        self.base = self.blocks.iter().map(|block| block.min).min().unwrap_or(0);
        self.scratch.clear();
        self.scratch
            .extend(self.blocks.iter().map(|block| block.max - self.base));
        let last = self.scratch.len().saturating_sub(1);
        let index = ((last as f64 * self.quantile).round() as usize).min(last);
        self.spread = if self.scratch.is_empty() {
            0
        } else {
            *self.scratch.select_nth_unstable(index).1
        };
    }

    fn transit(&self, timestamp: u64, now: Time) -> i64 {
        now.as_micros() as i64 - self.media_micros(timestamp)
    }

    fn media_micros(&self, timestamp: u64) -> i64 {
        (u128::from(timestamp) * 1_000_000 / u128::from(self.clock_rate)) as i64
    }

    /// The lateness, against the fastest packets, within which the wanted quantile of blocks arrived.
    pub fn spread(&self) -> Duration {
        Duration::from_micros(self.spread.max(0) as u64)
    }

    /// How far behind its earliest possible arrival this media time is at `now`, in µs; negative when it is still to come.
    pub fn delay_at(&self, timestamp: u64, now: Time) -> i64 {
        self.transit(timestamp, now) - self.base
    }

    /// When this media time is `delay` behind its earliest possible arrival.
    pub fn due(&self, timestamp: u64, delay: Duration) -> Time {
        let micros = self.base + self.media_micros(timestamp) + delay.as_micros() as i64;
        Time::from_micros(micros.max(0) as u64)
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub fn reset(&mut self) {
        self.blocks.clear();
        self.base = 0;
        self.spread = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimator() -> DelayEstimator {
        DelayEstimator::new(48_000, Duration::from_secs(6), 0.95)
    }

    #[test]
    fn random_jitter_is_covered_and_a_single_stall_is_not() {
        let mut jittery = estimator();
        let mut stalled = estimator();
        for i in 0..300u64 {
            jittery.packet(i * 960, Time::from_millis(1000 + i * 20 + i * 7 % 50));
            // A second without packets, then all at once.
            let at = if (200..250).contains(&i) {
                5000
            } else {
                i * 20
            };
            stalled.packet(i * 960, Time::from_millis(1000 + at));
        }
        assert!(
            (45..50).contains(&jittery.spread().as_millis()),
            "{:?}",
            jittery.spread()
        );
        assert_eq!(stalled.spread(), Duration::ZERO);
    }

    #[test]
    fn a_longer_way_is_the_new_normal_within_a_second() {
        let mut e = estimator();
        for i in 0..400u64 {
            let slip = if i < 200 { 0 } else { 800 };
            e.packet(i * 960, Time::from_millis(1000 + i * 20 + slip));
            if i == 250 {
                assert_eq!(
                    e.delay_at(i * 960, Time::from_millis(1000 + i * 20 + slip)),
                    0
                );
                assert_eq!(e.spread(), Duration::ZERO);
            }
        }
        // And back: at once.
        e.packet(400 * 960, Time::from_millis(1000 + 400 * 20));
        assert_eq!(e.delay_at(400 * 960, Time::from_millis(1000 + 400 * 20)), 0);
    }

    #[test]
    fn a_jump_of_the_media_clock_starts_anew() {
        let mut e = estimator();
        assert!(e.packet(1 << 33, Time::from_secs_f64_for_test(1.0)));
        assert!(!e.packet(5, Time::from_secs_f64_for_test(1.02)));
        assert_eq!(e.delay_at(5, Time::from_secs_f64_for_test(1.02)), 0);
    }

    trait Seconds {
        fn from_secs_f64_for_test(s: f64) -> Time;
    }
    impl Seconds for Time {
        fn from_secs_f64_for_test(s: f64) -> Time {
            Time::from_micros((s * 1e6) as u64)
        }
    }
}
