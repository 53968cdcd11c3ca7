//! Bodies of `/api/v1/account/calendar`: the calendar an account's meetings are pushed to (CalDAV). Times are milliseconds since
//! 1970. The password travels one way.

use confab_base::Code;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `GET /api/v1/account/calendar`, and the answer to whatever changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OwnCalendar {
    /// Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub connected: Option<ConnectedCalendar>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ConnectedCalendar {
    /// As it was given.
    pub url: String,
    pub user: String,
    /// The calendar's name, and where it is.
    pub name: String,
    pub calendar: String,
    /// All calendars that were found there.
    pub choices: Vec<CalendarChoice>,
    pub state: CalendarState,
    /// Why not, with `failing` and `stopped`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub error: Option<Code>,
    /// When the calendar last had everything; absent: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub pushed_at: Option<u64>,
    /// The next try, with `failing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub retry_at: Option<u64>,
    /// Events of this server's there.
    pub events: u32,
    /// Events their owner changed or took away there; they are left alone.
    pub changed: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CalendarChoice {
    pub name: String,
    pub url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CalendarState {
    /// Connected, and not yet written to.
    Waiting,
    Fine,
    /// It is tried again by itself.
    Failing,
    /// Only its owner can mend it: a wrong password is not tried again and again.
    Stopped,
}

/// `PUT /api/v1/account/calendar`. Tried before it is kept.
#[derive(Clone, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ConnectCalendar {
    /// Of the calendar, of its server, or a mail address whose domain says more (RFC 6764).
    pub url: String,
    pub user: String,
    /// Absent: the one that is kept for this address and user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub password: Option<String>,
    /// One of `choices`; absent: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub calendar: Option<String>,
}

/// `POST /api/v1/account/calendar/push`
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, TS)]
#[serde(deny_unknown_fields, default)]
pub struct PushCalendar {
    /// Also over what its owner changed there.
    pub replace: bool,
}

impl std::fmt::Debug for ConnectCalendar {
    /// There is a secret in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectCalendar(hidden)")
    }
}
