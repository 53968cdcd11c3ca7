//! RTP packets as the rest of the house sees them: payload and the header fields that mean something.

use crate::{Codec, Mid, Rid};
use confab_base::{AudioLevel, FrameTag};
use std::sync::Arc;
use std::time::Instant;

/// A packet to send. SSRC, payload type and header extensions are filled in from the negotiation.
#[derive(Clone, Debug)]
pub struct OutPacket {
    pub codec: Codec,
    /// Extended sequence number of the line (and layer). The first one must be below 65536, because the receiver's
    /// SRTP roll-over counter starts at 0; later ones rise, in any order within a few thousand.
    pub seq: u64,
    /// RTP timestamp in ticks of [`Codec::clock_rate`].
    pub timestamp: u32,
    pub marker: bool,
    /// RTP payload, at most 1200 bytes or it may not fit the path.
    pub payload: Arc<[u8]>,
    /// The payload is RED (RFC 2198) of `codec`.
    pub red: bool,
    /// RFC 6464 level, for audio.
    pub audio_level: Option<AudioLevel>,
    /// RFC 6464 voice flag: somebody speaks in this packet.
    pub voice: bool,
    /// Video: the frame it belongs to. Goes out to our own ends only.
    pub tag: Option<FrameTag>,
    /// The moment `timestamp` stands for: capture time in a client, in the server the sender's capture time as well as
    /// known, else the arrival. Goes into our sender reports, which receivers synchronise audio and video by.
    pub captured: Instant,
}

/// A packet that came in, decrypted, deduplicated and, where it was lost at first, repaired. Not reordered.
#[derive(Clone, Debug)]
pub struct InPacket {
    pub mid: Mid,
    pub rid: Option<Rid>,
    pub ssrc: u32,
    pub pt: u8,
    pub codec: Codec,
    /// Extended sequence number.
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// The payload is RED (RFC 2198) of `codec`.
    pub red: bool,
    pub audio_level: Option<AudioLevel>,
    /// RFC 6464 voice flag where the sender set it.
    pub voice: Option<bool>,
    /// Video: the frame it belongs to, where the other end is one of ours and said so.
    pub tag: Option<FrameTag>,
    pub received: Instant,
    /// From the newest sender report of this SSRC.
    pub report: Option<SenderReport>,
    /// It came as a retransmission.
    pub resent: bool,
}

/// Which wall-clock moment of the sender an RTP timestamp stands for (RFC 3550 §6.4.1). All streams of a sender are on
/// one clock, so these mappings bring its audio and video together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// Microseconds since 1970 on the sender's clock.
    pub ntp_micros: u64,
    pub timestamp: u32,
}

/// Why a packet was not taken for sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("no such line or layer, or it does not send")]
    NoLine,
    #[error("the codec was not negotiated on this line")]
    NoCodec,
    /// Media from before would only be late.
    #[error("the peer connection is not up yet")]
    NotConnected,
    #[error("the peer connection is over")]
    Closed,
    /// A number is never sealed twice: two packets would share a nonce.
    #[error("the sequence number was used before, or is too old to know")]
    Repeated,
}
