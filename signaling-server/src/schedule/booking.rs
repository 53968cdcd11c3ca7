//! Rooms of the house as resources: whether a meeting fits in, and what the display beside the door says.

use super::{Plan, Refused};
use crate::store::{PlannedMeeting, RoomBookings, SeenRoom};
use confab_calendar::{Booking, HORIZON, NowNext, Zone, conflicts, free_busy, now_next};
use confab_protocol::{Code, MeetingId};
use serde::{Deserialize, Serialize};
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BookableRoom {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Where it is, for people; may be empty.
    pub(crate) place: String,
    pub(crate) seats: Option<u16>,
    pub(crate) zone: Zone,
    /// Whether the display says what takes place, or only that something does.
    pub(crate) show_titles: bool,
}

/// How far the display looks ahead, in milliseconds.
const AHEAD: u64 = 24 * 3_600_000;

impl RoomBookings {
    /// The revision to be written with, where `plan` (of the meeting `own`) fits into the room from `now` on.
    pub(crate) fn fits(&self, own: &MeetingId, plan: &Plan, now: u64) -> Result<SeenRoom, Refused> {
        if plan.segments().is_empty() {
            let message = "only what has a time can be in a room";
            return Err(Refused::new(Code::BadValue, message));
        }
        let booked = self.booked(Some(own));
        let last = |plan: &Plan| plan.span().1.unwrap_or(0);
        let booked_last = self.meetings.iter().map(|m| last(&m.plan)).max();
        let until = now
            .saturating_add(HORIZON)
            .max(last(plan))
            .max(booked_last.unwrap_or(0));
        let begins = plan.span().0.unwrap_or(now).max(now);
        let span = begins..until.max(begins.saturating_add(HORIZON));
        let all = plan.segments();
        let found = all
            .iter()
            .find_map(|s| conflicts(s.when, &booked, span.clone(), 1).pop());
        if let Some(conflict) = found {
            let local = |at| {
                self.room
                    .zone
                    .local(at)
                    .strftime("%Y-%m-%d %H:%M")
                    .to_string()
            };
            let (from, until) = (
                local(conflict.taken.begins_at),
                local(conflict.taken.ends_at),
            );
            let message = format!(
                "{} is taken from {from} to {until} ({})",
                self.room.name, self.room.zone
            );
            return Err(Refused::new(Code::RoomTaken, message));
        }
        Ok(SeenRoom {
            id: self.room.id.clone(),
            revision: self.revision,
        })
    }

    /// By the door: what is on, what comes.
    pub(crate) fn now_next(&self, now: u64) -> NowNext<MeetingId> {
        now_next(&self.booked(None), now, AHEAD)
    }

    pub(crate) fn free_busy(&self, span: Range<u64>) -> Vec<Range<u64>> {
        free_busy(&self.booked(None), span)
    }

    pub(crate) fn meeting(&self, id: &MeetingId) -> Option<&PlannedMeeting> {
        self.meetings.iter().find(|m| m.record.id == *id)
    }

    fn booked(&self, but: Option<&MeetingId>) -> Vec<Booking<MeetingId>> {
        let live = |m: &&PlannedMeeting| !m.plan.cancelled && Some(&m.record.id) != but;
        self.meetings
            .iter()
            .filter(live)
            .flat_map(|m| {
                let id = m.record.id.clone();
                let booking = |s: super::Segment<'_>| Booking {
                    id: id.clone(),
                    when: s.when.clone(),
                };
                m.plan
                    .segments()
                    .into_iter()
                    .map(booking)
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}
