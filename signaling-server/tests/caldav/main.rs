//! Meetings in people's own calendars, against a CalDAV server of another make (Radicale).

#[path = "../common/api.rs"]
mod api;
#[path = "../common/mod.rs"]
mod common;
#[path = "../accounts/support.rs"]
mod people;
mod radicale;

use common::Server;
use common::process::show_database;
use confab_calendar::{Calendar, Meeting, Zone, read};
use confab_protocol::AccountRole;
use people::{Answer, Browser};
use radicale::{PASSWORD, Radicale, USER};
use serde_json::{Value, json};
use std::time::Duration;

const HERE: &str = "/api/v1/account/calendar";
/// Long enough for a busy machine: only what is broken runs into it.
const PATIENCE: u32 = 600;

struct World {
    server: Server,
    ada: Browser,
    radicale: Radicale,
    calendar: String,
}

impl World {
    /// Ada's calendar is connected. `None`: no Radicale here.
    async fn new() -> Option<World> {
        let radicale = Radicale::start(false)?;
        let calendar = radicale.calendar("work");
        let server = Server::start_with(|config| {
            config.caldav.private = true;
            config.caldav.retry_seconds = 1;
        })
        .await;
        let ada = people::person(&server, "ada@example.org", AccountRole::Member).await;
        let world = World {
            server,
            ada,
            radicale,
            calendar,
        };
        let connected = world.connect(PASSWORD).await;
        assert_eq!(connected.status, 200, "{}", connected.body);
        Some(world)
    }

    async fn connect(&self, password: &str) -> Answer {
        let wish = json!({"url": self.radicale.url(), "user": USER, "password": password});
        self.ada.call("PUT", HERE, wish).await
    }

    async fn meeting(&self, plan: Value) -> String {
        let made = self.ada.post("/api/v1/meetings", plan).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json::<Value>()["id"].as_str().unwrap().to_owned()
    }

    async fn change(&self, id: &str, change: Value) {
        let changed = self
            .ada
            .patch(&format!("/api/v1/meetings/{id}"), change)
            .await;
        assert_eq!(changed.status, 200, "{}", changed.body);
    }

    async fn cancel(&self, id: &str) {
        let off = self
            .ada
            .post(&format!("/api/v1/meetings/{id}/cancel"), json!({}))
            .await;
        assert_eq!(off.status, 200, "{}", off.body);
    }

    async fn state(&self) -> Value {
        self.ada.get(HERE).await.json::<Value>()["connected"].clone()
    }

    /// The events in the calendar, once they are as they should be.
    async fn events(&self, what: &str, mut right: impl FnMut(&[Calendar]) -> bool) -> Vec<String> {
        for _ in 0..PATIENCE {
            let texts: Vec<String> = self
                .radicale
                .events(&self.calendar)
                .into_iter()
                .map(|e| e.1)
                .collect();
            let read: Vec<Calendar> = texts
                .iter()
                .map(|t| read(t, &Zone::utc()).unwrap())
                .collect();
            if right(&read) {
                return texts;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let all = self.radicale.events(&self.calendar);
        panic!("{what}: {} {all:?}", self.state().await);
    }

    async fn until(&self, what: &str, mut right: impl FnMut(&Value) -> bool) -> Value {
        for _ in 0..PATIENCE {
            let state = self.state().await;
            if right(&state) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: {}", self.state().await);
    }
}

fn once(start: &str) -> Value {
    json!({"kind": "planned", "when": {"once": {"start": start, "zone": "Europe/Berlin", "minutes": 60}}})
}

fn tuesdays() -> Value {
    json!({"kind": "planned", "when": {"series": {
        "first": {"start": "2030-11-26T09:00:00", "zone": "Europe/Berlin", "minutes": 60},
        "rule": {"pattern": {"every": "week", "days": ["TU"]}, "interval": 1, "ends": {"after": 8}},
    }}})
}

fn only(all: &[Calendar]) -> Option<&Meeting> {
    match all {
        [one] if one.events.len() == 1 => one.events[0].meeting.as_ref(),
        _ => None,
    }
}

/// What a meeting says to a calendar, without who has said it when.
fn essence(text: &str) -> Meeting {
    let calendar = read(text, &Zone::utc()).unwrap();
    assert_eq!(calendar.refused, [], "{text}");
    let meeting = calendar.events.into_iter().next().unwrap().meeting.unwrap();
    Meeting {
        organizer: None,
        attendees: Vec::new(),
        ..meeting
    }
}

#[tokio::test]
async fn a_meeting_is_put_there_moved_and_cancelled() {
    let Some(world) = World::new().await else {
        return;
    };
    let shown = world.state().await;
    assert_eq!(
        (shown["name"].as_str(), shown["user"].as_str()),
        (Some("work"), Some(USER)),
        "{shown}"
    );
    let id = world.meeting(json!({"title": "Plan; with, commas", "description": "Zwei\nZeilen", "schedule": once("2030-11-26T09:00:00")})).await;
    let texts = world.events("put there", |all| only(all).is_some()).await;
    assert!(
        !texts[0].contains("METHOD") && !texts[0].contains("ORGANIZER"),
        "{}",
        texts[0]
    );
    let public = world.ada.get(&format!("/m/{id}/invite.ics")).await.body;
    assert_eq!(
        essence(&texts[0]),
        essence(&public),
        "there and back it is the same"
    );
    assert!(texts[0].replace("\r\n ", "").contains(&format!("/m/{id}")));
    assert!(!texts[0].contains("host="));

    world
        .change(&id, json!({"schedule": once("2030-11-27T15:30:00")}))
        .await;
    let berlin = Zone::new("Europe/Berlin").unwrap();
    let moved = berlin.instant("2030-11-27T15:30:00".parse().unwrap());
    world
        .events("moved", |all| {
            only(all).is_some_and(|m| m.when.first().begins_at() == moved)
        })
        .await;
    world.change(&id, json!({"title": "Renamed"})).await;
    world
        .events("renamed", |all| {
            only(all).is_some_and(|m| m.title == "Renamed")
        })
        .await;
    let state = world
        .until("all there", |s| s["state"] == "fine" && s["events"] == 1)
        .await;
    assert!(
        state["pushed_at"].is_u64() && state["error"].is_null(),
        "{state}"
    );

    world.cancel(&id).await;
    world
        .events("cancelled", |all| only(all).is_some_and(|m| m.cancelled))
        .await;
}

#[tokio::test]
async fn a_series_with_a_moved_occurrence_comes_back_equal() {
    let Some(world) = World::new().await else {
        return;
    };
    let id = world
        .meeting(json!({"title": "Weekly", "schedule": tuesdays()}))
        .await;
    let slot = json!({"start": "2030-12-04T15:00:00", "zone": "Europe/Berlin", "minutes": 30});
    world
        .change(
            &id,
            json!({"scope": {"this": "20301203T090000"}, "slot": slot, "title": "Moved"}),
        )
        .await;
    let off = world
        .ada
        .post(
            &format!("/api/v1/meetings/{id}/cancel"),
            json!({"scope": {"this": "20301210T090000"}}),
        )
        .await;
    assert_eq!(off.status, 200, "{}", off.body);
    let public = essence(&world.ada.get(&format!("/m/{id}/invite.ics")).await.body);
    let same = |all: &[Calendar]| only(all).is_some_and(|m| m.when == public.when);
    let texts = world.events("the series as it is", same).await;
    assert_eq!(essence(&texts[0]), public);
    let instants = |m: &Meeting| {
        let all = m.when.occurrences(0, u64::MAX, 50);
        all.iter()
            .map(|o| (o.begins_at, o.ends_at, o.cancelled))
            .collect::<Vec<_>>()
    };
    assert_eq!(instants(&essence(&texts[0])), instants(&public));

    // From one on: a second stretch of its own, and its removal when all is planned anew.
    world.change(&id, json!({"scope": {"following": "20301217T090000"}, "schedule": once("2030-12-19T12:00:00")})).await;
    world.events("two stretches", |all| all.len() == 2).await;
    world
        .change(&id, json!({"schedule": once("2031-01-07T09:00:00")}))
        .await;
    world
        .events("one stretch again", |all| only(all).is_some())
        .await;
}

#[tokio::test]
async fn whoever_is_invited_has_it_too_until_they_are_not() {
    let Some(world) = World::new().await else {
        return;
    };
    let bob = people::person(&world.server, "bob@example.org", AccountRole::Member).await;
    let plan = |invitees: Value| json!({"title": "Bob's", "schedule": once("2030-11-26T09:00:00"), "invitees": invitees});
    let made = bob
        .post(
            "/api/v1/meetings",
            plan(json!([{"address": "Ada@Example.org"}])),
        )
        .await;
    let id = made.json::<Value>()["id"].as_str().unwrap().to_owned();
    bob.post(
        "/api/v1/meetings",
        json!({"title": "not Ada's", "schedule": once("2030-11-27T09:00:00")}),
    )
    .await;
    world
        .events("invited", |all| {
            only(all).is_some_and(|m| m.title == "Bob's")
        })
        .await;
    let changed = bob
        .patch(&format!("/api/v1/meetings/{id}"), json!({"invitees": []}))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    world
        .events("not invited any more", <[Calendar]>::is_empty)
        .await;
}

#[tokio::test]
async fn what_a_person_changed_there_is_not_overwritten_silently() {
    let Some(world) = World::new().await else {
        return;
    };
    let id = world
        .meeting(json!({"title": "Mine", "schedule": once("2030-11-26T09:00:00")}))
        .await;
    world.events("put there", |all| only(all).is_some()).await;
    world.until("told", |s| s["events"] == 1).await;
    let (path, text) = world.radicale.events(&world.calendar).remove(0);
    let put = |text: &str| {
        let (status, _, said) =
            world
                .radicale
                .ask("PUT", &path, &[("content-type", "text/calendar")], text);
        assert!((200..300).contains(&status), "{status} {said}");
    };
    // An alarm is an addition: the plan goes on, and the alarm stays.
    let alarm =
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:soon\r\nTRIGGER:-PT10M\r\nEND:VALARM\r\n";
    put(&text.replacen("END:VEVENT", &format!("{alarm}END:VEVENT"), 1));
    world.change(&id, json!({"title": "Renamed"})).await;
    let texts = world
        .events("renamed", |all| {
            only(all).is_some_and(|m| m.title == "Renamed")
        })
        .await;
    assert!(texts[0].contains("TRIGGER:-PT10M"), "{}", texts[0]);

    // Another title is a change of theirs.
    put(&texts[0].replace("Renamed", "Ada's own words"));
    world
        .change(&id, json!({"schedule": once("2030-11-28T09:00:00")}))
        .await;
    let state = world.until("left alone", |s| s["changed"] == 1).await;
    assert_eq!(
        (&state["state"], &state["events"]),
        (&json!("fine"), &json!(0)),
        "{state}"
    );
    let kept = world.radicale.events(&world.calendar).remove(0).1;
    assert!(kept.contains("Ada's own words"), "{kept}");

    // Until they say otherwise.
    let pushed = world
        .ada
        .post(&format!("{HERE}/push"), json!({"replace": true}))
        .await;
    assert_eq!(pushed.status, 200, "{}", pushed.body);
    let texts = world
        .events("put back", |all| {
            only(all).is_some_and(|m| m.title == "Renamed")
        })
        .await;
    assert!(
        texts[0].contains("20301128T090000") && texts[0].contains("TRIGGER:-PT10M"),
        "{}",
        texts[0]
    );

    // What they took away stays away.
    assert_eq!(world.radicale.ask("DELETE", &path, &[], "").0, 200);
    world.change(&id, json!({"title": "Once more"})).await;
    world.until("left alone", |s| s["changed"] == 1).await;
    assert_eq!(world.radicale.events(&world.calendar), []);
    world
        .ada
        .post(&format!("{HERE}/push"), json!({"replace": true}))
        .await;
    world
        .events("back", |all| {
            only(all).is_some_and(|m| m.title == "Once more")
        })
        .await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_tried_again_and_again() {
    let Some(world) = World::new().await else {
        return;
    };
    let refused = world.connect("wrong").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (422, "calendar_refused")
    );
    // It may still be waiting for its first round.
    let state = world
        .until("the good one stays", |s| s["state"] != "waiting")
        .await;
    assert_eq!(state["state"], "fine", "{state}");
    world.radicale.password("another one");
    world
        .meeting(json!({"title": "Late", "schedule": once("2030-11-26T09:00:00")}))
        .await;
    let state = world.until("stopped", |s| s["state"] == "stopped").await;
    assert_eq!(
        (&state["error"], &state["retry_at"]),
        (&json!("calendar_refused"), &Value::Null)
    );
    world.radicale.password(PASSWORD);
    let pushed: Value = world
        .ada
        .post(&format!("{HERE}/push"), json!({}))
        .await
        .json();
    assert_eq!(pushed["connected"]["state"], "fine", "{pushed}");
    world
        .events("there after all", |all| only(all).is_some())
        .await;
}

#[tokio::test]
async fn a_server_that_was_away_gets_everything_when_it_is_back() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let id = world
        .meeting(json!({"title": "Before", "schedule": once("2030-11-26T09:00:00")}))
        .await;
    world.events("put there", |all| only(all).is_some()).await;
    world.radicale.down();
    world.change(&id, json!({"title": "Meanwhile"})).await;
    let state = world.until("failing", |s| s["state"] == "failing").await;
    assert_eq!(state["error"], "calendar_unreachable");
    assert!(state["retry_at"].is_u64(), "{state}");
    world.radicale.up();
    world
        .events("back", |all| {
            only(all).is_some_and(|m| m.title == "Meanwhile")
        })
        .await;
    world
        .until("fine", |s| s["state"] == "fine" && s["error"].is_null())
        .await;
}

#[tokio::test]
async fn leaving_keeps_the_events_or_removes_them() {
    let Some(world) = World::new().await else {
        return;
    };
    world
        .meeting(json!({"title": "One", "schedule": once("2030-11-26T09:00:00")}))
        .await;
    world.events("put there", |all| all.len() == 1).await;
    world.until("told", |s| s["events"] == 1).await;
    assert_eq!(
        world
            .ada
            .delete(&format!("{HERE}?events=keep"))
            .await
            .status,
        204
    );
    assert_eq!(world.state().await, Value::Null);
    assert_eq!(world.radicale.events(&world.calendar).len(), 1);
    // Connected again, what is there is taken for what it is, and not put there twice.
    assert_eq!(world.connect(PASSWORD).await.status, 200);
    world
        .until("told", |s| s["state"] == "fine" && s["events"] == 1)
        .await;
    assert_eq!(
        world
            .ada
            .delete(&format!("{HERE}?events=remove"))
            .await
            .status,
        204
    );
    assert_eq!(world.radicale.events(&world.calendar), []);
    assert_eq!(world.ada.delete(HERE).await.status, 404);
}

#[tokio::test]
async fn another_calendar_of_the_same_account_can_be_chosen_without_the_password() {
    let Some(world) = World::new().await else {
        return;
    };
    world
        .meeting(json!({"title": "One", "schedule": once("2030-11-26T09:00:00")}))
        .await;
    world.events("put there", |all| all.len() == 1).await;
    world.until("told", |s| s["events"] == 1).await;
    let other = world.radicale.calendar("home");
    let base = json!({"url": world.radicale.url(), "user": USER});
    let again: Value = world.ada.call("PUT", HERE, base.clone()).await.json();
    let choices = again["connected"]["choices"].as_array().unwrap();
    let home = choices
        .iter()
        .find(|c| c["name"] == "home")
        .expect("both are found");
    let mut wish = base;
    wish["calendar"] = home["url"].clone();
    assert_eq!(world.ada.call("PUT", HERE, wish).await.status, 200);
    for _ in 0..PATIENCE {
        if world.radicale.events(&other).len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.radicale.events(&other).len(), 1);
    assert_eq!(
        world.radicale.events(&world.calendar),
        [],
        "not in two at once"
    );
    // The kept password is for the address it was given for, and for no other.
    let elsewhere = json!({"url": "http://127.0.0.1:9/", "user": USER});
    assert_eq!(world.ada.call("PUT", HERE, elsewhere).await.status, 400);
}

#[tokio::test]
async fn tls_with_an_authority_of_the_house_is_taken_and_a_strangers_is_not() {
    let Some(radicale) = Radicale::start(true) else {
        return;
    };
    for trusted in [true, false] {
        let authority = radicale.authority();
        let server = Server::start_with(|config| {
            config.caldav.private = true;
            config.caldav.ca = trusted.then_some(authority);
        })
        .await;
        let ada = people::person(&server, "ada@example.org", AccountRole::Member).await;
        let wish = json!({"url": radicale.url(), "user": USER, "password": PASSWORD});
        let answer = ada.call("PUT", HERE, wish).await;
        // It has no calendar yet, and says so only to who believes its certificate.
        let expected = if trusted {
            "calendar_not_found"
        } else {
            "calendar_unreachable"
        };
        assert_eq!((answer.status, answer.code().as_str()), (422, expected));
    }
}

#[tokio::test]
async fn addresses_that_lead_inside_are_refused_and_nothing_is_asked() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server::start().await;
    let ada = people::person(&server, "ada@example.org", AccountRole::Member).await;
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://ada:x@localhost:{port}/"),
        "https://169.254.169.254/latest/meta-data/".into(),
        "file:///etc/passwd".into(),
        "gopher://example.org/".into(),
        "ada@localhost".into(),
    ] {
        let wish = json!({"url": url, "user": USER, "password": PASSWORD});
        let answer = ada.call("PUT", HERE, wish).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "calendar_address"),
            "{url}"
        );
    }
    assert!(listener.accept().is_err(), "nobody knocked");
}

#[tokio::test]
async fn the_password_is_nowhere_but_sealed_and_the_calendar_nobody_elses() {
    let Some(world) = World::new().await else {
        return;
    };
    let shown = world.ada.get(HERE).await;
    assert!(
        !shown.body.contains(PASSWORD) && shown.cache == "no-store",
        "{}",
        shown.body
    );
    let bob = people::person(&world.server, "bob@example.org", AccountRole::Member).await;
    assert_eq!(bob.get(HERE).await.body, "{}");
    assert_eq!(
        bob.post(&format!("{HERE}/push"), json!({})).await.status,
        404
    );
    assert_eq!(Browser::new(&world.server).get(HERE).await.status, 401);
    let data = world.server.dir.path().to_owned();
    assert!(data.join("calendar.key").is_file());
    show_database(&data).await;
    assert!(!world.radicale.is_stored(&data, PASSWORD));
    assert!(
        world.radicale.is_stored(&data, "/ada/work/"),
        "the search finds what is there"
    );
}
