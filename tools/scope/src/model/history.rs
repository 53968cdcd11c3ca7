//! The last two minutes of a number.

use std::collections::{BTreeMap, VecDeque};

/// Seconds kept.
pub const KEPT: f64 = 120.0;
/// Numbers that are followed at most; what comes above is left out.
const MOST_SERIES: usize = 400;
/// Values of one series at most, whatever their times say.
const MOST_VALUES: usize = 2400;

/// A number over time, in seconds on the participant's clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    values: VecDeque<(f64, f64)>,
}

impl Series {
    /// Time never runs back: a value from before the last one begins the series anew.
    pub fn push(&mut self, at: f64, value: f64) {
        if !value.is_finite() || !at.is_finite() {
            return;
        }
        if self.values.back().is_some_and(|(last, _)| at < *last) {
            self.values.clear();
        }
        self.values.push_back((at, value));
        while self.values.len() > MOST_VALUES
            || self
                .values
                .front()
                .is_some_and(|(first, _)| *first < at - KEPT)
        {
            self.values.pop_front();
        }
    }

    pub fn last(&self) -> Option<f64> {
        self.values.back().map(|(_, value)| *value)
    }

    fn last_at(&self) -> Option<f64> {
        self.values.back().map(|(at, _)| *at)
    }

    /// Seconds before `now` (so at most zero) and values, of the last `span` seconds.
    pub fn before(&self, now: f64, span: f64) -> Vec<[f64; 2]> {
        let recent = self.values.iter().filter(|(at, _)| *at >= now - span);
        recent.map(|(at, value)| [at - now, *value]).collect()
    }

    /// The largest of the last `span` seconds.
    pub fn most(&self, now: f64, span: f64) -> Option<f64> {
        let recent = self.values.iter().filter(|(at, _)| *at >= now - span);
        recent.map(|(_, value)| *value).reduce(f64::max)
    }
}

/// Numbers by name.
#[derive(Clone, Debug, Default)]
pub struct History {
    series: BTreeMap<String, Series>,
}

impl History {
    pub fn push(&mut self, name: &str, at: f64, value: Option<f64>) {
        let Some(value) = value else { return };
        if let Some(series) = self.series.get_mut(name) {
            return series.push(at, value);
        }
        if self.series.len() < MOST_SERIES {
            let series = self.series.entry(name.to_owned()).or_default();
            series.push(at, value);
        }
    }

    pub fn get(&self, name: &str) -> Option<&Series> {
        self.series.get(name)
    }

    pub fn last(&self, name: &str) -> Option<f64> {
        self.get(name)?.last()
    }

    pub fn before(&self, name: &str, now: f64, span: f64) -> Vec<[f64; 2]> {
        self.get(name)
            .map(|s| s.before(now, span))
            .unwrap_or_default()
    }

    /// Forgets what has not been told for as long as is kept.
    pub fn forget(&mut self, now: f64) {
        self.series.retain(|_, s| {
            s.last_at()
                .is_some_and(|at| at >= now - KEPT && at <= now + 1.0)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_series_keeps_two_minutes_and_tells_how_long_ago() {
        let mut series = Series::default();
        for i in 0..2000 {
            series.push(f64::from(i) / 10.0, f64::from(i));
        }
        let points = series.before(199.9, 1.0);
        assert_eq!(points.len(), 11);
        assert_eq!(points.last(), Some(&[0.0, 1999.0]));
        assert_eq!(series.most(199.9, 300.0), Some(1999.0));
        assert!(series.before(199.9, 1000.0).len() <= 1201);
    }

    #[test]
    fn a_clock_that_was_set_back_begins_anew() {
        let mut series = Series::default();
        series.push(100.0, 1.0);
        series.push(50.0, 2.0);
        assert_eq!(series.before(50.0, 60.0), [[0.0, 2.0]]);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut history = History::default();
        history.push("gone", 0.0, Some(1.0));
        history.push("here", 200.0, Some(1.0));
        history.forget(200.0);
        assert!(history.get("gone").is_none() && history.get("here").is_some());
    }

    proptest! {
        #[test]
        fn memory_is_bounded_whatever_comes(values in proptest::collection::vec((any::<f64>(), any::<f64>()), 0..200)) {
            let mut history = History::default();
            for (i, (at, value)) in values.iter().enumerate() {
                history.push(&format!("{}", i % 7), *at, Some(*value));
            }
            for i in 0..1000 {
                history.push(&format!("many {i}"), 0.0, Some(0.0));
            }
            prop_assert!(history.series.len() <= MOST_SERIES);
        }
    }
}
