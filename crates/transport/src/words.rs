//! Names of lines, layers and codecs, in our own types so that str0m's frequent API changes end in this crate.

use confab_base::{MediaKind, VideoCodec};
use std::fmt;

/// An m-line's `a=mid`, at most 16 ASCII letters, digits and `_`; copied freely.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mid(pub(crate) str0m::media::Mid);

impl Mid {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Mid {
    /// Longer names are cut, foreign letters become `_`, as the SDP parser below does it.
    fn from(text: &str) -> Mid {
        Mid(text.into())
    }
}

/// A simulcast layer's name, at most 8 ASCII letters and digits; copied freely.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rid(pub(crate) str0m::media::Rid);

impl Rid {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Rid {
    fn from(text: &str) -> Rid {
        Rid(text.into())
    }
}

impl PartialOrd for Rid {
    fn partial_cmp(&self, other: &Rid) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rid {
    fn cmp(&self, other: &Rid) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mid:{}", self.as_str())
    }
}

impl fmt::Display for Rid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Rid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rid:{}", self.as_str())
    }
}

/// Codecs this transport negotiates. H.264 is constrained baseline, packetization-mode 1 (42e01f); VP9 and AV1 are profile 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    Opus,
    H264,
    Vp8,
    Vp9,
    Av1,
}

impl Codec {
    pub const fn kind(self) -> MediaKind {
        match self {
            Codec::Opus => MediaKind::Audio,
            Codec::H264 | Codec::Vp8 | Codec::Vp9 | Codec::Av1 => MediaKind::Video,
        }
    }

    /// RTP timestamp ticks per second.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Codec::Opus => 48_000,
            Codec::H264 | Codec::Vp8 | Codec::Vp9 | Codec::Av1 => 90_000,
        }
    }

    /// `None` for audio.
    pub const fn video(self) -> Option<VideoCodec> {
        match self {
            Codec::Opus => None,
            Codec::H264 => Some(VideoCodec::H264),
            Codec::Vp8 => Some(VideoCodec::Vp8),
            Codec::Vp9 => Some(VideoCodec::Vp9),
            Codec::Av1 => Some(VideoCodec::Av1),
        }
    }

    pub const fn from_video(codec: VideoCodec) -> Codec {
        match codec {
            VideoCodec::H264 => Codec::H264,
            VideoCodec::Vp8 => Codec::Vp8,
            VideoCodec::Vp9 => Codec::Vp9,
            VideoCodec::Av1 => Codec::Av1,
        }
    }

    pub(crate) fn from_str0m(codec: str0m::format::Codec) -> Option<Codec> {
        match codec {
            str0m::format::Codec::Opus => Some(Codec::Opus),
            str0m::format::Codec::H264 => Some(Codec::H264),
            str0m::format::Codec::Vp8 => Some(Codec::Vp8),
            str0m::format::Codec::Vp9 => Some(Codec::Vp9),
            str0m::format::Codec::Av1 => Some(Codec::Av1),
            _ => None,
        }
    }
}

/// How packets travel. `Tcp` is ICE-TCP: the server's candidate is passive, the client's active; the socket owner does
/// the framing ([`crate::tcp_frame`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Udp,
    Tcp,
}

impl Protocol {
    pub(crate) fn to_str0m(self) -> str0m::net::Protocol {
        match self {
            Protocol::Udp => str0m::net::Protocol::Udp,
            Protocol::Tcp => str0m::net::Protocol::Tcp,
        }
    }

    pub(crate) fn from_str0m(protocol: str0m::net::Protocol) -> Protocol {
        match protocol {
            str0m::net::Protocol::Udp => Protocol::Udp,
            _ => Protocol::Tcp,
        }
    }
}

/// A codec both sides agreed on for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineCodec {
    pub codec: Codec,
    /// RTP payload type.
    pub pt: u8,
    /// Payload type of its retransmissions.
    pub rtx: Option<u8>,
    /// Payload type of packets that carry copies of earlier frames beside their own (RED, RFC 2198), of Opus.
    pub red: Option<u8>,
}

impl LineCodec {
    /// The payload type of plain or RED packets; `None`: RED was not agreed on.
    pub(crate) fn pt_of(&self, red: bool) -> Option<u8> {
        if red { self.red } else { Some(self.pt) }
    }
}

/// One audio or video m-line as negotiated, seen from this side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineInfo {
    pub mid: Mid,
    pub kind: MediaKind,
    pub sends: bool,
    pub receives: bool,
    /// Best first: a browser sends the first. Empty: rejected.
    pub codecs: Vec<LineCodec>,
    /// Simulcast layers in the order of the SDP, of the direction that has them; empty without simulcast.
    pub rids: Vec<Rid>,
}
