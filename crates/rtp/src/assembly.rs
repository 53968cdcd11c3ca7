//! Video packets in any order become access units in decode order.

use crate::reference::Taken;
use crate::{av1, h264, vp8, vp9};
use confab_base::{FrameTag, Time, VideoCodec};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One video packet as the transport hands it over.
#[derive(Clone, Debug)]
pub struct VideoPacket {
    /// A sender may go over to another with any key frame.
    pub codec: VideoCodec,
    /// Extended sequence number.
    pub seq: u64,
    /// RTP timestamp, 90 kHz.
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    /// Where its sender says it: frames that nothing is predicted from need not be waited for.
    pub tag: Option<FrameTag>,
}

/// A whole access unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssembledFrame {
    pub codec: VideoCodec,
    /// Unwrapped timestamp, 90 kHz.
    pub timestamp: u64,
    pub keyframe: bool,
    /// H.264: Annex-B; VP8: the bare frame; VP9: the frames of all spatial layers; AV1: OBUs with their sizes.
    pub data: Vec<u8>,
    /// Arrival of its last packet.
    pub completed: Time,
}

#[derive(Clone, Debug)]
struct Stored {
    codec: VideoCodec,
    timestamp: u64,
    marker: bool,
    payload: Arc<[u8]>,
    tag: Option<FrameTag>,
    arrived: Time,
}

/// Holds packets until the frame at the head is whole. The head moves only forward: by [`Self::take`] in decode order, to a
/// key frame by [`Self::skip_to_keyframe`], or by [`Self::skip_to`] to a frame that can be decoded without those before it.
#[derive(Debug)]
pub struct FrameAssembler {
    packets: BTreeMap<u64, Stored>,
    /// First packet of the frame to come; unknown until the first key frame.
    head: Option<u64>,
    taken: Taken,
    /// First packet of the base frame taken last.
    base: Option<u64>,
    max_packets: usize,
    max_frame_bytes: usize,
}

impl FrameAssembler {
    /// When `max_packets` are held, new ones are refused.
    pub fn new(max_packets: usize, max_frame_bytes: usize) -> FrameAssembler {
        FrameAssembler {
            packets: BTreeMap::new(),
            head: None,
            taken: Taken::default(),
            base: None,
            max_packets,
            max_frame_bytes,
        }
    }

    /// Adds a packet; false when it is a duplicate, comes after its frame was passed, or finds no room.
    pub fn insert(&mut self, packet: VideoPacket, timestamp: u64, now: Time) -> bool {
        let passed = self.head.is_some_and(|head| packet.seq < head);
        if passed
            || self.packets.contains_key(&packet.seq)
            || self.packets.len() >= self.max_packets
        {
            return false;
        }
        let stored = Stored {
            codec: packet.codec,
            timestamp,
            marker: packet.marker,
            payload: packet.payload,
            tag: packet.tag,
            arrived: now,
        };
        self.packets.insert(packet.seq, stored);
        true
    }

    /// Timestamp and completion of the head frame when it is whole and what it is predicted from was taken.
    pub fn head_frame(&self) -> Option<(u64, Time)> {
        let head = self.head?;
        let tag = self.packets.get(&head)?.tag;
        if tag.is_some_and(|tag| !self.taken.can_decode(tag)) {
            return None;
        }
        self.whole_frame(head)
    }

    /// The next frame behind the head that is whole and can be decoded although frames before it are missing: its first
    /// packet, timestamp and completion.
    pub fn next_decodable(&self) -> Option<(u64, u64, Time)> {
        let head = self.head?;
        let mut starts = self.packets.range(head..).filter(|(_, p)| {
            let tag = p.tag.filter(|tag| tag.start);
            tag.is_some_and(|tag| self.taken.can_decode(tag))
        });
        starts.find_map(|(&seq, _)| {
            let (timestamp, completed) = self.whole_frame(seq)?;
            Some((seq, timestamp, completed))
        })
    }

    /// Moves the head to a frame [`Self::next_decodable`] named; returns how many frames were passed over, as many as are known of.
    pub fn skip_to(&mut self, seq: u64) -> u64 {
        let rest = self.packets.split_off(&seq);
        let passed = std::mem::replace(&mut self.packets, rest);
        self.head = Some(seq);
        let mut timestamps: Vec<u64> = passed.values().map(|p| p.timestamp).collect();
        timestamps.dedup();
        timestamps.len().max(1) as u64
    }

    /// Timestamp and completion of the frame that begins here, when all of it is here.
    fn whole_frame(&self, first: u64) -> Option<(u64, Time)> {
        let last = self.last_of(first)?;
        let range = self.packets.range(first..=last);
        let completed = range.clone().map(|(_, p)| p.arrived).max()?;
        let (_, packet) = range.into_iter().next()?;
        Some((packet.timestamp, completed))
    }

    /// Sequence number of the last packet of the frame that begins at `head`, when all of it is here.
    fn last_of(&self, head: u64) -> Option<u64> {
        let timestamp = self.packets.get(&head)?.timestamp;
        for (expected, (&seq, packet)) in (head..).zip(self.packets.range(head..)) {
            if seq != expected {
                return None;
            }
            if packet.timestamp != timestamp {
                // The sender set no marker; the next frame has begun.
                return Some(seq - 1);
            }
            if packet.marker {
                return Some(seq);
            }
        }
        None
    }

    /// Whether packets beyond a hole are waiting: the head frame misses one that should be here.
    pub fn has_gap(&self) -> bool {
        let Some((&last, _)) = self.packets.last_key_value() else {
            return false;
        };
        let first = self
            .head
            .unwrap_or_else(|| *self.packets.keys().next().unwrap_or(&last));
        last + 1 - first != self.packets.len() as u64 || self.lacks_reference()
    }

    /// Whether the frame at the head is predicted from one that was passed over.
    fn lacks_reference(&self) -> bool {
        let head = self.head.and_then(|head| self.packets.get(&head));
        let tag = head.and_then(|p| p.tag);
        tag.is_some_and(|tag| !self.taken.can_decode(tag))
    }

    /// Takes the head frame when it is whole. `Some(None)` is a frame whose bytes were no valid payloads; it is gone.
    pub fn take(&mut self) -> Option<Option<AssembledFrame>> {
        let (timestamp, completed) = self.head_frame()?;
        let first = self.head?;
        let last = self.last_of(first)?;
        let rest = self.packets.split_off(&(last + 1));
        let frame = std::mem::replace(&mut self.packets, rest);
        self.head = Some(last + 1);
        match frame.values().next().and_then(|p| p.tag) {
            Some(tag) => {
                self.taken.note(tag);
                self.base = if tag.temporal == 0 {
                    Some(first)
                } else {
                    self.base
                };
            }
            None => self.base = None,
        }
        let codec = frame.values().next()?.codec;
        let payloads = frame.values().map(|p| &*p.payload);
        let assembled = match codec {
            VideoCodec::H264 => assemble_h264(payloads, self.max_frame_bytes),
            VideoCodec::Vp8 => assemble_vp8(payloads, self.max_frame_bytes),
            VideoCodec::Vp9 => vp9::assemble(payloads, self.max_frame_bytes),
            VideoCodec::Av1 => assemble_av1(payloads, self.max_frame_bytes),
        };
        Some(assembled.map(|(data, keyframe)| AssembledFrame {
            codec,
            timestamp,
            keyframe,
            data,
            completed,
        }))
    }

    /// Moves the head to the next key frame start among the packets held (strictly behind the head, if there is one), and
    /// returns how many frames were passed over (as many as are known of). `None` when no key frame start is here.
    pub fn skip_to_keyframe(&mut self) -> Option<u64> {
        let from = self.head.map_or(0, |head| head + 1);
        let (&start, _) = self
            .packets
            .range(from..)
            .find(|(_, p)| p.starts_keyframe())?;
        let rest = self.packets.split_off(&start);
        let passed = std::mem::replace(&mut self.packets, rest);
        let next_timestamp = self.packets.get(&start).map(|p| p.timestamp);
        let mut timestamps: Vec<u64> = passed
            .values()
            .map(|p| p.timestamp)
            .filter(|t| Some(*t) != next_timestamp)
            .collect();
        timestamps.dedup();
        let known_head = self.head.is_some();
        self.head = Some(start);
        Some(if known_head {
            timestamps.len().max(1) as u64
        } else {
            0
        })
    }

    /// First packet of the base frame taken last, where frames say what they are predicted from: it and all it builds on were whole.
    pub fn newest_base(&self) -> Option<u64> {
        self.base
    }

    /// Whether decoding has begun.
    pub fn started(&self) -> bool {
        self.head.is_some()
    }

    /// Whether there is no room for another packet.
    pub fn is_full(&self) -> bool {
        self.packets.len() >= self.max_packets
    }

    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Forgets everything held, and waits for a key frame.
    pub fn reset(&mut self) {
        self.packets.clear();
        self.head = None;
        self.taken = Taken::default();
        self.base = None;
    }

    /// Drops all but the newest `keep` packets; for a head that waits for a key frame that does not come.
    pub fn trim(&mut self, keep: usize) {
        while self.packets.len() > keep {
            self.packets.pop_first();
        }
    }
}

impl Stored {
    fn starts_keyframe(&self) -> bool {
        match self.codec {
            // Without its parameter sets an IDR may belong to another resolution after a layer switch.
            VideoCodec::H264 => h264::has_sps(&self.payload),
            VideoCodec::Vp8 => vp8::is_keyframe(&self.payload),
            VideoCodec::Vp9 => vp9::is_keyframe(&self.payload),
            VideoCodec::Av1 => av1::is_keyframe(&self.payload),
        }
    }
}

fn assemble_h264<'a>(
    payloads: impl Iterator<Item = &'a [u8]>,
    max: usize,
) -> Option<(Vec<u8>, bool)> {
    let mut depacketizer = h264::Depacketizer::new(max);
    for payload in payloads {
        depacketizer.push(payload).ok()?;
    }
    depacketizer.take()
}

fn assemble_av1<'a>(
    payloads: impl Iterator<Item = &'a [u8]>,
    max: usize,
) -> Option<(Vec<u8>, bool)> {
    let mut depacketizer = av1::Depacketizer::new(max);
    for payload in payloads {
        depacketizer.push(payload).ok()?;
    }
    depacketizer.take()
}

fn assemble_vp8<'a>(
    payloads: impl Iterator<Item = &'a [u8]>,
    max: usize,
) -> Option<(Vec<u8>, bool)> {
    let mut data = Vec::new();
    let mut keyframe = false;
    for (i, payload) in payloads.enumerate() {
        let descriptor = vp8::Descriptor::parse(payload)?;
        if (i == 0) != descriptor.frame_start() && i == 0 || data.len() + payload.len() > max {
            return None;
        }
        keyframe |= vp8::is_keyframe(payload);
        data.extend_from_slice(&payload[descriptor.size..]);
    }
    (!data.is_empty()).then_some((data, keyframe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(seq: &mut u64, timestamp: u32, keyframe: bool, size: usize) -> Vec<VideoPacket> {
        let mut unit = Vec::new();
        if keyframe {
            unit.extend_from_slice(&[0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3]);
        }
        unit.extend_from_slice(&[0, 0, 0, 1, if keyframe { 0x65 } else { 0x61 }]);
        unit.resize(unit.len() + size, 7);
        let mut payloads = Vec::new();
        h264::packetize(&unit, 1000, &mut payloads);
        let last = payloads.len() - 1;
        payloads
            .into_iter()
            .enumerate()
            .map(|(i, payload)| {
                *seq += 1;
                VideoPacket {
                    codec: VideoCodec::H264,
                    tag: None,
                    seq: *seq,
                    timestamp,
                    marker: i == last,
                    payload,
                }
            })
            .collect()
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_decode_order(order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle()) {
            let mut seq = 0;
            let packets: Vec<_> = (0..10).flat_map(|i| frame(&mut seq, i * 3000, i == 0, 1500)).collect();
            let mut assembler = FrameAssembler::new(1000, 1 << 20);
            for &i in order.iter().filter(|i| **i < packets.len()) {
                assembler.insert(packets[i].clone(), u64::from(packets[i].timestamp), Time::ZERO);
            }
            prop_assert_eq!(assembler.skip_to_keyframe(), Some(0));
            for i in 0..10u64 {
                let frame = assembler.take().unwrap().unwrap();
                prop_assert_eq!((frame.timestamp, frame.keyframe), (i * 3000, i == 0));
            }
            prop_assert!(assembler.is_empty());
        }
    }

    #[test]
    fn a_lost_packet_holds_the_head_until_a_key_frame() {
        let mut seq = 0;
        let mut assembler = FrameAssembler::new(1000, 1 << 20);
        let first = frame(&mut seq, 0, true, 100);
        let broken = frame(&mut seq, 3000, false, 2500);
        let later = frame(&mut seq, 6000, false, 100);
        let key = frame(&mut seq, 9000, true, 100);
        for packet in first.iter().chain(&broken[1..]).chain(&later) {
            assembler.insert(packet.clone(), packet.timestamp.into(), Time::ZERO);
        }
        assembler.skip_to_keyframe();
        assert!(assembler.take().unwrap().unwrap().keyframe);
        assert!(assembler.take().is_none() && assembler.has_gap());
        assert_eq!(assembler.skip_to_keyframe(), None);
        for packet in key {
            assembler.insert(packet, 9000, Time::ZERO);
        }
        assert_eq!(assembler.skip_to_keyframe(), Some(2));
        assert_eq!(assembler.take().unwrap().unwrap().timestamp, 9000);
    }

    #[test]
    fn a_full_buffer_refuses_more() {
        let mut seq = 0;
        let mut assembler = FrameAssembler::new(2, 1 << 20);
        let taken: Vec<bool> = frame(&mut seq, 0, true, 5000)
            .into_iter()
            .map(|p| assembler.insert(p, 0, Time::ZERO))
            .collect();
        assert_eq!(taken.iter().filter(|t| **t).count(), 2);
    }
}
