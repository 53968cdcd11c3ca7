//! Connection quality per participant: down at once, up after it held, told at most once a second. Made of what the server
//! measures of the way, and of what the participant says about how speech reached it.

use crate::io::LinkHealth;
use confab_base::{Duration, ParticipantId, QualityLevel, Time};
use confab_congestion::FLUENT_PERMILLE;
use std::collections::BTreeMap;

const INTERVAL: Duration = Duration::from_secs(1);
/// Silence after which a link counts as lost.
const LOST: Duration = Duration::from_secs(3);
/// A better level must hold this long.
const HOLD: Duration = Duration::from_secs(3);

/// Thousandths of a minute in stalls above which hardly a sentence is whole.
const BROKEN_PERMILLE: u16 = 100;
/// What a listener said counts for so long; while something stalls it is said again every five seconds.
const SAID_FOR: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
struct Link {
    health: LinkHealth,
    /// Thousandths of the last minute that were stalled, and when it was said.
    stalled: Option<(u16, Time)>,
    level: QualityLevel,
    told: Option<QualityLevel>,
    better_since: Option<Time>,
}

#[derive(Debug, Default)]
pub(crate) struct Quality {
    links: BTreeMap<ParticipantId, Link>,
    at: Option<Time>,
}

impl Quality {
    pub fn note(&mut self, who: ParticipantId, health: LinkHealth) {
        let fresh = Link {
            health,
            stalled: None,
            level: QualityLevel::Good,
            told: None,
            better_since: None,
        };
        self.links.entry(who).or_insert(fresh).health = health;
    }

    /// What a participant says of its last minute. Without a peer connection nothing is heard, and it means nothing.
    pub fn listens(&mut self, who: ParticipantId, stalled_permille: u16, now: Time) {
        if let Some(link) = self.links.get_mut(&who) {
            link.stalled = Some((stalled_permille, now));
        }
    }

    pub fn remove(&mut self, who: ParticipantId) {
        self.links.remove(&who);
    }

    pub fn poll(&mut self, now: Time) -> Option<Vec<(ParticipantId, QualityLevel)>> {
        if self.at.is_some_and(|at| now.since(at) < INTERVAL) {
            return None;
        }
        self.at = Some(now);
        let mut changed = Vec::new();
        for (who, link) in &mut self.links {
            link.settle(now);
            if link.told != Some(link.level) {
                link.told = Some(link.level);
                changed.push((*who, link.level));
            }
        }
        (!changed.is_empty()).then_some(changed)
    }

    pub fn next_wakeup(&self) -> Option<Time> {
        (!self.links.is_empty()).then(|| self.at.map_or(Time::ZERO, |at| at + INTERVAL))
    }
}

impl Link {
    fn settle(&mut self, now: Time) {
        let said = self.stalled.filter(|(_, at)| now.since(*at) < SAID_FOR);
        let speech = of_speech(said.map_or(0, |(permille, _)| permille));
        let level = level(&self.health, now).min(speech);
        if level <= self.level || self.level == QualityLevel::Lost {
            // Whoever comes back from a cut is back at once; its loss figures will say how well.
            self.level = level;
            self.better_since = None;
        } else {
            let since = *self.better_since.get_or_insert(now);
            if now.since(since) >= HOLD {
                self.level = level;
                self.better_since = None;
            }
        }
    }
}

fn level(health: &LinkHealth, now: Time) -> QualityLevel {
    let loss = health.loss_up.max(health.loss_down);
    let rtt = health.rtt.unwrap_or_default();
    if now.since(health.heard) >= LOST {
        QualityLevel::Lost
    } else if loss > 0.10 || rtt > Duration::from_millis(500) {
        QualityLevel::Poor
    } else if loss > 0.03 || rtt > Duration::from_millis(250) {
        QualityLevel::Fair
    } else {
        QualityLevel::Good
    }
}

/// The best that a listener's stalls leave.
fn of_speech(stalled_permille: u16) -> QualityLevel {
    if stalled_permille > BROKEN_PERMILLE {
        QualityLevel::Poor
    } else if stalled_permille > FLUENT_PERMILLE {
        QualityLevel::Fair
    } else {
        QualityLevel::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use QualityLevel::*;

    const A: ParticipantId = ParticipantId(1);

    fn health(loss: f32, rtt: u64, heard: u64) -> LinkHealth {
        LinkHealth {
            burst_down: None,
            queued_down: Duration::ZERO,
            loss_up: 0.0,
            loss_down: loss,
            rtt: Some(Duration::from_millis(rtt)),
            heard: Time::from_millis(heard),
        }
    }

    #[test]
    fn worse_is_told_at_the_next_second_and_better_only_when_it_held() {
        let mut q = Quality::default();
        let mut told = Vec::new();
        for s in 0..12u64 {
            let loss = if s == 3 { 0.2 } else { 0.0 };
            q.note(A, health(loss, 50, s * 1000));
            if let Some(list) = q.poll(Time::from_millis(s * 1000)) {
                told.push((s, list[0].1));
            }
        }
        assert_eq!(told, [(0, Good), (3, Poor), (7, Good)]);
    }

    #[test]
    fn speech_that_breaks_up_is_no_good_connection_until_it_is_whole_again() {
        let mut q = Quality::default();
        let mut told = Vec::new();
        for s in 0..60u64 {
            let now = Time::from_millis(s * 1000);
            q.note(A, health(0.0, 50, s * 1000));
            match s {
                5 => q.listens(A, 31, now),
                10 => q.listens(A, 101, now),
                15 => q.listens(A, 100, now),
                20 => q.listens(A, 30, now),
                // From here on nothing is said any more.
                30 => q.listens(A, 500, now),
                _ => {}
            }
            if let Some(list) = q.poll(now) {
                told.push((s, list[0].1));
            }
        }
        assert_eq!(
            told,
            [
                (0, Good),
                (5, Fair),
                (10, Poor),
                (18, Fair),
                (23, Good),
                (30, Poor),
                (48, Good)
            ]
        );
    }

    #[test]
    fn silence_is_lost_and_a_word_brings_it_back() {
        let mut q = Quality::default();
        q.note(A, health(0.0, 300, 0));
        assert_eq!(q.poll(Time::from_millis(1000)), Some(vec![(A, Fair)]));
        assert_eq!(q.poll(Time::from_millis(1500)), None, "once a second");
        assert_eq!(q.poll(Time::from_millis(3000)), Some(vec![(A, Lost)]));
        q.note(A, health(0.0, 300, 3900));
        assert_eq!(q.poll(Time::from_millis(4000)), Some(vec![(A, Fair)]));
        q.remove(A);
        assert_eq!(q.next_wakeup(), None);
    }
}
