//! Who is let in at once and who may do what, as the one who plans a meeting decides; the words are those of the meeting's own
//! rules (docs/PROTOCOL.md). The room keeps to it.

use super::Plan;
use confab_protocol::{AbsentHost as RoomAbsentHost, LobbyPolicy, Policy};
use serde::{Deserialize, Serialize};

/// Who waits until a host lets them in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lobby {
    /// Nobody.
    #[default]
    Off,
    /// Whoever is not signed in.
    Guests,
    /// All but hosts.
    Everyone,
}

/// What happens to those who come while no host is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AbsentHost {
    /// They wait for one.
    Wait,
    /// The first of them gets in and leads.
    FirstOpens,
    /// They get in.
    #[default]
    Anyone,
}

/// Whose a series' whiteboards are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeriesBoards {
    /// All occurrences have the same: drawn this week, gone on with next week.
    #[default]
    Shared,
    /// Each occurrence begins with empty ones.
    Separate,
}

/// What those may do who are no hosts, when they come in. Hosts may change it while the meeting runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Permissions {
    pub(crate) share: bool,
    pub(crate) chat: bool,
    pub(crate) draw: bool,
    /// Open their own microphone.
    pub(crate) unmute: bool,
    pub(crate) reactions: bool,
}

impl Default for Permissions {
    fn default() -> Permissions {
        Permissions {
            share: true,
            chat: true,
            draw: true,
            unmute: true,
            reactions: true,
        }
    }
}

impl Plan {
    /// The rules a meeting begins with.
    pub(crate) fn policy(&self) -> Policy {
        let Permissions {
            share,
            chat,
            draw,
            unmute,
            reactions,
        } = self.permissions;
        Policy {
            lobby: match self.lobby {
                Lobby::Off => LobbyPolicy::Off,
                Lobby::Guests => LobbyPolicy::Guests,
                Lobby::Everyone => LobbyPolicy::Everyone,
            },
            absent_host: match self.absent_host {
                AbsentHost::Wait => RoomAbsentHost::Wait,
                AbsentHost::FirstOpens => RoomAbsentHost::FirstOpens,
                AbsentHost::Anyone => RoomAbsentHost::Anyone,
            },
            permissions: confab_protocol::Permissions {
                share,
                chat,
                unmute,
                reactions,
                draw,
            },
        }
    }
}
