//! The words between a page and the shell: one command type, one reply, one event. The same types in TypeScript stand in
//! `ui/src/generated/app.ts`, written by `cargo xtask generate`; their meaning is told in `ui/src/port/app.ts`.

use confab_base::Code;
pub use confab_client::desk::NoiseSuppression;
use confab_protocol::{CreateMeeting, MeetingCreated};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use ts_rs::TS;

/// What a page can ask of the shell.
#[derive(Clone, Debug, PartialEq, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(optional_fields)]
pub enum AppCommand {
    /// [`AppReply::Info`]
    Info,
    /// What this window is for: [`AppReply::Place`].
    Place,
    /// [`AppReply::Settings`]
    Settings,
    /// Fields of [`Settings`] to change; the others stay. All windows hear of it.
    SaveSettings {
        #[ts(type = "Partial<Settings>")]
        patch: Map<String, Value>,
    },
    /// [`AppReply::Recent`]
    Recent,
    ForgetRecent {
        id: String,
    },
    /// A link, a deep link, or the code alone where a server is set: opens its window, or brings it to the front.
    OpenMeeting {
        text: String,
    },
    /// On the server of the settings: [`AppReply::Created`].
    CreateMeeting {
        request: CreateMeeting,
    },
    /// Where this user is signed in: [`AppReply::Accounts`].
    Accounts,
    /// Opens the sign-in page of the settings' server in the system's browser; [`AppEvent::Account`] tells how it went. From the
    /// home window only, as the four after it.
    SignIn,
    CancelSignIn,
    /// Ends the session on a server and forgets it here, even where that server does not answer. Absent: the settings' server.
    SignOut {
        #[serde(default)]
        server: Option<String>,
    },
    /// Asks the settings' server in the name of who is signed in: [`AppReply::Said`].
    AskServer {
        request: ServerRequest,
    },
    /// Saves a file of that server in the downloads folder: [`AppReply::File`].
    FetchFile {
        /// From the server's root.
        path: String,
        name: String,
    },
    /// Saves a text in the downloads folder: [`AppReply::File`].
    SaveFile {
        name: String,
        text: String,
    },
    /// Shows the home window.
    OpenHome,
    /// Closes this window.
    Close,
    /// An http(s) address, or a page of the settings' server by its path, in the system's browser.
    OpenLink {
        url: String,
    },
    FullScreen {
        on: bool,
    },
    /// How many pictures a second this page draws with several videos in it. Counts from the next start on.
    DrawRate {
        fps: f64,
    },
    /// A small window for one picture beside this one: [`AppReply::PopOut`]. Absent: closes it.
    PopOut {
        #[serde(default)]
        what: Option<PopOutWhat>,
    },
    /// Logs and settings without secrets in one file: [`AppReply::File`].
    SupportBundle,
    /// Starts the diagnostics window.
    OpenDiagnostics,
    /// [`AppReply::Update`]
    CheckUpdate,
    /// Installs what was found and starts anew.
    InstallUpdate,
}

/// A request of the server's API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, TS)]
#[ts(optional_fields)]
pub struct ServerRequest {
    /// In capitals.
    pub method: String,
    /// Below `/api/v1`, with its query.
    pub path: String,
    /// `If-Match`.
    #[serde(default)]
    pub seen: Option<String>,
    /// JSON.
    #[serde(default)]
    pub body: Option<String>,
}

/// Somebody who is signed in on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct KnownAccount {
    /// Origin.
    pub server: String,
    pub name: String,
    pub email: String,
}

/// What the pop-out shows: a track's number, or whoever speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(untagged)]
pub enum PopOutWhat {
    Track(u32),
    Speaker(SpeakerWord),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SpeakerWord {
    Speaker,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(optional_fields)]
pub enum AppReply {
    Done,
    Accounts {
        accounts: Vec<KnownAccount>,
    },
    /// What the server said, whatever it was.
    Said {
        /// Of HTTP.
        status: u16,
        /// Seconds until another try.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
        body: String,
    },
    Failed {
        code: AppCode,
    },
    Info {
        info: AppInfo,
    },
    Place {
        place: Place,
    },
    Settings {
        settings: Box<Settings>,
    },
    Recent {
        meetings: Vec<RecentMeeting>,
    },
    Created {
        created: MeetingCreated,
    },
    File {
        path: String,
    },
    Update {
        update: UpdateState,
    },
    PopOut {
        host: PopOutHost,
    },
}

/// What happens by itself; sent to the windows it concerns.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(optional_fields)]
pub enum AppEvent {
    /// They were changed, here or in another window.
    Settings {
        settings: Box<Settings>,
    },
    /// A system-wide shortcut or the tray.
    Shortcut {
        action: GlobalAction,
    },
    /// By a command, or by the window manager.
    FullScreen {
        on: bool,
    },
    /// This window shows something else from now on.
    Place {
        place: Place,
    },
    PopOutClosed,
    /// Somebody signed in or out, or a sign-in came to nothing.
    Account {
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<AppCode>,
    },
    /// A link from outside led nowhere. Where the window opens for it, [`Place::Home`] tells that.
    LinkRefused {
        code: AppCode,
    },
}

/// Why the shell did not do something: a code of the protocol, or one of the shell's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(untagged)]
pub enum AppCode {
    Own(ShellCode),
    Code(Code),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ShellCode {
    /// No way to the server.
    Unreachable,
    /// Neither a link nor a code.
    BadLink,
    /// A code alone, and no server is set.
    NoServer,
    /// The policy allows another server only.
    ServerNotAllowed,
    /// A file could not be read or written.
    File,
    /// The person said no in the browser.
    SignInDenied,
    /// Nobody came back from the browser in ten minutes.
    SignInTooLate,
    /// The server calls itself by another address than the settings do.
    OtherServer,
    /// Not possible in this installation, or not from this window.
    Unavailable,
}

impl From<ShellCode> for AppCode {
    fn from(code: ShellCode) -> AppCode {
        AppCode::Own(code)
    }
}

impl From<ShellCode> for AppReply {
    fn from(code: ShellCode) -> AppReply {
        AppReply::Failed { code: code.into() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
pub struct AppInfo {
    /// `0.1.0`
    pub version: String,
    /// `Linux x86_64, WebKitGTK 2.50.6`
    pub platform: String,
    pub policy: PolicyInfo,
    /// Whether `open_diagnostics` can work here.
    pub diagnostics: bool,
    /// Whether `check_update` can work here.
    pub updates: bool,
}

/// What the operator of this machine has set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[ts(optional_fields)]
pub struct PolicyInfo {
    /// Origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// No other server may be used.
    pub locked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UpdateState {
    Current,
    Found { version: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PopOutHost {
    /// In a window of its own.
    Apart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum GlobalAction {
    Microphone,
    Camera,
}

/// What a window shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(optional_fields)]
pub enum Place {
    Home {
        /// A link from outside led nowhere; told once.
        #[serde(skip_serializing_if = "Option::is_none")]
        refused: Option<AppCode>,
    },
    Meeting {
        meeting: String,
        /// Origin.
        server: String,
        /// The link has the host's key; the key itself stays in the shell.
        host: bool,
        /// Nothing was ever sent to this server.
        unknown_server: bool,
        /// What is in the small window beside this one, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        popped_out: Option<PopOutWhat>,
    },
    PopOut {
        meeting: String,
        server: String,
        what: PopOutWhat,
    },
    /// The bar that floats over everything while a screen is shared from this meeting.
    ShareBar { meeting: String, server: String },
}

/// A meeting that was joined from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecentMeeting {
    pub id: String,
    /// Origin.
    pub server: String,
    pub meeting: String,
    /// Empty: untitled.
    pub title: String,
    /// Milliseconds since 1970.
    #[ts(type = "number")]
    pub last_joined: u64,
}

/// A key with its modifiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Chord {
    /// The physical key as in KeyboardEvent.code ("KeyD", "Space"), or "?" by meaning.
    pub code: String,
    /// Ctrl, or Command on Apple machines.
    #[serde(rename = "mod")]
    pub modifier: bool,
    pub shift: bool,
    pub alt: bool,
}

/// Devices chosen while exactly these were connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(optional_fields)]
pub struct DeviceSet {
    /// Made by the views; opaque here.
    pub key: String,
    /// Ids; absent: the system's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microphone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub enum Language {
    #[default]
    #[serde(rename = "system")]
    System,
    #[serde(rename = "en")]
    English,
    #[serde(rename = "zh-CN")]
    Chinese,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BackgroundChoice {
    #[default]
    None,
    /// Blurred a little.
    Light,
    /// Blurred much.
    Strong,
    Picture,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    #[default]
    Grid,
    Speaker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DataSaver {
    Off,
    /// Less of everything but sound.
    Save,
    /// And no pictures.
    Audio,
}

/// With another window in front; absent: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct GlobalShortcuts {
    pub microphone: Option<Chord>,
    pub talk: Option<Chord>,
    pub camera: Option<Chord>,
}

/// The settings of this user on this machine. Defaults and limits: `settings.rs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Display name; empty until typed.
    pub name: String,
    /// As last time.
    pub microphone_on: bool,
    pub camera_on: bool,
    /// Latest first.
    pub device_sets: Vec<DeviceSet>,
    pub echo_cancellation: bool,
    pub noise_suppression: NoiseSuppression,
    pub gain_control: bool,
    /// Nothing is done to the own sound, whatever the three above say.
    pub original_sound: bool,
    pub mirror_self: bool,
    /// What others see behind this user.
    pub background: BackgroundChoice,
    /// A `data:` URL, for the choice `picture`; empty: none was chosen yet.
    pub background_picture: String,
    pub data_saver: DataSaver,
    /// The most to send and to receive while it is on, kbit/s, 100 to 20000; 0: no limit.
    pub saver_up: u32,
    pub saver_down: u32,
    pub language: Language,
    pub theme: Theme,
    pub high_contrast: bool,
    pub reduced_motion: bool,
    /// 1, 1.25, 1.5, 1.75 or 2.
    pub scale: f64,
    pub layout: Layout,
    /// Within a window, by action; the views'.
    pub shortcuts: BTreeMap<String, Chord>,
    pub global_shortcuts: GlobalShortcuts,
    /// Origin for new meetings and bare codes; empty: none. A policy's server wins.
    pub server: String,
    pub autostart: bool,
    pub keep_awake: bool,
    pub notifications: bool,
}
