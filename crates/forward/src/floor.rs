//! Who has the floor, for the importance of pictures: slower than the list of speakers, and without an end. Whoever was
//! the loudest for a while keeps the floor through silence until another takes it.

use confab_base::{Duration, ParticipantId, Time};

/// The loudest for so long has the floor: a word in between does not count.
const TAKES: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Floor {
    /// The loudest now, and since when.
    loudest: Option<(ParticipantId, Time)>,
    /// Who has the floor, and who had it before.
    holders: [Option<ParticipantId>; 2],
}

impl Floor {
    /// The loudest of those who speak now; to be told a few times a second.
    pub fn note(&mut self, loudest: Option<ParticipantId>, now: Time) {
        self.loudest = match (loudest, self.loudest) {
            (Some(who), Some((same, since))) if who == same => Some((who, since)),
            (Some(who), _) => Some((who, now)),
            (None, _) => None,
        };
        let Some((who, since)) = self.loudest else {
            return;
        };
        if now.since(since) >= TAKES && self.holders[0] != Some(who) {
            self.holders = [Some(who), self.holders[0]];
        }
    }

    /// Who has the floor as this participant sees it: not itself.
    pub fn seen_by(&self, participant: ParticipantId) -> Option<ParticipantId> {
        let mut holders = self.holders.iter().flatten().copied();
        holders.find(|h| *h != participant)
    }

    pub fn remove(&mut self, who: ParticipantId) {
        self.loudest = self.loudest.filter(|(l, _)| *l != who);
        let [first, second] = self.holders.map(|h| h.filter(|h| *h != who));
        self.holders = [first.or(second), second.filter(|_| first.is_some())];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ParticipantId = ParticipantId(1);
    const B: ParticipantId = ParticipantId(2);
    const C: ParticipantId = ParticipantId(3);

    fn talk(floor: &mut Floor, ms: &mut u64, who: Option<ParticipantId>, quarters: u64) {
        for _ in 0..quarters {
            *ms += 250;
            floor.note(who, Time::from_millis(*ms));
        }
    }

    #[test]
    fn a_word_in_between_takes_no_floor_and_silence_ends_none() {
        let (mut floor, mut ms) = (Floor::default(), 0);
        talk(&mut floor, &mut ms, Some(A), 3);
        assert_eq!(floor.seen_by(C), None);
        talk(&mut floor, &mut ms, Some(A), 2);
        assert_eq!(floor.seen_by(C), Some(A));
        talk(&mut floor, &mut ms, Some(B), 4);
        talk(&mut floor, &mut ms, None, 40);
        assert_eq!(floor.seen_by(C), Some(A));
        talk(&mut floor, &mut ms, Some(B), 5);
        assert_eq!(floor.seen_by(C), Some(B));
    }

    #[test]
    fn who_speaks_sees_who_spoke_before_and_who_is_gone_is_forgotten() {
        let (mut floor, mut ms) = (Floor::default(), 0);
        talk(&mut floor, &mut ms, Some(A), 5);
        talk(&mut floor, &mut ms, Some(B), 5);
        assert_eq!((floor.seen_by(B), floor.seen_by(A)), (Some(A), Some(B)));
        floor.remove(B);
        assert_eq!((floor.seen_by(B), floor.seen_by(A)), (Some(A), None));
        floor.remove(A);
        assert_eq!(floor.seen_by(C), None);
    }
}
