//! Why a microphone, speaker, camera or screen can't be used, in the words that tell people what to do.

use std::fmt;

/// Each of these asks something else of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceFault {
    /// It is not there, and no other of its kind: plug one in.
    Missing,
    /// Another program has it for itself: close that one.
    Busy,
    /// This program may not use it: allow it in the system's settings.
    Denied,
    /// It speaks no format we do, or the system can't do this at all: take another.
    Unsupported,
    /// It does not work; the log says more.
    Failed,
}

impl fmt::Display for DeviceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceFault::Missing => "there is no such device",
            DeviceFault::Busy => "another program is using it",
            DeviceFault::Denied => "this program may not use it",
            DeviceFault::Unsupported => "it can't be used on this system",
            DeviceFault::Failed => "it does not work",
        })
    }
}
