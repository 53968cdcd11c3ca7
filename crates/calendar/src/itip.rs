//! What a message about a meeting changes (iTIP, RFC 5546): a new meeting, an update, a cancellation of all or of one occurrence, an
//! answer. Pure: the known meeting and the message go in, what is to be done comes out.
//!
//! Whether the sender of the mail may speak for the organizer or the attendee is for the mail's reader to check; that the message speaks
//! for the same organizer as before, and for somebody who was invited, is checked here.

use crate::{Address, Answer, Incoming, Meeting, Method, Override, Series, SeriesError, When};
use jiff::civil::DateTime;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    New(Meeting),
    /// The meeting as it is now; also when one of its occurrences was changed or cancelled.
    Update(Meeting),
    /// The meeting, cancelled as a whole.
    Cancelled(Meeting),
    Answered(Answered),
    /// Nothing: the message is older than what is known, or the same.
    Old,
}

/// Somebody's answer to an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub who: Address,
    pub answer: Answer,
    /// None: to the whole meeting.
    pub occurrence: Option<DateTime>,
    /// When it was given, milliseconds since 1970: of two answers to the same revision the later counts.
    pub stamp: u64,
    /// The meeting with an answer to the whole in its place.
    pub meeting: Meeting,
}

/// Why a message is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the meeting is not known")]
    Unknown,
    #[error("the message is about another meeting")]
    OtherMeeting,
    #[error("the message is from another organizer")]
    OtherOrganizer,
    #[error("the answer is from somebody who was not invited")]
    NotInvited,
    #[error("the series has no such occurrence")]
    NoOccurrence,
    #[error("more exceptions than a series may have")]
    TooMany,
    #[error("the message says nothing")]
    Empty,
}

impl Refusal {
    /// Stable, for those who say it in their own words.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Unknown => "itip_unknown_meeting",
            Refusal::OtherMeeting => "itip_other_meeting",
            Refusal::OtherOrganizer => "itip_other_organizer",
            Refusal::NotInvited => "itip_not_invited",
            Refusal::NoOccurrence => "itip_no_occurrence",
            Refusal::TooMany => "itip_too_many",
            Refusal::Empty => "itip_empty",
        }
    }
}

/// Interprets one meeting of a message whose method is `method` (none: a saved calendar, read like a published one).
pub fn interpret(
    known: Option<&Meeting>,
    method: Option<Method>,
    message: &Incoming,
) -> Result<Change, Refusal> {
    if known.is_some_and(|known| known.uid != message.uid) {
        return Err(Refusal::OtherMeeting);
    }
    match (method, known) {
        (Some(Method::Reply), Some(known)) => answered(known, message),
        (Some(Method::Reply | Method::Cancel), None) => Err(Refusal::Unknown),
        (_, Some(known)) if !same_organizer(known, message) => Err(Refusal::OtherOrganizer),
        (Some(Method::Cancel), Some(known)) => cancelled(known, message),
        (_, None) => message
            .meeting
            .clone()
            .map(Change::New)
            .ok_or(Refusal::Unknown),
        (_, Some(known)) => updated(known, message),
    }
}

/// A meeting nobody was said to organize may be taken over by nobody else either.
fn same_organizer(known: &Meeting, message: &Incoming) -> bool {
    match (&known.organizer, message.organizer_address()) {
        (Some(known), Some(said)) => known.address.is_same(said),
        (None, None) => true,
        _ => false,
    }
}

fn updated(known: &Meeting, message: &Incoming) -> Result<Change, Refusal> {
    if (message.sequence, message.stamp) <= (known.sequence, known.stamp) {
        return Ok(Change::Old);
    }
    match &message.meeting {
        Some(meeting) => Ok(Change::Update(meeting.clone())),
        None if message.occurrences.is_empty() => Err(Refusal::Empty),
        None => with_occurrences(known, message, false).map(Change::Update),
    }
}

fn cancelled(known: &Meeting, message: &Incoming) -> Result<Change, Refusal> {
    // A cancellation must have a greater sequence than the invitation; not all programs raise it.
    if message.sequence < known.sequence {
        return Ok(Change::Old);
    }
    if !message.occurrences.is_empty() {
        return with_occurrences(known, message, true).map(Change::Update);
    }
    Ok(Change::Cancelled(Meeting {
        cancelled: true,
        ..revised(known, message)
    }))
}

/// The known meeting at the revision of the message.
fn revised(known: &Meeting, message: &Incoming) -> Meeting {
    Meeting {
        sequence: message.sequence.max(known.sequence),
        stamp: message.stamp.max(known.stamp),
        ..known.clone()
    }
}

fn with_occurrences(
    known: &Meeting,
    message: &Incoming,
    all_cancelled: bool,
) -> Result<Meeting, Refusal> {
    let When::Series(series) = &known.when else {
        return Err(Refusal::NoOccurrence);
    };
    let mut series: Series = series.clone();
    for lone in &message.occurrences {
        let id = lone.id(series.first());
        let before = series.override_of(id).cloned().unwrap_or_default();
        let change = if all_cancelled {
            Override {
                cancelled: true,
                ..before
            }
        } else {
            Override {
                slot: lone.slot.clone(),
                title: (lone.title != known.title).then(|| lone.title.clone()),
                cancelled: lone.cancelled,
            }
        };
        series.change(id, change).map_err(|error| match error {
            SeriesError::TooMany => Refusal::TooMany,
            _ => Refusal::NoOccurrence,
        })?;
    }
    Ok(Meeting {
        when: When::Series(series),
        ..revised(known, message)
    })
}

fn answered(known: &Meeting, message: &Incoming) -> Result<Change, Refusal> {
    // Answers to an earlier revision say nothing of this one.
    if message.sequence < known.sequence {
        return Ok(Change::Old);
    }
    let said = message.attendees.first().ok_or(Refusal::Empty)?;
    let mut meeting = known.clone();
    let invited = meeting
        .attendees
        .iter_mut()
        .find(|a| a.person.address.is_same(&said.person.address));
    let invited = invited.ok_or(Refusal::NotInvited)?;
    let occurrence = match (message.occurrences.first(), &known.when) {
        (None, _) => None,
        (Some(lone), When::Series(series)) => {
            let id = lone.id(series.first());
            let there = series.gives(id) && !series.excludes(id);
            Some(there.then_some(id).ok_or(Refusal::NoOccurrence)?)
        }
        (Some(_), When::Once(_)) => return Err(Refusal::NoOccurrence),
    };
    if occurrence.is_none() {
        invited.answer = said.answer;
    }
    Ok(Change::Answered(Answered {
        who: invited.person.address.clone(),
        answer: said.answer,
        occurrence,
        stamp: message.stamp,
        meeting,
    }))
}

#[cfg(test)]
mod tests;
