//! Packets between the stages and whoever carries them over the network; the network's own words stay outside.

use confab_base::{AudioLevel, FrameTag, Reference, Source, Time, VideoCodec};
use std::sync::Arc;

/// An RTP packet for the network.
#[derive(Clone, Debug)]
pub struct SentPacket {
    /// `None`: sound.
    pub codec: Option<VideoCodec>,
    /// Rises by one per packet of this source and layer, from a start below 32768.
    pub seq: u64,
    /// RTP timestamp: 48 kHz for audio, 90 kHz for video.
    pub timestamp: u32,
    /// Last packet of a picture; first packet of speech for audio.
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// The payload carries copies of earlier frames, too (RED, RFC 2198).
    pub red: bool,
    pub audio_level: Option<AudioLevel>,
    /// Somebody speaks in this packet.
    pub voice: bool,
    /// Video: the frame it belongs to, where that could be said.
    pub tag: Option<FrameTag>,
    /// The moment `timestamp` stands for.
    pub captured: Time,
}

/// The way to the network. Called on the media threads: must not block; what finds no room is dropped there and counted.
pub trait Network: Send + Sync {
    /// The packets of one picture, or one audio packet. `layer`: index of the simulcast layer, lowest first; 0 for audio
    /// and single-layer video.
    fn send(&self, source: Source, layer: usize, packets: Vec<SentPacket>);

    /// The decoder of this video slot cannot go on without a key frame.
    fn request_keyframe(&self, slot: usize);

    /// What this video slot has, by the numbers of its packets: the sender may go on from it. For networks that carry it.
    fn refer(&self, _slot: usize, _reference: Reference) {}
}

/// An RTP packet from the network, for one receive slot.
#[derive(Clone, Debug)]
pub struct ReceivedPacket {
    /// `None`: sound.
    pub codec: Option<VideoCodec>,
    /// Extended sequence number.
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// The payload carries copies of earlier frames, too (RED, RFC 2198).
    pub red: bool,
    pub audio_level: Option<AudioLevel>,
    /// Video of one of our own: the frame it belongs to.
    pub tag: Option<FrameTag>,
    pub received: Time,
    /// From the sender's newest report: microseconds since 1970 on its clock, and the RTP timestamp of that moment.
    pub report: Option<(u64, u32)>,
}
