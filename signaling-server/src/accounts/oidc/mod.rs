//! Signing in by a provider of OpenID Connect: authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 6749, RFC 7636,
//! RFC 9207). `fetch.rs` asks the provider, `token.rs` checks what it signed, `decide.rs` says which account that is, `entry.rs` opens
//! it. Nothing is kept here between the way to the provider and the way back: what has to come back follows from the secret in
//! the browser's cookie.

pub(super) mod decide;
mod entry;
mod fetch;
mod token;

pub(crate) use entry::{Back, Purpose};

use crate::config::{OidcConfig, is_safe_address};
use crate::secrets::fresh_secret;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use confab_protocol::Code;
use decide::Person;
use fetch::{Ask, Fetch};
use jsonwebtoken::jwk::Jwk;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};
use token::{Bad, Expected};
use tokio::sync::{Mutex, Semaphore};
use url::Url;

/// What the provider says of itself is asked for again after this time.
const KEPT: Duration = Duration::from_secs(3600);
/// A token with an unknown key makes us look for newer ones, this often at most: tokens can be made up.
const NEW_KEYS_EVERY: Duration = Duration::from_secs(5);
/// All questions of one sign-in together; the server's own answer is given up after 15 s.
const PATIENCE: Duration = Duration::from_secs(12);
/// Whoever signs out waits no longer for where that is done at the provider.
const SIGN_OUT_PATIENCE: Duration = Duration::from_secs(3);
/// Sign-ins that wait for the provider at a time.
const MOST_AT_ONCE: usize = 16;

/// Why the provider gives us nobody. The text is for the log.
#[derive(Debug)]
enum Trouble {
    Unavailable(String),
    Refused(String),
}

impl Trouble {
    fn code(&self) -> Code {
        match self {
            Trouble::Unavailable(_) => Code::ProviderUnavailable,
            Trouble::Refused(_) => Code::ProviderRefused,
        }
    }
}

/// Why there is no provider although one is configured.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {why}")]
pub struct ProviderSetupError {
    key: &'static str,
    why: String,
}

pub(crate) struct Provider {
    config: OidcConfig,
    issuer: String,
    client: String,
    secret: Option<String>,
    /// Where a browser comes back to that signed out there; registered too.
    after_sign_out: String,
    /// Registered at the provider, to the letter.
    redirect: String,
    fetch: Fetch,
    known: Mutex<Known>,
    waiting: Semaphore,
}

#[derive(Default)]
struct Known {
    discovery: Option<(Instant, Arc<Discovery>)>,
    keys: Option<(Instant, Arc<Vec<Jwk>>)>,
}

/// OpenID Connect Discovery 1.0, section 3, as far as it is needed.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    #[serde(deserialize_with = "address")]
    authorization_endpoint: Url,
    #[serde(deserialize_with = "address")]
    token_endpoint: Url,
    #[serde(deserialize_with = "address")]
    jwks_uri: Url,
    #[serde(default, deserialize_with = "maybe_address")]
    userinfo_endpoint: Option<Url>,
    /// OpenID Connect RP-Initiated Logout 1.0, 2.1.
    #[serde(default)]
    end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    let text = String::deserialize(from)?;
    Url::parse(&text).map_err(serde::de::Error::custom)
}

fn maybe_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    address(from).map(Some)
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

/// The secret of a browser's cookie: what goes to the provider and has to come back follows from it.
#[derive(Clone)]
pub(crate) struct Trip(String);

impl Trip {
    /// 256 random bits.
    fn begin() -> Trip {
        Trip(fresh_secret() + &fresh_secret())
    }

    fn derive(&self, what: &str) -> String {
        let text = format!("{what}:{}", self.0);
        URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
    }

    fn state(&self) -> String {
        self.derive("state")
    }

    fn nonce(&self) -> String {
        self.derive("nonce")
    }

    fn verifier(&self) -> String {
        self.derive("verifier")
    }

    /// RFC 7636, S256.
    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier().as_bytes()))
    }
}

impl Provider {
    /// `None`: none is configured.
    pub(crate) fn new(
        config: &OidcConfig,
        public_url: &str,
    ) -> Result<Option<Arc<Provider>>, ProviderSetupError> {
        let (Some(issuer), Some(client)) = (&config.issuer, &config.client_id) else {
            return Ok(None);
        };
        let secret = match &config.client_secret_file {
            None => None,
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|e| ProviderSetupError {
                    key: "oidc.client_secret_file",
                    why: format!("{}: {e}", file.display()),
                })?;
                Some(text.trim().to_owned())
            }
        };
        let fetch = Fetch::new(config.ca.as_deref()).map_err(|why| ProviderSetupError {
            key: "oidc.ca",
            why,
        })?;
        Ok(Some(Arc::new(Provider {
            issuer: issuer.clone(),
            client: client.clone(),
            secret,
            redirect: format!("{public_url}/api/v1/session/provider/callback"),
            after_sign_out: format!("{public_url}/account"),
            fetch,
            config: config.clone(),
            known: Mutex::default(),
            waiting: Semaphore::new(MOST_AT_ONCE),
        })))
    }

    pub(crate) fn shown_name(&self) -> Option<String> {
        self.config.shown_name()
    }

    async fn patiently<T>(
        &self,
        work: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let Ok(_turn) = self.waiting.try_acquire() else {
            return Err(Trouble::Unavailable("too many wait for it".into()));
        };
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(done) => done,
            Err(_) => Err(Trouble::Unavailable("no answer in time".into())),
        }
    }

    /// The provider's page on which somebody signs in.
    async fn page(&self, trip: &Trip) -> Result<Url, Trouble> {
        let discovery = self.patiently(self.discovery()).await?;
        let mut url = discovery.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", &self.config.scopes.join(" "))
            .append_pair("state", &trip.state())
            .append_pair("nonce", &trip.nonce())
            .append_pair("code_challenge", &trip.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// The provider's page that ends the browser's session there (OpenID Connect RP-Initiated Logout 1.0). `None`: it has none that
    /// may be used, or does not answer; whoever signs out does not wait for it.
    pub(crate) async fn sign_out_page(&self, id_token: &str) -> Option<String> {
        let asked = tokio::time::timeout(SIGN_OUT_PATIENCE, self.patiently(self.discovery()));
        let discovery = asked.await.ok()?.ok()?;
        let mut url = Url::parse(discovery.end_session_endpoint.as_deref()?).ok()?;
        if !self.may_be_used(&url) {
            return None;
        }
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("client_id", &self.client)
            .append_pair("post_logout_redirect_uri", &self.after_sign_out);
        Some(url.into())
    }

    /// A provider elsewhere has no business with what listens on this machine.
    fn may_be_used(&self, url: &Url) -> bool {
        let local = self.issuer.starts_with("http://");
        is_safe_address(url) && (local || url.scheme() == "https")
    }

    /// Who came back from it, and the ID token that says so.
    async fn person(&self, trip: &Trip, back: &Back) -> Result<(Person, String), Trouble> {
        let state = back.state.as_deref().unwrap_or_default();
        let same = crate::secrets::Digest::of(&trip.state());
        if !same.matches(&crate::secrets::Digest::of(state)) {
            return Err(Trouble::Refused("another state".into()));
        }
        if let Some(error) = &back.error {
            let word: String = error
                .chars()
                .take(40)
                .filter(|c| c.is_ascii_graphic())
                .collect();
            return Err(match word.as_str() {
                "server_error" | "temporarily_unavailable" => Trouble::Unavailable(word),
                _ => Trouble::Refused(word),
            });
        }
        let code = back.code.as_deref();
        let code = code.ok_or_else(|| Trouble::Refused("no code".into()))?;
        self.patiently(self.redeem(trip, code, back.iss.as_deref()))
            .await
    }

    async fn redeem(
        &self,
        trip: &Trip,
        code: &str,
        iss: Option<&str>,
    ) -> Result<(Person, String), Trouble> {
        let discovery = self.discovery().await?;
        let must_name = discovery.authorization_response_iss_parameter_supported;
        if iss.is_some_and(|iss| iss != self.issuer) || iss.is_none() && must_name {
            return Err(Trouble::Refused("another issuer answered".into()));
        }
        let tokens = self.tokens(&discovery, trip, code).await?;
        let claims = self.verified(&tokens.id_token, &trip.nonce()).await?;
        let (subject, mut all) = (claims.sub, claims.rest);
        // Many providers tell the address only here.
        let claim = self.config.admin_claim.as_deref();
        let mut wanted = ["email"].into_iter().chain(claim);
        let whole = wanted.all(|name| all.contains_key(name));
        if let (false, Some(url), Some(access)) =
            (whole, &discovery.userinfo_endpoint, &tokens.access_token)
        {
            for (name, value) in self.userinfo(url, access, &subject).await? {
                all.entry(name).or_insert(value);
            }
        }
        let person = decide::person(&self.config, subject, &all);
        Ok((person, tokens.id_token))
    }

    async fn tokens(
        &self,
        discovery: &Discovery,
        trip: &Trip,
        code: &str,
    ) -> Result<Tokens, Trouble> {
        let verifier = trip.verifier();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        let methods = &discovery.token_endpoint_auth_methods_supported;
        let takes = |method: &str| methods.iter().any(|m| m == method);
        let mut authorization = None;
        match &self.secret {
            // What is not said is Basic (RFC 8414).
            Some(secret) if !methods.is_empty() && !takes("client_secret_basic") => {
                form.extend([
                    ("client_id", self.client.as_str()),
                    ("client_secret", secret.as_str()),
                ]);
            }
            Some(secret) => authorization = Some(basic(&self.client, secret)),
            None => form.push(("client_id", self.client.as_str())),
        }
        let ask = Ask {
            authorization,
            form: Some(&form),
        };
        let (status, body) = self.fetch.ask(&discovery.token_endpoint, ask).await?;
        if status.is_client_error() {
            #[derive(Deserialize)]
            struct Refusal {
                error: String,
            }
            let refusal = serde_json::from_slice::<Refusal>(&body);
            let word = refusal.map_or_else(|_| status.to_string(), |r| r.error);
            // Not the person's fault, and not to be cured by another try.
            return Err(match word.as_str() {
                "invalid_client" => Trouble::Unavailable(format!("{word}: see oidc.client_id")),
                _ => Trouble::Refused(word.chars().take(40).collect()),
            });
        }
        if !status.is_success() {
            return Err(Trouble::Unavailable(format!("token endpoint: {status}")));
        }
        parse("token endpoint", &body)
    }

    async fn verified(&self, id_token: &str, nonce: &str) -> Result<token::Claims, Trouble> {
        let expected = Expected {
            issuer: &self.issuer,
            client: &self.client,
            nonce,
        };
        let keys = self.keys(KEPT).await?;
        let checked = match token::verify(id_token, &keys, expected) {
            // Providers change their keys without a word.
            Err(Bad::UnknownKey) => {
                let keys = self.keys(NEW_KEYS_EVERY).await?;
                token::verify(id_token, &keys, expected)
            }
            checked => checked,
        };
        checked.map_err(|bad| match bad {
            Bad::UnknownKey => Trouble::Refused("ID token: an unknown key".into()),
            Bad::Token(why) => Trouble::Refused(format!("ID token: {why}")),
        })
    }

    async fn userinfo(
        &self,
        url: &Url,
        access: &str,
        subject: &str,
    ) -> Result<Map<String, Value>, Trouble> {
        let ask = Ask {
            authorization: Some(format!("Bearer {access}")),
            form: None,
        };
        let (status, body) = self.fetch.ask(url, ask).await?;
        if !status.is_success() {
            return Err(Trouble::Unavailable(format!("userinfo: {status}")));
        }
        let claims: Map<String, Value> = parse("userinfo", &body)?;
        match claims.get("sub").and_then(Value::as_str) == Some(subject) {
            true => Ok(claims),
            false => Err(Trouble::Refused("userinfo of another person".into())),
        }
    }

    async fn discovery(&self) -> Result<Arc<Discovery>, Trouble> {
        let mut known = self.known.lock().await;
        if let Some((at, discovery)) = &known.discovery
            && at.elapsed() < KEPT
        {
            return Ok(Arc::clone(discovery));
        }
        let base = self.issuer.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let url = Url::parse(&url).map_err(|e| Trouble::Unavailable(e.to_string()))?;
        let found: Discovery = self.document(&url).await?;
        if found.issuer != self.issuer {
            let why = format!("it calls itself {}, see oidc.issuer", found.issuer);
            return Err(Trouble::Unavailable(why));
        }
        let used = [
            &found.authorization_endpoint,
            &found.token_endpoint,
            &found.jwks_uri,
        ];
        if !used
            .into_iter()
            .chain(&found.userinfo_endpoint)
            .all(|url| self.may_be_used(url))
        {
            return Err(Trouble::Unavailable(
                "it names addresses without TLS".into(),
            ));
        }
        let found = Arc::new(found);
        known.discovery = Some((Instant::now(), Arc::clone(&found)));
        Ok(found)
    }

    /// The provider's keys, no older than this.
    async fn keys(&self, oldest: Duration) -> Result<Arc<Vec<Jwk>>, Trouble> {
        let url = self.discovery().await?.jwks_uri.clone();
        let mut known = self.known.lock().await;
        if let Some((at, keys)) = &known.keys
            && at.elapsed() < oldest
        {
            return Ok(Arc::clone(keys));
        }
        let (status, body) = self.fetch.ask(&url, Ask::default()).await?;
        let keys = token::keys(&body).filter(|_| status.is_success());
        let keys = Arc::new(keys.ok_or_else(|| Trouble::Unavailable("no key set".into()))?);
        known.keys = Some((Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }

    async fn document<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Trouble> {
        let (status, body) = self.fetch.ask(url, Ask::default()).await?;
        match status.is_success() {
            true => parse(url.path(), &body),
            false => Err(Trouble::Unavailable(format!("{}: {status}", url.path()))),
        }
    }
}

/// RFC 6749, 2.3.1: both parts are form-encoded first.
fn basic(client: &str, secret: &str) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", encode(client), encode(secret));
    format!("Basic {}", STANDARD.encode(both))
}

fn parse<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|e| Trouble::Unavailable(format!("{what}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_the_provider_follows_from_the_cookie_and_says_nothing_of_it() {
        let trip = Trip::begin();
        let all = [
            trip.state(),
            trip.nonce(),
            trip.verifier(),
            trip.challenge(),
        ];
        for (i, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 43, "RFC 7636 wants 43 to 128");
            assert!(!all[..i].contains(one));
        }
        assert_eq!(Trip(trip.0.clone()).state(), trip.state());
        assert_ne!(Trip::begin().state(), trip.state());
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        // RFC 7636, appendix B.
        let digest = Sha256::digest(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let challenge = URL_SAFE_NO_PAD.encode(digest);
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        let expected = STANDARD.encode("a%3Ab:c+d%2F");
        assert_eq!(basic("a:b", "c d/"), format!("Basic {expected}"));
    }
}
