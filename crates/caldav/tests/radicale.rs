//! Against a CalDAV server of another make (Radicale). What the whole server does with it is tried in signaling-server/tests/caldav.

#[path = "../../../signaling-server/tests/caldav/radicale.rs"]
#[allow(dead_code, reason = "the server's tests use the rest")]
mod radicale;

use confab_base::MeetingId;
use confab_caldav::{
    Dav, Fate, Login, Pushed, Reach, Task, Trouble, Url, Wanted, clear, discover, push,
};
use confab_calendar::{Meeting, Schedule, Uid, Zone, read};
use radicale::{PASSWORD, Radicale, USER};
use std::collections::{BTreeMap, BTreeSet};

struct Scene {
    dav: Dav,
    login: Login,
    radicale: Radicale,
    calendar: Url,
    path: String,
    pushed: Vec<Pushed>,
}

impl Scene {
    fn new() -> Option<Scene> {
        let radicale = Radicale::start(false)?;
        let path = radicale.calendar("work");
        let (dav, login) = (Dav::new(Reach::Private, None), Login::new(USER, PASSWORD));
        let url = Reach::Private.parse(&radicale.url()).unwrap();
        let found = discover(&dav, &login, &url).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].name, "work");
        let calendar = Url::parse(&found[0].url).unwrap();
        assert_eq!(calendar.path(), path);
        Some(Scene {
            dav,
            login,
            radicale,
            calendar,
            path,
            pushed: Vec::new(),
        })
    }

    /// Pushes these and keeps what is to be kept.
    fn push(&mut self, all: &[&Meeting], gone: &[&str], replace: bool) -> Result<(), Trouble> {
        let wanted = all.iter().map(|m| {
            let wanted = Wanted {
                meeting: MeetingId::from_random(1),
                text: m.publish().text,
                cancelled: m.cancelled,
            };
            (m.uid.as_str().to_owned(), wanted)
        });
        let task = Task {
            calendar: self.calendar.clone(),
            wanted: wanted.collect::<BTreeMap<_, _>>(),
            pushed: self.pushed.clone(),
            gone: gone
                .iter()
                .map(|s| (*s).to_owned())
                .collect::<BTreeSet<_>>(),
            replace,
        };
        let (records, outcome) = push(&self.dav, &self.login, task);
        for (uid, pushed) in records {
            self.pushed.retain(|p| p.uid != uid);
            self.pushed.extend(pushed);
        }
        outcome
    }

    /// What is there, read.
    fn there(&self) -> Vec<Meeting> {
        let all = self.radicale.events(&self.path).into_iter();
        all.map(|(_, text)| {
            let calendar = read(&text, &Zone::utc()).unwrap();
            assert!(calendar.refused.is_empty(), "{text}");
            calendar.events.into_iter().next().unwrap().meeting.unwrap()
        })
        .collect()
    }

    fn put(&self, change: impl FnOnce(&str) -> String) {
        let (path, text) = self.radicale.events(&self.path).remove(0);
        let headers = [("content-type", "text/calendar")];
        let (status, _, said) = self.radicale.ask("PUT", &path, &headers, &change(&text));
        assert!((200..300).contains(&status), "{status} {said}");
    }
}

fn meeting(uid: &str, schedule: &str) -> Meeting {
    let schedule: Schedule = serde_json::from_str(schedule).unwrap();
    Meeting {
        uid: Uid::new(uid).unwrap(),
        sequence: 0,
        stamp: 1_790_000_000_000,
        title: "Weekly; with, commas".into(),
        description: "Zwei\nZeilen 所有人".into(),
        link: None,
        organizer: None,
        attendees: Vec::new(),
        when: schedule.when().unwrap().clone(),
        cancelled: false,
    }
}

const ONCE: &str = r#"{"kind": "planned", "when": {"once": {"start": "2030-11-26T09:00:00", "zone": "Europe/Berlin", "minutes": 60}}}"#;
const LATER: &str = r#"{"kind": "planned", "when": {"once": {"start": "2030-11-28T15:30:00", "zone": "Asia/Shanghai", "minutes": 45}}}"#;
const SERIES: &str = r#"{"kind": "planned", "when": {"series": {
    "first": {"start": "2030-10-01T09:00:00", "zone": "Europe/Berlin", "minutes": 60},
    "rule": {"pattern": {"every": "week", "days": ["TU"]}, "interval": 1, "ends": {"after": 30}},
    "excluded": ["2030-10-08T09:00:00"],
    "overrides": {"2030-10-29T09:00:00": {"slot": {"start": "2030-10-30T15:00:00", "zone": "America/New_York", "minutes": 30}, "title": "Moved"}}}}}"#;

#[test]
fn events_come_back_equal_and_follow_their_plan() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    let (single, series) = (meeting("a", ONCE), meeting("b", SERIES));
    scene.push(&[&single, &series], &[], false).unwrap();
    assert_eq!(scene.there(), [single.clone(), series.clone()]);
    let tags: Vec<String> = scene.pushed.iter().map(|p| p.etag.clone()).collect();
    assert!(tags.iter().all(|t| !t.is_empty()), "{tags:?}");

    // Nothing to do is nothing done.
    scene.push(&[&single, &series], &[], false).unwrap();
    assert_eq!(
        tags,
        scene
            .pushed
            .iter()
            .map(|p| p.etag.clone())
            .collect::<Vec<_>>()
    );

    let moved = Meeting {
        when: meeting("a", LATER).when,
        sequence: 1,
        ..single
    };
    let cancelled = Meeting {
        cancelled: true,
        sequence: 1,
        ..series
    };
    let unheard = Meeting {
        uid: Uid::new("c").unwrap(),
        ..cancelled.clone()
    };
    scene
        .push(&[&moved, &cancelled, &unheard], &[], false)
        .unwrap();
    assert_eq!(scene.there(), [moved.clone(), cancelled]);

    // One is not theirs any more, the other is over.
    scene.push(&[], &["b"], false).unwrap();
    assert_eq!((scene.there(), scene.pushed.len()), (vec![moved], 0));
}

#[test]
fn what_a_person_does_there_is_theirs() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    let first = meeting("a", ONCE);
    scene.push(&[&first], &[], false).unwrap();
    let alarm = "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:soon\r\nTRIGGER:-PT10M\r\nEND:VALARM\r\nEND:VEVENT";
    scene.put(|text| text.replacen("END:VEVENT", alarm, 1));
    let second = Meeting {
        title: "Renamed".into(),
        ..first
    };
    scene.push(&[&second], &[], false).unwrap();
    assert_eq!(scene.there(), std::slice::from_ref(&second));
    let kept = |scene: &Scene| scene.radicale.events(&scene.path).remove(0).1;
    assert!(kept(&scene).contains("TRIGGER:-PT10M"));

    scene.put(|text| text.replace("Renamed", "My own words"));
    let third = Meeting {
        when: meeting("a", LATER).when,
        ..second
    };
    for _ in 0..2 {
        scene.push(&[&third], &[], false).unwrap();
        assert_eq!(scene.there()[0].title, "My own words");
        assert_eq!(scene.pushed[0].fate, Fate::Theirs);
    }
    scene.push(&[&third], &[], true).unwrap();
    assert_eq!(scene.there(), std::slice::from_ref(&third));
    assert!(kept(&scene).contains("TRIGGER:-PT10M"));

    let (path, _) = scene.radicale.events(&scene.path).remove(0);
    assert_eq!(scene.radicale.ask("DELETE", &path, &[], "").0, 200);
    let fourth = Meeting {
        title: "Once more".into(),
        ..third
    };
    scene.push(&[&fourth], &[], false).unwrap();
    assert_eq!(scene.there(), []);
    scene.push(&[&fourth], &[], true).unwrap();
    assert_eq!(scene.there(), std::slice::from_ref(&fourth));

    // Known again after everything was forgotten here.
    scene.pushed.clear();
    scene.push(&[&fourth], &[], false).unwrap();
    assert_eq!(scene.pushed[0].fate, Fate::There);
    clear(&scene.dav, &scene.login, &scene.pushed).unwrap();
    assert_eq!(scene.there(), []);
}

#[test]
fn a_wrong_password_a_place_without_calendars_and_a_server_that_is_away_are_told_apart() {
    let Some(mut scene) = Scene::new() else {
        return;
    };
    let url = Reach::Private.parse(&scene.radicale.url()).unwrap();
    let wrong = Login::new(USER, "wrong");
    assert_eq!(discover(&scene.dav, &wrong, &url), Err(Trouble::Refused));
    let single = meeting("a", ONCE);
    let good = std::mem::replace(&mut scene.login, wrong);
    assert_eq!(scene.push(&[&single], &[], false), Err(Trouble::Refused));
    scene.login = good;
    scene.radicale.ask("DELETE", &scene.path, &[], "");
    let found = discover(&scene.dav, &scene.login, &url);
    assert_eq!(found, Err(Trouble::NoCalendar));
    scene.radicale.down();
    let found = discover(&scene.dav, &scene.login, &url);
    assert_eq!(found, Err(Trouble::Unreachable));
    assert_eq!(
        scene.push(&[&single], &[], false),
        Err(Trouble::Unreachable)
    );
    assert!(scene.pushed.is_empty());
    scene.radicale.up();
    scene.path = scene.radicale.calendar("work");
    scene.push(&[&single], &[], false).unwrap();
    assert_eq!(scene.there(), [single]);
}
