//! Bodies of the HTTP API. Times are milliseconds since 1970.

use confab_base::{Code, MeetingId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `POST /api/v1/meetings`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CreateMeeting {
    /// At most [`crate::MAX_TITLE`] characters; empty: untitled.
    #[serde(default)]
    pub title: String,
    /// When it is planned to start; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub starts_at: Option<u64>,
    /// Planned length, minutes, 1 to 1440; absent: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub minutes: Option<u16>,
}

/// Its answer, the only place where the host key is ever told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MeetingCreated {
    #[ts(type = "string")]
    pub id: MeetingId,
    /// `<public URL>/m/<id>`
    pub guest_link: String,
    /// `<public URL>/m/<id>#host=<host key>`: the key stands behind `#`, so that no server or proxy log sees it.
    pub host_link: String,
}

impl std::fmt::Debug for MeetingCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MeetingCreated({:?})", self.id)
    }
}

/// `GET /api/v1/meetings/{id}`: what anyone with the link may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MeetingInfo {
    #[ts(type = "string")]
    pub id: MeetingId,
    pub title: String,
    pub state: MeetingState,
    #[ts(type = "number")]
    pub starts_at: u64,
    pub minutes: u16,
    pub locked: bool,
    /// Participants in it now.
    pub participants: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MeetingState {
    /// Nobody is in it yet; it can be joined.
    Open,
    /// Somebody is in it.
    Running,
    /// Ended for all; it can't be joined any more.
    Ended,
}

/// The body of every answer with an HTTP status of 400 and above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ErrorBody {
    pub code: Code,
    pub message: String,
}
