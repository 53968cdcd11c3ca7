//! The other process, while one takes over from another (docs/adr/0035): what this one does not know goes across, as (protocol,
//! from, to, bytes) over a pair of datagram sockets. The older one reads the UDP sockets for both; TCP connections are read by
//! whichever accepted them. What came from across and is unknown here as well is dropped, so nothing goes round.
//!
//! The kernel's buffer is the queue: what it has no room for is dropped and counted, as a network would.

use crate::sfu::Shared;
use crate::sfu::counters::Counters;
use crate::sfu::worker::Incoming;
use confab_transport::{Protocol, stun_peek};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::mpsc;

/// One end of the pair.
#[cfg(unix)]
pub type Link = std::os::unix::net::UnixDatagram;
/// There is none: no process takes over from another here.
#[cfg(not(unix))]
#[derive(Debug)]
pub enum Link {}

/// How soon the reading thread notices the end.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What the kernel is asked to keep for the other side; it may grant less.
#[cfg(unix)]
const KERNEL_BUFFER: usize = 4 << 20;
/// Flags, two addresses.
const HEAD: usize = 1 + 2 * ADDRESS;
/// Family, address, port.
const ADDRESS: usize = 1 + 16 + 2;
/// Larger than any datagram.
const LARGEST: usize = 66 << 10;
const OUTGOING: u8 = 1;
const TCP: u8 = 2;

/// A datagram that goes across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crossing<'a> {
    /// To be sent to `to`, from the own address `from`. Otherwise it came from `from`.
    pub outgoing: bool,
    pub protocol: Protocol,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: &'a [u8],
}

impl<'a> Crossing<'a> {
    fn head(&self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[0] =
            u8::from(self.outgoing) * OUTGOING + u8::from(self.protocol == Protocol::Tcp) * TCP;
        head[1..=ADDRESS].copy_from_slice(&write_address(self.from));
        head[1 + ADDRESS..].copy_from_slice(&write_address(self.to));
        head
    }

    /// None: not of our making.
    fn read(message: &'a [u8]) -> Option<Crossing<'a>> {
        let (head, bytes) = message.split_at_checked(HEAD)?;
        let known = head[0] & !(OUTGOING | TCP) == 0;
        known.then_some(())?;
        Some(Crossing {
            outgoing: head[0] & OUTGOING != 0,
            protocol: match head[0] & TCP {
                0 => Protocol::Udp,
                _ => Protocol::Tcp,
            },
            from: read_address(&head[1..=ADDRESS])?,
            to: read_address(&head[1 + ADDRESS..])?,
            bytes,
        })
    }
}

fn write_address(address: SocketAddr) -> [u8; ADDRESS] {
    let mut all = [0; ADDRESS];
    let (family, ip) = match address.ip() {
        IpAddr::V4(ip) => (4, ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => (6, ip),
    };
    all[0] = family;
    all[1..17].copy_from_slice(&ip.octets());
    all[17..].copy_from_slice(&address.port().to_be_bytes());
    all
}

fn read_address(bytes: &[u8]) -> Option<SocketAddr> {
    let ip = Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(1..17)?).ok()?);
    let port = u16::from_be_bytes(<[u8; 2]>::try_from(bytes.get(17..)?).ok()?);
    let ip = match bytes.first()? {
        4 => IpAddr::V4(ip.to_ipv4_mapped()?),
        6 => IpAddr::V6(ip),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// A TCP connection here whose peer connection is there.
#[derive(Debug)]
struct Stream {
    writer: mpsc::Sender<Vec<u8>>,
    /// Something was sent to it: it is really somebody's there.
    answered: Arc<AtomicBool>,
}

#[derive(Debug)]
pub(crate) struct Across {
    link: Link,
    ended: AtomicBool,
    streams: Mutex<HashMap<SocketAddr, Stream>>,
}

impl Across {
    /// False: there was no room for it, or nobody is there any more.
    pub fn send(&self, crossing: &Crossing<'_>) -> bool {
        !self.has_ended() && send(&self.link, &crossing.head(), crossing.bytes).is_ok()
    }

    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// A connection from `peer` belongs there. What is answered sets the flag that is returned.
    pub fn open_stream(&self, peer: SocketAddr, writer: mpsc::Sender<Vec<u8>>) -> Arc<AtomicBool> {
        let answered = Arc::new(AtomicBool::new(false));
        let stream = Stream {
            writer,
            answered: Arc::clone(&answered),
        };
        self.streams().insert(peer, stream);
        answered
    }

    pub fn close_stream(&self, peer: SocketAddr) {
        self.streams().remove(&peer);
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<SocketAddr, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other process, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Neighbour {
    is_there: AtomicBool,
    across: RwLock<Option<Arc<Across>>>,
}

impl Neighbour {
    pub fn get(&self) -> Option<Arc<Across>> {
        if !self.is_there.load(Ordering::Relaxed) {
            return None;
        }
        let across = self.across.read();
        across.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its connections here are closed.
    pub fn end(&self) {
        self.is_there.store(false, Ordering::Relaxed);
        let across = self.across.write();
        if let Some(across) = across.unwrap_or_else(PoisonError::into_inner).take() {
            across.ended.store(true, Ordering::Relaxed);
            across.streams().clear();
        }
    }
}

/// From now on there is another process, at the other end of `link`.
///
/// # Errors
/// No thread can be started.
pub(crate) fn begin(shared: &Arc<Shared>, link: Link) -> io::Result<()> {
    prepare(&link)?;
    let across = Arc::new(Across {
        link,
        ended: AtomicBool::new(false),
        streams: Mutex::default(),
    });
    let (shared_there, read_from) = (Arc::clone(shared), Arc::clone(&across));
    std::thread::Builder::new()
        .name("sfu-across".to_owned())
        .spawn(move || {
            confab_priority::raise(confab_priority::Urgency::Network);
            read_always(&shared_there, &read_from);
        })?;
    let neighbour = &shared.neighbour;
    let there = neighbour.across.write();
    *there.unwrap_or_else(PoisonError::into_inner) = Some(across);
    neighbour.is_there.store(true, Ordering::Relaxed);
    Ok(())
}

fn read_always(shared: &Shared, across: &Across) {
    let mut buffer = vec![0; LARGEST];
    while !across.has_ended() && !shared.stop.load(Ordering::Acquire) {
        match receive(&across.link, &mut buffer) {
            Ok(length) => {
                if let Some(crossing) = buffer.get(..length).and_then(Crossing::read) {
                    take(shared, across, &crossing);
                }
            }
            Err(error) if is_late(&error) => {}
            // The other end is closed, and the one who knows will say so.
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

fn is_late(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

fn take(shared: &Shared, across: &Across, crossing: &Crossing<'_>) {
    let Crossing {
        outgoing,
        protocol,
        from,
        to,
        bytes,
    } = *crossing;
    if outgoing && protocol == Protocol::Tcp {
        let streams = across.streams();
        let Some(stream) = streams.get(&to) else {
            return Counters::add(&shared.counters.not_sent, 1);
        };
        stream.answered.store(true, Ordering::Relaxed);
        return match stream.writer.try_send(bytes.to_vec()) {
            Ok(()) => Counters::add(&shared.counters.datagrams_out, 1),
            Err(_) => Counters::add(&shared.counters.queue_full, 1),
        };
    }
    let bytes = bytes.to_vec();
    let (worker, incoming) = match outgoing {
        true => (
            usize::from(to.port()),
            Incoming::Outgoing { from, to, bytes },
        ),
        false => (
            worker_of(shared, crossing).unwrap_or(usize::from(from.port())),
            Incoming::Datagram {
                protocol,
                from,
                to,
                bytes,
                crossed: true,
            },
        ),
    };
    let inbox = &shared.inboxes[worker % shared.inboxes.len()];
    if inbox.packet(incoming).is_err() {
        Counters::add(&shared.counters.queue_full, 1);
    }
}

/// The one whose peer connection it is for, so that it need not be handed on.
fn worker_of(shared: &Shared, crossing: &Crossing<'_>) -> Option<usize> {
    let key = match stun_peek::stun_username(crossing.bytes) {
        Some((ufrag, _)) => shared.directory.by_name(ufrag),
        None => shared.directory.by_path((crossing.protocol, crossing.from)),
    };
    key.map(|key| usize::from(key.worker))
}

#[cfg(unix)]
fn prepare(link: &Link) -> io::Result<()> {
    // Best effort: an unprivileged process gets what the system allows.
    let _ = socket2::SockRef::from(link).set_send_buffer_size(KERNEL_BUFFER);
    link.set_read_timeout(Some(LOOK_EVERY))
}

#[cfg(unix)]
fn send(link: &Link, head: &[u8], bytes: &[u8]) -> io::Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
    let parts = [io::IoSlice::new(head), io::IoSlice::new(bytes)];
    let mut nothing = SendAncillaryBuffer::default();
    sendmsg(link, &parts, &mut nothing, SendFlags::DONTWAIT)?;
    Ok(())
}

#[cfg(unix)]
fn receive(link: &Link, buffer: &mut [u8]) -> io::Result<usize> {
    link.recv(buffer)
}

#[cfg(not(unix))]
fn prepare(link: &Link) -> io::Result<()> {
    match *link {}
}

#[cfg(not(unix))]
fn send(link: &Link, _: &[u8], _: &[u8]) -> io::Result<()> {
    match *link {}
}

#[cfg(not(unix))]
fn receive(link: &Link, _: &mut [u8]) -> io::Result<usize> {
    match *link {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_across_arrives_as_it_was() {
        let four: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:4000".parse().unwrap();
        let six: SocketAddr = "[2001:db8::1]:65535".parse().unwrap();
        for (outgoing, protocol, from, to) in [
            (false, Protocol::Udp, four, six),
            (true, Protocol::Tcp, six, four),
            (true, Protocol::Udp, mapped, six),
        ] {
            let crossing = Crossing {
                outgoing,
                protocol,
                from,
                to,
                bytes: b"media",
            };
            let message = [&crossing.head()[..], crossing.bytes].concat();
            assert_eq!(Crossing::read(&message), Some(crossing));
            assert_eq!(Crossing::read(&message[..HEAD - 1]), None);
        }
        let mut foreign = [0; HEAD];
        assert_eq!(Crossing::read(&foreign), None, "no family");
        foreign[0] = 4;
        assert_eq!(Crossing::read(&foreign), None);
    }
}
