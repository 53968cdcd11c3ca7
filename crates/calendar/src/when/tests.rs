use super::*;
use crate::{Ends, Pattern, Rule, Weekdays, Zone};
use jiff::civil::Weekday;

const HOUR: u64 = 3_600_000;

fn time(text: &str) -> DateTime {
    text.parse().expect("time")
}

fn zone(name: &str) -> Zone {
    Zone::new(name).expect("zone")
}

fn instant(text: &str) -> u64 {
    zone("UTC").instant(time(text))
}

fn weekly(zone_name: &str, first: &str, days: &[Weekday], ends: Ends) -> Series {
    let first = Slot::new(time(first), zone(zone_name), 60).expect("slot");
    let rule = Rule {
        pattern: Pattern::Week {
            days: Weekdays::new(days.iter().copied()).expect("days"),
            from_sunday: false,
        },
        interval: 1,
        ends,
    };
    Series::new(first, rule).expect("series")
}

fn seen(when: &When, from: &str, until: &str, zone_name: &str) -> Vec<String> {
    when.occurrences(instant(from), instant(until), 100)
        .iter()
        .map(|o| {
            zone(zone_name)
                .local(o.begins_at)
                .strftime("%m-%d %H:%M")
                .to_string()
        })
        .collect()
}

#[test]
fn nine_in_berlin_is_right_in_new_york_and_shanghai_over_both_changes() {
    let series = weekly(
        "Europe/Berlin",
        "2027-03-02T09:00:00",
        &[Weekday::Tuesday],
        Ends::Never,
    );
    let when = When::Series(series);
    let spring = ("2027-03-01T00:00:00", "2027-04-01T00:00:00");
    let autumn = ("2027-10-20T00:00:00", "2027-11-15T00:00:00");
    assert_eq!(
        seen(&when, spring.0, spring.1, "Europe/Berlin"),
        [
            "03-02 09:00",
            "03-09 09:00",
            "03-16 09:00",
            "03-23 09:00",
            "03-30 09:00"
        ]
    );
    // New York changes on March 14th and November 7th, Berlin on March 28th and October 31st.
    assert_eq!(
        seen(&when, spring.0, spring.1, "America/New_York"),
        [
            "03-02 03:00",
            "03-09 03:00",
            "03-16 04:00",
            "03-23 04:00",
            "03-30 03:00"
        ]
    );
    assert_eq!(
        seen(&when, spring.0, spring.1, "Asia/Shanghai"),
        [
            "03-02 16:00",
            "03-09 16:00",
            "03-16 16:00",
            "03-23 16:00",
            "03-30 15:00"
        ]
    );
    assert_eq!(
        seen(&when, autumn.0, autumn.1, "America/New_York"),
        ["10-26 03:00", "11-02 04:00", "11-09 03:00"]
    );
    assert_eq!(
        seen(&when, autumn.0, autumn.1, "Asia/Shanghai"),
        ["10-26 15:00", "11-02 16:00", "11-09 16:00"]
    );
}

#[test]
fn a_night_that_lacks_or_repeats_the_time_has_one_meeting_all_the_same() {
    let first = Slot::new(time("2027-03-26T02:30:00"), zone("Europe/Berlin"), 30).expect("slot");
    let daily = Rule {
        pattern: Pattern::Day,
        interval: 1,
        ends: Ends::Never,
    };
    let when = When::Series(Series::new(first, daily).expect("series"));
    assert_eq!(
        seen(&when, "2027-03-27T00:00:00", "2027-03-30T00:00:00", "UTC"),
        ["03-27 01:30", "03-28 01:30", "03-29 00:30"]
    );
    assert_eq!(
        seen(&when, "2027-10-30T00:00:00", "2027-11-02T00:00:00", "UTC"),
        ["10-30 00:30", "10-31 00:30", "11-01 01:30"]
    );
}

fn edited() -> When {
    let mut series = weekly(
        "Europe/Berlin",
        "2026-11-24T09:00:00",
        &[Weekday::Tuesday],
        Ends::After(5),
    );
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
    let slot = Slot::new(time("2027-01-11T10:00:00"), zone("Asia/Shanghai"), 90).expect("slot");
    let moved = Override {
        slot: Some(slot),
        title: Some("Review".into()),
        cancelled: false,
    };
    series
        .change(time("2026-12-15T09:00:00"), moved)
        .expect("moved");
    When::Series(series)
}

#[test]
fn a_moved_occurrence_keeps_its_name_and_is_found_where_it_went() {
    let when = edited();
    let all = when.occurrences(0, instant("2030-01-01T00:00:00"), 100);
    let ids: Vec<String> = all.iter().map(|o| o.id.to_string()).collect();
    assert_eq!(
        ids,
        [
            "2026-11-24T09:00:00",
            "2026-12-08T09:00:00",
            "2026-12-22T09:00:00",
            "2026-12-15T09:00:00"
        ]
    );
    assert!(all[1].cancelled);
    let moved = when.occurrence(time("2026-12-15T09:00:00")).expect("moved");
    assert_eq!(moved, all[3]);
    assert_eq!(moved.begins_at, instant("2027-01-11T02:00:00"));
    assert_eq!(moved.ends_at - moved.begins_at, 90 * 60_000);
    assert_eq!(when.occurrence(time("2026-12-01T09:00:00")), None);
}

#[test]
fn next_leaves_out_what_is_cancelled() {
    let when = edited();
    let next = |at: &str| when.next(instant(at)).map(|o| o.id.to_string());
    assert_eq!(
        next("2026-01-01T00:00:00"),
        Some("2026-11-24T09:00:00".into())
    );
    assert_eq!(
        next("2026-11-24T08:00:00"),
        Some("2026-12-22T09:00:00".into())
    );
    assert_eq!(
        next("2026-12-22T08:00:00"),
        Some("2026-12-15T09:00:00".into())
    );
    assert_eq!(next("2027-01-11T02:00:00"), None);
}

#[test]
fn the_earliest_are_kept_where_there_are_too_many() {
    let all = edited().occurrences(0, u64::MAX, 2);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].id.to_string(), "2026-12-08T09:00:00");
    let endless = weekly(
        "UTC",
        "2026-11-24T09:00:00",
        &[Weekday::Tuesday],
        Ends::Never,
    );
    let all = When::Series(endless).occurrences(0, u64::MAX, 10_000_000);
    assert_eq!(all.last().map(|o| o.id.year()), Some(2199));
}

#[test]
fn who_comes_early_or_late_comes_to_the_nearest() {
    let when = When::Series(weekly(
        "UTC",
        "2026-11-24T09:00:00",
        &[Weekday::Tuesday, Weekday::Wednesday],
        Ends::Never,
    ));
    let doors = Doors {
        early: HOUR / 2,
        late: HOUR,
    };
    let live = |at: &str| when.live(instant(at), doors).map(|o| o.id.to_string());
    assert_eq!(live("2026-11-24T08:29:59"), None);
    assert_eq!(
        live("2026-11-24T08:30:00"),
        Some("2026-11-24T09:00:00".into())
    );
    assert_eq!(
        live("2026-11-24T09:59:59"),
        Some("2026-11-24T09:00:00".into())
    );
    assert_eq!(
        live("2026-11-24T10:59:59"),
        Some("2026-11-24T09:00:00".into())
    );
    assert_eq!(live("2026-11-24T11:00:00"), None);
    assert_eq!(
        live("2026-11-25T08:45:00"),
        Some("2026-11-25T09:00:00".into())
    );
}

#[test]
fn a_single_meeting_is_its_only_occurrence() {
    let slot = Slot::new(time("2026-11-24T09:00:00"), zone("Europe/Berlin"), 45).expect("slot");
    let when = When::Once(slot.clone());
    let all = when.occurrences(0, u64::MAX, 9);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].slot, slot);
    assert_eq!(when.next(slot.begins_at()), None);
    assert_eq!(Schedule::Instant.when(), None);
    assert_eq!(Schedule::Planned { when: when.clone() }.when(), Some(&when));
}

#[test]
fn the_name_of_an_occurrence_is_read_back() {
    let id = time("2026-11-24T09:00:00");
    assert_eq!(occurrence_name(id), "20261124T090000");
    assert_eq!(parse_occurrence_name("20261124T090000"), Some(id));
    for bad in [
        "",
        "2026-11-24T09:00:00",
        "20261124",
        "20261124T090000Z",
        "20261324T090000",
    ] {
        assert_eq!(parse_occurrence_name(bad), None, "{bad}");
    }
}
