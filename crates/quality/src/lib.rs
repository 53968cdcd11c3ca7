//! What the minutes of a call mean: how good each was to listen to, and what made the bad ones bad. Everything here is computed from
//! what was stored; nothing is kept.
#![forbid(unsafe_code)]

mod causes;
mod runs;
mod score;
mod shared;
mod signs;

pub use causes::causes;
pub use score::score;
