//! The client's sockets: a UDP socket for every own address a server candidate is reached from, and TCP connections to
//! the server's passive candidates. An error of one socket concerns that socket only.

use crate::Protocol;
use crate::tcp_frame::{self, Decoder};
use mio::net::{TcpStream, UdpSocket};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};

/// Kernel buffers asked for, bytes: a key frame in one piece, a moment without the thread running.
const SOCKET_BUFFER: usize = 2 << 20;
/// Bytes waiting for a slow TCP connection; beyond that packets are dropped, as UDP would.
const TCP_BACKLOG: usize = 256 << 10;
/// Packets read from a socket in one go before others get their turn.
const READ_BATCH: usize = 256;
/// Addresses and connections at most, lest a strange answer open hundreds.
const MAX_SOCKETS: usize = 16;
/// Reads of a socket that may fail one after the other.
const MOST_ERRORS: u8 = 16;

/// A packet that came in: protocol, from, to.
pub(super) type Arrived = (Protocol, SocketAddr, SocketAddr);

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

struct Tcp {
    token: Token,
    stream: TcpStream,
    remote: SocketAddr,
    /// Known once connected.
    local: Option<SocketAddr>,
    decoder: Decoder,
    out: Vec<u8>,
    readable: bool,
    dead: bool,
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
        for (_, remote) in remotes.iter().filter(|r| r.0 == Protocol::Tcp) {
            let have = self.tcp.iter().any(|t| t.remote == *remote);
            if have || self.tcp.len() >= MAX_SOCKETS {
                continue;
            }
            if let Err(error) = self.connect(*remote) {
                tracing::debug!(%error, "no TCP connection");
            }
        }
    }

    fn connect(&mut self, remote: SocketAddr) -> io::Result<()> {
        let mut stream = TcpStream::connect(remote)?;
        let token = self.token();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.registry.register(&mut stream, token, interest)?;
        self.tcp.push(Tcp {
            token,
            stream,
            remote,
            local: None,
            decoder: Decoder::new(),
            out: Vec::new(),
            readable: false,
            dead: false,
        });
        Ok(())
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
        tcp.readable |= event.is_readable() || event.is_read_closed();
        if !event.is_writable() {
            return None;
        }
        if tcp.local.is_some() {
            tcp.flush();
            return None;
        }
        tcp.finish_connect()
    }

    /// Whether a socket has more to read, so that the thread must not sleep.
    pub(super) fn has_more(&self) -> bool {
        self.udp.iter().any(|u| u.readable) || self.tcp.iter().any(Tcp::can_read)
    }

    /// Hands every packet that has come, up to a batch per socket, to `take`. Returns the local addresses of TCP
    /// connections that were lost.
    pub(super) fn read(&mut self, mut take: impl FnMut(Arrived, &[u8])) -> Vec<SocketAddr> {
        let mut buffer = [0; 2048];
        for udp in &mut self.udp {
            udp.read(&mut buffer, &mut take);
        }
        for tcp in &mut self.tcp {
            tcp.read(&mut buffer, &mut take);
        }
        let mut lost = Vec::new();
        let registry = &self.registry;
        self.tcp.retain_mut(|tcp| {
            if tcp.dead {
                lost.extend(tcp.local);
                let _ = registry.deregister(&mut tcp.stream);
            }
            !tcp.dead
        });
        lost
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

impl Tcp {
    fn can_read(&self) -> bool {
        self.readable && !self.dead && self.local.is_some()
    }

    fn finish_connect(&mut self) -> Option<SocketAddr> {
        match self.stream.take_error() {
            Ok(None) => {}
            _ => {
                self.dead = true;
                return None;
            }
        }
        // Not connected yet: the poller will say so again.
        self.stream.peer_addr().ok()?;
        let _ = self.stream.set_nodelay(true);
        self.local = self.stream.local_addr().ok();
        self.local
    }

    fn send(&mut self, bytes: &[u8]) {
        if self.out.len() + bytes.len() > TCP_BACKLOG {
            return;
        }
        if tcp_frame::encode(bytes, &mut self.out).is_ok() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.write(&self.out[written..]) {
                Ok(0) => {
                    self.dead = true;
                    break;
                }
                Ok(n) => written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.dead = true;
                    break;
                }
            }
        }
        self.out.drain(..written);
    }

    fn read(&mut self, buffer: &mut [u8], take: &mut impl FnMut(Arrived, &[u8])) {
        let Some(local) = self.local else { return };
        for _ in 0..READ_BATCH {
            if !self.can_read() {
                return;
            }
            match self.stream.read(buffer) {
                Ok(0) => self.dead = true,
                Ok(length) => {
                    self.decoder.push(&buffer[..length]);
                    while let Some(packet) = self.decoder.next_frame().unwrap_or_else(|_| {
                        self.dead = true;
                        None
                    }) {
                        take((Protocol::Tcp, self.remote, local), packet);
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.dead = true,
            }
        }
    }
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
