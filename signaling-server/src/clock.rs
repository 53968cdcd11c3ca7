//! The two clocks machines are told of.

use confab_base::Time;
use std::time::{Duration, Instant, SystemTime};

/// Microseconds since the server came up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock {
            start: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Time {
        Time::from_micros(self.start.elapsed().as_micros() as u64)
    }

    /// The moment `time` is reached; far away for [`Time::MAX`].
    pub(crate) fn instant(&self, time: Time) -> tokio::time::Instant {
        let far = Duration::from_secs(365 * 24 * 3600);
        let after_start = Duration::from_micros(time.as_micros()).min(far);
        tokio::time::Instant::from_std(self.start + after_start)
    }
}

/// Milliseconds since 1970.
pub(crate) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as u64)
}
