//! Whether speech reached a listener without breaks, minute by minute. A *stall* is a gap of 200 ms and more in a voice; the rule
//! is that at most 3 % of a minute goes by in stalls, for each listener and each minute.
//!
//! The twin in TypeScript is `ui/src/state/fluency.ts`; both are held to `tests/data/fluency.json`.

use confab_base::{Duration, Time};
use std::collections::VecDeque;

/// The most of a minute that may be stalled, in thousandths.
pub const FLUENT_PERMILLE: u16 = 30;

const MINUTE: Duration = Duration::from_secs(60);
/// A pause between two updates that is longer was no listening: the machine slept.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One listener's account.
#[derive(Clone, Debug, Default)]
pub struct Fluency {
    last: Option<Time>,
    /// What stalled in the last minute, by when it was told.
    stalls: VecDeque<(Time, Duration)>,
    /// Of the minute that is being counted: the time there was somebody to listen to, and how much of it was stalled.
    listened: Duration,
    broken: Duration,
    minutes: u32,
    fluent_minutes: u32,
}

impl Fluency {
    /// To be called about once a second. `stalled`: how much of the time since the last call was spent in stalls, the largest of
    /// all voices heard, since two that stall at once are one gap to the listener; a little more where a gap is understood only
    /// when it is over. `listening`: somebody could be heard.
    pub fn update(&mut self, stalled: Duration, listening: bool, now: Time) {
        let passed = self.last.map_or(Duration::ZERO, |last| now.since(last));
        self.last = Some(now);
        while self.stalls.front().is_some_and(|s| s.0 + MINUTE <= now) {
            self.stalls.pop_front();
        }
        if !listening {
            return;
        }
        if stalled > Duration::ZERO {
            self.stalls.push_back((now, stalled));
        }
        self.listened += passed.min(LONGEST_PAUSE);
        self.broken += stalled;
        if self.listened >= MINUTE {
            self.minutes += 1;
            self.fluent_minutes += u32::from(permille(self.broken) <= FLUENT_PERMILLE);
            self.listened -= MINUTE;
            self.broken = Duration::ZERO;
        }
    }

    /// Thousandths of the last 60 seconds that were stalled, 0 to 1000.
    pub fn stalled_permille(&self) -> u16 {
        permille(self.stalls.iter().map(|s| s.1).sum())
    }

    /// Whole minutes listened. Time in which nobody could be heard is left out.
    pub fn minutes(&self) -> u32 {
        self.minutes
    }

    /// Of these, those that kept the rule.
    pub fn fluent_minutes(&self) -> u32 {
        self.fluent_minutes
    }
}

/// Of a minute; rounded up, so that a minute a little above the rule is not within it.
fn permille(stalled: Duration) -> u16 {
    let thousandths = (stalled.as_micros() * 1000).div_ceil(MINUTE.as_micros());
    thousandths.min(1000) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn both_twins_count_the_recorded_cases_alike() {
        let cases: Value =
            serde_json::from_str(include_str!("../../../tests/data/fluency.json")).unwrap();
        for case in cases.as_array().unwrap() {
            let mut fluency = Fluency::default();
            let mut now = Time::ZERO;
            fluency.update(Duration::ZERO, false, now);
            for (i, step) in case["steps"].as_array().unwrap().iter().enumerate() {
                let number = |key: &str| step[key].as_u64().unwrap();
                for _ in 0..number("times") {
                    now += Duration::from_millis(number("every_ms"));
                    let stalled = Duration::from_millis(number("stalled_ms"));
                    fluency.update(stalled, step["listening"].as_bool().unwrap(), now);
                }
                let counted = (
                    u64::from(fluency.stalled_permille()),
                    u64::from(fluency.minutes()),
                    u64::from(fluency.fluent_minutes()),
                );
                let expected = (
                    number("stalled_permille"),
                    number("minutes"),
                    number("fluent_minutes"),
                );
                assert_eq!(counted, expected, "{}, step {i}", case["name"]);
            }
        }
    }

    #[test]
    fn a_stall_is_forgotten_a_minute_later() {
        let mut fluency = Fluency::default();
        fluency.update(Duration::from_millis(600), true, Time::from_millis(1_000));
        assert_eq!(fluency.stalled_permille(), 10);
        fluency.update(Duration::ZERO, true, Time::from_millis(60_999));
        assert_eq!(fluency.stalled_permille(), 10);
        fluency.update(Duration::ZERO, true, Time::from_millis(61_000));
        assert_eq!(fluency.stalled_permille(), 0);
    }
}
