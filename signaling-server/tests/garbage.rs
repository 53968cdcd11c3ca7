//! Bytes that are no messages, requests or handshakes: an error or the end of that connection, and nobody else notices.

mod common;

use common::{Person, Server, Socket, hello};
use confab_protocol::{Code, MAX_CLIENT_MESSAGE, ReplyBody, Request, ServerMessage};
use confab_server::config::IceTcp;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// What a connection gets before its end.
async fn raw(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.http()).await.unwrap();
    // The server may close while this is still being written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the server to close it");
    answer
}

async fn still_fine(server: &Server) {
    let meeting = server.meeting().await;
    let mut person = Person::join(server, &meeting, "Ada").await;
    assert!(matches!(
        person.ask(Request::Ping).await,
        Ok(ReplyBody::Pong { .. })
    ));
}

#[tokio::test]
async fn an_answer_arrives_whole_though_the_body_comes_after_it() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.http()).await.unwrap();
    let head =
        "GET /api/v1/openapi.json HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0];
    stream.peek(&mut first).await.unwrap();
    // By now the server has nothing more to say, and the body is still to come.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        stream.write_all(&[b' '; 100]).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = format!("content-length: {}", body.len());
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_lowercase().contains(&length), "{head}");
}

#[tokio::test]
async fn a_bad_first_message_is_refused_with_its_code() {
    let server = Server::start().await;
    let too_long = "x".repeat(MAX_CLIENT_MESSAGE + 1);
    for (text, code) in [
        ("garbage", Code::BadMessage),
        (r#"{"id":1,"body":{"type":"ping"}}"#, Code::OutOfOrder),
        (r#"{"id":1,"body":{"type":"fly"}}"#, Code::UnknownMessage),
        (&too_long, Code::TooLarge),
    ] {
        let mut socket = Socket::open(server.http()).await;
        socket.send_text(text).await;
        assert_eq!(
            socket.end().await,
            Some(code),
            "{}",
            &text[..text.len().min(40)]
        );
    }
    assert!(server.running.counters().bad_messages >= 4);
    still_fine(&server).await;
}

#[tokio::test]
async fn a_bad_later_message_is_an_error_and_the_connection_stays() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    ada.socket.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(ada.socket.answer(0).await, Err(Code::BadMessage));
    ada.socket.send_text("[".repeat(5000)).await;
    assert_eq!(ada.socket.answer(0).await, Err(Code::BadMessage));
    ada.socket
        .send_text("x".repeat(MAX_CLIENT_MESSAGE + 1))
        .await;
    assert_eq!(ada.socket.answer(0).await, Err(Code::TooLarge));
    ada.socket
        .send_text(r#"{"id":90,"body":{"type":"fly"}}"#)
        .await;
    assert_eq!(ada.socket.answer(90).await, Err(Code::UnknownMessage));
    ada.socket.send_as(100, Request::Ping).await;
    assert!(ada.socket.answer(100).await.is_ok());
    ada.socket
        .send_as(100, Request::Hand { raised: true })
        .await;
    assert_eq!(
        ada.socket.answer(100).await,
        Err(Code::OutOfOrder),
        "replayed"
    );
    ada.socket
        .send_as(101, Request::Hello(hello(&meeting, "Eve")))
        .await;
    assert_eq!(
        ada.socket.answer(101).await,
        Err(Code::OutOfOrder),
        "a second hello"
    );
    assert!(ada.ask(Request::Ping).await.is_ok());
}

#[tokio::test]
async fn repeated_garbage_ends_the_connection_and_nobody_elses() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    let mut eve = Person::join(&server, &meeting, "Eve").await;
    for _ in 0..40 {
        eve.socket.send_text("\u{0}\u{1}{{{").await;
    }
    assert_eq!(eve.socket.end().await, Some(Code::BadMessage));
    assert!(ada.ask(Request::Ping).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_requests_is_ended() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut eve = Person::join(&server, &meeting, "Eve").await;
    for _ in 0..600 {
        eve.socket.send(Request::Hand { raised: true }).await;
    }
    assert_eq!(eve.socket.end().await, Some(Code::TooFast));
    still_fine(&server).await;
}

#[tokio::test]
async fn a_frame_far_too_large_ends_the_connection() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    ada.socket
        .send_text("x".repeat(5 * MAX_CLIENT_MESSAGE))
        .await;
    let end = ada.socket.end().await;
    assert!(matches!(end, None | Some(Code::TooLarge)), "{end:?}");
    still_fine(&server).await;
}

#[tokio::test]
async fn garbage_on_the_port_is_closed_and_counted() {
    let server = Server::start().await;
    let stun_like = [0u8, 84, 0, 1, 0, 64, 1, 2, 3, 4, 5, 6];
    let all: [&[u8]; 5] = [
        b"\x00\x01\x02garbage",
        b"\xff\xff\xff",
        b"hello there\r\n\r\n",
        &stun_like,
        b"\x7fELF",
    ];
    for bytes in all {
        assert!(raw(&server, bytes).await.is_empty());
    }
    assert_eq!(server.running.counters().connections_garbage, 5);
    // A TLS handshake where there is no TLS, and HTTP that is none.
    assert!(
        raw(&server, b"\x16\x03\x01\x02\x00\x01\x00")
            .await
            .is_empty()
    );
    let answer = raw(&server, b"GARBAGE\r\n\r\n").await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    let long_head = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &vec![b'a'; 200_000]].concat();
    let answer = raw(&server, &long_head).await;
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    still_fine(&server).await;
}

#[tokio::test]
async fn a_websocket_needs_our_own_page_or_no_page() {
    let server = Server::start().await;
    let request = |origin: &str| {
        format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: {origin}\r\n\r\n",
            server.http()
        )
    };
    let foreign = raw(&server, request("https://evil.example").as_bytes()).await;
    assert!(
        foreign.starts_with(b"HTTP/1.1 403"),
        "{}",
        String::from_utf8_lossy(&foreign)
    );
    let own = raw(
        &server,
        request(&format!("http://{}", server.http())).as_bytes(),
    )
    .await;
    assert!(
        own.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&own)
    );
}

#[tokio::test]
async fn slow_connections_hold_a_bounded_number_of_places() {
    let server = Server::start_with(|c| c.limits.connections_per_address = 8).await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(server.http()).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            .await
            .unwrap();
        slow.push(stream);
    }
    // All places are taken: the next is closed at once instead of queueing behind them.
    while server.running.counters().connections < 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(
        raw(
            &server,
            b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"
        )
        .await
        .is_empty()
    );
    assert_eq!(server.running.counters().connections_refused, 1);
    // The server drops them by itself, and then there is room again.
    let mut rest = Vec::new();
    let closed =
        tokio::time::timeout(Duration::from_secs(60), slow[0].read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "a slow request head is given up");
    let answer = loop {
        let answer = raw(
            &server,
            b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await;
        if !answer.is_empty() {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    let silent = async { while ada.socket.next().await.is_some() {} };
    silent.await;
    let mut mute = Socket::open(server.http()).await;
    let refused = mute.next().await;
    assert!(
        matches!(
            refused,
            Some(ServerMessage::Refused {
                code: Code::OutOfOrder,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn media_over_tcp_is_told_from_http_and_handed_on() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.http()).await.unwrap();
    // A STUN binding request without attributes, framed, in two pieces.
    let stun = [
        0u8, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];
    stream.write_all(&stun[..5]).await.unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    stream.write_all(&stun[5..]).await.unwrap();
    while server.running.counters().media_connections == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.running.counters().connections_garbage, 0);
    still_fine(&server).await;
}

#[tokio::test]
async fn whoever_is_in_is_told_of_the_relay_which_answers_on_the_pages_port() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let ada = Person::join(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let ([of_ada], [of_bob]) = (&ada.welcome.ice_servers[..], &bob.welcome.ice_servers[..]) else {
        panic!("{:?}", ada.welcome)
    };
    let port = server.http().port();
    let url = format!("turn:127.0.0.1:{port}?transport=tcp");
    assert_eq!(of_ada.urls, [url]);
    assert_ne!(of_ada.username, of_bob.username);
    assert_ne!(of_ada.credential, of_bob.credential);
    // An Allocate that nobody signed, in two pieces, is asked for a signature.
    let allocate = [
        0u8, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0x19, 0, 4,
        17, 0, 0, 0,
    ];
    let mut stream = TcpStream::connect(server.http()).await.unwrap();
    stream.write_all(&allocate[..6]).await.unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    stream.write_all(&allocate[6..]).await.unwrap();
    let mut kind = [0; 2];
    stream.read_exact(&mut kind).await.unwrap();
    assert_eq!(kind, [0x01, 0x13], "an error of Allocate");

    let no_way = Server::start_with(|c| c.media.ice_tcp = Some(IceTcp::Off)).await;
    let without = Server::start_with(|c| c.turn.enabled = false).await;
    for server in [&no_way, &without] {
        let meeting = server.meeting().await;
        let cy = Person::join(server, &meeting, "Cy").await;
        assert!(cy.welcome.ice_servers.is_empty());
    }
    let mut stream = TcpStream::connect(without.http()).await.unwrap();
    stream.write_all(&allocate).await.unwrap();
    assert!(matches!(stream.read(&mut kind).await, Ok(0) | Err(_)));
}

const ALIVE: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn where_all_places_are_taken_silent_connections_make_room_and_people_in_meetings_stay() {
    let server = Server::start_with(|c| c.limits.connections = 4).await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.http()).await.unwrap());
    }
    for _ in 0..5 {
        let answer = raw(&server, ALIVE).await;
        assert!(answer.starts_with(b"HTTP/1.1 200"), "newcomers come in");
    }
    assert!(ada.ask(Request::Ping).await.is_ok());
    let counted = server.running.counters();
    assert_eq!(counted.connections_refused, 0);
    assert!(counted.connections_displaced >= 17, "{counted:?}");
    let mut rest = Vec::new();
    assert_eq!(
        silent[0].read_to_end(&mut rest).await.unwrap_or(0),
        0,
        "it was closed"
    );
}

#[tokio::test]
async fn an_address_that_makes_connections_without_end_is_closed_at_the_door() {
    let server = Server::start_with(|c| c.limits.new_connections_per_minute = 3).await;
    let mut answered = 0;
    for _ in 0..10 {
        answered += usize::from(!raw(&server, ALIVE).await.is_empty());
    }
    let refused = server.running.counters().connections_refused;
    assert!(
        answered >= 3 && refused >= 1,
        "{answered} answered, {refused} not"
    );
}
