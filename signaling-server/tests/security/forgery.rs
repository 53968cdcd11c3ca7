//! Pages elsewhere that use a visitor's cookie (CSRF): every operation that changes something, from every kind of page that is not
//! ours, and in every form that a browser sends without asking first.

use crate::document::Document;
use crate::people::{Answer, Browser};
use crate::{World, weekly};
use serde_json::{Value, json};

/// What a browser says of a page elsewhere. None of them may change anything.
const ELSEWHERE: [&[(&str, &str)]; 7] = [
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://localhost.evil.example")],
    &[
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "none"),
    ],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("origin", "http://127.0.0.1:1")],
];
/// What forms and simple requests carry.
const FORMS: [&str; 5] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "text/plain; application/json",
    "",
];

impl Browser {
    /// The same cookie on other pages.
    async fn from(&mut self, headers: &[(&'static str, &'static str)]) {
        let kept = ["content-type", "user-agent"];
        self.headers.retain(|(name, _)| kept.contains(name));
        let headers = headers.iter().map(|(n, v)| (*n, (*v).to_owned()));
        self.headers.extend(headers);
    }
}

async fn state(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for path in [
        "/api/v1/meetings?from=1900000000000&until=1950000000000",
        "/api/v1/feeds",
        "/api/v1/account/sessions",
        "/api/v1/session",
    ] {
        all.push(world.operator.get(path).await.body);
        all.push(world.owner.get(path).await.body);
    }
    all
}

#[tokio::test]
async fn pages_elsewhere_change_nothing_with_a_visitors_cookie() {
    let mut world = World::new().await;
    let (meeting, _) = world
        .meeting(json!({"title": "Mine", "schedule": weekly()}))
        .await;
    let document = Document::of(&world.owner).await;
    let unsafe_ones: Vec<_> = document
        .operations()
        .into_iter()
        .filter(|o| !o.is_safe())
        .collect();
    assert!(unsafe_ones.len() >= 10);
    let before = state(&world).await;
    let usual = world.ada.headers.clone();
    for operation in &unsafe_ones {
        for elsewhere in ELSEWHERE {
            world.ada.from(elsewhere).await;
            let path = operation.path_with(&meeting);
            let answer = world
                .ada
                .call(&operation.method, &path, operation.body.clone())
                .await;
            let what = format!("{} {path} {elsewhere:?}", operation.method);
            assert_eq!(answer.status, 403, "{what}: {}", answer.body);
            assert_eq!(answer.set_cookie, None, "{what}");
        }
    }
    world.ada.headers = usual;
    assert_eq!(before, state(&world).await);
}

#[tokio::test]
async fn forms_are_no_json() {
    let mut world = World::new().await;
    let (meeting, _) = world
        .meeting(json!({"title": "Mine", "schedule": weekly()}))
        .await;
    let document = Document::of(&world.owner).await;
    let usual = world.ada.headers.clone();
    for operation in document.operations().iter().filter(|o| !o.body.is_null()) {
        for form in FORMS {
            world
                .ada
                .headers
                .retain(|(name, _)| *name != "content-type");
            if !form.is_empty() {
                world.ada.headers.push(("content-type", form.into()));
            }
            let path = operation.path_with(&meeting);
            let body = Value::String(operation.body.to_string());
            let answer = world.ada.call(&operation.method, &path, body).await;
            let what = format!("{} {path} as {form:?}: {}", operation.method, answer.body);
            assert!(
                (400..500).contains(&answer.status),
                "{} {what}",
                answer.status
            );
        }
    }
    world.ada.headers = usual;
    let title = world.ada.get(&format!("/api/v1/meetings/{meeting}")).await;
    assert!(title.body.contains("Mine"));
}

/// `Access-Control-…` of an answer; whoever is told may read it from another origin.
async fn shared(browser: &Browser, method: &str, path: &str) -> Answer {
    browser.call(method, path, Value::Null).await
}

#[tokio::test]
async fn nothing_is_shared_with_other_origins() {
    let mut world = World::new().await;
    let (meeting, _) = world.meeting(json!({"title": "Mine"})).await;
    let document = Document::of(&world.owner).await;
    world
        .ada
        .from(&[
            ("origin", "https://evil.example"),
            ("access-control-request-method", "DELETE"),
        ])
        .await;
    for operation in document.operations() {
        let path = operation.path_with(&meeting);
        let preflight = shared(&world.ada, "OPTIONS", &path).await;
        assert!(
            preflight.status >= 400,
            "OPTIONS {path}: {}",
            preflight.status
        );
        let answer = shared(&world.ada, "GET", &path).await;
        for answer in [preflight, answer] {
            assert!(
                answer
                    .headers
                    .iter()
                    .all(|(name, _)| !name.starts_with("access-control-")),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_cookie_planted_before_signing_in_opens_nothing() {
    let world = World::new().await;
    // A session somebody else has begun does not become the visitor's, and theirs is a new one.
    let fresh = Browser::new(&world.server);
    let first = fresh
        .sign_in("ada@example.org", crate::people::PASSWORD)
        .await;
    let second = fresh
        .sign_in("ada@example.org", crate::people::PASSWORD)
        .await;
    assert_ne!(first.set_cookie, second.set_cookie);
    let cookie = second.set_cookie.unwrap();
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.to_lowercase().contains("domain="), "{cookie}");
}
