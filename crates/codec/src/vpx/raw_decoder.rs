//! One libvpx decoder, safe to hold.

use super::done;
use super::sys::{
    VP8D_GET_FRAME_CORRUPTED, VPX_DECODER_ABI_VERSION, VPX_IMG_FMT_I420, vpx_codec_control_,
    vpx_codec_ctx, vpx_codec_dec_cfg, vpx_codec_dec_init_ver, vpx_codec_decode, vpx_codec_destroy,
    vpx_codec_get_frame, vpx_codec_vp8_dx, vpx_image_t,
};
use crate::CodecError;
use confab_picture::I420;
use std::ffi::c_int;
use std::ptr;

/// An initialised libvpx decoder of VP8.
pub(super) struct RawDecoder {
    /// Boxed, so that it stays where the library saw it first.
    context: Box<vpx_codec_ctx>,
}

// SAFETY: the instance is owned alone, has no thread affinity and keeps no thread-local state; with one thread configured it starts
// none. `&mut self` on every method that calls it rules out concurrent use.
unsafe impl Send for RawDecoder {}

impl RawDecoder {
    /// Fails only if the library cannot make a decoder.
    pub(super) fn new() -> Result<RawDecoder, CodecError> {
        let config = vpx_codec_dec_cfg {
            threads: 1,
            w: 0, // as the stream says
            h: 0,
        };
        let mut context = Box::<vpx_codec_ctx>::default();
        // SAFETY: the context is zeroed as a new one has to be; the configuration is copied. The version is that of the headers the
        // bindings were made of: another library refuses instead of misreading them. No flags: no concealment, no post-processing.
        done(unsafe {
            vpx_codec_dec_init_ver(
                &mut *context,
                vpx_codec_vp8_dx(),
                &config,
                0,
                VPX_DECODER_ABI_VERSION as c_int,
            )
        })?;
        Ok(RawDecoder { context })
    }

    /// Decodes a frame of at least one byte; the picture it shows, if any. Any error means that later frames are worth nothing until
    /// a key frame.
    pub(super) fn decode(&mut self, frame: &[u8]) -> Result<Option<I420>, CodecError> {
        let length = u32::try_from(frame.len()).map_err(|_| CodecError::BadInput)?;
        // SAFETY: the decoder is initialised; the bytes are valid for `length` and only read, during the call.
        let code = unsafe {
            vpx_codec_decode(
                &mut *self.context,
                frame.as_ptr(),
                length,
                ptr::null_mut(),
                0,
            )
        };
        done(code).map_err(|_| CodecError::Corrupt)?;
        self.look_whole()?;
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
        Ok(shown)
    }

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

impl Drop for RawDecoder {
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
    if image.fmt != VPX_IMG_FMT_I420 || image.planes[..3].iter().any(|p| p.is_null()) {
        return Err(CodecError::Corrupt);
    }
    let size = |n: c_int| usize::try_from(n).map_err(|_| CodecError::Corrupt);
    // Streams of other makers may have odd sizes; the last row and column then go.
    let (width, height) = (image.d_w as usize & !1, image.d_h as usize & !1);
    let strides = [size(image.stride[0])?, size(image.stride[1])?];
    let alike = image.stride[1] == image.stride[2];
    if width < 2 || height < 2 || strides[0] < width || strides[1] < width / 2 || !alike {
        return Err(CodecError::Corrupt);
    }
    let plane = |index: usize, stride: usize, width: usize, height: usize| {
        // SAFETY: a plane has `stride` bytes from row to row and `width` in the last; not written before the next call.
        unsafe { std::slice::from_raw_parts(image.planes[index], stride * (height - 1) + width) }
    };
    let y = plane(0, strides[0], width, height);
    let u = plane(1, strides[1], width / 2, height / 2);
    let v = plane(2, strides[1], width / 2, height / 2);
    I420::from_strided(width, height, [y, u, v], strides).map_err(|_| CodecError::Corrupt)
}
