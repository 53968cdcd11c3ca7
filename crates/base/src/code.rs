//! The one list of stable error codes at the door of UI and API. Texts may change; codes may not.

use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// A stable error code, written in snake case on the wire. Clients choose what to say by the code alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The bytes are no message of this protocol.
    BadMessage,
    /// A well-formed message of a type this version does not know.
    UnknownMessage,
    /// A message above the size limit.
    TooLarge,
    /// Too many messages in too short a time.
    TooFast,
    /// Client and server share no protocol version.
    UnsupportedVersion,
    /// The first message was no `hello`, or a second `hello` came.
    OutOfOrder,
    /// No meeting with this id.
    MeetingNotFound,
    /// The meeting was ended for all.
    MeetingEnded,
    /// The host locked the meeting; nobody new gets in.
    MeetingLocked,
    /// The meeting has as many participants as allowed.
    MeetingFull,
    /// The host key or the resume token is wrong.
    BadSecret,
    /// The host removed this participant; its token is worth nothing now.
    Removed,
    /// The same participant connected elsewhere; this connection is the older one.
    Replaced,
    /// Only a host may do this.
    NotAllowed,
    /// The participant or track named is not in this meeting.
    NotFound,
    /// A value outside its range: an empty name, a text too long, a slot that is not there.
    BadValue,
    /// The session description could not be used.
    BadSdp,
    /// An offer older than the current peer connection.
    StaleGeneration,
    /// The server cannot take more work now; try again later.
    Overloaded,
    /// The server is shutting down; connect again.
    GoingAway,
    /// The API needs a valid token for this.
    Unauthorized,
    /// The server failed. Its log knows more.
    Internal,
}

impl Code {
    /// The code as it stands on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::BadMessage => "bad_message",
            Code::UnknownMessage => "unknown_message",
            Code::TooLarge => "too_large",
            Code::TooFast => "too_fast",
            Code::UnsupportedVersion => "unsupported_version",
            Code::OutOfOrder => "out_of_order",
            Code::MeetingNotFound => "meeting_not_found",
            Code::MeetingEnded => "meeting_ended",
            Code::MeetingLocked => "meeting_locked",
            Code::MeetingFull => "meeting_full",
            Code::BadSecret => "bad_secret",
            Code::Removed => "removed",
            Code::Replaced => "replaced",
            Code::NotAllowed => "not_allowed",
            Code::NotFound => "not_found",
            Code::BadValue => "bad_value",
            Code::BadSdp => "bad_sdp",
            Code::StaleGeneration => "stale_generation",
            Code::Overloaded => "overloaded",
            Code::GoingAway => "going_away",
            Code::Unauthorized => "unauthorized",
            Code::Internal => "internal",
        }
    }

    /// Whether a client whose connection ended with this code must not try again by itself.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Code::Overloaded | Code::GoingAway | Code::Internal | Code::TooFast
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_wire_form_agree() {
        for code in [
            Code::BadMessage,
            Code::UnsupportedVersion,
            Code::StaleGeneration,
            Code::Internal,
        ] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }
}
