use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

const EXPECTED: Expected<'static> = Expected {
    issuer: "https://id.example",
    client: "confab",
    nonce: "n",
};

struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    jwk: Jwk,
}

fn signer(kid: &str, algorithm: Algorithm) -> Signer {
    let dice = SystemRandom::new();
    let key = match algorithm {
        Algorithm::EdDSA => {
            let made = Ed25519KeyPair::generate().unwrap().to_pkcs8v1();
            EncodingKey::from_ed_der(made.unwrap().as_ref())
        }
        _ => {
            let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &dice);
            EncodingKey::from_ec_der(made.unwrap().as_ref())
        }
    };
    let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    Signer {
        key,
        algorithm,
        jwk,
    }
}

impl Signer {
    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = self.jwk.common.key_id.clone();
        encode(&header, claims, &self.key).unwrap()
    }
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

fn good() -> Value {
    json!({ "iss": "https://id.example", "aud": "confab", "sub": "7", "nonce": "n", "iat": now(), "exp": now() + 300, "name": "Ada" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

#[test]
fn a_token_that_holds_tells_its_person() {
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA] {
        let signer = signer("1", algorithm);
        let other = super::tests::signer("2", Algorithm::ES256);
        let keys = [other.jwk.clone(), signer.jwk.clone()];
        let claims = verify(&signer.sign(&good()), &keys, EXPECTED).unwrap();
        assert_eq!(
            (claims.sub.as_str(), &claims.rest["name"]),
            ("7", &json!("Ada"))
        );
        let several = json!({ "iss": "https://id.example", "aud": ["confab", "x"], "azp": "confab", "sub": "7", "nonce": "n", "iat": now(), "exp": now() + 300 });
        assert!(verify(&signer.sign(&several), &keys, EXPECTED).is_ok());
    }
}

#[test]
fn one_wrong_claim_is_enough() {
    let signer = signer("1", Algorithm::ES256);
    let keys = [signer.jwk.clone()];
    for (name, value) in [
        ("iss", json!("https://id.example/")),
        ("iss", json!(["https://evil.example"])),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!(["confab", "other"])),
        ("azp", json!("other")),
        ("nonce", json!("m")),
        ("nonce", Value::Null),
        ("exp", json!(now() - 61)),
        ("exp", Value::Null),
        ("nbf", json!(now() + 120)),
        ("iat", json!(now() + 120)),
        ("iat", Value::Null),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
        ("sub", json!(7)),
    ] {
        let refused = verify(&signer.sign(&with(name, value.clone())), &keys, EXPECTED);
        assert!(matches!(refused, Err(Bad::Token(_))), "{name} {value}");
    }
    let leeway = with("exp", json!(now() - 30));
    assert!(verify(&signer.sign(&leeway), &keys, EXPECTED).is_ok());
}

#[test]
fn only_the_providers_keys_sign() {
    let (signer, newer, stranger) = (
        signer("1", Algorithm::ES256),
        signer("2", Algorithm::ES256),
        signer("1", Algorithm::ES256),
    );
    let keys = [signer.jwk.clone()];
    let refused = verify(&newer.sign(&good()), &keys, EXPECTED);
    assert_eq!(refused.unwrap_err(), Bad::UnknownKey);
    let forged = verify(&stranger.sign(&good()), &keys, EXPECTED);
    assert!(matches!(forged, Err(Bad::Token(_))));
    let mut wrong_use = signer.jwk.clone();
    wrong_use.common.key_algorithm = Some(KeyAlgorithm::ES384);
    assert_eq!(
        verify(&signer.sign(&good()), &[wrong_use], EXPECTED).unwrap_err(),
        Bad::UnknownKey
    );
}

#[test]
fn an_algorithm_that_proves_nothing_is_refused() {
    let signer = signer("1", Algorithm::ES256);
    let keys = [signer.jwk.clone()];
    // What the public key says of itself, as an HMAC's secret.
    let text = serde_json::to_string(&signer.jwk).unwrap();
    let secret = EncodingKey::from_secret(text.as_bytes());
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("1".to_owned());
    let hmac = encode(&header, &good(), &secret).unwrap();
    assert!(matches!(verify(&hmac, &keys, EXPECTED), Err(Bad::Token(_))));
    let signed = signer.sign(&good());
    let body = signed.split('.').nth(1).unwrap();
    // {"alg":"none"}
    let none = format!("eyJhbGciOiJub25lIn0.{body}.");
    for token in [
        none.as_str(),
        "",
        "a.b",
        "a.b.c",
        &signed[..signed.len() - 4],
    ] {
        assert!(
            matches!(verify(token, &keys, EXPECTED), Err(Bad::Token(_))),
            "{token}"
        );
    }
}

#[test]
fn keys_that_cannot_be_used_are_passed_over() {
    let signer = signer("1", Algorithm::ES256);
    let mut own = serde_json::to_value(&signer.jwk).unwrap();
    // As Microsoft's: no word on the algorithm.
    own.as_object_mut().unwrap().remove("alg");
    let set = json!({ "keys": [{ "kty": "new" }, 7, { "kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB" }, own] });
    let keys = keys(set.to_string().as_bytes()).unwrap();
    assert!(verify(&signer.sign(&good()), &keys, EXPECTED).is_ok());
    assert!(super::keys(b"[]").is_none() && super::keys(b"<html>").is_none());
}
