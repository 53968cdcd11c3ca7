//! What a collector is told: which spans, below which, with what in them; and what becomes of the server when it is away.

use crate::collector::{Collector, Told};
use crate::common::{Invitation, Person, Server, hello};
use crate::people::{self, Browser};
use crate::receiver::Receiver;
use confab_protocol::{
    AccountRole, Hello, HookEvent, MeetingId, Offer, Publish, ReplyBody, Request, Source,
};
use confab_server::Config;
use confab_server::backup::backup;
use confab_server::config::{MailTls, Share};
use confab_transport::driver::{Driver, DriverConfig, DriverEvent, DriverHandle};
use confab_transport::{MediaPlan, SendLine};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Kinds of spans, as OTLP numbers them.
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
/// Why a trace begins elsewhere.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn told_to(collector: &Collector) -> impl FnOnce(&mut Config) {
    let otlp = Some(collector.url());
    move |config| {
        config.traces.otlp = otlp;
        config.traces.sample = Share::new(1.0).unwrap();
    }
}

/// A meeting made by the API.
async fn meeting(server: &Server) -> Invitation {
    let browser = Browser::new(server);
    let plan = json!({"title": "Quarterly secrets"});
    let made = browser.post("/api/v1/meetings", plan).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made: Value = made.json();
    let link = made["host_link"].as_str().unwrap();
    Invitation {
        id: MeetingId::parse(made["id"].as_str().unwrap()).unwrap(),
        host_key: link.split_once("#host=").unwrap().1.to_owned(),
    }
}

/// Offers a microphone and waits until media is connected.
async fn connect(person: &mut Person) -> DriverHandle {
    let driver = Driver::start(DriverConfig::new("traced")).unwrap();
    driver.create_offer(MediaPlan {
        sends: vec![SendLine {
            source: Source::Microphone,
            rids: vec![],
            codecs: vec![],
        }],
        audio_slots: 1,
        video_slots: 0,
    });
    let offer = wait(&driver, |event| match event {
        DriverEvent::Offer(offer) => Some(offer),
        _ => None,
    })
    .await;
    let publish = offer.publish.iter().map(|(mid, source)| Publish {
        mid: mid.as_str().into(),
        source: *source,
        layers: vec![],
    });
    let asked = Request::Offer(Offer {
        generation: 1,
        sdp: offer.sdp.clone(),
        publish: publish.collect(),
    });
    let ReplyBody::Answer { sdp, .. } = person.ask(asked).await.unwrap() else {
        panic!("no answer")
    };
    driver.accept_answer(sdp);
    wait(&driver, |event| {
        matches!(event, DriverEvent::Connected { .. }).then_some(())
    })
    .await;
    driver
}

async fn wait<T>(driver: &DriverHandle, mut pick: impl FnMut(DriverEvent) -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        assert!(Instant::now() < deadline, "the transport says nothing");
        while let Ok(event) = driver.events.try_recv() {
            if let Some(found) = pick(event) {
                return found;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// One of this name below `parent`.
fn below(all: &[Told], parent: &Told, name: &str) -> Told {
    let found: Vec<&Told> = all
        .iter()
        .filter(|s| s.name == name && s.parent == parent.id && s.trace == parent.trace)
        .collect();
    let names: Vec<(&str, bool)> = all
        .iter()
        .map(|s| (s.name.as_str(), s.parent == parent.id))
        .collect();
    assert!(!found.is_empty(), "{name} below {}: {names:?}", parent.name);
    found[0].clone()
}

#[tokio::test]
async fn a_meeting_made_and_joined_is_told_stage_by_stage_without_a_word_of_whom() {
    let collector = Collector::start();
    let server = Server::start_with(told_to(&collector)).await;
    let invitation = meeting(&server).await;
    let greeting = Hello {
        host_key: Some(invitation.host_key.clone()),
        ..hello(&invitation, "Ada Lovelace")
    };
    let mut host = Person::enter(server.http(), greeting).await.unwrap();
    let driver = connect(&mut host).await;
    collector.wait("join media").await;
    let page = format!("/m/{}?from=secret-query", invitation.id);
    assert_eq!(Browser::new(&server).get(&page).await.status, 200);
    assert_eq!(Browser::new(&server).get("/healthz").await.status, 200);
    let unknown = "MYSTERY";
    Browser::new(&server)
        .call(unknown, "/nowhere-to-be-told", Value::Null)
        .await;
    let token = host.token.clone();
    drop((driver, host));
    server.running.shutdown().await;

    let all = collector.spans();
    let named = |name: &str| {
        let found = all.iter().find(|s| s.name == name);
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let created = named("POST /api/v1/meetings");
    assert_eq!((created.kind, created.parent.len()), (SERVER, 0));
    assert_eq!(created.said["http.response.status_code"], "201");
    assert_eq!(created.said["http.request.method"], "POST");
    assert_eq!(created.said["http.route"], "/api/v1/meetings");
    let written = below(&all, &created, "database write");
    assert_eq!(written.kind, CLIENT);
    let system = &written.said["db.system.name"];
    assert!(["sqlite", "postgresql"].contains(&system.as_str()));

    let opened = named("GET /ws");
    assert_eq!(opened.said["http.response.status_code"], "101");
    let join = below(&all, &opened, "join");
    assert!(!join.failed, "{join:?}");
    let mut stages = 0;
    for stage in ["hello", "ticket", "room", "answer", "media"] {
        let stage = below(&all, &join, &format!("join {stage}"));
        assert!(!stage.failed, "{stage:?}");
        stages += stage.took;
    }
    assert!(stages <= join.took, "the stages come one after the other");
    let room = below(&all, &join, "join room");
    below(&all, &room, "database write");

    assert_eq!(named("GET /m/{meeting}").said["http.route"], "/m/{meeting}");
    assert!(
        all.iter().any(|s| s.name == "_OTHER"),
        "a method of its own"
    );
    assert!(!all.iter().any(|s| s.name.contains("health")));
    let resource = collector.resource();
    assert_eq!(resource["service.name"], "confab-server");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));

    let text = collector.text();
    for secret in [
        invitation.id.as_str(),
        &invitation.host_key,
        &token,
        "Lovelace",
        "Quarterly",
        "secret-query",
        "nowhere-to-be-told",
        unknown,
        "127.0.0.1",
        "Firefox",
    ] {
        assert!(!text.contains(secret), "{secret} was told");
    }
}

#[tokio::test]
async fn letters_webhooks_and_backups_are_told_too() {
    let (collector, receiver) = (Collector::start(), Receiver::start());
    // Nobody is there any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let on = told_to(&collector);
    let mut config = None;
    let server = Server::start_with(|c| {
        on(c);
        c.webhooks.private = true;
        c.mail.host = Some("127.0.0.1".into());
        c.mail.port = Some(closed.unwrap().port());
        c.mail.tls = MailTls::Off;
        c.mail.from = Some("Confab <confab@example.org>".into());
        config = Some(c.clone());
    })
    .await;
    let owner = people::person(&server, "owner@example.org", AccountRole::Owner).await;
    let events = [HookEvent::MeetingStarted];
    let hook = json!({"url": receiver.url(), "events": events});
    let made = owner.post("/api/v1/admin/webhooks", hook).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let person = Person::join(&server, &server.meeting().await, "Robert Tables").await;
    receiver.wait(1).await;
    let delivery = collector.wait("webhook delivery").await;
    assert_eq!(delivery.said["http.response.status_code"], "204");
    assert_eq!((delivery.kind, delivery.failed), (CLIENT, false));
    drop(person);

    let wish = json!({"email": "owner@example.org"});
    owner.post("/api/v1/account/reset", wish).await;
    let letter = collector.wait("mail delivery").await;
    assert!(letter.failed);
    assert_eq!(letter.said["error.type"], "not_now");
    let asked = collector.wait("POST /api/v1/account/reset").await;
    assert_eq!(letter.trace, asked.trace);
    assert_eq!(letter.parent, asked.id);

    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup.tar");
    let made = backup(&config.unwrap(), None, &to).await.unwrap();
    let whole = collector.wait("backup").await;
    let all = collector.spans();
    assert_eq!(whole.said["confab.backup.bytes"], made.size.to_string());
    below(&all, &whole, "backup database");
    below(&all, &whole, "backup archive");
    let text = collector.text();
    for secret in [
        "owner@example",
        "example.org",
        "Tables",
        people::PASSWORD,
        "/hook",
        "backup.tar",
    ] {
        assert!(!text.contains(secret), "{secret} was told");
    }
    server.running.shutdown().await;
}

#[tokio::test]
async fn a_trace_begun_elsewhere_is_believed_from_a_proxy_alone() {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
    for behind_proxy in [false, true] {
        let collector = Collector::start();
        let on = told_to(&collector);
        let server = Server::start_with(|c| {
            on(c);
            c.behind_proxy = behind_proxy;
            let public = "https://meet.example.org".to_owned();
            c.public_url = behind_proxy.then_some(public);
        })
        .await;
        let mut browser = Browser::new(&server);
        browser.headers.clear();
        let sampled = format!("00-{TRACE}-{PARENT}-01");
        browser.headers.push(("traceparent", sampled));
        browser.headers.push(("tracestate", "vendor=words".into()));
        browser.get("/api/v1/openapi.json").await;
        let told = collector.wait("GET /api/v1/openapi.json").await;
        let is_theirs = hex(&told.trace) == TRACE && hex(&told.parent) == PARENT;
        assert_eq!(is_theirs, behind_proxy, "{told:?}");
        assert_eq!(told.parent.is_empty(), !behind_proxy);

        // What they chose not to be told.
        browser.headers[0].1 = format!("00-{TRACE}-{PARENT}-00");
        browser.get("/account").await;
        // And nonsense begins a trace of our own.
        browser.headers[0].1 = "00-nonsense".into();
        browser.get("/check").await;
        server.running.shutdown().await;
        assert_eq!(
            collector.named("GET /account").len(),
            usize::from(!behind_proxy)
        );
        assert_eq!(collector.named("GET /check")[0].parent, Vec::<u8>::new());
        assert!(!collector.text().contains("vendor"));
    }
}

#[tokio::test]
async fn a_collector_that_is_away_or_never_answers_holds_up_nothing() {
    let away = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = away.local_addr().unwrap();
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    drop(away);
    for (address, counts) in [(address, true), (silent.local_addr().unwrap(), false)] {
        let server = Server::start_with(|c| {
            c.traces.otlp = Some(format!("http://{address}"));
            c.traces.sample = Share::new(1.0).unwrap();
        })
        .await;
        let invitation = meeting(&server).await;
        let mut host = Person::host(&server, &invitation, "Ada").await;
        if counts {
            for _ in 0..400 {
                if server.running.counters().spans_dropped > 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let counters = server.running.counters();
            assert!(counters.spans_dropped > 0 && counters.spans_sent == 0);
        }
        host.say("still here").await;
        Person::join(&server, &invitation, "Bob").await;
        server.running.shutdown().await;
    }
}

#[tokio::test]
async fn nobody_is_told_anything_unless_the_operator_names_them() {
    let server = Server::start().await;
    let invitation = meeting(&server).await;
    Person::host(&server, &invitation, "Ada").await;
    let counters = server.running.counters();
    assert_eq!((counters.spans_sent, counters.spans_dropped), (0, 0));
    assert_eq!(Config::default().traces.otlp, None);
}
