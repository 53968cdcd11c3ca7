//! Secrets go where they are for and nowhere else: not into the log at its finest level, not into pages, calendars and letters
//! that others read, not into the database as they are.

use crate::collector::Collector;
use crate::common::process::show_database;
use crate::common::{Invitation, Person, hello};
use crate::people::{Browser, PASSWORD, token_in};
use crate::smtp::Sink;
use crate::{PASSCODE, World, made, weekly};
use confab_protocol::{Hello, MeetingId};
use confab_server::config::{MailTls, Share};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Every line the process logs, also those of libraries, at the finest level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn listen(config: &mut confab_server::Config, port: u16) {
    config.mail.host = Some("localhost".into());
    config.mail.port = Some(port);
    config.mail.tls = MailTls::Off;
    config.mail.from = Some("Confab <confab@example.org>".into());
}

/// What a visitor sends and is given in a day, each by a name.
async fn a_day(world: &World) -> (Vec<(&'static str, String)>, String) {
    let (id, key) = world
        .meeting(json!({
            "title": "Weekly", "schedule": weekly(), "passcode": PASSCODE,
            "invitees": [{"address": "bob@example.org"}],
        }))
        .await;
    let path = format!("/api/v1/meetings/{id}");
    let mut with_key = Browser::new(&world.server);
    with_key.headers.push(("x-host-key", key.clone()));
    let rotated = with_key
        .post(&format!("{path}/host-key"), Value::Null)
        .await;
    let rotated: Value = rotated.json();
    let new_key = rotated["host_link"]
        .as_str()
        .unwrap()
        .split_once("#host=")
        .unwrap()
        .1
        .to_owned();
    // The old one is tried, and so are wrong ones.
    assert_eq!(with_key.get(&format!("{path}/plan")).await.status, 403);
    world.operator.get(&format!("{path}/plan")).await;
    let feed: Value = world
        .ada
        .post("/api/v1/feeds", json!({"name": "Mine"}))
        .await
        .json();
    let feed = feed["link"]
        .as_str()
        .unwrap()
        .split_once("/feed/")
        .unwrap()
        .1
        .to_owned();
    world.ada.get(&format!("/feed/{feed}")).await;
    world.ada.get("/feed/a-token-nobody-has.ics").await;
    let invited: Value = world
        .owner
        .post(
            "/api/v1/invitations",
            json!({"email": "eve@example.org", "role": "member"}),
        )
        .await
        .json();
    let invitation = token_in(&invited.to_string());
    let look = json!({"token": invitation});
    world.bob.post("/api/v1/invitations/look", look).await;
    world
        .bob
        .sign_in("ada@example.org", "a wrong password tried")
        .await;
    world
        .bob
        .post("/api/v1/account/reset", json!({"email": "ada@example.org"}))
        .await;
    let meeting = Invitation {
        id: MeetingId::parse(&id).unwrap(),
        host_key: new_key.clone(),
    };
    let with_both = Hello {
        host_key: Some(new_key.clone()),
        passcode: Some(PASSCODE.into()),
        ..hello(&meeting, "Ada")
    };
    let host = Person::enter(world.server.http(), with_both).await.unwrap();
    let with_code = Hello {
        passcode: Some(PASSCODE.into()),
        ..hello(&meeting, "Bob")
    };
    let guest = Person::enter(world.server.http(), with_code).await;
    let _wrong = Person::enter(
        world.server.http(),
        Hello {
            passcode: Some("a wrong passcode".into()),
            ..hello(&meeting, "Eve")
        },
    )
    .await;
    let cookie = world
        .ada
        .sign_in("ada@example.org", PASSWORD)
        .await
        .set_cookie
        .unwrap();
    let cookie = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    let mut secrets = vec![
        ("the first host key", key),
        ("the second host key", new_key),
        ("the passcode", PASSCODE.to_owned()),
        ("a wrong passcode", "a wrong passcode".to_owned()),
        ("the password", PASSWORD.to_owned()),
        ("a wrong password", "a wrong password tried".to_owned()),
        ("the API token", world.token.clone()),
        ("a feed's token", feed.trim_end_matches(".ics").to_owned()),
        ("an invitation's token", invitation),
        ("a session's cookie", cookie),
        ("a host's seat", host.token.clone()),
    ];
    if let Ok(guest) = guest {
        secrets.push(("a guest's seat", guest.token));
    }
    (secrets, id)
}

#[tokio::test]
async fn no_secret_is_logged_shown_or_stored() {
    let log = Log::default();
    let writer = log.clone();
    // The server's own filter leaves libraries out; here they are in as well.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let sink = Sink::start(&[]);
    let port = sink.as_ref().map(|s| s.port);
    let collector = Collector::start();
    let world = World::with(|config| {
        config.traces.otlp = Some(collector.url());
        config.traces.sample = Share::new(1.0).unwrap();
        if let Some(port) = port {
            listen(config, port);
        }
    })
    .await;
    let (secrets, id) = a_day(&world).await;
    let mut shown = Vec::new();
    let nobody = Browser::new(&world.server);
    for path in [
        format!("/m/{id}"),
        format!("/m/{id}/invite.ics"),
        format!("/m/{id}.ics"),
        format!("/api/v1/meetings/{id}"),
        "/".to_owned(),
    ] {
        shown.push((
            path.clone(),
            nobody.get(&path).await.body.replace("\r\n ", ""),
        ));
    }
    for path in [
        format!("/api/v1/meetings/{id}/plan"),
        "/api/v1/feeds".into(),
        "/api/v1/account/sessions".into(),
        "/api/v1/session".into(),
    ] {
        shown.push((path.clone(), world.ada.get(&path).await.body));
    }
    for path in [
        "/api/v1/accounts",
        "/api/v1/invitations",
        "/api/v1/audit",
        "/api/v1/admin/meetings",
        "/api/v1/admin/plans?from=1900000000000&until=1950000000000",
        "/api/v1/admin/policy",
    ] {
        shown.push((path.to_owned(), world.owner.get(path).await.body));
    }
    if let Some(mut sink) = sink {
        // Two: the invitation to the meeting, and that to an account, whose link is for its reader alone; the order is the queue's.
        let letters =
            tokio::task::spawn_blocking(move || (0..2).map(|_| sink.next()).collect::<Vec<_>>())
                .await
                .unwrap();
        for letter in letters.iter().filter(|l| l.to == ["bob@example.org"]) {
            let text = format!("{:?} {:?}", letter.headers, letter.parts).replace("\\r\\n ", "");
            shown.push(("the invitation's letter".into(), text));
        }
    }
    let data = world.server.dir.path().to_owned();
    world.server.running.shutdown().await;
    show_database(&data).await;
    for entry in std::fs::read_dir(data)
        .unwrap()
        .flatten()
        .filter(|e| e.path().is_file())
    {
        let bytes = std::fs::read(entry.path()).unwrap();
        shown.push((
            format!("the file {:?}", entry.file_name()),
            String::from_utf8_lossy(&bytes).into_owned(),
        ));
    }
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("meeting created"),
        "the log is not empty: {} bytes",
        log.len()
    );
    println!(
        "{} secrets, {} pages and files, {} lines of log",
        secrets.len(),
        shown.len(),
        log.lines().count()
    );
    shown.push(("the log".into(), log));
    assert!(collector.spans().len() > 20, "traces are not empty");
    shown.push(("the collector".into(), collector.text()));
    for (name, secret) in &secrets {
        assert!(secret.len() >= 8, "{name}");
        for (place, text) in &shown {
            if let Some(at) = text.find(secret.as_str()) {
                let near: String = text[..at]
                    .chars()
                    .rev()
                    .take(200)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect();
                panic!("{place} tells {name}, after: {near}");
            }
        }
    }
}

#[tokio::test]
async fn keys_of_others_and_keys_of_before_open_nothing() {
    let world = World::new().await;
    let (first, _) = world.meeting(json!({"title": "one"})).await;
    let (_, other) = made(
        world
            .ada
            .post("/api/v1/meetings", json!({"title": "two"}))
            .await,
    );
    let mut stranger = Browser::new(&world.server);
    for (name, value) in [
        ("x-host-key", other),
        ("x-host-key", String::new()),
        ("x-host-key", "0".repeat(26)),
        ("authorization", "Bearer ".into()),
        ("authorization", format!("Bearer {}0", world.token)),
        ("authorization", format!("Basic {}", world.token)),
        ("cookie", "confab=".into()),
        ("cookie", "__Host-confab=x; confab=y".into()),
    ] {
        stranger
            .headers
            .retain(|(n, _)| !["x-host-key", "authorization", "cookie"].contains(n));
        stranger.headers.push((name, value.clone()));
        let answer = stranger
            .get(&format!("/api/v1/meetings/{first}/plan"))
            .await;
        assert!(
            [401, 403].contains(&answer.status),
            "{name}: {value:?}: {}",
            answer.status
        );
    }
}
