//! The server's HTTP API, as far as a window needs it (docs/PROTOCOL.md, "HTTP"). One request, one connection: these are
//! asked for by people.

use super::face::{DeskCode, OwnCode};
use crate::socket::tls_config;
use crate::{MeetingLink, Trust};
use bytes::Bytes;
use confab_protocol::{Code, CreateMeeting, ErrorBody, MeetingCreated, MeetingInfo};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

/// For everything: finding the host, connecting, and the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The API's answers are a few hundred bytes.
const MOST: usize = 64 * 1024;

/// What a meeting is called and when it is. Blocks for ten seconds at most.
pub fn meeting_info(link: &MeetingLink, trust: &Trust) -> Result<MeetingInfo, DeskCode> {
    let url = api_url(&link.socket, &["meetings", link.meeting.as_str()])?;
    call(Method::GET, &url, trust, Bytes::new())
}

/// Makes a meeting on a server, by its origin (`https://host[:port]`). Blocks for ten seconds at most.
pub fn create_meeting(
    server: &Url,
    trust: &Trust,
    request: &CreateMeeting,
) -> Result<MeetingCreated, DeskCode> {
    let mut socket = server.clone();
    socket.set_path(&format!("{}/ws", server.path().trim_end_matches('/')));
    let url = api_url(&socket, &["meetings"])?;
    let body = serde_json::to_vec(request).map_err(|_| DeskCode::Code(Code::BadValue))?;
    call(Method::POST, &url, trust, body.into())
}

/// `<base>/api/v1/…`, from the address of the WebSocket, which is `<base>/ws`.
fn api_url(socket: &Url, path: &[&str]) -> Result<Url, DeskCode> {
    let mut url = socket.clone();
    let scheme = match socket.scheme() {
        "ws" | "http" => "http",
        _ => "https",
    };
    let unusable = |()| DeskCode::Code(Code::BadValue);
    url.set_scheme(scheme).map_err(unusable)?;
    let mut segments = url.path_segments_mut().map_err(unusable)?;
    segments.pop_if_empty().pop().extend(["api", "v1"]);
    segments.extend(path);
    drop(segments);
    Ok(url)
}

const UNREACHABLE: DeskCode = DeskCode::Own(OwnCode::Unreachable);

fn call<T: DeserializeOwned>(
    method: Method,
    url: &Url,
    trust: &Trust,
    body: Bytes,
) -> Result<T, DeskCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|_| UNREACHABLE)?;
    let asked = ask(method, url, trust, body);
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
    let (ok, bytes) = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::info!("{}: {error}", url.host_str().unwrap_or_default());
            return Err(UNREACHABLE);
        }
        Err(_) => return Err(UNREACHABLE),
    };
    let unread = |_| DeskCode::Code(Code::Internal);
    if ok {
        return serde_json::from_slice(&bytes).map_err(unread);
    }
    let refused: ErrorBody = serde_json::from_slice(&bytes).map_err(unread)?;
    Err(DeskCode::Code(refused.code))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Whether the server was content, and what it said.
async fn ask(
    method: Method,
    url: &Url,
    trust: &Trust,
    body: Bytes,
) -> Result<(bool, Bytes), Failure> {
    let host = url.host_str().ok_or("no host")?;
    let port = url.port_or_known_default().ok_or("no port")?;
    // The brackets of an IPv6 address belong to the URL alone.
    let bare = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let stream = TcpStream::connect((bare.as_str(), port)).await?;
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let request = Request::builder()
        .method(method)
        .uri(url.path())
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    if url.scheme() == "http" {
        return exchange(TokioIo::new(stream), request).await;
    }
    let connector = TlsConnector::from(tls_config(trust)?);
    let stream = connector
        .connect(ServerName::try_from(bare)?, stream)
        .await?;
    exchange(TokioIo::new(stream), request).await
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(bool, Bytes), Failure>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let ok = answer.status().is_success();
    let body = Limited::new(answer.into_body(), MOST).collect().await?;
    connection.abort();
    Ok((ok, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_beside_the_socket() {
        for (socket, expected) in [
            ("wss://a.b/ws", "https://a.b/api/v1/meetings/x"),
            (
                "ws://127.0.0.1:8480/ws",
                "http://127.0.0.1:8480/api/v1/meetings/x",
            ),
            (
                "wss://a.b/confab/ws",
                "https://a.b/confab/api/v1/meetings/x",
            ),
        ] {
            let url = api_url(&Url::parse(socket).unwrap(), &["meetings", "x"]).unwrap();
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn nobody_there_is_unreachable() {
        // Port 9 of this machine: nothing listens.
        let id = "0".repeat(26);
        let link = MeetingLink::parse(&format!("http://127.0.0.1:9/m/{id}")).unwrap();
        let error = meeting_info(&link, &Trust::PublicRoots).unwrap_err();
        assert_eq!(error, UNREACHABLE);
    }
}
