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

/// libvpx's interface, as `build.rs` read it from the headers. The `unsafe` blocks in it zero plain C structures.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals
)]
mod sys {
    include!(concat!(env!("OUT_DIR"), "/vpx.rs"));
}

fn done(code: sys::vpx_codec_err_t) -> Result<(), CodecError> {
    match code {
        sys::VPX_CODEC_OK => Ok(()),
        code => Err(CodecError::Library(code as i32)),
    }
}
