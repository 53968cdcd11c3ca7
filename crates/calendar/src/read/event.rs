//! One `VEVENT` as it stands in a file.

use super::times::{Moment, Zones};
use super::{ReadError, people, recur, text_of};
use crate::{
    Attendee, GuestLink, MOST_ATTENDEES, MOST_DESCRIPTION, MOST_EXCEPTIONS, MOST_TITLE, Person,
    Rule, Slot, SlotError, Uid,
};
use calcard::icalendar::{
    ICalendarComponent, ICalendarDuration, ICalendarParameterName, ICalendarProperty,
    ICalendarValue,
};

/// The length of an event that says none; of one that ends when it begins.
const MINUTES_UNSAID: u32 = 30;

/// What is said, not yet put together with the other events of the same meeting.
pub(super) struct Raw {
    pub(super) uid: Uid,
    pub(super) sequence: u32,
    pub(super) stamp: u64,
    /// `RECURRENCE-ID`.
    pub(super) occurrence: Option<Moment>,
    pub(super) slot: Option<Slot>,
    pub(super) rule: Option<Rule>,
    pub(super) excluded: Vec<Moment>,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) link: Option<String>,
    pub(super) organizer: Option<Person>,
    pub(super) attendees: Vec<Attendee>,
    pub(super) cancelled: bool,
}

impl Raw {
    pub(super) fn of(event: &ICalendarComponent, zones: &Zones<'_>) -> Result<Raw, ReadError> {
        let text = |property| text_of(event, &property);
        let uid =
            Uid::new(&text(ICalendarProperty::Uid).unwrap_or_default()).ok_or(ReadError::Uid)?;
        let moment = |property| match event.property(&property) {
            Some(entry) => zones.moment(entry),
            None => Ok(None),
        };
        let slot = slot(event, zones)?;
        let title = whole_text(event, &ICalendarProperty::Summary, MOST_TITLE);
        let link = text(ICalendarProperty::Url).filter(|url| GuestLink::parse(url).is_some());
        let description = whole_text(event, &ICalendarProperty::Description, usize::MAX);
        let sequence = event.property(&ICalendarProperty::Sequence);
        let sequence = sequence
            .and_then(|entry| entry.values.first()?.as_integer())
            .unwrap_or(0);
        Ok(Raw {
            uid,
            sequence: u32::try_from(sequence.max(0)).unwrap_or(u32::MAX),
            // A stamp that cannot be read is no reason to refuse a meeting.
            stamp: moment(ICalendarProperty::Dtstamp)
                .ok()
                .flatten()
                .map_or(0, |m| m.at()),
            occurrence: occurrence(event, zones)?,
            rule: rule(event, slot.as_ref())?,
            slot,
            excluded: excluded(event, zones)?,
            title,
            description: limited(
                without_link(&description, link.as_deref()),
                MOST_DESCRIPTION,
            ),
            link,
            organizer: event
                .property(&ICalendarProperty::Organizer)
                .and_then(people::person),
            attendees: attendees(event)?,
            cancelled: text(ICalendarProperty::Status)
                .is_some_and(|s| s.eq_ignore_ascii_case("CANCELLED")),
        })
    }
}

/// `RECURRENCE-ID`. One that speaks of all that follow would be taken for one alone.
fn occurrence(event: &ICalendarComponent, zones: &Zones<'_>) -> Result<Option<Moment>, ReadError> {
    let Some(entry) = event.property(&ICalendarProperty::RecurrenceId) else {
        return Ok(None);
    };
    let and_following = entry
        .params
        .iter()
        .any(|p| p.name == ICalendarParameterName::Range);
    if and_following {
        return Err(ReadError::Rule);
    }
    zones.moment(entry)
}

fn slot(event: &ICalendarComponent, zones: &Zones<'_>) -> Result<Option<Slot>, ReadError> {
    let Some(entry) = event.property(&ICalendarProperty::Dtstart) else {
        return Ok(None);
    };
    let start = zones.moment(entry)?.ok_or(ReadError::NoStart)?;
    if start.whole_day {
        return Err(ReadError::AllDay);
    }
    let end = match event.property(&ICalendarProperty::Dtend) {
        Some(entry) => zones.moment(entry)?.map(|end| end.at()),
        None => None,
    };
    let length = event
        .property(&ICalendarProperty::Duration)
        .and_then(|entry| match entry.values.first() {
            Some(ICalendarValue::Duration(length)) => seconds(length),
            _ => None,
        });
    let seconds = end
        .map(|end| end.saturating_sub(start.at()) / 1000)
        .or(length)
        .unwrap_or(0);
    let minutes = match u32::try_from(seconds.div_ceil(60)) {
        Ok(0) => MINUTES_UNSAID,
        minutes => minutes.unwrap_or(u32::MAX),
    };
    let said = start.local.to_string();
    Slot::new(start.local, start.zone, minutes)
        .map(Some)
        .map_err(|error| match error {
            SlotError::Start => ReadError::Time(said),
            SlotError::Minutes => ReadError::Time(format!("{minutes} min")),
        })
}

fn seconds(length: &ICalendarDuration) -> Option<u64> {
    let days = u64::from(length.weeks) * 7 + u64::from(length.days);
    let hours = days * 24 + u64::from(length.hours);
    let seconds = (hours * 60 + u64::from(length.minutes)) * 60 + u64::from(length.seconds);
    (!length.neg).then_some(seconds)
}

fn rule(event: &ICalendarComponent, slot: Option<&Slot>) -> Result<Option<Rule>, ReadError> {
    let said = event.property(&ICalendarProperty::Rrule);
    let more = event.property(&ICalendarProperty::Rdate).is_some();
    match (said, slot) {
        (_, Some(_)) if more => Err(ReadError::Rule),
        (Some(entry), Some(first)) => recur::rule(entry, first).map(Some),
        _ => Ok(None),
    }
}

fn excluded(event: &ICalendarComponent, zones: &Zones<'_>) -> Result<Vec<Moment>, ReadError> {
    let mut all = Vec::new();
    for entry in event
        .entries
        .iter()
        .filter(|e| e.name == ICalendarProperty::Exdate)
    {
        all.extend(zones.moments(entry)?);
        if all.len() > MOST_EXCEPTIONS {
            return Err(ReadError::TooMany);
        }
    }
    Ok(all)
}

fn attendees(event: &ICalendarComponent) -> Result<Vec<Attendee>, ReadError> {
    let entries = event
        .entries
        .iter()
        .filter(|e| e.name == ICalendarProperty::Attendee);
    let all: Vec<Attendee> = entries
        .filter_map(people::attendee)
        .take(MOST_ATTENDEES + 1)
        .collect();
    if all.len() > MOST_ATTENDEES {
        Err(ReadError::TooMany)
    } else {
        Ok(all)
    }
}

/// Not trimmed: what was written comes back.
fn whole_text(event: &ICalendarComponent, property: &ICalendarProperty, most: usize) -> String {
    let value = event
        .property(property)
        .and_then(|entry| entry.values.first()?.as_text());
    limited(&value.unwrap_or_default().replace("\r\n", "\n"), most)
}

fn limited(text: &str, most: usize) -> String {
    text.chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .take(most)
        .collect()
}

/// Our own files begin the description with the link.
fn without_link<'a>(description: &'a str, link: Option<&str>) -> &'a str {
    let rest = link.and_then(|link| description.strip_prefix(link));
    match rest {
        Some("") => "",
        Some(rest) => rest.strip_prefix("\n\n").unwrap_or(description),
        None => description,
    }
}
