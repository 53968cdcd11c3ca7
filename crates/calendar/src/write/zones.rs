//! The definition of a zone that goes with the times in it (`VTIMEZONE`, RFC 5545, 3.6.5). Programs that know the IANA name
//! use their own rules; for the others these are right from the first occurrence to the last.
//!
//! The zone's changes of offset over forty years are put together into yearly rules where they follow one, as almost all do; what
//! does not (Morocco's clocks follow the moon) is listed.

use super::lines::{Lines, local, utc};
use crate::Zone;
use crate::weekdays::letters;
use crate::zone::timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday};

/// Weekdays of dates repeat after 28 years: enough to tell the fourth Sunday from the last.
const YEARS_SEEN: i16 = 40;

/// Writes the rules of `zone` that hold from `first` to `last` (milliseconds since 1970; none: for good). Nothing for UTC.
pub(crate) fn define(lines: &mut Lines, zone: &Zone, first: u64, last: Option<u64>) {
    if zone.is_utc() {
        return;
    }
    lines.add("BEGIN:VTIMEZONE");
    lines.add(&format!("TZID:{}", zone.name()));
    for observance in observances(zone, first, last) {
        observance.write(lines);
    }
    lines.add("END:VTIMEZONE");
}

pub(crate) fn define_utc(lines: &mut Lines) {
    for line in [
        "BEGIN:VTIMEZONE",
        "TZID:Etc/UTC",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0000",
        "TZOFFSETTO:+0000",
        "END:STANDARD",
        "END:VTIMEZONE",
    ] {
        lines.add(line);
    }
}

/// A change of offset.
struct Change {
    at: jiff::Timestamp,
    /// Seconds east of Greenwich before and after.
    from: i32,
    to: i32,
    name: String,
    daylight: bool,
}

impl Change {
    /// What clocks show as it comes, still by the offset before.
    fn onset(&self) -> DateTime {
        let seconds = self.at.as_second() + i64::from(self.from);
        let shown = jiff::Timestamp::from_second(seconds).unwrap_or(self.at);
        jiff::tz::TimeZone::UTC.to_datetime(shown)
    }
}

/// Changes in following years that one rule describes.
struct Observance {
    first: Change,
    dates: Vec<Date>,
    last: jiff::Timestamp,
    /// It goes on past the years looked at.
    open: bool,
}

fn observances(zone: &Zone, first: u64, last: Option<u64>) -> Vec<Observance> {
    let start_year = zone.local(first).year();
    let begin = timestamp(first)
        .checked_sub((400 * 24).hours())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let end_year = start_year + YEARS_SEEN;
    let mut runs: Vec<Observance> = Vec::new();
    for change in changes(zone, begin, end_year) {
        let fits = |run: &&mut Observance| run.takes(&change);
        match runs.iter_mut().rev().find(fits) {
            Some(run) => run.take(&change),
            None => runs.push(Observance::of(change)),
        }
    }
    for run in &mut runs {
        run.open = run.dates.last().is_some_and(|d| d.year() >= end_year - 1);
    }
    runs.retain(|run| last.is_none_or(|last| run.first.at <= timestamp(last)));
    if runs
        .first()
        .is_none_or(|run| run.first.at > timestamp(first))
    {
        runs.insert(0, Observance::of(always(zone, first)));
    }
    runs
}

/// The offset at `first`, as if since ever: zones that changed long ago, or only after it.
fn always(zone: &Zone, first: u64) -> Change {
    let info = zone.rules().to_offset_info(timestamp(first));
    Change {
        at: timestamp(0)
            .checked_sub(i64::from(info.offset().seconds()).seconds())
            .unwrap_or(timestamp(0)),
        from: info.offset().seconds(),
        to: info.offset().seconds(),
        name: info.abbreviation().to_owned(),
        daylight: false,
    }
}

fn changes(zone: &Zone, begin: jiff::Timestamp, end_year: i16) -> Vec<Change> {
    let rules = zone.rules();
    let before = rules.to_offset_info(begin);
    let mut offset = before.offset().seconds();
    let mut saving = before.dst().is_dst();
    let mut found = Vec::new();
    for next in rules.following(begin) {
        let change = Change {
            at: next.timestamp(),
            from: offset,
            to: next.offset().seconds(),
            name: next.abbreviation().to_owned(),
            // Some zones call their winter the saving (Ireland): readers expect the greater offset to be it.
            daylight: next.offset().seconds() > offset && (saving || next.dst().is_dst()),
        };
        if change.onset().year() >= end_year {
            break;
        }
        (offset, saving) = (change.to, next.dst().is_dst());
        if change.from != change.to {
            found.push(change);
        }
    }
    found
}

impl Observance {
    fn of(change: Change) -> Observance {
        Observance {
            dates: vec![change.onset().date()],
            last: change.at,
            first: change,
            open: false,
        }
    }

    fn takes(&self, change: &Change) -> bool {
        let key = |c: &Change| -> (i32, i32, String, i8, Weekday, Time) {
            let at = c.onset();
            (
                c.from,
                c.to,
                c.name.clone(),
                at.month(),
                at.weekday(),
                at.time(),
            )
        };
        let date = change.onset().date();
        let next = self
            .dates
            .last()
            .is_some_and(|d| d.year() + 1 == date.year());
        let with: Vec<Date> = self.dates.iter().copied().chain([date]).collect();
        next && key(&self.first) == key(change) && days(&with).is_some()
    }

    fn take(&mut self, change: &Change) {
        self.dates.push(change.onset().date());
        self.last = change.at;
    }

    fn write(&self, lines: &mut Lines) {
        let kind = if self.first.daylight {
            "DAYLIGHT"
        } else {
            "STANDARD"
        };
        lines.add(&format!("BEGIN:{kind}"));
        lines.add(&format!("DTSTART:{}", local(self.first.onset())));
        if let Some(rule) = self.rule() {
            lines.add(&format!("RRULE:{rule}"));
        }
        lines.add(&format!("TZOFFSETFROM:{}", offset(self.first.from)));
        lines.add(&format!("TZOFFSETTO:{}", offset(self.first.to)));
        lines.text("TZNAME", &self.first.name);
        lines.add(&format!("END:{kind}"));
    }

    fn rule(&self) -> Option<String> {
        if self.dates.len() < 2 {
            return None;
        }
        let days = days(&self.dates)?;
        let month = self.first.onset().month();
        let until = match u64::try_from(self.last.as_millisecond()) {
            Ok(last) if !self.open => format!(";UNTIL={}", utc(last)),
            _ => String::new(),
        };
        Some(format!("FREQ=YEARLY;BYMONTH={month};{days}{until}"))
    }
}

/// The rule part that gives these dates, all of one weekday and month in different years: the last such day, the nth, or the one
/// within certain seven days.
fn days(dates: &[Date]) -> Option<String> {
    let day = letters(dates.first()?.weekday());
    let low = dates.iter().map(|d| d.day()).min()?;
    let high = dates.iter().map(|d| d.day()).max()?;
    let from_end = dates.iter().map(|d| d.days_in_month() - d.day()).max()?;
    if from_end < 7 {
        return Some(format!("BYDAY=-1{day}"));
    }
    if (low - 1) / 7 == (high - 1) / 7 {
        return Some(format!("BYDAY={}{day}", (low - 1) / 7 + 1));
    }
    (high - low < 7).then(|| {
        let window: Vec<String> = (low..low + 7)
            .filter(|d| *d <= 31)
            .map(|d| d.to_string())
            .collect();
        format!("BYDAY={day};BYMONTHDAY={}", window.join(","))
    })
}

/// `+HHMM`, or `+HHMMSS` where it is not whole minutes.
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let s = seconds.unsigned_abs();
    let whole = format!("{sign}{:02}{:02}", s / 3600, s / 60 % 60);
    if s.is_multiple_of(60) {
        whole
    } else {
        format!("{whole}{:02}", s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defined(zone: &str, first: &str, last: Option<&str>) -> String {
        let zone = Zone::new(zone).expect("zone");
        let at = |text: &str| zone.instant(text.parse().expect("time"));
        let mut lines = Lines::default();
        define(&mut lines, &zone, at(first), last.map(at));
        lines.finish()
    }

    #[test]
    fn two_rules_describe_berlin() {
        let text = defined("Europe/Berlin", "2026-11-24T09:00:00", None);
        let expected = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n\
            BEGIN:STANDARD\r\nDTSTART:20251026T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n\
            TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\nEND:STANDARD\r\n\
            BEGIN:DAYLIGHT\r\nDTSTART:20260329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n\
            TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\nEND:DAYLIGHT\r\n\
            END:VTIMEZONE\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_zone_without_changes_has_one_offset() {
        let text = defined("Asia/Shanghai", "2026-11-24T09:00:00", None);
        assert!(
            text.contains("DTSTART:19700101T000000\r\nTZOFFSETFROM:+0800\r\nTZOFFSETTO:+0800"),
            "{text}"
        );
        assert_eq!(text.matches("BEGIN:STANDARD").count(), 1);
        assert_eq!(defined("UTC", "2026-11-24T09:00:00", None), "");
    }

    #[test]
    fn weeks_that_are_no_nth_are_windows_of_days() {
        let text = defined("Asia/Jerusalem", "2026-11-24T09:00:00", None);
        assert!(
            text.contains("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29"),
            "{text}"
        );
        assert!(
            text.contains("RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"),
            "{text}"
        );
    }

    #[test]
    fn clocks_that_follow_the_moon_are_listed_as_long_as_the_series_lasts() {
        let until = Some("2025-12-01T00:00:00");
        let text = defined("Africa/Casablanca", "2024-11-24T09:00:00", until);
        let onsets: Vec<&str> = text.lines().filter(|l| l.starts_with("DTSTART")).collect();
        assert_eq!(
            onsets,
            [
                "DTSTART:20240310T030000",
                "DTSTART:20240414T020000",
                "DTSTART:20250223T030000",
                "DTSTART:20250406T020000",
            ]
        );
        assert!(!text.contains("RRULE"), "{text}");
    }

    #[test]
    fn rules_that_ended_say_until_when() {
        let text = defined("America/Sao_Paulo", "2015-06-01T09:00:00", None);
        let text = text.replace("\r\n ", "");
        assert!(
            text.contains("BYDAY=3SU;UNTIL=20171015T030000Z\r\n"),
            "{text}"
        );
        assert!(text.contains(";UNTIL=20190217T020000Z\r\n"), "{text}");
    }
}
