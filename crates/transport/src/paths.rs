//! Where a client of the lite server is heard from. ICE-lite alone keeps sending on the path of highest priority for 15 s
//! after the client has gone elsewhere: UDP died and TCP took over, or a NAT gave it another port. We follow it sooner.

use crate::Protocol;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A path this much staler than another one is dead. Browsers check a path in use every 2.5 s at least.
const STALE: Duration = Duration::from_secs(3);
/// Paths remembered per client; the stalest is forgotten first.
const MAX_PATHS: usize = 8;

/// Protocol, local and remote address.
pub type Path = (Protocol, SocketAddr, SocketAddr);

#[derive(Debug, Default)]
pub(crate) struct Paths {
    known: Vec<(Path, Instant)>,
}

impl Paths {
    /// The client proved itself with a packet from `remote` to `local`.
    pub(crate) fn heard(
        &mut self,
        protocol: Protocol,
        remote: SocketAddr,
        local: SocketAddr,
        now: Instant,
    ) {
        let path = (protocol, local, remote);
        if let Some(known) = self.known.iter_mut().find(|(p, _)| *p == path) {
            known.1 = now;
            return;
        }
        if self.known.len() == MAX_PATHS {
            let stalest = (0..MAX_PATHS).min_by_key(|i| self.known[*i].1);
            self.known.swap_remove(stalest.unwrap_or(0));
        }
        self.known.push((path, now));
    }

    /// The path to use where ICE would use `chosen`.
    pub(crate) fn better(&self, chosen: Path) -> Path {
        if self.known.len() < 2 {
            return chosen;
        }
        // Local addresses are told apart by nobody here: a wildcard socket may be announced under several.
        let same = |p: &Path| p.0 == chosen.0 && p.2 == chosen.2;
        let current = self.known.iter().find(|(p, _)| same(p));
        let newest = self.known.iter().max_by_key(|(_, at)| *at);
        match (current, newest) {
            (Some((_, last)), Some((path, newer))) if newer.duration_since(*last) > STALE => *path,
            _ => chosen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_left_when_another_is_heard_and_it_is_not() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let local: SocketAddr = "10.0.0.2:7000".parse().unwrap();
        let (old, new): (SocketAddr, SocketAddr) =
            ("10.0.0.1:1".parse().unwrap(), "10.0.0.1:2".parse().unwrap());
        let mut paths = Paths::default();
        let chosen = (Protocol::Udp, local, old);
        paths.heard(Protocol::Udp, old, local, at(0));
        assert_eq!(paths.better(chosen), chosen);
        paths.heard(Protocol::Tcp, new, local, at(2));
        assert_eq!(paths.better(chosen), chosen, "both may be alive");
        paths.heard(Protocol::Tcp, new, local, at(4));
        assert_eq!(paths.better(chosen), (Protocol::Tcp, local, new));
        paths.heard(Protocol::Udp, old, local, at(4));
        assert_eq!(paths.better(chosen), chosen);
        for port in 10..30 {
            paths.heard(Protocol::Udp, SocketAddr::new(old.ip(), port), local, at(5));
        }
        assert_eq!(paths.known.len(), MAX_PATHS);
    }
}
