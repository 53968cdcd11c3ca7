//! Between our own ends: video packets carry a tag of their frame ([`FrameTag`]) in a header extension, and there is one more
//! stream, in which padding and repair travel. Whoever has the extension in the session description is one of ours;
//! browsers do not know it and leave it out.

use super::rtcp;
use super::stream::Header;
use crate::{LineInfo, OutPacket};
use confab_base::{Bitrate, Duration, FrameTag, Time};
use confab_congestion::repair::{FrameClass, MediaPacket, RepairSender};
use std::collections::VecDeque;
use std::sync::Arc;
use str0m::Rtc;
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

/// The SSRC of these packets, in either direction: each has keys of its own.
pub(crate) const OWN_SSRC: u32 = 0x00c0_fab1;
/// Transport-wide reports sent again, and bytes of a packet with them.
const REPORTS: usize = 3;
const MOST_REPORT: usize = 1100;
/// More than RTP's own padding can be, as the payload of a packet that is there to measure with: a server that probes 50 paths
/// at 40 Mbps at a time can't afford five packets for one. Its first byte says that it is no repair.
pub(crate) const FILLER: [u8; 1100] = [0; 1100];
/// What stands in the session description.
const URI: &str = "urn:confab:rtp:repair:1";

/// The extension that says that an end is one of ours.
pub(crate) fn own_extension() -> Extension {
    Extension::with_serializer(URI, Tag)
}

/// Whether the other end said so too.
pub(crate) fn own_lines(rtc: &Rtc, lines: &[LineInfo]) -> bool {
    let mut media = lines.iter().filter_map(|l| rtc.media(l.mid.0));
    media.any(|m| m.remote_extmap().id_of(own_extension()).is_some())
}

/// Reads the tags of what comes; what goes out is written by [`Header`].
#[derive(Debug)]
struct Tag;

impl ExtensionSerializer for Tag {
    fn write_to(&self, _: &mut [u8], _: &ExtensionValues) -> usize {
        0
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        let tag = FrameTag::from_bytes(bytes);
        tag.is_some_and(|tag| {
            values.user_values.set(tag);
            true
        })
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        true
    }
}

pub(crate) struct OwnStream {
    /// A payload type the other side knows; it means nothing here.
    pt: u8,
    pub transport_wide: Option<u8>,
    seq: u64,
    pub repair: RepairSender,
    /// Of the voices, which take their part of the estimate.
    pub voices: VoiceRate,
    /// The last transport-wide reports that left, in clear: each of ours comes with them again, as most of them get lost on a
    /// network that loses most packets.
    reports: VecDeque<Vec<u8>>,
}

impl OwnStream {
    pub fn negotiated(rtc: &Rtc, lines: &[LineInfo]) -> Option<OwnStream> {
        if !own_lines(rtc, lines) {
            return None;
        }
        let pt = lines.iter().find_map(|l| l.codecs.first())?.pt;
        let mut media = lines.iter().filter_map(|l| rtc.media(l.mid.0));
        let id = |m: &str0m::media::Media| {
            let id = m.remote_extmap().id_of(Extension::TransportSequenceNumber);
            id.filter(|id| (1..=14).contains(id))
        };
        Some(OwnStream {
            pt,
            transport_wide: media.find_map(id),
            seq: 0,
            repair: RepairSender::new(),
            voices: VoiceRate::default(),
            reports: VecDeque::new(),
        })
    }

    /// SSRC and number, used once, of the next packet.
    fn next(&mut self) -> (u32, u64) {
        self.seq += 1;
        (OWN_SSRC, self.seq)
    }

    /// The next repair payload, into `out`, with its number and header.
    pub fn next_repair(
        &mut self,
        out: &mut Vec<u8>,
        now: Time,
    ) -> Option<((u32, u64), Header<'static>)> {
        self.repair.poll(now, out)?;
        let header = Header {
            pt: self.pt,
            ..Header::default()
        };
        Some((self.next(), header))
    }

    /// Notes a video packet that left with this SSRC.
    pub fn sent(&mut self, ssrc: u32, packet: &OutPacket, now: Time) {
        let class = packet.tag.map(|tag| FrameClass {
            temporal: tag.temporal,
            keyframe: tag.is_keyframe(),
        });
        let media = media_packet(
            (ssrc, packet.seq),
            (packet.timestamp, packet.marker),
            packet.tag,
            &packet.payload,
        );
        self.repair.sent(media, class.unwrap_or_default(), now);
    }

    /// Notes the transport-wide reports in a compound packet that leaves.
    pub fn note_reports(&mut self, compound: &[u8]) {
        for report in rtcp::wide_reports(compound) {
            self.reports.push_back(report.to_vec());
            if self.reports.len() > REPORTS {
                self.reports.pop_front();
            }
        }
    }

    /// A compound packet in clear that tells what is here of the video, and what was reported of late.
    pub fn report(&self, body: &[u8]) -> Vec<u8> {
        self.with_reports(rtcp::repair_report(OWN_SSRC, body))
    }

    /// What was reported of late, alone.
    pub fn wide_reports(&self) -> Vec<u8> {
        self.with_reports(Vec::new())
    }

    fn with_reports(&self, mut compound: Vec<u8>) -> Vec<u8> {
        for report in &self.reports {
            if compound.len() + report.len() <= MOST_REPORT {
                compound.extend_from_slice(report);
            }
        }
        compound
    }

    /// SSRC, number and header of a packet that carries [`FILLER`].
    pub fn filler(&mut self) -> ((u32, u64), Header<'static>) {
        let header = Header {
            pt: self.pt,
            ..Header::default()
        };
        (self.next(), header)
    }

    pub fn padding(&mut self) -> ((u32, u64), Header<'static>) {
        let header = Header {
            pt: self.pt,
            padded: true,
            ..Header::default()
        };
        (self.next(), header)
    }
}

/// A packet as repair knows it.
pub(crate) fn media_packet(
    (ssrc, seq): (u32, u64),
    (timestamp, marker): (u32, bool),
    tag: Option<FrameTag>,
    payload: &Arc<[u8]>,
) -> MediaPacket {
    MediaPacket {
        ssrc,
        seq,
        timestamp,
        marker,
        tag: tag.map(FrameTag::to_bytes).unwrap_or(NO_TAG),
        payload: payload.clone(),
    }
}

/// No tag says this: it would be a key frame of the highest layer, in a packet without a number.
const NO_TAG: [u8; FrameTag::BYTES] = [0xff, 0xff, 0, 0x7f];

/// The tag of a packet that was put back.
pub(crate) fn recovered_tag(bytes: [u8; FrameTag::BYTES]) -> Option<FrameTag> {
    FrameTag::from_bytes(&bytes).filter(|_| bytes != NO_TAG)
}

/// What the voices take of the path.
#[derive(Debug, Default)]
pub(crate) struct VoiceRate {
    since: Time,
    bytes: usize,
    rate: Bitrate,
}

impl VoiceRate {
    const OVER: Duration = Duration::from_millis(500);

    pub fn sent(&mut self, bytes: usize, now: Time) {
        self.bytes += bytes;
        let passed = now.since(self.since);
        if passed >= Self::OVER {
            let bits = self.bytes as f64 * 8.0;
            self.rate = Bitrate((bits / passed.as_secs_f64()) as u64);
            (self.since, self.bytes) = (now, 0);
        }
    }

    pub fn rate(&self) -> Bitrate {
        self.rate
    }
}
