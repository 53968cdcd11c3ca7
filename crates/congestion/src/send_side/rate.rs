//! The rate itself: up slowly while the delay is normal, down at once when a queue grows.

use super::came::{Came, Packet};
use super::delay::Usage;
use super::dispersion::Spread;
use super::{LEAST, MOST};
use confab_base::{Duration, Time};
use std::collections::VecDeque;

/// Growth per second far from the limit.
const GROWTH: f64 = 1.08;
/// After a queue was seen: this share of what arrived.
const CUT: f64 = 0.85;
/// And this share where the queue is twice as long as this, milliseconds.
const DEEP_CUT: f64 = 0.5;
pub(super) const LONG_QUEUE: f64 = 150.0;
/// What was left out beyond [`CUT`] comes back at once when the queue is shorter than this, milliseconds.
const DRAINED: f64 = 20.0;
/// A queue up to this long, milliseconds, is no fault of a sender who sends little of what it may: a burst made it, a probe or a key frame.
const BURST_QUEUE: f64 = 30.0;
/// Once it was little for so long.
const UNFILLED_FOR: Duration = Duration::from_millis(300);
/// Who sends in steps sends less than it may when that is below such a part of it, for as long; and then a probe's queue is none of its
/// own up to this long, milliseconds.
const BETWEEN_STEPS: f64 = 0.85;
const PROBE_QUEUE: f64 = 60.0;
/// What the link can carry is below this part of what was sent: it carries less than it did.
const NARROWED: f64 = 0.7;
/// Beside a rival it may be so long.
const RIVAL_QUEUE: f64 = 250.0;
/// Without a probe nothing beyond this multiple of what is really sent is believed.
const UNPROVEN: f64 = 1.5;
/// What arrived is measured over this time, microseconds of the receiver's clock.
const WINDOW: i64 = 500_000;
/// A step back of the receiver's clock by more than this is no late report.
const SET_BACK: i64 = 10_000_000;
/// More than arrive in that time at the highest rate there is.
const MOST_PACKETS: usize = 16_384;
/// A measurement over less than this says nothing.
const LEAST_SPAN: i64 = 100_000;
/// What came in one go is measured over this time, microseconds of the receiver's clock, and at least so many packets.
const BURST: i64 = 100_000;
const BURST_PACKETS: usize = 5;
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// Reports take so long on top of the round trip.
const REPORT: Duration = Duration::from_millis(100);
/// Beside a rival: growth, bits, and what is left after a loss.
const RIVAL_BITS: f64 = 1500.0 * 8.0;
const RIVAL_CUT: f64 = 0.65;
/// Of what is not sent, by who sends less than such a part of the estimate.
const DOUBTFUL_CUT: f64 = 0.85;
const FILLED: f64 = 0.6;
/// And what is believed without a probe, which would go under there: enough for the step from one layer of pictures to the next, or a
/// sender who may not take the step could never prove that there is room for it.
const RIVAL_UNPROVEN: f64 = 4.0;

/// The rate at which packets arrive.
#[derive(Debug, Default)]
pub(crate) struct Acked {
    packets: VecDeque<Packet>,
    bytes: usize,
}

impl Acked {
    pub fn arrived(&mut self, packet: Packet) {
        let at = packet.at;
        let newest = self.packets.back().map_or(at, |b| b.at);
        if at < newest - SET_BACK {
            // The receiver's clock was set back.
            *self = Acked::default();
        } else if at < newest - WINDOW {
            return;
        }
        // Reports of what came earlier may come later.
        let after = self.packets.iter().rev().take_while(|p| p.at > at).count();
        self.packets.insert(self.packets.len() - after, packet);
        self.bytes += packet.size;
        let newest = newest.max(at);
        while let Some(&first) = self.packets.front()
            && (newest - first.at > WINDOW || self.packets.len() > MOST_PACKETS)
        {
            self.packets.pop_front();
            self.bytes -= first.size;
        }
    }

    /// In the whole window.
    pub fn came(&self) -> Option<Came> {
        let (first, last) = (*self.packets.front()?, *self.packets.back()?);
        let behind = self.packets.len() - 1;
        let is_enough = last.at - first.at >= LEAST_SPAN;
        is_enough.then(|| Came::new(first, last, behind, self.bytes - first.size))
    }

    /// And in the last moment only, where enough came: behind a queue packets come as fast as the link carries them.
    pub fn burst(&self) -> Option<Came> {
        let newest = *self.packets.back()?;
        let count = self.packets.iter().rev();
        let count = count.take_while(|p| newest.at - p.at < BURST).count();
        let before = self.packets.len().checked_sub(count + 1)?;
        let first = self.packets[before];
        let bytes: usize = self.packets.range(before + 1..).map(|p| p.size).sum();
        let is_much = count >= BURST_PACKETS && newest.at - first.at < 2 * BURST;
        is_much.then(|| Came::new(first, newest, count, bytes))
    }
}

/// What reports say of the path now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub usage: Usage,
    /// What arrives, and what was sent a round trip ago, bits per second.
    pub acked: Option<f64>,
    pub sent: Option<f64>,
    /// What arrived in the last moment, bits per second, where that was much.
    pub burst: Option<f64>,
    /// What packets that stood in a queue tell of the link.
    pub spread: Option<Spread>,
    /// How long it waits, milliseconds.
    pub queue: f64,
    /// How long what is sent now will wait, where a queue has begun, milliseconds.
    pub coming: f64,
    pub rtt: Duration,
    /// A probe may have made the queue, and what is sent comes in steps.
    pub probed: bool,
    /// Beside a rival: whether packets were dropped.
    pub rival: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fell {
    No,
    /// For a queue, whoever filled it.
    Queue,
    /// The link has become another one.
    Sudden,
}

#[derive(Debug)]
pub(crate) struct Rate {
    current: f64,
    updated: Option<Time>,
    cut: Option<Time>,
    /// What is right when the queue is gone, after more than that was left out to empty it.
    settle: Option<f64>,
    /// The queue that was coming then is gone, at the earliest.
    settles: Time,
    /// Since when clearly less is sent than may be.
    unfilled: Option<Time>,
    /// Since when less than [`BETWEEN_STEPS`] of it is.
    between: Option<Time>,
    /// Mean and variance (relative to the mean) of what arrived when queues grew: the link's capacity.
    capacity: Option<(f64, f64)>,
}

impl Rate {
    pub fn new(start: f64) -> Rate {
        Rate {
            current: start,
            updated: None,
            cut: None,
            settle: None,
            settles: Time::ZERO,
            unfilled: None,
            between: None,
            capacity: None,
        }
    }

    pub fn current(&self) -> f64 {
        self.current
    }

    /// It was lowered without need.
    pub fn restore(&mut self, rate: f64) {
        self.current = self.current.max(rate).min(MOST);
    }

    /// A probe got this much through.
    pub fn raise(&mut self, proven: f64, now: Time) {
        self.current = self.current.max(proven).min(MOST);
        self.capacity = None;
        // What is sent is little beside it, from now on; and the probe itself left a queue.
        self.unfilled.get_or_insert(now - UNFILLED_FOR);
    }

    fn is_between_steps(&self, now: Time) -> bool {
        self.between.is_some_and(|at| now.since(at) >= UNFILLED_FOR)
    }

    /// Whether it was lowered.
    pub fn update(&mut self, seen: Seen, now: Time) -> Fell {
        let passed = self.updated.map_or(Duration::ZERO, |at| now.since(at));
        self.updated = Some(now);
        if let Some(ours) = self.narrowed(&seen) {
            self.settles = now + Duration::from_secs_f64(seen.coming / 1000.0);
            self.cut = None;
            self.fall(Some(ours), seen.coming, seen.rtt, now);
            return Fell::Sudden;
        }
        match self.follow(seen, passed, now) {
            true => Fell::Queue,
            false => Fell::No,
        }
    }

    /// What the link carries of ours now, where even the fastest of what stood in its queue came far slower than it was sent: beside
    /// others some of ours would still follow each other as fast as the link can. Then there is no need to see how long the queue
    /// becomes: it is full before a report could tell.
    fn narrowed(&self, seen: &Seen) -> Option<f64> {
        let (spread, sent) = seen.spread.zip(seen.sent)?;
        let is_narrow = spread.link < sent * NARROWED && seen.coming > LONG_QUEUE;
        (is_narrow && self.current > spread.ours && seen.rival.is_none()).then_some(spread.ours)
    }

    /// True if it was lowered.
    fn follow(&mut self, seen: Seen, passed: Duration, now: Time) -> bool {
        let passed = passed.min(Duration::from_secs(1));
        let Seen {
            acked, queue, rtt, ..
        } = seen;
        // Who sends little of what it may, but fills a queue for a moment, has measured the link by it.
        let is_doubtful = self.is_unfilled(seen.sent, now);
        let is_less = |sent: f64| sent < self.current * BETWEEN_STEPS;
        let between = seen.sent.is_some_and(is_less);
        self.between = between.then(|| self.between.unwrap_or(now));
        let measured = seen.burst.filter(|_| is_doubtful && seen.rival.is_none());
        let acked_or_burst = match (acked, measured) {
            (Some(acked), Some(burst)) => Some(acked.max(burst)),
            (acked, _) => acked,
        };
        // A long queue that stands still is none the better for it, whoever filled it.
        let long = match seen.rival {
            Some(_) => RIVAL_QUEUE,
            None => LONG_QUEUE,
        };
        if queue > long {
            return self.fall(acked_or_burst, queue, rtt, now);
        }
        if queue < DRAINED
            && now >= self.settles
            && let Some(settled) = self.settle.take()
        {
            self.current = self.current.max(settled);
        }
        match (seen.rival, seen.usage) {
            (None, Usage::Over)
                if seen.probed && queue < PROBE_QUEUE && self.is_between_steps(now) => {}
            (None, Usage::Over) if is_doubtful && queue < BURST_QUEUE => {
                return self.doubt(rtt, now);
            }
            (Some(true), _) => return self.halve(seen.sent, rtt, now),
            (Some(false), _) => self.step(acked, seen.sent, rtt, passed),
            (None, Usage::Over) => return self.fall(acked_or_burst, queue, rtt, now),
            (None, Usage::Under) => {}
            (None, Usage::Normal) => self.grow(acked, rtt, passed),
        }
        false
    }

    /// Whether for some time clearly less was sent than may be.
    fn is_unfilled(&mut self, sent: Option<f64>, now: Time) -> bool {
        let since = self.unfilled(sent).map(|_| self.unfilled.unwrap_or(now));
        self.unfilled = since;
        since.is_some_and(|since| now.since(since) >= UNFILLED_FOR)
    }

    /// Beside a rival, and packets were dropped. Once per round trip, as it does itself. Who sends less than the estimate did not
    /// fill the queue with the rest of it: that is no more than doubtful (RFC 7661, 4.4.1).
    fn halve(&mut self, sent: Option<f64>, rtt: Duration, now: Time) -> bool {
        let is_due = self.is_due(rtt, now);
        if is_due {
            self.cut = Some(now);
            let cut = match self.unfilled(sent) {
                Some(sent) => sent * RIVAL_CUT + (self.current - sent) * DOUBTFUL_CUT,
                None => self.current * RIVAL_CUT,
            };
            self.current = cut.max(LEAST);
        }
        is_due
    }

    /// Whether what came of the last cut could have been seen.
    fn is_due(&self, rtt: Duration, now: Time) -> bool {
        self.cut.is_none_or(|at| now.since(at) >= rtt + REPORT)
    }

    /// What is sent, where that is clearly less than may be.
    fn unfilled(&self, sent: Option<f64>) -> Option<f64> {
        sent.filter(|sent| *sent < self.current * FILLED)
    }

    /// Beside a rival: a packet more per round trip and round trip.
    fn step(&mut self, acked: Option<f64>, sent: Option<f64>, rtt: Duration, passed: Duration) {
        let times = match self.unfilled(sent) {
            Some(_) => RIVAL_UNPROVEN,
            None => 1.0 / FILLED + 0.1,
        };
        let limit = acked.map_or(MOST, |a| a * times + 10_000.0);
        let rtt = rtt.as_secs_f64().max(0.02);
        let more = RIVAL_BITS / (rtt * rtt) * passed.as_secs_f64();
        self.current = (self.current + more).min(limit.max(self.current)).min(MOST);
    }

    /// A queue that who sends so little cannot have made: less is believed of what was not tried, but not only what is sent.
    fn doubt(&mut self, rtt: Duration, now: Time) -> bool {
        let is_due = self.is_due(rtt, now);
        if is_due {
            self.cut = Some(now);
            self.current = (self.current * DOUBTFUL_CUT).max(LEAST);
        }
        is_due
    }

    fn fall(&mut self, acked: Option<f64>, queue: f64, rtt: Duration, now: Time) -> bool {
        if !self.is_due(rtt, now) {
            return false;
        }
        self.cut = Some(now);
        let base = acked.unwrap_or(self.current);
        if let Some((mean, _)) = self.capacity
            && base < mean * 0.7
        {
            self.capacity = None; // The link has become another one.
        }
        if acked.is_some() {
            let (mean, variance) = self.capacity.unwrap_or((base, 0.01));
            let off = (base - mean) / mean.max(1.0);
            self.capacity = Some((mean + 0.1 * (base - mean), 0.9 * variance + 0.1 * off * off));
        }
        // The longer the queue, the more is left out until it is gone.
        let long = (queue / LONG_QUEUE - 1.0).clamp(0.0, 1.0);
        let cut = CUT - (CUT - DEEP_CUT) * long;
        // And if not all of that came back yet, it is still left out.
        let is_left_out = long > 0.0 || self.settle.is_some();
        self.settle = (is_left_out && acked.is_some()).then_some(base * CUT);
        self.current = (base * cut).min(self.current).max(LEAST);
        true
    }

    fn grow(&mut self, acked: Option<f64>, rtt: Duration, passed: Duration) {
        let limit = acked.map_or(MOST, |a| a * UNPROVEN + 10_000.0);
        if self.current >= limit {
            return;
        }
        let seconds = passed.as_secs_f64();
        let near = self.capacity.filter(|(mean, variance)| {
            let width = 3.0 * variance.sqrt().clamp(0.02, 0.2) * mean;
            (mean - width..mean + width).contains(&self.current)
        });
        if let (None, Some((mean, _))) = (near, self.capacity)
            && self.current > mean
        {
            self.capacity = None;
        }
        let more = if near.is_some() {
            // About a packet per round trip: where the limit is known, feel for it.
            let response = (rtt + Duration::from_millis(100)).as_secs_f64();
            PACKET_BITS / response * seconds
        } else {
            self.current * (GROWTH.powf(seconds) - 1.0)
        };
        self.current = (self.current + more.max(1000.0 * seconds))
            .min(limit)
            .min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_is_measured_anew() {
        let mut acked = Acked::default();
        let run = |acked: &mut Acked, start: i64| {
            for i in 0..200 {
                acked.arrived(Packet {
                    at: start + i * 10_000,
                    size: 1250,
                    seq: i as u16,
                });
            }
            acked.came().map(|came| came.rate())
        };
        let first = run(&mut acked, 1 << 40);
        assert_eq!(first, Some(1_000_000.0));
        assert_eq!(run(&mut acked, 0), first);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut acked = Acked::default();
        for _ in 0..100_000 {
            acked.arrived(Packet {
                at: 7,
                size: 100,
                seq: 0,
            });
        }
        assert_eq!(acked.packets.len(), MOST_PACKETS);
        assert_eq!(acked.bytes, 100 * MOST_PACKETS);
    }
}
