//! Who speaks, from the audio levels of RFC 6464. Levels are smoothed (quick up, slow down), speech needs to stand
//! out, and a speaker is held over the pauses between words; somebody moves ahead of another only when clearly louder.

use confab_base::{AudioLevel, Duration, ParticipantId, Time};
use std::collections::BTreeMap;

/// Shortest time between two updates.
const INTERVAL: Duration = Duration::from_millis(200);
/// Loudness (127 minus the level in -dBov) at which someone begins to speak: -45 dBov; and stays speaking: -55 dBov.
const BEGINS: f32 = 82.0;
const STAYS: f32 = 72.0;
/// A speaker is held this long after it was last loud enough.
const HOLD: Duration = Duration::from_millis(900);
/// Time constants of the smoothing, seconds.
const ATTACK: f32 = 0.08;
const RELEASE: f32 = 0.4;
/// Clearly louder, dB.
const AHEAD: f32 = 6.0;
/// The list is for showing people; nobody sees more.
const MOST: usize = 6;

#[derive(Clone, Copy, Debug)]
struct Voice {
    loudness: f32,
    heard: Time,
    /// Speaking until then; `ZERO`: not speaking.
    until: Time,
}

#[derive(Debug, Default)]
pub(crate) struct Speakers {
    voices: BTreeMap<ParticipantId, Voice>,
    order: Vec<ParticipantId>,
    told: Vec<ParticipantId>,
    told_at: Option<Time>,
}

impl Speakers {
    /// A packet of the participant's microphone. `voice` is the sender's own verdict; it only lowers the bar.
    pub fn note(&mut self, who: ParticipantId, level: AudioLevel, voice: bool, now: Time) {
        let loudness = f32::from(127 - level.0.min(127));
        let v = self.voices.entry(who).or_insert(Voice {
            loudness: 0.0,
            heard: now,
            until: Time::ZERO,
        });
        let passed = now.since(v.heard).as_secs_f32().clamp(0.01, 1.0);
        let constant = if loudness > v.loudness {
            ATTACK
        } else {
            RELEASE
        };
        v.loudness += (loudness - v.loudness) * (1.0 - (-passed / constant).exp());
        v.heard = now;
        let bar = match v.until > now || voice {
            true => STAYS,
            false => BEGINS,
        };
        if v.loudness >= bar && loudness >= STAYS {
            v.until = now + HOLD;
        }
    }

    pub fn remove(&mut self, who: ParticipantId) {
        self.voices.remove(&who);
    }

    /// The loudest of those who speak, as told last.
    pub fn first(&self) -> Option<ParticipantId> {
        self.told.first().copied()
    }

    /// The list as told last.
    pub fn told(&self) -> &[ParticipantId] {
        &self.told
    }

    /// The list, if it changed and an update is allowed.
    pub fn poll(&mut self, now: Time) -> Option<Vec<ParticipantId>> {
        if self.told_at.is_some_and(|at| now.since(at) < INTERVAL) {
            return None;
        }
        let speaking = |who: &ParticipantId| self.voices.get(who).is_some_and(|v| v.until > now);
        self.order.retain(speaking);
        for (who, v) in &self.voices {
            if v.until > now && !self.order.contains(who) {
                self.order.push(*who);
            }
        }
        let loudness = |who: ParticipantId| self.voices.get(&who).map_or(0.0, |v| v.loudness);
        // One pass from the back: each may move ahead of those it clearly outshouts.
        for i in (1..self.order.len()).rev() {
            if loudness(self.order[i]) > loudness(self.order[i - 1]) + AHEAD {
                self.order.swap(i, i - 1);
            }
        }
        let list = &self.order[..self.order.len().min(MOST)];
        if list == self.told {
            return None;
        }
        self.told = list.to_vec();
        self.told_at = Some(now);
        Some(self.told.clone())
    }

    /// When the list may change without another packet.
    pub fn next_wakeup(&self) -> Option<Time> {
        let end = self
            .order
            .iter()
            .filter_map(|w| self.voices.get(w))
            .map(|v| v.until)
            .min();
        let allowed = self.told_at.map_or(Time::ZERO, |at| at + INTERVAL);
        end.map(|end| end.max(allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ParticipantId = ParticipantId(1);
    const B: ParticipantId = ParticipantId(2);

    struct Scene {
        speakers: Speakers,
        at: u64,
        updates: Vec<(u64, Vec<ParticipantId>)>,
    }

    impl Scene {
        fn new() -> Scene {
            Scene {
                speakers: Speakers::default(),
                at: 0,
                updates: Vec::new(),
            }
        }

        /// Both talk at these levels (-dBov) for `ms`.
        fn play(&mut self, ms: u64, a: u8, b: u8) {
            for _ in 0..ms / 20 {
                self.at += 20;
                let now = Time::from_millis(self.at);
                self.speakers.note(A, AudioLevel(a), false, now);
                self.speakers.note(B, AudioLevel(b), false, now);
                if let Some(list) = self.speakers.poll(now) {
                    self.updates.push((self.at, list));
                }
            }
        }

        fn list(&self) -> &[ParticipantId] {
            self.updates.last().map_or(&[], |(_, l)| l)
        }
    }

    #[test]
    fn the_one_who_talks_is_found_quickly_and_held_over_pauses() {
        let mut s = Scene::new();
        s.play(1000, 80, 90);
        assert!(s.list().is_empty(), "room noise is nobody's speech");
        s.play(300, 25, 90);
        assert_eq!(s.list(), [A]);
        let updates = s.updates.len();
        for _ in 0..5 {
            s.play(400, 70, 90);
            s.play(400, 25, 90);
        }
        assert_eq!(s.updates.len(), updates, "words and pauses change nothing");
        s.play(2000, 80, 90);
        assert!(s.list().is_empty());
    }

    #[test]
    fn a_click_is_no_speech() {
        let mut s = Scene::new();
        s.play(500, 90, 90);
        s.play(20, 30, 90);
        s.play(500, 90, 90);
        assert!(s.updates.is_empty());
    }

    #[test]
    fn the_louder_moves_ahead_only_when_clearly_louder() {
        let mut s = Scene::new();
        s.play(500, 30, 90);
        s.play(2000, 30, 28);
        assert_eq!(s.list(), [A, B]);
        s.play(1000, 40, 20);
        assert_eq!(s.list(), [B, A]);
    }

    #[test]
    fn updates_are_at_most_five_a_second() {
        let mut s = Scene::new();
        for i in 0..100 {
            s.play(
                60,
                if i % 2 == 0 { 10 } else { 60 },
                if i % 2 == 0 { 60 } else { 10 },
            );
        }
        assert!(s.updates.windows(2).all(|w| w[1].0 - w[0].0 >= 200));
    }

    #[test]
    fn who_is_gone_speaks_no_more() {
        let mut s = Scene::new();
        s.play(500, 30, 90);
        s.speakers.remove(A);
        assert_eq!(s.speakers.poll(Time::from_millis(s.at + 300)), Some(vec![]));
    }
}
