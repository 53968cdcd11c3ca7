//! Packets of one frame that are repaired together, and the symbols sent for them.

use crate::repair::symbol::SPAN;
use crate::repair::{FrameClass, MediaPacket, feedback::StreamReport};
use confab_base::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Flying,
    Arrived,
    Lost,
}

#[derive(Debug)]
pub struct Sent {
    pub packet: MediaPacket,
    pub at: Time,
    pub there: bool,
    /// The receiver should have had it and did not.
    pub missing: bool,
}

#[derive(Debug)]
pub struct SentSymbol {
    pub number: u32,
    first: u64,
    mask: u64,
    fate: Fate,
}

/// Numbers of packets and symbols by what is known of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Packets known to be missing, and those still on their way.
    pub missing: f64,
    pub flying: f64,
    /// Symbols for packets that are not there: arrived, still on their way.
    pub arrived: f64,
    pub underway: f64,
}

#[derive(Debug)]
pub struct Block {
    pub timestamp: u32,
    pub class: FrameClass,
    /// Its number among the layer's frames.
    pub number: u16,
    /// Nothing that follows needs what was before it: a key frame, or a base frame that goes on from an older one.
    pub renews: bool,
    /// When the frame was taken, as far as its first packets tell.
    pub captured: Time,
    /// By rising sequence number, within [`SPAN`].
    pub packets: Vec<Sent>,
    /// How many of them are not known to be there: looked at with every frame that leaves, for every receiver.
    pub left: usize,
    pub symbols: Vec<SentSymbol>,
    pub last_sent: Time,
    /// All packets of the block have left.
    pub complete: bool,
    pub tally: Tally,
}

impl Block {
    pub fn first(&self) -> u64 {
        self.packets.first().map_or(0, |p| p.packet.seq)
    }

    pub fn last(&self) -> u64 {
        self.packets.last().map_or(0, |p| p.packet.seq)
    }

    pub fn takes(&self, packet: &MediaPacket) -> bool {
        let low = self.first().min(packet.seq);
        self.timestamp == packet.timestamp && self.last().max(packet.seq) - low < SPAN
    }

    /// `false`: it is here already.
    pub fn insert(&mut self, packet: MediaPacket, now: Time) -> bool {
        let at = match self.packets.last() {
            Some(last) if last.packet.seq >= packet.seq => {
                self.packets.partition_point(|p| p.packet.seq < packet.seq)
            }
            _ => self.packets.len(),
        };
        let known = self.packets.get(at);
        if known.is_some_and(|p| p.packet.seq == packet.seq) {
            return false;
        }
        self.complete |= packet.marker;
        self.last_sent = now;
        let sent = Sent {
            packet,
            at: now,
            there: false,
            missing: false,
        };
        self.packets.insert(at, sent);
        self.left += 1;
        self.tally.flying += 1.0;
        true
    }

    /// What the receiver has, as of `horizon`. `young`: the receiver may have missed the stream's start.
    /// Returns how many packets are newly there, and how late the latest came of those taken for lost that came by themselves.
    pub fn report(
        &mut self,
        report: Option<&StreamReport>,
        young: bool,
        horizon: Time,
    ) -> (u64, Option<Time>) {
        let (mut news, mut reordered) = (0, None);
        if self.left == 0 {
            return (0, None);
        }
        let repaired = self.symbols.iter().any(|s| s.fate == Fate::Arrived);
        for sent in self.packets.iter_mut().filter(|p| !p.there) {
            let seq = sent.packet.seq;
            let before = |r: &StreamReport| r.start && young && seq < r.base;
            if report.is_some_and(|r| r.has(seq) && !before(r)) {
                sent.there = true;
                self.left -= 1;
                news += 1;
                if sent.missing && !repaired {
                    reordered = Some(sent.at);
                }
            } else if sent.at <= horizon {
                sent.missing = true;
            }
        }
        (news, reordered)
    }

    /// What became of a symbol.
    pub fn symbol(&mut self, number: u32, fate: Fate) {
        if let Some(symbol) = self.symbols.iter_mut().find(|s| s.number == number) {
            symbol.fate = fate;
        }
    }

    pub fn is_done(&self) -> bool {
        self.complete && self.left == 0
    }

    /// First sequence number and mask of what is not there.
    pub fn open(&self) -> (u64, u64) {
        let mut open = self.packets.iter().filter(|p| !p.there);
        let first = open.clone().next().map_or(0, |p| p.packet.seq);
        let mask = open
            .by_ref()
            .fold(0, |m, p| m | 1 << (p.packet.seq - first));
        (first, mask)
    }

    pub fn add_symbol(&mut self, number: u32, first: u64, mask: u64) {
        self.symbols.push(SentSymbol {
            number,
            first,
            mask,
            fate: Fate::Flying,
        });
        self.tally.underway += 1.0;
    }

    /// Counts anew, after a feedback has told of packets and symbols alike.
    pub fn count(&mut self) {
        let mut tally = Tally::default();
        for packet in self.packets.iter().filter(|p| !p.there) {
            match packet.missing {
                true => tally.missing += 1.0,
                false => tally.flying += 1.0,
            }
        }
        let (first, mask) = self.open();
        for symbol in &self.symbols {
            let counts = symbol.covers_any(first, mask);
            match symbol.fate {
                Fate::Arrived if counts => tally.arrived += 1.0,
                Fate::Flying if counts => tally.underway += 1.0,
                _ => {}
            }
        }
        // If as many had come as are open, all would be there: random sums are dependent once in 255 times.
        let open = tally.missing + tally.flying;
        tally.arrived = tally.arrived.min((open - 1.0).max(0.0));
        self.tally = tally;
    }
}

impl SentSymbol {
    /// Whether it stands for any of these packets.
    fn covers_any(&self, first: u64, mask: u64) -> bool {
        let mine = match first.checked_sub(self.first) {
            Some(ahead) => self.mask.checked_shr(ahead as u32).unwrap_or(0),
            None => self
                .mask
                .checked_shl((self.first - first) as u32)
                .unwrap_or(0),
        };
        mine & mask != 0
    }
}
