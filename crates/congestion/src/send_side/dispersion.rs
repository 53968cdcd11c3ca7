//! What the link itself carries, whoever else uses it: packets that stood in its queue one right behind the other come as far apart as
//! the link takes for each (packet dispersion; Keshav, SIGCOMM 1991; Dovrolis et al., INFOCOM 2001). Where others' packets stand
//! between ours, some of ours still follow each other, so the fastest of them tell of the link and all together of our share.

use super::came::{Came, Packet};
use std::collections::VecDeque;

/// A packet that waited less did not stand behind another one, milliseconds.
const STOOD: f64 = 15.0;
/// Packets are looked at for so long, microseconds of the receiver's clock, and so many at most.
const OVER: i64 = 200_000;
const MOST_PACKETS: usize = 256;
/// Of so many in a row the time is taken: the jitter of one is no speed. Fewer tell nothing.
const ROW: usize = 3;

/// Packets that stood in a queue, one behind the other, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Dispersion {
    stood: VecDeque<Packet>,
}

/// Bits per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// What the link carried of ours.
    pub ours: f64,
    /// What it carries at least: the fastest row of ours.
    pub link: f64,
}

impl Dispersion {
    /// `waited`: milliseconds in queues. In order of arrival.
    pub fn arrived(&mut self, packet: Packet, waited: f64) {
        if waited < STOOD {
            self.stood.clear();
            return;
        }
        self.stood.push_back(packet);
        while let Some(&first) = self.stood.front()
            && (!(0..=OVER).contains(&(packet.at - first.at)) || self.stood.len() > MOST_PACKETS)
        {
            self.stood.pop_front();
        }
    }

    /// `carried`: how fast the path carried what came so, bits per second. `None` where too few stood in a queue.
    pub fn spread(&self, carried: impl Fn(Came) -> f64) -> Option<Spread> {
        if self.stood.len() < ROW {
            return None;
        }
        let rate = |row: &[Packet]| {
            let bytes = row[1..].iter().map(|p| p.size).sum();
            let last = row[row.len() - 1];
            carried(Came::new(row[0], last, row.len() - 1, bytes))
        };
        let all: Vec<_> = self.stood.iter().copied().collect();
        let link = all.windows(ROW).map(rate).fold(0.0, f64::max);
        Some(Spread {
            ours: rate(&all),
            link,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 1000 bytes that come after so many microseconds each, having waited for 100 ms.
    fn came(gaps: &[i64]) -> Dispersion {
        let mut dispersion = Dispersion::default();
        let mut at = 1_000_000;
        for gap in gaps {
            at += gap;
            dispersion.arrived(packet(at), 100.0);
        }
        dispersion
    }

    fn packet(at: i64) -> Packet {
        Packet {
            at,
            size: 1000,
            seq: 0,
        }
    }

    fn spread(dispersion: &Dispersion) -> Option<Spread> {
        dispersion.spread(|came| came.rate())
    }

    #[test]
    fn alone_on_a_link_all_is_ours() {
        let spread = spread(&came(&[20_000; 8])).expect("enough");
        assert_eq!((spread.ours, spread.link), (400_000.0, 400_000.0));
    }

    #[test]
    fn between_the_packets_of_others_some_of_ours_still_follow_each_other() {
        let came = came(&[30_000, 4_000, 4_000, 30_000, 4_000, 4_000, 30_000]);
        let spread = spread(&came).expect("enough");
        assert_eq!(spread.link, 2_000_000.0);
        assert!(spread.ours < 700_000.0, "{spread:?}");
    }

    #[test]
    fn what_did_not_wait_tells_nothing() {
        let mut dispersion = came(&[20_000; 8]);
        dispersion.arrived(packet(2_000_000), 3.0);
        assert_eq!(spread(&dispersion), None);
        assert_eq!(spread(&came(&[20_000; 2])), None);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let dispersion = came(&[1; 10_000]);
        assert_eq!(dispersion.stood.len(), MOST_PACKETS);
        assert!(spread(&dispersion).is_some());
    }
}
