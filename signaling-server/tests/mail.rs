//! Letters against a mail server of another make.

#[path = "common/smtp.rs"]
mod smtp;

use confab_calendar::MailPart;
use confab_server::config::{MailConfig, MailTls};
use confab_server::mail::{Letter, Mailer};
use smtp::{Arrived, Sink};
use std::time::Duration;

const AT_ONCE: &[Duration] = &[Duration::ZERO, Duration::ZERO];

fn config(port: u16) -> MailConfig {
    MailConfig {
        host: Some("localhost".into()),
        port: Some(port),
        tls: MailTls::Off,
        from: Some("Confab <confab@example.org>".into()),
        ..MailConfig::default()
    }
}

fn letter(subject: &str) -> Letter {
    Letter {
        to: "Zoë <zoe@example.net>".into(),
        subject: subject.into(),
        text: "Ein Wort für 所有人\n.\nand a dot alone".into(),
        ..Letter::default()
    }
}

async fn arrivals(mut sink: Sink, count: usize) -> Vec<Arrived> {
    let read = tokio::task::spawn_blocking(move || (0..count).map(|_| sink.next()).collect());
    read.await.unwrap()
}

fn mailer(config: &MailConfig) -> Mailer {
    Mailer::start_with(config, "meet.example.org", AT_ONCE)
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn a_letter_arrives_as_it_was_written() {
    let Some(sink) = Sink::start(&[]) else { return };
    let mailer = mailer(&config(sink.port));
    let ics = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n";
    let kind = "text/calendar; charset=utf-8; method=REQUEST; component=VEVENT";
    let invitation = Letter {
        reply_to: Some("ada@example.org".into()),
        html: Some("<p>Für alle</p>".into()),
        parts: vec![MailPart {
            content_type: kind.into(),
            file_name: "invite.ics",
            body: ics.into(),
        }],
        ..letter("Einladung: 周会")
    };
    mailer.send(invitation).unwrap();
    mailer.send(letter("plain")).unwrap();
    let got = arrivals(sink, 2).await;
    assert_eq!(got[0].from, "confab@example.org");
    assert_eq!(got[0].to, ["zoe@example.net"]);
    assert_eq!(got[0].headers["subject"], "Einladung: 周会");
    assert_eq!(got[0].headers["to"], "Zoë <zoe@example.net>");
    assert_eq!(got[0].headers["reply-to"], "ada@example.org");
    assert_eq!(got[0].headers["auto-submitted"], "auto-generated");
    let shape = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ];
    assert_eq!(got[0].shape, shape);
    let parts = &got[0].parts;
    assert_eq!(
        parts[0].text.replace("\r\n", "\n").trim_end(),
        letter("").text
    );
    // Whether a parameter is quoted is the library's choice (RFC 2045, 5.1).
    assert_eq!(parts[2].kind.replace('"', ""), kind);
    assert_eq!((parts[2].text.as_str(), parts[3].text.as_str()), (ics, ics));
    assert_eq!(parts[3].name.as_deref(), Some("invite.ics"));
    assert_eq!(got[1].headers["subject"], "plain");
    for mail in &got {
        assert!(mail.defects.is_empty(), "{:?}", mail.defects);
    }
    assert_ne!(got[0].headers["message-id"], got[1].headers["message-id"]);
}

#[tokio::test]
async fn a_busy_mail_server_is_asked_again_and_holds_up_nothing_else() {
    let Some(sink) = Sink::start(&["--fail", "2"]) else {
        return;
    };
    let mailer = mailer(&config(sink.port));
    mailer.send(letter("patience")).unwrap();
    let got = arrivals(sink, 3).await;
    assert!(got[0].refused && got[1].refused);
    assert_eq!(got[2].headers["subject"], "patience");
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_sent_again() {
    let Some(sink) = Sink::start(&["--fail", "1", "--reject"]) else {
        return;
    };
    let mailer = mailer(&config(sink.port));
    mailer.send(letter("nobody there")).unwrap();
    mailer.send(letter("the next")).unwrap();
    let got = arrivals(sink, 2).await;
    assert!(got[0].refused);
    assert_eq!(got[1].headers["subject"], "the next");
}

#[tokio::test]
async fn a_password_goes_over_tls_only_and_only_to_a_server_that_proves_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = file("cert.pem", &made.cert.pem());
    let key = file("key.pem", &made.signing_key.serialize_pem());
    let password_file = Some(file("password", "correct horse\n"));
    let (cert_path, key_path) = (cert.to_string_lossy(), key.to_string_lossy());
    let arguments = [
        "--cert",
        &cert_path,
        "--key",
        &key_path,
        "--user",
        "confab",
        "--password",
        "correct horse",
    ];
    let Some(sink) = Sink::start(&arguments) else {
        return;
    };
    let trusting = MailConfig {
        tls: MailTls::Starttls,
        user: Some("confab".into()),
        password_file,
        ca: Some(cert.clone()),
        ..config(sink.port)
    };
    let doubting = MailConfig {
        ca: None,
        ..trusting.clone()
    };
    mailer(&doubting).send(letter("to a stranger")).unwrap();
    mailer(&trusting).send(letter("over TLS")).unwrap();
    let got = arrivals(sink, 1).await;
    assert_eq!(got[0].headers["subject"], "over TLS");
}

#[tokio::test]
async fn a_full_queue_and_a_wrong_address_are_told_at_once() {
    // Nobody listens there: everything waits.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mailer = mailer(&config(taken.local_addr().unwrap().port()));
    let outcomes: Vec<bool> = (0..confab_server::mail::QUEUE + 1)
        .map(|_| mailer.send(letter("waiting")).is_ok())
        .collect();
    assert_eq!(
        outcomes.iter().filter(|ok| **ok).count(),
        confab_server::mail::QUEUE
    );
    let nobody = Letter {
        to: "nobody".into(),
        ..letter("x")
    };
    assert!(mailer.send(nobody).is_err());
}
