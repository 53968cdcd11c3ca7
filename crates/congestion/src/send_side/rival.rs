//! Whether somebody else fills the queue. Our own queue is gone soon after we send less; a queue that stays is that of a flow which
//! only losses stop, and whoever makes room for it gets nothing. Beside such a rival we live by its rules: grow by a packet
//! per round trip, cut where packets are dropped (the idea of Copa's competitive mode, Arun and Balakrishnan, NSDI 2018).

use confab_base::{Duration, Time};

/// Queues below this are jitter, milliseconds.
const SHORT: f64 = 15.0;
/// On a slow path a packet alone takes longer.
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// Longer ones are never joined: what a rival does there helps nobody who talks.
const LONG: f64 = 250.0;
/// So many times the queue should have been drained by what we sent less, and so many milliseconds more.
const ENOUGH: f64 = 1.3;
const MORE: f64 = 30.0;
/// And this share of it is there all the same.
const LEFT: f64 = 0.5;
/// One such test may meet another of ours that is growing.
const TESTS: u32 = 2;
/// The queue was short for so long: the rival is gone.
const GONE: Duration = Duration::from_millis(400);
/// After so long it is looked at anew; and where the queue got too long, not before this time.
const BELIEVED: Duration = Duration::from_secs(20);
const BANNED: Duration = Duration::from_secs(10);
/// Where the queue was there before us, its length is not known. But who sends a third of what it did, after so many cuts in so
/// long a time, and still finds it growing, is not alone either; half would be one of ours that has come and shares fairly. Cuts
/// further apart belong to different series.
const THIRD: f64 = 0.35;
const CUTS: u32 = 5;
const SERIES: Duration = Duration::from_secs(4);
const APART: Duration = Duration::from_secs(5);

/// Cuts that follow each other.
#[derive(Clone, Copy, Debug)]
struct Series {
    began: Time,
    last: Time,
    before: f64,
    cuts: u32,
    /// The longest queue seen, milliseconds.
    queue: f64,
}

#[derive(Clone, Copy, Debug)]
struct Test {
    /// Milliseconds: at the cut, the shortest since, and by how much it should be shorter were we alone.
    queue: f64,
    least: f64,
    drained: f64,
    /// Shorter is no queue.
    short: f64,
    /// What the path carried of ours at the cut, bits per second.
    carried: f64,
    updated: Time,
}

#[derive(Debug, Default)]
pub(crate) struct Rival {
    test: Option<Test>,
    /// Tests in a row after which the queue was still there, and our rate before the first.
    failed: u32,
    before: f64,
    series: Option<Series>,
    there_since: Option<Time>,
    short_since: Option<Time>,
    banned_until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    None,
    /// The queue stayed; send still less, to be sure.
    Again,
    /// There is a rival. So much was sent, bits per second, before room was made for it.
    Found(f64),
}

impl Rival {
    pub fn is_there(&self) -> bool {
        self.there_since.is_some()
    }

    /// Whether we wait for the queue to drain; growing would spoil that.
    pub fn is_testing(&self) -> bool {
        self.test.is_some()
    }

    /// The rate was lowered because of this queue, milliseconds; `carried` and `before` in bits per second.
    pub fn cut(&mut self, queue: f64, carried: f64, before: f64, now: Time) {
        self.count(queue, before, now);
        if self.is_there() || now < self.banned_until || !(SHORT..LONG).contains(&queue) {
            self.test = None;
            return;
        }
        // A test goes on: with another cut the queue should drain all the sooner.
        if self.test.is_some() {
            return;
        }
        if self.failed == 0 {
            self.before = before;
        }
        self.test = Some(Test {
            queue,
            least: queue,
            drained: 0.0,
            short: SHORT.max(1.5 * PACKET_BITS * 1000.0 / carried.max(1.0)),
            carried,
            updated: now,
        });
    }

    /// The link became another one: what was believed of its queues is over.
    pub fn forget(&mut self) {
        (self.test, self.series, self.failed) = (None, None, 0);
    }

    fn count(&mut self, queue: f64, before: f64, now: Time) {
        let fresh = Series {
            began: now,
            last: now,
            before,
            cuts: 0,
            queue,
        };
        let old = self.series.filter(|s| now.since(s.last) < APART);
        let mut series = old.unwrap_or(fresh);
        series.last = now;
        series.cuts += 1;
        series.queue = series.queue.max(queue);
        self.series = Some(series);
    }

    /// Whether a series of cuts was in vain.
    fn is_starved(&self, sent: f64, now: Time) -> Option<f64> {
        let s = self.series.filter(|s| s.queue < LONG)?;
        let is_long = s.cuts >= CUTS && s.last.since(s.began) >= SERIES;
        (is_long && sent < THIRD * s.before && now >= self.banned_until).then_some(s.before)
    }

    /// `sent`: at most so much is sent now, bits per second.
    pub fn update(&mut self, queue: f64, sent: f64, now: Time) -> Verdict {
        self.watch(queue, now);
        if let Some(before) = self.series.and_then(|_| self.is_starved(sent, now)) {
            (self.test, self.failed, self.series) = (None, 0, None);
            self.there_since = Some(now);
            return Verdict::Found(before);
        }
        let Some(test) = &mut self.test else {
            return Verdict::None;
        };
        let passed = now.since(test.updated).as_secs_f64() * 1000.0;
        test.updated = now;
        test.drained += (1.0 - sent / test.carried.max(1.0)).max(0.0) * passed;
        test.least = test.least.min(queue);
        if test.least < (test.queue * LEFT).max(test.short) {
            (self.test, self.failed) = (None, 0);
            return Verdict::None;
        }
        if test.drained < test.queue * ENOUGH + MORE {
            return Verdict::None;
        }
        self.test = None;
        self.failed += 1;
        if self.failed < TESTS {
            return Verdict::Again;
        }
        self.failed = 0;
        self.there_since = Some(now);
        Verdict::Found(self.before)
    }

    fn watch(&mut self, queue: f64, now: Time) {
        if queue > LONG {
            self.banned_until = now + BANNED;
            (self.there_since, self.test, self.failed) = (None, None, 0);
            self.series = None;
        }
        if self.there_since.is_some_and(|at| now.since(at) > BELIEVED) {
            self.there_since = None;
        }
        if queue >= SHORT {
            self.short_since = None;
        } else if now.since(*self.short_since.get_or_insert(now)) >= GONE {
            (self.there_since, self.failed) = (None, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts whenever it is told to; sends 85 % of what is carried.
    fn run(rival: &mut Rival, ms: std::ops::Range<u64>, queue: impl Fn(u64) -> f64) {
        for ms in ms.step_by(50) {
            let now = Time::from_millis(ms);
            if rival.update(queue(ms), 850_000.0, now) == Verdict::Again {
                rival.cut(queue(ms), 1e6, 1e6, now);
            }
        }
    }

    fn cut(queue: f64) -> Rival {
        let mut rival = Rival::default();
        rival.cut(queue, 1e6, 1e6, Time::ZERO);
        rival
    }

    #[test]
    fn a_queue_that_drains_after_a_cut_was_ours() {
        let mut r = cut(100.0);
        run(&mut r, 0..5000, |ms| (100.0 - ms as f64 * 0.15).max(0.0));
        assert!(!r.is_there());
    }

    #[test]
    fn a_queue_that_stays_is_a_rivals_until_it_is_empty() {
        let mut r = cut(100.0);
        run(&mut r, 0..4000, |ms| 80.0 + (ms % 200) as f64 / 10.0);
        assert!(r.is_there());
        run(&mut r, 4000..5000, |_| 0.0);
        assert!(!r.is_there());
    }

    #[test]
    fn nobody_is_followed_into_a_very_long_queue() {
        let mut r = cut(200.0);
        run(&mut r, 0..5000, |ms| 200.0 + ms as f64 / 10.0);
        assert!(!r.is_there());
    }
}
