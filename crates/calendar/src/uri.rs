//! Percent encoding (RFC 3986, 2.1), for addresses and for links to web calendars.

use std::fmt::Write;

/// Everything but unreserved characters is encoded.
pub(crate) fn encode(text: &str) -> String {
    encode_but(text, |_| false)
}

/// The same, but for octets that may stay.
pub(crate) fn encode_but(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) || stays(octet) {
            encoded.push(char::from(octet));
        } else {
            let _ = write!(encoded, "%{octet:02X}");
        }
    }
    encoded
}

/// None where the octets are no text.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [octet, tail @ ..] = rest {
        let hex = (*octet == b'%').then(|| tail.get(..2)).flatten();
        let hex = hex.and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(value) => {
                octets.push(value);
                rest = &tail[2..];
            }
            None => {
                octets.push(*octet);
                rest = tail;
            }
        }
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_percent_signs_are_taken_as_they_are() {
        assert_eq!(decode("100%"), Some("100%".into()));
        assert_eq!(decode("%4"), Some("%4".into()));
        assert_eq!(decode("%zz%41"), Some("%zzA".into()));
        assert_eq!(decode("%ff"), None);
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(text in "\\PC{0,80}") {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            prop_assert_eq!(decode(&encoded), Some(text));
        }
    }
}
