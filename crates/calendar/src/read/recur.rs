//! Recurrence rules of other programs in our words. What people make by hand in Google, Outlook and Apple has a place there; the rest
//! of what the format could say (every second, the 300th day, thousands of occurrences) has none, so no rule can be a bomb.

use super::ReadError;
use super::times::{civil, offset};
use crate::{Ends, Pattern, Rule, Slot, Weekdays, YEARS};
use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarDay, ICalendarEntry, ICalendarFrequency, ICalendarRecurrenceRule, ICalendarValue,
    ICalendarWeekday,
};
use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};

/// The rule of an `RRULE` for a series that begins with `first`, which says what the rule leaves out.
pub(super) fn rule(entry: &ICalendarEntry, first: &Slot) -> Result<Rule, ReadError> {
    let Some(ICalendarValue::RecurrenceRule(said)) = entry.values.first() else {
        return Err(ReadError::Rule);
    };
    let gregorian = said.rscale.is_none() && said.skip.is_none();
    let other = [
        !said.byyearday.is_empty(),
        !said.byweekno.is_empty(),
        !gregorian,
    ];
    if other.contains(&true) || !time_is_the_starts(said, first) {
        return Err(ReadError::Rule);
    }
    let rule = Rule {
        pattern: pattern(said, first).ok_or(ReadError::Rule)?,
        interval: said.interval.unwrap_or(1),
        ends: ends(said, first)?,
    };
    if rule.is_valid() {
        Ok(rule)
    } else {
        Err(ReadError::Rule)
    }
}

/// Some programs repeat the time of the start in the rule.
fn time_is_the_starts(said: &ICalendarRecurrenceRule, first: &Slot) -> bool {
    let time = first.start().time();
    let same = |list: &[u8], part: i8| {
        list.is_empty() || matches!(list, [one] if i8::try_from(*one) == Ok(part))
    };
    same(&said.byhour, time.hour())
        && same(&said.byminute, time.minute())
        && same(&said.bysecond, time.second())
}

fn pattern(said: &ICalendarRecurrenceRule, first: &Slot) -> Option<Pattern> {
    let date = first.start().date();
    let every_day = said.byday.iter().all(|d| d.ordwk.is_none_or(|n| n == 0));
    let bare = said.bymonth.is_empty() && said.bymonthday.is_empty() && said.bysetpos.is_empty();
    let from_sunday = said.wkst == Some(ICalendarWeekday::Sunday);
    let week = |days| Pattern::Week { days, from_sunday };
    match said.freq {
        ICalendarFrequency::Daily if bare && said.byday.is_empty() => Some(Pattern::Day),
        // "Every workday" as Outlook has it.
        ICalendarFrequency::Daily if bare && every_day && said.interval.unwrap_or(1) == 1 => {
            Some(week(weekdays(&said.byday)?))
        }
        ICalendarFrequency::Weekly if bare && every_day => {
            Some(week(match said.byday.as_slice() {
                [] => Weekdays::new([date.weekday()])?,
                days => weekdays(days)?,
            }))
        }
        ICalendarFrequency::Monthly if said.bymonth.is_empty() => match in_month(said, date)? {
            InMonth::Day(day) => Some(Pattern::MonthDay { day }),
            InMonth::Weekday(nth, days) => Some(Pattern::MonthWeekday { nth, days }),
        },
        ICalendarFrequency::Yearly => yearly(said, date),
        _ => None,
    }
}

fn yearly(said: &ICalendarRecurrenceRule, date: Date) -> Option<Pattern> {
    let month = match said.bymonth.as_slice() {
        // Without a month, weekdays would count through the year.
        [] if said.byday.is_empty() => date.month(),
        [one] if !one.is_leap() => i8::try_from(one.month()).ok()?,
        _ => return None,
    };
    match in_month(said, date)? {
        InMonth::Day(day) => Some(Pattern::YearDay { month, day }),
        InMonth::Weekday(nth, days) => Some(Pattern::YearWeekday { month, nth, days }),
    }
}

enum InMonth {
    Day(i8),
    Weekday(i8, Weekdays),
}

fn in_month(said: &ICalendarRecurrenceRule, date: Date) -> Option<InMonth> {
    match (
        said.bymonthday.as_slice(),
        said.byday.as_slice(),
        said.bysetpos.as_slice(),
    ) {
        ([], [], []) => Some(InMonth::Day(date.day())),
        ([day], [], []) => Some(InMonth::Day(*day)),
        ([], [one], []) => {
            let nth = i8::try_from(one.ordwk.filter(|n| *n != 0)?).ok()?;
            Some(InMonth::Weekday(
                nth,
                Weekdays::new([weekday(one.weekday)])?,
            ))
        }
        ([], days, [nth]) if days.iter().all(|d| d.ordwk.is_none_or(|n| n == 0)) => {
            Some(InMonth::Weekday(i8::try_from(*nth).ok()?, weekdays(days)?))
        }
        _ => None,
    }
}

/// The last instant becomes the last date on which an occurrence may begin: they all begin at the same time of day.
fn ends(said: &ICalendarRecurrenceRule, first: &Slot) -> Result<Ends, ReadError> {
    match (&said.until, said.count) {
        (None, None) => Ok(Ends::Never),
        (None, Some(count)) => Ok(Ends::After(count)),
        (Some(until), _) => {
            let last = last_date(until, first).ok_or_else(|| ReadError::Time("UNTIL".into()))?;
            // Some programs write the end of time.
            Ok(if last.year() > *YEARS.end() {
                Ends::Never
            } else {
                Ends::Until(last)
            })
        }
    }
}

fn last_date(until: &PartialDateTime, first: &Slot) -> Option<Date> {
    let said = civil(until)?;
    if until.hour.is_none() {
        return Some(said.date());
    }
    let local = match offset(until) {
        None => said,
        Some(east) => {
            let utc = said.checked_sub(i64::from(east).seconds()).ok()?;
            let second = jiff::tz::TimeZone::UTC
                .to_timestamp(utc)
                .ok()
                .map(Timestamp::as_millisecond)?;
            let at = u64::try_from(second).ok()?;
            let date = first.zone().local(at).date();
            let begins = first.zone().instant(date.to_datetime(first.start().time()));
            return if begins <= at {
                Some(date)
            } else {
                date.yesterday().ok()
            };
        }
    };
    if local.time() >= first.start().time() {
        Some(local.date())
    } else {
        local.date().yesterday().ok()
    }
}

fn weekdays(days: &[ICalendarDay]) -> Option<Weekdays> {
    Weekdays::new(days.iter().map(|d| weekday(d.weekday)))
}

fn weekday(day: ICalendarWeekday) -> Weekday {
    match day {
        ICalendarWeekday::Monday => Weekday::Monday,
        ICalendarWeekday::Tuesday => Weekday::Tuesday,
        ICalendarWeekday::Wednesday => Weekday::Wednesday,
        ICalendarWeekday::Thursday => Weekday::Thursday,
        ICalendarWeekday::Friday => Weekday::Friday,
        ICalendarWeekday::Saturday => Weekday::Saturday,
        ICalendarWeekday::Sunday => Weekday::Sunday,
    }
}
