//! Every operation of the document, with a token that has all scopes but the one it needs, and with one that has just that.

use crate::common::Server;
use crate::people::{self, Browser};
use crate::{by_command, program};
use confab_protocol::{AccountRole, Code, TokenScope};
use serde_json::{Value, json};

/// Method, path without parameters, and `x-scope`.
async fn operations(anyone: &Browser) -> Vec<(String, String, String)> {
    let document: Value = anyone.get("/api/v1/openapi.json").await.json();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method == "parameters" {
                continue;
            }
            let named = path.split('/').map(|part| match part.starts_with('{') {
                true => "7k2m9x4p1q8r",
                false => part,
            });
            let path = named.collect::<Vec<_>>().join("/");
            let scope = operation["x-scope"].as_str().unwrap().to_owned();
            all.push((method.to_uppercase(), path, scope));
        }
    }
    all
}

#[tokio::test]
async fn every_operation_asks_for_its_scope_and_for_no_other() {
    let server = Server::start().await;
    people::person(&server, "owner@example.org", AccountRole::Owner).await;
    let operations = operations(&Browser::new(&server)).await;
    let mut only = Vec::new();
    for scope in TokenScope::ALL {
        let others: Vec<TokenScope> = TokenScope::ALL
            .into_iter()
            .filter(|s| *s != scope)
            .collect();
        let without = program(&server, &by_command(&server, None, &others).await);
        let with = program(&server, &by_command(&server, None, &[scope]).await);
        only.push((scope, without, with));
    }
    let all = program(&server, &by_command(&server, None, &TokenScope::ALL).await);
    let (mut scoped, mut closed, mut open) = (0, 0, 0);
    for (method, path, need) in &operations {
        let what = format!("{method} {path} ({need})");
        match need.as_str() {
            // It speaks of all codes.
            "open" if path.ends_with("/openapi.json") => open += 1,
            "open" => {
                let answer = all.call(method, path, json!({})).await;
                let missing = answer.body.contains("scope_missing");
                assert!(!missing, "{what}: {}", answer.body);
                open += 1;
            }
            "session" => {
                let answer = all.call(method, path, json!({})).await;
                assert_eq!(answer.status, 403, "{what}: {}", answer.body);
                assert_eq!(answer.code(), Code::ScopeMissing, "{what}");
                closed += 1;
            }
            need => {
                let found = only.iter().find(|(scope, ..)| scope.as_str() == need);
                let (_, without, with) = found.unwrap();
                let answer = without.call(method, path, json!({})).await;
                assert_eq!(answer.status, 403, "{what}: {}", answer.body);
                assert_eq!(answer.code(), Code::ScopeMissing, "{what}");
                let answer = with.call(method, path, json!({})).await;
                let refused = ["scope_missing", "unauthorized", "sign_in_needed"]
                    .iter()
                    .any(|code| answer.body.contains(&format!("\"{code}\"")));
                // Personal rooms are a person's, and the server is none.
                assert!(
                    !refused || path.ends_with("/personal-rooms"),
                    "{what}: {}",
                    answer.body
                );
                scoped += 1;
            }
        }
    }
    assert!(
        scoped >= 35 && closed >= 15 && open >= 10,
        "{scoped} {closed} {open}"
    );
}

#[tokio::test]
async fn a_token_nobody_made_opens_nothing_but_what_is_open() {
    let server = Server::start().await;
    people::person(&server, "owner@example.org", AccountRole::Owner).await;
    let stranger = program(&server, "cft_0000000000000000000000000");
    for (method, path, need) in operations(&stranger).await {
        let answer = stranger.call(&method, &path, json!({})).await;
        if need != "open" {
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
            assert_eq!(answer.code(), Code::Unauthorized, "{method} {path}");
        }
    }
}
