//! A series: a first meeting, the rule it recurs by, and what was changed by hand since: dates left out, occurrences
//! moved, renamed or cancelled. An occurrence is known by the local time the rule gives it, also after it was moved
//! (`RECURRENCE-ID`): that is the key of its attendance, its chat and its recording.

use crate::{Ends, Rule, Slot};
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Dates left out and occurrences changed, together.
pub const MOST_EXCEPTIONS: usize = 1_000;

/// What is different in one occurrence. At least one part says something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Another time, zone or length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// It stays to be seen, as cancelled. (A date left out was never there.)
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
}

/// A series whose parts agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Series {
    first: Slot,
    rule: Rule,
    excluded: BTreeSet<DateTime>,
    overrides: BTreeMap<DateTime, Override>,
}

/// Why these parts are no series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    #[error("a value of the rule is outside its range")]
    Rule,
    #[error("the first meeting is not one of those the rule gives")]
    First,
    #[error("the series has no occurrence at {0}")]
    NoOccurrence(DateTime),
    #[error("more than {MOST_EXCEPTIONS} dates changed")]
    TooMany,
}

impl Series {
    /// Without exceptions. The rule must give `first` as its first occurrence.
    pub fn new(first: Slot, rule: Rule) -> Result<Series, SeriesError> {
        if !rule.is_valid() {
            return Err(SeriesError::Rule);
        }
        let start = first.start();
        if !rule.pattern.has(start.date()) || rule.starts(start, start).next() != Some(start) {
            return Err(SeriesError::First);
        }
        Ok(Series {
            first,
            rule,
            excluded: BTreeSet::new(),
            overrides: BTreeMap::new(),
        })
    }

    pub fn first(&self) -> &Slot {
        &self.first
    }

    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Local starts that are left out.
    pub fn excluded(&self) -> impl Iterator<Item = DateTime> + '_ {
        self.excluded.iter().copied()
    }

    pub fn excludes(&self, id: DateTime) -> bool {
        self.excluded.contains(&id)
    }

    pub fn override_of(&self, id: DateTime) -> Option<&Override> {
        self.overrides.get(&id)
    }

    /// Changed occurrences, by the local start the rule gives them.
    pub fn overrides(&self) -> impl Iterator<Item = (DateTime, &Override)> {
        self.overrides.iter().map(|(id, change)| (*id, change))
    }

    /// Leaves an occurrence out for good; what was changed in it is forgotten.
    pub fn exclude(&mut self, id: DateTime) -> Result<(), SeriesError> {
        self.check(id)?;
        self.overrides.remove(&id);
        self.excluded.insert(id);
        Ok(())
    }

    /// Changes one occurrence, or puts it back as it was: by an override that says nothing new.
    pub fn change(&mut self, id: DateTime, change: Override) -> Result<(), SeriesError> {
        self.check(id)?;
        self.excluded.remove(&id);
        self.put(id, change);
        Ok(())
    }

    fn put(&mut self, id: DateTime, mut change: Override) {
        change.slot = change.slot.filter(|slot| *slot != self.first.moved_to(id));
        if change == Override::default() {
            self.overrides.remove(&id);
        } else {
            self.overrides.insert(id, change);
        }
    }

    /// Whether there can be one more exception, and at this occurrence.
    fn check(&self, id: DateTime) -> Result<(), SeriesError> {
        let known = self.excluded.contains(&id) || self.overrides.contains_key(&id);
        if !known && self.excluded.len() + self.overrides.len() >= MOST_EXCEPTIONS {
            return Err(SeriesError::TooMany);
        }
        if known || self.gives(id) {
            Ok(())
        } else {
            Err(SeriesError::NoOccurrence(id))
        }
    }

    /// Whether the rule has an occurrence there, left out or not.
    pub fn gives(&self, id: DateTime) -> bool {
        match self.rule.ends {
            Ends::After(_) => id >= self.first.start() && self.starts(id).next() == Some(id),
            Ends::Never | Ends::Until(_) => self.rule.gives(self.first.start(), id),
        }
    }

    /// Local starts by the rule alone, from `from` on.
    pub(crate) fn starts(&self, from: DateTime) -> impl Iterator<Item = DateTime> + use<> {
        self.rule.starts(self.first.start(), from)
    }

    /// Those of `ids` the rule does not give. A rule with a count is walked once, however many are asked for.
    pub(crate) fn strangers(&self, ids: &BTreeSet<DateTime>) -> BTreeSet<DateTime> {
        let mut strangers = ids.clone();
        if matches!(self.rule.ends, Ends::After(_)) {
            for start in self.starts(self.first.start()) {
                strangers.remove(&start);
            }
        } else {
            strangers.retain(|id| !self.gives(*id));
        }
        strangers
    }

    /// All at once: what was read. Fails on the first date the series does not have.
    pub fn with_exceptions(
        mut self,
        excluded: BTreeSet<DateTime>,
        overrides: BTreeMap<DateTime, Override>,
    ) -> Result<Series, SeriesError> {
        if excluded.len() + overrides.len() > MOST_EXCEPTIONS {
            return Err(SeriesError::TooMany);
        }
        let ids = excluded.iter().chain(overrides.keys()).copied().collect();
        if let Some(stranger) = self.strangers(&ids).first() {
            return Err(SeriesError::NoOccurrence(*stranger));
        }
        for (id, change) in overrides {
            self.put(id, change);
        }
        self.excluded = excluded;
        self.overrides.retain(|id, _| !self.excluded.contains(id));
        Ok(self)
    }
}

#[derive(Serialize, Deserialize)]
struct Unchecked {
    first: Slot,
    rule: Rule,
    #[serde(default)]
    excluded: BTreeSet<DateTime>,
    #[serde(default)]
    overrides: BTreeMap<DateTime, Override>,
}

impl TryFrom<Unchecked> for Series {
    type Error = SeriesError;
    fn try_from(u: Unchecked) -> Result<Series, SeriesError> {
        Series::new(u.first, u.rule)?.with_exceptions(u.excluded, u.overrides)
    }
}

impl From<Series> for Unchecked {
    fn from(s: Series) -> Unchecked {
        Unchecked {
            first: s.first,
            rule: s.rule,
            excluded: s.excluded,
            overrides: s.overrides,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pattern, Weekdays, Zone};
    use jiff::civil::Weekday;

    fn time(text: &str) -> DateTime {
        text.parse().expect("time")
    }

    fn tuesdays(count: u32) -> Series {
        let zone = Zone::new("Europe/Berlin").expect("zone");
        let first = Slot::new(time("2026-11-24T09:00:00"), zone, 60).expect("slot");
        let rule = Rule {
            pattern: Pattern::Week {
                days: Weekdays::new([Weekday::Tuesday]).expect("days"),
                from_sunday: false,
            },
            interval: 1,
            ends: Ends::After(count),
        };
        Series::new(first, rule).expect("series")
    }

    #[test]
    fn a_first_meeting_beside_the_rule_is_refused() {
        let series = tuesdays(3);
        let monday = series.first().moved_to(time("2026-11-23T09:00:00"));
        assert_eq!(Series::new(monday, *series.rule()), Err(SeriesError::First));
    }

    #[test]
    fn only_occurrences_can_be_changed() {
        let mut series = tuesdays(3);
        let stranger = time("2026-12-15T09:00:00");
        assert_eq!(
            series.exclude(stranger),
            Err(SeriesError::NoOccurrence(stranger))
        );
        assert_eq!(series.exclude(time("2026-12-08T09:00:00")), Ok(()));
    }

    #[test]
    fn a_change_back_is_no_change() {
        let mut series = tuesdays(3);
        let id = time("2026-12-01T09:00:00");
        let later = series.first().moved_to(time("2026-12-01T11:00:00"));
        let back = series.first().moved_to(id);
        let to = |slot| Override {
            slot: Some(slot),
            ..Override::default()
        };
        series.change(id, to(later)).expect("moved");
        assert_eq!(series.overrides().count(), 1);
        series.change(id, to(back)).expect("moved back");
        assert_eq!(series, tuesdays(3));
    }

    #[test]
    fn a_series_from_json_is_checked() {
        let mut series = tuesdays(3);
        series
            .exclude(time("2026-12-01T09:00:00"))
            .expect("excluded");
        let cancelled = Override {
            cancelled: true,
            ..Override::default()
        };
        series
            .change(time("2026-12-08T09:00:00"), cancelled)
            .expect("cancelled");
        let json = serde_json::to_string(&series).expect("json");
        assert_eq!(
            serde_json::from_str::<Series>(&json).expect("series"),
            series
        );
        let wrong = json.replace("2026-12-01T09:00:00", "2026-12-02T09:00:00");
        assert!(serde_json::from_str::<Series>(&wrong).is_err(), "{wrong}");
    }

    #[test]
    fn exceptions_have_a_bound() {
        let ids = (0..=MOST_EXCEPTIONS as i64)
            .filter_map(|week| {
                time("2026-11-24T09:00:00")
                    .checked_add(jiff::Span::new().weeks(week))
                    .ok()
            })
            .collect();
        let all = tuesdays(1_000).with_exceptions(ids, BTreeMap::new());
        assert_eq!(all, Err(SeriesError::TooMany));
    }
}
