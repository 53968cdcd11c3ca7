//! The media side as the rooms see it: open a forwarding room per meeting, hand it commands, hear its events.
//!
//! The real one is [`crate::sfu`]. [`Silent`] is its twin without sockets, for tests of signaling alone.

use confab_protocol::Code;
use confab_room::{MediaCommand, MediaEvent};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Every meeting's media.
pub(crate) trait MediaPlane: Send + Sync + 'static {
    /// A forwarding room; `key` spreads rooms over threads.
    fn open(&self, key: u64) -> MediaRoom;
    /// Takes over a TCP connection that began with media.
    fn attach(&self, first_bytes: Vec<u8>, stream: TcpStream, peer: SocketAddr);
    fn udp_addr(&self) -> SocketAddr;
    fn shutdown(&self);
}

/// The worker's queue is full.
#[derive(Debug)]
pub(crate) struct Overloaded;

/// One meeting's media. Dropping it closes the forwarding room.
pub(crate) struct MediaRoom {
    pub(crate) send: Box<dyn Fn(MediaCommand) -> Result<(), Overloaded> + Send>,
    pub(crate) events: mpsc::Receiver<MediaEvent>,
}

/// A media side that refuses every offer.
pub(crate) struct Silent;

impl MediaPlane for Silent {
    fn open(&self, _key: u64) -> MediaRoom {
        let (tx, events) = mpsc::channel(64);
        let send = move |command| {
            if let MediaCommand::Offer {
                participant,
                ticket,
                generation,
                ..
            } = command
            {
                let (code, message) = (Code::Overloaded, "no media here".to_owned());
                let failed = MediaEvent::OfferFailed {
                    participant,
                    ticket,
                    generation,
                    code,
                    message,
                };
                tx.try_send(failed).map_err(|_| Overloaded)?;
            }
            Ok(())
        };
        MediaRoom {
            send: Box::new(send),
            events,
        }
    }

    fn attach(&self, _first_bytes: Vec<u8>, _stream: TcpStream, _peer: SocketAddr) {}

    fn udp_addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    fn shutdown(&self) {}
}
