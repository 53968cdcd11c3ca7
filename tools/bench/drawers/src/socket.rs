//! Signaling, as far as having a seat takes it, and the lane's WebSocket.

use confab_protocol::{
    ClientKind, ClientMessage, Hello, MeetingId, PING_INTERVAL_MS, ParticipantId, Request, Resume,
    ServerMessage, VERSION, parse_server,
};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

pub type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A seat in the meeting, kept by a task that pings.
#[derive(Debug)]
pub struct Seat {
    pub participant: ParticipantId,
    pub token: String,
    last_seq: u64,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn connect(url: &str, nagle: bool) -> Option<Stream> {
    let limits = tokio_tungstenite::tungstenite::protocol::WebSocketConfig::default()
        .max_message_size(Some(64 << 20))
        .max_frame_size(Some(64 << 20));
    let opened = connect_async_with_config(url, Some(limits), !nagle).await;
    opened.ok().map(|(stream, _)| stream)
}

/// Takes a seat, the old one where there was one. `None`: the server is not there.
pub async fn sit(address: &str, meeting: &str, name: &str, old: Option<&Seat>) -> Option<Seat> {
    let mut stream = connect(&format!("ws://{address}/ws"), false).await?;
    let hello = Hello {
        protocol: VERSION,
        meeting: MeetingId::parse(meeting).expect("an id"),
        name: name.to_owned(),
        client: ClientKind::Headless,
        agent: "confab-drawers".into(),
        host_key: None,
        passcode: None,
        resume: old.map(|seat| Resume {
            participant: seat.participant,
            token: seat.token.clone(),
            last_seq: seat.last_seq,
        }),
        decodes: vec![],
    };
    say(&mut stream, 1, Request::Hello(hello)).await?;
    loop {
        let Message::Text(text) = stream.next().await?.ok()? else {
            continue;
        };
        match parse_server(&text).ok()? {
            ServerMessage::Welcome(welcome) => {
                return Some(Seat {
                    participant: welcome.you,
                    token: welcome.token.clone().expect("nobody waits"),
                    last_seq: 0,
                    task: tokio::spawn(keep(stream)),
                });
            }
            ServerMessage::Refused { code, .. } => panic!("refused: {code:?}"),
            _ => {}
        }
    }
}

async fn say(stream: &mut Stream, id: u32, body: Request) -> Option<()> {
    let text = serde_json::to_string(&ClientMessage { id, body }).expect("JSON");
    stream.send(Message::text(text)).await.ok()
}

/// Reads everything and says that one is there.
async fn keep(mut stream: Stream) {
    let mut pings = tokio::time::interval(Duration::from_millis(PING_INTERVAL_MS));
    for id in 2.. {
        tokio::select! {
            _ = pings.tick() => if say(&mut stream, id, Request::Ping).await.is_none() { return },
            message = stream.next() => if !matches!(message, Some(Ok(_))) { return },
        }
    }
}
