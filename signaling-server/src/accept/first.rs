//! What a TCP connection wants, told by its first bytes, or by the first inside TLS: TLS, HTTP, media (STUN in RFC 4571
//! frames) or TURN (STUN as it is).
//!
//! They cannot be confused: HTTP starts with a capital letter, a TLS handshake with 0x16, and both kinds of STUN with a
//! byte below 0x10: TURN with its type, media with its length. Where the magic cookie stands then tells them apart.

/// The verdict over the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    Tls,
    Http,
    Media,
    Turn,
    /// Cannot become any of them.
    Garbage,
    /// Too early to tell.
    Unclear,
}

/// At most this many bytes are needed for a verdict.
pub(crate) const ENOUGH: usize = 10;

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42]; // RFC 8489, 5

pub(crate) fn classify(bytes: &[u8]) -> First {
    match bytes {
        [] => First::Unclear,
        [0x16, ..] => First::Tls,
        [b'A'..=b'Z', ..] => First::Http,
        [0..=0x0f, ..] => match (classify_turn(bytes), classify_framed(bytes)) {
            (First::Garbage, framed) => framed,
            (bare, First::Garbage) => bare,
            // Both still can be.
            _ => First::Unclear,
        },
        _ => First::Garbage,
    }
}

/// Whether nothing there is so far contradicts `wanted` at a place.
fn fits(bytes: &[u8], at: usize, wanted: &[u8]) -> bool {
    let there = bytes.get(at..).unwrap_or_default();
    there.iter().zip(wanted).all(|(a, b)| a == b)
}

/// A STUN request, an Allocate most likely: a type below 0x0100, a length in words, magic cookie.
fn classify_turn(bytes: &[u8]) -> First {
    let is_request = bytes.get(1).is_none_or(|kind| kind & 0x10 == 0);
    let in_words = bytes.get(3).is_none_or(|length| length.is_multiple_of(4));
    if !fits(bytes, 0, &[0]) || !is_request || !in_words || !fits(bytes, 4, &MAGIC_COOKIE) {
        return First::Garbage;
    }
    match bytes.len() {
        8.. => First::Turn,
        _ => First::Unclear,
    }
}

/// A two-byte length, then a STUN binding request: type 0x0001, length, magic cookie.
fn classify_framed(bytes: &[u8]) -> First {
    if !fits(bytes, 2, &[0x00, 0x01]) || !fits(bytes, 6, &MAGIC_COOKIE) {
        return First::Garbage;
    }
    if bytes.len() < ENOUGH {
        return First::Unclear;
    }
    let framed = u16::from_be_bytes([bytes[0], bytes[1]]);
    let inner = u16::from_be_bytes([bytes[4], bytes[5]]);
    let consistent = inner.is_multiple_of(4) && framed == inner.saturating_add(20);
    if consistent {
        First::Media
    } else {
        First::Garbage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STUN: [u8; 10] = [0, 84, 0, 1, 0, 64, 0x21, 0x12, 0xa4, 0x42];
    const TURN: [u8; 8] = [0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42];

    #[test]
    fn the_four_guests_are_told_apart() {
        assert_eq!(classify(b"GET / HTTP/1.1\r\n"), First::Http);
        assert_eq!(classify(&[0x16, 3, 1]), First::Tls);
        assert_eq!(classify(&STUN), First::Media);
        assert_eq!(classify(&TURN), First::Turn);
        assert_eq!(classify(&TURN[..7]), First::Unclear);
    }

    #[test]
    fn a_media_connection_that_trickles_in_is_waited_for() {
        for n in 0..STUN.len() {
            assert_eq!(classify(&STUN[..n]), First::Unclear, "{n} bytes");
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_garbage() {
        let mut wrong = STUN;
        wrong[1] = 85;
        assert_eq!(classify(&wrong), First::Garbage);
    }

    proptest! {
        #[test]
        fn enough_bytes_always_give_a_verdict(bytes in prop::collection::vec(any::<u8>(), ENOUGH..40)) {
            prop_assert_ne!(classify(&bytes), First::Unclear);
        }
    }
}
