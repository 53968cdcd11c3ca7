//! What the server says.

use crate::{Sequenced, Snapshot};
use confab_base::{Code, Limited, ParticipantId, QualityLevel, TrackId, VoiceLoss};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The client is in. Answers `hello`.
    Welcome(Welcome),
    /// The client is not in. Answers `hello`, or anything said before it; the server closes the connection after it.
    Refused { code: Code, message: String },
    /// A request succeeded.
    Reply { id: u32, body: ReplyBody },
    /// A request failed. The connection stays.
    Error {
        id: u32,
        code: Code,
        message: String,
    },
    /// Something happened in the room.
    Event(Sequenced),
    /// Who speaks, loudest first; sent when it changes, at most five times a second. Not sequenced.
    Speakers { participants: Vec<ParticipantId> },
    /// Connection quality per participant; sent when it changes, at most once a second. Not sequenced.
    Quality { levels: Vec<ParticipantQuality> },
    /// What the server sends in the receive slots now; sent when it changes. Not sequenced.
    Slots { slots: Vec<SlotState> },
    /// What is lost of the receiver's own voice; sent when a part of it changes by 5 or more, at most once a second. Not sequenced.
    VoiceLoss(VoiceLoss),
    /// Which layers of an own video somebody receives or could; sent when it changes. Not sequenced.
    LayersWanted(LayersWanted),
    /// The peer connection of `generation` is gone on the server's side: offer a new one.
    MediaLost { generation: u32 },
    /// The server closes the connection, because of `code`. [`Code::is_final`] tells whether to come back.
    Bye { code: Code, message: String },
}

#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Welcome {
    /// The version both speak from now on.
    pub protocol: u16,
    pub you: ParticipantId,
    /// The secret to take this seat again; new with every welcome, the older one stops working once this is used.
    pub token: String,
    /// Whether this continues an earlier seat.
    pub resumed: bool,
    /// The generation of the peer connection the server still holds for this seat; 0: none, offer a new one.
    pub media_generation: u32,
    pub catch_up: CatchUp,
    /// Server time, milliseconds since 1970.
    #[ts(type = "number")]
    pub server_time: u64,
}

impl std::fmt::Debug for Welcome {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Welcome")
            .field("you", &self.you)
            .field("resumed", &self.resumed)
            .field("media_generation", &self.media_generation)
            .finish_non_exhaustive()
    }
}

/// Which simulcast layers of an own video track are worth coding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LayersWanted {
    pub track: TrackId,
    /// Places in the track's `layers`, rising; none: nobody looks.
    pub layers: Vec<u8>,
}

/// How a client's picture of the room becomes true again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CatchUp {
    /// Replace everything.
    Snapshot { snapshot: Snapshot },
    /// Apply these, in order; they follow the client's `last_seq`.
    Events { events: Vec<Sequenced> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReplyBody {
    /// Done; what followed from it comes as events.
    Done,
    Answer {
        generation: u32,
        sdp: String,
    },
    CatchUp {
        catch_up: CatchUp,
    },
    Pong {
        /// Server time, milliseconds since 1970.
        #[ts(type = "number")]
        server_time: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ParticipantQuality {
    pub participant: ParticipantId,
    pub level: QualityLevel,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SlotState {
    pub mid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub track: Option<TrackId>,
    /// Height of the layer being sent, pixels; 0: nothing is sent.
    pub height: u16,
    /// Why less is sent than the view asked for.
    pub limited: Limited,
}
