//! VP8 by libvpx, through its C interface.

mod decoder;
mod encoder;
mod pattern;
mod raw_decoder;
mod raw_encoder;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;

use crate::CodecError;
use vpx_sys::vpx_codec_err_t;

fn done(code: vpx_codec_err_t) -> Result<(), CodecError> {
    match code {
        vpx_codec_err_t::VPX_CODEC_OK => Ok(()),
        code => Err(CodecError::Library(code as i32)),
    }
}
