//! Real sockets on loopback: what each question brings from a server that answers, and from one that does not.

use confab_diagnosis::{Failure, Udp, sntp, stun};
use confab_probe::{Authorities, Look, Place, ask_stun, ask_web, ask_websocket, look, time_server};
use std::net::SocketAddr;
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// Answers every connection's first request with these bytes, and what follows with these.
async fn says(answer: &'static str, then: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                if !then.is_empty() && stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                    let _ = stream.write_all(then).await;
                }
                let _ = stream.read(&mut buffer).await;
            });
        }
    });
    at
}

fn place(at: SocketAddr) -> Place {
    Place {
        https: false,
        host: "127.0.0.1".into(),
        port: at.port(),
    }
}

const INFO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 44\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n{\"instance\":\"me\",\"time\":784111777,\"udp_port\":9}";
const UPGRADED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

#[tokio::test]
async fn who_answers_is_told_by_its_own_words() {
    let text: &'static str = Box::leak(
        INFO.replace(
            "content-length: 44",
            &format!(
                "content-length: {}",
                INFO.split_once("\r\n\r\n").unwrap().1.len()
            ),
        )
        .into_boxed_str(),
    );
    let at = says(text, &[]).await;
    let seen = ask_web(&place(at), at).await;
    let answer = seen.answer.unwrap();
    assert_eq!(
        (answer.status, answer.instance.as_deref()),
        (200, Some("me"))
    );
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((seen.ahead.unwrap() - (now - 784_111_777.0)).abs() < 60.0);

    let other = says("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno", &[]).await;
    let answer = ask_web(&place(other), other).await.answer.unwrap();
    assert_eq!((answer.status, answer.instance), (404, None));
}

#[tokio::test]
async fn a_websocket_counts_when_a_ping_comes_back() {
    let good = says(UPGRADED, &[0x8a, 0]).await;
    assert_eq!(ask_websocket(&place(good), good).await, Ok(101));
    let dropped = says("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", &[]).await;
    assert_eq!(ask_websocket(&place(dropped), dropped).await, Ok(400));
    let lies = says(UPGRADED, b"HTTP/1.1 408 Request Timeout\r\n\r\n").await;
    assert!(matches!(
        ask_websocket(&place(lies), lies).await,
        Err(Failure::Other(_))
    ));
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = held.local_addr().unwrap();
    drop(held);
    let seen = ask_web(&place(at), at).await;
    assert_eq!(seen.answer, Err(Failure::Refused));
    assert_eq!(ask_websocket(&place(at), at).await, Err(Failure::Refused));
}

#[tokio::test]
async fn a_media_port_answers_or_is_silent() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    let deaf = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 256];
        // The first is lost.
        let _ = socket.recv_from(&mut buffer).await;
        while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
            if let Some(answer) = stun::answer(&buffer[..n], from) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    assert_eq!(ask_stun(at).await, Udp::Answered);
    assert_eq!(ask_stun(deaf.local_addr().unwrap()).await, Udp::Silent);
}

#[tokio::test]
async fn a_time_server_says_how_far_off_the_clock_is() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let name = socket.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 256];
        while let Ok((n, from)) = socket.recv_from(&mut buffer).await {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
            if let Some(answer) = sntp::answer(&buffer[..n], now + 600.0) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    let ahead = time_server(&name).await.unwrap();
    assert!((ahead + 600.0).abs() < 30.0, "{ahead}");
    assert!(time_server("no-such-host.invalid").await.is_err());
}

#[tokio::test]
async fn one_look_asks_everything_at_every_address() {
    let at = says("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", &[]).await;
    let looked = look(
        &Look {
            place: place(at),
            addresses: vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()],
            udp_port: at.port(),
            announced: vec!["127.0.0.3".parse().unwrap()],
            tcp_port: Some(at.port()),
        },
        &Authorities::with(None).unwrap(),
    )
    .await;
    assert_eq!(looked.reached.len(), 2);
    assert_eq!(looked.reached[0].web.as_ref().unwrap().status, 200);
    assert_eq!(looked.reached[0].websocket, Ok(200));
    assert_eq!(looked.reached[1].web, Err(Failure::Refused));
    assert_eq!(looked.media[0].udp, Udp::Silent);
    assert_eq!(looked.media[0].tcp, Some(Err(Failure::Refused)));
    assert_eq!(looked.certificate, None);
}
