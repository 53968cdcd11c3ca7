//! Bytes to messages, once, at the door. What comes out of here needs no second look at its form: sizes, names and
//! list lengths are within [`crate::limits`](crate). Whether the sender may do it is the room's question.

mod breakout;
mod quality;
mod tools;

use crate::*;
use confab_base::Code;

/// Why bytes are no message. `id` is the request's number where it could be read, so that the answer finds its question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ParseError {
    pub id: Option<u32>,
    pub code: Code,
    pub message: String,
}

fn fail<T>(id: Option<u32>, code: Code, message: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError {
        id,
        code,
        message: message.into(),
    })
}

/// Parses one text frame of a client.
pub fn parse_client(text: &str) -> Result<ClientMessage, ParseError> {
    if text.len() > MAX_CLIENT_MESSAGE {
        return fail(
            None,
            Code::TooLarge,
            format!("message is larger than {MAX_CLIENT_MESSAGE} bytes"),
        );
    }
    let mut message: ClientMessage = serde_json::from_str(text).or_else(|e| explain(text, e))?;
    check(&mut message.body).or_else(|(code, text)| fail(Some(message.id), code, text))?;
    Ok(message)
}

/// Parses one text frame of the server, for clients. A message of an unknown type is [`Code::UnknownMessage`]; clients skip it.
pub fn parse_server(text: &str) -> Result<ServerMessage, ParseError> {
    serde_json::from_str(text).or_else(|e| {
        let kind = kind_of(text, &["type"]);
        let code = if e.to_string().contains("unknown variant") {
            Code::UnknownMessage
        } else {
            Code::BadMessage
        };
        fail(None, code, format!("server message {kind:?}: {e}"))
    })
}

/// Tells a wrong message from an unknown one, and finds its id.
fn explain(text: &str, error: serde_json::Error) -> Result<ClientMessage, ParseError> {
    let id = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|v| v.get("id")?.as_u64())
        .and_then(|id| u32::try_from(id).ok());
    let known = kind_of(text, &["body", "type"]).is_none_or(|kind| KNOWN.contains(&kind.as_str()));
    // Serde names the offending value; a client's own secret in an error it gets back is no leak, but keep it short.
    let why: String = error.to_string().chars().take(200).collect();
    if known {
        fail(id, Code::BadMessage, why)
    } else {
        fail(id, Code::UnknownMessage, why)
    }
}

fn kind_of(text: &str, path: &[&str]) -> Option<String> {
    let mut value = &serde_json::from_str::<serde_json::Value>(text).ok()?;
    for key in path {
        value = value.get(key)?;
    }
    value.as_str().map(str::to_owned)
}

/// Types of [`Request`], to tell an unknown type from a malformed known one.
const KNOWN: [&str; 54] = [
    "hello",
    "offer",
    "view",
    "mute",
    "unpublish",
    "hand",
    "reaction",
    "chat",
    "file_remove",
    "rename",
    "host_mute",
    "host_mute_all",
    "host_lower_hand",
    "host_remove",
    "host_lock",
    "host_spotlight",
    "board_present",
    "host_end",
    "host_admit",
    "host_admit_all",
    "host_deny",
    "host_policy",
    "host_role",
    "host_ask_unmute",
    "host_rename",
    "host_lower_hands",
    "host_floor",
    "host_floor_pass",
    "floor_grab",
    "floor_release",
    "question_ask",
    "question_vote",
    "host_question_answer",
    "host_question_dismiss",
    "host_poll_open",
    "poll_vote",
    "host_poll_close",
    "host_poll_remove",
    "host_agenda",
    "host_agenda_go",
    "host_seat_order",
    "host_breakout",
    "host_breakout_assign",
    "host_breakout_spread",
    "host_breakout_open",
    "host_breakout_close",
    "breakout_go",
    "breakout_help",
    "listening",
    "quality_report",
    "same_room",
    "resync",
    "ping",
    "leave",
];

pub(crate) type Refusal = (Code, String);

fn check(request: &mut Request) -> Result<(), Refusal> {
    match request {
        Request::Hello(hello) => check_hello(hello),
        Request::Offer(offer) => check_offer(offer),
        Request::View { slots, max_bitrate } => {
            check_view_bitrate(*max_bitrate)?;
            check_slots(slots)
        }
        Request::Chat {
            text,
            client_id,
            files,
            ..
        } => {
            check_files(files)?;
            *text = match files.is_empty() || !text.trim().is_empty() {
                true => bounded(text, MAX_CHAT, "chat text")?,
                false => String::new(),
            };
            check_client_id(client_id)
        }
        Request::Rename { name } | Request::HostRename { name, .. } => {
            *name = clean_name(name)?;
            Ok(())
        }
        Request::Listening(listening) => check_listening(listening),
        Request::QualityReport(report) => quality::check(report),
        other => tools::check(other),
    }
}

/// Each once.
fn check_files(files: &[FileId]) -> Result<(), Refusal> {
    if files.len() > MAX_MESSAGE_FILES {
        return bad(format!("a message has at most {MAX_MESSAGE_FILES} files"));
    }
    match (1..files.len()).any(|i| files[..i].contains(&files[i])) {
        true => bad("a file is named twice"),
        false => Ok(()),
    }
}

pub(crate) fn check_client_id(client_id: &str) -> Result<(), Refusal> {
    let ok = (1..=MAX_CLIENT_ID).contains(&client_id.len())
        && client_id.bytes().all(|b| b.is_ascii_graphic());
    if ok {
        Ok(())
    } else {
        bad(format!(
            "client_id takes 1 to {MAX_CLIENT_ID} ASCII characters"
        ))
    }
}

fn check_hello(hello: &mut Hello) -> Result<(), Refusal> {
    hello.agent = hello
        .agent
        .chars()
        .filter(|c| !c.is_control())
        .take(120)
        .collect();
    hello.decodes.dedup();
    hello.decodes.truncate(8);
    let passcode = hello.passcode.as_ref().map_or(0, |p| p.chars().count());
    if passcode > MAX_PASSCODE {
        return bad(format!(
            "a passcode takes at most {MAX_PASSCODE} characters"
        ));
    }
    if hello.resume.is_none() {
        hello.name = clean_name(&hello.name)?;
    }
    Ok(())
}

fn check_offer(offer: &Offer) -> Result<(), Refusal> {
    if offer.sdp.len() > MAX_SDP {
        return Err((
            Code::TooLarge,
            format!("SDP is larger than {MAX_SDP} bytes"),
        ));
    }
    if offer.generation == 0 {
        return bad("generation starts at 1");
    }
    if offer.publish.len() > Source::ALL.len() {
        return bad("at most one track of each source");
    }
    for (i, publish) in offer.publish.iter().enumerate() {
        if offer.publish[..i]
            .iter()
            .any(|p| p.source == publish.source || p.mid == publish.mid)
        {
            return bad("a source or mid is named twice");
        }
        check_mid(&publish.mid)?;
        let layers = publish.layers.len();
        let wanted = match publish.source.kind() {
            MediaKind::Audio => 0..=0,
            MediaKind::Video => 1..=3,
        };
        if !wanted.contains(&layers) {
            return bad("video has 1 to 3 layers, audio none");
        }
        if publish
            .layers
            .iter()
            .any(|l| l.rid.len() > 16 || !l.rid.bytes().all(|b| b.is_ascii_alphanumeric()))
        {
            return bad("a rid takes at most 16 letters and digits");
        }
    }
    Ok(())
}

fn check_listening(listening: &Listening) -> Result<(), Refusal> {
    if listening.stalled_permille > 1000 {
        return bad("there are 1000 thousandths");
    }
    if listening.fluent_minutes > listening.minutes {
        return bad("more minutes were fluent than there were");
    }
    Ok(())
}

fn check_view_bitrate(most: Option<u64>) -> Result<(), Refusal> {
    match most {
        Some(most) if most < MIN_VIEW_BITRATE => {
            bad(format!("max_bitrate is {MIN_VIEW_BITRATE} or more"))
        }
        _ => Ok(()),
    }
}

fn check_slots(slots: &[Slot]) -> Result<(), Refusal> {
    if slots.len() > 2 * MAX_SLOTS {
        return bad(format!("at most {MAX_SLOTS} slots per kind"));
    }
    for (i, slot) in slots.iter().enumerate() {
        check_mid(&slot.mid)?;
        if slots[..i].iter().any(|s| s.mid == slot.mid) {
            return bad("a slot is named twice");
        }
    }
    Ok(())
}

fn check_mid(mid: &str) -> Result<(), Refusal> {
    let ok = (1..=16).contains(&mid.len()) && mid.bytes().all(|b| b.is_ascii_graphic());
    if ok {
        Ok(())
    } else {
        bad("a mid takes 1 to 16 ASCII characters")
    }
}

pub(crate) fn bad<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err((Code::BadValue, message.into()))
}

/// Trims, and refuses what is empty or too long.
pub(crate) fn bounded(text: &str, max: usize, what: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let n = text.chars().count();
    if n == 0 || n > max {
        bad(format!("{what} takes 1 to {max} characters"))
    } else {
        Ok(text.to_owned())
    }
}

/// A display name: one line, trimmed, without control characters and without those that are not seen or change the
/// direction, which could pose as others.
fn clean_name(name: &str) -> Result<String, Refusal> {
    let one_line: String = name.chars().filter(|c| is_seen(*c)).collect();
    bounded(&one_line, MAX_NAME, "name")
}

/// Neither a control character nor one that is not seen or changes the direction.
pub(crate) fn is_seen(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> Code {
        parse_client(text).unwrap_err().code
    }

    #[test]
    fn a_plain_request_is_read() {
        let m = parse_client(r#"{"id":3,"body":{"type":"hand","raised":true}}"#).unwrap();
        assert_eq!(
            m,
            ClientMessage {
                id: 3,
                body: Request::Hand { raised: true }
            }
        );
    }

    #[test]
    fn a_message_has_words_or_files_and_no_file_twice() {
        let chat = |text: &str, files: &[FileId]| {
            let request = Request::Chat {
                text: text.into(),
                client_id: "c".into(),
                to: None,
                files: files.to_vec(),
            };
            let body = serde_json::to_string(&request).unwrap();
            parse_client(&format!(r#"{{"id":1,"body":{body}}}"#)).map_err(|e| e.code)
        };
        let file = |n: u128| FileId::from_random(n << 8);
        let files: Vec<_> = (0..=MAX_MESSAGE_FILES as u128).map(file).collect();
        assert!(chat(" ", &files[..MAX_MESSAGE_FILES]).is_ok());
        assert_eq!(chat(" ", &[]), Err(Code::BadValue), "neither");
        assert_eq!(chat("x", &files), Err(Code::BadValue), "too many");
        let twice = [file(1), file(2), file(1)];
        assert_eq!(chat("x", &twice), Err(Code::BadValue), "twice");
        let long = "x".repeat(MAX_CHAT + 1);
        assert_eq!(chat(&long, &files[..1]), Err(Code::BadValue), "too long");
        let path = r#"{"id":1,"body":{"type":"chat","text":"x","client_id":"c","files":["../../../../etc/passwd0000"]}}"#;
        assert_eq!(code(path), Code::BadMessage);
    }

    #[test]
    fn unknown_types_malformed_ones_and_garbage_have_their_own_codes() {
        assert_eq!(
            code(r#"{"id":1,"body":{"type":"fly"}}"#),
            Code::UnknownMessage
        );
        assert_eq!(code(r#"{"id":1,"body":{"type":"hand"}}"#), Code::BadMessage);
        assert_eq!(code("garbage"), Code::BadMessage);
        assert_eq!(code(&"x".repeat(MAX_CLIENT_MESSAGE + 1)), Code::TooLarge);
    }

    #[test]
    fn an_error_names_its_request() {
        assert_eq!(
            parse_client(r#"{"id":9,"body":{"type":"fly"}}"#)
                .unwrap_err()
                .id,
            Some(9)
        );
    }

    #[test]
    fn names_are_trimmed_to_one_plain_line() {
        let m =
            parse_client("{\"id\":1,\"body\":{\"type\":\"rename\",\"name\":\"  A\\nda\\u202e \"}}")
                .unwrap();
        assert_eq!(m.body, Request::Rename { name: "Ada".into() });
        assert_eq!(
            code(r#"{"id":1,"body":{"type":"rename","name":" \t "}}"#),
            Code::BadValue
        );
    }

    #[test]
    fn nobody_poses_as_another_by_what_is_not_seen() {
        for hidden in
            "\u{61c}\u{200b}\u{200c}\u{200d}\u{2028}\u{2029}\u{202f}\u{2060}\u{feff}".chars()
        {
            let name = clean_name(&format!("A{hidden}da"));
            let is_space = hidden == '\u{202f}';
            assert_eq!(name.as_deref() == Ok("Ada"), !is_space, "{hidden:?}");
        }
    }

    #[test]
    fn what_a_listener_says_adds_up() {
        let say = |stalled: u32, minutes: u32, fluent: u32| {
            format!(
                r#"{{"id":1,"body":{{"type":"listening","stalled_permille":{stalled},"minutes":{minutes},"fluent_minutes":{fluent}}}}}"#
            )
        };
        assert!(parse_client(&say(1000, 3, 3)).is_ok());
        assert_eq!(code(&say(1001, 3, 3)), Code::BadValue);
        assert_eq!(code(&say(0, 3, 4)), Code::BadValue);
        assert_eq!(code(&say(70_000, 3, 3)), Code::BadMessage);
    }

    #[test]
    fn who_saves_data_leaves_room_for_voices() {
        let view = |most: &str| {
            format!(r#"{{"id":1,"body":{{"type":"view","slots":[],"max_bitrate":{most}}}}}"#)
        };
        assert!(parse_client(&view("100000")).is_ok());
        assert!(parse_client(&view("18446744073709551615")).is_ok());
        assert_eq!(code(&view("99999")), Code::BadValue);
        assert_eq!(code(&view("-1")), Code::BadMessage);
        assert_eq!(code(&view("1e5")), Code::BadMessage);
    }

    #[test]
    fn a_choice_about_the_same_room_is_one_of_two() {
        let say =
            |choice: &str| format!(r#"{{"id":1,"body":{{"type":"same_room","choice":{choice}}}}}"#);
        assert!(parse_client(&say(r#""use_mine""#)).is_ok());
        assert!(parse_client(&say(r#""apart""#)).is_ok());
        assert_eq!(code(&say(r#""both""#)), Code::BadMessage);
        assert_eq!(code(&say("true")), Code::BadMessage);
    }

    #[test]
    fn a_source_cannot_be_published_twice() {
        let one = r#"{"mid":"0","source":"microphone"},{"mid":"1","source":"microphone"}"#;
        let text = format!(
            r#"{{"id":1,"body":{{"type":"offer","generation":1,"sdp":"","publish":[{one}]}}}}"#
        );
        assert_eq!(code(&text), Code::BadValue);
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let text = r#"{"id":1,"body":{"type":"hello","protocol":1,"meeting":"00000000000000000000000000","name":"A","client":"browser","decodes":[],"host_key":"s3cret","resume":{"participant":1,"token":"t0ken","last_seq":4}}}"#;
        let shown = format!("{:?}", parse_client(text).unwrap());
        assert!(
            !shown.contains("s3cret") && !shown.contains("t0ken"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,400}") {
            let _ = parse_client(&text);
            let _ = parse_server(&text);
        }
    }
}
