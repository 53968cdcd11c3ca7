//! `[webhooks]`: where receivers may be and how long letters to them are tried. `[embed]`: which pages may show a meeting.

use super::load::{Fault, fault};
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Also on this machine and in its networks, and without TLS.
    pub private: bool,
    /// PEM of the authorities that signed the receivers' certificates. Absent: the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Until the second try, 1 to 3600; then six times as long each time, up to twelve hours.
    pub retry_seconds: u32,
    /// Tries of one letter, 1 to 20.
    pub tries: u32,
}

impl Default for WebhooksConfig {
    fn default() -> WebhooksConfig {
        WebhooksConfig {
            private: false,
            ca: None,
            retry_seconds: 5,
            tries: 8,
        }
    }
}

impl WebhooksConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match (self.retry_seconds, self.tries) {
            (1..=3600, 1..=20) => Ok(()),
            (1..=3600, _) => fault("webhooks.tries", "takes 1 to 20"),
            _ => fault("webhooks.retry_seconds", "takes 1 to 3600"),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedConfig {
    /// Origins of pages that may show meetings of this server in a frame: `https://intranet.example.org`.
    pub origins: Vec<String>,
}

impl EmbedConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.origins.iter().all(|origin| is_origin(origin)) {
            true => Ok(()),
            false => fault(
                "embed.origins",
                "takes origins: https://host or https://host:port, without a path",
            ),
        }
    }
}

/// A scheme, a host of plain letters and perhaps a port; what stands here goes into a header.
fn is_origin(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]/".contains(&b);
    let uri: Option<Uri> = text.parse().ok();
    text.bytes().all(plain)
        && !text.ends_with('/')
        && uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.path() == "/"
                && uri.query().is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_may_embed() {
        for good in [
            "https://intranet.example.org",
            "http://localhost:3000",
            "https://[::1]:8443",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "https://*.example.org",
            "https://example.org/",
            "https://example.org/a",
            "example.org",
            "javascript:alert(1)",
            "https://a;script-src *",
            "https://a b",
            "https://u@a",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
