//! Whether an ID token holds (OpenID Connect Core 1.0, 3.1.3.7): signed by the provider's key, for us, for this very sign-in, now.

use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Clocks may differ by so many seconds.
const LEEWAY: u64 = 60;
/// Signatures that only the provider can make. Not among them: `none`, and HMACs, whose key we would share with it.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// OpenID Connect: 255 ASCII characters at most.
const LONGEST_SUBJECT: usize = 255;

/// What a token has to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// Signed by a key that is not among these; there may be newer ones.
    UnknownKey,
    Token(String),
}

/// What a token says of its person.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    iat: Option<f64>,
    aud: Value,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// The keys of a JWK set (RFC 7517) as far as they can be used here; others are passed over.
pub(super) fn keys(document: &[u8]) -> Option<Vec<Jwk>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(document).ok()?;
    let usable = |jwk: &Jwk| {
        let signs = jwk.common.public_key_use.as_ref();
        signs.is_none_or(|u| *u == PublicKeyUse::Signature)
    };
    let keys = set.keys.into_iter().take(100);
    let keys = keys.filter_map(|k| serde_json::from_value::<Jwk>(k).ok());
    Some(keys.filter(usable).collect())
}

/// The token's claims, if it holds.
pub(super) fn verify(token: &str, keys: &[Jwk], expected: Expected<'_>) -> Result<Claims, Bad> {
    let bad = |why: &str| Bad::Token(why.to_owned());
    let header = decode_header(token).map_err(|e| Bad::Token(e.to_string()))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(bad("an algorithm that proves nothing"));
    }
    let mut rules = Validation::new(header.alg);
    rules.leeway = LEEWAY;
    rules.validate_nbf = true;
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.client]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let named = |key: &&Jwk| {
        let same = header.kid.is_none() || header.kid == key.common.key_id;
        same && fits(key, header.alg)
    };
    let mut result = Err(Bad::UnknownKey);
    for key in keys.iter().filter(named) {
        let Ok(key) = DecodingKey::from_jwk(key) else {
            continue;
        };
        match decode::<Claims>(token, &key, &rules) {
            Ok(token) => {
                result = Ok(token.claims);
                break;
            }
            Err(error) => result = Err(Bad::Token(error.to_string())),
        }
    }
    let claims = result?;
    let now = jsonwebtoken::get_current_timestamp() as f64;
    let several = claims.aud.as_array().is_some_and(|a| a.len() > 1);
    match &claims {
        c if c.nonce.as_deref() != Some(expected.nonce) => Err(bad("another nonce")),
        c if c.azp.as_deref().is_some_and(|a| a != expected.client) => Err(bad("another azp")),
        c if several && c.azp.is_none() => Err(bad("several audiences and no azp")),
        c if c.iat.is_none_or(|at| at > now + LEEWAY as f64) => Err(bad("iat is not yet")),
        c if c.sub.is_empty() || c.sub.len() > LONGEST_SUBJECT => Err(bad("sub")),
        _ => Ok(claims),
    }
}

/// Whether a key is for an algorithm. A key says its kind always and its algorithm sometimes.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    use jsonwebtoken::jwk::{AlgorithmParameters as P, EllipticCurve as C};
    let said = key.common.key_algorithm;
    let said = said.is_none_or(|a| a == KeyAlgorithm::from(algorithm));
    let kind = match &key.algorithm {
        P::RSA(_) => matches!(
            algorithm,
            Algorithm::RS256
                | Algorithm::RS384
                | Algorithm::RS512
                | Algorithm::PS256
                | Algorithm::PS384
                | Algorithm::PS512
        ),
        P::EllipticCurve(curve) => matches!(
            (&curve.curve, algorithm),
            (C::P256, Algorithm::ES256) | (C::P384, Algorithm::ES384)
        ),
        P::OctetKeyPair(pair) => pair.curve == C::Ed25519 && algorithm == Algorithm::EdDSA,
        _ => false,
    };
    said && kind
}

#[cfg(test)]
mod tests;
