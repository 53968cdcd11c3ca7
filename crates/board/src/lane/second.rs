//! A second way to a copy: another connection over which the same changes come and go. TCP makes up for a lost segment a round
//! trip later and holds back all behind it; what comes over two connections comes when the first of them has it.
//!
//! Changes and acknowledgements travel over both, everything else over the first alone. Each connection keeps its order, so
//! no change comes over either before its predecessors, but for what was under way when the second began.

use super::{Close, FromClient, FromServer, Lane, LaneConn, LaneOutput, Weight, frame};
use crate::id::{Author, Replica};
use crate::rate::Meter;
use confab_base::{Code, Time};

/// A second way.
#[derive(Debug)]
pub(super) struct Second {
    /// The connection it is beside.
    first: LaneConn,
    /// What comes over it is what the first is charged for, so it counts apart.
    meter: Option<Meter>,
}

impl Second {
    pub(super) fn first(&self) -> LaneConn {
        self.first
    }

    pub(super) fn is_beside(&self, first: LaneConn) -> bool {
        self.first == first
    }
}

impl Lane {
    /// Opens it, in place of an older one.
    pub(super) fn enter_second(
        &mut self,
        conn: LaneConn,
        author: Author,
        replica: Replica,
        wall_ms: u64,
    ) -> Result<(), Close> {
        let own = self
            .conns
            .iter()
            .find(|(_, opened)| opened.replica == replica);
        let own = own.filter(|_| replica.author == author);
        let (first, level) = own
            .map(|(first, o)| (*first, o.level))
            .ok_or(Close::NewCopy)?;
        self.close_second(first, Close::Because(Code::Replaced));
        let second = Second { first, meter: None };
        self.seconds.insert(conn, second);
        let opened = self.opened(replica, level, wall_ms);
        self.send_to(vec![conn], &opened, Weight::Opening);
        self.gather(first, true);
        self.gather(conn, true);
        Ok(())
    }

    /// Has the shell gather what goes over a connection, or no longer.
    pub(super) fn gather(&mut self, conn: LaneConn, gather: bool) {
        self.out.push_back(LaneOutput::Gather { conn, gather });
    }

    /// A frame that came over one. False: it is none.
    pub(super) fn frame_of_second(
        &mut self,
        conn: LaneConn,
        bytes: &[u8],
        now: Time,
        wall_ms: u64,
    ) -> bool {
        let Some(second) = self.seconds.get_mut(&conn) else {
            return false;
        };
        let first = second.first;
        let meter = second.meter.get_or_insert_with(|| Meter::new(now));
        match FromClient::from_bytes(bytes) {
            Ok(frame) if frame::is_too_large(&frame) => self.end(conn, Code::TooLarge),
            // Too fast, or refused: the first says it, and brings what can be taken.
            Ok(FromClient::Update(update)) => {
                if meter.ask(update.len(), now).is_ok() {
                    let _ = self.take(first, Some(conn), update, wall_ms);
                }
            }
            Ok(FromClient::Ping) => {
                if meter.ask(1, now).is_ok() {
                    self.send(conn, &FromServer::Pong(wall_ms));
                }
            }
            _ => self.end(conn, Code::BadMessage),
        }
        true
    }

    /// The second way beside a connection.
    pub(super) fn second_of(&self, first: LaneConn) -> Option<LaneConn> {
        let mut all = self.seconds.iter();
        all.find(|(_, s)| s.is_beside(first)).map(|(conn, _)| *conn)
    }

    /// Ends the second way beside a connection, if there is one.
    pub(super) fn close_second(&mut self, first: LaneConn, why: Close) {
        if let Some(conn) = self.second_of(first) {
            self.close(conn, why);
        }
    }
}
