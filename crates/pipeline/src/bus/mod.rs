//! Pictures for the webview: a WebSocket on the loopback interface that this app's page, and nobody else, may open.
//!
//! Tracks come in through [`BusHandle::sinks`], our own camera and screen through [`BusHandle::local`]. The page says what is on
//! screen and how many pictures it can take; the bus hands over access units as the jitter buffer releases them, or pictures at
//! the size they are drawn. Nothing queues: a page that is slow or stopped misses pictures, and memory stays where it was.
//! `docs/FRAMEBUS.md` is the contract with the page. One thread, `bus`, does all of it.

mod both;
mod carrier;
mod door;
mod lane;
mod server;
mod sink;
mod streams;
mod wire;

pub use both::BothSinks;
pub use carrier::{Carried, CarriedPage};
pub use door::{PATH, Token};
pub use lane::StreamStats;
pub use sink::{BusLocal, BusSink, BusSinks};
pub use wire::{
    FIRST_OWN, FromPage, HEADER, Header, Kind, MAX_CREDIT, MAX_STREAMS, MAX_TEXT, Misunderstood,
    Mode, OWN_CAMERA, OWN_SCREEN, Shown, ToPage, VERSION,
};

use server::{Server, Waker};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use streams::Streams;

/// The bus of one meeting window. Dropping it closes the connection and ends the thread.
#[derive(Debug)]
pub struct FrameBus {
    handle: BusHandle,
    port: u16,
    token: Token,
    thread: Option<JoinHandle<()>>,
}

/// The bus as the media side knows it. Cheap to clone; outlives the bus without harm.
#[derive(Clone, Debug)]
pub struct BusHandle {
    shared: Arc<Shared>,
}

struct Shared {
    streams: Mutex<Streams>,
    waker: Waker,
    stop: AtomicBool,
    /// Somebody is the page now, by socket or carried.
    page: AtomicBool,
    /// The way to a page that is carried.
    carrier: Mutex<Option<carrier::Way>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("page", &self.page)
            .finish_non_exhaustive()
    }
}

impl FrameBus {
    /// Listens on a free port of 127.0.0.1 with a new token.
    pub fn start() -> io::Result<FrameBus> {
        let token = Token::draw();
        let (server, waker, port) = Server::bind(token)?;
        let shared = Arc::new(Shared {
            streams: Mutex::default(),
            waker,
            stop: AtomicBool::new(false),
            page: AtomicBool::new(false),
            carrier: Mutex::default(),
        });
        let handle = BusHandle { shared };
        let theirs = handle.clone();
        let thread = std::thread::Builder::new()
            .name("bus".to_owned())
            .spawn(move || server.run(&theirs))?;
        Ok(FrameBus {
            handle,
            port,
            token,
            thread: Some(thread),
        })
    }

    /// Where the page connects, without the token.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}{PATH}", self.port)
    }

    /// What the page adds as `?token=`. Good for one page at a time; a page that was reloaded may use it again.
    pub fn token(&self) -> String {
        self.token.spelt()
    }

    pub fn handle(&self) -> BusHandle {
        self.handle.clone()
    }
}

impl Drop for FrameBus {
    fn drop(&mut self) {
        self.handle.shared.stop.store(true, Ordering::Relaxed);
        self.handle.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl BusHandle {
    /// Shows everybody's tracks on the bus.
    pub fn sinks(&self) -> BusSinks {
        BusSinks(self.clone())
    }

    /// A stream of our own pictures: [`OWN_CAMERA`] (at most 30 a second) or [`OWN_SCREEN`] (at most 15).
    pub fn local(&self, stream: u32) -> BusLocal {
        BusLocal::open(self.clone(), stream)
    }

    /// Whether a page is connected.
    pub fn has_page(&self) -> bool {
        self.shared.page.load(Ordering::Relaxed)
    }

    /// Counters by stream.
    pub fn stats(&self) -> BTreeMap<u32, StreamStats> {
        self.streams().stats()
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.shared
            .streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes the page, unless there is one.
    fn claim_page(&self) -> bool {
        !self.shared.page.swap(true, Ordering::AcqRel)
    }

    /// Whoever claimed it is gone.
    fn release_page(&self) {
        self.streams().page_gone();
        self.shared.page.store(false, Ordering::Release);
    }

    fn wake(&self) {
        self.shared.waker.wake();
    }
}
