//! Whether somebody else fills the queue. Our own queue is gone soon after we send less; a queue that stays is that of a flow which
//! only losses stop, and whoever makes room for it gets nothing. Beside such a rival we live by its rules: grow by a packet
//! per round trip, cut where packets are dropped (the idea of Copa's competitive mode, Arun and Balakrishnan, NSDI 2018).

use confab_base::{Duration, Time};

/// Queues below this are jitter, milliseconds.
const SHORT: f64 = 15.0;
/// Longer ones are never joined: what a rival does there helps nobody who talks.
const LONG: f64 = 250.0;
/// A cut shows in the queue within this time at the latest, or in so many times the queue.
const WAIT: Duration = Duration::from_millis(700);
const TIMES: f64 = 6.0;
/// Of the queue there was at the cut, this share is left beside a rival.
const LEFT: f64 = 0.4;
/// The queue was empty for so long: the rival is gone.
const GONE: Duration = Duration::from_millis(400);
/// Who sends half of what it did, after so many cuts in so long a time, and still finds a growing queue, is not alone.
const HALF: f64 = 0.55;
const CUTS: u32 = 3;
const SERIES: Duration = Duration::from_millis(2000);
/// Cuts further apart belong to different series.
const APART: Duration = Duration::from_secs(5);
/// After so long it is looked at anew; and where the queue got too long, not before this time.
const BELIEVED: Duration = Duration::from_secs(15);
const BANNED: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Rival {
    /// The first cut, the queue then and the shortest since.
    cut: Option<(Time, f64, f64)>,
    there_since: Option<Time>,
    short_since: Option<Time>,
    /// When a series of cuts began, from which rate, how many there were, and when the last.
    series: Option<(Time, f64, u32, Time)>,
    banned_until: Time,
}

impl Rival {
    pub fn is_there(&self) -> bool {
        self.there_since.is_some()
    }

    /// The rate, from `before`, was lowered because of this queue, milliseconds. What it was before all this is the answer,
    /// where somebody else is to blame.
    pub fn cut(&mut self, queue: f64, before: f64, now: Time) -> Option<f64> {
        if self.cut.is_none() && (SHORT..LONG).contains(&queue) {
            self.cut = Some((now, queue, queue));
        }
        let fresh = (now, before, 0, now);
        let (began, rate, cuts, last) = self.series.unwrap_or(fresh);
        let series = match now.since(last) > APART {
            true => (now, before, 1, now),
            false => (began, rate, cuts + 1, now),
        };
        self.series = Some(series);
        let (began, rate, cuts, _) = series;
        let is_starved = before < HALF * rate && cuts >= CUTS && now.since(began) >= SERIES;
        if is_starved && queue < LONG {
            self.found(now);
        }
        self.is_there().then_some(rate)
    }

    fn found(&mut self, now: Time) {
        if now >= self.banned_until {
            self.there_since = Some(now);
        }
        (self.cut, self.series) = (None, None);
    }

    pub fn update(&mut self, queue: f64, now: Time) {
        if queue > LONG {
            self.banned_until = now + BANNED;
            (self.there_since, self.cut, self.series) = (None, None, None);
        }
        if self.there_since.is_some_and(|at| now.since(at) > BELIEVED) {
            self.there_since = None;
        }
        if queue >= SHORT / 2.0 {
            self.short_since = None;
        } else {
            let since = *self.short_since.get_or_insert(now);
            if now.since(since) >= GONE {
                (self.there_since, self.cut) = (None, None);
            }
        }
        let Some((at, queue_then, least)) = &mut self.cut else {
            return;
        };
        *least = least.min(queue);
        let wait = WAIT.max(Duration::from_secs_f64(*queue_then * TIMES / 1000.0));
        if *least < (*queue_then * LEFT).max(SHORT / 2.0) {
            self.cut = None;
        } else if now.since(*at) >= wait {
            self.found(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rival: &mut Rival, ms: std::ops::Range<u64>, queue: impl Fn(u64) -> f64) {
        for ms in ms.step_by(50) {
            rival.update(queue(ms), Time::from_millis(ms));
        }
    }

    #[test]
    fn a_queue_that_drains_after_a_cut_was_ours() {
        let mut r = Rival::default();
        r.cut(100.0, 1e6, Time::ZERO);
        run(&mut r, 0..3000, |ms| (100.0 - ms as f64 * 0.15).max(0.0));
        assert!(!r.is_there());
    }

    #[test]
    fn a_queue_that_stays_is_a_rivals_until_it_is_empty() {
        let mut r = Rival::default();
        r.cut(100.0, 1e6, Time::ZERO);
        run(&mut r, 0..1500, |ms| 80.0 + (ms % 200) as f64 / 10.0);
        assert!(r.is_there());
        run(&mut r, 1500..3000, |_| 0.0);
        assert!(!r.is_there());
    }

    #[test]
    fn nobody_is_followed_into_a_very_long_queue() {
        let mut r = Rival::default();
        r.cut(200.0, 1e6, Time::ZERO);
        run(&mut r, 0..3000, |ms| 200.0 + ms as f64 / 10.0);
        assert!(!r.is_there());
    }
}
