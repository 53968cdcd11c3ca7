//! The receiver's word on the wire. Every feedback restates all that counts, so that any of them may be lost.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version 1 in the upper four bits; bit 0: some streams had no room; bit 1: the last arrival was a symbol |
//! | 2 | number of the feedback, rising by one |
//! | 4 | arrivals so far: media packets by themselves and symbols, each once |
//! | 4, 4 | the last arrival: SSRC (0 for a symbol), lower half of its sequence number (or the symbol's number) |
//! | 2 | time from that arrival to this feedback, in 100 µs |
//! | 4 | highest symbol number seen |
//! | 1, n | bytes of the symbol mask (0 to 64), the mask: bit i says that symbol highest - i came |
//! | 1 | number of streams (0 to 32), and for each: |
//! | 4 | SSRC |
//! | 6 | base, lower 47 bits: everything below it is there or no longer wanted. Top bit: base is the first the receiver knows of |
//! | 1, n | bytes of the packet mask (0 to 255), the mask: bit i says that packet base + i is there |
//!
//! Numbers are big-endian, masks have their lowest bit first. At most [`MOST_BYTES`].

use super::MOST_STREAMS;
use super::symbol::big_endian;
use thiserror::Error;

/// Longest feedback in bytes.
pub const MOST_BYTES: usize = 600;
/// Longest symbol mask in bytes.
pub const MOST_SYMBOL_MASK: usize = 64;
const VERSION: u8 = 1;
const START: u64 = 1 << 47;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FeedbackError {
    #[error("too short for what it says to carry")]
    Truncated,
    #[error("longer than any feedback, or bytes are left over")]
    TooLong,
    #[error("another version of the format")]
    Version,
    #[error("more streams or mask bytes than allowed")]
    Limits,
}

/// The last thing that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    Media { ssrc: u32, seq: u32 },
    Symbol(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// Some streams had no room.
    pub partial: bool,
    pub number: u16,
    pub arrivals: u32,
    pub last: Last,
    /// Since the last arrival, in 100 µs.
    pub delay: u16,
    pub highest_symbol: u32,
    pub symbols: Vec<u8>,
    pub streams: Vec<StreamReport>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    pub ssrc: u32,
    /// Below 2^47.
    pub base: u64,
    /// `base` is the first packet the receiver knows of.
    pub start: bool,
    pub mask: Vec<u8>,
}

impl StreamReport {
    /// Whether the receiver has this packet, or wants it no more.
    pub fn has(&self, seq: u64) -> bool {
        seq.checked_sub(self.base)
            .is_none_or(|i| bit(&self.mask, i))
    }
}

pub(super) fn bit(mask: &[u8], i: u64) -> bool {
    let byte = usize::try_from(i / 8).ok().and_then(|at| mask.get(at));
    byte.is_some_and(|b| b >> (i % 8) & 1 == 1)
}

impl Feedback {
    pub fn parse(body: &[u8]) -> Result<Feedback, FeedbackError> {
        if body.len() > MOST_BYTES {
            return Err(FeedbackError::TooLong);
        }
        let mut read = Reader(body);
        let lead = read.byte()?;
        if lead >> 4 != VERSION {
            return Err(FeedbackError::Version);
        }
        let (number, arrivals) = (read.number(2)? as u16, read.number(4)? as u32);
        let (ssrc, seq) = (read.number(4)? as u32, read.number(4)? as u32);
        let last = match lead & 2 {
            0 => Last::Media { ssrc, seq },
            _ => Last::Symbol(seq),
        };
        let delay = read.number(2)? as u16;
        let highest_symbol = read.number(4)? as u32;
        let symbols = read.mask(MOST_SYMBOL_MASK)?;
        let count = usize::from(read.byte()?);
        if count > MOST_STREAMS {
            return Err(FeedbackError::Limits);
        }
        let streams = (0..count)
            .map(|_| read.stream())
            .collect::<Result<_, _>>()?;
        if !read.0.is_empty() {
            return Err(FeedbackError::TooLong);
        }
        Ok(Feedback {
            partial: lead & 1 == 1,
            number,
            arrivals,
            last,
            delay,
            highest_symbol,
            symbols,
            streams,
        })
    }

    /// Appends the bytes. The caller keeps the limits.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (is_symbol, ssrc, seq) = match self.last {
            Last::Media { ssrc, seq } => (0, ssrc, seq),
            Last::Symbol(number) => (2, 0, number),
        };
        out.push(VERSION << 4 | is_symbol | u8::from(self.partial));
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.arrivals.to_be_bytes());
        out.extend_from_slice(&ssrc.to_be_bytes());
        out.extend_from_slice(&seq.to_be_bytes());
        out.extend_from_slice(&self.delay.to_be_bytes());
        out.extend_from_slice(&self.highest_symbol.to_be_bytes());
        out.push(self.symbols.len() as u8);
        out.extend_from_slice(&self.symbols);
        out.push(self.streams.len() as u8);
        for stream in &self.streams {
            out.extend_from_slice(&stream.ssrc.to_be_bytes());
            let base = stream.base | if stream.start { START } else { 0 };
            out.extend_from_slice(&base.to_be_bytes()[2..]);
            out.push(stream.mask.len() as u8);
            out.extend_from_slice(&stream.mask);
        }
    }
}

/// Bytes of a feedback without symbol mask and streams, and of a stream without mask.
pub(super) const FIXED: usize = 23;
pub(super) const FIXED_STREAM: usize = 11;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], FeedbackError> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(FeedbackError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, FeedbackError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self, bytes: usize) -> Result<u64, FeedbackError> {
        Ok(big_endian(self.take(bytes)?))
    }

    fn mask(&mut self, most: usize) -> Result<Vec<u8>, FeedbackError> {
        let length = usize::from(self.byte()?);
        if length > most {
            return Err(FeedbackError::Limits);
        }
        Ok(self.take(length)?.to_vec())
    }

    fn stream(&mut self) -> Result<StreamReport, FeedbackError> {
        let ssrc = self.number(4)? as u32;
        let base = self.number(6)?;
        Ok(StreamReport {
            ssrc,
            base: base & (START - 1),
            start: base & START != 0,
            mask: self.mask(255)?,
        })
    }
}
