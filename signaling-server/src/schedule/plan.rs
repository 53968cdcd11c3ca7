//! A meeting's plan: everything about it that exists before anyone joins, but for its title and its host key.
//!
//! One meeting has one link for its life. When a series is changed "from here on", the part before stays as it was, in
//! [`Plan::earlier`], with a `UID` of its own; so calendars keep what was and the link stays the same.

use super::{AbsentHost, Lobby, Permissions, SeriesBoards};
use crate::store::{MeetingRecord, PlannedMeeting};
use confab_base::{AccountId, MeetingId};
use confab_calendar::{
    Address, Attendee, Doors, GuestLink, Meeting, Occurrence, Person, Schedule, Slot, Uid, When,
    Zone, occurrence_name,
};
use serde::{Deserialize, Serialize};

/// How often a series can be changed from one occurrence on.
pub(crate) const MOST_EARLIER: usize = 20;
/// Mail goes to each of them.
pub(crate) const MOST_INVITEES: usize = 300;
pub(crate) const MOST_CO_HOSTS: usize = 20;
const DAY: u64 = 24 * 3_600_000;
/// Who comes so long before or after a planned meeting means it, and not one of their own.
const DOORS: Doors = Doors {
    early: 30 * 60_000,
    late: 60 * 60_000,
};

/// As it is stored. Room and revision have columns of their own; the owner is the meeting's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    #[serde(skip)]
    pub(crate) owner: Option<AccountId>,
    #[serde(skip)]
    pub(crate) room: Option<String>,
    /// Rises with every change, from 1.
    #[serde(skip)]
    pub(crate) revision: u32,
    pub(crate) schedule: Schedule,
    /// What the series was before it was changed from one occurrence on; oldest first, at most [`MOST_EARLIER`].
    #[serde(default)]
    pub(crate) earlier: Vec<When>,
    #[serde(default)]
    pub(crate) description: String,
    /// As `passcode.rs` keeps it.
    #[serde(default)]
    pub(crate) passcode: Option<String>,
    #[serde(default)]
    pub(crate) lobby: Lobby,
    #[serde(default)]
    pub(crate) absent_host: AbsentHost,
    #[serde(default)]
    pub(crate) permissions: Permissions,
    #[serde(default)]
    pub(crate) boards: SeriesBoards,
    /// The link opens nothing from then on, milliseconds since 1970.
    #[serde(default)]
    pub(crate) expires_at: Option<u64>,
    #[serde(default)]
    pub(crate) cancelled: bool,
    /// iCalendar's `SEQUENCE`: rises when people have to look at it again.
    #[serde(default)]
    pub(crate) sequence: u32,
    /// When it was last changed, milliseconds since 1970.
    pub(crate) stamp: u64,
    /// Whom answers go to; none: the server's own address.
    #[serde(default)]
    pub(crate) organizer: Option<Person>,
    #[serde(default)]
    pub(crate) invitees: Vec<Attendee>,
    /// Whoever signs in with an account of one of these comes in as co-host; at most [`MOST_CO_HOSTS`]. Whether there is such an
    /// account is told to nobody.
    #[serde(default)]
    pub(crate) co_hosts: Vec<Address>,
}

/// One stretch of a meeting's time, under its own `UID`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) when: &'a When,
    /// Its place among the meeting's segments.
    pub(crate) number: usize,
}

/// Which occurrence people are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// Milliseconds since 1970: its key among the meeting's records.
    pub(crate) at: u64,
    /// None: nothing was planned.
    pub(crate) name: Option<String>,
}

impl Plan {
    pub(crate) fn new(schedule: Schedule, stamp: u64) -> Plan {
        Plan {
            owner: None,
            room: None,
            revision: 1,
            schedule,
            earlier: Vec::new(),
            description: String::new(),
            passcode: None,
            lobby: Lobby::default(),
            absent_host: AbsentHost::default(),
            permissions: Permissions::default(),
            boards: SeriesBoards::default(),
            expires_at: None,
            cancelled: false,
            sequence: 0,
            stamp,
            organizer: None,
            invitees: Vec::new(),
            co_hosts: Vec::new(),
        }
    }

    /// What the short form of making a meeting asks for: a time later than now, or none.
    pub(crate) fn of_record(record: &MeetingRecord) -> Plan {
        let later = record.starts_at > record.created_at + 60_000;
        let start = Zone::utc().local(record.starts_at / 1000 * 1000);
        let slot = Slot::new(start, Zone::utc(), record.minutes.into()).ok();
        let schedule = match slot.filter(|_| later) {
            Some(slot) => Schedule::Planned {
                when: When::Once(slot),
            },
            None => Schedule::Instant,
        };
        Plan {
            owner: record.owner.clone(),
            ..Plan::new(schedule, record.created_at)
        }
    }

    /// Oldest first. Empty for what is in no calendar.
    pub(crate) fn segments(&self) -> Vec<Segment<'_>> {
        let all = self.earlier.iter().chain(self.schedule.when());
        all.enumerate()
            .map(|(number, when)| Segment { when, number })
            .collect()
    }

    /// Whether it takes place again and again under one link.
    pub(crate) fn recurs(&self) -> bool {
        match &self.schedule {
            Schedule::Instant => false,
            Schedule::PersonalRoom => true,
            Schedule::Planned { when } => {
                matches!(when, When::Series(_)) || !self.earlier.is_empty()
            }
        }
    }

    /// Occurrences that touch `from` to `until`, cancelled ones too, at most `limit`, the earliest.
    pub(crate) fn occurrences(&self, from: u64, until: u64, limit: usize) -> Vec<Occurrence> {
        let mut all: Vec<Occurrence> = self
            .segments()
            .iter()
            .flat_map(|s| s.when.occurrences(from, until, limit))
            .collect();
        all.sort_by_key(|o| o.begins_at);
        all.truncate(limit);
        if self.cancelled {
            all.iter_mut().for_each(|o| o.cancelled = true);
        }
        all
    }

    /// The first that begins after `at` and takes place.
    pub(crate) fn next(&self, at: u64) -> Option<Occurrence> {
        let all = self.segments();
        let next = all.iter().filter_map(|s| s.when.next(at));
        next.min_by_key(|o| o.begins_at).filter(|_| !self.cancelled)
    }

    /// The one running at `at`, or whose doors are open.
    pub(crate) fn live(&self, at: u64) -> Option<Occurrence> {
        self.live_in(at).map(|(_, live)| live)
    }

    fn live_in(&self, at: u64) -> Option<(Segment<'_>, Occurrence)> {
        let all = self.segments().into_iter();
        let live = all.filter_map(|s| Some((s, s.when.live(at, DOORS)?)));
        live.max_by_key(|(_, o)| o.begins_at)
    }

    /// The one people mean who look at the link at `at`: live, next, or the last there was.
    pub(crate) fn meant(&self, at: u64) -> Option<Occurrence> {
        self.live(at).or_else(|| self.next(at)).or_else(|| {
            let last = self.segments().last()?.when.last_end()?;
            let near = last.saturating_sub(8 * DAY);
            self.occurrences(near, last + 1, 1_000)
                .into_iter()
                .next_back()
                .or_else(|| self.occurrences(0, last + 1, 1).pop())
        })
    }

    /// The occurrence of that name and its place among the segments.
    pub(crate) fn occurrence(&self, name: &str) -> Option<(usize, Occurrence)> {
        let id = confab_calendar::parse_occurrence_name(name)?;
        let all = self.segments();
        all.iter()
            .find_map(|s| Some((s.number, s.when.occurrence(id)?)))
    }

    /// Where people who come in at `now` are put down. `last`: what the newest record says, and whether a host ended it for all.
    pub(crate) fn at(&self, now: u64, last: Option<&Last>) -> At {
        let unplanned = |at| At { at, name: None };
        if let Some((segment, live)) = self.live_in(now) {
            return At::of(segment.when, &live);
        }
        match (&self.schedule, last) {
            (Schedule::Planned { when }, _) if !self.recurs() => {
                let only = when.occurrence(when.first().start());
                only.map_or_else(|| unplanned(now), |o| At::of(when, &o))
            }
            (Schedule::Instant, Some(last)) => unplanned(last.at.at),
            // The same people after a pause.
            (_, Some(last)) if last.goes_on(now) => last.at.clone(),
            _ => unplanned(now),
        }
    }

    /// What calendars are told, one event per segment.
    pub(crate) fn calendar(&self, told: &ToldOf<'_>) -> Vec<Meeting> {
        self.segments()
            .into_iter()
            .map(|segment| self.event(segment, told))
            .collect()
    }

    pub(crate) fn event(&self, segment: Segment<'_>, told: &ToldOf<'_>) -> Meeting {
        Meeting {
            uid: uid(told.id, segment),
            sequence: self.sequence,
            stamp: self.stamp,
            title: told.title.to_owned(),
            description: self.description.clone(),
            link: GuestLink::new(told.public_url, told.id),
            organizer: self.organizer.clone().or_else(|| told.organizer.clone()),
            attendees: self.invitees.clone(),
            when: segment.when.clone(),
            cancelled: self.cancelled,
        }
    }

    /// From the first instant to the last, for the columns a list is found by: none for what is in no calendar, no end for
    /// endless series.
    pub(crate) fn span(&self) -> (Option<u64>, Option<u64>) {
        let all = self.segments();
        let first = all.iter().map(|s| {
            let first = s.when.first().begins_at();
            let moved = s.when.occurrences(0, first, 1).pop().map(|o| o.begins_at);
            moved.map_or(first, |m| m.min(first))
        });
        let begins = first.min();
        let ends: Option<Vec<u64>> = all.iter().map(|s| s.when.last_end()).collect();
        let ends = ends.and_then(|all| all.into_iter().max());
        (begins, ends)
    }
}

impl PlannedMeeting {
    /// As people find it who come at `now`.
    pub(crate) fn as_it_stands(&self, now: u64) -> MeetingRecord {
        let mut record = self.record.clone();
        if let Some(meant) = self.plan.meant(now) {
            record.starts_at = meant.begins_at;
            record.minutes = meant.slot.minutes().try_into().unwrap_or(u16::MAX);
            record.title = meant.title.unwrap_or(record.title);
        }
        if self.is_turned(now) {
            (record.locked, record.ended) = (false, false);
        }
        record.cancelled = self.plan.cancelled;
        record.policy = self.plan.policy();
        record.passcode.clone_from(&self.plan.passcode);
        let co_hosts = self.plan.co_hosts.iter();
        record.co_hosts = co_hosts.map(|a| a.as_str().to_lowercase()).collect();
        let expired = self.plan.expires_at.is_some_and(|at| at <= now);
        record.ended |= record.cancelled || expired;
        record
    }

    /// Whether an occurrence is over and whoever comes now begins another.
    pub(crate) fn is_turned(&self, now: u64) -> bool {
        let over = self.last.as_ref().filter(|last| last.ended_at.is_some());
        let other = |last: &Last| self.plan.at(now, Some(last)).at != last.at.at;
        self.plan.recurs() && over.is_some_and(other)
    }
}

/// What the link tells of its meeting's time beside `MeetingInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    /// Of the one who planned it; none: not planned.
    pub(crate) zone: Option<String>,
    /// One of several under this link.
    pub(crate) recurs: bool,
    pub(crate) cancelled: bool,
    /// The occurrence after the one that is meant now.
    pub(crate) next_at: Option<u64>,
    /// Who invites; may be empty.
    pub(crate) organizer: String,
    pub(crate) description: String,
    /// Whether a passcode is asked for.
    pub(crate) passcode: bool,
}

impl PlannedMeeting {
    pub(crate) fn standing(&self, now: u64) -> Standing {
        let meant = self.plan.meant(now);
        let next = meant
            .as_ref()
            .and_then(|m| self.plan.next(m.begins_at.max(now)));
        let off = meant.as_ref().is_some_and(|m| m.cancelled);
        Standing {
            zone: meant.map(|m| m.slot.zone().name().to_owned()),
            recurs: self.plan.recurs(),
            cancelled: self.plan.cancelled || off,
            next_at: next.map(|o| o.begins_at),
            organizer: self
                .plan
                .organizer
                .as_ref()
                .map(|o| o.name.clone())
                .unwrap_or_default(),
            description: self.plan.description.clone(),
            passcode: self.plan.passcode.is_some(),
        }
    }
}

/// What a calendar is told that does not stand in the plan.
#[derive(Clone, Debug)]
pub(crate) struct ToldOf<'a> {
    pub(crate) id: &'a MeetingId,
    /// Never empty.
    pub(crate) title: &'a str,
    pub(crate) public_url: &'a str,
    /// Who invites where the plan names nobody; none: nobody.
    pub(crate) organizer: Option<Person>,
}

/// The newest record of a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) at: At,
    /// None: it goes on.
    pub(crate) ended_at: Option<u64>,
    /// A host ended it, and it was not just left by all.
    pub(crate) for_all: bool,
}

/// Who comes back so soon to a meeting that was not planned is in the same one.
const PAUSE: u64 = 30 * 60_000;

impl Last {
    fn goes_on(&self, now: u64) -> bool {
        let recently = |ended: u64| now < ended.saturating_add(PAUSE);
        self.ended_at
            .is_none_or(|ended| !self.for_all && recently(ended))
    }
}

impl At {
    /// Moved occurrences may be in another zone; what counts is when the rule would have them.
    fn of(when: &When, occurrence: &Occurrence) -> At {
        At {
            at: when.first().zone().instant(occurrence.id),
            name: Some(occurrence_name(occurrence.id)),
        }
    }
}

/// The first segment's is the meeting's; later ones carry the name of their first occurrence, too.
fn uid(id: &MeetingId, segment: Segment<'_>) -> Uid {
    let own = Uid::of_meeting(id);
    if segment.number == 0 {
        return own;
    }
    let first = occurrence_name(segment.when.first().start());
    Uid::new(&format!("{first}-{}-{}", segment.number, own.as_str())).unwrap_or(own)
}

#[cfg(test)]
pub(crate) mod tests;
