//! Files of the chat: up by a seat, down by whoever may read the message, always as an attachment, and gone when they are to be.

mod common;

use common::{Invitation, Person, Server};
use confab_protocol::{
    Audience, ChatMessage, Code, ErrorBody, Event, FileId, FileLimits, ParticipantId, Request,
    SharedFile,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|v| v.to_str().unwrap());
        value.unwrap_or_default()
    }

    fn code(&self) -> Code {
        let body: ErrorBody = serde_json::from_slice(&self.body).unwrap();
        body.code
    }

    fn file(&self) -> SharedFile {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, 201, "{text}");
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Headers<'a> = &'a [(&'a str, &'a str)];

async fn call(
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: Headers<'_>,
    body: Vec<u8>,
) -> Answer {
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{server}/api/v1/meetings/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).unwrap();
    let run = move || {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        let answer = match request.body().is_empty() {
            true => agent.run(request.map(|_| ())),
            false => agent.run(request),
        };
        let answer = answer.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.into_body().read_to_vec().unwrap();
        Answer {
            status,
            headers,
            body,
        }
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn seat(person: &Person) -> String {
    format!("{}:{}", person.id.0, person.token)
}

/// `name` as it stands in a query.
async fn upload(
    server: &Server,
    meeting: &Invitation,
    by: &Person,
    name: &str,
    bytes: &[u8],
) -> Answer {
    let path = format!("{}/files?name={name}", meeting.id);
    let seat = seat(by);
    let headers = [
        ("x-seat", seat.as_str()),
        ("content-type", "application/octet-stream"),
    ];
    call(server.http(), "POST", &path, &headers, bytes.to_vec()).await
}

async fn download(
    server: &Server,
    meeting: &Invitation,
    by: &Person,
    file: &FileId,
    more: Headers<'_>,
) -> Answer {
    let path = format!("{}/files/{file}", meeting.id);
    let seat = seat(by);
    let mut headers = vec![("x-seat", seat.as_str())];
    headers.extend(more);
    call(server.http(), "GET", &path, &headers, Vec::new()).await
}

fn share(file: &SharedFile, to: Option<Audience>) -> Request {
    Request::Chat {
        text: String::new(),
        client_id: file.id.to_string(),
        to,
        files: vec![file.id.clone()],
    }
}

/// What lies in the folder of files.
fn kept(data: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(data.join("files")).unwrap();
    let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name();
    entries.map(|e| name(e).into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_file_goes_up_into_a_message_and_down_to_who_may_read_it() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut host = Person::host(&server, &meeting, "Ada").await;
    let mut bob = Person::join(&server, &meeting, "Bob").await;
    let eve = Person::join(&server, &meeting, "Eve").await;
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let file = upload(&server, &meeting, &bob, "..%2F..%2Fplan%20B.pdf", &bytes).await;
    let file = file.file();
    assert_eq!((file.name.as_str(), file.size), ("plan B.pdf", 200_000));
    assert_eq!(kept(server.dir.path()), [file.id.to_string()]);
    let early = download(&server, &meeting, &bob, &file.id, &[]).await;
    assert_eq!(early.code(), Code::NotFound, "in no message yet");
    assert_eq!(host.ask(share(&file, None)).await, Err(Code::NotFound));

    let to = Some(Audience::Person {
        participant: eve.id,
    });
    bob.ask(share(&file, to)).await.unwrap();
    let got = download(&server, &meeting, &eve, &file.id, &[]).await;
    assert_eq!((got.status, got.body == bytes), (200, true));
    assert_eq!(got.header("content-type"), "application/octet-stream");
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert_eq!(
        got.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    let how = got.header("content-disposition");
    assert!(
        how.starts_with("attachment; filename=\"plan B.pdf\""),
        "{how}"
    );
    let part = download(
        &server,
        &meeting,
        &eve,
        &file.id,
        &[("range", "bytes=10-19")],
    )
    .await;
    assert_eq!((part.status, &part.body[..]), (206, &bytes[10..20]));
    assert_eq!(part.header("content-range"), "bytes 10-19/200000");

    let hosts = download(&server, &meeting, &host, &file.id, &[]).await;
    assert_eq!(hosts.code(), Code::NotFound, "it was private");
    let path = format!("{}/files/{}", meeting.id, file.id);
    let key = [("x-host-key", meeting.host_key.as_str())];
    let by_key = call(server.http(), "GET", &path, &key, Vec::new()).await;
    assert_eq!(by_key.code(), Code::NotFound, "not for all");
    let nobody = call(server.http(), "GET", &path, &[], Vec::new()).await;
    assert_eq!(nobody.code(), Code::Unauthorized);
    let other = server.meeting().await;
    let stranger = Person::host(&server, &other, "Mallory").await;
    let elsewhere = download(&server, &other, &stranger, &file.id, &[]).await;
    assert_eq!(elsewhere.code(), Code::NotFound, "another meeting's");
    let forged = download(&server, &meeting, &stranger, &file.id, &[]).await;
    assert_eq!(forged.code(), Code::BadSecret, "another meeting's seat");
}

#[tokio::test]
async fn names_with_scripts_and_line_ends_stay_in_their_header() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    for name in [
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E.html",
        "a%22%3B%20filename%3D%22b.exe.svg",
        "a%0D%0ASet-Cookie%3A%20x%3D1.txt",
        "%E2%80%AEgpj.exe",
        "%E4%BC%9A%E8%AE%AE.docx",
    ] {
        let file = upload(&server, &meeting, &ada, name, b"<script>").await;
        let file = file.file();
        ada.ask(share(&file, None)).await.unwrap();
        let got = download(&server, &meeting, &ada, &file.id, &[]).await;
        let how = got.header("content-disposition");
        assert!(how.starts_with("attachment; filename=\""), "{how}");
        assert_eq!(how.matches('"').count(), 2, "{how}");
        assert_eq!(got.header("set-cookie"), "", "{name}");
        assert_eq!(got.header("content-type"), "application/octet-stream");
    }
    for name in ["", "..", "%2F", "%00"] {
        let refused = upload(&server, &meeting, &ada, name, b"x").await;
        assert_eq!(refused.code(), Code::BadValue, "{name}");
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused_and_leaves_nothing() {
    let server = Server::start_with(|config| {
        config.files.max_mb = 1;
        config.files.meeting_mb = 2;
    })
    .await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let large = upload(&server, &meeting, &ada, "a.bin", &[7; 1_000_001]).await;
    assert_eq!((large.status, large.code()), (413, Code::TooLarge));
    let empty = upload(&server, &meeting, &ada, "a.bin", b"").await;
    assert!(empty.status == 400, "{}", empty.status);
    assert_eq!(kept(server.dir.path()), Vec::<String>::new());
    for _ in 0..2 {
        upload(&server, &meeting, &ada, "a.bin", &[7; 1_000_000])
            .await
            .file();
    }
    let over = upload(&server, &meeting, &ada, "a.bin", b"x").await;
    assert_eq!((over.status, over.code()), (507, Code::QuotaExceeded));
    let seat = seat(&ada);
    let path = format!("{}/files", meeting.id);
    let headers = [("x-seat", seat.as_str())];
    let limits = call(server.http(), "GET", &path, &headers, Vec::new()).await;
    let limits: FileLimits = serde_json::from_slice(&limits.body).unwrap();
    assert_eq!((limits.max_file, limits.used), (1_000_000, 2_000_000));
    // All else goes on.
    ada.say("still here").await;
    // A bomb is bytes like others, and a compressed body is not taken at all.
    let packed = [
        headers[0],
        ("content-type", "application/octet-stream"),
        ("content-encoding", "gzip"),
    ];
    let path = format!("{}/files?name=a.zip", meeting.id);
    let packed = call(server.http(), "POST", &path, &packed, vec![0x1f, 0x8b]).await;
    assert_eq!(packed.status, 415);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let (address, seat, id) = (server.http(), seat(&ada), meeting.id.clone());
    let data = server.dir.path().to_owned();
    let half = move || {
        let mut socket = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /api/v1/meetings/{id}/files?name=a HTTP/1.1\r\nhost: {address}\r\nx-seat: {seat}\r\n\
             content-type: application/octet-stream\r\ncontent-length: 1000000\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&[1; 100_000]).unwrap();
        while kept(&data).is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(socket);
        while !kept(&data).is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        // Without its length nobody could say whether there is room.
        let mut socket = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /api/v1/meetings/{id}/files?name=a HTTP/1.1\r\nhost: {address}\r\nx-seat: {seat}\r\nconnection: close\r\n\
             content-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("bad_message"), "{answer}");
    };
    let half = tokio::task::spawn_blocking(half);
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, half).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_removed_file_is_gone_for_all_and_a_restart_forgets_no_other() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut host = Person::host(&server, &meeting, "Ada").await;
    let mut bob = Person::join(&server, &meeting, "Bob").await;
    let gone = upload(&server, &meeting, &bob, "gone", b"1").await.file();
    let stays = upload(&server, &meeting, &bob, "stays", b"22").await.file();
    let later = upload(&server, &meeting, &bob, "later", b"3").await.file();
    bob.ask(share(&gone, None)).await.unwrap();
    bob.ask(share(&stays, None)).await.unwrap();
    let file = gone.id.clone();
    host.ask(Request::FileRemove { file }).await.unwrap();
    let told = |e: &Event| matches!(e, Event::FileRemoved { file, .. } if *file == gone.id);
    bob.socket.event(told).await;
    let got = download(&server, &meeting, &bob, &gone.id, &[]).await;
    assert_eq!(got.code(), Code::NotFound);

    let server = server.restart().await;
    let again = bob.resume(&meeting, 0);
    let mut bob = Person::enter(server.http(), again).await.unwrap();
    bob.ask(share(&later, None)).await.unwrap();
    let chat: Vec<ChatMessage> = bob.socket.snapshot().await.chat;
    let removed: Vec<_> = chat.iter().map(|m| m.files[0].removed).collect();
    assert_eq!(removed, [true, false, false]);
    // The sweep at the start deleted what has no row.
    let data = server.dir.path().to_owned();
    let swept = async {
        while kept(&data).contains(&gone.id.to_string()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), swept)
        .await
        .unwrap();
    let key = [("x-host-key", meeting.host_key.as_str())];
    let path = format!("{}/files/{}", meeting.id, stays.id);
    let by_key = call(server.http(), "GET", &path, &key, Vec::new()).await;
    assert_eq!((by_key.status, &by_key.body[..]), (200, &b"22"[..]));
}

#[tokio::test]
async fn without_a_seat_nothing_is_taken() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::host(&server, &meeting, "Ada").await;
    let path = format!("{}/files?name=a", meeting.id);
    let wrong = format!("{}:{}", ada.id.0, "0".repeat(26));
    let own = seat(&ada);
    let kind = ("content-type", "application/octet-stream");
    let evil = ("origin", "https://evil.example");
    for (headers, code) in [
        (vec![kind], Code::BadSecret),
        (vec![kind, ("x-seat", wrong.as_str())], Code::BadSecret),
        (vec![kind, ("x-seat", "x")], Code::BadSecret),
        (vec![kind, ("x-seat", own.as_str()), evil], Code::NotAllowed),
        (vec![("x-seat", own.as_str())], Code::BadMessage),
    ] {
        let refused = call(server.http(), "POST", &path, &headers, b"x".to_vec()).await;
        assert_eq!(refused.code(), code, "{headers:?}");
    }
    assert_eq!(kept(server.dir.path()), Vec::<String>::new());
    let nobody = ParticipantId(999);
    let seat = format!("{}:{}", nobody.0, ada.token);
    let headers = [kind, ("x-seat", seat.as_str())];
    let refused = call(server.http(), "POST", &path, &headers, b"x".to_vec()).await;
    assert_eq!(refused.code(), Code::BadSecret);
}
