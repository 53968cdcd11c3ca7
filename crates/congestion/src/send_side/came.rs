//! How fast the path carried what came: what it loses at random was carried, too, as far as the place where it was lost.

use super::history::{Ack, History};

/// As few as come once in so many standard deviations by chance alone; fewer, and a queue dropped some.
const CHANCE: f64 = 2.0;
/// Where more than this comes through, chance changes little, and what is lost may well be a queue's.
const ALL: f64 = 0.85;

/// A packet that came: when, by the receiver's clock in microseconds, how many bytes, and its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub at: i64,
    pub size: usize,
    pub seq: u16,
}

impl From<&Ack> for Packet {
    fn from(ack: &Ack) -> Packet {
        Packet {
            at: ack.at,
            size: ack.size,
            seq: ack.seq,
        }
    }
}

/// What came in some time, behind a first packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    first: u16,
    last: u16,
    packets: usize,
    bytes: usize,
    /// Microseconds.
    span: i64,
}

impl Came {
    /// `packets` and `bytes` are those behind the first.
    pub fn new(first: Packet, last: Packet, packets: usize, bytes: usize) -> Came {
        Came {
            first: first.seq,
            last: last.seq,
            packets,
            bytes,
            span: (last.at - first.at).max(1),
        }
    }

    fn per_second(&self, bytes: f64) -> f64 {
        bytes * 8e6 / self.span as f64
    }

    /// Bits per second that came.
    pub fn rate(&self) -> f64 {
        self.per_second(self.bytes as f64)
    }

    /// Bits per second that the path carried, where it loses all but a share of `passes` anyway. If as many came as chance leaves, all that
    /// was sent between the first and the last was carried in that time: of four lost in five, what came in half a second is a number
    /// that chance alone changes by a sixth, and what was sent is known. If fewer came, a queue dropped some.
    pub fn carried(&self, history: &History, passes: f64) -> f64 {
        let by_chance = self.rate() / passes;
        if passes >= ALL {
            return by_chance;
        }
        let Some((packets, bytes)) = history.between(self.first, self.last) else {
            return by_chance;
        };
        let expected = packets as f64 * passes;
        let deviation = (expected * (1.0 - passes)).sqrt();
        match self.packets as f64 + CHANCE * deviation >= expected {
            true => self.per_second(bytes as f64),
            false => by_chance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_base::Time;

    /// 100 packets of 1000 bytes were sent, of which these came 10 ms apart each from when it was sent.
    fn carried(came: &[u64], passes: f64) -> u64 {
        let mut history = History::new();
        let numbers: Vec<u16> = (0..100)
            .map(|i| history.sent(1000, 0, Time::from_millis(i * 10)))
            .collect();
        let packet = |i: u64| Packet {
            at: i as i64 * 10_000,
            size: 1000,
            seq: numbers[i as usize],
        };
        let (first, last) = (packet(came[0]), packet(came[came.len() - 1]));
        let behind = came.len() - 1;
        let came = Came::new(first, last, behind, behind * 1000);
        came.carried(&history, passes).round() as u64
    }

    #[test]
    fn where_chance_took_the_others_it_is_what_was_sent_however_many_came() {
        for came in [&[0, 5, 9][..], &[0, 1, 2, 3, 9], &[0, 9]] {
            assert_eq!(carried(came, 0.2), 800_000, "{came:?}");
        }
        assert_eq!(carried(&(0..100).collect::<Vec<_>>(), 0.2), 800_000);
    }

    #[test]
    fn what_a_queue_dropped_was_not_carried() {
        let tenth: Vec<u64> = (0..100).step_by(10).collect();
        assert_eq!(carried(&tenth, 0.5), 160_000);
        assert_eq!(carried(&tenth, 1.0), 80_000);
    }

    #[test]
    fn what_is_forgotten_or_came_the_wrong_way_round_is_reckoned_by_its_share() {
        let mut history = History::new();
        let first = history.sent(1000, 0, Time::ZERO);
        let last = (0..5000).map(|_| history.sent(1000, 0, Time::ZERO)).last();
        let packet = |seq, at| Packet {
            at,
            size: 1000,
            seq,
        };
        let last = last.unwrap();
        let far = Came::new(packet(first, 0), packet(last, 1_000_000), 100, 100_000);
        assert_eq!(far.carried(&history, 0.5), 1_600_000.0);
        let back = Came::new(packet(last, 0), packet(last - 9, 1_000_000), 2, 2000);
        assert_eq!(back.carried(&history, 0.5), 32_000.0);
    }
}
