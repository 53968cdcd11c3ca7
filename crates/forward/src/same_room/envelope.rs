//! How loud one microphone was, step by step, on a clock that can be compared with others'.
//!
//! A packet's place is its RTP timestamp, not its arrival: the way through the network shakes arrivals by more than the
//! difference between two microphones on one table. The timestamp's zero is where the quickest packets put it, as they waited
//! least on their way.

use confab_base::{AudioLevel, Duration, Time};

/// One step of the envelope.
pub(super) const STEP: Duration = Duration::from_millis(50);
/// Steps that are kept: a window, the lags around it, and what may still be on its way. 12.8 s.
const KEPT: usize = 256;
/// Nothing is quieter, dBov: two microphones' noise shall not look like a difference.
pub(super) const FLOOR: f32 = -65.0;
/// Packets no further apart than this are one sound: the longest frame is 60 ms, and one packet may be lost.
const ONE_SOUND: u64 = 120_000;
/// After a pause of arrivals the timestamp's zero is looked for anew, where it moved by more than [`MOVED`]: senders that pause may
/// stop their clock.
const PAUSE: Duration = Duration::from_millis(300);
const MOVED: i64 = 60_000;
/// A timestamp that is so far off belongs to another stream.
const OTHER: i64 = 1_000_000;
/// How much later the zero becomes with each packet, µs: clocks that drift apart by 50 µs a second or a way that got longer
/// are followed.
const CREEP: i64 = 20;

/// Microseconds of one tick of Opus' RTP clock, as a fraction.
const TICK_US: (i64, i64) = (125, 6);

#[derive(Clone, Copy, Debug)]
struct Anchor {
    timestamp: u32,
    /// Of `timestamp`, extended, in ticks.
    ticks: i64,
    /// Server time of tick 0, µs.
    zero: i64,
    arrived: Time,
}

/// A microphone's levels of the last seconds.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    levels: Box<[f32; KEPT]>,
    /// The newest step that was written.
    newest: u64,
    /// When the newest packet was spoken, µs.
    spoken: u64,
    anchor: Option<Anchor>,
}

impl Default for Envelope {
    fn default() -> Envelope {
        Envelope {
            levels: Box::new([FLOOR; KEPT]),
            newest: 0,
            spoken: 0,
            anchor: None,
        }
    }
}

impl Envelope {
    /// A packet with its RTP timestamp (48 kHz), as it arrives.
    pub(super) fn note(&mut self, level: AudioLevel, timestamp: u32, now: Time) {
        let at = self.place(timestamp, now);
        let step = at / STEP.as_micros() as u64;
        let db = (-f32::from(level.0.min(127))).max(FLOOR);
        if self.newest == 0 {
            // That two begin together says nothing about where they are: as if it had been so before.
            self.levels.fill(db);
            self.newest = step;
        }
        if step > self.newest {
            // Up to a frame before this one nothing was heard; what is between two packets of one sound belongs to the later.
            let joined = at.saturating_sub(self.spoken) <= ONE_SOUND;
            let gap = (step - self.newest - 1).min(KEPT as u64);
            for missing in 0..gap {
                self.levels[slot(step - 1 - missing)] = if joined { db } else { FLOOR };
            }
            self.levels[slot(step)] = db;
            self.newest = step;
        } else if self.newest - step < KEPT as u64 {
            let held = &mut self.levels[slot(step)];
            *held = held.max(db);
        }
        self.spoken = self.spoken.max(at);
    }

    /// Server time at which the packet would have arrived had it been as quick as the quickest, µs.
    fn place(&mut self, timestamp: u32, now: Time) -> u64 {
        let now_us = now.as_micros() as i64;
        let mut anchor = self.anchor.unwrap_or(Anchor {
            timestamp,
            ticks: 0,
            zero: now_us,
            arrived: now,
        });
        anchor.ticks += i64::from(timestamp.wrapping_sub(anchor.timestamp) as i32);
        anchor.timestamp = timestamp;
        let since_zero = anchor.ticks * TICK_US.0 / TICK_US.1;
        let zero = now_us - since_zero;
        let moved = zero - anchor.zero;
        let paused = now.since(anchor.arrived) >= PAUSE;
        if moved.abs() > OTHER || paused && moved > MOVED {
            anchor.zero = zero;
        } else {
            anchor.zero += moved.min(CREEP);
        }
        anchor.arrived = now;
        self.anchor = Some(anchor);
        (anchor.zero + since_zero).max(0) as u64
    }

    /// The levels of `into.len()` steps, the last of which is `last`, dBov. Where nothing came it is quiet; before the first packet
    /// it was as in it.
    pub(super) fn copy(&self, last: u64, into: &mut [f32]) {
        let count = into.len() as u64;
        for (i, level) in into.iter_mut().enumerate() {
            let step = (last + 1 + i as u64).saturating_sub(count);
            let known = step <= self.newest && self.newest - step < KEPT as u64;
            *level = if known {
                self.levels[slot(step)]
            } else {
                FLOOR
            };
        }
    }
}

fn slot(step: u64) -> usize {
    (step % KEPT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(envelope: &Envelope, last: u64, count: usize) -> Vec<f32> {
        let mut levels = vec![0.0; count];
        envelope.copy(last, &mut levels);
        levels
    }

    /// One packet every 20 ms from 10 s on, each with a delay; the level rises with the packet's number.
    fn feed(envelope: &mut Envelope, delays_ms: impl Iterator<Item = u64>) {
        for (i, delay) in delays_ms.enumerate() {
            let spoken = 10_000 + 20 * i as u64;
            let timestamp = (i as u32).wrapping_mul(960).wrapping_sub(4800);
            let level = AudioLevel(60 - (i / 5) as u8);
            envelope.note(level, timestamp, Time::from_millis(spoken + delay));
        }
    }

    #[test]
    fn a_shaken_way_changes_nothing() {
        let (mut steady, mut shaken) = (Envelope::default(), Envelope::default());
        feed(&mut steady, std::iter::repeat_n(30, 100));
        feed(
            &mut shaken,
            (0..100).map(|i| 30 + (i * 7 % 13) * (i.min(1)) * 8),
        );
        let last = 12_000 / 50 - 2;
        assert_eq!(heard(&steady, last, 36), heard(&shaken, last, 36));
        assert!(heard(&steady, last, 36).windows(2).all(|w| w[0] <= w[1]));
    }

    #[test]
    fn where_nothing_comes_it_is_quiet() {
        let mut envelope = Envelope::default();
        feed(&mut envelope, std::iter::repeat_n(0, 10));
        assert_eq!(heard(&envelope, 260, 20), [FLOOR; 20]);
        assert_eq!(heard(&envelope, 199, 20), [-60.0; 20], "as it began");
        envelope.note(AudioLevel(30), 48_000, Time::from_millis(11_100));
        assert_eq!(heard(&envelope, 215, 4), [FLOOR; 4]);
    }

    #[test]
    fn a_clock_that_stopped_while_nothing_was_sent_is_followed() {
        let mut envelope = Envelope::default();
        feed(&mut envelope, std::iter::repeat_n(0, 50));
        // 600 ms later, with the timestamp that follows the last one.
        let next = 50u32.wrapping_mul(960).wrapping_sub(4800);
        envelope.note(AudioLevel(20), next, Time::from_millis(11_600));
        assert_eq!(heard(&envelope, 11_600 / 50, 1), [-20.0]);
        assert_eq!(heard(&envelope, 11_300 / 50, 2), [FLOOR; 2]);
    }
}
