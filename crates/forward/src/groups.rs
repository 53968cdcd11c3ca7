//! Who speaks, group by group: people of different breakout rooms do not compete for a place among the speakers, nor for the
//! floor. Group 0 is the main room, in which everybody begins.

use crate::floor::Floor;
use crate::speaker::Speakers;
use confab_base::{AudioLevel, ParticipantId, Time};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Talk {
    speakers: Speakers,
    floor: Floor,
}

#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Of those who are not in the main room.
    of: BTreeMap<ParticipantId, u32>,
    talks: BTreeMap<u32, Talk>,
    /// A group is gone, and its speakers with it.
    is_fewer: bool,
}

impl Groups {
    fn of(&self, who: ParticipantId) -> u32 {
        self.of.get(&who).copied().unwrap_or(0)
    }

    fn talk(&mut self, who: ParticipantId) -> &mut Talk {
        self.talks.entry(self.of(who)).or_default()
    }

    /// The participant is in this group from now on, and silent in the one it was in.
    pub fn set(&mut self, who: ParticipantId, group: u32) {
        let before = self.of(who);
        if before == group {
            return;
        }
        self.remove(who);
        match group {
            0 => self.of.remove(&who),
            _ => self.of.insert(who, group),
        };
        if before != 0 && !self.of.values().any(|g| *g == before) {
            self.is_fewer |= self.talks.remove(&before).is_some();
        }
    }

    /// The participant is gone.
    pub fn leave(&mut self, who: ParticipantId) {
        self.set(who, 0);
        self.remove(who);
    }

    /// See [`Speakers::note`].
    pub fn note(&mut self, who: ParticipantId, level: AudioLevel, voice: bool, now: Time) {
        self.talk(who).speakers.note(who, level, voice, now);
    }

    /// Its microphone is gone or muted.
    pub fn silence(&mut self, who: ParticipantId) {
        self.talk(who).speakers.remove(who);
    }

    fn remove(&mut self, who: ParticipantId) {
        let talk = self.talk(who);
        talk.speakers.remove(who);
        talk.floor.remove(who);
    }

    /// The loudest of each group are noted for its floor; to be told a few times a second.
    pub fn tick(&mut self, now: Time) {
        for talk in self.talks.values_mut() {
            talk.floor.note(talk.speakers.first(), now);
        }
    }

    /// Who has the floor as this participant sees it.
    pub fn seen_by(&self, who: ParticipantId) -> Option<ParticipantId> {
        self.talks.get(&self.of(who))?.floor.seen_by(who)
    }

    /// The lists of all groups, one after the other, when one of them has changed.
    pub fn poll(&mut self, now: Time) -> Option<Vec<ParticipantId>> {
        let mut is_new = std::mem::take(&mut self.is_fewer);
        for talk in self.talks.values_mut() {
            is_new |= talk.speakers.poll(now).is_some();
        }
        let told = self.talks.values().flat_map(|t| t.speakers.told());
        is_new.then(|| told.copied().collect())
    }

    pub fn next_wakeup(&self) -> Option<Time> {
        let talks = self.talks.values();
        talks.filter_map(|t| t.speakers.next_wakeup()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(groups: &mut Groups, people: &[u32], from: u64, ms: u64) -> Option<Vec<ParticipantId>> {
        let mut last = None;
        for at in (from..from + ms).step_by(20) {
            let now = Time::from_millis(at);
            for who in people {
                groups.note(ParticipantId(*who), AudioLevel(25), true, now);
            }
            last = groups.poll(now).or(last);
            groups.tick(now);
        }
        last
    }

    fn ids(people: &[u32]) -> Vec<ParticipantId> {
        people.iter().map(|p| ParticipantId(*p)).collect()
    }

    #[test]
    fn speakers_of_one_group_take_no_place_from_those_of_another() {
        let mut groups = Groups::default();
        let many: Vec<u32> = (1..=16).collect();
        for who in &many {
            groups.set(ParticipantId(*who), u32::from(*who > 8));
        }
        let told = talk(&mut groups, &many, 1000, 600);
        assert_eq!(told, Some(ids(&[1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14])));
    }

    #[test]
    fn who_goes_elsewhere_is_silent_where_it_was() {
        let mut groups = Groups::default();
        groups.set(ParticipantId(1), 2);
        talk(&mut groups, &[1, 5], 1000, 2000);
        assert_eq!(groups.seen_by(ParticipantId(9)), Some(ParticipantId(5)));
        groups.set(ParticipantId(9), 2);
        assert_eq!(groups.seen_by(ParticipantId(9)), Some(ParticipantId(1)));
        groups.set(ParticipantId(1), 3);
        assert_eq!(groups.seen_by(ParticipantId(9)), None);
        assert_eq!(groups.poll(Time::from_millis(3300)), Some(ids(&[5])));
        groups.set(ParticipantId(9), 0);
        groups.leave(ParticipantId(1));
        assert!(groups.of.is_empty());
        assert_eq!(groups.talks.len(), 1, "nothing is kept of empty groups");
    }
}
