//! What a run says about itself, as JSON lines; `docs/IMPAIR.md` lists the fields.

use confab_base::Duration;
use confab_simnet::QueuedStats;
use serde::Serialize;

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Report {
    Ready {
        namespaces: [String; 2],
        addresses: [[String; 2]; 2],
        seed: u64,
    },
    Step {
        number: usize,
        at_s: f64,
    },
    Second {
        at_s: f64,
        up: Counts,
        down: Counts,
    },
    Summary {
        at_s: f64,
        up: Counts,
        down: Counts,
        dropped_lines: u64,
    },
}

/// A direction, counted from the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    pub packets_in: u64,
    pub bytes_in: u64,
    pub packets_out: u64,
    pub bytes_out: u64,
    pub lost: Lost,
    pub duplicated: u64,
    pub reordered: u64,
    pub held: u64,
    pub queue_ms: Spread,
    pub late_ms: Spread,
    pub refused: u64,
    /// Only known at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_dropped: Option<u64>,
}

/// Packets lost, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lost {
    pub random: u64,
    pub burst: u64,
    pub queue: u64,
    pub policer: u64,
    pub cut: u64,
    pub overflow: u64,
}

impl Counts {
    pub fn new(stats: QueuedStats, held: usize) -> Counts {
        Counts {
            packets_in: stats.packets_in,
            bytes_in: stats.bytes_in,
            packets_out: stats.packets_out,
            bytes_out: stats.bytes_out,
            lost: Lost {
                random: stats.lost_random,
                burst: stats.lost_burst,
                queue: stats.lost_queue,
                policer: stats.lost_policer,
                cut: stats.lost_cut,
                overflow: stats.lost_overflow,
            },
            duplicated: stats.duplicated,
            reordered: stats.reordered,
            held: held as u64,
            ..Counts::default()
        }
    }
}

/// Milliseconds; 0 where nothing was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

/// Durations, counted in steps of 1/32 of themselves (one microsecond below 32): percentiles within 3 %, the largest
/// exactly, in 8 kB whatever comes.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

/// Steps between a power of two and the next.
const STEPS: u64 = 32;
const STEPS_LOG2: u32 = STEPS.ilog2();
/// Up to 2^36 µs, nineteen hours.
const BUCKETS: usize = (STEPS * 32) as usize;

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram {
            counts: vec![0; BUCKETS],
            total: 0,
            max: 0,
        }
    }
}

impl Histogram {
    pub fn add(&mut self, value: Duration) {
        let us = value.as_micros() as u64;
        self.counts[bucket(us)] += 1;
        self.total += 1;
        self.max = self.max.max(us);
    }

    /// Adds the other's, and empties it.
    pub fn absorb(&mut self, other: &mut Histogram) {
        for (mine, theirs) in self.counts.iter_mut().zip(&mut other.counts) {
            *mine += std::mem::take(theirs);
        }
        self.total += std::mem::take(&mut other.total);
        self.max = self.max.max(std::mem::take(&mut other.max));
    }

    pub fn spread(&self) -> Spread {
        Spread {
            p50: self.percentile(0.5),
            p95: self.percentile(0.95),
            max: self.max as f64 / 1000.0,
        }
    }

    fn percentile(&self, share: f64) -> f64 {
        let rank = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        found.map_or(0.0, |b| lowest(b).min(self.max) as f64 / 1000.0)
    }
}

fn bucket(us: u64) -> usize {
    let index = match us.checked_ilog2() {
        Some(log) if log >= STEPS_LOG2 => {
            let shift = log - STEPS_LOG2;
            u64::from(shift) * STEPS + (us >> shift)
        }
        _ => us,
    };
    (index as usize).min(BUCKETS - 1)
}

/// The lowest value of a bucket, µs.
fn lowest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    match bucket / STEPS {
        0 => bucket,
        row => (bucket % STEPS + STEPS) << (row - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_their_bounds() {
        let mut histogram = Histogram::default();
        (1..=10_000).for_each(|us| histogram.add(Duration::from_micros(us)));
        let spread = histogram.spread();
        assert!((4.85..=5.0).contains(&spread.p50), "{spread:?}");
        assert!((9.2..=9.5).contains(&spread.p95), "{spread:?}");
        assert_eq!(spread.max, 10.0);
    }

    #[test]
    fn every_value_falls_into_the_bucket_that_begins_below_it() {
        for us in (0..5000).chain([65_535, 65_536, 1_000_000, 60_000_000_000]) {
            let low = lowest(bucket(us));
            assert!(low <= us && us - low <= us / 32, "{us}: {low}");
            assert_eq!(bucket(low), bucket(us));
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn nothing_measured_is_nothing() {
        let mut all = Histogram::default();
        assert_eq!(all.spread(), Spread::default());
        let mut one = Histogram::default();
        one.add(Duration::from_millis(3));
        all.absorb(&mut one);
        assert_eq!((all.spread().max, one.spread().max), (3.0, 0.0));
    }
}
