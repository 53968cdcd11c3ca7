//! What the server counts at its doors. Plain totals since the start; nothing in them names a person or a meeting.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        /// A reading of the counters.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct ServerCounters { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            pub(crate) fn read(&self) -> ServerCounters {
                ServerCounters { $($name: self.$name.read(),)* }
            }
        }
    };
}

counters! {
    /// TCP connections accepted.
    connections,
    /// Closed at once because of a connection limit.
    connections_refused,
    /// Closed to make room for others, when all places were taken.
    connections_displaced,
    /// Closed because the first bytes were neither HTTP, TLS nor media, or came too slowly.
    connections_garbage,
    /// TLS handshakes that failed.
    tls_failed,
    /// Handed to the media side.
    media_connections,
    /// WebSocket connections opened.
    sockets,
    /// WebSocket messages that were no message of the protocol.
    bad_messages,
    /// Connections closed because the client did not read fast enough, or fell silent.
    sockets_lost,
    /// Minutes of people in calls that were told.
    minutes,
    /// Of these, those with a voice score below 3.6.
    poor_minutes,
    /// Of these, those that were not kept since the queue to the database was full.
    minutes_dropped,
    /// Spans of traces that the collector took.
    spans_sent,
    /// Spans that were dropped: the collector was away or too slow, or did not want them.
    spans_dropped,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.add_many(1);
    }

    pub(crate) fn add_many(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
