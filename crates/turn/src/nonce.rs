//! Nonces that need no memory: the minute and a MAC over it and the client's address. Who sends one back has received it
//! there, so its address is not forged.

use crate::server::Client;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use confab_base::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// For how many minutes a nonce is good.
const MINUTES: u32 = 60;
/// Bytes of the minute, and of the MAC: with twelve letters the challenge is as long as two of the shortest requests.
const MINUTE: usize = 3;
const MAC: usize = 6;

pub(crate) fn make(secret: &[u8], client: &Client, now: Time) -> String {
    of_minute(secret, client, minute(now))
}

pub(crate) fn is_good(secret: &[u8], client: &Client, nonce: &[u8], now: Time) -> bool {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else {
        return false;
    };
    let Some([m0, m1, m2]) = bytes.first_chunk::<MINUTE>() else {
        return false;
    };
    let made = u32::from_be_bytes([0, *m0, *m1, *m2]);
    let age = minute(now).wrapping_sub(made) & 0xff_ffff;
    // Not compared in constant time: it is no secret from whom it was given to, and worth nothing to others.
    age < MINUTES && of_minute(secret, client, made).as_bytes() == nonce
}

fn minute(now: Time) -> u32 {
    (now.as_millis() / 60_000) as u32 & 0xff_ffff
}

fn of_minute(secret: &[u8], client: &Client, minute: u32) -> String {
    let minute = &minute.to_be_bytes()[4 - MINUTE..];
    let mac = Hmac::<Sha1>::new_from_slice(secret)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"))
        // Never a user name, for which the same secret makes passwords: those begin with a digit.
        .chain_update(b"nonce")
        .chain_update(minute)
        .chain_update([u8::from(client.stream)])
        .chain_update(client.remote.to_string())
        .finalize()
        .into_bytes();
    let mut bytes = minute.to_vec();
    bytes.extend(&mac[..MAC]);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::Duration;

    #[test]
    fn a_nonce_is_good_for_its_client_and_an_hour() {
        let client = |port| Client {
            stream: false,
            remote: ([203, 0, 113, 1], port).into(),
            local: ([203, 0, 113, 9], 443).into(),
        };
        let (secret, start) = ([1; 32], Time::from_millis(5_000_000));
        let nonce = make(&secret, &client(1), start);
        assert_eq!(nonce.len(), 12);
        let good = |port, after| {
            let now = start + Duration::from_secs(after);
            is_good(&secret, &client(port), nonce.as_bytes(), now)
        };
        assert!(good(1, 0) && good(1, 3500));
        assert!(!good(2, 0), "another's");
        assert!(!good(1, 3700), "stale");
        assert!(!is_good(&[2; 32], &client(1), nonce.as_bytes(), start));
        for strange in [&b""[..], b"AAAA", b"AAAAAAAAAAAA", b"\xff\xff"] {
            assert!(!is_good(&secret, &client(1), strange, start));
        }
    }
}
