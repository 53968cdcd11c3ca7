//! Questions to the provider: HTTPS alone (plain HTTP on this machine), one connection each, no redirects followed, answers bounded.

use super::Trouble;
use crate::config::is_safe_address;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// For everything: finding the host, connecting, and the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Key sets and discovery documents have a few kilobytes.
const MOST: usize = 256 * 1024;

pub(super) struct Fetch {
    tls: Arc<ClientConfig>,
}

/// What is asked; a form makes it a POST.
#[derive(Default)]
pub(super) struct Ask<'a> {
    pub(super) authorization: Option<String>,
    pub(super) form: Option<&'a [(&'a str, &'a str)]>,
}

impl Fetch {
    /// `ca`: PEM of the one authority that is believed, in place of the public ones.
    pub(super) fn new(ca: Option<&Path>) -> Result<Fetch, String> {
        let tls = crate::tls::client(ca)?;
        Ok(Fetch { tls })
    }

    /// Status and body. Anything but an answer is [`Trouble::Unavailable`].
    pub(super) async fn ask(
        &self,
        url: &Url,
        ask: Ask<'_>,
    ) -> Result<(StatusCode, Bytes), Trouble> {
        let asked = tokio::time::timeout(PATIENCE, self.exchange(url, ask)).await;
        let host = url.host_str().unwrap_or_default();
        match asked {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Trouble::Unavailable(format!("{host}: {error}"))),
            Err(_) => Err(Trouble::Unavailable(format!("{host}: no answer in time"))),
        }
    }

    async fn exchange(&self, url: &Url, ask: Ask<'_>) -> Result<(StatusCode, Bytes), Failure> {
        if !is_safe_address(url) {
            return Err("not asked without TLS".into());
        }
        let host = url.host().ok_or("no host")?;
        let port = url.port_or_known_default().ok_or("no port")?;
        let request = request(url, ask)?;
        let stream = match &host {
            Host::Domain(name) => TcpStream::connect((*name, port)).await?,
            Host::Ipv4(address) => TcpStream::connect((*address, port)).await?,
            Host::Ipv6(address) => TcpStream::connect((*address, port)).await?,
        };
        if url.scheme() == "http" {
            return send(TokioIo::new(stream), request).await;
        }
        let name = crate::tls::server_name(&host)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await?;
        send(TokioIo::new(stream), request).await
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn request(url: &Url, ask: Ask<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let authority = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let mut request = Request::builder()
        .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(HOST, authority)
        .header(ACCEPT, "application/json");
    if let Some(authorization) = ask.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let body = match ask.form {
        None => Bytes::new(),
        Some(pairs) => {
            request = request
                .method("POST")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(pairs);
            form.finish().into()
        }
    };
    Ok(request.body(Full::new(body))?)
}

async fn send<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await?;
    let connection = Dropped(tokio::spawn(connection));
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MOST).collect().await?;
    drop(connection);
    Ok((status, body.to_bytes()))
}

/// The connection goes with the question, also where the wait for it is given up.
struct Dropped<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Dropped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
