//! One connection of the whiteboard's lane: frames in, the board's frames out, and the last word.

use super::line::{LineReader, Next};
use super::{Boards, Door, pictures};
use crate::counters::Counters;
#[cfg(unix)]
use crate::handover::Asked;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use confab_board::{
    Close, FromClient, GATHER_MS, MAX_CLIENT_FRAME, Open, OpenPictures, PictureAsk, limits,
};
use confab_protocol::Code;
#[cfg(unix)]
use confab_protocol::MeetingId;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Largest frame that is read at all, bytes.
pub(crate) const MAX_FRAME: usize = MAX_CLIENT_FRAME;
/// Largest one after the opening: an update with its sort.
const MAX_LATER: usize = limits::MAX_UPDATE + 64;
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// The lane's own: who has a board open and does nothing pings every ten seconds (docs/BOARD.md), not every one as signaling does.
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// A frame that cannot be written for this long, and for what it takes at [`SLOWEST`], means that nobody reads.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Bytes a millisecond: a snapshot of megabytes takes its time.
const SLOWEST: u64 = 32;
const GATHER: Duration = Duration::from_millis(GATHER_MS);
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// How long the other side may take to close as well.
const LINGER: Duration = Duration::from_secs(1);

pub(super) type Sink = SplitSink<WebSocket, Message>;

/// How a connection ends: with a last word, or with nobody there to hear it.
pub(super) type End = Option<Close>;

/// Serves one connection until it ends.
pub(crate) async fn serve(
    socket: WebSocket,
    boards: Arc<Boards>,
    counters: Arc<Counters>,
    admitted: bool,
    #[cfg(unix)] asked: Asked,
) {
    counters.sockets.add();
    let (mut sink, mut stream) = socket.split();
    let first = match timeout(OPEN_WITHIN, first(&mut stream)).await {
        Ok(Ok(first)) if admitted => Ok(first),
        Ok(Ok(_)) => Err(Some(Close::Because(Code::TooFast))),
        Ok(Err(end)) => Err(end),
        Err(_) => Err(Some(Close::Because(Code::OutOfOrder))),
    };
    #[cfg(unix)]
    if let Ok(first) = &first
        && let Some((meeting, bytes)) = first.named()
        && asked.held.holds(&meeting)
    {
        return match asked.there("/ws/board").await {
            Some(there) => {
                let first = Message::Binary(bytes);
                there.carry(first, &mut stream, sink).await
            }
            None => say_goodbye(sink, Some(Close::Because(Code::GoingAway))).await,
        };
    }
    match first {
        Ok(First::Lane(open)) => match boards.open(open).await {
            Ok((door, reader)) => talk(&mut stream, sink, &door, &reader, &counters).await,
            Err(why) => say_goodbye(sink, Some(why)).await,
        },
        Ok(First::Pictures(open)) => {
            let end = pictures::serve(&mut stream, &mut sink, &boards, open).await;
            if end == Some(Close::Because(Code::BadMessage)) {
                counters.bad_messages.add();
            }
            say_goodbye(sink, end).await;
        }
        Err(end) => say_goodbye(sink, end).await,
    }
    // Closing while frames still come in would reset the connection, and the last word would be lost.
    let ended = async { while let Some(Ok(_)) = stream.next().await {} };
    let _ = timeout(LINGER, ended).await;
}

/// Reads and writes side by side; the first to end ends the other.
async fn talk(
    stream: &mut SplitStream<WebSocket>,
    mut sink: Sink,
    door: &Door,
    reader: &LineReader,
    counters: &Counters,
) {
    let end = {
        let write = write_all(&mut sink, reader);
        tokio::pin!(write);
        tokio::select! {
            end = &mut write => end,
            end = read_all(stream, door, counters) => match end {
                // The board's task has ended, and its line says why.
                None => timeout(GOODBYE_WITHIN, write).await.unwrap_or(None),
                end => end.flatten(),
            },
        }
    };
    if end == Some(Close::Because(Code::Overloaded)) {
        counters.sockets_lost.add();
    }
    door.closed().await;
    say_goodbye(sink, end).await;
}

/// Hands frames on until the connection ends; `None`: the board is gone.
async fn read_all(
    stream: &mut SplitStream<WebSocket>,
    door: &Door,
    counters: &Counters,
) -> Option<End> {
    loop {
        let Ok(frame) = timeout(SILENCE, next(stream)).await else {
            counters.sockets_lost.add();
            return Some(None);
        };
        let refused = match frame {
            Ok(bytes) if bytes.len() > MAX_LATER => Some(Close::Because(Code::TooLarge)),
            Ok(bytes) => {
                if !door.frame(bytes).await {
                    return None;
                }
                continue;
            }
            Err(end) => end,
        };
        if refused.is_some() {
            counters.bad_messages.add();
        }
        return Some(refused);
    }
}

/// Writes what the board says until it ends.
async fn write_all(sink: &mut Sink, reader: &LineReader) -> End {
    loop {
        match reader.next().await {
            Next::Frames(frames) => {
                if !write_together(sink, frames).await {
                    return None;
                }
                if reader.gathers() {
                    tokio::time::sleep(GATHER).await;
                }
            }
            Next::End(why) => return Some(why),
        }
    }
}

/// Writes one frame; false: nobody reads it.
pub(super) async fn write(sink: &mut Sink, bytes: Bytes) -> bool {
    write_together(sink, vec![bytes]).await
}

/// Writes frames into as few segments as they fit; false: nobody reads them.
async fn write_together(sink: &mut Sink, frames: Vec<Bytes>) -> bool {
    let bytes: usize = frames.iter().map(Bytes::len).sum();
    let within = WRITE_WITHIN + Duration::from_millis(bytes as u64 / SLOWEST);
    let written = timeout(within, async {
        for frame in frames {
            sink.feed(Message::Binary(frame)).await?;
        }
        sink.flush().await
    });
    matches!(written.await, Ok(Ok(())))
}

/// What a connection is for.
enum First {
    Lane(Open),
    Pictures(OpenPictures),
}

#[cfg(unix)]
impl First {
    /// The meeting it is about, and what it was.
    fn named(&self) -> Option<(MeetingId, Bytes)> {
        let (meeting, bytes) = match self {
            First::Lane(open) => {
                let frame = FromClient::Open(Box::new(open.clone()));
                (&open.meeting, frame.to_bytes())
            }
            First::Pictures(open) => {
                let frame = PictureAsk::Open(Box::new(open.clone()));
                (&open.meeting, frame.to_bytes())
            }
        };
        Some((MeetingId::parse(meeting)?, bytes.into()))
    }
}

/// The first frame, which has to open one or the other.
async fn first(stream: &mut SplitStream<WebSocket>) -> Result<First, End> {
    let bytes = next(stream).await?;
    if PictureAsk::begins(&bytes) {
        return match PictureAsk::from_bytes(&bytes) {
            Ok(PictureAsk::Open(open)) => Ok(First::Pictures(*open)),
            _ => Err(Some(Close::Because(Code::BadMessage))),
        };
    }
    match FromClient::from_bytes(&bytes) {
        Ok(FromClient::Open(open)) => Ok(First::Lane(*open)),
        Ok(_) => Err(Some(Close::Because(Code::OutOfOrder))),
        Err(_) => Err(Some(Close::Because(Code::BadMessage))),
    }
}

/// The next binary frame.
pub(super) async fn next(stream: &mut SplitStream<WebSocket>) -> Result<Bytes, End> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
            Some(Ok(Message::Text(_))) => return Err(Some(Close::Because(Code::BadMessage))),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => return Err(None),
            // The library's error type is not ours to name; its text for an oversized frame is stable.
            Some(Err(error)) if error.to_string().starts_with("Space limit exceeded") => {
                return Err(Some(Close::Because(Code::TooLarge)));
            }
            Some(Err(_)) => return Err(None),
        }
    }
}

async fn say_goodbye(mut sink: Sink, end: End) {
    if let Some(why) = end {
        let last = Message::Binary(Bytes::from(why.to_bytes()));
        let _ = timeout(GOODBYE_WITHIN, sink.send(last)).await;
    }
    let frame = CloseFrame {
        code: axum::extract::ws::close_code::NORMAL,
        reason: "".into(),
    };
    let _ = timeout(GOODBYE_WITHIN, sink.send(Message::Close(Some(frame)))).await;
}
