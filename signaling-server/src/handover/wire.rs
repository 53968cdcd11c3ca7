//! What two processes, or a command and the server, say to each other at `handover.sock`: messages of JSON behind their length, and
//! after [`Said::Gift`] one byte for every few sockets, which go with it as ancillary data (SCM_RIGHTS).

use super::HandoverError;
use crate::sfu::BequestWords;
use confab_protocol::MeetingId;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;

/// Bytes of a message; the list of a server's meetings is the longest.
const LARGEST: u32 = 4 << 20;
/// Sockets that go with one byte; the kernel takes 253.
const AT_ONCE: usize = 64;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Said {
    /// A command: let another process take over, and say what became of it.
    Restart,
    Outcome {
        /// Of the process that serves now.
        pid: u32,
        error: Option<String>,
    },
    /// The new process: give me what you have.
    TakeOver,
    Gift(Gift),
    /// All is up; say when.
    Ready,
    /// The new process cannot.
    Failed {
        message: String,
    },
    /// I have stopped. These meetings I keep.
    Go {
        held: Vec<MeetingId>,
    },
    Taken,
    /// This one I do not keep any more.
    Released {
        meeting: MeetingId,
    },
}

/// Goes before the sockets: HTTP's, that of media over TCP and that of metrics where there are such, those of UDP, the link.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Gift {
    pub(super) ice_tcp: bool,
    pub(super) metrics: bool,
    pub(super) udp: usize,
    pub(super) media: BequestWords,
}

impl Gift {
    pub(super) fn sockets(&self) -> usize {
        1 + usize::from(self.ice_tcp) + usize::from(self.metrics) + self.udp + 1
    }
}

pub(super) async fn say(stream: &mut UnixStream, said: &Said) -> io::Result<()> {
    let text = serde_json::to_vec(said).map_err(io::Error::other)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    let message = [&length.to_be_bytes()[..], &text].concat();
    stream.write_all(&message).await
}

/// Dropped half way, nothing sensible can be read any more.
pub(super) async fn hear(stream: &mut UnixStream) -> io::Result<Said> {
    let length = stream.read_u32().await?;
    if length > LARGEST {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut text = vec![0; length as usize];
    stream.read_exact(&mut text).await?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

/// Another process's message where only one kind makes sense.
pub(super) fn unexpected(said: Said) -> HandoverError {
    match said {
        Said::Failed { message } => HandoverError::Failed(message),
        _ => HandoverError::Broken(ErrorKind::InvalidData.into()),
    }
}

/// Whoever waits at the other end hears why nothing comes of it.
pub(crate) async fn tell_failure(stream: &mut UnixStream, why: &str) {
    let message = why.to_owned();
    let _ = say(stream, &Said::Failed { message }).await;
}

pub(super) async fn give(stream: &UnixStream, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    for some in sockets.chunks(AT_ONCE) {
        let send = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !control.push(SendAncillaryMessage::ScmRights(some)) {
                return Err(ErrorKind::InvalidInput.into());
            }
            sendmsg(
                stream,
                &[IoSlice::new(&[1])],
                &mut control,
                SendFlags::empty(),
            )?;
            Ok(())
        };
        stream.async_io(Interest::WRITABLE, send).await?;
    }
    Ok(())
}

pub(super) async fn take(stream: &UnixStream, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let receive = || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut byte = [0];
            let mut into = [IoSliceMut::new(&mut byte)];
            let received = recvmsg(stream, &mut into, &mut control, RecvFlags::empty())?;
            let mut found = Vec::new();
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(sockets) = message {
                    found.extend(sockets);
                }
            }
            match received.bytes {
                1 if !found.is_empty() => Ok(found),
                _ => Err(io::Error::from(ErrorKind::UnexpectedEof)),
            }
        };
        let found = stream.async_io(Interest::READABLE, receive).await?;
        for socket in &found {
            // No process that this one starts has a use for them.
            rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::CLOEXEC)?;
        }
        all.extend(found);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[tokio::test]
    async fn sockets_go_across_in_their_order_and_words_before_and_after() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let pipes: Vec<_> = (0..AT_ONCE + 9)
            .map(|_| std::os::unix::net::UnixStream::pair().unwrap())
            .collect();
        let giving = async {
            say(&mut here, &Said::TakeOver).await.unwrap();
            let sockets: Vec<_> = pipes.iter().map(|(near, _)| near.as_fd()).collect();
            give(&here, &sockets).await.unwrap();
            say(&mut here, &Said::Taken).await.unwrap();
        };
        let taking = async {
            let said = hear(&mut there).await.unwrap();
            assert!(matches!(said, Said::TakeOver));
            let sockets = take(&there, AT_ONCE + 9).await.unwrap();
            let said = hear(&mut there).await.unwrap();
            assert!(matches!(said, Said::Taken));
            sockets
        };
        let ((), taken) = tokio::join!(giving, taking);
        for (n, (taken, (_, far))) in taken.into_iter().zip(&pipes).enumerate() {
            let mut taken = std::os::unix::net::UnixStream::from(taken);
            taken.write_all(&[n as u8]).unwrap();
            let (mut far, mut byte) = (far, [0]);
            far.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [n as u8]);
        }
    }

    #[tokio::test]
    async fn a_message_of_absurd_length_is_refused() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        here.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
        let error = hear(&mut there).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
}
