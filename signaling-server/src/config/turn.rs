//! `[turn]`: the relay for media through firewalls, built in.

use super::load::{Fault, fault};
use serde::{Deserialize, Serialize};

/// Relayed addresses there are for one family.
const MOST: usize = 60_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TurnConfig {
    pub enabled: bool,
    /// Of all clients together, 1 to 60000.
    pub allocations: usize,
    /// Of one participant.
    pub allocations_per_participant: usize,
}

impl Default for TurnConfig {
    fn default() -> TurnConfig {
        TurnConfig {
            enabled: true,
            allocations: 16_384,
            allocations_per_participant: 16,
        }
    }
}

impl TurnConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        for (key, value) in [
            ("turn.allocations", self.allocations),
            (
                "turn.allocations_per_participant",
                self.allocations_per_participant,
            ),
        ] {
            if !(1..=MOST).contains(&value) {
                return fault(key, "takes 1 to 60000");
            }
        }
        Ok(())
    }
}
