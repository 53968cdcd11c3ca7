//! `[tls]`: where the certificate comes from.

use super::load::{Fault, fault};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Let's Encrypt.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// No key set: plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// From an authority, renewed by the server itself (adr/0034).
    pub acme: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme_email: Option<String>,
    pub acme_directory: String,
    /// PEM of who signed the directory's own certificate. Absent: the public authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme_ca: Option<PathBuf>,
    pub self_signed: bool,
}

impl Default for TlsConfig {
    fn default() -> TlsConfig {
        TlsConfig {
            cert: None,
            key: None,
            acme: false,
            acme_email: None,
            acme_directory: DIRECTORY.to_owned(),
            acme_ca: None,
            self_signed: false,
        }
    }
}

impl TlsConfig {
    pub fn enabled(&self) -> bool {
        self.self_signed || self.acme || self.cert.is_some()
    }

    /// Browsers trust it, so they can be told to insist on it.
    pub fn trusted(&self) -> bool {
        self.acme || self.cert.is_some()
    }

    pub(super) fn check(&self, public_url: Option<&str>) -> Result<(), Fault> {
        match (&self.cert, &self.key) {
            (Some(_), None) => return fault("tls.cert", "needs tls.key too"),
            (None, Some(_)) => return fault("tls.key", "needs tls.cert too"),
            _ => {}
        }
        if self.self_signed && (self.cert.is_some() || self.acme) {
            return fault(
                "tls.self_signed",
                "cannot be true together with tls.cert or tls.acme",
            );
        }
        match self.acme {
            true => self.check_acme(public_url),
            false => Ok(()),
        }
    }

    fn check_acme(&self, public_url: Option<&str>) -> Result<(), Fault> {
        if self.cert.is_some() {
            return fault("tls.acme", "cannot be true together with tls.cert");
        }
        if public_url.and_then(dns_name).is_none() {
            return fault(
                "tls.acme",
                "needs public_url = \"https://NAME\": authorities certify names, not addresses",
            );
        }
        if self.acme_email.as_deref().is_some_and(|e| !is_mail(e)) {
            return fault("tls.acme_email", "takes a mail address");
        }
        match self.acme_directory.starts_with("https://") {
            true => Ok(()),
            false => fault("tls.acme_directory", "takes an https address"),
        }
    }
}

/// The name in `https://name` or `https://name:port`, in lower case; none for an address, or without TLS.
pub(crate) fn dns_name(public_url: &str) -> Option<String> {
    let uri: axum::http::Uri = public_url.parse().ok()?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https"))?;
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    (!is_address && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn is_mail(text: &str) -> bool {
    text.parse::<lettre::Address>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: Option<&str> = Some("https://meet.example.org");

    fn acme() -> TlsConfig {
        TlsConfig {
            acme: true,
            ..TlsConfig::default()
        }
    }

    fn broken(config: &TlsConfig, url: Option<&str>) -> &'static str {
        config.check(url).unwrap_err().key
    }

    #[test]
    fn a_certificate_comes_from_one_place() {
        let cert = Some(PathBuf::from("a.pem"));
        let both = TlsConfig {
            cert: cert.clone(),
            key: cert.clone(),
            ..acme()
        };
        assert_eq!(broken(&both, URL), "tls.acme");
        let with_own = TlsConfig {
            self_signed: true,
            ..acme()
        };
        assert_eq!(broken(&with_own, URL), "tls.self_signed");
        assert!(acme().check(URL).is_ok());
    }

    #[test]
    fn an_authority_needs_a_name_to_certify() {
        for url in [
            None,
            Some("https://192.0.2.1"),
            Some("https://[2001:db8::1]:8443"),
            Some("http://meet.example.org"),
        ] {
            assert_eq!(broken(&acme(), url), "tls.acme", "{url:?}");
        }
        let name = dns_name("https://Meet.example.org:8443/");
        assert_eq!(name.as_deref(), Some("meet.example.org"));
    }

    #[test]
    fn what_the_authority_is_told_is_looked_at() {
        let email = |email: &str| TlsConfig {
            acme_email: Some(email.into()),
            ..acme()
        };
        assert!(email("ada@example.org").check(URL).is_ok());
        assert_eq!(broken(&email("ada"), URL), "tls.acme_email");
        let directory = TlsConfig {
            acme_directory: "http://authority.example/dir".into(),
            ..acme()
        };
        assert_eq!(broken(&directory, URL), "tls.acme_directory");
    }
}
