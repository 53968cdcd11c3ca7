//! The API for programs: tokens and their scopes, webhooks with a real receiver, the examples of docs/API.md, pages that embed, what
//! a collector of traces is told.

#[path = "../common/api.rs"]
mod api;
#[path = "../common/collector.rs"]
mod collector;
#[path = "../common/mod.rs"]
mod common;
#[path = "../accounts/support.rs"]
mod people;

mod embed;
mod examples;
mod receiver;
mod scopes;
mod tokens;
mod traces;
mod webhooks;

use common::Server;
use confab_protocol::{ApiTokenMade, NewApiToken, TokenScope};
use people::Browser;
use serde_json::json;

/// A token of an account (or of the server) by the command line.
pub(crate) async fn by_command(
    server: &Server,
    account: Option<&str>,
    scopes: &[TokenScope],
) -> String {
    let offline = people::offline(server).await;
    let wish = NewApiToken {
        name: "tests".into(),
        scopes: scopes.to_vec(),
        days: Some(1),
    };
    let secret = offline.new_token(account, wish).await.unwrap();
    offline.close().await.unwrap();
    secret
}

/// One's own token, made by somebody signed in.
pub(crate) async fn own_token(person: &Browser, scopes: &[TokenScope]) -> ApiTokenMade {
    let wish = json!({"name": "calendar sync", "scopes": scopes, "days": 30});
    let made = person.post("/api/v1/account/tokens", wish).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()
}

/// A program that shows this token, and is no browser.
pub(crate) fn program(server: &Server, token: &str) -> Browser {
    let mut program = Browser::new(server);
    program.headers.retain(|(name, _)| *name == "content-type");
    program
        .headers
        .push(("authorization", format!("Bearer {token}")));
    program
}
