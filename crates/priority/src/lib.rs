//! Lets the threads that carry sound go first, so that a busy machine costs pictures before it costs speech.
//!
//! A voice needs a tenth of a core, but every 10 ms. Among equals on a full machine it waits for whole time slices of
//! others, and what is heard breaks up. Linux: a higher nice level, by right where the process may, else through
//! RealtimeKit, which desktops have for this. Nice rather than real-time scheduling: a thread that runs wild then slows the
//! machine and doesn't stop it. Elsewhere: the system's thread priorities.
//!
//! And says how busy the machine is ([`MachineLoad`]), for what is given up before it costs others.
#![forbid(unsafe_code)]

mod load;
pub use load::MachineLoad;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
use other as os;

/// What a thread does, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Sound, every 10 ms.
    Voice,
    /// Packets of sound and pictures.
    Network,
}

/// Raises the calling thread. Never waits: where someone has to be asked, a thread of its own asks. A refusal is logged
/// at debug level and changes nothing.
pub fn raise(urgency: Urgency) {
    os::raise(urgency);
}
