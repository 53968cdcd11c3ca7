//! Identifiers. Meeting ids are unguessable and travel in links; participant and track ids are small numbers
//! that mean something only inside their meeting and are no secrets.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use ts_rs::TS;

/// Letters of ids and secrets in links: digits and lower-case letters without `i l o u`, which people misread.
pub const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A meeting's public id: 26 characters of [`ALPHABET`], 128 random bits (the last 2 of 130 bits are zero).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct MeetingId(Box<str>);

impl MeetingId {
    pub const LENGTH: usize = 26;

    /// Writes 128 random bits, drawn by the shell, as an id.
    pub fn from_random(bits: u128) -> MeetingId {
        MeetingId(encode(bits).into())
    }

    /// Parses an id from a link. Fails on any other length or letter.
    pub fn parse(text: &str) -> Option<MeetingId> {
        let ok = text.len() == Self::LENGTH && text.bytes().all(|b| ALPHABET.contains(&b));
        ok.then(|| MeetingId(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Writes 128 bits as 26 characters of [`ALPHABET`]; also used for secrets.
pub fn encode(bits: u128) -> String {
    (0..MeetingId::LENGTH)
        .map(|i| {
            let shift = 128i32 - 5 * (i as i32 + 1);
            let v = if shift >= 0 {
                bits >> shift
            } else {
                bits << -shift
            };
            ALPHABET[(v & 31) as usize] as char
        })
        .collect()
}

impl fmt::Display for MeetingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MeetingId {
    /// Only the first letters: a whole id opens the door, and logs must not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "meeting:{}…", &self.0[..4])
    }
}

impl<'de> Deserialize<'de> for MeetingId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        MeetingId::parse(&text).ok_or_else(|| serde::de::Error::custom("not a meeting id"))
    }
}

/// An account on a server: written as a [`MeetingId`] is, but it opens nothing and may stand in logs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct AccountId(Box<str>);

impl AccountId {
    /// Writes 128 random bits, drawn by the shell, as an id.
    pub fn from_random(bits: u128) -> AccountId {
        AccountId(encode(bits).into())
    }

    /// Parses an id from a path or a message. Fails on any other length or letter than [`MeetingId::parse`] takes.
    pub fn parse(text: &str) -> Option<AccountId> {
        MeetingId::parse(text).map(|id| AccountId(id.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        AccountId::parse(&text).ok_or_else(|| serde::de::Error::custom("not an account id"))
    }
}

/// A file shared in a meeting's chat, written as a [`MeetingId`] is. It is the file's name on the server's disk, and opens nothing
/// by itself: whether somebody may have the file is asked each time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct FileId(Box<str>);

impl FileId {
    /// Writes 128 random bits, drawn by the shell, as an id.
    pub fn from_random(bits: u128) -> FileId {
        FileId(encode(bits).into())
    }

    /// Parses an id from a path or a message. Fails on any other length or letter than [`MeetingId::parse`] takes.
    pub fn parse(text: &str) -> Option<FileId> {
        MeetingId::parse(text).map(|id| FileId(id.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FileId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        FileId::parse(&text).ok_or_else(|| serde::de::Error::custom("not a file id"))
    }
}

/// A participant, unique in its meeting for the meeting's life; never used again for someone else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct ParticipantId(pub u32);

/// A published track, unique in its meeting for the meeting's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(type = "number")]
pub struct TrackId(pub u32);

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_random_number_gives_a_parseable_id(bits in any::<u128>()) {
            let id = MeetingId::from_random(bits);
            prop_assert_eq!(MeetingId::parse(id.as_str()), Some(id));
            let id = AccountId::from_random(bits);
            prop_assert_eq!(AccountId::parse(id.as_str()), Some(id));
            let id = FileId::from_random(bits);
            prop_assert_eq!(FileId::parse(id.as_str()), Some(id));
        }

        #[test]
        fn different_numbers_give_different_ids(a in any::<u128>(), b in any::<u128>()) {
            prop_assert_eq!(a == b, encode(a) == encode(b));
        }
    }

    #[test]
    fn strange_ids_are_refused() {
        for bad in [
            "",
            "short",
            "0123456789ABCDEFGHJKMNPQRS",
            "../../../../etc/passwd0000",
        ] {
            assert_eq!(MeetingId::parse(bad), None, "{bad}");
            assert_eq!(AccountId::parse(bad), None, "{bad}");
            assert_eq!(FileId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_output_does_not_open_the_door() {
        let id = MeetingId::from_random(u128::MAX);
        assert!(!format!("{id:?}").contains(id.as_str()));
    }
}
