//! Every message between client and server, parsed once at the door. `docs/PROTOCOL.md` is the prose of this crate;
//! the TypeScript types in `ui/src/generated` are made from it by `cargo xtask generate`.
//!
//! Wire form: one JSON object per WebSocket text frame. Unknown fields are ignored, so that fields may be added;
//! unknown message types are answered with [`Code::UnknownMessage`].
#![forbid(unsafe_code)]

mod account;
mod admin;
mod breakout;
mod calendar;
mod check;
mod client;
mod event;
mod files;
mod http;
mod limits;
mod lobby;
mod parse;
mod quality;
mod rules;
mod server;
mod state;
mod token;
mod tools;
mod typescript;
mod webhook;

pub use account::*;
pub use admin::*;
pub use breakout::*;
pub use calendar::*;
pub use check::*;
pub use client::*;
pub use confab_base::{
    AccountId, Code, FileId, Limited, MediaKind, MeetingId, ParticipantId, QualityLevel, Source,
    TrackId, VideoCodec, VoiceLoss,
};
pub use event::*;
pub use files::*;
pub use http::*;
pub use limits::*;
pub use lobby::*;
pub use parse::{ParseError, parse_client, parse_server};
pub use quality::*;
pub use rules::*;
pub use server::*;
pub use state::*;
pub use token::*;
pub use tools::*;
pub use typescript::typescript;
pub use webhook::*;

/// The protocol version this build speaks. A client sends the highest it knows; the server refuses what it cannot speak.
pub const VERSION: u16 = 1;
