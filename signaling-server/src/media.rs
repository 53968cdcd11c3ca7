//! The media side for the rooms: opened by them, stopped by the server even while they still hold on to it.

use crate::config::{Config, IceTcp};
use crate::sfu::{self, Sfu, SfuConfig, SfuCounters, SfuRoom};
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};

/// The forwarding unit until it is stopped. Its port is free again when [`Media::stop`] returns.
#[derive(Debug)]
pub(crate) struct Media {
    sfu: Mutex<Option<Sfu>>,
    pub(crate) udp_addr: SocketAddr,
}

impl Media {
    /// `http` is where pages are served: its port stands for the media ports that the configuration leaves out.
    pub(crate) fn start(config: &Config, http: SocketAddr) -> io::Result<Media> {
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
        let sfu = sfu::start(SfuConfig {
            udp: SocketAddr::from((config.media_address(), udp_port)),
            public_addresses: config.media.public_addresses.clone(),
            tcp_port,
            workers: config.media.workers,
        })?;
        Ok(Media {
            udp_addr: sfu.udp_addr(),
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
