//! Web pages, the HTTP API and the door to the WebSocket.

mod api;
mod assets;
mod caller;
mod headers;
mod pages;
pub(crate) mod rate;

pub(crate) use api::links;
pub(crate) use caller::Peer;

use crate::config::{Access, Limits};
use crate::counters::Counters;
use crate::rooms::Rooms;
use crate::secrets::Digest;
use crate::ws::{self, MAX_FRAME, Setting};
use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use caller::{Caller, same_origin};
use rate::RateLimit;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

/// Largest body of an API request, bytes.
const MAX_BODY: usize = 16 * 1024;
/// An answer that takes longer is given up; bodies that trickle in are cut off by it too.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// What the handlers share.
pub(crate) struct Site {
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) counters: Arc<Counters>,
    /// Open WebSockets, so that a shutdown can wait for their last words.
    pub(crate) sockets: TaskTracker,
    /// Without a trailing slash.
    pub(crate) public_url: String,
    pub(crate) access: Access,
    pub(crate) tokens: Vec<Digest>,
    pub(crate) behind_proxy: bool,
    /// Browsers are told to insist on TLS.
    pub(crate) strict_transport: bool,
    creates: RateLimit,
    joins: RateLimit,
}

impl Site {
    pub(crate) fn new(
        rooms: Arc<Rooms>,
        counters: Arc<Counters>,
        public_url: String,
        config: &crate::Config,
    ) -> Arc<Site> {
        let Limits {
            meetings_per_minute,
            joins_per_minute,
            ..
        } = config.limits;
        Arc::new(Site {
            rooms,
            counters,
            sockets: TaskTracker::new(),
            public_url,
            tokens: config
                .access
                .tokens
                .iter()
                .filter_map(|t| Digest::from_hex(t))
                .collect(),
            access: config.access.clone(),
            behind_proxy: config.behind_proxy,
            strict_transport: config.tls.cert.is_some(),
            creates: RateLimit::new(meetings_per_minute),
            joins: RateLimit::new(joins_per_minute),
        })
    }
}

pub(crate) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/m/{meeting}", get(pages::meeting))
        .route("/api/v1/meetings", post(api::create))
        .route("/api/v1/meetings/{meeting}", get(api::info))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ws", get(socket))
        .fallback(assets::file)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&site), around))
        .with_state(site)
}

/// Around every request: a time limit, the security headers, and a line in the log that carries no ids and no query.
async fn around(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let (method, kind) = (request.method().clone(), kind_of(request.uri().path()));
    let start = Instant::now();
    let mut response = match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (
            StatusCode::REQUEST_TIMEOUT,
            [("connection", "close")],
            "too slow\n",
        )
            .into_response(),
    };
    headers::add(
        response.headers_mut(),
        &site.public_url,
        site.strict_transport,
    );
    let (status, micros) = (
        response.status().as_u16(),
        start.elapsed().as_micros() as u64,
    );
    tracing::debug!(%method, kind, status, micros, "request");
    response
}

/// A path without what it names.
fn kind_of(path: &str) -> &'static str {
    match path {
        "/" => "home",
        "/ws" => "ws",
        "/health" => "health",
        _ if path.starts_with("/m/") => "meeting",
        _ if path.starts_with("/api/") => "api",
        _ if path.starts_with("/assets/") => "asset",
        _ => "other",
    }
}

async fn socket(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    if !same_origin(&headers, &site.public_url) {
        return (StatusCode::FORBIDDEN, "wrong origin\n").into_response();
    }
    let (address, open) = (caller.address, site.sockets.token());
    let admission = Arc::clone(&site);
    let admit = Box::new(move || admission.joins.allows(address, Instant::now()));
    let setting = Setting {
        rooms: Arc::clone(&site.rooms),
        counters: Arc::clone(&site.counters),
        admit,
    };
    upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| async move {
            // The connection keeps its place at the gate until it ends.
            let _held = (caller.pass, open);
            ws::serve(socket, setting).await;
        })
}
