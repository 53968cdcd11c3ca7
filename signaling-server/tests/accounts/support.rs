//! A browser as far as the API sees one: it keeps its cookie and says where its pages come from.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use crate::api::{self, Document};
use crate::common::Server;
use confab_protocol::{AccountRole, Code, ErrorBody, Standing};
use confab_server::{Config, Offline};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub const PASSWORD: &str = "correct horse battery";

pub struct Browser {
    base: String,
    /// Values by name.
    cookies: Mutex<BTreeMap<String, String>>,
    /// Every answer is held against it.
    document: Arc<Document>,
    /// Headers in place of or beside the usual ones.
    pub headers: Vec<(&'static str, String)>,
}

/// Status, `Set-Cookie`, `Retry-After` and body of an answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub set_cookie: Option<String>,
    pub retry_after: Option<u64>,
    pub cache: String,
    pub location: Option<String>,
    /// All of them, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    #[track_caller]
    pub fn code(&self) -> Code {
        assert!(self.status >= 400, "{} {}", self.status, self.body);
        self.json::<ErrorBody>().code
    }
}

impl Browser {
    pub fn new(server: &Server) -> Browser {
        let document = Document::read(include_str!("../../../docs/openapi.json"));
        Browser::with(server, Arc::new(document))
    }

    /// Several browsers share what was seen of the document.
    pub fn with(server: &Server, document: Arc<Document>) -> Browser {
        let base = format!("http://{}", server.http());
        Browser {
            headers: vec![
                ("origin", base.clone()),
                ("sec-fetch-site", "same-origin".into()),
                ("content-type", "application/json".into()),
                (
                    "user-agent",
                    "Mozilla/5.0 (X11; Linux) Firefox/153.0".into(),
                ),
            ],
            cookies: Mutex::default(),
            document,
            base,
        }
    }

    /// Whether it was given one that stands for something.
    pub fn has_cookie(&self) -> bool {
        self.cookies.lock().unwrap().contains_key("confab")
    }

    /// What it would send along with a WebSocket.
    pub fn cookie(&self) -> String {
        let all = self.cookies.lock().unwrap();
        let pairs: Vec<String> = all.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let text = match body {
            Value::Null => String::new(),
            Value::String(raw) => raw,
            body => body.to_string(),
        };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let cookies = self.cookies.lock().unwrap().clone();
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            request = request.header("cookie", pairs.join("; "));
        }
        let request = request.body(text).unwrap();
        let answer = tokio::task::spawn_blocking(move || {
            let config = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .allow_non_standard_methods(true);
            let answer = config.build().new_agent().run(request).unwrap();
            let header = |name: &str| {
                let value = answer.headers().get(name);
                value.map(|v| v.to_str().unwrap().to_owned())
            };
            let kind = header("content-type").unwrap_or_default();
            let answer = Answer {
                status: answer.status().as_u16(),
                location: header("location"),
                set_cookie: header("set-cookie"),
                retry_after: header("retry-after").and_then(|s| s.parse().ok()),
                cache: header("cache-control").unwrap_or_default(),
                headers: answer
                    .headers()
                    .iter()
                    .map(|(name, value)| {
                        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                        (name.as_str().to_owned(), value)
                    })
                    .collect(),
                body: answer.into_body().read_to_string().unwrap(),
            };
            (answer, kind)
        })
        .await
        .unwrap();
        let (answer, kind) = answer;
        // What HTTP itself refuses is no answer of an operation, and what is not there has no document.
        let by_http = matches!(answer.status, 405 | 413 | 414 | 415 | 431);
        let named = |path: &&str| answer.status != 404 || self.document.names(method, path);
        let path = path.strip_prefix("/api/v1").filter(|_| !by_http);
        if let Some(path) = path.filter(named) {
            let seen = api::Answer {
                status: answer.status,
                etag: String::new(),
                text: answer.body.clone(),
            };
            self.document.check(method, path, &seen, &kind);
        }
        if let Some(set) = &answer.set_cookie {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            match value {
                "" => cookies.remove(name),
                value => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, body).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, Value::Null).await
    }

    pub async fn standing(&self) -> Standing {
        self.get("/api/v1/session").await.json()
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let body = serde_json::json!({ "email": email, "password": password });
        self.post("/api/v1/session", body).await
    }
}

/// The data directory by the command line, beside the running server.
pub async fn offline(server: &Server) -> Offline {
    Offline::open(&Config {
        listen: server.http(),
        ..Config::ephemeral(server.dir.path())
    })
    .await
    .unwrap()
}

/// An account with [`PASSWORD`], and a browser that is signed in with it.
pub async fn person(server: &Server, email: &str, role: AccountRole) -> Browser {
    let offline = offline(server).await;
    let made = offline
        .add_account(email, "A Person", role, Some(PASSWORD.into()))
        .await;
    assert_eq!(made.unwrap(), None);
    offline.close().await.unwrap();
    let browser = Browser::new(server);
    let answer = browser.sign_in(email, PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    browser
}

/// The secret of a link in a text.
pub fn token_in(text: &str) -> String {
    let (_, rest) = text.split_once("#token=").expect(text);
    rest.chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}
