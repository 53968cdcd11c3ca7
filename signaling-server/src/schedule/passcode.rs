//! Passcodes of meetings: short, so they are kept as argon2id (OWASP's parameters), and tries at them are counted elsewhere.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use subtle::ConstantTimeEq;

/// Characters of a passcode.
pub(crate) const LENGTHS: std::ops::RangeInclusive<usize> = 4..=64;

/// Whether it may be one: of fitting length, without spaces around it and control characters.
pub(crate) fn is_good(passcode: &str) -> bool {
    LENGTHS.contains(&passcode.chars().count())
        && passcode.trim() == passcode
        && !passcode.chars().any(char::is_control)
}

/// As it is stored: salt and hash. Takes some ten milliseconds of a core and 19 MiB.
pub(crate) fn kept(passcode: &str) -> String {
    let salt: [u8; 16] = rand::random();
    let hash = hash(passcode, &salt);
    format!("{}.{}", BASE64.encode(salt), BASE64.encode(hash))
}

/// Takes as long for a wrong one. False for what is not of the form [`kept`] gives.
pub(crate) fn matches(passcode: &str, kept: &str) -> bool {
    let parts = kept.split_once('.');
    let parts = parts.and_then(|(s, h)| Some((BASE64.decode(s).ok()?, BASE64.decode(h).ok()?)));
    let Some((salt, known)) = parts else {
        return false;
    };
    salt.len() == 16 && known.len() == 32 && hash(passcode, &salt).ct_eq(&known).into()
}

/// `salt` has 16 octets.
fn hash(passcode: &str, salt: &[u8]) -> [u8; 32] {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).expect("good parameters");
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passcode.as_bytes(), salt, &mut out)
        .expect("salt and output have lengths argon2 takes");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passcode_is_known_and_no_other() {
        let stored = kept("482913");
        assert!(matches("482913", &stored));
        assert!(!matches("482914", &stored));
        assert!(!stored.contains("482913"));
        assert_ne!(stored, kept("482913"), "salted");
        for broken in ["", ".", "x.y", "AAAA.AAAA"] {
            assert!(!matches("482913", broken), "{broken}");
        }
    }

    #[test]
    fn lengths_have_bounds() {
        for bad in ["", "123", " 1234", "12\n34", &"x".repeat(65)] {
            assert!(!is_good(bad), "{bad:?}");
        }
        assert!(is_good("1234") && is_good("天地玄黄"));
    }
}
