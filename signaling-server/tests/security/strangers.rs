//! Another's objects: every route of the document that takes an id, with every id there is, by people who have no right to it.

use crate::common::Server;
use crate::document::{Document, Operation};
use crate::people::Browser;
use crate::{PASSCODE, World, made, weekly};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Stands in all that is Ada's, so that a leak of any of it shows.
const MARK: &str = "Zaphod-Beeblebrox";

/// All that Ada and the operator see, by path. Nothing a stranger does may change it.
async fn seen(world: &World, operations: &[Operation], ids: &BTreeSet<String>) -> Vec<String> {
    let mut all = Vec::new();
    // The export says when it was made, and each is put down in the audit log.
    let gets = operations
        .iter()
        .filter(|o| o.is_safe() && o.path != "/api/v1/account/export");
    for operation in gets {
        let paths: Vec<String> = match operation.names_something() {
            true => ids.iter().map(|id| operation.path_with(id)).collect(),
            false => vec![operation.path.clone()],
        };
        for path in paths {
            for (name, asker) in [("ada", &world.ada), ("operator", &world.operator)] {
                let answer = asker.get(&path).await;
                all.push(format!("{name} {path} {} {}", answer.status, answer.body));
            }
        }
    }
    all
}

/// Every id that stands in what these people can list.
async fn ids(people: &[&Browser], operations: &[Operation]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for operation in operations
        .iter()
        .filter(|o| o.is_safe() && !o.names_something())
    {
        for person in people {
            let answer = person.get(&operation.path).await;
            if let Ok(value) = serde_json::from_str::<Value>(&answer.body)
                && answer.status == 200
                && !operation.path.ends_with("openapi.json")
            {
                collect(&value, &mut found);
            }
        }
    }
    found
}

fn collect(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(id) if name == "id" || name == "meeting" => {
                        into.insert(id.to_owned());
                    }
                    _ => collect(field, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

async fn furnish(world: &World) -> (String, String) {
    let plan = json!({
        "title": MARK, "description": MARK, "passcode": PASSCODE, "schedule": weekly(),
        "organizer": {"name": MARK, "address": "ada@example.org"},
        "invitees": [{"address": "carol@example.org", "name": MARK}],
    });
    let meeting = world.meeting(plan).await;
    let room = json!({"name": MARK, "zone": "UTC"});
    assert_eq!(world.operator.post("/api/v1/rooms", room).await.status, 201);
    let feed = json!({"name": MARK});
    assert_eq!(world.ada.post("/api/v1/feeds", feed).await.status, 201);
    let invited = json!({"email": "eve@example.org", "role": "member"});
    let invited = world.owner.post("/api/v1/invitations", invited).await;
    assert_eq!(invited.status, 201, "{}", invited.body);
    meeting
}

#[tokio::test]
async fn nobody_gets_at_what_is_anothers() {
    let world = World::new().await;
    let (meeting, _) = furnish(&world).await;
    let (_, others_key) = made(world.bob.post("/api/v1/meetings", json!({})).await);
    let document = Document::of(&world.ada).await;
    let operations = document.operations();
    let mut ids = ids(&[&world.ada, &world.owner, &world.operator], &operations).await;
    ids.insert(meeting);
    // What is Bob's own is his to change; he is left out of the table.
    let bobs = crate::strangers::ids(&[&world.bob], &operations).await;
    let standing: Value = world.bob.get("/api/v1/session").await.json();
    let bob = standing["me"]["id"].as_str().unwrap();
    let shared: BTreeSet<String> = crate::strangers::ids(&[&world.ada], &operations).await;
    ids.retain(|id| (!bobs.contains(id) || shared.contains(id)) && id != bob);
    assert!(ids.len() >= 3, "{ids:?}");

    let mut with_key = Browser::new(&world.server);
    with_key.headers.push(("x-host-key", others_key));
    let strangers = [
        ("nobody", &Browser::new(&world.server)),
        ("bob", &world.bob),
        ("another's host key", &with_key),
    ];
    let before = seen(&world, &operations, &ids).await;
    let mut tried = 0;
    for operation in operations.iter().filter(|o| o.names_something()) {
        for id in &ids {
            for (name, stranger) in &strangers {
                let path = operation.path_with(id);
                let body = operation.body.clone();
                let answer = stranger.call(&operation.method, &path, body).await;
                let what = format!("{} {path} by {name}: {}", operation.method, answer.status);
                tried += 1;
                // Rooms are for whoever may plan a meeting.
                let may_read = *name == "bob" && path.starts_with("/api/v1/rooms/");
                if operation.open || (may_read && operation.is_safe()) {
                    assert!(answer.status < 500, "{what}");
                    continue;
                }
                // Where nothing was found to end, nothing is said of whether there was.
                let nothing = answer.status == 204 && answer.body.is_empty();
                assert!(
                    nothing || (400..500).contains(&answer.status),
                    "{what} {}",
                    answer.body
                );
                assert!(!answer.body.contains(MARK), "{what} {}", answer.body);
            }
        }
    }
    let after = seen(&world, &operations, &ids).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after, "a stranger changed it");
    }
    println!(
        "{tried} tries at {} ids over {} operations",
        ids.len(),
        operations.len()
    );
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn lists_hold_what_is_ones_own() {
    let world = World::new().await;
    furnish(&world).await;
    let document = Document::of(&world.ada).await;
    let nobody = Browser::new(&world.server);
    for operation in document
        .operations()
        .iter()
        .filter(|o| o.is_safe() && !o.names_something())
    {
        let path = &operation.path;
        let bobs = world.bob.get(path).await;
        // Rooms are for whoever may plan a meeting.
        if path != "/api/v1/rooms" {
            assert!(!bobs.body.contains(MARK), "{path}: {}", bobs.body);
        }
        assert!(!nobody.get(path).await.body.contains(MARK), "{path}");
        if !operation.open {
            assert_eq!(nobody.get(path).await.status, 401, "{path}");
        }
    }
    let then = "/api/v1/meetings?from=1920000000000&until=1930000000000";
    assert!(world.ada.get(then).await.body.contains(MARK));
    assert!(!world.bob.get(then).await.body.contains(MARK));
}

#[tokio::test]
async fn what_the_document_does_not_name_is_not_there() {
    let server: Server = Server::start().await;
    let browser = Browser::new(&server);
    for path in [
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/meetings",
        "/api/v1/config",
        "/api/v1/debug",
        "/debug",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let answer = browser.call(method, path, Value::Null).await;
            assert!(
                [404, 405].contains(&answer.status),
                "{method} {path}: {}",
                answer.status
            );
        }
    }
    for method in ["TRACE", "CONNECT", "PROPFIND"] {
        let answer = browser.call(method, "/api/v1/meetings", Value::Null).await;
        assert!([404, 405].contains(&answer.status), "{method}");
    }
}
