//! What left, what came, and how long it took in between. The delay of a packet is from its sender's call to the kernel of who
//! gets it, so neither the sender's pacing nor the work of the synthetic people is in it.

use crate::camera::{STREAMS, Stamp};
use std::time::Duration;

/// Departures remembered of a stream: half a minute of a camera's.
const REMEMBERED: usize = 4096;
/// Delays are counted in steps of ten microseconds up to two seconds; longer ones count as that.
const STEP_MICROS: u32 = 10;
const STEPS: usize = 200_000;

/// How often each delay was seen.
#[derive(Debug)]
pub(crate) struct Delays {
    counts: Vec<u32>,
    total: u64,
}

impl Delays {
    pub fn new() -> Delays {
        Delays {
            counts: vec![0; STEPS],
            total: 0,
        }
    }

    pub fn note(&mut self, micros: u32) {
        let step = (micros / STEP_MICROS) as usize;
        self.counts[step.min(STEPS - 1)] += 1;
        self.total += 1;
    }

    /// The delay that this share of all stayed below, in microseconds; 0 without any.
    pub fn quantile(&self, share: f64) -> u32 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut below = 0;
        let step = self.counts.iter().position(|count| {
            below += u64::from(*count);
            below >= wanted
        });
        step.map_or(0, |step| (step as u32 + 1) * STEP_MICROS)
    }
}

/// What was counted between the marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Packets of the streams that are looked at, once for each who looks.
    pub expected: u64,
    /// Of these, what arrived.
    pub arrived: u64,
    /// Of other streams: smaller pictures, mostly.
    pub others: u64,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    start: Duration,
    /// Microseconds since the start by sender, stream and number; 0: not yet.
    left: Vec<u32>,
    /// Numbers counted, by sender and stream: from the first until before the second.
    counted: Vec<(u64, u64)>,
    /// How many look at a stream of each sender.
    lookers: [u32; STREAMS],
    pub delays: Delays,
    arrived: u64,
    others: u64,
    /// As in [`Counted`], since ever.
    pub expected_total: u64,
    pub arrived_total: u64,
}

impl Ledger {
    /// `start`: now, by the clock that all times are of.
    pub fn new(senders: u32, lookers: [u32; STREAMS], start: Duration) -> Ledger {
        let streams = senders as usize * STREAMS;
        Ledger {
            start,
            left: vec![0; streams * REMEMBERED],
            counted: vec![(u64::MAX, u64::MAX); streams],
            lookers,
            delays: Delays::new(),
            arrived: 0,
            others: 0,
            expected_total: 0,
            arrived_total: 0,
        }
    }

    fn place(sender: u16, stream: usize) -> usize {
        usize::from(sender) * STREAMS + stream
    }

    fn micros(&self, at: Duration) -> u32 {
        at.saturating_sub(self.start).as_micros() as u32
    }

    /// A packet is about to leave; of its number the last 16 bits are enough.
    pub fn leaves(&mut self, sender: u16, stream: usize, number: u64, at: Duration) {
        let place = Self::place(sender, stream) * REMEMBERED + number as usize % REMEMBERED;
        let at = self.micros(at).max(1);
        if let Some(left) = self.left.get_mut(place) {
            *left = at;
        }
        self.expected_total += u64::from(self.lookers.get(stream).copied().unwrap_or(0));
    }

    /// From these packets on, by stream, `sender`'s are counted.
    pub fn begin(&mut self, sender: u16, last: [u64; STREAMS]) {
        for (stream, last) in last.into_iter().enumerate() {
            if let Some(counted) = self.counted.get_mut(Self::place(sender, stream)) {
                *counted = (last + 1, u64::MAX);
            }
        }
    }

    /// After these no more.
    pub fn end(&mut self, sender: u16, last: [u64; STREAMS]) {
        for (stream, last) in last.into_iter().enumerate() {
            if let Some(counted) = self.counted.get_mut(Self::place(sender, stream)) {
                counted.1 = last + 1;
            }
        }
    }

    /// A packet came. Whether it is counted.
    pub fn arrived(&mut self, stamp: Stamp, at: Duration) -> bool {
        let Some(looked_at) = self.lookers.get(stamp.stream).map(|l| *l > 0) else {
            return false;
        };
        let place = Self::place(stamp.sender, stamp.stream);
        let Some(&(from, until)) = self.counted.get(place) else {
            return false;
        };
        self.arrived_total += u64::from(looked_at);
        if !(from..until).contains(&stamp.number) {
            return false;
        }
        let left = self.left[place * REMEMBERED + stamp.number as usize % REMEMBERED];
        let at = self.micros(at);
        if left > 0 {
            self.delays.note(at.saturating_sub(left));
        }
        match looked_at {
            true => self.arrived += 1,
            false => self.others += 1,
        }
        true
    }

    /// What was counted, once it was ended.
    pub fn total(&self) -> Counted {
        let ended = self
            .counted
            .iter()
            .enumerate()
            .filter(|(_, c)| c.1 < u64::MAX);
        let expected = ended.map(|(place, (from, until))| {
            (until - from) * u64::from(self.lookers[place % STREAMS])
        });
        Counted {
            expected: expected.sum(),
            arrived: self.arrived,
            others: self.others,
        }
    }
}

/// Packets of one receiving line by their numbers: what never came leaves a gap.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gaps {
    bounds: Option<(u64, u64)>,
    count: u64,
}

impl Gaps {
    pub fn note(&mut self, number: u64) {
        let (first, last) = self.bounds.unwrap_or((number, number));
        self.bounds = Some((first.min(number), last.max(number)));
        self.count += 1;
    }

    /// Numbers that should have come, and those that did not.
    pub fn lost(&self) -> (u64, u64) {
        let span = self.bounds.map_or(0, |(first, last)| last + 1 - first);
        (span, span.saturating_sub(self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOKERS: [u32; STREAMS] = [0, 0, 5, 3];

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn stamp(stream: usize, number: u64) -> Stamp {
        Stamp {
            sender: 1,
            stream,
            number,
        }
    }

    #[test]
    fn quantiles_are_of_the_share_below() {
        let mut delays = Delays::new();
        assert_eq!(delays.quantile(0.99), 0);
        (0..100).for_each(|i| delays.note(i * 100));
        assert_eq!(delays.quantile(0.5), 4910);
        assert_eq!(delays.quantile(0.99), 9810);
        delays.note(u32::MAX);
        assert_eq!(delays.quantile(1.0), 2_000_000);
    }

    #[test]
    fn packets_between_the_marks_count_and_their_delay_does() {
        let mut ledger = Ledger::new(2, LOOKERS, ms(1000));
        for number in 1..=6 {
            ledger.leaves(1, 2, number, ms(1000 + number));
        }
        assert!(!ledger.arrived(stamp(2, 1), ms(1002)), "not begun");
        ledger.begin(1, [0, 0, 2, 0]);
        assert!(!ledger.arrived(stamp(2, 2), ms(1003)), "before");
        assert!(ledger.arrived(stamp(2, 3), ms(1007)));
        assert!(ledger.arrived(stamp(0, 3), ms(1007)), "another layer");
        ledger.end(1, [0, 9, 5, 0]);
        assert!(ledger.arrived(stamp(2, 5), ms(1009)), "late, but of those");
        assert!(!ledger.arrived(stamp(2, 6), ms(1009)), "after");
        let counted = Counted {
            expected: 3 * 5,
            arrived: 2,
            others: 1,
        };
        assert_eq!(ledger.total(), counted);
        assert_eq!(ledger.delays.quantile(1.0), 4010);
        assert_eq!((ledger.expected_total, ledger.arrived_total), (30, 5));
    }

    #[test]
    fn what_says_nonsense_is_not_counted() {
        let mut ledger = Ledger::new(1, LOOKERS, ms(0));
        ledger.begin(0, [0; STREAMS]);
        assert!(!ledger.arrived(stamp(9, 1), ms(1)));
        assert!(!ledger.arrived(stamp(2, 1), ms(1)), "nobody's");
        ledger.leaves(7, 1, 1, ms(1));
        assert_eq!(ledger.total().arrived, 0);
    }

    #[test]
    fn gaps_close_when_a_late_one_comes() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.lost(), (0, 0));
        [10, 11, 14].iter().for_each(|n| gaps.note(*n));
        assert_eq!(gaps.lost(), (5, 2));
        gaps.note(12);
        assert_eq!(gaps.lost(), (5, 1));
    }
}
