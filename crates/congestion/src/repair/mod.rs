//! Repair of video on one hop, between our own ends: the sender adds symbols that stand for any lost packet of their
//! frame (random linear codes over GF(256), as RFC 8681), the receiver tells again and again what it has.
//!
//! Media packets stay as they are. [`RepairSender`] is told of each that leaves, [`RepairReceiver`] of each that comes;
//! repair payloads go one way, feedback bodies the other. Wire formats and the reasons are in `docs/REPAIR.md`.
//! Without loss nothing is sent but a rare sign of life. Any bytes may come from the other side; memory is bounded.

pub mod feedback;
pub mod gf256;
mod receiver;
mod sender;
pub mod symbol;

pub use feedback::FeedbackError;
pub use receiver::RepairReceiver;
pub use sender::{RepairSender, media_share};
pub use symbol::RepairError;

use confab_base::Duration;
use std::sync::Arc;

/// A media packet, as it travels in RTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPacket {
    pub ssrc: u32,
    /// Extended RTP sequence number, below 2^47; rising, though packets may be handed over out of order.
    pub seq: u64,
    pub timestamp: u32,
    /// Last of its frame.
    pub marker: bool,
    /// What the header extension of our own ends says of its frame, as it stands there.
    pub tag: [u8; 4],
    /// At most [`MOST_PAYLOAD`] bytes are repaired.
    pub payload: Arc<[u8]>,
}

/// A packet that was lost and is there again.
pub type RecoveredPacket = MediaPacket;

/// What else falls when a frame is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameClass {
    /// 0: base, which later frames refer to; higher layers are never referred to by lower ones.
    pub temporal: u8,
    pub keyframe: bool,
}

/// Longest media payload in bytes. Longer ones are carried, but not repaired.
pub const MOST_PAYLOAD: usize = 1400;
/// Most streams (SSRCs) in one direction; of more, those longest silent are forgotten.
pub const MOST_STREAMS: usize = 32;
/// From capture to the screen.
pub const PLAYOUT: Duration = Duration::from_millis(400);
/// How long a base frame is worth its repair: it is too late to be shown, but later frames need it.
pub const BASE_PLAYOUT: Duration = Duration::from_millis(1000);

/// What a repair payload is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairInfo {
    pub ssrc: u32,
    /// First packet it stands for.
    pub seq: u64,
    /// How many packets it stands for.
    pub packets: u32,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RepairSendStats {
    pub media_packets: u64,
    pub media_bytes: u64,
    /// Repair payloads and their bytes, headers of RTP and below left out, as in `media_bytes`.
    pub symbols: u64,
    pub bytes: u64,
    /// Media packets the receiver has said to have, and those it never got in time.
    pub acknowledged: u64,
    pub given_up: u64,
    /// Share of packets that are lost on the way, 0 to 1, over the last half second or so.
    pub loss: f32,
    /// Mean length of a row of losses, in packets, against what independent losses would give: 1 or more.
    pub burst: f32,
    /// Zero until it was measured.
    pub round_trip: Duration,
}

impl RepairSendStats {
    /// Repair bytes per media byte.
    pub fn overhead(&self) -> f64 {
        self.bytes as f64 / (self.media_bytes as f64).max(1.0)
    }
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairReceiveStats {
    /// Media packets that came by themselves.
    pub received: u64,
    pub recovered: u64,
    /// Missing until nobody needed them any more.
    pub unrecoverable: u64,
    pub repair_packets: u64,
    /// Those that taught nothing new.
    pub useless: u64,
    pub feedback: u64,
    /// Mean time from noticing that a packet is missing until it was recovered.
    pub response: Duration,
}
