//! The HTTP API as its document has it: every answer of a test is held against `/api/v1/openapi.json`, as the server gives it. Of JSON
//! Schema it knows what the document uses, but for `pattern`.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;

pub struct Api {
    server: SocketAddr,
    document: Document,
}

/// The document, and what of it was seen.
pub struct Document {
    document: Value,
    /// Operations that were answered with success.
    done: Mutex<BTreeSet<String>>,
}

pub struct Answer {
    pub status: u16,
    pub etag: String,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub enum By<'a> {
    Nobody,
    Token(&'a str),
    Host(&'a str),
}

impl Api {
    pub async fn of(server: SocketAddr) -> Api {
        let url = format!("http://{server}/api/v1/openapi.json");
        let text = tokio::task::spawn_blocking(move || {
            let answer = ureq::get(&url).call().unwrap();
            answer.into_body().read_to_string().unwrap()
        });
        Api {
            server,
            document: Document::read(&text.await.unwrap()),
        }
    }

    /// Operations about meetings, rooms and feeds that no test has had an answer of.
    pub fn not_done(&self) -> BTreeSet<String> {
        self.document
            .not_done(&["meetings", "rooms", "feeds", "openapi.json"])
    }

    pub async fn call(&self, method: &str, path: &str, by: By<'_>, body: Option<Value>) -> Answer {
        self.send(method, path, by, body.map(|b| b.to_string()), &[])
            .await
    }

    /// Sends a request and holds the answer against the document.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        by: By<'_>,
        body: Option<String>,
        more: &[(&str, &str)],
    ) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}/api/v1{path}", self.server));
        if body.is_some() && more.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        request = match by {
            By::Nobody => request,
            By::Token(token) => request.header("authorization", format!("Bearer {token}")),
            By::Host(key) => request.header("x-host-key", key),
        };
        let request = request.body(body.unwrap_or_default()).unwrap();
        let answer = tokio::task::spawn_blocking(move || run(request))
            .await
            .unwrap();
        self.document.check(method, path, &answer.0, &answer.1);
        answer.0
    }
}

impl Document {
    pub fn read(text: &str) -> Document {
        Document {
            document: serde_json::from_str(text).unwrap(),
            done: Mutex::default(),
        }
    }

    /// Whether there is such an operation; `path` as for `check`.
    pub fn names(&self, method: &str, path: &str) -> bool {
        let path = format!("/api/v1{}", path.split('?').next().unwrap());
        let paths = self.document["paths"].as_object().unwrap();
        let mut fitting = paths.iter().filter(|(template, _)| fits(template, &path));
        fitting.any(|(_, item)| item[method.to_lowercase()].is_object())
    }

    /// Holds an answer against it; `path` begins behind `/api/v1`, `kind` is the content type.
    pub fn check(&self, method: &str, path: &str, answer: &Answer, kind: &str) {
        let path = format!("/api/v1{}", path.split('?').next().unwrap());
        let paths = self.document["paths"].as_object().unwrap();
        // What is written out comes before what only fits.
        let exact = paths.get_key_value(&path);
        let fitting = || paths.iter().find(|(template, _)| fits(template, &path));
        let (template, item) = exact
            .or_else(fitting)
            .unwrap_or_else(|| panic!("{path} is not in the document"));
        let operation = &item[method.to_lowercase()];
        assert!(
            operation.is_object(),
            "{method} {template} is not in the document"
        );
        let said = &operation["responses"][answer.status.to_string()];
        let what = format!("{method} {template}: {} {}", answer.status, answer.text);
        assert!(
            said.is_object(),
            "the document knows no such answer: {what}"
        );
        if answer.status < 400 {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            self.done.lock().unwrap().insert(id);
        }
        let Some(content) = said["content"].as_object() else {
            return;
        };
        let content = &content[kind.split(';').next().unwrap()];
        assert!(content.is_object(), "{kind}: {what}");
        if kind.starts_with("application/json") {
            let faults = self.faults(&content["schema"], &answer.json(), "$");
            assert!(faults.is_empty(), "{faults:?}: {what}");
        }
    }

    /// Operations on these kinds of things that were not answered with success.
    pub fn not_done(&self, kinds: &[&str]) -> BTreeSet<String> {
        let done = self.done.lock().unwrap();
        let paths = self.document["paths"].as_object().unwrap();
        let kind = |path: &str| path.split('/').nth(3).unwrap_or_default().to_owned();
        paths
            .iter()
            .filter(|(path, _)| kinds.contains(&kind(path).as_str()))
            .flat_map(|(_, item)| item.as_object().unwrap().values())
            .filter_map(|operation| operation["operationId"].as_str())
            .filter(|id| !done.contains(*id))
            .map(str::to_owned)
            .collect()
    }

    fn faults(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap();
            let named = &self.document["components"]["schemas"][name];
            assert!(named.is_object(), "no schema {name}");
            return self.faults(named, value, at);
        }
        if let Some(all) = schema["oneOf"].as_array() {
            let fitting = all
                .iter()
                .filter(|s| self.faults(s, value, at).is_empty())
                .count();
            return match fitting {
                1 => Vec::new(),
                n => vec![format!("{at}: {n} of oneOf fit {value}")],
            };
        }
        let mut faults = Vec::new();
        let mut say = |fault: String| faults.push(format!("{at}: {fault}"));
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.is_empty() && !types.contains(&is) {
            say(format!("{is} instead of {types:?}"));
        }
        let bound = |key: &str| schema[key].as_i64();
        if value.as_i64().is_some_and(|n| {
            bound("minimum").is_some_and(|m| n < m) || bound("maximum").is_some_and(|m| n > m)
        }) {
            say(format!("{value} is out of range"));
        }
        let wrong =
            |key: &str, ok: &dyn Fn(&Value) -> bool| schema.get(key).is_some_and(|s| !ok(s));
        if wrong("const", &|c| c == value)
            || wrong("enum", &|e| e.as_array().unwrap().contains(value))
        {
            say(format!("{value} is none of the values"));
        }
        if let Value::Array(items) = value {
            for (i, item) in items.iter().enumerate() {
                faults.extend(self.faults(&schema["items"], item, &format!("{at}[{i}]")));
            }
        }
        if let Value::Object(fields) = value {
            for name in schema["required"].as_array().into_iter().flatten() {
                if !fields.contains_key(name.as_str().unwrap()) {
                    faults.push(format!("{at}: no {name}"));
                }
            }
            for (name, field) in fields {
                let below = format!("{at}.{name}");
                match (&schema["properties"][name], &schema["additionalProperties"]) {
                    (Value::Null, Value::Bool(false)) => {
                        faults.push(format!("{below} is not in the document"))
                    }
                    (Value::Null, Value::Null) => {}
                    (Value::Null, other) => faults.extend(self.faults(other, field, &below)),
                    (known, _) => faults.extend(self.faults(known, field, &below)),
                }
            }
        }
        faults
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (a, b) = (template.split('/'), path.split('/'));
    a.clone().count() == b.clone().count() && a.zip(b).all(|(a, b)| a.starts_with('{') || a == b)
}

/// The answer and its content type.
fn run(request: ureq::http::Request<String>) -> (Answer, String) {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .new_agent();
    let answer = match request.body().is_empty() {
        true => agent.run(request.map(|_| ())),
        false => agent.run(request),
    };
    let answer = answer.unwrap();
    let header = |name: &str| {
        let value = answer.headers().get(name).map(|v| v.to_str().unwrap());
        value.unwrap_or_default().to_owned()
    };
    let (status, etag, kind) = (
        answer.status().as_u16(),
        header("etag"),
        header("content-type"),
    );
    let text = answer.into_body().read_to_string().unwrap();
    (Answer { status, etag, text }, kind)
}
