//! One stretch of time as people say it: what the clock shows where the host is, and for how long.

use crate::Zone;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Years a meeting may begin in.
pub const YEARS: RangeInclusive<i16> = 1971..=2199;
/// The longest meeting, in minutes: a week.
pub const MOST_MINUTES: u32 = 7 * 24 * 60;

/// A start in a zone and a length. The length is exact: an hour is an hour also when clocks change in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Slot {
    start: DateTime,
    zone: Zone,
    minutes: u32,
}

/// Why a time cannot be a meeting's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    #[error("a meeting begins between the years 1971 and 2199, at a whole second")]
    Start,
    #[error("a meeting lasts between a minute and a week")]
    Minutes,
}

impl Slot {
    /// `start` within [`YEARS`] and without a fraction of a second, `minutes` from 1 to [`MOST_MINUTES`].
    pub fn new(start: DateTime, zone: Zone, minutes: u32) -> Result<Slot, SlotError> {
        if !YEARS.contains(&start.year()) || start.subsec_nanosecond() != 0 {
            return Err(SlotError::Start);
        }
        if !(1..=MOST_MINUTES).contains(&minutes) {
            return Err(SlotError::Minutes);
        }
        Ok(Slot {
            start,
            zone,
            minutes,
        })
    }

    /// Local time in [`Self::zone`].
    pub fn start(&self) -> DateTime {
        self.start
    }

    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    pub fn minutes(&self) -> u32 {
        self.minutes
    }

    /// Milliseconds since 1970.
    pub fn begins_at(&self) -> u64 {
        self.zone.instant(self.start)
    }

    /// Milliseconds since 1970.
    pub fn ends_at(&self) -> u64 {
        self.begins_at() + self.length()
    }

    /// Milliseconds.
    pub(crate) fn length(&self) -> u64 {
        u64::from(self.minutes) * 60_000
    }

    /// The same at another local time.
    pub(crate) fn moved_to(&self, start: DateTime) -> Slot {
        Slot {
            start,
            ..self.clone()
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Unchecked {
    start: DateTime,
    zone: Zone,
    minutes: u32,
}

impl TryFrom<Unchecked> for Slot {
    type Error = SlotError;
    fn try_from(u: Unchecked) -> Result<Slot, SlotError> {
        Slot::new(u.start, u.zone, u.minutes)
    }
}

impl From<Slot> for Unchecked {
    fn from(s: Slot) -> Unchecked {
        Unchecked {
            start: s.start,
            zone: s.zone,
            minutes: s.minutes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(start: &str, minutes: u32) -> Result<Slot, SlotError> {
        let zone = Zone::new("Europe/Berlin").expect("zone");
        Slot::new(start.parse().expect("time"), zone, minutes)
    }

    #[test]
    fn an_hour_is_an_hour_while_clocks_change() {
        let slot = slot("2027-03-28T01:30:00", 60).expect("slot");
        assert_eq!(slot.ends_at() - slot.begins_at(), 3_600_000);
        assert_eq!(
            slot.zone().local(slot.ends_at()).to_string(),
            "2027-03-28T03:30:00"
        );
    }

    #[test]
    fn lengths_and_years_have_bounds() {
        assert_eq!(slot("2026-11-22T09:00:00", 0), Err(SlotError::Minutes));
        assert_eq!(
            slot("2026-11-22T09:00:00", MOST_MINUTES + 1),
            Err(SlotError::Minutes)
        );
        assert_eq!(slot("1970-12-31T09:00:00", 1), Err(SlotError::Start));
        assert_eq!(slot("2200-01-01T00:00:00", 1), Err(SlotError::Start));
        assert_eq!(slot("2026-11-22T09:00:00.5", 1), Err(SlotError::Start));
        assert!(slot("2199-12-31T23:59:59", MOST_MINUTES).is_ok());
    }

    #[test]
    fn a_slot_from_json_is_checked() {
        let json = r#"{"start":"2026-11-22T09:00:00","zone":"Asia/Shanghai","minutes":45}"#;
        let slot: Slot = serde_json::from_str(json).expect("slot");
        assert_eq!(serde_json::to_string(&slot).expect("json"), json);
        assert!(serde_json::from_str::<Slot>(&json.replace("45", "0")).is_err());
    }
}
