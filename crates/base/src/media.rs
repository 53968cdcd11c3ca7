//! What kind of media a track carries, in the terms of the wire.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bitrate(pub u64);

impl Bitrate {
    pub const ZERO: Bitrate = Bitrate(0);
    pub const fn kbps(k: u64) -> Bitrate {
        Bitrate(k * 1000)
    }
    pub const fn bps(self) -> u64 {
        self.0
    }
    /// `factor` times this rate, never negative.
    pub fn scaled(self, factor: f64) -> Bitrate {
        Bitrate((self.0 as f64 * factor).max(0.0) as u64)
    }
}

/// Sound level of RFC 6464: -dBov, 0 is the loudest, 127 is silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AudioLevel(pub u8);

impl AudioLevel {
    pub const SILENCE: AudioLevel = AudioLevel(127);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    Audio,
    Video,
}

/// Where a track comes from. A participant has at most one track of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Microphone,
    Camera,
    Screen,
    ScreenAudio,
}

impl Source {
    pub const ALL: [Source; 4] = [
        Source::Microphone,
        Source::Camera,
        Source::Screen,
        Source::ScreenAudio,
    ];

    pub const fn kind(self) -> MediaKind {
        match self {
            Source::Microphone | Source::ScreenAudio => MediaKind::Audio,
            Source::Camera | Source::Screen => MediaKind::Video,
        }
    }

    /// Whether it belongs to a shared screen, which comes and goes, unlike microphone and camera.
    pub const fn is_shared(self) -> bool {
        matches!(self, Source::Screen | Source::ScreenAudio)
    }
}

/// Video codecs a client may say it decodes. H.264 is constrained baseline, packetization-mode 1 (42e01f).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    H264,
    Vp8,
    Vp9,
    Av1,
}

/// How a participant's link carries media, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum QualityLevel {
    /// No media for 3 s and more.
    Lost,
    Poor,
    Fair,
    Good,
}

/// What is lost of somebody's voice, as the server sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct VoiceLoss {
    /// Share of packets lost on the way from the server to the listener who misses most, percent, at most 100.
    pub percent: u8,
    /// Mean number of packets lost in a row on the way to the server, in tenths of packets; 0: too few were lost of late to say.
    #[serde(default)]
    pub burst: u8,
}

/// Why less is sent to a receiver than its view asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    No,
    /// The receiver's link is too slow.
    Bandwidth,
    /// The receiver asked for no more than this by its view's `max_bitrate`; only who asked is told so.
    Saver,
    /// The track's media does not arrive (muted, or its sender is cut off).
    Source,
    /// The receiver cannot decode the track's codec.
    Codec,
}
