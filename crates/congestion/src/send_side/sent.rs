//! How much was sent at the time that reports speak of now. What arrives says little of it where reports get lost too.

use confab_base::{Duration, Time};

/// Length of a bin, microseconds, and how many are kept: three seconds.
const BIN: u64 = 50_000;
const BINS: usize = 64;
/// The rate is that of so long, up to a round trip and this ago: reports are not sent for every packet.
const OVER: u64 = 600_000;
const HELD: Duration = Duration::from_millis(50);

/// Bytes sent, by time.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Number and bytes.
    bins: [(u64, u64); BINS],
    first: Option<Time>,
}

impl Default for Sent {
    fn default() -> Sent {
        Sent {
            bins: [(u64::MAX, 0); BINS],
            first: None,
        }
    }
}

impl Sent {
    pub fn note(&mut self, bytes: usize, now: Time) {
        self.first.get_or_insert(now);
        let number = now.as_micros() / BIN;
        let bin = &mut self.bins[number as usize % BINS];
        if bin.0 != number {
            *bin = (number, 0);
        }
        bin.1 += bytes as u64;
    }

    /// Bits per second; `None` until there is something that could have been reported.
    pub fn rate(&self, rtt: Duration, now: Time) -> Option<f64> {
        let end = now
            .as_micros()
            .checked_sub((rtt + HELD).as_micros() as u64)?;
        let begin = end.saturating_sub(OVER).max(self.first?.as_micros());
        let span = end.checked_sub(begin).filter(|span| *span >= OVER / 3)?;
        let within = (begin / BIN)..(end / BIN);
        let bins = self.bins.iter().filter(|b| within.contains(&b.0));
        let bytes: u64 = bins.map(|b| b.1).sum();
        Some(bytes as f64 * 8e6 / span as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_a_round_trip_ago() {
        let mut sent = Sent::default();
        let rtt = Duration::from_millis(50);
        assert_eq!(sent.rate(rtt, Time::from_millis(10_000)), None);
        // 800 kbps for three seconds, then 80.
        for ms in (10_000..14_000u64).step_by(10) {
            sent.note(if ms < 13_000 { 1000 } else { 100 }, Time::from_millis(ms));
        }
        let at = |ms| sent.rate(rtt, Time::from_millis(ms)).unwrap() / 1000.0;
        assert!((780.0..820.0).contains(&at(13_100)), "{}", at(13_100));
        assert!((75.0..95.0).contains(&at(14_000)), "{}", at(14_000));
        assert!(at(16_000) < 1.0, "nothing since");
    }
}
