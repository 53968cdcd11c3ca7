use super::*;
use crate::{
    Address, Answer, Attendee, Ends, GuestLink, Kind, Pattern, Person, Role, Rule, Series, Slot,
    Uid, Weekdays,
};
use confab_base::MeetingId;
use jiff::civil::Weekday;

fn time(text: &str) -> DateTime {
    text.parse().expect("time")
}

fn slot(start: &str, zone: &str, minutes: u32) -> Slot {
    Slot::new(time(start), Zone::new(zone).expect("zone"), minutes).expect("slot")
}

fn person(name: &str, address: &str) -> Person {
    Person {
        name: name.into(),
        address: Address::new(address).expect("address"),
    }
}

fn once() -> Meeting {
    let id = MeetingId::from_random(7);
    Meeting {
        uid: Uid::of_meeting(&id),
        sequence: 2,
        stamp: 0,
        title: "Planning; the year".into(),
        description: "Bring:\n- a pencil".into(),
        link: GuestLink::new("https://meet.example.org", &id),
        organizer: Some(person("Ada \"A\" Lovelace", "ada@example.org")),
        attendees: vec![Attendee {
            person: person("", "größe;x@example.org"),
            kind: Kind::Room,
            role: Role::Optional,
            answer: Answer::Tentative,
            asked: true,
        }],
        when: When::Once(slot("2026-11-24T09:00:00", "Europe/Berlin", 45)),
        cancelled: false,
    }
}

fn series() -> Meeting {
    let rule = Rule {
        pattern: Pattern::Week {
            days: Weekdays::new([Weekday::Tuesday]).expect("days"),
            from_sunday: false,
        },
        interval: 1,
        ends: Ends::After(5),
    };
    let mut series =
        Series::new(slot("2026-11-24T09:00:00", "Europe/Berlin", 45), rule).expect("series");
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
    let moved = Override {
        slot: Some(slot("2026-12-16T10:00:00", "Asia/Shanghai", 60)),
        title: Some("Review".into()),
        cancelled: false,
    };
    series
        .change(time("2026-12-15T09:00:00"), moved)
        .expect("moved");
    Meeting {
        when: When::Series(series),
        ..once()
    }
}

/// As a reader takes lines apart: unfolded first.
fn lines(ics: &Ics) -> Vec<String> {
    ics.text
        .replace("\r\n ", "")
        .split_terminator("\r\n")
        .map(str::to_owned)
        .collect()
}

fn starting<'a>(lines: &'a [String], start: &str) -> Vec<&'a str> {
    lines
        .iter()
        .map(String::as_str)
        .filter(|l| l.starts_with(start))
        .collect()
}

#[test]
fn the_link_stands_wherever_calendars_look() {
    let meeting = once();
    let lines = lines(&meeting.publish());
    let link = meeting.link.expect("link");
    let holding: Vec<&str> = lines
        .iter()
        .filter(|l| l.contains(link.as_str()))
        .filter_map(|l| l.split([':', ';']).next())
        .collect();
    assert_eq!(holding, ["DESCRIPTION", "LOCATION", "URL", "CONFERENCE"]);
}

#[test]
fn a_time_stands_in_its_zone_and_the_zone_beside_it() {
    let lines = lines(&once().publish());
    assert_eq!(
        starting(&lines, "DTSTART;"),
        ["DTSTART;TZID=Europe/Berlin:20261124T090000"]
    );
    assert_eq!(
        starting(&lines, "DTEND"),
        ["DTEND;TZID=Europe/Berlin:20261124T094500"]
    );
    assert_eq!(starting(&lines, "TZID"), ["TZID:Europe/Berlin"]);
}

#[test]
fn utc_needs_no_zone() {
    let meeting = Meeting {
        when: When::Once(slot("2026-11-24T09:00:00", "UTC", 45)),
        ..once()
    };
    let ics = meeting.publish();
    assert!(
        ics.text
            .contains("DTSTART:20261124T090000Z\r\nDTEND:20261124T094500Z\r\n")
    );
    assert!(!ics.text.contains("VTIMEZONE"));
}

#[test]
fn an_end_in_the_hour_that_comes_twice_is_a_length() {
    let meeting = Meeting {
        when: When::Once(slot("2026-10-25T02:30:00", "Europe/Berlin", 60)),
        ..once()
    };
    let lines = lines(&meeting.publish());
    assert_eq!(starting(&lines, "DTEND"), [""; 0]);
    assert_eq!(starting(&lines, "DURATION"), ["DURATION:PT60M"]);
}

#[test]
fn a_published_series_says_all_of_its_exceptions() {
    let lines = lines(&series().publish());
    assert_eq!(
        starting(&lines, "RRULE:FREQ=WEEKLY"),
        ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=5"]
    );
    assert_eq!(
        starting(&lines, "EXDATE"),
        ["EXDATE;TZID=Europe/Berlin:20261201T090000"]
    );
    assert_eq!(
        starting(&lines, "RECURRENCE-ID"),
        [
            "RECURRENCE-ID;TZID=Europe/Berlin:20261208T090000",
            "RECURRENCE-ID;TZID=Europe/Berlin:20261215T090000"
        ]
    );
    assert_eq!(
        starting(&lines, "STATUS"),
        ["STATUS:CONFIRMED", "STATUS:CANCELLED", "STATUS:CONFIRMED"]
    );
    assert_eq!(
        starting(&lines, "TZID"),
        ["TZID:Europe/Berlin", "TZID:Asia/Shanghai"]
    );
    assert_eq!(starting(&lines, "ATTENDEE"), [""; 0]);
}

#[test]
fn an_invitation_leaves_cancelled_occurrences_out() {
    let ics = series().request().expect("request");
    let lines = lines(&ics);
    assert_eq!(starting(&lines, "METHOD"), ["METHOD:REQUEST"]);
    assert_eq!(
        starting(&lines, "EXDATE"),
        [
            "EXDATE;TZID=Europe/Berlin:20261201T090000",
            "EXDATE;TZID=Europe/Berlin:20261208T090000"
        ]
    );
    assert_eq!(starting(&lines, "RECURRENCE-ID").len(), 1);
    assert_eq!(
        starting(&lines, "ORGANIZER")[0],
        "ORGANIZER;CN=\"Ada ^'A^' Lovelace\":mailto:ada@example.org"
    );
    assert_eq!(
        starting(&lines, "ATTENDEE")[0],
        "ATTENDEE;CUTYPE=ROOM;ROLE=OPT-PARTICIPANT;PARTSTAT=TENTATIVE;RSVP=TRUE:mailto:gr%C3%B6%C3%9Fe%3Bx@example.org"
    );
}

#[test]
fn a_cancellation_names_the_occurrence_or_none() {
    let lines_of_all = lines(&series().cancel().expect("cancel"));
    assert_eq!(starting(&lines_of_all, "RECURRENCE-ID"), [""; 0]);
    assert_eq!(starting(&lines_of_all, "STATUS"), ["STATUS:CANCELLED"]);
    let id = time("2026-12-22T09:00:00");
    let lines_of_one = lines(&series().cancel_occurrence(id).expect("cancel"));
    assert_eq!(
        starting(&lines_of_one, "RECURRENCE-ID"),
        ["RECURRENCE-ID;TZID=Europe/Berlin:20261222T090000"]
    );
    assert_eq!(starting(&lines_of_one, "RRULE:FREQ=WEEKLY"), [""; 0]);
    let stranger = time("2026-12-23T09:00:00");
    assert_eq!(
        series().cancel_occurrence(stranger),
        Err(WriteError::NoOccurrence(stranger))
    );
}

#[test]
fn nobody_is_invited_by_nobody() {
    let alone = Meeting {
        organizer: None,
        ..once()
    };
    assert_eq!(alone.request(), Err(WriteError::NoOrganizer));
    assert_eq!(alone.publish().method, None);
    assert!(!alone.publish().text.contains("METHOD"));
    let empty = Meeting {
        attendees: Vec::new(),
        ..once()
    };
    assert_eq!(empty.request(), Err(WriteError::NoAttendees));
    let gone = Meeting {
        cancelled: true,
        ..once()
    };
    assert_eq!(gone.request(), Err(WriteError::Cancelled));
}

#[test]
fn a_mail_part_says_the_method_of_its_file() {
    let part = once().request().expect("request").into_mail_part();
    assert_eq!(
        part.content_type,
        "text/calendar; charset=utf-8; method=REQUEST; component=VEVENT"
    );
    assert!(part.body.is_ascii() && part.body.ends_with("END:VCALENDAR\r\n"));
}

#[test]
fn a_feed_defines_each_zone_once() {
    let calendar = Feed {
        name: "Ada; meetings",
        every_minutes: 30,
    };
    let lines_of = |meetings: &[Meeting]| lines(&feed(calendar, meetings));
    let both = lines_of(&[once(), series()]);
    assert_eq!(
        starting(&both, "TZID"),
        ["TZID:Europe/Berlin", "TZID:Asia/Shanghai"]
    );
    assert_eq!(starting(&both, "BEGIN:VEVENT").len(), 4);
    assert_eq!(starting(&both, "NAME"), ["NAME:Ada\\; meetings"]);
    assert_eq!(
        starting(&both, "REFRESH"),
        ["REFRESH-INTERVAL;VALUE=DURATION:PT30M"]
    );
    assert_eq!(
        starting(&lines_of(&[]), "BEGIN"),
        ["BEGIN:VCALENDAR", "BEGIN:VTIMEZONE", "BEGIN:STANDARD"]
    );
}
