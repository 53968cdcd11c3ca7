//! One incoming stream: whose it is, and how many of its packets never came.

use crate::{Mid, Rid};

/// An incoming SSRC.
pub(crate) struct Source {
    pub(crate) mid: Mid,
    pub(crate) rid: Option<Rid>,
    /// First and highest extended sequence number.
    seqs: Option<(u64, u64)>,
    /// Different packets; str0m lets no packet through twice.
    packets: u64,
}

impl Source {
    pub(crate) fn new(mid: Mid, rid: Option<Rid>) -> Source {
        Source {
            mid,
            rid,
            seqs: None,
            packets: 0,
        }
    }

    pub(crate) fn count(&mut self, seq: u64) {
        let (first, highest) = self.seqs.unwrap_or((seq, seq));
        self.seqs = Some((first.min(seq), highest.max(seq)));
        self.packets += 1;
    }

    /// Numbers up to the highest of which no packet came.
    pub(crate) fn lost(&self) -> u64 {
        let (first, highest) = self.seqs.unwrap_or((1, 0));
        (highest + 1 - first).saturating_sub(self.packets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
