//! Media on TCP connections, with TLS around it or without: ICE-TCP, or TURN ([`super::relay`]). One tokio task reads a
//! connection's frames (RFC 4571) into the worker's queue, another writes what the worker sends. Both queues are bounded:
//! what does not fit is dropped and counted, as a network would.

use crate::sfu::Shared;
use crate::sfu::across::{Across, Crossing};
use crate::sfu::counters::Counters;
use crate::sfu::relay;
use crate::sfu::worker::Incoming;
use confab_transport::{Protocol, stun_peek, tcp_frame};
use confab_turn::Client;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// Packets waiting for a slow connection: about a second of a full view. The newest is dropped.
pub(crate) const WRITE_QUEUE: usize = 512;
/// A connection silent for this long is closed; clients check their path every few seconds.
const IDLE: Duration = Duration::from_secs(30);
/// The first frame, a check, comes whole within this time, or the connection is closed.
const FIRST_FRAME: Duration = Duration::from_secs(3);
/// A connection that takes nothing for this long is closed.
const STUCK: Duration = Duration::from_secs(10);
/// Connections at the same time; further ones are closed at once.
const MOST: u64 = 4096;

/// Takes connections that carry media over; cheap to clone.
#[derive(Clone, Debug)]
pub struct TcpIngress {
    shared: Arc<Shared>,
}

impl TcpIngress {
    pub(crate) fn new(shared: Arc<Shared>) -> TcpIngress {
        TcpIngress { shared }
    }

    /// Takes over a connection from `peer` whose `first_bytes` were read already: the beginning of a length-prefixed
    /// STUN check. Needs a tokio runtime. A connection that sends anything else is closed and counted. `place` is
    /// dropped when the connection is closed.
    pub fn attach(
        &self,
        first_bytes: Vec<u8>,
        stream: TcpStream,
        peer: SocketAddr,
        place: impl Send + 'static,
    ) {
        // A connection without an address is gone already.
        if let Ok(local) = stream.local_addr() {
            let _ = stream.set_nodelay(true);
            self.attach_stream(first_bytes, stream, (peer, local), place);
        }
    }

    /// The same for any stream, TLS above all. `ends`: the other side's address and ours.
    pub fn attach_stream<S>(
        &self,
        first_bytes: Vec<u8>,
        stream: S,
        ends: (SocketAddr, SocketAddr),
        place: impl Send + 'static,
    ) where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let shared = self.shared.clone();
        self.spawn(async move {
            let _place = place;
            serve(&shared, first_bytes, stream, ends).await
        });
    }

    /// Takes over a stream that began with a TURN message. `place` is dropped when the connection is closed, or has an
    /// allocation. Without a relay the connection is closed.
    pub fn attach_relayed<S>(
        &self,
        first_bytes: Vec<u8>,
        stream: S,
        (peer, local): (SocketAddr, SocketAddr),
        place: impl Send + 'static,
    ) where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let shared = self.shared.clone();
        let client = Client {
            stream: true,
            remote: SocketAddr::new(peer.ip().to_canonical(), peer.port()),
            local,
        };
        self.spawn(async move {
            match &shared.relay {
                Some(relay) => {
                    relay::serve(&shared, relay, (first_bytes, stream), client, place).await
                }
                None => End::Refused,
            }
        });
    }

    fn spawn(&self, serving: impl Future<Output = End> + Send + 'static) {
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let counters = &shared.counters;
            let end = match counters.tcp_open.fetch_add(1, Ordering::Relaxed) < MOST {
                true => {
                    Counters::add(&counters.tcp_connections, 1);
                    serving.await
                }
                false => End::Refused,
            };
            if let End::Refused = end {
                Counters::add(&counters.tcp_refused, 1);
            }
            counters.tcp_open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Why a connection ended.
pub(crate) enum End {
    /// By the other side, or by silence.
    Closed,
    /// By us, for what it sent.
    Refused,
}

async fn serve<S>(
    shared: &Arc<Shared>,
    first_bytes: Vec<u8>,
    stream: S,
    (peer, local): (SocketAddr, SocketAddr),
) -> End
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let Some(local) = shared.announced.meant_tcp(local.ip()) else {
        return End::Refused;
    };
    let (mut read, write) = tokio::io::split(stream);
    let mut reader = Reader {
        shared,
        peer,
        local,
        write: Some(write),
        whose: None,
    };
    let end = reader.run(&mut read, &first_bytes).await;
    match reader.whose {
        // Not subject to the queue's bound: a worker that never hears of the end would keep the writer for ever.
        Some(Whose::Worker(worker)) => {
            shared.inboxes[worker]
                .packet_must(Incoming::TcpClosed { peer })
                .await;
        }
        Some(Whose::Across(across, _)) => across.close_stream(peer),
        None => {}
    }
    end
}

struct Reader<'a, S> {
    shared: &'a Arc<Shared>,
    peer: SocketAddr,
    local: SocketAddr,
    /// Until the first frame told whose connection it is.
    write: Option<WriteHalf<S>>,
    whose: Option<Whose>,
}

/// Where the peer connection is.
enum Whose {
    Worker(usize),
    /// In another process, perhaps: that it answered says so.
    Across(Arc<Across>, Arc<AtomicBool>),
}

impl Whose {
    fn is_sure(&self) -> bool {
        match self {
            Whose::Worker(_) => true,
            Whose::Across(_, answered) => answered.load(Ordering::Relaxed),
        }
    }
}

impl<S: AsyncWrite + Send + 'static> Reader<'_, S> {
    async fn run(&mut self, read: &mut (impl AsyncRead + Unpin), first_bytes: &[u8]) -> End {
        let mut decoder = tcp_frame::Decoder::new();
        decoder.push(first_bytes);
        let mut buffer = vec![0; 16 << 10];
        let first_until = Instant::now() + FIRST_FRAME;
        loop {
            loop {
                match decoder.next_frame() {
                    Ok(Some(frame)) => {
                        if !self.frame(frame) {
                            return End::Refused;
                        }
                    }
                    Ok(None) => break,
                    Err(_) => return End::Refused,
                }
            }
            let until = match self.whose.as_ref().is_some_and(Whose::is_sure) {
                true => Instant::now() + IDLE,
                false => first_until,
            };
            match timeout_at(until, read.read(&mut buffer)).await {
                Ok(Ok(n)) if n > 0 => decoder.push(&buffer[..n]),
                _ => return End::Closed,
            }
        }
    }

    /// Hands a frame to the worker; false if the connection is to be closed.
    fn frame(&mut self, frame: &[u8]) -> bool {
        if self.whose.is_none() {
            self.whose = self.open(frame);
        }
        let worker = match &self.whose {
            Some(Whose::Worker(worker)) => *worker,
            Some(Whose::Across(across, _)) => {
                let sent = across.send(&Crossing {
                    outgoing: false,
                    protocol: Protocol::Tcp,
                    from: self.peer,
                    to: self.local,
                    bytes: frame,
                });
                if !sent {
                    Counters::add(&self.shared.counters.queue_full, 1);
                }
                return !across.has_ended();
            }
            None => return false,
        };
        let datagram = Incoming::Datagram {
            protocol: Protocol::Tcp,
            from: self.peer,
            to: self.local,
            bytes: frame.to_vec(),
            crossed: false,
        };
        if self.shared.inboxes[worker].packet(datagram).is_err() {
            Counters::add(&self.shared.counters.queue_full, 1);
        }
        true
    }

    /// The first frame must be a check for a peer connection we know, or the other process may.
    fn open(&mut self, frame: &[u8]) -> Option<Whose> {
        let (ufrag, _) = stun_peek::stun_username(frame)?;
        let (writer, queue) = mpsc::channel(WRITE_QUEUE);
        let whose = match self.shared.directory.by_name(ufrag) {
            Some(key) => {
                let (worker, peer) = (usize::from(key.worker), self.peer);
                self.shared.inboxes[worker]
                    .packet(Incoming::TcpOpened { peer, writer })
                    .ok()?;
                Whose::Worker(worker)
            }
            None => {
                let across = self.shared.neighbour.get()?;
                let answered = across.open_stream(self.peer, writer);
                Whose::Across(across, answered)
            }
        };
        let frame = |packet: &[u8], out: &mut Vec<u8>| {
            // Larger than a frame may be: nothing we make.
            let _ = tcp_frame::encode(packet, out);
        };
        tokio::spawn(write_packets(self.write.take()?, queue, frame));
        Some(whose)
    }
}

/// Writes what is queued, as much as there is in one go, until the queue ends or the connection takes nothing more.
pub(crate) async fn write_packets(
    mut write: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Vec<u8>>,
    encode: impl Fn(&[u8], &mut Vec<u8>),
) {
    let mut packets = Vec::with_capacity(64);
    let mut bytes = Vec::new();
    while queue.recv_many(&mut packets, 64).await > 0 {
        bytes.clear();
        for packet in packets.drain(..) {
            encode(&packet, &mut bytes);
        }
        let written = async {
            write.write_all(&bytes).await?;
            // TLS keeps some back otherwise.
            write.flush().await
        };
        if !matches!(timeout(STUCK, written).await, Ok(Ok(()))) {
            return;
        }
    }
}
