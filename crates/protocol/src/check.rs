//! What the page `/check` and `confab-server doctor` ask before any meeting: who answers, and a peer connection for a moment
//! that shows whether media comes through.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// `GET /check/info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckInfo {
    /// What this server process calls itself; random, another one after each start.
    pub instance: String,
    /// The server's clock, milliseconds since 1970.
    #[ts(type = "number")]
    pub time: u64,
    pub udp_port: u16,
    /// Where media over TCP comes in; none: it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tcp_port: Option<u16>,
    /// Of the certificate the server itself serves; none behind a proxy, and where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub certificate: Option<CheckCertificate>,
}

/// When a certificate is valid, milliseconds since 1970: the page cannot see it by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckCertificate {
    #[ts(type = "number")]
    pub from: u64,
    #[ts(type = "number")]
    pub until: u64,
}

/// `POST /check/connection`: an offer with one audio line or data channel, and nothing to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckOffer {
    pub sdp: String,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckAnswer {
    pub sdp: String,
    /// The server closes the connection after so many seconds.
    pub seconds: u32,
}

/// Bytes of `GET /check/payload`, and the most `POST` takes there: enough to measure a line, too few to fill one.
pub const CHECK_PAYLOAD: usize = 1 << 20;
/// Seconds a peer connection for a check stays.
pub const CHECK_SECONDS: u32 = 20;
