//! What the whiteboard's lane asks of a meeting: who holds a seat, by which token, where, and whether they may draw. And who
//! shows the whiteboard to everybody.

use crate::Digest;
use crate::chat::DONE;
use crate::room::{Moment, Outcome, Room};
use confab_base::{AccountId, ParticipantId, Source, TrackId};
use confab_protocol::{Code, Event};

/// A seat as the whiteboard sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardSeat {
    pub participant: ParticipantId,
    pub name: String,
    pub account: Option<AccountId>,
    /// Digests of the tokens that open the lane for it: the newest, and the one before while that may still be in use.
    pub token: Digest,
    pub previous_token: Option<Digest>,
    /// Host or co-host.
    pub leads: bool,
    /// By its role or by the meeting's rules.
    pub may_draw: bool,
    /// The breakout room it is in; `None`: the main room.
    pub room: Option<u32>,
    /// The track of the screen it shares; it stays the same for as long as that is shared.
    pub screen: Option<TrackId>,
}

impl BoardSeat {
    /// Whose screen this track is, if this seat can see it: nobody sees into another room.
    pub fn presenter<'a>(&self, seats: &'a [BoardSeat], screen: TrackId) -> Option<&'a BoardSeat> {
        let presents = |seat: &&BoardSeat| seat.screen == Some(screen) && seat.room == self.room;
        seats.iter().find(presents)
    }
}

impl Room {
    /// All seats, by participant. Those in the lobby have none.
    pub fn board_seats(&self) -> Vec<BoardSeat> {
        let draw = self.policy().permissions.draw;
        let seat = |seat: &crate::seat::Seat| BoardSeat {
            participant: seat.id,
            name: seat.name.clone(),
            account: seat.account.clone(),
            token: seat.token,
            previous_token: seat.previous_token,
            leads: seat.role.moderates(),
            may_draw: draw || seat.role.moderates(),
            room: seat.room,
            screen: seat.media.tracks.get(&Source::Screen).map(|t| t.id),
        };
        self.seats.values().map(seat).collect()
    }

    /// Shows the whiteboard to everybody, or no more.
    pub(crate) fn present_board(&mut self, who: ParticipantId, on: bool, at: Moment) -> Outcome {
        let leads = self.seats[&who].role.moderates();
        let shown_by_other = self.stored.board.is_some_and(|shown| shown != who);
        let permissions = self.policy().permissions;
        if !leads && (shown_by_other || on && !(permissions.share && permissions.draw)) {
            return Err((Code::NotAllowed, "the hosts do not allow it now"));
        }
        let participant = on.then_some(who);
        if self.stored.board == participant {
            return DONE;
        }
        self.stored.board = participant;
        self.save_meeting();
        let event = Event::BoardPresented {
            participant,
            by: who,
        };
        self.announce(event, at);
        DONE
    }
}
