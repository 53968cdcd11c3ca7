//! VP8 and the decoding of VP9 by libvpx, through its C interface.

mod raw_decoder;
mod raw_encoder;
#[cfg(test)]
mod tests;
mod vp8;
mod vp9;

use crate::CodecError;
use crate::checked::Decoder;
use crate::simulcast::Simulcast;
use crate::temporal::Patterned;

/// Simulcast VP8 encoder, see [`crate::video_encoder`].
pub type Encoder = Simulcast<Patterned<raw_encoder::RawEncoder>>;

/// VP8 decoder, see [`crate::video_decoder`].
pub type Vp8Decoder = Decoder<raw_decoder::VpxDecoder<raw_decoder::Vp8>>;

/// VP9 decoder, see [`crate::video_decoder`].
pub type Vp9Decoder = Decoder<raw_decoder::VpxDecoder<raw_decoder::Vp9>>;

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
