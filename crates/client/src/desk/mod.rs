//! A meeting window's participant: the time before joining (preview, levels, choice of devices, tests), the meeting, and
//! after it. [`DeskCommand`]s in, [`DeskPush`]es out, all of it serialisable, so that a shell only forwards.
//!
//! [`Desk::start`] gives a [`DeskHandle`], which lives in the shell, not in the page: a page that is loaded anew asks
//! [`DeskCommand::Attach`] for everything and goes on. The words here are those of `ui/src/port/port.ts`;
//! `cargo xtask generate` writes them to `ui/src/generated/desk.ts`.
//!
//! Threads: `desk` (this machine), one `desk-<device>` per kind of device (opening may take seconds), and those of
//! [`crate::Client`] and the pipeline.

pub mod api;
mod backdrop;
mod boards;
mod devices;
mod face;
mod handle;
mod local;
mod machine;
mod meeting;
mod options;
mod rehearsal;
mod screens;
mod share;
mod sounds;
mod state;
mod stats;
mod translate;
mod typescript;
mod visitors;

pub use face::{
    BackgroundEnd, BlurStrength, DataSaving, DeskBackground, DeskCode, DeskCommand, DeskEvent,
    DeskPush, DeskReply, HostAction, MAX_BACKGROUND, NoiseSuppression, OwnCode, Processing,
    ScreenEnd, ShownVideo,
};
pub use handle::{Desk, DeskHandle};
pub use options::{DeskOptions, MakeSinks, Pictures, TestDevices};
pub use state::{
    CallPhase, CallState, ChatEntry, DeskDevice, DeskPatch, DeskState, DeviceKind, DeviceProblem,
    EndReason, Leading, LimitedTrack, LobbyWait, LocalNoise, LocalScreen, LocalSource,
    LocalSpeaker, LocalState, MediaFlow, NoiseProblem, OwnEnd, ScreenMode,
};
pub use stats::{
    BusAddress, LinkStats, RepairStats, ScreenSource, ScreenSourceKind, StreamDirection,
    StreamLimit, StreamStats,
};
pub use typescript::typescript;
