//! What the client sends and how it reads answers, against a server of the test's own.

use confab_sdk::{Client, Error, HookEvent, NewMeeting, NewWebhook};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// Answers one request and gives it back: first line and heads, and body.
fn server(status: &'static str, answer: &'static str) -> (String, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = format!("http://{}", listener.local_addr().expect("address"));
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("connection");
        let mut reader = BufReader::new(stream.try_clone().expect("stream"));
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("line");
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("length");
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("body");
        let mut stream = stream;
        let length = answer.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{answer}"
        )
        .expect("answer");
        (head, String::from_utf8(body).expect("text"))
    });
    (address, thread)
}

#[test]
fn a_list_is_asked_for_with_the_token_and_read() {
    let (address, asked) = server("200 OK", r#"{"occurrences": [], "more_from": null}"#);
    let client = Client::new(&address, "cft_secret").expect("client");
    let found = client
        .list_meetings(Some(5), None, Some(10))
        .expect("a list");
    assert!(found.occurrences.is_empty());
    let (head, body) = asked.join().expect("no panic");
    assert!(
        head.starts_with("GET /api/v1/meetings?from=5&limit=10 HTTP/1.1"),
        "{head}"
    );
    assert!(head.contains("authorization: Bearer cft_secret"), "{head}");
    assert_eq!(body, "");
    assert!(!format!("{client:?}").contains("secret"));
}

#[test]
fn a_body_is_json_without_what_is_absent() {
    let answer = r#"{"id":"a","guest_link":"b","host_link":"c","revision":1,"mails":false}"#;
    let (address, asked) = server("201 Created", answer);
    let client = Client::new(&address, "cft_secret").expect("client");
    let wanted = NewMeeting {
        title: Some("Stand-up".into()),
        ..NewMeeting::default()
    };
    assert_eq!(client.create_meeting(&wanted).expect("made").id, "a");
    let (head, body) = asked.join().expect("no panic");
    assert!(head.starts_with("POST /api/v1/meetings HTTP/1.1"), "{head}");
    assert_eq!(body, r#"{"title":"Stand-up"}"#);
}

#[test]
fn a_refusal_has_its_code_and_names_in_paths_are_escaped() {
    let answer = r#"{"code": "not_found", "message": "there is no such thing"}"#;
    let (address, asked) = server("404 Not Found", answer);
    let client = Client::new(&address, "cft_secret").expect("client");
    let refused = client.remove_webhook("a/b?c").expect_err("refused");
    let (head, _) = asked.join().expect("no panic");
    assert!(
        head.starts_with("DELETE /api/v1/admin/webhooks/a%2Fb%3Fc HTTP/1.1"),
        "{head}"
    );
    assert!(
        matches!(&refused, Error::Refused { status: 404, code, .. } if code == "not_found"),
        "{refused}"
    );
    assert!(matches!(
        Client::new("meet.example.org", "t"),
        Err(Error::Address(_))
    ));
}

#[test]
fn words_that_are_new_are_read_as_other() {
    let wish = NewWebhook {
        url: "https://hooks.example.org".into(),
        events: vec![HookEvent::MeetingStarted],
    };
    let text = serde_json::to_string(&wish).expect("JSON");
    assert!(text.contains("\"meeting.started\""), "{text}");
    let event: HookEvent = serde_json::from_str("\"meeting.dreamt\"").expect("a word");
    assert_eq!(event, HookEvent::Other);
}
