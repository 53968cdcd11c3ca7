//! The media side for the rooms: opened by them, stopped by the server even while they still hold on to it.

use crate::config::{Config, IceTcp};
use crate::sfu::{self, Bequest, Limits, Link, Sfu, SfuConfig, SfuCounters, SfuRoom, TcpPort};
use crate::turn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

/// Where media over TCP comes in, HTTP being served at `http`. Whoever says under which addresses a router is reached says by
/// `public_url` which port of it leads to ours.
pub(crate) fn tcp_port(config: &Config, http: SocketAddr) -> Option<TcpPort> {
    let public = match config.ice_tcp() {
        IceTcp::Off => return None,
        IceTcp::Port(port) => {
            return Some(TcpPort {
                here: port,
                public: port,
            });
        }
        IceTcp::Shared if config.behind_proxy || config.media.public_addresses.is_empty() => None,
        IceTcp::Shared => url::Url::parse(&config.public_url(http)).ok(),
    };
    let public = public.and_then(|url| url.port_or_known_default());
    Some(TcpPort {
        here: http.port(),
        public: public.unwrap_or(http.port()),
    })
}

/// The forwarding unit until it is stopped. Its port is free again when [`Media::stop`] returns.
#[derive(Debug)]
pub(crate) struct Media {
    sfu: Mutex<Option<Sfu>>,
    pub(crate) udp_addr: SocketAddr,
    /// Under which clients reach the relay; none: there is none.
    pub(crate) turn_urls: Arc<[String]>,
    /// Where media over TCP comes in from outside; None: it is off.
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
        let tcp_port = tcp_port(config, http);
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
            turn_urls: turn::urls(config, http).into(),
            udp_addr: sfu.udp_addr(),
            tcp_port: tcp_port.map(|port| port.public),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn told(rest: &str) -> Option<(u16, u16)> {
        let text = format!("listen = \"0.0.0.0:8480\"\npublic_url = \"https://a.example\"\n{rest}");
        let config = Config::parse(&text, Path::new("test.toml")).unwrap();
        tcp_port(&config, config.listen).map(|port| (port.here, port.public))
    }

    #[test]
    fn the_port_of_a_router_is_that_of_the_public_url() {
        let tls = "[tls]\nself_signed = true\n";
        let router = "[media]\npublic_addresses = [\"203.0.113.9\"]\n";
        assert_eq!(told(&format!("{tls}{router}")), Some((8480, 443)));
        assert_eq!(told(tls), Some((8480, 8480)));
        assert_eq!(
            told(&format!("{tls}{router}ice_tcp = 9000\n")),
            Some((9000, 9000))
        );
        assert_eq!(told(&format!("{tls}[media]\nice_tcp = \"off\"\n")), None);
        let proxy = format!("behind_proxy = true\n{router}ice_tcp = \"shared\"\n");
        assert_eq!(told(&proxy), Some((8480, 8480)));
    }
}
