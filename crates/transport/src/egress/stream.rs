//! One outgoing stream: its header, what it keeps for resends, and what it counts.

use super::rtcp::{Received, SenderPart};
use crate::{Codec, LineCodec, Mid, OutPacket};
use std::sync::Arc;
use std::time::Instant;

/// Packets kept for resends: about a second at 10 Mbps. A power of two.
const KEPT: usize = 1024;
/// A packet is not sent again this soon after the last time, microseconds: requests for it cross each other.
const SAME_REQUEST: u64 = 15_000;
/// Resends may take this share of what is sent, and save up to so many bytes of it.
const RESEND_SHARE: f64 = 0.5;
const RESEND_SAVED: f64 = 150_000.0;

/// Ids of the header extensions the other side agreed to (RFC 8285, one-byte form: 1 to 14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub mid: Option<u8>,
    pub transport_wide: Option<u8>,
    pub audio_level: Option<u8>,
}

#[derive(Debug)]
struct Kept {
    seq: u64,
    timestamp: u32,
    marker: bool,
    /// The resend payload type of its codec.
    rtx: u8,
    /// Last sent, microseconds.
    at: u64,
    payload: Arc<[u8]>,
}

/// A packet to send again.
pub(crate) struct Resend {
    pub seq: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub pt: u8,
    pub payload: Arc<[u8]>,
}

#[derive(Debug)]
pub(crate) struct OutStream {
    pub mid: Mid,
    pub ssrc: u32,
    pub rtx: Option<u32>,
    pub sends: bool,
    pub codecs: Vec<LineCodec>,
    pub extensions: Extensions,
    /// The receiver told something of this SSRC: it knows whose it is, the mid can be left out.
    pub bound: bool,
    pub rtx_seq: u64,
    kept: Vec<Option<Kept>>,
    highest: u64,
    /// Timestamp, the moment it stands for, clock rate of the newest packet.
    newest: Option<(u32, Instant, u32)>,
    pub packets: u64,
    pub bytes: u64,
    octets: u64,
    saved: f64,
    pub received: Option<Received>,
    pub nacks: u64,
    pub plis: u64,
    pub firs: u64,
}

impl OutStream {
    pub fn new(mid: Mid, ssrc: u32, rtx: Option<u32>) -> OutStream {
        OutStream {
            mid,
            ssrc,
            rtx,
            sends: true,
            codecs: Vec::new(),
            extensions: Extensions::default(),
            bound: false,
            rtx_seq: 1,
            kept: Vec::new(),
            highest: 0,
            newest: None,
            packets: 0,
            bytes: 0,
            octets: 0,
            saved: RESEND_SAVED,
            received: None,
            nacks: 0,
            plis: 0,
            firs: 0,
        }
    }

    pub fn codec(&self, codec: Codec) -> Option<LineCodec> {
        self.codecs.iter().find(|c| c.codec == codec).copied()
    }

    /// Notes a packet that leaves; keeps it if it can be resent.
    pub fn note(&mut self, packet: &OutPacket, captured: Instant, rtx: Option<u8>, at: u64) {
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
            at,
            payload: packet.payload.clone(),
        });
    }

    /// The packet the receiver misses, if it is still here and may be sent again now.
    pub fn missed(&mut self, seq: u16, at: u64) -> Option<Resend> {
        // The extended number at or below the highest.
        let behind = (self.highest as u16).wrapping_sub(seq);
        let seq = self.highest.checked_sub(u64::from(behind))?;
        let kept = self.kept.get_mut(seq as usize % KEPT)?.as_mut()?;
        let size = kept.payload.len() as f64;
        if kept.seq != seq || at < kept.at + SAME_REQUEST || self.saved < size {
            return None;
        }
        self.saved -= size;
        kept.at = at;
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

/// What an RTP header holds; extensions in the one-byte form.
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
}

impl Header<'_> {
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut extensions = [0u8; 32];
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
        if let Some((id, mid)) = self.mid {
            put(id, mid.as_bytes());
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
        OutStream::new("0".into(), 1, Some(2))
    }

    fn packet(seq: u64, size: usize) -> OutPacket {
        OutPacket {
            codec: Codec::H264,
            seq,
            timestamp: 90,
            marker: true,
            payload: vec![seq as u8; size].into(),
            audio_level: None,
            voice: false,
            captured: Instant::now(),
        }
    }

    #[test]
    fn a_missed_packet_is_found_once_per_request() {
        let (mut s, now) = (stream(), Instant::now());
        for seq in 65_530..65_540 {
            s.note(&packet(seq, 100), now, Some(97), 0);
        }
        let found = s.missed(2, 20_000).unwrap();
        assert_eq!((found.seq, found.pt, found.payload[0]), (65_538, 97, 2));
        assert!(s.missed(2, 30_000).is_none(), "asked twice");
        assert!(s.missed(2, 36_000).is_some());
        assert!(s.missed(65_531u64 as u16, 36_000).is_some());
        assert!(s.missed(77, 36_000).is_none(), "never sent");
    }

    #[test]
    fn resends_have_a_budget_and_old_packets_go() {
        let (mut s, now) = (stream(), Instant::now());
        for seq in 0..3000 {
            s.note(&packet(seq, 1000), now, Some(97), 0);
        }
        let served = (0..3000u16).filter(|seq| s.missed(*seq, 50_000).is_some());
        assert_eq!(served.count(), (RESEND_SAVED / 1000.0) as usize);
        assert!(s.missed(10, 90_000).is_none());
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
        };
        header.write(&mut out);
        assert_eq!(out[..4], [0x90, 0xec, 0x12, 0x34]);
        assert_eq!(out[12..16], [0xbe, 0xde, 0, 2]);
        assert_eq!(
            out[16..24],
            [0x31, 0xab, 0xcd, 0x10, 0x9e, 0x41, b'1', b'2']
        );
        out.clear();
        let bare = Header {
            transport_wide: None,
            audio_level: None,
            mid: None,
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
        s.note(&packet(1, 100), now, None, 0);
        let later = now + std::time::Duration::from_secs(1);
        let part = s.report(later).unwrap();
        assert_eq!(
            (part.timestamp, part.packets, part.octets),
            (90_090, 1, 100)
        );
    }
}
