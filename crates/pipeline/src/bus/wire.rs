//! The words on the bus: the fixed header in front of every picture, and the few texts between page and app. The page's half
//! is `ui/src/port/native/pictures/wire.ts`; both are held to `tests/data/framebus.json`. `docs/FRAMEBUS.md` explains them.

use confab_base::VideoCodec;
use serde::{Deserialize, Serialize};

/// Version of everything in this file. Page and app come from one build, so a difference is a broken installation.
pub const VERSION: u8 = 1;
/// Bytes before the picture.
pub const HEADER: usize = 32;
/// The longest text a page may send.
pub const MAX_TEXT: usize = 16 * 1024;
/// The most streams a page may show at once.
pub const MAX_STREAMS: usize = 64;
/// The most pictures of one stream that may be on their way at once.
pub const MAX_CREDIT: u32 = 16;
/// The longest side a page may ask for.
pub const MAX_SIDE: u16 = 8192;

/// The own camera's stream. Streams of others have their track's number.
pub const OWN_CAMERA: u32 = 0xffff_fffe;
/// The own screen's stream.
pub const OWN_SCREEN: u32 = 0xffff_fffd;
/// Streams from here on are our own.
pub const FIRST_OWN: u32 = 0xffff_fff0;

/// What follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An H.264 access unit, Annex-B with its parameter sets in front of every key frame.
    H264,
    /// A VP8 frame.
    Vp8,
    /// Planes Y, U, V without padding: `w·h`, `w/2·h/2`, `w/2·h/2` bytes.
    I420,
    /// A VP9 frame.
    Vp9,
    /// An AV1 temporal unit in its low-overhead form.
    Av1,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Kind::H264 => 1,
            Kind::Vp8 => 2,
            Kind::I420 => 3,
            Kind::Vp9 => 4,
            Kind::Av1 => 5,
        }
    }

    const fn from_number(number: u8) -> Option<Kind> {
        match number {
            1 => Some(Kind::H264),
            2 => Some(Kind::Vp8),
            3 => Some(Kind::I420),
            4 => Some(Kind::Vp9),
            5 => Some(Kind::Av1),
            _ => None,
        }
    }
}

/// The 32 bytes in front of a picture, little-endian.
///
/// | at | bytes | |
/// |---|---|---|
/// | 0 | 1 | version, 1 |
/// | 1 | 1 | kind: 1 H.264, 2 VP8, 3 I420, 4 VP9, 5 AV1 |
/// | 2 | 1 | flags: 1 key frame (or a picture that stands alone) |
/// | 3 | 1 | length of the header, 32 |
/// | 4 | 4 | stream |
/// | 8 | 4 | number of the picture among those sent of this stream |
/// | 12 | 4 | RTP timestamp, 90 kHz |
/// | 16 | 2, 2 | width, height; 0 where only the decoder knows |
/// | 20 | 4 | microseconds between ready and handed to the socket |
/// | 24 | 8 | when it was ready (released or decoded): microseconds since 1970 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub keyframe: bool,
    pub stream: u32,
    pub number: u32,
    pub timestamp: u32,
    pub width: u16,
    pub height: u16,
    pub waited: u32,
    pub ready: u64,
}

impl Header {
    pub fn write(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0] = VERSION;
        out[1] = self.kind.number();
        out[2] = u8::from(self.keyframe);
        out[3] = HEADER as u8;
        out[4..8].copy_from_slice(&self.stream.to_le_bytes());
        out[8..12].copy_from_slice(&self.number.to_le_bytes());
        out[12..16].copy_from_slice(&self.timestamp.to_le_bytes());
        out[16..18].copy_from_slice(&self.width.to_le_bytes());
        out[18..20].copy_from_slice(&self.height.to_le_bytes());
        out[20..24].copy_from_slice(&self.waited.to_le_bytes());
        out[24..32].copy_from_slice(&self.ready.to_le_bytes());
        out
    }

    /// The header of a message and what follows it; `None` for other versions, unknown kinds and short messages.
    pub fn read(message: &[u8]) -> Option<(Header, &[u8])> {
        let (head, rest) = message.split_first_chunk::<HEADER>()?;
        if head[0] != VERSION || usize::from(head[3]) != HEADER {
            return None;
        }
        let u16_at = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let u32_at =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let header = Header {
            kind: Kind::from_number(head[1])?,
            keyframe: head[2] & 1 != 0,
            stream: u32_at(4),
            number: u32_at(8),
            timestamp: u32_at(12),
            width: u16_at(16),
            height: u16_at(18),
            waited: u32_at(20),
            ready: u64::from(u32_at(24)) | u64::from(u32_at(28)) << 32,
        };
        Some((header, rest))
    }
}

/// How pictures of others travel; our own always go as I420.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Encoded access units, which the page decodes.
    #[default]
    Units,
    /// Decoded here, at the size they are drawn.
    Pictures,
}

/// A stream that is on screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    pub stream: u32,
    /// The size it is drawn at, in device pixels.
    pub width: u16,
    pub height: u16,
    /// Pictures that may be sent at once, counted only when the stream was not shown before.
    pub credit: u32,
}

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromPage {
    /// Everything that is on screen now; replaces what was said before.
    Show {
        mode: Mode,
        /// What the page decodes beside H.264 and VP8, in mode `units`; of other codecs it gets pictures.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        codecs: Vec<VideoCodec>,
        streams: Vec<Shown>,
    },
    /// So many more pictures of these streams may be sent: `[stream, count]`.
    Credit { streams: Vec<(u32, u32)> },
    /// The page's decoder lost its way: nothing but a key frame helps.
    Key { stream: u32 },
}

/// Why a text was not understood. The connection is closed: page and app come from one build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misunderstood {
    #[error("text longer than {MAX_TEXT} bytes")]
    TooLong,
    #[error("more than {MAX_STREAMS} streams")]
    TooMany,
    #[error("not a message of this version")]
    Unknown,
}

impl FromPage {
    /// Parses a text; sizes and credits come out within their bounds.
    pub fn parse(text: &str) -> Result<FromPage, Misunderstood> {
        if text.len() > MAX_TEXT {
            return Err(Misunderstood::TooLong);
        }
        let mut message = serde_json::from_str(text).map_err(|_| Misunderstood::Unknown)?;
        let count = match &mut message {
            FromPage::Show { streams, .. } => {
                for shown in streams.iter_mut() {
                    shown.width = shown.width.min(MAX_SIDE);
                    shown.height = shown.height.min(MAX_SIDE);
                    shown.credit = shown.credit.min(MAX_CREDIT);
                }
                streams.len()
            }
            FromPage::Credit { streams } => {
                streams.iter_mut().for_each(|s| s.1 = s.1.min(MAX_CREDIT));
                streams.len()
            }
            FromPage::Key { .. } => 1,
        };
        if count > MAX_STREAMS {
            return Err(Misunderstood::TooMany);
        }
        Ok(message)
    }
}

/// The only text the app sends: the first message of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToPage {
    Hello { version: u8 },
}

impl ToPage {
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../../tests/data/framebus.json")).unwrap()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    fn number(value: &Value, name: &str) -> u64 {
        value[name].as_u64().unwrap()
    }

    #[test]
    fn headers_are_those_of_the_shared_vectors() {
        for vector in vectors()["headers"].as_array().unwrap() {
            let f = &vector["fields"];
            let header = Header {
                kind: match f["kind"].as_str().unwrap() {
                    "h264" => Kind::H264,
                    "vp8" => Kind::Vp8,
                    _ => Kind::I420,
                },
                keyframe: f["keyframe"].as_bool().unwrap(),
                stream: number(f, "stream") as u32,
                number: number(f, "number") as u32,
                timestamp: number(f, "timestamp") as u32,
                width: number(f, "width") as u16,
                height: number(f, "height") as u16,
                waited: number(f, "waited") as u32,
                ready: number(f, "ready"),
            };
            let hex = bytes(vector["bytes"].as_str().unwrap());
            assert_eq!(header.write()[..], hex[..]);
            assert_eq!(Header::read(&hex), Some((header, &[][..])));
        }
        for hex in vectors()["bad_headers"].as_array().unwrap() {
            assert_eq!(Header::read(&bytes(hex.as_str().unwrap())), None, "{hex}");
        }
    }

    #[test]
    fn texts_are_those_of_the_shared_vectors() {
        for vector in vectors()["from_page"].as_array().unwrap() {
            let message = FromPage::parse(&vector.to_string()).unwrap();
            assert_eq!(serde_json::to_value(&message).unwrap(), *vector);
        }
        for text in vectors()["bad_from_page"].as_array().unwrap() {
            assert!(FromPage::parse(text.as_str().unwrap()).is_err(), "{text}");
        }
        for vector in vectors()["to_page"].as_array().unwrap() {
            let message: ToPage = serde_json::from_value(vector.clone()).unwrap();
            assert_eq!(message.text(), vector.to_string());
        }
    }

    #[test]
    fn more_streams_than_fit_a_screen_are_refused() {
        let streams = vec![(1, 1); MAX_STREAMS + 1];
        let text = serde_json::to_string(&FromPage::Credit { streams }).unwrap();
        assert_eq!(FromPage::parse(&text), Err(Misunderstood::TooMany));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, text: String) {
            let _ = Header::read(&bytes);
            let _ = FromPage::parse(&text);
        }

        #[test]
        fn a_header_that_was_written_is_read(stream: u32, number: u32, timestamp: u32, ready: u64, width: u16) {
            let header = Header {
                kind: Kind::I420, keyframe: stream % 2 == 0, stream, number, timestamp, width, height: !width,
                waited: number, ready,
            };
            prop_assert_eq!(Header::read(&header.write()).map(|h| h.0), Some(header));
        }
    }
}
