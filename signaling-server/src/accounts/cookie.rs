//! The cookie that stands for a session. It is for this host alone, out of reach of scripts, and goes along with no request that
//! another page made, save a plain link (RFC 6265bis).

use crate::secrets::Digest;
use axum::http::{HeaderMap, HeaderValue, header};

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Session,
    /// The way to the sign-in provider and back.
    Trip,
    /// The provider's own word on who this is, for signing out there: see [`at_provider`].
    Provider,
}

/// Longest value of a cookie of this kind. Browsers keep 4096 bytes with everything around them.
fn longest(kind: Kind) -> usize {
    match kind {
        Kind::Session | Kind::Trip => 64,
        Kind::Provider => 3900,
    }
}

/// The value of the provider's cookie: its ID token, bound to the session it began. `None`: too long for a cookie, or not of a
/// token's letters.
pub(crate) fn at_provider(session: &str, id_token: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let value = format!("{}.{id_token}", bound(session));
    let good = value.len() <= longest(Kind::Provider) && id_token.bytes().all(plain);
    good.then_some(value)
}

/// The ID token in it, where it is this session's.
pub(crate) fn id_token<'a>(session: &str, value: &'a str) -> Option<&'a str> {
    let (binding, token) = value.split_once('.')?;
    (binding == bound(session)).then_some(token)
}

fn bound(session: &str) -> String {
    let mut hex = Digest::of(&format!("provider:{session}")).to_hex();
    hex.truncate(32);
    hex
}

/// Over TLS the name itself keeps other hosts from setting it.
fn name(kind: Kind, secure: bool) -> &'static str {
    match (kind, secure) {
        (Kind::Session, true) => "__Host-confab",
        (Kind::Session, false) => "confab",
        (Kind::Trip, true) => "__Host-confab-trip",
        (Kind::Trip, false) => "confab-trip",
        (Kind::Provider, true) => "__Host-confab-provider",
        (Kind::Provider, false) => "confab-provider",
    }
}

/// The secret, where the request has such a cookie of ours.
pub(crate) fn read(headers: &HeaderMap, kind: Kind, secure: bool) -> Option<&str> {
    let wanted = name(kind, secure);
    let lines = headers.get_all(header::COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty() && value.len() <= longest(kind))
}

/// `Set-Cookie` for so many seconds; an empty secret for none takes it away.
pub(crate) fn set(kind: Kind, secret: &str, seconds: u64, secure: bool) -> HeaderValue {
    let flag = if secure { "; Secure" } else { "" };
    let text = format!(
        "{}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{flag}",
        name(kind, secure)
    );
    HeaderValue::from_str(&text).expect("letters of our own")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cookie_of_the_right_name_counts() {
        let mut headers = HeaderMap::new();
        let line = "other=1; confab=abc; __Host-confab=def; confab-trip=s1";
        headers.insert(header::COOKIE, line.parse().unwrap());
        assert_eq!(read(&headers, Kind::Session, false), Some("abc"));
        assert_eq!(read(&headers, Kind::Session, true), Some("def"));
        assert_eq!(read(&headers, Kind::Trip, false), Some("s1"));
        assert_eq!(read(&headers, Kind::Trip, true), None);
        headers.insert(header::COOKIE, "confab=".parse().unwrap());
        assert_eq!(read(&headers, Kind::Session, false), None);
        assert_eq!(read(&HeaderMap::new(), Kind::Session, true), None);
    }

    #[test]
    fn the_providers_word_is_one_sessions_alone() {
        let value = at_provider("abc", "head.body.sign").unwrap();
        assert_eq!(id_token("abc", &value), Some("head.body.sign"));
        assert_eq!(id_token("abd", &value), None);
        assert_eq!(id_token("abc", "head.body.sign"), None);
        assert_eq!(at_provider("abc", &"x".repeat(3900)), None);
        assert_eq!(at_provider("abc", "a; Domain=evil"), None);
        let mut headers = HeaderMap::new();
        let line = format!("confab-provider={value}");
        headers.insert(header::COOKIE, line.parse().unwrap());
        assert_eq!(read(&headers, Kind::Provider, false), Some(value.as_str()));
    }

    #[test]
    fn scripts_and_other_hosts_are_kept_out() {
        let secure = set(Kind::Session, "abc", 60, true);
        assert_eq!(
            secure,
            "__Host-confab=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(
            !set(Kind::Session, "", 0, false)
                .to_str()
                .unwrap()
                .contains("Secure")
        );
    }
}
