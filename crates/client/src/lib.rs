//! A whole participant without a window: [`Command`]s in, [`Event`]s out.
//!
//! [`Client::start`] opens the devices, joins, and keeps the participant in the meeting over cuts until it leaves. Threads:
//! `client` (session, signaling), `transport-N` (sockets of peer connection N), `media-in-N` (its packets), `sign-in-visit` (a
//! browser that comes back from signing in), `board` (an open whiteboard's socket), `drawing` (a native's own copy of one), and
//! those of the pipeline. The binary `confab-headless` is a command line around this.
#![forbid(unsafe_code)]

mod actor;
mod board;
mod client;
pub mod desk;
pub mod diagnose;
mod drawing;
mod face;
mod hearing;
mod ladder;
mod link;
mod media;
mod minutes;
mod network;
mod repair;
pub mod sign_in;
mod slots;
mod socket;
mod stats;
mod usage;

pub use client::{Client, ClientHandle, Studio};
pub use confab_session::{Action, MediaPhase, Notice, Phase, SessionState};
pub use drawing::{BoardNews, Drawing};
pub use face::{ClientOptions, Command, Event, Saving, Shown, StartError, TestSwitches};
pub use link::{LinkError, MeetingLink};
pub use slots::{MAX_AUDIO_SLOTS, MAX_VIDEO_SLOTS};
pub use socket::{SessionCookie, TlsError, Trust};
pub use stats::StatsLine;

/// The whiteboard's words that drawing is made of.
pub use confab_board as board_words;
/// The media side's words that options are made of.
pub use confab_pipeline as pipeline;
