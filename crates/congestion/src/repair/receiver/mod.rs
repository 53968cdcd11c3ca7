//! The receiving end: puts back what was lost and tells the sender what is there.

mod solver;
mod stream;

use super::feedback::{FIXED, FIXED_STREAM, Feedback, Last, MOST_BYTES, MOST_SYMBOL_MASK, bit};
use super::symbol::{RepairError, Symbol};
use super::{MOST_STREAMS, MediaPacket, RecoveredPacket, RepairReceiveStats};
use confab_base::{Duration, Time};
use std::collections::VecDeque;
use stream::{Stream, Use};

/// Between two feedbacks while something is missing, or was lately.
const BUSY: Duration = Duration::from_millis(20);
/// Between two signs of life else.
const CALM: Duration = Duration::from_millis(250);
const LATELY: Duration = Duration::from_millis(1000);
/// Symbols that came are told for this long.
const TOLD: Duration = Duration::from_millis(600);
/// A stream is forgotten after this.
const SILENT: Duration = Duration::from_secs(10);

/// One direction's receiving end. Symbols are numbered through for its life: a new sender needs a new receiver.
#[derive(Debug, Default)]
pub struct RepairReceiver {
    streams: Vec<Stream>,
    symbols: Symbols,
    recovered: VecDeque<RecoveredPacket>,
    arrivals: u32,
    last: Option<(Last, Time)>,
    number: u16,
    told: Option<Time>,
    /// When something was missing last.
    trouble: Option<Time>,
    /// Of streams that are gone.
    gone: RepairReceiveStats,
    responses: (Duration, u64),
}

impl RepairReceiver {
    pub fn new() -> Self {
        Self::default()
    }

    /// A media packet that came by itself. `false`: it is there already, recovered or doubled by the path: drop it.
    pub fn received(&mut self, packet: MediaPacket, now: Time) -> bool {
        let (ssrc, seq) = (packet.ssrc, packet.seq);
        let stream = self.stream(ssrc, seq, now);
        stream.trim(now);
        let new = stream.received(packet, now);
        let wants = stream.wants(now);
        self.collect(ssrc, now);
        if new {
            self.gone.received += 1;
            let seq = seq as u32;
            self.arrived(Last::Media { ssrc, seq }, wants, now);
        }
        new
    }

    /// A repair payload. Packets that it brings back come from [`RepairReceiver::poll_recovered`].
    pub fn repair(&mut self, payload: &[u8], now: Time) -> Result<(), RepairError> {
        let symbol = Symbol::parse(payload)?;
        if !self.symbols.came(symbol.number, now) {
            return Ok(()); // doubled by the path
        }
        self.gone.repair_packets += 1;
        let stream = self.stream(symbol.ssrc, symbol.first, now);
        stream.trim(now);
        let used = stream.symbol(&symbol, now);
        self.gone.useless += u64::from(used == Use::Useless);
        self.collect(symbol.ssrc, now);
        self.arrived(Last::Symbol(symbol.number), true, now);
        Ok(())
    }

    pub fn poll_recovered(&mut self) -> Option<RecoveredPacket> {
        self.recovered.pop_front()
    }

    /// Writes a feedback body into `out`, which is cleared, when one is due.
    pub fn poll_feedback(&mut self, now: Time, out: &mut Vec<u8>) -> bool {
        self.trim(now);
        if self.next_wakeup().is_none_or(|at| at > now) {
            return false;
        }
        let Some((last, at)) = self.last else {
            return false;
        };
        if self.streams.iter().any(|s| s.wants(now)) {
            self.trouble = Some(now);
        }
        let mut feedback = Feedback {
            partial: false,
            number: self.number,
            arrivals: self.arrivals,
            last,
            delay: u16::try_from(now.since(at).as_micros() / 100).unwrap_or(u16::MAX),
            highest_symbol: self.symbols.highest,
            symbols: self.symbols.mask(now),
            streams: Vec::new(),
        };
        self.report(&mut feedback, now);
        out.clear();
        feedback.write(out);
        self.number = self.number.wrapping_add(1);
        self.told = Some(now);
        self.gone.feedback += 1;
        true
    }

    /// When [`RepairReceiver::poll_feedback`] has something to say next; `None`: nothing came since the last, or for long.
    pub fn next_wakeup(&self) -> Option<Time> {
        let (_, arrival) = self.last?;
        let Some(told) = self.told else {
            return Some(arrival);
        };
        let soon = told + BUSY;
        let busy = self.trouble.is_some_and(|t| soon <= t + LATELY);
        if busy && soon <= arrival + LATELY {
            return Some(soon);
        }
        (arrival > told).then_some(told + CALM)
    }

    pub fn stats(&self) -> RepairReceiveStats {
        let mut stats = self.gone;
        let (mut time, mut count) = self.responses;
        for stream in &self.streams {
            stats.unrecoverable += stream.unrecoverable;
            time += stream.responses.0;
            count += stream.responses.1;
        }
        stats.recovered = count;
        stats.response = time / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        stats
    }

    fn arrived(&mut self, what: Last, trouble: bool, now: Time) {
        self.arrivals = self.arrivals.wrapping_add(1);
        self.last = Some((what, now));
        if trouble {
            self.trouble = Some(now);
        }
    }

    fn stream(&mut self, ssrc: u32, seq: u64, now: Time) -> &mut Stream {
        if let Some(at) = self.streams.iter().position(|s| s.ssrc == ssrc) {
            return &mut self.streams[at];
        }
        let oldest = (0..self.streams.len()).min_by_key(|i| self.streams[*i].last_arrival);
        if let Some(at) = oldest.filter(|_| self.streams.len() >= MOST_STREAMS) {
            self.remove(at);
        }
        self.streams.push(Stream::new(ssrc, seq, now));
        let at = self.streams.len() - 1;
        &mut self.streams[at]
    }

    fn remove(&mut self, at: usize) {
        let stream = self.streams.swap_remove(at);
        self.gone.unrecoverable += stream.unrecoverable;
        self.responses.0 += stream.responses.0;
        self.responses.1 += stream.responses.1;
    }

    fn collect(&mut self, ssrc: u32, now: Time) {
        if let Some(stream) = self.streams.iter_mut().find(|s| s.ssrc == ssrc) {
            while let Some(packet) = stream.recovered(now) {
                self.recovered.push_back(packet);
            }
        }
        // Who never polls gets the newest.
        while self.recovered.len() > 1024 {
            self.recovered.pop_front();
        }
    }

    fn trim(&mut self, now: Time) {
        for at in (0..self.streams.len()).rev() {
            self.streams[at].trim(now);
            if now.since(self.streams[at].last_arrival) > SILENT {
                self.remove(at);
            }
        }
    }

    fn report(&self, feedback: &mut Feedback, now: Time) {
        let mut room = MOST_BYTES - FIXED - feedback.symbols.len();
        let mut left = self.streams.len();
        for stream in &self.streams {
            // What the ones before did not need is there for those behind.
            let bytes = (room / left.max(1)).saturating_sub(FIXED_STREAM).min(255);
            left -= 1;
            if room < FIXED_STREAM + bytes {
                feedback.partial = true;
                break;
            }
            if let Some(report) = stream.report(bytes, now) {
                room -= FIXED_STREAM + report.mask.len();
                feedback.streams.push(report);
            }
        }
    }
}

/// Which symbols came lately.
#[derive(Debug, Default)]
struct Symbols {
    highest: u32,
    /// Bit i: number `highest - i`.
    seen: [u64; 8],
    came: VecDeque<(Time, u32)>,
}

impl Symbols {
    /// `false`: it came before.
    fn came(&mut self, number: u32, now: Time) -> bool {
        let ahead = number.wrapping_sub(self.highest) as i32;
        if self.came.is_empty() && self.seen == [0; 8] {
            self.highest = number;
        } else if ahead > 0 {
            self.shift(ahead as u32);
            self.highest = number;
        }
        let back = self.highest.wrapping_sub(number);
        let Some(word) = self.seen.get_mut(back as usize / 64) else {
            return false; // too old to tell
        };
        let new = *word >> (back % 64) & 1 == 0;
        *word |= 1 << (back % 64);
        self.came.push_back((now, number));
        while self.came.len() > 512 {
            self.came.pop_front();
        }
        new
    }

    fn shift(&mut self, by: u32) {
        let (words, bits) = (by as usize / 64, by % 64);
        let old = self.seen;
        let get = |at: Option<usize>| at.and_then(|at| old.get(at)).copied().unwrap_or(0);
        for (w, word) in self.seen.iter_mut().enumerate() {
            let from = w.checked_sub(words);
            let carry = get(from.and_then(|w| w.checked_sub(1))).checked_shr(64 - bits);
            *word = get(from) << bits | carry.unwrap_or(0);
        }
    }

    /// The mask of those of the last [`TOLD`].
    fn mask(&mut self, now: Time) -> Vec<u8> {
        while self.came.front().is_some_and(|c| now.since(c.0) > TOLD) {
            self.came.pop_front();
        }
        let back = |c: &(Time, u32)| u64::from(self.highest.wrapping_sub(c.1));
        let oldest = self.came.iter().map(back).max();
        let bytes = oldest.map_or(0, |o| (o as usize / 8 + 1).min(MOST_SYMBOL_MASK));
        let all: Vec<u8> = self.seen.iter().flat_map(|w| w.to_le_bytes()).collect();
        debug_assert!(oldest.is_none_or(|o| o >= 512 || bit(&all, o)));
        all[..bytes].to_vec()
    }
}
