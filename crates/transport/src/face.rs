//! What goes into a [`crate::Peer`] at its start and what comes out of it.

use crate::{InPacket, Mid, PeerStats, Protocol, Rid};
use confab_base::{Bitrate, Reference};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A client offers and has full ICE; the server answers and has ICE-lite, so it must be reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerRole {
    Client,
    LiteServer,
}

#[derive(Clone, Debug)]
pub struct PeerConfig {
    pub role: PeerRole,
    /// Where the estimate of the sending bandwidth starts.
    pub start_bitrate: Bitrate,
    /// The peer counts as silent after this long without a packet. The other side checks the path every second
    /// (ours) or every 2.5 s (browsers), so below 3 s a server would be wrong about browsers.
    pub silence: Duration,
    /// How often [`PeerEvent::Stats`] comes.
    pub stats_interval: Duration,
    /// Offer and answer what only our own ends know: tagged frames and their repair. Without it the peer is as any browser.
    pub own_ends: bool,
}

impl PeerConfig {
    pub fn client() -> PeerConfig {
        PeerConfig {
            role: PeerRole::Client,
            start_bitrate: Bitrate::kbps(600),
            silence: Duration::from_secs(3),
            stats_interval: Duration::from_secs(1),
            own_ends: true,
        }
    }

    pub fn lite_server() -> PeerConfig {
        PeerConfig {
            role: PeerRole::LiteServer,
            start_bitrate: Bitrate::kbps(1000),
            silence: Duration::from_secs(4),
            stats_interval: Duration::from_secs(1),
            own_ends: true,
        }
    }
}

/// What [`Peer::poll`] wants done.
#[derive(Debug)]
pub enum PeerOutput {
    /// Send these bytes from `src` to `dst`; over TCP as one frame on the connection between the two.
    Transmit {
        protocol: Protocol,
        src: SocketAddr,
        dst: SocketAddr,
        bytes: Vec<u8>,
    },
    Event(PeerEvent),
    /// Nothing more now. Call [`Peer::handle_timeout`] at this time, if nothing else happens before.
    Timeout(Instant),
}

#[derive(Debug)]
pub enum PeerEvent {
    /// ICE and DTLS are up: media flows. Comes again when the peer is heard after [`PeerEvent::Disconnected`].
    Connected,
    /// Nothing was heard for [`PeerConfig::silence`], or ICE lost the path. It may come back by itself
    /// ([`PeerEvent::Connected`]); who cannot wait makes a new peer connection.
    Disconnected,
    /// Over for good: closed by the other side, or DTLS failed.
    Closed,
    Rtp(InPacket),
    /// The other side needs a key frame of what we send.
    KeyframeRequest {
        mid: Mid,
        rid: Option<Rid>,
    },
    /// The other side, one of our own, has decoded this frame of what we send.
    Reference {
        mid: Mid,
        rid: Option<Rid>,
        reference: Reference,
    },
    /// What the path takes of our sending, by transport-wide feedback.
    Estimate(Bitrate),
    /// The path has become so narrow that its queue is full of what was sent: pictures that are taken within this time, a third of a second
    /// at most, would be dropped. For clients.
    Hold(confab_base::Duration),
    Stats(PeerStats),
}

/// Packets a peer did not use. Garbage costs nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerCounters {
    /// No STUN, DTLS, RTP or RTCP by their first bytes.
    pub unknown: u64,
    /// Looked like one of these and could not be parsed.
    pub malformed: u64,
    /// RTP and RTCP before the connection was up.
    pub early: u64,
    /// RTP of an SSRC beyond those a server takes from one client.
    pub surplus: u64,
}
