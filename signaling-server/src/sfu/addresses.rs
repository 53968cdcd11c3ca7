//! The addresses clients are told, and which of them a datagram was meant for.

use super::TcpPort;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[derive(Debug)]
pub(crate) struct Announced {
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    /// Of these, those by which a router is reached: this machine does not have them, so nothing can be sent from them.
    public: Vec<IpAddr>,
}

impl Announced {
    pub fn new(bound: SocketAddr, public: &[IpAddr], tcp: Option<TcpPort>) -> Announced {
        let local = match bound.ip().is_unspecified() {
            true => local_addresses(bound.is_ipv6()),
            false => Vec::new(),
        };
        Announced::of(bound, public, &local, tcp)
    }

    /// Beside a router's address the private ones are announced too: many routers lead nobody from inside back in. Not where the
    /// port is bound to one address: whoever does that says which.
    fn of(
        bound: SocketAddr,
        public: &[IpAddr],
        local: &[IpAddr],
        tcp: Option<TcpPort>,
    ) -> Announced {
        let inside = |ip: &&IpAddr| is_private(**ip) && !public.contains(ip);
        let mut ips: Vec<IpAddr> = match (public, local) {
            ([], []) => vec![bound.ip()],
            ([], local) => local.to_vec(),
            (public, local) => {
                let inside = local.iter().filter(inside);
                public.iter().chain(inside).copied().collect()
            }
        };
        ips.truncate(MOST.max(public.len()));
        let by_tcp = |ports: TcpPort| {
            let port = |ip: &IpAddr| match public.contains(ip) {
                true => ports.public,
                false => ports.here,
            };
            let at = |ip: &IpAddr| SocketAddr::new(*ip, port(ip));
            ips.iter().map(at).collect()
        };
        let by_udp = |ip: &IpAddr| SocketAddr::new(*ip, bound.port());
        Announced {
            udp: ips.iter().map(by_udp).collect(),
            tcp: tcp.map(by_tcp).unwrap_or_default(),
            public: public.to_vec(),
        }
    }

    /// The announced address behind the one a datagram came to: itself, or (behind a 1:1 NAT) the first of its family.
    pub fn meant(&self, came_to: Option<IpAddr>) -> SocketAddr {
        let came_to = came_to.map(|ip| ip.to_canonical());
        let exact = self.udp.iter().find(|a| Some(a.ip()) == came_to);
        let family = || {
            self.udp
                .iter()
                .find(|a| came_to.is_none_or(|ip| ip.is_ipv4() == a.is_ipv4()))
        };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        exact
            .or_else(family)
            .or(self.udp.first())
            .copied()
            .unwrap_or(any)
    }

    /// The same for TCP.
    pub fn meant_tcp(&self, came_to: IpAddr) -> Option<SocketAddr> {
        let came_to = came_to.to_canonical();
        let exact = self.tcp.iter().find(|a| a.ip() == came_to);
        exact
            .or_else(|| self.tcp.iter().find(|a| a.is_ipv4() == came_to.is_ipv4()))
            .or(self.tcp.first())
            .copied()
    }

    /// The source address to send from, where it is ours to choose.
    pub fn source(&self, announced: SocketAddr) -> Option<IpAddr> {
        let ip = announced.ip();
        (!self.public.contains(&ip)).then_some(ip)
    }
}

/// Reached from the same network only (RFC 1918, RFC 4193).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// The addresses of this machine's interfaces that are up, loopback first; at most [`MOST`], or descriptions grow beyond use.
/// Link-local ones are left out: they mean nothing without an interface's name.
fn local_addresses(with_v6: bool) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into()];
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|e| {
        tracing::warn!("this machine's addresses could not be listed: {e}");
        Vec::new()
    });
    for interface in interfaces {
        let ip = interface.ip();
        let usable = match ip {
            IpAddr::V4(v4) => !v4.is_link_local(),
            IpAddr::V6(v6) => with_v6 && !v6.is_unicast_link_local(),
        };
        if usable && !ip.is_loopback() && !found.contains(&ip) && found.len() < MOST {
            found.push(ip);
        }
    }
    found
}

/// Addresses announced at most.
const MOST: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: TcpPort = TcpPort {
        here: 443,
        public: 443,
    };

    #[test]
    fn behind_a_nat_the_public_address_stands_for_the_private_one() {
        let public: IpAddr = "203.0.113.9".parse().unwrap();
        let a = Announced::new("0.0.0.0:5000".parse().unwrap(), &[public], Some(ONE));
        assert_eq!(
            a.meant(Some("10.0.0.2".parse().unwrap())),
            SocketAddr::new(public, 5000)
        );
        assert_eq!(
            a.meant_tcp("10.0.0.2".parse().unwrap()),
            Some(SocketAddr::new(public, 443))
        );
        assert_eq!(a.source(a.udp[0]), None, "the system knows better");
    }

    #[test]
    fn behind_a_nat_those_inside_are_told_the_private_address_too() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let local = ["127.0.0.1", "10.0.0.2", "198.51.100.7", "fd00::2"].map(ip);
        let public = [ip("203.0.113.9")];
        let a = Announced::of("[::]:443".parse().unwrap(), &public, &local, Some(ONE));
        let told: Vec<IpAddr> = a.udp.iter().map(SocketAddr::ip).collect();
        assert_eq!(told, ["203.0.113.9", "10.0.0.2", "fd00::2"].map(ip));
        assert_eq!(a.tcp.len(), 3);
        let inside = SocketAddr::new(ip("10.0.0.2"), 443);
        assert_eq!(a.meant(Some(inside.ip())), inside);
        assert_eq!(a.source(inside), Some(inside.ip()));
        assert_eq!(a.source(a.udp[0]), None);
        // Bound to one address: no more than was said.
        let a = Announced::of("10.0.0.2:443".parse().unwrap(), &public, &[], None);
        assert_eq!(a.udp, [SocketAddr::new(public[0], 443)]);
    }

    #[test]
    fn a_router_may_map_the_tcp_port() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let public = [ip("203.0.113.9")];
        let tcp = TcpPort {
            here: 8480,
            public: 443,
        };
        let bound = "0.0.0.0:8480".parse().unwrap();
        let a = Announced::of(bound, &public, &[ip("10.0.0.2")], Some(tcp));
        let told = ["203.0.113.9:443", "10.0.0.2:8480"].map(|a| a.parse::<SocketAddr>().unwrap());
        assert_eq!(a.tcp, told);
    }

    #[test]
    fn without_public_addresses_loopback_is_among_them() {
        let a = Announced::new("0.0.0.0:5000".parse().unwrap(), &[], None);
        let loopback: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        assert!(a.udp.contains(&loopback));
        assert_eq!(a.meant(Some(loopback.ip())), loopback);
        assert_eq!(a.source(loopback), Some(loopback.ip()));
    }
}
