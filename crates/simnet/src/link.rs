//! One direction of one network path.

use crate::Rng;
use crate::loss::{Loss, LossProcess};
use confab_base::{Bitrate, Duration, Time};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkConfig {
    /// One way.
    pub delay: Duration,
    /// Added to the delay, evenly from 0 to this. Alone it does not reorder.
    pub jitter: Duration,
    pub loss: Loss,
    /// Probability that a datagram comes twice.
    pub duplicate: f64,
    /// Probability that a datagram is held back by `reorder_by` while later ones pass it.
    pub reorder: f64,
    pub reorder_by: Duration,
    /// The bottleneck; `None`: as fast as anything.
    pub rate: Option<Bitrate>,
    /// The longest a datagram waits before the bottleneck; what would wait longer is dropped (tail drop).
    pub queue: Duration,
}

impl Default for LinkConfig {
    /// A short, clean path.
    fn default() -> LinkConfig {
        LinkConfig {
            delay: Duration::from_millis(20),
            jitter: Duration::ZERO,
            loss: Loss::None,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_by: Duration::from_millis(30),
            rate: None,
            queue: Duration::from_millis(200),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    pub sent: u64,
    pub lost: u64,
    /// Dropped before the bottleneck.
    pub overflowed: u64,
    pub duplicated: u64,
    /// Dropped because the link was down.
    pub cut: u64,
}

/// The fate of datagrams on one direction of a path.
#[derive(Debug)]
pub struct Link {
    pub config: LinkConfig,
    up: bool,
    losses: LossProcess,
    busy_until: Time,
    last_arrival: Time,
    rng: Rng,
    stats: LinkStats,
}

impl Link {
    pub fn new(config: LinkConfig, rng: Rng) -> Link {
        Link {
            config,
            up: true,
            losses: LossProcess::default(),
            busy_until: Time::ZERO,
            last_arrival: Time::ZERO,
            rng,
            stats: LinkStats::default(),
        }
    }

    /// A link that is down loses everything.
    pub fn set_up(&mut self, up: bool) {
        self.up = up;
    }

    pub fn is_up(&self) -> bool {
        self.up
    }

    pub fn stats(&self) -> LinkStats {
        self.stats
    }

    /// When a datagram of `bytes` sent now arrives: not at all, once, or twice.
    pub fn send(&mut self, bytes: usize, now: Time) -> [Option<Time>; 2] {
        self.stats.sent += 1;
        if !self.up {
            self.stats.cut += 1;
            return [None, None];
        }
        let Some(out) = self.pass_bottleneck(bytes, now) else {
            self.stats.overflowed += 1;
            return [None, None];
        };
        if self.losses.loses(self.config.loss, &mut self.rng) {
            self.stats.lost += 1;
            return [None, None];
        }
        let first = self.arrival(out);
        let second = self.rng.chance(self.config.duplicate).then(|| {
            self.stats.duplicated += 1;
            self.arrival(out)
        });
        [Some(first), second]
    }

    /// When the datagram has left the bottleneck; `None`: the queue is full.
    fn pass_bottleneck(&mut self, bytes: usize, now: Time) -> Option<Time> {
        let Some(rate) = self.config.rate else {
            return Some(now);
        };
        let start = self.busy_until.max(now);
        if start.since(now) > self.config.queue {
            return None;
        }
        let us = (bytes as u64 * 8 * 1_000_000).div_ceil(rate.bps().max(1));
        self.busy_until = start + Duration::from_micros(us);
        Some(self.busy_until)
    }

    fn arrival(&mut self, out: Time) -> Time {
        let jitter_us = self.rng.below(self.config.jitter.as_micros() as u64 + 1);
        let at = out + self.config.delay + Duration::from_micros(jitter_us);
        if self.rng.chance(self.config.reorder) {
            return at + self.config.reorder_by;
        }
        self.last_arrival = self.last_arrival.max(at);
        self.last_arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(config: LinkConfig) -> Link {
        Link::new(config, Rng::new(3))
    }

    fn send_many(link: &mut Link, n: u64) -> Vec<Option<Time>> {
        (0..n)
            .map(|i| link.send(1000, Time::from_millis(i))[0])
            .collect()
    }

    #[test]
    fn a_clean_link_delivers_after_its_delay() {
        let arrivals = send_many(&mut link(LinkConfig::default()), 3);
        let want: Vec<_> = (20..23).map(|ms| Some(Time::from_millis(ms))).collect();
        assert_eq!(arrivals, want);
    }

    #[test]
    fn losses_come_as_often_as_asked_and_in_bursts_as_long_as_asked() {
        let mut bursty = link(LinkConfig {
            loss: Loss::bursts(0.2, 5.0),
            ..LinkConfig::default()
        });
        let arrivals = send_many(&mut bursty, 100_000);
        let lost = arrivals.iter().filter(|a| a.is_none()).count() as f64;
        assert!((0.18..0.22).contains(&(lost / 100_000.0)), "{lost}");
        let bursts = arrivals
            .windows(2)
            .filter(|w| w[0].is_some() && w[1].is_none())
            .count() as f64;
        assert!((4.5..5.5).contains(&(lost / bursts)), "{}", lost / bursts);
    }

    #[test]
    fn jitter_alone_keeps_the_order_and_reordering_breaks_it() {
        let mut config = LinkConfig {
            jitter: Duration::from_millis(40),
            ..LinkConfig::default()
        };
        assert!(send_many(&mut link(config), 1000).is_sorted());
        config.reorder = 0.1;
        assert!(!send_many(&mut link(config), 1000).is_sorted());
    }

    #[test]
    fn a_bottleneck_queues_and_then_drops() {
        let mut slow = link(LinkConfig {
            rate: Some(Bitrate::kbps(800)),
            delay: Duration::ZERO,
            queue: Duration::from_millis(100),
            ..LinkConfig::default()
        });
        // 1000 bytes take 10 ms at 800 kbit/s.
        let arrivals: Vec<_> = (0..20).map(|_| slow.send(1000, Time::ZERO)[0]).collect();
        assert_eq!(arrivals[0], Some(Time::from_millis(10)));
        assert_eq!(arrivals[10], Some(Time::from_millis(110)));
        assert_eq!(arrivals[11], None);
        assert_eq!(slow.stats().overflowed, 9);
    }

    #[test]
    fn a_link_that_is_down_delivers_nothing() {
        let mut link = link(LinkConfig::default());
        link.set_up(false);
        assert_eq!(link.send(10, Time::ZERO), [None, None]);
        assert_eq!(link.stats().cut, 1);
    }
}
