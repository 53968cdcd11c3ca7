//! How much one author may send: messages and bytes, each as a debt that melts with the clock. Told the time.

use crate::limits::{BYTES_BURST, BYTES_RATE, MESSAGES_BURST, MESSAGES_RATE};
use confab_base::Time;

/// One more would be above the rate; the message is refused whole and may be sent again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much in too short a time; free again in {wait_ms} ms")]
pub struct TooFast {
    pub wait_ms: u64,
}

/// The debts of one author.
#[derive(Clone, Debug)]
pub struct Meter {
    messages_us: u64,
    bytes_us: u64,
    last: Time,
}

const SECOND_US: u64 = 1_000_000;
const MOST_MESSAGES_US: u64 = SECOND_US * MESSAGES_BURST as u64 / MESSAGES_RATE as u64;
const MOST_BYTES_US: u64 = SECOND_US * BYTES_BURST as u64 / BYTES_RATE as u64;

impl Meter {
    pub fn new(now: Time) -> Meter {
        Meter {
            messages_us: 0,
            bytes_us: 0,
            last: now,
        }
    }

    /// Charges one message of so many bytes, or charges nothing and says when it would be taken.
    pub fn ask(&mut self, bytes: usize, now: Time) -> Result<(), TooFast> {
        let passed = now.since(self.last).as_micros() as u64;
        self.last = self.last.max(now);
        self.messages_us = self.messages_us.saturating_sub(passed);
        self.bytes_us = self.bytes_us.saturating_sub(passed);
        let messages = self.messages_us + SECOND_US / u64::from(MESSAGES_RATE);
        let cost = SECOND_US.saturating_mul(bytes as u64) / u64::from(BYTES_RATE);
        let bytes = self.bytes_us.saturating_add(cost);
        let over = messages.saturating_sub(MOST_MESSAGES_US);
        let over = over.max(bytes.saturating_sub(MOST_BYTES_US));
        if over > 0 {
            let wait_ms = over.div_ceil(1000);
            return Err(TooFast { wait_ms });
        }
        (self.messages_us, self.bytes_us) = (messages, bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_that_draws_is_never_too_fast() {
        let mut meter = Meter::new(Time::ZERO);
        for i in 0..2000 {
            // An update and a presence message every 50 ms.
            assert_eq!(meter.ask(400, Time::from_millis(i * 50)), Ok(()));
            assert_eq!(meter.ask(200, Time::from_millis(i * 50)), Ok(()));
        }
    }

    #[test]
    fn offline_work_comes_in_a_burst_and_then_by_the_rate() {
        let mut meter = Meter::new(Time::ZERO);
        let mut taken = 0;
        let wait = loop {
            match meter.ask(64 * 1024, Time::ZERO) {
                Ok(()) => taken += 1,
                Err(TooFast { wait_ms }) => break wait_ms,
            }
        };
        assert_eq!(taken, 32);
        assert_eq!(wait, 1000);
        assert!(meter.ask(64 * 1024, Time::from_millis(wait)).is_ok());
        assert!(meter.ask(64 * 1024, Time::from_millis(wait)).is_err());
    }
}
