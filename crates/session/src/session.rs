//! The machine: dispatch of inputs, connection and timers.

use crate::{Input, JoinOptions, Output, SavedSeat, SessionState};
use confab_base::Time;
use std::collections::VecDeque;

/// One participant's session.
#[derive(Debug)]
pub struct Session {
    options: JoinOptions,
    state: SessionState,
    out: VecDeque<Output>,
}

impl Session {
    pub fn new(options: JoinOptions) -> Session {
        Session {
            options,
            state: SessionState::default(),
            out: VecDeque::new(),
        }
    }

    pub fn handle(&mut self, _input: Input, _now: Time) {}

    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Input::Timeout`] shall come at the latest.
    pub fn next_wakeup(&self) -> Option<Time> {
        None
    }

    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// What a later session needs to take this seat again.
    pub fn seat(&self) -> Option<&SavedSeat> {
        self.options.seat.as_ref()
    }
}
