//! One clock for the whole process: [`Time`] zero is its first use. All participants that run in one process share it,
//! so a test can take the difference between a moment at one's camera and a moment at another's screen.

use confab_base::Time;
use std::sync::OnceLock;
use std::time::Instant;

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// Now, on the process clock.
pub fn now() -> Time {
    at(Instant::now())
}

/// `instant` on the process clock; moments before its first use are zero.
pub fn at(instant: Instant) -> Time {
    let since = instant.saturating_duration_since(epoch());
    Time::from_micros(since.as_micros() as u64)
}

/// The [`Instant`] of a [`Time`] of this clock.
pub fn instant(time: Time) -> Instant {
    epoch() + std::time::Duration::from_micros(time.as_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same_moment() {
        let t = now();
        assert_eq!(at(instant(t)), t);
    }
}
