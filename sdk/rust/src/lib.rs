//! A client of a Confab server's HTTP API for programs (docs/API.md). The operations and their types are made from docs/openapi.json;
//! this file connects: addresses, the token, errors. It waits on the calling thread.
//!
//! ```no_run
//! let confab = confab_sdk::Client::new("https://meet.example.org", "cft_…")?;
//! for meeting in confab.list_meetings(None, None, Some(10))?.occurrences {
//!     println!("{}", meeting.title);
//! }
//! # Ok::<(), confab_sdk::Error>(())
//! ```
#![forbid(unsafe_code)]

mod generated;

pub use generated::*;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use ureq::Agent;
use ureq::http::Request;
use url::Url;

/// From the first packet to the last of one answer.
const WITHIN: Duration = Duration::from_secs(30);

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not the address of a server: {0}")]
    Address(String),
    /// The server refused. The code is stable (docs/PROTOCOL.md), the message is for people.
    #[error("{code} ({status}): {message}")]
    Refused {
        status: u16,
        code: String,
        message: String,
    },
    #[error("no answer: {0}")]
    Unreachable(Box<ureq::Error>),
    #[error("the answer cannot be read: {0}")]
    Answer(#[from] serde_json::Error),
}

/// The way to one server with one token.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    server: Url,
    token: Token,
}

#[derive(Clone)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Client {
    /// `server`: `https://meet.example.org`.
    pub fn new(server: &str, token: &str) -> Result<Client, Error> {
        let url = Url::parse(server).ok();
        let url = url.filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
        let server = url.ok_or_else(|| Error::Address(server.to_owned()))?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(WITHIN))
            .user_agent(concat!("confab-sdk/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Client {
            agent: config.new_agent(),
            server,
            token: Token(token.to_owned()),
        })
    }

    fn call(&self, method: &'static str, path: &[&str]) -> Asking<'_> {
        let mut url = self.server.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.clear().extend(path);
        }
        Asking {
            client: self,
            method,
            url,
            if_match: None,
        }
    }
}

/// One request.
struct Asking<'a> {
    client: &'a Client,
    method: &'static str,
    url: Url,
    if_match: Option<String>,
}

/// What may stand behind `?`; none is left out.
trait InQuery {
    fn text(self) -> Option<String>;
}

impl InQuery for Option<u64> {
    fn text(self) -> Option<String> {
        self.map(|n| n.to_string())
    }
}

impl InQuery for Option<&str> {
    fn text(self) -> Option<String> {
        self.map(str::to_owned)
    }
}

impl Asking<'_> {
    fn query(mut self, name: &str, value: impl InQuery) -> Self {
        if let Some(value) = value.text() {
            self.url.query_pairs_mut().append_pair(name, &value);
        }
        self
    }

    fn if_match(mut self, tag: Option<&str>) -> Self {
        self.if_match = tag.map(str::to_owned);
        self
    }

    /// The answer is JSON.
    fn answered<T: DeserializeOwned>(self, body: Option<&impl Serialize>) -> Result<T, Error> {
        Ok(serde_json::from_str(&self.send(body)?)?)
    }

    /// The answer is empty.
    fn done(self, body: Option<&impl Serialize>) -> Result<(), Error> {
        self.send(body).map(|_| ())
    }

    fn send(self, body: Option<&impl Serialize>) -> Result<String, Error> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.url.as_str())
            .header("authorization", format!("Bearer {}", self.client.token.0));
        if let Some(tag) = self.if_match {
            request = request.header("if-match", tag);
        }
        let agent = &self.client.agent;
        let sent = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(serde_json::to_string(body)?)
                .map(|request| agent.run(request)),
            None => request.body(()).map(|request| agent.run(request)),
        };
        let unreachable = |error: ureq::Error| Error::Unreachable(Box::new(error));
        let mut answer = sent
            .map_err(|e| unreachable(e.into()))?
            .map_err(unreachable)?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().map_err(unreachable)?;
        match status {
            200..300 => Ok(text),
            _ => Err(refused(status, &text)),
        }
    }
}

fn refused(status: u16, text: &str) -> Error {
    #[derive(Deserialize)]
    struct Said {
        code: String,
        message: String,
    }
    let said = serde_json::from_str(text).unwrap_or(Said {
        code: "unknown".into(),
        message: "the answer is not the API's".into(),
    });
    Error::Refused {
        status,
        code: said.code,
        message: said.message,
    }
}
