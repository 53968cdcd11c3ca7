//! What a TCP connection wants, told by its first bytes: TLS, HTTP, or media (STUN in RFC 4571 frames).
//!
//! The three cannot be confused: HTTP starts with a capital letter, a TLS handshake with 0x16, and a framed STUN
//! request with the high byte of its length, which is below 0x16 for anything under 5,632 bytes.

/// The verdict over the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    Tls,
    Http,
    Media,
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
        [0..=0x0f, ..] => classify_stun(bytes),
        _ => First::Garbage,
    }
}

/// A two-byte length, then a STUN binding request: type 0x0001, length, magic cookie.
fn classify_stun(bytes: &[u8]) -> First {
    let fits = |at: usize, wanted: &[u8]| {
        let there = bytes.get(at..).unwrap_or_default();
        there.iter().zip(wanted).all(|(a, b)| a == b)
    };
    if !fits(2, &[0x00, 0x01]) || !fits(6, &MAGIC_COOKIE) {
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

    #[test]
    fn the_three_guests_are_told_apart() {
        assert_eq!(classify(b"GET / HTTP/1.1\r\n"), First::Http);
        assert_eq!(classify(&[0x16, 3, 1]), First::Tls);
        assert_eq!(classify(&STUN), First::Media);
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
