//! What participants say about how well they hear. It is believed as far as it can be true, and only harms who says it.

use crate::chat::DONE;
use crate::room::{Moment, Outcome, Room};
use crate::seat::Seat;
use crate::{MediaCommand, Output};
use confab_base::ParticipantId;
use confab_protocol::{Code, Listening};

const MINUTE_MS: u64 = 60_000;

/// A seat's account of minutes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// As the client last said it.
    last: Option<Listening>,
    minutes: u32,
    fluent_minutes: u32,
}

impl Heard {
    /// Adds what is new; false: more minutes than the seat is old. A client that says less than before counts anew (a page that
    /// was loaded again). One that begins with more has counted since a seat it had before; that is not this seat's.
    fn note(&mut self, said: Listening, age_ms: u64) -> bool {
        // One more: the clocks of both sides are not the same.
        let most = age_ms / MINUTE_MS + 1;
        let (minutes, fluent) = match self.last {
            None if u64::from(said.minutes) > most => (0, 0),
            Some(last) if said.minutes >= last.minutes => (
                said.minutes - last.minutes,
                said.fluent_minutes.saturating_sub(last.fluent_minutes),
            ),
            _ => (said.minutes, said.fluent_minutes),
        };
        if u64::from(self.minutes) + u64::from(minutes) > most {
            return false;
        }
        self.minutes += minutes;
        self.fluent_minutes += fluent.min(minutes);
        self.last = Some(said);
        true
    }
}

impl Room {
    pub(crate) fn listening(&mut self, who: ParticipantId, said: Listening, at: Moment) -> Outcome {
        let Some(seat) = self.seats.get_mut(&who) else {
            return DONE;
        };
        let age_ms = at.wall_ms.saturating_sub(seat.joined_at);
        if !seat.heard.note(said, age_ms) {
            return Err((Code::BadValue, "more minutes than you have been here"));
        }
        self.out.push_back(Output::Media(MediaCommand::Listening {
            participant: who,
            stalled_permille: said.stalled_permille,
        }));
        DONE
    }

    /// The last account of a seat that is given up, for the server's log.
    pub(crate) fn close_account(&mut self, seat: &Seat) {
        let Heard {
            minutes,
            fluent_minutes,
            ..
        } = seat.heard;
        if minutes > 0 {
            self.out.push_back(Output::Listened {
                participant: seat.id,
                minutes,
                fluent_minutes,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(minutes: u32, fluent_minutes: u32) -> Listening {
        Listening {
            stalled_permille: 0,
            minutes,
            fluent_minutes,
        }
    }

    fn totals(heard: &Heard) -> (u32, u32) {
        (heard.minutes, heard.fluent_minutes)
    }

    #[test]
    fn minutes_pass_no_faster_than_time() {
        let mut heard = Heard::default();
        assert!(heard.note(said(3, 2), 2 * MINUTE_MS));
        assert!(!heard.note(said(4, 2), 2 * MINUTE_MS));
        assert!(!heard.note(said(u32::MAX, u32::MAX), 60 * MINUTE_MS));
        assert!(heard.note(said(4, 4), 9 * MINUTE_MS));
        assert_eq!(totals(&heard), (4, 3));
    }

    #[test]
    fn a_client_that_counts_anew_goes_on_from_where_it_was() {
        let mut heard = Heard::default();
        assert!(heard.note(said(5, 4), 9 * MINUTE_MS));
        assert!(heard.note(said(0, 0), 9 * MINUTE_MS));
        assert!(heard.note(said(2, 2), 9 * MINUTE_MS));
        assert_eq!(totals(&heard), (7, 6));
    }

    #[test]
    fn what_was_counted_in_another_seat_is_left_out() {
        let mut heard = Heard::default();
        assert!(heard.note(said(40, 30), 0));
        assert!(heard.note(said(41, 31), MINUTE_MS));
        assert!(!heard.note(said(50, 31), MINUTE_MS));
        assert_eq!(totals(&heard), (1, 1));
    }
}
