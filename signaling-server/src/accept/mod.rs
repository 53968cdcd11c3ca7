//! The one public TCP port: TLS, HTTP, media over TCP and TURN, told apart by their first bytes, without TLS and inside it.
//!
//! Every connection has a place at the [`Gate`] and little time to say what it wants, so that slow or silent ones cost
//! a bounded number of places and nothing else.

/// In the `AsyncWrite` of what wraps a `stream`: what is written goes on to it as it is.
macro_rules! passes_writes_on {
    () => {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write(cx, buf)
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            self.stream.is_write_vectored()
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }
    };
}

mod first;
mod gate;
mod leased;
mod lingering;
mod rewound;

pub(crate) use gate::{Bounds, Gate, Pass};

use crate::counters::Counters;
use crate::handover::Duty;
use crate::http::Peer;
use crate::sfu::TcpIngress;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::IntoResponse;
use confab_certificate::is_challenge;
use first::{ENOUGH, First, classify};
use gate::Entered;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use leased::Leased;
use lingering::Lingering;
use rewound::Rewound;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
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
    /// While this is another process's, connections that stand are answered a last time.
    pub(crate) in_charge: Duty,
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
        let Some(Entered { pass, displaced }) = self.gate.enter(address.ip(), Instant::now())
        else {
            self.counters.connections_refused.add();
            return;
        };
        if displaced {
            self.counters.connections_displaced.add();
        }
        let (port, peer) = (
            Arc::clone(self),
            Peer {
                address,
                pass: Some(Arc::new(pass)),
            },
        );
        tokio::spawn(async move {
            tokio::select! {
                () = port.stop.cancelled() => {}
                () = port.serve(stream, peer) => {}
            }
        });
    }

    async fn serve(&self, stream: TcpStream, peer: Peer) {
        // Small messages, each of which somebody waits for.
        let _ = stream.set_nodelay(true);
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let Some(ended) = peer.pass.as_ref().map(|pass| pass.ended()) else {
            return;
        };
        let mut stream = Leased::new(stream, ended);
        let Ok((first, bytes)) = timeout(FIRST_BYTES_WITHIN, read_first(&mut stream)).await else {
            return self.counters.connections_garbage.add();
        };
        match (first, &self.web) {
            (First::Tls, Some(web)) if web.tls.is_some() => {
                self.serve_tls(Rewound::new(bytes, stream), local, peer, web)
                    .await;
            }
            (First::Http, Some(web)) => {
                let router = match web.tls {
                    Some(_) => redirect(web.public_url.clone()),
                    None => web.router.clone(),
                };
                serve_http(Rewound::new(bytes, stream), peer, router, &self.in_charge).await;
            }
            _ => self.pass_on(first, (bytes, stream), local, peer),
        }
    }

    /// What is inside TLS is told by its first bytes too: to a firewall that looks into connections all of it is HTTPS.
    async fn serve_tls(
        &self,
        stream: Rewound<Leased<TcpStream>>,
        local: SocketAddr,
        peer: Peer,
        web: &Web,
    ) {
        let Some(tls) = &web.tls else { return };
        let Ok(Ok(mut secured)) = timeout(FIRST_BYTES_WITHIN, tls.accept(stream)).await else {
            return self.counters.tls_failed.add();
        };
        if is_challenge(secured.get_ref().1.alpn_protocol()) {
            // An authority has seen that the name is ours, and nothing follows.
            return;
        }
        // Browsers connect before they have something to ask: silence is no garbage.
        let Ok((first, bytes)) = timeout(HEAD_WITHIN, read_first(&mut secured)).await else {
            return;
        };
        match first {
            First::Http => {
                let (stream, router) = (Rewound::new(bytes, secured), web.router.clone());
                serve_http(stream, peer, router, &self.in_charge).await;
            }
            _ => self.pass_on(first, (bytes, secured), local, peer),
        }
    }

    /// To the media side, if it is media.
    fn pass_on<S>(&self, first: First, (bytes, stream): (Vec<u8>, S), local: SocketAddr, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let ends = (peer.address, local);
        match (first, &self.media) {
            (First::Media, Some(media)) => {
                self.counters.media_connections.add();
                // Within three seconds it is somebody's, or closed.
                if let Some(pass) = &peer.pass {
                    pass.keep();
                }
                media.attach_stream(bytes, stream, ends, peer.pass);
            }
            (First::Turn, Some(media)) => {
                self.counters.media_connections.add();
                media.attach_relayed(bytes, stream, ends, peer.pass);
            }
            // Closed before it said anything: port checks and preconnecting browsers do that.
            (First::Unclear, _) if bytes.is_empty() => {}
            _ => self.counters.connections_garbage.add(),
        }
    }
}

/// Reads until it is clear what the connection wants, or it ends.
async fn read_first(stream: &mut (impl AsyncRead + Unpin)) -> (First, Vec<u8>) {
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

async fn serve_http<S>(stream: S, peer: Peer, router: Router, in_charge: &Duty)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgraded = Arc::new(AtomicBool::new(false));
    let stream = Lingering::new(stream, Arc::clone(&upgraded));
    let in_charge = in_charge.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(pass) = &peer.pass {
            pass.asks();
        }
        request.extensions_mut().insert(peer.clone());
        let answer = router.clone().oneshot(request.map(Body::new));
        let (upgraded, in_charge) = (Arc::clone(&upgraded), in_charge.clone());
        async move {
            let mut answer = answer.await;
            if let Ok(answer) = &mut answer {
                if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                    upgraded.store(true, Ordering::Relaxed);
                } else if !in_charge.is_on() {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(header::CONNECTION, close);
                }
            }
            answer
        }
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
