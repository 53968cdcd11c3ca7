//! What invitees are told by mail (iMIP, RFC 6047): that they are invited, that the meeting has changed, that it is off. One
//! letter to each person and event, so that mail programs show their buttons.

use super::planner::Changed;
use super::{Planner, Segment, ToldOf};
use crate::clock::wall_ms;
use crate::mail::Letter;
use crate::store::PlannedMeeting;
use confab_calendar::civil::DateTime;
use confab_calendar::{Attendee, Ics, Meeting, Slot, When, WriteError};

/// What a letter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Invited,
    Changed,
    Cancelled,
}

impl Planner {
    /// Everybody invited to a new meeting.
    pub(crate) fn invite(&self, meeting: &PlannedMeeting) {
        let letters = self.requests(meeting, None, News::Invited, &meeting.plan.invitees);
        self.post(letters);
    }

    /// Everybody a change concerns.
    pub(crate) fn tell(&self, changed: &Changed) {
        let Changed {
            before,
            after,
            told,
        } = changed;
        let is_new = |a: &Attendee| told.welcome.contains(a);
        let (new, known): (Vec<_>, Vec<_>) = after.plan.invitees.iter().cloned().partition(is_new);
        let mut letters = Vec::new();
        if !after.plan.cancelled {
            letters.extend(self.requests(after, None, News::Invited, &new));
            letters.extend(self.requests(after, Some(&told.requests), News::Changed, &known));
        }
        if let Some((number, id)) = told.cancelled {
            letters.extend(self.cancel_one(after, number, id, &known));
        }
        letters.extend(self.cancels(before, after, &told.gone, &known));
        let all: Vec<usize> = (0..before.plan.segments().len()).collect();
        letters.extend(self.cancels(before, after, &all, &told.dropped));
        self.post(letters);
    }

    /// `only`: the numbers of the segments it is about; none: all. What is over is not told anybody any more.
    fn requests(
        &self,
        meeting: &PlannedMeeting,
        only: Option<&[usize]>,
        news: News,
        to: &[Attendee],
    ) -> Vec<Letter> {
        let now = wall_ms();
        let due = |s: &Segment<'_>| {
            only.is_none_or(|only| only.contains(&s.number))
                && s.when.last_end().is_none_or(|end| end > now)
        };
        let segments = meeting.plan.segments().into_iter().filter(due);
        segments
            .flat_map(|segment| {
                let event = self.event(meeting, segment);
                letters(&event, event.request(), segment.when.first(), news, to)
            })
            .collect()
    }

    fn cancel_one(
        &self,
        meeting: &PlannedMeeting,
        number: usize,
        id: DateTime,
        to: &[Attendee],
    ) -> Vec<Letter> {
        let Some(segment) = meeting.plan.segments().get(number).copied() else {
            return Vec::new();
        };
        let Some(occurrence) = segment.when.occurrence(id) else {
            return Vec::new();
        };
        let event = self.event(meeting, segment);
        letters(
            &event,
            event.cancel_occurrence(id),
            &occurrence.slot,
            News::Cancelled,
            to,
        )
    }

    /// Segments as they were, at the revision that took them away.
    fn cancels(
        &self,
        before: &PlannedMeeting,
        after: &PlannedMeeting,
        numbers: &[usize],
        to: &[Attendee],
    ) -> Vec<Letter> {
        let segments = before.plan.segments().into_iter();
        let gone = segments.filter(|s| numbers.contains(&s.number));
        gone.flat_map(|segment| {
            let event = Meeting {
                sequence: after.plan.sequence.max(before.plan.sequence + 1),
                stamp: after.plan.stamp,
                attendees: to.to_vec(),
                ..self.event(before, segment)
            };
            letters(
                &event,
                event.cancel(),
                segment.when.first(),
                News::Cancelled,
                to,
            )
        })
        .collect()
    }

    pub(crate) fn event(&self, meeting: &PlannedMeeting, segment: Segment<'_>) -> Meeting {
        meeting.plan.event(segment, &self.told_of(meeting))
    }

    pub(crate) fn told_of<'a>(&'a self, meeting: &'a PlannedMeeting) -> ToldOf<'a> {
        ToldOf {
            id: &meeting.record.id,
            title: match meeting.record.title.as_str() {
                "" => "Video meeting",
                title => title,
            },
            public_url: &self.public_url,
            organizer: self.post.sender(),
        }
    }

    fn post(&self, letters: Vec<Letter>) {
        let wanted = letters.len();
        let refused = letters
            .into_iter()
            .filter_map(|l| self.post.send(l).err())
            .count();
        if refused > 0 {
            tracing::warn!(wanted, refused, "letters about a meeting were not taken");
        }
    }
}

fn letters(
    event: &Meeting,
    file: Result<Ics, WriteError>,
    slot: &Slot,
    news: News,
    to: &[Attendee],
) -> Vec<Letter> {
    // Nobody invited, or nobody who invites.
    let Ok(file) = file else {
        return Vec::new();
    };
    let part = file.into_mail_part();
    let organizer = event.organizer.as_ref();
    let text = text(event, slot, news);
    let subject = format!("{}: {} ({})", words(news).0, event.title, day(slot));
    to.iter()
        .map(|attendee| Letter {
            to: attendee.person.address.to_string(),
            reply_to: organizer.map(|o| o.address.to_string()),
            subject: subject.clone(),
            text: text.clone(),
            html: None,
            parts: vec![part.clone()],
        })
        .collect()
}

fn words(news: News) -> (&'static str, &'static str, &'static str) {
    match news {
        News::Invited => (
            "Invitation",
            "You are invited to a video meeting.",
            "邀请您参加视频会议。",
        ),
        News::Changed => (
            "Changed",
            "A video meeting you are invited to has changed.",
            "您受邀的视频会议有变动。",
        ),
        News::Cancelled => (
            "Cancelled",
            "A video meeting you were invited to does not take place.",
            "您受邀的视频会议已取消。",
        ),
    }
}

fn day(slot: &Slot) -> String {
    slot.start().strftime("%Y-%m-%d %H:%M").to_string()
}

/// In both languages: nobody has said which one they read.
fn text(event: &Meeting, slot: &Slot, news: News) -> String {
    let (_, english, chinese) = words(news);
    let series = matches!(event.when, When::Series(_)) && news != News::Cancelled;
    let repeats = if series {
        "\nSeries · 系列会议"
    } else {
        ""
    };
    let mut text = format!(
        "{english}\n{chinese}\n\n{}\n{} ({}), {} min{repeats}\n",
        event.title,
        day(slot),
        slot.zone(),
        slot.minutes(),
    );
    if let Some(link) = event.link.as_ref().filter(|_| news != News::Cancelled) {
        text.push_str(&format!("\nJoin · 加入: {}\n", link.as_str()));
    }
    if !event.description.is_empty() {
        text.push_str(&format!("\n{}\n", event.description));
    }
    text
}
