//! One question over HTTP or HTTPS, and the opening of a WebSocket. Any certificate is taken: it is judged apart, so that an
//! expired one does not hide what else is wrong.

use crate::{Place, answer, connect, failure};
use base64::Engine as _;
use bytes::Bytes;
use confab_diagnosis::{Answer, Failure, parse_http_date};
use confab_protocol::CheckInfo;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, DATE, HOST, UPGRADE, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// For the whole of one question, connection and TLS included.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Largest answer that is read; what Confab says is far smaller.
const MOST: usize = 16 << 10;
const PATH: &str = "/check/info";
/// A ping as clients send it (RFC 6455 §5.2): masked, by zeros, and empty.
const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];
const PONG: u8 = 0x8a;

/// What one question brought.
#[derive(Debug)]
pub struct Seen {
    pub answer: Result<Answer, Failure>,
    /// What Confab said of itself.
    pub info: Option<CheckInfo>,
    /// As it was served; empty without TLS.
    pub chain: Vec<CertificateDer<'static>>,
    /// Seconds our clock is ahead of the answer's `Date`, half the wait taken into account.
    pub ahead: Option<f64>,
}

/// Asks who answers the place at this address.
pub async fn ask_web(place: &Place, at: SocketAddr) -> Seen {
    let mut seen = Seen {
        answer: Err(Failure::Timeout),
        info: None,
        chain: Vec::new(),
        ahead: None,
    };
    // The certificate is kept also where no answer follows.
    if let Ok(result) = timeout(ANSWERED_WITHIN, question(place, at, &mut seen)).await {
        seen.answer = result;
    }
    seen
}

async fn question(place: &Place, at: SocketAddr, seen: &mut Seen) -> Result<Answer, Failure> {
    let stream = open(place, at, &mut seen.chain).await?;
    let request = builder(place, PATH)
        .body(Empty::<Bytes>::new())
        .map_err(other)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let connection = Dropped(tokio::spawn(connection));
    let asked = SystemTime::now();
    let response = sender.send_request(request).await.map_err(broken)?;
    seen.ahead = ahead(&response, asked, SystemTime::now());
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MOST).collect().await;
    drop(connection);
    let body = body.map(|b| b.to_bytes()).unwrap_or_default();
    seen.info = serde_json::from_slice(&body).ok();
    Ok(answer(status, seen.info.as_ref()))
}

/// Opens a WebSocket and has a ping answered: some proxies agree to the opening and then pass nothing on. The status.
///
/// # Errors
/// No answer to the opening, or none to the ping.
pub async fn ask_websocket(place: &Place, at: SocketAddr) -> Result<u16, Failure> {
    timeout(ANSWERED_WITHIN, websocket(place, at))
        .await
        .unwrap_or(Err(Failure::Timeout))
}

async fn websocket(place: &Place, at: SocketAddr) -> Result<u16, Failure> {
    let stream = open(place, at, &mut Vec::new()).await?;
    let key = base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 16]>());
    let request = builder(place, "/ws")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", key)
        .body(Empty::<Bytes>::new())
        .map_err(other)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let _connection = Dropped(tokio::spawn(connection.with_upgrades()));
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    if status != 101 {
        return Ok(status);
    }
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.map_err(broken)?);
    socket.write_all(&PING).await.map_err(|e| failure(&e))?;
    let mut first = [0; 1];
    socket
        .read_exact(&mut first)
        .await
        .map_err(|e| failure(&e))?;
    match first {
        [PONG] => Ok(status),
        _ => Err(Failure::Other("what follows is no WebSocket".into())),
    }
}

fn builder(place: &Place, path: &str) -> hyper::http::request::Builder {
    Request::builder()
        .uri(path)
        .header(HOST, place.authority())
        .header(
            USER_AGENT,
            concat!("confab-doctor/", env!("CARGO_PKG_VERSION")),
        )
}

fn ahead<B>(response: &Response<B>, asked: SystemTime, answered: SystemTime) -> Option<f64> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    let theirs = parse_http_date(date)? as f64;
    let since = |t: SystemTime| t.duration_since(SystemTime::UNIX_EPOCH).ok();
    let middle = (since(asked)? + since(answered)?).as_secs_f64() / 2.0;
    // The header counts whole seconds that are over.
    Some(middle - theirs - 0.5)
}

/// A stream that is either kind.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn open(
    place: &Place,
    at: SocketAddr,
    chain: &mut Vec<CertificateDer<'static>>,
) -> Result<Box<dyn Stream>, Failure> {
    let stream = connect(at).await?;
    if !place.https {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(place.host.clone()).map_err(other)?;
    let connector = TlsConnector::from(Arc::new(client()?));
    let secured = connector.connect(name, stream).await.map_err(tls)?;
    if let Some(served) = secured.get_ref().1.peer_certificates() {
        *chain = served.iter().map(|c| c.clone().into_owned()).collect();
    }
    Ok(Box::new(secured))
}

fn client() -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TakesAny(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn other(error: impl ToString) -> Failure {
    Failure::Other(error.to_string())
}

fn broken(error: hyper::Error) -> Failure {
    match error.is_closed() || error.is_incomplete_message() || error.is_canceled() {
        true => Failure::Closed,
        false => other(error),
    }
}

fn tls(error: std::io::Error) -> Failure {
    match failure(&error) {
        Failure::Other(why) => Failure::Tls(why),
        Failure::Closed => Failure::Tls("the connection was cut while it was set up".into()),
        failure => failure,
    }
}

/// Proves that the other side holds the key of the certificate it shows, and asks no more of it.
#[derive(Debug)]
struct TakesAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The connection goes with the question, also where the wait for it is given up.
struct Dropped<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Dropped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
