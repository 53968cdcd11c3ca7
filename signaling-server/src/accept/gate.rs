//! How many connections there may be, in all and from one address. A [`Pass`] is a connection's place; dropping it
//! frees the place.

use crate::http::rate::address_key;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub(crate) struct Gate {
    total: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Gate {
    pub(crate) fn new(total: usize, per_address: usize) -> Arc<Gate> {
        Arc::new(Gate {
            total,
            per_address,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from `address`, if there is one.
    pub(crate) fn enter(self: &Arc<Gate>, address: IpAddr) -> Option<Pass> {
        let key = address_key(address);
        let mut taken = self.taken.lock().expect("no panic while counting");
        let mine = taken.by_address.get(&key).copied().unwrap_or(0);
        if taken.total >= self.total || mine >= self.per_address {
            return None;
        }
        taken.total += 1;
        taken.by_address.insert(key, mine + 1);
        Some(Pass {
            gate: Arc::clone(self),
            key,
        })
    }
}

#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    key: IpAddr,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut taken = self.gate.taken.lock().expect("no panic while counting");
        taken.total -= 1;
        if let Some(n) = taken.by_address.get_mut(&self.key) {
            *n -= 1;
            if *n == 0 {
                taken.by_address.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let gate = Gate::new(3, 2);
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = gate.enter(a).unwrap();
        let _second = gate.enter(a).unwrap();
        assert!(gate.enter(a).is_none(), "two from one address are enough");
        let _third = gate.enter(b).unwrap();
        assert!(gate.enter(b).is_none(), "three in all are enough");
        drop(first);
        assert!(gate.enter(a).is_some());
    }
}
