//! A client's socket thread: one [`Peer`] on UDP sockets and, where UDP does not get through, on ICE-TCP, and at last on
//! ICE-TCP inside TLS.
//!
//! One driver per peer-connection generation. Commands go in through [`DriverHandle`]; control events and media come
//! out of two bounded channels, so that a burst of media never hides an event. Dropping the handle ends the thread.

mod sockets;
mod tcp;
mod thread;

pub use tcp::TlsWay;

use crate::{
    InPacket, LineInfo, LocalOffer, MediaPlan, Mid, OutPacket, PeerConfig, PeerStats, Protocol,
    Rid, SdpError,
};
use confab_base::{Bitrate, Reference};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use mio::{Poll, Token, Waker};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Media commands waiting to be sent; beyond that the newest is dropped and counted. Half a second of a busy sender.
const SEND_QUEUE: usize = 256;
/// Packets waiting to be read; beyond that the newest is dropped and counted. A second of nine streams.
const MEDIA_QUEUE: usize = 4096;
/// Control events waiting to be read; beyond that estimates and statistics are dropped, all others are kept aside.
const EVENT_QUEUE: usize = 256;
const CONTROL_QUEUE: usize = 64;

const WAKER: Token = Token(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

/// Sees every packet; `false` loses it. For tests of loss, cuts and blocked UDP.
pub type Filter = Box<dyn FnMut(Direction, Protocol, &[u8]) -> bool + Send>;

pub struct DriverConfig {
    /// The thread's name, at most 15 letters or the system cuts it.
    pub name: String,
    pub peer: PeerConfig,
    /// Where TCP in the clear does not get through either, it is tried inside TLS.
    pub tls: Option<TlsWay>,
    pub test_filter: Option<Filter>,
}

impl DriverConfig {
    pub fn new(name: impl Into<String>) -> DriverConfig {
        DriverConfig {
            name: name.into(),
            peer: PeerConfig::client(),
            tls: None,
            test_filter: None,
        }
    }
}

impl std::fmt::Debug for DriverConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DriverConfig({})", self.name)
    }
}

#[derive(Debug)]
pub enum DriverEvent {
    /// Answers [`DriverHandle::create_offer`].
    Offer(LocalOffer),
    OfferFailed(SdpError),
    /// The answer was taken; these are the lines now.
    Answered(Vec<LineInfo>),
    AnswerFailed(SdpError),
    /// Media flows, over this protocol. Comes again after [`DriverEvent::Disconnected`].
    Connected {
        path: Protocol,
    },
    /// Nothing heard for [`PeerConfig::silence`]; may come back by itself.
    Disconnected,
    /// Over for good: the last event.
    Closed,
    KeyframeRequest {
        mid: Mid,
        rid: Option<Rid>,
    },
    /// See [`crate::PeerEvent::Reference`].
    Reference {
        mid: Mid,
        rid: Option<Rid>,
        reference: Reference,
    },
    Estimate(Bitrate),
    /// See [`crate::PeerEvent::Hold`].
    Hold(confab_base::Duration),
    Stats(PeerStats),
}

enum Control {
    Offer(MediaPlan),
    Answer(String),
    Keyframe(Mid, Option<Rid>),
    Refer(Mid, Reference),
    Desired(Bitrate),
    Close,
}

struct Burst {
    mid: Mid,
    rid: Option<Rid>,
    packets: Vec<OutPacket>,
}

/// Starts socket threads.
#[derive(Debug)]
pub struct Driver;

impl Driver {
    /// Starts a thread. It opens its sockets when the answer tells where the server is.
    ///
    /// # Errors
    /// No thread or no poller could be had from the system.
    pub fn start(config: DriverConfig) -> io::Result<DriverHandle> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (control, control_in) = bounded(CONTROL_QUEUE);
        let (bursts, bursts_in) = bounded(SEND_QUEUE);
        let (media_out, media) = bounded(MEDIA_QUEUE);
        let (events_out, events) = bounded(EVENT_QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let ends = thread::Ends {
            control: control_in,
            bursts: bursts_in,
            media: media_out,
            events: events_out,
            dropped: dropped.clone(),
        };
        std::thread::Builder::new()
            .name(config.name.clone())
            .spawn(move || {
                confab_priority::raise(confab_priority::Urgency::Network);
                thread::run(config, poll, ends);
            })?;
        let sender = MediaSender {
            control,
            bursts,
            waker,
            dropped,
        };
        Ok(DriverHandle {
            events,
            media,
            sender,
        })
    }
}

/// The client's side of a socket thread. Dropping it ends the connection and the thread.
#[derive(Debug)]
pub struct DriverHandle {
    pub events: Receiver<DriverEvent>,
    /// Packets in the order they came. Read them on a thread of their own or they are dropped.
    pub media: Receiver<InPacket>,
    sender: MediaSender,
}

impl DriverHandle {
    /// Asks for [`DriverEvent::Offer`] or [`DriverEvent::OfferFailed`].
    pub fn create_offer(&self, plan: MediaPlan) {
        self.sender.control(Control::Offer(plan));
    }

    /// Takes the server's answer: [`DriverEvent::Answered`] or [`DriverEvent::AnswerFailed`].
    pub fn accept_answer(&self, sdp: impl Into<String>) {
        self.sender.control(Control::Answer(sdp.into()));
    }

    pub fn request_keyframe(&self, mid: Mid, rid: Option<Rid>) {
        self.sender.request_keyframe(mid, rid);
    }

    /// See [`crate::Peer::set_desired`].
    pub fn set_desired(&self, desired: Bitrate) {
        self.sender.control(Control::Desired(desired));
    }

    /// See [`MediaSender::send`].
    pub fn send(&self, mid: Mid, rid: Option<Rid>, packets: Vec<OutPacket>) -> bool {
        self.sender.send(mid, rid, packets)
    }

    /// For media threads.
    pub fn sender(&self) -> MediaSender {
        self.sender.clone()
    }

    /// Says good-bye to the server and ends the thread; [`DriverEvent::Closed`] follows.
    pub fn close(&self) {
        self.sender.control(Control::Close);
    }

    /// Packets dropped because a queue was full, both ways.
    pub fn dropped(&self) -> u64 {
        self.sender.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for DriverHandle {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sends media from any thread.
#[derive(Clone, Debug)]
pub struct MediaSender {
    control: Sender<Control>,
    bursts: Sender<Burst>,
    waker: Arc<Waker>,
    dropped: Arc<AtomicU64>,
}

impl MediaSender {
    /// Queues the packets of one frame, or one audio packet. Returns whether they were taken; else the queue was full,
    /// or the driver is gone, and they are dropped and counted.
    pub fn send(&self, mid: Mid, rid: Option<Rid>, packets: Vec<OutPacket>) -> bool {
        let burst = Burst { mid, rid, packets };
        let taken = match self.bursts.try_send(burst) {
            Ok(()) => true,
            Err(TrySendError::Full(burst) | TrySendError::Disconnected(burst)) => {
                let count = burst.packets.len() as u64;
                self.dropped.fetch_add(count, Ordering::Relaxed);
                false
            }
        };
        // A wake-up that fails means the thread is gone.
        let _ = self.waker.wake();
        taken
    }

    pub fn request_keyframe(&self, mid: Mid, rid: Option<Rid>) {
        self.control(Control::Keyframe(mid, rid));
    }

    /// See [`crate::Peer::refer`].
    pub fn refer(&self, mid: Mid, reference: Reference) {
        self.control(Control::Refer(mid, reference));
    }

    /// Control is never dropped: the thread takes it all at once whenever it wakes, so waiting here is rare and short.
    fn control(&self, control: Control) {
        let mut waiting = Some(control);
        while let Some(control) = waiting.take() {
            let _ = self.waker.wake();
            match self.control.try_send(control) {
                Ok(()) => {
                    let _ = self.waker.wake();
                }
                Err(TrySendError::Full(control)) => {
                    std::thread::yield_now();
                    waiting = Some(control);
                }
                Err(TrySendError::Disconnected(_)) => {}
            }
        }
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Control::Offer(_) => "Offer",
            Control::Answer(_) => "Answer",
            Control::Keyframe(..) => "Keyframe",
            Control::Refer(..) => "Refer",
            Control::Desired(_) => "Desired",
            Control::Close => "Close",
        })
    }
}

impl std::fmt::Debug for Burst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Burst({:?}, {} packets)", self.mid, self.packets.len())
    }
}
