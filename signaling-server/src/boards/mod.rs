//! Whiteboards: one task per board that somebody has open, beside the meetings' tasks, so that drawing never delays them.
//!
//! A board is found by its meeting, its occurrence and its name, woken when somebody opens it and gone a while after the
//! last has left. `actor` runs the pure lane, `screen` knows the boards over shared screens, `line` is the way to one
//! connection, `socket` the connection itself, `pictures` one that carries the bytes of pictures.

mod actor;
mod line;
mod pictures;
mod screen;
mod socket;

pub(crate) use socket::{MAX_FRAME, serve};

use crate::clock::{Clock, wall_ms};
use crate::files::Files;
use crate::rooms::{BoardSeats, Rooms};
use crate::secrets::Digest;
use crate::store::{BoardKey, Database, StoreError};
use actor::Actor;
use bytes::Bytes;
use confab_board::{Close, LANE_VERSION, Lane, LaneConn, LaneCopy, Open, screen_track};
use confab_protocol::{Code, MAX_BREAKOUT_ROOMS, MeetingId, ParticipantId};
use confab_room::BoardSeat;
use line::{Line, LineReader, line};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Frames waiting for one board. A full queue makes the connections' readers wait, and so their clients.
const INBOX: usize = 64;
/// How long a shutdown waits for boards to store what is due.
const GOODBYE: Duration = Duration::from_secs(5);
/// What was deleted longer ago than this cannot be brought back.
const BURIED_AFTER_MS: u64 = 7 * 24 * 3600 * 1000;
const MAIN: &str = "main";

/// What a connection tells its board.
enum ToBoard {
    Enter(Box<Entering>),
    Frame { conn: LaneConn, bytes: Bytes },
    Closed { conn: LaneConn },
}

/// Somebody who opens a board.
struct Entering {
    conn: LaneConn,
    seat: BoardSeat,
    /// It asked for this board by name.
    named: bool,
    copy: LaneCopy,
    line: Line,
    /// Dropped unanswered when the board's task ends before it read this.
    taken: oneshot::Sender<()>,
}

/// A connection's way into its board.
struct Door {
    conn: LaneConn,
    inbox: mpsc::Sender<ToBoard>,
}

impl Door {
    /// False: the board's task is gone; the line says why.
    async fn frame(&self, bytes: Bytes) -> bool {
        let conn = self.conn;
        let sent = self.inbox.send(ToBoard::Frame { conn, bytes }).await;
        sent.is_ok()
    }

    async fn closed(&self) {
        let _ = self.inbox.send(ToBoard::Closed { conn: self.conn }).await;
    }
}

/// All boards that are open.
pub(crate) struct Boards {
    rooms: Arc<Rooms>,
    store: Arc<Database>,
    /// Where the bytes of pictures are.
    files: Arc<Files>,
    clock: Clock,
    live: Mutex<HashMap<BoardKey, mpsc::Sender<ToBoard>>>,
    /// Held while a board is read, so that none is ever read twice at once.
    waking: tokio::sync::Mutex<()>,
    next_conn: AtomicU64,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Boards {
    pub(crate) fn new(
        rooms: Arc<Rooms>,
        (store, files): (Arc<Database>, Arc<Files>),
    ) -> Arc<Boards> {
        Arc::new(Boards {
            rooms,
            store,
            files,
            clock: Clock::start(),
            live: Mutex::default(),
            waking: tokio::sync::Mutex::default(),
            next_conn: AtomicU64::new(1),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// Tells everyone that the server goes away, and waits until all is stored. Before the store is closed.
    pub(crate) async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        let ended = tokio::time::timeout(GOODBYE, self.tasks.wait());
        if ended.await.is_err() {
            tracing::warn!("some whiteboards did not end in time");
        }
    }

    /// Brings somebody to the board they ask for, if their seat and token are good.
    async fn open(self: &Arc<Boards>, open: Open) -> Result<(Door, LineReader), Close> {
        if open.version != LANE_VERSION {
            return Err(Close::Because(Code::UnsupportedVersion));
        }
        let meeting = MeetingId::parse(&open.meeting);
        let meeting = meeting.ok_or(Close::Because(Code::BadSecret))?;
        let seats = self.rooms.board_seats(&meeting).await;
        let seats = seats.ok_or(Close::Because(Code::BadSecret))?;
        let seat =
            seated(&seats, open.participant, &open.token).ok_or(Close::Because(Code::BadSecret))?;
        let (name, named) = match screen::asked(&seats.borrow(), &seat, &open.board)? {
            Some(screen) => (screen, false),
            None => which(&seat, &open.board)?,
        };
        let at = self.store.board_occurrence(&meeting).await;
        let at = at.map_err(internal)?;
        let key = BoardKey { meeting, at, name };
        let conn = LaneConn(self.next_conn.fetch_add(1, Ordering::Relaxed));
        // A board's task may end between finding it and being heard; then the next one is asked.
        for _ in 0..3 {
            let inbox = self.wake(&key, &seats).await?;
            let (line, reader) = line();
            let (taken, heard) = oneshot::channel();
            let entering = Entering {
                conn,
                seat: seat.clone(),
                named,
                copy: open.copy.clone(),
                line,
                taken,
            };
            let sent = inbox.send(ToBoard::Enter(Box::new(entering))).await;
            if sent.is_ok() && heard.await.is_ok() {
                return Ok((Door { conn, inbox }, reader));
            }
            self.forget(&key, &inbox);
        }
        Err(Close::Because(Code::Overloaded))
    }

    async fn wake(
        self: &Arc<Boards>,
        key: &BoardKey,
        seats: &watch::Receiver<BoardSeats>,
    ) -> Result<mpsc::Sender<ToBoard>, Close> {
        let _turn = self.waking.lock().await;
        if self.stop.is_cancelled() {
            return Err(Close::Because(Code::GoingAway));
        }
        if let Some(inbox) = self.lock().get(key) {
            return Ok(inbox.clone());
        }
        let lane = self.lane(key).await?;
        let (inbox, messages) = mpsc::channel(INBOX);
        let actor = Actor::new(self, key.clone(), lane, seats.clone(), messages);
        self.lock().insert(key.clone(), inbox.clone());
        let (boards, key, own) = (Arc::clone(self), key.clone(), inbox.downgrade());
        self.tasks.spawn(async move {
            let messages = actor.run().await;
            // Out of the list first, then deaf: who still holds the inbox gets an error and asks again.
            if let Some(own) = own.upgrade() {
                boards.forget(&key, &own);
            }
            drop(messages);
        });
        Ok(inbox)
    }

    /// A board over a screen begins empty; any other is as it was stored.
    async fn lane(&self, key: &BoardKey) -> Result<Lane, Close> {
        let lane = match screen_track(&key.name) {
            Some(track) => Lane::over_screen(track, wall_ms()),
            None => {
                let long_ago = wall_ms().saturating_sub(BURIED_AFTER_MS);
                let stored = self.store.board(key, long_ago).await.map_err(internal)?;
                Lane::restore(key.name.clone(), stored, wall_ms())
            }
        };
        lane.map_err(|error| {
            tracing::error!(%error, "a stored whiteboard cannot be read");
            Close::Because(Code::Internal)
        })
    }

    fn forget(&self, key: &BoardKey, inbox: &mpsc::Sender<ToBoard>) {
        let mut all = self.lock();
        if all.get(key).is_some_and(|live| live.same_channel(inbox)) {
            all.remove(key);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BoardKey, mpsc::Sender<ToBoard>>> {
        self.live.lock().expect("no panic while looking up")
    }
}

/// The seat that is claimed, if the token is its own.
fn seated(seats: &watch::Receiver<BoardSeats>, participant: u32, token: &str) -> Option<BoardSeat> {
    let token = Digest::of(token);
    let seats = seats.borrow();
    let participant = ParticipantId(participant);
    let seat = seats.iter().find(|s| s.participant == participant)?;
    let previous = seat
        .previous_token
        .is_some_and(|d| Digest(d).matches(&token));
    (Digest(seat.token).matches(&token) || previous).then(|| seat.clone())
}

/// The board of where somebody is.
fn place(seat: &BoardSeat) -> String {
    match seat.room {
        Some(room) => format!("room-{room}"),
        None => MAIN.to_owned(),
    }
}

/// The board that is asked for, and whether by a host by name.
fn which(seat: &BoardSeat, asked: &str) -> Result<(String, bool), Close> {
    let here = place(seat);
    if asked.is_empty() || asked == here && !seat.leads {
        return Ok((here, false));
    }
    let number = asked.strip_prefix("room-").and_then(|n| n.parse().ok());
    let is_room = number.is_some_and(|n: usize| {
        (1..=MAX_BREAKOUT_ROOMS).contains(&n) && asked == format!("room-{n}")
    });
    match (asked == MAIN || is_room, seat.leads) {
        (false, _) => Err(Close::Because(Code::NotFound)),
        (true, false) => Err(Close::Because(Code::NotAllowed)),
        (true, true) => Ok((asked.to_owned(), true)),
    }
}

fn internal(error: StoreError) -> Close {
    tracing::error!(%error, "whiteboard");
    Close::Because(Code::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(leads: bool, room: Option<u32>) -> BoardSeat {
        BoardSeat {
            participant: ParticipantId(1),
            name: "Ada".into(),
            account: None,
            token: [1; 32],
            previous_token: None,
            leads,
            may_draw: true,
            room,
            screen: None,
        }
    }

    #[test]
    fn one_has_the_board_of_where_one_is_and_hosts_any() {
        let main = || MAIN.to_owned();
        let not_allowed = Err(Close::Because(Code::NotAllowed));
        assert_eq!(which(&seat(false, None), ""), Ok((main(), false)));
        assert_eq!(which(&seat(false, None), MAIN), Ok((main(), false)));
        assert_eq!(which(&seat(false, None), "room-1"), not_allowed);
        assert_eq!(which(&seat(false, Some(2)), MAIN), not_allowed);
        let two = || "room-2".to_owned();
        assert_eq!(which(&seat(false, Some(2)), ""), Ok((two(), false)));
        assert_eq!(which(&seat(true, None), "room-2"), Ok((two(), true)));
        for wrong in ["room-0", "room-02", "room-9999", "room-", "other", "../x"] {
            let not_found = Err(Close::Because(Code::NotFound));
            assert_eq!(which(&seat(true, None), wrong), not_found, "{wrong}");
        }
    }
}
