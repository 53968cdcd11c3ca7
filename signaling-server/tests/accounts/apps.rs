//! The desktop app's sign-in: a browser lets the app in, and the app gets a session of its own (RFC 8252).

use crate::common::Server;
use crate::support::{Answer, Browser, PASSWORD, offline, person};
use crate::{ADA, BOB};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use confab_protocol::{
    AccountRole, AppPage, AppSession, AuditAction, AuditEntry, Code, Page, SignedIn,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What an app draws before it opens the browser.
pub struct App {
    pub verifier: &'static str,
    state: &'static str,
}

impl App {
    pub fn begin() -> App {
        App {
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            state: "0123456789abcdefghij",
        }
    }

    fn wish(&self) -> Value {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier));
        json!({ "port": 40404, "challenge": challenge, "state": self.state })
    }

    /// The code that the browser carries to the app, and where from.
    pub async fn let_in(&self, browser: &Browser) -> (String, String) {
        let answer = browser.post("/api/v1/session/app", self.wish()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let url = answer.json::<AppPage>().url;
        let query = url.strip_prefix("http://127.0.0.1:40404/signed-in?");
        let pairs: Vec<(&str, &str)> = query
            .unwrap()
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .collect();
        assert_eq!(pairs[1], ("state", self.state));
        (pairs[0].1.to_owned(), pairs[2].1.to_owned())
    }

    pub async fn redeem(&self, app: &Browser, code: &str, verifier: &str) -> Answer {
        let body = json!({ "code": code, "verifier": verifier });
        app.post("/api/v1/session/app/token", body).await
    }
}

/// A program: no page, no cookie.
fn program(server: &Server) -> Browser {
    let mut program = Browser::new(server);
    program.headers = vec![
        ("content-type", "application/json".into()),
        ("user-agent", "Confab/0.1.0 (Linux)".into()),
    ];
    program
}

fn with_session(server: &Server, session: &AppSession) -> Browser {
    let mut app = program(server);
    app.headers
        .push(("cookie", format!("confab={}", session.secret)));
    app
}

#[tokio::test]
async fn the_app_gets_a_session_of_its_own_that_can_be_ended_alone() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let app = App::begin();
    let (code, iss) = app.let_in(&ada).await;
    assert_eq!(
        iss,
        format!("http%3A%2F%2F127.0.0.1%3A{}", server.http().port())
    );
    let entered = app.redeem(&program(&server), &code, app.verifier).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    assert_eq!(entered.set_cookie, None, "a browser is not signed in by it");
    assert_eq!(entered.cache, "no-store");
    let session: AppSession = entered.json();
    assert_eq!(session.me.email, ADA);

    let signed_in = with_session(&server, &session);
    assert_eq!(signed_in.standing().await.me.unwrap().email, ADA);
    let made = signed_in.post("/api/v1/meetings", json!({})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let all: Page<SignedIn> = ada.get("/api/v1/account/sessions").await.json();
    let agents: Vec<&str> = all.items.iter().map(|s| s.agent.as_str()).collect();
    assert!(agents.contains(&"Confab · Linux"), "{agents:?}");
    let log: Page<AuditEntry> = ada.get("/api/v1/audit").await.json();
    let last = &log.items[0];
    assert_eq!(last.action, AuditAction::SignedIn);
    assert_eq!(last.detail.as_deref(), Some("Confab · Linux"));

    // Ended in the browser, it is over in the app, and the browser stays.
    let own = all.items.iter().find(|s| s.agent == "Confab · Linux");
    let path = format!("/api/v1/account/sessions/{}", own.unwrap().id);
    assert_eq!(ada.delete(&path).await.status, 204);
    assert!(signed_in.standing().await.me.is_none());
    assert!(ada.standing().await.me.is_some());

    // And the other way round.
    let (code, _) = app.let_in(&ada).await;
    let entered = app.redeem(&program(&server), &code, app.verifier).await;
    let signed_in = with_session(&server, &entered.json());
    assert_eq!(signed_in.delete("/api/v1/session").await.status, 204);
    assert!(signed_in.standing().await.me.is_none());
    assert!(ada.standing().await.me.is_some());
}

#[tokio::test]
async fn a_code_is_good_once_for_its_own_app_while_the_browser_is_signed_in() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let (app, stranger) = (App::begin(), program(&server));
    let refused =
        |answer: Answer| assert_eq!((answer.status, answer.code()), (410, Code::LinkExpired));

    let (code, _) = app.let_in(&ada).await;
    refused(app.redeem(&stranger, &code, "x".repeat(43).as_str()).await);
    refused(app.redeem(&stranger, &code, app.verifier).await);
    refused(
        app.redeem(&stranger, "0123456789abcdefghjkmnpqrs", app.verifier)
            .await,
    );

    let (code, _) = app.let_in(&ada).await;
    let first = app.redeem(&stranger, &code, app.verifier).await;
    assert_eq!(first.status, 200, "{}", first.body);
    refused(app.redeem(&stranger, &code, app.verifier).await);

    // Signed out, or shut out, before the app came.
    let (code, _) = app.let_in(&ada).await;
    assert_eq!(ada.delete("/api/v1/session").await.status, 204);
    refused(app.redeem(&stranger, &code, app.verifier).await);
    let bob = person(&server, BOB, AccountRole::Member).await;
    let (code, _) = app.let_in(&bob).await;
    let offline = offline(&server).await;
    offline.disable_account(BOB, true).await.unwrap();
    offline.close().await.unwrap();
    refused(app.redeem(&stranger, &code, app.verifier).await);
}

#[tokio::test]
async fn nobody_lets_an_app_in_but_a_person_on_a_page_of_ours() {
    let server = Server::start().await;
    let ada = person(&server, ADA, AccountRole::Owner).await;
    let app = App::begin();
    let nobody = Browser::new(&server);
    let answer = nobody.post("/api/v1/session/app", app.wish()).await;
    assert_eq!(answer.code(), Code::SignInNeeded);

    let mut elsewhere = Browser::new(&server);
    elsewhere.sign_in(ADA, PASSWORD).await;
    elsewhere
        .headers
        .retain(|(name, _)| *name == "content-type");
    elsewhere
        .headers
        .push(("origin", "https://evil.example".into()));
    let answer = elsewhere.post("/api/v1/session/app", app.wish()).await;
    assert_eq!(answer.code(), Code::NotAllowed);

    let wish = json!({ "name": "ci", "scopes": ["meetings:read"], "days": 1 });
    let made = ada.post("/api/v1/account/tokens", wish).await;
    let secret = made.json::<Value>()["secret"].as_str().unwrap().to_owned();
    let mut token = program(&server);
    token
        .headers
        .push(("authorization", format!("Bearer {secret}")));
    let answer = token.post("/api/v1/session/app", app.wish()).await;
    assert_eq!(answer.code(), Code::ScopeMissing);

    for (field, bad) in [
        ("port", json!(0)),
        ("challenge", json!("short")),
        ("state", json!("0123456789abcdef&code=x")),
    ] {
        let mut wish = app.wish();
        wish[field] = bad;
        let answer = ada.post("/api/v1/session/app", wish).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, Code::BadValue),
            "{field}"
        );
    }
    let answer = ada
        .post("/api/v1/session/app", json!({ "port": 70000 }))
        .await;
    assert_eq!(answer.code(), Code::BadMessage);
}

#[tokio::test]
async fn the_page_is_under_the_servers_own_name() {
    let server =
        Server::start_with(|config| config.public_url = Some("http://localhost:1".into())).await;
    let browser = Browser::new(&server);
    let away = browser.get("/account/app").await;
    assert_eq!(
        (away.status, away.location.as_deref()),
        (303, Some("http://localhost:1/account/app?here"))
    );
    assert_eq!(browser.get("/account/app?here").await.status, 200);
}
