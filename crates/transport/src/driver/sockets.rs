//! The client's sockets: a UDP socket for every own address a server candidate is reached from, and TCP connections to
//! the server's passive candidates ([`super::tcp`]). An error of one socket concerns that socket only.

use super::tcp::{Tcp, TlsWay};
use crate::Protocol;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

/// Kernel buffers asked for, bytes: a key frame in one piece, a moment without the thread running.
const SOCKET_BUFFER: usize = 2 << 20;
/// Packets read from a UDP socket in one go before others get their turn.
const READ_BATCH: usize = 256;
/// Addresses and connections at most, lest a strange answer open hundreds.
const MAX_SOCKETS: usize = 16;
/// Reads of a socket that may fail one after the other.
const MOST_ERRORS: u8 = 16;

/// A packet that came in: protocol, from, to.
pub(super) type Arrived = (Protocol, SocketAddr, SocketAddr);

/// Local addresses of TCP connections.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Of those that packets can be sent on from now on.
    pub(super) up: Vec<SocketAddr>,
    pub(super) lost: Vec<SocketAddr>,
}

pub(super) struct Sockets {
    registry: Registry,
    udp: Vec<Udp>,
    tcp: Vec<Tcp>,
    next_token: usize,
}

struct Udp {
    token: Token,
    socket: UdpSocket,
    local: SocketAddr,
    readable: bool,
    /// Reads that failed, one after the other.
    errors: u8,
}

impl Sockets {
    pub(super) fn new(registry: Registry) -> Sockets {
        Sockets {
            registry,
            udp: Vec::new(),
            tcp: Vec::new(),
            next_token: super::WAKER.0 + 1,
        }
    }

    /// Opens UDP sockets for the addresses from which `remotes` are reached now, where there is none yet. Returns the
    /// new local addresses.
    pub(super) fn open_udp(&mut self, remotes: &[(Protocol, SocketAddr)]) -> Vec<SocketAddr> {
        let mut opened = Vec::new();
        for (_, remote) in remotes.iter().filter(|r| r.0 == Protocol::Udp) {
            let Some(ip) = source_address(*remote) else {
                continue;
            };
            let have = self.udp.iter().any(|u| u.local.ip() == ip);
            if have || self.udp.len() >= MAX_SOCKETS {
                continue;
            }
            match self.bind(ip) {
                Ok(local) => opened.push(local),
                Err(error) => tracing::debug!(%error, "no UDP socket"),
            }
        }
        opened
    }

    fn bind(&mut self, ip: IpAddr) -> io::Result<SocketAddr> {
        let address = SocketAddr::new(ip, 0);
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        // The system may allow less; it then gives what it allows.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let mut socket = UdpSocket::from_std(socket.into());
        let local = socket.local_addr()?;
        let token = self.token();
        self.registry
            .register(&mut socket, token, Interest::READABLE)?;
        self.udp.push(Udp {
            token,
            socket,
            local,
            readable: true,
            errors: 0,
        });
        Ok(local)
    }

    /// Closes all UDP sockets. Returns their addresses.
    pub(super) fn close_udp(&mut self) -> Vec<SocketAddr> {
        let mut closed = Vec::new();
        for mut udp in self.udp.drain(..) {
            let _ = self.registry.deregister(&mut udp.socket);
            closed.push(udp.local);
        }
        closed
    }

    /// Starts connecting to the server's TCP candidates that have no connection.
    pub(super) fn open_tcp(&mut self, remotes: &[(Protocol, SocketAddr)]) {
        self.open_streams(remotes, None);
    }

    /// The same inside TLS, where the server has it.
    pub(super) fn open_tls(&mut self, remotes: &[(Protocol, SocketAddr)], way: &TlsWay) {
        self.open_streams(remotes, Some(way));
    }

    fn open_streams(&mut self, remotes: &[(Protocol, SocketAddr)], way: Option<&TlsWay>) {
        let of_kind = |tcp: &&Tcp| tcp.is_tls() == way.is_some();
        for (_, remote) in remotes.iter().filter(|r| r.0 == Protocol::Tcp) {
            let mut like = self.tcp.iter().filter(of_kind);
            let have = like.clone().any(|t| t.remote == *remote) || like.nth(MAX_SOCKETS).is_some();
            if have || way.is_some_and(|way| way.port != remote.port()) {
                continue;
            }
            let token = self.token();
            match Tcp::connect(*remote, way, &self.registry, token) {
                Ok(tcp) => self.tcp.push(tcp),
                Err(error) => tracing::debug!(%error, "no TCP connection"),
            }
        }
    }

    fn token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token)
    }

    /// Notes what the poller said. Returns the local address of a TCP connection that has just come up.
    pub(super) fn on_ready(&mut self, event: &mio::event::Event) -> Option<SocketAddr> {
        let token = event.token();
        if let Some(udp) = self.udp.iter_mut().find(|u| u.token == token) {
            udp.readable |= event.is_readable();
            return None;
        }
        let tcp = self.tcp.iter_mut().find(|t| t.token == token)?;
        tcp.on_ready(event)
    }

    /// Whether a socket has more to read, so that the thread must not sleep.
    pub(super) fn has_more(&self) -> bool {
        self.udp.iter().any(|u| u.readable) || self.tcp.iter().any(Tcp::can_read)
    }

    /// Hands every packet that has come, up to a batch per socket, to `take`.
    pub(super) fn read(&mut self, mut take: impl FnMut(Arrived, &[u8])) -> Changed {
        let mut buffer = [0; 2048];
        for udp in &mut self.udp {
            udp.read(&mut buffer, &mut take);
        }
        let mut changed = Changed::default();
        for tcp in &mut self.tcp {
            changed.up.extend(tcp.read(&mut buffer, &mut take));
        }
        let registry = &self.registry;
        self.tcp.retain_mut(|tcp| {
            if tcp.dead {
                changed.lost.extend(tcp.local);
                tcp.deregister(registry);
            }
            !tcp.dead
        });
        changed
    }

    /// Sends a packet or drops it: a full buffer, an address that cannot be reached and a lost connection are all the
    /// same to media.
    pub(super) fn send(
        &mut self,
        protocol: Protocol,
        src: SocketAddr,
        dst: SocketAddr,
        bytes: &[u8],
    ) {
        match protocol {
            Protocol::Udp => {
                if let Some(udp) = self.udp.iter().find(|u| u.local == src) {
                    let _ = udp.socket.send_to(bytes, dst);
                }
            }
            Protocol::Tcp => {
                let mut all = self.tcp.iter_mut();
                let tcp = all.find(|t| t.local == Some(src) && t.remote == dst);
                if let Some(tcp) = tcp {
                    tcp.send(bytes);
                }
            }
        }
    }
}

impl Udp {
    fn read(&mut self, buffer: &mut [u8], take: &mut impl FnMut(Arrived, &[u8])) {
        for _ in 0..READ_BATCH {
            if !self.readable {
                return;
            }
            match self.socket.recv_from(buffer) {
                Ok((length, from)) => {
                    self.errors = 0;
                    take((Protocol::Udp, from, self.local), &buffer[..length]);
                }
                Err(e) => self.readable = goes_on(e.kind(), &mut self.errors),
            }
        }
    }
}

/// Whether to read on after an error. Such as a refused port of the other side, reported late, is no reason to stop;
/// one error after the other is: until the poller says that there is something again.
fn goes_on(error: ErrorKind, in_a_row: &mut u8) -> bool {
    if error == ErrorKind::WouldBlock || *in_a_row >= MOST_ERRORS {
        *in_a_row = 0;
        return false;
    }
    *in_a_row += 1;
    true
}

/// The own address from which the system would send to `remote` now. Connecting a UDP socket sends nothing.
fn source_address(remote: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if remote.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let socket = std::net::UdpSocket::bind(any).ok()?;
    socket.connect(remote).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_only_fails_is_left_alone() {
        let mut in_a_row = 0;
        let reads = (0..1000)
            .take_while(|_| goes_on(ErrorKind::NetworkDown, &mut in_a_row))
            .count();
        assert_eq!(reads, usize::from(MOST_ERRORS));
        assert!(goes_on(ErrorKind::ConnectionRefused, &mut in_a_row));
        assert!(!goes_on(ErrorKind::WouldBlock, &mut in_a_row));
    }
}
