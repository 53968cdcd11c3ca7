use super::*;
use confab_calendar::civil::Weekday;
use confab_calendar::{Ends, Override, Pattern, Rule, Series, Slot, Weekdays, Zone};

pub(crate) const HOUR: u64 = 3_600_000;

pub(crate) fn slot(start: &str, zone: &str) -> Slot {
    let zone = Zone::new(zone).expect("zone");
    Slot::new(start.parse().expect("time"), zone, 60).expect("slot")
}

pub(crate) fn tuesdays(ends: Ends) -> Series {
    let rule = Rule {
        pattern: Pattern::Week {
            days: Weekdays::new([Weekday::Tuesday]).expect("days"),
            from_sunday: false,
        },
        interval: 1,
        ends,
    };
    Series::new(slot("2026-11-24T09:00:00", "Europe/Berlin"), rule).expect("series")
}

pub(crate) fn planned(when: When) -> Plan {
    Plan::new(Schedule::Planned { when }, 1_795_000_000_000)
}

fn at(start: &str) -> u64 {
    slot(start, "Europe/Berlin").begins_at()
}

#[test]
fn a_plan_is_kept_as_json_and_old_records_are_read() {
    let plan = Plan {
        passcode: Some("x.y".into()),
        expires_at: Some(7),
        ..planned(When::Series(tuesdays(Ends::After(3))))
    };
    let json = serde_json::to_string(&plan).expect("json");
    assert_eq!(
        serde_json::from_str::<Plan>(&json).expect("plan"),
        Plan {
            revision: 0,
            ..plan
        }
    );
    let old = r#"{"schedule":{"kind":"instant"},"stamp":5}"#;
    let old: Plan = serde_json::from_str(old).expect("as the migration writes it");
    assert_eq!((old.schedule, old.lobby), (Schedule::Instant, Lobby::Off));
}

#[test]
fn people_who_come_early_or_late_are_put_down_for_the_occurrence() {
    let plan = planned(When::Series(tuesdays(Ends::Never)));
    let second = at("2026-12-01T09:00:00");
    for now in [
        second - HOUR / 2,
        second,
        second + HOUR / 2,
        second + 3 * HOUR / 2,
    ] {
        let found = plan.at(now, None);
        assert_eq!(
            found,
            At {
                at: second,
                name: Some("20261201T090000".into())
            }
        );
    }
    let between = second + 24 * HOUR;
    assert_eq!(
        plan.at(between, None),
        At {
            at: between,
            name: None
        }
    );
}

#[test]
fn a_moved_occurrence_keeps_its_place_in_the_records() {
    let mut series = tuesdays(Ends::Never);
    let moved = Override {
        slot: Some(slot("2026-12-03T20:00:00", "Asia/Shanghai")),
        ..Override::default()
    };
    series
        .change("2026-12-01T09:00:00".parse().expect("time"), moved)
        .expect("moved");
    let plan = planned(When::Series(series));
    let now = slot("2026-12-03T20:00:00", "Asia/Shanghai").begins_at();
    let given = at("2026-12-01T09:00:00");
    assert_eq!(
        plan.at(now, None),
        At {
            at: given,
            name: Some("20261201T090000".into())
        }
    );
}

#[test]
fn one_meeting_has_one_record_whenever_people_come() {
    let plan = planned(When::Once(slot("2026-11-24T09:00:00", "Europe/Berlin")));
    let begins = at("2026-11-24T09:00:00");
    for now in [begins - 100 * HOUR, begins, begins + 500 * HOUR] {
        assert_eq!(plan.at(now, None).at, begins);
    }
}

#[test]
fn a_personal_room_goes_on_after_a_pause_unless_it_was_ended() {
    let plan = Plan::new(Schedule::PersonalRoom, 0);
    let last = |ended_at, for_all| Last {
        at: At {
            at: HOUR,
            name: None,
        },
        ended_at,
        for_all,
    };
    let now = 5 * HOUR;
    assert_eq!(
        plan.at(now, Some(&last(Some(now - 60_000), false))).at,
        HOUR
    );
    assert_eq!(plan.at(now, Some(&last(None, false))).at, HOUR);
    assert_eq!(plan.at(now, Some(&last(Some(now - 60_000), true))).at, now);
    assert_eq!(plan.at(now, Some(&last(Some(2 * HOUR), false))).at, now);
}

#[test]
fn the_span_holds_every_occurrence() {
    assert_eq!(Plan::new(Schedule::Instant, 0).span(), (None, None));
    let mut series = tuesdays(Ends::After(3));
    let early = Override {
        slot: Some(slot("2026-11-20T09:00:00", "Europe/Berlin")),
        ..Override::default()
    };
    series
        .change("2026-11-24T09:00:00".parse().expect("time"), early)
        .expect("moved");
    let plan = planned(When::Series(series));
    let span = (
        Some(at("2026-11-20T09:00:00")),
        Some(at("2026-12-08T10:00:00")),
    );
    assert_eq!(plan.span(), span);
    let endless = planned(When::Series(tuesdays(Ends::Never)));
    assert_eq!(endless.span(), (Some(at("2026-11-24T09:00:00")), None));
}

#[test]
fn what_is_meant_is_live_then_next_then_last() {
    let plan = planned(When::Series(tuesdays(Ends::After(2))));
    let meant = |now| plan.meant(now).expect("one").begins_at;
    let (first, second) = (at("2026-11-24T09:00:00"), at("2026-12-01T09:00:00"));
    assert_eq!(meant(0), first);
    assert_eq!(meant(first + HOUR / 2), first);
    assert_eq!(meant(first + 24 * HOUR), second);
    assert_eq!(meant(second + 1_000 * HOUR), second);
}
