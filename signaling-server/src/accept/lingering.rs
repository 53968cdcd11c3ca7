//! A stream that is closed in two steps: first it says that nothing more comes, then it takes for a moment what the other
//! side still sends, and throws it away.
//!
//! A request may be answered before its body has come: it is refused, or nobody needs the body. To close right then makes
//! the operating system reset the connection when more of the body arrives, and a reset can take the answer with it
//! (RFC 9112, 9.6).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Longest that what still comes is taken, and most of it, bytes.
const FOR: Duration = Duration::from_secs(5);
const MOST: usize = 4 << 20;
/// What it is thrown away in, bytes.
const PIECE: usize = 8 * 1024;

pub(crate) struct Lingering<S> {
    stream: S,
    /// It speaks another protocol by now, which has its own way to end.
    upgraded: Arc<AtomicBool>,
    closing: Option<Closing>,
}

struct Closing {
    end: Pin<Box<Sleep>>,
    left: usize,
}

impl<S> Lingering<S> {
    pub(crate) fn new(stream: S, upgraded: Arc<AtomicBool>) -> Lingering<S> {
        Lingering {
            stream,
            upgraded,
            closing: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    passes_writes_on!();

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.upgraded.load(Ordering::Relaxed) {
            return Pin::new(&mut this.stream).poll_shutdown(cx);
        }
        let closing = match &mut this.closing {
            Some(closing) => closing,
            None => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                this.closing.insert(Closing {
                    end: Box::pin(sleep(FOR)),
                    left: MOST,
                })
            }
        };
        let mut piece = [0; PIECE];
        while closing.left > 0 && closing.end.as_mut().poll(cx).is_pending() {
            let mut piece = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece));
            let taken = piece.filled().len();
            if read.is_err() || taken == 0 {
                break;
            }
            closing.left = closing.left.saturating_sub(taken);
        }
        Poll::Ready(Ok(()))
    }
}
