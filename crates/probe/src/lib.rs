//! Asks a server as a stranger would: name, TCP, TLS, HTTPS, WebSocket, STUN, and another clock. What is seen becomes
//! [`confab_diagnosis::Facts`]; what it means is said there.
//!
//! Nothing secret is sent, and nobody is asked but the server itself and, where it is wanted, a time server. Every question
//! has a time limit, and they run side by side: [`look`] takes 5 s at most, [`resolve`] 4 s, [`time_server`] 3 s.

mod certificate;
mod datagram;
mod web;

pub use certificate::{Authorities, read_chain, read_dates, read_pem};
pub use datagram::{ask_stun, time_server};
pub use web::{Seen, ask_web, ask_websocket};

use confab_diagnosis::{Answer, Certificate, Failure, Media, Reached, Udp};
use rustls_pki_types::CertificateDer;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For a name to be looked up.
const NAME_WITHIN: Duration = Duration::from_secs(4);
/// For a connection to stand.
const CONNECTED_WITHIN: Duration = Duration::from_secs(3);
/// Addresses of one name that are asked at most.
pub const MOST_ADDRESSES: usize = 4;

/// Where people go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub https: bool,
    /// Without brackets.
    pub host: String,
    pub port: u16,
}

impl Place {
    /// For the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.https, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

/// What [`look`] is to look at.
#[derive(Clone, Debug)]
pub struct Look {
    pub place: Place,
    /// The name's, from [`resolve`].
    pub addresses: Vec<IpAddr>,
    pub udp_port: u16,
    /// Addresses announced for media beside those.
    pub announced: Vec<IpAddr>,
    /// Media over TCP on a port that is not the web's.
    pub tcp_port: Option<u16>,
}

/// What [`look`] saw.
#[derive(Debug, Default)]
pub struct Looked {
    pub reached: Vec<Reached>,
    pub media: Vec<Media>,
    /// The first that was served.
    pub certificate: Option<Certificate>,
    /// Seconds our clock is ahead of the first answer's `Date`.
    pub ahead: Option<f64>,
}

/// The addresses of a name, as this system knows them; a literal address is its own.
///
/// # Errors
/// No address, in the resolver's words.
pub async fn resolve(host: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(ip) = host.parse() {
        return Ok(vec![ip]);
    }
    let found = timeout(NAME_WITHIN, tokio::net::lookup_host((host, 0))).await;
    let found = found
        .map_err(|_| "the resolver does not answer".to_owned())?
        .map_err(|e| e.to_string())?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for ip in found.map(|a| a.ip().to_canonical()) {
        if !addresses.contains(&ip) && addresses.len() < MOST_ADDRESSES {
            addresses.push(ip);
        }
    }
    Ok(addresses)
}

/// Asks everything at every address, side by side.
pub async fn look(look: &Look, authorities: &Authorities) -> Looked {
    let reached = look.addresses.iter().map(|ip| {
        let (place, at) = (look.place.clone(), SocketAddr::new(*ip, look.place.port));
        let media = SocketAddr::new(*ip, look.udp_port);
        tokio::spawn(async move {
            tokio::join!(
                ask_web(&place, at),
                ask_websocket(&place, at),
                ask_stun(media)
            )
        })
    });
    let reached: Vec<_> = reached.collect();
    let media = look.announced.iter().map(|ip| {
        let (udp, tcp) = (SocketAddr::new(*ip, look.udp_port), look.tcp_port);
        let ip = *ip;
        tokio::spawn(async move {
            let tcp = async {
                match tcp {
                    Some(port) => Some(connect(SocketAddr::new(ip, port)).await.map(drop)),
                    None => None,
                }
            };
            tokio::join!(ask_stun(udp), tcp)
        })
    });
    let media: Vec<_> = media.collect();
    let mut looked = Looked::default();
    let mut chain: Vec<CertificateDer<'static>> = Vec::new();
    for (task, address) in reached.into_iter().zip(&look.addresses) {
        let Ok((seen, websocket, udp)) = task.await else {
            continue;
        };
        looked.ahead = looked.ahead.or(seen.ahead);
        if chain.is_empty() {
            chain = seen.chain;
        }
        looked.reached.push(Reached {
            address: *address,
            web: seen.answer,
            websocket,
            udp,
        });
    }
    for (task, address) in media.into_iter().zip(&look.announced) {
        let (udp, tcp) = task.await.unwrap_or((Udp::NotAsked, None));
        looked.media.push(Media {
            address: *address,
            udp,
            tcp,
        });
    }
    looked.certificate = read_chain(&chain, &look.place.host, authorities);
    looked
}

async fn connect(at: SocketAddr) -> Result<TcpStream, Failure> {
    match timeout(CONNECTED_WITHIN, TcpStream::connect(at)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => Err(Failure::Timeout),
    }
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut => Failure::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Failure::Unreachable,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Failure::Closed,
        _ => Failure::Other(error.to_string()),
    }
}

/// An answer that came, whoever gave it.
fn answer(status: u16, info: Option<&confab_protocol::CheckInfo>) -> Answer {
    Answer {
        status,
        instance: info.map(|i| i.instance.clone()),
    }
}
