//! Sequence-numbered room events. Every participant gets the same events with the same numbers.

use crate::{
    Agenda, Breakout, ChatMessage, Floor, Participant, Place, Policy, Poll, Presence, Question,
    Role, Track,
};
use confab_base::{FileId, ParticipantId, Source, TrackId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One event with its place in the meeting's order. Numbers rise by one, without gaps, for the meeting's life,
/// over restarts of the server too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Sequenced {
    #[ts(type = "number")]
    pub seq: u64,
    /// Server time, milliseconds since 1970.
    #[ts(type = "number")]
    pub at: u64,
    pub event: Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    ThumbsUp,
    Clap,
    Heart,
    Laugh,
    Surprise,
    Celebrate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// Left by its own will.
    Left,
    /// Did not come back within [`crate::SEAT_KEPT_MS`].
    Lost,
    /// A host removed it.
    Removed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    ParticipantJoined {
        participant: Participant,
    },
    ParticipantLeft {
        participant: ParticipantId,
        reason: LeaveReason,
    },
    PresenceChanged {
        participant: ParticipantId,
        presence: Presence,
    },
    Renamed {
        participant: ParticipantId,
        name: String,
    },
    RoleChanged {
        participant: ParticipantId,
        role: Role,
    },
    /// `by` is who did it: the participant itself or a host.
    MuteChanged {
        participant: ParticipantId,
        source: Source,
        muted: bool,
        by: ParticipantId,
    },
    HandChanged {
        participant: ParticipantId,
        /// When it went up, milliseconds since 1970; absent: it is down.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        hand: Option<u64>,
    },
    /// A new track, or one whose codec or layers changed (same id).
    TrackPublished {
        participant: ParticipantId,
        track: Track,
    },
    TrackUnpublished {
        participant: ParticipantId,
        track: TrackId,
    },
    Chat {
        message: ChatMessage,
    },
    /// The file of the message with this number can't be had any more. It stays in the message, as `removed`.
    FileRemoved {
        #[ts(type = "number")]
        message: u64,
        file: FileId,
        by: ParticipantId,
    },
    Reacted {
        participant: ParticipantId,
        reaction: Reaction,
    },
    LockChanged {
        locked: bool,
        by: ParticipantId,
    },
    /// Who is to be shown large by everybody; none: nobody any more. Who leaves is not in the spotlight any more
    /// either, without this event.
    SpotlightChanged {
        participants: Vec<ParticipantId>,
        by: ParticipantId,
    },
    /// Who shows the whiteboard to everybody; absent: nobody any more. It also ends when they leave, without this event.
    BoardPresented {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        participant: Option<ParticipantId>,
        by: ParticipantId,
    },
    /// Another device is live in the participant's place, or none any more (absent).
    SameRoomChanged {
        participant: ParticipantId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        live: Option<ParticipantId>,
    },
    PolicyChanged {
        policy: Policy,
        by: ParticipantId,
    },
    /// A host asks somebody to unmute. Only that one can.
    UnmuteAsked {
        participant: ParticipantId,
        source: Source,
        by: ParticipantId,
    },
    /// The floor as it is now; absent: it is not controlled any more. Who leaves lets go of it by an event of its own.
    FloorChanged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        floor: Option<Floor>,
    },
    /// A new question, or one that was voted for or answered (same id).
    QuestionChanged {
        question: Question,
    },
    QuestionDismissed {
        question: u32,
    },
    /// A new poll, or one that was voted in or closed (same id).
    PollChanged {
        poll: Poll,
    },
    PollRemoved {
        poll: u32,
    },
    /// The agenda as it is now; absent: there is none any more.
    AgendaChanged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        agenda: Option<Agenda>,
    },
    SeatOrderChanged {
        participants: Vec<ParticipantId>,
    },
    /// The breakout rooms as they are now; absent: there are none any more.
    BreakoutChanged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        breakout: Option<Breakout>,
    },
    /// These are in other rooms now, or assigned to others. Who comes to another room asks for no help any more.
    Placed {
        places: Vec<Place>,
    },
    HelpChanged {
        participant: ParticipantId,
        /// When it asked a host to come, milliseconds since 1970; absent: not any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        help: Option<u64>,
    },
    /// The meeting is over for all; the server closes the connection after it. `by` is 0 where no participant, but who looks after
    /// the server ended it.
    Ended {
        by: ParticipantId,
    },
}
