//! The estimator against a bottleneck with a queue, in virtual time.

use super::*;
use std::collections::VecDeque;

/// A link of this rate with a queue of bytes, a way of 20 ms each, reports every 50 ms.
struct Link {
    bps: f64,
    queue: f64,
    loss: u32,
    busy_until: f64,
    dice: u32,
}

/// Sequence number and arrival in µs of each packet a report tells of.
type Report = Vec<(u16, Option<i64>)>;

struct Scene {
    side: SendSide,
    link: Link,
    now: Time,
    arrivals: VecDeque<(u16, Option<i64>)>,
    pending: VecDeque<(Time, Report)>,
    /// Bits per second the application sends, if the estimate allows.
    wants: f64,
    debt: f64,
    lost: u32,
    sent: u32,
}

impl Scene {
    fn new(bps: f64, wants: f64) -> Scene {
        let mut side = SendSide::new(Bitrate::kbps(1000));
        side.set_desired(Bitrate((wants * 1.3) as u64), Time::ZERO);
        Scene {
            side,
            link: Link {
                bps,
                queue: 60_000.0,
                loss: 0,
                busy_until: 0.0,
                dice: 7,
            },
            now: Time::from_millis(1),
            arrivals: VecDeque::new(),
            pending: VecDeque::new(),
            wants,
            debt: 0.0,
            lost: 0,
            sent: 0,
        }
    }

    fn packet(&mut self, size: usize) {
        let seq = self.side.sent(size, self.now);
        let link = &mut self.link;
        let now = self.now.as_micros() as f64;
        link.dice = link
            .dice
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let waits = (link.busy_until - now).max(0.0);
        let full = waits * link.bps / 8e6 > link.queue;
        let unlucky = link.dice >> 16 < link.loss * 655;
        self.sent += 1;
        if full || unlucky {
            self.lost += 1;
            self.arrivals.push_back((seq, None));
            return;
        }
        link.busy_until = link.busy_until.max(now) + size as f64 * 8e6 / link.bps;
        let at = link.busy_until as i64 + 20_000 + 5_000_000;
        self.arrivals.push_back((seq, Some(at)));
    }

    fn run(&mut self, seconds: u64) -> f64 {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now += Duration::from_millis(1);
            let ms = self.now.as_millis();
            if ms.is_multiple_of(33) {
                let rate = self.wants.min(self.side.estimate().bps() as f64);
                self.debt += rate * 0.033 / 8.0;
                while self.debt > 1000.0 {
                    self.debt -= 1000.0;
                    self.packet(1000);
                }
            }
            while let Some(bytes) = self.side.padding(self.now) {
                self.packet(bytes.clamp(200, 1000));
            }
            if ms.is_multiple_of(50) {
                // What arrived until now goes back, and takes its time.
                let limit = self.now.as_micros() as i64 + 5_000_000;
                let mut report = Vec::new();
                while let Some(&(seq, at)) = self.arrivals.front()
                    && at.is_none_or(|at| at <= limit)
                {
                    self.arrivals.pop_front();
                    report.push((seq, at));
                }
                let at = self.now + Duration::from_millis(20);
                self.pending.push_back((at, report));
            }
            while self.pending.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, report) = self.pending.pop_front().unwrap();
                self.side.feedback(report.into_iter(), self.now);
            }
        }
        self.side.estimate().bps() as f64
    }
}

#[test]
fn a_free_path_is_found_free_in_two_seconds_by_probing() {
    let mut s = Scene::new(50e6, 4e6);
    assert!(s.run(2) >= 4e6);
    assert_eq!(s.lost, 0);
}

#[test]
fn a_bottleneck_is_filled_and_not_flooded() {
    let mut s = Scene::new(2e6, 8e6);
    s.run(10);
    (s.lost, s.sent) = (0, 0);
    let mut sum = 0.0;
    for _ in 0..20 {
        sum += s.run(1);
    }
    let mean = sum / 20.0;
    assert!((1.3e6..2.2e6).contains(&mean), "{mean}");
    assert!(s.lost * 20 < s.sent, "{} of {}", s.lost, s.sent);
}

#[test]
fn a_link_that_shrinks_is_followed_within_two_seconds() {
    let mut s = Scene::new(6e6, 4e6);
    assert!(s.run(5) > 3.5e6);
    s.link.bps = 1e6;
    s.run(2);
    let rate = s.run(1);
    assert!((0.5e6..1.2e6).contains(&rate), "{rate}");
    s.link.bps = 6e6;
    let rate = s.run(12);
    assert!(rate > 3e6, "{rate} after the link came back");
}

#[test]
fn pictures_wait_a_moment_where_the_link_has_suddenly_become_narrow() {
    let mut s = Scene::new(2e6, 1.5e6);
    s.run(10);
    assert_eq!(s.side.poll_hold(), None, "nothing happened");
    let shrunk = s.now;
    s.link.bps = 0.5e6;
    s.run(1);
    let until = s.side.poll_hold().expect("it was seen");
    assert!((100..=700).contains(&until.since(shrunk).as_millis()));
    assert!(!s.side.holds(until) && s.side.poll_hold().is_none());
}

#[test]
fn random_loss_is_not_taken_for_congestion() {
    for percent in [5, 15, 30] {
        let mut s = Scene::new(20e6, 2e6);
        s.run(3);
        s.link.loss = percent;
        s.run(6);
        let mut worst = f64::MAX;
        for _ in 0..10 {
            worst = s.run(1).min(worst);
        }
        assert!(worst > 1.2e6, "{worst} at {percent} %");
        let seen = s.side.loss().unwrap() * 100.0;
        assert!((seen - percent as f32).abs() < 8.0, "{seen} of {percent}");
    }
}

#[test]
fn loss_by_a_full_short_queue_is_answered() {
    let mut s = Scene::new(1e6, 4e6);
    s.link.queue = 3_000.0;
    s.run(10);
    (s.lost, s.sent) = (0, 0);
    s.run(10);
    assert!(s.lost * 4 < s.sent, "{} of {}", s.lost, s.sent);
}

#[test]
fn without_reports_nothing_is_claimed() {
    let mut side = SendSide::new(Bitrate::kbps(1000));
    side.set_desired(Bitrate::kbps(9000), Time::ZERO);
    for ms in 0..3000 {
        side.sent(1000, Time::from_millis(ms));
        assert_eq!(side.padding(Time::from_millis(ms)), None);
        assert_eq!(side.poll_estimate(), None);
    }
    assert_eq!(side.estimate(), Bitrate::kbps(1000));
}
