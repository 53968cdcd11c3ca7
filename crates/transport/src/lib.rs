//! WebRTC behind one face: ICE (full for clients, lite for the server), DTLS, SRTP, RTP in and out with NACK, RTX,
//! keyframe requests and a send-side bandwidth estimate.
//!
//! [`Peer`] is one peer connection without sockets or a clock: bytes and times in, bytes and events out. The socket
//! owner is [`driver`] in a client and the forwarding unit's shell in the server; both use [`stun_peek`] to tell
//! packets apart and [`tcp_frame`] for ICE-TCP. docs/adr/0001 says why str0m is underneath.
#![forbid(unsafe_code)]

mod ask;
pub mod driver;
mod egress;
mod face;
pub mod fake;
mod inbound;
mod insist;
mod negotiate;
mod packet;
mod paths;
mod peer;
mod sdp_text;
mod send;
mod source;
mod stats;
pub mod stun_peek;
pub mod tcp_frame;
mod watchdog;
mod words;

pub use egress::{MediaBatch, MediaBuffer};
pub use face::{PeerConfig, PeerCounters, PeerEvent, PeerOutput, PeerRole};
pub use negotiate::{LocalOffer, MediaPlan, SdpError, SendLine};
pub use packet::{InPacket, OutPacket, SendError, SenderReport};
pub use peer::Peer;
pub use stats::{LineStats, PeerStats, StatsDirection};
pub use words::{Codec, LineCodec, LineInfo, Mid, Protocol, Rid};

/// Installs the process-wide crypto provider; [`Peer::new`] does it by itself, calling it again does no harm.
pub fn init() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| str0m::crypto::from_feature_flags().install_process_default());
}
