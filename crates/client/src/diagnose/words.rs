//! What is said on the socket: JSON objects, one a line. `docs/SCOPE.md` is their prose; a reader skips fields and types it
//! does not know.

use confab_base::{ParticipantId, TrackId};
use serde::{Deserialize, Serialize};

/// Changes when old readers would misunderstand; new fields alone don't change it.
pub const PROTOCOL: u32 = 1;
/// The longest line a visitor may send, bytes.
pub(crate) const MAX_REQUEST: usize = 4096;
/// The longest line a participant sends, bytes.
pub(crate) const MAX_REPLY: usize = 1 << 20;

/// From the visitor. The first is a hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    Hello {
        protocol: u32,
        /// Name and version, for the log.
        #[serde(default)]
        program: String,
    },
    /// Answered by [`Reply::Stages`] with the same id.
    Stages { id: u64 },
    /// Answered by [`Reply::Tapped`] or [`Reply::Failed`].
    Tap { id: u64, stage: String, on: bool },
}

/// From the participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    Welcome(Welcome),
    /// The last word of this connection.
    Refused {
        code: RefuseCode,
        /// What is spoken here.
        protocol: u32,
    },
    Stages {
        id: u64,
        stages: Vec<StageInfo>,
    },
    Tapped {
        id: u64,
        stage: String,
        on: bool,
        /// Name of the file in the participant's own folder for them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    Failed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        code: FailCode,
    },
    Snapshot(Box<Snapshot>),
    /// Anything a newer participant says.
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum RefuseCode {
    #[error("speaks another version of the protocol")]
    WrongVersion,
    #[error("has as many visitors as it takes")]
    Busy,
    #[error("did not hear a hello first")]
    NoHello,
    #[error("refuses for a reason this version does not know")]
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum FailCode {
    #[error("this was no request")]
    BadRequest,
    #[error("there is no such stage now")]
    UnknownStage,
    #[error("this participant was started without a folder for recordings")]
    NoFolder,
    #[error("this stage is being recorded for somebody else")]
    Taken,
    #[error("as many stages are being recorded as may be")]
    TooMany,
    #[error("the file could not be written")]
    FileFailed,
    #[error("failed for a reason this version does not know")]
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    pub protocol: u32,
    pub program: String,
    pub pid: u32,
    pub bands: BandInfo,
    /// Whether stages can be recorded.
    pub taps: bool,
    /// Where recordings go, as people of that machine write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    pub session: Session,
}

/// What the numbers of a spectrum belong to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BandInfo {
    /// Middle of each band, Hz, rising.
    pub centres: Vec<f32>,
    /// What stands for silence, dBov.
    pub floor_db: f32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From the mouth to the network.
    #[default]
    Up,
    /// From the network to the ear.
    Down,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageInfo {
    pub name: String,
    /// The stage before it, whose output is its input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    pub way: Way,
    /// Whose voice it is, where it is one voice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
}

/// A tenth of a second, or the latest second where a rate is meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Counts from the visitor's first; a gap is what was left out.
    pub seq: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    pub session: Session,
    pub stages: Vec<StageSound>,
    /// The own voice; absent without a microphone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<Voice>,
    pub network: Network,
    pub streams: Vec<Stream>,
    pub process: Process,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// `outside`, `idle`, `connecting`, `joining`, `joined`, `reconnecting`, `ended`.
    pub phase: String,
    /// `none`, `connecting`, `connected`.
    pub media: String,
    /// Number of the peer connection.
    pub generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub you: Option<ParticipantId>,
    /// What others call this participant.
    pub name: String,
    /// The meeting's title.
    pub meeting: String,
    pub participants: u32,
}

/// How it sounds behind a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageSound {
    #[serde(flatten)]
    pub info: StageInfo,
    /// Of the last 100 ms, dBov: 0 is a full-scale square wave.
    pub rms_db: f32,
    /// The largest sample of the last 100 ms, dB below full scale.
    pub peak_db: f32,
    /// Of the last 85 ms, dBov in each band; empty while nothing passed yet.
    pub bands: Vec<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tap: Option<TapInfo>,
}

/// A recording that runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TapInfo {
    pub file: String,
    pub seconds: f64,
    /// Of these, seconds that were missed and are silent in the file.
    pub missed: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Voice {
    pub muted: bool,
    pub speaking: bool,
    pub echo_cancel: bool,
    /// From the speaker to the microphone, as the canceller found it.
    pub echo_delay_ms: f32,
    /// What the linear filter takes away of the echo while the far side talks.
    pub erle_db: f32,
    /// The speaker's clock against the microphone's.
    pub drift_ppm: f32,
    /// Jumps of the delay that were followed.
    pub slips: u32,
    /// Times the room was learnt anew.
    pub moves: u32,
    pub howling: bool,
    /// 10 ms frames that came due while the machine was too busy.
    pub overruns: u64,
    /// The noise suppressor that works: `off`, `standard`, `strong`.
    pub noise_engine: String,
    /// Microseconds it takes of each 10 ms.
    pub noise_us: u64,
    /// Why it is not the strong one that was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_fault: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// `udp` or `tcp`, empty before media travels.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    /// What the path takes of our sending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate_kbps: Option<f64>,
    /// Payload of all streams.
    pub send_kbps: f64,
    pub receive_kbps: f64,
    /// What all encoders were told to spend.
    pub target_kbps: f64,
    /// Of the last second, both before repair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_loss_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_loss_percent: Option<f64>,
    /// Repair of pictures, where the server is one of our own ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_in: Option<Repair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_out: Option<Repair>,
    /// Of the meeting so far, all peer connections together, without the headers of IP and UDP.
    pub sent_bytes: u64,
    pub received_bytes: u64,
}

/// What repair did in one direction since the peer connection was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Repair {
    /// Packets put back; of what comes only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<u64>,
    /// Packets that never came in time.
    pub lost: u64,
    /// Of the missing packets, those put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_percent: Option<f64>,
    /// Repair per media: bytes of what is sent, packets of what comes.
    pub overhead_percent: f64,
    /// From noticing a loss until it was put back, in the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_ms: Option<f64>,
}

/// A stream, or a layer of a sent one; the fields of `stats-json` in `docs/HEADLESS.md`, renamed where a unit was missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stream {
    /// The same from snapshot to snapshot.
    pub key: String,
    pub way: Way,
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<TrackId>,
    /// Of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Sent: the rid. Received: rows the server sends now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    pub muted: bool,
    pub packets: u64,
    pub kbps: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer_target_ms: Option<f64>,
    /// Audio received, counters at 48 kHz: played; of these invented; of these decoded from redundancy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concealed_samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired_samples: Option<u64>,
    /// Of the repaired ones: from what the next packet repeats, from copies, from what later packets describe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lbrr_samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub red_samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dred_samples: Option<u64>,
    /// Audio sent: the step of the ladder against loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redundancy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level_dbov: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub av_offset_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_kbps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyframes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyframe_requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_frames: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freezes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze_ms: Option<u64>,
    /// Resends asked for: by us of what we receive, by the server of what we send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nacks: Option<u64>,
}

/// What the process costs; empty where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Of one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Resident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Busiest first.
    pub threads: Vec<Thread>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thread {
    pub id: u64,
    /// Linux keeps 15 characters.
    pub name: String,
    pub cpu_percent: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_what_the_page_says() {
        let parse = |text: &str| serde_json::from_str::<Request>(text).unwrap();
        assert_eq!(
            parse(r#"{"type":"hello","protocol":1}"#),
            Request::Hello {
                protocol: 1,
                program: String::new()
            }
        );
        assert_eq!(
            parse(r#"{"type":"tap","id":7,"stage":"mic","on":true,"later":1}"#),
            Request::Tap {
                id: 7,
                stage: "mic".to_owned(),
                on: true
            }
        );
    }

    #[test]
    fn what_a_newer_participant_says_is_skipped() {
        let parse = |text: &str| serde_json::from_str::<Reply>(text).unwrap();
        assert_eq!(parse(r#"{"type":"weather","rain":true}"#), Reply::Unknown);
        assert_eq!(
            parse(r#"{"type":"failed","code":"sulking"}"#),
            Reply::Failed {
                id: None,
                code: FailCode::Unknown
            }
        );
        let sparse =
            parse(r#"{"type":"snapshot","seq":3,"stages":[{"name":"mic","way":"up","new":2}]}"#);
        let Reply::Snapshot(snapshot) = sparse else {
            panic!("{sparse:?}")
        };
        assert_eq!(
            (snapshot.seq, snapshot.stages[0].info.name.as_str()),
            (3, "mic")
        );
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(text in ".{0,200}") {
            let _ = serde_json::from_str::<Request>(&text);
            let _ = serde_json::from_str::<Reply>(&text);
        }
    }
}
