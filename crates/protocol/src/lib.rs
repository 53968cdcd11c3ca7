//! Every message between client and server, parsed once at the door. `docs/PROTOCOL.md` is the prose of this crate;
//! the TypeScript types in `ui/src/generated` are made from it by `cargo xtask generate`.
//!
//! Wire form: one JSON object per WebSocket text frame. Unknown fields are ignored, so that fields may be added;
//! unknown message types are answered with [`Code::UnknownMessage`].
#![forbid(unsafe_code)]

mod client;
mod event;
mod http;
mod limits;
mod parse;
mod server;
mod state;
mod typescript;

pub use client::*;
pub use confab_base::{
    Code, Limited, MediaKind, MeetingId, ParticipantId, QualityLevel, Source, TrackId, VideoCodec,
    VoiceLoss,
};
pub use event::*;
pub use http::*;
pub use limits::*;
pub use parse::{ParseError, parse_client, parse_server};
pub use server::*;
pub use state::*;
pub use typescript::typescript;

/// The protocol version this build speaks. A client sends the highest it knows; the server refuses what it cannot speak.
pub const VERSION: u16 = 1;
