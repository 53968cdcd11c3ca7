//! What admins see of meetings that run and do in them; that nobody else can. And whom a plan names as co-host.

use crate::common::{Invitation, Person, Server, Socket, hello, told};
use crate::support::{Browser, PASSWORD, person};
use crate::{ADA, BOB};
use confab_protocol::{
    AccountRole, AuditAction, AuditEntry, Code, CreateRule, LiveMeeting, LogLevel, Page, Role,
    ServerLog, ServerPolicy, SignUp,
};
use confab_server::config::{CreatePolicy, LogConfig, LogFormat};
use confab_server::{Config, Digest, fresh_secret};
use serde_json::{Value, json};

const LIVE: &str = "/api/v1/admin/meetings";

async fn live(admin: &Browser) -> Vec<LiveMeeting> {
    let answer = admin.get(LIVE).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json::<Page<LiveMeeting>>().items
}

/// A meeting of this person's.
pub async fn meeting(of: &Browser, title: &str) -> Invitation {
    let made = of.post("/api/v1/meetings", json!({ "title": title })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made: Value = made.json();
    let host = made["host_link"].as_str().unwrap();
    Invitation {
        id: serde_json::from_value(made["id"].clone()).unwrap(),
        host_key: host.split_once("#host=").unwrap().1.to_owned(),
    }
}

#[tokio::test]
async fn admins_see_who_is_where_send_out_and_end_and_all_of_it_is_noted() {
    let server = Server::start().await;
    let admin = person(&server, ADA, AccountRole::Admin).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let invitation = meeting(&bob, "Weekly").await;
    meeting(&bob, "Nobody is here").await;
    assert!(live(&admin).await.is_empty(), "nobody is in any");
    let mut host = Person::host(&server, &invitation, "Bob").await;
    let mut guest = Person::join(&server, &invitation, "Eve").await;

    let seen = live(&admin).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].title.as_str(), seen[0].owner.as_deref()),
        ("Weekly", Some(BOB))
    );
    assert!(seen[0].since.is_some() && !seen[0].locked);
    let people: Vec<_> = seen[0]
        .people
        .iter()
        .map(|p| (p.name.as_str(), p.role, p.waiting))
        .collect();
    let expected = [("Bob", Role::Host, false), ("Eve", Role::Guest, false)];
    assert_eq!(people, expected);

    let id = invitation.id.as_str();
    let out = |person: &str| format!("{LIVE}/{id}/people/{person}");
    for nobody in ["99", "x", "0"] {
        assert_eq!(admin.delete(&out(nobody)).await.code(), Code::NotFound);
    }
    let eve = seen[0].people[1].id.0.to_string();
    assert_eq!(admin.delete(&out(&eve)).await.status, 204);
    assert_eq!(guest.socket.end().await, Some(Code::Removed));
    let left = live(&admin).await;
    assert_eq!(left[0].people.len(), 1);

    let end = format!("{LIVE}/{id}/end");
    assert_eq!(admin.post(&end, Value::Null).await.status, 204);
    assert_eq!(host.socket.end().await, Some(Code::MeetingEnded));
    assert!(live(&admin).await.is_empty());
    let again = admin.post(&end, Value::Null).await;
    assert_eq!(again.code(), Code::MeetingNotFound);

    let log: Page<AuditEntry> = admin.get("/api/v1/audit").await.json();
    let noted: Vec<_> = log.items[..2]
        .iter()
        .map(|e| {
            (
                e.action,
                e.by.as_deref(),
                e.of.as_deref(),
                e.detail.as_deref(),
            )
        })
        .collect();
    let by = Some(ADA);
    let expected = [
        (AuditAction::MeetingEnded, by, Some("Weekly"), None),
        (AuditAction::PersonSentOut, by, Some("Weekly"), Some("Eve")),
    ];
    assert_eq!(noted, expected);
}

#[tokio::test]
async fn members_and_guests_are_refused() {
    let server = Server::start().await;
    person(&server, ADA, AccountRole::Owner).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let invitation = meeting(&bob, "Weekly").await;
    let _host = Person::host(&server, &invitation, "Bob").await;
    let id = invitation.id.as_str();
    let nobody = Browser::new(&server);
    for (method, path) in [
        ("GET", LIVE.to_owned()),
        ("GET", "/api/v1/admin/plans".to_owned()),
        ("GET", "/api/v1/admin/policy".to_owned()),
        ("GET", "/api/v1/admin/log".to_owned()),
        ("GET", "/api/v1/admin/calls".to_owned()),
        ("GET", "/api/v1/admin/calls/1".to_owned()),
        ("POST", format!("{LIVE}/{id}/end")),
        ("DELETE", format!("{LIVE}/{id}/people/1")),
    ] {
        let asked = bob.call(method, &path, Value::Null).await;
        assert_eq!(asked.code(), Code::NotAllowed, "{path}");
        let asked = nobody.call(method, &path, Value::Null).await;
        assert_eq!(asked.code(), Code::SignInNeeded, "{path}");
    }
    let info = bob.get(&format!("/api/v1/meetings/{id}")).await;
    let info: Value = info.json();
    assert_eq!(info["participants"], 1, "nothing was done");
}

#[tokio::test]
async fn admins_see_what_is_planned_and_what_the_configuration_says_without_secrets() {
    let digest = Digest::of(&fresh_secret()).to_hex();
    let server = Server::start_with(|config: &mut Config| {
        config.access.create = CreatePolicy::Account;
        config.access.tokens = vec![digest.clone()];
        config.accounts.sign_up = SignUp::Closed;
    })
    .await;
    let owner = person(&server, ADA, AccountRole::Owner).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let at = "2030-11-26T09:00:00";
    let slot = json!({ "start": at, "zone": "Europe/Berlin", "minutes": 30 });
    let schedule = json!({ "kind": "planned", "when": { "once": slot } });
    let made = json!({ "title": "In six years", "schedule": schedule });
    assert_eq!(bob.post("/api/v1/meetings", made).await.status, 201);
    let plans = "/api/v1/admin/plans?from=1920000000000&until=1930000000000";
    let plans: Value = owner.get(plans).await.json();
    let titles = plans["occurrences"].as_array().unwrap().iter();
    let titles: Vec<_> = titles.map(|o| &o["title"]).collect();
    assert_eq!(titles, ["In six years"]);
    let answer = owner.get("/api/v1/admin/policy").await;
    for secret in [digest.as_str(), PASSWORD] {
        assert!(!answer.body.contains(secret));
    }
    let policy: ServerPolicy = answer.json();
    assert_eq!(
        (policy.create, policy.sign_up, policy.tokens),
        (CreateRule::Account, SignUp::Closed, 1)
    );
    assert_eq!((policy.mail_from, policy.provider), (None, None));
}

#[tokio::test]
async fn the_log_level_is_set_by_admins_and_noted() {
    let server = Server::start().await;
    let owner = person(&server, ADA, AccountRole::Owner).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let path = "/api/v1/admin/log";
    let elsewhere = owner.get(path).await;
    assert_eq!(elsewhere.code(), Code::NotFound, "no log of its own yet");
    confab_server::log::init(&LogConfig {
        level: LogLevel::Error,
        format: LogFormat::Text,
    });
    let level = async || owner.get(path).await.json::<ServerLog>().level;
    assert_eq!(level().await, LogLevel::Error);
    let wanted = json!({ "level": "warn" });
    let refused = bob.call("PUT", path, wanted.clone()).await;
    assert_eq!(refused.code(), Code::NotAllowed);
    let wrong = owner.call("PUT", path, json!({ "level": "loud" })).await;
    assert_eq!(wrong.code(), Code::BadMessage);
    assert_eq!(level().await, LogLevel::Error);
    assert_eq!(owner.call("PUT", path, wanted).await.status, 200);
    assert_eq!(level().await, LogLevel::Warn);
    let log: Page<AuditEntry> = owner.get("/api/v1/audit").await.json();
    let noted = &log.items[0];
    let said = (noted.action, noted.by.as_deref(), noted.detail.as_deref());
    assert_eq!(said, (AuditAction::LogLevelSet, Some(ADA), Some("warn")));
}

#[tokio::test]
async fn whom_a_plan_names_joins_as_co_host_when_signed_in_also_after_a_change() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Member).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let invitation = meeting(&ada, "Weekly").await;
    let path = format!("/api/v1/meetings/{}", invitation.id.as_str());
    let role = async |cookie: &str| {
        let socket = Socket::open_with(server.http(), cookie).await;
        let came = Person::greet(socket, hello(&invitation, "Bob")).await;
        let came = came.unwrap();
        let all = &told(&came.welcome).participants;
        all.iter().find(|p| p.id == came.id).unwrap().role
    };
    let _host = Person::host(&server, &invitation, "Ada").await;
    assert_eq!(role(&bob.cookie()).await, Role::Participant);
    // While it runs; addresses are the same in any case, and named twice is named.
    let named = json!({ "co_hosts": ["BOB@example.org", BOB, "nobody@example.org"] });
    let plan: Value = ada.patch(&path, named).await.json();
    let expected = json!(["BOB@example.org", "nobody@example.org"]);
    assert_eq!(plan["co_hosts"], expected);
    assert_eq!(role(&bob.cookie()).await, Role::CoHost);
    assert_eq!(role("").await, Role::Guest, "not signed in");
    let info = Browser::new(&server).get(&path).await;
    assert!(!info.body.contains(BOB), "guests see no addresses");

    let many: Vec<_> = (0..21).map(|n| format!("p{n}@example.org")).collect();
    let many = ada.patch(&path, json!({ "co_hosts": many })).await;
    assert_eq!(many.code(), Code::BadValue);
    let named = json!({ "co_hosts": [BOB] });
    assert!(bob.patch(&path, named).await.status >= 400, "not Bob's");
    ada.patch(&path, json!({ "co_hosts": [] })).await;
    assert_eq!(role(&bob.cookie()).await, Role::Participant);
}
