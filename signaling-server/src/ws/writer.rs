//! The writing half of a connection: the room's messages, the reader's own error replies, and the last word.

use crate::counters::Counters;
use crate::rooms::{OutboxReader, Outgoing};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use confab_protocol::{Code, ServerMessage};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A message that cannot be written for this long means that nobody reads.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// How long the last words may take.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// Error replies of the reader that may wait.
const OWN_QUEUE: usize = 64;

type Sink = SplitSink<WebSocket, Message>;

/// Why a connection ends, as far as the reader knows.
#[derive(Debug)]
pub(super) enum Goodbye {
    /// Closed or broken by the other side: there is nobody to talk to.
    Gone,
    /// Nothing was heard for too long.
    Silent,
    Bye(Code, &'static str),
    Refused(Code, &'static str),
    RefusedBecause(Code, String),
}

impl Goodbye {
    /// Why, where the other side is told.
    pub(super) fn code(&self) -> Option<Code> {
        match self {
            Goodbye::Gone | Goodbye::Silent => None,
            Goodbye::Bye(code, _) | Goodbye::Refused(code, _) => Some(*code),
            Goodbye::RefusedBecause(code, _) => Some(*code),
        }
    }
}

enum Own {
    Error(Box<ServerMessage>),
    End(Goodbye),
}

/// The reader's way to the writer.
pub(super) struct Feed {
    queue: mpsc::Sender<Own>,
}

pub(super) struct OwnQueue(mpsc::Receiver<Own>);

impl Feed {
    /// One place more than [`OWN_QUEUE`] is kept for the end.
    pub(super) fn new() -> (Feed, OwnQueue) {
        let (queue, own) = mpsc::channel(OWN_QUEUE + 1);
        (Feed { queue }, OwnQueue(own))
    }

    /// False: too many wait already.
    pub(super) fn error(&self, message: ServerMessage) -> bool {
        self.queue.capacity() > 1 && self.queue.try_send(Own::Error(Box::new(message))).is_ok()
    }

    pub(super) fn end(&self, goodbye: Goodbye) {
        // Fails only where the writer has ended already.
        let _ = self.queue.try_send(Own::End(goodbye));
    }
}

/// Writes until the connection ends, by whichever side.
pub(super) async fn run(
    mut sink: Sink,
    mut outbox: OutboxReader,
    mut own: OwnQueue,
    counters: &Counters,
) {
    let mut said_all = false;
    let last_word = loop {
        tokio::select! {
            biased;
            Ok(()) = outbox.kicked.changed() => {
                counters.sockets_lost.add();
                let code = outbox.kicked.borrow().unwrap_or(Code::Overloaded);
                break Goodbye::Bye(code, "come back");
            }
            Some(own) = own.0.recv() => match own {
                Own::Error(message) => {
                    if !write(&mut sink, encode(&message)).await { break Goodbye::Gone }
                }
                Own::End(goodbye) => break goodbye,
            },
            next = outbox.queue.recv() => match next {
                Some(Outgoing::Text(text)) => {
                    said_all = is_last_word(&text);
                    if !write(&mut sink, text).await { break Goodbye::Gone }
                }
                Some(Outgoing::Close(Some(code))) if !said_all => break Goodbye::Bye(code, "closed"),
                Some(Outgoing::Close(_)) => return close(sink).await,
                None => {
                    let code = outbox.kicked.borrow().unwrap_or(Code::Internal);
                    break Goodbye::Bye(code, "come back");
                }
            },
        }
    };
    say_goodbye(sink, last_word).await;
}

/// Writes the last message that fits, and closes.
pub(super) async fn say_goodbye(mut sink: Sink, goodbye: Goodbye) {
    let message = match goodbye {
        Goodbye::Gone | Goodbye::Silent => return close(sink).await,
        Goodbye::Bye(code, text) => ServerMessage::Bye {
            code,
            message: text.to_owned(),
        },
        Goodbye::Refused(code, text) => ServerMessage::Refused {
            code,
            message: text.to_owned(),
        },
        Goodbye::RefusedBecause(code, message) => ServerMessage::Refused { code, message },
    };
    let _ = timeout(GOODBYE_WITHIN, sink.send(Message::Text(encode(&message)))).await;
    close(sink).await;
}

async fn close(mut sink: Sink) {
    let frame = CloseFrame {
        code: axum::extract::ws::close_code::NORMAL,
        reason: "".into(),
    };
    let _ = timeout(GOODBYE_WITHIN, sink.send(Message::Close(Some(frame)))).await;
}

async fn write(sink: &mut Sink, text: Utf8Bytes) -> bool {
    matches!(
        timeout(WRITE_WITHIN, sink.send(Message::Text(text))).await,
        Ok(Ok(()))
    )
}

fn encode(message: &ServerMessage) -> Utf8Bytes {
    serde_json::to_string(message)
        .expect("messages are plain data")
        .into()
}

/// After `bye` and `refused` nothing follows. The tag is always the first field.
fn is_last_word(text: &str) -> bool {
    text.starts_with(r#"{"type":"bye""#) || text.starts_with(r#"{"type":"refused""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_recognised_as_they_are_encoded() {
        let (code, message) = (Code::GoingAway, String::new());
        assert!(is_last_word(&encode(&ServerMessage::Bye {
            code,
            message: message.clone()
        })));
        assert!(is_last_word(&encode(&ServerMessage::Refused {
            code,
            message: message.clone()
        })));
        assert!(!is_last_word(&encode(&ServerMessage::Error {
            id: 1,
            code,
            message
        })));
    }
}
