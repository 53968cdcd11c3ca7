//! What the receiver knows of one stream: which of the last packets are there, and what symbols say of the others.

use super::solver::{Row, Solver};
use crate::repair::symbol::{MOST_SEQ, SPAN, Symbol, add_row, coefficient, read_row, repairable};
use crate::repair::{MOST_PAYLOAD, MediaPacket, feedback::StreamReport};
use confab_base::{Duration, Time};
use std::collections::VecDeque;

/// Packets are kept for later symbols this long, and missing ones asked for.
const KEPT: Duration = Duration::from_millis(1200);
pub const WANTED: Duration = Duration::from_millis(1000);
/// Most packets kept. A jump further than this is another stream under the same name.
const MOST_SLOTS: u64 = 2048;

#[derive(Debug)]
struct Slot {
    /// When it was first heard of.
    since: Time,
    packet: Option<MediaPacket>,
}

/// What became of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Useful,
    Useless,
}

#[derive(Debug)]
pub struct Stream {
    pub ssrc: u32,
    pub last_arrival: Time,
    /// Sequence number of the first slot.
    front: u64,
    slots: VecDeque<Slot>,
    /// Nothing before `front` was ever known.
    start: bool,
    missing: u32,
    solver: Solver,
    pub unrecoverable: u64,
    /// Sum and number of times from noticing a gap to its repair.
    pub responses: (Duration, u64),
}

impl Stream {
    pub fn new(ssrc: u32, seq: u64, now: Time) -> Stream {
        Stream {
            ssrc,
            last_arrival: now,
            front: seq,
            slots: VecDeque::new(),
            start: true,
            missing: 0,
            solver: Solver::default(),
            unrecoverable: 0,
            responses: (Duration::ZERO, 0),
        }
    }

    fn next(&self) -> u64 {
        self.front + self.slots.len() as u64
    }

    /// Whether this packet is of another part of the stream than what is known.
    fn is_jump(&self, first: u64, last: u64) -> bool {
        last >= self.next() + MOST_SLOTS || first + 4 * MOST_SLOTS < self.front
    }

    fn restart(&mut self, seq: u64, now: Time) {
        let (unrecoverable, responses) = (self.unrecoverable, self.responses);
        *self = Stream::new(self.ssrc, seq, now);
        (self.unrecoverable, self.responses) = (unrecoverable, responses);
    }

    /// Makes slots for these numbers. `false`: they are too old.
    fn reach(&mut self, first: u64, last: u64, now: Time) -> bool {
        let missing = || Slot {
            since: now,
            packet: None,
        };
        if first < self.front {
            if !self.start || self.front - first > SPAN {
                return false;
            }
            while self.front > first {
                self.slots.push_front(missing());
                self.front -= 1;
                self.missing += 1;
            }
        }
        while self.next() <= last {
            self.slots.push_back(missing());
            self.missing += 1;
        }
        true
    }

    fn slot(&mut self, seq: u64) -> Option<&mut Slot> {
        let at = usize::try_from(seq.checked_sub(self.front)?).ok()?;
        self.slots.get_mut(at)
    }

    /// A packet that came by itself. `false`: it was there already.
    pub fn received(&mut self, packet: MediaPacket, now: Time) -> bool {
        let seq = packet.seq;
        if seq > MOST_SEQ - 2 * SPAN {
            return true;
        }
        self.last_arrival = now;
        if self.is_jump(seq, seq) {
            self.restart(seq, now);
        }
        if !self.reach(seq, seq, now) {
            return true;
        }
        let Some(slot) = self.slot(seq).filter(|s| s.packet.is_none()) else {
            return false;
        };
        slot.packet = Some(packet.clone());
        self.missing -= 1;
        if !self.solver.is_empty() && repairable(&packet) {
            let mut row = Vec::new();
            add_row(&mut row, &packet, 1);
            self.solver.known(seq, &row);
        }
        true
    }

    pub fn symbol(&mut self, symbol: &Symbol<'_>, now: Time) -> Use {
        self.last_arrival = now;
        let last = symbol.first + u64::from(63 - symbol.mask.leading_zeros());
        if self.is_jump(symbol.first, last) {
            self.restart(symbol.first, now);
        }
        if !self.reach(symbol.first, last, now) {
            return Use::Useless;
        }
        let mut row = Row {
            coefficients: Vec::new(),
            sum: symbol.sum.to_vec(),
        };
        for seq in symbol.seqs() {
            let c = coefficient(symbol.number, seq);
            match self.slot(seq).and_then(|s| s.packet.as_ref()) {
                Some(packet) if repairable(packet) => add_row(&mut row.sum, packet, c),
                Some(_) => return Use::Useless,
                None => row.coefficients.push((seq, c)),
            }
        }
        let longest = symbol.sum.len().max(MOST_PAYLOAD);
        row.sum.truncate(longest + 6);
        match self.solver.add(row) {
            true => Use::Useful,
            false => Use::Useless,
        }
    }

    /// A packet that symbols have brought back.
    pub fn recovered(&mut self, now: Time) -> Option<MediaPacket> {
        loop {
            let (seq, row) = self.solver.solved()?;
            let Some(packet) = read_row(&row, self.ssrc, seq) else {
                continue;
            };
            let Some(slot) = self.slot(seq).filter(|s| s.packet.is_none()) else {
                continue;
            };
            let took = now.since(slot.since);
            slot.packet = Some(packet.clone());
            self.missing -= 1;
            self.responses.0 += took;
            self.responses.1 += 1;
            return Some(packet);
        }
    }

    /// Forgets what is old.
    pub fn trim(&mut self, now: Time) {
        let mut lost = 0;
        while let Some(slot) = self.slots.front() {
            if now.since(slot.since) <= KEPT && self.slots.len() as u64 <= MOST_SLOTS {
                break;
            }
            lost += u32::from(slot.packet.is_none());
            self.slots.pop_front();
            self.front += 1;
            self.start = false;
        }
        self.missing -= lost;
        self.unrecoverable += u64::from(lost);
        self.solver.forget(self.front);
    }

    /// Whether packets are missing that are still wanted.
    pub fn wants(&self, now: Time) -> bool {
        self.missing > 0 && self.first_wanted(now) < self.next()
    }

    /// The first missing packet that is still wanted, else the next to come.
    fn first_wanted(&self, now: Time) -> u64 {
        let wanted = |s: &Slot| s.packet.is_none() && now.since(s.since) <= WANTED;
        let at = self.slots.iter().position(wanted);
        self.front + at.unwrap_or(self.slots.len()) as u64
    }

    /// The state to tell, with at most `bytes` of mask; `None`: nothing came for long.
    pub fn report(&self, bytes: usize, now: Time) -> Option<StreamReport> {
        if self.slots.is_empty() {
            return None;
        }
        let mut base = match self.start {
            true => self.front,
            false if self.missing == 0 => self.next(),
            false => self.first_wanted(now),
        };
        let mut start = self.start;
        let most = bytes as u64 * 8;
        if self.next() - base > most {
            // Of too many, the newest.
            base = self.next() - most;
            start = false;
        }
        let there = self.slots.iter().skip((base - self.front) as usize);
        let mut mask = vec![0u8; (self.next() - base).div_ceil(8) as usize];
        for (i, slot) in there.enumerate() {
            mask[i / 8] |= u8::from(slot.packet.is_some()) << (i % 8);
        }
        Some(StreamReport {
            ssrc: self.ssrc,
            base,
            start,
            mask,
        })
    }
}
