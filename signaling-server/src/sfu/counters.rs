//! What the forwarding unit counts, over all workers.

use std::sync::atomic::{AtomicU64, Ordering};

/// A reading of all counters, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SfuCounters {
    /// UDP datagrams and TCP frames.
    pub datagrams_in: u64,
    pub bytes_in: u64,
    pub datagrams_out: u64,
    pub bytes_out: u64,
    /// Calls to the kernel that sent UDP datagrams: `datagrams_out` over this is the gain of segmentation offload.
    pub sends: u64,
    /// Datagrams that came to another worker than their meeting's.
    pub handed_over: u64,
    /// Media packets forwarded, counted per receiver.
    pub forwarded: u64,
    /// Frames of voices restored from copies after their packets were lost on the way here.
    pub restored: u64,
    /// Dropped: no STUN, DTLS, RTP or RTCP, or not parseable as such.
    pub garbage: u64,
    /// Dropped: from an address no peer connection knows, and no check for one either.
    pub unknown_address: u64,
    /// Dropped: media of muted tracks.
    pub muted: u64,
    /// Dropped: media no published track accounts for, or larger than a packet may be.
    pub unroutable: u64,
    /// Dropped because a queue was full: hand-over, TCP writers, meeting events, the socket's send buffer.
    pub queue_full: u64,
    /// Dropped on the way out: larger than the path takes, or nothing there to take them.
    pub not_sent: u64,
    pub tcp_connections: u64,
    /// TCP connections closed for what they sent.
    pub tcp_refused: u64,
    /// Datagrams of clients that came through the relay, and to them.
    pub relayed: u64,
    /// Allocations of the relay there are now.
    pub relay_allocations: u64,
    /// Peer connections made so far.
    pub peers: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub datagrams_in: AtomicU64,
    pub bytes_in: AtomicU64,
    pub datagrams_out: AtomicU64,
    pub bytes_out: AtomicU64,
    pub sends: AtomicU64,
    pub handed_over: AtomicU64,
    pub forwarded: AtomicU64,
    pub restored: AtomicU64,
    pub garbage: AtomicU64,
    pub unknown_address: AtomicU64,
    pub muted: AtomicU64,
    pub unroutable: AtomicU64,
    pub queue_full: AtomicU64,
    pub not_sent: AtomicU64,
    pub tcp_connections: AtomicU64,
    pub tcp_refused: AtomicU64,
    pub relayed: AtomicU64,
    pub peers: AtomicU64,
    /// Connections for media open now, the relay's too.
    pub tcp_open: AtomicU64,
}

impl Counters {
    pub fn add(counter: &AtomicU64, by: u64) {
        if by > 0 {
            counter.fetch_add(by, Ordering::Relaxed);
        }
    }

    pub fn read(&self) -> SfuCounters {
        let get = |c: &AtomicU64| c.load(Ordering::Relaxed);
        SfuCounters {
            datagrams_in: get(&self.datagrams_in),
            bytes_in: get(&self.bytes_in),
            datagrams_out: get(&self.datagrams_out),
            bytes_out: get(&self.bytes_out),
            sends: get(&self.sends),
            handed_over: get(&self.handed_over),
            forwarded: get(&self.forwarded),
            restored: get(&self.restored),
            garbage: get(&self.garbage),
            unknown_address: get(&self.unknown_address),
            muted: get(&self.muted),
            unroutable: get(&self.unroutable),
            queue_full: get(&self.queue_full),
            not_sent: get(&self.not_sent),
            tcp_connections: get(&self.tcp_connections),
            tcp_refused: get(&self.tcp_refused),
            relayed: get(&self.relayed),
            relay_allocations: 0,
            peers: get(&self.peers),
        }
    }
}
