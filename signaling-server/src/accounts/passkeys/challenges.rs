//! Challenges that wait for their answer: each is good once, for five minutes, for what it was made for. Pure: times go in.

use confab_protocol::AccountId;
use std::collections::HashMap;
use std::time::{Duration, Instant};

const LASTS: Duration = Duration::from_secs(5 * 60);
/// More of them, and the oldest is forgotten.
const MOST: usize = 10_000;

/// What a challenge is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    SignIn,
    /// A new passkey of this account.
    New(AccountId),
}

#[derive(Debug, Default)]
pub(super) struct Challenges {
    open: HashMap<String, (Use, Instant)>,
}

impl Challenges {
    pub(super) fn add(&mut self, challenge: String, purpose: Use, now: Instant) {
        if self.open.len() >= MOST {
            self.open.retain(|_, (_, at)| is_fresh(*at, now));
        }
        if self.open.len() >= MOST {
            let oldest = self.open.iter().min_by_key(|(_, (_, at))| *at);
            if let Some(oldest) = oldest.map(|(challenge, _)| challenge.clone()) {
                self.open.remove(&oldest);
            }
        }
        self.open.insert(challenge, (purpose, now));
    }

    /// Whether it was open for this. It is not afterwards, whatever the answer.
    pub(super) fn take(&mut self, challenge: &str, purpose: &Use, now: Instant) -> bool {
        let found = self.open.remove(challenge);
        found.is_some_and(|(made_for, at)| made_for == *purpose && is_fresh(at, now))
    }
}

fn is_fresh(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < LASTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_good_once_in_time_and_for_its_own_purpose() {
        let start = Instant::now();
        let ada = Use::New(AccountId::from_random(1));
        let bob = Use::New(AccountId::from_random(2));
        let mut challenges = Challenges::default();
        for (name, purpose) in [("a", Use::SignIn), ("b", ada.clone()), ("c", Use::SignIn)] {
            challenges.add(name.into(), purpose, start);
        }
        assert!(challenges.take("a", &Use::SignIn, start));
        assert!(!challenges.take("a", &Use::SignIn, start), "once");
        assert!(!challenges.take("b", &bob, start), "another's");
        assert!(!challenges.take("b", &ada, start), "a wrong try uses it up");
        assert!(
            !challenges.take("c", &Use::SignIn, start + LASTS),
            "too old"
        );
        assert!(!challenges.take("d", &Use::SignIn, start), "made up");
    }

    #[test]
    fn they_are_bounded_and_the_newest_stay() {
        let start = Instant::now();
        let mut challenges = Challenges::default();
        for i in 0..MOST + 5 {
            let at = start + Duration::from_millis(i as u64);
            challenges.add(i.to_string(), Use::SignIn, at);
        }
        assert_eq!(challenges.open.len(), MOST);
        assert!(!challenges.take("4", &Use::SignIn, start));
        assert!(challenges.take("5", &Use::SignIn, start));
        assert!(challenges.take(&(MOST + 4).to_string(), &Use::SignIn, start));
    }
}
