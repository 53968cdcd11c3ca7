//! The desktop app's sign-in (RFC 8252): somebody who is signed in in a browser lets the app on the same machine in. The browser carries
//! a code to where the app listens on the loopback interface, and the app redeems it with the secret its challenge was made from
//! (RFC 7636, S256). The session that comes of it is the app's own.

use super::{Accounts, Entered, Origin, Outcome, Who};
use crate::clock::wall_ms;
use crate::secrets::{Digest, fresh_secret};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use confab_protocol::{AppCode, AppSignIn, AuditAction, Code};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use url::form_urlencoded::byte_serialize;

/// A code is redeemed by a program, not by a person.
const LASTS: Duration = Duration::from_secs(60);
/// More of them, and the oldest is forgotten.
const MOST: usize = 1000;

/// A code that waits for its app.
#[derive(Clone, Debug)]
struct Waiting {
    challenge: String,
    /// The session that let the app in: ended meanwhile, it lets nobody in.
    session: Digest,
    at: Instant,
}

/// Codes by their digests. Pure: times go in.
#[derive(Debug, Default)]
pub(super) struct Codes {
    open: HashMap<String, Waiting>,
}

impl Codes {
    fn add(&mut self, code: &str, waiting: Waiting) {
        let now = waiting.at;
        if self.open.len() >= MOST {
            self.open.retain(|_, waiting| is_fresh(waiting, now));
        }
        if self.open.len() >= MOST {
            let oldest = self.open.iter().min_by_key(|(_, waiting)| waiting.at);
            if let Some(oldest) = oldest.map(|(code, _)| code.clone()) {
                self.open.remove(&oldest);
            }
        }
        self.open.insert(Digest::of(code).to_hex(), waiting);
    }

    /// The session a code is for. It is used up, whatever the verifier is worth.
    fn take(&mut self, code: &str, verifier: &str, now: Instant) -> Option<Digest> {
        let waiting = self.open.remove(&Digest::of(code).to_hex())?;
        let made = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let right = Digest::of(&made).matches(&Digest::of(&waiting.challenge));
        (right && is_fresh(&waiting, now)).then_some(waiting.session)
    }
}

fn is_fresh(waiting: &Waiting, now: Instant) -> bool {
    now.saturating_duration_since(waiting.at) < LASTS
}

fn is_good(wish: &AppSignIn) -> bool {
    let plain = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    wish.port > 0
        && wish.challenge.len() == 43
        && (16..=128).contains(&wish.state.len())
        && plain(&wish.challenge)
        && plain(&wish.state)
}

impl Accounts {
    /// Where the browser of somebody who lets an app in has to go. `iss` there keeps one server's codes from being given to
    /// another (RFC 9207).
    pub(crate) fn let_app_in(&self, from: &Origin, who: &Who, wish: &AppSignIn) -> Outcome<String> {
        // A program with a token is no browser.
        let session = who.session.as_ref().ok_or(Code::NotAllowed)?;
        if !is_good(wish) {
            return Err(Code::BadValue.into());
        }
        let now = Instant::now();
        if !self.trips.allows(from.address, now) {
            return Err(Code::TooFast.into());
        }
        let code = fresh_secret();
        let waiting = Waiting {
            challenge: wish.challenge.clone(),
            session: session.token,
            at: now,
        };
        self.apps
            .lock()
            .expect("no panic while counting")
            .add(&code, waiting);
        let iss: String = byte_serialize(self.public_url.as_bytes()).collect();
        Ok(format!(
            "http://127.0.0.1:{}/signed-in?code={code}&state={}&iss={iss}",
            wish.port, wish.state
        ))
    }

    /// Every failure has the same answer.
    pub(crate) async fn enter_by_app(&self, from: &Origin, wish: &AppCode) -> Outcome<Entered> {
        self.begin_try(from, None).await?;
        let found = {
            let mut apps = self.apps.lock().expect("no panic while counting");
            apps.take(&wish.code, &wish.verifier, Instant::now())
        };
        let session = found.ok_or(Code::LinkExpired)?;
        let who = self.store.session(session, wall_ms()).await?;
        let (_, account) = who.ok_or(Code::LinkExpired)?;
        self.was_right(from, None);
        let how = Some(from.agent.as_str()).filter(|agent| !agent.is_empty());
        self.enter_by(from, account, Vec::new(), AuditAction::SignedIn, how)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn waiting(at: Instant) -> Waiting {
        Waiting {
            challenge: CHALLENGE.into(),
            session: Digest::of("session"),
            at,
        }
    }

    #[test]
    fn a_code_is_good_once_for_a_minute_and_with_its_verifier() {
        let start = Instant::now();
        let mut codes = Codes::default();
        for code in ["a", "b", "c"] {
            codes.add(code, waiting(start));
        }
        let late = start + LASTS;
        let session = codes.take("a", VERIFIER, late - Duration::from_millis(1));
        assert!(session.is_some_and(|s| s.matches(&Digest::of("session"))));
        assert!(codes.take("a", VERIFIER, start).is_none(), "once");
        assert!(codes.take("b", CHALLENGE, start).is_none(), "another's");
        assert!(
            codes.take("b", VERIFIER, start).is_none(),
            "a wrong try uses it up"
        );
        assert!(codes.take("c", VERIFIER, late).is_none(), "too old");
        assert!(codes.take("d", VERIFIER, start).is_none(), "made up");
    }

    #[test]
    fn they_are_bounded_and_the_newest_stay() {
        let start = Instant::now();
        let mut codes = Codes::default();
        for i in 0..MOST + 5 {
            let at = start + Duration::from_micros(i as u64);
            codes.add(&i.to_string(), waiting(at));
        }
        assert_eq!(codes.open.len(), MOST);
        assert!(codes.take("4", VERIFIER, start).is_none());
        assert!(codes.take("5", VERIFIER, start).is_some());
    }

    #[test]
    fn only_what_an_app_makes_is_taken() {
        let wish = |port, challenge: &str, state: &str| AppSignIn {
            port,
            challenge: challenge.into(),
            state: state.into(),
        };
        let state = "0123456789abcdef";
        assert!(is_good(&wish(40000, CHALLENGE, state)));
        for bad in [
            wish(0, CHALLENGE, state),
            wish(40000, "", state),
            wish(40000, &CHALLENGE[1..], state),
            wish(40000, &CHALLENGE.replace('-', "="), state),
            wish(40000, CHALLENGE, &state[1..]),
            wish(40000, CHALLENGE, "0123456789abcdef&x=y"),
            wish(40000, CHALLENGE, &"x".repeat(129)),
        ] {
            assert!(!is_good(&bad));
        }
    }
}
