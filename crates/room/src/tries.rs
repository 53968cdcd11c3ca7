//! Wrong secrets, by where they come from. The first ones are free: people mistype. After that each costs a delay that
//! doubles, during which nothing from there is looked at: a right secret found by guessing would be lost among the wrong ones.

use confab_base::{Duration, Time};
use confab_protocol::FREE_TRIES;
use std::collections::BTreeMap;

const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);
/// After so long without a wrong one all is forgotten.
const FORGIVEN: Duration = Duration::from_secs(3600);
/// Addresses remembered; the one that was quiet longest goes first.
const MOST_PEERS: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Tries {
    peers: BTreeMap<u64, Peer>,
}

#[derive(Debug)]
struct Peer {
    wrong: u32,
    last: Time,
    /// Nothing is looked at before.
    until: Time,
}

impl Tries {
    /// Whether a secret from there is looked at now.
    pub(crate) fn may_try(&self, peer: u64, now: Time) -> bool {
        self.peers.get(&peer).is_none_or(|p| p.until <= now)
    }

    /// A wrong one came from there.
    pub(crate) fn wrong(&mut self, peer: u64, now: Time) {
        if self.peers.len() >= MOST_PEERS && !self.peers.contains_key(&peer) {
            let quietest = self.peers.iter().min_by_key(|(_, p)| p.last);
            let quietest = quietest.map(|(peer, _)| *peer);
            quietest.and_then(|peer| self.peers.remove(&peer));
        }
        let entry = self.peers.entry(peer).or_insert(Peer {
            wrong: 0,
            last: now,
            until: now,
        });
        if now.since(entry.last) >= FORGIVEN {
            entry.wrong = 0;
        }
        entry.wrong = entry.wrong.saturating_add(1);
        entry.last = now;
        if let Some(over) = entry.wrong.checked_sub(FREE_TRIES) {
            let delay = FIRST_DELAY * (1 << over.min(10));
            entry.until = now + delay.min(LONGEST_DELAY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries as fast as it may for so long; gives back how many were looked at.
    fn guess(tries: &mut Tries, from: Time, how_long: Duration) -> u32 {
        let mut looked_at = 0;
        for s in 0..how_long.as_secs() {
            let now = from + Duration::from_secs(s);
            while tries.may_try(7, now) {
                tries.wrong(7, now);
                looked_at += 1;
            }
        }
        looked_at
    }

    #[test]
    fn ten_are_free_and_then_it_takes_ever_longer() {
        let mut tries = Tries::default();
        let now = Time::from_millis(5);
        for _ in 0..FREE_TRIES {
            assert!(tries.may_try(7, now));
            tries.wrong(7, now);
        }
        assert!(!tries.may_try(7, now + Duration::from_millis(999)));
        let mut at = now + Duration::from_secs(1);
        for seconds in [2, 4, 8, 16] {
            assert!(tries.may_try(7, at));
            tries.wrong(7, at);
            assert!(!tries.may_try(7, at + Duration::from_millis(seconds * 1000 - 1)));
            at += Duration::from_secs(seconds);
        }
    }

    #[test]
    fn a_day_of_guessing_gets_a_hundred_or_so() {
        let day = Duration::from_secs(24 * 3600);
        let guesses = guess(&mut Tries::default(), Time::ZERO, day);
        assert!((100..130).contains(&guesses), "{guesses}");
    }

    #[test]
    fn others_are_not_held_up_and_an_hour_forgives() {
        let mut tries = Tries::default();
        guess(&mut tries, Time::ZERO, Duration::from_secs(60));
        let now = Time::from_millis(60_000);
        assert!(!tries.may_try(7, now) && tries.may_try(8, now));
        let later = now + FORGIVEN;
        for _ in 0..FREE_TRIES {
            assert!(tries.may_try(7, later));
            tries.wrong(7, later);
        }
        assert!(!tries.may_try(7, later));
    }

    #[test]
    fn addresses_without_end_are_no_memory_without_end() {
        let mut tries = Tries::default();
        for peer in 0..3 * MOST_PEERS as u64 {
            tries.wrong(peer, Time::from_millis(peer));
        }
        assert_eq!(tries.peers.len(), MOST_PEERS);
    }
}
