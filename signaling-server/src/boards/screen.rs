//! Boards over shared screens: who can see the screen has the board, who presents rules it, and it ends with the share.

use confab_board::{Close, screen_board, screen_track};
use confab_protocol::{Code, ParticipantId, TrackId};
use confab_room::BoardSeat;

/// The board over a screen that is asked for; `None`: it is one of the others.
pub(super) fn asked(
    seats: &[BoardSeat],
    seat: &BoardSeat,
    board: &str,
) -> Result<Option<String>, Close> {
    let Some(track) = screen_track(board) else {
        return Ok(None);
    };
    presenter(seats, seat, TrackId(track)).map(|_| Some(screen_board(track)))
}

/// Who shares the screen of this track. Nobody, or out of sight: there is no such board, and coming back would not help.
pub(super) fn presenter(
    seats: &[BoardSeat],
    seat: &BoardSeat,
    track: TrackId,
) -> Result<ParticipantId, Close> {
    let presenter = seat.presenter(seats, track).map(|p| p.participant);
    presenter.ok_or(Close::Because(Code::NotFound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(participant: u32, room: Option<u32>, screen: Option<u32>) -> BoardSeat {
        BoardSeat {
            participant: ParticipantId(participant),
            name: "Ada".into(),
            account: None,
            token: [1; 32],
            previous_token: None,
            leads: false,
            may_draw: true,
            room,
            screen: screen.map(TrackId),
        }
    }

    #[test]
    fn a_screen_in_sight_has_a_board_and_no_other() {
        let seats = [
            seat(1, None, Some(7)),
            seat(2, None, None),
            seat(3, Some(1), None),
        ];
        let not_found = Err(Close::Because(Code::NotFound));
        assert_eq!(
            asked(&seats, &seats[1], "screen-7"),
            Ok(Some("screen-7".into()))
        );
        assert_eq!(
            asked(&seats, &seats[0], "screen-7"),
            Ok(Some("screen-7".into()))
        );
        assert_eq!(asked(&seats, &seats[2], "screen-7"), not_found);
        assert_eq!(asked(&seats, &seats[1], "screen-8"), not_found);
        for other in ["", "main", "room-1", "screen-07", "screen-"] {
            assert_eq!(asked(&seats, &seats[1], other), Ok(None), "{other}");
        }
        assert_eq!(
            presenter(&seats, &seats[1], TrackId(7)),
            Ok(ParticipantId(1))
        );
    }
}
