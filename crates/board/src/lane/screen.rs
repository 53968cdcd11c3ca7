//! The board over a shared screen: drawn on by who looks at it, ruled by who presents, gone with the share.
//!
//! Its one page is there from the start, made by the server, so that nobody has to make it. Coordinates are shares of the
//! picture, [`SCREEN_PAGE`] of them each way: they fit whatever size a viewer has. Nothing of it is stored.
//! docs/adr/0037-annotation.md has the reasons.

use super::{FromServer, Lane, LaneConn, LaneSeat, Opened, Restored};
use crate::edit::{Board, EditError, Step};
use crate::field::{Field, Kind};
use crate::gate::Refusal;
use crate::id::{Author, Replica};
use crate::order::Order;
use crate::rights::Level;
use crate::value::Value;
use crate::wire::WireError;
use confab_base::Time;

/// Width and height of a picture, in the coordinates of the board over it.
pub const SCREEN_PAGE: (i32, i32) = (16_384, 9_216);

/// What the board over the screen of this track is called.
pub fn screen_board(track: u32) -> String {
    format!("screen-{track}")
}

/// The track whose picture this board lies over; `None`: the name is of another board, or of none.
pub fn screen_track(board: &str) -> Option<u32> {
    let track = board.strip_prefix("screen-")?.parse().ok()?;
    (screen_board(track) == board).then_some(track)
}

/// What somebody may do over a screen they see, as long as who presents lets them.
pub fn screen_level(leads: bool, may_draw: bool) -> Level {
    match (leads, may_draw) {
        (true, _) => Level::Host,
        (false, true) => Level::Own,
        (false, false) => Level::View,
    }
}

impl Lane {
    /// A board over a shared screen. What it gives out to be stored may be dropped.
    pub fn over_screen(track: u32, wall_ms: u64) -> Result<Lane, WireError> {
        let mut board = Board::new(Replica {
            author: Author::SERVER,
            session: 0,
        });
        let fields = vec![(Field::Order, Value::Order(Order::whole(0)))];
        let page = board.edit::<_, EditError>(Step::New, |edit| edit.create(Kind::Page, fields));
        debug_assert!(page.is_ok(), "a page needs nothing but its order");
        let stored = Restored {
            snapshot: Some((0, board.document().to_snapshot())),
            ..Restored::default()
        };
        let mut lane = Lane::restore(screen_board(track), stored, wall_ms)?;
        lane.allowed = Some(true);
        Ok(lane)
    }

    /// Who presents may everything; the others what their seat says, unless they are forbidden to draw.
    pub(super) fn level_of(&self, seat: &LaneSeat) -> Level {
        match self.allowed {
            Some(_) if seat.presents => Level::Host,
            Some(false) => Level::View,
            Some(true) | None => seat.level,
        }
    }

    /// Tells a connection if it may do something else now.
    pub(super) fn level_anew(&mut self, conn: LaneConn) {
        let Some(opened) = self.conns.get(&conn) else {
            return;
        };
        let (before, level) = (opened.level, self.level_of(&opened.seat));
        if before == level {
            return;
        }
        if let Some(opened) = self.conns.get_mut(&conn) {
            opened.level = level;
        }
        self.send(conn, &FromServer::Rights(level));
    }

    /// Who presents lets the others draw, or forbids it. It holds for whatever is read from then on.
    pub(super) fn allow(&mut self, conn: LaneConn, allowed: bool, now: Time) {
        if self.charge(conn, 1, now).is_err() {
            return;
        }
        let presents = |opened: &Opened| opened.seat.presents;
        if self.allowed.is_none() || !self.conns.get(&conn).is_some_and(presents) {
            return self.strike_and_refuse(conn, Refusal::HostOnly);
        }
        if self.allowed.replace(allowed) == Some(allowed) {
            return;
        }
        let conns: Vec<LaneConn> = self.conns.keys().copied().collect();
        for other in &conns {
            self.send(*other, &FromServer::Allowed(allowed));
            self.level_anew(*other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_one_track_and_back() {
        assert_eq!(screen_track(&screen_board(17)), Some(17));
        for wrong in [
            "screen-",
            "screen-01",
            "screen-+1",
            "screen--1",
            "screen-1 ",
            "Screen-1",
            "main",
            "screen-4294967296",
            "room-1",
        ] {
            assert_eq!(screen_track(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hosts_clear_others_have_their_own_and_who_may_not_draw_looks() {
        assert_eq!(screen_level(true, false), Level::Host);
        assert_eq!(screen_level(false, true), Level::Own);
        assert_eq!(screen_level(false, false), Level::View);
    }
}
