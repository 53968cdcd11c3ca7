//! Which operation needs which scope of a program's token: docs/openapi.json says it (`x-scope`), and this is the one door where it
//! is asked for. `open`: anybody; `session`: a person who is signed in, no token; else a [`TokenScope`]. Tokens of the configuration
//! have no scopes: they may all that tokens may.

use super::Site;
use super::api::{Refusal, has_token};
use crate::accounts::{Bearer, Refused};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use confab_protocol::{Code, TokenScope};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Open,
    Session,
    Scope(TokenScope),
}

type Needs = HashMap<(String, Method), Need>;

/// By path, with its parameters in braces, and method.
static NEEDS: LazyLock<Needs> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(super::schedule::DOCUMENT).unwrap_or_default();
    needs(&document)
});

fn needs(document: &Value) -> Needs {
    let mut all = HashMap::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            let need = match operation["x-scope"].as_str() {
                Some("open") => Need::Open,
                Some("session") => Need::Session,
                word => match word.and_then(TokenScope::parse) {
                    Some(scope) => Need::Scope(scope),
                    None => continue,
                },
            };
            all.insert((path.clone(), method), need);
        }
    }
    all
}

/// The secret behind `Authorization: Bearer`.
fn secret(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    Some(value.strip_prefix("Bearer ")?.trim())
}

/// The program that asks, by a token that was made for it; none: it has shown none that is good, or one of the configuration.
pub(super) async fn bearer(site: &Site, headers: &HeaderMap) -> Result<Option<Bearer>, Refused> {
    match secret(headers) {
        Some(_) if has_token(site, headers) => Ok(None),
        Some(secret) => site.accounts.bearer(secret).await,
        None => Ok(None),
    }
}

/// Whether the operator's own program asks: by a token of the configuration or of the server.
pub(super) async fn operates(site: &Site, headers: &HeaderMap) -> Result<bool, Refused> {
    if has_token(site, headers) {
        return Ok(true);
    }
    let bearer = bearer(site, headers).await?;
    Ok(bearer.is_some_and(|bearer| bearer.account.is_none()))
}

/// Around the whole API: whoever shows a token shows one that is good for this operation.
pub(super) async fn scoped(
    State(site): State<Arc<Site>>,
    request: Request,
    next: Next,
) -> Response {
    let refused = match asked(&site, &request) {
        Some((secret, need)) => refusal(&site, &secret, need).await,
        None => None,
    };
    match refused {
        None => next.run(request).await,
        Some(refused) => refused,
    }
}

/// The token that was shown, and what it has to be good for. None: it is not looked at.
fn asked(site: &Site, request: &Request) -> Option<(String, Need)> {
    let headers = request.headers();
    let secret = secret(headers)?;
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let method = match *request.method() {
        Method::HEAD => Method::GET,
        ref other => other.clone(),
    };
    // What the document does not name is not there, or not part of the API.
    let need = *NEEDS.get(&(path.to_owned(), method))?;
    let looked_at = need != Need::Open && !has_token(site, headers);
    looked_at.then(|| (secret.to_owned(), need))
}

async fn refusal(site: &Site, secret: &str, need: Need) -> Option<Response> {
    let code = match (site.accounts.bearer(secret).await, need) {
        (Err(refused), _) => return Some(refused.into_response()),
        (Ok(None), _) => Code::Unauthorized,
        (Ok(Some(bearer)), Need::Scope(scope)) if bearer.scopes.contains(&scope) => return None,
        (Ok(Some(_)), _) => Code::ScopeMissing,
    };
    Some(Refusal::from(code).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_document_says_what_it_needs() {
        let document: Value = serde_json::from_str(super::super::schedule::DOCUMENT).expect("JSON");
        let needs = needs(&document);
        let mut operations = 0;
        for (path, item) in document["paths"].as_object().expect("paths") {
            let methods = item.as_object().expect("path item").keys();
            for method in methods.filter(|m| *m != "parameters") {
                let key = (
                    path.clone(),
                    method.to_uppercase().parse::<Method>().expect("method"),
                );
                assert!(needs.contains_key(&key), "{method} {path} has no x-scope");
                operations += 1;
            }
        }
        assert_eq!(operations, needs.len());
        // What changes something is never for a scope that reads.
        for ((path, method), need) in needs {
            let reads = [TokenScope::MeetingsRead, TokenScope::AdminRead].map(Need::Scope);
            assert!(
                method == Method::GET || !reads.contains(&need),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn only_bearer_carries_a_token() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().expect("value"));
            secret(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer cft_x "), Some("cft_x".into()));
        assert_eq!(of("Basic cft_x"), None);
        assert_eq!(secret(&HeaderMap::new()), None);
    }
}
