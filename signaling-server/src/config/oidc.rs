//! `[oidc]`: signing in by a provider of OpenID Connect.

use super::load::{Fault, fault};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::{Host, Url};

/// Without `issuer` there is no such sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Absent: a public client, which PKCE alone protects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    pub scopes: Vec<String>,
    /// On the button. Absent: the issuer's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mail addresses of these domains alone may enter; empty: all.
    pub domains: Vec<String>,
    /// Whoever the provider lets in has an account made at the first entry.
    pub sign_up: bool,
    /// Claim that says who is admin, with one of `admin_values`. Absent: roles are given here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_claim: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admin_values: Vec<String>,
    /// PEM of the authority that signed the provider's certificate. Absent: the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl Default for OidcConfig {
    fn default() -> OidcConfig {
        OidcConfig {
            issuer: None,
            client_id: None,
            client_secret_file: None,
            scopes: ["openid", "email", "profile"].map(str::to_owned).into(),
            name: None,
            domains: Vec::new(),
            sign_up: false,
            admin_claim: None,
            admin_values: Vec::new(),
            ca: None,
        }
    }
}

impl OidcConfig {
    pub(super) fn check(&self) -> Result<(), Fault> {
        let Some(issuer) = &self.issuer else {
            let rest = OidcConfig {
                issuer: None,
                ..self.clone()
            };
            return match rest == OidcConfig::default() {
                true => Ok(()),
                false => fault("oidc.issuer", "is needed: it names the provider"),
            };
        };
        if !is_issuer(issuer) {
            return fault(
                "oidc.issuer",
                "takes https://… without query (http:// on this machine alone), as the provider writes it",
            );
        }
        if self.client_id.as_deref().unwrap_or_default().is_empty() {
            return fault("oidc.client_id", "is needed: the provider gives it");
        }
        let is_scope = |s: &String| !s.is_empty() && s.bytes().all(|b| b.is_ascii_graphic());
        if !self.scopes.iter().all(is_scope) || !self.scopes.iter().any(|s| s == "openid") {
            return fault("oidc.scopes", "takes words, \"openid\" among them");
        }
        let is_domain = |d: &String| d.contains('.') && !d.contains('@') && !d.contains(' ');
        if !self.domains.iter().all(is_domain) {
            return fault("oidc.domains", "takes names such as \"example.org\"");
        }
        if self
            .name
            .as_deref()
            .is_some_and(|n| !(1..=40).contains(&n.trim().chars().count()))
        {
            return fault("oidc.name", "takes 1 to 40 characters");
        }
        if self.admin_claim.is_some() == self.admin_values.is_empty() {
            return fault(
                "oidc.admin_claim",
                "goes with oidc.admin_values, and neither without the other",
            );
        }
        Ok(())
    }

    /// What stands on the button.
    pub fn shown_name(&self) -> Option<String> {
        let host = || {
            Url::parse(self.issuer.as_deref()?)
                .ok()?
                .host_str()
                .map(str::to_owned)
        };
        let own = self.name.as_ref().map(|n| n.trim().to_owned());
        self.issuer.as_ref().and_then(|_| own.or_else(host))
    }
}

/// Whether secrets may travel to this address: over TLS, or without leaving the machine.
pub(crate) fn is_safe_address(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let plain = url.username().is_empty() && url.password().is_none();
    plain && (url.scheme() == "https" || url.scheme() == "http" && local)
}

fn is_issuer(text: &str) -> bool {
    let url = Url::parse(text).ok();
    url.is_some_and(|url| {
        is_safe_address(&url) && url.query().is_none() && url.fragment().is_none()
    })
}

#[cfg(test)]
mod tests {
    use crate::Config;
    use std::path::Path;

    fn wrong(text: &str) -> String {
        let error = Config::parse(&format!("[oidc]\n{text}"), Path::new("x")).err();
        error.map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_provider_needs_its_address_and_who_we_are_there() {
        assert_eq!(
            wrong("issuer = \"https://id.example\"\nclient_id = \"confab\""),
            ""
        );
        assert_eq!(
            wrong("issuer = \"http://localhost:1/x\"\nclient_id = \"confab\""),
            ""
        );
        for (text, key) in [
            ("client_id = \"confab\"", "oidc.issuer"),
            ("sign_up = true", "oidc.issuer"),
            ("issuer = \"https://id.example\"", "oidc.client_id"),
            (
                "issuer = \"http://id.example\"\nclient_id = \"c\"",
                "oidc.issuer",
            ),
            (
                "issuer = \"https://a:b@id.example\"\nclient_id = \"c\"",
                "oidc.issuer",
            ),
            (
                "issuer = \"https://id.example/?a\"\nclient_id = \"c\"",
                "oidc.issuer",
            ),
            (
                "issuer = \"https://id.example\"\nclient_id = \"c\"\nscopes = [\"email\"]",
                "oidc.scopes",
            ),
            (
                "issuer = \"https://id.example\"\nclient_id = \"c\"\ndomains = [\"@a.b\"]",
                "oidc.domains",
            ),
            (
                "issuer = \"https://id.example\"\nclient_id = \"c\"\nadmin_claim = \"groups\"",
                "oidc.admin_claim",
            ),
            (
                "issuer = \"https://id.example\"\nclient_id = \"c\"\nname = \" \"",
                "oidc.name",
            ),
        ] {
            assert!(wrong(text).contains(key), "{text}: {}", wrong(text));
        }
    }
}
