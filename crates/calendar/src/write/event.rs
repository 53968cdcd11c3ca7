//! One `VEVENT`: the meeting, its series, or one occurrence that differs.

use super::lines::{Lines, quoted, utc};
use crate::{Answer, Attendee, Kind, Meeting, Override, Person, Role, Series, Slot, When, uri};
use jiff::civil::DateTime;

/// What this kind of file says.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    attendees: bool,
    /// Else they are written as dates left out.
    pub(super) cancelled_occurrences: bool,
    all_cancelled: bool,
}

impl Scope {
    pub(super) const PUBLISHED: Scope = Scope {
        attendees: false,
        cancelled_occurrences: true,
        all_cancelled: false,
    };
    pub(super) const REQUESTED: Scope = Scope {
        attendees: true,
        cancelled_occurrences: false,
        all_cancelled: false,
    };
    pub(super) const CANCELLED: Scope = Scope {
        attendees: true,
        cancelled_occurrences: false,
        all_cancelled: true,
    };
}

/// The whole meeting, or an occurrence by its name and what is different in it.
pub(super) fn write_event(
    lines: &mut Lines,
    meeting: &Meeting,
    scope: Scope,
    occurrence: Option<(DateTime, &Override)>,
) {
    lines.add("BEGIN:VEVENT");
    lines.text("UID", meeting.uid.as_str());
    lines.add(&format!("DTSTAMP:{}", utc(meeting.stamp)));
    lines.add(&format!("SEQUENCE:{}", meeting.sequence));
    write_time(lines, &meeting.when, scope, occurrence);
    let title = occurrence.and_then(|(_, change)| change.title.as_ref());
    lines.text("SUMMARY", title.unwrap_or(&meeting.title));
    write_link(lines, meeting);
    if let Some(organizer) = &meeting.organizer {
        lines.add(&format!("ORGANIZER{}", person(organizer, "")));
    }
    for attendee in meeting.attendees.iter().filter(|_| scope.attendees) {
        write_attendee(lines, attendee);
    }
    let cancelled =
        scope.all_cancelled || meeting.cancelled || occurrence.is_some_and(|(_, c)| c.cancelled);
    lines.add(if cancelled {
        "STATUS:CANCELLED"
    } else {
        "STATUS:CONFIRMED"
    });
    lines.add(if cancelled {
        "TRANSP:TRANSPARENT"
    } else {
        "TRANSP:OPAQUE"
    });
    lines.add("END:VEVENT");
}

fn write_time(
    lines: &mut Lines,
    when: &When,
    scope: Scope,
    occurrence: Option<(DateTime, &Override)>,
) {
    let first = when.first();
    match (occurrence, when) {
        (Some((id, change)), _) => {
            lines.time("RECURRENCE-ID", id, first.zone());
            let regular = first.moved_to(id);
            write_slot(lines, change.slot.as_ref().unwrap_or(&regular));
        }
        (None, When::Once(slot)) => write_slot(lines, slot),
        (None, When::Series(series)) => {
            write_slot(lines, first);
            lines.add(&format!("RRULE:{}", series.rule().to_rfc5545(first)));
            for left_out in left_out(series, scope) {
                lines.time("EXDATE", left_out, first.zone());
            }
        }
    }
}

fn left_out(series: &Series, scope: Scope) -> Vec<DateTime> {
    let cancelled = series
        .overrides()
        .filter(|(_, change)| change.cancelled && !scope.cancelled_occurrences)
        .map(|(id, _)| id);
    let mut dates: Vec<DateTime> = series.excluded().chain(cancelled).collect();
    dates.sort();
    dates
}

/// The end as a time, as everybody reads it; as a length where the end's local time would be taken for another instant (in the hour
/// that comes twice).
fn write_slot(lines: &mut Lines, slot: &Slot) {
    lines.time("DTSTART", slot.start(), slot.zone());
    let end = slot.zone().local(slot.ends_at());
    if slot.zone().instant(end) == slot.ends_at() && end > slot.start() {
        lines.time("DTEND", end, slot.zone());
    } else {
        lines.add(&format!("DURATION:PT{}M", slot.minutes()));
    }
}

/// The link wherever calendar programs look for one. In the description it is the first line.
fn write_link(lines: &mut Lines, meeting: &Meeting) {
    let Some(link) = &meeting.link else {
        if !meeting.description.is_empty() {
            lines.text("DESCRIPTION", &meeting.description);
        }
        return;
    };
    let link = link.as_str();
    let description = match meeting.description.as_str() {
        "" => link.to_owned(),
        text => format!("{link}\n\n{text}"),
    };
    lines.text("DESCRIPTION", &description);
    lines.text("LOCATION", link);
    lines.add(&format!("URL:{link}"));
    lines.add(&format!(
        "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=Confab:{link}"
    ));
}

fn write_attendee(lines: &mut Lines, attendee: &Attendee) {
    let kind = match attendee.kind {
        Kind::Individual => "INDIVIDUAL",
        Kind::Group => "GROUP",
        Kind::Room => "ROOM",
        Kind::Resource => "RESOURCE",
    };
    let role = match attendee.role {
        Role::Chair => "CHAIR",
        Role::Required => "REQ-PARTICIPANT",
        Role::Optional => "OPT-PARTICIPANT",
        Role::Informed => "NON-PARTICIPANT",
    };
    let answer = match attendee.answer {
        Answer::None => "NEEDS-ACTION",
        Answer::Accepted => "ACCEPTED",
        Answer::Declined => "DECLINED",
        Answer::Tentative => "TENTATIVE",
        Answer::Delegated => "DELEGATED",
    };
    let asked = if attendee.asked { "TRUE" } else { "FALSE" };
    let more = format!(";CUTYPE={kind};ROLE={role};PARTSTAT={answer};RSVP={asked}");
    lines.add(&format!("ATTENDEE{}", person(&attendee.person, &more)));
}

/// Parameters and value of a property that is a person. In the address only what may stand in a `mailto:` URI stays as it is (RFC
/// 6068).
fn person(person: &Person, more: &str) -> String {
    let name = match person.name.as_str() {
        "" => String::new(),
        name => format!(";CN={}", quoted(name)),
    };
    let address = uri::encode_but(person.address.as_str(), |b| b"@+!$'*".contains(&b));
    format!("{name}{more}:mailto:{address}")
}
