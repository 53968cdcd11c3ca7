//! The meeting itself: dispatch of inputs, and what the shell may ask about it.

use crate::{Input, Output, Persisted, RoomConfig};
use confab_base::Time;
use confab_protocol::{Meeting, Snapshot};
use std::collections::VecDeque;

/// One meeting.
#[derive(Debug)]
pub struct Room {
    config: RoomConfig,
    out: VecDeque<Output>,
}

impl Room {
    pub fn new(config: RoomConfig) -> Room {
        Room::restore(config, Persisted::default(), Time::ZERO)
    }

    /// The meeting as it was when the store last heard of it. All seats are `reconnecting` from `now` on.
    pub fn restore(config: RoomConfig, _persisted: Persisted, _now: Time) -> Room {
        Room {
            config,
            out: VecDeque::new(),
        }
    }

    /// `wall_ms`: milliseconds since 1970.
    pub fn handle(&mut self, _input: Input, _now: Time, _wall_ms: u64) {}

    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Timeout`] shall come at the latest.
    pub fn next_wakeup(&self) -> Option<Time> {
        None
    }

    /// The room as a client that joined now would see it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            seq: 0,
            meeting: Meeting {
                id: self.config.id.clone(),
                title: self.config.title.clone(),
                locked: self.is_locked(),
                started_at: 0,
            },
            participants: Vec::new(),
            chat: Vec::new(),
        }
    }

    /// Seats, whether connected or not.
    pub fn seats(&self) -> usize {
        0
    }

    /// Participants whose signaling connection is up.
    pub fn connected(&self) -> usize {
        0
    }

    pub fn is_locked(&self) -> bool {
        false
    }

    pub fn is_ended(&self) -> bool {
        false
    }
}
