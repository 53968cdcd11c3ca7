//! A certificate chain and its private key, checked against each other before anybody sees them.

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// More in one file is not read: a chain has a few kilobytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Why a pair cannot be served. [`PairError::code`] is stable; logs and tools go by it.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    #[error("{file}: {message}")]
    Unreadable { file: PathBuf, message: String },
    #[error("{0}: no certificate in it")]
    Empty(PathBuf),
    #[error("the key is another certificate's")]
    Mismatch,
    #[error("certificate and key: {0}")]
    Unusable(String),
    #[error("the certificate's time is over")]
    Expired,
}

impl PairError {
    pub fn code(&self) -> &'static str {
        match self {
            PairError::Unreadable { .. } => "tls_pair_unreadable",
            PairError::Empty(_) => "tls_pair_empty",
            PairError::Mismatch => "tls_pair_mismatch",
            PairError::Unusable(_) => "tls_pair_unusable",
            PairError::Expired => "tls_pair_expired",
        }
    }
}

/// What a handshake can be answered with.
#[derive(Clone, Debug)]
pub struct Pair {
    pub(crate) key: Arc<CertifiedKey>,
    /// Seconds since 1970.
    pub valid_from: i64,
    /// Seconds since 1970.
    pub valid_until: i64,
    /// SHA-256 of the first certificate as browsers show it: `AB:CD:…`.
    pub fingerprint: String,
    /// DNS names it is good for, in lower case.
    pub names: Vec<String>,
}

impl Pair {
    /// Reads the whole chain of `cert`, the server's own first, and the key. Both may be the same file.
    pub fn read(cert: &Path, key: &Path) -> Result<Pair, PairError> {
        let (chain, private) = (bounded(cert)?, bounded(key)?);
        Pair::from_pem((&chain, cert), (&private, key))
    }

    /// From PEM text; the paths are only for errors.
    pub fn from_pem(cert: (&[u8], &Path), key: (&[u8], &Path)) -> Result<Pair, PairError> {
        let chain = CertificateDer::pem_slice_iter(cert.0)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| unreadable(cert.1, &e))?;
        let private = PrivateKeyDer::from_pem_slice(key.0).map_err(|e| unreadable(key.1, &e))?;
        let Some(first) = chain.first().cloned() else {
            return Err(PairError::Empty(cert.1.to_owned()));
        };
        let certified = CertifiedKey::from_der(chain, private, &default_provider());
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => PairError::Mismatch,
            other => PairError::Unusable(other.to_string()),
        })?;
        let (_, parsed) = X509Certificate::from_der(&first)
            .map_err(|e| PairError::Unusable(format!("the certificate: {e}")))?;
        let validity = parsed.validity();
        Ok(Pair {
            key: Arc::new(certified),
            valid_from: validity.not_before.timestamp(),
            valid_until: validity.not_after.timestamp(),
            fingerprint: fingerprint(&first),
            names: names(&parsed),
        })
    }

    /// Whether it is good for `name`, by RFC 9525: a `*` stands for one label, the first.
    pub fn covers(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let rest = name.split_once('.').map(|(_, rest)| rest);
        let mut known = self.names.iter();
        known.any(|n| *n == name || n.strip_prefix("*.").is_some_and(|n| Some(n) == rest))
    }
}

fn bounded(file: &Path) -> Result<Vec<u8>, PairError> {
    let length = std::fs::metadata(file).map_err(|e| unreadable(file, &e))?;
    if length.len() > MAX_FILE {
        return Err(unreadable(file, &"larger than any certificate"));
    }
    std::fs::read(file).map_err(|e| unreadable(file, &e))
}

fn unreadable(file: &Path, error: &dyn ToString) -> PairError {
    PairError::Unreadable {
        file: file.to_owned(),
        message: error.to_string(),
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let name = |n: &GeneralName<'_>| match n {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    let all = alternatives.value.general_names.iter();
    all.filter_map(name).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// PEM of a certificate for `names`, and of its key.
    pub(crate) fn made(names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    pub(crate) fn pair(cert: &str, key: &str) -> Result<Pair, PairError> {
        let (cert, key) = ((cert, "cert.pem"), (key, "key.pem"));
        Pair::from_pem(
            (cert.0.as_bytes(), Path::new(cert.1)),
            (key.0.as_bytes(), Path::new(key.1)),
        )
    }

    #[test]
    fn a_pair_says_for_whom_and_until_when_it_is_good() {
        let (cert, key) = made(&["Meet.example.org", "*.rooms.example.org"]);
        let pair = pair(&cert, &key).unwrap();
        assert!(pair.valid_from < pair.valid_until);
        assert_eq!(pair.fingerprint.len(), 32 * 3 - 1);
        assert!(pair.covers("MEET.example.org") && pair.covers("a.rooms.example.org"));
        assert!(!pair.covers("example.org") && !pair.covers("a.b.rooms.example.org"));
        assert!(!pair.covers("rooms.example.org"));
    }

    #[test]
    fn what_cannot_be_served_has_a_code() {
        let ((cert, key), (_, other)) = (made(&["a.example"]), made(&["a.example"]));
        let code = |cert: &str, key: &str| pair(cert, key).unwrap_err().code();
        assert_eq!(code(&cert, &other), "tls_pair_mismatch");
        assert_eq!(code("", &key), "tls_pair_empty");
        assert_eq!(code(&cert, ""), "tls_pair_unreadable");
        let half = &cert[..cert.len() / 2];
        assert!(["tls_pair_unreadable", "tls_pair_empty"].contains(&code(half, &key)));
        let lies = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(code(lies, &key), "tls_pair_unusable");
    }

    #[test]
    fn a_missing_file_is_named() {
        let nowhere = Path::new("/nowhere/cert.pem");
        let error = Pair::read(nowhere, nowhere).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/cert.pem: "));
    }
}
