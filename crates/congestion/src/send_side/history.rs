//! What was sent and not yet reported.

use confab_base::{Duration, Time};

/// Packets remembered: two seconds at 10 Mbps. Reports on older ones say nothing.
const KEPT: usize = 2048;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Free,
    Flying,
    Came,
    Lost,
}

/// Eight bytes, so that a hundred receivers' histories stay near the processor.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Low bits of the time, microseconds: over an hour until they come again.
    sent: u32,
    size: u16,
    cluster: u8,
    state: State,
}

#[derive(Debug)]
pub(crate) struct History {
    entries: Vec<Entry>,
    next: u16,
    /// Send times without wrapping: the last one sent, and its low bits.
    newest: i64,
}

/// A packet that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    /// Its transport-wide number.
    pub seq: u16,
    /// Microseconds: of our clock, and of the receiver's.
    pub sent: i64,
    pub at: i64,
    pub size: usize,
    /// The probe it was part of; 0: none.
    pub cluster: u8,
    /// Since it was sent.
    pub age: Duration,
    /// An earlier report called it lost.
    pub was_lost: bool,
}

pub(crate) enum Fate {
    Came(Ack),
    Lost,
    /// Nothing new, or too long ago.
    Known,
}

impl History {
    pub fn new() -> History {
        History {
            entries: vec![Entry::default(); KEPT],
            next: 1,
            newest: 0,
        }
    }

    pub fn sent(&mut self, size: usize, cluster: u8, now: Time) -> u16 {
        let seq = self.next;
        self.next = seq.wrapping_add(1);
        self.newest = now.as_micros() as i64;
        self.entries[usize::from(seq) % KEPT] = Entry {
            sent: self.newest as u32,
            size: size.min(usize::from(u16::MAX)) as u16,
            cluster,
            state: State::Flying,
        };
        seq
    }

    /// Bytes that were sent after this packet.
    pub fn behind(&self, seq: u16) -> usize {
        let count = usize::from(self.next.wrapping_sub(seq).wrapping_sub(1));
        let later = (1..=count.min(KEPT)).map(|n| seq.wrapping_add(n as u16));
        later
            .map(|seq| usize::from(self.entries[usize::from(seq) % KEPT].size))
            .sum()
    }

    /// How many packets were sent after the one and up to the other, and their bytes; `None` where that is too long ago, or the other was
    /// sent first.
    pub fn between(&self, after: u16, to: u16) -> Option<(usize, usize)> {
        let count = usize::from(to.wrapping_sub(after));
        let ago = usize::from(self.next.wrapping_sub(after));
        if count > ago || ago > KEPT {
            return None;
        }
        let each = (1..=count).map(|n| usize::from(after.wrapping_add(n as u16)) % KEPT);
        let bytes = each.map(|at| usize::from(self.entries[at].size)).sum();
        Some((count, bytes))
    }

    pub fn reported(&mut self, seq: u16, at: Option<i64>, now: Time) -> Fate {
        let behind = self.next.wrapping_sub(seq);
        if behind == 0 || usize::from(behind) > KEPT {
            return Fate::Known;
        }
        let entry = &mut self.entries[usize::from(seq) % KEPT];
        match (entry.state, at) {
            (State::Flying, None) => {
                entry.state = State::Lost;
                Fate::Lost
            }
            (State::Flying | State::Lost, Some(at)) => {
                let was_lost = entry.state == State::Lost;
                entry.state = State::Came;
                let ago = (self.newest as u32).wrapping_sub(entry.sent);
                let sent = self.newest - i64::from(ago);
                let age = (now.as_micros() as i64 - sent).max(0) as u64;
                Fate::Came(Ack {
                    seq,
                    sent,
                    at,
                    size: usize::from(entry.size),
                    cluster: entry.cluster,
                    age: Duration::from_micros(age),
                    was_lost,
                })
            }
            _ => Fate::Known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_reported_once_and_may_come_after_all() {
        let mut h = History::new();
        let seq = h.sent(1000, 0, Time::from_millis(5));
        assert!(matches!(
            h.reported(seq, None, Time::from_millis(50)),
            Fate::Lost
        ));
        assert!(matches!(
            h.reported(seq, None, Time::from_millis(50)),
            Fate::Known
        ));
        let Fate::Came(ack) = h.reported(seq, Some(77), Time::from_millis(60)) else {
            panic!("it came late");
        };
        assert!(ack.was_lost && ack.sent == 5000 && ack.age == Duration::from_millis(55));
        assert!(matches!(
            h.reported(seq, Some(77), Time::from_millis(70)),
            Fate::Known
        ));
        assert!(matches!(
            h.reported(seq.wrapping_add(1), Some(1), Time::from_millis(70)),
            Fate::Known
        ));
    }

    #[test]
    fn numbers_and_times_wrap_unnoticed() {
        let mut h = History::new();
        for i in 0..200_000u64 {
            let now = Time::from_millis(i * 100);
            let seq = h.sent(100, 0, now);
            let Fate::Came(ack) = h.reported(seq, Some(0), now + Duration::from_millis(7)) else {
                panic!("just sent");
            };
            assert_eq!(ack.sent, now.as_micros() as i64);
            assert_eq!(ack.age, Duration::from_millis(7));
        }
    }
}
