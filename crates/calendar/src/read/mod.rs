//! Calendar files from anywhere into [`Meeting`]s. Lines are taken apart by `calcard`, which forgives what Google, Outlook and Apple
//! get wrong; this says what they mean for a meeting, within limits that are checked before anything is taken apart.

mod event;
mod people;
mod recur;
mod times;

use crate::{
    Address, Attendee, GuestLink, Meeting, Method, Override, Person, Rule, Series, SeriesError,
    Slot, Uid, When, Zone,
};
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty,
};
use calcard::{Entry, Parser};
use event::Raw;
use std::collections::{BTreeMap, BTreeSet};
use times::{Moment, Zones};

/// Limits on a file: octets, physical lines, components of any kind.
pub const MOST_OCTETS: usize = 1 << 20;
pub const MOST_LINES: usize = 20_000;
pub const MOST_COMPONENTS: usize = 2_000;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// None: no message, but a calendar or an event that was saved.
    pub method: Option<Method>,
    /// In the order of the file.
    pub events: Vec<Incoming>,
    /// Events that could not be taken, by their `UID`, and why.
    pub refused: Vec<(String, ReadError)>,
}

/// All that a file says of one meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub uid: Uid,
    /// The greatest of those said.
    pub sequence: u32,
    /// `DTSTAMP`, milliseconds since 1970; 0 where it is missing. The greatest of those said.
    pub stamp: u64,
    pub organizer: Option<Person>,
    /// Of the first component; in a reply, who answers.
    pub attendees: Vec<Attendee>,
    /// The meeting, with its exceptions if it is a series. None in cancellations and replies that do not repeat it, and where only
    /// single occurrences are spoken of.
    pub meeting: Option<Meeting>,
    /// Occurrences spoken of without their series.
    pub occurrences: Vec<LoneOccurrence>,
    /// Exceptions at times the series has no occurrence at; left out. Programs keep such when a rule was changed.
    pub strays: usize,
}

/// A change of one occurrence of a series that is told elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoneOccurrence {
    at: Moment,
    pub slot: Option<Slot>,
    pub title: String,
    pub cancelled: bool,
}

impl LoneOccurrence {
    /// Its name in the series that begins with `first`.
    pub fn id(&self, first: &Slot) -> crate::civil::DateTime {
        self.at.within(first)
    }
}

/// Why a file, or an event in it, is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("more than a megabyte, 20,000 lines or 2,000 components")]
    TooLarge,
    #[error("no iCalendar file")]
    NotCalendar,
    #[error("no event in it")]
    NoEvent,
    #[error("the method {0} is not understood")]
    Method(String),
    #[error("no usable UID")]
    Uid,
    #[error("no start")]
    NoStart,
    #[error("a time that cannot be: {0}")]
    Time(String),
    #[error("days without a time are no meeting")]
    AllDay,
    #[error("the time zone {0} is not known")]
    Zone(String),
    #[error("a recurrence rule of a kind that is not supported")]
    Rule,
    #[error("the start is none of the recurrence rule's")]
    First,
    #[error("more exceptions or attendees than a meeting may have")]
    TooMany,
}

impl ReadError {
    /// Stable, for those who say it in their own words.
    pub fn code(&self) -> &'static str {
        match self {
            ReadError::TooLarge => "ics_too_large",
            ReadError::NotCalendar => "ics_not_a_calendar",
            ReadError::NoEvent => "ics_no_event",
            ReadError::Method(_) => "ics_method",
            ReadError::Uid => "ics_uid",
            ReadError::NoStart => "ics_no_start",
            ReadError::Time(_) => "ics_time",
            ReadError::AllDay => "ics_all_day",
            ReadError::Zone(_) => "ics_zone",
            ReadError::Rule => "ics_rule",
            ReadError::First => "ics_start_not_in_rule",
            ReadError::TooMany => "ics_too_many",
        }
    }
}

/// Reads a file. Times without any zone are taken in `floating`, unless the file names a zone for all of it (`X-WR-TIMEZONE`).
/// Fails where nothing can be read; events that alone are at fault are in [`Calendar::refused`].
pub fn read(text: &str, floating: &Zone) -> Result<Calendar, ReadError> {
    let begins = |line: &&str| {
        line.get(..6)
            .is_some_and(|b| b.eq_ignore_ascii_case("BEGIN:"))
    };
    let too_large = text.len() > MOST_OCTETS
        || text.lines().count() > MOST_LINES
        || text.lines().filter(begins).count() > MOST_COMPONENTS;
    if too_large {
        return Err(ReadError::TooLarge);
    }
    let Entry::ICalendar(file) = Parser::new(text).entry() else {
        return Err(ReadError::NotCalendar);
    };
    let Some(root) = file
        .components
        .first()
        .filter(|c| c.component_type == ICalendarComponentType::VCalendar)
    else {
        return Err(ReadError::NotCalendar);
    };
    let method = method(root)?;
    let zones = Zones::of(&file, root, floating);
    let mut calendar = Calendar {
        method,
        events: Vec::new(),
        refused: Vec::new(),
    };
    for (uid, components) in by_uid(&file) {
        match Incoming::of(&components, &zones) {
            Ok(event) => calendar.events.push(event),
            Err(error) => calendar.refused.push((uid, error)),
        }
    }
    if calendar.events.is_empty() && calendar.refused.is_empty() {
        return Err(ReadError::NoEvent);
    }
    Ok(calendar)
}

fn method(root: &ICalendarComponent) -> Result<Option<Method>, ReadError> {
    let Some(name) = text_of(root, &ICalendarProperty::Method) else {
        return Ok(None);
    };
    [
        Method::Publish,
        Method::Request,
        Method::Cancel,
        Method::Reply,
    ]
    .into_iter()
    .find(|m| m.as_str().eq_ignore_ascii_case(&name))
    .map(Some)
    .ok_or_else(|| ReadError::Method(name.chars().take(40).collect()))
}

/// Events by their `UID`, in the order of the file.
fn by_uid(file: &ICalendar) -> Vec<(String, Vec<&ICalendarComponent>)> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: Vec<(String, Vec<&ICalendarComponent>)> = Vec::new();
    let events = file
        .components
        .iter()
        .filter(|c| c.component_type == ICalendarComponentType::VEvent);
    for event in events {
        let uid = text_of(event, &ICalendarProperty::Uid).unwrap_or_default();
        let place = *places.entry(uid.clone()).or_insert(found.len());
        match found.get_mut(place) {
            Some((_, events)) => events.push(event),
            None => found.push((uid, vec![event])),
        }
    }
    found
}

fn text_of(component: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    let entry = component.property(property)?;
    entry
        .values
        .first()?
        .as_text()
        .map(|text| text.trim().to_owned())
}

impl Incoming {
    fn of(components: &[&ICalendarComponent], zones: &Zones<'_>) -> Result<Incoming, ReadError> {
        let raws: Vec<Raw> = components
            .iter()
            .map(|c| Raw::of(c, zones))
            .collect::<Result<_, _>>()?;
        let newest = |raw: &&Raw| (raw.sequence, raw.stamp);
        let whole = raws
            .iter()
            .filter(|raw| raw.occurrence.is_none())
            .max_by_key(newest);
        let first = whole.or(raws.first()).ok_or(ReadError::NoEvent)?;
        let mut strays = 0;
        let meeting = match whole {
            Some(whole) if whole.slot.is_some() => Some(whole_meeting(whole, &raws, &mut strays)?),
            _ => None,
        };
        let lone = raws.iter().filter(|_| whole.is_none());
        Ok(Incoming {
            uid: first.uid.clone(),
            sequence: raws.iter().map(|raw| raw.sequence).max().unwrap_or(0),
            stamp: raws.iter().map(|raw| raw.stamp).max().unwrap_or(0),
            organizer: first.organizer.clone(),
            attendees: first.attendees.clone(),
            occurrences: lone.filter_map(LoneOccurrence::of).collect(),
            meeting,
            strays,
        })
    }

    /// Who sent it, where it is somebody's to say: the organizer's address.
    pub fn organizer_address(&self) -> Option<&Address> {
        self.organizer.as_ref().map(|person| &person.address)
    }
}

impl LoneOccurrence {
    fn of(raw: &Raw) -> Option<LoneOccurrence> {
        Some(LoneOccurrence {
            at: raw.occurrence.clone()?,
            slot: raw.slot.clone(),
            title: raw.title.clone(),
            cancelled: raw.cancelled,
        })
    }
}

fn whole_meeting(whole: &Raw, all: &[Raw], strays: &mut usize) -> Result<Meeting, ReadError> {
    let slot = whole.slot.clone().ok_or(ReadError::NoStart)?;
    let when = match whole.rule {
        None => When::Once(slot),
        Some(rule) => When::Series(series(slot, rule, whole, all, strays)?),
    };
    Ok(Meeting {
        uid: whole.uid.clone(),
        sequence: whole.sequence,
        stamp: whole.stamp,
        title: whole.title.clone(),
        description: whole.description.clone(),
        link: whole.link.as_deref().and_then(GuestLink::parse),
        organizer: whole.organizer.clone(),
        attendees: whole.attendees.clone(),
        when,
        cancelled: whole.cancelled,
    })
}

fn series(
    first: Slot,
    rule: Rule,
    whole: &Raw,
    all: &[Raw],
    strays: &mut usize,
) -> Result<Series, ReadError> {
    let mut excluded: BTreeSet<_> = whole.excluded.iter().map(|at| at.within(&first)).collect();
    let mut overrides: BTreeMap<_, (u32, u64, Override)> = BTreeMap::new();
    for raw in all {
        let Some(at) = &raw.occurrence else { continue };
        let change = Override {
            slot: raw.slot.clone(),
            title: (raw.title != whole.title).then(|| raw.title.clone()),
            // Of a meeting that is cancelled as a whole, every occurrence says so.
            cancelled: raw.cancelled && !whole.cancelled,
        };
        let newer = (raw.sequence, raw.stamp, change);
        let known = overrides
            .entry(at.within(&first))
            .or_insert_with(|| newer.clone());
        if (known.0, known.1) < (newer.0, newer.1) {
            *known = newer;
        }
    }
    let series = Series::new(first, rule).map_err(refusal)?;
    let ids = excluded.iter().chain(overrides.keys()).copied().collect();
    let strangers = series.strangers(&ids);
    *strays = strangers.len();
    excluded.retain(|id| !strangers.contains(id));
    overrides.retain(|id, _| !strangers.contains(id));
    let overrides = overrides
        .into_iter()
        .map(|(id, (_, _, change))| (id, change))
        .collect();
    series.with_exceptions(excluded, overrides).map_err(refusal)
}

fn refusal(error: SeriesError) -> ReadError {
    match error {
        SeriesError::Rule => ReadError::Rule,
        SeriesError::First => ReadError::First,
        SeriesError::NoOccurrence(_) | SeriesError::TooMany => ReadError::TooMany,
    }
}

#[cfg(test)]
mod tests;
