//! One outgoing stream: its header, what it keeps for resends, and what it counts.

use super::rtcp::{Received, SenderPart};
use crate::stats::lost_in_all;
use crate::{Codec, LineCodec, Mid, OutPacket, Rid};
use confab_base::{FrameTag, MediaKind};
use std::sync::Arc;
use std::time::Instant;

/// Packets kept for resends: about a second at 10 Mbps. A power of two.
const KEPT: usize = 1024;
/// Numbers remembered as used: more than a forwarder's late packets are behind.
const REMEMBERED: u64 = 4096;
/// A packet is not sent again this soon after it was resent, microseconds: requests for it cross each other.
const SAME_REQUEST: u64 = 15_000;
/// Resends may take this share of what is sent, and save up to so many bytes of it. With every third packet lost and each sent
/// twice when asked for, they take nine tenths.
const RESEND_SHARE: f64 = 1.0;
const RESEND_SAVED: f64 = 150_000.0;

/// Ids of the header extensions the other side agreed to (RFC 8285, one-byte form: 1 to 14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub mid: Option<u8>,
    pub transport_wide: Option<u8>,
    pub audio_level: Option<u8>,
    /// Of the layer, in its packets and in its resends.
    pub rid: Option<u8>,
    pub resent_rid: Option<u8>,
    /// What our own ends tell of frames.
    pub tag: Option<u8>,
}

#[derive(Debug)]
struct Kept {
    seq: u64,
    timestamp: u32,
    marker: bool,
    /// The resend payload type of its codec.
    rtx: u8,
    /// Last sent again, microseconds.
    resent: Option<u64>,
    payload: Arc<[u8]>,
}

/// A packet to send again.
#[derive(Clone)]
pub(crate) struct Resend {
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub pt: u8,
    pub payload: Arc<[u8]>,
}

/// The numbers a stream was sealed under lately: none may be used again, since number and SSRC make the nonce.
#[derive(Debug, Default)]
struct Used {
    /// One above the highest.
    end: u64,
    /// A bit for each of the last [`REMEMBERED`] numbers, at its remainder.
    bits: Vec<u64>,
}

impl Used {
    /// Takes a number; false if it was taken before, or is so old that nobody knows.
    fn take(&mut self, seq: u64) -> bool {
        if seq.saturating_add(REMEMBERED) < self.end {
            return false;
        }
        self.bits.resize(REMEMBERED as usize / 64, 0);
        if seq >= self.end {
            let fresh = (seq - self.end + 1).min(REMEMBERED);
            for seq in seq - (fresh - 1)..=seq {
                let (word, bit) = place(seq);
                self.bits[word] &= !bit;
            }
            self.end = seq + 1;
        }
        let (word, bit) = place(seq);
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }

    /// Whether this number, one of the last [`REMEMBERED`], was taken.
    fn has(&self, seq: u64) -> bool {
        let (word, bit) = place(seq);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

fn place(seq: u64) -> (usize, u64) {
    let at = seq % REMEMBERED;
    (at as usize / 64, 1 << (at % 64))
}

#[derive(Debug)]
pub(crate) struct OutStream {
    pub mid: Mid,
    /// The simulcast layer, where the line has some.
    pub rid: Option<Rid>,
    pub kind: MediaKind,
    pub ssrc: u32,
    pub rtx: Option<u32>,
    pub sends: bool,
    pub codecs: Vec<LineCodec>,
    pub extensions: Extensions,
    /// The receiver told something of this SSRC: it knows whose it is, the mid can be left out.
    pub bound: bool,
    used: Used,
    /// The next number of the resends, which have an SSRC of their own.
    rtx_seq: u64,
    kept: Vec<Option<Kept>>,
    highest: u64,
    /// Timestamp, the moment it stands for, clock rate of the newest packet.
    newest: Option<(u32, Instant, u32)>,
    pub packets: u64,
    pub bytes: u64,
    octets: u64,
    saved: f64,
    pub received: Option<Received>,
    /// Up to which number the receiver has counted.
    counted: Option<u64>,
    /// Numbers up to there that were never sent, as they were lost on the way to us; and those sent since the last report.
    unsent: u64,
    filled: u64,
    pub nacks: u64,
    pub plis: u64,
    pub firs: u64,
}

impl OutStream {
    pub fn new(
        (mid, rid): (Mid, Option<Rid>),
        kind: MediaKind,
        ssrc: u32,
        rtx: Option<u32>,
    ) -> OutStream {
        OutStream {
            mid,
            rid,
            kind,
            ssrc,
            rtx,
            sends: true,
            codecs: Vec::new(),
            extensions: Extensions::default(),
            bound: false,
            used: Used::default(),
            rtx_seq: 1,
            kept: Vec::new(),
            highest: 0,
            newest: None,
            packets: 0,
            bytes: 0,
            octets: 0,
            saved: RESEND_SAVED,
            received: None,
            counted: None,
            unsent: 0,
            filled: 0,
            nacks: 0,
            plis: 0,
            firs: 0,
        }
    }

    pub fn codec(&self, codec: Codec) -> Option<LineCodec> {
        self.codecs.iter().find(|c| c.codec == codec).copied()
    }

    /// Allots the number a packet is sealed under, and the SSRC it goes with; `None`: it must not leave.
    pub fn number(&mut self, number: Number) -> Option<(u32, u64)> {
        match number {
            Number::Given(seq) => {
                let is_new = self.used.take(seq);
                let is_late = self.counted.is_some_and(|to| seq <= to);
                self.filled += u64::from(is_new && is_late);
                is_new.then_some((self.ssrc, seq))
            }
            Number::NextResend => {
                let seq = self.rtx_seq;
                self.rtx_seq += 1;
                Some((self.rtx?, seq))
            }
        }
    }

    /// Notes a packet that leaves; keeps it if it can be resent.
    pub fn note(&mut self, packet: &OutPacket, captured: Instant, rtx: Option<u8>) {
        self.packets += 1;
        self.octets += packet.payload.len() as u64;
        if packet.seq >= self.highest {
            self.highest = packet.seq;
            self.newest = Some((packet.timestamp, captured, packet.codec.clock_rate()));
        }
        let (Some(rtx), Some(_)) = (rtx, self.rtx) else {
            return;
        };
        self.saved = (self.saved + packet.payload.len() as f64 * RESEND_SHARE).min(RESEND_SAVED);
        if self.kept.is_empty() {
            self.kept.resize_with(KEPT, || None);
        }
        self.kept[packet.seq as usize % KEPT] = Some(Kept {
            seq: packet.seq,
            timestamp: packet.timestamp,
            marker: packet.marker,
            rtx,
            resent: None,
            payload: packet.payload.clone(),
        });
    }

    /// Takes the receiver's report. It counts as lost what was never sent to it, too.
    pub fn count(&mut self, report: Received) {
        self.received = Some(report);
        let behind = (self.highest as u16).wrapping_sub(report.highest as u16);
        let Some(to) = self.highest.checked_sub(u64::from(behind)) else {
            return;
        };
        let from = self.counted.unwrap_or(to);
        let known = from.max(to.saturating_sub(REMEMBERED / 2));
        let gaps = (known + 1..=to).filter(|seq| !self.used.has(*seq)).count();
        let filled = std::mem::take(&mut self.filled);
        self.unsent = (self.unsent + gaps as u64).saturating_sub(filled);
        self.counted = Some(from.max(to));
    }

    /// By the receiver's newest report: how many packets we sent until then, from wherever it counts, and how many of them
    /// were lost.
    pub fn arrived(&self) -> Option<(u64, u64)> {
        let report = self.received?;
        let lost = lost_in_all(u64::from(report.lost));
        Some((
            u64::from(report.highest).saturating_sub(self.unsent),
            lost.saturating_sub(self.unsent),
        ))
    }

    /// The packet the receiver misses, if it is still here and may be sent again now: up to so many times, as far as there is room.
    pub fn missed(&mut self, seq: u16, at: u64, times: usize) -> Vec<Resend> {
        let first = self.resend(seq, at);
        let mut found: Vec<Resend> = first.into_iter().collect();
        while let Some(resend) = found.last()
            && found.len() < times
            && self.saved >= resend.payload.len() as f64
        {
            self.saved -= resend.payload.len() as f64;
            found.push(resend.clone());
        }
        found
    }

    fn resend(&mut self, seq: u16, at: u64) -> Option<Resend> {
        // The extended number at or below the highest.
        let behind = (self.highest as u16).wrapping_sub(seq);
        let seq = self.highest.checked_sub(u64::from(behind))?;
        let kept = self.kept.get_mut(seq as usize % KEPT)?.as_mut()?;
        let size = kept.payload.len() as f64;
        let is_asked_twice = kept.resent.is_some_and(|last| at < last + SAME_REQUEST);
        if kept.seq != seq || is_asked_twice || self.saved < size {
            return None;
        }
        self.saved -= size;
        kept.resent = Some(at);
        Some(kept.resend())
    }

    /// A packet sent lately, to be sent again as padding.
    pub fn filler(&mut self, turn: u64) -> Option<Resend> {
        let back = turn % 16;
        let of = |seq: u64| self.kept.get(seq as usize % KEPT)?.as_ref();
        let kept = of(self.highest.checked_sub(back)?).or_else(|| of(self.highest))?;
        Some(kept.resend())
    }

    /// What a sender report written now says.
    pub fn report(&self, now: Instant) -> Option<SenderPart> {
        let (timestamp, captured, rate) = self.newest?;
        let passed = now.saturating_duration_since(captured).as_micros() as u64;
        let ticks = passed * u64::from(rate) / 1_000_000;
        Some(SenderPart {
            timestamp: timestamp.wrapping_add(ticks as u32),
            packets: self.packets as u32,
            octets: self.octets as u32,
        })
    }
}

impl Kept {
    fn resend(&self) -> Resend {
        Resend {
            seq: self.seq,
            timestamp: self.timestamp,
            marker: self.marker,
            pt: self.rtx,
            payload: self.payload.clone(),
        }
    }
}

/// Where a packet's sequence number comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// From whoever sends: its own.
    Given(u64),
    /// The next one of the resends.
    NextResend,
}

/// What an RTP header holds; extensions in the one-byte form.
#[derive(Default)]
pub(crate) struct Header<'a> {
    pub pt: u8,
    pub marker: bool,
    pub seq: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// The payload ends in padding.
    pub padded: bool,
    pub transport_wide: Option<(u8, u16)>,
    /// Voice flag and level as one byte (RFC 6464).
    pub audio_level: Option<(u8, u8)>,
    pub mid: Option<(u8, &'a str)>,
    /// The layer; in a resend under the id that stands for resends.
    pub rid: Option<(u8, &'a str)>,
    pub tag: Option<(u8, FrameTag)>,
}

impl Header<'_> {
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut extensions = [0u8; 40];
        let mut used = 0;
        let mut put = |id: u8, value: &[u8]| {
            if let Some(room) = extensions.get_mut(used..used + 1 + value.len())
                && !value.is_empty()
            {
                room[0] = id << 4 | (value.len() as u8 - 1);
                room[1..].copy_from_slice(value);
                used += 1 + value.len();
            }
        };
        if let Some((id, seq)) = self.transport_wide {
            put(id, &seq.to_be_bytes());
        }
        if let Some((id, level)) = self.audio_level {
            put(id, &[level]);
        }
        if let Some((id, tag)) = self.tag {
            put(id, &tag.to_bytes());
        }
        if let Some((id, mid)) = self.mid {
            put(id, mid.as_bytes());
        }
        if let Some((id, rid)) = self.rid {
            put(id, rid.as_bytes());
        }
        let words = used.div_ceil(4);
        let mut fixed = [0u8; 12];
        fixed[0] = 0x80 | u8::from(self.padded) << 5 | u8::from(words > 0) << 4;
        fixed[1] = u8::from(self.marker) << 7 | self.pt & 0x7f;
        fixed[2..4].copy_from_slice(&self.seq.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        fixed[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        out.extend_from_slice(&fixed);
        if words > 0 {
            out.extend_from_slice(&[0xbe, 0xde, 0, words as u8]);
            out.extend_from_slice(&extensions[..words * 4]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> OutStream {
        OutStream::new(("0".into(), None), MediaKind::Video, 1, Some(2))
    }

    fn packet(seq: u64, size: usize) -> OutPacket {
        OutPacket {
            tag: None,
            codec: Codec::H264,
            seq,
            timestamp: 90,
            marker: true,
            payload: vec![seq as u8; size].into(),
            red: false,
            audio_level: None,
            voice: false,
            captured: Instant::now(),
        }
    }

    #[test]
    fn a_missed_packet_is_found_once_per_request() {
        let (mut s, now) = (stream(), Instant::now());
        for seq in 65_530..65_540 {
            s.note(&packet(seq, 100), now, Some(97));
        }
        let found = s.missed(2, 1_000, 1).pop().unwrap();
        assert_eq!((found.seq, found.pt, found.payload[0]), (65_538, 97, 2));
        assert!(s.missed(2, 11_000, 1).is_empty(), "asked twice");
        assert_eq!(s.missed(2, 17_000, 3).len(), 3, "as often as is wise");
        assert_eq!(s.missed(65_531u64 as u16, 17_000, 1).len(), 1);
        assert!(s.missed(77, 36_000, 1).is_empty(), "never sent");
    }

    #[test]
    fn no_number_is_given_out_twice() {
        let mut s = stream();
        let mut take = |seq| s.number(Number::Given(seq)).is_some();
        assert!(take(70_000) && take(70_003) && take(70_001));
        assert!(!take(70_000) && !take(70_001) && !take(70_003));
        assert!(take(70_002) && take(66_000), "late, and never used");
        assert!(!take(60_000), "nobody remembers");
        assert!(take(74_096) && take(70_004));
        assert!(!take(70_000) && !take(70_003), "behind the window");
        assert!(take(1 << 40) && !take(1 << 40) && take((1 << 40) - 4095));
        assert_eq!(s.number(Number::NextResend), Some((2, 1)));
        assert_eq!(s.number(Number::NextResend), Some((2, 2)));
        assert_eq!(s.number(Number::Given(1 << 41)), Some((1, 1 << 41)));
    }

    proptest::proptest! {
        #[test]
        fn numbers_in_any_order_are_taken_once(steps in proptest::collection::vec(0u64..9000, 1..400)) {
            let (mut s, mut seen) = (stream(), std::collections::BTreeSet::new());
            for (i, step) in steps.into_iter().enumerate() {
                let seq = i as u64 * 50 + step;
                if s.number(Number::Given(seq)).is_some() {
                    proptest::prop_assert!(seen.insert(seq));
                }
            }
        }
    }

    #[test]
    fn numbers_that_were_never_sent_are_no_loss() {
        let (mut s, now) = (stream(), Instant::now());
        let send = |s: &mut OutStream, seq: u64| {
            assert!(s.number(Number::Given(seq)).is_some());
            s.note(&packet(seq, 100), now, None);
        };
        let report = |highest: u32, lost| Received {
            highest,
            lost,
            ..Received::default()
        };
        (65_530..65_540).for_each(|seq| send(&mut s, seq));
        s.count(report(65_539, 0));
        assert_eq!(s.arrived(), Some((65_539, 0)));
        // Four did not reach us; of those that did, the receiver misses one.
        (65_544..65_550).for_each(|seq| send(&mut s, seq));
        s.count(report(65_549, 5));
        assert_eq!(s.arrived(), Some((65_545, 1)));
        // One of the four comes late, and arrives.
        send(&mut s, 65_541);
        assert_eq!(s.arrived(), Some((65_545, 1)));
        s.count(report(65_549, 4));
        assert_eq!(s.arrived(), Some((65_546, 1)));
        // A report that was overtaken, and one from nowhere.
        s.count(report(65_548, 4));
        s.count(report(7, 4));
        assert_eq!(s.counted, Some(65_549));
    }

    #[test]
    fn resends_have_a_budget_and_old_packets_go() {
        let (mut s, now) = (stream(), Instant::now());
        for seq in 0..3000 {
            s.note(&packet(seq, 1000), now, Some(97));
        }
        let served = (0..3000u16).map(|seq| s.missed(seq, 50_000, 2).len());
        assert_eq!(served.sum::<usize>(), (RESEND_SAVED / 1000.0) as usize);
        assert!(s.missed(10, 90_000, 1).is_empty());
    }

    #[test]
    fn headers_hold_what_was_agreed_on() {
        let mut out = Vec::new();
        let header = Header {
            pt: 108,
            marker: true,
            seq: 0x1234,
            timestamp: 5,
            ssrc: 6,
            padded: false,
            transport_wide: Some((3, 0xabcd)),
            audio_level: Some((1, 0x9e)),
            mid: Some((4, "12")),
            rid: Some((10, "f")),
            tag: None,
        };
        header.write(&mut out);
        assert_eq!(out[..4], [0x90, 0xec, 0x12, 0x34]);
        assert_eq!(out[12..16], [0xbe, 0xde, 0, 3]);
        assert_eq!(
            out[16..28],
            [
                0x31, 0xab, 0xcd, 0x10, 0x9e, 0x41, b'1', b'2', 0xa0, b'f', 0, 0
            ]
        );
        out.clear();
        let bare = Header {
            transport_wide: None,
            audio_level: None,
            mid: None,
            rid: None,
            ..header
        };
        bare.write(&mut out);
        assert_eq!((out.len(), out[0]), (12, 0x80));
    }

    #[test]
    fn reports_go_on_from_the_newest_packet() {
        let mut s = stream();
        let now = Instant::now();
        assert_eq!(s.report(now), None);
        s.note(&packet(1, 100), now, None);
        let later = now + std::time::Duration::from_secs(1);
        let part = s.report(later).unwrap();
        assert_eq!(
            (part.timestamp, part.packets, part.octets),
            (90_090, 1, 100)
        );
    }
}
