//! The bus thread: accepts, refuses, reads the page's texts and writes pictures. One message at a time is in the socket's
//! hands; the next is chosen when it is gone, so what waits is always the latest.

use super::BusHandle;
use super::door::{self, Token};
use super::lane::{Body, Next};
use super::streams::Asks;
use super::wire::{FromPage, HEADER, MAX_TEXT, ToPage, VERSION};
use crate::clock;
use crate::sink::KeyframeAsk;
use confab_base::{Duration, Time};
use confab_picture::I420;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response, ServerHandshake};
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

const LISTENER: mio::Token = mio::Token(0);
const WAKER: mio::Token = mio::Token(1);
const FIRST_CONNECTION: usize = 2;
/// Connections that have not said who they are; more are closed at once.
const MAX_STRANGERS: usize = 8;
/// How long they may take.
const HANDSHAKE: Duration = Duration::from_secs(3);
/// More than the largest message, so that the one in the socket's hands always fits.
const MAX_WRITE: usize = 32 << 20;

/// Wakes the bus thread; many wakes before it comes round are one.
#[derive(Debug)]
pub(crate) struct Waker {
    poll: mio::Waker,
    pending: Arc<AtomicBool>,
}

impl Waker {
    pub(crate) fn wake(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            // Fails only without the poll, and then nobody is left to wake.
            let _ = self.poll.wake();
        }
    }
}

type Handshake = ServerHandshake<TcpStream, Guard>;

/// A connection before its request was read and answered.
struct Stranger {
    id: mio::Token,
    handshake: MidHandshake<Handshake>,
    until: Time,
}

struct Page {
    id: mio::Token,
    socket: WebSocket<TcpStream>,
    /// The socket is full; the rest of a message waits in it.
    blocked: bool,
}

/// Everything the bus thread owns.
pub(crate) struct Server {
    poll: Poll,
    listener: TcpListener,
    port: u16,
    token: Token,
    woken: Arc<AtomicBool>,
    strangers: Vec<Stranger>,
    page: Option<Page>,
    next_id: usize,
}

impl Server {
    /// Binds a free port of 127.0.0.1 and returns it.
    pub(crate) fn bind(token: Token) -> io::Result<(Server, Waker, u16)> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let port = listener.local_addr()?.port();
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let woken = Arc::new(AtomicBool::new(false));
        let waker = Waker {
            poll: mio::Waker::new(poll.registry(), WAKER)?,
            pending: woken.clone(),
        };
        let server = Server {
            poll,
            listener,
            port,
            token,
            woken,
            strangers: Vec::new(),
            page: None,
            next_id: FIRST_CONNECTION,
        };
        Ok((server, waker, port))
    }

    pub(crate) fn run(mut self, bus: &BusHandle) {
        let mut events = Events::with_capacity(64);
        while !bus.shared.stop.load(Ordering::Relaxed) {
            let timeout = self.wakeup(bus).map(|at| at.since(clock::now()));
            // A little late rather than just too early, and round again.
            let timeout = timeout.map(|t| t + Duration::from_micros(200));
            match self.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!("the frame bus cannot wait: {error}");
                    break;
                }
            }
            self.woken.store(false, Ordering::Release);
            let ids: Vec<mio::Token> = events.iter().map(mio::event::Event::token).collect();
            for id in ids {
                match id {
                    WAKER => {}
                    LISTENER => self.accept(bus),
                    id => self.connection(id, bus),
                }
            }
            let now = clock::now();
            self.strangers.retain(|s| s.until > now);
            let asks = bus.streams().tick(now);
            asks.iter().for_each(KeyframeAsk::ask);
            self.pump(bus);
        }
        self.page_gone(bus);
    }

    fn wakeup(&self, bus: &BusHandle) -> Option<Time> {
        let strangers = self.strangers.iter().map(|s| s.until).min();
        // What a full socket can't take need not be looked at before it has room.
        let blocked = self.page.as_ref().is_some_and(|p| p.blocked);
        let streams = (!blocked).then(|| bus.streams().next_wakeup()).flatten();
        strangers.into_iter().chain(streams).min()
    }

    fn accept(&mut self, bus: &BusHandle) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            if self.strangers.len() >= MAX_STRANGERS {
                tracing::debug!("too many connections to the frame bus at once");
                continue;
            }
            let id = mio::Token(self.next_id);
            self.next_id += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let ready = self.poll.registry().register(&mut stream, id, interest);
            if ready.and_then(|()| stream.set_nodelay(true)).is_err() {
                continue;
            }
            let guard = Guard {
                bus: bus.clone(),
                token: self.token,
                port: self.port,
            };
            let handshake = ServerHandshake::start(stream, guard, Some(config()));
            let until = clock::now() + HANDSHAKE;
            self.go_on(id, handshake, until, bus);
        }
    }

    fn connection(&mut self, id: mio::Token, bus: &BusHandle) {
        if let Some(at) = self.strangers.iter().position(|s| s.id == id) {
            let stranger = self.strangers.swap_remove(at);
            self.go_on(id, stranger.handshake, stranger.until, bus);
        } else if self.page.as_ref().is_some_and(|p| p.id == id) {
            self.read(bus);
            self.flush(bus);
        }
    }

    /// One step of a handshake, whichever it is at.
    fn go_on(
        &mut self,
        id: mio::Token,
        handshake: MidHandshake<Handshake>,
        until: Time,
        bus: &BusHandle,
    ) {
        match handshake.handshake() {
            Ok(socket) => self.welcome(id, socket, bus),
            Err(HandshakeError::Interrupted(handshake)) => self.strangers.push(Stranger {
                id,
                handshake,
                until,
            }),
            Err(HandshakeError::Failure(error)) => {
                tracing::debug!("frame bus: refused a connection: {error}");
            }
        }
    }

    fn welcome(&mut self, id: mio::Token, socket: WebSocket<TcpStream>, bus: &BusHandle) {
        if !bus.claim_page() {
            return;
        }
        self.page = Some(Page {
            id,
            socket,
            blocked: false,
        });
        tracing::debug!("the page is on the frame bus");
        let hello = ToPage::Hello { version: VERSION };
        self.write(Message::text(hello.text()), bus);
        // Its first words may be here already, and that edge has passed.
        self.read(bus);
    }

    fn read(&mut self, bus: &BusHandle) {
        while let Some(page) = &mut self.page {
            let message = match page.socket.read() {
                Ok(Message::Text(text)) => FromPage::parse(text.as_str()),
                Ok(Message::Binary(_)) => Err(super::Misunderstood::Unknown),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Close(_)) => continue,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::debug!("the page left the frame bus: {error}");
                    return self.page_gone(bus);
                }
            };
            match message {
                Ok(message) => {
                    let asks: Asks = bus.streams().page_says(message, clock::now());
                    asks.iter().for_each(KeyframeAsk::ask);
                }
                Err(why) => {
                    tracing::warn!("the page said what the frame bus does not understand: {why}");
                    let frame = CloseFrame {
                        code: CloseCode::Policy,
                        reason: "not understood".into(),
                    };
                    let _ = page.socket.close(Some(frame));
                    return self.page_gone(bus);
                }
            }
        }
    }

    /// Hands over what is due, as long as the socket takes it.
    fn pump(&mut self, bus: &BusHandle) {
        if self.page.is_none() {
            return bus.pump_carrier();
        }
        while self.page.as_ref().is_some_and(|p| !p.blocked) {
            let now = clock::now();
            let Some(next) = bus.streams().next(now) else {
                return;
            };
            self.write(Message::binary(message(&next)), bus);
        }
    }

    fn write(&mut self, message: Message, bus: &BusHandle) {
        let Some(page) = &mut self.page else { return };
        let written = page.socket.write(message);
        self.settle(written, bus);
        self.flush(bus);
    }

    fn flush(&mut self, bus: &BusHandle) {
        if let Some(page) = &mut self.page {
            let flushed = page.socket.flush();
            self.settle(flushed, bus);
        }
    }

    fn settle(&mut self, result: Result<(), Error>, bus: &BusHandle) {
        let Some(page) = &mut self.page else { return };
        match result {
            Ok(()) => page.blocked = false,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                page.blocked = true;
            }
            Err(error) => {
                tracing::debug!("the page left the frame bus: {error}");
                self.page_gone(bus);
            }
        }
    }

    fn page_gone(&mut self, bus: &BusHandle) {
        if self.page.take().is_some() {
            bus.release_page();
        }
    }
}

/// Decides on a connection's request.
struct Guard {
    bus: BusHandle,
    token: Token,
    port: u16,
}

impl Callback for Guard {
    #[allow(clippy::result_large_err)] // tungstenite's signature
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        match door::check(request, &self.token, self.port, self.bus.has_page()) {
            Ok(()) => Ok(response),
            Err(status) => Err(door::refusal(status)),
        }
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(MAX_TEXT)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE)
        .max_message_size(Some(MAX_TEXT))
        .max_frame_size(Some(MAX_TEXT))
}

/// Header and picture in one piece.
pub(super) fn message(next: &Next) -> Vec<u8> {
    match &next.body {
        Body::Unit { data, .. } => {
            let mut out = Vec::with_capacity(HEADER + data.len());
            out.extend_from_slice(&header(next, (0, 0)));
            out.extend_from_slice(data);
            out
        }
        Body::Picture {
            picture,
            width,
            height,
        } => {
            let size = drawn_size(picture.size(), (*width, *height));
            let scaled;
            let picture: &I420 = if size == picture.size() {
                picture
            } else {
                scaled = picture.scale_to(size.0, size.1);
                &scaled
            };
            let mut out = Vec::with_capacity(HEADER + size.0 * size.1 * 3 / 2);
            out.extend_from_slice(&header(next, (size.0 as u16, size.1 as u16)));
            out.extend_from_slice(picture.y());
            out.extend_from_slice(picture.u());
            out.extend_from_slice(picture.v());
            out
        }
    }
}

fn header(next: &Next, size: (u16, u16)) -> [u8; HEADER] {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    let wall = wall.map_or(0, |d| d.as_micros() as u64);
    next.header(size, clock::now(), wall).write()
}

/// The size that covers a tile with the picture's shape kept, never larger than the picture; even numbers.
fn drawn_size((w, h): (usize, usize), (tile_w, tile_h): (u16, u16)) -> (usize, usize) {
    let (tw, th) = (usize::from(tile_w), usize::from(tile_h));
    // The larger of tw/w and th/h.
    let (num, den) = if tw * h >= th * w { (tw, w) } else { (th, h) };
    if num == 0 || num >= den {
        return (w, h);
    }
    let side = |s: usize| {
        (s * num)
            .div_ceil(den)
            .next_multiple_of(2)
            .clamp(2, s.max(2))
    };
    (side(w), side(h))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pictures_are_sent_as_large_as_they_are_drawn_and_never_larger() {
        assert_eq!(drawn_size((1280, 720), (320, 180)), (320, 180));
        assert_eq!(drawn_size((1280, 720), (320, 320)), (570, 320));
        assert_eq!(drawn_size((320, 180), (1280, 720)), (320, 180));
        assert_eq!(drawn_size((1280, 720), (0, 180)), (320, 180));
        assert_eq!(drawn_size((640, 360), (0, 0)), (640, 360));
    }

    proptest! {
        #[test]
        fn drawn_sizes_are_even_and_cover_the_tile(w in 1usize..2000, h in 1usize..2000, tile: (u16, u16)) {
            let picture = (w * 2, h * 2);
            let (dw, dh) = drawn_size(picture, tile);
            prop_assert!(dw % 2 == 0 && dh % 2 == 0 && (2..=picture.0).contains(&dw) && (2..=picture.1).contains(&dh));
            let covers = dw >= usize::from(tile.0).min(picture.0) || dh >= usize::from(tile.1).min(picture.1);
            prop_assert!(covers);
        }
    }
}
