//! The way from a room to one connection: a bounded queue that never makes the room wait.

use axum::extract::ws::Utf8Bytes;
use confab_protocol::Code;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

/// Messages waiting for one slow connection. When they are more, the connection is closed with a code that lets the
/// client come back and resync: cheaper for all than remembering everything for it.
pub(crate) const QUEUE: usize = 256;

#[derive(Debug)]
pub(crate) enum Outgoing {
    Text(Utf8Bytes),
    /// Close, after what stands before it is written.
    Close(Option<Code>),
}

/// The room's end.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    kicked: watch::Sender<Option<Code>>,
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct OutboxReader {
    pub(crate) queue: mpsc::Receiver<Outgoing>,
    /// Set: close at once, whatever still waits.
    pub(crate) kicked: watch::Receiver<Option<Code>>,
}

pub(crate) fn outbox() -> (Outbox, OutboxReader) {
    let (queue_in, queue) = mpsc::channel(QUEUE);
    let (kick_in, kicked) = watch::channel(None);
    (
        Outbox {
            queue: queue_in,
            kicked: kick_in,
        },
        OutboxReader { queue, kicked },
    )
}

impl Outbox {
    /// False: the connection was too slow, and is being closed. One that is gone says so itself, behind its last requests.
    pub(crate) fn send(&self, text: Utf8Bytes) -> bool {
        let too_slow = matches!(
            self.queue.try_send(Outgoing::Text(text)),
            Err(TrySendError::Full(_))
        );
        if too_slow {
            self.kick(Code::Overloaded);
        }
        !too_slow
    }

    pub(crate) fn close(&self, code: Option<Code>) {
        if self.queue.try_send(Outgoing::Close(code)).is_err() {
            self.kick(code.unwrap_or(Code::Overloaded));
        }
    }

    /// Closes without waiting for the queue.
    pub(crate) fn kick(&self, code: Code) {
        self.kicked
            .send_if_modified(|kicked| kicked.replace(code).is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_does_not_read_is_kicked_with_a_code_that_lets_it_come_back() {
        let (outbox, reader) = outbox();
        for _ in 0..QUEUE {
            assert!(outbox.send("x".into()));
        }
        assert_eq!(*reader.kicked.borrow(), None);
        assert!(!outbox.send("one too many".into()));
        let code = reader.kicked.borrow().unwrap();
        assert!(!code.is_final());
    }

    #[test]
    fn a_connection_that_is_gone_was_not_too_slow() {
        let (outbox, reader) = outbox();
        drop(reader);
        assert!(outbox.send("x".into()));
    }
}
