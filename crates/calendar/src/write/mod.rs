//! Meetings as iCalendar files: to be published, to invite, to cancel. RFC 5545 for the format, RFC 5546 for what each kind
//! of message must and must not hold, RFC 7986 for `CONFERENCE` and feeds.

mod event;
mod feed;
mod lines;
mod mail;
mod zones;

pub use feed::{Feed, feed};
pub use mail::MailPart;

pub(crate) use lines::{local, utc};

use crate::{Meeting, Override, When, Zone};
use event::{Scope, write_event};
use jiff::civil::DateTime;
use lines::Lines;

/// What a file asks of who reads it (`METHOD`, RFC 5546).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Here is a meeting, for your information. Attendees are not named in it.
    Publish,
    /// You are invited, or the meeting has changed.
    Request,
    /// The meeting, or some of its occurrences, will not be.
    Cancel,
    /// An attendee's answer. Read, never written: Confab does not attend.
    Reply,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Publish => "PUBLISH",
            Method::Request => "REQUEST",
            Method::Cancel => "CANCEL",
            Method::Reply => "REPLY",
        }
    }
}

/// A calendar file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ics {
    /// CRLF line ends, lines folded at 75 octets.
    pub text: String,
    /// None: a calendar object that asks nothing; a meeting that nobody is named as the organizer of.
    pub method: Option<Method>,
}

/// Why a meeting cannot be written so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("an invitation needs an organizer")]
    NoOrganizer,
    #[error("an invitation needs somebody invited")]
    NoAttendees,
    #[error("a cancelled meeting cannot be invited to")]
    Cancelled,
    #[error("the series has no occurrence at {0}")]
    NoOccurrence(DateTime),
}

impl Meeting {
    /// The meeting for whoever has its link: without attendees. As a message (`PUBLISH`) only where there is an organizer, as RFC
    /// 5546 asks for one.
    pub fn publish(&self) -> Ics {
        let method = self.organizer.as_ref().map(|_| Method::Publish);
        self.file(method, Scope::PUBLISHED)
    }

    /// The invitation, and every update of it. Occurrences that are cancelled are left out of it as if they had never been: a request
    /// cannot say more (RFC 5546, 3.2.2).
    pub fn request(&self) -> Result<Ics, WriteError> {
        self.can_be_sent()?;
        if self.cancelled {
            return Err(WriteError::Cancelled);
        }
        Ok(self.file(Some(Method::Request), Scope::REQUESTED))
    }

    /// The whole meeting is cancelled. [`Meeting::sequence`] must have risen since the invitation.
    pub fn cancel(&self) -> Result<Ics, WriteError> {
        self.can_be_sent()?;
        let mut lines = begin(Some(Method::Cancel));
        self.define_zones(&mut lines);
        write_event(&mut lines, self, Scope::CANCELLED, None);
        Ok(end(lines, Some(Method::Cancel)))
    }

    /// One occurrence is cancelled, the rest stays.
    pub fn cancel_occurrence(&self, id: DateTime) -> Result<Ics, WriteError> {
        self.can_be_sent()?;
        let there = match &self.when {
            When::Once(_) => false,
            When::Series(series) => series.gives(id),
        };
        if !there {
            return Err(WriteError::NoOccurrence(id));
        }
        let mut lines = begin(Some(Method::Cancel));
        self.define_zones(&mut lines);
        write_event(
            &mut lines,
            self,
            Scope::CANCELLED,
            Some((id, &Override::default())),
        );
        Ok(end(lines, Some(Method::Cancel)))
    }

    fn can_be_sent(&self) -> Result<(), WriteError> {
        if self.organizer.is_none() {
            Err(WriteError::NoOrganizer)
        } else if self.attendees.is_empty() {
            Err(WriteError::NoAttendees)
        } else {
            Ok(())
        }
    }

    fn file(&self, method: Option<Method>, scope: Scope) -> Ics {
        let mut lines = begin(method);
        self.define_zones(&mut lines);
        self.write_events(&mut lines, scope);
        end(lines, method)
    }

    fn write_events(&self, lines: &mut Lines, scope: Scope) {
        write_event(lines, self, scope, None);
        if let When::Series(series) = &self.when {
            for (id, change) in series.overrides() {
                if scope.cancelled_occurrences || !change.cancelled {
                    write_event(lines, self, scope, Some((id, change)));
                }
            }
        }
    }

    fn define_zones(&self, lines: &mut Lines) {
        let (first, last) = self.span();
        for zone in self.zones() {
            zones::define(lines, zone, first, last);
        }
    }

    /// Every zone a time of it is said in, once.
    fn zones(&self) -> Vec<&Zone> {
        let mut zones = vec![self.when.first().zone()];
        if let When::Series(series) = &self.when {
            for (_, change) in series.overrides() {
                if let Some(slot) = &change.slot
                    && !zones.contains(&slot.zone())
                {
                    zones.push(slot.zone());
                }
            }
        }
        zones
    }

    /// From the first instant said in it to the last, if there is one.
    fn span(&self) -> (u64, Option<u64>) {
        let first = self.when.first().begins_at();
        let moved = match &self.when {
            When::Once(_) => None,
            When::Series(series) => series
                .overrides()
                .filter_map(|(_, change)| Some(change.slot.as_ref()?.begins_at()))
                .min(),
        };
        (moved.map_or(first, |m| m.min(first)), self.when.last_end())
    }
}

fn begin(method: Option<Method>) -> Lines {
    let mut lines = Lines::default();
    lines.add("BEGIN:VCALENDAR");
    lines.add("VERSION:2.0");
    lines.add("PRODID:-//Confab//Confab//EN");
    lines.add("CALSCALE:GREGORIAN");
    if let Some(method) = method {
        lines.add(&format!("METHOD:{}", method.as_str()));
    }
    lines
}

fn end(mut lines: Lines, method: Option<Method>) -> Ics {
    lines.add("END:VCALENDAR");
    Ics {
        text: lines.finish(),
        method,
    }
}

#[cfg(test)]
mod tests;
