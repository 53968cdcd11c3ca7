//! Where the port's certificate comes from: PEM files that may change while they are served, an authority by ACME, or one the server
//! makes for itself. All end in one [`Serving`], which every handshake asks (adr/0034).

use crate::config::{Config, dns_name};
use crate::handover::Duty;
use confab_certificate::{
    Acme, AcmeConfig, AcmeError, PairError, PairFiles, Serving, kept_certificate, server_config,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// WebSocket over HTTP/2 is not spoken here. Clients of TURN may name it (RFC 7443); what they want their first bytes tell.
const PROTOCOLS: &[&[u8]] = &[b"http/1.1", b"stun.turn"];

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{file}: {source}")]
    File { file: PathBuf, source: io::Error },
    #[error("making a certificate: {0}")]
    Generate(#[from] rcgen::Error),
    #[error(transparent)]
    Pair(#[from] PairError),
    #[error(transparent)]
    Acme(#[from] AcmeError),
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// A ready acceptor, and what keeps its certificate fresh.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    serving: Arc<Serving>,
    source: Source,
}

#[derive(Clone)]
enum Source {
    Files(PairFiles),
    Authority(Arc<Acme>),
    Own,
}

/// None: no TLS wanted.
pub(crate) fn open(config: &Config) -> Result<Option<Tls>, TlsError> {
    if !config.tls.enabled() {
        return Ok(None);
    }
    let serving = Arc::new(Serving::default());
    let source = match (&config.tls.cert, &config.tls.key) {
        (Some(cert), Some(key)) => {
            let (cert, key) = (cert.clone(), key.clone());
            Source::Files(PairFiles::open(cert, key, Arc::clone(&serving))?)
        }
        _ if config.tls.acme => {
            let acme = Acme::open(acme_config(config), Arc::clone(&serving))?;
            Source::Authority(Arc::new(acme))
        }
        _ => {
            let (cert, key) = self_signed(config)?;
            PairFiles::open(cert, key, Arc::clone(&serving))?;
            Source::Own
        }
    };
    let server = server_config(Arc::clone(&serving), PROTOCOLS, config.tls.acme)?;
    Ok(Some(Tls {
        acceptor: TlsAcceptor::from(Arc::new(server)),
        serving,
        source,
    }))
}

impl Tls {
    /// SHA-256 of what is served now. None: the authority has not given any yet.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        Some(self.serving.pair()?.fingerprint.clone())
    }

    /// Keeps the certificate fresh from now on, until the runtime ends: files that change always, an authority's while that is this
    /// process's duty.
    pub(crate) fn keep_fresh(&self, duty: Duty) {
        match self.source.clone() {
            Source::Files(files) => drop(tokio::spawn(files.watch(LOOK_EVERY))),
            Source::Authority(acme) => {
                let renew = async move {
                    acme.run().await;
                };
                drop(tokio::spawn(duty.run(renew)));
            }
            Source::Own => {}
        }
    }

    /// Reads the files now, or asks an authority again that was asked in vain.
    ///
    /// # Errors
    /// The files hold no good pair: the old one is served on.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        match &self.source {
            Source::Files(files) => files.reload()?,
            Source::Authority(acme) => acme.hurry(),
            Source::Own => {}
        }
        Ok(())
    }
}

/// The file that browsers' certificate is read from: the configured one, or the one an authority gave. None: there is no such file,
/// or the certificate is one of our own making, whose dates say nothing.
pub(crate) fn certificate_file(config: &Config) -> Option<PathBuf> {
    match &config.tls.cert {
        None if config.tls.acme => {
            let AcmeConfig { directory, dir, .. } = acme_config(config);
            Some(kept_certificate(&dir, &directory))
        }
        cert => cert.clone(),
    }
}

fn acme_config(config: &Config) -> AcmeConfig {
    let name = config.public_url.as_deref().and_then(dns_name);
    AcmeConfig {
        directory: config.tls.acme_directory.clone(),
        email: config.tls.acme_email.clone(),
        authority: config.tls.acme_ca.clone(),
        // The configuration was checked.
        names: name.into_iter().collect(),
        dir: config.data_dir.join("acme"),
    }
}

/// For questions to other servers. `ca`: PEM of the authorities that are believed, in place of the public ones.
pub(crate) fn client(ca: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, String> {
    let mut roots = rustls::RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let all = CertificateDer::pem_file_iter(file).map_err(|e| e.to_string())?;
            for certificate in all {
                let certificate = certificate.map_err(|e| e.to_string())?;
                roots.add(certificate).map_err(|e| e.to_string())?;
            }
        }
    }
    if roots.is_empty() {
        return Err("no certificate in it".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(client))
}

/// Whose certificate a host has to show.
pub(crate) fn server_name(host: &url::Host<&str>) -> io::Result<ServerName<'static>> {
    Ok(match host {
        url::Host::Domain(name) => {
            ServerName::try_from((*name).to_owned()).map_err(io::Error::other)?
        }
        url::Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(*address)),
        url::Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(*address)),
    })
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
    let failed = |file: &Path| {
        let file = file.to_owned();
        |source| TlsError::File { file, source }
    };
    write_private(&key, &made.signing_key.serialize_pem()).map_err(failed(&key))?;
    std::fs::write(&cert, made.cert.pem()).map_err(failed(&cert))?;
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
        let first = open(&config).unwrap().unwrap().fingerprint().unwrap();
        assert_eq!(first.len(), 32 * 3 - 1);
        assert_eq!(
            open(&config).unwrap().unwrap().fingerprint().unwrap(),
            first
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let mut config = Config::ephemeral("unused");
        config.tls.cert = Some("/nowhere/cert.pem".into());
        config.tls.key = Some("/nowhere/key.pem".into());
        let message = open(&config).err().unwrap().to_string();
        assert!(message.starts_with("/nowhere/cert.pem: "), "{message}");
    }

    #[test]
    fn an_authority_is_asked_for_the_name_people_use() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::ephemeral(dir.path());
        config.public_url = Some("https://Meet.example.org:8443".into());
        config.tls.acme = true;
        assert_eq!(acme_config(&config).names, ["meet.example.org"]);
        let tls = open(&config).unwrap().unwrap();
        assert_eq!(tls.fingerprint(), None, "it was not asked yet");
        let kept = certificate_file(&config).unwrap();
        assert!(kept.parent().unwrap().is_dir() && !kept.exists());
        config.tls.acme = false;
        assert_eq!(certificate_file(&config), None);
        config.tls.cert = Some("cert.pem".into());
        assert_eq!(certificate_file(&config), Some("cert.pem".into()));
    }
}
