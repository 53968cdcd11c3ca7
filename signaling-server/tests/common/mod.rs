//! A server in the test's process and a WebSocket client that speaks in protocol types.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod drawing;
pub mod process;
pub mod talker;

use confab_protocol::{
    CatchUp, ClientKind, ClientMessage, Code, CreateMeeting, Event, Hello, MeetingCreated,
    MeetingId, ParticipantId, ReplyBody, Request, Resume, ServerMessage, Snapshot, VERSION,
    Welcome, parse_server,
};
use confab_server::{Config, Running, start};
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Long enough for a busy machine: only a broken server runs into it.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    pub running: Running,
    pub dir: tempfile::TempDir,
}

impl Server {
    pub async fn start() -> Server {
        let dir = tempfile::tempdir().unwrap();
        let running = start(Config::ephemeral(dir.path())).await.unwrap();
        Server { running, dir }
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::ephemeral(dir.path());
        change(&mut config);
        Server {
            running: start(config).await.unwrap(),
            dir,
        }
    }

    pub fn http(&self) -> SocketAddr {
        self.running.http_addr
    }

    pub async fn meeting(&self) -> Invitation {
        let wanted = CreateMeeting {
            title: "Planning".into(),
            ..CreateMeeting::default()
        };
        Invitation::from(self.running.create_meeting(wanted).await.unwrap())
    }

    /// Gone without a word, as by `kill -9`, and back on the same data.
    pub async fn restart(self) -> Server {
        let Server { running, dir } = self;
        drop(running);
        let running = start(Config::ephemeral(dir.path())).await.unwrap();
        Server { running, dir }
    }
}

#[derive(Clone)]
pub struct Invitation {
    pub id: MeetingId,
    pub host_key: String,
}

impl From<MeetingCreated> for Invitation {
    fn from(made: MeetingCreated) -> Invitation {
        let host_key = made.host_link.split_once("#host=").unwrap().1.to_owned();
        Invitation {
            id: made.id,
            host_key,
        }
    }
}

pub fn hello(invitation: &Invitation, name: &str) -> Hello {
    Hello {
        protocol: VERSION,
        meeting: invitation.id.clone(),
        name: name.into(),
        client: ClientKind::Headless,
        agent: "test".into(),
        host_key: None,
        passcode: None,
        resume: None,
        decodes: vec![],
    }
}

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A raw signaling connection.
pub struct Socket {
    stream: Stream,
    next_id: u32,
}

impl Socket {
    pub async fn open(server: SocketAddr) -> Socket {
        let (stream, _) = connect_async(format!("ws://{server}/ws")).await.unwrap();
        Socket { stream, next_id: 1 }
    }

    /// As a browser that sends this cookie.
    pub async fn open_with(server: SocketAddr, cookie: &str) -> Socket {
        let mut request = format!("ws://{server}/ws").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("cookie", cookie.parse().unwrap());
        let (stream, _) = connect_async(request).await.unwrap();
        Socket { stream, next_id: 1 }
    }

    /// With headers of one's own.
    pub async fn of(request: tokio_tungstenite::tungstenite::handshake::client::Request) -> Socket {
        let (stream, _) = connect_async(request).await.unwrap();
        Socket { stream, next_id: 1 }
    }

    pub async fn send_raw(&mut self, message: Message) {
        // A server that has had enough may have closed already.
        let _ = self.stream.send(message).await;
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.send_raw(Message::text(text.into())).await;
    }

    pub async fn send_as(&mut self, id: u32, body: Request) {
        self.next_id = self.next_id.max(id) + 1;
        let text = serde_json::to_string(&ClientMessage { id, body }).unwrap();
        self.send_text(text).await;
    }

    pub async fn send(&mut self, body: Request) -> u32 {
        let id = self.next_id;
        self.send_as(id, body).await;
        id
    }

    /// The next message; `None`: the connection is over.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("an answer");
            match frame {
                Some(Ok(Message::Text(text))) => return Some(parse_server(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Skips messages until `pick` finds one.
    pub async fn find<T>(&mut self, mut pick: impl FnMut(ServerMessage) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the connection to stay");
            if let Some(found) = pick(message) {
                return found;
            }
        }
    }

    /// Asks and waits for the answer to just that.
    pub async fn ask(&mut self, body: Request) -> Result<ReplyBody, Code> {
        let asked = self.send(body).await;
        self.answer(asked).await
    }

    pub async fn answer(&mut self, asked: u32) -> Result<ReplyBody, Code> {
        self.find(|message| match message {
            ServerMessage::Reply { id, body } if id == asked => Some(Ok(body)),
            ServerMessage::Error { id, code, .. } if id == asked => Some(Err(code)),
            _ => None,
        })
        .await
    }

    pub async fn event(&mut self, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        self.find(|message| match message {
            ServerMessage::Event(e) if wanted(&e.event) => Some(e.event),
            _ => None,
        })
        .await
    }

    /// The code of the `bye` or `refused` that ends the connection.
    pub async fn end(&mut self) -> Option<Code> {
        let mut last = None;
        while let Some(message) = self.next().await {
            if let ServerMessage::Bye { code, .. } | ServerMessage::Refused { code, .. } = message {
                last = Some(code);
            }
        }
        last
    }

    pub async fn close(mut self) {
        let _ = self.stream.close(None).await;
    }

    /// A snapshot, asked for.
    pub async fn snapshot(&mut self) -> Snapshot {
        match self.ask(Request::Resync { last_seq: 0 }).await.unwrap() {
            ReplyBody::CatchUp {
                catch_up: CatchUp::Snapshot { snapshot },
            } => snapshot,
            other => panic!("no snapshot: {other:?}"),
        }
    }
}

/// A participant: a socket that was welcomed.
pub struct Person {
    pub socket: Socket,
    pub id: ParticipantId,
    pub token: String,
    pub welcome: Welcome,
}

impl Person {
    pub async fn enter(server: SocketAddr, hello: Hello) -> Result<Person, Code> {
        Person::greet(Socket::open(server).await, hello).await
    }

    pub async fn greet(mut socket: Socket, hello: Hello) -> Result<Person, Code> {
        socket.send(Request::Hello(hello)).await;
        match socket.next().await.expect("an answer to hello") {
            ServerMessage::Welcome(welcome) => Ok(Person {
                id: welcome.you,
                token: welcome.token.clone().expect("nobody waited"),
                welcome,
                socket,
            }),
            ServerMessage::Refused { code, .. } => Err(code),
            other => panic!("neither welcome nor refused: {other:?}"),
        }
    }

    pub async fn join(server: &Server, invitation: &Invitation, name: &str) -> Person {
        Person::enter(server.http(), hello(invitation, name))
            .await
            .unwrap()
    }

    pub async fn host(server: &Server, invitation: &Invitation, name: &str) -> Person {
        let key = Some(invitation.host_key.clone());
        Person::enter(
            server.http(),
            Hello {
                host_key: key,
                ..hello(invitation, name)
            },
        )
        .await
        .unwrap()
    }

    pub fn resume(&self, invitation: &Invitation, last_seq: u64) -> Hello {
        let resume = Some(Resume {
            participant: self.id,
            token: self.token.clone(),
            last_seq,
        });
        Hello {
            resume,
            ..hello(invitation, "ignored")
        }
    }

    pub async fn ask(&mut self, body: Request) -> Result<ReplyBody, Code> {
        self.socket.ask(body).await
    }

    pub async fn say(&mut self, text: &str) {
        let client_id = format!("{}-{}", self.id, confab_server::fresh_secret());
        let chat = Request::Chat {
            text: text.into(),
            client_id,
            to: None,
            files: Vec::new(),
        };
        self.ask(chat).await.unwrap();
    }
}

/// The room as a welcome tells it.
pub fn told(welcome: &Welcome) -> &Snapshot {
    match &welcome.catch_up {
        CatchUp::Snapshot { snapshot } => snapshot,
        CatchUp::Events { events } => panic!("events instead of a snapshot: {events:?}"),
    }
}
