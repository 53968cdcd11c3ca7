//! Webhooks against a real receiver: what it is told, how it is signed, what happens when it fails, is away, or wants no more.

use crate::common::{Person, Server};
use crate::people::{self, Browser};
use crate::receiver::Receiver;
use confab_protocol::{
    AccountRole, Code, Delivery, DeliveryState, DeliveryTrouble, HookEvent, Page, Request, Webhook,
    WebhookMade,
};
use confab_server::Config;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::Duration;

const HOOKS: &str = "/api/v1/admin/webhooks";

fn nearby(config: &mut Config) {
    config.webhooks.private = true;
    config.webhooks.retry_seconds = 1;
    config.webhooks.tries = 2;
}

async fn owner(server: &Server) -> Browser {
    people::person(server, "owner@example.org", AccountRole::Owner).await
}

async fn hook(owner: &Browser, url: &str, events: &[HookEvent]) -> WebhookMade {
    let made = owner
        .post(HOOKS, json!({"url": url, "events": events}))
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()
}

async fn hooks(owner: &Browser) -> Vec<Webhook> {
    owner.get(HOOKS).await.json::<Page<Webhook>>().items
}

/// Waits until the newest letter is in this state.
async fn settled(owner: &Browser, hook: &str, state: DeliveryState) -> Delivery {
    let path = format!("{HOOKS}/{hook}/deliveries");
    for _ in 0..400 {
        let page: Page<Delivery> = owner.get(&path).await.json();
        if let Some(first) = page.items.first()
            && first.state == state
        {
            return first.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no letter is {state:?}");
}

fn planned() -> Value {
    json!({"title": "Review", "schedule": {"kind": "planned", "when": {"once": {
        "start": "2030-11-26T09:00:00", "zone": "UTC", "minutes": 30}}}})
}

#[tokio::test]
async fn a_receiver_is_told_what_happens_in_its_order_and_signed() {
    let server = Server::start_with(nearby).await;
    let (owner, receiver) = (owner(&server).await, Receiver::start());
    let made = hook(&owner, &receiver.url(), &HookEvent::ALL).await;
    assert!(made.webhook.enabled && made.secret.starts_with("whsec_"));
    assert!(!owner.get(HOOKS).await.body.contains(&made.secret));

    let invitation = server.meeting().await;
    let host = Person::host(&server, &invitation, "Ada").await;
    let mut bob = Person::join(&server, &invitation, "Bob").await;
    bob.socket.send(Request::Leave).await;
    bob.socket.end().await;
    let mut host = host;
    host.socket.send(Request::HostEnd).await;
    host.socket.end().await;

    let got = receiver.wait(6).await;
    let events: Vec<String> = got.iter().map(|l| l.event()).collect();
    assert_eq!(
        events,
        [
            "meeting.started",
            "participant.joined",
            "participant.joined",
            "participant.left",
            "participant.left",
            "meeting.ended"
        ]
    );
    for letter in &got {
        assert!(letter.is_signed_by(&made.secret), "{letter:?}");
        assert!(!letter.is_signed_by("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        assert_eq!(letter.headers["content-type"], "application/json");
        let data = &letter.json()["data"];
        assert_eq!(
            data["meeting"],
            json!({"id": invitation.id, "title": "Planning"})
        );
    }
    assert_eq!(got[2].json()["data"]["participant"]["name"], "Bob");
    assert_eq!(got[5].json()["data"]["for_all"], true);
    let ids: std::collections::BTreeSet<&str> = got.iter().map(|l| l.id()).collect();
    assert_eq!(ids.len(), 6, "each letter has an id of its own");

    let plan = owner.post("/api/v1/meetings", planned()).await;
    let id = plan.json::<Value>()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/meetings/{id}");
    owner.patch(&path, json!({"title": "Review, anew"})).await;
    owner.post(&format!("{path}/cancel"), Value::Null).await;
    let got = receiver.wait(9).await;
    let events: Vec<String> = got[6..].iter().map(|l| l.event()).collect();
    assert_eq!(
        events,
        ["meeting.planned", "meeting.changed", "meeting.cancelled"]
    );
    assert_eq!(
        got[6].json()["data"]["plan"]["begins_at"],
        1_921_914_000_000_u64
    );
    assert_eq!(got[7].json()["data"]["meeting"]["title"], "Review, anew");
}

#[tokio::test]
async fn a_receiver_is_told_what_it_chose_alone_also_of_what_the_command_line_does() {
    let server = Server::start_with(nearby).await;
    let (owner, receiver) = (owner(&server).await, Receiver::start());
    hook(&owner, &receiver.url(), &[HookEvent::MeetingPlanned]).await;
    let invitation = server.meeting().await;
    let host = Person::host(&server, &invitation, "Ada").await;
    host.socket.close().await;
    let offline = people::offline(&server).await;
    offline.plan(planned()).await.unwrap();
    offline.close().await.unwrap();
    let got = receiver.wait(1).await;
    assert_eq!(got[0].event(), "meeting.planned");
    // The receiver has it a moment before the database knows.
    for _ in 0..100 {
        if hooks(&owner).await[0].waiting == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(hooks(&owner).await[0].waiting, 0);
}

#[tokio::test]
async fn a_letter_that_fails_is_tried_again_given_up_and_sent_again_by_hand() {
    let server = Server::start_with(nearby).await;
    let (owner, receiver) = (owner(&server).await, Receiver::start());
    receiver.answer(500);
    let made = hook(&owner, &receiver.url(), &[HookEvent::MeetingPlanned]).await;
    let id = &made.webhook.id;
    owner.post("/api/v1/meetings", planned()).await;
    let dead = settled(&owner, id, DeliveryState::Dead).await;
    assert_eq!((dead.tries, dead.status), (2, Some(500)));
    assert_eq!(hooks(&owner).await[0].dead, 1);
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    assert_eq!((got[0].id(), &got[0].body), (got[1].id(), &got[1].body));

    receiver.answer(200);
    let again = format!("{HOOKS}/{id}/deliveries/{}/send", dead.id);
    assert_eq!(owner.post(&again, Value::Null).await.status, 202);
    let arrived = settled(&owner, id, DeliveryState::Arrived).await;
    assert_eq!((arrived.id, arrived.status), (dead.id, Some(200)));
    let now = &hooks(&owner).await[0];
    assert_eq!((now.dead, now.waiting), (0, 0));
    assert!(now.arrived_at.is_some());
    let unknown = format!("{HOOKS}/{id}/deliveries/msg_x/send");
    assert_eq!(owner.post(&unknown, Value::Null).await.status, 404);
}

#[tokio::test]
async fn what_waits_outlives_a_kill_of_the_server() {
    let mut server = Server::start_with(|config| {
        nearby(config);
        config.webhooks.tries = 20;
    })
    .await;
    let owner = owner(&server).await;
    // Taken and closed: nobody listens there now.
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let url = format!("http://{address}/hook");
    let made = hook(&owner, &url, &[HookEvent::MeetingPlanned]).await;
    owner.post("/api/v1/meetings", planned()).await;
    let path = format!("{HOOKS}/{}/deliveries", made.webhook.id);
    for _ in 0..400 {
        let page: Page<Delivery> = owner.get(&path).await.json();
        if page.items[0].tries > 0 {
            assert_eq!(page.items[0].trouble, Some(DeliveryTrouble::Unreachable));
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let Server { running, dir } = server;
    drop(running);
    let receiver = Receiver::on(TcpListener::bind(address).unwrap());
    let mut config = Config::ephemeral(dir.path());
    nearby(&mut config);
    config.webhooks.tries = 20;
    let running = confab_server::start(config).await.unwrap();
    server = Server { running, dir };
    let got = receiver.wait(1).await;
    assert_eq!(got[0].event(), "meeting.planned");
    assert!(got[0].is_signed_by(&made.secret));
    drop(server);
}

#[tokio::test]
async fn who_answers_410_gets_no_more_until_it_is_switched_on() {
    let server = Server::start_with(nearby).await;
    let (owner, receiver) = (owner(&server).await, Receiver::start());
    receiver.answer(410);
    let made = hook(&owner, &receiver.url(), &[HookEvent::MeetingPlanned]).await;
    let path = format!("{HOOKS}/{}", made.webhook.id);
    assert_eq!(
        owner
            .post(&format!("{path}/test"), Value::Null)
            .await
            .status,
        202
    );
    assert_eq!(receiver.wait(1).await[0].event(), "webhook.test");
    settled(&owner, &made.webhook.id, DeliveryState::Dead).await;
    for _ in 0..400 {
        if hooks(&owner).await[0].gone {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let now = &hooks(&owner).await[0];
    assert!(now.gone && !now.enabled);
    owner.post("/api/v1/meetings", planned()).await;
    assert_eq!(
        hooks(&owner).await[0].waiting,
        0,
        "nothing is put down for it"
    );
    receiver.answer(204);
    let on: Webhook = owner.patch(&path, json!({"enabled": true})).await.json();
    assert!(on.enabled && !on.gone);
    owner.post("/api/v1/meetings", planned()).await;
    assert_eq!(receiver.wait(2).await[1].event(), "meeting.planned");
    assert_eq!(owner.delete(&path).await.status, 204);
    assert_eq!(hooks(&owner).await, []);
}

#[tokio::test]
async fn receivers_in_the_servers_own_network_are_refused_unless_it_is_allowed() {
    let server = Server::start().await;
    let owner = owner(&server).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for url in [
        format!("http://127.0.0.1:{port}/hook"),
        format!("https://127.0.0.1:{port}/hook"),
        format!("https://[::1]:{port}/hook"),
        "https://169.254.169.254/latest/meta-data".into(),
        "https://10.0.0.1/".into(),
        "http://hooks.example.org/".into(),
        "file:///etc/passwd".into(),
        "https://user:secret@hooks.example.org/".into(),
        String::new(),
    ] {
        let wish = json!({"url": url, "events": ["meeting.started"]});
        let refused = owner.post(HOOKS, wish).await;
        assert_eq!(
            (refused.status, refused.code()),
            (422, Code::WebhookAddress),
            "{url}"
        );
    }
    // A name that leads inside is taken, and never knocked at.
    let url = format!("https://localhost:{port}/hook");
    let made = hook(&owner, &url, &[HookEvent::MeetingStarted]).await;
    let path = format!("{HOOKS}/{}", made.webhook.id);
    owner.post(&format!("{path}/test"), Value::Null).await;
    let dead = settled(&owner, &made.webhook.id, DeliveryState::Dead).await;
    assert_eq!(
        (dead.tries, dead.trouble),
        (1, Some(DeliveryTrouble::Forbidden))
    );
    assert!(listener.accept().is_err(), "somebody knocked");
    let moved = json!({"url": "https://127.0.0.1/"});
    assert_eq!(owner.patch(&path, moved).await.code(), Code::WebhookAddress);
}

#[tokio::test]
async fn webhooks_are_admins_and_bounded() {
    let server = Server::start().await;
    let owner = owner(&server).await;
    let ada = people::person(&server, "ada@example.org", AccountRole::Member).await;
    let wish = |n: u32| json!({"url": format!("https://hooks.example.org/{n}"), "events": ["meeting.started"]});
    assert_eq!(ada.post(HOOKS, wish(0)).await.code(), Code::NotAllowed);
    assert_eq!(ada.get(HOOKS).await.code(), Code::NotAllowed);
    for events in [json!([]), json!(["webhook.test"])] {
        let wish = json!({"url": "https://hooks.example.org/", "events": events});
        assert_eq!(owner.post(HOOKS, wish).await.code(), Code::BadValue);
    }
    for n in 0..20 {
        assert_eq!(owner.post(HOOKS, wish(n)).await.status, 201);
    }
    let refused = owner.post(HOOKS, wish(20)).await;
    assert_eq!((refused.status, refused.code()), (409, Code::TooMany));
    let unknown = format!("{HOOKS}/nobody");
    assert_eq!(owner.delete(&unknown).await.status, 404);
}
