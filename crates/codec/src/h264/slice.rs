//! What openh264 wrote into the first slice of an access unit (ITU-T H.264, 7.3.2.1 and 7.3.3): which number a frame has, which
//! long-term reference it refers to and which it makes. Read only from our own encoder's streams.

use crate::bits::Bits;

const IDR: u8 = 5;
const SLICE: u8 = 1;
const SPS: u8 = 7;
/// A header is shorter than this.
const HEADER: usize = 64;

/// What the sequence parameter set says of slice headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    frame_num_bits: u32,
    /// Bits of the picture order count, where slices carry one.
    order_bits: Option<u32>,
}

/// Which frame becomes a long-term reference, under which index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marking {
    This(u32),
    /// The reference frame that is so many before this one.
    Earlier {
        distance: u32,
        index: u32,
    },
}

/// The header of a frame's first slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) frame_num: u32,
    /// Of a key frame.
    pub(super) idr: Option<u32>,
    /// Index of the long-term reference it refers to.
    pub(super) long_term: Option<u32>,
    pub(super) marking: Option<Marking>,
}

/// NAL units with their header byte, as far as the first [`HEADER`] bytes of each.
fn units(unit: &[u8]) -> impl Iterator<Item = (u8, Vec<u8>)> {
    let starts = unit.windows(3).enumerate();
    let starts = starts.filter(|(_, w)| *w == [0, 0, 1]);
    starts.filter_map(|(at, _)| {
        let nal = &unit[at + 3..];
        let (&header, rest) = nal.split_first()?;
        Some((header, unescaped(&rest[..rest.len().min(HEADER)])))
    })
}

/// `00 00 03` stands for `00 00` inside a NAL unit.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for &byte in bytes {
        let is_escape = zeros >= 2 && byte == 3;
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        if !is_escape {
            out.push(byte);
        }
    }
    out
}

impl Layout {
    /// From the parameter set in a key frame.
    pub(super) fn read(unit: &[u8]) -> Option<Layout> {
        let (_, sps) = units(unit).find(|(header, _)| header & 31 == SPS)?;
        let mut bits = Bits::new(&sps);
        bits.skip(24); // profile, constraints, level
        bits.exp_golomb()?; // its id
        let frame_num_bits = bits.exp_golomb()? + 4;
        let order_bits = match bits.exp_golomb()? {
            0 => Some(bits.exp_golomb()? + 4),
            _ => None,
        };
        Some(Layout {
            frame_num_bits,
            order_bits,
        })
    }

    pub(super) fn slice(self, unit: &[u8]) -> Option<Slice> {
        let (header, bytes) = units(unit).find(|(h, _)| matches!(h & 31, SLICE | IDR))?;
        let is_idr = header & 31 == IDR;
        let mut bits = Bits::new(&bytes);
        bits.exp_golomb()?; // first macroblock
        let is_predicted = bits.exp_golomb()? % 5 == 0;
        bits.exp_golomb()?; // picture parameter set
        let mut slice = Slice {
            frame_num: bits.take(self.frame_num_bits)?,
            ..Slice::default()
        };
        if is_idr {
            slice.idr = Some(bits.exp_golomb()?);
        }
        bits.skip(self.order_bits.unwrap_or(0) as usize);
        if is_predicted {
            if bits.flag()? {
                bits.exp_golomb()?; // how many references
            }
            slice.long_term = reordering(&mut bits)?;
        }
        let is_reference = header & 0x60 != 0;
        slice.marking = match (is_idr, is_reference) {
            (true, _) => {
                bits.skip(1); // output of earlier pictures
                bits.flag()?.then_some(Marking::This(0))
            }
            (false, true) => marking(&mut bits)?,
            _ => None,
        };
        Some(slice)
    }
}

/// The long-term reference put first, if it is one.
fn reordering(bits: &mut Bits<'_>) -> Option<Option<u32>> {
    let mut long_term = None;
    if bits.flag()? {
        loop {
            let operation = bits.exp_golomb()?;
            if operation == 3 {
                break;
            }
            let value = bits.exp_golomb()?;
            if operation == 2 {
                long_term.get_or_insert(value);
            }
        }
    }
    Some(long_term)
}

fn marking(bits: &mut Bits<'_>) -> Option<Option<Marking>> {
    let mut marking = None;
    if !bits.flag()? {
        return Some(None);
    }
    loop {
        match bits.exp_golomb()? {
            0 => return Some(marking),
            1 | 2 | 4 => {
                bits.exp_golomb()?;
            }
            3 => {
                let distance = bits.exp_golomb()? + 1;
                let index = bits.exp_golomb()?;
                marking = Some(Marking::Earlier { distance, index });
            }
            6 => marking = Some(Marking::This(bits.exp_golomb()?)),
            _ => {}
        }
    }
}

impl Layout {
    /// A frame's number so many reference frames before another's.
    pub(super) fn before(self, frame_num: u32, distance: u32) -> u32 {
        frame_num.wrapping_sub(distance) & ((1 << self.frame_num_bits.min(31)) - 1)
    }
}
