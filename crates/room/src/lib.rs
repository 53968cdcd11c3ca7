//! One meeting on the server, as a pure state machine: told the time and the dice, it orders what happens.
//!
//! The shell gives it [`Input`]s, and after each carries out every [`Output`] of [`Room::poll_output`] in order. Before
//! it sends anything it should have stored the [`Output::Store`]s that came earlier: then nothing a participant has
//! seen is lost by a crash.
#![forbid(unsafe_code)]

mod chat;
mod events;
mod face;
mod join;
mod listening;
mod media;
mod moderation;
mod persistence;
mod publishing;
mod rate;
mod room;
mod same_room;
mod seat;

pub use face::{
    ConnId, Connect, Digest, Input, Output, Persisted, PersistedMeeting, PersistedParticipant,
    RoomConfig, StoreCommand,
};
pub use media::{MediaCommand, MediaEvent, PublishedLine};
pub use room::Room;
