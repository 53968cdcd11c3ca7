//! What the server says.

use crate::{
    ChatMessage, LobbyPlace, OwnVote, Reaction, Sequenced, Snapshot, SpeakingTime, Waiting,
    WaitingPerson,
};
use confab_base::{Code, Limited, ParticipantId, QualityLevel, TrackId, VoiceLoss};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The client is in. Answers `hello`.
    Welcome(Welcome),
    /// The client waits to be let in. Answers `hello`.
    Waiting(Waiting),
    /// The own place in the lobby; sent when it changes.
    Place(LobbyPlace),
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
    /// Who waits, in order, for hosts and co-hosts only; sent when it changes. Not sequenced.
    Lobby { waiting: Vec<WaitingPerson> },
    /// Chat that is not for everybody, for those who may see it; ids rise. Not sequenced, and sent again after `welcome`.
    Asides { messages: Vec<ChatMessage> },
    /// A reaction, to those in the same room while breakout rooms are open. Not sequenced.
    Reacted {
        participant: ParticipantId,
        reaction: Reaction,
    },
    /// What the receiver voted in the polls there are; sent when it changes. Not sequenced.
    OwnVotes { votes: Vec<OwnVote> },
    /// How long each one spoke, of those for whom it changed; at most every 10 s. Not sequenced.
    SpeakingTimes { times: Vec<SpeakingTime> },
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
    /// The secret to take this seat again; new with every welcome, the older one stops working once this is used. Absent after
    /// `waiting`: its token stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub token: Option<String>,
    /// Whether this continues an earlier seat.
    pub resumed: bool,
    /// The generation of the peer connection the server still holds for this seat; 0: none, offer a new one.
    pub media_generation: u32,
    pub catch_up: CatchUp,
    /// Server time, milliseconds since 1970.
    #[ts(type = "number")]
    pub server_time: u64,
    /// Ways for media through firewalls: `iceServers` of a browser's peer connection. None: there are none, or they are
    /// switched off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<IceServer>>", optional)]
    pub ice_servers: Vec<IceServer>,
}

/// A TURN server: addresses of it (RFC 7065), and the credentials for them, which expire.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct IceServer {
    pub urls: Vec<String>,
    pub username: String,
    pub credential: String,
}

impl std::fmt::Debug for IceServer {
    /// Without the credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceServer({:?})", self.urls)
    }
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
#[expect(
    clippy::large_enum_variant,
    reason = "one for a connection and for each that follows a cut"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CatchUp {
    /// Replace everything.
    Snapshot { snapshot: Snapshot },
    /// Apply these, in order; they follow the client's `last_seq`.
    Events { events: Vec<Sequenced> },
}

#[expect(
    clippy::large_enum_variant,
    reason = "one for a connection and for each that follows a cut"
)]
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
