//! One meeting on the server, as a pure state machine: told the time and the dice, it orders what happens.
//!
//! The shell gives it [`Input`]s, and after each carries out every [`Output`] of [`Room::poll_output`] in order. Before
//! it sends anything it should have stored the [`Output::Store`]s that came earlier: then nothing a participant has
//! seen is lost by a crash.
#![forbid(unsafe_code)]

mod apart;
mod board;
mod breakout;
mod chat;
mod events;
mod face;
mod files;
mod floor;
mod join;
mod listening;
mod lobby;
mod media;
mod moderation;
mod oversight;
mod persistence;
mod polls;
mod publishing;
mod quality;
mod questions;
mod rate;
mod room;
mod rules;
mod same_room;
mod seat;
mod speaking;
mod tries;

pub use board::BoardSeat;
pub use chat::may_read;
pub use face::{
    ConnId, Connect, Digest, Input, MinuteOf, Output, Passcode, Persisted, PersistedMeeting,
    PersistedParticipant, PersistedPoll, PersistedTools, RoomConfig, StoreCommand,
};
pub use media::{MediaCommand, MediaEvent, PublishedLine};
pub use oversight::{Deed, Overview};
pub use quality::LinkSample;
pub use room::Room;
