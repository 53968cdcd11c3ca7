//! AV1 over RTP (the Alliance for Open Media's "RTP Payload Format For AV1", v1.0): units of one picture time in the low-overhead form
//! (every OBU with its size, no temporal delimiter) to payloads and back, and where decoding can begin.

use std::sync::Arc;

/// Bits of the aggregation header (section 4.4).
const CONTINUES: u8 = 0x80;
const CONTINUED: u8 = 0x40;
const COUNT_SHIFT: u8 = 4;
const COUNT: u8 = 0x30;
const NEW_SEQUENCE: u8 = 0x08;

/// OBU types and header bits (AV1 specification, 5.3.2 and 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const FORBIDDEN: u8 = 0x80;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

/// A fragment smaller than this is not worth a new OBU's beginning in the rest of a packet.
const CRUMB: usize = 16;

/// Why bytes are no OBUs, or payloads no unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Av1Error {
    /// Lengths that point outside, an empty payload or element, the forbidden bit.
    Malformed,
    /// A fragment without its beginning, or a new OBU before a fragment's end.
    OutOfOrder,
    /// More bytes than the bound given.
    TooLarge,
}

/// One OBU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obu<'a> {
    header: u8,
    extension: Option<u8>,
    /// What follows header and size.
    pub payload: &'a [u8],
}

impl<'a> Obu<'a> {
    /// The first OBU in `bytes` and what is behind it; without a size of its own it takes all.
    fn split(bytes: &'a [u8]) -> Result<(Obu<'a>, &'a [u8]), Av1Error> {
        let (&header, mut rest) = bytes.split_first().ok_or(Av1Error::Malformed)?;
        if header & FORBIDDEN != 0 {
            return Err(Av1Error::Malformed);
        }
        let mut extension = None;
        if header & HAS_EXTENSION != 0 {
            let (&byte, tail) = rest.split_first().ok_or(Av1Error::Malformed)?;
            (extension, rest) = (Some(byte), tail);
        }
        let size = match header & HAS_SIZE {
            0 => rest.len(),
            _ => leb128(&mut rest)?,
        };
        let (payload, behind) = rest.split_at_checked(size).ok_or(Av1Error::Malformed)?;
        let obu = Obu {
            header,
            extension,
            payload,
        };
        Ok((obu, behind))
    }

    /// The type, 0..=15.
    pub fn kind(&self) -> u8 {
        self.header >> 3 & 15
    }

    /// 0 where the stream has no layers.
    pub fn temporal(&self) -> u8 {
        self.extension.map_or(0, |e| e >> 5)
    }

    /// Whether it travels in packets at all (section 5).
    fn travels(&self) -> bool {
        !matches!(self.kind(), TEMPORAL_DELIMITER | TILE_LIST)
    }

    /// As it stands in packets, without its size.
    fn to_element(self) -> Vec<u8> {
        let mut element = Vec::with_capacity(2 + self.payload.len());
        element.push(self.header & !HAS_SIZE);
        element.extend(self.extension);
        element.extend_from_slice(self.payload);
        element
    }
}

/// The OBUs of a unit in low-overhead form; ends after the first error.
pub fn obus(unit: &[u8]) -> impl Iterator<Item = Result<Obu<'_>, Av1Error>> {
    let mut rest = unit;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = Obu::split(rest);
        rest = split.map_or(&[], |(_, behind)| behind);
        Some(split.map(|(obu, _)| obu))
    })
}

/// Splits one unit into RTP payloads of at most `max_payload` bytes (at least 64), appended to `out`. The caller sets the marker bit on
/// the last. Temporal delimiters are left out. A unit with a sequence header begins a new coded video sequence. All OBUs are taken to be
/// of one layer, as a unit's are where there is one spatial layer.
///
/// # Errors
/// `Malformed` where the bytes are no OBUs; nothing is appended then.
pub fn packetize(
    unit: &[u8],
    max_payload: usize,
    out: &mut Vec<Arc<[u8]>>,
) -> Result<(), Av1Error> {
    let (mut elements, mut new_sequence) = (Vec::new(), false);
    for obu in obus(unit) {
        let obu = obu?;
        new_sequence |= obu.kind() == SEQUENCE_HEADER;
        if obu.travels() {
            elements.push(obu.to_element());
        }
    }
    let room = even_room(&elements, max_payload.max(64) - 1);
    let first = out.len();
    let mut packet = Packet::default();
    for element in &elements {
        let mut rest = element.as_slice();
        loop {
            let fits = packet.fits(rest.len(), room);
            if fits == rest.len() {
                packet.parts.push(rest);
                break;
            }
            if fits >= CRUMB {
                let (part, tail) = rest.split_at(fits);
                packet.parts.push(part);
                rest = tail;
            }
            packet = packet.flush(fits >= CRUMB, out);
        }
    }
    packet.flush(false, out);
    if let (true, Some(begin)) = (new_sequence, out.get_mut(first).and_then(Arc::get_mut)) {
        begin[0] |= NEW_SEQUENCE;
    }
    Ok(())
}

/// Equal parts instead of full ones and a crumb: no packet is lost more cheaply than another.
fn even_room(elements: &[Vec<u8>], room: usize) -> usize {
    let total: usize = elements.iter().map(|e| e.len() + size_bytes(e.len())).sum();
    let packets = total.div_ceil(room).max(1);
    // Every fragment has a size of its own again.
    (total.div_ceil(packets) + 2 * CRUMB).min(room)
}

/// A payload in the making.
#[derive(Debug, Default)]
struct Packet<'a> {
    continues: bool,
    parts: Vec<&'a [u8]>,
}

impl<'a> Packet<'a> {
    /// How many of an element's `length` bytes still fit, with their size in front.
    fn fits(&self, length: usize, room: usize) -> usize {
        let used: usize = self
            .parts
            .iter()
            .map(|p| p.len() + size_bytes(p.len()))
            .sum();
        let free = room.saturating_sub(used);
        let most = free.saturating_sub(size_bytes(free));
        length.min(most)
    }

    /// Writes the payload, if there is anything in it, and begins the next.
    fn flush(self, continued: bool, out: &mut Vec<Arc<[u8]>>) -> Packet<'a> {
        if let Some((last, sized)) = self.parts.split_last() {
            // Up to three are counted, and the last of them needs no size.
            let counted = self.parts.len() <= 3;
            let count = if counted { self.parts.len() as u8 } else { 0 };
            let flag = |on: bool, bit: u8| if on { bit } else { 0 };
            let header = flag(self.continues, CONTINUES) | flag(continued, CONTINUED);
            let mut payload = vec![header | count << COUNT_SHIFT];
            for part in sized {
                push_leb128(part.len(), &mut payload);
                payload.extend_from_slice(part);
            }
            if !counted {
                push_leb128(last.len(), &mut payload);
            }
            payload.extend_from_slice(last);
            out.push(payload.into());
        }
        Packet {
            continues: continued,
            parts: Vec::new(),
        }
    }
}

/// The elements of a payload: OBUs without their sizes, or fragments of such. Ends after the first error.
fn elements(payload: &[u8]) -> impl Iterator<Item = Result<&[u8], Av1Error>> {
    let (&header, mut rest) = payload.split_first().unwrap_or((&0, &[]));
    let count = (header & COUNT) >> COUNT_SHIFT;
    let mut number = 0u8;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        number = number.saturating_add(1);
        let element = if count != 0 && number == count {
            Ok(std::mem::take(&mut rest))
        } else {
            leb128(&mut rest).and_then(|size| {
                let split = rest.split_at_checked(size).ok_or(Av1Error::Malformed)?;
                rest = split.1;
                Ok(split.0)
            })
        };
        if element.is_err() {
            rest = &[];
        }
        Some(element)
    })
}

/// Whether decoding can begin with this payload: it says that a coded video sequence begins, or begins with a sequence header itself.
pub fn is_keyframe(payload: &[u8]) -> bool {
    let Some(&header) = payload.first() else {
        return false;
    };
    let sequence = || {
        let first = elements(payload).next();
        first.is_some_and(|e| e.is_ok_and(|e| e.first().is_some_and(|h| h >> 3 & 15 == 1)))
    };
    header & CONTINUES == 0 && (header & NEW_SEQUENCE != 0 || sequence())
}

/// Puts the payloads of one unit, in sequence order, together again in low-overhead form.
#[derive(Clone, Debug)]
pub struct Depacketizer {
    unit: Vec<u8>,
    /// The beginning of an OBU whose rest is to come.
    fragment: Vec<u8>,
    max_bytes: usize,
    keyframe: bool,
}

impl Depacketizer {
    /// `max_bytes` bounds one unit.
    pub fn new(max_bytes: usize) -> Depacketizer {
        Depacketizer {
            unit: Vec::new(),
            fragment: Vec::new(),
            max_bytes,
            keyframe: false,
        }
    }

    /// Adds the next payload. After an error the unit is worthless: call [`Self::take`] and drop the result.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), Av1Error> {
        let &header = payload.first().ok_or(Av1Error::Malformed)?;
        if (header & CONTINUES != 0) == self.fragment.is_empty() {
            return Err(Av1Error::OutOfOrder);
        }
        if self.unit.len() + self.fragment.len() + payload.len() > self.max_bytes {
            return Err(Av1Error::TooLarge);
        }
        self.keyframe |= self.unit.is_empty() && is_keyframe(payload);
        let mut coming = elements(payload).peekable();
        if coming.peek().is_none() {
            return Err(Av1Error::Malformed);
        }
        while let Some(element) = coming.next() {
            self.fragment.extend_from_slice(element?);
            let is_open = header & CONTINUED != 0 && coming.peek().is_none();
            if !is_open {
                self.close()?;
            } else if self.fragment.is_empty() {
                return Err(Av1Error::Malformed);
            }
        }
        Ok(())
    }

    /// The fragment is a whole OBU.
    fn close(&mut self) -> Result<(), Av1Error> {
        let element = std::mem::take(&mut self.fragment);
        // It may have kept its size.
        let (obu, behind) = Obu::split(&element)?;
        if !behind.is_empty() {
            return Err(Av1Error::Malformed);
        }
        if obu.travels() {
            self.unit.push(obu.header | HAS_SIZE);
            self.unit.extend(obu.extension);
            push_leb128(obu.payload.len(), &mut self.unit);
            self.unit.extend_from_slice(obu.payload);
        }
        Ok(())
    }

    /// The unit and whether decoding can begin with it; `None` where nothing came or an OBU is not whole. Begins anew.
    pub fn take(&mut self) -> Option<(Vec<u8>, bool)> {
        let is_whole = std::mem::take(&mut self.fragment).is_empty();
        let unit = std::mem::take(&mut self.unit);
        let keyframe = std::mem::take(&mut self.keyframe);
        (is_whole && !unit.is_empty()).then_some((unit, keyframe))
    }
}

/// Takes a number off the front (AV1 specification, 4.10.5): seven bits a byte, the lowest first, at most 32 bits in all.
fn leb128(bytes: &mut &[u8]) -> Result<usize, Av1Error> {
    let mut value = 0u64;
    for i in 0..8 {
        let (&byte, rest) = bytes.split_first().ok_or(Av1Error::Malformed)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (i * 7);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| Av1Error::Malformed)?;
            return Ok(value as usize);
        }
    }
    Err(Av1Error::Malformed)
}

fn push_leb128(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes such a number takes.
fn size_bytes(value: usize) -> usize {
    let bits = usize::BITS - value.leading_zeros();
    bits.div_ceil(7).max(1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A unit of OBUs with these types, extensions and payloads.
    fn unit(parts: &[(u8, Option<u8>, Vec<u8>)]) -> Vec<u8> {
        let mut unit = Vec::new();
        for (kind, extension, payload) in parts {
            let flag = if extension.is_some() {
                HAS_EXTENSION
            } else {
                0
            };
            unit.push(kind << 3 | flag | HAS_SIZE);
            unit.extend(extension);
            push_leb128(payload.len(), &mut unit);
            unit.extend_from_slice(payload);
        }
        unit
    }

    fn back(payloads: &[Arc<[u8]>]) -> Option<(Vec<u8>, bool)> {
        let mut depacketizer = Depacketizer::new(1 << 20);
        for payload in payloads {
            depacketizer.push(payload).ok()?;
        }
        depacketizer.take()
    }

    #[test]
    fn a_small_key_frame_is_one_packet_of_two_counted_elements() {
        let whole = unit(&[
            (2, None, vec![]),
            (1, None, vec![7; 3]),
            (6, None, vec![9; 4]),
        ]);
        let mut out = Vec::new();
        packetize(&whole, 1200, &mut out).unwrap();
        assert_eq!(out.len(), 1);
        assert_eq!(*out[0], [0x28, 4, 0x08, 7, 7, 7, 0x30, 9, 9, 9, 9]);
        assert!(is_keyframe(&out[0]));
        // The delimiter is gone.
        assert_eq!(back(&out), Some((whole[2..].to_vec(), true)));
    }

    #[test]
    fn a_large_frame_is_cut_into_even_fragments() {
        let whole = unit(&[(6, Some(0x20), vec![5; 3000])]);
        let mut out = Vec::new();
        packetize(&whole, 1200, &mut out).unwrap();
        let flags: Vec<u8> = out.iter().map(|p| p[0]).collect();
        assert_eq!(flags, [0x50, 0xd0, 0x90]);
        assert!(out.iter().all(|p| (900..=1200).contains(&p.len())));
        assert!(out.iter().all(|p| !is_keyframe(p)));
        assert_eq!(back(&out), Some((whole, false)));
        assert_eq!(back(&out[..2]), None, "no end");
        assert_eq!(back(&out[1..]), None, "no beginning");
    }

    #[test]
    fn more_than_three_elements_all_have_sizes_and_kept_sizes_are_read() {
        // Four elements; the second kept its own size.
        let payload: [u8; 13] = [0x00, 2, 0x28, 1, 3, 0x2a, 1, 2, 2, 0x28, 3, 1, 0x28];
        let mut depacketizer = Depacketizer::new(100);
        depacketizer.push(&payload).unwrap();
        let whole = [0x2a, 1, 1, 0x2a, 1, 2, 0x2a, 1, 3, 0x2a, 0];
        assert_eq!(depacketizer.take(), Some((whole.to_vec(), false)));
    }

    #[test]
    fn a_sequence_header_begins_even_where_the_bit_is_missing() {
        assert!(is_keyframe(&[0x10, 0x08, 1]));
        assert!(is_keyframe(&[0x20, 2, 0x08, 1, 0x30, 1]));
        assert!(is_keyframe(&[0x18, 0x30, 1]), "the bit alone");
        assert!(!is_keyframe(&[0x90, 0x08, 1]), "the rest of a fragment");
        assert!(!is_keyframe(&[0x10, 0x30, 1]) && !is_keyframe(&[]) && !is_keyframe(&[0x10]));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let push = |payload: &[u8]| Depacketizer::new(20).push(payload);
        assert_eq!(push(&[]), Err(Av1Error::Malformed));
        assert_eq!(push(&[0x10]), Err(Av1Error::Malformed), "no element");
        assert_eq!(push(&[0x20, 9, 0x30]), Err(Av1Error::Malformed));
        assert_eq!(push(&[0x00, 0]), Err(Av1Error::Malformed), "an empty one");
        assert_eq!(push(&[0x50, 0]), Ok(()), "a fragment of one byte");
        assert_eq!(push(&[0x10, 0xb0]), Err(Av1Error::Malformed), "forbidden");
        assert_eq!(push(&[0x90, 0x30]), Err(Av1Error::OutOfOrder));
        assert_eq!(push(&[0x10; 30]), Err(Av1Error::TooLarge));
        assert_eq!(
            push(&[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]),
            Err(Av1Error::Malformed)
        );
        let mut open = Depacketizer::new(20);
        open.push(&[0x50, 0x30, 1]).unwrap();
        assert_eq!(open.push(&[0x10, 0x30]), Err(Av1Error::OutOfOrder));
        let mut out = Vec::new();
        assert_eq!(
            packetize(&[0x32, 9, 1], 100, &mut out),
            Err(Av1Error::Malformed)
        );
        assert_eq!(packetize(&[], 100, &mut out), Ok(()));
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn what_was_packetized_comes_back(
            parts in prop::collection::vec((prop::sample::select(vec![1u8, 3, 4, 5, 6, 15]), prop::option::of(0u8..=255), prop::collection::vec(any::<u8>(), 0..3000)), 1..6),
            max in 0usize..1400,
        ) {
            let whole = unit(&parts);
            let mut out = Vec::new();
            packetize(&whole, max, &mut out).unwrap();
            prop_assert!(out.iter().all(|p| p.len() <= max.max(64)));
            let keyframe = parts.iter().any(|(kind, ..)| *kind == SEQUENCE_HEADER);
            prop_assert_eq!(is_keyframe(&out[0]), keyframe);
            prop_assert_eq!(back(&out), Some((whole, keyframe)));
        }

        #[test]
        fn foreign_bytes_never_panic(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..6),
            unit in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut depacketizer = Depacketizer::new(150);
            for payload in &payloads {
                let _ = (is_keyframe(payload), depacketizer.push(payload));
            }
            if let Some((whole, _)) = depacketizer.take() {
                prop_assert!(obus(&whole).all(|obu| obu.is_ok()));
                let mut out = Vec::new();
                prop_assert!(packetize(&whole, 70, &mut out).is_ok());
            }
            let _ = packetize(&unit, 70, &mut Vec::new());
        }
    }
}
