//! Small things that unfold into large ones: calendar files, series, compressed bodies, heads and bodies without end. Each is
//! refused with a code or answered within its bounds, and the server goes on.

use crate::paths::raw;
use crate::people::Browser;
use crate::{World, weekly};
use confab_calendar::{Zone, read};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

fn file(inside: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{inside}END:VCALENDAR\r\n")
}

fn event(lines: &str) -> String {
    file(&format!(
        "BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260105T090000\r\nDURATION:PT1H\r\n{lines}END:VEVENT\r\n"
    ))
}

/// Name and text; each is refused or read within bounds. That this ends is the test.
fn calendars() -> Vec<(&'static str, String)> {
    let many = |n: usize, line: &str| line.repeat(n);
    vec![
        (
            "huge",
            event(&format!("DESCRIPTION:{}\r\n", "x".repeat(3_000_000))),
        ),
        (
            "one long line of folds",
            event(&format!("SUMMARY:x\r\n{}", " x\r\n".repeat(250_000))),
        ),
        (
            "deep",
            file(&(many(50_000, "BEGIN:VEVENT\r\n") + &many(50_000, "END:VEVENT\r\n"))),
        ),
        ("deep, never closed", file(&many(50_000, "BEGIN:X\r\n"))),
        (
            "many events",
            file(&many(30_000, "BEGIN:VEVENT\r\nUID:a\r\nEND:VEVENT\r\n")),
        ),
        ("every second for ever", event("RRULE:FREQ=SECONDLY\r\n")),
        (
            "every millisecond of a list",
            event(&format!(
                "RRULE:FREQ=DAILY;BYSECOND={}\r\n",
                (0..60).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
            )),
        ),
        (
            "a day that never comes",
            event("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n"),
        ),
        (
            "the fifth leap day",
            event("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=5MO\r\n"),
        ),
        (
            "a count without end",
            event("RRULE:FREQ=DAILY;COUNT=4294967295\r\n"),
        ),
        (
            "an interval without end",
            event("RRULE:FREQ=YEARLY;INTERVAL=4294967295\r\n"),
        ),
        (
            "rules on rules",
            event(&many(5_000, "RRULE:FREQ=DAILY\r\n")),
        ),
        (
            "many exceptions",
            event(&format!(
                "RRULE:FREQ=DAILY\r\nEXDATE:{}\r\n",
                vec!["20260105T080000Z"; 50_000].join(",")
            )),
        ),
        (
            "many lines of exceptions",
            event(&format!(
                "RRULE:FREQ=DAILY\r\n{}",
                many(19_000, "EXDATE:20260106T080000Z\r\n")
            )),
        ),
        (
            "many dates",
            event(&many(19_000, "RDATE:20260106T080000Z\r\n")),
        ),
        (
            "many people",
            event(&many(15_000, "ATTENDEE:mailto:a@b.example\r\n")),
        ),
        (
            "parameters",
            event(&format!("SUMMARY{}:x\r\n", ";X=y".repeat(200_000))),
        ),
        (
            "a zone of its own making",
            file(&format!(
                "BEGIN:VTIMEZONE\r\nTZID:X\r\n{}END:VTIMEZONE\r\n",
                many(
                    1_900,
                    "BEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nRRULE:FREQ=SECONDLY\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:STANDARD\r\n"
                )
            )),
        ),
        (
            "zones",
            file(&many(
                1_999,
                "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nEND:VTIMEZONE\r\n",
            )),
        ),
        (
            "the year 9999",
            event("RRULE:FREQ=DAILY;UNTIL=99991231T235959Z\r\n"),
        ),
        ("lengths", event("").replace("PT1H", "P99999999999999W")),
        ("no calendar", "\0".repeat(900_000)),
        (
            "escapes",
            event(&format!("SUMMARY:{}\r\n", "\\".repeat(500_000))),
        ),
        (
            "quotes",
            event(&format!("SUMMARY;X=\"{}\r\n", "^'".repeat(300_000))),
        ),
    ]
}

#[test]
fn calendar_files_are_refused_or_read_within_bounds() {
    for (name, text) in calendars() {
        let said = match read(&text, &Zone::utc()) {
            Err(error) => error.code().to_owned(),
            Ok(calendar) => {
                assert!(calendar.events.len() <= 2_000, "{name}");
                for event in calendar.events.iter().filter_map(|e| e.meeting.as_ref()) {
                    // Whatever was taken is a series of ours, which is walked within bounds.
                    assert!(
                        event.when.occurrences(0, u64::MAX, 50).len() <= 50,
                        "{name}"
                    );
                    assert!(event.description.chars().count() <= 8_000, "{name}");
                }
                format!(
                    "{} read, {} refused",
                    calendar.events.len(),
                    calendar.refused.len()
                )
            }
        };
        println!("{name}: {} bytes: {said}", text.len());
    }
}

#[tokio::test]
async fn series_by_the_api_end_or_are_walked_within_bounds() {
    let world = World::new().await;
    let slot = json!({"start": "1971-01-01T00:00:00", "zone": "Europe/Berlin", "minutes": 10_080});
    let series = |pattern: Value, interval: u64| {
        json!({"title": "x", "schedule": {"kind": "planned", "when": {"series": {
            "first": slot, "rule": {"pattern": pattern, "interval": interval, "ends": "never"},
        }}}})
    };
    let mut accepted = 0;
    for (pattern, interval) in [
        (json!({"every": "day"}), 1),
        (json!({"every": "day"}), 999),
        (json!({"every": "week", "days": ["FR"]}), 999),
        (json!({"every": "month_day", "day": 31}), 12),
        (json!({"every": "year_day", "month": 2, "day": 30}), 1),
        (json!({"every": "year_day", "month": 2, "day": -30}), 1),
        (
            json!({"every": "year_weekday", "month": 2, "nth": 5, "days": ["MO"]}),
            999,
        ),
        (
            json!({"every": "month_weekday", "nth": 5, "days": ["MO"]}),
            999,
        ),
        (json!({"every": "month_weekday", "nth": 0, "days": []}), 1),
    ] {
        let made = world
            .ada
            .post("/api/v1/meetings", series(pattern.clone(), interval))
            .await;
        assert!(
            [201, 400].contains(&made.status),
            "{pattern}: {}",
            made.body
        );
        if made.status == 400 {
            continue;
        }
        accepted += 1;
        let id = made.json::<Value>()["id"].as_str().unwrap().to_owned();
        for path in [
            format!("/api/v1/meetings/{id}"),
            format!("/m/{id}"),
            format!("/m/{id}/invite.ics"),
            format!(
                "/api/v1/meetings/{id}/occurrences?from=4000000000000&until=4060000000000&limit=1000"
            ),
            "/api/v1/meetings?from=4000000000000&until=4060000000000&limit=1000".to_owned(),
        ] {
            assert_eq!(world.ada.get(&path).await.status, 200, "{path} {pattern}");
        }
    }
    assert!(accepted >= 2, "{accepted}");
    let mut many = weekly();
    let names: Vec<String> = (0..5_000)
        .map(|n| format!("2030-11-26T09:{:02}:{:02}", n / 60 % 60, n % 60))
        .collect();
    many["when"]["series"]["excluded"] = json!(names);
    let answer = world
        .ada
        .post("/api/v1/meetings", json!({"schedule": many}))
        .await;
    assert!([400, 413].contains(&answer.status), "{}", answer.status);
    let crowd: Vec<Value> = (0..4_000)
        .map(|n| json!({"address": format!("a{n}@b.example")}))
        .collect();
    let answer = world
        .ada
        .post(
            "/api/v1/meetings",
            json!({"schedule": weekly(), "invitees": crowd}),
        )
        .await;
    assert!([400, 413].contains(&answer.status), "{}", answer.status);
}

#[tokio::test]
async fn compressed_bodies_are_refused_unopened() {
    let mut world = World::new().await;
    // 10 MiB of blanks in 10 kB, as `gzip -9` makes it, is never opened: a right body that calls itself compressed is refused too.
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, gzip", "x-anything"] {
        world
            .ada
            .headers
            .retain(|(name, _)| *name != "content-encoding");
        world.ada.headers.push(("content-encoding", coding.into()));
        let answer = world
            .ada
            .post("/api/v1/meetings", json!({"title": "x"}))
            .await;
        assert_eq!(answer.status, 415, "{coding}: {}", answer.body);
    }
    world
        .ada
        .headers
        .retain(|(name, _)| *name != "content-encoding");
    world
        .ada
        .headers
        .push(("content-encoding", "identity".into()));
    assert_eq!(
        world
            .ada
            .post("/api/v1/meetings", json!({"title": "x"}))
            .await
            .status,
        201
    );
}

/// Sends for ever, or until the other side has had enough; gives back the answer's status.
fn endless(server: SocketAddr, head: &str, piece: &[u8]) -> (String, usize) {
    let mut socket = TcpStream::connect(server).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket.write_all(head.as_bytes()).unwrap();
    let mut sent = 0;
    while sent < 64 << 20 {
        match socket.write(piece) {
            Ok(n) => sent += n,
            Err(_) => break,
        }
    }
    let mut answer = [0; 64];
    let n = socket.read(&mut answer).unwrap_or(0);
    let text = String::from_utf8_lossy(&answer[..n]).into_owned();
    (text.split(' ').nth(1).unwrap_or("closed").to_owned(), sent)
}

#[tokio::test]
async fn heads_and_bodies_have_an_end() {
    let world = World::new().await;
    let server = world.server.http();
    let tried = tokio::task::spawn_blocking(move || {
        let post = format!(
            "POST /api/v1/meetings HTTP/1.1\r\nhost: {server}\r\ncontent-type: application/json\r\n"
        );
        let cases = [
            (
                "one header without end",
                format!("{post}x-a: "),
                vec![b'a'; 65_536],
            ),
            (
                "headers without end",
                post.clone(),
                b"x-a: b\r\n".repeat(8_192),
            ),
            (
                "a target without end",
                "GET /".to_owned(),
                vec![b'a'; 65_536],
            ),
            (
                "a chunked body without end",
                format!("{post}transfer-encoding: chunked\r\n\r\n"),
                [b"8000\r\n".to_vec(), vec![b' '; 0x8000], b"\r\n".to_vec()].concat(),
            ),
            (
                "a chunk's extension without end",
                format!("{post}transfer-encoding: chunked\r\n\r\n1"),
                vec![b';'; 65_536],
            ),
            (
                "a body longer than said",
                format!("{post}content-length: 9999999999\r\n\r\n"),
                vec![b' '; 65_536],
            ),
        ];
        for (name, head, piece) in cases {
            let (status, sent) = endless(server, &head, &piece);
            println!("{name}: {status} after {sent} bytes");
            assert!(sent < 64 << 20, "{name}: took {sent} bytes");
            assert!(
                ["400", "413", "414", "431", "closed"].contains(&status.as_str()),
                "{name}: {status}"
            );
        }
        let lies = [
            "content-length: -1",
            "content-length: 1\r\ncontent-length: 2",
            "content-length: 1, 2",
            "transfer-encoding: chunked\r\ncontent-length: 5",
            "transfer-encoding: gzip, chunked, x",
            "host: a\r\nhost: b",
            "content-length: 0x10",
        ];
        for lie in lies {
            let request = format!("{post}{lie}\r\nconnection: close\r\n\r\n{{}}");
            let answer = raw(server, request.as_bytes());
            let text = String::from_utf8_lossy(&answer).into_owned();
            let status = text.split(' ').nth(1).unwrap_or("closed").to_owned();
            assert!(
                !status.starts_with('5') && !status.starts_with('2'),
                "{lie}: {text}"
            );
        }
    });
    tried.await.unwrap();
    assert_eq!(Browser::new(&world.server).get("/health").await.status, 200);
}
