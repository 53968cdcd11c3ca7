//! A CalDAV client (RFC 4791) that puts meetings into a calendar and keeps to it what its owner does there. `discovery` finds the
//! calendar (RFC 6764), [`push()`] writes the difference between what should be there and what was put there; where strangers' words
//! may lead is `confab_egress`'s to say. It waits on the calling thread.
#![forbid(unsafe_code)]

mod address;
mod dav;
mod discovery;
mod event;
mod push;
mod xml;

pub use address::parse;
pub use confab_egress::{Certificate, PemItem, Reach, parse_pem};
pub use dav::{Dav, Login};
pub use discovery::discover;
pub use push::{Record, Task, Wanted, clear, push};
pub use url::Url;

use confab_base::{Code, MeetingId};
use std::time::Duration;

/// Why a calendar was not reached or did not take an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Not an address one may give here: no HTTPS, or a network of the server's own.
    Address,
    /// No answer: the name, the connection or its certificate.
    Unreachable,
    /// Wrong user name or password, or no right to write.
    Refused,
    /// There is an answer, but no calendar that takes events.
    NoCalendar,
    /// Another answer than there should be. How long the server wants to be left alone, if it says so.
    Failed(Option<Duration>),
}

impl From<confab_egress::Forbidden> for Trouble {
    fn from(_: confab_egress::Forbidden) -> Trouble {
        Trouble::Address
    }
}

impl Trouble {
    pub fn code(&self) -> Code {
        match self {
            Trouble::Address => Code::CalendarAddress,
            Trouble::Unreachable => Code::CalendarUnreachable,
            Trouble::Refused => Code::CalendarRefused,
            Trouble::NoCalendar => Code::CalendarNotFound,
            Trouble::Failed(_) => Code::CalendarFailed,
        }
    }

    /// What happens next time will be the same: only a person can help.
    pub fn is_final(&self) -> bool {
        matches!(self, Trouble::Address | Trouble::Refused)
    }
}

/// An event that was put into somebody's calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    pub uid: String,
    pub meeting: MeetingId,
    /// Absolute.
    pub href: String,
    /// Of what is there; empty: the server told none.
    pub etag: String,
    /// What we meant to be there.
    pub text: String,
    pub fate: Fate,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    There,
    /// The person changed it there, or took it away: it is theirs until they say otherwise.
    Theirs,
}

impl Fate {
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::There => "there",
            Fate::Theirs => "theirs",
        }
    }

    pub fn parse(text: &str) -> Fate {
        match text {
            "theirs" => Fate::Theirs,
            _ => Fate::There,
        }
    }
}
