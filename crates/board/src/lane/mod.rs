//! One board's lane on the server: who has it open, what each may do, what is taken, stored, acknowledged and sent on.
//!
//! Pure: told the time, without sockets and storage. The shell calls a method for whatever comes, and then carries out every
//! [`LaneOutput`] of [`Lane::poll_output`] in order, **storing before it sends**: all [`LaneRecord`]s that came out are
//! written before any frame leaves. So nothing a person was told of is lost by a crash. docs/BOARD.md has the contract.

mod copy;
mod face;
mod frame;
mod open;
mod pace;
mod pictures;
mod queue;
mod screen;
mod second;

pub use copy::{Heard, LaneClient};
pub use face::{
    AuthorRecord, Close, GATHER_MS, LaneConn, LaneCopy, LaneOutput, LaneRecord, LaneSeat, Restored,
};
pub use frame::{AuthorName, FromClient, FromServer, LANE_VERSION, MAX_CLIENT_FRAME, Open};
pub use pictures::{OpenPictures, PictureAnswer, PictureAsk};
pub use queue::{Overflow, Queue, Weight};
pub use screen::{SCREEN_PAGE, screen_board, screen_level, screen_track};

use crate::change::{Change, write_update};
use crate::document::Document;
use crate::gate::{Refusal, admit};
use crate::id::{Author, Replica};
use crate::presence::{Presence, Shown};
use crate::rate::{Meter, TooFast};
use crate::rights::{Level, Rights};
use crate::store::{Entry, Log};
use crate::wire::WireError;
use confab_base::{Code, Time};
use second::Second;
use std::collections::{BTreeMap, VecDeque};

/// Refusals in a row after which a connection ends.
const MAX_STRIKES: u32 = 60;
/// What a question for the hash is charged, bytes: it costs reading the whole document.
const HASH_COST: usize = 64 * 1024;
/// Changes kept in memory beyond a snapshot, for those who come back after a short cut.
const KEEP: usize = 512;

/// A connection's copy of the board.
#[derive(Debug)]
struct Opened {
    replica: Replica,
    seat: LaneSeat,
    /// What it may do now.
    level: Level,
    strikes: u32,
    /// The newest it showed, by sort, of what lasts.
    shown: BTreeMap<u8, Vec<u8>>,
}

/// One board and those who have it open.
#[derive(Debug)]
pub struct Lane {
    /// What it is called in its meeting.
    name: String,
    /// Of a board over a shared screen: whether who presents lets the others draw.
    allowed: Option<bool>,
    document: Document,
    log: Log,
    /// Number of the newest entry.
    last: u64,
    authors: BTreeMap<Author, AuthorRecord>,
    by_who: BTreeMap<String, Author>,
    meters: BTreeMap<Author, Meter>,
    conns: BTreeMap<LaneConn, Opened>,
    seconds: BTreeMap<LaneConn, Second>,
    out: VecDeque<LaneOutput>,
}

impl Lane {
    /// A board as it was stored, or a new one. Fails if what is stored can't be read.
    pub fn restore(name: String, stored: Restored, wall_ms: u64) -> Result<Lane, WireError> {
        let (last, bytes) = stored.snapshot.unwrap_or_default();
        let document = match bytes.is_empty() {
            true => Document::new(),
            false => Document::from_snapshot(&bytes)?,
        };
        let log = Log::new(&document, bytes.len());
        let by_who = stored.authors.iter().map(|a| (a.who.clone(), a.author));
        let mut lane = Lane {
            name,
            allowed: None,
            document,
            log,
            last,
            by_who: by_who.collect(),
            authors: stored.authors.into_iter().map(|a| (a.author, a)).collect(),
            meters: BTreeMap::new(),
            conns: BTreeMap::new(),
            seconds: BTreeMap::new(),
            out: VecDeque::new(),
        };
        for bytes in stored.entries {
            let entry = Entry::from_bytes(&bytes)?;
            lane.document.apply(&entry.change);
            lane.log.push(entry, bytes.len());
            lane.last += 1;
        }
        let gone = lane.document.buriable(stored.bury_before);
        if !gone.is_empty() {
            let change = lane.document.bury_change(gone);
            lane.document.apply(&change);
            lane.keep(&change, wall_ms);
        }
        Ok(lane)
    }

    /// The next thing to carry out; ask until `None` after every call.
    pub fn poll_output(&mut self) -> Option<LaneOutput> {
        self.out.pop_front()
    }

    pub fn document(&self) -> &Document {
        &self.document
    }

    pub fn is_open(&self) -> bool {
        !self.conns.is_empty()
    }

    /// A frame of a connection that is open.
    pub fn frame(&mut self, conn: LaneConn, bytes: &[u8], now: Time, wall_ms: u64) {
        if self.frame_of_second(conn, bytes, now, wall_ms) || !self.conns.contains_key(&conn) {
            return;
        }
        let frame = match FromClient::from_bytes(bytes) {
            Ok(frame) if frame::is_too_large(&frame) => return self.end(conn, Code::TooLarge),
            Ok(frame) => frame,
            Err(_) => return self.end(conn, Code::BadMessage),
        };
        match frame {
            FromClient::Open(_) => self.end(conn, Code::OutOfOrder),
            FromClient::Update(update) => self.update(conn, update, now, wall_ms),
            FromClient::Presence(bytes) => self.presence(conn, bytes, now),
            FromClient::Hash => self.hash(conn, now),
            FromClient::Ping => {
                if self.charge(conn, 1, now).is_ok() {
                    self.send(conn, &FromServer::Pong(wall_ms));
                }
            }
            FromClient::Allow(allowed) => self.allow(conn, allowed, now),
        }
    }

    /// What the seat is now: its name, its level.
    pub fn seat(&mut self, conn: LaneConn, seat: LaneSeat) {
        let Some(opened) = self.conns.get_mut(&conn) else {
            return;
        };
        let author = opened.replica.author;
        opened.seat = seat.clone();
        self.level_anew(conn);
        self.call(author, &seat);
    }

    /// The connection is gone.
    pub fn leave(&mut self, conn: LaneConn) {
        if let Some(second) = self.seconds.remove(&conn) {
            self.gather(second.first(), false);
        }
        if let Some(opened) = self.conns.remove(&conn) {
            self.close_second(conn, Close::NewCopy);
            self.show(conn, opened.replica, Presence::Gone);
        }
    }

    /// Ends one connection.
    pub fn close(&mut self, conn: LaneConn, why: Close) {
        if self.conns.contains_key(&conn) || self.seconds.contains_key(&conn) {
            self.out.push_back(LaneOutput::Close { conn, why });
            self.leave(conn);
        }
    }

    /// Ends them all.
    pub fn close_all(&mut self, why: Close) {
        let firsts = std::mem::take(&mut self.conns).into_keys();
        let seconds = std::mem::take(&mut self.seconds).into_keys();
        let closed = firsts.chain(seconds);
        self.out
            .extend(closed.map(|conn| LaneOutput::Close { conn, why }));
    }

    fn end(&mut self, conn: LaneConn, code: Code) {
        self.close(conn, Close::Because(code));
    }

    fn update(&mut self, conn: LaneConn, bytes: &[u8], now: Time, wall_ms: u64) {
        if let Err(TooFast { wait_ms }) = self.charge(conn, bytes.len(), now) {
            return self.refuse(conn, "too_fast", wait_ms);
        }
        if let Err(refusal) = self.take(conn, None, bytes, wall_ms) {
            return self.strike_and_refuse(conn, refusal);
        }
        if let Some(opened) = self.conns.get_mut(&conn) {
            opened.strikes = 0;
        }
    }

    /// Takes an update of the copy that has this connection, whichever way it came: `over` its second one, if that.
    fn take(
        &mut self,
        conn: LaneConn,
        over: Option<LaneConn>,
        bytes: &[u8],
        wall_ms: u64,
    ) -> Result<(), Refusal> {
        let Some(opened) = self.conns.get(&conn) else {
            return Ok(());
        };
        let replica = opened.replica;
        let rights = Rights {
            author: replica.author,
            level: opened.level,
        };
        let admitted = admit(&self.document, bytes, rights)?;
        // Another copy of the same person is another replica.
        if admitted.changes().iter().any(|c| c.replica != replica) {
            return Err(Refusal::Forged);
        }
        admitted.apply(&mut self.document);
        for change in admitted.changes() {
            self.keep(change, wall_ms);
        }
        let next = self.document.next_seq(replica);
        let ways = match admitted.changes().is_empty() {
            // It was acknowledged when it came the other way.
            true => vec![over.unwrap_or(conn)],
            false => [conn].into_iter().chain(self.second_of(conn)).collect(),
        };
        self.send_to(ways, &FromServer::Acknowledged(next), Weight::Kept);
        if !admitted.changes().is_empty() {
            let update = FromServer::Changes(write_update(admitted.changes()));
            let seconds = self.seconds.iter().filter(|(_, s)| !s.is_beside(conn));
            let seconds = seconds.map(|(other, _)| *other);
            let firsts = self.conns.keys().filter(|other| **other != conn).copied();
            let to = firsts.chain(seconds).collect();
            self.send_to(to, &update, Weight::Kept);
        }
        Ok(())
    }

    /// Puts a change that was applied into the log, and a snapshot where one is due.
    fn keep(&mut self, change: &Change, at_ms: u64) {
        let entry = Entry {
            at_ms,
            change: change.clone(),
        };
        let bytes = entry.to_bytes();
        self.last += 1;
        self.log.push(entry, bytes.len());
        let (number, lamport) = (self.last, change.next_lamport() - 1);
        let record = LaneRecord::Entry {
            number,
            at_ms,
            lamport,
            bytes,
        };
        self.out.push_back(LaneOutput::Store(record));
        // Not in the midst of an update: the document is ahead of the log there.
        let logged = self.document.next_seq(change.replica) == change.seq + 1;
        if logged && self.log.is_due() {
            let bytes = self.document.to_snapshot();
            self.log.compacted(bytes.len(), KEEP);
            let record = LaneRecord::Snapshot {
                number,
                at_ms,
                bytes,
            };
            self.out.push_back(LaneOutput::Store(record));
        }
    }

    fn presence(&mut self, conn: LaneConn, bytes: &[u8], now: Time) {
        if self.charge(conn, bytes.len(), now).is_err() {
            return;
        }
        let Ok(presence) = Presence::from_bytes(bytes) else {
            return self.end(conn, Code::BadMessage);
        };
        let Some(opened) = self.conns.get_mut(&conn) else {
            return;
        };
        if !presence.is_allowed(opened.level) {
            return;
        }
        let replica = opened.replica;
        match presence {
            Presence::Gone => opened.shown.clear(),
            Presence::Cursor { .. }
            | Presence::Selection { .. }
            | Presence::Typing { .. }
            | Presence::View { .. } => {
                let shown = Shown {
                    replica,
                    presence: presence.clone(),
                };
                opened.shown.insert(bytes[0], shown.to_bytes());
            }
            Presence::Laser { .. } | Presence::Drawing { .. } | Presence::Drawn { .. } => {}
        }
        self.show(conn, replica, presence);
    }

    /// Shows something to all but its own copy.
    fn show(&mut self, conn: LaneConn, replica: Replica, presence: Presence) {
        // That somebody is gone may not get lost: nothing would ever replace it.
        let weight = match presence {
            Presence::Gone | Presence::Drawn { .. } => Weight::Kept,
            _ => Weight::Presence,
        };
        let shown = Shown { replica, presence };
        let frame = FromServer::Presence(shown.to_bytes());
        self.send_others(conn, &frame, weight);
    }

    fn hash(&mut self, conn: LaneConn, now: Time) {
        if let Err(TooFast { wait_ms }) = self.charge(conn, HASH_COST, now) {
            return self.refuse(conn, "too_fast", wait_ms);
        }
        let (vector, hash) = (self.document.vector().clone(), self.document.hash());
        self.send(conn, &FromServer::Hash { vector, hash });
    }

    /// Charges the author. Too much counts as a strike.
    fn charge(&mut self, conn: LaneConn, bytes: usize, now: Time) -> Result<(), TooFast> {
        let Some(opened) = self.conns.get(&conn) else {
            return Err(TooFast { wait_ms: 0 });
        };
        let meter = self.meters.entry(opened.replica.author);
        let asked = meter.or_insert_with(|| Meter::new(now)).ask(bytes, now);
        match asked {
            Ok(()) => Ok(()),
            Err(too_fast) => {
                self.strike(conn);
                Err(too_fast)
            }
        }
    }

    fn strike(&mut self, conn: LaneConn) {
        let Some(opened) = self.conns.get_mut(&conn) else {
            return;
        };
        opened.strikes += 1;
        if opened.strikes >= MAX_STRIKES {
            self.end(conn, Code::TooFast);
        }
    }

    fn strike_and_refuse(&mut self, conn: LaneConn, refusal: Refusal) {
        self.refuse(conn, refusal.name(), 0);
        self.strike(conn);
    }

    fn refuse(&mut self, conn: LaneConn, name: &str, wait_ms: u64) {
        let Some(opened) = self.conns.get(&conn) else {
            return;
        };
        let refused = FromServer::Refused {
            next: self.document.next_seq(opened.replica),
            name: name.to_owned(),
            wait_ms,
        };
        self.send(conn, &refused);
    }

    fn send(&mut self, conn: LaneConn, frame: &FromServer) {
        self.send_to(vec![conn], frame, Weight::Kept);
    }

    fn send_others(&mut self, conn: LaneConn, frame: &FromServer, weight: Weight) {
        let others = self.conns.keys().filter(|other| **other != conn);
        self.send_to(others.copied().collect(), frame, weight);
    }

    fn send_to(&mut self, to: Vec<LaneConn>, frame: &FromServer, weight: Weight) {
        if !to.is_empty() {
            let frame = frame.to_bytes();
            self.out.push_back(LaneOutput::Send { to, frame, weight });
        }
    }
}
