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
                ServerCounters { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// TCP connections accepted.
    connections,
    /// Closed at once because of a connection limit.
    connections_refused,
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
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
