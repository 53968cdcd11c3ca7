//! VP8 over RTP (RFC 7741): the payload descriptor, key frames, and rewriting picture ids so that a receiver sees one
//! continuous stream while the forwarding unit switches layers.

use std::sync::Arc;

/// The payload descriptor in front of every VP8 payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Bytes it takes; the VP8 bitstream follows.
    pub size: usize,
    /// No other frame refers to this one.
    pub non_reference: bool,
    /// The payload begins a partition.
    pub partition_start: bool,
    pub partition: u8,
    /// 7 or 15 bits, as sent.
    pub picture_id: Option<u16>,
    /// Whether the picture id is sent with 15 bits.
    pub long_picture_id: bool,
    /// Counts frames of temporal layer 0.
    pub tl0_picture_index: Option<u8>,
    /// Temporal layer, 0..=3.
    pub temporal: Option<u8>,
    /// With `temporal`: refers only to frames of layer 0.
    pub layer_sync: bool,
    pub key_index: Option<u8>,
    /// Where the picture id and TL0PICIDX bytes stand, for rewriting.
    picture_id_at: usize,
    tl0_at: usize,
}

impl Descriptor {
    /// Reads the descriptor; `None` when the bytes end inside it or nothing follows.
    pub fn parse(payload: &[u8]) -> Option<Descriptor> {
        let &first = payload.first()?;
        let mut d = Descriptor {
            non_reference: first & 0x20 != 0,
            partition_start: first & 0x10 != 0,
            partition: first & 0x07,
            ..Descriptor::default()
        };
        let mut at = 1;
        let mut next = || {
            let byte = payload.get(at).copied();
            at += 1;
            byte.map(|byte| (byte, at - 1))
        };
        if first & 0x80 != 0 {
            let (extension, _) = next()?;
            if extension & 0x80 != 0 {
                let (high, position) = next()?;
                d.picture_id_at = position;
                d.long_picture_id = high & 0x80 != 0;
                d.picture_id = Some(if d.long_picture_id {
                    u16::from(high & 0x7f) << 8 | u16::from(next()?.0)
                } else {
                    u16::from(high)
                });
            }
            if extension & 0x40 != 0 {
                let (index, position) = next()?;
                (d.tl0_picture_index, d.tl0_at) = (Some(index), position);
            }
            if extension & 0x30 != 0 {
                let (byte, _) = next()?;
                if extension & 0x20 != 0 {
                    (d.temporal, d.layer_sync) = (Some(byte >> 6), byte & 0x20 != 0);
                }
                if extension & 0x10 != 0 {
                    d.key_index = Some(byte & 0x1f);
                }
            }
        }
        d.size = at;
        (at < payload.len()).then_some(d)
    }

    /// Whether this payload is the first of a frame.
    pub fn frame_start(&self) -> bool {
        self.partition_start && self.partition == 0
    }
}

/// Whether this payload is the first of a key frame (inverse P bit of the VP8 payload header, RFC 7741, section 4.3).
pub fn is_keyframe(payload: &[u8]) -> bool {
    Descriptor::parse(payload).is_some_and(|d| d.frame_start() && payload[d.size] & 1 == 0)
}

/// Width and height in the first payload of a key frame (RFC 6386, section 9.1).
pub fn keyframe_size(payload: &[u8]) -> Option<(u16, u16)> {
    let d = Descriptor::parse(payload)?;
    let header = payload.get(d.size..d.size + 10)?;
    let keyframe = d.frame_start() && header[0] & 1 == 0 && header[3..6] == [0x9d, 0x01, 0x2a];
    keyframe.then(|| {
        let size = |i: usize| u16::from_le_bytes([header[i], header[i + 1]]) & 0x3fff;
        (size(6), size(8))
    })
}

/// The payload with another picture id and TL0PICIDX, as far as it has them. A 7-bit id stays one: the number is cut to its
/// width, and ids of one stream keep one width. `None` when there is nothing to change.
pub fn rewrite(
    payload: &[u8],
    d: &Descriptor,
    picture_id: u16,
    tl0_picture_index: u8,
) -> Option<Arc<[u8]>> {
    if d.picture_id.is_none() && d.tl0_picture_index.is_none() || d.size > payload.len() {
        return None;
    }
    let mut out: Arc<[u8]> = payload.into();
    let bytes = Arc::get_mut(&mut out)?;
    if d.picture_id.is_some() {
        if d.long_picture_id {
            let [high, low] = (picture_id & 0x7fff).to_be_bytes();
            bytes[d.picture_id_at] = high | 0x80;
            bytes[d.picture_id_at + 1] = low;
        } else {
            bytes[d.picture_id_at] = (picture_id & 0x7f) as u8;
        }
    }
    if d.tl0_picture_index.is_some() {
        bytes[d.tl0_at] = tl0_picture_index;
    }
    Some(out)
}

/// Splits one VP8 frame into payloads of at most `max_payload` bytes (at least 64) with a 15-bit picture id.
pub fn packetize(frame: &[u8], picture_id: u16, max_payload: usize, out: &mut Vec<Arc<[u8]>>) {
    const HEADER: usize = 4;
    let parts = frame.len().div_ceil(max_payload.max(64) - HEADER).max(1);
    let [high, low] = (picture_id & 0x7fff).to_be_bytes();
    for (i, part) in frame.chunks(frame.len().div_ceil(parts).max(1)).enumerate() {
        let start = if i == 0 { 0x10 } else { 0 };
        let mut packet = Vec::with_capacity(part.len() + HEADER);
        packet.extend_from_slice(&[0x80 | start, 0x80, high | 0x80, low]);
        packet.extend_from_slice(part);
        out.push(packet.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn foreign_bytes_never_panic_and_rewriting_changes_only_the_numbers(bytes in prop::collection::vec(any::<u8>(), 0..20), id in any::<u16>(), tl0 in any::<u8>()) {
            let _ = (is_keyframe(&bytes), keyframe_size(&bytes));
            let Some(before) = Descriptor::parse(&bytes) else { return Ok(()) };
            prop_assert!(before.size < bytes.len());
            let Some(changed) = rewrite(&bytes, &before, id, tl0) else { return Ok(()) };
            let after = Descriptor::parse(&changed).unwrap();
            prop_assert_eq!(&changed[after.size..], &bytes[before.size..]);
            prop_assert_eq!(after.picture_id, before.picture_id.map(|_| id & if before.long_picture_id { 0x7fff } else { 0x7f }));
            prop_assert_eq!(after.tl0_picture_index, before.tl0_picture_index.map(|_| tl0));
            prop_assert_eq!((after.temporal, after.key_index, after.size), (before.temporal, before.key_index, before.size));
        }

        #[test]
        fn what_was_packetized_comes_back(frame in prop::collection::vec(any::<u8>(), 1..5000), max in 64usize..1400, id in 0u16..0x8000) {
            let mut payloads = Vec::new();
            packetize(&frame, id, max, &mut payloads);
            let mut back = Vec::new();
            for (i, payload) in payloads.iter().enumerate() {
                prop_assert!(payload.len() <= max);
                let d = Descriptor::parse(payload).unwrap();
                prop_assert_eq!((d.frame_start(), d.picture_id), (i == 0, Some(id)));
                back.extend_from_slice(&payload[d.size..]);
            }
            prop_assert_eq!(back, frame);
        }
    }

    #[test]
    fn a_keyframe_tells_its_size() {
        let payload = [
            0x10, 0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01,
        ];
        assert!(is_keyframe(&payload));
        assert_eq!(keyframe_size(&payload), Some((640, 360)));
        assert!(!is_keyframe(&[0x10, 0x51, 0x01]), "P bit set");
        assert!(!is_keyframe(&[0x00, 0x50, 0x01]), "not the first payload");
    }
}
