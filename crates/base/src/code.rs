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
    /// The meeting was cancelled; it does not take place.
    MeetingCancelled,
    /// The host locked the meeting; nobody new gets in.
    MeetingLocked,
    /// The meeting has as many participants as allowed.
    MeetingFull,
    /// The host key or the resume token is wrong.
    BadSecret,
    /// The host removed this participant; its token is worth nothing now.
    Removed,
    /// A host did not let this one in from the lobby.
    Denied,
    /// The meeting has a passcode, and none or another one was given.
    PasscodeNeeded,
    /// Too many wrong secrets from there or for this account; over HTTP `Retry-After` says how long to wait.
    TooManyTries,
    /// The same participant connected elsewhere; this connection is the older one.
    Replaced,
    /// Only a host may do this.
    NotAllowed,
    /// The participant or track named is not in this meeting.
    NotFound,
    /// Somebody else changed it first: look again, then change it.
    ChangedMeanwhile,
    /// The room is booked at that time.
    RoomTaken,
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
    /// This needs somebody who is signed in.
    SignInNeeded,
    /// No account with this address and password that may sign in.
    WrongPassword,
    /// The new password is too short or too easy.
    WeakPassword,
    /// The link of an invitation or for a new password was used, was called back or is too old.
    LinkExpired,
    /// There is an account with this mail address.
    EmailTaken,
    /// The server would be left without an owner.
    LastOwner,
    /// The sign-in provider (OpenID Connect) does not answer, or not as it should.
    ProviderUnavailable,
    /// The sign-in provider said no, or what came back from it does not hold.
    ProviderRefused,
    /// The provider knows this person, but there is no account here for them, and none is made.
    NoAccount,
    /// There is an account with this address; its owner has to sign in with it and link the provider there.
    LinkFirst,
    /// The provider's person is linked to another account, or this account to another person there.
    IdentityTaken,
    /// Without it nobody could get into the account any more.
    LastWayIn,
    /// The passkey is not known here, or its answer does not hold.
    PasskeyRefused,
    /// The address of a calendar leads where this server may not ask.
    CalendarAddress,
    /// The calendar server did not answer.
    CalendarUnreachable,
    /// The calendar server refused user name, password or writing.
    CalendarRefused,
    /// No calendar there that takes events.
    CalendarNotFound,
    /// The calendar server answered with an error of its own.
    CalendarFailed,
    /// The meeting's files, or the account's, take all the room they may.
    QuotaExceeded,
    /// The server has no room left to keep a file.
    StorageFull,
    /// There are as many of them as may be.
    TooMany,
    /// The API token does not have the scope that this operation needs.
    ScopeMissing,
    /// The address of a webhook leads where this server may not ask.
    WebhookAddress,
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
            Code::MeetingCancelled => "meeting_cancelled",
            Code::MeetingLocked => "meeting_locked",
            Code::MeetingFull => "meeting_full",
            Code::BadSecret => "bad_secret",
            Code::Removed => "removed",
            Code::Denied => "denied",
            Code::PasscodeNeeded => "passcode_needed",
            Code::TooManyTries => "too_many_tries",
            Code::Replaced => "replaced",
            Code::NotAllowed => "not_allowed",
            Code::NotFound => "not_found",
            Code::ChangedMeanwhile => "changed_meanwhile",
            Code::RoomTaken => "room_taken",
            Code::BadValue => "bad_value",
            Code::BadSdp => "bad_sdp",
            Code::StaleGeneration => "stale_generation",
            Code::Overloaded => "overloaded",
            Code::GoingAway => "going_away",
            Code::Unauthorized => "unauthorized",
            Code::SignInNeeded => "sign_in_needed",
            Code::WrongPassword => "wrong_password",
            Code::WeakPassword => "weak_password",
            Code::LinkExpired => "link_expired",
            Code::EmailTaken => "email_taken",
            Code::LastOwner => "last_owner",
            Code::ProviderUnavailable => "provider_unavailable",
            Code::ProviderRefused => "provider_refused",
            Code::NoAccount => "no_account",
            Code::LinkFirst => "link_first",
            Code::IdentityTaken => "identity_taken",
            Code::LastWayIn => "last_way_in",
            Code::PasskeyRefused => "passkey_refused",
            Code::CalendarAddress => "calendar_address",
            Code::CalendarUnreachable => "calendar_unreachable",
            Code::CalendarRefused => "calendar_refused",
            Code::CalendarNotFound => "calendar_not_found",
            Code::CalendarFailed => "calendar_failed",
            Code::QuotaExceeded => "quota_exceeded",
            Code::StorageFull => "storage_full",
            Code::TooMany => "too_many",
            Code::ScopeMissing => "scope_missing",
            Code::WebhookAddress => "webhook_address",
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
            Code::QuotaExceeded,
            Code::StorageFull,
            Code::ScopeMissing,
            Code::WebhookAddress,
            Code::Internal,
        ] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }
}
