use super::*;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

fn party() -> Party {
    Party {
        rp_id: "meet.example".into(),
        origin: "https://meet.example".into(),
    }
}

fn client_data(kind: &str, origin: &str, more: &str) -> Vec<u8> {
    format!(r#"{{"type":"{kind}","challenge":"abc","origin":"{origin}"{more}}}"#).into_bytes()
}

fn data(rp: &str, flags: u8, rest: &[u8]) -> Vec<u8> {
    let hash: [u8; 32] = Sha256::digest(rp.as_bytes()).into();
    [&hash[..], &[flags], &7u32.to_be_bytes(), rest].concat()
}

#[test]
fn a_page_elsewhere_and_another_ceremony_answer_nothing() {
    let ours = "https://meet.example";
    let read = |json: &[u8]| challenge(json, Ceremony::Get, &party());
    assert_eq!(
        read(&client_data("webauthn.get", ours, "")),
        Ok("abc".into())
    );
    let more = r#","crossOrigin":false,"new":{"a":1}"#;
    assert!(read(&client_data("webauthn.get", ours, more)).is_ok());
    for bad in [
        client_data("webauthn.create", ours, ""),
        client_data("webauthn.get", "https://meet.example:444", ""),
        client_data("webauthn.get", "http://meet.example", ""),
        client_data("webauthn.get", "https://meet.example.evil", ""),
        client_data("webauthn.get", ours, r#","crossOrigin":true"#),
        b"[]".to_vec(),
        b"{}".to_vec(),
        vec![0xff; 9],
    ] {
        assert!(read(&bad).is_err(), "{}", String::from_utf8_lossy(&bad));
    }
}

#[test]
fn the_person_has_to_be_there_and_verified_and_here() {
    let read = |bytes: &[u8]| authenticator(bytes, &party());
    let good = Authenticator {
        counter: 7,
        credential: None,
    };
    assert_eq!(read(&data("meet.example", 0b101, &[])), Ok(good));
    for (rp, flags) in [
        ("meet.example", 0b001),
        ("meet.example", 0b100),
        ("meet.example", 0),
        ("example", 0b101),
        ("evil.example", 0b101),
    ] {
        assert!(read(&data(rp, flags, &[])).is_err(), "{rp} {flags}");
    }
}

#[test]
fn a_new_credential_is_read_out_whole_or_not_at_all() {
    let read = |rest: &[u8]| authenticator(&data("meet.example", 0b100_0101, rest), &party());
    let whole = [&[0; 16][..], &[0, 3], b"abc", b"a key follows"].concat();
    assert_eq!(
        read(&whole).unwrap().credential.as_deref(),
        Some(&b"abc"[..])
    );
    for cut in 0..21 {
        assert!(read(&whole[..cut]).is_err(), "{cut}");
    }
    for length in [0u16, 1024, u16::MAX] {
        let bad = [&[0; 16][..], &length.to_be_bytes(), &[1; 2000]].concat();
        assert!(read(&bad).is_err(), "{length}");
    }
    for cut in 0..37 {
        let short = &data("meet.example", 0b101, &[])[..cut];
        assert!(authenticator(short, &party()).is_err());
    }
}

#[test]
fn only_the_keys_own_signature_over_this_very_answer_counts() {
    let dice = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &dice).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref()).unwrap();
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let key = key(-7, spki.as_ref()).unwrap();
    let (data, client) = (
        data("meet.example", 0b101, &[]),
        client_data("webauthn.get", "https://meet.example", ""),
    );
    let hash: [u8; 32] = Sha256::digest(&client).into();
    let signature = pair.sign(&dice, &[&data[..], &hash].concat()).unwrap();
    assert_eq!(signed(&key, &data, &client, signature.as_ref()), Ok(()));
    let mut counted = data.clone();
    counted[36] += 1;
    assert!(signed(&key, &counted, &client, signature.as_ref()).is_err());
    assert!(signed(&key, &data, b"{}", signature.as_ref()).is_err());
    assert!(signed(&key, &data, &client, b"").is_err());

    let other = Ed25519KeyPair::generate().unwrap();
    let other: PublicKeyX509Der<'_> = other.public_key().as_der().unwrap();
    let other = super::key(-8, other.as_ref()).unwrap();
    assert!(signed(&other, &data, &client, signature.as_ref()).is_err());
    for (algorithm, bytes) in [
        (-8, spki.as_ref()),
        (-257, spki.as_ref()),
        (-65535, spki.as_ref()),
        (-7, b""),
    ] {
        assert!(super::key(algorithm, bytes).is_err(), "{algorithm}");
    }
    assert!(decode("a+b").is_err() && decode(&"a".repeat(9000)).is_err());
}
