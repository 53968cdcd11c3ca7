//! Sets of weekdays, as rules have them; as text two letters each, as in RFC 5545.

use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

const WEEK: [(Weekday, &str); 7] = [
    (Weekday::Monday, "MO"),
    (Weekday::Tuesday, "TU"),
    (Weekday::Wednesday, "WE"),
    (Weekday::Thursday, "TH"),
    (Weekday::Friday, "FR"),
    (Weekday::Saturday, "SA"),
    (Weekday::Sunday, "SU"),
];

/// At least one weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Weekdays(u8);

/// The set is empty, or a name is none of `MO` to `SU`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at least one of MO, TU, WE, TH, FR, SA, SU")]
pub struct WeekdaysError;

impl Weekdays {
    pub fn new(days: impl IntoIterator<Item = Weekday>) -> Option<Weekdays> {
        let bits = days.into_iter().fold(0, |bits, day| bits | bit(day));
        (bits != 0).then_some(Weekdays(bits))
    }

    pub fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }

    /// From Monday to Sunday.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        WEEK.into_iter()
            .map(|(day, _)| day)
            .filter(move |day| self.contains(*day))
    }

    /// The day, where there is but one.
    pub fn single(self) -> Option<Weekday> {
        let mut days = self.iter();
        days.next().filter(|_| days.next().is_none())
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

/// `MO` to `SU`.
pub(crate) fn letters(day: Weekday) -> &'static str {
    WEEK.iter()
        .find(|(d, _)| *d == day)
        .map_or("MO", |(_, name)| name)
}

impl From<Weekdays> for Vec<String> {
    fn from(days: Weekdays) -> Vec<String> {
        days.iter().map(|day| letters(day).to_owned()).collect()
    }
}

impl TryFrom<Vec<String>> for Weekdays {
    type Error = WeekdaysError;
    fn try_from(names: Vec<String>) -> Result<Weekdays, WeekdaysError> {
        let day = |name: &String| WEEK.iter().find(|(_, n)| n == name).map(|(day, _)| *day);
        let days: Option<Vec<Weekday>> = names.iter().map(day).collect();
        days.and_then(Weekdays::new).ok_or(WeekdaysError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_keeps_the_order_of_the_week() {
        let days: Weekdays = serde_json::from_str(r#"["FR","MO","FR"]"#).expect("days");
        assert_eq!(
            days.iter().collect::<Vec<_>>(),
            [Weekday::Monday, Weekday::Friday]
        );
        assert_eq!(
            serde_json::to_string(&days).expect("json"),
            r#"["MO","FR"]"#
        );
        assert_eq!(days.single(), None);
    }

    #[test]
    fn an_empty_set_is_none() {
        assert_eq!(Weekdays::new([]), None);
        assert!(serde_json::from_str::<Weekdays>("[]").is_err());
        assert!(serde_json::from_str::<Weekdays>(r#"["XX"]"#).is_err());
    }
}
