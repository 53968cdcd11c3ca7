//! One meeting on the server, as a pure state machine: told the time and the dice, it orders what happens.
#![forbid(unsafe_code)]

mod media;

pub use media::{MediaCommand, MediaEvent, PublishedLine};
