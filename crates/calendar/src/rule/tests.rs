use super::*;
use crate::Zone;
use proptest::prelude::*;

fn time(text: &str) -> DateTime {
    text.parse().expect("time")
}

fn days(days: &[Weekday]) -> Weekdays {
    Weekdays::new(days.iter().copied()).expect("days")
}

fn rule(pattern: Pattern, interval: u16, ends: Ends) -> Rule {
    Rule {
        pattern,
        interval,
        ends,
    }
}

fn starts(rule: Rule, first: &str, from: &str, number: usize) -> Vec<String> {
    rule.starts(time(first), time(from))
        .take(number)
        .map(|s| s.date().to_string())
        .collect()
}

#[test]
fn months_that_lack_the_day_are_left_out() {
    let rule = rule(Pattern::MonthDay { day: 31 }, 1, Ends::Never);
    assert_eq!(
        starts(rule, "2026-01-31T09:00:00", "2026-01-31T09:00:00", 4),
        ["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]
    );
}

#[test]
fn the_last_workday_of_a_month_is_found() {
    let workdays = days(&[
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
    ]);
    let rule = rule(
        Pattern::MonthWeekday {
            nth: -1,
            days: workdays,
        },
        1,
        Ends::After(3),
    );
    assert_eq!(
        starts(rule, "2026-01-30T09:00:00", "2026-01-01T00:00:00", 9),
        ["2026-01-30", "2026-02-27", "2026-03-31"]
    );
}

#[test]
fn every_second_week_depends_on_where_weeks_begin() {
    let both = days(&[Weekday::Tuesday, Weekday::Sunday]);
    let pattern = |from_sunday| Pattern::Week {
        days: both,
        from_sunday,
    };
    let first = "1997-08-05T09:00:00"; // RFC 5545, 3.8.5.3, the examples on WKST
    assert_eq!(
        starts(rule(pattern(false), 2, Ends::After(4)), first, first, 9),
        ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]
    );
    assert_eq!(
        starts(rule(pattern(true), 2, Ends::After(4)), first, first, 9),
        ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]
    );
}

#[test]
fn the_last_day_may_still_begin_one() {
    let until = Ends::Until("2026-11-24".parse().expect("date"));
    assert_eq!(
        starts(
            rule(Pattern::Day, 1, until),
            "2026-11-22T23:30:00",
            "2026-11-23T00:00:00",
            9
        ),
        ["2026-11-23", "2026-11-24"]
    );
}

#[test]
fn rules_out_of_range_have_no_occurrence() {
    for bad in [
        rule(Pattern::Day, 0, Ends::Never),
        rule(Pattern::Day, 1000, Ends::Never),
        rule(Pattern::Day, 1, Ends::After(0)),
        rule(Pattern::Day, 1, Ends::After(MOST_COUNT + 1)),
        rule(Pattern::MonthDay { day: 0 }, 1, Ends::Never),
        rule(Pattern::YearDay { month: 13, day: 1 }, 1, Ends::Never),
    ] {
        assert!(!bad.is_valid(), "{bad:?}");
        assert_eq!(
            starts(bad, "2026-11-22T09:00:00", "2026-11-22T09:00:00", 1),
            [""; 0]
        );
    }
}

#[test]
fn the_text_says_what_rfc_5545_says() {
    let berlin = Zone::new("Europe/Berlin").expect("zone");
    let first = Slot::new(time("2026-11-24T09:00:00"), berlin, 60).expect("slot");
    let tuesday = days(&[Weekday::Tuesday]);
    let until = Ends::Until("2027-07-27".parse().expect("date"));
    for (rule, text) in [
        (rule(Pattern::Day, 2, Ends::Never), "FREQ=DAILY;INTERVAL=2"),
        (
            rule(
                Pattern::Week {
                    days: tuesday,
                    from_sunday: true,
                },
                1,
                until,
            ),
            "FREQ=WEEKLY;BYDAY=TU;WKST=SU;UNTIL=20270727T070000Z",
        ),
        (
            rule(
                Pattern::MonthWeekday {
                    nth: -1,
                    days: tuesday,
                },
                1,
                Ends::After(5),
            ),
            "FREQ=MONTHLY;BYDAY=-1TU;COUNT=5",
        ),
        (
            rule(Pattern::YearDay { month: 11, day: 24 }, 1, Ends::Never),
            "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=24",
        ),
    ] {
        assert_eq!(rule.to_rfc5545(&first), text);
    }
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    let some_days = (1u8..128).prop_map(|bits| {
        let week = [
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
            Weekday::Saturday,
            Weekday::Sunday,
        ];
        days(
            &week
                .into_iter()
                .enumerate()
                .filter(|(i, _)| bits >> i & 1 == 1)
                .map(|(_, d)| d)
                .collect::<Vec<_>>(),
        )
    });
    let day = prop_oneof![1i8..=31, -31i8..=-1];
    let nth = prop_oneof![1i8..=5, -5i8..=-1];
    prop_oneof![
        Just(Pattern::Day),
        (some_days.clone(), any::<bool>())
            .prop_map(|(days, from_sunday)| Pattern::Week { days, from_sunday }),
        day.clone().prop_map(|day| Pattern::MonthDay { day }),
        (nth.clone(), some_days.clone())
            .prop_map(|(nth, days)| Pattern::MonthWeekday { nth, days }),
        (1i8..=12, day)
            .prop_filter("the month has the day", |(month, day)| {
                let month = Date::new(2024, *month, 1).expect("month");
                day.abs() <= month.days_in_month()
            })
            .prop_map(|(month, day)| Pattern::YearDay { month, day }),
        (1i8..=12, nth, some_days).prop_map(|(month, nth, days)| Pattern::YearWeekday {
            month,
            nth,
            days
        }),
    ]
}

#[test]
fn a_pattern_knows_its_days() {
    let date = |text: &str| -> Date { text.parse().expect("date") };
    let (monday, tuesday) = (days(&[Weekday::Monday]), days(&[Weekday::Tuesday]));
    for (pattern, day, there) in [
        (Pattern::YearDay { month: 2, day: 30 }, "2027-02-28", false),
        (Pattern::YearDay { month: 2, day: -1 }, "2027-02-28", true),
        (Pattern::MonthDay { day: -28 }, "2027-02-01", true),
        (
            Pattern::MonthWeekday {
                nth: -1,
                days: monday,
            },
            "2026-11-30",
            true,
        ),
        (
            Pattern::MonthWeekday {
                nth: 5,
                days: tuesday,
            },
            "2026-11-24",
            false,
        ),
        (
            Pattern::YearWeekday {
                month: 11,
                nth: 4,
                days: tuesday,
            },
            "2026-11-24",
            true,
        ),
    ] {
        assert_eq!(pattern.has(date(day)), there, "{pattern:?} {day}");
    }
}

proptest! {
    #[test]
    fn arithmetic_and_expansion_agree(pattern in any_pattern(), interval in 1u16..5, until in 0i64..900) {
        let first = time("2020-03-04T10:00:00");
        let last = first.date().checked_add(until.days()).expect("date");
        let rule = rule(pattern, interval, Ends::Until(last));
        let given: Vec<Date> = rule.starts(first, first).map(|s| s.date()).collect();
        let dates = (0..1000).filter_map(|n| first.date().checked_add(n.days()).ok());
        let said: Vec<Date> = dates.filter(|d| rule.gives(first, d.to_datetime(first.time()))).collect();
        prop_assert_eq!(given, said);
    }

    #[test]
    fn every_start_is_a_day_of_the_pattern(pattern in any_pattern(), later in 0i64..2000) {
        let first = time("2020-03-04T10:00:00").checked_add(later.days()).expect("date");
        let rule = rule(pattern, 1, Ends::Never);
        // Of the days of six weeks, those it has are those it gives.
        let stop = first.checked_add(42.days()).expect("date");
        let had: Vec<Date> = (0..42).filter_map(|n| first.date().checked_add(n.days()).ok()).filter(|d| pattern.has(*d)).collect();
        let given: Vec<Date> = match had.is_empty() {
            true => Vec::new(), // Some patterns have no day at all: those are never expanded.
            false => rule.starts(first, first).take_while(|s| *s < stop).map(|s| s.date()).collect(),
        };
        prop_assert_eq!(had, given);
    }

    #[test]
    fn beginning_late_leaves_nothing_out(pattern in any_pattern(), interval in 1u16..9, later in 0i64..4000) {
        let rule = rule(pattern, interval, Ends::Never);
        let first = time("2020-03-04T10:00:00");
        let from = first.checked_add(later.days()).expect("date");
        let walked: Vec<DateTime> = rule.starts(first, first).skip_while(|s| *s < from).take(5).collect();
        let jumped: Vec<DateTime> = rule.starts(first, from).take(5).collect();
        prop_assert_eq!(walked, jumped);
    }
}
