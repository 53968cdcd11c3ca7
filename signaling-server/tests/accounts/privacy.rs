//! All that is kept of a person, to take along; and accounts that are deleted, by their people and by admins.

use crate::common::{Invitation, Person, Server, Socket, hello, told};
use crate::support::{Answer, Browser, PASSWORD, person};
use crate::{ADA, BOB};
use confab_protocol::{AccountRole, AuditAction, AuditEntry, Code, MeetingId, Page, Standing};
use serde_json::{Value, json};

const EXPORT: &str = "/api/v1/account/export";
const DELETE: &str = "/api/v1/account/delete";

/// A meeting of this person's, far ahead, with somebody invited.
async fn planned(of: &Browser) -> String {
    let when = json!({"once": {"start": "2040-03-05T09:00:00", "zone": "UTC", "minutes": 30}});
    let plan = json!({
        "title": "Far ahead", "schedule": {"kind": "planned", "when": when}, "passcode": "swordfish",
        "organizer": {"name": "Bob", "address": BOB},
        "invitees": [{"address": "carol@example.org", "name": "Carol"}],
    });
    let made = of.post("/api/v1/meetings", plan).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json::<Value>()["id"].as_str().unwrap().to_owned()
}

async fn enter(server: &Server, browser: &Browser, meeting: &Invitation, name: &str) -> Person {
    let socket = Socket::open_with(server.http(), &browser.cookie()).await;
    Person::greet(socket, hello(meeting, name)).await.unwrap()
}

async fn id_of(browser: &Browser) -> String {
    let standing: Standing = browser.get("/api/v1/session").await.json();
    standing.me.unwrap().id.to_string()
}

#[tokio::test]
async fn an_export_is_a_file_with_what_is_ones_own_and_no_secret() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let nobody = Browser::new(&server);
    assert_eq!(nobody.get(EXPORT).await.code(), Code::SignInNeeded);
    planned(&bob).await;
    let meeting = server.meeting().await;
    let mut there = enter(&server, &bob, &meeting, "Bobby").await;
    there.say("words of Bob's").await;
    let mut other = enter(&server, &ada, &meeting, "Ada").await;
    other.say("words of Ada's").await;

    let answer = bob.get(EXPORT).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let header = |name: &str| answer.headers.iter().find(|(n, _)| n == name);
    let how = &header("content-disposition").unwrap().1;
    assert_eq!(how, "attachment; filename=\"confab-data.json\"");
    assert_eq!(answer.cache, "no-store");
    let export: Value = answer.json();
    assert_eq!(export["account"]["email"], BOB);
    assert_eq!(export["meetings"][0]["title"], "Far ahead");
    assert_eq!(export["attended"][0]["name"], "Bobby");
    assert_eq!(export["chat"][0]["message"]["text"], "words of Bob's");
    assert_eq!(export["chat"].as_array().unwrap().len(), 1);
    assert!(!export["sessions"].as_array().unwrap().is_empty());
    for secret in ["argon2", "words of Ada's", "passcode", "token", ADA] {
        assert!(!answer.body.contains(secret), "{secret}: {}", answer.body);
    }
    let log: Page<AuditEntry> = ada.get("/api/v1/audit").await.json();
    let noted = log
        .items
        .iter()
        .find(|e| e.action == AuditAction::DataExported);
    assert_eq!(noted.unwrap().by.as_deref(), Some(BOB));
    let mut refused = 0;
    for _ in 0..10 {
        refused += u32::from(bob.get(EXPORT).await.status == 429);
    }
    assert!(refused > 0, "each reads all there is");
}

#[tokio::test]
async fn who_deletes_the_account_has_to_mean_it_and_is_then_forgotten() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let ahead = planned(&bob).await;
    let meeting = server.meeting().await;
    let mut there = enter(&server, &bob, &meeting, "Bobby").await;
    there.say("words of Bob's").await;
    there.socket.close().await;

    let wish = |email: &str, password: &str| json!({"email": email, "password": password});
    let slip = bob.post(DELETE, wish(ADA, PASSWORD)).await;
    assert_eq!(slip.code(), Code::BadValue);
    let wrong = bob.post(DELETE, wish(BOB, "not the password")).await;
    assert_eq!(wrong.code(), Code::WrongPassword);
    assert_eq!(bob.get("/api/v1/account/sessions").await.status, 200);
    let gone = bob.post(DELETE, wish("  BOB@example.org ", PASSWORD)).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    assert!(!bob.has_cookie());
    let again = Browser::new(&server);
    assert_eq!(
        again.sign_in(BOB, PASSWORD).await.code(),
        Code::WrongPassword
    );

    let log = ada.get("/api/v1/audit").await;
    assert!(!log.body.contains(BOB), "{}", log.body);
    assert!(log.body.contains("account_deleted"), "{}", log.body);
    let ahead = Invitation {
        id: MeetingId::parse(&ahead).unwrap(),
        host_key: String::new(),
    };
    let refused = Person::enter(server.http(), hello(&ahead, "Carol")).await;
    assert_eq!(refused.err(), Some(Code::MeetingCancelled));
    // Whoever comes now reads nothing of it, once the meeting has slept; after a restart at the latest.
    let server = server.restart().await;
    let eve = Person::join(&server, &meeting, "Eve").await;
    let said = &told(&eve.welcome).chat;
    assert!(said.is_empty(), "{said:?}");
    // The address is free again.
    person(&server, BOB, AccountRole::Member).await;
}

#[tokio::test]
async fn admins_delete_members_and_the_last_owner_stays() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let bob = person(&server, BOB, AccountRole::Admin).await;
    let carol = person(&server, "carol@example.org", AccountRole::Member).await;
    let path = |id: &str| format!("/api/v1/accounts/{id}");
    let (ada_id, bob_id, carol_id) = (id_of(&ada).await, id_of(&bob).await, id_of(&carol).await);
    assert_eq!(carol.delete(&path(&bob_id)).await.code(), Code::NotAllowed);
    assert_eq!(bob.delete(&path(&ada_id)).await.code(), Code::NotAllowed);
    assert_eq!(bob.delete(&path(&bob_id)).await.code(), Code::NotAllowed);
    assert_eq!(ada.delete(&path(&ada_id)).await.code(), Code::NotAllowed);
    assert_eq!(bob.delete(&path("x")).await.code(), Code::NotFound);
    let own = json!({"email": ADA, "password": PASSWORD});
    assert_eq!(ada.post(DELETE, own).await.code(), Code::LastOwner);
    assert_eq!(ada.get("/api/v1/account/sessions").await.status, 200);

    assert_eq!(bob.delete(&path(&carol_id)).await.status, 204);
    assert_eq!(carol.get("/api/v1/account/sessions").await.status, 401);
    assert_eq!(bob.delete(&path(&carol_id)).await.code(), Code::NotFound);
    let log: Page<AuditEntry> = ada.get("/api/v1/audit").await.json();
    let deed = log
        .items
        .iter()
        .find(|e| e.action == AuditAction::AccountDeleted);
    let deed = deed.unwrap();
    assert_eq!(
        (deed.by.as_deref(), deed.of.as_deref()),
        (Some(BOB), Some("[deleted]"))
    );
}

/// A file of so many bytes into a meeting, by whoever sits there.
async fn upload(server: &Server, meeting: &Invitation, by: &Person, size: usize) -> Answer {
    let mut sender = Browser::new(server);
    sender.headers.retain(|(name, _)| *name != "content-type");
    let seat = format!("{}:{}", by.id.0, by.token);
    let kind = "application/octet-stream".to_owned();
    sender
        .headers
        .extend([("x-seat", seat), ("content-type", kind)]);
    let path = format!("/api/v1/meetings/{}/files?name=a.txt", meeting.id);
    sender.post(&path, Value::String("x".repeat(size))).await
}

#[tokio::test]
async fn the_quota_of_an_account_holds_over_all_its_meetings_and_for_nobody_else() {
    let server = Server::start_with(|config| config.files.account_mb = 1).await;
    let bob = person(&server, BOB, AccountRole::Member).await;
    let (first, second) = (server.meeting().await, server.meeting().await);
    let there = enter(&server, &bob, &first, "Bob").await;
    let up = upload(&server, &first, &there, 600_000).await;
    assert_eq!(up.status, 201, "{}", up.body);
    let elsewhere = enter(&server, &bob, &second, "Bob").await;
    let over = upload(&server, &second, &elsewhere, 600_000).await;
    assert_eq!((over.status, over.code()), (507, Code::QuotaExceeded));
    let fits = upload(&server, &second, &elsewhere, 300_000).await;
    assert_eq!(fits.status, 201, "{}", fits.body);
    let eve = Person::join(&server, &second, "Eve").await;
    let guest = upload(&server, &second, &eve, 600_000).await;
    assert_eq!(guest.status, 201, "{}", guest.body);
}
