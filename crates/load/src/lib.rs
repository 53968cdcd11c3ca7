//! Synthetic participants, to find out how many people a server carries: real signaling, ICE, DTLS and SRTP, and packets like
//! those of a camera and a microphone, on one thread for all of them.
//!
//! * `scene`: who meets and what they send; `camera`: the packets; `ledger`: what left, what came, and how long it took
//! * `wire`: a participant's socket; `person`: one participant's media; `crowd`: the thread of all of them
//! * `signaling`: the way into the meeting; `meeting`: one measurement from joining to leaving
//! * `outcome`: what it showed and whether that is good enough; `search`: which number to try next; `capacity`: what was found;
//!   `machine`: whose figures
//!
//! Nothing is decoded: a packet that came is decrypted, counted and thrown away.
#![forbid(unsafe_code)]

mod camera;
mod capacity;
mod crowd;
mod error;
mod ledger;
pub mod machine;
mod meeting;
mod outcome;
mod person;
mod scene;
mod search;
mod signaling;
pub mod wire;

pub use capacity::Capacity;
pub use error::LoadError;
pub use meeting::{Stage, measure};
pub use outcome::{HEADING, Outcome, Reason};
pub use scene::{Kind, Scene};
pub use search::{Search, Verdict};
pub use signaling::Door;
