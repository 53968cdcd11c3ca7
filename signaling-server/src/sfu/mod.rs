//! The selective forwarding unit: threads, sockets and peer connections around [`confab_forward::Forwarder`].
//!
//! All meetings share one UDP port. Each worker thread has its own socket on it (SO_REUSEPORT); a meeting lives on one
//! worker, whole. The kernel spreads senders over the sockets by address, so a datagram may come to the wrong worker:
//! that one hands it over through a bounded queue (with one worker nothing is ever handed over). ICE-TCP connections
//! are read by small tokio tasks that feed the same queues.
//!
//! * `across`: the other process, while one takes over from another
//! * `worker`: the thread's loop: sockets, queues, deadlines
//! * `room`: one meeting; `offers`: its peer connections and views; `carry`: what the forwarder wants done; `seat`: one
//!   participant's peer connection; `seats`: all of them
//! * `directory`: whose packet is it: by address, else by the ICE user name in its STUN check
//! * `socket`: UDP in and out in bursts; `tcp`: ICE-TCP; `relay`: TURN; `counters`: what was dropped, and why

mod across;
mod addresses;
mod carry;
mod clock;
mod counters;
mod directory;
mod offers;
mod relay;
mod room;
mod seat;
mod seats;
mod socket;
mod tcp;
mod worker;

pub use across::Link;
pub use counters::SfuCounters;
pub use tcp::TcpIngress;

use crate::sfu::counters::Counters;
use crate::sfu::directory::Directory;
use crate::sfu::relay::Relay;
use crate::sfu::worker::{Control, Inbox, Watch, Worker};
use confab_base::ParticipantId;
use confab_room::{MediaCommand, MediaEvent};
pub use confab_turn::{Credentials, Limits};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// Commands waiting for a worker; beyond that [`SfuRoom::send`] fails.
const CONTROL_QUEUE: usize = 1024;
/// Packets handed over to a worker and waiting; beyond that the newest is dropped and counted.
const PACKET_QUEUE: usize = 8192;
/// Events waiting for a meeting; beyond that speakers, quality and slot news are dropped, the rest is kept aside.
const EVENT_QUEUE: usize = 256;

#[derive(Clone, Debug)]
pub struct SfuConfig {
    /// The media port; port 0 takes a free one.
    pub udp: SocketAddr,
    /// Addresses to announce to clients; empty: all of this machine's, loopback too.
    pub public_addresses: Vec<IpAddr>,
    /// Announced for ICE-TCP on the same addresses; none: there is none.
    pub tcp_port: Option<TcpPort>,
    /// Worker threads; 0: one per core.
    pub workers: usize,
    /// Bounds of the relay; none: there is no relay.
    pub relay: Option<Limits>,
}

/// Where connections for [`TcpIngress::attach`] come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpPort {
    /// On this machine.
    pub here: u16,
    /// On the public addresses: another one where a router maps ports.
    pub public: u16,
}

/// The running forwarding unit. Dropping it ends its threads.
#[derive(Debug)]
pub struct Sfu {
    udp: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// The workers' sockets once more, for a process that takes over.
    sockets: Vec<UdpSocket>,
    /// How often a process took over from another.
    generation: u32,
}

/// What one process gives to the next (docs/adr/0035).
#[derive(Debug)]
pub struct Bequest {
    /// One for each worker.
    pub sockets: Vec<UdpSocket>,
    pub words: BequestWords,
}

/// The part of it that can be written down. No debugging text: it has a secret.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct BequestWords {
    /// Of the relay, if there is one: credentials and nonces stay good.
    pub relay_secret: Option<[u8; 32]>,
    /// For how long the relay's clock has run, milliseconds.
    pub relay_ms: u64,
    pub generation: u32,
}

impl std::fmt::Debug for BequestWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BequestWords({})", self.generation)
    }
}

/// What all threads have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub directory: Directory,
    pub counters: Counters,
    pub inboxes: Vec<Inbox>,
    pub stop: AtomicBool,
    /// What clients are told to send to.
    pub announced: addresses::Announced,
    pub relay: Option<Relay>,
    pub neighbour: across::Neighbour,
}

impl Shared {
    /// To the other process, or dropped and counted where there is none.
    pub(crate) fn cross(&self, crossing: &across::Crossing<'_>, otherwise: &AtomicU64) {
        match self.neighbour.get() {
            Some(across) if across.send(crossing) => {}
            Some(_) => Counters::add(&self.counters.queue_full, 1),
            None => Counters::add(otherwise, 1),
        }
    }
}

/// One meeting on its worker. Dropping it closes the meeting's peer connections.
#[derive(Debug)]
pub struct SfuRoom {
    key: u64,
    worker: usize,
    shared: Arc<Shared>,
    closed: Arc<AtomicBool>,
    /// What the media side has to tell the meeting.
    pub events: mpsc::Receiver<MediaEvent>,
}

/// The worker's queue is full: it has fallen behind by a thousand commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media worker is overloaded")]
pub struct Overloaded;

/// Sends commands of one meeting; see [`SfuRoom::sender`].
#[derive(Clone, Debug)]
pub struct SfuSender {
    key: u64,
    worker: usize,
    shared: Arc<Shared>,
}

/// Binds the port and starts the workers.
///
/// # Errors
/// The port cannot be bound, or no thread be started.
pub fn start(config: SfuConfig) -> io::Result<Sfu> {
    start_after(config, None)
}

/// The same, with what another process gave and the link to it, which reads the sockets until [`Sfu::read_sockets`].
///
/// # Errors
/// As [`start`].
pub fn start_after(config: SfuConfig, given: Option<(Bequest, Link)>) -> io::Result<Sfu> {
    let is_heir = given.is_some();
    let (bequest, link) = given.unzip();
    let (spare, words) = match bequest {
        Some(Bequest { sockets, words }) => (sockets, Some(words)),
        None => (bind(&config)?, None),
    };
    let generation = words.as_ref().map_or(0, |words| words.generation);
    let mut sockets = Vec::with_capacity(spare.len());
    for socket in &spare {
        sockets.push(socket::Socket::new(socket.try_clone()?)?);
    }
    let first = spare.first().ok_or(io::ErrorKind::InvalidInput)?;
    let at = first.local_addr()?;
    let workers = spare.len();
    let announced = addresses::Announced::new(at, &config.public_addresses, config.tcp_port);
    let relay = config.relay.map(|limits| {
        let media = announced.udp.clone();
        match words.and_then(|words| Some((words.relay_secret?, words.relay_ms))) {
            Some((secret, ms)) => {
                let ran = Duration::from_millis(ms);
                Relay::after(media, limits, (secret, ran), generation % 2 == 1)
            }
            None => Relay::new(media, limits),
        }
    });
    let mut inboxes = Vec::new();
    let mut parts = Vec::new();
    for _ in 0..workers {
        let (inbox, outlet) = worker::queues(CONTROL_QUEUE, PACKET_QUEUE)?;
        inboxes.push(inbox);
        parts.push(outlet);
    }
    let shared = Arc::new(Shared {
        directory: Directory::after(generation),
        counters: Counters::default(),
        inboxes,
        stop: AtomicBool::new(false),
        announced,
        relay,
        neighbour: across::Neighbour::default(),
    });
    let mut sfu = Sfu {
        udp: at,
        shared: shared.clone(),
        threads: Vec::new(),
        sockets: spare,
        generation,
    };
    if let Some(link) = link {
        across::begin(&shared, link)?;
    }
    for (index, (socket, outlet)) in sockets.into_iter().zip(parts).enumerate() {
        let worker = Worker::new(index, (socket, !is_heir), outlet, shared.clone())?;
        // With no worker left the server is of no use, and whoever supervises it starts it anew.
        let watch = Watch {
            index,
            shared: shared.clone(),
            last: || std::process::abort(),
        };
        let thread = std::thread::Builder::new()
            .name(format!("sfu-{index}"))
            .spawn(move || {
                let _watch = watch;
                confab_priority::raise(confab_priority::Urgency::Network);
                worker.run();
            })?;
        sfu.threads.push(thread);
    }
    Ok(sfu)
}

/// One for each worker.
fn bind(config: &SfuConfig) -> io::Result<Vec<UdpSocket>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if config.workers == 0 {
        cores
    } else {
        config.workers
    };
    let mut sockets = Vec::with_capacity(workers);
    let mut at = config.udp;
    for _ in 0..workers {
        let socket = socket::Socket::bind(at, workers > 1)?;
        at.set_port(socket.local_addr()?.port());
        sockets.push(socket);
    }
    Ok(sockets)
}

impl Sfu {
    /// For a process that takes over. Nothing changes by it.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub fn bequest(&self) -> io::Result<Bequest> {
        let sockets = self.sockets.iter().map(UdpSocket::try_clone);
        let relay = self.shared.relay.as_ref();
        Ok(Bequest {
            sockets: sockets.collect::<io::Result<_>>()?,
            words: BequestWords {
                relay_secret: relay.map(Relay::secret),
                relay_ms: relay.map_or(0, Relay::ran_ms),
                generation: self.generation.wrapping_add(1),
            },
        })
    }

    /// From now on what nobody here knows goes to the process at the other end.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn cross(&self, link: Link) -> io::Result<()> {
        across::begin(&self.shared, link)
    }

    /// There is no other process any more: the sockets are read here. They may be already.
    pub fn read_sockets(&self) {
        self.shared.neighbour.end();
        for inbox in &self.shared.inboxes {
            inbox.read_socket();
        }
    }

    /// Where the media port is bound.
    pub fn udp_addr(&self) -> SocketAddr {
        self.udp
    }

    /// Whether every worker's thread is alive.
    pub fn all_alive(&self) -> bool {
        !self.shared.inboxes.iter().any(worker::Inbox::is_dead)
    }

    /// Opens a meeting on the worker with the fewest peer connections; `key` decides between equals.
    pub fn open(&self, key: u64) -> SfuRoom {
        let (tx, events) = mpsc::channel(EVENT_QUEUE);
        let closed = Arc::new(AtomicBool::new(false));
        let inboxes = &self.shared.inboxes;
        let turn = |i: usize| (i as u64).wrapping_add(key) % inboxes.len() as u64;
        let worker = (0..inboxes.len())
            .min_by_key(|i| (inboxes[*i].load(), turn(*i)))
            .unwrap_or(0);
        let key = self.shared.directory.room_key();
        let open = Control::Open {
            key,
            events: tx,
            closed: closed.clone(),
        };
        if self.shared.inboxes[worker].control(open).is_err() {
            // The sender went with the message: the meeting sees its event stream end.
            Counters::add(&self.shared.counters.queue_full, 1);
        }
        SfuRoom {
            key,
            worker,
            shared: self.shared.clone(),
            closed,
            events,
        }
    }

    /// Takes ICE-TCP connections over from whoever accepted them.
    pub fn tcp_ingress(&self) -> TcpIngress {
        TcpIngress::new(self.shared.clone())
    }

    /// Connections for media over TCP that are open now.
    pub fn tcp_open(&self) -> u64 {
        self.shared.counters.tcp_open.load(Ordering::Relaxed)
    }

    pub fn counters(&self) -> SfuCounters {
        let allocations = self.shared.relay.as_ref().map_or(0, Relay::allocations);
        SfuCounters {
            relay_allocations: allocations as u64,
            ..self.shared.counters.read()
        }
    }

    /// Closes all peer connections and waits for the threads to end.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        for inbox in &self.shared.inboxes {
            inbox.wake();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        self.stop();
    }
}

impl SfuRoom {
    /// Hands a command to the meeting's worker.
    ///
    /// # Errors
    /// [`Overloaded`]; the command is not carried out then.
    pub fn send(&self, command: MediaCommand) -> Result<(), Overloaded> {
        self.sender().send(command)
    }

    /// What a participant of this meeting may use the relay with; none: there is no relay.
    pub fn relay_credentials(&self, participant: ParticipantId) -> Option<Credentials> {
        let relay = self.shared.relay.as_ref()?;
        Some(relay.credentials(&format!("{}.{participant}", self.key)))
    }

    /// A sender that can live elsewhere than the events.
    pub fn sender(&self) -> SfuSender {
        SfuSender {
            key: self.key,
            worker: self.worker,
            shared: self.shared.clone(),
        }
    }
}

impl SfuSender {
    /// See [`SfuRoom::send`].
    ///
    /// # Errors
    /// [`Overloaded`]; the command is not carried out then.
    pub fn send(&self, command: MediaCommand) -> Result<(), Overloaded> {
        self.shared.inboxes[self.worker]
            .control(Control::Command {
                key: self.key,
                command,
            })
            .map_err(|_| Overloaded)
    }
}

impl Drop for SfuRoom {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        self.shared.inboxes[self.worker].wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn meetings_avoid_a_dead_worker_and_the_last_ones_death_is_noticed() {
        static DEATHS: AtomicUsize = AtomicUsize::new(0);
        let sfu = start(SfuConfig {
            udp: ([127, 0, 0, 1], 0).into(),
            public_addresses: Vec::new(),
            tcp_port: None,
            workers: 2,
            relay: None,
        })
        .unwrap();
        let die = |index| {
            let watch = Watch {
                index,
                shared: sfu.shared.clone(),
                last: || {
                    DEATHS.fetch_add(1, Ordering::Relaxed);
                },
            };
            let thread = std::thread::spawn(move || {
                let _watch = watch;
                panic!("as a worker might");
            });
            assert!(thread.join().is_err());
        };
        die(0);
        assert!((0..8).all(|key| sfu.open(key).worker == 1));
        assert_eq!(DEATHS.load(Ordering::Relaxed), 0);
        die(1);
        assert_eq!(DEATHS.load(Ordering::Relaxed), 1);
        sfu.shutdown();
    }
}
