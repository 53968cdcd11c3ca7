//! Secrets: drawn from the system's dice, told once, kept as digests, compared in constant time.

use confab_base::{MeetingId, id};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// The SHA-256 of a secret. The secrets themselves have 128 random bits, so a plain digest cannot be guessed back.
#[derive(Clone, Copy)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    pub fn of(secret: &str) -> Digest {
        Digest(Sha256::digest(secret.as_bytes()).into())
    }

    /// Reads 64 hex digits.
    pub fn from_hex(hex: &str) -> Option<Digest> {
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Digest(bytes))
    }

    pub fn to_hex(self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Constant time: how long it takes says nothing about where they differ.
    pub fn matches(&self, other: &Digest) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(hidden)")
    }
}

/// A fresh secret for a link, a seat or the API: 26 characters, 128 random bits.
pub fn fresh_secret() -> String {
    id::encode(rand::random())
}

pub fn fresh_meeting_id() -> MeetingId {
    MeetingId::from_random(rand::random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_knows_its_secret_and_no_other() {
        let secret = fresh_secret();
        assert!(Digest::of(&secret).matches(&Digest::of(&secret)));
        assert!(!Digest::of(&secret).matches(&Digest::of(&fresh_secret())));
    }

    #[test]
    fn hex_goes_there_and_back() {
        let digest = Digest::of("abc");
        assert!(digest.to_hex().starts_with("ba7816bf"));
        assert!(Digest::from_hex(&digest.to_hex()).unwrap().matches(&digest));
        for bad in ["", "zz", &"g".repeat(64), &"é".repeat(32)] {
            assert!(Digest::from_hex(bad).is_none(), "{bad}");
        }
    }
}
