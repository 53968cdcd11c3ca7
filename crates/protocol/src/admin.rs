//! Bodies of the HTTP API for who looks after the server: `/api/v1/admin`. Times are milliseconds since 1970.

use crate::{ClientKind, Presence, Role, SignUp};
use confab_base::{MeetingId, ParticipantId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A meeting with somebody in it or before its door: of `GET /api/v1/admin/meetings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LiveMeeting {
    #[ts(type = "string")]
    pub id: MeetingId,
    /// May be empty.
    pub title: String,
    /// Mail address of the account whose meeting it is; absent: made without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub owner: Option<String>,
    /// When the first participant joined; absent: nobody has been let in yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub since: Option<u64>,
    pub locked: bool,
    /// Those who are in by their coming, then those who wait.
    pub people: Vec<LivePerson>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LivePerson {
    pub id: ParticipantId,
    pub name: String,
    pub role: Role,
    pub client: ClientKind,
    pub presence: Presence,
    /// Signed in with an account.
    pub member: bool,
    /// In the lobby.
    pub waiting: bool,
    /// When it joined, or began to wait.
    #[ts(type = "number")]
    pub since: u64,
}

/// Who may make meetings by the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CreateRule {
    Anyone,
    /// Programs with an API token.
    Token,
    /// The server's own machine.
    Loopback,
    /// Whoever is signed in.
    Account,
}

/// `GET /api/v1/admin/policy`: what the configuration says, without secrets. It is changed on the server itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ServerPolicy {
    pub create: CreateRule,
    /// API tokens there are.
    pub tokens: u32,
    pub sign_up: SignUp,
    /// After so many days one signs in again.
    pub session_days: u32,
    /// Sender of letters; absent: none are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub mail_from: Option<String>,
    /// Absent: nobody signs in by a provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub provider: Option<ProviderPolicy>,
    /// Meetings one network address may make, and entries it may try, a minute.
    pub meetings_per_minute: u32,
    pub joins_per_minute: u32,
}

/// How much the server writes to its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// As it stands in JSON and in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// `GET` and `PUT /api/v1/admin/log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ServerLog {
    pub level: LogLevel,
}

/// Signing in by OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProviderPolicy {
    pub issuer: String,
    /// Mail addresses of these domains alone may enter; empty: all.
    pub domains: Vec<String>,
    /// An account is made at the first entry.
    pub sign_up: bool,
}
