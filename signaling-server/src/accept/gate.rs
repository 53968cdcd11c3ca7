//! Who gets a place among the connections: how many there may be, in all and from one address, and how many new ones an address
//! may make in a minute. A [`Pass`] is a connection's place; dropping it frees the place.
//!
//! Where all places are taken, the connection that asked for something longest ago makes room for the next, so that a crowd
//! of silent or dripping ones from many addresses cannot shut the door. Those of people in meetings are kept and never do.

use crate::http::rate::{RateLimit, address_key};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) total: usize,
    pub(crate) per_address: usize,
    /// New ones of an address; as many in a burst.
    pub(crate) new_per_minute: u32,
}

#[derive(Debug)]
pub(crate) struct Gate {
    total: AtomicUsize,
    per_address: AtomicUsize,
    newcomers: RateLimit,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Rises with everything that happens.
    now: u64,
    by_address: HashMap<IpAddr, usize>,
    places: HashMap<u64, Place>,
    /// Places that may have to make room, by when they last asked for something.
    movable: BTreeMap<u64, u64>,
}

#[derive(Debug)]
struct Place {
    key: IpAddr,
    /// Its place in `movable`; none: it is kept.
    asked: Option<u64>,
    ended: CancellationToken,
}

impl Taken {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn remove(&mut self, id: u64) -> Option<CancellationToken> {
        let place = self.places.remove(&id)?;
        if let Some(asked) = place.asked {
            self.movable.remove(&asked);
        }
        if let Some(n) = self.by_address.get_mut(&place.key) {
            *n -= 1;
            if *n == 0 {
                self.by_address.remove(&place.key);
            }
        }
        Some(place.ended)
    }

    /// Ends the connection that asked for something longest ago; false: all are kept.
    fn make_room(&mut self) -> bool {
        let Some((_, id)) = self.movable.pop_first() else {
            return false;
        };
        if let Some(ended) = self.remove(id) {
            ended.cancel();
        }
        true
    }
}

/// A place, and whether another connection had to make room for it.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) pass: Pass,
    pub(crate) displaced: bool,
}

impl Gate {
    pub(crate) fn new(bounds: Bounds) -> Arc<Gate> {
        Arc::new(Gate {
            total: bounds.total.into(),
            per_address: bounds.per_address.into(),
            newcomers: RateLimit::new(bounds.new_per_minute),
            taken: Mutex::default(),
        })
    }

    /// Other bounds from now on. Connections that stand keep their places.
    pub(crate) fn set(&self, bounds: Bounds) {
        self.total.store(bounds.total, Ordering::Relaxed);
        self.per_address
            .store(bounds.per_address, Ordering::Relaxed);
        self.newcomers.set(bounds.new_per_minute);
    }

    /// A place for a connection from `address`, if there is one.
    pub(crate) fn enter(self: &Arc<Gate>, address: IpAddr, now: Instant) -> Option<Entered> {
        if !self.newcomers.allows(address, now) {
            return None;
        }
        let key = address_key(address);
        let mut taken = self.taken();
        let mine = taken.by_address.get(&key).copied().unwrap_or(0);
        if mine >= self.per_address.load(Ordering::Relaxed) {
            return None;
        }
        let full = taken.places.len() >= self.total.load(Ordering::Relaxed);
        if full && !taken.make_room() {
            return None;
        }
        let id = taken.tick();
        *taken.by_address.entry(key).or_default() += 1;
        taken.movable.insert(id, id);
        let ended = CancellationToken::new();
        let place = Place {
            key,
            asked: Some(id),
            ended: ended.clone(),
        };
        taken.places.insert(id, place);
        drop(taken);
        Some(Entered {
            pass: Pass {
                gate: Arc::clone(self),
                id,
                ended,
            },
            displaced: full,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().expect("no panic while counting")
    }
}

#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    id: u64,
    ended: CancellationToken,
}

impl Pass {
    /// Cancelled when the connection has to make room.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// It asks for something: others make room before it does.
    pub(crate) fn asks(&self) {
        let mut guard = self.gate.taken();
        let taken = &mut *guard;
        let now = taken.tick();
        let Some(place) = taken.places.get_mut(&self.id) else {
            return;
        };
        if let Some(asked) = &mut place.asked {
            taken.movable.remove(asked);
            *asked = now;
            taken.movable.insert(now, self.id);
        }
    }

    /// It belongs to somebody in a meeting: it never has to make room.
    pub(crate) fn keep(&self) {
        let mut guard = self.gate.taken();
        let taken = &mut *guard;
        if let Some(place) = taken.places.get_mut(&self.id)
            && let Some(asked) = place.asked.take()
        {
            taken.movable.remove(&asked);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.taken().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "10.0.0.1";
    const B: &str = "10.0.0.2";

    fn gate(total: usize, per_address: usize) -> Arc<Gate> {
        Gate::new(bounds(total, per_address))
    }

    fn bounds(total: usize, per_address: usize) -> Bounds {
        Bounds {
            total,
            per_address,
            new_per_minute: 1000,
        }
    }

    fn enter(gate: &Arc<Gate>, address: &str) -> Option<Entered> {
        gate.enter(address.parse().unwrap(), Instant::now())
    }

    fn kept(gate: &Arc<Gate>, address: &str) -> Option<Pass> {
        let pass = enter(gate, address)?.pass;
        pass.keep();
        Some(pass)
    }

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let gate = gate(3, 2);
        let first = kept(&gate, A).unwrap();
        let _second = kept(&gate, A).unwrap();
        assert!(enter(&gate, A).is_none(), "two from one address are enough");
        let _third = kept(&gate, B).unwrap();
        assert!(enter(&gate, B).is_none(), "three in all are enough");
        drop(first);
        assert!(enter(&gate, A).is_some());
    }

    #[test]
    fn other_limits_hold_from_the_next_connection_on() {
        let gate = gate(1, 1);
        let _first = kept(&gate, A).unwrap();
        assert!(enter(&gate, A).is_none());
        gate.set(bounds(2, 2));
        let second = kept(&gate, A).unwrap();
        gate.set(bounds(1, 1));
        drop(second);
        assert!(enter(&gate, A).is_none(), "the first still has its place");
    }

    #[test]
    fn where_all_places_are_taken_the_longest_silent_one_makes_room() {
        let gate = gate(3, 3);
        let member = kept(&gate, A).unwrap();
        let asking = enter(&gate, A).unwrap().pass;
        let silent = enter(&gate, A).unwrap().pass;
        asking.asks();
        let next = enter(&gate, B).unwrap();
        assert!(next.displaced && silent.ended().is_cancelled());
        assert!(!asking.ended().is_cancelled() && !member.ended().is_cancelled());
        let after = enter(&gate, B).unwrap().pass;
        assert!(asking.ended().is_cancelled() && !next.pass.ended().is_cancelled());
        // Whoever was displaced has no place to give back, and no say any more.
        silent.asks();
        asking.keep();
        drop((silent, asking));
        next.pass.keep();
        after.keep();
        assert!(enter(&gate, B).is_none(), "all are kept");
        drop(after);
        assert!(!enter(&gate, B).unwrap().displaced);
    }

    #[test]
    fn an_address_that_comes_again_and_again_is_let_in_at_a_rate() {
        let gate = Gate::new(Bounds {
            total: 10,
            per_address: 10,
            new_per_minute: 3,
        });
        let now = Instant::now();
        let comes = |address: &str| gate.enter(address.parse().unwrap(), now).is_some();
        assert_eq!((0..5).filter(|_| comes(A)).count(), 3);
        assert!(comes(B), "others come in");
    }
}
