//! Whole meetings in virtual time: the real room, the real sessions and the real wire format, on a network from a seed.
//! Only sockets, storage and media are played. No test here waits for anything, and every one repeats exactly.
#![forbid(unsafe_code)]

pub mod media;
mod meeting;
mod person;
mod recording;
mod server;

pub use meeting::{Actor, Meeting};
pub use person::Person;
pub use recording::Recording;
pub use server::Server;

use confab_base::{MeetingId, Time};
use confab_protocol::Policy;
use confab_room::RoomConfig;

/// What travels between the nodes.
#[derive(Clone, Debug)]
pub enum Packet {
    /// A client opens connection number ….
    Open(u64),
    /// The server took it.
    Opened(u64),
    Text(u64, String),
    /// Either side closed it, or it never was.
    Closed(u64),
}

pub fn meeting_id() -> MeetingId {
    MeetingId::from_random(7)
}

pub fn room_config() -> RoomConfig {
    RoomConfig {
        id: meeting_id(),
        title: "Weekly".into(),
        max_participants: 200,
        policy: Policy::default(),
        starts_at: None,
    }
}

/// The wall clock of the simulation, milliseconds since 1970.
pub fn wall_ms(now: Time) -> u64 {
    1_790_000_000_000 + now.as_millis()
}
