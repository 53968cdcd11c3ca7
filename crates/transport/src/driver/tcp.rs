//! One TCP connection to a passive candidate of the server: RFC 4571 frames, as they are or inside TLS. The latter looks
//! like any page's connection to firewalls that look into what passes and let only that through.
//!
//! What is inside is encrypted by DTLS and SRTP all the same, whose fingerprints came by signaling.

use super::sockets::Arrived;
use crate::Protocol;
use crate::tcp_frame::{self, Decoder};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

/// Bytes waiting for a slow connection; beyond that packets are dropped, as UDP would.
const TCP_BACKLOG: usize = 256 << 10;
/// Packets read from a connection in one go before others get their turn.
const READ_BATCH: usize = 256;

/// How media can be hidden in TLS on the server's port for pages.
#[derive(Clone)]
pub struct TlsWay {
    pub config: Arc<ClientConfig>,
    /// Whom the server's certificate is for.
    pub name: ServerName<'static>,
    /// The port that speaks TLS: candidates on others are reached in the clear only.
    pub port: u16,
}

impl std::fmt::Debug for TlsWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsWay({:?}, {})", self.name, self.port)
    }
}

pub(super) struct Tcp {
    pub token: Token,
    pub remote: SocketAddr,
    /// Known once packets can be sent.
    pub local: Option<SocketAddr>,
    pub dead: bool,
    stream: TcpStream,
    connected: bool,
    tls: Option<Box<ClientConnection>>,
    decoder: Decoder,
    out: Vec<u8>,
    readable: bool,
}

impl Tcp {
    /// Starts to connect.
    pub fn connect(
        remote: SocketAddr,
        tls: Option<&TlsWay>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Tcp> {
        let tls = tls.map(|way| {
            let connection = ClientConnection::new(way.config.clone(), way.name.clone());
            connection.map(Box::new).map_err(io::Error::other)
        });
        let mut stream = TcpStream::connect(remote)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, token, interest)?;
        Ok(Tcp {
            token,
            remote,
            local: None,
            dead: false,
            stream,
            connected: false,
            tls: tls.transpose()?,
            decoder: Decoder::new(),
            out: Vec::new(),
            readable: false,
        })
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub fn deregister(&mut self, registry: &Registry) {
        let _ = registry.deregister(&mut self.stream);
    }

    /// Notes what the poller said. Returns the local address if packets can be sent from now on.
    pub fn on_ready(&mut self, event: &mio::event::Event) -> Option<SocketAddr> {
        self.readable |= event.is_readable() || event.is_read_closed();
        if !event.is_writable() {
            return None;
        }
        if !self.connected {
            self.finish_connect()?;
        }
        self.flush();
        self.came_up()
    }

    /// None: not yet, or never.
    fn finish_connect(&mut self) -> Option<()> {
        if !matches!(self.stream.take_error(), Ok(None)) {
            self.dead = true;
            return None;
        }
        // Not connected yet: the poller will say so again.
        self.stream.peer_addr().ok()?;
        let _ = self.stream.set_nodelay(true);
        self.connected = true;
        Some(())
    }

    /// The local address, once: when the connection is made, and TLS in it.
    fn came_up(&mut self) -> Option<SocketAddr> {
        let greets = self.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        if self.local.is_some() || !self.connected || greets || self.dead {
            return None;
        }
        self.local = self.stream.local_addr().ok();
        self.local
    }

    pub fn can_read(&self) -> bool {
        self.readable && !self.dead && self.connected
    }

    pub fn send(&mut self, bytes: &[u8]) {
        if self.out.len() + bytes.len() > TCP_BACKLOG {
            return;
        }
        if tcp_frame::encode(bytes, &mut self.out).is_ok() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let flushed = match &mut self.tls {
            None => write_plain(&mut self.stream, &mut self.out),
            Some(tls) => write_tls(tls, &mut self.stream, &mut self.out),
        };
        self.dead |= flushed.is_err();
    }

    /// Hands every packet that has come, up to a batch, to `take`. Returns the local address if packets can be sent from
    /// now on.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        take: &mut impl FnMut(Arrived, &[u8]),
    ) -> Option<SocketAddr> {
        let mut came_up = None;
        for _ in 0..READ_BATCH {
            if !self.can_read() {
                break;
            }
            let read = match &mut self.tls {
                None => self.stream.read(buffer),
                Some(tls) => read_tls(tls, &mut self.stream, buffer),
            };
            if self.tls.is_some() {
                // The handshake may have something to answer.
                self.flush();
                came_up = came_up.or(self.came_up());
            }
            match read {
                Ok(0) => self.dead = true,
                Ok(length) => self.take_frames(&buffer[..length], take),
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.dead = true,
            }
        }
        came_up
    }

    fn take_frames(&mut self, bytes: &[u8], take: &mut impl FnMut(Arrived, &[u8])) {
        let Some(local) = self.local else { return };
        self.decoder.push(bytes);
        while let Some(packet) = self.decoder.next_frame().unwrap_or_else(|_| {
            self.dead = true;
            None
        }) {
            take((Protocol::Tcp, self.remote, local), packet);
        }
    }
}

/// Writes what the connection takes now; the rest stays in `out`.
fn write_plain(stream: &mut TcpStream, out: &mut Vec<u8>) -> io::Result<()> {
    let mut written = 0;
    let result = loop {
        if written == out.len() {
            break Ok(());
        }
        match stream.write(&out[written..]) {
            Ok(0) => break Err(ErrorKind::WriteZero.into()),
            Ok(n) => written += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => break Ok(()),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => break Err(e),
        }
    };
    out.drain(..written);
    result
}

/// The same through TLS, which also has words of its own.
fn write_tls(
    tls: &mut ClientConnection,
    stream: &mut TcpStream,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    loop {
        if !tls.is_handshaking() && !out.is_empty() {
            let taken = tls.writer().write(out)?;
            out.drain(..taken);
        }
        if !tls.wants_write() {
            return Ok(());
        }
        match tls.write_tls(stream) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn read_tls(
    tls: &mut ClientConnection,
    stream: &mut TcpStream,
    buffer: &mut [u8],
) -> io::Result<usize> {
    match tls.reader().read(buffer) {
        Err(e) if e.kind() == ErrorKind::WouldBlock => {}
        done => return done,
    }
    if tls.read_tls(stream)? == 0 {
        return Ok(0);
    }
    tls.process_new_packets().map_err(io::Error::other)?;
    match tls.reader().read(buffer) {
        // A part of a record, or of the handshake: there may be more on the connection.
        Err(e) if e.kind() == ErrorKind::WouldBlock => Err(ErrorKind::Interrupted.into()),
        done => done,
    }
}
