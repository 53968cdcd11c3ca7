//! Numbers for the curious and for support, and lists that are asked for.

use confab_base::{ParticipantId, Source};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What repair of pictures did in one direction since the connection was made; -1 where not known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RepairStats {
    /// Packets that were lost and put back.
    pub recovered: f64,
    /// Of the packets that were missing those put back in time, 0 to 1.
    pub success: f64,
    /// What repair takes beside the pictures, 0 for nothing and 1 for as much again.
    pub overhead: f64,
    /// From noticing that a packet is missing until it was put back, in the mean.
    pub response_ms: f64,
    /// How often a packet was asked for again.
    pub nacks: f64,
}

/// The connection as a whole; -1 where not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LinkStats {
    pub rtt_ms: f64,
    pub send_kbps: f64,
    pub receive_kbps: f64,
    /// Share of packets lost on the way to us, 0 to 1.
    pub loss: f64,
    /// `udp`, `tcp`, or empty before media travels.
    pub transport: String,
    /// What the meeting cost so far, over all connections, without the headers of IP and UDP.
    pub sent_bytes: f64,
    pub received_bytes: f64,
    /// Both ways in an hour that is like the last minute.
    pub hour_bytes: f64,
    /// Of what comes, and of what is sent.
    pub repair_in: RepairStats,
    pub repair_out: RepairStats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum StreamDirection {
    Send,
    Receive,
}

/// One stream in the last second; -1 wherever a number is not known. A simulcast layer that is sent is a stream of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct StreamStats {
    /// Unique among the streams of one look, and the same at the next one.
    pub id: String,
    pub direction: StreamDirection,
    pub source: Source,
    /// Whose it is; absent: one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// `opus` or `h264`.
    pub codec: String,
    /// The simulcast layer, `q`, `h` or `f`; empty where there is none.
    pub layer: String,
    pub kbps: f64,
    /// Share of packets lost, 0 to 1; for sent streams as the far end reports it.
    pub loss: f64,
    pub jitter_ms: f64,
    /// How long packets wait before they are played.
    pub buffer_ms: f64,
    pub fps: f64,
    pub width: f64,
    pub height: f64,
    /// Pictures that stood still too long, since the stream began.
    pub freezes: f64,
    /// Share of the sound that was invented, 0 to 1.
    pub concealed: f64,
    /// Packets asked for again, resent ones (RTX), and such for correction (FEC), since the stream began: sending, by us for
    /// others; receiving, the other way round.
    pub nacks: f64,
    pub resent: f64,
    pub fec: f64,
    /// What holds a sent stream back.
    pub limit: StreamLimit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum StreamLimit {
    #[default]
    #[serde(rename = "")]
    Nothing,
    Bandwidth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ScreenSourceKind {
    Display,
    Window,
}

/// Something that can be shared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct ScreenSource {
    pub id: String,
    pub kind: ScreenSourceKind,
    pub title: String,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    /// A small picture of it as a `data:` URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
}

/// Where the page fetches pictures, and the secret it shows there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BusAddress {
    pub url: String,
    pub token: String,
}

impl std::fmt::Debug for BusAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BusAddress({})", self.url)
    }
}
