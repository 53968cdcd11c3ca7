//! The form of requests about breakout rooms.

use super::{Refusal, bad, bounded};
use crate::*;

pub(super) fn check(request: &mut Request) -> Result<(), Refusal> {
    match request {
        Request::HostBreakout { rooms, .. } => check_rooms(rooms),
        Request::HostBreakoutAssign { places } => check_places(places),
        Request::HostBreakoutOpen {
            minutes: Some(minutes),
        } if !(1..=MAX_BREAKOUT_MINUTES).contains(minutes) => {
            bad(format!("a timer has 1 to {MAX_BREAKOUT_MINUTES} minutes"))
        }
        Request::HostBreakoutClose { seconds } if *seconds > MAX_BREAKOUT_RETURN_S => bad(format!(
            "a countdown has at most {MAX_BREAKOUT_RETURN_S} seconds"
        )),
        Request::BreakoutGo { room: Some(room) } => check_number(*room),
        _ => Ok(()),
    }
}

fn check_rooms(rooms: &mut [String]) -> Result<(), Refusal> {
    if rooms.len() > MAX_BREAKOUT_ROOMS {
        return bad(format!(
            "a meeting has at most {MAX_BREAKOUT_ROOMS} breakout rooms"
        ));
    }
    for name in rooms {
        *name = bounded(name, MAX_NAME, "a room's name")?;
    }
    Ok(())
}

fn check_places(places: &[Assignment]) -> Result<(), Refusal> {
    let mut people: Vec<_> = places.iter().map(|p| p.participant).collect();
    people.sort_unstable();
    let twice = people.windows(2).any(|w| w[0] == w[1]);
    if twice || people.len() > MAX_PARTICIPANTS {
        return bad("somebody is named twice, or too many are");
    }
    let mut rooms = places.iter().filter_map(|p| p.room);
    rooms.try_for_each(check_number)
}

fn check_number(room: u32) -> Result<(), Refusal> {
    match (1..=MAX_BREAKOUT_ROOMS as u32).contains(&room) {
        true => Ok(()),
        false => bad("rooms are numbered from 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Request, Code> {
        let parsed = parse_client(&format!(r#"{{"id":1,"body":{body}}}"#));
        parsed.map(|m| m.body).map_err(|e| e.code)
    }

    #[test]
    fn rooms_are_few_and_have_names() {
        let rooms = |names: &[&str]| {
            read(&format!(
                r#"{{"type":"host_breakout","rooms":{names:?},"choose":true}}"#
            ))
        };
        let trimmed = Request::HostBreakout {
            rooms: vec!["Red".into()],
            choose: true,
        };
        assert_eq!(rooms(&[" Red "]), Ok(trimmed));
        assert!(rooms(&[]).is_ok() && rooms(&["x"; MAX_BREAKOUT_ROOMS]).is_ok());
        assert_eq!(rooms(&["x"; MAX_BREAKOUT_ROOMS + 1]), Err(Code::BadValue));
        assert_eq!(rooms(&["x", " "]), Err(Code::BadValue));
        assert_eq!(rooms(&[&"x".repeat(MAX_NAME + 1)]), Err(Code::BadValue));
    }

    #[test]
    fn nobody_is_assigned_twice_or_to_a_room_that_cannot_be() {
        let assign = |places: &str| {
            read(&format!(
                r#"{{"type":"host_breakout_assign","places":[{places}]}}"#
            ))
        };
        assert!(assign(r#"{"participant":1,"room":50},{"participant":2}"#).is_ok());
        let bad = Err(Code::BadValue);
        assert_eq!(assign(r#"{"participant":1,"room":0}"#), bad);
        assert_eq!(assign(r#"{"participant":1,"room":51}"#), bad);
        assert_eq!(assign(r#"{"participant":1},{"participant":1}"#), bad);
    }

    #[test]
    fn times_are_bounded() {
        let open = |minutes: u32| {
            read(&format!(
                r#"{{"type":"host_breakout_open","minutes":{minutes}}}"#
            ))
        };
        let close = |seconds: u32| {
            read(&format!(
                r#"{{"type":"host_breakout_close","seconds":{seconds}}}"#
            ))
        };
        assert!(open(1).is_ok() && open(1440).is_ok() && close(0).is_ok() && close(600).is_ok());
        assert_eq!(open(0), Err(Code::BadValue));
        assert_eq!(open(1441), Err(Code::BadValue));
        assert_eq!(close(601), Err(Code::BadValue));
        let go = |room: u32| read(&format!(r#"{{"type":"breakout_go","room":{room}}}"#));
        assert!(go(50).is_ok());
        assert_eq!((go(0), go(51)), (Err(Code::BadValue), Err(Code::BadValue)));
    }
}
