//! How fast one may ask. A bucket of so many requests that refills by so many a second, told as debt: each request adds
//! the time it takes to refill one, and the debt melts with the clock.

use confab_base::Time;
use confab_protocol::{OFFER_BURST, OFFER_RATE, REQUEST_BURST, REQUEST_RATE};

const SECOND_US: u64 = 1_000_000;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    TooFast,
    /// So far above the limit that the connection has to go.
    Flood,
}

#[derive(Debug)]
pub(crate) struct RateLimit {
    /// What one request costs, and the most debt there may be.
    cost_us: u64,
    most_us: u64,
    debt_us: u64,
    refused_us: u64,
    last: Time,
}

impl RateLimit {
    /// Of all requests of a connection.
    pub(crate) fn of_requests(now: Time) -> RateLimit {
        RateLimit::new(REQUEST_BURST, REQUEST_RATE, now)
    }

    /// Of a participant's offers: each may make a peer connection.
    pub(crate) fn of_offers(now: Time) -> RateLimit {
        RateLimit::new(OFFER_BURST, OFFER_RATE, now)
    }

    fn new(burst: u32, rate: u32, now: Time) -> RateLimit {
        let cost_us = SECOND_US / u64::from(rate);
        RateLimit {
            cost_us,
            most_us: cost_us * u64::from(burst),
            debt_us: 0,
            refused_us: 0,
            last: now,
        }
    }

    pub(crate) fn ask(&mut self, now: Time) -> Verdict {
        let passed = now.since(self.last).as_micros() as u64;
        self.last = self.last.max(now);
        self.debt_us = self.debt_us.saturating_sub(passed);
        self.refused_us = self.refused_us.saturating_sub(passed);
        if self.debt_us + self.cost_us <= self.most_us {
            self.debt_us += self.cost_us;
            return Verdict::Fine;
        }
        // Refused requests may pile up to twice the burst.
        self.refused_us += self.cost_us;
        if self.refused_us > 2 * self.most_us {
            Verdict::Flood
        } else {
            Verdict::TooFast
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_the_lasting_rate_pass() {
        let mut limit = RateLimit::of_requests(Time::ZERO);
        for _ in 0..REQUEST_BURST {
            assert_eq!(limit.ask(Time::ZERO), Verdict::Fine);
        }
        assert_eq!(limit.ask(Time::ZERO), Verdict::TooFast);
        for i in 1..500 {
            assert_eq!(limit.ask(Time::from_millis(i * 51)), Verdict::Fine);
        }
    }

    #[test]
    fn a_flood_ends() {
        let mut limit = RateLimit::of_requests(Time::ZERO);
        let verdicts: Vec<_> = (0..1000).map(|_| limit.ask(Time::ZERO)).collect();
        assert_eq!(verdicts[999], Verdict::Flood);
        assert_eq!(
            verdicts.iter().filter(|v| **v == Verdict::TooFast).count(),
            2 * REQUEST_BURST as usize
        );
    }
}
