//! The signaling WebSocket: opens it (TLS by rustls), and carries text frames between it and the client's loop.

use crate::face::TestSwitches;
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::COOKIE;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};
use url::Url;

/// Whom to believe about a server's identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The public roots.
    #[default]
    PublicRoots,
    /// The certificates in this PEM file, and the public roots.
    WithFile(PathBuf),
    /// Nobody is checked. For a server with a self-signed certificate on the same machine; anyone on the path to
    /// another one could read along.
    InsecureLocal,
}

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read certificates from {path}: {why}")]
    File { path: PathBuf, why: String },
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// TLS configuration for `trust`.
pub fn tls_config(trust: &Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let config = match trust {
        Trust::PublicRoots => builder.with_root_certificates(roots).with_no_client_auth(),
        Trust::WithFile(path) => {
            add_file(&mut roots, path)?;
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        Trust::InsecureLocal => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NoIdentityCheck(provider)))
            .with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, path: &PathBuf) -> Result<(), TlsError> {
    let failed = |why: String| TlsError::File {
        path: path.clone(),
        why,
    };
    let mut found = 0;
    for cert in CertificateDer::pem_file_iter(path).map_err(|e| failed(e.to_string()))? {
        let cert = cert.map_err(|e| failed(e.to_string()))?;
        roots.add(cert).map_err(|e| failed(e.to_string()))?;
        found += 1;
    }
    if found == 0 {
        return Err(failed("no certificate in it".to_owned()));
    }
    Ok(())
}

/// Accepts every certificate, but still checks that the handshake is signed by its key.
#[derive(Debug)]
struct NoIdentityCheck(Arc<CryptoProvider>);

impl ServerCertVerifier for NoIdentityCheck {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a socket tells the loop. `number` tells which one speaks: news of a socket that was given up is ignored.
#[derive(Debug)]
pub struct SocketNews {
    pub number: u64,
    pub what: SocketEvent,
}

#[derive(Debug)]
pub enum SocketEvent {
    Opened,
    Text(String),
    /// It closed or never opened; the reason is for the log.
    Closed(String),
}

/// A socket being opened or open. Dropping it closes it after what was sent is written.
#[derive(Debug)]
pub struct Socket {
    pub number: u64,
    /// Bounded: a signaling socket that takes 256 messages behind is dead, and sending then closes it.
    out: mpsc::Sender<String>,
    task: tokio::task::JoinHandle<()>,
}

/// A person's session on a server, as the cookie it goes by. Shows in no debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCookie(String);

impl SessionCookie {
    /// `server`: its own address; the name says whether it is reached by TLS (docs/PROTOCOL.md, "Accounts"). `None`: no secret a
    /// server makes.
    pub fn new(server: &Url, secret: &str) -> Option<SessionCookie> {
        let name = match server.scheme() {
            "https" => "__Host-confab",
            _ => "confab",
        };
        let plain = secret.bytes().all(|b| b.is_ascii_alphanumeric());
        let good = plain && (1..=64).contains(&secret.len());
        good.then(|| SessionCookie(format!("{name}={secret}")))
    }

    pub(crate) fn header(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionCookie")
    }
}

/// Where the server is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Door {
    pub url: Url,
    pub tls: Arc<ClientConfig>,
    /// Who is signed in there.
    pub session: Option<SessionCookie>,
    pub test: TestSwitches,
}

impl Socket {
    /// Starts to open a socket on the current runtime.
    pub fn open(door: &Door, number: u64, news: mpsc::Sender<SocketNews>) -> Socket {
        let (out, outbox) = mpsc::channel(256);
        let door = door.clone();
        let task = tokio::spawn(async move {
            let why = run(door, number, &news, outbox).await;
            let what = SocketEvent::Closed(why);
            let _ = news.send(SocketNews { number, what }).await;
        });
        Socket { number, out, task }
    }

    /// Closes, and waits until what was queued is written, half a second at most.
    pub async fn finish(self) {
        drop(self.out);
        let _ = tokio::time::timeout(Duration::from_millis(500), self.task).await;
    }

    /// Queues a text frame; `false`: the queue is full, the socket should be given up.
    pub fn send(&self, text: String) -> bool {
        self.out.try_send(text).is_ok()
    }
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn run(
    door: Door,
    number: u64,
    news: &mpsc::Sender<SocketNews>,
    mut outbox: mpsc::Receiver<String>,
) -> String {
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_SERVER_MESSAGE))
        .max_frame_size(Some(MAX_SERVER_MESSAGE));
    let Door {
        url,
        tls,
        session,
        test,
    } = door;
    let connector = Some(Connector::Rustls(tls));
    let request = match request(&url, session.as_ref()) {
        Ok(request) => request,
        Err(e) => return e.to_string(),
    };
    uncut(&test).await;
    let opened = connect_async_tls_with_config(request, Some(limits), true, connector).await;
    let mut stream = match opened {
        Ok((stream, _)) => stream,
        Err(e) => return e.to_string(),
    };
    let what = SocketEvent::Opened;
    if news.send(SocketNews { number, what }).await.is_err() {
        return "client is gone".to_owned();
    }
    carry(&mut stream, number, news, &mut outbox, &test).await
}

fn request(url: &Url, session: Option<&SessionCookie>) -> Result<Request, tungstenite::Error> {
    let mut request = url.as_str().into_client_request()?;
    if let Some(session) = session {
        let value = HeaderValue::from_str(session.header())?;
        request.headers_mut().insert(COOKIE, value);
    }
    Ok(request)
}

/// Snapshots of the largest meetings with full chat stay far below this, bytes.
const MAX_SERVER_MESSAGE: usize = 8 << 20;

async fn carry(
    stream: &mut Stream,
    number: u64,
    news: &mpsc::Sender<SocketNews>,
    outbox: &mut mpsc::Receiver<String>,
    test: &TestSwitches,
) -> String {
    loop {
        uncut(test).await;
        tokio::select! {
            text = outbox.recv() => match text {
                Some(text) => {
                    if let Err(e) = stream.send(Message::text(text)).await {
                        return e.to_string();
                    }
                }
                None => {
                    let _ = stream.close(None).await;
                    return "closed".to_owned();
                }
            },
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let what = SocketEvent::Text(text.as_str().to_owned());
                    if news.send(SocketNews { number, what }).await.is_err() {
                        return "client is gone".to_owned();
                    }
                }
                // Pings are answered by the library; binary frames are no part of the protocol.
                Some(Ok(Message::Close(_))) | None => return "closed by the server".to_owned(),
                Some(Ok(_)) => {}
                Some(Err(e)) => return e.to_string(),
            },
        }
    }
}

/// Waits while a test cuts the link.
async fn uncut(test: &TestSwitches) {
    while test.cut() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_goes_along_under_the_servers_name_for_it_and_is_not_shown() {
        let of =
            |server: &str, secret: &str| SessionCookie::new(&Url::parse(server).unwrap(), secret);
        let cookie = of("https://a.b", "0123abc").unwrap();
        assert_eq!(cookie.header(), "__Host-confab=0123abc");
        assert!(!format!("{cookie:?}").contains("0123abc"));
        let socket = Url::parse("wss://a.b/ws").unwrap();
        let opening = request(&socket, Some(&cookie)).unwrap();
        assert_eq!(opening.headers()[COOKIE], "__Host-confab=0123abc");
        assert!(
            request(&socket, None)
                .unwrap()
                .headers()
                .get(COOKIE)
                .is_none()
        );
        let plain = of("http://127.0.0.1:8480", "x").unwrap();
        assert_eq!(plain.header(), "confab=x");
        for bad in ["", "a;b", "a b", "a\r\nx: y", &"x".repeat(65)] {
            assert_eq!(of("https://a.b", bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_ca_file_without_certificates_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty.pem");
        std::fs::write(&path, "nothing").unwrap();
        let error = tls_config(&Trust::WithFile(path)).unwrap_err().to_string();
        assert!(error.contains("empty.pem"), "{error}");
    }
}
