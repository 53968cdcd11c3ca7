//! What a page can tell a desk, what comes back, and what happens by itself.

use super::state::{DeskPatch, DeskState, DeviceKind, DeviceProblem, ScreenMode};
use super::stats::{BusAddress, LinkStats, ScreenSource, StreamStats};
use crate::Saving;
use confab_base::{Bitrate, ParticipantId, Source, TrackId};
use confab_protocol::{Audience, Code, MeetingInfo, Reaction, Request, SameRoomChoice};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a page can ask for. Whatever concerns the state shows there; most replies only say that it was done.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(optional_fields)]
pub enum DeskCommand {
    /// A page begins, or lost count of the patches: [`DeskReply::Attached`] has everything.
    Attach,
    /// [`DeskReply::Meeting`], or [`DeskReply::Failed`].
    MeetingInfo,
    /// What happened in the meeting so far, for who leads it and has a seat: [`DeskReply::Report`], or [`DeskReply::Failed`].
    MeetingReport,
    Join {
        name: String,
        /// Where the link had none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host_key: Option<String>,
    },
    /// Leaves for good.
    Leave,
    /// Opens or closes; done when the device is open or has a problem, see the state.
    SetMicrophone {
        on: bool,
    },
    SetCamera {
        on: bool,
    },
    /// A key for talking is held, or let go: in a meeting the microphone is open meanwhile, if it was shut. It is shut again
    /// also when a page attaches; [`DeskCommand::SetMicrophone`] decides anew.
    Talk {
        on: bool,
    },
    /// Shares a screen or window; done when it is open or has a problem. While one is shared: changes to the other.
    StartScreen {
        /// Of [`ScreenSource`]; absent: the first screen, or what the system's own dialog gives.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Also what the machine plays, without the voices of the meeting.
        #[serde(default)]
        audio: bool,
        #[serde(default)]
        mode: ScreenMode,
    },
    StopScreen,
    PauseScreen {
        on: bool,
    },
    SetScreenMode {
        mode: ScreenMode,
    },
    /// Absent: the system's default.
    ChooseDevice {
        kind: DeviceKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    RefreshDevices,
    /// A short sound through the speaker; [`DeskReply::Played`] when it is over.
    TestSpeaker,
    /// Records the microphone as others would hear it, at most 10 seconds: [`DeskReply::Recorded`] after that.
    RecordTest {
        seconds: f64,
    },
    /// Plays what was recorded last, and forgets it; [`DeskReply::Played`] when it is over.
    PlayTest,
    /// Levels as [`DeskEvent::Levels`], twenty times a second for the next two seconds; say it again to go on.
    WatchLevels,
    /// What one page shows now, most important first; replaces what the same page said before.
    Show {
        /// Which page: tallest wins where several show the same track.
        #[serde(default)]
        page: String,
        videos: Vec<ShownVideo>,
    },
    Chat {
        text: String,
        /// Absent: to everybody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Audience>,
    },
    /// A request of the lobby, the rules or the tools; others are passed over.
    Ask {
        request: Request,
    },
    Hand {
        raised: bool,
    },
    React {
        reaction: Reaction,
    },
    Rename {
        name: String,
    },
    Host {
        action: HostAction,
    },
    /// What to do about the device that is live in this one's place.
    SameRoom {
        choice: SameRoomChoice,
    },
    /// What is done to the own voice; at once.
    SetProcessing {
        processing: Processing,
    },
    /// What others see behind the person before the camera; at once, and with every camera from now on. Done when it is chosen;
    /// [`DeskEvent::BackgroundOff`] where it can't be.
    SetBackground {
        background: DeskBackground,
    },
    SetDataSaver {
        saving: DataSaving,
    },
    /// [`DeskReply::Link`]
    LinkStats,
    /// [`DeskReply::Streams`]
    StreamStats,
    /// [`DeskReply::Screens`], with a thumbnail each; takes some hundred milliseconds.
    ScreenSources,
    /// Opens a whiteboard's connection under a number of the page's own drawing; what comes of it are events. `overloaded`: too many
    /// are open, or the number is in use.
    BoardOpen {
        line: u32,
    },
    /// A frame of docs/BOARD.md in base64. In `open` meeting, participant and token are left empty: they are filled in here.
    BoardSay {
        line: u32,
        frame: String,
    },
    BoardClose {
        line: u32,
    },
    /// A whiteboard's history after an entry's number, about a MiB at a time: [`DeskReply::BoardHistory`].
    BoardHistory {
        board: String,
        /// 0: from the beginning.
        #[ts(type = "number")]
        after: u64,
    },
    /// What others draw on the own shared screen, for the real one: the first `keep` strokes of those told before stay, these come
    /// after them. Drawn where the system lets the participant draw (X11), while the share is not paused. `bad_value`: there are
    /// not so many to keep, or too many now; then all is told anew.
    DrawOver {
        keep: u32,
        strokes: Vec<DrawnStroke>,
    },
}

impl std::fmt::Debug for DeskCommand {
    /// The kind only: commands carry keys and what people write.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = serde_json::to_value(self).unwrap_or_default();
        write!(f, "DeskCommand({})", value["type"].as_str().unwrap_or("?"))
    }
}

/// A line on the own shared screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct DrawnStroke {
    /// 0xRRGGBB.
    pub color: u32,
    /// In shares of the picture's width.
    pub width: f32,
    /// A highlighter's: what is beneath stays readable.
    pub hatched: bool,
    /// Three numbers for each: its place in shares of the picture's width and height, and how thick the line is there, 1 where it was
    /// pressed neither hard nor softly.
    pub points: Vec<f32>,
}

/// What is saved of data. Sound goes whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct DataSaving {
    /// Sends the camera no larger than 360p.
    pub small_camera: bool,
    /// The most to send, everything together, kbit/s; absent: what the link carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<u32>,
    /// The most to receive, kbit/s; less than 100 counts as 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<u32>,
}

impl From<DataSaving> for Saving {
    fn from(saving: DataSaving) -> Saving {
        let rate = |kbps: u32| Bitrate::kbps(u64::from(kbps));
        Saving {
            small_camera: saving.small_camera,
            up: saving.up.map(rate),
            down: saving.down.map(rate),
        }
    }
}

/// What others see behind oneself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeskBackground {
    /// What is there.
    #[default]
    None,
    Blur {
        strength: BlurStrength,
    },
    Picture {
        /// A `data:image/jpeg;base64,` URL of at most [`MAX_BACKGROUND`] bytes, 4096 pixels a side.
        url: String,
    },
}

/// The longest URL of a background picture.
pub const MAX_BACKGROUND: usize = 2 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BlurStrength {
    Light,
    Strong,
}

/// What is done to the own voice before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Processing {
    pub echo_cancellation: bool,
    pub noise_suppression: NoiseSuppression,
    pub gain_control: bool,
    /// For musicians: nothing of the above, in stereo where the microphone is, at a rate for music.
    pub original_sound: bool,
}

/// How noise is taken out of the own voice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NoiseSuppression {
    Off,
    /// Steady noise: fans, rain, hum.
    #[default]
    Standard,
    /// Also what comes and goes, by the learned engine, where it is installed and the machine is fast enough.
    Strong,
}

impl Default for Processing {
    /// All of it, for voices.
    fn default() -> Processing {
        Processing {
            echo_cancellation: true,
            noise_suppression: NoiseSuppression::Standard,
            gain_control: true,
            original_sound: false,
        }
    }
}

/// A picture of others that is on screen now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ShownVideo {
    pub track: TrackId,
    /// Height in device pixels it is drawn at; 0: hidden.
    pub height: f64,
}

/// What only hosts may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum HostAction {
    Mute {
        participant: ParticipantId,
        source: Source,
    },
    MuteAll,
    LowerHand {
        participant: ParticipantId,
    },
    /// Puts these before everyone; none: nobody any more.
    Spotlight {
        participants: Vec<ParticipantId>,
    },
    Remove {
        participant: ParticipantId,
    },
    Lock {
        locked: bool,
    },
    End,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(optional_fields)]
pub enum DeskReply {
    Done,
    Failed {
        code: DeskCode,
    },
    Attached {
        state: Box<DeskState>,
        /// Absent where pictures have no way to the page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bus: Option<BusAddress>,
    },
    Meeting {
        info: MeetingInfo,
    },
    /// A table for spreadsheets.
    Report {
        csv: String,
    },
    Link {
        stats: LinkStats,
    },
    Streams {
        streams: Vec<StreamStats>,
    },
    Screens {
        sources: Vec<ScreenSource>,
    },
    BoardHistory {
        /// Entries of docs/BOARD.md, one after the other, in base64.
        entries: String,
        /// The number to go on after; absent: that was all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(type = "number")]
        next: Option<u64>,
    },
    Recorded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<DeviceProblem>,
    },
    Played {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<DeviceProblem>,
    },
}

/// Why a command failed: a code of the protocol, or what only this side knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(untagged)]
pub enum DeskCode {
    Own(OwnCode),
    Code(Code),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum OwnCode {
    /// No way to the server.
    Unreachable,
    /// The desk has ended.
    Closed,
}

/// What happens once, beside the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(optional_fields)]
pub enum DeskEvent {
    Reaction {
        participant: ParticipantId,
        reaction: Reaction,
    },
    /// A request failed.
    Refused { code: Code },
    /// Someone else muted one of our sources.
    MutedByHost { source: Source, by: ParticipantId },
    /// A host asks this one to unmute; only its person can.
    AskedToUnmute { source: Source, by: ParticipantId },
    /// A device vanished and another one is in use, or none is left.
    DeviceChanged {
        kind: DeviceKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    /// The shared screen ended by itself.
    ScreenEnded { reason: ScreenEnd },
    /// The background was taken away; it comes back only when chosen again.
    BackgroundOff { reason: BackgroundEnd },
    /// 0 to 1 over 60 dB; after [`DeskCommand::WatchLevels`].
    Levels { microphone: f32, speaker: f32 },
    /// After [`DeskCommand::BoardOpen`]: frames may be said.
    BoardOpened { line: u32 },
    /// A frame of the server's, in base64.
    BoardFrame { line: u32, frame: String },
    /// It closed, or never opened; nothing more comes under this number.
    BoardClosed { line: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BackgroundEnd {
    /// This machine does not keep up.
    TooSlow,
    /// The picture can't be read.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ScreenEnd {
    /// The window was closed, or the monitor unplugged.
    Closed,
    /// Stopped from the system's own bar.
    System,
    Failed,
}

/// What a desk tells by itself, to every page.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "twenty a second at most, and most of them are the large one"
)]
pub enum DeskPush {
    /// For the page's `desk://state`.
    State(DeskPatch),
    /// For the page's `desk://event`.
    Event(DeskEvent),
}
