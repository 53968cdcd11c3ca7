//! Whether this process can take new meetings: what `/readyz` says.

use super::Rooms;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a look at the database holds: anybody may ask, and each look writes.
const HOLDS: Duration = Duration::from_secs(2);
/// A database that takes longer for one page does not take meetings.
const WRITES_WITHIN: Duration = Duration::from_secs(3);

/// Ready when the first two are true and the last is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Health {
    /// It can be written to.
    pub(crate) database: bool,
    /// All threads of the media side are alive.
    pub(crate) media: bool,
    /// It ends as soon as nobody is in a meeting.
    pub(crate) draining: bool,
}

impl Health {
    pub(crate) fn ready(self) -> bool {
        self.database && self.media && !self.draining
    }
}

#[derive(Debug, Default)]
pub(super) struct Watched {
    draining: AtomicBool,
    /// When the database was looked at, and what was seen.
    database: Mutex<Option<(Instant, bool)>>,
}

impl Rooms {
    pub(crate) async fn health(&self) -> Health {
        Health {
            database: self.writes().await,
            media: self.media.all_alive(),
            draining: self.health.draining.load(Ordering::Relaxed) || self.stop.is_cancelled(),
        }
    }

    /// From now on `/readyz` sends newcomers elsewhere; who comes all the same is let in.
    pub(crate) fn drain(&self) {
        self.health.draining.store(true, Ordering::Relaxed);
    }

    /// Whether nobody is in a meeting or before its door, or has just lost the connection to one.
    pub(crate) async fn is_empty(&self) -> bool {
        let is_connected = |live: &super::Live| live.connected.load(Ordering::Relaxed) > 0;
        // Those who are connected are known without asking: a busy meeting may not answer.
        let connected = self.lock().values().any(is_connected);
        !connected && self.seen().await.is_empty()
    }

    async fn writes(&self) -> bool {
        // Held while looking: whoever asks meanwhile gets the same answer.
        let mut seen = self.health.database.lock().await;
        if let Some((at, writes)) = *seen
            && at.elapsed() < HOLDS
        {
            return writes;
        }
        let probe = tokio::time::timeout(WRITES_WITHIN, self.store.probe()).await;
        let writes = matches!(probe, Ok(Ok(())));
        if let Ok(Err(error)) = probe {
            tracing::error!(%error, "the database takes nothing");
        }
        *seen = Some((Instant::now(), writes));
        writes
    }
}
