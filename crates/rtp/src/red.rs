//! Redundant audio (RFC 2198): one packet carries a frame and copies of frames before it.
//!
//! A copy says how much older it is in timestamp ticks and not which sequence number it had. Frames of a stream are
//! all equally long and follow each other without a pause inside one packet (see [`History`]), so the number follows
//! from the time.

use crate::opus;
use std::collections::VecDeque;
use std::sync::Arc;

/// Greatest age of a copy, ticks: 14 bits.
const MAX_OFFSET: u32 = (1 << 14) - 1;
/// Greatest size of a copy, bytes: 10 bits.
const MAX_BLOCK: usize = (1 << 10) - 1;
/// Most copies read or written. A packet could claim hundreds of empty ones.
pub const MAX_COPIES: usize = 16;
/// Farthest copy, packets: 17 frames of 20 ms are the most 14 bits of ticks can say.
pub const MAX_DISTANCE: u8 = 17;
/// Copies are left out before a payload becomes larger than this, bytes.
pub const MAX_PAYLOAD: usize = 1180;
const LAST_HEADER: usize = 1;
const COPY_HEADER: usize = 4;

/// A copy of an earlier frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy<'a> {
    /// Payload type of what is in it, below 128.
    pub pt: u8,
    /// How many ticks before the packet's own timestamp it began, below 2^14.
    pub offset: u32,
    pub payload: &'a [u8],
}

/// What a packet holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked<'a> {
    /// As they stand in the packet, usually oldest first; empty ones are left out.
    pub copies: Vec<Copy<'a>>,
    /// The payload type and bytes of the packet's own frame.
    pub pt: u8,
    pub primary: &'a [u8],
}

/// Why bytes are no RED payload, or blocks cannot be made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedError {
    #[error("the packet ends inside its headers")]
    Truncated,
    #[error("a block is longer than the packet")]
    TooLong,
    #[error("more than {MAX_COPIES} copies")]
    TooMany,
    #[error("the packet has no frame of its own")]
    NoPrimary,
    #[error("a copy is too old, too large or of no payload type")]
    BadCopy,
}

/// Reads a RED payload.
///
/// # Errors
/// [`RedError`] for anything that is not well-formed.
pub fn unpack(payload: &[u8]) -> Result<Unpacked<'_>, RedError> {
    let mut headers = Vec::new();
    let mut rest = payload;
    let pt = loop {
        let &first = rest.first().ok_or(RedError::Truncated)?;
        if first & 0x80 == 0 {
            rest = &rest[LAST_HEADER..];
            break first;
        }
        let (header, tail) = rest
            .split_first_chunk::<COPY_HEADER>()
            .ok_or(RedError::Truncated)?;
        rest = tail;
        if headers.len() == MAX_COPIES {
            return Err(RedError::TooMany);
        }
        let word = u32::from_be_bytes(*header);
        let (offset, length) = ((word >> 10) & MAX_OFFSET, word as usize & MAX_BLOCK);
        headers.push((first & 0x7f, offset, length));
    };
    let mut copies = Vec::with_capacity(headers.len());
    for (pt, offset, length) in headers {
        let (payload, tail) = rest.split_at_checked(length).ok_or(RedError::TooLong)?;
        rest = tail;
        if !payload.is_empty() {
            copies.push(Copy {
                pt,
                offset,
                payload,
            });
        }
    }
    if rest.is_empty() {
        return Err(RedError::NoPrimary);
    }
    Ok(Unpacked {
        copies,
        pt,
        primary: rest,
    })
}

/// Writes a RED payload: the copies in the order given, then the packet's own frame.
///
/// # Errors
/// [`RedError`] for what the format cannot say.
pub fn pack(pt: u8, primary: &[u8], copies: &[Copy<'_>]) -> Result<Vec<u8>, RedError> {
    if primary.is_empty() || pt > 0x7f {
        return Err(RedError::NoPrimary);
    }
    if copies.len() > MAX_COPIES {
        return Err(RedError::TooMany);
    }
    let size: usize = copies.iter().map(|c| c.payload.len() + COPY_HEADER).sum();
    let mut out = Vec::with_capacity(size + LAST_HEADER + primary.len());
    for copy in copies {
        let is_sayable = copy.payload.len() <= MAX_BLOCK && copy.offset <= MAX_OFFSET;
        if !is_sayable || copy.pt > 0x7f {
            return Err(RedError::BadCopy);
        }
        let word = u32::from(0x80 | copy.pt) << 24 | copy.offset << 10 | copy.payload.len() as u32;
        out.extend(word.to_be_bytes());
    }
    out.push(pt);
    for copy in copies {
        out.extend_from_slice(copy.payload);
    }
    out.extend_from_slice(primary);
    Ok(out)
}

/// A frame found in a RED packet, under the number it had when it was sent by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub seq: u64,
    pub timestamp: u32,
    pub payload: Arc<[u8]>,
}

/// Takes a RED packet of Opus apart: its own frame, and the copies it brings, newest first. Copies whose age is no whole
/// number of frames have no number and are left out.
///
/// # Errors
/// [`RedError`] where [`unpack`] has one.
pub fn restore(
    seq: u64,
    timestamp: u32,
    payload: &[u8],
) -> Result<(Arc<[u8]>, Vec<Restored>), RedError> {
    let packet = unpack(payload)?;
    let frame = opus::duration(packet.primary).unwrap_or(0);
    let of_copy = |copy: &Copy<'_>| {
        let is_whole = frame > 0 && copy.offset > 0 && copy.offset.is_multiple_of(frame);
        let distance = is_whole.then(|| u64::from(copy.offset / frame))?;
        (copy.pt == packet.pt).then_some(())?;
        Some(Restored {
            seq: seq.checked_sub(distance)?,
            timestamp: timestamp.wrapping_sub(copy.offset),
            payload: copy.payload.into(),
        })
    };
    let mut copies: Vec<Restored> = packet.copies.iter().filter_map(of_copy).collect();
    copies.sort_by_key(|c| std::cmp::Reverse(c.seq));
    Ok((packet.primary.into(), copies))
}

/// The frames a stream sent last, for the copies in its next packets. Frames are told apart by their numbers, so whoever
/// forwards may add late ones in any order.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// By number, oldest first.
    frames: VecDeque<(u64, u32, Arc<[u8]>)>,
}

impl History {
    /// Remembers a frame as it was sent by itself. What only helps to conceal ([`opus::without_padding`]) is not copied.
    pub fn add(&mut self, seq: u64, timestamp: u32, payload: &Arc<[u8]>) {
        let at = self.frames.partition_point(|(s, ..)| *s < seq);
        if self.frames.get(at).is_some_and(|(s, ..)| *s == seq) {
            return;
        }
        let copy = opus::without_padding(payload).map_or_else(|| payload.clone(), Arc::from);
        self.frames.insert(at, (seq, timestamp, copy));
        while self.frames.len() > usize::from(MAX_DISTANCE) {
            self.frames.pop_front();
        }
    }

    pub fn clear(&mut self) {
        self.frames.clear();
    }

    /// The RED payload of this frame with copies of those `distances` (packets) before it, as far as they are known,
    /// belong to the same talk spurt and leave the payload below [`MAX_PAYLOAD`]; `pt` is that of plain frames. The nearest
    /// copies go first where there is no room for all. `None`: there is nothing to add.
    pub fn wrap(
        &self,
        (seq, timestamp, payload): (u64, u32, &[u8]),
        pt: u8,
        distances: &[u8],
    ) -> Option<Vec<u8>> {
        let frame = opus::duration(payload)?;
        let mut room = MAX_PAYLOAD.checked_sub(payload.len() + LAST_HEADER)?;
        let mut copies = Vec::new();
        for &distance in distances.iter().take(MAX_COPIES) {
            let Some(copy) = self.copy(seq, timestamp, distance, frame) else {
                continue;
            };
            let Some(left) = room.checked_sub(copy.1.len() + COPY_HEADER) else {
                break;
            };
            room = left;
            copies.push(Copy {
                pt,
                offset: copy.0,
                payload: copy.1,
            });
        }
        copies.sort_by_key(|c| std::cmp::Reverse(c.offset));
        if copies.is_empty() {
            return None;
        }
        pack(pt, payload, &copies).ok()
    }

    /// Age and bytes of the frame so many packets before, if its time agrees with its number: not so across a pause.
    fn copy(&self, seq: u64, timestamp: u32, distance: u8, frame: u32) -> Option<(u32, &[u8])> {
        let wanted = seq.checked_sub(distance.into())?;
        let offset = frame * u32::from(distance);
        let (_, at, bytes) = self.frames.iter().find(|(s, ..)| *s == wanted)?;
        let fits = offset <= MAX_OFFSET && bytes.len() <= MAX_BLOCK && distance > 0;
        (fits && timestamp.wrapping_sub(*at) == offset).then_some((offset, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A 20 ms hybrid frame whose second byte tells it from others.
    fn frame(n: u8) -> Arc<[u8]> {
        Arc::from([0x78, n, 1, 2, 3])
    }

    fn history(numbers: impl IntoIterator<Item = u64>) -> History {
        let mut history = History::default();
        for n in numbers {
            history.add(n, n as u32 * 960, &frame(n as u8));
        }
        history
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), seq in any::<u64>(), at in any::<u32>()) {
            if let Ok(packet) = unpack(&bytes) {
                prop_assert!(packet.copies.len() <= MAX_COPIES && !packet.primary.is_empty());
                let inside: usize = packet.copies.iter().map(|c| c.payload.len()).sum();
                prop_assert!(inside + packet.primary.len() < bytes.len());
            }
            if let Ok((_, copies)) = restore(seq, at, &bytes) {
                prop_assert!(copies.iter().all(|c| c.seq < seq));
            }
        }

        #[test]
        fn what_is_packed_is_unpacked(
            primary in prop::collection::vec(any::<u8>(), 1..300),
            copies in prop::collection::vec((0u8..128, 0u32..16384, prop::collection::vec(any::<u8>(), 1..300)), 0..MAX_COPIES),
            pt in 0u8..128,
        ) {
            let copies: Vec<Copy> = copies
                .iter()
                .map(|(pt, offset, payload)| Copy { pt: *pt, offset: *offset, payload })
                .collect();
            let bytes = pack(pt, &primary, &copies).unwrap();
            let packet = unpack(&bytes).unwrap();
            prop_assert_eq!(packet, Unpacked { copies, pt, primary: &primary });
        }
    }

    #[test]
    fn headers_are_laid_out_as_in_the_rfc() {
        let copy = Copy {
            pt: 111,
            offset: 960,
            payload: &[9, 9],
        };
        let bytes = pack(111, &[7], &[copy]).unwrap();
        // F=1 and 111, then 14 bits of 960 and 10 bits of 2, then F=0 and 111.
        assert_eq!(bytes, [0xef, 0x0f, 0x00, 0x02, 0x6f, 9, 9, 7]);
    }

    #[test]
    fn each_kind_of_damage_has_its_error() {
        let cases: [(&[u8], RedError); 5] = [
            (&[], RedError::Truncated),
            (&[0xef, 0, 0], RedError::Truncated),
            (&[0xef, 0, 0, 9, 0x6f, 1, 2], RedError::TooLong),
            (&[0x6f], RedError::NoPrimary),
            (&[0xef, 0, 0, 1, 0x6f, 1], RedError::NoPrimary),
        ];
        for (bytes, error) in cases {
            assert_eq!(unpack(bytes), Err(error), "{bytes:?}");
        }
        let many = [0x80, 0, 0, 0].repeat(MAX_COPIES + 1);
        assert_eq!(unpack(&many), Err(RedError::TooMany));
    }

    #[test]
    fn what_the_format_cannot_say_is_not_packed() {
        let large = [0; MAX_BLOCK + 1];
        for (pt, offset, payload) in [(128, 0, &[1][..]), (1, 16384, &[1]), (1, 0, &large)] {
            let copy = Copy {
                pt,
                offset,
                payload,
            };
            assert_eq!(pack(1, &[1], &[copy]), Err(RedError::BadCopy));
        }
        assert_eq!(pack(1, &[], &[]), Err(RedError::NoPrimary));
    }

    #[test]
    fn copies_come_back_under_their_own_numbers() {
        let history = history(90..100);
        let own = frame(100);
        let bytes = history.wrap((100, 96_000, &own), 111, &[1, 4]).unwrap();
        let (primary, copies) = restore(100, 96_000, &bytes).unwrap();
        assert_eq!(primary, own);
        let found: Vec<_> = copies.iter().map(|c| (c.seq, c.timestamp)).collect();
        assert_eq!(found, [(99, 95_040), (96, 92_160)]);
        assert_eq!(copies[0].payload, frame(99));
    }

    #[test]
    fn nothing_is_copied_across_a_pause_or_from_what_is_not_known() {
        let history = history(90..100);
        let own = frame(100);
        assert_eq!(history.wrap((100, 500_000, &own), 111, &[1, 2]), None);
        assert_eq!(history.wrap((100, 96_000, &own), 111, &[15]), None);
        assert_eq!(history.wrap((100, 96_000, &own), 111, &[]), None);
    }

    #[test]
    fn a_late_frame_is_copied_like_the_others() {
        let mut history = history([95, 97, 98, 99]);
        history.add(96, 96 * 960, &frame(96));
        let bytes = history.wrap((100, 96_000, &frame(100)), 111, &[4]).unwrap();
        let (_, copies) = restore(100, 96_000, &bytes).unwrap();
        assert_eq!(copies[0].seq, 96);
    }

    #[test]
    fn a_payload_stays_within_its_bound_by_leaving_the_farthest_copies_out() {
        let mut history = History::default();
        let large: Arc<[u8]> = std::iter::once(0x78).chain([1; 299]).collect();
        for n in 90..100u64 {
            history.add(n, n as u32 * 960, &large);
        }
        let bytes = history
            .wrap((100, 96_000, &large), 111, &[1, 2, 3, 4])
            .unwrap();
        assert!(bytes.len() <= MAX_PAYLOAD);
        let (_, copies) = restore(100, 96_000, &bytes).unwrap();
        let found: Vec<u64> = copies.iter().map(|c| c.seq).collect();
        assert_eq!(found, [99, 98]);
    }
}
