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

/// Width and height in the first payload of a key frame.
pub fn keyframe_size(payload: &[u8]) -> Option<(u16, u16)> {
    let d = Descriptor::parse(payload)?;
    let frame = payload.get(d.size..).filter(|_| d.frame_start())?;
    frame_size(frame)
}

/// Width and height in a bare key frame (RFC 6386, section 9.1).
pub fn frame_size(frame: &[u8]) -> Option<(u16, u16)> {
    let header = frame.get(..10)?;
    let keyframe = header[0] & 1 == 0 && header[3..6] == [0x9d, 0x01, 0x2a];
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

/// One VP8 frame on its way into packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingFrame<'a> {
    /// The bare frame; an empty one becomes no packet.
    pub data: &'a [u8],
    /// Temporal layer, 0..=3; `None` where the stream has but one: its packets then say nothing of layers.
    pub temporal: Option<u8>,
    /// With `temporal`: refers only to frames of layer 0.
    pub layer_sync: bool,
    /// No other frame refers to this one.
    pub non_reference: bool,
}

/// Splits the frames of one stream into payloads and numbers them: a 15-bit picture id for each, and TL0PICIDX for those of layer 0.
/// Receivers see by the ids what is missing, so one `Packetizer` goes with one SSRC for as long as that lives.
#[derive(Clone, Copy, Debug)]
pub struct Packetizer {
    picture_id: u16,
    tl0_picture_index: u8,
}

impl Packetizer {
    /// `seed` is a random number (RFC 7741, section 4.2: ids may start anywhere).
    pub const fn new(seed: u32) -> Packetizer {
        Packetizer {
            picture_id: (seed & 0x7fff) as u16,
            tl0_picture_index: (seed >> 24) as u8,
        }
    }

    /// Appends the frame's payloads of at most `max_payload` bytes (at least 64) to `out`. The caller sets the marker bit on the last.
    pub fn packetize(
        &mut self,
        frame: OutgoingFrame<'_>,
        max_payload: usize,
        out: &mut Vec<Arc<[u8]>>,
    ) {
        if frame.data.is_empty() {
            return;
        }
        let descriptor = self.describe(&frame);
        let room = max_payload.max(64) - descriptor.len();
        // Equal parts instead of full ones and a crumb: no packet is lost more cheaply than another.
        let parts = frame.data.len().div_ceil(room);
        for (i, part) in frame
            .data
            .chunks(frame.data.len().div_ceil(parts))
            .enumerate()
        {
            let mut packet = Vec::with_capacity(descriptor.len() + part.len());
            packet.extend_from_slice(&descriptor);
            packet[0] |= if i == 0 { START } else { 0 };
            packet.extend_from_slice(part);
            out.push(packet.into());
        }
    }

    /// The descriptor of the frame's payloads but for the first one's [`START`]; counts the frame.
    fn describe(&mut self, frame: &OutgoingFrame<'_>) -> Vec<u8> {
        let [high, low] = self.picture_id.to_be_bytes();
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let non_reference = if frame.non_reference { 0x20 } else { 0 };
        let Some(temporal) = frame.temporal else {
            return vec![EXTENDED | non_reference, HAS_ID, high | LONG_ID, low];
        };
        if temporal == 0 {
            self.tl0_picture_index = self.tl0_picture_index.wrapping_add(1);
        }
        let sync = if frame.layer_sync { 0x20 } else { 0 };
        vec![
            EXTENDED | non_reference,
            HAS_ID | HAS_TL0 | HAS_TEMPORAL,
            high | LONG_ID,
            low,
            self.tl0_picture_index,
            (temporal & 3) << 6 | sync,
        ]
    }
}

/// Bits of the descriptor (RFC 7741, section 4.2).
const EXTENDED: u8 = 0x80;
const START: u8 = 0x10;
const HAS_ID: u8 = 0x80;
const HAS_TL0: u8 = 0x40;
const HAS_TEMPORAL: u8 = 0x20;
const LONG_ID: u8 = 0x80;

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
        fn what_was_packetized_comes_back(
            frames in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..4000), 0u8..4, any::<bool>(), any::<bool>()), 1..5),
            layered in any::<bool>(), max in 0usize..1400, seed in any::<u32>(),
        ) {
            let mut packetizer = Packetizer::new(seed);
            let (mut id, mut tl0) = (seed & 0x7fff, (seed >> 24) as u8);
            for (data, temporal, layer_sync, non_reference) in &frames {
                let temporal = layered.then_some(*temporal);
                let mut payloads = Vec::new();
                let frame = OutgoingFrame { data, temporal, layer_sync: *layer_sync, non_reference: *non_reference };
                packetizer.packetize(frame, max, &mut payloads);
                tl0 = tl0.wrapping_add(u8::from(temporal == Some(0)));
                let mut back = Vec::new();
                for (i, payload) in payloads.iter().enumerate() {
                    prop_assert!(payload.len() <= max.max(64));
                    let d = Descriptor::parse(payload).unwrap();
                    prop_assert_eq!((d.frame_start(), d.partition, d.long_picture_id), (i == 0, 0, true));
                    prop_assert_eq!(d.picture_id, Some(id as u16));
                    prop_assert_eq!((d.temporal, d.tl0_picture_index), (temporal, layered.then_some(tl0)));
                    prop_assert_eq!((d.layer_sync, d.non_reference), (layered && *layer_sync, *non_reference));
                    back.extend_from_slice(&payload[d.size..]);
                }
                prop_assert_eq!(&back, data);
                id = (id + 1) & 0x7fff;
            }
        }
    }

    #[test]
    fn an_empty_frame_is_no_packet_and_takes_no_number() {
        let mut packetizer = Packetizer::new(0x7fff);
        let frame = |data| OutgoingFrame {
            data,
            temporal: Some(0),
            layer_sync: true,
            non_reference: false,
        };
        let mut out = Vec::new();
        packetizer.packetize(frame(&[]), 1000, &mut out);
        assert!(out.is_empty());
        packetizer.packetize(frame(&[0x10]), 1000, &mut out);
        packetizer.packetize(frame(&[0x11]), 1000, &mut out);
        assert_eq!(*out[0], [0x90, 0xe0, 0xff, 0xff, 1, 0x20, 0x10]);
        assert_eq!(*out[1], [0x90, 0xe0, 0x80, 0x00, 2, 0x20, 0x11], "ids wrap");
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
