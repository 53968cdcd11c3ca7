//! What a client says.

use crate::{ClientKind, Layer, Reaction};
use confab_base::{MeetingId, ParticipantId, Source, TrackId, VideoCodec};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One message of a client. `id` is chosen by the client, rises by at least one per message on a connection, and
/// comes back in the [`crate::ServerMessage::Reply`] or [`crate::ServerMessage::Error`] that answers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ClientMessage {
    pub id: u32,
    pub body: Request,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// First message on every connection, exactly once. Answered by `welcome` or `refused`.
    Hello(Hello),
    /// A session description for peer connection number `generation`. Answered by [`crate::ReplyBody::Answer`].
    Offer(Offer),
    /// What each receive slot shall show. Replaces the earlier view as a whole.
    View {
        slots: Vec<Slot>,
        /// The most that may be sent to this client, bits per second, [`crate::MIN_VIEW_BITRATE`] or more: pictures get what
        /// sound leaves of it. Absent: as much as the link carries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        max_bitrate: Option<u64>,
    },
    /// Mute or unmute an own source. While it is muted the server drops its media.
    Mute {
        source: Source,
        muted: bool,
    },
    /// Stop publishing an own source: its track goes away for all.
    Unpublish {
        source: Source,
    },
    Hand {
        raised: bool,
    },
    Reaction {
        reaction: Reaction,
    },
    Chat {
        text: String,
        /// Unique per message of this client, 1 to [`crate::MAX_CLIENT_ID`] ASCII characters: sending it again after
        /// a cut is the same message.
        client_id: String,
    },
    Rename {
        name: String,
    },
    /// Hosts only: mute somebody's source. Nobody can unmute somebody else.
    HostMute {
        participant: ParticipantId,
        source: Source,
    },
    /// Hosts only: mute the microphones of all but hosts.
    HostMuteAll,
    /// Hosts only: lower somebody's hand.
    HostLowerHand {
        participant: ParticipantId,
    },
    /// Hosts only: out of the meeting; the participant's token is revoked.
    HostRemove {
        participant: ParticipantId,
    },
    /// Hosts only: while locked, nobody new gets in; people with a seat come back.
    HostLock {
        locked: bool,
    },
    /// Hosts only: put somebody large before everyone, in the place of who was there; absent: nobody.
    HostSpotlight {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        participant: Option<ParticipantId>,
    },
    /// Hosts only: the meeting ends for all, and its links end with it.
    HostEnd,
    /// How well this participant hears the others: after a change, at most every five seconds, and at every full minute.
    Listening(Listening),
    /// What to do about the device that is live in the sender's place; see [`crate::Participant::same_room`].
    SameRoom {
        choice: SameRoomChoice,
    },
    /// Ask for the events after `last_seq`. Answered by [`crate::ReplyBody::CatchUp`].
    Resync {
        #[ts(type = "number")]
        last_seq: u64,
    },
    /// Answered by [`crate::ReplyBody::Pong`]. Sent every [`crate::PING_INTERVAL_MS`].
    Ping,
    /// Leave for good: the seat is given up and the token is worth nothing.
    Leave,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Hello {
    /// The highest version the client speaks: [`crate::VERSION`].
    pub protocol: u16,
    #[ts(type = "string")]
    pub meeting: MeetingId,
    /// Display name, 1 to [`crate::MAX_NAME`] characters after trimming. Ignored on resume.
    pub name: String,
    pub client: ClientKind,
    /// Free text for logs, at most 120 characters: name and version of the client.
    #[serde(default)]
    pub agent: String,
    /// The secret of the host link, where the client has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub host_key: Option<String>,
    /// Present to take one's seat again after a cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub resume: Option<Resume>,
    /// Video codecs the client decodes, best first.
    pub decodes: Vec<VideoCodec>,
}

impl std::fmt::Debug for Hello {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("protocol", &self.protocol)
            .field("meeting", &self.meeting)
            .field("client", &self.client)
            .field("agent", &self.agent)
            .field("host_key", &self.host_key.is_some())
            .field("resume", &self.resume.as_ref().map(|r| r.participant))
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Resume {
    pub participant: ParticipantId,
    /// The secret from the last `welcome`.
    pub token: String,
    /// The last sequence number applied.
    #[ts(type = "number")]
    pub last_seq: u64,
}

impl std::fmt::Debug for Resume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Resume({}, token hidden, after {})",
            self.participant, self.last_seq
        )
    }
}

/// A listener's account of breaks in speech. A stall is a gap of 200 ms and more in a voice that somebody could be heard by;
/// a minute is fluent with at most 30 thousandths of it in stalls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Listening {
    /// Thousandths of the last 60 seconds that were stalled, 0 to 1000.
    pub stalled_permille: u16,
    /// Whole minutes in which somebody could be heard, since the client began to count.
    pub minutes: u32,
    /// Of these, those that were fluent.
    pub fluent_minutes: u32,
}

/// What somebody wants whose device is silent for another one in the same room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SameRoomChoice {
    /// This device is to be the live one.
    UseMine,
    /// It is in no room with others: it is left out for the rest of the meeting.
    Apart,
}

/// The client always offers, the server always answers.
///
/// A higher `generation` than before means a new peer connection: the server drops the old one. The same
/// generation renegotiates the existing one. A lower one is [`confab_base::Code::StaleGeneration`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Offer {
    pub generation: u32,
    pub sdp: String,
    /// All sending m-lines of the SDP and what they carry. A source that was published and is missing here is unpublished.
    pub publish: Vec<Publish>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Publish {
    /// The m-line's `a=mid`.
    pub mid: String,
    pub source: Source,
    /// Video encodings, lowest first, 1 to 3; empty for audio.
    #[serde(default)]
    pub layers: Vec<Layer>,
}

/// One receiving m-line of the client (a=recvonly) and the track it shall carry. The server may move a slot from
/// track to track without renegotiation: SSRC, sequence numbers and timestamps go on without a break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Slot {
    pub mid: String,
    /// Absent: nothing is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub track: Option<TrackId>,
    /// Height in pixels at which a video is shown; the server sends the smallest layer that fills it, or less where
    /// the link is short. 0: paused. Ignored for audio.
    #[serde(default)]
    pub max_height: u16,
}
