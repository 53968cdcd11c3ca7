//! A stream that ends when its place is needed for another connection: it reads as closed and takes nothing more, whoever
//! holds it by then.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

pub(crate) struct Leased<S> {
    stream: S,
    ended: CancellationToken,
    /// Wakes whoever reads.
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Leased<S> {
    pub(crate) fn new(stream: S, ended: CancellationToken) -> Leased<S> {
        let ending = Box::pin(ended.clone().cancelled_owned());
        Leased {
            stream,
            ended,
            ending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Leased<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ending.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Leased<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.ended.is_cancelled() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.ended.is_cancelled() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_stream_whose_place_is_gone_ends_for_whoever_waits_on_it() {
        let (near, mut far) = tokio::io::duplex(64);
        let ended = CancellationToken::new();
        let mut leased = Leased::new(near, ended.clone());
        far.write_all(b"hello").await.unwrap();
        let mut five = [0; 5];
        leased.read_exact(&mut five).await.unwrap();
        leased.write_all(b"hello").await.unwrap();
        let waiting = tokio::spawn(async move {
            let mut rest = Vec::new();
            let read = leased.read_to_end(&mut rest).await.unwrap();
            (read, leased.write_all(b"more").await.is_err())
        });
        tokio::task::yield_now().await;
        ended.cancel();
        assert_eq!(waiting.await.unwrap(), (0, true));
    }
}
