//! Breakout rooms: who is in which, from when to when. Everybody keeps the one seat in the one meeting; what changes is whom one
//! hears, sees and reads. `apart` is the part about that.

use crate::chat::DONE;
use crate::room::{Failure, Moment, Outcome, Room};
use crate::seat::Seat;
use confab_base::{Duration, ParticipantId};
use confab_protocol::{Assignment, Breakout, Code, Event, Place, Request};
use std::collections::BTreeMap;

const NO_ROOM: Failure = (Code::BadValue, "no such breakout room");

impl Room {
    /// What hosts ask for.
    pub(crate) fn lead_breakout(&mut self, request: Request, at: Moment) -> Outcome {
        match request {
            Request::HostBreakout { rooms, choose } => self.plan_rooms(rooms, choose, at),
            Request::HostBreakoutAssign { places } => self.assign(&places, at),
            Request::HostBreakoutSpread { anew } => self.spread(anew, at),
            Request::HostBreakoutOpen { minutes } => self.open_rooms(minutes, at),
            Request::HostBreakoutClose { seconds } => self.close_rooms(seconds, at),
            _ => Err((Code::UnknownMessage, "no host's request")),
        }
    }

    /// Whether people are in breakout rooms now.
    pub(crate) fn is_split(&self) -> bool {
        let breakout = self.stored.tools.breakout.as_ref();
        breakout.is_some_and(|b| b.opened_at.is_some())
    }

    fn breakout(&self) -> Result<Breakout, Failure> {
        self.stored.tools.breakout.clone().ok_or(NO_ROOM)
    }

    fn has_room(&self, room: u32) -> bool {
        let breakout = self.stored.tools.breakout.as_ref();
        breakout.is_some_and(|b| (1..=b.rooms.len()).contains(&(room as usize)))
    }

    fn plan_rooms(&mut self, rooms: Vec<String>, choose: bool, at: Moment) -> Outcome {
        let before = self.stored.tools.breakout.as_ref();
        if before.is_some_and(|b| b.opened_at.is_some() && b.rooms.len() > rooms.len()) {
            return Err((Code::BadValue, "close the rooms first"));
        }
        let breakout = (!rooms.is_empty()).then(|| Breakout {
            rooms,
            choose,
            opened_at: before.and_then(|b| b.opened_at),
            ends_at: before.and_then(|b| b.ends_at),
        });
        let there = breakout.as_ref().map_or(0, |b| b.rooms.len() as u32);
        self.set_breakout(breakout, at);
        let lost = self.seats.values().filter(|s| s.assigned > Some(there));
        let places = lost.map(|s| placed(s, s.room, None)).collect();
        self.place(places, at);
        DONE
    }

    /// Who has left meanwhile is left out.
    fn assign(&mut self, wanted: &[Assignment], at: Moment) -> Outcome {
        let mut rooms = wanted.iter().filter_map(|w| w.room);
        if !rooms.all(|room| self.has_room(room)) {
            return Err(NO_ROOM);
        }
        let is_split = self.is_split();
        let place = |w: &Assignment| {
            let seat = self.seats.get(&w.participant)?;
            let room = if is_split { w.room } else { None };
            Some(placed(seat, room, w.room))
        };
        let places = wanted.iter().filter_map(place).collect();
        self.place(places, at);
        DONE
    }

    /// Each to the room with the fewest, in order of joining.
    fn spread(&mut self, anew: bool, at: Moment) -> Outcome {
        let rooms = self.breakout()?.rooms.len() as u32;
        let is_meant = |s: &&Seat| !s.role.moderates() && (anew || s.assigned.is_none());
        let mut people: BTreeMap<u32, usize> = (1..=rooms).map(|room| (room, 0)).collect();
        for seat in self.seats.values().filter(|s| !is_meant(s)) {
            if let Some(n) = seat.assigned.and_then(|room| people.get_mut(&room)) {
                *n += 1;
            }
        }
        let mut wanted = Vec::new();
        for seat in self.seats.values().filter(is_meant) {
            let fewest = people.iter_mut().min_by_key(|(room, n)| (**n, **room));
            let Some((room, n)) = fewest else { break };
            *n += 1;
            wanted.push(Assignment {
                participant: seat.id,
                room: Some(*room),
            });
        }
        self.assign(&wanted, at)
    }

    fn open_rooms(&mut self, minutes: Option<u32>, at: Moment) -> Outcome {
        let mut breakout = self.breakout()?;
        let was_open = breakout.opened_at.is_some();
        breakout.opened_at.get_or_insert(at.wall_ms);
        breakout.ends_at = minutes.map(|m| at.wall_ms + u64::from(m) * 60_000);
        self.set_breakout(Some(breakout), at);
        if !was_open {
            let seats = self.seats.values();
            let places = seats.map(|s| placed(s, s.assigned, s.assigned)).collect();
            self.place(places, at);
        }
        DONE
    }

    fn close_rooms(&mut self, seconds: u32, at: Moment) -> Outcome {
        let mut breakout = self.breakout()?;
        if breakout.opened_at.is_none() {
            return DONE;
        }
        let ends_at = at.wall_ms + u64::from(seconds) * 1000;
        if breakout.ends_at.is_none_or(|sooner| sooner > ends_at) {
            breakout.ends_at = Some(ends_at);
            // With no countdown the timeout that follows every input closes them at once.
            self.set_breakout(Some(breakout), at);
        }
        DONE
    }

    fn set_breakout(&mut self, breakout: Option<Breakout>, at: Moment) {
        if self.stored.tools.breakout == breakout {
            return;
        }
        self.stored.tools.breakout.clone_from(&breakout);
        self.breakout_ends = None;
        self.save_meeting();
        self.announce(Event::BreakoutChanged { breakout }, at);
    }

    /// Brings everybody back when the time has come, or when nobody is left.
    pub(crate) fn settle_breakout(&mut self, at: Moment) {
        let open = self.stored.tools.breakout.as_ref();
        let Some(open) = open.filter(|b| b.opened_at.is_some()) else {
            return;
        };
        if let Some(ends_at) = open.ends_at {
            let left = Duration::from_millis(ends_at.saturating_sub(at.wall_ms));
            self.breakout_ends.get_or_insert(at.now + left);
        }
        if self.seats.is_empty() || self.breakout_ends.is_some_and(|ends| ends <= at.now) {
            self.bring_back(at);
        }
    }

    fn bring_back(&mut self, at: Moment) {
        let Some(mut breakout) = self.stored.tools.breakout.clone() else {
            return;
        };
        (breakout.opened_at, breakout.ends_at) = (None, None);
        self.set_breakout(Some(breakout), at);
        let seats = self.seats.values();
        let places = seats.map(|s| placed(s, None, s.assigned)).collect();
        self.place(places, at);
    }

    /// By somebody itself. Hosts go where they like, and stay assigned where they were.
    pub(crate) fn go(&mut self, who: ParticipantId, room: Option<u32>, at: Moment) -> Outcome {
        let choose = self.breakout()?.choose;
        if !room.is_none_or(|room| self.has_room(room)) {
            return Err(NO_ROOM);
        }
        let is_split = self.is_split();
        let seat = &self.seats[&who];
        let leads = seat.role.moderates();
        let may_go = leads || choose || is_split && (room.is_none() || room == seat.assigned);
        if !may_go {
            return Err((Code::NotAllowed, "hosts say who is in which room"));
        }
        let place = match is_split {
            true if leads || room.is_none() => placed(seat, room, seat.assigned),
            true => placed(seat, room, room),
            false => placed(seat, None, room),
        };
        self.place(vec![place], at);
        DONE
    }

    pub(crate) fn ask_help(&mut self, who: ParticipantId, asked: bool, at: Moment) -> Outcome {
        let Some(seat) = self.seats.get_mut(&who) else {
            return DONE;
        };
        if asked && seat.room.is_none() {
            return Err((Code::BadValue, "you are in no breakout room"));
        }
        if seat.help.is_some() == asked {
            return DONE;
        }
        let help = asked.then_some(at.wall_ms);
        seat.help = help;
        self.save_participant(who);
        let participant = who;
        self.announce(Event::HelpChanged { participant, help }, at);
        DONE
    }

    /// Makes these true, of those whose seats are there.
    fn place(&mut self, mut places: Vec<Place>, at: Moment) {
        let mut moved = Vec::new();
        places.retain(|place| {
            let Some(seat) = self.seats.get_mut(&place.participant) else {
                return false;
            };
            if (seat.room, seat.assigned) == (place.room, place.assigned) {
                return false;
            }
            if seat.room != place.room {
                seat.help = None;
                moved.push(seat.id);
            }
            (seat.room, seat.assigned) = (place.room, place.assigned);
            true
        });
        if places.is_empty() {
            return;
        }
        for place in &places {
            self.save_participant(place.participant);
        }
        self.part(&moved);
        self.announce(Event::Placed { places }, at);
        self.after_moving(&moved, at);
    }
}

fn placed(seat: &Seat, room: Option<u32>, assigned: Option<u32>) -> Place {
    Place {
        participant: seat.id,
        room,
        assigned,
    }
}
