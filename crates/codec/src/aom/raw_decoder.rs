//! One libaom decoder, safe to hold.

use super::done;
use super::sys::{
    AOM_DECODER_ABI_VERSION, AOM_IMG_FMT_I420, AOMD_GET_FRAME_CORRUPTED, aom_codec_av1_dx,
    aom_codec_control, aom_codec_ctx, aom_codec_dec_cfg, aom_codec_dec_init_ver, aom_codec_decode,
    aom_codec_destroy, aom_codec_get_frame, aom_image_t,
};
use crate::CodecError;
use crate::checked::{Head, RawDecoder};
use crate::planes::Planes;
use confab_picture::I420;
use std::ffi::c_int;
use std::ptr;

/// An initialised libaom decoder.
pub struct AomDecoder {
    /// Boxed, so that it stays where the library saw it first.
    context: Box<aom_codec_ctx>,
}

// SAFETY: the instance is owned alone, has no thread affinity and keeps no thread-local state; with one thread configured it starts
// none. `&mut self` on every method that calls it rules out concurrent use.
unsafe impl Send for AomDecoder {}

impl std::fmt::Debug for AomDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AomDecoder")
    }
}

impl RawDecoder for AomDecoder {
    fn new() -> Result<AomDecoder, CodecError> {
        let config = aom_codec_dec_cfg {
            threads: 1,
            w: 0, // as the stream says
            h: 0,
            allow_lowbitdepth: 1,
        };
        let mut context = Box::<aom_codec_ctx>::default();
        // SAFETY: the context is zeroed as a new one has to be; the configuration is copied. The version is that of the headers the
        // bindings were made of: another library refuses instead of misreading them.
        done(unsafe {
            aom_codec_dec_init_ver(
                &mut *context,
                aom_codec_av1_dx(),
                &config,
                0,
                AOM_DECODER_ABI_VERSION as c_int,
            )
        })?;
        Ok(AomDecoder { context })
    }

    fn look(unit: &[u8]) -> Option<Head> {
        super::sequence::look(unit)
    }

    fn decode(&mut self, unit: &[u8]) -> Result<Option<I420>, CodecError> {
        // SAFETY: the decoder is initialised; the bytes are valid for their length and only read, during the call and until the last
        // picture of it was fetched, which is below.
        let code = unsafe {
            aom_codec_decode(
                &mut *self.context,
                unit.as_ptr(),
                unit.len(),
                ptr::null_mut(),
            )
        };
        done(code).map_err(|_| CodecError::Corrupt)?;
        let mut place = ptr::null();
        let mut shown = None;
        loop {
            // SAFETY: the decoder is initialised; `place` began as null and is the library's own since. What it points to stays until
            // the next call.
            let image = unsafe { aom_codec_get_frame(&mut *self.context, &mut place).as_ref() };
            let Some(image) = image else { break };
            // SAFETY: it comes from the call just made, and nothing was called since.
            shown = Some(unsafe { copy_out(image) }?);
        }
        self.look_whole()?;
        Ok(shown)
    }
}

impl AomDecoder {
    /// Errors inside a picture do not all fail: the library notes them.
    fn look_whole(&mut self) -> Result<(), CodecError> {
        let mut corrupted: c_int = 0;
        let question = AOMD_GET_FRAME_CORRUPTED as c_int;
        // SAFETY: the decoder is initialised; aomdx.h gives this number a pointer to an int, which outlives the call.
        done(unsafe { aom_codec_control(&mut *self.context, question, &raw mut corrupted) })
            .map_err(|_| CodecError::Corrupt)?;
        match corrupted {
            0 => Ok(()),
            _ => Err(CodecError::Corrupt),
        }
    }
}

impl Drop for AomDecoder {
    fn drop(&mut self) {
        // SAFETY: initialised once by the same library, destroyed once, not used after. The result only says whether it was.
        unsafe { aom_codec_destroy(&mut *self.context) };
    }
}

/// Copies a decoded picture out of the decoder's buffers.
///
/// # Safety
/// `image` must come from the decoder's last call.
unsafe fn copy_out(image: &aom_image_t) -> Result<I420, CodecError> {
    // Grey pictures have planes all the same.
    if image.fmt != AOM_IMG_FMT_I420 || image.bit_depth != 8 {
        return Err(CodecError::Corrupt);
    }
    let planes = Planes {
        start: image.planes.map(|p| p.cast_const()),
        stride: image.stride,
        width: image.d_w as c_int,
        height: image.d_h as c_int,
    };
    // SAFETY: the library describes its own buffers, which it does not write to before the next call.
    unsafe { planes.copy() }
}
