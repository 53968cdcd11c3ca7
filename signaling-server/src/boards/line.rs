//! The way from a board to one connection: a queue bounded in bytes that never makes the board wait.

use bytes::Bytes;
use confab_board::{Close, Overflow, Queue, Weight};
use confab_protocol::Code;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// Frames are written together up to so many bytes.
const TOGETHER: usize = 16 * 1024;

#[derive(Default)]
struct Waiting {
    queue: Queue<Bytes>,
    closed: Option<Close>,
    /// What waits is written together every [`confab_board::GATHER_MS`].
    gather: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

/// The board's end. Dropped without a word, it closes the connection so that it comes back.
pub(super) struct Line(Arc<Shared>);

/// The connection's end.
pub(super) struct LineReader(Arc<Shared>);

/// What a connection has to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// At least one, to be written together.
    Frames(Vec<Bytes>),
    End(Close),
}

pub(super) fn line() -> (Line, LineReader) {
    let shared = Arc::new(Shared::default());
    (Line(Arc::clone(&shared)), LineReader(shared))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no panic while queueing")
    }
}

impl Line {
    /// False: the connection was too slow, and is being closed.
    pub(super) fn send(&self, frame: Bytes, weight: Weight) -> bool {
        let mut waiting = self.0.lock();
        let sent = waiting.queue.push(frame, weight);
        if sent == Err(Overflow) {
            // What waits would come too late.
            waiting.queue = Queue::default();
            waiting.closed = Some(Close::Because(Code::Overloaded));
        }
        drop(waiting);
        self.0.changed.notify_one();
        sent.is_ok()
    }

    /// Whether what waits is gathered for a while.
    pub(super) fn gather(&self, gather: bool) {
        self.0.lock().gather = gather;
    }

    /// Closes, after what stands before it is written.
    pub(super) fn close(&self, why: Close) {
        self.0.lock().closed.get_or_insert(why);
        self.0.changed.notify_one();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.close(Close::Because(Code::Internal));
    }
}

impl LineReader {
    /// Whether what comes next should wait for what follows it.
    pub(super) fn gathers(&self) -> bool {
        let waiting = self.0.lock();
        waiting.gather && waiting.closed.is_none()
    }

    pub(super) async fn next(&self) -> Next {
        loop {
            let changed = self.0.changed.notified();
            {
                let mut waiting = self.0.lock();
                let mut frames = Vec::new();
                let mut bytes = 0;
                while bytes < TOGETHER
                    && let Some(frame) = waiting.queue.pop()
                {
                    bytes += frame.len();
                    frames.push(frame);
                }
                if !frames.is_empty() {
                    return Next::Frames(frames);
                }
                if let Some(why) = waiting.closed {
                    return Next::End(why);
                }
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_read_is_closed_and_may_come_back() {
        let (line, reader) = line();
        let frame = Bytes::from(vec![0; 100_000]);
        let mut sent = 0;
        while line.send(frame.clone(), Weight::Kept) {
            sent += 1;
        }
        assert!((5..20).contains(&sent), "{sent}");
        let Next::End(why) = reader.next().await else {
            panic!("a frame of a queue that was given up");
        };
        assert_eq!((why.name(), why.again()), ("overloaded", true));
    }

    #[tokio::test]
    async fn what_waits_is_written_together_but_not_all_at_once() {
        let (line, reader) = line();
        for bytes in [10, TOGETHER, 1, 1] {
            assert!(line.send(Bytes::from(vec![0; bytes]), Weight::Kept));
        }
        for expected in [[10, TOGETHER], [1, 1]] {
            let Next::Frames(frames) = reader.next().await else {
                panic!("the end");
            };
            let lengths: Vec<usize> = frames.iter().map(Bytes::len).collect();
            assert_eq!(lengths, expected);
        }
        line.gather(true);
        assert!(reader.gathers());
        line.close(Close::Moved);
        assert!(!reader.gathers(), "nothing follows");
    }

    #[tokio::test]
    async fn what_stands_before_the_end_is_still_said() {
        let (line, reader) = line();
        assert!(line.send(Bytes::from_static(b"last"), Weight::Kept));
        line.close(Close::Moved);
        drop(line);
        assert!(matches!(reader.next().await, Next::Frames(f) if f == ["last"]));
        assert!(matches!(reader.next().await, Next::End(Close::Moved)));
    }
}
