//! Passkeys over HTTP with an authenticator in software, and every operation of the document about accounts once.

use crate::api::Document;
use crate::apps::App;
use crate::common::Server;
use crate::support::{Answer, Browser, PASSWORD, offline, token_in};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use confab_protocol::{
    AccountRole, AuditAction, AuditEntry, Code, Invited, NewPasskeyChallenge, Page, Passkey,
    PasskeyChallenge, SignUp, SignedIn, WaysIn,
};
use confab_server::config::MailTls;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const ADA: &str = "ada@example.org";
const BOB: &str = "bob@example.org";
/// Passkeys need a name; nobody has to listen there.
const PUBLIC: &str = "http://localhost:1";

async fn server() -> Server {
    Server::start_with(|config| config.public_url = Some(PUBLIC.into())).await
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// One passkey, as an authenticator and the page together make it.
struct Device {
    key: EcdsaKeyPair,
    credential: Vec<u8>,
    counter: u32,
    flags: u8,
    rp_id: &'static str,
    origin: &'static str,
}

impl Device {
    fn new(credential: &[u8]) -> Device {
        let how = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(how, &SystemRandom::new()).unwrap();
        Device {
            key: EcdsaKeyPair::from_pkcs8(how, made.as_ref()).unwrap(),
            credential: credential.to_vec(),
            counter: 1,
            flags: 0b101,
            rp_id: "localhost",
            origin: PUBLIC,
        }
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn data(&self, attested: bool) -> Vec<u8> {
        let hash: [u8; 32] = Sha256::digest(self.rp_id.as_bytes()).into();
        let flags = self.flags | if attested { 1 << 6 } else { 0 };
        let mut data = [&hash[..], &[flags], &self.counter.to_be_bytes()].concat();
        if attested {
            data.extend([0; 16]);
            data.extend((self.credential.len() as u16).to_be_bytes());
            data.extend(&self.credential);
        }
        data
    }

    fn create(&self, name: &str, challenge: &str) -> Value {
        let spki: PublicKeyX509Der<'_> = self.key.public_key().as_der().unwrap();
        json!({
            "name": name, "credential": b64(&self.credential), "key": b64(spki.as_ref()), "algorithm": -7,
            "client_data": b64(&self.client_data("webauthn.create", challenge)),
            "authenticator_data": b64(&self.data(true)),
        })
    }

    fn get(&self, challenge: &str) -> Value {
        let (client, data) = (
            self.client_data("webauthn.get", challenge),
            self.data(false),
        );
        let hash: [u8; 32] = Sha256::digest(&client).into();
        let message = [&data[..], &hash].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message).unwrap();
        json!({
            "credential": b64(&self.credential), "client_data": b64(&client),
            "authenticator_data": b64(&data), "signature": b64(signature.as_ref()),
        })
    }
}

async fn challenge(browser: &Browser) -> String {
    let asked = browser
        .post("/api/v1/session/passkey/challenge", Value::Null)
        .await;
    asked.json::<PasskeyChallenge>().challenge
}

async fn add(browser: &Browser, device: &Device, name: &str) -> Answer {
    let asked = browser
        .post("/api/v1/account/passkeys/challenge", Value::Null)
        .await;
    let asked: NewPasskeyChallenge = asked.json();
    let wish = device.create(name, &asked.challenge);
    browser.post("/api/v1/account/passkeys", wish).await
}

async fn enter(browser: &Browser, device: &Device) -> Answer {
    let challenge = challenge(browser).await;
    browser
        .post("/api/v1/session/passkey", device.get(&challenge))
        .await
}

async fn ada(server: &Server, document: &Arc<Document>) -> Browser {
    let offline = offline(server).await;
    offline
        .add_account(ADA, "Ada", AccountRole::Owner, Some(PASSWORD.into()))
        .await
        .unwrap();
    offline.close().await.unwrap();
    let browser = Browser::with(server, Arc::clone(document));
    assert_eq!(browser.sign_in(ADA, PASSWORD).await.status, 200);
    browser
}

fn document() -> Arc<Document> {
    Arc::new(Document::read(include_str!("../../../docs/openapi.json")))
}

#[tokio::test]
async fn what_an_authenticator_answers_has_to_hold_in_every_part() {
    let (server, document) = (server().await, document());
    let ada = ada(&server, &document).await;
    let mut device = Device::new(b"one");
    assert_eq!(add(&ada, &device, "Key").await.status, 201);
    assert_eq!(
        add(&ada, &device, "Twice").await.code(),
        Code::PasskeyRefused
    );

    let stranger = Browser::with(&server, Arc::clone(&document));
    device.counter = 2;
    let entered = enter(&stranger, &device).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    assert_eq!(stranger.standing().await.me.unwrap().email, ADA);

    assert_eq!(
        enter(&stranger, &device).await.code(),
        Code::PasskeyRefused,
        "its counter"
    );
    device.counter = 3;
    let wrong: [fn(&mut Device); 5] = [
        |d| d.flags = 0b001,
        |d| d.rp_id = "evil.example",
        |d| d.origin = "https://evil.example",
        |d| d.key = Device::new(b"").key,
        |d| d.credential = b"unknown".to_vec(),
    ];
    for (i, change) in wrong.into_iter().enumerate() {
        let mut other = Device::new(b"one");
        let how = &ECDSA_P256_SHA256_ASN1_SIGNING;
        other.key =
            EcdsaKeyPair::from_pkcs8(how, device.key.to_pkcs8v1().unwrap().as_ref()).unwrap();
        other.counter = device.counter;
        change(&mut other);
        assert_eq!(
            enter(&stranger, &other).await.code(),
            Code::PasskeyRefused,
            "{i}"
        );
        // A right one in between, so that the address has not to wait.
        assert_eq!(enter(&stranger, &device).await.status, 200);
        device.counter += 1;
    }

    let asked = challenge(&stranger).await;
    let answer = device.get(&asked);
    let path = "/api/v1/session/passkey";
    assert_eq!(stranger.post(path, answer.clone()).await.status, 200);
    assert_eq!(
        stranger.post(path, answer).await.code(),
        Code::PasskeyRefused,
        "once"
    );
    device.counter += 1;
    let asked: NewPasskeyChallenge = ada
        .post("/api/v1/account/passkeys/challenge", Value::Null)
        .await
        .json();
    let crossed = stranger.post(path, device.get(&asked.challenge)).await;
    assert_eq!(
        crossed.code(),
        Code::PasskeyRefused,
        "a challenge of another kind"
    );

    let offline = offline(&server).await;
    let other = AccountRole::Owner;
    let added = offline.add_account(BOB, "Bob", other, Some(PASSWORD.into()));
    added.await.unwrap();
    offline.disable_account(ADA, true).await.unwrap();
    offline.close().await.unwrap();
    assert_eq!(
        enter(&stranger, &device).await.code(),
        Code::PasskeyRefused,
        "disabled"
    );
}

#[tokio::test]
async fn ones_own_passkeys_alone_are_seen_and_removed() {
    let (server, document) = (server().await, document());
    let ada = ada(&server, &document).await;
    let added: Passkey = add(&ada, &Device::new(b"one"), "Ada's").await.json();
    let invited: Invited = ada
        .post(
            "/api/v1/invitations",
            json!({ "email": BOB, "role": "member" }),
        )
        .await
        .json();
    let bob = Browser::with(&server, Arc::clone(&document));
    let join = json!({ "token": token_in(&invited.link), "name": "Bob", "password": PASSWORD });
    assert_eq!(bob.post("/api/v1/accounts", join).await.status, 201);
    let ways: WaysIn = bob.get("/api/v1/account/ways").await.json();
    assert!(ways.password && ways.passkeys.is_empty());
    let path = format!("/api/v1/account/passkeys/{}", added.id);
    assert_eq!(bob.delete(&path).await.code(), Code::NotFound);
    // A challenge for Ada's account makes none of Bob's.
    let asked: NewPasskeyChallenge = ada
        .post("/api/v1/account/passkeys/challenge", Value::Null)
        .await
        .json();
    let wish = Device::new(b"two").create("Bob's", &asked.challenge);
    let crossed = bob.post("/api/v1/account/passkeys", wish).await;
    assert_eq!(crossed.code(), Code::PasskeyRefused);
    let ways: WaysIn = ada.get("/api/v1/account/ways").await.json();
    assert_eq!(ways.passkeys, [added]);
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(ada.delete(&path).await.code(), Code::NotFound);
    let log: Page<AuditEntry> = ada.get("/api/v1/audit").await.json();
    for action in [AuditAction::PasskeyAdded, AuditAction::PasskeyRemoved] {
        let noted = |e: &&AuditEntry| e.action == action && e.detail.as_deref() == Some("Ada's");
        assert_eq!(log.items.iter().filter(noted).count(), 1, "{action:?}");
    }
}

/// But for linking a provider, which needs one (tests/browser/oidc.test.mjs).
#[tokio::test]
async fn every_operation_about_accounts_is_answered_as_the_document_says() {
    let server = Server::start_with(|config| {
        config.public_url = Some(PUBLIC.into());
        config.accounts.sign_up = SignUp::Open;
        // Nobody listens there: letters wait, answers do not.
        config.mail.host = Some("localhost".into());
        config.mail.port = Some(1);
        config.mail.tls = MailTls::Off;
        config.mail.from = Some("confab@example.org".into());
    })
    .await;
    let document = document();
    let ada = ada(&server, &document).await;
    let guest = Browser::with(&server, Arc::clone(&document));
    let asked = json!({ "email": "new@example.org", "language": "zh-CN" });
    assert_eq!(
        guest
            .post("/api/v1/accounts/request", asked.clone())
            .await
            .status,
        202
    );
    assert_eq!(guest.post("/api/v1/account/reset", asked).await.status, 202);
    for path in [
        "/api/v1/session/provider?here",
        "/api/v1/session/provider/callback?code=a&state=b",
    ] {
        let answer = guest.get(path).await;
        let page = answer.location.as_deref();
        assert_eq!(
            (answer.status, page),
            (303, Some("/account#problem=not_found"))
        );
    }
    let link = ada.post("/api/v1/account/provider", Value::Null).await;
    assert_eq!(link.code(), Code::NotFound);

    let invite = json!({ "email": BOB, "role": "admin" });
    let invited: Invited = ada.post("/api/v1/invitations", invite).await.json();
    ada.get("/api/v1/invitations").await;
    let token = token_in(&invited.link);
    guest
        .post("/api/v1/invitations/look", json!({ "token": token }))
        .await;
    let join = json!({ "token": token, "name": "Bob", "password": PASSWORD });
    let bob = Browser::with(&server, Arc::clone(&document));
    assert_eq!(bob.post("/api/v1/accounts", join).await.status, 201);
    let invite = json!({ "email": "eve@example.org", "role": "member" });
    let invited: Invited = ada.post("/api/v1/invitations", invite).await.json();
    let path = format!("/api/v1/invitations/{}", invited.invitation.id);
    assert_eq!(ada.delete(&path).await.status, 204);

    let me = bob.standing().await.me.unwrap();
    let wish = json!({ "role": "member" });
    let path = format!("/api/v1/accounts/{}", me.id.as_str());
    assert_eq!(ada.patch(&path, wish).await.status, 200);
    ada.get("/api/v1/accounts?after=a").await;
    ada.get("/api/v1/audit").await;
    let broken = ada.get("/api/v1/audit?after=1&after=2").await;
    assert_eq!((broken.status, broken.code()), (400, Code::BadMessage));

    bob.patch("/api/v1/account", json!({ "time_zone": "Europe/Berlin" }))
        .await;
    let change = json!({ "current": PASSWORD, "password": "another good password" });
    assert_eq!(
        bob.post("/api/v1/account/password", change).await.status,
        200
    );
    let mut device = Device::new(b"bob");
    let added: Passkey = add(&bob, &device, "Phone").await.json();
    device.counter = 2;
    assert_eq!(enter(&bob, &device).await.status, 200);
    bob.get("/api/v1/account/ways").await;
    let app = App::begin();
    let (code, _) = app.let_in(&bob).await;
    let entered = app.redeem(&guest, &code, app.verifier).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    let path = format!("/api/v1/account/passkeys/{}", added.id);
    assert_eq!(bob.delete(&path).await.status, 204);
    let all: Page<SignedIn> = bob.get("/api/v1/account/sessions").await.json();
    let other = all.items.iter().find(|s| !s.current).unwrap();
    let path = format!("/api/v1/account/sessions/{}", other.id);
    assert_eq!(bob.delete(&path).await.status, 204);
    assert_eq!(bob.delete("/api/v1/account/sessions").await.status, 204);
    assert_eq!(bob.delete("/api/v1/session").await.status, 204);

    let offline = offline(&server).await;
    let link = offline.reset_account(BOB).await.unwrap();
    offline.close().await.unwrap();
    let set = json!({ "token": token_in(&link), "password": PASSWORD });
    let done = guest.post("/api/v1/account/reset/confirm", set).await;
    assert_eq!(done.status, 200, "{}", done.body);

    let kinds = ["session", "account", "accounts", "invitations", "audit"];
    let left = document.not_done(&kinds);
    // Calendars, tokens of programs, export and deletion have tests of their own.
    let others = [
        "Calendar",
        "Token",
        "Tokens",
        "exportData",
        "deleteAccount",
        "deleteOwnAccount",
    ];
    let left = left
        .iter()
        .filter(|id| !others.iter().any(|other| id.ends_with(other)));
    let left: Vec<&str> = left.map(String::as_str).collect();
    assert_eq!(left, ["linkProvider", "unlinkProvider"]);
}
