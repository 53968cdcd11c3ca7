//! A bad network on purpose: what `confab-impair` is made of. `docs/IMPAIR.md` is its contract.
//!
//! [`Scenario`] is a script that was read and checked, [`Duplex`] the pure machine that carries it out on packets both
//! ways in virtual time, [`run`] the adapter that puts it between two network namespaces (Linux only).

mod change;
mod duplex;
mod error;
mod lines;
mod profiles;
mod run;
mod scenario;
mod script;
mod stats;
mod synthetic;
mod trace;

#[cfg(target_os = "linux")]
mod linux;

pub use change::Change;
pub use duplex::{Arrival, Direction, Duplex};
pub use error::{Fault, ScriptError};
pub use lines::Lines;
pub use profiles::{PROFILES, Profile, profile};
pub use run::{Names, RunError, RunOptions, run};
pub use scenario::{Scenario, Step};
pub use stats::{Counts, Histogram, Report, Spread};
pub use synthetic::{SYNTHETIC, synthetic};
pub use trace::{parse_trace, write_trace};
