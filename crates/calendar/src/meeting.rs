//! What a calendar is told of a meeting. Calendars are shared, so these types can hold no secret of the host: the link is
//! a guest's by construction.

use crate::When;
use confab_base::MeetingId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Characters of a title and of a description that are kept when a calendar file is read.
pub const MOST_TITLE: usize = 300;
pub const MOST_DESCRIPTION: usize = 8_000;
/// People invited to one meeting.
pub const MOST_ATTENDEES: usize = 1_000;

/// A meeting as calendars know it. Texts may hold line breaks and otherwise no control characters; those are not written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    pub uid: Uid,
    /// Rises with every change that people must look at again: time, rule, cancellation.
    pub sequence: u32,
    /// When this was last changed or sent (`DTSTAMP`), in milliseconds since 1970; written in whole seconds.
    pub stamp: u64,
    pub title: String,
    pub description: String,
    /// None in meetings that came from elsewhere.
    pub link: Option<GuestLink>,
    pub organizer: Option<Person>,
    pub attendees: Vec<Attendee>,
    pub when: When,
    /// All of it.
    pub cancelled: bool,
}

/// The same for the life of the meeting, so that a calendar replaces the event instead of adding a second one. 1 to 512 octets, no
/// control characters, no spaces around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uid(String);

/// The link guests are given: `<server>/m/<meeting>`. Host links carry their key after a `#`, which cannot be in here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuestLink(String);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// May be empty. A backslash in it is written as a slash.
    pub name: String,
    pub address: Address,
}

/// A mail address: something, `@`, something; at most 254 octets without spaces, control characters and `<>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee {
    pub person: Person,
    pub kind: Kind,
    pub role: Role,
    pub answer: Answer,
    /// Whether an answer is asked for.
    pub asked: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Individual,
    Group,
    Room,
    Resource,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Chair,
    #[default]
    Required,
    Optional,
    Informed,
}

/// What an attendee answered (`PARTSTAT`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    #[default]
    None,
    Accepted,
    Declined,
    Tentative,
    Delegated,
}

/// A text that is not of the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form asked for")]
pub struct FormError;

impl Uid {
    pub fn new(text: &str) -> Option<Uid> {
        let ok = (1..=512).contains(&text.len()) && !text.chars().any(char::is_control);
        (ok && text.trim() == text).then(|| Uid(text.to_owned()))
    }

    /// Of a meeting on this server. It tells nothing that the link does not.
    pub fn of_meeting(id: &MeetingId) -> Uid {
        Uid(format!("{id}@confab"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GuestLink {
    /// `server` is the public address, `https://host[:port]`. None where that is something else.
    pub fn new(server: &str, meeting: &MeetingId) -> Option<GuestLink> {
        GuestLink::parse(&format!("{}/m/{meeting}", server.trim_end_matches('/')))
    }

    /// None for all that is no guest's link: a query, a fragment, user names, other paths.
    pub fn parse(link: &str) -> Option<GuestLink> {
        let rest = link
            .strip_prefix("https://")
            .or_else(|| link.strip_prefix("http://"))?;
        let (host, meeting) = rest.split_once("/m/")?;
        let letters = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        let host_ok = (1..=255).contains(&host.len()) && host.bytes().all(letters);
        (host_ok && MeetingId::parse(meeting).is_some()).then(|| GuestLink(link.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Address {
    pub fn new(text: &str) -> Option<Address> {
        let (user, host) = text.rsplit_once('@')?;
        let bad = |c: char| c.is_control() || c.is_whitespace() || c == '<' || c == '>';
        let ok = !user.is_empty() && !host.is_empty() && text.len() <= 254;
        (ok && !text.contains(bad)).then(|| Address(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Hosts are the same in any case of letters, and so are users wherever mail is really delivered.
    pub fn is_same(&self, other: &Address) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! checked_text {
    ($($name:ident $parse:path),*) => { $(
        impl TryFrom<String> for $name {
            type Error = FormError;
            fn try_from(text: String) -> Result<$name, FormError> {
                $parse(&text).ok_or(FormError)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }
    )* };
}
checked_text!(Uid Uid::new, GuestLink GuestLink::parse, Address Address::new);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_link_is_no_guest_link() {
        let id = MeetingId::from_random(7);
        let link = GuestLink::new("https://meet.example.org:8443/", &id).expect("link");
        assert_eq!(
            link.as_str(),
            format!("https://meet.example.org:8443/m/{id}")
        );
        for more in ["#host=secret", "?host=secret", "/secret", " "] {
            assert_eq!(GuestLink::parse(&format!("{}{more}", link.as_str())), None);
        }
        for server in [
            "ftp://x",
            "https://",
            "https://me:secret@x",
            "https://x/y z",
            "javascript:x",
        ] {
            assert_eq!(GuestLink::new(server, &id), None, "{server}");
        }
        let json = format!("\"{}#host=secret\"", link.as_str());
        assert!(serde_json::from_str::<GuestLink>(&json).is_err());
    }

    #[test]
    fn addresses_have_a_user_and_a_host() {
        for good in ["ada@example.org", "a+b@x", "\"a@b\"@x", "阿@例子"] {
            assert!(Address::new(good).is_some(), "{good}");
        }
        for bad in ["", "ada", "@x", "a@", "a b@x", "<a@x>", "a@x\r\nBcc:b@x"] {
            assert!(Address::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_uid_is_one_line() {
        assert!(Uid::new("040000008200E00074C5B7101A82E008@x;,y").is_some());
        for bad in ["", " a", "a\nb"] {
            assert_eq!(Uid::new(bad), None);
        }
        assert_eq!(Uid::new(&"x".repeat(513)), None);
    }
}
