//! Which occurrences there are between two instants, which comes next, which is live. Instants are milliseconds since
//! 1970, as everywhere on the wire.

use crate::{Override, Series, Slot};
use jiff::ToSpan;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// How a meeting stands in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Schedule {
    /// Begun when it was made; in no calendar.
    Instant,
    /// A person's room, there at any time; in no calendar.
    PersonalRoom,
    Planned {
        when: When,
    },
}

impl Schedule {
    /// What calendars can be told.
    pub fn when(&self) -> Option<&When> {
        match self {
            Schedule::Planned { when } => Some(when),
            Schedule::Instant | Schedule::PersonalRoom => None,
        }
    }
}

/// One meeting, or a series of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Once(Slot),
    Series(Series),
}

/// One meeting of these, as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The local start it was first given: its name for as long as the series lives.
    pub id: DateTime,
    /// Where it is now; its zone is the series' unless it was moved to another.
    pub slot: Slot,
    /// Milliseconds since 1970, the same as the slot says.
    pub begins_at: u64,
    pub ends_at: u64,
    /// Its own, where it has one.
    pub title: Option<String>,
    pub cancelled: bool,
}

/// An occurrence's name in links and tables, as `RECURRENCE-ID` has it: `20261124T090000`.
pub fn occurrence_name(id: DateTime) -> String {
    crate::write::local(id)
}

/// The occurrence of that name; there may be none.
pub fn parse_occurrence_name(name: &str) -> Option<DateTime> {
    let id: DateTime = name.parse().ok()?;
    (occurrence_name(id) == name).then_some(id)
}

/// How far around an occurrence people are let in, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    pub early: u64,
    pub late: u64,
}

impl When {
    /// The meeting, or the first of the series as its rule has it.
    pub fn first(&self) -> &Slot {
        match self {
            When::Once(slot) => slot,
            When::Series(series) => series.first(),
        }
    }

    /// Occurrences that touch `from` to `until` (exclusive), cancelled ones too, by their beginning; at most `limit`, the earliest.
    pub fn occurrences(&self, from: u64, until: u64, limit: usize) -> Vec<Occurrence> {
        let touches = |o: &Occurrence| o.begins_at < until && o.ends_at > from;
        let mut found: Vec<Occurrence> = self.changed().filter(touches).collect();
        let regular = self
            .unchanged(from)
            .take_while(|o| o.begins_at < until)
            .filter(touches);
        found.extend(regular.take(limit));
        found.sort_by_key(|o| (o.begins_at, o.id));
        found.truncate(limit);
        found
    }

    /// The first occurrence that begins after `at` and is not cancelled.
    pub fn next(&self, at: u64) -> Option<Occurrence> {
        let comes = |o: &Occurrence| o.begins_at > at && !o.cancelled;
        let changed = self.changed().filter(comes);
        let regular = self.unchanged(at).find(comes);
        changed.chain(regular).min_by_key(|o| o.begins_at)
    }

    /// The occurrence a person who comes at `at` means: the one running (of two, the later), else the next to begin while its
    /// doors are open, else the last whose doors still are. None that is cancelled.
    pub fn live(&self, at: u64, doors: Doors) -> Option<Occurrence> {
        let (from, until) = (
            at.saturating_sub(doors.late),
            at.saturating_add(doors.early),
        );
        let mut near = self.occurrences(from, until.saturating_add(1), MOST_NEAR);
        near.retain(|o| !o.cancelled);
        let running = near.iter().rfind(|o| o.begins_at <= at && at < o.ends_at);
        let coming = near.iter().find(|o| o.begins_at > at);
        let gone = near.iter().max_by_key(|o| o.ends_at);
        running.or(coming).or(gone).cloned()
    }

    /// The occurrence of that name, unless it was left out.
    pub fn occurrence(&self, id: DateTime) -> Option<Occurrence> {
        match self {
            When::Once(slot) => (slot.start() == id).then(|| regular(slot, id)),
            When::Series(series) => {
                let there = series.gives(id) && !series.excludes(id);
                there.then(|| match series.override_of(id) {
                    Some(change) => overridden(series.first(), id, change),
                    None => regular(series.first(), id),
                })
            }
        }
    }

    /// The last instant of it, cancelled occurrences too, in milliseconds since 1970; none where a series has no end.
    pub fn last_end(&self) -> Option<u64> {
        let series = match self {
            When::Once(slot) => return Some(slot.ends_at()),
            When::Series(series) => series,
        };
        let changed = self.changed().map(|o| o.ends_at).max().unwrap_or(0);
        let last = match series.rule().ends {
            crate::Ends::Never => return None,
            crate::Ends::After(_) => series.starts(series.first().start()).last()?,
            crate::Ends::Until(date) => date.to_datetime(series.first().start().time()),
        };
        let regular = series.first().zone().instant(last) + series.first().length();
        Some(changed.max(regular))
    }

    /// Occurrences that were changed by hand, in no order of time.
    fn changed(&self) -> impl Iterator<Item = Occurrence> + '_ {
        let series = match self {
            When::Once(_) => None,
            When::Series(series) => Some(series),
        };
        series.into_iter().flat_map(|series| {
            series
                .overrides()
                .map(|(id, change)| overridden(series.first(), id, change))
        })
    }

    /// Occurrences as the rule has them, by time, beginning with one that may have ended before `from`.
    fn unchanged(&self, from: u64) -> impl Iterator<Item = Occurrence> + '_ {
        let once = match self {
            When::Once(slot) => Some(regular(slot, slot.start())),
            When::Series(_) => None,
        };
        let series = match self {
            When::Once(_) => None,
            When::Series(series) => Some(series),
        };
        let regulars = series.into_iter().flat_map(move |series| {
            let first = series.first();
            let earliest = first.zone().local(from.saturating_sub(first.length()));
            // A day more: clocks may have been put back in between.
            let earliest = earliest.checked_sub(1.day()).unwrap_or(DateTime::MIN);
            series
                .starts(earliest)
                .filter(|id| series.override_of(*id).is_none() && !series.excludes(*id))
                .map(|id| regular(first, id))
        });
        once.into_iter().chain(regulars)
    }
}

/// Meetings of one series that can be near an instant at once.
const MOST_NEAR: usize = 1_000;

fn regular(first: &Slot, id: DateTime) -> Occurrence {
    at(id, first.moved_to(id))
}

fn overridden(first: &Slot, id: DateTime, change: &Override) -> Occurrence {
    let slot = change.slot.clone().unwrap_or_else(|| first.moved_to(id));
    Occurrence {
        title: change.title.clone(),
        cancelled: change.cancelled,
        ..at(id, slot)
    }
}

fn at(id: DateTime, slot: Slot) -> Occurrence {
    let begins_at = slot.begins_at();
    Occurrence {
        id,
        begins_at,
        ends_at: begins_at + slot.length(),
        slot,
        title: None,
        cancelled: false,
    }
}

#[cfg(test)]
mod tests;
