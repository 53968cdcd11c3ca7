//! What becomes of a plan when somebody changes one occurrence, this and all that follow, or all; and who has to hear of it.
//! Pure: plans in, plans out.

use super::{AbsentHost, Lobby, MOST_EARLIER, Permissions, Plan, SeriesBoards};
use confab_calendar::civil::DateTime;
use confab_calendar::{
    Address, Attendee, Ends, Override, Person, Rule, Schedule, Series, SeriesError, Slot, When,
    parse_occurrence_name,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A daily meeting for all the years there are has fewer occurrences.
const MOST_WALKED: usize = 100_000;

/// Which occurrences a change is about, by the name of one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    #[default]
    All,
    This(String),
    Following(String),
}

/// What is to be different. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) scope: Scope,
    /// Of all, or of one occurrence; empty there: the series' own.
    pub(crate) title: Option<String>,
    /// Of all, or from one occurrence on.
    pub(crate) schedule: Option<Schedule>,
    /// Of one occurrence.
    pub(crate) slot: Option<Slot>,
    /// Of all, of one occurrence, or from one on; only an occurrence can be taken back.
    pub(crate) cancelled: Option<bool>,
    pub(crate) description: Option<String>,
    pub(crate) passcode: Option<Option<String>>,
    pub(crate) lobby: Option<Lobby>,
    pub(crate) absent_host: Option<AbsentHost>,
    pub(crate) permissions: Option<Permissions>,
    pub(crate) boards: Option<SeriesBoards>,
    pub(crate) expires_at: Option<Option<u64>>,
    pub(crate) organizer: Option<Option<Person>>,
    pub(crate) invitees: Option<Vec<Attendee>>,
    pub(crate) co_hosts: Option<Vec<Address>>,
    pub(crate) room: Option<Option<String>>,
}

/// What calendars have to be told. Numbers are of segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// These are new or different, for everyone invited.
    pub(crate) requests: Vec<usize>,
    /// The same, for those only who are invited anew.
    pub(crate) welcome: Vec<Attendee>,
    /// One occurrence is cancelled.
    pub(crate) cancelled: Option<(usize, DateTime)>,
    /// These segments of the plan as it was are no more.
    pub(crate) gone: Vec<usize>,
    /// These people are no longer invited, to any of what was.
    pub(crate) dropped: Vec<Attendee>,
}

/// Why a change cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("the meeting has no such occurrence")]
    NoOccurrence,
    #[error("the meeting is cancelled")]
    Cancelled,
    #[error("this can be changed for all occurrences only")]
    ForAllOnly,
    #[error("for one occurrence a slot is given, otherwise a schedule")]
    WrongPart,
    #[error("a meeting that follows needs a time")]
    NoTime,
    #[error("what follows must begin after what stays")]
    Before,
    #[error("the series was changed from one occurrence on too often")]
    TooOften,
    #[error("{0}")]
    Series(#[from] SeriesError),
}

impl Plan {
    /// The plan as `change` makes it at `now`, and what calendars hear of it. The revision rises; titles of all stand beside the plan.
    pub(crate) fn changed(&self, change: Change, now: u64) -> Result<(Plan, Told), ChangeError> {
        if self.cancelled {
            return Err(ChangeError::Cancelled);
        }
        let mut plan = Plan {
            revision: self.revision + 1,
            stamp: now.max(self.stamp + 1),
            ..self.clone()
        };
        let (scope, title) = (change.scope.clone(), change.title.clone());
        let parts = (change.schedule.clone(), change.slot.clone());
        let cancelled = change.cancelled;
        let looked_at = plan.set_common(change)?;
        let mut told = match (scope, parts) {
            (Scope::All, (schedule, None)) => {
                plan.change_all(schedule, cancelled, title.is_some() || looked_at)?
            }
            (Scope::This(name), (None, slot)) => plan.change_one(&name, slot, title, cancelled)?,
            (Scope::Following(_), (_, None)) if title.is_some() => {
                return Err(ChangeError::ForAllOnly);
            }
            (Scope::Following(name), (schedule, None)) => {
                plan.change_following(&name, schedule, cancelled)?
            }
            _ => return Err(ChangeError::WrongPart),
        };
        let has = |plan: &Plan, a: &Attendee| {
            let mut all = plan.invitees.iter();
            all.any(|b| b.person.address.is_same(&a.person.address))
        };
        told.dropped = self
            .invitees
            .iter()
            .filter(|a| !has(&plan, a))
            .cloned()
            .collect();
        told.welcome = plan
            .invitees
            .iter()
            .filter(|a| !has(self, a))
            .cloned()
            .collect();
        Ok((plan, told))
    }

    /// What belongs to the meeting as a whole. True: calendars show it.
    fn set_common(&mut self, change: Change) -> Result<bool, ChangeError> {
        let whole = change.description.is_some()
            || change.passcode.is_some()
            || change.lobby.is_some()
            || change.absent_host.is_some()
            || change.permissions.is_some()
            || change.boards.is_some()
            || change.expires_at.is_some()
            || change.organizer.is_some()
            || change.invitees.is_some()
            || change.co_hosts.is_some()
            || change.room.is_some();
        if whole && change.scope != Scope::All {
            return Err(ChangeError::ForAllOnly);
        }
        let shown =
            change.description.is_some() || change.room.is_some() || change.organizer.is_some();
        if change.room.as_ref().is_some_and(|room| *room != self.room) {
            self.sequence += 1;
        }
        set(&mut self.description, change.description);
        set(&mut self.passcode, change.passcode);
        set(&mut self.lobby, change.lobby);
        set(&mut self.absent_host, change.absent_host);
        set(&mut self.permissions, change.permissions);
        set(&mut self.boards, change.boards);
        set(&mut self.expires_at, change.expires_at);
        set(&mut self.organizer, change.organizer);
        set(&mut self.room, change.room);
        set(&mut self.co_hosts, change.co_hosts);
        if let Some(invitees) = change.invitees {
            self.invitees = with_answers(invitees, &self.invitees);
        }
        Ok(shown)
    }

    fn change_all(
        &mut self,
        schedule: Option<Schedule>,
        cancelled: Option<bool>,
        shown: bool,
    ) -> Result<Told, ChangeError> {
        let before = self.segments().len();
        let mut told = Told::default();
        if cancelled == Some(true) {
            self.cancelled = true;
            self.sequence += 1;
            told.gone = (0..before).collect();
            return Ok(told);
        }
        if let Some(schedule) = schedule.filter(|s| *s != self.schedule || before > 1) {
            self.schedule = schedule;
            self.earlier.clear();
            self.sequence += 1;
            let kept = self.segments().len();
            told.gone = (kept..before).collect();
            told.requests = (0..kept).collect();
        } else if shown {
            told.requests = (0..before).collect();
        }
        Ok(told)
    }

    fn change_one(
        &mut self,
        name: &str,
        slot: Option<Slot>,
        title: Option<String>,
        cancelled: Option<bool>,
    ) -> Result<Told, ChangeError> {
        let (number, _) = self.occurrence(name).ok_or(ChangeError::NoOccurrence)?;
        let id = parse_occurrence_name(name).ok_or(ChangeError::NoOccurrence)?;
        let When::Series(series) = self.segment_mut(number)? else {
            return Err(ChangeError::WrongPart);
        };
        let before = series.override_of(id).cloned().unwrap_or_default();
        let title = title.map(|t| Some(t).filter(|t| !t.is_empty()));
        let after = Override {
            slot: slot.or_else(|| before.slot.clone()),
            title: title.unwrap_or_else(|| before.title.clone()),
            cancelled: cancelled.unwrap_or(before.cancelled),
        };
        let mut told = Told::default();
        match after.cancelled && !before.cancelled {
            true => told.cancelled = Some((number, id)),
            false => told.requests = vec![number],
        }
        let again = after.slot != before.slot || after.cancelled != before.cancelled;
        series.change(id, after)?;
        self.sequence += u32::from(again);
        Ok(told)
    }

    /// The series ends before the occurrence of that name; from there on it is as `schedule` says, or no more.
    fn change_following(
        &mut self,
        name: &str,
        schedule: Option<Schedule>,
        cancelled: Option<bool>,
    ) -> Result<Told, ChangeError> {
        let (number, found) = self.occurrence(name).ok_or(ChangeError::NoOccurrence)?;
        let follows = match (schedule, cancelled) {
            (Some(Schedule::Planned { when }), None | Some(false)) => Some(when),
            (None, Some(true)) => None,
            (None, _) => return Err(ChangeError::NoTime),
            _ => return Err(ChangeError::WrongPart),
        };
        let before = self.segments().len();
        let mut all: Vec<When> = self.segments().iter().map(|s| s.when.clone()).collect();
        let cut = ended_before(&all[number], found.id)?;
        all.truncate(number);
        all.extend(cut);
        let stays = all.iter().filter_map(last_end).max();
        let begins = follows.as_ref().map(|w| w.first().begins_at());
        if begins
            .zip(stays)
            .is_some_and(|(begins, stays)| begins < stays)
        {
            return Err(ChangeError::Before);
        }
        all.extend(follows);
        self.sequence += 1;
        let now = all.len();
        let Some(newest) = all.pop() else {
            self.cancelled = true;
            return Ok(Told {
                gone: (0..before).collect(),
                ..Told::default()
            });
        };
        if all.len() > MOST_EARLIER {
            return Err(ChangeError::TooOften);
        }
        self.schedule = Schedule::Planned { when: newest };
        self.earlier = all;
        Ok(Told {
            requests: (number..now).collect(),
            gone: (now..before).collect(),
            ..Told::default()
        })
    }

    fn segment_mut(&mut self, number: usize) -> Result<&mut When, ChangeError> {
        let newest = match &mut self.schedule {
            Schedule::Planned { when } => Some(when),
            Schedule::Instant | Schedule::PersonalRoom => None,
        };
        let mut all = self.earlier.iter_mut().chain(newest);
        all.nth(number).ok_or(ChangeError::NoOccurrence)
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// What people who stay invited have answered stays, too.
fn with_answers(mut invitees: Vec<Attendee>, before: &[Attendee]) -> Vec<Attendee> {
    for invited in &mut invitees {
        let mut known = before.iter();
        if let Some(known) = known.find(|a| a.person.address.is_same(&invited.person.address)) {
            invited.answer = known.answer;
        }
    }
    invitees
}

/// When the last of what is there ends; the date a rule ends on may be days after it.
fn last_end(when: &When) -> Option<u64> {
    let all = when.occurrences(0, u64::MAX, MOST_WALKED);
    all.iter().map(|o| o.ends_at).max()
}

/// What of it begins before the occurrence `id`. None: nothing.
fn ended_before(when: &When, id: DateTime) -> Result<Option<When>, ChangeError> {
    let When::Series(series) = when else {
        return Ok(None);
    };
    let first = series.first();
    if id <= first.start() {
        return Ok(None);
    }
    let last = id
        .date()
        .yesterday()
        .map_err(|_| ChangeError::NoOccurrence)?;
    let rule = Rule {
        ends: Ends::Until(last),
        ..*series.rule()
    };
    let excluded: BTreeSet<DateTime> = series.excluded().filter(|e| *e < id).collect();
    let overrides: BTreeMap<DateTime, Override> = series
        .overrides()
        .filter(|(at, _)| *at < id)
        .map(|(at, change)| (at, change.clone()))
        .collect();
    let cut = Series::new(first.clone(), rule)?.with_exceptions(excluded, overrides)?;
    Ok(Some(When::Series(cut)))
}

#[cfg(test)]
mod tests;
