//! Planned meetings over HTTP, each answer held against the server's own document; letters against a mail server of another make.

#[path = "common/api.rs"]
mod api;
mod common;
#[path = "common/smtp.rs"]
mod smtp;

use api::{Api, By};
use common::{Invitation, Person, Server};
use confab_calendar::{Method, When, Zone, read};
use confab_protocol::{MeetingId, Request, SharedFile};
use confab_server::config::{CreatePolicy, MailConfig, MailTls};
use confab_server::{Digest, fresh_secret};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A server with an API token, and its API.
async fn served(change: impl FnOnce(&mut confab_server::Config)) -> (Server, Api, String) {
    let token = fresh_secret();
    let digest = Digest::of(&token).to_hex();
    let server = Server::start_with(|c| {
        c.access.create = CreatePolicy::Anyone;
        c.access.tokens = vec![digest];
        change(c);
    })
    .await;
    let api = Api::of(server.http()).await;
    (server, api, token)
}

fn tuesdays(count: u32) -> Value {
    json!({"kind": "planned", "when": {"series": {
        "first": {"start": "2030-11-26T09:00:00", "zone": "Europe/Berlin", "minutes": 60},
        "rule": {"pattern": {"every": "week", "days": ["TU"]}, "interval": 1, "ends": {"after": count}},
    }}})
}

fn once(start: &str) -> Value {
    json!({"kind": "planned", "when": {"once": {"start": start, "zone": "Europe/Berlin", "minutes": 60}}})
}

fn at(start: &str) -> u64 {
    Zone::new("Europe/Berlin")
        .unwrap()
        .instant(start.parse().unwrap())
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

struct Made {
    id: String,
    key: String,
}

async fn made(api: &Api, by: By<'_>, body: Value) -> Made {
    let answer = api.call("POST", "/meetings", by, Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let created = answer.json();
    let key = created["host_link"]
        .as_str()
        .unwrap()
        .split_once("#host=")
        .unwrap()
        .1;
    Made {
        id: created["id"].as_str().unwrap().to_owned(),
        key: key.to_owned(),
    }
}

impl Made {
    fn path(&self, rest: &str) -> String {
        format!("/meetings/{}{rest}", self.id)
    }

    fn by(&self) -> By<'_> {
        By::Host(&self.key)
    }

    fn invitation(&self) -> Invitation {
        Invitation {
            id: MeetingId::parse(&self.id).unwrap(),
            host_key: self.key.clone(),
        }
    }
}

async fn page(server: &Server, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", server.http());
    let get = move || {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        let answer = agent.get(&url).call().unwrap();
        (
            answer.status().as_u16(),
            answer.into_body().read_to_string().unwrap(),
        )
    };
    tokio::task::spawn_blocking(get).await.unwrap()
}

#[tokio::test]
async fn every_operation_answers_as_the_document_says() {
    let (server, api, token) = served(|_| {}).await;
    let operator = By::Token(&token);
    let room =
        json!({"name": "Aquarium", "zone": "Europe/Berlin", "seats": 8, "show_titles": true});
    let room = api
        .call("POST", "/rooms", operator, Some(room))
        .await
        .json();
    let room_id = room["id"].as_str().unwrap();
    let meeting = made(&api, By::Nobody, json!({
        "title": "Weekly", "description": "Bring\na pencil", "schedule": tuesdays(6), "passcode": "482913", "lobby": "guests",
        "absent_host": "wait", "permissions": {"share": false}, "organizer": {"name": "Ada", "address": "ada@example.org"},
        "invitees": [{"address": "bob@example.org"}, {"address": "BOB@example.org"}], "room": room_id,
    }))
    .await;
    let plan = api
        .call("GET", &meeting.path("/plan"), meeting.by(), None)
        .await;
    let shown = plan.json();
    assert_eq!(
        (plan.etag.as_str(), shown["revision"].as_u64()),
        ("\"1\"", Some(1))
    );
    assert_eq!(
        shown["invitees"].as_array().unwrap().len(),
        1,
        "invited twice is invited"
    );
    assert_eq!(
        (
            &shown["passcode"],
            &shown["permissions"]["share"],
            &shown["permissions"]["chat"]
        ),
        (&json!(true), &json!(false), &json!(true))
    );
    assert_eq!(shown["next"]["begins_at"], at("2030-11-26T09:00:00"));

    let info = api
        .call("GET", &meeting.path(""), By::Nobody, None)
        .await
        .json();
    assert_eq!(
        (&info["zone"], &info["recurs"]),
        (&json!("Europe/Berlin"), &json!(true))
    );
    assert_eq!(info["next_at"], at("2030-12-03T09:00:00"));
    assert_eq!(
        info["add_to"], shown["add_to"],
        "web calendars for whoever has the link"
    );
    assert!(
        info["add_to"]["outlook"]
            .as_str()
            .is_some_and(|link| link.contains("outlook.office.com"))
    );
    assert!(
        !info.to_string().contains("bob@"),
        "guests see no addresses"
    );

    let clash = json!({"schedule": once("2030-12-03T09:30:00"), "room": room_id});
    let clash = api.call("POST", "/meetings", By::Nobody, Some(clash)).await;
    assert_eq!((clash.status, clash.code().as_str()), (409, "room_taken"));
    let beside = json!({"schedule": once("2030-12-03T10:00:00"), "room": room_id});
    made(&api, By::Nobody, beside).await;

    let list = format!(
        "/meetings?from={}&until={}&limit=3",
        at("2030-11-20T00:00:00"),
        at("2030-12-12T00:00:00")
    );
    let list = api.call("GET", &list, operator, None).await.json();
    assert_eq!(list["occurrences"].as_array().unwrap().len(), 3);
    assert_eq!(list["more_from"], at("2030-12-10T09:00:00"));
    let busy = format!(
        "/rooms/{room_id}/busy?from={}&until={}",
        at("2030-12-03T00:00:00"),
        at("2030-12-04T00:00:00")
    );
    let busy = api.call("GET", &busy, operator, None).await.json();
    assert_eq!(
        busy["busy"],
        json!([{"from": at("2030-12-03T09:00:00"), "until": at("2030-12-03T11:00:00")}])
    );

    let mut host = Person::host(&server, &meeting.invitation(), "Ada").await;
    host.say("Good morning").await;
    let seat = format!("{}:{}", host.id.0, host.token);
    let seat = ("x-seat", seat.as_str());
    let limits = meeting.path("/files");
    api.send("GET", &limits, By::Nobody, None, &[seat]).await;
    let kind = ("content-type", "application/octet-stream");
    let file = meeting.path("/files?name=plan.pdf");
    let body = Some("not really".to_owned());
    let headers = [seat, kind];
    let file = api
        .send("POST", &file, By::Nobody, body, &headers)
        .await
        .json();
    let file: SharedFile = serde_json::from_value(file).unwrap();
    let path = meeting.path(&format!("/files/{}", file.id));
    let chat = Request::Chat {
        text: "The plan".into(),
        client_id: "f".into(),
        to: None,
        files: vec![file.id],
    };
    host.ask(chat).await.unwrap();
    let got = api.send("GET", &path, meeting.by(), None, &[]).await;
    assert_eq!((got.status, got.text.as_str()), (200, "not really"));
    let span = format!(
        "/occurrences?from={}&until={}",
        now() - 60_000,
        now() + 3_600_000
    );
    let held = api
        .call("GET", &meeting.path(&span), meeting.by(), None)
        .await
        .json();
    let record = held["occurrences"][0]["held"]["at"]
        .as_u64()
        .expect("what goes on");
    let stays = api
        .call(
            "GET",
            &meeting.path(&format!("/attendance?at={record}")),
            meeting.by(),
            None,
        )
        .await
        .json();
    assert_eq!(
        (&stays["stays"][0]["name"], &stays["stays"][0]["role"]),
        (&json!("Ada"), &json!("host"))
    );
    let table = api
        .call(
            "GET",
            &meeting.path(&format!("/attendance?at={record}&format=csv")),
            meeting.by(),
            None,
        )
        .await;
    assert!(table.text.contains("\"Ada\",\"host\","), "{}", table.text);
    let report = api
        .call("GET", &meeting.path("/report"), meeting.by(), None)
        .await;
    assert!(report.text.contains("Name,Role,"), "{}", report.text);
    assert!(report.text.contains("\"Ada\",\"host\","), "{}", report.text);
    let never = meeting.path("/report?at=1");
    let never = api.call("GET", &never, meeting.by(), None).await;
    assert_eq!((never.status, never.code().as_str()), (404, "not_found"));

    let chat = meeting.path(&format!("/chat?at={record}"));
    let said = api.call("GET", &chat, meeting.by(), None).await.json();
    assert_eq!(said["messages"].as_array().map(Vec::len), Some(2));
    assert_eq!(said["messages"][1]["files"][0]["name"], "plan.pdf");
    assert_eq!(
        (&said["messages"][0]["name"], &said["messages"][0]["text"]),
        (&json!("Ada"), &json!("Good morning"))
    );

    let off = json!({"scope": {"this": "20301210T090000"}});
    let off = api
        .call("POST", &meeting.path("/cancel"), meeting.by(), Some(off))
        .await;
    assert_eq!(
        (off.status, off.json()["sequence"].as_u64()),
        (200, Some(1))
    );
    let moved =
        json!({"scope": {"following": "20301217T090000"}, "schedule": once("2030-12-19T12:00:00")});
    let moved = api
        .send(
            "PATCH",
            &meeting.path(""),
            meeting.by(),
            Some(moved.to_string()),
            &[("if-match", &off.etag)],
        )
        .await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    assert_eq!(moved.json()["earlier"].as_array().unwrap().len(), 1);
    let rotated = api
        .call("POST", &meeting.path("/host-key"), meeting.by(), None)
        .await;
    assert_eq!(rotated.status, 200);

    assert_eq!(
        api.call("GET", "/rooms", operator, None).await.json()["rooms"],
        json!([room])
    );
    api.call("GET", &format!("/rooms/{room_id}"), operator, None)
        .await;
    let renamed = json!({"name": "Terrarium", "zone": "Europe/Berlin"});
    assert_eq!(
        api.call("PUT", &format!("/rooms/{room_id}"), operator, Some(renamed))
            .await
            .json()["name"],
        "Terrarium"
    );
    assert_eq!(
        api.call("DELETE", &format!("/rooms/{room_id}"), operator, None)
            .await
            .status,
        204
    );

    let feed = api
        .call("POST", "/feeds", operator, Some(json!({"name": "All"})))
        .await
        .json();
    assert_eq!(
        api.call("GET", "/feeds", operator, None).await.json()["feeds"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let id = feed["id"].as_str().unwrap();
    assert_eq!(
        api.call("DELETE", &format!("/feeds/{id}"), operator, None)
            .await
            .status,
        204
    );
    let history = meeting.path("/boards/main/history");
    let history = api.call("GET", &history, operator, None).await;
    assert_eq!((history.status, history.text.as_str()), (200, ""));
    api.call("GET", "/openapi.json", By::Nobody, None).await;
    assert_eq!(api.not_done(), Default::default());
}

#[tokio::test]
async fn only_hosts_and_operators_look_into_a_meeting() {
    let (server, api, token) = served(|_| {}).await;
    let mine = made(
        &api,
        By::Nobody,
        json!({"schedule": once("2030-12-03T10:00:00")}),
    )
    .await;
    let other = made(&api, By::Nobody, json!({"title": "Other"})).await;
    for (method, rest, body) in [
        ("GET", "/plan", None),
        ("GET", "/occurrences", None),
        ("GET", "/attendance?at=1", None),
        ("GET", "/report", None),
        ("GET", "/boards/main/history", None),
        ("GET", "/chat?at=1", None),
        ("PATCH", "", Some(json!({"title": "Taken over"}))),
        ("POST", "/cancel", None),
        ("POST", "/host-key", None),
    ] {
        let path = mine.path(rest);
        let (api, path) = (&api, path.as_str());
        let code = |by, body| async move { api.call(method, path, by, body).await };
        let nobody = code(By::Nobody, body.clone()).await;
        assert_eq!(
            (nobody.status, nobody.code().as_str()),
            (401, "unauthorized"),
            "{path}"
        );
        let stranger = code(other.by(), body.clone()).await;
        assert_eq!(
            (stranger.status, stranger.code().as_str()),
            (403, "bad_secret"),
            "{path}"
        );
        assert_eq!(
            code(By::Token("no such token"), body).await.status,
            401,
            "{path}"
        );
    }
    for path in ["/meetings", "/rooms", "/feeds"] {
        assert_eq!(
            api.call("GET", path, mine.by(), None).await.status,
            401,
            "{path}"
        );
    }
    let room = Some(json!({"name": "x", "zone": "UTC"}));
    assert_eq!(
        api.call("POST", "/rooms", mine.by(), room).await.status,
        401
    );
    let foreign = [("origin", "https://evil.example")];
    let refused = api
        .send(
            "POST",
            &mine.path("/cancel"),
            By::Token(&token),
            None,
            &foreign,
        )
        .await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "not_allowed")
    );
    let form = api
        .send(
            "PATCH",
            &mine.path(""),
            mine.by(),
            Some("{}".into()),
            &[("content-type", "text/plain")],
        )
        .await;
    assert_eq!((form.status, form.code().as_str()), (400, "bad_message"));
    let nowhere = format!("/meetings/{}/plan", MeetingId::from_random(5));
    let unknown = api.call("GET", &nowhere, By::Token(&token), None).await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "meeting_not_found")
    );
    drop(server);
}

#[tokio::test]
async fn host_keys_cannot_be_tried_without_end() {
    let (_server, api, _) = served(|_| {}).await;
    let mine = made(&api, By::Nobody, json!({})).await;
    let mut last = 403;
    for _ in 0..130 {
        last = api
            .call("GET", &mine.path("/plan"), By::Host("wrong"), None)
            .await
            .status;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn what_was_changed_meanwhile_is_not_changed_again() {
    let (_server, api, _) = served(|_| {}).await;
    let mine = made(&api, By::Nobody, json!({"schedule": tuesdays(3)})).await;
    let title = |title: &str| Some(json!({"title": title}).to_string());
    let first = api
        .send(
            "PATCH",
            &mine.path(""),
            mine.by(),
            title("One"),
            &[("if-match", "\"1\"")],
        )
        .await;
    assert_eq!((first.status, first.etag.as_str()), (200, "\"2\""));
    let second = api
        .send(
            "PATCH",
            &mine.path(""),
            mine.by(),
            title("Two"),
            &[("if-match", "\"1\"")],
        )
        .await;
    assert_eq!(
        (second.status, second.code().as_str()),
        (412, "changed_meanwhile")
    );
    let plan = api
        .call("GET", &mine.path("/plan"), mine.by(), None)
        .await
        .json();
    assert_eq!(plan["title"], "One");
    let any = api
        .send("PATCH", &mine.path(""), mine.by(), title("Three"), &[])
        .await;
    assert_eq!(any.json()["title"], "Three");
}

#[tokio::test]
async fn bad_plans_are_refused_with_their_code() {
    let (_server, api, _) = served(|_| {}).await;
    let series = |pattern: Value| {
        json!({"schedule": {"kind": "planned", "when": {"series": {
            "first": {"start": "2030-11-26T09:00:00", "zone": "Europe/Berlin", "minutes": 60},
            "rule": {"pattern": pattern, "interval": 1, "ends": "never"},
        }}}})
    };
    let many: Vec<Value> = (0..301)
        .map(|n| json!({"address": format!("p{n}@example.org")}))
        .collect();
    for (body, code) in [
        (
            json!({"schedule": once("2030-13-03T10:00:00")}),
            "bad_message",
        ),
        (
            json!({"schedule": once("1960-12-03T10:00:00")}),
            "bad_message",
        ),
        (
            json!({"schedule": {"kind": "planned", "when": {"once": {"start": "2030-12-03T10:00:00", "zone": "Mars/Olympus", "minutes": 5}}}}),
            "bad_message",
        ),
        (
            series(json!({"every": "week", "days": ["MO"]})),
            "bad_message",
        ),
        (
            series(json!({"every": "month_day", "day": 0})),
            "bad_message",
        ),
        (
            json!({"schedule": once("2030-12-03T10:00:00"), "minutes": 30}),
            "bad_value",
        ),
        (json!({"passcode": "123"}), "bad_value"),
        (json!({"expires_at": 9_999_999_999_999u64}), "bad_value"),
        (json!({"invitees": [{"address": "nobody"}]}), "bad_message"),
        (
            json!({"invitees": [{"address": "a@b\r\nBcc: c@d"}]}),
            "bad_message",
        ),
        (json!({"invitees": many}), "bad_value"),
        (json!({"description": "x".repeat(8_001)}), "bad_value"),
        (json!({"title": "x".repeat(121)}), "bad_value"),
        (
            json!({"room": "nowhere", "schedule": once("2030-12-03T10:00:00")}),
            "not_found",
        ),
        (json!({"host_key": "mine"}), "bad_message"),
    ] {
        let answer = api
            .call("POST", "/meetings", By::Nobody, Some(body.clone()))
            .await;
        assert_eq!(answer.code(), code, "{body}: {}", answer.text);
    }
    let mine = made(&api, By::Nobody, json!({"schedule": tuesdays(3)})).await;
    for (body, code) in [
        (
            json!({"scope": {"this": "20301127T090000"}, "cancelled": true}),
            "not_found",
        ),
        (
            json!({"scope": {"this": "../../etc"}, "cancelled": true}),
            "not_found",
        ),
        (
            json!({"scope": {"this": "20301203T090000"}, "lobby": "off"}),
            "bad_value",
        ),
        (
            json!({"scope": {"following": "20301203T090000"}}),
            "bad_value",
        ),
        (
            json!({"slot": {"start": "2030-11-26T09:00:00", "zone": "UTC", "minutes": 5}}),
            "bad_value",
        ),
        (json!({"scope": "some"}), "bad_message"),
    ] {
        let answer = api
            .call("PATCH", &mine.path(""), mine.by(), Some(body.clone()))
            .await;
        assert_eq!(answer.code(), code, "{body}: {}", answer.text);
    }
    for query in [
        "?from=5&until=4",
        "?limit=0",
        "?limit=1001",
        "?from=x",
        "?from=-1",
        "?until=99999999999999",
    ] {
        let answer = api
            .call(
                "GET",
                &mine.path(&format!("/occurrences{query}")),
                mine.by(),
                None,
            )
            .await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn cancelled_and_expired_meetings_let_nobody_in() {
    let (server, api, _) = served(|_| {}).await;
    let off = made(
        &api,
        By::Nobody,
        json!({"title": "Off", "schedule": once("2030-12-03T10:00:00")}),
    )
    .await;
    assert_eq!(
        api.call("POST", &off.path("/cancel"), off.by(), None)
            .await
            .status,
        200
    );
    let refused = Person::enter(server.http(), common::hello(&off.invitation(), "Ada")).await;
    assert_eq!(
        refused.err().map(|c| c.to_string()),
        Some("meeting_cancelled".into())
    );
    let again = api
        .call(
            "PATCH",
            &off.path(""),
            off.by(),
            Some(json!({"title": "On"})),
        )
        .await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (410, "meeting_cancelled")
    );
    let (status, html) = page(&server, &format!("/m/{}", off.id)).await;
    assert_eq!(status, 200);
    assert!(
        html.contains("This meeting was cancelled.") && !html.contains("type=\"module\""),
        "{html}"
    );

    let over = made(&api, By::Nobody, json!({"expires_at": now() - 1})).await;
    let refused = Person::enter(server.http(), common::hello(&over.invitation(), "Ada")).await;
    assert_eq!(
        refused.err().map(|c| c.to_string()),
        Some("meeting_ended".into())
    );
    let (_, html) = page(&server, &format!("/m/{}", over.id)).await;
    assert!(html.contains("This meeting has ended."), "{html}");
}

#[tokio::test]
async fn a_new_host_key_kills_the_old_one_also_while_the_meeting_runs() {
    let (server, api, _) = served(|_| {}).await;
    let mine = made(&api, By::Nobody, json!({})).await;
    let _ada = Person::host(&server, &mine.invitation(), "Ada").await;
    let rotated = api
        .call("POST", &mine.path("/host-key"), mine.by(), None)
        .await
        .json();
    let key = rotated["host_link"]
        .as_str()
        .unwrap()
        .split_once("#host=")
        .unwrap()
        .1;
    assert_eq!(
        api.call("GET", &mine.path("/plan"), mine.by(), None)
            .await
            .status,
        403
    );
    assert_eq!(
        api.call("GET", &mine.path("/plan"), By::Host(key), None)
            .await
            .status,
        200
    );
    let old = confab_protocol::Hello {
        host_key: Some(mine.key.clone()),
        ..common::hello(&mine.invitation(), "Eve")
    };
    assert_eq!(
        Person::enter(server.http(), old)
            .await
            .err()
            .map(|c| c.to_string()),
        Some("bad_secret".into())
    );
    let new = Invitation {
        host_key: key.to_owned(),
        ..mine.invitation()
    };
    Person::host(&server, &new, "Ada again").await;
}

#[tokio::test]
async fn a_passcode_is_asked_for_and_may_be_changed() {
    let (server, api, _) = served(|_| {}).await;
    let mine = made(&api, By::Nobody, json!({"passcode": "482913"})).await;
    let with = |passcode: Option<&str>| confab_protocol::Hello {
        passcode: passcode.map(str::to_owned),
        ..common::hello(&mine.invitation(), "Bob")
    };
    let enter = async |passcode| {
        let entered = Person::enter(server.http(), with(passcode)).await;
        entered.map(drop).map_err(|code| code.to_string())
    };
    assert_eq!(enter(None).await, Err("passcode_needed".into()));
    assert_eq!(enter(Some("482914")).await, Err("passcode_needed".into()));
    assert_eq!(enter(Some("482913")).await, Ok(()));
    Person::host(&server, &mine.invitation(), "Ada").await;
    let changed = json!({"passcode": "137731"});
    api.call("PATCH", &mine.path(""), mine.by(), Some(changed))
        .await;
    assert_eq!(enter(Some("482913")).await, Err("passcode_needed".into()));
    assert_eq!(enter(Some("137731")).await, Ok(()));
}

#[tokio::test]
async fn a_personal_room_ended_for_all_can_be_entered_again_and_each_time_is_a_record() {
    let (server, api, _) = served(|_| {}).await;
    let mine = made(
        &api,
        By::Nobody,
        json!({"title": "Ada's", "schedule": {"kind": "personal_room"}}),
    )
    .await;
    for round in 1..=2u32 {
        let mut host = Person::host(&server, &mine.invitation(), "Ada").await;
        assert!(
            common::told(&host.welcome).chat.is_empty(),
            "a new record begins without the old words"
        );
        host.say("to be kept apart").await;
        host.ask(Request::HostEnd).await.unwrap();
        host.socket.end().await;
        let span = format!(
            "/occurrences?from={}&until={}",
            now() - 600_000,
            now() + 600_000
        );
        let held = api
            .call("GET", &mine.path(&span), mine.by(), None)
            .await
            .json();
        let records = held["occurrences"].as_array().unwrap().clone();
        assert_eq!(records.len(), round as usize, "{held}");
        assert!(
            records
                .iter()
                .all(|r| r["held"]["ended_at"].is_u64() && r["held"]["people"] == 1),
            "{held}"
        );
    }
}

#[tokio::test]
async fn calendars_of_a_meeting_and_of_a_feed_hold_no_secret() {
    let (server, api, token) = served(|_| {}).await;
    let mine = made(&api, By::Nobody, json!({
        "title": "Weekly; with, commas", "schedule": tuesdays(6), "passcode": "482913", "invitees": [{"address": "bob@example.org"}],
    }))
    .await;
    let split =
        json!({"scope": {"following": "20301217T090000"}, "schedule": once("2030-12-19T12:00:00")});
    assert_eq!(
        api.call("PATCH", &mine.path(""), mine.by(), Some(split))
            .await
            .status,
        200
    );
    let feed = api
        .call(
            "POST",
            "/feeds",
            By::Token(&token),
            Some(json!({"name": "All"})),
        )
        .await
        .json();
    let link = feed["link"].as_str().unwrap();
    let path = &link[link.find("/feed/").unwrap()..];
    let mut seen = Vec::new();
    for path in [
        format!("/m/{}/invite.ics", mine.id),
        format!("/m/{}.ics", mine.id),
        path.to_owned(),
    ] {
        let (status, ics) = page(&server, &path).await;
        assert_eq!(status, 200, "{path}");
        for secret in [mine.key.as_str(), "host=", "482913", "bob@example.org"] {
            assert!(
                !ics.replace("\r\n ", "").contains(secret),
                "{secret}: {ics}"
            );
        }
        let calendar = read(&ics, &Zone::utc()).unwrap();
        assert!(calendar.refused.is_empty(), "{:?}", calendar.refused);
        let events: Vec<_> = calendar
            .events
            .iter()
            .filter_map(|m| m.meeting.clone())
            .collect();
        assert_eq!(events.len(), 2, "{ics}");
        assert!(events.iter().all(|e| e.title == "Weekly; with, commas"));
        let When::Series(series) = &events[0].when else {
            panic!("{ics}")
        };
        assert_eq!(
            When::Series(series.clone())
                .occurrences(0, u64::MAX, 9)
                .len(),
            3
        );
        seen.push(events.iter().map(|e| e.uid.clone()).collect::<Vec<_>>());
    }
    assert_eq!(seen[0], seen[2]);
    let id = feed["id"].as_str().unwrap();
    api.call("DELETE", &format!("/feeds/{id}"), By::Token(&token), None)
        .await;
    assert_eq!(page(&server, path).await.0, 404, "revoked");
}

#[tokio::test]
async fn a_door_says_what_is_on_and_what_comes() {
    let (server, api, token) = served(|_| {}).await;
    let operator = By::Token(&token);
    let room = json!({"name": "<b>Aquarium", "zone": "UTC", "show_titles": true});
    let room = api
        .call("POST", "/rooms", operator, Some(room))
        .await
        .json();
    let id = room["id"].as_str().unwrap();
    let door = format!("/rooms/{id}");
    let (status, html) = page(&server, &door).await;
    assert_eq!(status, 200);
    assert!(
        html.contains("Free") && html.contains("&lt;b&gt;Aquarium"),
        "{html}"
    );
    let start = Zone::utc()
        .local(now() / 60_000 * 60_000 - 60_000)
        .to_string();
    let slot = json!({"start": start, "zone": "UTC", "minutes": 30});
    made(&api, By::Nobody, json!({"title": "Stand-up", "room": id, "schedule": {"kind": "planned", "when": {"once": slot}}})).await;
    let (_, html) = page(&server, &door).await;
    assert!(
        html.contains("Taken") && html.contains("Stand-up"),
        "{html}"
    );
    let hidden = json!({"name": "Aquarium", "zone": "UTC"});
    api.call("PUT", &door, operator, Some(hidden)).await;
    let (_, html) = page(&server, &door).await;
    assert!(
        html.contains("Taken") && !html.contains("Stand-up"),
        "{html}"
    );
    assert_eq!(page(&server, "/rooms/none").await.0, 404);
}

#[tokio::test]
async fn two_bookings_at_once_do_not_both_get_the_room() {
    let (_server, api, token) = served(|_| {}).await;
    let room = json!({"name": "Aquarium", "zone": "UTC"});
    let room = api
        .call("POST", "/rooms", By::Token(&token), Some(room))
        .await
        .json();
    let body = || json!({"schedule": tuesdays(10), "room": room["id"]});
    let ask = || api.call("POST", "/meetings", By::Nobody, Some(body()));
    let answers = tokio::join!(ask(), ask(), ask(), ask());
    let mut all = [
        answers.0.status,
        answers.1.status,
        answers.2.status,
        answers.3.status,
    ];
    all.sort_unstable();
    assert_eq!(all, [201, 409, 409, 409]);
}

#[tokio::test]
async fn invitees_are_told_by_mail_of_every_step() {
    let Some(sink) = smtp::Sink::start(&[]) else {
        return;
    };
    let port = sink.port;
    let (_server, api, _) = served(|c| {
        c.mail = MailConfig {
            host: Some("localhost".into()),
            port: Some(port),
            tls: MailTls::Off,
            from: Some("Confab <confab@example.org>".into()),
            ..MailConfig::default()
        };
    })
    .await;
    let mut sink = Some(sink);
    let mut letters = async |count: usize| {
        let mut taken = sink.take().unwrap();
        let read = move || ((0..count).map(|_| taken.next()).collect::<Vec<_>>(), taken);
        let (got, back) = tokio::task::spawn_blocking(read).await.unwrap();
        sink = Some(back);
        got
    };
    let event = |letter: &smtp::Arrived| {
        let part = letter
            .parts
            .iter()
            .find(|p| p.kind.starts_with("text/calendar"))
            .expect("a calendar part");
        let calendar = read(&part.text, &Zone::utc()).unwrap();
        let method = calendar.method.map_or("", Method::as_str);
        assert!(
            part.kind
                .replace('"', "")
                .contains(&format!("method={method}")),
            "{}",
            part.kind
        );
        assert!(!part.text.replace("\r\n ", "").contains("host="));
        (
            calendar.method,
            calendar.events.into_iter().next().expect("an event"),
        )
    };
    let mine = made(&api, By::Nobody, json!({
        "title": "Weekly", "schedule": tuesdays(6),
        "invitees": [{"address": "bob@example.net", "name": "Bob"}, {"address": "eve@example.net"}],
    }))
    .await;
    let got = letters(2).await;
    let mut to: Vec<_> = got.iter().flat_map(|l| l.to.clone()).collect();
    to.sort();
    assert_eq!(to, ["bob@example.net", "eve@example.net"]);
    let (method, invited) = event(&got[0]);
    assert_eq!(method, Some(Method::Request));
    let (uid, meeting) = (invited.uid.clone(), invited.meeting.unwrap());
    assert_eq!((meeting.sequence, meeting.attendees.len()), (0, 2));
    assert_eq!(
        meeting.organizer.unwrap().address.as_str(),
        "confab@example.org"
    );
    assert!(got[0].headers["subject"].starts_with("Invitation: Weekly"));

    let moved = json!({"scope": {"this": "20301203T090000"}, "slot": {"start": "2030-12-04T15:00:00", "zone": "Europe/Berlin", "minutes": 60}});
    api.call("PATCH", &mine.path(""), mine.by(), Some(moved))
        .await;
    let (method, changed) = event(&letters(2).await[0]);
    let meeting = changed.meeting.unwrap();
    assert_eq!(
        (method, changed.uid.clone(), meeting.sequence),
        (Some(Method::Request), uid.clone(), 1)
    );
    assert_eq!(
        meeting
            .when
            .occurrence("2030-12-03T09:00:00".parse().unwrap())
            .unwrap()
            .begins_at,
        at("2030-12-04T15:00:00")
    );

    let off = json!({"scope": {"this": "20301210T090000"}});
    api.call("POST", &mine.path("/cancel"), mine.by(), Some(off))
        .await;
    let (method, off) = event(&letters(2).await[0]);
    assert_eq!(
        (method, off.sequence, off.occurrences.len()),
        (Some(Method::Cancel), 2, 1)
    );

    let others =
        json!({"invitees": [{"address": "bob@example.net"}, {"address": "zoe@example.net"}]});
    api.call("PATCH", &mine.path(""), mine.by(), Some(others))
        .await;
    let mut got = letters(2).await;
    got.sort_by_key(|l| l.to.clone());
    assert_eq!(
        (got[0].to[0].as_str(), event(&got[0]).0),
        ("eve@example.net", Some(Method::Cancel))
    );
    assert_eq!(
        (got[1].to[0].as_str(), event(&got[1]).0),
        ("zoe@example.net", Some(Method::Request))
    );

    api.call("POST", &mine.path("/cancel"), mine.by(), None)
        .await;
    let got = letters(2).await;
    let (method, all) = event(&got[0]);
    assert_eq!(
        (method, all.uid, all.sequence),
        (Some(Method::Cancel), uid, 3)
    );
    assert!(got[0].headers["subject"].starts_with("Cancelled: Weekly"));
}
