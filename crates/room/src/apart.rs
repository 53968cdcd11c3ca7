//! What keeps breakout rooms apart: whose media reaches whom, who is told of whose speech and reactions, and whom words are for.
//! The main room is one of them while they are open.

use crate::room::{Failure, Moment, Room};
use crate::seat::Seat;
use crate::{ConnId, MediaCommand, Output};
use confab_base::{ParticipantId, TrackId};
use confab_protocol::{Audience, Code, ServerMessage, Slot};
use std::collections::BTreeMap;

/// How the main room is numbered among the others.
pub(crate) const MAIN: u32 = 0;

impl Seat {
    /// The number of the room it is in.
    pub(crate) fn place(&self) -> u32 {
        self.room.unwrap_or(MAIN)
    }
}

impl Room {
    pub(crate) fn are_together(&self, a: ParticipantId, b: ParticipantId) -> bool {
        let place = |who| self.seats.get(&who).map(Seat::place);
        place(a) == place(b)
    }

    pub(crate) fn conns_in(&self, room: u32) -> Vec<ConnId> {
        let here = self.seats.values().filter(|s| s.place() == room);
        here.filter_map(Seat::conn).collect()
    }

    /// Cuts those who moved off from where they were, before anybody hears of it.
    pub(crate) fn part(&mut self, moved: &[ParticipantId]) {
        for who in moved {
            let command = MediaCommand::Group {
                participant: *who,
                group: self.seats[who].place(),
            };
            self.out.push_back(Output::Media(command));
        }
        if !moved.is_empty() {
            self.show_anew();
        }
    }

    /// What follows from people being elsewhere.
    pub(crate) fn after_moving(&mut self, moved: &[ParticipantId], at: Moment) {
        if moved.is_empty() {
            return;
        }
        self.regroup(at);
        self.tell_speakers(moved);
        for who in moved {
            match self.seats[who].room {
                // The floor is the main room's.
                Some(_) => self.leave_floor(*who, at),
                None => self.hush(*who, *who, at),
            }
        }
    }

    /// Which tracks there are, and in which room.
    fn tracks(&self) -> BTreeMap<TrackId, u32> {
        let of_seat = |s: &Seat| {
            let place = s.place();
            let ids: Vec<_> = s.media.tracks.values().map(|t| (t.id, place)).collect();
            ids
        };
        self.seats.values().flat_map(of_seat).collect()
    }

    /// What of a view its owner may have. The one gate between rooms: the forwarding unit sends nobody what was not let through
    /// here.
    pub(crate) fn let_through(&self, who: ParticipantId, slots: &[Slot]) -> Vec<Slot> {
        let Some(place) = self.seats.get(&who).map(Seat::place) else {
            return Vec::new();
        };
        only_of(place, &self.tracks(), slots)
    }

    /// Views as they are now that somebody is elsewhere.
    fn show_anew(&mut self) {
        let tracks = self.tracks();
        for seat in self.seats.values_mut() {
            let slots = only_of(seat.place(), &tracks, &seat.media.view.slots);
            if slots != seat.media.view.shown {
                seat.media.view.shown.clone_from(&slots);
                let command = MediaCommand::View {
                    participant: seat.id,
                    slots,
                    most: seat.media.view.most,
                };
                self.out.push_back(Output::Media(command));
            }
        }
    }

    /// Those who speak in this room.
    pub(crate) fn speakers_in(&self, room: u32) -> Vec<ParticipantId> {
        let here = |who: &&ParticipantId| self.seats.get(who).is_some_and(|s| s.place() == room);
        self.speakers.iter().filter(here).copied().collect()
    }

    /// Tells each room who speaks there, where that changed, and those who have just come.
    pub(crate) fn tell_speakers(&mut self, newcomers: &[ParticipantId]) {
        let mut rooms: BTreeMap<u32, Vec<ConnId>> = BTreeMap::new();
        for seat in self.seats.values() {
            let room = rooms.entry(seat.place()).or_default();
            room.extend(seat.conn());
        }
        self.told_speakers
            .retain(|room, _| rooms.contains_key(room));
        for (room, mut to) in rooms {
            let participants = self.speakers_in(room);
            let told = self.told_speakers.get(&room);
            if told.map_or(participants.is_empty(), |told| *told == participants) {
                to.retain(|conn| {
                    let who = self.conns.get(conn).map(|c| c.participant);
                    who.is_some_and(|who| newcomers.contains(&who))
                });
            }
            self.told_speakers.insert(room, participants.clone());
            self.send_to(to, ServerMessage::Speakers { participants });
        }
    }

    /// Whom words are for, as it is kept.
    pub(crate) fn audience(
        &self,
        who: ParticipantId,
        to: Option<Audience>,
    ) -> Result<Option<Audience>, Failure> {
        let seat = &self.seats[&who];
        let room = seat.place();
        match to {
            None => Ok(self.is_split().then_some(Audience::Room { room })),
            Some(Audience::Room { room: meant }) if meant != room => {
                Err((Code::NotFound, "you are not in that room any more"))
            }
            Some(Audience::Room { .. }) => Ok(to.filter(|_| self.is_split())),
            Some(Audience::Everyone) if !seat.role.moderates() => {
                Err((Code::NotAllowed, "only hosts speak to all rooms"))
            }
            Some(Audience::Everyone) => Ok(to.filter(|_| self.is_split())),
            Some(Audience::Person { participant }) => {
                let other = self.seats.get(&participant);
                let leads = seat.role.moderates() || other.is_some_and(|s| s.role.moderates());
                match leads || other.is_none_or(|s| s.place() == room) {
                    true => Ok(to),
                    false => Err((Code::NotAllowed, "that one is in another room")),
                }
            }
            Some(Audience::Hosts) => Ok(to),
        }
    }

    /// Who is in the room that words are for.
    pub(crate) fn present(&self, to: Option<Audience>) -> Vec<ParticipantId> {
        let Some(Audience::Room { room }) = to else {
            return Vec::new();
        };
        let here = self.seats.values().filter(|s| s.place() == room);
        here.map(|s| s.id).collect()
    }
}

/// Tracks of other rooms, and those that are not there, are treated as absent.
fn only_of(place: u32, tracks: &BTreeMap<TrackId, u32>, slots: &[Slot]) -> Vec<Slot> {
    let mut slots = slots.to_vec();
    for slot in &mut slots {
        slot.track = slot.track.filter(|track| tracks.get(track) == Some(&place));
    }
    slots
}
