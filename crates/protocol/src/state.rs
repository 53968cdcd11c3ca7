//! The room's state as clients see it.

use crate::{Policy, SharedFile, Tools};
use confab_base::{MeetingId, ParticipantId, Source, TrackId, VideoCodec};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Came by the link alone.
    Guest,
    /// Has an account on this server.
    Participant,
    /// May do what a host may, but make hosts, touch one, or end the meeting.
    CoHost,
    Host,
}

impl Role {
    /// Host or co-host.
    pub const fn moderates(self) -> bool {
        matches!(self, Role::CoHost | Role::Host)
    }
}

/// What kind of client a participant uses; shown to others, trusted for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    Browser,
    Desktop,
    Headless,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The signaling connection is up.
    Connected,
    /// The signaling connection was lost; the seat is kept for [`crate::SEAT_KEPT_MS`].
    Reconnecting,
}

/// One simulcast encoding of a video track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Layer {
    /// The RTP stream id (RFC 8852): `q`, `h` or `f`, lowest first. Empty for a track without simulcast.
    pub rid: String,
    /// Nominal size in pixels; the stream may be smaller for a while.
    pub width: u16,
    pub height: u16,
    /// The most the sender will spend on it, bits per second.
    #[ts(type = "number")]
    pub max_bitrate: u64,
}

/// A published track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Track {
    pub id: TrackId,
    pub source: Source,
    /// The negotiated video codec; absent for audio, which is always Opus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub codec: Option<VideoCodec>,
    /// Video encodings, lowest first; empty for audio.
    pub layers: Vec<Layer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Participant {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub client: ClientKind,
    pub presence: Presence,
    /// Sources whose media the server drops: the participant's own mute or a host's. Everyone starts with
    /// microphone and camera muted.
    pub muted: Vec<Source>,
    /// When the hand went up, milliseconds since 1970; absent when it is down. Sort by it for the order of hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub hand: Option<u64>,
    /// Who is live in this one's place, as their microphones hear the same room: this one's microphone sends nothing and its
    /// loudspeaker plays nothing. Absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub same_room: Option<ParticipantId>,
    /// The breakout room it is in, by its number from 1; absent: the main room. Who is in another room can neither be heard nor
    /// seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub room: Option<u32>,
    /// The breakout room it is assigned to; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub assigned: Option<u32>,
    /// Since when it asks for a host to come to its breakout room, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub help: Option<u64>,
    pub tracks: Vec<Track>,
    /// Video codecs this participant can decode.
    pub decodes: Vec<VideoCodec>,
    /// Milliseconds since 1970.
    #[ts(type = "number")]
    pub joined_at: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ChatMessage {
    /// Unique in the meeting, rising.
    #[ts(type = "number")]
    pub id: u64,
    pub from: ParticipantId,
    /// The sender's name when it was sent; the sender may be gone.
    pub name: String,
    /// Empty only where there are files.
    pub text: String,
    /// Files that go with it, at most [`crate::MAX_MESSAGE_FILES`]. Who may read the message may have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<SharedFile>>", optional)]
    pub files: Vec<SharedFile>,
    /// Whom it is for; absent: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub to: Option<Audience>,
    /// Who was in the room it was said in, where it is for a `room`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<ParticipantId>>", optional)]
    pub present: Vec<ParticipantId>,
    /// Server time, milliseconds since 1970.
    #[ts(type = "number")]
    pub at: u64,
    /// The id the sending client chose, so that a repeated send is one message.
    pub client_id: String,
}

/// Whom a chat message is for, where it is not for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Audience {
    /// One person, and who wrote it.
    Person { participant: ParticipantId },
    /// Hosts and co-hosts, and who wrote it.
    Hosts,
    /// Those in one room while breakout rooms are open, by its number; 0: the main room.
    Room { room: u32 },
    /// Everybody, whatever room they are in. From hosts only.
    Everyone,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Meeting {
    #[ts(type = "string")]
    pub id: MeetingId,
    pub title: String,
    pub locked: bool,
    /// Whom a host put large before everyone, in that order; absent: nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(optional, as = "Option<Vec<ParticipantId>>")]
    pub spotlights: Vec<ParticipantId>,
    /// Who shows the whiteboard to everybody; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub board: Option<ParticipantId>,
    /// Absent: the default, by which nobody waits and everybody may do everything.
    #[serde(default, skip_serializing_if = "is_default")]
    #[ts(optional, as = "Option<Policy>")]
    pub policy: Policy,
    /// When the first participant joined, milliseconds since 1970.
    #[ts(type = "number")]
    pub started_at: u64,
}

/// The whole room at sequence number `seq`: applying events `seq + 1 …` to it keeps it true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Snapshot {
    #[ts(type = "number")]
    pub seq: u64,
    pub meeting: Meeting,
    /// In the order of ids.
    pub participants: Vec<Participant>,
    /// Oldest first, the last [`crate::MAX_CHAT_HISTORY`].
    pub chat: Vec<ChatMessage>,
    /// Absent: none is in use.
    #[serde(default, skip_serializing_if = "is_default")]
    #[ts(optional, as = "Option<Tools>")]
    pub tools: Tools,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
