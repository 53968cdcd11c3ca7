//! How long each one spoke, by the list of active speakers.

use crate::StoreCommand;
use crate::room::Room;
use confab_base::{Duration, ParticipantId, Time};
use confab_protocol::{ServerMessage, SpeakingTime};
use std::collections::BTreeMap;

/// Told at most this often.
const INTERVAL: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Speaking {
    /// Who speaks now, and since when it is not added yet.
    since: BTreeMap<ParticipantId, Time>,
    total: BTreeMap<ParticipantId, Duration>,
    /// Whole seconds, as they were told.
    told: BTreeMap<ParticipantId, u32>,
    next: Time,
}

impl Speaking {
    /// These speak from now on.
    pub(crate) fn follow(&mut self, speakers: &[ParticipantId], now: Time) {
        self.add_up(now);
        self.since = speakers.iter().map(|who| (*who, now)).collect();
    }

    pub(crate) fn forget(&mut self, who: ParticipantId) {
        self.since.remove(&who);
        self.total.remove(&who);
        self.told.remove(&who);
    }

    fn add_up(&mut self, now: Time) {
        for (who, since) in &mut self.since {
            *self.total.entry(*who).or_default() += now.since(*since);
            *since = now;
        }
    }

    fn seconds(&self) -> impl Iterator<Item = SpeakingTime> {
        self.total.iter().map(|(participant, total)| SpeakingTime {
            participant: *participant,
            seconds: total.as_secs() as u32,
        })
    }

    fn untold(&self) -> impl Iterator<Item = SpeakingTime> {
        self.seconds()
            .filter(|t| self.told.get(&t.participant).copied().unwrap_or(0) != t.seconds)
    }

    /// All that was told so far, for who has just come.
    pub(crate) fn told(&self) -> Vec<SpeakingTime> {
        let time = |(who, seconds): (&ParticipantId, &u32)| SpeakingTime {
            participant: *who,
            seconds: *seconds,
        };
        self.told.iter().map(time).collect()
    }

    pub(crate) fn wakeup(&self) -> Option<Time> {
        let due = !self.since.is_empty() || self.untold().next().is_some();
        due.then_some(self.next)
    }

    /// Seconds beyond those that were told.
    fn more(&self, time: SpeakingTime) -> SpeakingTime {
        let told = self.told.get(&time.participant).copied().unwrap_or(0);
        let seconds = time.seconds.saturating_sub(told);
        SpeakingTime { seconds, ..time }
    }

    /// The seconds of one who leaves that were not told.
    fn rest(&mut self, who: ParticipantId, now: Time) -> Vec<SpeakingTime> {
        self.add_up(now);
        let own = self.untold().filter(|t| t.participant == who);
        own.map(|t| self.more(t)).collect()
    }

    /// What is to be told now, and what of it is to be added to the record.
    fn tell(&mut self, now: Time) -> (Vec<SpeakingTime>, Vec<SpeakingTime>) {
        if self.wakeup().is_none_or(|at| now < at) {
            return Default::default();
        }
        self.add_up(now);
        let times: Vec<_> = self.untold().collect();
        let more = times.iter().map(|t| self.more(*t)).collect();
        self.told
            .extend(times.iter().map(|t| (t.participant, t.seconds)));
        self.next = now + INTERVAL;
        (times, more)
    }
}

impl Room {
    /// The participant is gone.
    pub(crate) fn forget_voice(&mut self, who: ParticipantId, now: Time) {
        let rest = self.speaking.rest(who, now);
        if !rest.is_empty() {
            self.store(StoreCommand::Spoke(rest));
        }
        self.speaking.forget(who);
    }

    pub(crate) fn tell_speaking_times(&mut self, now: Time) {
        let (times, more) = self.speaking.tell(now);
        if !times.is_empty() {
            self.store(StoreCommand::Spoke(more));
            self.broadcast(ServerMessage::SpeakingTimes { times });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ParticipantId = ParticipantId(1);
    const B: ParticipantId = ParticipantId(2);

    fn time(participant: ParticipantId, seconds: u32) -> SpeakingTime {
        SpeakingTime {
            participant,
            seconds,
        }
    }

    #[test]
    fn those_who_speak_are_timed_and_told_now_and_then() {
        let at = |s: u64| Time::from_millis(s * 1000);
        let mut speaking = Speaking::default();
        assert_eq!(speaking.wakeup(), None);
        speaking.follow(&[A], at(1));
        speaking.follow(&[A, B], at(4));
        speaking.follow(&[B], at(6));
        let told = vec![time(A, 5), time(B, 3)];
        assert_eq!(speaking.tell(at(7)), (told.clone(), told));
        assert_eq!(speaking.tell(at(16)), (vec![], vec![]));
        assert_eq!(speaking.wakeup(), Some(at(17)));
        assert_eq!(
            speaking.tell(at(17)),
            (vec![time(B, 13)], vec![time(B, 10)])
        );
        speaking.follow(&[], at(20));
        assert_eq!(speaking.rest(B, at(21)), [time(B, 3)], "as it leaves");
        assert_eq!(speaking.tell(at(27)).0, [time(B, 16)]);
        assert_eq!(speaking.wakeup(), None, "nobody speaks, and all is told");
        speaking.forget(A);
        assert_eq!(speaking.told(), [time(B, 16)]);
    }
}
