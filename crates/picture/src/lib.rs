//! Pictures as the codecs want them: I420 in BT.601 limited range, conversions into and out of it, scaling, the
//! simulcast ladder, what is seen behind a person, measuring quality, and test pictures that carry a readable frame number.
//!
//! Pure: bytes in, bytes out; the only files here are [`std::io`] traits in [`y4m`].
#![forbid(unsafe_code)]

mod background;
mod blur;
mod codec_guard;
mod convert;
mod governor;
mod i420;
mod ladder;
mod load_guard;
mod mark;
mod mask;
mod pattern;
mod quality;
mod scale;
mod screen_pattern;
pub mod y4m;

pub use background::{Backdrop, Background, Strength};
pub use codec_guard::CodecGuard;
pub use convert::ConvertError;
pub use governor::{CpuGovernor, GovernorOutput};
pub use i420::{I420, MAX_SIDE, PictureError};
pub use ladder::{Rung, ladder, screen_rung};
pub use load_guard::{CodingLoad, LoadGuard};
pub use mark::{Mark, read_counter, write_mark};
pub use mask::{Mask, Refiner};
pub use pattern::TestPattern;
pub use quality::psnr_y;
pub use scale::Scaler;
pub use screen_pattern::ScreenPattern;
