//! Whether a queue grows on the path: the trend of how much later each group of packets comes than the one before
//! (draft-ietf-rmcat-gcc-02 §5, with the line fit that replaced its Kalman filter in practice).

use std::collections::VecDeque;

/// Packets sent within this time of each other are one group, microseconds.
const GROUP: i64 = 5_000;
/// Groups the line is fitted through.
const WINDOW: usize = 20;
const SMOOTHING: f64 = 0.9;
/// The slope counts this many times, and more with every group up to [`MOST_GROUPS`].
const GAIN: f64 = 4.0;
const MOST_GROUPS: f64 = 60.0;
/// How fast the threshold follows the trend, per millisecond: slowly up, so that our own flows do not starve beside
/// others; slower still down.
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
/// The trend must stay above the threshold this long, milliseconds.
const PATIENCE: f64 = 10.0;
/// A gap in arrivals this long, or a step back of the receiver's clock, starts everything anew, microseconds.
const GAP: i64 = 3_000_000;
/// The lowest delay is that of the last one or two of these, microseconds: routes change, and clocks drift apart.
const EPOCH: i64 = 15_000_000;
/// What jitter added to some of so many groups, it did not add to all.
const LATEST: usize = 5;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Usage {
    #[default]
    Normal,
    Over,
    /// The queue empties: wait until it has.
    Under,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: i64,
    first_at: i64,
    last_sent: i64,
    last_at: i64,
}

#[derive(Debug)]
pub(crate) struct Delay {
    group: Option<Group>,
    previous: Option<Group>,
    start: i64,
    /// Milliseconds: sum of the delays' changes, and its smoothed value.
    sum: f64,
    smoothed: f64,
    /// Arrival and smoothed sum, milliseconds.
    points: VecDeque<(f64, f64)>,
    count: f64,
    threshold: f64,
    trend: f64,
    over_for: f64,
    usage: Usage,
    /// The way's delay, of two clocks, milliseconds: lowest of this epoch and of the one before, when this one began, and
    /// the lowest of the last groups.
    lowest: [f64; 2],
    epoch: i64,
    latest: VecDeque<f64>,
}

impl Default for Delay {
    fn default() -> Delay {
        Delay {
            group: None,
            previous: None,
            start: 0,
            sum: 0.0,
            smoothed: 0.0,
            points: VecDeque::with_capacity(WINDOW + 1),
            count: 0.0,
            threshold: 12.5,
            trend: 0.0,
            over_for: 0.0,
            usage: Usage::Normal,
            lowest: [f64::MAX; 2],
            epoch: 0,
            latest: VecDeque::with_capacity(LATEST + 1),
        }
    }
}

impl Delay {
    /// Nothing was reported yet.
    pub fn is_new(&self) -> bool {
        self.group.is_none()
    }

    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// A packet sent and arrived at these times, microseconds of two different clocks. In order of arrival.
    pub fn arrived(&mut self, sent: i64, at: i64) {
        let Some(group) = &mut self.group else {
            self.start = at;
            self.epoch = at;
            self.group = Some(Group {
                first_sent: sent,
                first_at: at,
                last_sent: sent,
                last_at: at,
            });
            return;
        };
        if sent < group.first_sent {
            return; // Overtaken: it tells of an earlier moment.
        }
        if (at - group.last_at).abs() > GAP {
            *self = Delay::default();
            return self.arrived(sent, at);
        }
        // A group held up on the way arrives in one go: its packets belong together whenever they were sent.
        let held = at - group.last_at <= GROUP && at - group.last_at < sent - group.last_sent;
        if sent - group.first_sent <= GROUP || (held && at - group.last_at < GROUP / 5) {
            group.last_sent = group.last_sent.max(sent);
            group.last_at = group.last_at.max(at);
            return;
        }
        let done = *group;
        *group = Group {
            first_sent: sent,
            first_at: at,
            last_sent: sent,
            last_at: at,
        };
        if let Some(previous) = self.previous.replace(done) {
            let sent = (done.last_sent - previous.last_sent) as f64 / 1000.0;
            let came = (done.last_at - previous.last_at) as f64 / 1000.0;
            self.measure(done);
            self.step(came - sent, came, done.last_at);
        }
    }

    /// How long packets wait in queues now, more than they did at best: milliseconds.
    pub fn queue(&self) -> f64 {
        let now = self.latest.iter().copied().fold(f64::MAX, f64::min);
        let lowest = self.lowest[0].min(self.lowest[1]);
        (now - lowest).clamp(0.0, 10_000.0)
    }

    /// How long a packet waited that was sent and arrived at these times, and no longer than the last group did: milliseconds.
    pub fn waited(&self, sent: i64, at: i64) -> f64 {
        let now = (at - sent) as f64 / 1000.0;
        let last = self.latest.back().copied().unwrap_or(now);
        (now.min(last) - self.lowest[0].min(self.lowest[1])).clamp(0.0, 10_000.0)
    }

    fn measure(&mut self, group: Group) {
        // Those behind it wait for each other.
        let way = (group.first_at - group.first_sent) as f64 / 1000.0;
        self.latest.push_back(way);
        if self.latest.len() > LATEST {
            self.latest.pop_front();
        }
        if group.last_at - self.epoch > EPOCH {
            self.epoch = group.last_at;
            self.lowest = [way, self.lowest[0]];
        }
        self.lowest[0] = self.lowest[0].min(way);
    }

    fn step(&mut self, later: f64, passed: f64, at: i64) {
        self.count = (self.count + 1.0).min(MOST_GROUPS);
        self.sum += later;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.sum;
        let at = (at - self.start) as f64 / 1000.0;
        self.points.push_back((at, self.smoothed));
        if self.points.len() > WINDOW {
            self.points.pop_front();
        }
        let trend = if self.points.len() == WINDOW {
            slope(&self.points) * self.count * GAIN
        } else {
            0.0
        };
        self.judge(trend, passed);
        self.follow(trend, passed);
        self.trend = trend;
    }

    fn judge(&mut self, trend: f64, passed: f64) {
        if trend > self.threshold {
            self.over_for += passed;
            if self.over_for > PATIENCE && trend >= self.trend {
                self.over_for = 0.0;
                self.usage = Usage::Over;
            }
            return;
        }
        self.over_for = 0.0;
        self.usage = if trend < -self.threshold {
            Usage::Under
        } else {
            Usage::Normal
        };
    }

    fn follow(&mut self, trend: f64, passed: f64) {
        let away = trend.abs() - self.threshold;
        if away > 15.0 {
            return; // A sudden jump, of the route perhaps, is no reason to go deaf.
        }
        let speed = if away < 0.0 {
            THRESHOLD_DOWN
        } else {
            THRESHOLD_UP
        };
        self.threshold = (self.threshold + speed * away * passed.min(100.0)).clamp(6.0, 600.0);
    }
}

/// Slope of the least-squares line.
fn slope(points: &VecDeque<(f64, f64)>) -> f64 {
    let n = points.len() as f64;
    let (sx, sy) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), p| (x + p.0, y + p.1));
    let (mx, my) = (sx / n, sy / n);
    let (mut top, mut bottom) = (0.0, 0.0);
    for (x, y) in points {
        top += (x - mx) * (y - my);
        bottom += (x - mx) * (x - mx);
    }
    if bottom > 0.0 { top / bottom } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(delay: &mut Delay, frames: std::ops::Range<i64>, later: impl Fn(i64) -> i64) -> bool {
        let mut over = false;
        for i in frames {
            for p in 0..4 {
                let sent = i * 33_000 + p * 100;
                delay.arrived(sent, sent + 20_000 + later(i));
            }
            over |= delay.usage() == Usage::Over;
        }
        over
    }

    #[test]
    fn a_growing_queue_is_noticed_within_a_second_and_its_end_too() {
        let mut d = Delay::default();
        assert!(!run(&mut d, 0..100, |i| i * 7919 % 3000), "jitter alone");
        assert!(run(&mut d, 100..130, |i| (i - 100) * 3000));
        run(&mut d, 130..160, |_| 90_000);
        assert!((80.0..=90.0).contains(&d.queue()), "{}", d.queue());
        assert!(!run(&mut d, 160..300, |_| 90_000), "a long way is no queue");
        run(&mut d, 300..1300, |_| 90_000);
        assert_eq!(d.queue(), 0.0);
    }

    #[test]
    fn a_flat_line_has_no_slope() {
        let points: VecDeque<_> = (0..20).map(|i| (f64::from(i), 5.0)).collect();
        assert_eq!(slope(&points), 0.0);
        let points: VecDeque<_> = (0..20)
            .map(|i| (f64::from(i), f64::from(i) / 2.0))
            .collect();
        assert!((slope(&points) - 0.5).abs() < 1e-9);
    }
}
