use super::*;
use crate::{
    Attendee, Ends, GuestLink, Kind, Pattern, Person, ReadError, Role, Rule, Slot, Uid, Weekdays,
    Zone, read,
};
use confab_base::MeetingId;
use jiff::civil::Weekday;

fn time(text: &str) -> DateTime {
    text.parse().expect("time")
}

fn person(address: &str) -> Person {
    Person {
        name: String::new(),
        address: Address::new(address).expect("address"),
    }
}

fn series() -> Meeting {
    let id = MeetingId::from_random(7);
    let zone = Zone::new("Europe/Berlin").expect("zone");
    let first = Slot::new(time("2026-11-24T09:00:00"), zone, 60).expect("slot");
    let rule = Rule {
        pattern: Pattern::Week {
            days: Weekdays::new([Weekday::Tuesday]).expect("days"),
            from_sunday: false,
        },
        interval: 1,
        ends: Ends::Never,
    };
    Meeting {
        uid: Uid::of_meeting(&id),
        sequence: 1,
        stamp: 1_000_000,
        title: "Weekly".into(),
        description: String::new(),
        link: GuestLink::new("https://meet.example.org", &id),
        organizer: Some(person("ada@example.org")),
        attendees: vec![Attendee {
            person: person("bob@example.org"),
            kind: Kind::Individual,
            role: Role::Required,
            answer: Answer::None,
            asked: true,
        }],
        when: When::Series(Series::new(first, rule).expect("series")),
        cancelled: false,
    }
}

fn sent(text: &str) -> (Option<Method>, Incoming) {
    let calendar = read(text, &Zone::utc()).expect("calendar");
    assert_eq!(calendar.refused, []);
    (calendar.method, calendar.events[0].clone())
}

fn after(known: Option<&Meeting>, text: &str) -> Result<Change, Refusal> {
    let (method, message) = sent(text);
    interpret(known, method, &message)
}

fn later(meeting: &Meeting) -> Meeting {
    Meeting {
        sequence: meeting.sequence + 1,
        stamp: meeting.stamp + 60_000,
        ..meeting.clone()
    }
}

fn reply(sequence: u32, who: &str, answer: &str, more: &str) -> String {
    let uid = series().uid;
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:{}\r\n\
         DTSTAMP:20261120T100000Z\r\nSEQUENCE:{sequence}\r\n{more}ORGANIZER:mailto:ada@example.org\r\n\
         ATTENDEE;PARTSTAT={answer}:mailto:{who}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        uid.as_str()
    )
}

#[test]
fn an_invitation_is_new_then_old_then_updated() {
    let known = series();
    let text = known.request().expect("request").text;
    assert_eq!(after(None, &text), Ok(Change::New(known.clone())));
    assert_eq!(after(Some(&known), &text), Ok(Change::Old));
    let mut changed = later(&known);
    changed.title = "Other".into();
    let update = changed.request().expect("request").text;
    assert_eq!(
        after(Some(&known), &update),
        Ok(Change::Update(changed.clone()))
    );
    assert_eq!(after(Some(&changed), &text), Ok(Change::Old));
}

#[test]
fn one_occurrence_is_cancelled_then_all() {
    let known = series();
    let id = time("2026-12-01T09:00:00");
    let one = later(&known).cancel_occurrence(id).expect("cancel").text;
    let Ok(Change::Update(without)) = after(Some(&known), &one) else {
        panic!("no update");
    };
    assert_eq!(without.when.occurrence(id).map(|o| o.cancelled), Some(true));
    assert_eq!(without.sequence, 2);
    let all = later(&without).cancel().expect("cancel").text;
    let Ok(Change::Cancelled(gone)) = after(Some(&without), &all) else {
        panic!("not cancelled");
    };
    assert!(gone.cancelled);
    assert_eq!(gone.when, without.when);
    assert_eq!(after(None, &all), Err(Refusal::Unknown));
    let early = Meeting {
        sequence: 0,
        ..known.clone()
    };
    assert_eq!(
        after(Some(&known), &early.cancel().expect("cancel").text),
        Ok(Change::Old)
    );
}

#[test]
fn an_occurrence_is_moved_without_its_series() {
    let known = series();
    let lone = format!(
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:{}\r\nDTSTAMP:20261120T100000Z\r\nSEQUENCE:2\r\n\
         RECURRENCE-ID:20261201T080000Z\r\nDTSTART:20261202T080000Z\r\nDTEND:20261202T090000Z\r\nSUMMARY:Weekly\r\n\
         ORGANIZER:mailto:ADA@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        known.uid.as_str()
    );
    let Ok(Change::Update(moved)) = after(Some(&known), &lone) else {
        panic!("no update");
    };
    let occurrence = moved
        .when
        .occurrence(time("2026-12-01T09:00:00"))
        .expect("occurrence");
    assert_eq!(
        occurrence.begins_at,
        Zone::utc().instant(time("2026-12-02T08:00:00"))
    );
    assert_eq!(occurrence.title, None);
    let stray = lone.replace("RECURRENCE-ID:20261201", "RECURRENCE-ID:20261203");
    assert_eq!(after(Some(&known), &stray), Err(Refusal::NoOccurrence));
    assert_eq!(after(None, &lone), Err(Refusal::Unknown));
}

#[test]
fn an_answer_counts_for_who_was_invited_and_for_this_revision() {
    let known = series();
    let Ok(Change::Answered(answered)) =
        after(Some(&known), &reply(1, "BOB@example.org", "DECLINED", ""))
    else {
        panic!("no answer");
    };
    assert_eq!(answered.answer, Answer::Declined);
    assert_eq!(answered.meeting.attendees[0].answer, Answer::Declined);
    assert_eq!(answered.who.as_str(), "bob@example.org");
    assert_eq!(
        after(Some(&known), &reply(1, "eve@example.org", "ACCEPTED", "")),
        Err(Refusal::NotInvited)
    );
    assert_eq!(
        after(Some(&known), &reply(0, "bob@example.org", "ACCEPTED", "")),
        Ok(Change::Old)
    );
    let one = "RECURRENCE-ID;TZID=Europe/Berlin:20261201T090000\r\n";
    let Ok(Change::Answered(answered)) =
        after(Some(&known), &reply(1, "bob@example.org", "TENTATIVE", one))
    else {
        panic!("no answer");
    };
    assert_eq!(answered.occurrence, Some(time("2026-12-01T09:00:00")));
    assert_eq!(answered.meeting, known);
}

#[test]
fn nobody_speaks_for_another_organizer() {
    let known = series();
    let mut forged = later(&known);
    forged.organizer = Some(person("eve@example.org"));
    let text = forged.request().expect("request").text;
    assert_eq!(after(Some(&known), &text), Err(Refusal::OtherOrganizer));
    assert_eq!(
        after(Some(&known), &forged.cancel().expect("cancel").text),
        Err(Refusal::OtherOrganizer)
    );
    let other = Meeting {
        uid: Uid::new("other").expect("uid"),
        ..later(&known)
    };
    assert_eq!(
        after(Some(&known), &other.request().expect("request").text),
        Err(Refusal::OtherMeeting)
    );
}

#[test]
fn codes_are_said_once() {
    let all = [
        Refusal::Unknown.code(),
        Refusal::OtherMeeting.code(),
        Refusal::OtherOrganizer.code(),
        Refusal::NotInvited.code(),
        Refusal::NoOccurrence.code(),
        Refusal::TooMany.code(),
        Refusal::Empty.code(),
        ReadError::TooMany.code(),
    ];
    let different: std::collections::BTreeSet<&str> = all.into_iter().collect();
    assert_eq!(different.len(), all.len());
}
