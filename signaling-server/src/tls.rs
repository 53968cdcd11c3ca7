//! TLS from PEM files, or from a certificate the server makes for itself and keeps in its data directory.

use crate::config::Config;
use crate::secrets::Digest;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::Digest as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{file}: {message}")]
    File { file: PathBuf, message: String },
    #[error("making a certificate: {0}")]
    Generate(#[from] rcgen::Error),
    #[error("certificate and key: {0}")]
    Rustls(#[from] rustls::Error),
}

/// A ready acceptor and the SHA-256 fingerprint of the certificate, as browsers show it.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) fingerprint: String,
}

/// None: no TLS wanted.
pub(crate) fn open(config: &Config) -> Result<Option<Tls>, TlsError> {
    let (cert, key) = match (&config.tls.cert, &config.tls.key) {
        (Some(cert), Some(key)) => (cert.clone(), key.clone()),
        _ if config.tls.self_signed => self_signed(config)?,
        _ => return Ok(None),
    };
    let chain = CertificateDer::pem_file_iter(&cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unreadable(&cert, &e))?;
    let Some(first) = chain.first() else {
        return Err(unreadable(&cert, &"no certificate in it"));
    };
    let fingerprint = fingerprint(first);
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|e| unreadable(&key, &e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    // WebSocket over HTTP/2 is not spoken here.
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Tls {
        acceptor: TlsAcceptor::from(Arc::new(server)),
        fingerprint,
    }))
}

fn unreadable(file: &Path, error: &dyn ToString) -> TlsError {
    TlsError::File {
        file: file.to_owned(),
        message: error.to_string(),
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Digest(sha2::Sha256::digest(certificate).into());
    let hex = digest.to_hex().to_uppercase();
    let pairs: Vec<&str> = (0..32).map(|i| &hex[2 * i..2 * i + 2]).collect();
    pairs.join(":")
}

/// Makes the pair once; later starts use the same, so that an exception made in a browser holds.
fn self_signed(config: &Config) -> Result<(PathBuf, PathBuf), TlsError> {
    let (cert, key) = (
        config.data_dir.join("self-signed.pem"),
        config.data_dir.join("self-signed.key"),
    );
    if cert.exists() && key.exists() {
        return Ok((cert, key));
    }
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    if !config.listen.ip().is_unspecified() {
        names.push(config.listen.ip().to_string());
    }
    let url = config
        .public_url
        .as_deref()
        .and_then(|u| u.parse::<axum::http::Uri>().ok());
    names.extend(url.and_then(|u| u.host().map(|h| h.trim_matches(['[', ']']).to_owned())));
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names)?;
    write_private(&key, &made.signing_key.serialize_pem()).map_err(|e| unreadable(&key, &e))?;
    std::fs::write(&cert, made.cert.pem()).map_err(|e| unreadable(&cert, &e))?;
    Ok((cert, key))
}

/// Readable by the owner alone from the start.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TlsConfig;

    #[test]
    fn a_self_signed_certificate_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::ephemeral(dir.path());
        assert!(open(&config).unwrap().is_none());
        config.tls = TlsConfig {
            self_signed: true,
            ..TlsConfig::default()
        };
        let first = open(&config).unwrap().unwrap().fingerprint;
        assert_eq!(first.len(), 32 * 3 - 1);
        assert_eq!(open(&config).unwrap().unwrap().fingerprint, first);
    }

    #[test]
    fn a_missing_file_is_named() {
        let mut config = Config::ephemeral("unused");
        config.tls.cert = Some("/nowhere/cert.pem".into());
        config.tls.key = Some("/nowhere/key.pem".into());
        let message = open(&config).err().unwrap().to_string();
        assert!(message.starts_with("/nowhere/cert.pem: "), "{message}");
    }
}
