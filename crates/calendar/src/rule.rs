//! How a meeting recurs, in the ways people say it, and the local times it then begins at. Rules are expanded in local
//! time, without a zone: what the clock shows is what people agreed on, and the zone makes instants of it afterwards.

use crate::weekdays::{Weekdays, letters};
use crate::{Slot, YEARS};
use chrono::TimeZone;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Weekday};
use rrule::{Frequency, NWeekday, RRule, Tz, Unvalidated};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// No rule counts further.
pub const MOST_COUNT: u32 = 1_000;
/// Nor skips more days, weeks, months or years.
pub const MOST_INTERVAL: u16 = 999;

impl Pattern {
    /// Whether the date is one of these days, whatever the interval. Asked before a rule is expanded: one that never meets its own
    /// beginning (February 30th) would be searched for to the end of time.
    pub(crate) fn has(&self, date: Date) -> bool {
        let is_day = |day: i8| day == date.day() || day == date.day() - date.days_in_month() - 1;
        let is_nth = |nth: i8, days: Weekdays| {
            let all = (1..=date.days_in_month())
                .filter_map(|day| Date::new(date.year(), date.month(), day).ok());
            let all: Vec<Date> = all.filter(|d| days.contains(d.weekday())).collect();
            let place = usize::from(nth.unsigned_abs()).checked_sub(1);
            let found = match nth {
                1.. => place.and_then(|place| all.get(place)),
                _ => place.and_then(|place| all.iter().rev().nth(place)),
            };
            found == Some(&date)
        };
        match *self {
            Pattern::Day => true,
            Pattern::Week { days, .. } => days.contains(date.weekday()),
            Pattern::MonthDay { day } => is_day(day),
            Pattern::MonthWeekday { nth, days } => is_nth(nth, days),
            Pattern::YearDay { month, day } => month == date.month() && is_day(day),
            Pattern::YearWeekday { month, nth, days } => month == date.month() && is_nth(nth, days),
        }
    }
}

/// A recurrence rule (RFC 5545, 3.3.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub pattern: Pattern,
    /// Every how many days, weeks, months or years: 1 to [`MOST_INTERVAL`].
    pub interval: u16,
    pub ends: Ends,
}

/// The days on which a meeting recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "snake_case")]
pub enum Pattern {
    Day,
    Week {
        days: Weekdays,
        /// Whether weeks begin on Sunday rather than Monday: what "every second week" means depends on it.
        #[serde(default)]
        from_sunday: bool,
    },
    /// `day`: 1 to 31; months that lack it are left out. -1 to -31 count from the month's end.
    MonthDay {
        day: i8,
    },
    /// `nth`: 1 to 5, or -1 to -5 from the month's end, among all those `days` of the month: the last workday, the second Tuesday.
    MonthWeekday {
        nth: i8,
        days: Weekdays,
    },
    /// `month`: 1 to 12.
    YearDay {
        month: i8,
        day: i8,
    },
    YearWeekday {
        month: i8,
        nth: i8,
        days: Weekdays,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    Never,
    /// After so many occurrences, left-out ones counted: 1 to [`MOST_COUNT`].
    After(u32),
    /// The last local date on which an occurrence may begin.
    Until(Date),
}

impl Rule {
    /// Whether every value is within its range.
    pub fn is_valid(&self) -> bool {
        let month_ok = |month: i8| (1..=12).contains(&month);
        let day_ok = |day: i8| day != 0 && (-31..=31).contains(&day);
        let nth_ok = |nth: i8| nth != 0 && (-5..=5).contains(&nth);
        let pattern = match self.pattern {
            Pattern::Day | Pattern::Week { .. } => true,
            Pattern::MonthDay { day } => day_ok(day),
            Pattern::MonthWeekday { nth, .. } => nth_ok(nth),
            Pattern::YearDay { month, day } => month_ok(month) && day_ok(day),
            Pattern::YearWeekday { month, nth, .. } => month_ok(month) && nth_ok(nth),
        };
        let ends = match self.ends {
            Ends::Never => true,
            Ends::After(count) => (1..=MOST_COUNT).contains(&count),
            Ends::Until(date) => YEARS.contains(&date.year()),
        };
        pattern && ends && (1..=MOST_INTERVAL).contains(&self.interval)
    }

    /// Local starts from `from` on, in order, of a series that begins at `first`; bounded by [`YEARS`]. Costs what it yields: rules
    /// without a count do not walk through the past.
    pub(crate) fn starts(
        &self,
        first: DateTime,
        from: DateTime,
    ) -> impl Iterator<Item = DateTime> + use<> {
        let begin = self.near(first, from).unwrap_or(first);
        let set = utc(begin)
            .filter(|_| self.is_valid())
            .and_then(|begin| self.as_rrule().build(begin).ok());
        set.map(|set| (&set).into_iter())
            .into_iter()
            .flatten()
            .filter_map(local)
            .skip_while(move |start| *start < from)
    }

    /// Whether a rule without a count gives this start: by arithmetic alone, for thousands of exceptions may be asked about.
    pub(crate) fn gives(&self, first: DateTime, start: DateTime) -> bool {
        let in_time = match self.ends {
            Ends::Until(last) => start.date() <= last,
            Ends::Never | Ends::After(_) => true,
        };
        let passed = self.passed(first.date(), start.date());
        let in_step = passed.is_some_and(|passed| passed % i64::from(self.interval.max(1)) == 0);
        let in_years = start.year() <= *YEARS.end();
        let is_day = start.time() == first.time() && self.pattern.has(start.date());
        start >= first && in_time && in_step && in_years && is_day
    }

    /// Days, weeks, months or years from one date to another.
    fn passed(&self, from: Date, to: Date) -> Option<i64> {
        let years = i64::from(to.year() - from.year());
        match self.pattern {
            Pattern::Day => Some(days_between(from, to)),
            Pattern::Week { from_sunday, .. } => {
                let week = first_of_week(from, from_sunday)?;
                Some(days_between(week, to).div_euclid(7))
            }
            Pattern::MonthDay { .. } | Pattern::MonthWeekday { .. } => {
                Some(years * 12 + i64::from(to.month() - from.month()))
            }
            Pattern::YearDay { .. } | Pattern::YearWeekday { .. } => Some(years),
        }
    }

    /// A later beginning in step with the interval, not after `from`; none where it would not be later.
    fn near(&self, first: DateTime, from: DateTime) -> Option<DateTime> {
        if matches!(self.ends, Ends::After(_)) || from <= first || self.interval == 0 {
            return None;
        }
        let interval = i64::from(self.interval);
        let (day, last) = (first.date(), end_of(Ends::Never)?.date());
        let passed = self.passed(day, from.date().min(last))?;
        let steps = passed.div_euclid(interval) * interval;
        if steps <= 0 {
            return None;
        }
        let begin = match self.pattern {
            Pattern::Day => day.checked_add(steps.days()),
            Pattern::Week { from_sunday, .. } => {
                first_of_week(day, from_sunday)?.checked_add(steps.weeks())
            }
            Pattern::MonthDay { .. } | Pattern::MonthWeekday { .. } => {
                day.first_of_month().checked_add(steps.months())
            }
            Pattern::YearDay { .. } | Pattern::YearWeekday { .. } => {
                day.first_of_year().checked_add(steps.years())
            }
        };
        Some(begin.ok()?.to_datetime(first.time()))
    }

    /// Every part that a rule may leave to its first occurrence is said, so that it may begin elsewhere.
    fn as_rrule(&self) -> RRule<Unvalidated> {
        let rule = match self.pattern {
            Pattern::Day => RRule::new(Frequency::Daily),
            Pattern::Week { days, from_sunday } => RRule::new(Frequency::Weekly)
                .by_weekday(days.iter().map(|d| NWeekday::Every(chrono(d))).collect())
                .week_start(chrono(week_start(from_sunday))),
            Pattern::MonthDay { day } => RRule::new(Frequency::Monthly).by_month_day(vec![day]),
            Pattern::MonthWeekday { nth, days } => nth_of(Frequency::Monthly, nth, days),
            Pattern::YearDay { month, day } => RRule::new(Frequency::Yearly)
                .by_month(&months(month))
                .by_month_day(vec![day]),
            Pattern::YearWeekday { month, nth, days } => {
                nth_of(Frequency::Yearly, nth, days).by_month(&months(month))
            }
        };
        let rule = rule.interval(self.interval);
        let rule = match self.ends {
            Ends::After(count) => rule.count(count),
            _ => rule,
        };
        match end_of(self.ends).and_then(utc) {
            Some(end) if !matches!(self.ends, Ends::After(_)) => rule.until(end),
            _ => rule,
        }
    }

    /// The value of `RRULE`. Its end is said in UTC, as RFC 5545 asks for where the start has a zone.
    pub fn to_rfc5545(&self, first: &Slot) -> String {
        let mut text = String::from("FREQ=");
        let (frequency, parts) = self.frequency_and_parts();
        text.push_str(frequency);
        if self.interval > 1 {
            let _ = write!(text, ";INTERVAL={}", self.interval);
        }
        text.push_str(&parts);
        match self.ends {
            Ends::Never => {}
            Ends::After(count) => {
                let _ = write!(text, ";COUNT={count}");
            }
            Ends::Until(date) => {
                let end = first.zone().instant(date.to_datetime(first.start().time()));
                let _ = write!(text, ";UNTIL={}", crate::write::utc(end));
            }
        }
        text
    }

    fn frequency_and_parts(&self) -> (&'static str, String) {
        let nth_day = |nth: i8, days: Weekdays| match days.single() {
            Some(day) => format!(";BYDAY={nth}{}", letters(day)),
            None => format!(";BYDAY={};BYSETPOS={nth}", list(days)),
        };
        match self.pattern {
            Pattern::Day => ("DAILY", String::new()),
            Pattern::Week { days, from_sunday } => {
                let start = if from_sunday { ";WKST=SU" } else { "" };
                ("WEEKLY", format!(";BYDAY={}{start}", list(days)))
            }
            Pattern::MonthDay { day } => ("MONTHLY", format!(";BYMONTHDAY={day}")),
            Pattern::MonthWeekday { nth, days } => ("MONTHLY", nth_day(nth, days)),
            Pattern::YearDay { month, day } => {
                ("YEARLY", format!(";BYMONTH={month};BYMONTHDAY={day}"))
            }
            Pattern::YearWeekday { month, nth, days } => {
                ("YEARLY", format!(";BYMONTH={month}{}", nth_day(nth, days)))
            }
        }
    }
}

fn list(days: Weekdays) -> String {
    Vec::<String>::from(days).join(",")
}

/// By place in the set, for a single weekday, too: `rrule` 0.14.0 finds no fifth one from the end that is the first of its month.
fn nth_of(frequency: Frequency, nth: i8, days: Weekdays) -> RRule<Unvalidated> {
    RRule::new(frequency)
        .by_weekday(days.iter().map(|d| NWeekday::Every(chrono(d))).collect())
        .by_set_pos(vec![nth.into()])
}

fn end_of(ends: Ends) -> Option<DateTime> {
    let last = Date::new(*YEARS.end(), 12, 31).ok()?;
    let date = match ends {
        Ends::Until(date) => date.min(last),
        _ => last,
    };
    Some(date.at(23, 59, 59, 0))
}

fn week_start(from_sunday: bool) -> Weekday {
    if from_sunday {
        Weekday::Sunday
    } else {
        Weekday::Monday
    }
}

fn first_of_week(day: Date, from_sunday: bool) -> Option<Date> {
    let since = week_start(from_sunday).until(day.weekday());
    day.checked_sub(i64::from(since).days()).ok()
}

fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

fn months(month: i8) -> Vec<chrono::Month> {
    u8::try_from(month)
        .ok()
        .and_then(|m| chrono::Month::try_from(m).ok())
        .into_iter()
        .collect()
}

fn chrono(day: Weekday) -> chrono::Weekday {
    match day {
        Weekday::Monday => chrono::Weekday::Mon,
        Weekday::Tuesday => chrono::Weekday::Tue,
        Weekday::Wednesday => chrono::Weekday::Wed,
        Weekday::Thursday => chrono::Weekday::Thu,
        Weekday::Friday => chrono::Weekday::Fri,
        Weekday::Saturday => chrono::Weekday::Sat,
        Weekday::Sunday => chrono::Weekday::Sun,
    }
}

/// A local time in the words of the library for rules, which knows none without a zone: as if it were UTC.
fn utc(at: DateTime) -> Option<chrono::DateTime<Tz>> {
    let part = |n: i8| u32::try_from(n).ok();
    Tz::UTC
        .with_ymd_and_hms(
            at.year().into(),
            part(at.month())?,
            part(at.day())?,
            part(at.hour())?,
            part(at.minute())?,
            part(at.second())?,
        )
        .single()
}

fn local(at: chrono::DateTime<Tz>) -> Option<DateTime> {
    let timestamp = jiff::Timestamp::from_second(at.timestamp()).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(timestamp))
}

#[cfg(test)]
mod tests;
