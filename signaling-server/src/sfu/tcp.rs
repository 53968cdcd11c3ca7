//! ICE-TCP: one tokio task reads a connection's frames (RFC 4571) into the worker's queue, another writes what the
//! worker sends. Both queues are bounded: what does not fit is dropped and counted, as a network would.

use crate::sfu::Shared;
use crate::sfu::counters::Counters;
use crate::sfu::worker::Incoming;
use confab_transport::{Protocol, stun_peek, tcp_frame};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// Packets waiting for a slow connection: about a second of a full view. The newest is dropped.
const WRITE_QUEUE: usize = 512;
/// A connection silent for this long is closed; clients check their path every few seconds.
const IDLE: Duration = Duration::from_secs(30);
/// The first frame, a check, comes whole within this time, or the connection is closed.
const FIRST_FRAME: Duration = Duration::from_secs(3);
/// A connection that takes nothing for this long is closed.
const STUCK: Duration = Duration::from_secs(10);
/// Connections at the same time; further ones are closed at once.
const MOST: u64 = 4096;

/// Takes ICE-TCP connections over; cheap to clone.
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
        let shared = self.shared.clone();
        tokio::spawn(async move {
            let _place = place;
            let counters = &shared.counters;
            if counters.tcp_open.fetch_add(1, Ordering::Relaxed) < MOST {
                Counters::add(&counters.tcp_connections, 1);
                serve(&shared, first_bytes, stream, peer).await;
            } else {
                Counters::add(&counters.tcp_refused, 1);
            }
            counters.tcp_open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Why a connection ended.
enum End {
    /// By the other side, or by silence.
    Closed,
    /// By us, for what it sent.
    Refused,
}

async fn serve(shared: &Arc<Shared>, first_bytes: Vec<u8>, stream: TcpStream, peer: SocketAddr) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let Some(local) = shared.announced.meant_tcp(local.ip()) else {
        Counters::add(&shared.counters.tcp_refused, 1);
        return;
    };
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let mut reader = Reader {
        shared,
        peer,
        local,
        write: Some(write),
        worker: None,
    };
    if let End::Refused = reader.run(read, &first_bytes).await {
        Counters::add(&shared.counters.tcp_refused, 1);
    }
    if let Some(worker) = reader.worker {
        // Not subject to the queue's bound: a worker that never hears of the end would keep the writer for ever.
        shared.inboxes[worker]
            .packet_must(Incoming::TcpClosed { peer })
            .await;
    }
}

struct Reader<'a> {
    shared: &'a Arc<Shared>,
    peer: SocketAddr,
    local: SocketAddr,
    /// Until the first frame told whose connection it is.
    write: Option<OwnedWriteHalf>,
    worker: Option<usize>,
}

impl Reader<'_> {
    async fn run(&mut self, mut read: OwnedReadHalf, first_bytes: &[u8]) -> End {
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
            let until = match self.worker {
                Some(_) => Instant::now() + IDLE,
                None => first_until,
            };
            match timeout_at(until, read.read(&mut buffer)).await {
                Ok(Ok(n)) if n > 0 => decoder.push(&buffer[..n]),
                _ => return End::Closed,
            }
        }
    }

    /// Hands a frame to the worker; false if the connection is to be closed.
    fn frame(&mut self, frame: &[u8]) -> bool {
        let worker = match self.worker {
            Some(worker) => worker,
            None => match self.open(frame) {
                Some(worker) => worker,
                None => return false,
            },
        };
        let datagram = Incoming::Datagram {
            protocol: Protocol::Tcp,
            from: self.peer,
            to: self.local,
            bytes: frame.to_vec(),
        };
        if self.shared.inboxes[worker].packet(datagram).is_err() {
            Counters::add(&self.shared.counters.queue_full, 1);
        }
        true
    }

    /// The first frame must be a check for a peer connection we know.
    fn open(&mut self, frame: &[u8]) -> Option<usize> {
        let (ufrag, _) = stun_peek::stun_username(frame)?;
        let worker = usize::from(self.shared.directory.by_name(ufrag)?.worker);
        let (writer, queue) = mpsc::channel(WRITE_QUEUE);
        self.shared.inboxes[worker]
            .packet(Incoming::TcpOpened {
                peer: self.peer,
                writer,
            })
            .ok()?;
        tokio::spawn(write_frames(self.write.take()?, queue));
        self.worker = Some(worker);
        Some(worker)
    }
}

async fn write_frames(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    let mut packets = Vec::with_capacity(64);
    let mut bytes = Vec::new();
    while queue.recv_many(&mut packets, 64).await > 0 {
        bytes.clear();
        for packet in packets.drain(..) {
            // Larger than a frame may be: nothing we make.
            let _ = tcp_frame::encode(&packet, &mut bytes);
        }
        if !matches!(timeout(STUCK, write.write_all(&bytes)).await, Ok(Ok(()))) {
            return;
        }
    }
}
