//! Wrong secrets are counted, per network address and per account, and the next try has to wait longer and longer. A try counts
//! as wrong from its beginning, so that a hundred at once are no way around; a right one takes that back.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// So many waits that double, 1 s to 64 s, then the longest.
const DOUBLINGS: u32 = 7;
/// As many keys as this, and the forgiven go; where that frees no place, the quarter that was quiet longest.
const MOST: usize = 20_000;

/// How much is borne with keys of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Wrong ones without any wait: everybody mistypes.
    pub(crate) free: u32,
    /// The wait after many.
    pub(crate) longest: Duration,
    /// In which one wrong try is forgiven: those of a whole office must not add up over a day.
    pub(crate) forgive: Duration,
}

/// Growing delays for keys of one kind.
#[derive(Debug)]
pub(crate) struct Tries<K> {
    patience: Patience,
    by_key: HashMap<K, Count>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    wrong: u32,
    last: Instant,
    /// Up to when time has forgiven.
    forgiven: Instant,
}

impl Count {
    fn forgive(&mut self, every: Duration, now: Instant) {
        let passed = now.saturating_duration_since(self.forgiven);
        let times = (passed.as_secs() / every.as_secs().max(1)) as u32;
        self.wrong = self.wrong.saturating_sub(times);
        self.forgiven += every * times;
    }
}

impl<K: Hash + Eq + Clone> Tries<K> {
    pub(crate) fn new(patience: Patience) -> Tries<K> {
        Tries {
            patience,
            by_key: HashMap::new(),
        }
    }

    /// Begins a try. An error is how long to wait first.
    pub(crate) fn begin(&mut self, key: &K, now: Instant) -> Result<(), Duration> {
        self.make_room(now);
        let patience = self.patience;
        let fresh = Count {
            wrong: 0,
            last: now,
            forgiven: now,
        };
        let count = self.by_key.entry(key.clone()).or_insert(fresh);
        // The wait is that of the last wrong one; what time forgave since counts for the next.
        let free_at = count.last + patience.after(count.wrong);
        if now < free_at {
            return Err(free_at - now);
        }
        count.forgive(patience.forgive, now);
        count.wrong = count.wrong.saturating_add(1);
        count.last = now;
        Ok(())
    }

    /// The try was right: the account's count is over, an address gets back what it paid.
    pub(crate) fn right(&mut self, key: &K, forget_all: bool) {
        if let Some(count) = self.by_key.get_mut(key) {
            count.wrong = match forget_all {
                true => 0,
                false => count.wrong.saturating_sub(1),
            };
        }
    }

    /// Whether the last try was the one after which the long waits begin.
    pub(crate) fn just_too_many(&self, key: &K) -> bool {
        let many = self.patience.free + DOUBLINGS;
        self.by_key.get(key).is_some_and(|c| c.wrong == many)
    }

    fn make_room(&mut self, now: Instant) {
        if self.by_key.len() < MOST {
            return;
        }
        let forgive = self.patience.forgive;
        self.by_key.retain(|_, count| {
            count.forgive(forgive, now);
            count.wrong > 0
        });
        if self.by_key.len() < MOST {
            return;
        }
        // A quarter at once, so that not every newcomer costs a look at all.
        let mut times: Vec<Instant> = self.by_key.values().map(|count| count.last).collect();
        let (_, limit, _) = times.select_nth_unstable(MOST / 4);
        let limit = *limit;
        self.by_key.retain(|_, count| count.last > limit);
    }
}

impl Patience {
    fn after(&self, wrong: u32) -> Duration {
        match wrong.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(doublings) if doublings < DOUBLINGS => {
                Duration::from_secs(1 << doublings).min(self.longest)
            }
            Some(_) => self.longest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        free: 3,
        longest: Duration::from_secs(900),
        forgive: Duration::from_secs(3600),
    };

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_three_are_free_then_waits_double_up_to_the_longest() {
        let mut tries = Tries::new(PATIENCE);
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..12 {
            match tries.begin(&"ada", now) {
                Ok(()) => waits.push(0),
                Err(wait) => {
                    waits.push(wait.as_secs());
                    now += wait;
                    tries.begin(&"ada", now).unwrap();
                }
            }
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 900, 900]);
        assert!(tries.begin(&"bob", now).is_ok(), "each for itself");
    }

    #[test]
    fn asking_while_one_has_to_wait_makes_nothing_worse() {
        let mut tries = Tries::new(PATIENCE);
        let start = Instant::now();
        for _ in 0..4 {
            let _ = tries.begin(&1, start);
        }
        for _ in 0..100 {
            assert!(tries.begin(&1, start).is_err());
        }
        assert!(tries.begin(&1, after(start, 1)).is_ok());
    }

    #[test]
    fn a_hundred_at_once_are_three() {
        let mut tries = Tries::new(PATIENCE);
        let start = Instant::now();
        let begun = (0..100).filter(|_| tries.begin(&1, start).is_ok()).count();
        assert_eq!(begun, 3);
    }

    #[test]
    fn a_right_one_forgives_an_account_and_pays_an_address_back() {
        let start = Instant::now();
        for (forget_all, then) in [(true, 3), (false, 1)] {
            let mut tries = Tries::new(PATIENCE);
            for _ in 0..3 {
                tries.begin(&1, start).unwrap();
            }
            tries.right(&1, forget_all);
            let more = (0..9).filter(|_| tries.begin(&1, start).is_ok()).count();
            assert_eq!(more, then, "{forget_all}");
        }
    }

    #[test]
    fn time_forgives_one_after_the_other() {
        let mut tries = Tries::new(PATIENCE);
        let start = Instant::now();
        for _ in 0..3 {
            tries.begin(&0, start).unwrap();
        }
        assert!(tries.begin(&0, start).is_err());
        // Two are forgiven: two more are free.
        let later = after(start, 2 * 3600 + 60);
        let begun = (0..9).filter(|_| tries.begin(&0, later).is_ok()).count();
        assert_eq!(begun, 2);
    }

    #[test]
    fn keys_are_bounded_and_the_newest_are_kept() {
        let mut tries = Tries::new(PATIENCE);
        let start = Instant::now();
        for key in 0..2 * MOST {
            let now = start + Duration::from_millis(key as u64);
            tries.begin(&key, now).unwrap();
        }
        assert!(tries.by_key.len() <= MOST);
        assert!(tries.by_key.contains_key(&(2 * MOST - 1)));
    }
}
