//! What hosts decide about a meeting: who waits, and what those who are no hosts may do.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A meeting's rules. Hosts may change them while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Policy {
    pub lobby: LobbyPolicy,
    pub absent_host: AbsentHost,
    pub permissions: Permissions,
}

/// Who waits until a host admits them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LobbyPolicy {
    #[default]
    Off,
    /// Those without an account.
    Guests,
    /// Everyone but hosts.
    Everyone,
}

/// What happens to those who come while neither host nor co-host is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum AbsentHost {
    /// They wait for one.
    Wait,
    /// The first of them gets in, and is co-host.
    FirstOpens,
    /// They get in, whatever the lobby says.
    #[default]
    Anyone,
}

/// What those may do who are neither host nor co-host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Permissions {
    /// Share a screen.
    pub share: bool,
    /// Write to everybody and to each other; to hosts one may always write.
    pub chat: bool,
    /// Unmute the own microphone; who is asked to by a host may do so once.
    pub unmute: bool,
    pub reactions: bool,
    /// Draw on the whiteboard; who may not looks on. Absent: they may.
    #[serde(default = "may")]
    pub draw: bool,
}

impl Default for Permissions {
    fn default() -> Permissions {
        Permissions {
            share: true,
            chat: true,
            unmute: true,
            reactions: true,
            draw: true,
        }
    }
}

fn may() -> bool {
    true
}
