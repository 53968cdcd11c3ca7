//! Sequence-numbered room events. Every participant gets the same events with the same numbers.

use crate::{ChatMessage, Participant, Presence, Role, Track};
use confab_base::{ParticipantId, Source, TrackId};
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
    Reacted {
        participant: ParticipantId,
        reaction: Reaction,
    },
    LockChanged {
        locked: bool,
        by: ParticipantId,
    },
    /// Who is to be shown large by everybody; absent: nobody any more. Who leaves is not in the spotlight any more
    /// either, without this event.
    SpotlightChanged {
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
    /// The meeting is over for all; the server closes the connection after it.
    Ended {
        by: ParticipantId,
    },
}
