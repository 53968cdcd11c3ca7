//! TURN, built in ([`confab_turn`]): who cannot send media here otherwise sends it through a relay, and the relay is this
//! process. What a client sends is handed to the media side as a datagram from the client's relayed address; what the
//! media side sends to such an address is wrapped for the client. No socket is opened for it (docs/adr/0030).
//!
//! Clients over UDP are served by the worker their datagrams come to; TCP and TLS connections by a task each. All of
//! them share one [`Server`]: the data path only reads it.

use crate::sfu::Shared;
use crate::sfu::across::Crossing;
use crate::sfu::counters::Counters;
use crate::sfu::tcp::{self, End};
use crate::sfu::worker::Incoming;
use confab_base::Time;
use confab_transport::{Protocol, stun_peek};
use confab_turn::framing::Decoder;
use confab_turn::{Client, Config, Credentials, Forward, Input, Limits, Output, Server};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::timeout_at;

/// Credentials are good for so long: for peer connections made anew in a long meeting. A signaling connection made anew
/// brings new ones.
const CREDENTIALS_FOR: Duration = Duration::from_secs(12 * 3600);
/// A connection has an allocation within this time, or it is closed.
const ALLOCATED_WITHIN: Duration = Duration::from_secs(15);
/// How often a silent connection is asked whether its allocation still lives.
const LOOKED_AFTER: Duration = Duration::from_secs(60);

/// Messages of one datagram that are to be sent, at most a few.
pub(crate) type Answers = Vec<Output>;

pub(crate) struct Relay {
    server: RwLock<Server>,
    /// The way out to clients on TCP and TLS. What does not fit into the queue is dropped and counted.
    streams: RwLock<HashMap<Client, mpsc::Sender<Vec<u8>>>>,
    secret: [u8; 32],
    /// For how long the clock had run before `start`.
    ran: Duration,
    start: Instant,
}

impl std::fmt::Debug for Relay {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Relay({} allocations)", self.allocations())
    }
}

impl Relay {
    pub fn new(media: Vec<SocketAddr>, limits: Limits) -> Relay {
        let secret = rand::random();
        let server = Server::new(Config {
            secret,
            media,
            limits,
        });
        Relay::of(server, secret, Duration::ZERO)
    }

    /// Beside the one of another process, or after it: with its secret, and its clock, which has run for so long.
    pub fn after(
        media: Vec<SocketAddr>,
        limits: Limits,
        (secret, ran): ([u8; 32], Duration),
        is_second: bool,
    ) -> Relay {
        let server = Server::new(Config {
            secret,
            media,
            limits,
        });
        let server = match is_second {
            true => server.second(),
            false => server,
        };
        Relay::of(server, secret, ran)
    }

    fn of(server: Server, secret: [u8; 32], ran: Duration) -> Relay {
        Relay {
            server: RwLock::new(server),
            streams: RwLock::default(),
            secret,
            ran,
            start: Instant::now(),
        }
    }

    pub fn secret(&self) -> [u8; 32] {
        self.secret
    }

    /// For how long the clock has run.
    pub fn ran_ms(&self) -> u64 {
        self.now().as_micros() / 1000
    }

    pub fn credentials(&self, participant: &str) -> Credentials {
        Credentials::issue(&self.secret, participant, self.now() + CREDENTIALS_FOR)
    }

    /// What a client's datagram or message carries for the media side.
    pub fn forward<'a>(&self, client: &Client, bytes: &'a [u8]) -> Option<Forward<'a>> {
        self.read().forward(client, bytes, self.now())
    }

    /// Answers to anything else a client sends.
    pub fn answers(&self, client: Client, bytes: &[u8]) -> Answers {
        // ChannelData that was not forwarded is nobody's: a flood of it need not wait for the lock.
        if bytes.first().is_none_or(|b| *b >= 0x40) {
            return Answers::new();
        }
        let mut server = self.write();
        server.handle(Input::Message { client, bytes }, self.now());
        std::iter::from_fn(|| server.poll_output()).collect()
    }

    /// Appends to `out` what carries a datagram of `peer` to the client behind `relayed`.
    pub fn wrap(
        &self,
        relayed: SocketAddr,
        peer: SocketAddr,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<Client> {
        self.read().wrap(relayed, peer, bytes, self.now(), out)
    }

    /// Sends to a client on a stream; false if it is gone or too slow.
    pub fn send_stream(&self, client: &Client, bytes: Vec<u8>) -> bool {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        let writer = streams.get(client);
        writer.is_some_and(|writer| writer.try_send(bytes).is_ok())
    }

    pub fn is_allocated(&self, client: &Client) -> bool {
        self.read().is_allocated(client, self.now())
    }

    pub fn allocations(&self) -> usize {
        self.read().allocations()
    }

    /// Ends what is due. To be called every second or so.
    pub fn tick(&self) {
        let now = self.now();
        let due = self.read().next_wakeup().is_some_and(|at| at <= now);
        if due {
            self.write().handle(Input::Timeout, now);
        }
    }

    fn closed(&self, client: &Client) {
        self.streams
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(client);
        self.write().handle(Input::Closed(*client), self.now());
    }

    fn now(&self) -> Time {
        Time::from_micros((self.ran + self.start.elapsed()).as_micros() as u64)
    }

    fn read(&self) -> RwLockReadGuard<'_, Server> {
        self.server.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Server> {
        self.server.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a connection until it ends. `place` is let go as soon as there is an allocation, which counts against its
/// participant's quota: a hundred people behind one address do not need a hundred of that address's places.
pub(crate) async fn serve<S>(
    shared: &Arc<Shared>,
    relay: &Relay,
    (first_bytes, stream): (Vec<u8>, S),
    client: Client,
    place: impl Send,
) -> End
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut read, write) = tokio::io::split(stream);
    let (writer, queue) = mpsc::channel(tcp::WRITE_QUEUE);
    let known = relay
        .streams
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(client, writer);
    drop(known);
    tokio::spawn(tcp::write_packets(write, queue, |packet, out| {
        out.extend_from_slice(packet);
    }));
    let mut connection = Connection {
        shared,
        relay,
        client,
        place: Some(place),
    };
    let end = connection.run(&mut read, &first_bytes).await;
    relay.closed(&client);
    end
}

struct Connection<'a, P> {
    shared: &'a Arc<Shared>,
    relay: &'a Relay,
    client: Client,
    /// Until there is an allocation.
    place: Option<P>,
}

impl<P: Send> Connection<'_, P> {
    async fn run(&mut self, read: &mut (impl AsyncRead + Unpin), first_bytes: &[u8]) -> End {
        let mut decoder = Decoder::new();
        decoder.push(first_bytes);
        let mut buffer = vec![0; 16 << 10];
        let first_until = tokio::time::Instant::now() + ALLOCATED_WITHIN;
        loop {
            loop {
                match decoder.next_message() {
                    Ok(Some(message)) => self.message(message),
                    Ok(None) => break,
                    Err(_) => return End::Refused,
                }
            }
            let until = match self.place {
                Some(_) => first_until,
                None => tokio::time::Instant::now() + LOOKED_AFTER,
            };
            match timeout_at(until, read.read(&mut buffer)).await {
                Ok(Ok(n)) if n > 0 => decoder.push(&buffer[..n]),
                Err(_) if self.relay.is_allocated(&self.client) => {}
                _ => return End::Closed,
            }
        }
    }

    fn message(&mut self, message: &[u8]) {
        let (relay, counters) = (self.relay, &self.shared.counters);
        if let Some(forward) = relay.forward(&self.client, message) {
            Counters::add(&counters.relayed, 1);
            return hand_over(self.shared, &forward);
        }
        for answer in relay.answers(self.client, message) {
            if !relay.send_stream(&answer.client, answer.bytes) {
                Counters::add(&counters.queue_full, 1);
            }
        }
        if self.place.is_some() && relay.is_allocated(&self.client) {
            self.place = None;
        }
    }
}

/// To the worker whose peer connection it is for, if there is one.
fn hand_over(shared: &Shared, forward: &Forward<'_>) {
    let directory = &shared.directory;
    let owner = match stun_peek::stun_username(forward.bytes) {
        Some((ufrag, _)) => directory.by_name(ufrag),
        None => directory.by_path((Protocol::Udp, forward.relayed)),
    };
    let Some(inbox) = owner.and_then(|key| shared.inboxes.get(usize::from(key.worker))) else {
        let crossing = Crossing {
            outgoing: false,
            protocol: Protocol::Udp,
            from: forward.relayed,
            to: forward.peer,
            bytes: forward.bytes,
        };
        return shared.cross(&crossing, &shared.counters.unknown_address);
    };
    let datagram = Incoming::Datagram {
        protocol: Protocol::Udp,
        from: forward.relayed,
        to: forward.peer,
        bytes: forward.bytes.to_vec(),
        crossed: false,
    };
    if inbox.packet(datagram).is_err() {
        Counters::add(&shared.counters.queue_full, 1);
    }
}
