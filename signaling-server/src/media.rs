//! The media side for the rooms: opened by them, stopped by the server even while they still hold on to it.

use crate::config::{Config, IceTcp};
use crate::sfu::{self, Bequest, Limits, Link, Sfu, SfuConfig, SfuCounters, SfuRoom};
use crate::turn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// The forwarding unit until it is stopped. Its port is free again when [`Media::stop`] returns.
#[derive(Debug)]
pub(crate) struct Media {
    sfu: Mutex<Option<Sfu>>,
    pub(crate) udp_addr: SocketAddr,
    /// Under which clients reach the relay; none: there is none.
    pub(crate) turn_urls: Arc<[String]>,
    /// Where media over TCP comes in; None: it is off.
    pub(crate) tcp_port: Option<u16>,
}

impl Media {
    /// `http` is where pages are served: its port stands for the media ports that the configuration leaves out.
    pub(crate) fn start(
        config: &Config,
        http: SocketAddr,
        given: Option<(Bequest, Link)>,
    ) -> io::Result<Media> {
        let udp_port = match config.media.udp_port {
            Some(port) => port,
            // Whoever leaves the choice of one port to the system leaves it both.
            None if config.listen.port() == 0 => 0,
            None => http.port(),
        };
        let tcp_port = match config.ice_tcp() {
            IceTcp::Shared => Some(http.port()),
            IceTcp::Port(port) => Some(port),
            IceTcp::Off => None,
        };
        let sfu_config = SfuConfig {
            udp: SocketAddr::from((config.media_address(), udp_port)),
            public_addresses: config.media.public_addresses.clone(),
            tcp_port,
            workers: config.media.workers,
            relay: config.turn.enabled.then_some(Limits {
                allocations: config.turn.allocations,
                per_participant: config.turn.allocations_per_participant,
            }),
        };
        let sfu = sfu::start_after(sfu_config, given)?;
        Ok(Media {
            turn_urls: turn::urls(config, http, sfu.udp_addr()).into(),
            udp_addr: sfu.udp_addr(),
            tcp_port,
            sfu: Mutex::new(Some(sfu)),
        })
    }

    /// A forwarding room; `key` spreads rooms over threads. None: stopped.
    pub(crate) fn open(&self, key: u64) -> Option<SfuRoom> {
        self.lock().as_ref().map(|sfu| sfu.open(key))
    }

    pub(crate) fn ingress(&self) -> Option<sfu::TcpIngress> {
        self.lock().as_ref().map(Sfu::tcp_ingress)
    }

    pub(crate) fn counters(&self) -> SfuCounters {
        self.lock().as_ref().map(Sfu::counters).unwrap_or_default()
    }

    /// Whether it runs, with all its threads.
    pub(crate) fn all_alive(&self) -> bool {
        self.lock().as_ref().is_some_and(Sfu::all_alive)
    }

    /// Connections for media over TCP that are open now.
    pub(crate) fn tcp_open(&self) -> u64 {
        self.lock().as_ref().map_or(0, Sfu::tcp_open)
    }

    /// For a process that takes over.
    pub(crate) fn bequest(&self) -> io::Result<Bequest> {
        let sfu = self.lock();
        sfu.as_ref().ok_or(io::ErrorKind::NotConnected)?.bequest()
    }

    /// See [`Sfu::cross`].
    pub(crate) fn cross(&self, link: Link) -> io::Result<()> {
        let sfu = self.lock();
        sfu.as_ref().ok_or(io::ErrorKind::NotConnected)?.cross(link)
    }

    /// See [`Sfu::read_sockets`].
    pub(crate) fn read_sockets(&self) {
        if let Some(sfu) = &*self.lock() {
            sfu.read_sockets();
        }
    }

    /// Ends all peer connections and threads.
    pub(crate) fn stop(&self) {
        let taken = self.lock().take();
        if let Some(sfu) = taken {
            sfu.shutdown();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Sfu>> {
        self.sfu.lock().expect("no panic while looking at it")
    }
}
