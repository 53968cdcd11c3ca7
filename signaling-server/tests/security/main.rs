//! What strangers try: every way in that the API's document names, and those it does not. Tables are read from the document, so
//! that a new route is tried without being named here. docs/SECURITY.md lists what is tried and against whom.
#![allow(clippy::print_stdout, reason = "figures for docs/SECURITY.md")]

#[path = "../common/api.rs"]
mod api;
#[path = "../common/collector.rs"]
mod collector;
#[path = "../common/mod.rs"]
mod common;
#[path = "../accounts/support.rs"]
mod people;
#[path = "../common/smtp.rs"]
mod smtp;

mod bombs;
mod document;
mod fire;
mod forgery;
mod markup;
mod paths;
mod secrets;
mod strangers;

use common::Server;
use confab_protocol::AccountRole;
use confab_server::config::CreatePolicy;
use confab_server::{Digest, fresh_secret};
use people::{Answer, Browser};
use serde_json::{Value, json};

/// A server with an API token, an owner, Ada who has everything, and Bob who has nothing.
pub(crate) struct World {
    pub server: Server,
    pub owner: Browser,
    pub ada: Browser,
    pub bob: Browser,
    /// A program with the API token.
    pub operator: Browser,
    pub token: String,
}

pub const PASSCODE: &str = "Kirschbaum-7241";

impl World {
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut confab_server::Config)) -> World {
        let token = fresh_secret();
        let digest = Digest::of(&token).to_hex();
        let server = Server::start_with(|config| {
            config.access.create = CreatePolicy::Account;
            config.access.tokens = vec![digest];
            change(config);
        })
        .await;
        let mut operator = Browser::new(&server);
        operator
            .headers
            .push(("authorization", format!("Bearer {token}")));
        World {
            owner: people::person(&server, "owner@example.org", AccountRole::Owner).await,
            ada: people::person(&server, "ada@example.org", AccountRole::Member).await,
            bob: people::person(&server, "bob@example.org", AccountRole::Member).await,
            operator,
            token,
            server,
        }
    }

    /// A meeting of Ada's: its id and its host key.
    pub async fn meeting(&self, plan: Value) -> (String, String) {
        made(self.ada.post("/api/v1/meetings", plan).await)
    }
}

pub fn made(answer: Answer) -> (String, String) {
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made: Value = answer.json();
    let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    let key = text("host_link").split_once("#host=").unwrap().1.to_owned();
    (text("id"), key)
}

/// Every Tuesday at nine in Berlin.
pub fn weekly() -> Value {
    json!({"kind": "planned", "when": {"series": {
        "first": {"start": "2030-11-26T09:00:00", "zone": "Europe/Berlin", "minutes": 60},
        "rule": {"pattern": {"every": "week", "days": ["TU"]}, "interval": 1, "ends": {"after": 9}},
    }}})
}
