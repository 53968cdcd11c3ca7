//! The meeting's order: every event gets the next number, and the last ones are kept for those who missed them.

use confab_protocol::{Event, MAX_EVENT_HISTORY, Sequenced};
use std::collections::VecDeque;

/// Numbers are reserved in the store in blocks of this size, so that not every event needs a write.
const BLOCK: u64 = 1024;
/// A new block is reserved when fewer than this many are left.
const MARGIN: u64 = 512;

#[derive(Debug)]
pub(crate) struct EventLog {
    seq: u64,
    reserved: u64,
    ring: VecDeque<Sequenced>,
}

impl EventLog {
    /// A log whose next event is number `seq + 1`.
    pub(crate) fn after(seq: u64) -> EventLog {
        EventLog {
            seq,
            reserved: seq,
            ring: VecDeque::new(),
        }
    }

    /// The number of the last event.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Raises the reservation if the next event needs it. True: it has to be stored first.
    pub(crate) fn reserve(&mut self) -> bool {
        let short = self.seq + MARGIN >= self.reserved;
        if short {
            self.reserved = self.seq + BLOCK;
        }
        short
    }

    pub(crate) fn push(&mut self, at: u64, event: Event) -> Sequenced {
        self.seq += 1;
        let entry = Sequenced {
            seq: self.seq,
            at,
            event,
        };
        if self.ring.len() == MAX_EVENT_HISTORY {
            self.ring.pop_front();
        }
        self.ring.push_back(entry.clone());
        entry
    }

    /// The events after `last_seq`; `None` where they are not all here, or `last_seq` was never given out by this log.
    /// 0 is always `None`: who saw nothing yet needs the whole room.
    pub(crate) fn since(&self, last_seq: u64) -> Option<Vec<Sequenced>> {
        let first = self.ring.front().map_or(self.seq + 1, |e| e.seq);
        if last_seq == 0 || last_seq > self.seq || last_seq + 1 < first {
            return None;
        }
        let skip = (last_seq + 1 - first) as usize;
        Some(self.ring.iter().skip(skip).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::ParticipantId;

    fn log(events: u64) -> EventLog {
        let mut log = EventLog::after(10);
        for _ in 0..events {
            log.reserve();
            log.push(
                0,
                Event::LockChanged {
                    locked: true,
                    by: ParticipantId(1),
                },
            );
        }
        log
    }

    #[test]
    fn missed_events_come_back_in_order() {
        let seqs = |last| {
            log(5)
                .since(last)
                .map(|e| e.iter().map(|e| e.seq).collect::<Vec<_>>())
        };
        assert_eq!(seqs(12), Some(vec![13, 14, 15]));
        assert_eq!(seqs(10), Some(vec![11, 12, 13, 14, 15]));
        assert_eq!(seqs(15), Some(vec![]));
    }

    #[test]
    fn what_is_gone_or_never_was_needs_a_snapshot() {
        assert_eq!(log(5).since(9), None);
        assert_eq!(log(5).since(16), None);
        assert_eq!(log(0).since(0), None);
        assert_eq!(log(MAX_EVENT_HISTORY as u64 + 1).since(10), None);
    }

    #[test]
    fn the_reservation_is_always_ahead() {
        let mut log = EventLog::after(0);
        let mut writes = 0;
        for _ in 0..5000 {
            writes += u32::from(log.reserve());
            assert!(log.reserved() > log.seq());
            log.push(
                0,
                Event::Ended {
                    by: ParticipantId(1),
                },
            );
        }
        assert!(writes < 12, "{writes} writes");
    }
}
