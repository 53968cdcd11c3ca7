//! Organizers and attendees. Who has no usable mail address is left out: nothing could be sent there.

use crate::{Address, Answer, Attendee, Kind, Person, Role, uri};
use calcard::icalendar::{ICalendarEntry, ICalendarParameterName};

/// Characters of a name that are kept.
const MOST_NAME: usize = 200;

pub(super) fn person(entry: &ICalendarEntry) -> Option<Person> {
    let value = entry.values.first()?.as_text()?;
    let by_mail = value
        .get(..7)
        .filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"))
        .and_then(|_| uri::decode(value.get(7..)?));
    let elsewhere = || parameter(entry, &ICalendarParameterName::Email);
    let address = by_mail
        .and_then(|text| Address::new(text.trim()))
        .or_else(|| Address::new(elsewhere()?.trim()))?;
    let name = parameter(entry, &ICalendarParameterName::Cn).unwrap_or_default();
    let name = decode(&name)
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .take(MOST_NAME)
        .collect();
    Some(Person { name, address })
}

pub(super) fn attendee(entry: &ICalendarEntry) -> Option<Attendee> {
    let said = |name| {
        parameter(entry, &name)
            .unwrap_or_default()
            .to_ascii_uppercase()
    };
    let rsvp = entry
        .params
        .iter()
        .find(|p| p.name == ICalendarParameterName::Rsvp);
    let asked = rsvp.is_some_and(|p| {
        p.value
            .as_bool()
            .unwrap_or(p.value.as_text() == Some("TRUE"))
    });
    Some(Attendee {
        person: person(entry)?,
        kind: match said(ICalendarParameterName::Cutype).as_str() {
            "GROUP" => Kind::Group,
            "ROOM" => Kind::Room,
            "RESOURCE" => Kind::Resource,
            _ => Kind::Individual,
        },
        role: match said(ICalendarParameterName::Role).as_str() {
            "CHAIR" => Role::Chair,
            "OPT-PARTICIPANT" => Role::Optional,
            "NON-PARTICIPANT" => Role::Informed,
            _ => Role::Required,
        },
        answer: match said(ICalendarParameterName::Partstat).as_str() {
            "ACCEPTED" => Answer::Accepted,
            "DECLINED" => Answer::Declined,
            "TENTATIVE" => Answer::Tentative,
            "DELEGATED" => Answer::Delegated,
            _ => Answer::None,
        },
        asked,
    })
}

fn parameter(entry: &ICalendarEntry, name: &ICalendarParameterName) -> Option<String> {
    let found = entry.params.iter().find(|p| p.name == *name)?;
    found.value.as_text().map(str::to_owned)
}

/// Circumflexes of RFC 6868.
fn decode(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let meant = match (c, letters.peek()) {
            ('^', Some('^')) => Some('^'),
            ('^', Some('n' | 'N')) => Some('\n'),
            ('^', Some('\'')) => Some('"'),
            _ => None,
        };
        if meant.is_some() {
            letters.next();
        }
        plain.push(meant.unwrap_or(c));
    }
    plain
}
