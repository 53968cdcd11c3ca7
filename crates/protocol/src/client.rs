//! What a client says.

use crate::{
    AgendaItem, Assignment, Audience, ClientKind, Layer, NewPoll, Policy, QualityReport, Reaction,
    Role,
};
use confab_base::{FileId, MeetingId, ParticipantId, Source, TrackId, VideoCodec};
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
        /// Absent: everybody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        to: Option<Audience>,
        /// What the sender uploaded to this meeting before, at most [`crate::MAX_MESSAGE_FILES`]; `text` may be empty then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(as = "Option<Vec<FileId>>", optional)]
        files: Vec<FileId>,
    },
    /// Take a file out of a chat message: for who sent it, and for hosts who may read the message.
    FileRemove {
        file: FileId,
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
    /// Hosts only: put these large before everyone, in the place of who was there; at most [`crate::MAX_SPOTLIGHTS`],
    /// each once; none: nobody.
    HostSpotlight {
        participants: Vec<ParticipantId>,
    },
    /// Show the whiteboard to everybody, or no more. Who may share a screen and draw may, if nobody else does; hosts may
    /// take it over and end it.
    BoardPresent {
        on: bool,
    },
    /// Hosts only: let somebody in from the lobby.
    HostAdmit {
        participant: ParticipantId,
    },
    /// Hosts only: let in all who wait, in their order.
    HostAdmitAll,
    /// Hosts only: turn somebody in the lobby away.
    HostDeny {
        participant: ParticipantId,
    },
    /// Hosts only: the meeting's rules from now on, as a whole.
    HostPolicy {
        policy: Policy,
    },
    /// Not for co-hosts: make somebody `host` or `co_host`, or neither any more by `participant`. Not oneself.
    HostRole {
        participant: ParticipantId,
        role: Role,
    },
    /// Hosts only: ask somebody to unmute the microphone or camera.
    HostAskUnmute {
        participant: ParticipantId,
        source: Source,
    },
    /// Hosts only: another name for somebody.
    HostRename {
        participant: ParticipantId,
        name: String,
    },
    /// Hosts only: lower all hands.
    HostLowerHands,
    /// Hosts only: from now on one person at a time has the floor, or everybody speaks again.
    HostFloor {
        on: bool,
    },
    /// Hosts only: give the floor to somebody, or take it away (absent): then the next in the queue has it.
    HostFloorPass {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        participant: Option<ParticipantId>,
    },
    /// Take the floor, or queue for it.
    FloorGrab,
    /// Let go of the floor, or leave the queue.
    FloorRelease,
    /// A question to the hosts, for all to see. `client_id` as in `chat`.
    QuestionAsk {
        text: String,
        client_id: String,
    },
    /// Want somebody else's question answered, or not any more.
    QuestionVote {
        question: u32,
        up: bool,
    },
    /// Hosts only: answered, in writing or aloud (absent).
    HostQuestionAnswer {
        question: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        text: Option<String>,
    },
    /// Hosts only: the question goes away.
    HostQuestionDismiss {
        question: u32,
    },
    /// Hosts only.
    HostPollOpen {
        poll: NewPoll,
    },
    /// Vote, in the place of an earlier vote. Places of options; none: no vote any more.
    PollVote {
        poll: u32,
        choices: Vec<u8>,
    },
    /// Hosts only: no more votes, and the results for all.
    HostPollClose {
        poll: u32,
    },
    /// Hosts only: the poll goes away.
    HostPollRemove {
        poll: u32,
    },
    /// Hosts only: what the meeting is to go through, in the place of what was; empty: nothing.
    HostAgenda {
        items: Vec<AgendaItem>,
    },
    /// Hosts only: the item that begins now, by its place; absent: none.
    HostAgendaGo {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        item: Option<u32>,
    },
    /// Hosts only: the order of seats for everyone; empty: each one's own.
    HostSeatOrder {
        participants: Vec<ParticipantId>,
    },
    /// Hosts only: the breakout rooms there are to be, in the place of what was planned; none: they are over. While they are open
    /// rooms may be added, and renamed.
    HostBreakout {
        rooms: Vec<String>,
        /// People choose their room themselves.
        choose: bool,
    },
    /// Hosts only: who is to be in which room. While they are open those are moved at once.
    HostBreakoutAssign {
        places: Vec<Assignment>,
    },
    /// Hosts only: all but hosts, who are assigned to no room, go to the rooms with the fewest.
    HostBreakoutSpread {
        /// Those who are assigned, too.
        anew: bool,
    },
    /// Hosts only: everybody goes to the room it is assigned to. While they are open: another time to close.
    HostBreakoutOpen {
        /// 1 to [`crate::MAX_BREAKOUT_MINUTES`] until all are brought back; absent: until a host closes them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        minutes: Option<u32>,
    },
    /// Hosts only: everybody is brought back after so many seconds, at most [`crate::MAX_BREAKOUT_RETURN_S`], unless it is sooner
    /// anyway.
    HostBreakoutClose {
        seconds: u32,
    },
    /// Go to a breakout room, or back to the main room (absent). Before they are open: choose one.
    BreakoutGo {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        room: Option<u32>,
    },
    /// From a breakout room: ask a host to come, or not any more.
    BreakoutHelp {
        asked: bool,
    },
    /// Hosts only: the meeting ends for all, and its links end with it.
    HostEnd,
    /// How well this participant hears the others: after a change, at most every five seconds, and at every full minute.
    Listening(Listening),
    /// How the minute went for this participant, at most one in [`crate::REPORT_INTERVAL_MS`].
    QualityReport(QualityReport),
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
    /// Where the meeting has one, and the host key is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub passcode: Option<String>,
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
