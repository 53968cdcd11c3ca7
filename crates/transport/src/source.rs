//! Incoming streams: whose they are, how many of their packets never came, and that there are not endlessly many.

use crate::{Codec, Mid, Rid};
use std::collections::{HashMap, HashSet};

/// SSRCs a server takes from one connection over its life: a share and its resends take two, a camera six. Each is
/// remembered for good, here and in str0m, for the sake of its roll-over count.
const MOST_SSRCS: usize = 256;

/// All SSRCs of a connection.
#[derive(Default)]
pub(crate) struct Sources {
    /// Every one that was let in, resends' too.
    met: HashSet<u32>,
    known: HashMap<u32, Source>,
    /// Packets that came, of all of them.
    came: u64,
}

impl Sources {
    /// Whether packets of this SSRC may come in.
    pub(crate) fn admit(&mut self, ssrc: u32) -> bool {
        let is_admitted = self.met.contains(&ssrc) || self.met.len() < MOST_SSRCS;
        if is_admitted {
            self.met.insert(ssrc);
        }
        is_admitted
    }

    pub(crate) fn get(&self, ssrc: u32) -> Option<&Source> {
        self.known.get(&ssrc)
    }

    pub(crate) fn insert(&mut self, ssrc: u32, source: Source) {
        self.known.insert(ssrc, source);
    }

    pub(crate) fn count(&mut self, ssrc: u32, seq: u64) {
        if let Some(source) = self.known.get_mut(&ssrc) {
            self.came += 1;
            source.last = self.came;
            source.count(seq);
        }
    }

    pub(crate) fn note_coding(&mut self, ssrc: u32, coding: (u8, Codec)) {
        if let Some(source) = self.known.get_mut(&ssrc) {
            source.coding = Some(coding);
        }
    }

    /// The SSRC that media of a line's layer came with last.
    pub(crate) fn ssrc(&self, mid: Mid, rid: Option<Rid>) -> Option<u32> {
        let of_line = self.known.iter();
        let of_line = of_line.filter(|(_, s)| s.mid == mid && s.rid == rid && s.coding.is_some());
        of_line.max_by_key(|(_, s)| s.last).map(|(ssrc, _)| *ssrc)
    }

    /// Packets of a line's layer that never came.
    pub(crate) fn lost(&self, mid: Mid, rid: Option<Rid>) -> u64 {
        let of_line = self.known.values();
        let of_line = of_line.filter(|s| s.mid == mid && s.rid == rid);
        of_line.map(Source::lost).sum()
    }
}

/// An incoming SSRC.
pub(crate) struct Source {
    pub(crate) mid: Mid,
    pub(crate) rid: Option<Rid>,
    /// First and highest extended sequence number.
    seqs: Option<(u64, u64)>,
    /// When its newest packet came, among all packets.
    last: u64,
    /// Different packets; str0m lets no packet through twice.
    packets: u64,
    /// Payload type and codec of its newest packet.
    pub(crate) coding: Option<(u8, Codec)>,
}

impl Source {
    pub(crate) fn new(mid: Mid, rid: Option<Rid>) -> Source {
        Source {
            mid,
            rid,
            seqs: None,
            last: 0,
            packets: 0,
            coding: None,
        }
    }

    fn count(&mut self, seq: u64) {
        let (first, highest) = self.seqs.unwrap_or((seq, seq));
        self.seqs = Some((first.min(seq), highest.max(seq)));
        self.packets += 1;
    }

    /// Numbers up to the highest of which no packet came.
    fn lost(&self) -> u64 {
        let (first, highest) = self.seqs.unwrap_or((1, 0));
        (highest + 1 - first).saturating_sub(self.packets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_let_in_stay_in_and_no_more_come_than_there_is_room_for() {
        let mut sources = Sources::default();
        let admitted = (0..10_000).filter(|ssrc| sources.admit(*ssrc)).count();
        assert_eq!(admitted, MOST_SSRCS);
        assert!(sources.admit(0) && sources.admit(255) && !sources.admit(256));
    }

    #[test]
    fn a_lines_source_is_the_one_that_media_came_from_last() {
        let mut sources = Sources::default();
        let mid = Mid::from("0");
        for ssrc in [1, 2, 3] {
            sources.insert(ssrc, Source::new(mid, None));
        }
        assert_eq!(sources.ssrc(mid, None), None);
        for ssrc in [1, 2] {
            sources.note_coding(ssrc, (96, Codec::H264));
        }
        // Its numbers are higher, and it sends no more.
        sources.count(1, 60_000);
        sources.count(2, 5);
        sources.count(3, 70_000);
        assert_eq!(sources.ssrc(mid, None), Some(2));
        sources.count(1, 60_001);
        assert_eq!(sources.ssrc(mid, None), Some(1));
    }

    #[test]
    fn gaps_count_until_they_are_filled() {
        let mut source = Source::new("0".into(), None);
        assert_eq!(source.lost(), 0);
        for seq in [10, 11, 14, 13] {
            source.count(seq);
        }
        assert_eq!(source.lost(), 1);
        source.count(12);
        source.count(9);
        assert_eq!(source.lost(), 0);
    }
}
