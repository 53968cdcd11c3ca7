//! Whether what an authenticator answered holds (WebAuthn Level 3, 7.1 and 7.2), for passkeys without attestation: of a new one
//! browsers hand out key and authenticator data by themselves, so no CBOR is read here. Pure.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Bytes of the parts of an answer, at most.
const LONGEST: usize = 4096;
/// WebAuthn: a credential id has 1023 bytes at most.
const LONGEST_CREDENTIAL: usize = 1023;
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const ATTESTED: u8 = 1 << 6;

/// Whose passkeys they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Party {
    /// A domain: that of the public address.
    pub(super) rp_id: String,
    /// Where the page has to be, as browsers write it.
    pub(super) origin: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

/// What does not hold, for the log.
pub(super) type Bad = &'static str;

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

/// The parts of authenticator data that matter (WebAuthn, 6.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authenticator {
    pub(super) counter: u32,
    /// Of a new passkey.
    pub(super) credential: Option<Vec<u8>>,
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, Bad> {
    if text.len() > 2 * LONGEST {
        return Err("too long");
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "not base64url")
}

/// The challenge that the browser says was answered.
pub(super) fn challenge(json: &[u8], ceremony: Ceremony, party: &Party) -> Result<String, Bad> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| "client data")?;
    let kind = match ceremony {
        Ceremony::Create => "webauthn.create",
        Ceremony::Get => "webauthn.get",
    };
    match data {
        data if data.kind != kind => Err("another ceremony"),
        data if data.origin != party.origin => Err("another origin"),
        data if data.cross_origin => Err("a page within another's"),
        data => Ok(data.challenge),
    }
}

/// Reads authenticator data and makes sure that it is for us, with the person verified.
pub(super) fn authenticator(data: &[u8], party: &Party) -> Result<Authenticator, Bad> {
    let (rp, rest) = data.split_first_chunk::<32>().ok_or("too short")?;
    let (flags, rest) = rest.split_first().ok_or("too short")?;
    let (counter, rest) = rest.split_first_chunk::<4>().ok_or("too short")?;
    let ours: [u8; 32] = Sha256::digest(party.rp_id.as_bytes()).into();
    if !bool::from(ours.ct_eq(rp)) {
        return Err("for another domain");
    }
    if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
        return Err("nobody was verified");
    }
    let credential = match flags & ATTESTED {
        0 => None,
        _ => Some(attested(rest)?),
    };
    Ok(Authenticator {
        counter: u32::from_be_bytes(*counter),
        credential,
    })
}

/// The credential id within attested credential data (WebAuthn, 6.5.1), which begins with an AAGUID.
fn attested(data: &[u8]) -> Result<Vec<u8>, Bad> {
    let (_aaguid, rest) = data.split_first_chunk::<16>().ok_or("too short")?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or("too short")?;
    let length = usize::from(u16::from_be_bytes(*length));
    let id = rest.get(..length).ok_or("too short")?;
    match length {
        1..=LONGEST_CREDENTIAL => Ok(id.to_vec()),
        _ => Err("credential id"),
    }
}

/// The public key, if it is one of this COSE algorithm. `spki`: SubjectPublicKeyInfo in DER.
pub(super) fn key(algorithm: i32, spki: &[u8]) -> Result<ParsedPublicKey, Bad> {
    let how: &'static dyn VerificationAlgorithm = match algorithm {
        -7 => &ECDSA_P256_SHA256_ASN1,
        -8 => &ED25519,
        -257 => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err("another algorithm"),
    };
    if spki.len() > LONGEST {
        return Err("too long");
    }
    ParsedPublicKey::new(how, spki).map_err(|_| "public key")
}

/// Whether the key signed this answer.
pub(super) fn signed(
    key: &ParsedPublicKey,
    authenticator_data: &[u8],
    client_data: &[u8],
    signature: &[u8],
) -> Result<(), Bad> {
    let hash: [u8; 32] = Sha256::digest(client_data).into();
    let message = [authenticator_data, &hash].concat();
    key.verify_sig(&message, signature).map_err(|_| "signature")
}

#[cfg(test)]
mod tests;
