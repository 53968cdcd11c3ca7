//! docs/PROTOCOL.md names every message, event, code and limit, and its examples are what the parsers accept.

use confab_protocol::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../docs/PROTOCOL.md");

/// The lines of all code blocks whose info string is `json <kind>`.
fn examples(kind: &str) -> Vec<&'static str> {
    let opening = format!("```json {kind}");
    let mut inside = false;
    let mut found = Vec::new();
    for line in DOCUMENT.lines() {
        if line.starts_with("```") {
            inside = line == opening;
        } else if inside {
            found.push(line);
        }
    }
    assert!(!found.is_empty(), "no examples for {kind}");
    found
}

/// The example is exactly what its parsed form is written as: no unknown field, nothing forgotten.
fn assert_exact(example: &str, parsed: &impl Serialize) {
    let example: Value = serde_json::from_str(example).unwrap();
    assert_eq!(example, serde_json::to_value(parsed).unwrap());
}

/// Every value of `"type"` in these messages, at any depth.
fn types(examples: &[&str]) -> BTreeSet<String> {
    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(kind)) = map.get("type") {
                    into.insert(kind.clone());
                }
                map.values().for_each(|v| collect(v, into));
            }
            Value::Array(list) => list.iter().for_each(|v| collect(v, into)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for example in examples {
        collect(&serde_json::from_str(example).unwrap(), &mut found);
    }
    found
}

/// The string literals in a type's TypeScript form: after `"type": ` for tagged unions, all of them otherwise.
fn variants(name: &str) -> Vec<String> {
    let file = typescript();
    let start = file.find(&format!("export type {name} =")).unwrap();
    let declaration = &file[start..];
    let end = declaration.find("\n\n").unwrap_or(declaration.len());
    let declaration = &declaration[..end];
    let tagged = declaration.contains("\"type\": \"");
    let mark = if tagged { "\"type\": \"" } else { "\"" };
    let mut found = Vec::new();
    let mut rest = declaration;
    while let Some(at) = rest.find(mark) {
        rest = &rest[at + mark.len()..];
        let end = rest.find('"').unwrap();
        found.push(rest[..end].to_owned());
        rest = &rest[end + 1..];
    }
    assert!(!found.is_empty(), "{name}");
    found
}

#[test]
fn every_client_example_parses() {
    for example in examples("client") {
        let parsed = parse_client(example).unwrap_or_else(|e| panic!("{example}: {e}"));
        assert_exact(example, &parsed);
    }
}

#[test]
fn every_server_example_parses() {
    for example in examples("server") {
        let parsed = parse_server(example).unwrap_or_else(|e| panic!("{example}: {e}"));
        assert_exact(example, &parsed);
    }
}

#[test]
fn every_http_example_parses() {
    fn check<T: Serialize + DeserializeOwned>(name: &str) {
        for example in examples(&format!("http {name}")) {
            let parsed: T = serde_json::from_str(example).unwrap();
            assert_exact(example, &parsed);
        }
    }
    check::<CreateMeeting>("CreateMeeting");
    check::<MeetingCreated>("MeetingCreated");
    check::<MeetingInfo>("MeetingInfo");
    check::<ErrorBody>("ErrorBody");
    check::<Standing>("Standing");
    check::<Invitation>("Invitation");
    check::<AuditEntry>("AuditEntry");
    check::<SharedFile>("SharedFile");
    check::<FileLimits>("FileLimits");
    check::<CallDetails>("CallDetails");
}

#[test]
fn every_message_and_event_has_an_example() {
    let client = types(&examples("client"));
    for kind in variants("Request") {
        assert!(client.contains(&kind), "no example of request {kind}");
        assert!(
            DOCUMENT.contains(&format!("\n| `{kind}` |")),
            "{kind} is not in the table"
        );
    }
    let server = types(&examples("server"));
    for name in ["ServerMessage", "ReplyBody", "CatchUp", "Event"] {
        for kind in variants(name) {
            assert!(server.contains(&kind), "no example of {name} {kind}");
        }
    }
}

#[test]
fn every_code_is_explained_with_its_finality() {
    for name in variants("Code") {
        let code: Code = serde_json::from_value(Value::String(name.clone())).unwrap();
        let is_final = if code.is_final() { "yes" } else { "no" };
        let row = format!("\n| `{name}` | {is_final} |");
        assert!(
            DOCUMENT.contains(&row),
            "{name}: no row with final {is_final}"
        );
    }
}

#[test]
fn every_word_of_the_small_lists_is_named() {
    let lists = [
        "Source",
        "VideoCodec",
        "Role",
        "LobbyPolicy",
        "AbsentHost",
        "WaitReason",
        "ClientKind",
        "Presence",
        "Reaction",
        "LeaveReason",
        "QualityLevel",
        "Limited",
        "MeetingState",
        "FileKind",
    ];
    for name in lists {
        for word in variants(name) {
            assert!(DOCUMENT.contains(&format!("`{word}`")), "{name} {word}");
        }
    }
}

#[test]
fn the_limits_are_the_real_ones() {
    for limit in [
        format!("| {MAX_CLIENT_MESSAGE} bytes |"),
        format!("| {MAX_SDP} bytes |"),
        format!("| {MAX_NAME}, {MAX_CHAT}, {MAX_TITLE} characters |"),
        format!("uploads in no message | {MAX_MESSAGE_FILES}, {MAX_FILE_NAME}, {MAX_UPLOADS} |"),
        format!("| {MAX_PASSCODE}, {MAX_QUESTION}, {MAX_OPTION} characters |"),
        format!("| {MAX_QUESTIONS}, {MAX_POLLS}, {MAX_OPTIONS}, {MAX_AGENDA} |"),
        format!("| breakout rooms, characters of their names | {MAX_BREAKOUT_ROOMS}, {MAX_NAME} |"),
        format!("1 to {MAX_BREAKOUT_MINUTES}; absent: until a host closes"),
        format!("0 to {MAX_BREAKOUT_RETURN_S}, unless"),
        format!("| people in the lobby | {MAX_WAITING} |"),
        format!("one address | {FREE_TRIES}, then"),
        format!("| {REQUEST_BURST} in a burst, {REQUEST_RATE} a second"),
        format!("| events kept for resync | {MAX_EVENT_HISTORY} |"),
        format!("| chat messages in a snapshot | {MAX_CHAT_HISTORY} |"),
        format!("| receive slots | {MAX_SLOTS} of each kind |"),
        format!("| least `max_bitrate` of a view | {MIN_VIEW_BITRATE} bit/s |"),
        format!("| seats | {MAX_PARTICIPANTS},"),
        format!("| {} s |", SEAT_KEPT_MS / 1000),
        format!("dead after {} s of silence", PING_TIMEOUT_MS / 1000),
        format!("sent nothing for {} s", PING_INTERVAL_MS / 1000),
        format!("1 to {MAX_CLIENT_ID} visible ASCII"),
        format!("version {VERSION}\n"),
    ] {
        assert!(DOCUMENT.contains(&limit), "{limit}");
    }
}
