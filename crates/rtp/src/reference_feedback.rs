//! Long-term references at both ends of a stream: when its receiver says which base frame it has ([`Reference`]), and which frame of the
//! encoder's that is.

use confab_base::{Duration, Reference, Time};
use std::collections::VecDeque;

/// Base frames remembered by their sender: at 15 of them a second, eight seconds.
const REMEMBERED: usize = 128;
/// Between two words on the same stream.
const INTERVAL: Duration = Duration::from_millis(100);
/// So often a receiver that is stuck asks to go on from what it has, then for a key frame.
const ASKS: u32 = 1;

/// The receiver of one stream: when it says what.
#[derive(Debug, Default)]
pub struct ReferenceReporter {
    told: Option<(u64, Time)>,
    asked: u32,
}

impl ReferenceReporter {
    /// After decoding: the newest base frame ([`crate::VideoJitterBuffer::newest_base`]). What to say, if it is time.
    pub fn decoded(&mut self, base: Option<u64>, now: Time) -> Option<Reference> {
        let base = base?;
        let told = self.told.filter(|(seq, _)| *seq <= base);
        if told.is_some_and(|(seq, at)| seq == base || now.since(at) < INTERVAL) {
            return None;
        }
        (self.told, self.asked) = (Some((base, now)), 0);
        Some(Reference {
            seq: base as u32,
            is_stuck: false,
        })
    }

    /// Nothing more can be decoded: what to say. `None`: ask for a key frame.
    pub fn stuck(&mut self, base: Option<u64>) -> Option<Reference> {
        let base = base.filter(|_| self.asked < ASKS)?;
        self.asked += 1;
        Some(Reference {
            seq: base as u32,
            is_stuck: true,
        })
    }
}

/// The sender of one stream: which frames it numbered so.
#[derive(Debug, Default)]
pub struct ReferenceLog {
    base: VecDeque<(u64, u16)>,
}

impl ReferenceLog {
    /// A base frame left: its first packet, and its number at the encoder. Nothing before a key frame is referred to any more.
    pub fn sent(&mut self, seq: u64, number: u16, keyframe: bool) {
        if keyframe {
            self.base.clear();
        }
        if self.base.len() >= REMEMBERED {
            self.base.pop_front();
        }
        self.base.push_back((seq, number));
    }

    /// The number of the frame that begins with this packet, if it is known.
    pub fn number(&self, seq: u32) -> Option<u16> {
        let mut newest_first = self.base.iter().rev();
        let found = newest_first.find(|(s, _)| *s as u32 == seq);
        found.map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Reference = Reference {
        seq: 7,
        is_stuck: false,
    };

    #[test]
    fn base_frames_are_told_ten_times_a_second_at_most() {
        let mut reporter = ReferenceReporter::default();
        let told = (0..30u64).filter_map(|i| {
            let now = Time::from_millis(i * 33);
            reporter.decoded(Some(i / 2), now)
        });
        let told: Vec<_> = told.map(|r| r.seq).collect();
        assert_eq!(told, [0, 2, 4, 6, 8, 10, 12, 14]);
        assert_eq!(reporter.decoded(None, Time::from_millis(5000)), None);
        let again = reporter.decoded(Some(3), Time::from_millis(5000));
        assert!(again.is_some(), "another numbering");
    }

    #[test]
    fn who_is_stuck_asks_to_go_on_and_then_for_a_key_frame() {
        let mut reporter = ReferenceReporter::default();
        let stuck = Some(Reference {
            is_stuck: true,
            ..GOOD
        });
        let asked: Vec<_> = (0..3).map(|_| reporter.stuck(Some(7))).collect();
        assert_eq!(asked, [stuck, None, None]);
        assert!(reporter.decoded(Some(9), Time::ZERO).is_some());
        assert!(reporter.stuck(Some(9)).is_some());
        assert_eq!(reporter.stuck(None), None);
    }

    #[test]
    fn frames_are_known_by_their_first_packet_back_to_the_key_frame() {
        let mut log = ReferenceLog::default();
        log.sent(10, 0, true);
        log.sent(14, 4, false);
        assert_eq!((log.number(10), log.number(12)), (Some(0), None));
        log.sent(20, 8, true);
        assert_eq!((log.number(14), log.number(20)), (None, Some(8)));
        (0..1000).for_each(|i| log.sent(100 + i, i as u16, false));
        assert_eq!(log.base.len(), REMEMBERED);
    }
}
