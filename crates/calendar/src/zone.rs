//! Time zones by their IANA names, out of a database inside the program: nothing is asked of the operating system, so a
//! series has the same instants on every server. Other programs' names (Windows, Outlook) are mapped.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::LazyLock;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// No zone's name is longer; longer ones are not looked up.
const MOST_OCTETS: usize = 255;

/// A time zone that has an IANA name. As text: that name.
#[derive(Clone)]
pub struct Zone {
    zone: TimeZone,
    name: String,
}

impl Zone {
    /// The zone of an IANA name, in any case of letters (`Europe/Berlin`, `UTC`). None for an unknown name.
    pub fn new(name: &str) -> Option<Zone> {
        if name.is_empty() || name.len() > MOST_OCTETS {
            return None;
        }
        let zone = DATABASE.get(name).ok()?;
        match zone.iana_name()? {
            "UTC" | "Etc/UTC" => Some(Zone::utc()),
            name => {
                let name = name.to_owned();
                Some(Zone { zone, name })
            }
        }
    }

    /// The zone another program means: an IANA name, also behind a prefix of its own (`/example.org/20050809/Europe/Berlin`), a
    /// Windows name (`W. Europe Standard Time`, by the Unicode CLDR) or a display name of Outlook (`(UTC+01:00) Amsterdam, …`).
    pub fn foreign(name: &str) -> Option<Zone> {
        let name = name.trim().trim_matches('"');
        if name.len() > MOST_OCTETS {
            return None;
        }
        if let Some(zone) = Zone::new(name).or_else(|| Zone::behind_prefix(name)) {
            return Some(zone);
        }
        let mapped: calcard::common::timezone::Tz = name.parse().ok()?;
        Zone::new(&mapped.name()?)
    }

    /// IANA names have one to three parts; what stands before them is somebody's own.
    fn behind_prefix(name: &str) -> Option<Zone> {
        let parts: Vec<&str> = name.split('/').collect();
        (1..parts.len())
            .filter(|&from| parts.len() - from >= 2)
            .find_map(|from| Zone::new(&parts[from..].join("/")))
    }

    pub fn utc() -> Zone {
        Zone {
            zone: TimeZone::UTC,
            name: "UTC".into(),
        }
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Times of this zone are written in UTC and need no definition.
    pub fn is_utc(&self) -> bool {
        self.name == "UTC"
    }

    /// Milliseconds since 1970 of a local time. One that the clocks jump over is taken with the offset before the jump, one that comes
    /// twice is the first of both (RFC 5545, 3.3.5). Before 1970: 0.
    pub fn instant(&self, local: DateTime) -> u64 {
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        let ms = ambiguous
            .compatible()
            .map_or(i64::MAX, Timestamp::as_millisecond);
        u64::try_from(ms).unwrap_or(0)
    }

    /// What clocks show at an instant, in milliseconds since 1970. Past the year 9999: the last moment of it.
    pub fn local(&self, ms: u64) -> DateTime {
        self.zone.to_datetime(timestamp(ms))
    }

    pub(crate) fn rules(&self) -> &TimeZone {
        &self.zone
    }
}

pub(crate) fn timestamp(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        Zone::new(&name).ok_or_else(|| serde::de::Error::custom("no IANA time zone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, local: &str) -> String {
        let zone = Zone::new(zone).expect("zone");
        timestamp(zone.instant(local.parse().expect("time"))).to_string()
    }

    #[test]
    fn a_time_that_is_jumped_over_keeps_the_offset_before_the_jump() {
        assert_eq!(
            at("Europe/Berlin", "2027-03-28T02:30:00"),
            "2027-03-28T01:30:00Z"
        );
        assert_eq!(
            at("America/New_York", "2027-03-14T02:30:00"),
            "2027-03-14T07:30:00Z"
        );
    }

    #[test]
    fn a_time_that_comes_twice_is_the_first() {
        assert_eq!(
            at("Europe/Berlin", "2026-10-25T02:30:00"),
            "2026-10-25T00:30:00Z"
        );
    }

    #[test]
    fn names_of_other_programs_are_understood() {
        for (foreign, iana) in [
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("China Standard Time", "Asia/Shanghai"),
            ("Eastern Standard Time", "America/New_York"),
            ("/citadel.org/20210210_1/Europe/Berlin", "Europe/Berlin"),
            (
                "/freeassociation.sourceforge.net/America/Argentina/Salta",
                "America/Argentina/Salta",
            ),
            ("europe/berlin", "Europe/Berlin"),
            (
                "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
                "Europe/Berlin",
            ),
        ] {
            assert_eq!(
                Zone::foreign(foreign).map(|z| z.name),
                Some(iana.to_owned()),
                "{foreign}"
            );
        }
        for none in ["", "Mars/Olympus Mons", "/", "//", "a/b/c/d/e/f"] {
            assert_eq!(Zone::foreign(none), None, "{none}");
        }
    }

    #[test]
    fn a_zone_is_its_name_in_json() {
        let zone: Zone = serde_json::from_str("\"asia/shanghai\"").expect("zone");
        assert_eq!(
            serde_json::to_string(&zone).expect("json"),
            "\"Asia/Shanghai\""
        );
        assert!(serde_json::from_str::<Zone>("\"Nowhere\"").is_err());
    }
}
