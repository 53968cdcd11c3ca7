//! A person's way into the meeting: the WebSocket, the words of the protocol on it, and what keeps it alive.

use crate::LoadError;
use confab_base::{ParticipantId, Source, TrackId, VideoCodec};
use confab_protocol::{
    ClientKind, ClientMessage, Event, Hello, MeetingId, Offer, PING_INTERVAL_MS, Publish,
    ReplyBody, Request, ServerMessage, Slot, VERSION, parse_server,
};
use futures_util::{SinkExt, StreamExt};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};
use url::Url;

/// Longest wait for an answer: only a server that is broken, or far too busy, runs into it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the meeting is.
#[derive(Clone)]
pub struct Door {
    url: Url,
    meeting: MeetingId,
    /// For those who send: they get in where others may not.
    host_key: Option<String>,
    tls: Arc<ClientConfig>,
}

impl std::fmt::Debug for Door {
    /// Without the host key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Door({}, {})", self.url, self.meeting.as_str())
    }
}

impl Door {
    /// Reads a meeting's link, with its host key (`#host=…`) or without.
    ///
    /// # Errors
    /// [`LoadError::Link`].
    pub fn parse(link: &str) -> Result<Door, LoadError> {
        let bad = || LoadError::Link(format!("{link:?} is no link of a meeting"));
        let mut url = Url::parse(link).map_err(|_| bad())?;
        let key = url.fragment().and_then(|f| f.strip_prefix("host="));
        let host_key = key.map(str::to_owned);
        let path: Vec<&str> = url.path_segments().ok_or_else(bad)?.collect();
        let &["m", id] = path.as_slice() else {
            return Err(bad());
        };
        let meeting = MeetingId::parse(id).ok_or_else(bad)?;
        let scheme = match url.scheme() {
            "http" => "ws",
            "https" => "wss",
            _ => return Err(bad()),
        };
        url.set_scheme(scheme).map_err(|()| bad())?;
        url.set_path("/ws");
        url.set_fragment(None);
        url.set_query(None);
        let tls = tls().map_err(|e| LoadError::Unreachable(e.to_string()))?;
        Ok(Door {
            url,
            meeting,
            host_key,
            tls,
        })
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    async fn open(&self) -> Result<Stream, LoadError> {
        let connector = Some(Connector::Rustls(Arc::clone(&self.tls)));
        let opening = connect_async_tls_with_config(self.url.as_str(), None, true, connector);
        match timeout(PATIENCE, opening).await {
            Ok(Ok((stream, _))) => Ok(stream),
            Ok(Err(error)) => Err(LoadError::Unreachable(format!("{}: {error}", self.url))),
            Err(_) => Err(LoadError::Unreachable(format!("{}: no answer", self.url))),
        }
    }
}

fn tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A person in the meeting, before its line is left to itself ([`Line::keep`]).
pub(crate) struct Line {
    person: u32,
    stream: Stream,
    next_id: u32,
    you: ParticipantId,
    /// Own tracks, as they were published.
    pub tracks: Vec<(Source, TrackId)>,
}

impl Line {
    /// Comes in.
    pub async fn enter(door: &Door, person: u32, is_sender: bool) -> Result<Line, LoadError> {
        let mut line = Line {
            person,
            stream: door.open().await?,
            next_id: 1,
            you: ParticipantId(0),
            tracks: Vec::new(),
        };
        let hello = Hello {
            protocol: VERSION,
            meeting: door.meeting.clone(),
            name: match is_sender {
                true => format!("Bench camera {}", person + 1),
                false => format!("Bench viewer {person}"),
            },
            client: ClientKind::Headless,
            agent: concat!("confab-server bench ", env!("CARGO_PKG_VERSION")).into(),
            host_key: door.host_key.clone().filter(|_| is_sender),
            passcode: None,
            resume: None,
            decodes: vec![VideoCodec::H264, VideoCodec::Vp8],
        };
        line.send(Request::Hello(hello)).await?;
        loop {
            match line.next().await? {
                ServerMessage::Welcome(welcome) => {
                    line.you = welcome.you;
                    return Ok(line);
                }
                ServerMessage::Waiting(_) => return Err(LoadError::Lobby(person)),
                _ => {}
            }
        }
    }

    /// Offers media; the answer's session description.
    pub async fn offer(&mut self, sdp: String, publish: Vec<Publish>) -> Result<String, LoadError> {
        let offer = Offer {
            generation: 1,
            sdp,
            publish,
        };
        match self.ask(Request::Offer(offer)).await? {
            ReplyBody::Answer { sdp, .. } => Ok(sdp),
            _ => Err(LoadError::Media("the offer was not answered".into())),
        }
    }

    pub async fn unmute(&mut self, source: Source) -> Result<(), LoadError> {
        let muted = false;
        self.ask(Request::Mute { source, muted }).await.map(|_| ())
    }

    async fn send(&mut self, body: Request) -> Result<u32, LoadError> {
        let id = self.next_id;
        self.next_id += 1;
        let text = serde_json::to_string(&ClientMessage { id, body });
        let text = text.map_err(|e| LoadError::Lost(self.person, e.to_string()))?;
        let sent = self.stream.send(Message::text(text)).await;
        sent.map_err(|e| LoadError::Lost(self.person, e.to_string()))?;
        Ok(id)
    }

    async fn ask(&mut self, body: Request) -> Result<ReplyBody, LoadError> {
        let asked = self.send(body).await?;
        loop {
            match self.next().await? {
                ServerMessage::Reply { id, body } if id == asked => return Ok(body),
                ServerMessage::Error { id, code, message } if id == asked => {
                    return Err(LoadError::Refused {
                        person: self.person,
                        code,
                        message,
                    });
                }
                ServerMessage::Event(told) => self.note(told.event),
                _ => {}
            }
        }
    }

    fn note(&mut self, event: Event) {
        if let Event::TrackPublished { participant, track } = event
            && participant == self.you
        {
            self.tracks.push((track.source, track.id));
        }
    }

    /// The next message that is understood.
    async fn next(&mut self) -> Result<ServerMessage, LoadError> {
        let person = self.person;
        let lost = |why: String| LoadError::Lost(person, why);
        loop {
            let Ok(frame) = timeout(PATIENCE, self.stream.next()).await else {
                return Err(lost("no answer".into()));
            };
            let text = match frame {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_))) | None => return Err(lost("closed".into())),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(lost(error.to_string())),
            };
            match parse_server(&text) {
                Ok(
                    ServerMessage::Refused { code, message } | ServerMessage::Bye { code, message },
                ) => {
                    return Err(LoadError::Refused {
                        person,
                        code,
                        message,
                    });
                }
                Ok(message) => return Ok(message),
                Err(_) => {}
            }
        }
    }

    /// Keeps the line up until `views` is closed, and leaves then: the server holds who is silent for lost. What is told of the own
    /// layers goes to `news`, and so does why it ended before.
    pub async fn keep(mut self, mut views: mpsc::Receiver<Vec<Slot>>, news: mpsc::Sender<News>) {
        let mut ping = tokio::time::interval(Duration::from_millis(PING_INTERVAL_MS));
        let mut why = "the server closed it".to_owned();
        loop {
            tokio::select! {
                view = views.recv() => match view {
                    Some(slots) => {
                        let view = Request::View { slots, max_bitrate: None };
                        if self.send(view).await.is_err() {
                            break;
                        }
                    }
                    None => {
                        let _ = self.send(Request::Leave).await;
                        let _ = self.stream.close(None).await;
                        return;
                    }
                },
                _ = ping.tick() => {
                    if self.send(Request::Ping).await.is_err() {
                        break;
                    }
                }
                frame = self.stream.next() => match frame {
                    Some(Ok(Message::Text(text))) => {
                        match told(&text) {
                            Some(ServerMessage::LayersWanted(wanted)) => {
                                let _ = news.send(News::Layers(self.person, wanted.layers)).await;
                            }
                            Some(ServerMessage::Bye { code, message }) => {
                                why = format!("{code}: {message}");
                            }
                            _ => {}
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        let _ = news.send(News::Lost(self.person, why)).await;
    }
}

/// What a line that is kept has to tell.
#[derive(Debug)]
pub(crate) enum News {
    /// Which of its layers somebody looks at.
    Layers(u32, Vec<u8>),
    /// And why, as far as it is known.
    Lost(u32, String),
}

/// Most messages are about others; reading them all would be the work of as many clients, on one machine.
fn told(text: &str) -> Option<ServerMessage> {
    let is_ours = text.contains("\"layers_wanted\"") || text.contains("\"bye\"");
    is_ours.then(|| parse_server(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_protocol::LayersWanted;

    const ID: &str = "fqj32ypn8nw2234hegdtp04rt8";

    #[test]
    fn a_link_is_read_with_its_host_key_and_without() {
        let door = Door::parse(&format!("http://127.0.0.1:8480/m/{ID}#host=abc")).unwrap();
        assert_eq!(door.url.as_str(), "ws://127.0.0.1:8480/ws");
        assert_eq!(door.host_key.as_deref(), Some("abc"));
        assert!(door.is_local());
        let door = Door::parse(&format!("https://meet.example.org/m/{ID}?lang=en")).unwrap();
        assert_eq!(door.url.as_str(), "wss://meet.example.org/ws");
        assert_eq!((door.host_key, door.meeting.as_str()), (None, ID));
    }

    #[test]
    fn what_is_no_link_is_an_error_with_its_code() {
        for bad in [
            "",
            "meet.example.org",
            "https://meet.example.org",
            "https://meet.example.org/m/short",
            &format!("ftp://a/m/{ID}"),
            &format!("https://a/x/m/{ID}"),
        ] {
            let error = Door::parse(bad).unwrap_err().to_string();
            assert!(error.starts_with("bad_link: "), "{bad}: {error}");
        }
    }

    #[test]
    fn the_messages_about_oneself_are_read_and_no_others() {
        let wanted = ServerMessage::LayersWanted(LayersWanted {
            track: TrackId(3),
            layers: vec![0, 2],
        });
        let text = serde_json::to_string(&wanted).unwrap();
        assert_eq!(told(&text), Some(wanted));
        assert_eq!(told(r#"{"type":"speakers","participants":[1]}"#), None);
    }
}
