//! Breakout rooms: parts of one meeting whose people hear, see and read each other alone. Nobody leaves the meeting for one.

use confab_base::ParticipantId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The breakout rooms of a meeting. Who is where stands with the participants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Breakout {
    /// Names of the rooms, 1 to [`crate::MAX_BREAKOUT_ROOMS`]. A room is known by its number in this list, from 1.
    pub rooms: Vec<String>,
    /// People choose their room themselves.
    pub choose: bool,
    /// Since when people are in them, milliseconds since 1970; absent: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub opened_at: Option<u64>,
    /// When everybody will be brought back, milliseconds since 1970; absent: when a host closes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub ends_at: Option<u64>,
}

/// Where somebody is, and is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Place {
    pub participant: ParticipantId,
    /// The breakout room it is in; absent: the main room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub room: Option<u32>,
    /// The one it is assigned to; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub assigned: Option<u32>,
}

/// A host's wish for one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Assignment {
    pub participant: ParticipantId,
    /// Absent: the main room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub room: Option<u32>,
}
