//! What was and what will be between two instants: plans expanded to occurrences, with what took place beside them.

use super::planner::occurrence_body;
use super::wire::{HeldBody, Listed, ListedMeetings, OccurrenceBody, Occurrences};
use super::{Planner, Refused};
use crate::store::{Held, PlannedMeeting};
use confab_base::AccountId;
use confab_protocol::MeetingId;
use std::collections::HashMap;
use std::ops::Range;

/// Meetings looked at for one list; the newest count.
const MOST_MEETINGS: u32 = 2_000;
const MOST_HELD: u32 = 5_000;

impl Planner {
    /// Of `owner`, or of all; by their beginning, at most `limit`.
    pub(crate) async fn list(
        &self,
        owner: Option<&AccountId>,
        span: Range<u64>,
        limit: usize,
    ) -> Result<ListedMeetings, Refused> {
        let (from, until) = (span.start, span.end);
        let meetings = self
            .store
            .planned_between(owner, from, until, MOST_MEETINGS)
            .await?;
        let held = self
            .store
            .held_between(owner, from, until, MOST_HELD)
            .await?;
        let mut of: HashMap<MeetingId, Vec<Held>> = HashMap::new();
        for (id, held) in held {
            of.entry(id).or_default().push(held);
        }
        let mut all = Vec::new();
        for meeting in &meetings {
            let held = of.remove(&meeting.record.id).unwrap_or_default();
            let occurrences = expanded(meeting, held, &span, limit + 1);
            all.extend(occurrences.into_iter().map(|occurrence| Listed {
                meeting: meeting.record.id.clone(),
                guest_link: self.link(&meeting.record.id),
                recurs: meeting.plan.recurs(),
                occurrence,
            }));
        }
        all.sort_by_key(|l| l.occurrence.begins_at);
        let more_from = cut(&mut all, limit, |l| l.occurrence.begins_at);
        Ok(ListedMeetings {
            occurrences: all,
            more_from,
        })
    }

    /// Of one meeting.
    pub(crate) async fn occurrences(
        &self,
        meeting: &PlannedMeeting,
        span: Range<u64>,
        limit: usize,
    ) -> Result<Occurrences, Refused> {
        let held = self
            .store
            .held(&meeting.record.id, span.start, span.end, MOST_HELD)
            .await?;
        let mut all = expanded(meeting, held, &span, limit + 1);
        let more_from = cut(&mut all, limit, |o| o.begins_at);
        Ok(Occurrences {
            occurrences: all,
            more_from,
        })
    }
}

/// Keeps `limit`, and gives the beginning of the next, for a list that goes on there.
fn cut<T>(all: &mut Vec<T>, limit: usize, begins: impl Fn(&T) -> u64) -> Option<u64> {
    let next = all.get(limit).map(&begins);
    all.truncate(limit);
    next
}

/// Planned occurrences with their records, and records of what was not planned.
fn expanded(
    meeting: &PlannedMeeting,
    held: Vec<Held>,
    span: &Range<u64>,
    limit: usize,
) -> Vec<OccurrenceBody> {
    let planned = meeting.plan.occurrences(span.start, span.end, limit);
    let mut all: Vec<OccurrenceBody> = planned
        .iter()
        .map(|o| occurrence_body(meeting, o))
        .collect();
    for record in held {
        let body = held_body(&record);
        let mut named = all.iter_mut().filter(|o| o.name.is_some());
        match named.find(|o| o.name == record.at.name) {
            Some(planned) => planned.held = Some(body),
            None => all.push(OccurrenceBody {
                name: record.at.name,
                title: meeting.record.title.clone(),
                begins_at: record.started_at,
                ends_at: record.ended_at.unwrap_or(record.started_at),
                zone: None,
                cancelled: false,
                held: Some(body),
            }),
        }
    }
    all.sort_by_key(|o| o.begins_at);
    all.truncate(limit);
    all
}

fn held_body(held: &Held) -> HeldBody {
    HeldBody {
        at: held.at.at,
        started_at: held.started_at,
        ended_at: held.ended_at,
        people: held.people,
    }
}
