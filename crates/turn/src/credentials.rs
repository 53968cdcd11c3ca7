//! Credentials that expire: the user name says until when and for whom, the password is its HMAC under the server's
//! secret. So the server keeps no list of them (the scheme of draft-uberti-behave-turn-rest-00).

use crate::REALM;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use confab_base::Time;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

/// Longest user name taken, bytes. Ours are shorter.
pub(crate) const MAX_USER: usize = 128;

/// What a client is given.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

impl Credentials {
    /// For `participant`, a text that names one participant for the quota and is free of colons, until `expires` on the
    /// clock of [`crate::Server`]. An allocation made in time may be kept longer.
    pub fn issue(secret: &[u8], participant: &str, expires: Time) -> Credentials {
        let username = format!("{}:{participant}", expires.as_millis() / 1000);
        let password = password(secret, &username);
        Credentials { username, password }
    }
}

impl std::fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.username)
    }
}

/// What a user name says: when it expires, and whose it is.
pub(crate) fn read(username: &str) -> Option<(Time, &str)> {
    if username.len() > MAX_USER {
        return None;
    }
    let (seconds, participant) = username.split_once(':')?;
    let ms = seconds.parse::<u64>().ok()?.checked_mul(1000)?;
    Some((Time::from_micros(ms.checked_mul(1000)?), participant))
}

/// The key of MESSAGE-INTEGRITY: MD5 of user name, realm and password (RFC 8489, 9.2.2).
pub(crate) fn key(secret: &[u8], username: &str) -> [u8; 16] {
    long_term_key(username, REALM, &password(secret, username))
}

pub(crate) fn long_term_key(username: &str, realm: &str, password: &str) -> [u8; 16] {
    Md5::new()
        .chain_update(username)
        .chain_update(":")
        .chain_update(realm)
        .chain_update(":")
        .chain_update(password)
        .finalize()
        .into()
}

fn password(secret: &[u8], username: &str) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(secret)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"))
        .chain_update(username)
        .finalize();
    STANDARD.encode(mac.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_says_until_when_and_for_whom() {
        let made = Credentials::issue(&[7; 32], "3.12", Time::from_millis(90_500));
        assert_eq!(made.username, "90:3.12");
        let (expires, who) = read(&made.username).unwrap();
        assert_eq!((expires.as_millis(), who), (90_000, "3.12"));
        assert!(!format!("{made:?}").contains(&made.password));
    }

    #[test]
    fn another_secret_or_name_gives_another_password() {
        let at = Time::from_millis(1000);
        let of = |secret: u8, who| Credentials::issue(&[secret; 32], who, at).password;
        assert_ne!(of(1, "a"), of(2, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
    }

    #[test]
    fn strange_user_names_are_nobodys() {
        for strange in [
            "",
            ":",
            "a:b",
            "-1:b",
            "7",
            "99999999999999999999:a",
            "18446744073709551615:a",
        ] {
            assert_eq!(read(strange), None, "{strange}");
        }
        assert_eq!(read(&format!("1:{}", "x".repeat(MAX_USER))), None);
    }

    // The key that RFC 8489, 9.2.2 gives as an example.
    #[test]
    fn the_key_is_that_of_the_rfc() {
        let key = long_term_key("user", "realm", "pass");
        let wanted = [
            0x84, 0x93, 0xfb, 0xc5, 0x3b, 0xa5, 0x82, 0xfb, 0x4c, 0x04, 0x4c, 0x45, 0x6b, 0xdc,
            0x40, 0xeb,
        ];
        assert_eq!(key, wanted);
    }
}
