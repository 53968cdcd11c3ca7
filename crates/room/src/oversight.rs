//! What the shell asks of a meeting for those who look after the server, and does in their name. They are no participants: nobody
//! in the meeting has to be a host for it, and hosts are not spared.

use crate::room::{Moment, Room};
use crate::seat::{Link, Seat};
use confab_base::ParticipantId;
use confab_protocol::{Code, LeaveReason, LivePerson, Presence};

/// A meeting from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    pub title: String,
    pub locked: bool,
    /// When the first participant joined, milliseconds since 1970; none: not yet.
    pub since: Option<u64>,
    /// Those who are in by their coming, then those who wait.
    pub people: Vec<LivePerson>,
}

/// Done in the server's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The meeting is over for all.
    End,
    /// Whoever it is goes and cannot come back. Nothing happens where nobody has this number.
    Remove(ParticipantId),
}

/// Stands for the server where a participant's number is told. No participant ever has it.
const SERVER: ParticipantId = ParticipantId(0);

impl Room {
    pub fn overview(&self) -> Overview {
        let seated = self.seats.values().map(|seat| person(seat, false));
        let waiting = self.lobby.seats().map(|seat| person(seat, true));
        Overview {
            title: self.config.title.clone(),
            locked: self.stored.locked,
            since: Some(self.stored.started_at).filter(|at| *at != 0),
            people: seated.chain(waiting).collect(),
        }
    }

    pub(crate) fn on_deed(&mut self, deed: Deed, at: Moment) {
        match deed {
            Deed::End if self.stored.ended => {}
            Deed::End => self.end(SERVER, at),
            Deed::Remove(who) => self.send_out(who, at),
        }
    }

    /// From the meeting, or from the lobby.
    pub(crate) fn send_out(&mut self, who: ParticipantId, at: Moment) {
        let Some(seat) = self.seats.get(&who) else {
            // Nobody by this number: gone meanwhile.
            let _ = self.deny(who);
            return;
        };
        if let Some(conn) = seat.conn() {
            self.bye(conn, Code::Removed, "a host removed you");
        }
        self.vacate(who, LeaveReason::Removed, at);
    }
}

fn person(seat: &Seat, waiting: bool) -> LivePerson {
    LivePerson {
        id: seat.id,
        name: seat.name.clone(),
        role: seat.role,
        client: seat.client,
        presence: match seat.link {
            Link::Up(_) => Presence::Connected,
            Link::Lost { .. } => Presence::Reconnecting,
        },
        member: seat.account.is_some(),
        waiting,
        since: seat.joined_at,
    }
}
