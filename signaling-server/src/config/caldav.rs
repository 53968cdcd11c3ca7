//! `[caldav]`: where people's own calendars may be.

use super::load::{Fault, fault};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaldavConfig {
    /// Also on this machine and in its networks, and without TLS.
    pub private: bool,
    /// PEM of the authorities that signed the calendar servers' certificates. Absent: the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Until the first new try, 1 to 3600; then twice as long each time.
    pub retry_seconds: u32,
}

impl Default for CaldavConfig {
    fn default() -> CaldavConfig {
        CaldavConfig {
            private: false,
            ca: None,
            retry_seconds: 60,
        }
    }
}

impl CaldavConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.retry_seconds {
            1..=3600 => Ok(()),
            _ => fault("caldav.retry_seconds", "takes 1 to 3600"),
        }
    }
}
