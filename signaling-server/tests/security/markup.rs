//! Text that would be markup, a script, a header or a calendar line somewhere: in every field people can write, on every page, in
//! every file and letter made of it. It must come out as the text it is: not one character of structure more than harmless text
//! makes. What real Chromium does with the same texts is tried in tests/browser/security.test.mjs.

use crate::common::{Invitation, Person, hello};
use crate::people::{Answer, Browser};
use crate::smtp::Sink;
use crate::{World, made, weekly};
use confab_calendar::{Zone, read};
use confab_protocol::MeetingId;
use confab_server::config::MailTls;
use serde_json::{Value, json};

/// Also used by the browser's test.
const CORPUS: &str = include_str!("../../../tests/data/markup.json");

fn corpus() -> Vec<String> {
    serde_json::from_str(CORPUS).unwrap()
}

/// As long as the field it goes into takes.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// How many characters of a page are its structure: what text can only add to where it was not escaped.
fn structure(page: &str) -> [usize; 3] {
    ['<', '>', '"'].map(|c| page.matches(c).count())
}

/// The names of a calendar file's lines, unfolded.
fn lines(ics: &str) -> Vec<String> {
    let unfolded = ics.replace("\r\n ", "").replace("\r\n\t", "");
    let names = unfolded
        .split("\r\n")
        .map(|line| line.split([':', ';']).next().unwrap_or_default());
    names.map(str::to_owned).collect()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let found = answer.headers.iter().find(|(n, _)| n == name);
    found.map_or("", |(_, value)| value)
}

struct Furnished {
    meeting: Invitation,
    room: String,
    feed: String,
}

async fn furnish(world: &World, text: &str) -> Furnished {
    let room = json!({"name": cut(text, 120), "place": cut(text, 120), "zone": "Europe/Berlin", "show_titles": true});
    let room: Value = world.operator.post("/api/v1/rooms", room).await.json();
    let room = room["id"].as_str().unwrap().to_owned();
    // An account may have fifty, and there are more texts.
    let feeds: Value = world.ada.get("/api/v1/feeds").await.json();
    for feed in feeds["feeds"].as_array().unwrap() {
        let path = format!("/api/v1/feeds/{}", feed["id"].as_str().unwrap());
        assert!(world.ada.call("DELETE", &path, Value::Null).await.status < 300);
    }
    let feed: Value = world
        .ada
        .post("/api/v1/feeds", json!({"name": cut(text, 80)}))
        .await
        .json();
    let feed = feed["link"].as_str().unwrap_or_else(|| panic!("{feed}"));
    let plan = json!({
        "title": cut(text, 120), "description": text, "schedule": weekly(), "room": room,
        "organizer": {"name": cut(text, 120), "address": "ada@example.org"},
        "invitees": [{"address": "bob@example.org", "name": cut(text, 120)}],
    });
    let (id, host_key) = world.meeting(plan).await;
    let meeting = Invitation {
        id: MeetingId::parse(&id).unwrap(),
        host_key,
    };
    Furnished {
        meeting,
        feed: feed[feed.find("/feed/").unwrap()..].to_owned(),
        room,
    }
}

#[tokio::test]
async fn pages_show_markup_as_text() {
    let world = World::new().await;
    let plain = furnish(&world, "harmless").await;
    let of = |f: &Furnished| [format!("/m/{}", f.meeting.id), format!("/rooms/{}", f.room)];
    let browser = Browser::new(&world.server);
    let mut baseline = Vec::new();
    for path in of(&plain) {
        baseline.push(structure(&browser.get(&path).await.body));
    }
    for text in corpus() {
        let furnished = furnish(&world, &text).await;
        for (path, expected) in of(&furnished).iter().zip(&baseline) {
            let page = browser.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert_eq!(
                structure(&page.body),
                *expected,
                "{text:?} at {path}: {}",
                page.body
            );
            let policy = header(&page, "content-security-policy");
            assert!(
                policy.contains("script-src 'self';") && policy.contains("default-src 'none'"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(header(&page, "x-content-type-options"), "nosniff");
        }
        // The API answers in JSON, which no browser takes for a page.
        let info = browser
            .get(&format!("/api/v1/meetings/{}", furnished.meeting.id))
            .await;
        assert_eq!(header(&info, "content-type"), "application/json");
        assert_eq!(header(&info, "x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn calendars_hold_no_line_that_a_text_made() {
    let world = World::new().await;
    let browser = Browser::new(&world.server);
    let plain = furnish(&world, "harmless").await;
    let of = |f: &Furnished| [format!("/m/{}/invite.ics", f.meeting.id), f.feed.clone()];
    let expected = lines(&browser.get(&of(&plain)[0]).await.body);
    for text in corpus() {
        let furnished = furnish(&world, &text).await;
        for (n, path) in of(&furnished).iter().enumerate() {
            let ics = browser.get(path).await;
            assert!(
                header(&ics, "content-type").starts_with("text/calendar"),
                "{path}"
            );
            // A feed has all meetings; that it reads is enough.
            if n == 0 {
                assert_eq!(lines(&ics.body), expected, "{text:?}: {}", ics.body);
            }
            let calendar = read(&ics.body, &Zone::utc()).unwrap();
            assert!(
                calendar.refused.is_empty(),
                "{text:?}: {:?}",
                calendar.refused
            );
        }
    }
}

#[tokio::test]
async fn a_table_of_names_keeps_its_rows_and_starts_no_formula() {
    let world = World::new().await;
    let (id, host_key) = made(
        world
            .ada
            .post("/api/v1/meetings", json!({"title": "x"}))
            .await,
    );
    let meeting = Invitation {
        id: MeetingId::parse(&id).unwrap(),
        host_key,
    };
    let mut count = 0;
    for text in corpus() {
        let name = cut(&text, 40);
        // Names have rules of their own; those that are refused do no harm.
        if Person::enter(world.server.http(), hello(&meeting, &name))
            .await
            .is_ok()
        {
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
    let held: Value = world
        .ada
        .get(&format!(
            "/api/v1/meetings/{id}/occurrences?from=1&until=60000000000"
        ))
        .await
        .json();
    let _ = held;
    let records = format!("/api/v1/meetings/{id}/occurrences");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let span = format!("{records}?from={}&until={}", now - 600_000, now + 600_000);
    let held: Value = world.ada.get(&span).await.json();
    let at = held["occurrences"][0]["held"]["at"]
        .as_u64()
        .expect("a record");
    let csv = world
        .ada
        .get(&format!(
            "/api/v1/meetings/{id}/attendance?at={at}&format=csv"
        ))
        .await;
    assert!(header(&csv, "content-disposition").starts_with("attachment"));
    let rows: Vec<&str> = csv.body.trim_end().split("\r\n").collect();
    assert_eq!(rows.len(), count + 1, "{}", csv.body);
    for row in &rows[1..] {
        assert!(
            row.starts_with('"')
                && !row.starts_with("\"=")
                && !row.starts_with("\"@")
                && !row.starts_with("\"+"),
            "{row}"
        );
    }
}

#[tokio::test]
async fn letters_hold_no_header_and_no_part_that_a_text_made() {
    let Some(sink) = Sink::start(&[]) else { return };
    let port = sink.port;
    let world = World::with(|config| {
        config.mail.host = Some("localhost".into());
        config.mail.port = Some(port);
        config.mail.tls = MailTls::Off;
        config.mail.from = Some("Confab <confab@example.org>".into());
    })
    .await;
    let texts = corpus();
    furnish(&world, "harmless").await;
    for text in &texts {
        furnish(&world, text).await;
    }
    let count = texts.len() + 1;
    let read = tokio::task::spawn_blocking(move || {
        let mut sink = sink;
        (0..count).map(|_| sink.next()).collect::<Vec<_>>()
    });
    let got = read.await.unwrap();
    let names = |n: usize| {
        let mut names: Vec<_> = got[n].headers.keys().cloned().collect();
        names.sort();
        names
    };
    let expected = names(0);
    for n in 1..count {
        assert_eq!(names(n), expected, "{:?}", got[n].headers);
        assert_eq!(got[n].to, ["bob@example.org"]);
        assert_eq!(got[n].shape, got[0].shape);
        assert!(got[n].defects.is_empty(), "{:?}", got[n].defects);
    }
}
