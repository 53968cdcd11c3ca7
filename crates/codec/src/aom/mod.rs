//! AV1 by libaom, through its C interface.

mod raw_decoder;
mod raw_encoder;
mod sequence;
#[cfg(test)]
mod tests;

use crate::CodecError;
use crate::simulcast::Simulcast;
use crate::temporal::Patterned;

/// Simulcast AV1 encoder, see [`crate::video_encoder`].
pub type Encoder = Simulcast<Patterned<raw_encoder::AomEncoder>>;

/// AV1 decoder, see [`crate::video_decoder`].
pub type Decoder = crate::checked::Decoder<raw_decoder::AomDecoder>;

/// libaom's interface, as `build.rs` read it from the headers. The `unsafe` blocks in it zero plain C structures.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals
)]
mod sys {
    include!(concat!(env!("OUT_DIR"), "/aom.rs"));
}

fn done(code: sys::aom_codec_err_t) -> Result<(), CodecError> {
    match code {
        sys::AOM_CODEC_OK => Ok(()),
        code => Err(CodecError::Library(code as i32)),
    }
}
