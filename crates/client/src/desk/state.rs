//! The state a page draws from, in the words of `PortState` in `ui/src/port/port.ts`, and the changes to it.

use super::face::NoiseSuppression;
use confab_base::{ParticipantId, TrackId};
use confab_protocol::{
    ChatMessage, Code, Limited, Listening, Meeting, OwnVote, Participant, ParticipantQuality,
    SpeakingTime, Tools, WaitReason, WaitingPerson,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Everything a page may know. Comes whole at [`super::DeskCommand::Attach`]; after that [`DeskPatch`]es.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DeskState {
    /// Number of the last change in it; the patch with the next number applies to it.
    #[ts(type = "number")]
    pub seq: u64,
    pub call: CallState,
    pub participants: Vec<Participant>,
    /// Oldest first.
    pub chat: Vec<ChatEntry>,
    /// Who speaks now, loudest first.
    pub speakers: Vec<ParticipantId>,
    pub quality: Vec<ParticipantQuality>,
    /// Why a track is shown smaller than asked for, or not at all. Tracks that are not limited are not in it.
    pub limited: Vec<LimitedTrack>,
    /// How well the others are heard here.
    pub listening: Listening,
    /// The lobby from either side, and the tools.
    pub leading: Leading,
    pub local: LocalState,
}

/// The parts of a [`DeskState`] that changed, each as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct DeskPatch {
    #[ts(type = "number")]
    pub seq: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participants: Option<Vec<Participant>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<Vec<ChatEntry>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speakers: Option<Vec<ParticipantId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Vec<ParticipantQuality>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited: Option<Vec<LimitedTrack>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<Listening>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leading: Option<Leading>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalState>,
}

/// The lobby from either side, and what hosts lead by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct Leading {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<LobbyWait>,
    pub lobby: Vec<WaitingPerson>,
    pub tools: Tools,
    pub own_votes: Vec<OwnVote>,
    pub speaking_times: Vec<SpeakingTime>,
}

/// What somebody in the lobby sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct LobbyWait {
    pub title: String,
    /// Milliseconds since 1970 on this computer's clock, set right by the server's; absent: nobody said when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "number")]
    pub starts_at: Option<u64>,
    pub position: u32,
    pub reason: WaitReason,
}

/// Where in the meeting one is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct CallState {
    pub phase: CallPhase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndReason>,
    /// Since when the connection is lost, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(type = "number")]
    pub reconnecting_since: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you: Option<ParticipantId>,
    /// Absent before the first welcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meeting: Option<Meeting>,
    pub media: MediaFlow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    #[default]
    Idle,
    Connecting,
    /// In the lobby.
    Waiting,
    Joined,
    Reconnecting,
    Ended,
}

/// Whether pictures and sound flow both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MediaFlow {
    #[default]
    None,
    Connecting,
    Connected,
}

/// Why the meeting is over for this participant: one of the protocol's codes, or what only this side knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(untagged)]
pub enum EndReason {
    Own(OwnEnd),
    Code(Code),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum OwnEnd {
    /// By the own will.
    Left,
    /// No way to the server.
    Unreachable,
}

/// A chat message; `pending` until the server has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ChatEntry {
    #[serde(flatten)]
    #[ts(flatten)]
    pub message: ChatMessage,
    pub pending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LimitedTrack {
    pub track: TrackId,
    pub limited: Limited,
}

/// The own devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LocalState {
    pub microphone: LocalSource,
    pub camera: LocalSource,
    pub screen: LocalScreen,
    pub speaker: LocalSpeaker,
    pub devices: Vec<DeskDevice>,
    /// Whether screens can be shared from here at all.
    pub can_share: bool,
    /// The microphone is open only as long as a key is held: [`super::DeskCommand::Talk`].
    pub talking: bool,
    pub noise: LocalNoise,
}

/// The noise suppressor that works on the microphone now, `off` where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct LocalNoise {
    pub engine: NoiseSuppression,
    /// Why it is not the strong one, though that is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<NoiseProblem>,
}

impl Default for LocalNoise {
    /// No microphone.
    fn default() -> LocalNoise {
        LocalNoise {
            engine: NoiseSuppression::Off,
            problem: None,
        }
    }
}

/// Why strong noise suppression does not work; the standard one does instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NoiseProblem {
    /// Its weights are not installed.
    WeightsMissing,
    /// The file with its weights holds something else.
    WeightsBad,
    /// This machine is too slow, or too busy.
    TooSlow,
}

/// The microphone or the camera on its way out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct LocalSource {
    /// What the user wants.
    pub on: bool,
    /// The device is being opened.
    pub starting: bool,
    /// Chosen device; absent: the system's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<DeviceProblem>,
}

/// The screen or window on its way out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct LocalScreen {
    pub on: bool,
    pub starting: bool,
    /// Id of the [`super::ScreenSource`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<DeviceProblem>,
    /// The others see the last picture until it goes on.
    pub paused: bool,
    pub mode: ScreenMode,
    /// What is shared, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// What shall stay good when a screen is hard to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ScreenMode {
    /// Sharp letters, at few pictures a second.
    #[default]
    Text,
    /// 30 pictures a second; letters may soften.
    Motion,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct LocalSpeaker {
    /// Chosen device; absent: the system's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    pub choosable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<DeviceProblem>,
}

/// Devices by what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    Microphone,
    Camera,
    Speaker,
}

/// A device as pickers show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DeskDevice {
    /// Stable over restarts where the system has stable ids.
    pub id: String,
    pub kind: DeviceKind,
    pub label: String,
    /// The system's choice for those who choose none; false where the system does not tell.
    pub is_default: bool,
}

/// Why a device gives nothing, in terms the views have words for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceProblem {
    /// The system, or the user, does not allow it.
    Denied,
    Missing,
    /// Another program has it.
    Busy,
    Unsupported,
    Failed,
}
