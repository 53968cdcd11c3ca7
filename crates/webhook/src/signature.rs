//! Signatures of "Standard Webhooks" 1.0: HMAC-SHA256 (RFC 2104) over `<id>.<seconds>.<body>`, in base64 behind `v1,`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";
/// Octets of a key we make; the scheme takes 24 to 64.
const KEY: usize = 32;

/// A webhook's key: both sides have it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl Secret {
    /// From random octets.
    pub fn new(random: [u8; KEY]) -> Secret {
        Secret(random.to_vec())
    }

    /// Reads `whsec_` and 24 to 64 octets in base64.
    pub fn parse(text: &str) -> Option<Secret> {
        let key = STANDARD.decode(text.trim().strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&key.len()).then_some(Secret(key))
    }

    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The header `webhook-signature` of a letter sent at `seconds` since 1970.
    pub fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("{VERSION}{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    /// Whether one of the signatures in `header` (several are separated by blanks) is ours. Constant time.
    pub fn verify(&self, id: &str, seconds: u64, body: &[u8], header: &str) -> bool {
        let ours = self.sign(id, seconds, body);
        let is_ours = |theirs: &str| bool::from(theirs.as_bytes().ct_eq(ours.as_bytes()));
        header.split(' ').filter(|s| is_ours(s)).count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test data of the scheme's reference libraries.
    #[test]
    fn the_schemes_own_example_is_signed_alike() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
        let body = br#"{"test": 2432232314}"#;
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_signature_holds_for_its_id_time_body_and_key_alone() {
        let secret = Secret::new([7; 32]);
        assert_eq!(Secret::parse(&secret.text()), Some(secret.clone()));
        let signed = secret.sign("msg_1", 10, b"{}");
        let both = format!("v1,AAAA {signed}");
        assert!(secret.verify("msg_1", 10, b"{}", &both));
        assert!(!secret.verify("msg_2", 10, b"{}", &both));
        assert!(!secret.verify("msg_1", 11, b"{}", &both));
        assert!(!secret.verify("msg_1", 10, b"{ }", &both));
        assert!(!Secret::new([8; 32]).verify("msg_1", 10, b"{}", &both));
    }

    #[test]
    fn only_a_key_of_the_scheme_is_read() {
        for bad in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_é",
        ] {
            assert_eq!(Secret::parse(bad), None, "{bad}");
        }
        assert_eq!(format!("{:?}", Secret::new([1; 32])), "Secret(hidden)");
    }
}
