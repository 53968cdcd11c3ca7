//! What goes into the forwarder and what comes out.

use crate::allocate::THINNINGS;
use confab_base::{
    AudioLevel, Bitrate, Duration, FrameTag, Limited, MediaKind, ParticipantId, QualityLevel,
    Source, Time, TrackId, VideoCodec, VoiceLoss,
};
use confab_rtp::vp8;
use std::sync::Arc;

/// Settings of one meeting's forwarder.
#[derive(Clone, Debug)]
pub struct ForwardConfig {
    /// A receiver's budget until its first estimate arrives.
    pub start_estimate: Bitrate,
    /// Drawn by the shell; from it come the first sequence number and timestamp of each slot.
    pub seed: u64,
}

impl Default for ForwardConfig {
    fn default() -> ForwardConfig {
        ForwardConfig {
            start_estimate: Bitrate::kbps(1500),
            seed: 0x5eed,
        }
    }
}

/// One simulcast encoding of a published video track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerSpec {
    /// Nominal height, pixels.
    pub height: u16,
    /// The most the sender will spend on it; what it costs while nothing was measured yet.
    pub max_bitrate: Bitrate,
}

/// One receiving m-line and what it shall carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSpec {
    /// The shell's number of the m-line, unique per participant, below 1024.
    pub slot: u16,
    pub kind: MediaKind,
    pub track: Option<TrackId>,
    /// Height at which a video is shown, pixels; 0: paused. Ignored for audio.
    pub max_height: u16,
    /// Audio: the payload type of plain frames, where the line takes copies of them, too (RED, RFC 2198).
    pub red: Option<u8>,
}

/// A media packet of a publisher.
#[derive(Clone, Debug)]
pub struct RtpIn {
    /// Extended sequence number, continuous per layer.
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// The payload is RED.
    pub red: bool,
    pub audio_level: Option<AudioLevel>,
    /// The sender's own voice detection (RFC 6464's V bit).
    pub voice: bool,
    /// Video of one of our own: the frame it belongs to.
    pub tag: Option<FrameTag>,
}

impl RtpIn {
    /// The temporal layer of its frame, 0 the base, where it says so: in its tag, or in VP8's descriptor (RFC 7741). Those above the
    /// highest that is told apart here count as that one.
    pub(crate) fn temporal(&self, codec: Option<VideoCodec>) -> Option<u8> {
        let vp8 = || {
            let is_vp8 = codec == Some(VideoCodec::Vp8);
            let descriptor = is_vp8.then(|| vp8::Descriptor::parse(&self.payload));
            descriptor.flatten()?.temporal
        };
        let said = self.tag.map(|tag| tag.temporal).or_else(vp8);
        said.map(|temporal| temporal.min(THINNINGS as u8 - 1))
    }
}

/// A media packet for a receiver's slot. The payload is shared with all other receivers, except where VP8's picture
/// ids had to be rewritten, and where frames are copied for the receiver.
#[derive(Clone, Debug)]
pub struct RtpOut {
    /// Extended sequence number; a slot's first is below 32768, so that receivers start with roll-over counter 0.
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// The payload is RED, made for this receiver.
    pub red: bool,
    pub audio_level: Option<AudioLevel>,
    pub voice: bool,
    /// As it came.
    pub tag: Option<FrameTag>,
}

/// How a participant's link does, told about once a second by the shell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkHealth {
    /// Share of packets lost on the way from the participant, 0 to 1.
    pub loss_up: f32,
    /// Share of packets lost on the way to the participant, 0 to 1.
    pub loss_down: f32,
    /// And how many packets of one voice in a row, in the mean, where that is known.
    pub burst_down: Option<f32>,
    /// The longest that packets waited in queues on the way to it over the last seconds; zero where that is not known.
    pub queued_down: Duration,
    pub rtt: Option<Duration>,
    /// When anything at all was last heard from it: media, RTCP, ICE checks.
    pub heard: Time,
}

#[derive(Clone, Debug)]
pub enum Input {
    /// A participant that may receive. Joining again changes what it decodes.
    Join {
        participant: ParticipantId,
        decodes: Vec<VideoCodec>,
    },
    /// The participant is gone with its tracks and slots.
    Leave {
        participant: ParticipantId,
    },
    /// The participant speaks in this group from now on. All begin in group 0. Views may name tracks of any group: whoever makes
    /// them sees to that.
    Group {
        participant: ParticipantId,
        group: u32,
    },
    /// The participant has a new peer connection: its slots start anew, and so do its estimate and sent layers.
    NewLeg {
        participant: ParticipantId,
    },
    /// A new track, or a known one with other codec or layers. `codec` is `None` for audio, `layers` lowest first.
    Publish {
        participant: ParticipantId,
        track: TrackId,
        source: Source,
        codec: Option<VideoCodec>,
        layers: Vec<LayerSpec>,
    },
    Unpublish {
        track: TrackId,
    },
    /// The sender's numbering starts anew: a new peer connection publishes the same track.
    Restarted {
        track: TrackId,
    },
    Mute {
        track: TrackId,
        muted: bool,
    },
    /// Replaces the participant's whole view; slots not in it are empty.
    View {
        participant: ParticipantId,
        slots: Vec<SlotSpec>,
    },
    /// The most the participant wants to be sent, until it has a new peer connection; `None`: as much as its link carries. Sound
    /// is sent whatever it says.
    Cap {
        participant: ParticipantId,
        most: Option<Bitrate>,
    },
    Packet {
        track: TrackId,
        layer: u8,
        packet: RtpIn,
    },
    /// The receiver asks for a key frame in a slot.
    KeyframeRequest {
        participant: ParticipantId,
        slot: u16,
    },
    /// The receiver has decoded the base frame in a slot whose first packet went out with this number (its low 32 bits), and what it
    /// builds on; `is_stuck`: and can decode nothing after it.
    Reference {
        participant: ParticipantId,
        slot: u16,
        seq: u32,
        is_stuck: bool,
    },
    /// What the way to the receiver carries, all streams together.
    Estimate {
        participant: ParticipantId,
        bitrate: Bitrate,
    },
    Health {
        participant: ParticipantId,
        health: LinkHealth,
    },
    /// The participant says how much of its last minute of listening was stalled, in thousandths.
    Listening {
        participant: ParticipantId,
        stalled_permille: u16,
    },
    /// The time of [`crate::Forwarder::next_wakeup`] has come.
    Wakeup,
}

#[derive(Clone, Debug)]
pub enum Output {
    Send {
        participant: ParticipantId,
        slot: u16,
        packet: RtpOut,
    },
    /// Ask the publisher of the track for a key frame in this layer.
    RequestKeyframe { track: TrackId, layer: u8 },
    /// All who are sent this layer have decoded its base frame that begins with this packet of the publisher's.
    Acknowledged { track: TrackId, layer: u8, seq: u64 },
    /// The same, and one of them can decode nothing that came since: the publisher is to go on from a frame that was acknowledged.
    Recover { track: TrackId, layer: u8, seq: u64 },
    /// Who speaks, loudest first, the groups one after the other; each at most five times a second.
    Speakers(Vec<ParticipantId>),
    /// All pairs of participants whose microphones hear the same room, the lower id first, when they change; at most once a
    /// second but for those who leave.
    SameRoom(Vec<(ParticipantId, ParticipantId)>),
    /// Levels that changed; at most once a second.
    Quality(Vec<(ParticipantId, QualityLevel)>),
    /// What is lost of this participant's voice; at most once a second.
    VoiceLoss {
        participant: ParticipantId,
        loss: VoiceLoss,
    },
    /// Which layers of this participant's video somebody receives or could, the lowest first, where it was others before; until the
    /// first time all. Coding the rest is work for nothing.
    LayersWanted {
        participant: ParticipantId,
        track: TrackId,
        layers: Vec<u8>,
    },
    /// What the slot carries changed.
    SlotState {
        participant: ParticipantId,
        state: SlotState,
    },
    /// What the receiver's view would take at best, no more than its cap: a hint for bandwidth probing.
    Desired {
        participant: ParticipantId,
        bitrate: Bitrate,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotState {
    pub slot: u16,
    pub track: Option<TrackId>,
    /// Nominal height of the layer being sent, pixels; 0: nothing is sent, or it is audio.
    pub height: u16,
    pub limited: Limited,
}
