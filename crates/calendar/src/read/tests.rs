use super::*;
use crate::{Answer, Ends, Kind, Pattern, Role, Weekdays};
use confab_base::MeetingId;
use jiff::ToSpan;
use jiff::civil::{DateTime, Weekday};
use proptest::prelude::*;

fn time(text: &str) -> DateTime {
    text.parse().expect("time")
}

fn zone(name: &str) -> Zone {
    Zone::new(name).expect("zone")
}

fn file(lines: &[&str]) -> String {
    let event = lines.join("\r\n");
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{event}\r\nEND:VCALENDAR\r\n")
}

fn event(lines: &[&str]) -> String {
    let all = [
        &["BEGIN:VEVENT", "UID:1@x", "DTSTAMP:20261101T000000Z"],
        lines,
        &["END:VEVENT"],
    ]
    .concat();
    file(&all)
}

fn one(text: &str) -> Incoming {
    let calendar = read(text, &Zone::utc()).expect("calendar");
    assert_eq!(calendar.refused, []);
    assert_eq!(calendar.events.len(), 1);
    calendar.events[0].clone()
}

fn meeting(text: &str) -> Meeting {
    one(text).meeting.expect("meeting")
}

fn series_of(meeting: &Meeting) -> &Series {
    match &meeting.when {
        When::Series(series) => series,
        When::Once(slot) => panic!("{slot:?} is no series"),
    }
}

fn refused(text: &str) -> ReadError {
    match read(text, &Zone::utc()) {
        Err(error) => error,
        Ok(calendar) => calendar.refused.first().expect("a refusal").1.clone(),
    }
}

#[test]
fn an_invitation_by_outlook_is_understood() {
    let text = include_str!("samples/outlook.ics");
    let calendar = read(text, &Zone::utc()).expect("calendar");
    assert_eq!(calendar.method, Some(Method::Request));
    let meeting = meeting(text);
    let series = series_of(&meeting);
    assert_eq!(series.first().zone().name(), "Europe/Berlin");
    assert_eq!(series.first().minutes(), 30);
    let tuesdays = Pattern::MonthWeekday {
        nth: 2,
        days: Weekdays::new([Weekday::Tuesday]).expect("days"),
    };
    assert_eq!(series.rule().pattern, tuesdays);
    assert_eq!(
        series.rule().ends,
        Ends::Until("2027-06-08".parse().expect("date"))
    );
    assert_eq!(meeting.title, "Budget, monthly");
    assert_eq!(
        meeting.organizer.as_ref().map(|o| o.address.as_str()),
        Some("eva@example.org")
    );
    let attendee = &meeting.attendees[0];
    assert_eq!((attendee.role, attendee.asked), (Role::Required, true));
    assert_eq!(attendee.person.name, "Team, Finance");
    assert_eq!(meeting.attendees[1].kind, Kind::Resource);
}

#[test]
fn a_calendar_by_google_is_understood() {
    let text = include_str!("samples/google.ics");
    let calendar = read(text, &Zone::utc()).expect("calendar");
    assert_eq!(calendar.events.len(), 2);
    assert_eq!(
        calendar.refused,
        [("birthday@example.org".into(), ReadError::AllDay)]
    );
    let meeting = calendar.events[0].meeting.as_ref().expect("meeting");
    let series = series_of(meeting);
    assert!(series.excludes(time("2026-12-01T09:00:00")));
    let moved = series
        .override_of(time("2026-12-15T09:00:00"))
        .expect("moved");
    let slot = moved.slot.as_ref().expect("slot");
    assert_eq!(slot.start(), time("2026-12-15T14:00:00"));
    assert_eq!(calendar.events[0].strays, 1);
    let single = calendar.events[1].meeting.as_ref().expect("meeting");
    assert!(single.cancelled);
    assert_eq!(single.when.first().zone().name(), "UTC");
}

#[test]
fn an_event_by_apple_is_understood() {
    let meeting = meeting(include_str!("samples/apple.ics"));
    let slot = meeting.when.first();
    assert_eq!(slot.zone().name(), "America/New_York");
    assert_eq!(slot.minutes(), 75);
    assert_eq!(
        meeting.description,
        "Zeile eins\nZeile zwei; mit Strichpunkt"
    );
    let (role, answer) = (meeting.attendees[0].role, meeting.attendees[0].answer);
    assert_eq!((role, answer), (Role::Chair, Answer::Accepted));
}

#[test]
fn a_cancelled_series_is_read_as_it_was() {
    let slot = |start: &str| Slot::new(time(start), zone("Europe/Berlin"), 30).expect("slot");
    let rule = Rule {
        pattern: Pattern::Day,
        interval: 1,
        ends: Ends::Never,
    };
    let series = Series::new(slot("2026-11-24T09:00:00"), rule).expect("series");
    let other = slot("2026-11-25T11:00:00");
    let cancelled = Meeting {
        when: When::Series(edited(series, &[0, 2, 4], &other)),
        cancelled: true,
        ..meeting(&event(&["DTSTART:20261124T090000Z"]))
    };
    let ics = cancelled.publish();
    assert_eq!(ics.text.matches("STATUS:CANCELLED").count(), 3);
    assert_eq!(meeting(&ics.text), cancelled);
}

#[test]
fn times_without_a_zone_are_taken_where_the_reader_is() {
    let text = event(&["DTSTART:20261124T090000", "DTEND:20261124T100000"]);
    let calendar = read(&text, &zone("Asia/Shanghai")).expect("calendar");
    let meeting = calendar.events[0].meeting.as_ref().expect("meeting");
    assert_eq!(meeting.when.first().zone().name(), "Asia/Shanghai");
    let text = text.replace("PRODID:x", "PRODID:x\r\nX-WR-TIMEZONE:Europe/Berlin");
    let calendar = read(&text, &zone("Asia/Shanghai")).expect("calendar");
    let meeting = calendar.events[0].meeting.as_ref().expect("meeting");
    assert_eq!(meeting.when.first().zone().name(), "Europe/Berlin");
}

#[test]
fn a_zone_of_an_unknown_name_is_known_by_its_one_offset() {
    let definition = [
        "BEGIN:VTIMEZONE",
        "TZID:Our office",
        "BEGIN:STANDARD",
        "DTSTART:19700101T000000",
        "TZOFFSETFROM:+0300",
        "TZOFFSETTO:+0300",
        "END:STANDARD",
        "END:VTIMEZONE",
        "BEGIN:VEVENT",
        "UID:1",
        "DTSTART;TZID=Our office:20261124T090000",
        "END:VEVENT",
    ];
    let meeting = meeting(&file(&definition));
    assert_eq!(
        meeting.when.first().begins_at(),
        Zone::utc().instant(time("2026-11-24T06:00:00"))
    );
    let unknown = event(&["DTSTART;TZID=Our office:20261124T090000"]);
    assert_eq!(refused(&unknown), ReadError::Zone("Our office".into()));
}

#[test]
fn the_last_instant_of_a_rule_becomes_its_last_date() {
    for (until, date) in [
        ("20261201T080000Z", "2026-12-01"),
        ("20261201T075959Z", "2026-11-30"),
        ("20261201T225959Z", "2026-12-01"),
        ("20261201", "2026-12-01"),
        ("20261201T090000", "2026-12-01"),
        ("20261201T085959", "2026-11-30"),
    ] {
        let rule = format!("RRULE:FREQ=WEEKLY;UNTIL={until}");
        let meeting = meeting(&event(&[
            "DTSTART;TZID=Europe/Berlin:20261124T090000",
            &rule,
        ]));
        let expected = Ends::Until(date.parse().expect("date"));
        assert_eq!(series_of(&meeting).rule().ends, expected, "{until}");
    }
}

#[test]
fn rules_that_are_no_meetings_are_refused() {
    for rule in [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;COUNT=9",
        "FREQ=HOURLY",
        "FREQ=DAILY;COUNT=4294967295",
        "FREQ=DAILY;INTERVAL=60000",
        "FREQ=YEARLY;BYYEARDAY=328",
        "FREQ=YEARLY;BYWEEKNO=48",
        "FREQ=DAILY;BYHOUR=9,10",
        "FREQ=MONTHLY;BYDAY=TU",
        "FREQ=YEARLY;BYDAY=TU",
        "FREQ=MONTHLY;BYMONTHDAY=24,25",
        "RSCALE=HEBREW;FREQ=YEARLY",
        "FREQ=NEVER",
        "",
    ] {
        let rule = format!("RRULE:{rule}");
        let text = event(&["DTSTART:20261124T090000Z", &rule]);
        assert_eq!(refused(&text), ReadError::Rule, "{rule}");
    }
    let beside = event(&["DTSTART:20261124T090000Z", "RRULE:FREQ=WEEKLY;BYDAY=WE"]);
    assert_eq!(refused(&beside), ReadError::First);
    let following = event(&[
        "DTSTART:20261124T090000Z",
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20261124T090000Z",
    ]);
    assert_eq!(refused(&following), ReadError::Rule);
    let never = event(&[
        "DTSTART:20270228T090000Z",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    ]);
    assert_eq!(refused(&never), ReadError::First);
    let dates = event(&["DTSTART:20261124T090000Z", "RDATE:20261125T090000Z"]);
    assert_eq!(refused(&dates), ReadError::Rule);
}

#[test]
fn limits_come_before_anything_is_taken_apart() {
    let long = event(&[
        "DTSTART:20261124T090000Z",
        &format!("X-A:{}", "x".repeat(MOST_OCTETS)),
    ]);
    assert_eq!(refused(&long), ReadError::TooLarge);
    assert_eq!(refused(&"\n".repeat(MOST_LINES + 1)), ReadError::TooLarge);
    assert_eq!(
        refused(&"begin:x\n".repeat(MOST_COMPONENTS + 1)),
        ReadError::TooLarge
    );
    let dates = vec!["20261124T090000Z"; crate::MOST_EXCEPTIONS + 1].join(",");
    let many = event(&[
        "DTSTART:20261124T090000Z",
        "RRULE:FREQ=DAILY",
        &format!("EXDATE:{dates}"),
    ]);
    assert_eq!(refused(&many), ReadError::TooMany);
    let crowd = vec!["ATTENDEE:mailto:a@x"; crate::MOST_ATTENDEES + 1].join("\r\n");
    assert_eq!(
        refused(&event(&["DTSTART:20261124T090000Z", &crowd])),
        ReadError::TooMany
    );
}

#[test]
fn what_is_no_meeting_says_why() {
    let start = "DTSTART:20261124T090000Z";
    for (text, code) in [
        (String::new(), "ics_not_a_calendar"),
        ("<html>".into(), "ics_not_a_calendar"),
        ("BEGIN:VCARD\r\nEND:VCARD\r\n".into(), "ics_not_a_calendar"),
        (file(&["BEGIN:VTODO", "UID:1", "END:VTODO"]), "ics_no_event"),
        (
            file(&["METHOD:COUNTER", "BEGIN:VEVENT", "UID:1", "END:VEVENT"]),
            "ics_method",
        ),
        (file(&["BEGIN:VEVENT", start, "END:VEVENT"]), "ics_uid"),
        (event(&["DTSTART;VALUE=DATE:20261124"]), "ics_all_day"),
        (event(&["DTSTART:nonsense"]), "ics_time"),
        (event(&["DTSTART:20260231T090000Z"]), "ics_time"),
        (event(&["DTSTART:16010101T090000Z"]), "ics_time"),
        (event(&[start, "DURATION:P100D"]), "ics_time"),
        (event(&[start, "RRULE:FREQ=SECONDLY"]), "ics_rule"),
    ] {
        assert_eq!(refused(&text).code(), code, "{text}");
    }
}

fn any_zone() -> impl Strategy<Value = Zone> {
    let names = [
        "Europe/Berlin",
        "America/New_York",
        "Asia/Shanghai",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "UTC",
    ];
    proptest::sample::select(names.to_vec()).prop_map(zone)
}

fn any_slot() -> impl Strategy<Value = Slot> {
    (0i64..12_000, 0i64..86_400, any_zone(), 1u32..3000).prop_map(|(day, second, zone, minutes)| {
        let start = time("2010-01-01T00:00:00")
            .checked_add(day.days())
            .expect("date");
        Slot::new(
            start.checked_add(second.seconds()).expect("time"),
            zone,
            minutes,
        )
        .expect("slot")
    })
}

fn any_rule(first: &Slot) -> impl Strategy<Value = Rule> + use<> {
    let date = first.start().date();
    let days = Weekdays::new([date.weekday()]).expect("days");
    let all =
        Weekdays::new([date.weekday(), date.weekday().next(), Weekday::Friday]).expect("days");
    let nth = (date.day() - 1) / 7 + 1;
    let from_end = date.days_in_month() - date.day();
    let patterns = vec![
        Pattern::Day,
        Pattern::Week {
            days,
            from_sunday: false,
        },
        Pattern::Week {
            days: all,
            from_sunday: true,
        },
        Pattern::MonthDay { day: date.day() },
        Pattern::MonthDay { day: -1 - from_end },
        Pattern::MonthWeekday { nth, days },
        Pattern::MonthWeekday {
            nth: -1 - from_end / 7,
            days,
        },
        Pattern::YearDay {
            month: date.month(),
            day: date.day(),
        },
        Pattern::YearWeekday {
            month: date.month(),
            nth,
            days,
        },
    ];
    let until = date.checked_add(400.days()).expect("date");
    let ends = prop_oneof![
        Just(Ends::Never),
        (1u32..60).prop_map(Ends::After),
        Just(Ends::Until(until))
    ];
    (proptest::sample::select(patterns), 1u16..4, ends).prop_map(|(pattern, interval, ends)| Rule {
        pattern,
        interval,
        ends,
    })
}

/// What is done to the first occurrences, one letter each.
fn edited(mut series: Series, edits: &[u8], other: &Slot) -> Series {
    let ids: Vec<DateTime> = series
        .starts(series.first().start())
        .take(edits.len())
        .collect();
    for (id, edit) in ids.into_iter().zip(edits) {
        let change = |slot, title: Option<&str>, cancelled| Override {
            slot,
            title: title.map(str::to_owned),
            cancelled,
        };
        match edit {
            1 => series.exclude(id).expect("excluded"),
            2 => series
                .change(id, change(Some(other.clone()), None, false))
                .expect("moved"),
            3 => series
                .change(id, change(None, None, true))
                .expect("cancelled"),
            4 => series
                .change(id, change(None, Some("Other; title"), false))
                .expect("renamed"),
            _ => {}
        }
    }
    series
}

fn any_when() -> impl Strategy<Value = When> {
    let series = any_slot().prop_flat_map(|slot| {
        let rule = any_rule(&slot);
        (
            Just(slot),
            rule,
            proptest::collection::vec(0u8..6, 0..8),
            any_slot(),
        )
    });
    let series =
        series.prop_map(
            |(slot, rule, edits, other)| match Series::new(slot.clone(), rule) {
                Ok(series) => When::Series(edited(series, &edits, &other)),
                Err(_) => When::Once(slot),
            },
        );
    prop_oneof![any_slot().prop_map(When::Once), series]
}

fn any_person() -> impl Strategy<Value = Person> {
    ("[^\\p{C}\\\\]{0,20}", "[a-z;,\"%+ö]{1,12}").prop_map(|(name, user)| Person {
        name,
        address: Address::new(&format!("{user}@example.org")).expect("address"),
    })
}

prop_compose! {
    fn any_attendee()(
        person in any_person(),
        kind in proptest::sample::select(vec![Kind::Individual, Kind::Group, Kind::Room, Kind::Resource]),
        role in proptest::sample::select(vec![Role::Chair, Role::Required, Role::Optional, Role::Informed]),
        answer in proptest::sample::select(vec![
            Answer::None, Answer::Accepted, Answer::Declined, Answer::Tentative, Answer::Delegated,
        ]),
        asked in any::<bool>(),
    ) -> Attendee {
        Attendee { person, kind, role, answer, asked }
    }
}

prop_compose! {
    fn any_meeting()(
        when in any_when(),
        title in "[^\\p{C}]{0,80}",
        description in "([^\\p{C}]|\n){0,120}",
        sequence in any::<u16>(),
        stamp in 0u64..4_000_000_000,
        linked in any::<bool>(),
        organizer in any_person(),
        attendees in proptest::collection::vec(any_attendee(), 1..4),
    ) -> Meeting {
        let id = MeetingId::from_random(9);
        Meeting {
            uid: Uid::of_meeting(&id),
            sequence: sequence.into(),
            stamp: stamp * 1000,
            title,
            description,
            link: linked.then(|| GuestLink::new("https://meet.example.org", &id)).flatten(),
            organizer: Some(organizer),
            attendees,
            when,
            cancelled: false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_was_published_is_read_as_it_was(meeting in any_meeting()) {
        let ics = meeting.publish();
        let without_attendees = Meeting { attendees: Vec::new(), ..meeting };
        prop_assert_eq!(&super::tests::meeting(&ics.text), &without_attendees, "{}", ics.text);
    }

    #[test]
    fn an_invitation_is_read_as_it_was_but_for_what_it_cannot_say(meeting in any_meeting()) {
        let ics = meeting.request().expect("request");
        let mut said = meeting;
        if let When::Series(series) = &mut said.when {
            let cancelled: Vec<DateTime> = series.overrides().filter(|(_, c)| c.cancelled).map(|(id, _)| id).collect();
            for id in cancelled {
                series.exclude(id).expect("excluded");
            }
        }
        prop_assert_eq!(&super::tests::meeting(&ics.text), &said, "{}", ics.text);
    }

    #[test]
    fn nothing_that_is_read_panics(text in "\\PC{0,60}", cut in 0usize..4000, put in "[A-Z;:=,\"\n\r 0-9]{0,12}") {
        let _ = read(&text, &Zone::utc());
        let mut sample = include_str!("samples/outlook.ics").to_owned();
        let at = (0..=cut.min(sample.len())).rev().find(|i| sample.is_char_boundary(*i)).unwrap_or(0);
        sample.insert_str(at, &put);
        let _ = read(&sample, &Zone::utc());
    }
}
