//! Questions by UDP: STUN to a media port, SNTP to a time server.

use confab_diagnosis::{Udp, sntp, stun};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// A request is said again after each of these; then the port is silent.
const AGAIN: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(750),
    Duration::from_millis(1000),
];
const TIME_WITHIN: Duration = Duration::from_secs(3);

/// Whether a media port answers a STUN binding request.
pub async fn ask_stun(at: SocketAddr) -> Udp {
    match stun_at(at).await {
        Ok(udp) => udp,
        Err(error) => Udp::NotSent(error.to_string()),
    }
}

async fn stun_at(at: SocketAddr) -> io::Result<Udp> {
    let socket = socket(at).await?;
    let transaction: stun::Transaction = rand::random();
    let request = stun::request(transaction);
    let mut buffer = [0; 256];
    let mut not_sent = None;
    for wait in AGAIN {
        // A port that is closed politely is told of here; it may open while we ask.
        match socket.send(&request).await {
            Err(e) if e.kind() != io::ErrorKind::ConnectionRefused => not_sent = Some(e),
            _ => not_sent = None,
        }
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match timeout(left, socket.recv(&mut buffer)).await {
                Ok(Ok(n)) if stun::mapped(&buffer[..n], transaction).is_some() => {
                    return Ok(Udp::Answered);
                }
                Ok(Ok(_)) => {}
                Ok(Err(_)) => tokio::time::sleep(left.min(Duration::from_millis(100))).await,
                Err(_) => break,
            }
        }
    }
    match not_sent {
        Some(error) => Err(error),
        None => Ok(Udp::Silent),
    }
}

async fn socket(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// Seconds our clock is ahead of a time server's. `name` may end in a port.
///
/// # Errors
/// No usable answer, in words.
pub async fn time_server(name: &str) -> Result<f64, String> {
    let with_port = match name.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => name.to_owned(),
        _ => format!("{name}:{}", sntp::PORT),
    };
    timeout(TIME_WITHIN, time_at(&with_port))
        .await
        .unwrap_or_else(|_| Err("no answer".into()))
}

async fn time_at(name: &str) -> Result<f64, String> {
    let words = |e: io::Error| e.to_string();
    let mut found = tokio::net::lookup_host(name).await.map_err(words)?;
    let at = found.next().ok_or("no such name")?;
    let socket = socket(at).await.map_err(words)?;
    let mut buffer = [0; 128];
    loop {
        let nonce = rand::random();
        let sent = seconds();
        socket.send(&sntp::request(nonce)).await.map_err(words)?;
        let answer = timeout(Duration::from_secs(1), socket.recv(&mut buffer)).await;
        let Ok(Ok(n)) = answer else {
            // Refused or lost: the caller's clock ends it.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if let Some(ahead) = sntp::ahead(&buffer[..n], nonce, sent, seconds()) {
            return Ok(ahead);
        }
    }
}

fn seconds() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0.0, |d| d.as_secs_f64())
}
