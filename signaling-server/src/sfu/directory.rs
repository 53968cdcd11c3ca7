//! Whose packet is it? Known to all workers: the address a peer connection was proven to use, and the ICE user name
//! fragments of all peer connections. An address is learned only when a peer connection answered a check from it,
//! which takes the peer's password: nobody can claim another's address by guessing names.

use confab_transport::Protocol;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// A peer connection, unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PeerKey {
    pub worker: u16,
    pub id: u64,
}

pub(crate) type Path = (Protocol, SocketAddr);

/// Addresses a peer connection may be known by at once: a client with four network paths that wanders.
const PATHS_PER_PEER: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Directory {
    names: RwLock<HashMap<String, PeerKey>>,
    paths: RwLock<HashMap<ByPath, PeerKey>>,
    /// Rises when an address is forgotten: workers then clear what they remembered of `paths`.
    version: AtomicU64,
    rooms: AtomicU64,
    peers: AtomicU64,
}

type ByPath = (bool, SocketAddr);

fn by_path((protocol, addr): Path) -> ByPath {
    (protocol == Protocol::Tcp, addr)
}

impl Directory {
    /// Of a process that took over from another, which took over from another, so many times: its rooms have other numbers than
    /// those of the one before.
    pub fn after(generation: u32) -> Directory {
        Directory {
            rooms: AtomicU64::new(u64::from(generation) << 32),
            ..Directory::default()
        }
    }

    /// A number no other room has.
    pub fn room_key(&self) -> u64 {
        self.rooms.fetch_add(1, Ordering::Relaxed)
    }

    pub fn peer_key(&self, worker: usize) -> PeerKey {
        PeerKey {
            worker: worker as u16,
            id: self.peers.fetch_add(1, Ordering::Relaxed),
        }
    }

    pub fn add_name(&self, ufrag: String, key: PeerKey) {
        self.names
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(ufrag, key);
    }

    pub fn by_name(&self, ufrag: &str) -> Option<PeerKey> {
        self.names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(ufrag)
            .copied()
    }

    pub fn by_path(&self, path: Path) -> Option<PeerKey> {
        self.paths
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&by_path(path))
            .copied()
    }

    /// The peer connection answered a check from there. `known` are its paths so far. An address that another one
    /// claimed since is won back: who really sends from it goes on checking.
    pub fn learn(&self, path: Path, key: PeerKey, known: &mut Vec<Path>) {
        if self.by_path(path) == Some(key) {
            return;
        }
        let mut paths = self.paths.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|p| *p != path);
        let mut is_forgotten = false;
        if known.len() == PATHS_PER_PEER {
            let oldest = by_path(known.remove(0));
            if paths.get(&oldest) == Some(&key) {
                paths.remove(&oldest);
                is_forgotten = true;
            }
        }
        known.push(path);
        is_forgotten |= paths.insert(by_path(path), key).is_some();
        if is_forgotten {
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// The peer connection is gone.
    pub fn forget(&self, ufrag: &str, key: PeerKey, known: &[Path]) {
        self.names
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(ufrag);
        let mut paths = self.paths.write().unwrap_or_else(PoisonError::into_inner);
        for path in known {
            let at = by_path(*path);
            if paths.get(&at) == Some(&key) {
                paths.remove(&at);
            }
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        (Protocol::Udp, SocketAddr::from(([127, 0, 0, 1], port)))
    }

    #[test]
    fn a_wandering_client_is_known_by_its_last_paths_only() {
        let d = Directory::default();
        let key = d.peer_key(0);
        let mut known = Vec::new();
        for port in 1..=20 {
            d.learn(path(port), key, &mut known);
        }
        assert_eq!(known.len(), PATHS_PER_PEER);
        assert_eq!(
            (d.by_path(path(12)), d.by_path(path(13))),
            (None, Some(key))
        );
    }

    #[test]
    fn an_address_another_claimed_is_won_back_by_the_next_check() {
        let d = Directory::default();
        let (own, thief) = (d.peer_key(0), d.peer_key(1));
        let (mut of_own, mut of_thief) = (Vec::new(), Vec::new());
        for _ in 0..20 {
            d.learn(path(1), own, &mut of_own);
            assert_eq!(d.by_path(path(1)), Some(own));
            let version = d.version();
            d.learn(path(1), thief, &mut of_thief);
            assert!(d.version() > version, "workers look it up again");
        }
        assert_eq!((of_own.len(), of_thief.len()), (1, 1));
        d.learn(path(1), own, &mut of_own);
        for port in 2..=10 {
            d.learn(path(port), thief, &mut of_thief);
        }
        assert_eq!(d.by_path(path(1)), Some(own), "not the thief's to forget");
    }

    #[test]
    fn forgetting_a_peer_leaves_its_addresses_new_owner_alone() {
        let d = Directory::default();
        let (old, new) = (d.peer_key(0), d.peer_key(1));
        let (mut of_old, mut of_new) = (Vec::new(), Vec::new());
        d.add_name("old".into(), old);
        d.learn(path(1), old, &mut of_old);
        d.learn(path(1), new, &mut of_new);
        let version = d.version();
        d.forget("old", old, &of_old);
        assert_eq!(d.by_name("old"), None);
        assert_eq!(d.by_path(path(1)), Some(new));
        assert!(d.version() > version);
    }

    #[test]
    fn tcp_and_udp_from_one_address_are_two_paths() {
        let d = Directory::default();
        let key = d.peer_key(0);
        d.learn(path(1), key, &mut Vec::new());
        assert_eq!(d.by_path((Protocol::Tcp, path(1).1)), None);
    }
}
