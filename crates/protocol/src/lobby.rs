//! Waiting to be let in: what the waiting are told, and what hosts see of them.

use crate::{ClientKind, Presence};
use confab_base::ParticipantId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The client waits in the lobby. Answers `hello`; a `welcome` or `bye` follows on the same connection. Nothing of the room is in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Waiting {
    /// The version both speak from now on.
    pub protocol: u16,
    /// The id the participant will have.
    pub you: ParticipantId,
    /// The secret to take this place again, and the seat that comes of it.
    pub token: String,
    pub title: String,
    /// When the meeting is to begin, milliseconds since 1970; absent: nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub starts_at: Option<u64>,
    /// Server time, milliseconds since 1970: a countdown goes by it.
    #[ts(type = "number")]
    pub server_time: u64,
    pub place: LobbyPlace,
}

impl std::fmt::Debug for Waiting {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting")
            .field("you", &self.you)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LobbyPlace {
    /// From 1, in the order of arrival.
    pub position: u32,
    pub reason: WaitReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// No host is there yet.
    Host,
    /// A host has to say yes.
    Admission,
}

/// Somebody in the lobby, as hosts see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WaitingPerson {
    pub id: ParticipantId,
    pub name: String,
    pub client: ClientKind,
    pub presence: Presence,
    /// Has an account on this server.
    pub member: bool,
    /// Bears the name of somebody whom a host removed or turned away.
    pub turned_away: bool,
    /// Since when it waits, milliseconds since 1970.
    #[ts(type = "number")]
    pub since: u64,
}
