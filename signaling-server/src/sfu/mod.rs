//! The selective forwarding unit: threads, sockets and peer connections around [`confab_forward::Forwarder`].
//!
//! All meetings share one UDP port. Each worker thread has its own socket on it (SO_REUSEPORT); a meeting lives on one
//! worker, whole. The kernel spreads senders over the sockets by address, so a datagram may come to the wrong worker:
//! that one hands it over through a bounded queue (with one worker nothing is ever handed over). ICE-TCP connections
//! are read by small tokio tasks that feed the same queues.
//!
//! * `worker`: the thread's loop: sockets, queues, deadlines
//! * `room`: one meeting; `offers`: its peer connections and views; `carry`: what the forwarder wants done; `seat`: one
//!   participant's peer connection; `seats`: all of them
//! * `directory`: whose packet is it: by address, else by the ICE user name in its STUN check
//! * `socket`: UDP in and out in bursts; `tcp`: ICE-TCP; `counters`: what was dropped, and why

mod addresses;
mod carry;
mod clock;
mod counters;
mod directory;
mod offers;
mod room;
mod seat;
mod seats;
mod socket;
mod tcp;
mod worker;

pub use counters::SfuCounters;
pub use tcp::TcpIngress;

use crate::sfu::counters::Counters;
use crate::sfu::directory::Directory;
use crate::sfu::worker::{Control, Inbox, Watch, Worker};
use confab_room::{MediaCommand, MediaEvent};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
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
    /// Port announced for ICE-TCP on the same addresses: the one whose connections come to [`TcpIngress::attach`].
    pub tcp_port: Option<u16>,
    /// Worker threads; 0: one per core.
    pub workers: usize,
}

/// The running forwarding unit. Dropping it ends its threads.
#[derive(Debug)]
pub struct Sfu {
    udp: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
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
    let announced = addresses::Announced::new(at, &config.public_addresses, config.tcp_port);
    let mut inboxes = Vec::new();
    let mut parts = Vec::new();
    for _ in 0..workers {
        let (inbox, outlet) = worker::queues(CONTROL_QUEUE, PACKET_QUEUE)?;
        inboxes.push(inbox);
        parts.push(outlet);
    }
    let shared = Arc::new(Shared {
        directory: Directory::new(),
        counters: Counters::default(),
        inboxes,
        stop: AtomicBool::new(false),
        announced,
    });
    let mut sfu = Sfu {
        udp: at,
        shared: shared.clone(),
        threads: Vec::new(),
    };
    for (index, (socket, outlet)) in sockets.into_iter().zip(parts).enumerate() {
        let worker = Worker::new(index, socket, outlet, shared.clone())?;
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

impl Sfu {
    /// Where the media port is bound.
    pub fn udp_addr(&self) -> SocketAddr {
        self.udp
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

    pub fn counters(&self) -> SfuCounters {
        self.shared.counters.read()
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
