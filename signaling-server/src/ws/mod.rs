//! One signaling connection: WebSocket frames in, parsed once; the room's messages out.
//!
//! A connection is two loops: this file's reader, and `writer.rs`. The reader knows nothing of the room's rules. It
//! refuses what is no message and what repeats a number, and hands everything else on.

mod guard;
mod writer;

use crate::counters::Counters;
#[cfg(unix)]
use crate::handover::Asked;
use crate::rooms::{Guest, OutboxReader, RoomDoor, Rooms};
use crate::traces::{Context, FutureExt, Join, Stage, Traces};
use axum::extract::ws::{Message, WebSocket};
use confab_protocol::{
    ClientMessage, Code, Hello, MAX_CLIENT_MESSAGE, PING_TIMEOUT_MS, ParseError, Request,
    ServerMessage, parse_client,
};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use guard::{Guard, Verdict};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use writer::{Feed, Goodbye};

/// How long a new connection may stay without a `hello`.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// How long the other side may take to close as well.
const LINGER: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_millis(PING_TIMEOUT_MS);
/// Frames up to this size are read and answered with `too_large`; a larger one ends the connection.
pub(crate) const MAX_FRAME: usize = 4 * MAX_CLIENT_MESSAGE;

/// What a connection needs beside its socket. `admit` says whether this address may say hello now.
pub(crate) struct Setting {
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) counters: Arc<Counters>,
    /// The address as a number, for the count of wrong secrets, and the account.
    pub(crate) guest: Guest,
    pub(crate) admit: Box<dyn Fn() -> bool + Send + Sync>,
    /// For meetings of another process.
    #[cfg(unix)]
    pub(crate) asked: Asked,
    pub(crate) traces: Traces,
    /// The request that opened the connection.
    pub(crate) cause: Context,
}

/// Serves one connection until it ends.
pub(crate) async fn serve(socket: WebSocket, setting: Setting) {
    setting.counters.sockets.add();
    let (sink, stream) = socket.split();
    let mut reader = Reader {
        stream,
        counters: &setting.counters,
        guard: Guard::new(Instant::now()),
    };
    let join = Join::begin(&setting.traces, &setting.cause);
    let entered = match timeout(HELLO_WITHIN, reader.hello()).await {
        #[cfg(unix)]
        Ok(Ok((id, hello))) if setting.asked.held.holds(&hello.meeting) && (setting.admit)() => {
            match setting.asked.there("/ws").await {
                Some(there) => {
                    let body = Request::Hello(hello);
                    let first = serde_json::to_string(&ClientMessage { id, body });
                    let first = Message::text(first.expect("messages are plain data"));
                    return there.carry(first, &mut reader.stream, sink).await;
                }
                None => Err(Goodbye::Refused(Code::GoingAway, refusal(Code::GoingAway))),
            }
        }
        Ok(Ok((id, hello))) if (setting.admit)() => {
            tracing::info!(meeting = ?hello.meeting, agent = hello.agent, "hello");
            join.enter(Stage::Ticket);
            let guest = Guest {
                join: join.clone(),
                ..setting.guest
            };
            let entered = setting.rooms.connect(id, hello, guest);
            let entered = entered.with_context(join.context()).await;
            entered.map_err(|code| Goodbye::Refused(code, refusal(code)))
        }
        Ok(Ok(_)) => Err(Goodbye::Refused(
            Code::TooFast,
            "too many joins from this address; wait a minute",
        )),
        Ok(Err(goodbye)) => Err(goodbye),
        Err(_) => Err(Goodbye::Refused(
            Code::OutOfOrder,
            "no hello within 10 seconds",
        )),
    };
    if let Err(goodbye) = &entered {
        join.refused(goodbye.code());
    }
    drop(join);
    match entered {
        Ok((door, outbox)) => talk(&mut reader, sink, door, outbox).await,
        Err(goodbye) => writer::say_goodbye(sink, goodbye).await,
    }
    reader.linger().await;
}

fn refusal(code: Code) -> &'static str {
    match code {
        Code::MeetingNotFound => "no such meeting",
        Code::MeetingEnded => "the meeting has ended",
        Code::GoingAway => "the server is shutting down",
        Code::Overloaded => "the server cannot take more work now",
        _ => "the server failed",
    }
}

/// Reader and writer side by side; the first to end ends the other.
async fn talk(
    reader: &mut Reader<'_>,
    sink: futures_util::stream::SplitSink<WebSocket, Message>,
    door: RoomDoor,
    outbox: OutboxReader,
) {
    let (feed, own) = Feed::new();
    let counters = reader.counters;
    let writer = writer::run(sink, outbox, own, counters);
    tokio::pin!(writer);
    let goodbye = tokio::select! {
        () = &mut writer => None,
        goodbye = reader.requests(&door, &feed) => Some(goodbye),
    };
    door.closed().await;
    if let Some(goodbye) = goodbye {
        feed.end(goodbye);
        writer.await;
    }
}

struct Reader<'a> {
    stream: SplitStream<WebSocket>,
    counters: &'a Counters,
    guard: Guard,
}

impl Reader<'_> {
    /// The first message, which has to be a `hello`.
    async fn hello(&mut self) -> Result<(u32, Hello), Goodbye> {
        // The caller's clock runs over the whole of it.
        match self.message(2 * HELLO_WITHIN).await? {
            Ok(ClientMessage {
                id,
                body: Request::Hello(hello),
            }) => {
                self.guard.number(id);
                Ok((id, hello))
            }
            Ok(_) => {
                self.counters.bad_messages.add();
                Err(Goodbye::Refused(
                    Code::OutOfOrder,
                    "the first message is hello",
                ))
            }
            Err(error) => {
                self.counters.bad_messages.add();
                Err(Goodbye::RefusedBecause(error.code, error.message))
            }
        }
    }

    /// Passes requests on until the connection ends, and says why it did.
    async fn requests(&mut self, door: &RoomDoor, feed: &Feed) -> Goodbye {
        loop {
            let message = match self.message(SILENCE).await {
                Ok(message) => message,
                Err(goodbye) => return goodbye,
            };
            let id = match &message {
                Ok(m) => m.id,
                Err(e) => e.id.unwrap_or(0),
            };
            match self.guard.judge(&message, Instant::now()) {
                Verdict::Pass => {}
                Verdict::Refuse(code, text) => {
                    self.counters.bad_messages.add();
                    if !feed.error(ServerMessage::Error {
                        id,
                        code,
                        message: text,
                    }) {
                        return Goodbye::Bye(Code::TooFast, "answers are not read");
                    }
                    continue;
                }
                Verdict::End(code, text) => {
                    self.counters.bad_messages.add();
                    return Goodbye::Bye(code, text);
                }
            }
            let Ok(ClientMessage { id, body }) = message else {
                continue;
            };
            if !door.request(id, body).await {
                return Goodbye::Gone;
            }
        }
    }

    /// Reads on without listening until the other side closes too. Closing while its messages still come in would reset
    /// the connection, and the last words in it would be lost.
    async fn linger(&mut self) {
        let ended = async { while let Some(Ok(_)) = self.stream.next().await {} };
        let _ = timeout(LINGER, ended).await;
    }

    /// The next frame with text in it, parsed. `Err`: there will be none. Any frame shows that the other side lives;
    /// pings are answered by the library.
    async fn message(
        &mut self,
        silence: Duration,
    ) -> Result<Result<ClientMessage, ParseError>, Goodbye> {
        loop {
            let Ok(frame) = timeout(silence, self.stream.next()).await else {
                self.counters.sockets_lost.add();
                return Err(Goodbye::Silent);
            };
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(parse_client(&text)),
                Some(Ok(Message::Binary(_))) => {
                    let message = "messages are text frames".to_owned();
                    return Ok(Err(ParseError {
                        id: None,
                        code: Code::BadMessage,
                        message,
                    }));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(Goodbye::Gone),
                Some(Err(error)) => return Err(broken(&error)),
            }
        }
    }
}

fn broken(error: &axum::Error) -> Goodbye {
    // The library's error type is not ours to name; its text for an oversized frame is stable.
    match error.to_string().starts_with("Space limit exceeded") {
        true => Goodbye::Bye(Code::TooLarge, "a frame is far above the size limit"),
        false => Goodbye::Gone,
    }
}
