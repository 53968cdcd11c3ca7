//! Signing in by the system's browser (RFC 8252): the program listens on the loopback interface, the browser brings a code there from a
//! server's page, and the program redeems it with a secret that never left it (RFC 7636, S256). The session is the program's own.
//!
//! The browser's connections have a thread each, `sign-in-visit`: some are opened by browsers in advance and never say anything.

use crate::desk::api::{Asked, Said, ask_server};
use crate::desk::{DeskCode, OwnCode};
use crate::socket::Trust;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use confab_protocol::{AppCode, AppSession, Code, ErrorBody};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};
use url::Url;
use url::form_urlencoded::byte_serialize;

/// A person may look for a password meanwhile.
const LASTS: Duration = Duration::from_secs(10 * 60);
/// What a browser says at once after connecting.
const VISIT: Duration = Duration::from_secs(5);
/// Visits at a time; more are turned away.
const VISITS: usize = 16;
/// Longest head of a request, bytes.
const MAX_HEAD: usize = 8 * 1024;
const LOOK_EVERY: Duration = Duration::from_millis(50);
const PATH: &str = "/signed-in";

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    #[error("it was given up here")]
    GivenUp,
    #[error("nobody came back in time")]
    TooLate,
    #[error("the person said no")]
    Denied,
    #[error("another server than the one that was asked answered")]
    OtherServer,
    #[error("the server refused: {0:?}")]
    Refused(DeskCode),
    #[error("the loopback interface cannot be listened on")]
    NoListener,
}

/// A sign-in that waits for the browser.
#[derive(Debug)]
pub struct SignIn {
    /// The server's origin.
    server: Url,
    ours: Ours,
    listener: TcpListener,
    port: u16,
}

/// What this side drew. Shows in no debug output.
#[derive(Clone)]
struct Ours {
    verifier: String,
    state: String,
}

impl std::fmt::Debug for Ours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ours")
    }
}

impl SignIn {
    /// Listens from now on. `server`: its origin.
    ///
    /// # Errors
    /// No port could be had on the loopback interface.
    pub fn begin(server: &Url) -> io::Result<SignIn> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let draw = || URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let ours = Ours {
            verifier: draw(),
            state: draw(),
        };
        Ok(SignIn {
            server: server.clone(),
            ours,
            listener,
            port,
        })
    }

    /// The page to open in the system's browser. What it needs stands behind `#`, where no log sees it.
    pub fn page(&self) -> String {
        let origin = self.server.origin().ascii_serialization();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.ours.verifier.as_bytes()));
        let server: String = byte_serialize(origin.as_bytes()).collect();
        let (port, state) = (self.port, &self.ours.state);
        format!(
            "{origin}/account/app#port={port}&challenge={challenge}&state={state}&server={server}"
        )
    }

    /// Waits for the browser and redeems what it brings. Blocks for ten minutes at most, or until `given_up` says so.
    ///
    /// # Errors
    /// See [`SignInError`]. The browser is told too.
    pub fn wait(
        self,
        trust: &Trust,
        agent: &str,
        given_up: impl Fn() -> bool,
    ) -> Result<AppSession, SignInError> {
        let (news, visits) = sync_channel(VISITS);
        let (mut stream, back) = self.visitor(&news, &visits, &given_up)?;
        let done = self.redeem(&back, trust, agent);
        let word = match &done {
            Ok(_) => "app=done".to_owned(),
            Err(error) => format!("app={}", word(*error)),
        };
        let origin = self.server.origin().ascii_serialization();
        let to = format!("{origin}/account/app?here#{word}");
        let head = format!("HTTP/1.1 303 See Other\r\nLocation: {to}\r\n");
        if let Err(error) = answer(&mut stream, &head) {
            tracing::info!("the browser was not told how it went: {error}");
        }
        done
    }

    /// The first one who knows the state.
    fn visitor(
        &self,
        news: &SyncSender<(TcpStream, Back)>,
        visits: &Receiver<(TcpStream, Back)>,
        given_up: &impl Fn() -> bool,
    ) -> Result<(TcpStream, Back), SignInError> {
        let begin = Instant::now();
        while begin.elapsed() < LASTS {
            if given_up() {
                return Err(SignInError::GivenUp);
            }
            if let Ok((mut stream, back)) = visits.try_recv() {
                if back.state == self.ours.state {
                    return Ok((stream, back));
                }
                let _ = answer(&mut stream, NOT_FOUND);
            }
            match self.listener.accept() {
                Ok((stream, _)) => receive(stream, news.clone()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(LOOK_EVERY);
                }
                Err(_) => return Err(SignInError::NoListener),
            }
        }
        Err(SignInError::TooLate)
    }

    fn redeem(&self, back: &Back, trust: &Trust, agent: &str) -> Result<AppSession, SignInError> {
        // A server that was asked could send the browser on to another one, and have its code brought to itself (RFC 9207).
        if back.iss.as_deref() != Some(self.server.origin().ascii_serialization().as_str()) {
            return Err(match back.denied {
                true => SignInError::Denied,
                false => SignInError::OtherServer,
            });
        }
        if back.denied {
            return Err(SignInError::Denied);
        }
        let refused = SignInError::Refused;
        let internal = || refused(DeskCode::Code(Code::Internal));
        let wish = AppCode {
            code: back.code.clone().unwrap_or_default(),
            verifier: self.ours.verifier.clone(),
        };
        let mut url = self.server.clone();
        url.set_path("/api/v1/session/app/token");
        let asked = Asked {
            method: "POST",
            url,
            seen: None,
            body: serde_json::to_string(&wish).map_err(|_| internal())?,
            session: None,
            agent,
        };
        let said = ask_server(asked, trust).map_err(refused)?;
        entered(&said).map_err(refused)
    }
}

fn entered(said: &Said) -> Result<AppSession, DeskCode> {
    let unread = |_| DeskCode::Code(Code::Internal);
    if said.status == 200 {
        return serde_json::from_slice(&said.body).map_err(unread);
    }
    let refused: ErrorBody = serde_json::from_slice(&said.body).map_err(unread)?;
    Err(DeskCode::Code(refused.code))
}

/// For the page that tells the person.
fn word(error: SignInError) -> &'static str {
    match error {
        SignInError::Denied => "denied",
        SignInError::OtherServer => "other_server",
        SignInError::Refused(DeskCode::Own(OwnCode::Unreachable)) => "unreachable",
        SignInError::Refused(DeskCode::Code(Code::LinkExpired)) => "link_expired",
        SignInError::Refused(DeskCode::Code(Code::TooManyTries)) => "too_many_tries",
        _ => "internal",
    }
}

/// What a browser brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Back {
    state: String,
    code: Option<String>,
    iss: Option<String>,
    denied: bool,
}

/// Reads a request's first line: `GET /signed-in?… HTTP/1.1`. `None`: something else is wanted.
fn back(head: &str) -> Option<Back> {
    let target = head.lines().next()?.strip_prefix("GET ")?;
    let target = target.strip_suffix(" HTTP/1.1")?;
    let url = Url::parse("http://127.0.0.1").ok()?.join(target).ok()?;
    if !target.starts_with('/') || url.path() != PATH {
        return None;
    }
    let mut back = Back::default();
    for (name, value) in url.query_pairs() {
        match &*name {
            "state" => back.state = value.into_owned(),
            "code" => back.code = Some(value.into_owned()),
            "iss" => back.iss = Some(value.into_owned()),
            "error" => back.denied = true,
            _ => {}
        }
    }
    Some(back)
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\n";

/// Hears what a visitor wants, on a thread of its own; who wants something else is sent away.
fn receive(mut stream: TcpStream, news: SyncSender<(TcpStream, Back)>) {
    let visit = move || {
        let head = read_head(&mut stream).unwrap_or_default();
        match back(&head) {
            // Full: nobody who was let in comes so often.
            Some(back) => drop(news.try_send((stream, back))),
            None => drop(answer(&mut stream, NOT_FOUND)),
        }
    };
    let started = std::thread::Builder::new()
        .name("sign-in-visit".to_owned())
        .spawn(visit);
    if let Err(error) = started {
        tracing::warn!("no thread for a browser: {error}");
    }
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(VISIT))?;
    let (mut head, mut part) = (Vec::new(), [0; 1024]);
    while head.len() < MAX_HEAD && !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut part)? {
            0 => break,
            n => head.extend_from_slice(&part[..n]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn answer(stream: &mut TcpStream, head: &str) -> io::Result<()> {
    stream.set_write_timeout(Some(VISIT))?;
    let rest = "Content-Length: 0\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{head}{rest}").as_bytes())?;
    stream.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::{JoinHandle, spawn};

    /// A server that answers one request with `status` and `body`; gives the request.
    fn server(status: u16, body: &'static str) -> (Url, JoinHandle<String>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = read_head(&mut stream).unwrap();
            let long = seen.to_lowercase();
            let (_, length) = long.split_once("content-length: ").unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            let (_, there) = seen.split_once("\r\n\r\n").unwrap();
            let mut rest = vec![0; length - there.len()];
            stream.read_exact(&mut rest).unwrap();
            seen.push_str(&String::from_utf8(rest).unwrap());
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .unwrap();
            seen
        });
        let url = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        (url, thread)
    }

    fn waiting(sign_in: SignIn) -> JoinHandle<Result<AppSession, SignInError>> {
        spawn(move || sign_in.wait(&Trust::PublicRoots, "Confab/0 (Linux)", || false))
    }

    /// What a browser gets there.
    fn visit(port: u16, target: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    const SESSION: &str = r#"{"secret":"abc","lasts":60,"me":{"id":"0123456789abcdefghjkmnpqrs","email":"ada@example.org","name":"Ada","role":"member","created_at":1,"disabled":false}}"#;

    #[test]
    fn the_code_is_redeemed_with_what_the_challenge_was_made_from() {
        let (url, served) = server(200, SESSION);
        let sign_in = SignIn::begin(&url).unwrap();
        let (port, ours, page) = (sign_in.port, sign_in.ours.clone(), sign_in.page());
        let made = URL_SAFE_NO_PAD.encode(Sha256::digest(ours.verifier.as_bytes()));
        assert!(page.contains(&format!("/account/app#port={port}&challenge={made}&state=")));
        assert!(!page.contains(&ours.verifier));
        let waiting = waiting(sign_in);
        // Browsers connect in advance, ask for icons, and pages of others guess.
        let _silent = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(visit(port, "/favicon.ico").starts_with("HTTP/1.1 404"));
        assert!(visit(port, "/signed-in?code=x&state=guessed").starts_with("HTTP/1.1 404"));
        let iss: String = byte_serialize(url.as_str().trim_end_matches('/').as_bytes()).collect();
        let told = visit(
            port,
            &format!("{PATH}?code=c0de&state={}&iss={iss}", ours.state),
        );
        assert!(
            told.starts_with("HTTP/1.1 303") && told.contains("/account/app?here#app=done"),
            "{told}"
        );
        assert_eq!(waiting.join().unwrap().unwrap().secret, "abc");
        let asked = served.join().unwrap();
        assert!(asked.starts_with("POST /api/v1/session/app/token HTTP/1.1"));
        assert!(asked.contains("user-agent: Confab/0 (Linux)"), "{asked}");
        let body = format!(r#"{{"code":"c0de","verifier":"{}"}}"#, ours.verifier);
        assert!(asked.ends_with(&body), "{asked}");
    }

    #[test]
    fn a_code_of_another_server_is_given_to_nobody() {
        let url = Url::parse("http://127.0.0.1:9").unwrap();
        let sign_in = SignIn::begin(&url).unwrap();
        let (port, state) = (sign_in.port, sign_in.ours.state.clone());
        let waiting = waiting(sign_in);
        let told = visit(
            port,
            &format!("{PATH}?code=x&state={state}&iss=https%3A%2F%2Fother.example"),
        );
        assert!(told.contains("#app=other_server"), "{told}");
        assert_eq!(
            waiting.join().unwrap().err(),
            Some(SignInError::OtherServer)
        );
    }

    #[test]
    fn a_refusal_a_no_and_an_end_are_told_apart() {
        let (url, served) = server(410, r#"{"code":"link_expired","message":""}"#);
        let sign_in = SignIn::begin(&url).unwrap();
        let (port, state) = (sign_in.port, sign_in.ours.state.clone());
        let expired = waiting(sign_in);
        let origin = url.as_str().trim_end_matches('/');
        let told = visit(port, &format!("{PATH}?code=x&state={state}&iss={origin}"));
        assert!(told.contains("#app=link_expired"), "{told}");
        let code = DeskCode::Code(Code::LinkExpired);
        assert_eq!(
            expired.join().unwrap().err(),
            Some(SignInError::Refused(code))
        );
        served.join().unwrap();

        let sign_in = SignIn::begin(&url).unwrap();
        let (port, state) = (sign_in.port, sign_in.ours.state.clone());
        let denied = waiting(sign_in);
        let told = visit(port, &format!("{PATH}?error=access_denied&state={state}"));
        assert!(told.contains("#app=denied"), "{told}");
        assert_eq!(denied.join().unwrap().err(), Some(SignInError::Denied));

        let stop = Arc::new(AtomicBool::new(false));
        let (seen, sign_in) = (Arc::clone(&stop), SignIn::begin(&url).unwrap());
        let given_up =
            spawn(move || sign_in.wait(&Trust::PublicRoots, "", || seen.load(Ordering::Relaxed)));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(given_up.join().unwrap().err(), Some(SignInError::GivenUp));
    }

    #[test]
    fn only_one_kind_of_request_is_read() {
        let good = back("GET /signed-in?state=a&code=b%20c&iss=https%3A%2F%2Fx HTTP/1.1\r\n\r\n");
        let good = good.unwrap();
        assert_eq!(
            (good.state.as_str(), good.code.as_deref()),
            ("a", Some("b c"))
        );
        assert_eq!(good.iss.as_deref(), Some("https://x"));
        for bad in [
            "",
            "GET",
            "POST /signed-in?state=a HTTP/1.1",
            "GET / HTTP/1.1",
            "GET /signed-in/x HTTP/1.1",
            "GET http://evil/signed-in?state=a HTTP/1.1",
            "GET //signed-in HTTP/1.1",
            "\u{0}\u{1}",
        ] {
            assert_eq!(back(bad), None, "{bad:?}");
        }
    }
}
