//! The one public TCP port: TLS, HTTP and media over TCP, told apart by their first bytes.
//!
//! Every connection has a place at the [`Gate`] and little time to say what it wants, so that slow or silent ones cost
//! a bounded number of places and nothing else.

mod first;
mod gate;
mod rewound;

pub(crate) use gate::{Gate, Pass};

use crate::counters::Counters;
use crate::http::Peer;
use crate::sfu::TcpIngress;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::IntoResponse;
use first::{ENOUGH, First, classify};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rewound::Rewound;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// To show the first bytes, and again to finish a TLS handshake.
const FIRST_BYTES_WITHIN: Duration = Duration::from_secs(10);
/// To send a whole request head; also how long an idle connection is kept.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// Largest request head, bytes.
const MAX_HEAD: usize = 32 * 1024;

/// What a listening port serves.
pub(crate) struct Port {
    pub(crate) gate: Arc<Gate>,
    pub(crate) counters: Arc<Counters>,
    /// None: a port for media only.
    pub(crate) web: Option<Web>,
    /// None: media over TCP is not taken here.
    pub(crate) media: Option<TcpIngress>,
    pub(crate) stop: CancellationToken,
}

pub(crate) struct Web {
    pub(crate) router: Router,
    /// With it, plain HTTP is only told where to go.
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) public_url: String,
}

impl Port {
    /// Accepts until stopped.
    pub(crate) async fn run(self: Arc<Port>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address),
                // Out of file descriptors, most likely: waiting lets some come back.
                Err(error) => {
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Port>, stream: TcpStream, address: SocketAddr) {
        self.counters.connections.add();
        let Some(pass) = self.gate.enter(address.ip()) else {
            self.counters.connections_refused.add();
            return;
        };
        let (port, peer) = (
            Arc::clone(self),
            Peer {
                address,
                pass: Arc::new(pass),
            },
        );
        tokio::spawn(async move {
            tokio::select! {
                () = port.stop.cancelled() => {}
                () = port.serve(stream, peer) => {}
            }
        });
    }

    async fn serve(&self, mut stream: TcpStream, peer: Peer) {
        // Small messages, each of which somebody waits for.
        let _ = stream.set_nodelay(true);
        let Ok((first, bytes)) = timeout(FIRST_BYTES_WITHIN, read_first(&mut stream)).await else {
            return self.counters.connections_garbage.add();
        };
        match (first, &self.media, &self.web) {
            (First::Media, Some(media), _) => {
                self.counters.media_connections.add();
                media.attach(bytes, stream, peer.address, peer.pass);
            }
            (
                First::Tls,
                _,
                Some(Web {
                    tls: Some(tls),
                    router,
                    ..
                }),
            ) => {
                let handshake = tls.accept(Rewound::new(bytes, stream));
                match timeout(FIRST_BYTES_WITHIN, handshake).await {
                    Ok(Ok(secured)) => serve_http(secured, peer, router.clone()).await,
                    _ => self.counters.tls_failed.add(),
                }
            }
            (First::Http, _, Some(web)) => {
                let router = match web.tls {
                    Some(_) => redirect(web.public_url.clone()),
                    None => web.router.clone(),
                };
                serve_http(Rewound::new(bytes, stream), peer, router).await;
            }
            // Closed before it said anything: port checks and preconnecting browsers do that.
            (First::Unclear, ..) if bytes.is_empty() => {}
            _ => self.counters.connections_garbage.add(),
        }
    }
}

/// Reads until it is clear what the connection wants, or it ends.
async fn read_first(stream: &mut TcpStream) -> (First, Vec<u8>) {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let verdict = classify(&bytes);
        if verdict != First::Unclear {
            return (verdict, bytes);
        }
        debug_assert!(bytes.len() < ENOUGH);
        match stream.read_buf(&mut bytes).await {
            Ok(n) if n > 0 => {}
            _ => return (First::Unclear, bytes),
        }
    }
}

async fn serve_http<S>(stream: S, peer: Peer, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(MAX_HEAD);
    let connection = builder
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "http connection");
    }
}

/// Plain HTTP on a TLS port: the same path, by https.
fn redirect(public_url: String) -> Router {
    Router::new().fallback(move |request: Request<Body>| {
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
        let location = format!("{public_url}{path}");
        async move {
            (
                StatusCode::PERMANENT_REDIRECT,
                [(header::LOCATION, location)],
            )
                .into_response()
        }
    })
}
