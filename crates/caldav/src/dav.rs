//! Requests to a calendar server, one at a time, on a thread that may wait. Everything that comes back is bounded: time, head,
//! body, redirects.

use crate::Trouble;
use base64::Engine;
use confab_egress::{Agent, Certificate, Reach};
use std::io::Read;
use std::time::Duration;
use ureq::http::Request;
use url::Url;

/// From the first packet to the last of one answer.
const WITHIN: Duration = Duration::from_secs(10);
/// Octets of an answer that are read.
const MOST: u64 = 2 << 20;
const MOST_REDIRECTS: usize = 5;
/// A server that wants to be left alone is, but not for ever.
const LONGEST_REST: u64 = 6 * 3600;

/// User name and password of one calendar.
pub struct Login(String);

impl Login {
    pub fn new(user: &str, password: &str) -> Login {
        let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Login(format!("Basic {text}"))
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(hidden)")
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Empty: none.
    pub(crate) etag: String,
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    pub(crate) body: String,
    retry_after: Option<Duration>,
}

impl Reply {
    /// An answer that is none of those expected.
    pub(crate) fn trouble(&self) -> Trouble {
        match self.status {
            401 | 403 => Trouble::Refused,
            _ => Trouble::Failed(self.retry_after),
        }
    }
}

/// The way to calendar servers.
#[derive(Clone, Debug)]
pub struct Dav {
    agent: Agent,
    pub reach: Reach,
}

impl Dav {
    /// `authorities`: who signed the servers' certificates; none: the public ones.
    pub fn new(reach: Reach, authorities: Option<Vec<Certificate<'static>>>) -> Dav {
        Dav {
            agent: confab_egress::agent(reach, authorities, WITHIN),
            reach,
        }
    }

    /// Follows redirects of questions; what writes is not sent elsewhere.
    pub(crate) fn send(
        &self,
        login: &Login,
        method: &str,
        url: &Url,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply, Trouble> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let (reply, location) = self.once(login, method, &url, headers, body)?;
            let follow = matches!(reply.status, 301 | 302 | 307 | 308)
                && matches!(method, "PROPFIND" | "GET" | "REPORT");
            match location.filter(|_| follow) {
                Some(location) => url = self.reach.join(&url, &location)?,
                None => return Ok(reply),
            }
        }
        Err(Trouble::Failed(None))
    }

    fn once(
        &self,
        login: &Login,
        method: &str,
        url: &Url,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<(Reply, Option<String>), Trouble> {
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("authorization", &login.0)
            .header("accept-encoding", "identity");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body.is_empty() {
            true => request.body(()).map(|r| self.agent.run(r)),
            false => request.body(body.to_owned()).map(|r| self.agent.run(r)),
        };
        let mut answer = sent.map_err(|_| Trouble::Address)?.map_err(trouble)?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let rest = header("retry-after").and_then(|v| v.trim().parse::<u64>().ok());
        let (status, etag, location) = (
            answer.status().as_u16(),
            header("etag").unwrap_or_default(),
            header("location"),
        );
        let mut bytes = Vec::new();
        let mut reader = answer.body_mut().as_reader().take(MOST + 1);
        reader
            .read_to_end(&mut bytes)
            .map_err(|_| Trouble::Unreachable)?;
        if bytes.len() as u64 > MOST {
            return Err(Trouble::Failed(None));
        }
        let reply = Reply {
            status,
            etag,
            url: url.clone(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            retry_after: rest.map(|s| Duration::from_secs(s.min(LONGEST_REST))),
        };
        Ok((reply, location))
    }
}

fn trouble(error: ureq::Error) -> Trouble {
    match confab_egress::is_forbidden(&error) {
        true => Trouble::Address,
        false => Trouble::Unreachable,
    }
}
