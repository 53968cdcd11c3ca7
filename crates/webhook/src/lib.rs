//! Letters to other programs (webhooks): [`Courier`] says when each is sent, tried again and given up; [`Secret`] signs them as
//! "Standard Webhooks" 1.0 says, so that receivers find a library for it in their language. Who carries them is the server's affair.
//! Times are milliseconds since 1970: they outlive the process.
#![forbid(unsafe_code)]

mod courier;
mod signature;

pub use courier::{Answer, Courier, Input, Letter, Output, Rules};
pub use signature::Secret;
