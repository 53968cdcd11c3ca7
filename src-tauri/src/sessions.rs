//! Who is signed in on which server from this machine, one account for each. The file is the user's alone (0600); pages get names and
//! addresses, never secrets.

use crate::ipc::KnownAccount;
use crate::link::Origin;
use confab_client::SessionCookie;
use confab_protocol::AppSession;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::Url;

/// Servers one is signed in on; more, and the one that ends first is forgotten.
const MOST: usize = 50;

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    secret: String,
    /// Milliseconds since 1970.
    ends_at: u64,
    name: String,
    email: String,
}

/// By origin. Secrets show in no debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sessions(BTreeMap<String, Kept>);

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Sessions {
    /// From the file's content; entries that are none, or over at `now`, are skipped.
    pub fn read(content: &Map<String, Value>, now: u64) -> Sessions {
        let entries = content.get("sessions").and_then(Value::as_object);
        let entries = entries.into_iter().flatten().filter_map(|(server, kept)| {
            let origin = Origin::parse(server).filter(|o| o.as_str() == server)?;
            let kept: Kept = serde_json::from_value(kept.clone()).ok()?;
            (kept.ends_at > now).then(|| (origin.as_str().to_owned(), kept))
        });
        Sessions(entries.take(MOST).collect())
    }

    pub fn content(&self) -> Value {
        json!({ "sessions": self.0 })
    }

    /// Takes the place of the one before on this server.
    pub fn keep(&mut self, server: &Origin, session: &AppSession, now: u64) {
        let kept = Kept {
            secret: session.secret.clone(),
            ends_at: now.saturating_add(session.lasts.saturating_mul(1000)),
            name: session.me.name.clone(),
            email: session.me.email.clone(),
        };
        self.0.insert(server.as_str().to_owned(), kept);
        while self.0.len() > MOST {
            let first = self.0.iter().min_by_key(|(_, kept)| kept.ends_at);
            let Some(first) = first.map(|(server, _)| server.clone()) else {
                return;
            };
            self.0.remove(&first);
        }
    }

    /// Whether there was one.
    pub fn forget(&mut self, server: &Origin) -> bool {
        self.0.remove(server.as_str()).is_some()
    }

    pub fn cookie(&self, server: &Origin) -> Option<SessionCookie> {
        let kept = self.0.get(server.as_str())?;
        SessionCookie::new(&Url::parse(server.as_str()).ok()?, &kept.secret)
    }

    pub fn list(&self) -> Vec<KnownAccount> {
        let known = self.0.iter().map(|(server, kept)| KnownAccount {
            server: server.clone(),
            name: kept.name.clone(),
            email: kept.email.clone(),
        });
        known.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(secret: &str, lasts: u64) -> AppSession {
        let me = json!({
            "id": "0123456789abcdefghjkmnpqrs", "email": "ada@example.org", "name": "Ada", "role": "member", "created_at": 1, "disabled": false,
        });
        serde_json::from_value(json!({ "secret": secret, "lasts": lasts, "me": me })).unwrap()
    }

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    #[test]
    fn each_server_has_one_and_pages_see_no_secret() {
        let mut all = Sessions::default();
        let (a, b) = (origin("https://a.example"), origin("http://127.0.0.1:8480"));
        all.keep(&a, &session("old", 60), 0);
        all.keep(&a, &session("s3cret", 60), 0);
        all.keep(&b, &session("other", 60), 0);
        let debug = format!("{all:?} {:?}", all.list());
        assert!(debug.contains("a.example") && !debug.contains("s3cret"));
        let cookie = SessionCookie::new(&Url::parse("https://a.example").unwrap(), "s3cret");
        assert_eq!(all.cookie(&a), cookie);
        assert!(all.forget(&b) && !all.forget(&b));
        assert_eq!(all.cookie(&b), None);
        assert_eq!(all.list().len(), 1);
    }

    #[test]
    fn it_is_read_as_it_was_written_until_it_is_over() {
        let mut all = Sessions::default();
        all.keep(&origin("https://a.example"), &session("x", 60), 1000);
        let content = all.content();
        let content = content.as_object().unwrap();
        assert_eq!(Sessions::read(content, 60_999), all);
        assert_eq!(Sessions::read(content, 61_000), Sessions::default());
    }

    #[test]
    fn entries_that_are_none_are_skipped_and_there_is_an_end_to_them() {
        let kept = json!({ "secret": "x", "endsAt": 9, "name": "", "email": "" });
        let content = json!({ "sessions": { "file:///etc": kept, "https://a.example/": kept, "https://b.example": 1 } });
        let read = Sessions::read(content.as_object().unwrap(), 0);
        assert_eq!(read, Sessions::default());
        let mut all = Sessions::default();
        for n in 0..MOST as u64 + 3 {
            all.keep(
                &origin(&format!("https://s{n}.example")),
                &session("x", 100 + n),
                0,
            );
        }
        assert_eq!(all.list().len(), MOST);
        assert_eq!(all.cookie(&origin("https://s0.example")), None);
    }
}
