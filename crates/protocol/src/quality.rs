//! How a call went, minute by minute: what each client says of a minute that is over, and what those who look after the server
//! are told of calls. Shares are thousandths. Times are milliseconds since 1970.

use crate::ClientKind;
use confab_base::{MeetingId, ParticipantId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a client measured since its last report, or since it joined. Means over the time unless they say otherwise; what it
/// cannot know is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QualityReport {
    /// How long the time was, [`crate::MIN_REPORT_S`] to [`crate::MAX_REPORT_S`].
    pub seconds: u16,
    /// To the server and back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub rtt_ms: Option<u32>,
    /// Of received voices, by RFC 3550.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub jitter_ms: Option<u32>,
    /// Packets lost on the way to the server, as the server reports them back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub loss_up: Option<u16>,
    /// Packets that did not come, or not in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub loss_down: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub send_kbps: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub receive_kbps: Option<u32>,
    /// Pictures a second of the own camera or screen, while it sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fps_sent: Option<u16>,
    /// Pictures a second of a video that is shown, while one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub fps_shown: Option<u16>,
    /// How busy the whole machine was, per cent of all its cores. Browsers do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub cpu: Option<u8>,
    /// Share of the time in which own pictures were made less good since the machine did not keep up.
    #[serde(default)]
    pub cpu_limited: u16,
    /// Share of the time in which they were since the way to the server is too narrow.
    #[serde(default)]
    pub bandwidth_limited: u16,
    /// Share of the sound played that was made up where packets were missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub concealed: Option<u16>,
    /// Share of the time in which a voice had stalled, as in [`crate::Listening`].
    #[serde(default)]
    pub stalled: u16,
    /// Share of the time in which the microphone was on and not muted.
    #[serde(default)]
    pub mic_on: u16,
    /// Share of the time in which it was on and nothing came from it, not even noise: unplugged, switched off, or taken away.
    #[serde(default)]
    pub mic_silent: u16,
    /// Share of the time in which nothing could be played.
    #[serde(default)]
    pub speaker_failed: u16,
    /// What happened to devices, oldest first, at most [`crate::MAX_REPORT_DEVICES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[ts(as = "Option<Vec<DeviceNote>>", optional)]
    pub devices: Vec<DeviceNote>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceNote {
    pub device: CallDevice,
    pub change: DeviceChange,
    /// Seconds before the report was sent, no more than it is about.
    pub ago_s: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CallDevice {
    Microphone,
    Speaker,
    Camera,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChange {
    /// Another one is used, and works.
    Changed,
    /// It went away, and there is no other.
    Lost,
    /// It is there and cannot be used.
    Failed,
    /// It works again.
    Back,
}

/// What the server measured of a participant's way in a minute. Means, where it does not say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LinkMeasure {
    /// Packets lost on the way from the participant, before repair.
    pub loss_up: u16,
    /// The same on the way to it.
    pub loss_down: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub rtt_ms: Option<u32>,
    /// How long packets waited in queues on the way to it, at worst.
    pub queued_ms: u32,
    /// Share of the time in which it was sent less than it wanted since the way to it is too narrow.
    pub held_back: u16,
    /// Share of the time in which nothing at all came from it.
    pub silent: u16,
}

/// A meeting from when people came until they were gone: of `GET /api/v1/admin/calls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Call {
    pub id: u32,
    #[ts(type = "string")]
    pub meeting: MeetingId,
    /// May be empty.
    pub title: String,
    #[ts(type = "number")]
    pub from: u64,
    /// The end of its last minute so far.
    #[ts(type = "number")]
    pub to: u64,
    /// Who was in it, one after the other.
    pub people: u32,
    /// Minutes of all of them together, and those of them whose `score` is below [`crate::GOOD_SCORE`].
    pub minutes: u32,
    pub poor_minutes: u32,
}

/// `GET /api/v1/admin/calls/{call}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallDetails {
    pub call: Call,
    /// By their coming.
    pub people: Vec<CallPerson>,
    /// The server's own minutes in that time.
    pub server: Vec<ServerMinute>,
    /// What went wrong, by when it began.
    pub causes: Vec<Cause>,
    /// There are more minutes than are told at once; the oldest are left out.
    pub cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallPerson {
    pub id: ParticipantId,
    pub name: String,
    pub client: ClientKind,
    pub minutes: Vec<CallMinute>,
}

/// About a minute of a participant, or less at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallMinute {
    #[ts(type = "number")]
    pub from: u64,
    #[ts(type = "number")]
    pub to: u64,
    /// How good it was to listen: mean opinion score, 10 (unusable) to 45 (as good as it gets) tenths.
    pub score: u8,
    /// Absent: the client said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub client: Option<QualityReport>,
    /// Absent: there was no way for media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub server: Option<LinkMeasure>,
}

/// How the server itself did in a minute, over all meetings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ServerMinute {
    #[ts(type = "number")]
    pub from: u64,
    #[ts(type = "number")]
    pub to: u64,
    /// How busy its machine was, per cent of all cores.
    pub cpu: u8,
    #[ts(type = "number")]
    pub packets: u64,
    /// Packets it had to drop since its queues or its network card were full.
    #[ts(type = "number")]
    pub dropped: u64,
}

/// What made a call bad, and when. `amount` is the worst of it, in the unit of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Cause {
    pub kind: CauseKind,
    /// Whose; absent: the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub participant: Option<ParticipantId>,
    #[ts(type = "number")]
    pub from: u64,
    #[ts(type = "number")]
    pub to: u64,
    pub amount: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// Packets lost on the way from the participant, thousandths.
    LossUp,
    /// Packets lost on the way to it, thousandths.
    LossDown,
    /// The way from the participant was too narrow: the least it sent in a minute, kbit/s.
    BandwidthUp,
    /// The way to it was: the least it received in a minute, kbit/s.
    BandwidthDown,
    /// The participant's machine did not keep up: how busy it was, per cent; 0 where that is not known.
    Cpu,
    /// Nothing came from a microphone that was on, thousandths of a minute.
    Microphone,
    /// Nothing could be played, thousandths of a minute.
    Speaker,
    /// The server's own way: most of those in the call lost packets at once, thousandths.
    ServerLink,
    /// The server's machine did not keep up: how busy it was, per cent.
    ServerCpu,
}
