//! The server's HTTP API, as far as a window needs it (docs/PROTOCOL.md, "HTTP"). One request, one connection: these are
//! asked for by people.

use super::face::{DeskCode, OwnCode};
use crate::socket::tls_config;
use crate::{MeetingLink, SessionCookie, Trust};
use bytes::Bytes;
use confab_protocol::{Code, CreateMeeting, ErrorBody, MeetingCreated, MeetingInfo};
use confab_session::SavedSeat;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Position, Url};

/// For everything: finding the host, connecting, and the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers about one meeting have a few hundred bytes.
const MOST: usize = 64 * 1024;
/// A page of a history is a MiB and one entry more, which may be a picture.
const MOST_HISTORY: usize = 16 << 20;
/// The headers of a seat, and of the number to go on after.
const SEAT: &str = "x-seat";
const NEXT: &str = "x-next";
/// Lists, reports and files have more.
const MOST_LONG: usize = 64 << 20;

/// What a meeting is called and when it is. Blocks for ten seconds at most.
pub fn meeting_info(link: &MeetingLink, trust: &Trust) -> Result<MeetingInfo, DeskCode> {
    let url = api_url(&link.socket, &["meetings", link.meeting.as_str()])?;
    read(blocking(Question::new(Method::GET, url), trust, MOST)?)
}

/// The meeting's report as a table, for a seat that leads it. Blocks for ten seconds at most.
pub fn meeting_report(
    link: &MeetingLink,
    trust: &Trust,
    seat: Option<&SavedSeat>,
) -> Result<String, DeskCode> {
    let seat = seat.ok_or(DeskCode::Code(Code::NotFound))?;
    let path = ["meetings", link.meeting.as_str(), "report"];
    let mut question = Question::new(Method::GET, api_url(&link.socket, &path)?);
    question.sit(seat);
    let answer = content(blocking(question, trust, MOST_LONG)?)?;
    String::from_utf8(answer.body.into()).map_err(|_| DeskCode::Code(Code::Internal))
}

/// One page of a whiteboard's history after an entry's number, and the number to go on after. Blocks for ten seconds at most.
pub(crate) fn board_history(
    link: &MeetingLink,
    trust: &Trust,
    seat: &SavedSeat,
    board: &str,
    after: u64,
) -> Result<(Bytes, Option<u64>), DeskCode> {
    let meeting = link.meeting.as_str();
    let path = ["meetings", meeting, "boards", board, "history"];
    let mut url = api_url(&link.socket, &path)?;
    url.set_query(Some(&format!("after={after}")));
    let mut question = Question::new(Method::GET, url);
    question.sit(seat);
    let answer = content(blocking(question, trust, MOST_HISTORY)?)?;
    Ok((answer.body, answer.next))
}

/// Makes a meeting on a server, by its origin (`https://host[:port]`). Blocks for ten seconds at most.
pub fn create_meeting(
    server: &Url,
    trust: &Trust,
    session: Option<&SessionCookie>,
    request: &CreateMeeting,
) -> Result<MeetingCreated, DeskCode> {
    let mut socket = server.clone();
    socket.set_path(&format!("{}/ws", server.path().trim_end_matches('/')));
    let mut question = Question::new(Method::POST, api_url(&socket, &["meetings"])?);
    let body = serde_json::to_vec(request).map_err(|_| DeskCode::Code(Code::BadValue))?;
    question.body = body.into();
    question.sign(session);
    read(blocking(question, trust, MOST)?)
}

/// What a window of a person who is signed in asks of the server.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Of the server itself, with its query.
    pub url: Url,
    /// `If-Match`: the revision a change has seen.
    pub seen: Option<&'a str>,
    /// JSON; empty: none.
    pub body: String,
    pub session: Option<&'a SessionCookie>,
    /// Name and version of the program, for the list of sessions.
    pub agent: &'a str,
}

/// What the server said, whatever it was.
#[derive(Clone, Debug)]
pub struct Said {
    /// Of HTTP.
    pub status: u16,
    /// Seconds until another try.
    pub retry_after: Option<u64>,
    /// The number to go on after, of answers that come in pages.
    pub next: Option<u64>,
    pub body: Bytes,
}

/// Asks once and follows nothing. Blocks for ten seconds at most.
///
/// # Errors
/// No way to the server, or nothing that could be asked.
pub fn ask_server(asked: Asked<'_>, trust: &Trust) -> Result<Said, DeskCode> {
    let unusable = DeskCode::Code(Code::BadValue);
    let method = Method::from_bytes(asked.method.as_bytes()).map_err(|_| unusable)?;
    let mut question = Question::new(method, asked.url);
    question.body = asked.body.into();
    question.sign(asked.session);
    question
        .headers
        .push(("user-agent", asked.agent.to_owned()));
    if let Some(seen) = asked.seen {
        question.headers.push(("if-match", seen.to_owned()));
    }
    blocking(question, trust, MOST_LONG)
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

/// One request.
struct Question {
    method: Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Question {
    fn new(method: Method, url: Url) -> Question {
        Question {
            method,
            url,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Shows that one has a seat.
    fn sit(&mut self, seat: &SavedSeat) {
        let value = format!("{}:{}", seat.participant.0, seat.token);
        self.headers.push((SEAT, value));
    }

    fn sign(&mut self, session: Option<&SessionCookie>) {
        let cookie = session.map(|session| ("cookie", session.header().to_owned()));
        self.headers.extend(cookie);
    }
}

fn blocking(question: Question, trust: &Trust, most: usize) -> Result<Said, DeskCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|_| UNREACHABLE)?;
    let host = question.url.host_str().unwrap_or_default().to_owned();
    let asked = ask(question, trust, most);
    match runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await }) {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => {
            tracing::info!("{host}: {error}");
            Err(UNREACHABLE)
        }
        Err(_) => Err(UNREACHABLE),
    }
}

/// What was asked for, or the server's code why not.
fn content(said: Said) -> Result<Said, DeskCode> {
    if (200..300).contains(&said.status) {
        return Ok(said);
    }
    let refused = serde_json::from_slice::<ErrorBody>(&said.body);
    Err(DeskCode::Code(
        refused.map_or(Code::Internal, |refused| refused.code),
    ))
}

fn read<T: DeserializeOwned>(said: Said) -> Result<T, DeskCode> {
    let said = content(said)?;
    serde_json::from_slice(&said.body).map_err(|_| DeskCode::Code(Code::Internal))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn ask(question: Question, trust: &Trust, most: usize) -> Result<Said, Failure> {
    let url = question.url;
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
    let mut request = Request::builder()
        .method(question.method)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/json");
    for (name, value) in question.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(question.body))?;
    if url.scheme() == "http" {
        return exchange(TokioIo::new(stream), request, most).await;
    }
    let connector = TlsConnector::from(tls_config(trust)?);
    let stream = connector
        .connect(ServerName::try_from(bare)?, stream)
        .await?;
    exchange(TokioIo::new(stream), request, most).await
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>, most: usize) -> Result<Said, Failure>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let number = |name: &str| answer.headers().get(name)?.to_str().ok()?.parse().ok();
    let (retry_after, next) = (number(RETRY_AFTER.as_str()), number(NEXT));
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), most).collect().await?;
    connection.abort();
    Ok(Said {
        status,
        retry_after,
        next,
        body: body.to_bytes(),
    })
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
