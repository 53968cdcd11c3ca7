//! What the meeting asks of the media side, and what the media side tells the meeting. The shell carries these between
//! [`crate::Room`] and the forwarding unit; neither knows the other.

use crate::LinkSample;
use confab_base::{Bitrate, ParticipantId, TrackId, VideoCodec, VoiceLoss};
use confab_protocol::{Code, LayersWanted, ParticipantQuality, Publish, Slot, SlotState};

/// From the meeting to the forwarding unit.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaCommand {
    /// Answer this session description. A `generation` above the one held replaces the participant's peer connection.
    /// Tracks of the participant that are not in `publish` are gone.
    Offer {
        participant: ParticipantId,
        /// Comes back in the answer.
        ticket: u64,
        generation: u32,
        sdp: String,
        publish: Vec<PublishedLine>,
        decodes: Vec<VideoCodec>,
    },
    View {
        participant: ParticipantId,
        slots: Vec<Slot>,
        /// The most the participant wants to be sent; `None`: as much as its link carries.
        most: Option<Bitrate>,
    },
    /// The participant is in this breakout room now, or in the main room (0): only people of one room are listened for together.
    Group {
        participant: ParticipantId,
        group: u32,
    },
    /// While muted, the track's packets are dropped at the door.
    Mute {
        track: TrackId,
        muted: bool,
    },
    Unpublish {
        track: TrackId,
    },
    /// The participant says how much of its last minute of listening was stalled, in thousandths.
    Listening {
        participant: ParticipantId,
        stalled_permille: u16,
    },
    /// The participant is gone: drop its peer connection and tracks.
    Drop {
        participant: ParticipantId,
    },
    /// The meeting is over.
    Close,
}

/// A sending m-line of a client with the track id the room gave it and whether it is muted now.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedLine {
    pub track: TrackId,
    pub muted: bool,
    pub publish: Publish,
}

/// From the forwarding unit to the meeting.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// `codecs` names the negotiated codec of each published video track.
    Answer {
        participant: ParticipantId,
        ticket: u64,
        generation: u32,
        sdp: String,
        codecs: Vec<(TrackId, VideoCodec)>,
    },
    OfferFailed {
        participant: ParticipantId,
        ticket: u64,
        generation: u32,
        code: Code,
        message: String,
    },
    /// ICE and DTLS of a peer connection are through. For those who watch: in the room nothing changes.
    Connected {
        participant: ParticipantId,
    },
    /// The peer connection died: ICE timed out, DTLS failed, the worker dropped it.
    Lost {
        participant: ParticipantId,
        generation: u32,
    },
    Speakers(Vec<ParticipantId>),
    Quality(Vec<ParticipantQuality>),
    /// How everybody's way is, every few seconds.
    Links(Vec<LinkSample>),
    /// All pairs of participants whose microphones hear the same room.
    SameRoom(Vec<(ParticipantId, ParticipantId)>),
    Slots {
        participant: ParticipantId,
        slots: Vec<SlotState>,
    },
    /// The sender of a video track went over to another of the codecs agreed on.
    Codec {
        participant: ParticipantId,
        track: TrackId,
        codec: VideoCodec,
    },
    /// Which layers of their video track somebody receives or could.
    LayersWanted {
        participant: ParticipantId,
        wanted: LayersWanted,
    },
    /// What is lost of their voice.
    VoiceLoss {
        participant: ParticipantId,
        loss: VoiceLoss,
    },
}
