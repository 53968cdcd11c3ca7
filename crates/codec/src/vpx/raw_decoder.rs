//! One libvpx decoder, safe to hold.

use super::done;
use super::sys::{
    VP8D_GET_FRAME_CORRUPTED, VPX_DECODER_ABI_VERSION, VPX_IMG_FMT_I420, vpx_codec_control_,
    vpx_codec_ctx, vpx_codec_dec_cfg, vpx_codec_dec_init_ver, vpx_codec_decode, vpx_codec_destroy,
    vpx_codec_get_frame, vpx_codec_vp8_dx, vpx_codec_vp9_dx, vpx_image_t,
};
use crate::CodecError;
use crate::checked::{Head, RawDecoder};
use crate::planes::Planes;
use confab_picture::I420;
use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr;

/// A codec of libvpx.
pub trait Format: Send {
    const VP9: bool;
}

#[derive(Debug)]
pub struct Vp8;
#[derive(Debug)]
pub struct Vp9;

impl Format for Vp8 {
    const VP9: bool = false;
}

impl Format for Vp9 {
    const VP9: bool = true;
}

/// An initialised libvpx decoder.
pub struct VpxDecoder<F> {
    /// Boxed, so that it stays where the library saw it first.
    context: Box<vpx_codec_ctx>,
    format: PhantomData<F>,
}

// SAFETY: the instance is owned alone, has no thread affinity and keeps no thread-local state; with one thread configured it starts
// none. `&mut self` on every method that calls it rules out concurrent use.
unsafe impl<F> Send for VpxDecoder<F> {}

impl<F: Format> std::fmt::Debug for VpxDecoder<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if F::VP9 { "Vp9" } else { "Vp8" })
    }
}

impl<F: Format> RawDecoder for VpxDecoder<F> {
    fn new() -> Result<Self, CodecError> {
        let config = vpx_codec_dec_cfg {
            threads: 1,
            w: 0, // as the stream says
            h: 0,
        };
        let mut context = Box::<vpx_codec_ctx>::default();
        // SAFETY: the context is zeroed as a new one has to be; the configuration is copied; the interfaces are constants of the
        // library. The version is that of the headers the bindings were made of: another library refuses instead of misreading
        // them. No flags: no concealment, no post-processing.
        done(unsafe {
            let interface = if F::VP9 {
                vpx_codec_vp9_dx()
            } else {
                vpx_codec_vp8_dx()
            };
            vpx_codec_dec_init_ver(
                &mut *context,
                interface,
                &config,
                0,
                VPX_DECODER_ABI_VERSION as c_int,
            )
        })?;
        Ok(VpxDecoder {
            context,
            format: PhantomData,
        })
    }

    fn look(unit: &[u8]) -> Option<Head> {
        if F::VP9 {
            super::vp9::look(unit)
        } else {
            super::vp8::look(unit)
        }
    }

    fn decode(&mut self, unit: &[u8]) -> Result<Option<I420>, CodecError> {
        let unit = if F::VP9 {
            super::vp9::indexed(unit)
        } else {
            unit.into()
        };
        let length = u32::try_from(unit.len()).map_err(|_| CodecError::BadInput)?;
        // SAFETY: the decoder is initialised; the bytes are valid for `length` and only read, during the call.
        let code = unsafe {
            vpx_codec_decode(
                &mut *self.context,
                unit.as_ptr(),
                length,
                ptr::null_mut(),
                0,
            )
        };
        done(code).map_err(|_| CodecError::Corrupt)?;
        let mut place = ptr::null();
        let mut shown = None;
        loop {
            // SAFETY: the decoder is initialised; `place` began as null and is the library's own since. What it points to stays until
            // the next call.
            let image = unsafe { vpx_codec_get_frame(&mut *self.context, &mut place).as_ref() };
            let Some(image) = image else { break };
            // SAFETY: it comes from the call just made, and nothing was called since.
            shown = Some(unsafe { copy_out(image) }?);
        }
        // Of VP9 the library tells it of the picture fetched last.
        self.look_whole()?;
        Ok(shown)
    }
}

impl<F> VpxDecoder<F> {
    /// Bytes that end too early do not fail: the library makes up the rest and notes it.
    fn look_whole(&mut self) -> Result<(), CodecError> {
        let mut corrupted: c_int = 0;
        let question = VP8D_GET_FRAME_CORRUPTED as c_int;
        // SAFETY: the decoder is initialised; vp8dx.h gives this number a pointer to an int, which outlives the call.
        done(unsafe { vpx_codec_control_(&mut *self.context, question, &raw mut corrupted) })?;
        match corrupted {
            0 => Ok(()),
            _ => Err(CodecError::Corrupt),
        }
    }
}

impl<F> Drop for VpxDecoder<F> {
    fn drop(&mut self) {
        // SAFETY: initialised once by the same library, destroyed once, not used after. The result only says whether it was.
        unsafe { vpx_codec_destroy(&mut *self.context) };
    }
}

/// Copies a decoded picture out of the decoder's buffers.
///
/// # Safety
/// `image` must come from the decoder's last call.
unsafe fn copy_out(image: &vpx_image_t) -> Result<I420, CodecError> {
    if image.fmt != VPX_IMG_FMT_I420 {
        return Err(CodecError::Corrupt);
    }
    let [y, u, v, _] = image.planes;
    let planes = Planes {
        start: [y, u, v].map(|p| p.cast_const().cast()),
        stride: [image.stride[0], image.stride[1], image.stride[2]],
        width: image.d_w as c_int,
        height: image.d_h as c_int,
    };
    // SAFETY: the library describes its own buffers, which it does not write to before the next call.
    unsafe { planes.copy() }
}
