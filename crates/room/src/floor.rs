//! Who may speak while the floor is controlled. Two who grab it at the same time are in the order in which the room heard them;
//! everybody sees the same one win, since each change is an event.

use crate::apart::MAIN;
use crate::chat::DONE;
use crate::moderation::NOBODY;
use crate::room::{Moment, Outcome, Room};
use confab_base::{ParticipantId, Source};
use confab_protocol::{Code, Event, Floor};

const FREE: crate::room::Failure = (Code::BadValue, "the floor is not controlled");

impl Room {
    pub(crate) fn control_floor(&mut self, by: ParticipantId, on: bool, at: Moment) -> Outcome {
        if self.stored.tools.floor.is_some() == on {
            return DONE;
        }
        self.set_floor(on.then(Floor::default), by, at);
        if on {
            return self.mute_all(MAIN, by, at);
        }
        DONE
    }

    pub(crate) fn grab_floor(&mut self, who: ParticipantId, at: Moment) -> Outcome {
        let mut floor = self.stored.tools.floor.clone().ok_or(FREE)?;
        if self.seats[&who].room.is_some() {
            return Err((Code::NotAllowed, "the floor is the main room's"));
        }
        if floor.holder == Some(who) || floor.queue.contains(&who) {
            return DONE;
        }
        floor.queue.push(who);
        if floor.holder.is_none() {
            next(&mut floor, at);
        }
        self.set_floor(Some(floor), who, at);
        DONE
    }

    pub(crate) fn release_floor(&mut self, who: ParticipantId, at: Moment) -> Outcome {
        let floor = self.stored.tools.floor.clone().ok_or(FREE)?;
        if let Some(without) = without(floor, who, at) {
            self.set_floor(Some(without), who, at);
        }
        DONE
    }

    /// By a host, to somebody or to whoever is next.
    pub(crate) fn pass_floor(
        &mut self,
        by: ParticipantId,
        to: Option<ParticipantId>,
        at: Moment,
    ) -> Outcome {
        let mut floor = self.stored.tools.floor.clone().ok_or(FREE)?;
        match to {
            Some(who) if !self.seats.contains_key(&who) => return Err(NOBODY),
            Some(who) if self.seats[&who].room.is_some() => {
                return Err((Code::NotAllowed, "that one is in a breakout room"));
            }
            Some(who) if floor.holder == Some(who) => return DONE,
            Some(who) => {
                floor.queue.retain(|p| *p != who);
                (floor.holder, floor.since) = (Some(who), at.wall_ms);
            }
            None if floor.holder.is_none() => return DONE,
            None => next(&mut floor, at),
        }
        self.set_floor(Some(floor), by, at);
        DONE
    }

    /// The participant is gone.
    pub(crate) fn leave_floor(&mut self, who: ParticipantId, at: Moment) {
        let floor = self.stored.tools.floor.clone();
        if let Some(floor) = floor.and_then(|floor| without(floor, who, at)) {
            self.set_floor(Some(floor), who, at);
        }
    }

    /// Who has lost the floor is muted.
    fn set_floor(&mut self, floor: Option<Floor>, by: ParticipantId, at: Moment) {
        let before = self.stored.tools.floor.take().and_then(|f| f.holder);
        let is_controlled = floor.is_some();
        let holder = floor.as_ref().and_then(|f| f.holder);
        self.stored.tools.floor.clone_from(&floor);
        self.save_meeting();
        self.announce(Event::FloorChanged { floor }, at);
        if let Some(loser) = before.filter(|_| is_controlled && before != holder) {
            self.hush(loser, by, at);
        }
    }

    /// Mutes who may not speak without the floor and does not have it.
    pub(crate) fn hush(&mut self, who: ParticipantId, by: ParticipantId, at: Moment) {
        let speaks = self
            .seats
            .get(&who)
            .is_none_or(|s| s.role.moderates() || s.room.is_some());
        let floor = &self.stored.tools.floor;
        let has_it = floor.as_ref().is_none_or(|f| f.holder == Some(who));
        if !speaks && !has_it {
            // Whoever is muted has a seat, so this cannot fail.
            let _ = self.mute(who, by, Source::Microphone, true, at);
        }
    }
}

fn next(floor: &mut Floor, at: Moment) {
    floor.holder = (!floor.queue.is_empty()).then(|| floor.queue.remove(0));
    floor.since = floor.holder.map_or(0, |_| at.wall_ms);
}

/// The floor without this one; `None`: it has nothing to do with it.
fn without(mut floor: Floor, who: ParticipantId, at: Moment) -> Option<Floor> {
    if floor.holder == Some(who) {
        next(&mut floor, at);
        return Some(floor);
    }
    let before = floor.queue.len();
    floor.queue.retain(|p| *p != who);
    (floor.queue.len() != before).then_some(floor)
}
