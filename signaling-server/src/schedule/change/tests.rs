use super::*;
use crate::schedule::plan::tests::{planned, slot, tuesdays};
use confab_calendar::{Address, Answer, Kind, Role};

const NOW: u64 = 1_795_000_100_000;

fn series() -> Plan {
    planned(When::Series(tuesdays(Ends::After(10))))
}

fn names(plan: &Plan) -> Vec<String> {
    let all = plan.occurrences(0, u64::MAX, 100);
    let live = all.iter().filter(|o| !o.cancelled);
    live.map(|o| o.slot.start().to_string()).collect()
}

fn following(name: &str, schedule: Option<Schedule>, cancelled: Option<bool>) -> Change {
    Change {
        scope: Scope::Following(name.into()),
        schedule,
        cancelled,
        ..Change::default()
    }
}

fn person(address: &str) -> Attendee {
    Attendee {
        person: Person {
            name: String::new(),
            address: Address::new(address).expect("address"),
        },
        kind: Kind::default(),
        role: Role::default(),
        answer: Answer::None,
        asked: true,
    }
}

#[test]
fn one_occurrence_is_moved_and_its_name_stays() {
    let change = Change {
        scope: Scope::This("20261201T090000".into()),
        slot: Some(slot("2026-12-02T14:00:00", "Europe/Berlin")),
        ..Change::default()
    };
    let (plan, told) = series().changed(change, NOW).expect("changed");
    assert!(names(&plan).contains(&"2026-12-02T14:00:00".into()));
    assert_eq!(names(&plan).len(), 10);
    assert!(plan.occurrence("20261201T090000").is_some());
    assert_eq!((plan.sequence, plan.revision), (1, 2));
    assert_eq!(told.requests, [0]);
}

#[test]
fn one_occurrence_is_cancelled_and_taken_back() {
    let change = |cancelled| Change {
        scope: Scope::This("20261201T090000".into()),
        cancelled: Some(cancelled),
        ..Change::default()
    };
    let (plan, told) = series().changed(change(true), NOW).expect("cancelled");
    assert_eq!(names(&plan).len(), 9);
    assert_eq!(
        told.cancelled.map(|(number, id)| (number, id.to_string())),
        Some((0, "2026-12-01T09:00:00".into()))
    );
    assert!(told.requests.is_empty());
    let (plan, told) = plan.changed(change(false), NOW).expect("taken back");
    assert_eq!((names(&plan).len(), plan.sequence), (10, 2));
    assert_eq!(told.requests, [0]);
}

#[test]
fn a_new_title_is_shown_but_asks_nobody_again() {
    let one = Change {
        scope: Scope::This("20261201T090000".into()),
        title: Some("Retro".into()),
        ..Change::default()
    };
    let (plan, told) = series().changed(one, NOW).expect("changed");
    assert_eq!((plan.sequence, told.requests), (0, vec![0]));
    let all = Change {
        title: Some("Weekly".into()),
        ..Change::default()
    };
    let (plan, told) = plan.changed(all, NOW).expect("changed");
    assert_eq!(
        (plan.sequence, plan.revision, told.requests),
        (0, 3, vec![0])
    );
}

#[test]
fn what_follows_is_another_series_under_the_same_link() {
    let later = tuesdays(Ends::After(2));
    let rule = *later.rule();
    let first = slot("2026-12-15T15:00:00", "Europe/Berlin");
    let when = When::Series(Series::new(first, rule).expect("series"));
    let change = following("20261215T090000", Some(Schedule::Planned { when }), None);
    let (plan, told) = series().changed(change, NOW).expect("changed");
    let expected = [
        "2026-11-24T09:00:00",
        "2026-12-01T09:00:00",
        "2026-12-08T09:00:00",
        "2026-12-15T15:00:00",
        "2026-12-22T15:00:00",
    ];
    assert_eq!(names(&plan), expected);
    assert_eq!((told.requests, told.gone), (vec![0, 1], vec![]));

    // A second change before the first one's beginning takes that one with it.
    let change = following("20261201T090000", None, Some(true));
    let (plan, told) = plan.changed(change, NOW).expect("cancelled");
    assert_eq!(names(&plan), ["2026-11-24T09:00:00"]);
    assert_eq!((told.requests, told.gone), (vec![0], vec![1]));
}

#[test]
fn what_follows_cannot_begin_in_what_stays() {
    let when = When::Once(slot("2026-12-01T09:30:00", "Europe/Berlin"));
    let change = following("20261208T090000", Some(Schedule::Planned { when }), None);
    assert_eq!(series().changed(change, NOW), Err(ChangeError::Before));
}

#[test]
fn what_follows_may_begin_a_day_earlier() {
    let when = When::Once(slot("2026-12-07T09:00:00", "Europe/Berlin"));
    let change = following("20261208T090000", Some(Schedule::Planned { when }), None);
    let (plan, _) = series().changed(change, NOW).expect("changed");
    let expected = [
        "2026-11-24T09:00:00",
        "2026-12-01T09:00:00",
        "2026-12-07T09:00:00",
    ];
    assert_eq!(names(&plan), expected);
}

#[test]
fn cancelling_from_the_first_on_cancels_all() {
    let change = following("20261124T090000", None, Some(true));
    let (plan, told) = series().changed(change, NOW).expect("cancelled");
    assert!(plan.cancelled && names(&plan).is_empty());
    assert_eq!(told.gone, [0]);
    assert_eq!(
        plan.changed(Change::default(), NOW),
        Err(ChangeError::Cancelled)
    );
}

#[test]
fn a_new_time_for_all_replaces_every_part() {
    let when = When::Once(slot("2027-01-05T09:00:00", "Europe/Berlin"));
    let split = following("20261215T090000", Some(Schedule::Planned { when }), None);
    let (plan, _) = series().changed(split, NOW).expect("split");
    let all = Change {
        schedule: Some(Schedule::Planned {
            when: When::Series(tuesdays(Ends::After(1))),
        }),
        ..Change::default()
    };
    let (plan, told) = plan.changed(all, NOW).expect("changed");
    assert_eq!(names(&plan), ["2026-11-24T09:00:00"]);
    assert_eq!((told.requests, told.gone), (vec![0], vec![1]));
}

#[test]
fn exceptions_before_the_cut_stay() {
    let skip = Change {
        scope: Scope::This("20261201T090000".into()),
        cancelled: Some(true),
        ..Change::default()
    };
    let (plan, _) = series().changed(skip, NOW).expect("cancelled");
    let (plan, _) = plan
        .changed(following("20261215T090000", None, Some(true)), NOW)
        .expect("ended");
    assert_eq!(names(&plan), ["2026-11-24T09:00:00", "2026-12-08T09:00:00"]);
}

#[test]
fn wrong_parts_are_refused() {
    let refused = |change| series().changed(change, NOW).expect_err("refused");
    let unknown = Change {
        scope: Scope::This("20261202T090000".into()),
        cancelled: Some(true),
        ..Change::default()
    };
    assert_eq!(refused(unknown), ChangeError::NoOccurrence);
    assert_eq!(
        refused(following("20261208T090000", None, None)),
        ChangeError::NoTime
    );
    let lobby = Change {
        scope: Scope::This("20261201T090000".into()),
        lobby: Some(Lobby::Everyone),
        ..Change::default()
    };
    assert_eq!(refused(lobby), ChangeError::ForAllOnly);
    let slot_of_all = Change {
        slot: Some(slot("2026-12-02T14:00:00", "UTC")),
        ..Change::default()
    };
    assert_eq!(refused(slot_of_all), ChangeError::WrongPart);
}

#[test]
fn who_comes_and_goes_is_told_and_answers_stay() {
    let mut ada = person("ada@example.org");
    ada.answer = Answer::Accepted;
    let plan = Plan {
        invitees: vec![ada.clone(), person("bob@example.org")],
        ..series()
    };
    let change = Change {
        invitees: Some(vec![person("Ada@example.org"), person("eve@example.org")]),
        ..Change::default()
    };
    let (plan, told) = plan.changed(change, NOW).expect("changed");
    assert_eq!(plan.invitees[0].answer, Answer::Accepted);
    assert_eq!(told.dropped, [person("bob@example.org")]);
    assert_eq!(told.welcome, [person("eve@example.org")]);
    assert!(told.requests.is_empty());
}
