//! A worker thread: one socket, its queues, and the meetings that live here.
//!
//! Each round takes a burst from the socket and the queues, lets the meetings react, and sends what came of it, so that
//! packets that belong together leave together.

use crate::sfu::across::Crossing;
use crate::sfu::counters::Counters;
use crate::sfu::directory::{Path, PeerKey};
use crate::sfu::room::Room;
use crate::sfu::socket::{ReceiveBuffers, SendBatch, Socket, send_sized};
use crate::sfu::{Overloaded, Shared};
use confab_base::ParticipantId;
use confab_room::{MediaCommand, MediaEvent};
use confab_transport::stun_peek::{self, PacketKind};
use confab_transport::{MediaBatch, MediaBuffer, Protocol};
use confab_turn::{Client, Forward, is_for_relay, is_relayed};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);
/// Longest sleep: closed meetings are noticed at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// Commands and handed-over packets taken in one round.
const COMMANDS_PER_ROUND: usize = 64;
const PACKETS_PER_ROUND: usize = 512;

pub(crate) enum Control {
    Open {
        key: u64,
        events: mpsc::Sender<MediaEvent>,
        closed: Arc<AtomicBool>,
    },
    Command {
        key: u64,
        command: MediaCommand,
    },
}

pub(crate) enum Incoming {
    Datagram {
        protocol: Protocol,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
        /// From another process: nobody there knows it either.
        crossed: bool,
    },
    /// Of another process, for a client of the relay here.
    Outgoing {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    TcpOpened {
        peer: SocketAddr,
        writer: mpsc::Sender<Vec<u8>>,
    },
    TcpClosed {
        peer: SocketAddr,
    },
}

/// The way to a worker, for all other threads.
#[derive(Debug)]
pub(crate) struct Inbox {
    control: Sender<Control>,
    packets: Sender<Incoming>,
    waker: Waker,
    /// Set while a wake-up is on its way: one system call for a burst of messages.
    woken: Arc<AtomicBool>,
    peers: Arc<AtomicUsize>,
    /// The socket shall be read here: another process that did is gone.
    reads: Arc<AtomicBool>,
    /// The thread is gone before its time.
    dead: AtomicBool,
}

/// The worker's end of it.
pub(crate) struct Outlet {
    poll: Poll,
    control: Receiver<Control>,
    packets: Receiver<Incoming>,
    woken: Arc<AtomicBool>,
    peers: Arc<AtomicUsize>,
    reads: Arc<AtomicBool>,
}

pub(crate) fn queues(controls: usize, packets: usize) -> io::Result<(Inbox, Outlet)> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    let (control_tx, control) = bounded(controls);
    let (packets_tx, packets) = bounded(packets);
    let woken = Arc::new(AtomicBool::new(false));
    let peers = Arc::new(AtomicUsize::new(0));
    let reads = Arc::new(AtomicBool::new(false));
    let inbox = Inbox {
        control: control_tx,
        packets: packets_tx,
        waker,
        woken: woken.clone(),
        peers: peers.clone(),
        reads: reads.clone(),
        dead: AtomicBool::new(false),
    };
    Ok((
        inbox,
        Outlet {
            poll,
            control,
            packets,
            woken,
            peers,
            reads,
        },
    ))
}

fn listen_to(poll: &Poll, socket: &mut Socket) -> io::Result<()> {
    let registry = poll.registry();
    registry.register(&mut socket.mio, SOCKET, Interest::READABLE)
}

impl Inbox {
    pub fn control(&self, message: Control) -> Result<(), Overloaded> {
        self.control.try_send(message).map_err(|_| Overloaded)?;
        self.wake();
        Ok(())
    }

    /// Not subject to the queue's bound: without it the worker would be deaf for good.
    pub fn read_socket(&self) {
        self.reads.store(true, Ordering::Release);
        self.wake();
    }

    pub fn packet(&self, packet: Incoming) -> Result<(), Overloaded> {
        self.packets.try_send(packet).map_err(|_| Overloaded)?;
        self.wake();
        Ok(())
    }

    /// Waits for room in the queue.
    pub async fn packet_must(&self, mut packet: Incoming) {
        loop {
            match self.packets.try_send(packet) {
                Ok(()) => return self.wake(),
                Err(TrySendError::Disconnected(_)) => return,
                Err(TrySendError::Full(back)) => packet = back,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            // Fails only when the thread is gone.
            let _ = self.waker.wake();
        }
    }

    /// Peer connections on this worker; more than any has where it is dead.
    pub fn load(&self) -> usize {
        match self.is_dead() {
            true => usize::MAX,
            false => self.peers.load(Ordering::Relaxed),
        }
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }
}

/// Held by a worker's thread: however that ends, meetings learn to go elsewhere.
pub(crate) struct Watch {
    pub index: usize,
    pub shared: Arc<Shared>,
    /// What to do when no worker is left.
    pub last: fn(),
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.shared.stop.load(Ordering::Acquire) {
            return;
        }
        tracing::error!(worker = self.index, "a media worker died");
        let inboxes = &self.shared.inboxes;
        if let Some(inbox) = inboxes.get(self.index) {
            inbox.dead.store(true, Ordering::Relaxed);
        }
        if inboxes.iter().all(Inbox::is_dead) {
            (self.last)();
        }
    }
}

/// What meetings need of their worker.
pub(crate) struct Io {
    pub index: usize,
    pub shared: Arc<Shared>,
    pub peers: HashMap<PeerKey, (u64, ParticipantId)>,
    socket: Socket,
    batch: SendBatch,
    /// What media is sealed into, one receiver after the other.
    pub buffer: MediaBuffer,
    tcp: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>,
    /// What is wrapped for a client of the relay.
    wrapped: Vec<u8>,
}

impl Io {
    pub fn send(&mut self, protocol: Protocol, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let counters = &self.shared.counters;
        match protocol {
            Protocol::Udp if is_relayed(to.ip()) => self.send_relayed(from, to, &bytes, false),
            Protocol::Udp => {
                let source = self.shared.announced.source(from);
                self.batch
                    .push(&self.socket, counters, (source, to), &bytes);
            }
            Protocol::Tcp => {
                let Some(writer) = self.tcp.get(&to) else {
                    let crossing = Crossing {
                        outgoing: true,
                        protocol,
                        from,
                        to,
                        bytes: &bytes,
                    };
                    return self.shared.cross(&crossing, &counters.not_sent);
                };
                let size = bytes.len() as u64;
                if writer.try_send(bytes).is_ok() {
                    Counters::add(&counters.datagrams_out, 1);
                    Counters::add(&counters.bytes_out, size);
                } else {
                    Counters::add(&counters.queue_full, 1);
                }
            }
        }
    }

    /// Sends from the very address that was asked, announced or not.
    pub fn reply(&mut self, asked: Option<IpAddr>, to: SocketAddr, bytes: &[u8]) {
        let counters = &self.shared.counters;
        self.batch.push(&self.socket, counters, (asked, to), bytes);
        self.flush();
    }

    /// Sends media that is ready, as many packets per system call as fit together.
    pub fn send_batch(&mut self, batch: &MediaBatch<'_>) {
        let (protocol, from, to) = batch.path;
        match protocol {
            Protocol::Udp if is_relayed(to.ip()) => {
                for bytes in packets(batch) {
                    self.send_relayed(from, to, bytes, false);
                }
                self.flush();
            }
            Protocol::Udp => {
                let to = (self.shared.announced.source(from), to);
                send_sized(&self.socket, &self.shared.counters, to, batch);
            }
            Protocol::Tcp => {
                for bytes in packets(batch) {
                    self.send(protocol, from, to, bytes.to_vec());
                }
            }
        }
    }

    /// Sends a datagram of `peer`, an own media address, to the client behind a relayed address. `crossed`: another process asks for
    /// it.
    fn send_relayed(&mut self, peer: SocketAddr, relayed: SocketAddr, bytes: &[u8], crossed: bool) {
        let counters = &self.shared.counters;
        let Some(relay) = &self.shared.relay else {
            return;
        };
        self.wrapped.clear();
        let Some(client) = relay.wrap(relayed, peer, bytes, &mut self.wrapped) else {
            if crossed {
                return Counters::add(&counters.not_sent, 1);
            }
            // Otherwise its allocation has ended; ICE will notice.
            let crossing = Crossing {
                outgoing: true,
                protocol: Protocol::Udp,
                from: peer,
                to: relayed,
                bytes,
            };
            return self.shared.cross(&crossing, &counters.not_sent);
        };
        Counters::add(&counters.relayed, 1);
        if !client.stream {
            let source = self.shared.announced.source(client.local);
            let to = (source, client.remote);
            return self.batch.push(&self.socket, counters, to, &self.wrapped);
        }
        if relay.send_stream(&client, self.wrapped.clone()) {
            Counters::add(&counters.datagrams_out, 1);
            Counters::add(&counters.bytes_out, self.wrapped.len() as u64);
        } else {
            Counters::add(&counters.queue_full, 1);
        }
    }

    /// Sends what was gathered for one destination.
    pub fn flush(&mut self) {
        self.batch.flush(&self.socket, &self.shared.counters);
    }
}

/// The packets of a batch, which lie one behind the other.
fn packets<'a>(batch: &MediaBatch<'a>) -> impl Iterator<Item = &'a [u8]> {
    let (mut rest, sizes) = (batch.bytes, batch.sizes);
    sizes.iter().map_while(move |size| {
        let (bytes, tail) = rest.split_at_checked(usize::from(*size))?;
        rest = tail;
        Some(bytes)
    })
}

pub(crate) struct Worker {
    poll: Poll,
    control: Receiver<Control>,
    packets: Receiver<Incoming>,
    woken: Arc<AtomicBool>,
    load: Arc<AtomicUsize>,
    io: Io,
    rooms: HashMap<u64, Room>,
    /// Meetings by their next deadline.
    deadlines: BTreeSet<(Instant, u64)>,
    /// Meetings something happened in, this round.
    touched: Vec<u64>,
    /// What this worker knows of the directory's paths, and of which version.
    paths: HashMap<Path, PeerKey>,
    paths_version: u64,
    /// Workers something was handed over to, this round.
    handed_to: Vec<usize>,
    swept: Instant,
    /// The socket is read here, and not in another process.
    reads: bool,
    shall_read: Arc<AtomicBool>,
}

impl Worker {
    /// `reads`: the socket is read from the start.
    pub fn new(
        index: usize,
        (mut socket, reads): (Socket, bool),
        outlet: Outlet,
        shared: Arc<Shared>,
    ) -> io::Result<Worker> {
        if reads {
            listen_to(&outlet.poll, &mut socket)?;
        }
        Ok(Worker {
            poll: outlet.poll,
            control: outlet.control,
            packets: outlet.packets,
            woken: outlet.woken,
            load: outlet.peers,
            io: Io {
                index,
                shared,
                peers: HashMap::new(),
                socket,
                batch: SendBatch::default(),
                buffer: MediaBuffer::default(),
                tcp: HashMap::new(),
                wrapped: Vec::new(),
            },
            rooms: HashMap::new(),
            deadlines: BTreeSet::new(),
            touched: Vec::new(),
            paths: HashMap::new(),
            paths_version: 0,
            handed_to: Vec::new(),
            swept: Instant::now(),
            reads,
            shall_read: outlet.reads,
        })
    }

    pub fn run(mut self) {
        let mut events = Events::with_capacity(8);
        let mut buffers = ReceiveBuffers::new();
        while !self.io.shared.stop.load(Ordering::Acquire) {
            let sleep = self.sleep(Instant::now());
            if let Err(error) = self.poll.poll(&mut events, Some(sleep))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "media worker cannot wait for packets");
                break;
            }
            self.woken.store(false, Ordering::Release);
            // The socket tells of new packets once: it has to be emptied before the next wait.
            while self.round(&mut buffers) && !self.io.shared.stop.load(Ordering::Acquire) {}
        }
        for room in self.rooms.values_mut() {
            room.close(&mut self.io);
        }
    }

    fn sleep(&self, now: Instant) -> Duration {
        let next = self
            .deadlines
            .first()
            .map_or(LONGEST_SLEEP, |(at, _)| at.saturating_duration_since(now));
        next.min(LONGEST_SLEEP)
    }

    /// Takes a burst from everywhere; true if there may be more.
    fn round(&mut self, buffers: &mut ReceiveBuffers) -> bool {
        let now = Instant::now();
        let mut more = self.take_commands(now);
        more |= self.take_packets(now);
        let (received, waiting) = match self.reads {
            true => self.io.socket.receive(buffers),
            false => (0, self.begin_reading()),
        };
        for (from, to, bytes) in buffers.datagrams(received) {
            // Whoever only asks whether this port is reached (`confab-server doctor`) has no peer connection.
            if let Some(answer) = confab_diagnosis::stun::answer(bytes, from) {
                self.io.reply(to, from, &answer);
                continue;
            }
            let to = self.io.shared.announced.meant(to);
            self.datagram(from, to, bytes, now, false);
        }
        self.take_deadlines(now);
        self.settle(now);
        for worker in self.handed_to.drain(..) {
            self.io.shared.inboxes[worker].wake();
        }
        if now.duration_since(self.swept) >= LONGEST_SLEEP {
            self.sweep(now);
        }
        more || waiting
    }

    fn take_commands(&mut self, now: Instant) -> bool {
        for _ in 0..COMMANDS_PER_ROUND {
            match self.control.try_recv() {
                Ok(Control::Open {
                    key,
                    events,
                    closed,
                }) => {
                    self.rooms.insert(key, Room::new(key, events, closed, now));
                }
                Ok(Control::Command { key, command }) => {
                    if let Some(room) = self.rooms.get_mut(&key) {
                        room.command(command, now, &mut self.io);
                        self.touched.push(key);
                    }
                }
                Err(_) => return false,
            }
        }
        true
    }

    fn take_packets(&mut self, now: Instant) -> bool {
        for _ in 0..PACKETS_PER_ROUND {
            match self.packets.try_recv() {
                Ok(Incoming::Datagram {
                    protocol,
                    from,
                    to,
                    bytes,
                    crossed,
                }) => match protocol {
                    // It may be for the relay.
                    Protocol::Udp if crossed => self.datagram(from, to, &bytes, now, true),
                    _ => self.dispatch((protocol, from), to, &bytes, now, crossed),
                },
                Ok(Incoming::Outgoing { from, to, bytes }) => {
                    if is_relayed(to.ip()) {
                        self.io.send_relayed(from, to, &bytes, true);
                        self.io.flush();
                    }
                }
                Ok(Incoming::TcpOpened { peer, writer }) => {
                    self.io.tcp.insert(peer, writer);
                }
                Ok(Incoming::TcpClosed { peer }) => {
                    self.io.tcp.remove(&peer);
                }
                Err(_) => return false,
            }
        }
        true
    }

    /// Takes the socket over if it is ours by now; true: something may wait in it.
    fn begin_reading(&mut self) -> bool {
        if !self.shall_read.load(Ordering::Acquire) {
            return false;
        }
        self.reads = true;
        if let Err(error) = listen_to(&self.poll, &mut self.io.socket) {
            tracing::error!(%error, "media worker cannot read its socket");
        }
        true
    }

    /// A datagram from the network, or `crossed` from another process: the relay's, or a peer connection's.
    fn datagram(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
        now: Instant,
        crossed: bool,
    ) {
        let shared = &self.io.shared;
        let path = (Protocol::Udp, from);
        match is_relayed(from.ip()) {
            // Out of the relay of the other process.
            true if crossed => return self.dispatch(path, to, bytes, now, crossed),
            // No host has such an address: it would pass for a client of the relay.
            true => return Counters::add(&shared.counters.garbage, 1),
            false => {}
        }
        let Some(relay) = shared.relay.as_ref().filter(|_| is_for_relay(bytes)) else {
            return self.dispatch(path, to, bytes, now, crossed);
        };
        let client = Client {
            stream: false,
            remote: from,
            local: to,
        };
        if let Some(forward) = relay.forward(&client, bytes) {
            Counters::add(&shared.counters.relayed, 1);
            let Forward {
                relayed,
                peer,
                bytes,
            } = forward;
            return self.dispatch((Protocol::Udp, relayed), peer, bytes, now, false);
        }
        if !crossed
            && let Some(across) = shared.neighbour.get()
            && !relay.is_allocated(&client)
        {
            // Newcomers are the other process's.
            let crossing = Crossing {
                outgoing: false,
                protocol: Protocol::Udp,
                from,
                to,
                bytes,
            };
            if !across.send(&crossing) {
                Counters::add(&shared.counters.queue_full, 1);
            }
            return;
        }
        for answer in relay.answers(client, bytes) {
            self.io.send(Protocol::Udp, to, from, answer.bytes);
        }
        self.io.flush();
    }

    /// Finds the peer connection of a packet and gives it to it, here, on another worker or in another process.
    fn dispatch(
        &mut self,
        (protocol, from): Path,
        to: SocketAddr,
        bytes: &[u8],
        now: Instant,
        crossed: bool,
    ) {
        let counters = &self.io.shared.counters;
        Counters::add(&counters.datagrams_in, 1);
        Counters::add(&counters.bytes_in, bytes.len() as u64);
        let kind = stun_peek::classify(bytes);
        if kind == PacketKind::Unknown {
            Counters::add(&counters.garbage, 1);
            return;
        }
        let Some(key) = self.owner(kind, (protocol, from), bytes) else {
            let shared = &self.io.shared;
            if crossed {
                return Counters::add(&shared.counters.unknown_address, 1);
            }
            let crossing = Crossing {
                outgoing: false,
                protocol,
                from,
                to,
                bytes,
            };
            return shared.cross(&crossing, &shared.counters.unknown_address);
        };
        if usize::from(key.worker) != self.io.index {
            self.hand_over(
                usize::from(key.worker),
                Incoming::Datagram {
                    protocol,
                    from,
                    to,
                    bytes: bytes.to_vec(),
                    crossed,
                },
            );
            return;
        }
        let Some(&(room, participant)) = self.io.peers.get(&key) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&room) {
            self.touched.push(room.key());
            room.packet(participant, protocol, from, to, bytes, now);
        }
    }

    /// A check names its peer connection; all else goes by its address.
    fn owner(&mut self, kind: PacketKind, path: Path, bytes: &[u8]) -> Option<PeerKey> {
        let directory = &self.io.shared.directory;
        if kind == PacketKind::Stun
            && let Some((ufrag, _)) = stun_peek::stun_username(bytes)
        {
            return directory.by_name(ufrag);
        }
        let version = directory.version();
        if version != self.paths_version {
            self.paths_version = version;
            self.paths.clear();
        }
        if let Some(key) = self.paths.get(&path) {
            return Some(*key);
        }
        let key = directory.by_path(path)?;
        self.paths.insert(path, key);
        Some(key)
    }

    fn hand_over(&mut self, worker: usize, packet: Incoming) {
        let shared = &self.io.shared;
        let Some(inbox) = shared.inboxes.get(worker) else {
            return;
        };
        if inbox.packets.try_send(packet).is_err() {
            Counters::add(&shared.counters.queue_full, 1);
            return;
        }
        Counters::add(&shared.counters.handed_over, 1);
        if !self.handed_to.contains(&worker) {
            self.handed_to.push(worker);
        }
    }

    fn take_deadlines(&mut self, now: Instant) {
        while let Some(&(at, key)) = self.deadlines.first()
            && at <= now
        {
            self.deadlines.pop_first();
            if let Some(room) = self.rooms.get_mut(&key) {
                room.scheduled = None;
                room.timeout(now, &mut self.io);
                self.touched.push(key);
            }
        }
    }

    /// Lets every touched meeting finish what it began, and schedules it anew.
    fn settle(&mut self, now: Instant) {
        self.touched.sort_unstable();
        self.touched.dedup();
        for key in self.touched.drain(..) {
            let Some(room) = self.rooms.get_mut(&key) else {
                continue;
            };
            room.settle(now, &mut self.io);
            let next = room.next_deadline();
            if next != room.scheduled {
                if let Some(at) = room.scheduled {
                    self.deadlines.remove(&(at, key));
                }
                room.scheduled = next;
                self.deadlines.extend(next.map(|at| (at, key)));
            }
        }
        self.load.store(self.io.peers.len(), Ordering::Relaxed);
    }

    /// Closes meetings whose handle was dropped.
    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        if let Some(relay) = self.io.shared.relay.as_ref().filter(|_| self.io.index == 0) {
            relay.tick();
        }
        let io = &mut self.io;
        let deadlines = &mut self.deadlines;
        self.rooms.retain(|key, room| {
            let keep = !room.is_closed();
            if !keep {
                room.close(io);
                if let Some(at) = room.scheduled {
                    deadlines.remove(&(at, *key));
                }
            }
            keep
        });
        self.load.store(self.io.peers.len(), Ordering::Relaxed);
    }
}
