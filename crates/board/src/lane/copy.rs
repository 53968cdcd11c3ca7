//! The client's side of the lane: one copy of a board that opens, gathers what is written here, sends it, sends it again
//! after a cut and takes a fresh copy after a refusal. Twin of `ui/src/port/board/lane.ts`.
//!
//! Pure: told the time; bytes in, bytes out. Whoever has the socket hands every frame to [`LaneClient::frame`] and sends
//! what [`LaneClient::poll_frame`] gives.

use super::pace::Pace;
use super::{FromServer, LANE_VERSION, LaneCopy, Open};
use crate::change::{read_update, write_update};
use crate::document::{Applied, Document};
use crate::edit::Board;
use crate::id::{ObjectId, Replica};
use crate::limits::BATCH_MS;
use crate::rights::Level;
use crate::wire::WireError;
use confab_base::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// Silence after which it says on the second way that it is there.
const PING: Duration = Duration::from_secs(10);

/// What a frame of the server meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The board is here, or here again.
    Ready,
    /// Others changed these objects.
    Changed(Vec<ObjectId>),
    /// The server has stored this copy's changes below this number.
    Acknowledged(u64),
    /// Nothing of an update was taken, by [`crate::Refusal::name`]. What it was is dropped: connect anew.
    Refused(String),
    /// What the copy may do now.
    Rights(Level),
    /// The server's document, as asked by [`LaneClient::ask_hash`].
    Hash([u8; 32]),
    /// The last frame. `again`: come back by oneself.
    Closed { code: String, again: bool },
    /// Presence, names, answers to pings.
    Other,
}

/// One copy of a board, over as many connections as it takes.
#[derive(Debug)]
pub struct LaneClient {
    asked: String,
    board: Option<Board>,
    name: String,
    level: Level,
    /// The opening was answered in full.
    ready: bool,
    /// The copy's writes were refused, or it is another board: the next opening asks for a new one.
    fresh: bool,
    opening: Option<(Replica, u64)>,
    batch: Duration,
    /// When what was written goes out.
    due: Option<Time>,
    last_update: Option<Time>,
    /// When the connection was begun.
    began: Time,
    pace: Pace,
    /// To be sent as they are.
    waiting: Vec<Vec<u8>>,
    second: Second,
}

/// The copy's second way: another connection that brings the same changes and takes them.
#[derive(Debug)]
enum Second {
    Closed,
    Opening,
    Open {
        waiting: VecDeque<Vec<u8>>,
        last_sent: Time,
    },
}

impl LaneClient {
    /// An empty name asks for the board of where one is.
    pub fn new(asked: impl Into<String>) -> LaneClient {
        LaneClient {
            asked: asked.into(),
            board: None,
            name: String::new(),
            level: Level::View,
            ready: false,
            fresh: true,
            opening: None,
            batch: Duration::from_millis(BATCH_MS),
            due: None,
            last_update: None,
            began: Time::ZERO,
            pace: Pace::default(),
            waiting: Vec::new(),
            second: Second::Closed,
        }
    }

    /// Gathers for this long. [`BATCH_MS`] without it; tools that compress time take less.
    pub fn set_batch(&mut self, batch: Duration) {
        self.batch = batch;
    }

    /// The first frame of a connection. What the one before had open is to be sent again.
    pub fn open(&mut self, meeting: &str, participant: u32, token: &str, now: Time) -> Vec<u8> {
        self.ready = false;
        self.opening = None;
        self.waiting.clear();
        self.began = now;
        self.pace = Pace::default();
        self.second = Second::Closed;
        let known = self.board.as_ref().filter(|_| !self.fresh);
        let copy = known.map(|b| LaneCopy::Back(b.replica(), b.document().vector().clone()));
        let seat = (meeting, participant, token);
        first_frame(seat, &self.asked, copy.unwrap_or_default())
    }

    /// Whether the connection is far or stumbles, so that a second one beside it is worth opening: its first frame is
    /// [`Self::open_second`]. It ends with the first.
    pub fn wants_second(&self) -> bool {
        self.ready && matches!(self.second, Second::Closed) && self.pace.is_slow()
    }

    /// The first frame of a second connection. `None`: there is no copy to open it for.
    pub fn open_second(&mut self, meeting: &str, participant: u32, token: &str) -> Option<Vec<u8>> {
        let board = self.board.as_ref().filter(|_| self.ready)?;
        self.second = Second::Opening;
        let (seat, copy) = (
            (meeting, participant, token),
            LaneCopy::Second(board.replica()),
        );
        Some(first_frame(seat, &self.name, copy))
    }

    /// The next frame for the second connection; ask until `None`.
    pub fn poll_second(&mut self, now: Time) -> Option<Vec<u8>> {
        let Second::Open { waiting, last_sent } = &mut self.second else {
            return None;
        };
        let ping = || (now.since(*last_sent) >= PING).then(|| vec![14]);
        let frame = waiting.pop_front().or_else(ping)?;
        *last_sent = now;
        Some(frame)
    }

    /// Takes a frame of the second connection. After an error and after [`Heard::Closed`] that connection is of no use.
    ///
    /// # Errors
    /// The bytes are no frame of the lane.
    pub fn frame_of_second(&mut self, bytes: &[u8], now: Time) -> Result<Heard, WireError> {
        match (FromServer::from_bytes(bytes)?, &self.second) {
            (FromServer::Opened { .. }, Second::Opening) => {
                self.second = Second::Open {
                    waiting: VecDeque::new(),
                    last_sent: now,
                };
                // So that nothing the server lacks comes over the first alone.
                if let Some(board) = self.board.as_mut() {
                    board.resend();
                    self.due = (board.unacknowledged() > 0).then_some(now);
                }
                Ok(Heard::Other)
            }
            (FromServer::Changes(update), Second::Open { .. }) => self.more(&update),
            (FromServer::Acknowledged(next), Second::Open { .. }) => {
                self.board.iter_mut().for_each(|b| b.acknowledge(next));
                Ok(Heard::Acknowledged(next))
            }
            (FromServer::Closed { code, again }, _) => Ok(Heard::Closed { code, again }),
            _ => Ok(Heard::Other),
        }
    }

    /// The second connection is over.
    pub fn second_closed(&mut self) {
        self.second = Second::Closed;
        self.pace.forget();
    }

    /// The copy; `None` until it was opened for the first time.
    pub fn board(&self) -> Option<&Board> {
        self.board.as_ref()
    }

    /// Writes. Goes out at once if nothing did in the last [`BATCH_MS`], else with what else is written until then.
    /// `None`: not opened yet.
    pub fn write<T>(&mut self, now: Time, edit: impl FnOnce(&mut Board) -> T) -> Option<T> {
        let board = self.board.as_mut()?;
        let done = edit(board);
        if board.unacknowledged() > 0 {
            let next = self.last_update.map_or(now, |last| last + self.batch);
            self.due.get_or_insert(next.max(now));
        }
        Some(done)
    }

    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Which board it is: `main`, `room-N`, `screen-N`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// Shows others something that is not kept: [`crate::Presence::to_bytes`]. At most 20 a second of a sort.
    pub fn show(&mut self, presence: &[u8]) {
        if self.ready {
            self.waiting.push([&[8], presence].concat());
        }
    }

    /// Asks for the hash of the server's document.
    pub fn ask_hash(&mut self) {
        if self.ready {
            self.waiting.push(vec![11]);
        }
    }

    /// The next frame to send; ask until `None`.
    pub fn poll_frame(&mut self, now: Time) -> Option<Vec<u8>> {
        if !self.ready {
            return None;
        }
        if let Some(frame) = self.next_frame(now) {
            self.pace.busy(now);
            return Some(frame);
        }
        (self.pace.due(self.began) <= now).then(|| {
            self.pace.asked(now);
            vec![14]
        })
    }

    fn next_frame(&mut self, now: Time) -> Option<Vec<u8>> {
        if !self.waiting.is_empty() {
            return Some(self.waiting.remove(0));
        }
        if self.due.is_some_and(|due| due <= now) {
            let changes = self.board.as_mut().map(Board::take_update);
            match changes.filter(|changes| !changes.is_empty()) {
                Some(changes) => {
                    self.last_update = Some(now);
                    let mut frame = vec![5];
                    frame.extend(write_update(&changes));
                    if let Second::Open { waiting, .. } = &mut self.second {
                        waiting.push_back(frame.clone());
                    }
                    return Some(frame);
                }
                None => self.due = None,
            }
        }
        None
    }

    /// When [`Self::poll_frame`] has something, if nothing else happens.
    pub fn next_wakeup(&self) -> Option<Time> {
        let ping = self.pace.due(self.began);
        self.ready
            .then(|| self.due.map_or(ping, |due| due.min(ping)))
    }

    /// Takes a frame. After an error, and after [`Heard::Refused`] and [`Heard::Closed`], the connection is of no use.
    ///
    /// # Errors
    /// The bytes are no frame of the lane; the next opening asks for everything anew.
    pub fn frame(&mut self, bytes: &[u8], now: Time) -> Result<Heard, WireError> {
        let heard = FromServer::from_bytes(bytes).and_then(|frame| self.hear(frame, now));
        if heard.is_err() {
            self.fresh = true;
            self.ready = false;
        }
        heard
    }

    /// Takes changes of others; those that are known change nothing.
    fn more(&mut self, update: &[u8]) -> Result<Heard, WireError> {
        let mut touched = Vec::new();
        // An empty body is the answer to an opening that lacked nothing.
        if !update.is_empty() {
            let board = self.board.as_mut().ok_or(WireError::Unknown)?;
            for change in read_update(update)? {
                if let Applied::Now(ids) = board.receive(&change) {
                    touched.extend(ids);
                }
            }
        }
        Ok(Heard::Changed(touched))
    }

    fn hear(&mut self, frame: FromServer, now: Time) -> Result<Heard, WireError> {
        match frame {
            FromServer::Pong(_) => self.pace.answered(now),
            _ => self.pace.busy(now),
        }
        Ok(match frame {
            FromServer::Opened {
                replica,
                level,
                next,
                board,
                ..
            } => {
                (self.level, self.name) = (level, board);
                self.opening = Some((replica, next));
                Heard::Other
            }
            FromServer::Snapshot(bytes) => self.snapshot(&bytes, now)?,
            FromServer::Changes(update) => self.changes(&update, now)?,
            FromServer::Acknowledged(next) => {
                self.board.iter_mut().for_each(|b| b.acknowledge(next));
                Heard::Acknowledged(next)
            }
            FromServer::Refused { name, wait_ms, .. } => self.refused(name, wait_ms, now),
            FromServer::Rights(level) => {
                self.level = level;
                Heard::Rights(level)
            }
            FromServer::Hash { hash, .. } => Heard::Hash(hash),
            FromServer::Closed { code, again } => {
                self.ready = false;
                self.fresh |= matches!(code.as_str(), "board_moved" | "board_new_copy");
                Heard::Closed { code, again }
            }
            FromServer::Presence(_)
            | FromServer::Pong(_)
            | FromServer::Authors(_)
            | FromServer::Allowed(_) => Heard::Other,
        })
    }

    fn snapshot(&mut self, bytes: &[u8], now: Time) -> Result<Heard, WireError> {
        let Some((replica, next)) = self.opening.take() else {
            return Err(WireError::Unknown);
        };
        match self
            .board
            .as_mut()
            .filter(|b| !self.fresh && b.replica() == replica)
        {
            Some(board) => drop(board.receive_snapshot(bytes)?),
            None => self.board = Some(Board::with(replica, Document::from_snapshot(bytes)?)),
        }
        self.go(next, now);
        Ok(Heard::Ready)
    }

    fn changes(&mut self, update: &[u8], now: Time) -> Result<Heard, WireError> {
        let opening = self.opening.take();
        let heard = self.more(update)?;
        Ok(match opening {
            Some((_, next)) => {
                self.go(next, now);
                Heard::Ready
            }
            None => heard,
        })
    }

    /// The opening is complete: what the server lacks is sent.
    fn go(&mut self, next: u64, now: Time) {
        (self.ready, self.fresh) = (true, false);
        if let Some(board) = self.board.as_mut() {
            board.acknowledge(next);
            board.resend();
            self.due = (board.unacknowledged() > 0).then_some(now);
        }
    }

    fn refused(&mut self, name: String, wait_ms: u64, now: Time) -> Heard {
        if matches!(name.as_str(), "too_fast" | "board_gap") {
            self.board.iter_mut().for_each(Board::resend);
            self.due = Some(now + Duration::from_millis(wait_ms));
            return Heard::Other;
        }
        (self.ready, self.fresh) = (false, true);
        self.due = None;
        Heard::Refused(name)
    }
}

/// The opening of a connection; of the seat: meeting, participant, token.
fn first_frame(seat: (&str, u32, &str), board: &str, copy: LaneCopy) -> Vec<u8> {
    let (meeting, participant, token) = seat;
    let open = Open {
        version: LANE_VERSION,
        meeting: meeting.to_owned(),
        participant,
        token: token.to_owned(),
        board: board.to_owned(),
        copy,
    };
    open.to_bytes()
}
