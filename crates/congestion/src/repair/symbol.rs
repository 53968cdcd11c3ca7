//! Repair symbols on the wire: which packets a symbol stands for, and their sum.
//!
//! | bytes | |
//! |---|---|
//! | 1 | version 1 in the upper four bits, number of mask bytes (1 to 8) in the lower |
//! | 4 | number of the symbol, rising by one per symbol of this direction |
//! | 4 | SSRC of the packets |
//! | 6 | extended sequence number of the first packet |
//! | 1–8 | mask, least significant byte first: bit i says that packet first + i is part of the sum; bit 0 is set |
//! | 10–1410 | the sum of the packets' rows, each times [`coefficient`], in GF(256) |
//!
//! A packet's row: payload length (11 bits) and marker (top bit) in two bytes, timestamp and tag in four each, the payload, zeros up to
//! the longest row of the sum. Numbers are big-endian.

use super::{MOST_PAYLOAD, MediaPacket, gf256};
use std::sync::Arc;
use thiserror::Error;

/// Packets one symbol can stand for: the sequence numbers it spans.
pub const SPAN: u64 = 64;
/// Extended sequence numbers have 48 bits, as in SRTP; the top one stays free for a flag.
pub const MOST_SEQ: u64 = (1 << 47) - 1;
/// Bytes of a row before the payload.
const ROW_HEAD: usize = 10;
const FIXED: usize = 15;
const VERSION: u8 = 1;
const MARKER: u16 = 0x8000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RepairError {
    #[error("too short for what it says to carry")]
    Truncated,
    #[error("longer than any symbol")]
    TooLong,
    #[error("another version of the format")]
    Version,
    #[error("the packets it names make no sense")]
    Packets,
}

/// A symbol as parsed: all fields are in range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    pub number: u32,
    pub ssrc: u32,
    pub first: u64,
    pub mask: u64,
    pub sum: &'a [u8],
}

impl<'a> Symbol<'a> {
    pub fn parse(payload: &'a [u8]) -> Result<Symbol<'a>, RepairError> {
        let (&lead, rest) = payload.split_first().ok_or(RepairError::Truncated)?;
        if lead >> 4 != VERSION {
            return Err(RepairError::Version);
        }
        let mask_bytes = usize::from(lead & 15);
        if !(1..=8).contains(&mask_bytes) {
            return Err(RepairError::Packets);
        }
        if rest.len() < FIXED - 1 + mask_bytes + ROW_HEAD {
            return Err(RepairError::Truncated);
        }
        let (head, rest) = rest.split_at(FIXED - 1);
        let (mask, sum) = rest.split_at(mask_bytes);
        if sum.len() > ROW_HEAD + MOST_PAYLOAD {
            return Err(RepairError::TooLong);
        }
        let mask = mask.iter().rev().fold(0, |m, b| m << 8 | u64::from(*b));
        let first = big_endian(&head[8..14]);
        if mask & 1 == 0 || first > MOST_SEQ - SPAN {
            return Err(RepairError::Packets);
        }
        Ok(Symbol {
            number: big_endian(&head[..4]) as u32,
            ssrc: big_endian(&head[4..8]) as u32,
            first,
            mask,
            sum,
        })
    }

    /// Appends the symbol's bytes but for the sum.
    pub fn write_head(&self, out: &mut Vec<u8>) {
        let mask_bytes = (8 - self.mask.leading_zeros() as usize / 8).max(1);
        out.push(VERSION << 4 | mask_bytes as u8);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&self.first.to_be_bytes()[2..]);
        out.extend_from_slice(&self.mask.to_le_bytes()[..mask_bytes]);
    }

    /// The sequence numbers it stands for.
    pub fn seqs(&self) -> impl Iterator<Item = u64> + use<> {
        let (first, mask) = (self.first, self.mask);
        (0..SPAN)
            .filter(move |i| mask >> i & 1 == 1)
            .map(move |i| first + i)
    }
}

pub(super) fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// By what a packet's row is multiplied in a symbol: 1 to 255, the same at both ends.
pub fn coefficient(number: u32, seq: u64) -> u8 {
    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    let mut x = (u64::from(number) << 32 ^ seq).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ x >> 31) % 255) as u8 + 1
}

/// Adds `c` times the packet's row to `sum`, which grows where the row is longer. The packet must be repairable.
pub fn add_row(sum: &mut Vec<u8>, packet: &MediaPacket, c: u8) {
    let length = ROW_HEAD + packet.payload.len();
    if sum.len() < length {
        sum.resize(length, 0);
    }
    let (head, body) = sum.split_at_mut(ROW_HEAD);
    gf256::mul_add(head, &row_head(packet), c);
    gf256::mul_add(body, &packet.payload, c);
}

fn row_head(packet: &MediaPacket) -> [u8; ROW_HEAD] {
    let marker = if packet.marker { MARKER } else { 0 };
    let [a, b] = (packet.payload.len() as u16 | marker).to_be_bytes();
    let [c, d, e, f] = packet.timestamp.to_be_bytes();
    let [g, h, i, j] = packet.tag;
    [a, b, c, d, e, f, g, h, i, j]
}

/// Reads a row that stands alone. `None`: it is no packet's row, so somebody lied.
pub fn read_row(row: &[u8], ssrc: u32, seq: u64) -> Option<MediaPacket> {
    let (head, body) = row.split_at_checked(ROW_HEAD)?;
    let lead = big_endian(&head[..2]) as u16;
    Some(MediaPacket {
        ssrc,
        seq,
        timestamp: big_endian(&head[2..6]) as u32,
        tag: [head[6], head[7], head[8], head[9]],
        marker: lead & MARKER != 0,
        payload: Arc::from(body.get(..usize::from(lead & !MARKER))?),
    })
}

/// Whether a packet fits into a symbol.
pub fn repairable(packet: &MediaPacket) -> bool {
    packet.payload.len() <= MOST_PAYLOAD && packet.seq <= MOST_SEQ - 2 * SPAN
}
