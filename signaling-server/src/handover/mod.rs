//! One process takes over from another under meetings that go on (docs/adr/0035). The old one keeps those that are awake in it and
//! ends when they are over; the new one has the ports, all other meetings, and the work beside them.
//!
//! * `duty`: work that one process at a time does
//! * `held`: which meetings the other process has; `carry`: what comes here about them is brought there
//! * `wire`: what the two say to each other, and the sockets that go with it
//! * `leaving`: the old one's part; `taking`: the new one's; `notify`: what systemd is told
//!
//! Unix only: elsewhere no process can be given another's sockets so simply, and `held` stays empty.

#[cfg(unix)]
mod carry;
mod duty;
mod held;
#[cfg(unix)]
mod leaving;
#[cfg(unix)]
mod notify;
#[cfg(unix)]
mod taking;
#[cfg(unix)]
mod wire;

pub(crate) use duty::{Duty, Switch};
pub(crate) use held::Held;
#[cfg(unix)]
pub(crate) use {
    carry::{Asked, carried, more_meetings},
    leaving::{Estate, Leaving},
    taking::{ask, follow, settle},
    wire::tell_failure,
};
#[cfg(unix)]
pub use {
    leaving::{Successor, restart_server},
    notify::ready,
};

use crate::sfu::{Bequest, Link};
use std::net::TcpListener;

/// In the data directory: where a server is asked to restart, and its successor asks for the sockets.
#[cfg(unix)]
const HANDOVER_SOCKET: &str = "handover.sock";
/// In the data directory: where the process that drains serves what is carried to it.
const HELD_SOCKET: &str = "held.sock";

/// Why no process took over; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    #[error("handover_busy: a restart is under way")]
    Busy,
    #[error(
        "handover_draining: the process before this one still serves its meetings; it ends when they are over, or after drain_hours"
    )]
    Draining,
    #[error("handover_done: another process has taken over already")]
    Done,
    #[error("handover_not_started: {0}")]
    NotStarted(std::io::Error),
    #[error("handover_exited: the new process ended ({0}); its own messages say why")]
    Exited(String),
    #[error("handover_late: the new process did not come up within 30 seconds")]
    Late,
    /// What the new process said.
    #[error("{0}")]
    Failed(String),
    #[error("handover_no_server: no server with this data directory answers: {0}")]
    NoServer(std::io::Error),
    #[error("handover_broken: {0}")]
    Broken(#[from] std::io::Error),
    /// Nobody asked this process to come.
    #[error(
        "handover_unasked: --take-over is for the running server, which starts its successor by itself"
    )]
    Unasked,
}

/// What the new process is given.
pub(crate) struct Inheritance {
    pub(crate) doors: Doors,
    pub(crate) media: (Bequest, Link),
}

/// The listening sockets.
pub(crate) struct Doors {
    pub(crate) http: TcpListener,
    pub(crate) ice_tcp: Option<TcpListener>,
    pub(crate) metrics: Option<TcpListener>,
}
