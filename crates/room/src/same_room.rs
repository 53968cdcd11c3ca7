//! One microphone and one loudspeaker for each room with several devices in it.
//!
//! The forwarding unit tells which two microphones hear the same room. Those who are linked by such pairs are a group; one of it is
//! live, and the others are told who. Live is whoever was so before; else the one who has been in the meeting longest, of those
//! who have their microphone on. It moves to who asks for it or unmutes, and from who mutes to the next who can be heard.

use crate::chat::DONE;
use crate::room::{Moment, Outcome, Room};
use confab_base::{ParticipantId, Source};
use confab_protocol::{Code, Event, SameRoomChoice};
use std::collections::BTreeSet;

impl Room {
    pub(crate) fn on_same_room(&mut self, pairs: Vec<(ParticipantId, ParticipantId)>, at: Moment) {
        self.pairs = pairs;
        self.regroup(at);
    }

    /// The participant is gone: its room has another live device, or needs none.
    pub(crate) fn regroup_without(&mut self, who: ParticipantId, at: Moment) {
        // Those who were in a room with it are in a room with each other.
        let (its, mut pairs): (Vec<_>, Vec<_>) =
            self.pairs.iter().partition(|(a, b)| *a == who || *b == who);
        let others: Vec<_> = its
            .iter()
            .map(|(a, b)| if *a == who { *b } else { *a })
            .collect();
        pairs.extend(others.windows(2).map(|two| (two[0], two[1])));
        self.pairs = pairs;
        self.regroup(at);
    }

    pub(crate) fn same_room(
        &mut self,
        who: ParticipantId,
        choice: SameRoomChoice,
        at: Moment,
    ) -> Outcome {
        let in_group = self.groups().iter().any(|group| group.contains(&who));
        let Some(seat) = self.seats.get_mut(&who) else {
            return DONE;
        };
        match choice {
            SameRoomChoice::Apart if seat.apart => {}
            _ if !in_group => return Err((Code::BadValue, "nobody else is in your room")),
            SameRoomChoice::UseMine => self.make_live(who, at),
            SameRoomChoice::Apart => {
                seat.apart = true;
                self.save_participant(who);
                self.regroup(at);
            }
        }
        DONE
    }

    /// Who unmutes wants to be heard; who mutes leaves the room to the next.
    pub(crate) fn microphone_switched(&mut self, who: ParticipantId, muted: bool, at: Moment) {
        let held = self.held_by(who);
        let next = match muted {
            false => Some(who).filter(|who| self.live_for(*who).is_some()),
            true => held.into_iter().find(|p| self.has_microphone_on(*p)),
        };
        if let Some(next) = next {
            self.make_live(next, at);
        }
    }

    fn make_live(&mut self, who: ParticipantId, at: Moment) {
        for group in self.groups() {
            if group.contains(&who) {
                self.settle_group(&group, who, at);
            }
        }
    }

    fn live_for(&self, who: ParticipantId) -> Option<ParticipantId> {
        self.seats.get(&who)?.same_room
    }

    /// Those in whose place this one is live, in order of joining.
    fn held_by(&self, who: ParticipantId) -> Vec<ParticipantId> {
        let held = self.seats.values().filter(|s| s.same_room == Some(who));
        held.map(|s| s.id).collect()
    }

    fn has_microphone_on(&self, who: ParticipantId) -> bool {
        let seat = self.seats.get(&who);
        seat.is_some_and(|s| !s.muted.contains(&Source::Microphone))
    }

    fn first_heard(&self, of: &[ParticipantId]) -> Option<ParticipantId> {
        let heard = of.iter().find(|who| self.has_microphone_on(**who));
        heard.or(of.first()).copied()
    }

    /// Makes true for everyone what the pairs say.
    pub(crate) fn regroup(&mut self, at: Moment) {
        let groups = self.groups();
        let grouped: BTreeSet<ParticipantId> = groups.iter().flatten().copied().collect();
        let free: Vec<ParticipantId> = self.seats.keys().copied().collect();
        for who in free.into_iter().filter(|who| !grouped.contains(who)) {
            self.set_live(who, None, at);
        }
        for group in groups {
            let is_live = |who: &&ParticipantId| {
                let mut others = group.iter().filter_map(|p| self.live_for(*p));
                self.live_for(**who).is_none() && others.any(|live| live == **who)
            };
            let before = group.iter().find(is_live).copied();
            if let Some(live) = before.or_else(|| self.first_heard(&group)) {
                self.settle_group(&group, live, at);
            }
        }
    }

    fn settle_group(&mut self, group: &[ParticipantId], live: ParticipantId, at: Moment) {
        // First who falls silent: two live devices would howl.
        for who in group.iter().filter(|who| **who != live) {
            self.set_live(*who, Some(live), at);
        }
        self.set_live(live, None, at);
    }

    fn set_live(&mut self, participant: ParticipantId, live: Option<ParticipantId>, at: Moment) {
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        if seat.same_room != live {
            seat.same_room = live;
            self.announce(Event::SameRoomChanged { participant, live }, at);
        }
    }

    /// Those linked by pairs, each group in order of joining; only who has a seat, and did not say that it is elsewhere, with
    /// who is in the same breakout room.
    fn groups(&self) -> Vec<Vec<ParticipantId>> {
        let counts = |who: &ParticipantId| self.seats.get(who).is_some_and(|s| !s.apart);
        let mut groups: Vec<BTreeSet<ParticipantId>> = Vec::new();
        for (a, b) in self
            .pairs
            .iter()
            .filter(|(a, b)| counts(a) && counts(b) && self.are_together(*a, *b))
        {
            let mut joined = BTreeSet::from([*a, *b]);
            groups.retain(|group| {
                let linked = !group.is_disjoint(&joined);
                if linked {
                    joined.extend(group);
                }
                !linked
            });
            groups.push(joined);
        }
        let lists = groups.into_iter().map(|g| g.into_iter().collect());
        lists.collect()
    }
}
