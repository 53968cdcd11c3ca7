//! Brings what comes here about a meeting to the process that has it, at `held.sock`, and serves there: the usual router, with the
//! client's address in a header that is believed nowhere else.
//!
//! Nothing is kept here: bodies and frames are passed on as they come, and whoever reads slowly makes the other side wait.

use super::Held;
use crate::http::Peer;
use axum::Router;
use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use confab_protocol::{Code, ErrorBody, LiveMeeting, MeetingId, Page};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message as Carried};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tower::ServiceExt;

/// Who is at the other end of the connection that was carried.
const PEER: &str = "x-confab-peer";
/// What of a request for a WebSocket concerns who asks.
static CARRIED: [header::HeaderName; 6] = [
    header::HOST,
    header::ORIGIN,
    header::COOKIE,
    header::AUTHORIZATION,
    header::USER_AGENT,
    header::HeaderName::from_static("x-forwarded-for"),
];
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// How long the other process may take to answer about all its meetings.
const MORE_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of that answer.
const MORE_AT_MOST: usize = 16 << 20;
/// For what the other process says after its client has gone.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A frame that cannot be passed on for so long ends the connection.
const STUCK: Duration = Duration::from_secs(30);

/// Serves what another process carries here, until it is dropped.
pub(super) async fn serve(listener: UnixListener, router: Router) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve_one(stream, router.clone()))),
            Err(error) => {
                tracing::warn!(%error, "accepting what another process carries here");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_one(stream: UnixStream, router: Router) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let peer = request.headers_mut().remove(PEER);
        let address = peer.and_then(|v| v.to_str().ok()?.parse::<SocketAddr>().ok());
        let router = router.clone();
        async move {
            let Some(address) = address else {
                return Ok(StatusCode::BAD_REQUEST.into_response());
            };
            let peer = Peer {
                address,
                pass: None,
            };
            request.extensions_mut().insert(peer);
            router.oneshot(request.map(Body::new)).await
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN);
    let connection = builder
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "carried connection");
    }
}

/// Around the whole router: requests whose path names a meeting of the other process are answered there.
pub(crate) async fn carried(
    State(held): State<Arc<Held>>,
    request: Request,
    next: Next,
) -> Response {
    let is_held = |id: &MeetingId| held.holds(id);
    match held.any() && named(request.uri().path()).as_ref().is_some_and(is_held) {
        true => pass_on(&held.socket, request)
            .await
            .unwrap_or_else(|_| gone()),
        false => next.run(request).await,
    }
}

/// The meeting in a path.
fn named(path: &str) -> Option<MeetingId> {
    let before = ["/api/v1/meetings/", "/api/v1/admin/meetings/", "/m/"];
    let rest = before.iter().find_map(|p| path.strip_prefix(p))?;
    MeetingId::parse(rest.split('/').next()?)
}

/// The other process has just ended: whoever asks again is answered here.
fn gone() -> Response {
    let body = ErrorBody {
        code: Code::GoingAway,
        message: "the server restarts; ask again".into(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response()
}

async fn pass_on(socket: &Path, mut request: Request) -> io::Result<Response> {
    let peer = request.extensions().get::<Peer>().map(|p| p.address);
    let peer = peer.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
    request.headers_mut().insert(PEER, peer_value(peer));
    // Hop by hop: this side's connection stays as it is.
    request.headers_mut().remove(header::CONNECTION);
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    let mut answer = answer.map_err(io::Error::other)?.map(Body::new);
    answer.headers_mut().remove(header::CONNECTION);
    Ok(answer)
}

fn peer_value(peer: SocketAddr) -> HeaderValue {
    // Digits, letters, dots, colons and brackets.
    HeaderValue::from_str(&peer.to_string()).unwrap_or(HeaderValue::from_static("0.0.0.0:0"))
}

/// What runs in the other process, as this admin sees it. Nothing where it does not say.
pub(crate) async fn more_meetings(
    held: &Held,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Vec<LiveMeeting> {
    if !held.any() {
        return Vec::new();
    }
    let ask = async {
        let mut request = Request::get("/api/v1/admin/meetings").body(Body::empty())?;
        copy(headers, request.headers_mut());
        request.extensions_mut().insert(Peer {
            address: SocketAddr::new(peer, 0),
            pass: None,
        });
        let answer = pass_on(&held.socket, request).await?;
        let body = Limited::new(answer.into_body(), MORE_AT_MOST);
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(serde_json::from_slice(&body)?)
    };
    let answered: Option<Page<LiveMeeting>> = match timeout(MORE_WITHIN, ask).await {
        Ok(Ok(page)) => Some(page),
        Ok(Err(error)) => {
            tracing::warn!(%error, "asking the process before for its meetings");
            None
        }
        Err(_) => None,
    };
    answered.map(|page| page.items).unwrap_or_default()
}

fn copy(from: &HeaderMap, to: &mut HeaderMap) {
    let others = [header::HeaderName::from_static("sec-fetch-site")];
    for name in CARRIED.iter().chain(&others) {
        for value in from.get_all(name) {
            to.append(name.clone(), value.clone());
        }
    }
}

/// A WebSocket whose meeting another process may have: who asked for it, and how.
pub(crate) struct Asked {
    pub(crate) held: Arc<Held>,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: IpAddr,
}

impl Asked {
    /// The same at the other process; `path` is where it was asked for. None: that one has just ended, and whoever comes back is
    /// served here.
    pub(crate) async fn there(&self, path: &str) -> Option<There> {
        match self.connect(path).await {
            Ok(stream) => Some(There(stream)),
            Err(error) => {
                tracing::warn!(%error, "carrying a connection to the process before");
                None
            }
        }
    }

    async fn connect(&self, path: &str) -> Result<WebSocketStream<UnixStream>, tungstenite::Error> {
        let mut request = format!("ws://localhost{path}").into_client_request()?;
        request.headers_mut().remove(header::HOST);
        copy(&self.headers, request.headers_mut());
        if !request.headers().contains_key(header::HOST) {
            let host = HeaderValue::from_static("localhost");
            request.headers_mut().insert(header::HOST, host);
        }
        let peer = peer_value(SocketAddr::new(self.peer, 0));
        request.headers_mut().insert(PEER, peer);
        let stream = UnixStream::connect(&self.held.socket).await?;
        // What a board sends is larger than what it takes.
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let (there, _) = client_async_with_config(request, stream, Some(config)).await?;
        Ok(there)
    }
}

/// The connection to the process that has the meeting.
pub(crate) struct There(WebSocketStream<UnixStream>);

impl There {
    /// Passes on what comes from either side, after `first`, until one of them ends; then the other is closed, with its reason if
    /// there was one.
    pub(crate) async fn carry(
        self,
        first: Message,
        stream: &mut SplitStream<WebSocket>,
        mut sink: SplitSink<WebSocket, Message>,
    ) {
        let (mut to_there, mut from_there) = self.0.split();
        let up = async {
            if to_there.send(up(first)).await.is_err() {
                return;
            }
            while let Some(Ok(message)) = stream.next().await {
                let is_last = matches!(message, Message::Close(_));
                let sent = timeout(STUCK, to_there.send(up(message))).await;
                if is_last || !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            let _ = to_there.close().await;
        };
        let down = async {
            while let Some(Ok(message)) = from_there.next().await {
                let is_last = message.is_close();
                let Some(message) = down(message) else {
                    continue;
                };
                let sent = timeout(STUCK, sink.send(message)).await;
                if is_last || !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
            let _ = sink.close().await;
        };
        tokio::pin!(up, down);
        tokio::select! {
            () = &mut down => {}
            () = &mut up => {
                // What the meeting says last is still brought.
                let _ = timeout(LAST_WORDS, down).await;
            }
        }
    }
}

fn up(message: Message) -> Carried {
    match message {
        Message::Text(text) => Carried::text(text.as_str()),
        Message::Binary(bytes) => Carried::Binary(bytes),
        Message::Ping(bytes) => Carried::Ping(bytes),
        Message::Pong(bytes) => Carried::Pong(bytes),
        Message::Close(frame) => {
            Carried::Close(frame.map(|frame| tungstenite::protocol::CloseFrame {
                code: frame.code.into(),
                reason: frame.reason.as_str().into(),
            }))
        }
    }
}

/// None: an answer to what was passed on, which has been answered here too.
fn down(message: Carried) -> Option<Message> {
    Some(match message {
        Carried::Text(text) => Message::text(text.as_str()),
        Carried::Binary(bytes) => Message::Binary(bytes),
        Carried::Ping(bytes) => Message::Ping(bytes),
        Carried::Pong(_) | Carried::Frame(_) => return None,
        Carried::Close(frame) => Message::Close(frame.map(|frame| CloseFrame {
            code: frame.code.into(),
            reason: frame.reason.as_str().into(),
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_is_found_in_the_paths_that_name_one() {
        let id = MeetingId::from_random(7);
        for path in [
            format!("/m/{id}"),
            format!("/m/{id}/invite.ics"),
            format!("/api/v1/meetings/{id}"),
            format!("/api/v1/meetings/{id}/files/abc"),
            format!("/api/v1/admin/meetings/{id}/end"),
        ] {
            assert_eq!(named(&path), Some(id.clone()), "{path}");
        }
        for path in ["/", "/m/", "/api/v1/meetings", "/api/v1/accounts/x", "/ws"] {
            assert_eq!(named(path), None, "{path}");
        }
    }
}
