//! The new process's part: it asks for the sockets, brings everything up, and begins when the old one has stopped. Then it hears
//! which meetings the old one lets go of, and that it has ended.

use super::wire::{Gift, Said, hear, say, take, unexpected};
use super::{Doors, Estate, HANDOVER_SOCKET, HandoverError, Held, Inheritance};
use crate::config::Config;
use crate::sfu::Bequest;
use crate::store::StoreError;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// The old process answers at once.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// Asks the running process for what it has.
pub(crate) async fn ask(config: &Config) -> Result<(UnixStream, Inheritance), HandoverError> {
    let path = config.data_dir.join(HANDOVER_SOCKET);
    let stream = UnixStream::connect(&path).await;
    let mut stream = stream.map_err(HandoverError::NoServer)?;
    let asked = async {
        say(&mut stream, &Said::TakeOver).await?;
        let gift = match hear(&mut stream).await? {
            Said::Gift(gift) => gift,
            other => return Err(unexpected(other)),
        };
        let sockets = take(&stream, gift.sockets()).await?;
        Ok(sort(gift, sockets)?)
    };
    let asked = timeout(ANSWERS_WITHIN, asked).await;
    let inheritance = asked.unwrap_or(Err(HandoverError::Late))?;
    Ok((stream, inheritance))
}

fn sort(gift: Gift, sockets: Vec<OwnedFd>) -> io::Result<Inheritance> {
    let mut sockets = sockets.into_iter();
    let mut next = || sockets.next().ok_or(ErrorKind::UnexpectedEof);
    let doors = Doors {
        http: TcpListener::from(next()?),
        ice_tcp: match gift.ice_tcp {
            true => Some(TcpListener::from(next()?)),
            false => None,
        },
        metrics: match gift.metrics {
            true => Some(TcpListener::from(next()?)),
            false => None,
        },
    };
    let mut udp = Vec::with_capacity(gift.udp);
    for _ in 0..gift.udp {
        udp.push(UdpSocket::from(next()?));
    }
    let link = UnixDatagram::from(next()?);
    let bequest = Bequest {
        sockets: udp,
        words: gift.media,
    };
    Ok(Inheritance {
        doors,
        media: (bequest, link),
    })
}

/// Says that all is up, and begins when the old process has stopped.
pub(crate) async fn settle(
    stream: &mut UnixStream,
    estate: &Estate,
    held: &Held,
) -> Result<(), HandoverError> {
    say(stream, &Said::Ready).await?;
    let said = timeout(ANSWERS_WITHIN, hear(stream)).await;
    let meetings = match said.map_err(|_| HandoverError::Late)?? {
        Said::Go { held } => held,
        other => return Err(unexpected(other)),
    };
    tracing::info!(
        meetings = meetings.len(),
        "the process before keeps its meetings"
    );
    held.set(meetings.into_iter().collect());
    let failed = |error: StoreError| HandoverError::Failed(error.to_string());
    estate.store.claim().await.map_err(failed)?;
    estate.rooms.restore().await.map_err(failed)?;
    estate.in_charge.set(true);
    say(stream, &Said::Taken).await?;
    Ok(())
}

/// Follows what the old process says until it is gone; then all is this one's.
pub(crate) async fn follow(mut stream: UnixStream, estate: Arc<Estate>, held: Arc<Held>) {
    while let Ok(said) = hear(&mut stream).await {
        if let Said::Released { meeting } = said {
            tracing::debug!(?meeting, "released by the process before");
            held.release(&meeting);
        }
    }
    tracing::info!("the process before has ended");
    estate.media.read_sockets();
    held.clear();
    estate.alone.set(true);
    if let Err(error) = estate.rooms.restore().await {
        tracing::error!(%error, "waking meetings of the process before");
    }
}
