//! One board's task: owns the pure lane, tells it the time and who may do what, and carries out what it puts out.
//!
//! What waits in the inbox is handled as one batch; its records are written in one transaction; only then is anything of it
//! sent. So whoever hears of a change or its acknowledgement can rely on its being stored.

use super::line::Line;
use super::{Boards, Entering, ToBoard, place, screen};
use crate::clock::{Clock, wall_ms};
use crate::rooms::BoardSeats;
use crate::store::{BoardKey, BoardWrite, Database};
use bytes::Bytes;
use confab_board::{
    Close, Lane, LaneConn, LaneOutput, LaneSeat, Level, screen_level, screen_track,
};
use confab_protocol::{Code, ParticipantId, TrackId};
use confab_room::BoardSeat;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Inputs handled before their outputs are carried out, at most.
const BATCH: usize = 64;
/// A board that nobody has open stays awake this long.
const IDLE: Duration = Duration::from_secs(60);

pub(super) struct Actor {
    key: BoardKey,
    /// The track of the screen it lies over. Then nothing of it is stored, and it ends with the share.
    screen: Option<TrackId>,
    lane: Lane,
    people: HashMap<LaneConn, Person>,
    seats: watch::Receiver<BoardSeats>,
    inbox: mpsc::Receiver<ToBoard>,
    store: Arc<Database>,
    clock: Clock,
    stop: CancellationToken,
}

/// A connection, and whose.
struct Person {
    participant: ParticipantId,
    /// A host who asked for this board, wherever it is.
    named: bool,
    line: Line,
}

/// Why the task woke up.
enum Wake {
    Messages,
    Seats,
    /// All have to go, and the task with them.
    End(Close),
    Idle,
}

impl Actor {
    pub(super) fn new(
        boards: &Boards,
        key: BoardKey,
        lane: Lane,
        seats: watch::Receiver<BoardSeats>,
        inbox: mpsc::Receiver<ToBoard>,
    ) -> Actor {
        Actor {
            screen: screen_track(&key.name).map(TrackId),
            key,
            lane,
            people: HashMap::new(),
            seats,
            inbox,
            store: Arc::clone(&boards.store),
            clock: boards.clock,
            stop: boards.stop.clone(),
        }
    }

    /// Runs until nobody has the board open any more. Gives the inbox back, still open.
    pub(super) async fn run(mut self) -> mpsc::Receiver<ToBoard> {
        let mut messages = Vec::with_capacity(BATCH);
        loop {
            let wake = self.next_wake(&mut messages).await;
            let last = matches!(wake, Wake::End(_) | Wake::Idle);
            match wake {
                Wake::Messages => messages.drain(..).for_each(|m| self.on_message(m)),
                Wake::Seats => self.follow_seats(),
                Wake::End(why) => self.lane.close_all(why),
                Wake::Idle => {}
            }
            if let Err(why) = self.carry_out().await {
                // Whoever comes back finds what was stored.
                self.people.values().for_each(|p| p.line.close(why));
                break;
            }
            if last {
                break;
            }
        }
        self.inbox
    }

    async fn next_wake(&mut self, messages: &mut Vec<ToBoard>) -> Wake {
        let is_empty = self.people.is_empty();
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Wake::End(Close::Because(Code::GoingAway)),
            changed = self.seats.changed() => match changed {
                Ok(()) => Wake::Seats,
                // The meeting sleeps or starts over.
                Err(_) => Wake::End(Close::Because(Code::GoingAway)),
            },
            // The list of live boards holds a sender, so there is always one.
            _ = self.inbox.recv_many(messages, BATCH) => Wake::Messages,
            () = tokio::time::sleep(IDLE), if is_empty => Wake::Idle,
        }
    }

    fn on_message(&mut self, message: ToBoard) {
        match message {
            ToBoard::Enter(entering) => self.enter(*entering),
            ToBoard::Frame { conn, bytes } => {
                let now = self.clock.now();
                self.lane.frame(conn, &bytes, now, wall_ms());
            }
            ToBoard::Closed { conn } => {
                self.people.remove(&conn);
                self.lane.leave(conn);
            }
        }
    }

    fn enter(&mut self, entering: Entering) {
        let Entering {
            conn,
            seat,
            named,
            copy,
            line,
            taken,
        } = entering;
        // Looked up again: it may have gone or been moved meanwhile, and `follow_seats` only tells of what changes later.
        let seats = Arc::clone(&self.seats.borrow());
        let _ = taken.send(());
        let participant = seat.participant;
        let entered = self
            .seat(&seats, participant, named)
            .and_then(|seat| self.lane.enter(conn, seat, copy, wall_ms()));
        match entered {
            Ok(()) => {
                let person = Person {
                    participant,
                    named,
                    line,
                };
                self.people.insert(conn, person);
            }
            Err(why) => line.close(why),
        }
    }

    /// The seat somebody has at this board now, or why they may not have it open.
    fn seat(
        &self,
        seats: &[BoardSeat],
        participant: ParticipantId,
        named: bool,
    ) -> Result<LaneSeat, Close> {
        let seat = find(seats, participant).ok_or(Close::Because(Code::Removed))?;
        if let Some(track) = self.screen {
            let presenter = screen::presenter(seats, seat, track)?;
            let level = screen_level(seat.leads, seat.may_draw);
            return Ok(lane_seat(seat, level, presenter == participant));
        }
        match place(seat) == self.key.name || named && seat.leads {
            true => Ok(lane_seat(seat, board_level(seat), false)),
            false => Err(Close::Moved),
        }
    }

    /// People were moved, renamed, removed, or may do something else now.
    fn follow_seats(&mut self) {
        let seats = Arc::clone(&self.seats.borrow_and_update());
        let conns: Vec<(LaneConn, ParticipantId, bool)> = self
            .people
            .iter()
            .map(|(conn, p)| (*conn, p.participant, p.named))
            .collect();
        for (conn, participant, named) in conns {
            match self.seat(&seats, participant, named) {
                Ok(seat) => self.lane.seat(conn, seat),
                Err(why) => self.lane.close(conn, why),
            }
        }
    }

    /// Stores, then sends, until the lane has nothing more to say.
    async fn carry_out(&mut self) -> Result<(), Close> {
        loop {
            let (mut records, mut actions) = (Vec::new(), Vec::new());
            while let Some(output) = self.lane.poll_output() {
                match output {
                    LaneOutput::Store(record) => records.push(record),
                    other => actions.push(other),
                }
            }
            if !records.is_empty() && self.screen.is_none() {
                let board = self.key.clone();
                let written = self.store.write_board(BoardWrite { board, records });
                written.await.map_err(|error| {
                    tracing::error!(%error, "cannot store a whiteboard");
                    Close::Because(Code::Internal)
                })?;
            }
            let slow = self.act(actions);
            if slow.is_empty() {
                return Ok(());
            }
            for conn in slow {
                self.people.remove(&conn);
                self.lane.leave(conn);
            }
        }
    }

    /// Gives back the connections that could not take it.
    fn act(&mut self, actions: Vec<LaneOutput>) -> Vec<LaneConn> {
        let mut slow = Vec::new();
        for action in actions {
            match action {
                LaneOutput::Send { to, frame, weight } => {
                    let frame = Bytes::from(frame);
                    for conn in to {
                        let line = self.people.get(&conn).map(|person| &person.line);
                        let sent = line.is_none_or(|line| line.send(frame.clone(), weight));
                        if !sent && !slow.contains(&conn) {
                            slow.push(conn);
                        }
                    }
                }
                LaneOutput::Gather { conn, gather } => {
                    if let Some(person) = self.people.get(&conn) {
                        person.line.gather(gather);
                    }
                }
                LaneOutput::Close { conn, why } => {
                    if let Some(person) = self.people.remove(&conn) {
                        person.line.close(why);
                    }
                }
                LaneOutput::Store(_) => unreachable!("sorted out in carry_out"),
            }
        }
        slow
    }
}

pub(super) fn find(seats: &[BoardSeat], participant: ParticipantId) -> Option<&BoardSeat> {
    seats.iter().find(|s| s.participant == participant)
}

pub(super) fn board_level(seat: &BoardSeat) -> Level {
    match (seat.leads, seat.may_draw) {
        (true, _) => Level::Host,
        (false, true) => Level::Draw,
        (false, false) => Level::View,
    }
}

fn lane_seat(seat: &BoardSeat, level: Level, presents: bool) -> LaneSeat {
    LaneSeat {
        who: match &seat.account {
            Some(account) => format!("account:{}", account.as_str()),
            None => format!("seat:{}", seat.participant.0),
        },
        participant: seat.participant.0,
        name: seat.name.clone(),
        level,
        presents,
    }
}
