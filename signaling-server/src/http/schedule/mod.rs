//! The API of planned meetings, rooms and calendar feeds (docs/openapi.json), and the pages beside it.

mod asker;
mod boards;
mod feeds;
mod files;
mod meetings;
mod report;
mod rooms;

use super::Site;
use super::api::{self, status};
use crate::schedule::Refused;
use axum::Json;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use confab_protocol::{Code, ErrorBody};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ops::Range;
use std::sync::Arc;

/// Largest body that plans a meeting, bytes: three hundred people, a thousand exceptions.
const MAX_PLAN: usize = 192 * 1024;
/// What a list holds where nothing is said, and at most.
const LIMIT: usize = 200;
const MOST_LISTED: usize = 1_000;
/// The longest stretch a list covers, milliseconds: somewhat more than two years.
const MOST_SPAN: u64 = 800 * 24 * 3_600_000;

/// The document the routes below are held against (tests in this file and in tests/openapi.rs).
pub(super) const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

type Route = (
    &'static str,
    &'static [&'static str],
    MethodRouter<Arc<Site>>,
);

/// Each with the methods it answers to.
pub(super) fn routes() -> Vec<Route> {
    let limit = || DefaultBodyLimit::max(MAX_PLAN);
    let meetings = get(meetings::list).post(meetings::create).layer(limit());
    let meeting = get(api::info).patch(meetings::change).layer(limit());
    let room = get(rooms::room).put(rooms::save).delete(rooms::remove);
    vec![
        ("/api/v1/meetings", &["get", "post"], meetings),
        ("/api/v1/meetings/{meeting}", &["get", "patch"], meeting),
        (
            "/api/v1/meetings/{meeting}/plan",
            &["get"],
            get(meetings::plan),
        ),
        (
            "/api/v1/meetings/{meeting}/cancel",
            &["post"],
            post(meetings::cancel),
        ),
        (
            "/api/v1/meetings/{meeting}/host-key",
            &["post"],
            post(meetings::rotate),
        ),
        (
            "/api/v1/meetings/{meeting}/occurrences",
            &["get"],
            get(meetings::occurrences),
        ),
        (
            "/api/v1/meetings/{meeting}/attendance",
            &["get"],
            get(meetings::attendance),
        ),
        (
            "/api/v1/meetings/{meeting}/report",
            &["get"],
            get(report::report),
        ),
        (
            "/api/v1/meetings/{meeting}/chat",
            &["get"],
            get(meetings::chat),
        ),
        (
            "/api/v1/meetings/{meeting}/files",
            &["get", "post"],
            get(files::limits).post(files::upload),
        ),
        (
            "/api/v1/meetings/{meeting}/files/{file}",
            &["get"],
            get(files::download),
        ),
        (
            "/api/v1/meetings/{meeting}/boards/{board}/history",
            &["get"],
            get(boards::history),
        ),
        (
            "/api/v1/personal-rooms",
            &["get"],
            get(meetings::personal_rooms),
        ),
        (
            "/api/v1/rooms",
            &["get", "post"],
            get(rooms::list).post(rooms::create),
        ),
        ("/api/v1/rooms/{room}", &["get", "put", "delete"], room),
        ("/api/v1/rooms/{room}/busy", &["get"], get(rooms::busy)),
        (
            "/api/v1/feeds",
            &["get", "post"],
            get(feeds::list).post(feeds::create),
        ),
        (
            "/api/v1/feeds/{feed}",
            &["delete"],
            axum::routing::delete(feeds::revoke),
        ),
        ("/api/v1/openapi.json", &["get"], get(document)),
    ]
}

pub(super) use feeds::calendar as feed;
pub(super) use meetings::of_all as plans_of_all;
pub(super) use rooms::door;

async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Refused { code, message } = self;
        let message = message.into_owned();
        (status(code), Json(ErrorBody { code, message })).into_response()
    }
}

/// A body in JSON. Pages elsewhere can send forms without asking first, but no JSON.
fn body<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, Refused> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        let message = "content-type has to be application/json";
        return Err(Refused::new(Code::BadMessage, message));
    }
    serde_json::from_slice(bytes).map_err(|error| Refused::new(Code::BadMessage, error.to_string()))
}

/// `from` and `until` in milliseconds since 1970, `until` not included.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    from: Option<u64>,
    until: Option<u64>,
    limit: Option<usize>,
    at: Option<u64>,
    after: Option<u64>,
    format: Option<String>,
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Asked, Refused> {
        let uri = format!("/?{}", query.unwrap_or_default());
        let uri = uri
            .parse()
            .map_err(|_| Refused::new(Code::BadMessage, "the query cannot be read"))?;
        let asked = axum::extract::Query::<Asked>::try_from_uri(&uri);
        let refused = |e: axum::extract::rejection::QueryRejection| {
            Refused::new(Code::BadMessage, e.body_text())
        };
        Ok(asked.map_err(refused)?.0)
    }

    /// Without `from`: from now; without `until`: four weeks.
    fn span(&self, now: u64) -> Result<Range<u64>, Refused> {
        let from = self.from.unwrap_or(now);
        let until = self
            .until
            .unwrap_or(from.saturating_add(28 * 24 * 3_600_000));
        match from < until && until - from <= MOST_SPAN && until <= i64::MAX as u64 {
            true => Ok(from..until),
            false => Err(Refused::new(
                Code::BadValue,
                "from is before until, by 800 days at most",
            )),
        }
    }

    fn limit(&self) -> Result<usize, Refused> {
        match self.limit.unwrap_or(LIMIT) {
            limit @ 1..=MOST_LISTED => Ok(limit),
            _ => Err(Refused::new(Code::BadValue, "limit is 1 to 1000")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_names_these_routes_and_no_others_of_their_kind() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let is_ours = |path: &str| {
            let kinds = [
                "meetings",
                "personal-rooms",
                "rooms",
                "feeds",
                "openapi.json",
            ];
            kinds
                .iter()
                .any(|k| path.starts_with(&format!("/api/v1/{k}")))
        };
        let mut said = BTreeSet::new();
        for (path, item) in paths.iter().filter(|(path, _)| is_ours(path)) {
            let methods = item.as_object().expect("path item").keys();
            said.extend(
                methods
                    .filter(|k| *k != "parameters")
                    .map(|m| (path.clone(), m.clone())),
            );
        }
        let mut routed = BTreeSet::new();
        for (path, methods, _) in routes() {
            routed.extend(methods.iter().map(|m| (path.to_owned(), (*m).to_owned())));
        }
        assert_eq!(said, routed);
    }

    #[test]
    fn spans_have_an_end() {
        let span = |query: &str| Asked::read(Some(query)).and_then(|a| a.span(1000));
        assert_eq!(span("from=5&until=9"), Ok(5..9));
        assert_eq!(span("").map(|s| s.start), Ok(1000));
        for bad in [
            "from=9&until=9",
            "from=0&until=99999999999999",
            "from=x",
            "from=-1",
            "until=18446744073709551615&from=18446744073709551000",
        ] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }
}
