//! How fast one connection may ask. A bucket of [`REQUEST_BURST`] requests that refills by [`REQUEST_RATE`] a second,
//! told as debt: each request adds the time it takes to refill one, and the debt melts with the clock.

use confab_base::Time;
use confab_protocol::{REQUEST_BURST, REQUEST_RATE};

const COST_US: u64 = 1_000_000 / REQUEST_RATE as u64;
const MOST_US: u64 = COST_US * REQUEST_BURST as u64;
/// Refused requests may pile up to this before the connection is closed: twice the burst.
const PATIENCE_US: u64 = 2 * MOST_US;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    TooFast,
    /// So far above the limit that the connection has to go.
    Flood,
}

#[derive(Debug)]
pub(crate) struct RateLimit {
    debt_us: u64,
    refused_us: u64,
    last: Time,
}

impl RateLimit {
    pub(crate) fn new(now: Time) -> RateLimit {
        RateLimit {
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
        if self.debt_us + COST_US <= MOST_US {
            self.debt_us += COST_US;
            return Verdict::Fine;
        }
        self.refused_us += COST_US;
        if self.refused_us > PATIENCE_US {
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
        let mut limit = RateLimit::new(Time::ZERO);
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
        let mut limit = RateLimit::new(Time::ZERO);
        let verdicts: Vec<_> = (0..1000).map(|_| limit.ask(Time::ZERO)).collect();
        assert_eq!(verdicts[999], Verdict::Flood);
        assert_eq!(
            verdicts.iter().filter(|v| **v == Verdict::TooFast).count(),
            2 * REQUEST_BURST as usize
        );
    }
}
