//! Opus by libopus 1.6, through its C interface.

mod decoder;
mod deep;
mod encoder;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::{Encoder, OpusConfig};

use crate::CodecError;
use opusic_sys as sys;

/// Samples per second and channel, of everything here.
pub const SAMPLE_RATE: usize = 48_000;
/// The longest packet is 120 ms.
const MAX_FRAME: usize = SAMPLE_RATE * 120 / 1000;
/// Opus counts in 2.5 ms.
const UNIT: usize = SAMPLE_RATE / 400;

fn error(code: i32) -> CodecError {
    match code {
        sys::OPUS_INVALID_PACKET => CodecError::Corrupt,
        sys::OPUS_BAD_ARG | sys::OPUS_BUFFER_TOO_SMALL => CodecError::BadInput,
        sys::OPUS_UNIMPLEMENTED => CodecError::Unsupported,
        code => CodecError::Library(code),
    }
}
