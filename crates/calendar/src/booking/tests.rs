use super::*;
use crate::{Ends, Override, Pattern, Rule, Series, Slot, Weekdays, Zone};
use jiff::civil::{DateTime, Weekday};
use proptest::prelude::*;

const HOUR: u64 = 3_600_000;

fn at(text: &str) -> u64 {
    Zone::utc().instant(text.parse().expect("time"))
}

fn slot(start: &str, zone: &str, minutes: u32) -> Slot {
    let start: DateTime = start.parse().expect("time");
    Slot::new(start, Zone::new(zone).expect("zone"), minutes).expect("slot")
}

fn weekly(first: Slot, day: Weekday, interval: u16) -> Series {
    let rule = Rule {
        pattern: Pattern::Week {
            days: Weekdays::new([day]).expect("days"),
            from_sunday: false,
        },
        interval,
        ends: Ends::Never,
    };
    Series::new(first, rule).expect("series")
}

fn booked(id: u32, when: When) -> Booking<u32> {
    Booking { id, when }
}

#[test]
fn series_of_two_zones_meet_only_while_their_clocks_differ() {
    // 15:00 in Berlin and 10:00 in New York: an hour apart, but for the weeks in which only one has changed its clocks.
    let berlin = When::Series(weekly(
        slot("2027-01-05T15:00:00", "Europe/Berlin", 60),
        Weekday::Tuesday,
        1,
    ));
    let york = When::Series(weekly(
        slot("2027-01-05T10:00:00", "America/New_York", 60),
        Weekday::Tuesday,
        1,
    ));
    let year = at("2027-01-01T00:00:00")..at("2028-01-01T00:00:00");
    let found = conflicts(&berlin, &[booked(1, york)], year, 100);
    let days: Vec<String> = found
        .iter()
        .map(|c| c.wanted.id.date().to_string())
        .collect();
    assert_eq!(days, ["2027-03-16", "2027-03-23", "2027-11-02"]);
}

#[test]
fn one_meeting_may_begin_as_another_ends() {
    let first = booked(1, When::Once(slot("2026-11-24T09:00:00", "UTC", 60)));
    let span = 0..u64::MAX;
    let after = When::Once(slot("2026-11-24T10:00:00", "UTC", 60));
    assert_eq!(
        conflicts(&after, std::slice::from_ref(&first), span.clone(), 9),
        []
    );
    let over = When::Once(slot("2026-11-24T09:59:00", "UTC", 1));
    assert_eq!(conflicts(&over, &[first], span, 9).len(), 1);
}

#[test]
fn a_cancelled_or_moved_occurrence_frees_the_room() {
    let mut series = weekly(slot("2026-11-24T09:00:00", "UTC", 60), Weekday::Tuesday, 1);
    let wanted = When::Once(slot("2026-12-01T09:30:00", "UTC", 60));
    let span = 0..at("2028-01-01T00:00:00");
    let taken = |series: &Series| {
        conflicts(
            &wanted,
            &[booked(1, When::Series(series.clone()))],
            span.clone(),
            9,
        )
        .len()
    };
    assert_eq!(taken(&series), 1);
    let cancelled = Override {
        cancelled: true,
        ..Override::default()
    };
    series
        .change("2026-12-01T09:00:00".parse().expect("time"), cancelled)
        .expect("cancelled");
    assert_eq!(taken(&series), 0);
}

#[test]
fn the_door_says_who_is_in_and_until_when() {
    let room = [
        booked(1, When::Once(slot("2026-11-24T09:00:00", "UTC", 60))),
        booked(2, When::Once(slot("2026-11-24T10:00:00", "UTC", 30))),
        booked(
            3,
            When::Series(weekly(
                slot("2026-11-24T14:00:00", "UTC", 60),
                Weekday::Tuesday,
                1,
            )),
        ),
    ];
    let seen = |text: &str| {
        let door = now_next(&room, at(text), 24 * HOUR);
        (door.now.map(|n| n.0), door.next.map(|n| n.0), door.until)
    };
    assert_eq!(
        seen("2026-11-24T08:00:00"),
        (None, Some(1), Some(at("2026-11-24T09:00:00")))
    );
    assert_eq!(
        seen("2026-11-24T09:30:00"),
        (Some(1), Some(2), Some(at("2026-11-24T10:30:00")))
    );
    assert_eq!(
        seen("2026-11-24T10:30:00"),
        (None, Some(3), Some(at("2026-11-24T14:00:00")))
    );
    assert_eq!(seen("2026-11-24T15:00:00"), (None, None, None));
}

proptest! {
    #[test]
    fn free_and_busy_agree_with_conflicts(starts in proptest::collection::vec((0i64..300, 1u32..90), 1..8), probe in 0i64..300) {
        let make = |hour: i64, minutes| {
            let start: DateTime = "2026-11-24T00:00:00".parse().expect("time");
            let start = start.checked_add(jiff::Span::new().hours(hour)).expect("time");
            When::Once(Slot::new(start, Zone::utc(), minutes).expect("slot"))
        };
        let room: Vec<Booking<usize>> = starts.iter().enumerate()
            .map(|(id, (hour, minutes))| Booking { id, when: make(*hour, *minutes) })
            .collect();
        let span = at("2026-11-24T00:00:00")..at("2027-01-01T00:00:00");
        let taken = free_busy(&room, span.clone());
        prop_assert!(taken.windows(2).all(|w| w[0].end < w[1].start));
        let wanted = make(probe, 30);
        let (begin, end) = (wanted.first().begins_at(), wanted.first().ends_at());
        let free = taken.iter().all(|t| t.end <= begin || t.start >= end);
        prop_assert_eq!(free, conflicts(&wanted, &room, span, 1).is_empty());
    }
}
