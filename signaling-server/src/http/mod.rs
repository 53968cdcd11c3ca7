//! Web pages, the HTTP API and the door to the WebSocket.

mod accounts;
mod admin;
mod api;
mod assets;
mod calendar;
mod caller;
mod check;
mod doors;
mod headers;
mod health;
mod html;
mod landing;
mod pages;
mod privacy;
pub(crate) mod rate;
mod schedule;
mod scopes;
mod tokens;
mod ways;
mod webhooks;

pub(crate) use api::links;
pub(crate) use caller::Peer;

use crate::accounts::Accounts;
use crate::boards::{self, Boards};
use crate::caldav::Calendars;
use crate::config::{Access, Limits};
use crate::counters::Counters;
use crate::files::Files;
#[cfg(unix)]
use crate::handover::{Asked, carried};
use crate::hooks::Hooks;
use crate::media::Media;
use crate::metrics::{self, Metrics};
use crate::quality::Quality;
use crate::rooms::{Guest, Rooms};
use crate::schedule::Planner;
use crate::secrets::Digest;
use crate::traces::{Context, FutureExt, Span, Traces};
use crate::ws::{self, MAX_FRAME, Setting};
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use caller::{Caller, same_origin};
use confab_protocol::{Code, ErrorBody, ServerPolicy};
use rate::{RateLimit, address_number};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

/// Largest body of an API request, bytes.
const MAX_BODY: usize = 16 * 1024;
/// Host keys and the like that one address may try, a minute.
const TRIES_PER_MINUTE: u32 = 120;
/// Calendars one address may have connected or pushed to, a minute.
const CALENDARS_PER_MINUTE: u32 = 20;
/// An answer that takes longer is given up; bodies that trickle in are cut off by it too.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// The same for a file on its way up a slow line; see `schedule/files.rs` for one that stands still.
const UPLOADED_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Files one address may begin to upload, a minute.
const UPLOADS_PER_MINUTE: u32 = 60;

/// What the handlers share.
pub(crate) struct Site {
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) boards: Arc<Boards>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) counters: Arc<Counters>,
    /// Open WebSockets, so that a shutdown can wait for their last words.
    pub(crate) sockets: TaskTracker,
    /// Without a trailing slash.
    pub(crate) public_url: String,
    live: RwLock<Arc<Live>>,
    pub(crate) behind_proxy: bool,
    /// Browsers are told to insist on TLS.
    pub(crate) strict_transport: bool,
    /// Pages elsewhere that may show a meeting in a frame.
    embed_origins: Vec<String>,
    creates: RateLimit,
    joins: RateLimit,
    /// Whiteboards that are opened.
    boards_opened: RateLimit,
    /// Host keys that are tried.
    tries: RateLimit,
    /// Calendar servers that are spoken to for somebody.
    calendars_asked: RateLimit,
    uploads: RateLimit,
    checks: check::Checks,
    files: Arc<Files>,
    pub(crate) planner: Arc<Planner>,
    pub(crate) calendars: Arc<Calendars>,
    pub(crate) hooks: Arc<Hooks>,
    quality: Arc<Quality>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) traces: Traces,
}

/// What a reload of the configuration may change.
pub(crate) struct Live {
    pub(crate) access: Access,
    pub(crate) tokens: Vec<Digest>,
    /// As admins see it.
    policy: ServerPolicy,
}

impl Live {
    fn of(config: &crate::Config) -> Arc<Live> {
        let tokens = config.access.tokens.iter();
        Arc::new(Live {
            tokens: tokens.filter_map(|t| Digest::from_hex(t)).collect(),
            access: config.access.clone(),
            policy: admin::policy_of(config),
        })
    }
}

impl Site {
    pub(crate) fn new(
        (rooms, boards): (Arc<Rooms>, Arc<Boards>),
        accounts: Arc<Accounts>,
        (counters, traces): (Arc<Counters>, Traces),
        (planner, files): (Arc<Planner>, Arc<Files>),
        (calendars, hooks): (Arc<Calendars>, Arc<Hooks>),
        (quality, media): (Arc<Quality>, Arc<Media>),
        config: &crate::Config,
    ) -> Arc<Site> {
        let Limits {
            meetings_per_minute,
            joins_per_minute,
            ..
        } = config.limits;
        let sockets = TaskTracker::new();
        let metrics = Arc::new(Metrics {
            counters: Arc::clone(&counters),
            media: Arc::clone(&media),
            rooms: Arc::clone(&rooms),
            quality: Arc::clone(&quality),
            sockets: sockets.clone(),
        });
        Arc::new(Site {
            rooms,
            boards,
            accounts,
            counters,
            sockets,
            quality,
            metrics,
            traces,
            public_url: planner.public_url.clone(),
            live: RwLock::new(Live::of(config)),
            behind_proxy: config.behind_proxy,
            strict_transport: config.tls.trusted(),
            embed_origins: config.embed.origins.clone(),
            creates: RateLimit::new(meetings_per_minute),
            joins: RateLimit::new(joins_per_minute),
            boards_opened: RateLimit::new(boards_per_minute(joins_per_minute)),
            tries: RateLimit::new(TRIES_PER_MINUTE),
            calendars_asked: RateLimit::new(CALENDARS_PER_MINUTE),
            uploads: RateLimit::new(UPLOADS_PER_MINUTE),
            checks: check::Checks::new(media, config),
            files,
            planner,
            calendars,
            hooks,
        })
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().expect("no panic while writing"))
    }

    /// Takes what it may of another configuration, from the next request on.
    pub(crate) fn reload(&self, config: &crate::Config) {
        *self.live.write().expect("no panic while writing") = Live::of(config);
        self.creates.set(config.limits.meetings_per_minute);
        self.joins.set(config.limits.joins_per_minute);
        let boards = boards_per_minute(config.limits.joins_per_minute);
        self.boards_opened.set(boards);
    }
}

/// Who is far opens two connections to a board (docs/BOARD.md).
fn boards_per_minute(joins_per_minute: u32) -> u32 {
    joins_per_minute.saturating_mul(2)
}

pub(crate) fn router(site: Arc<Site>) -> Router {
    let router = schedule_routes(Router::new())
        .route("/", get(pages::home))
        .merge(accounts::routes())
        .merge(calendar::routes())
        .merge(admin::routes())
        .merge(tokens::routes())
        .merge(webhooks::routes())
        .merge(check::routes())
        .route("/check", get(pages::home))
        .route("/account", get(pages::home))
        .route("/account/app", get(ways::app_page))
        .route("/account/{page}", get(pages::home))
        .route("/admin", get(pages::home))
        .merge(health::routes())
        .route("/metrics", get(metrics_for_tokens))
        .route("/ws", get(socket))
        .route("/ws/board", get(board))
        .fallback(assets::file)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&site),
            scopes::scoped,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&site),
            accounts::from_own_pages,
        ))
        .layer(middleware::from_fn(unfolded))
        .layer(middleware::from_fn_with_state(Arc::clone(&site), around));
    #[cfg(unix)]
    let router = router.layer(middleware::from_fn_with_state(
        Arc::clone(&site.rooms.held),
        carried,
    ));
    router.with_state(site)
}

/// Planned meetings: their pages, their calendars, their API.
fn schedule_routes(router: Router<Arc<Site>>) -> Router<Arc<Site>> {
    let api = schedule::routes().into_iter();
    api.fold(router, |router, (path, _, methods)| {
        router.route(path, methods)
    })
    .route("/m/{meeting}", get(pages::meeting))
    .route("/m/{meeting}/invite.ics", get(pages::invitation))
    .route("/feed/{file}", get(schedule::feed))
    .route("/rooms/{room}", get(schedule::door))
    .route("/pages.css", get(pages::style))
    .route("/pages.js", get(pages::script))
}

/// Around every request: a time limit, the security headers, and a line in the log that carries no ids and no query.
async fn around(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let (method, kind) = (request.method().clone(), kind_of(request.uri().path()));
    let start = Instant::now();
    let mut span = span_of(&site, &request, kind);
    let is_file = method == Method::POST && request.uri().path().ends_with("/files");
    let within = match is_file {
        true => UPLOADED_WITHIN,
        false => ANSWER_WITHIN,
    };
    let answer = next.run(request).with_context(span.context());
    let mut response = match tokio::time::timeout(within, answer).await {
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
        match kind {
            "meeting" => headers::Shared::Frame(&site.embed_origins),
            "embed" => headers::Shared::Script,
            _ => headers::Shared::Never,
        },
    );
    let (status, micros) = (
        response.status().as_u16(),
        start.elapsed().as_micros() as u64,
    );
    span.answered(status);
    tracing::debug!(%method, kind, status, micros, "request");
    response
}

/// Who asks every few seconds whether the server is well is told to nobody.
fn span_of(site: &Site, request: &Request, kind: &'static str) -> Span {
    if matches!(kind, "health" | "metrics") {
        return Span::default();
    }
    let is_tls = site.public_url.starts_with("https:");
    let scheme = if is_tls { "https" } else { "http" };
    site.traces.request(request, scheme, site.behind_proxy)
}

/// Compressed bodies are refused unopened: a small one may unfold into a large one, and no client of ours sends any.
async fn unfolded(request: Request, next: Next) -> Response {
    let coding = request.headers().get(header::CONTENT_ENCODING);
    if coding.is_none_or(|coding| coding == "identity") {
        return next.run(request).await;
    }
    let body = ErrorBody {
        code: Code::BadMessage,
        message: "bodies are taken without content-encoding".into(),
    };
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, Json(body)).into_response()
}

/// A path without what it names.
fn kind_of(path: &str) -> &'static str {
    match path {
        "/" => "home",
        "/ws" => "ws",
        "/ws/board" => "board",
        "/health" | "/healthz" | "/readyz" => "health",
        "/embed.js" => "embed",
        "/metrics" => "metrics",
        _ if path.starts_with("/m/") => "meeting",
        _ if path.starts_with("/feed/") => "feed",
        _ if path.starts_with("/rooms/") => "room",
        _ if path.starts_with("/api/") => "api",
        _ if path.starts_with("/assets/") => "asset",
        _ => "other",
    }
}

/// Whoever looks at them from elsewhere shows an API token.
async fn metrics_for_tokens(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    if !api::has_token(&site, &headers) {
        return api::Refusal::from(Code::Unauthorized).into_response();
    }
    metrics::response(&site.metrics).await
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
    let Ok(account) = accounts::by_cookie(&site, &headers).await else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the server failed\n").into_response();
    };
    let (address, open) = (caller.address, site.sockets.token());
    #[cfg(unix)]
    let direct = caller.direct;
    let admission = Arc::clone(&site);
    let place = caller.pass.clone();
    let admit = Box::new(move || {
        let admitted = admission.joins.allows(address, Instant::now());
        if let (true, Some(place)) = (admitted, &place) {
            place.keep();
        }
        admitted
    });
    let (account, email) = account
        .map(|who| (who.account.id, who.account.email))
        .unzip();
    let setting = Setting {
        rooms: Arc::clone(&site.rooms),
        counters: Arc::clone(&site.counters),
        guest: Guest {
            peer: address_number(address),
            account,
            email,
            ..Guest::default()
        },
        admit,
        #[cfg(unix)]
        asked: Asked {
            held: Arc::clone(&site.rooms.held),
            headers,
            peer: direct,
        },
        traces: site.traces.clone(),
        cause: Context::current(),
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

/// The whiteboard's lane. Its first frame carries the seat's token, so cookies open nothing here.
async fn board(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    if !same_origin(&headers, &site.public_url) {
        return (StatusCode::FORBIDDEN, "wrong origin\n").into_response();
    }
    let open = site.sockets.token();
    let admitted = site.boards_opened.allows(caller.address, Instant::now());
    let (boards, counters) = (Arc::clone(&site.boards), Arc::clone(&site.counters));
    #[cfg(unix)]
    let asked = Asked {
        held: Arc::clone(&site.rooms.held),
        headers,
        peer: caller.direct,
    };
    upgrade
        .max_message_size(boards::MAX_FRAME)
        .max_frame_size(boards::MAX_FRAME)
        .on_upgrade(move |socket| async move {
            // The connection keeps its place at the gate until it ends.
            if let (true, Some(place)) = (admitted, &caller.pass) {
                // Within ten seconds a seat shows its token, or it is closed.
                place.keep();
            }
            let _held = (caller.pass, open);
            boards::serve(
                socket,
                boards,
                counters,
                admitted,
                #[cfg(unix)]
                asked,
            )
            .await;
        })
}
