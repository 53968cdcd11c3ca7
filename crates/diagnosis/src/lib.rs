//! What is wrong with a server's set-up: facts in, findings out. `confab-server doctor` collects the [`Facts`] and prints
//! what [`judge`] says; nothing here touches a network, a file or a clock.
//!
//! The point is the *right cause*: an expired certificate, a name that leads elsewhere or a clock that is off each break half
//! a dozen checks. What only follows from another fault is [`Level::Skipped`], with a word on what it waits for.
#![forbid(unsafe_code)]

mod date;
mod facts;
mod judge;
mod path;
mod said;
pub mod sntp;
pub mod stun;

pub use date::{parse_http_date, plain_date};
pub use facts::{
    Answer, Certificate, Chain, ClockSample, ClockSource, Database, DatabaseState, Facts, Failure,
    Local, Media, PortState, Reached, Setup, Udp,
};
pub use judge::judge;
pub use said::{Check, Finding, Level};
