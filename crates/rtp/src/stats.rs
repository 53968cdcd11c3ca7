//! Reception statistics of RFC 3550.

use confab_base::{Duration, Time};

/// Interarrival jitter (RFC 3550, section 6.4.1).
#[derive(Clone, Debug)]
pub struct JitterEstimator {
    clock_rate: u32,
    /// Last arrival and unwrapped timestamp.
    last: Option<(Time, u64)>,
    /// In timestamp units.
    jitter: f64,
}

impl JitterEstimator {
    /// `clock_rate` in Hz: 48,000 for Opus, 90,000 for video.
    pub fn new(clock_rate: u32) -> JitterEstimator {
        JitterEstimator {
            clock_rate,
            last: None,
            jitter: 0.0,
        }
    }

    /// Feed each packet once, with its unwrapped timestamp; leave out resent packets, whose transit says nothing.
    pub fn packet(&mut self, timestamp: u64, now: Time) {
        if let Some((at, ts)) = self.last {
            let arrival =
                (now.as_micros() as f64 - at.as_micros() as f64) * f64::from(self.clock_rate) / 1e6;
            let sent = timestamp as f64 - ts as f64;
            let difference = (arrival - sent).abs();
            // A pause or a switched source is no jitter.
            if difference < f64::from(self.clock_rate) {
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
        self.last = Some((now, timestamp));
    }

    pub fn jitter(&self) -> Duration {
        Duration::from_secs_f64(self.jitter / f64::from(self.clock_rate))
    }
}

/// Packets expected, received and lost by sequence numbers (RFC 3550, appendix A.3).
#[derive(Clone, Debug, Default)]
pub struct LossCounter {
    first: Option<u64>,
    highest: u64,
    received: u64,
    /// Expected and received when the last interval was taken.
    mark: (u64, u64),
}

impl LossCounter {
    /// Feed each distinct packet once, with its unwrapped sequence number.
    pub fn packet(&mut self, seq: u64) {
        self.first = Some(self.first.map_or(seq, |first| first.min(seq)));
        self.highest = self.highest.max(seq);
        self.received += 1;
    }

    pub fn received(&self) -> u64 {
        self.received
    }

    pub fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.highest - first + 1)
    }

    /// Packets lost since the start; duplicates can't make it negative.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Fraction lost since the last call, 0..=1.
    pub fn take_fraction(&mut self) -> f32 {
        let (expected, received) = (self.expected(), self.received);
        let (was_expected, was_received) = std::mem::replace(&mut self.mark, (expected, received));
        let due = expected.saturating_sub(was_expected);
        let lost = due.saturating_sub(received - was_received);
        if due == 0 {
            0.0
        } else {
            lost as f32 / due as f32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_has_no_jitter_and_an_uneven_one_converges_to_its_mean_difference() {
        let mut even = JitterEstimator::new(48_000);
        let mut uneven = JitterEstimator::new(48_000);
        for i in 0..500u64 {
            even.packet(i * 960, Time::from_millis(i * 20));
            uneven.packet(i * 960, Time::from_millis(i * 20 + (i % 2) * 8));
        }
        assert_eq!(even.jitter(), Duration::ZERO);
        let ms = uneven.jitter().as_secs_f64() * 1e3;
        assert!((ms - 8.0).abs() < 0.1, "{ms}");
    }

    #[test]
    fn loss_is_counted_whatever_the_order() {
        let mut loss = LossCounter::default();
        for seq in [10, 12, 11, 14, 19] {
            loss.packet(seq);
        }
        assert_eq!((loss.expected(), loss.received(), loss.lost()), (10, 5, 5));
        assert_eq!(loss.take_fraction(), 0.5);
        assert_eq!(loss.take_fraction(), 0.0);
        loss.packet(20);
        assert_eq!(loss.take_fraction(), 0.0);
    }
}
