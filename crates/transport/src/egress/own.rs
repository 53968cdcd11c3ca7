//! Between our own ends: video packets carry a tag of their frame ([`FrameTag`]) in a header extension, and there is one more
//! stream, in which padding and repair travel. Whoever has the extension in the session description is one of ours;
//! browsers do not know it and leave it out.

use super::stream::Header;
use crate::LineInfo;
use confab_base::FrameTag;
use str0m::Rtc;
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

/// The SSRC of these packets, in either direction: each has keys of its own.
pub(crate) const OWN_SSRC: u32 = 0x00c0_fab1;
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
        })
    }

    /// SSRC and number, used once, of the next packet.
    fn next(&mut self) -> (u32, u64) {
        self.seq += 1;
        (OWN_SSRC, self.seq)
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
