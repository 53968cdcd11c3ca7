//! One openh264 decoder instance, safe to hold.

use super::library::library;
use crate::planes::Planes;
use crate::{CodecError, VideoDecoder};
use confab_picture::I420;
use openh264_sys2::{
    API, DECODER_OPTION, DECODER_OPTION_ERROR_CON_IDC, DECODER_OPTION_TRACE_LEVEL,
    ERROR_CON_SLICE_COPY, ISVCDecoder, ISVCDecoderVtbl, SBufferInfo, SDecodingParam,
    VIDEO_BITSTREAM_AVC, WELS_LOG_QUIET,
};
use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

/// Larger access units are refused unread: an IDR of 4096x2304 at the coarsest quantiser stays below.
const MAX_UNIT: usize = 8 << 20;

/// H.264 decoder, see [`crate::h264_decoder`].
///
/// Error concealment is on (slice copy): switched off, openh264 refuses every frame after a loss until an IDR comes, even
/// those that refer only to intact long-term references. A picture that had to be concealed is still reported as
/// `Corrupt` and not shown.
#[derive(Debug)]
pub struct Decoder {
    decoder: NonNull<ISVCDecoder>,
}

// SAFETY: the instance is owned alone, has no thread affinity and starts no threads (its thread count stays 0);
// `&mut self` rules out concurrent use.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Fails only if the library cannot make a decoder.
    pub fn new() -> Result<Decoder, CodecError> {
        let mut raw = ptr::null_mut();
        // SAFETY: the library writes a new decoder or null through the pointer, which is valid for the call.
        let code = unsafe { library().WelsCreateDecoder(&mut raw) };
        let decoder = NonNull::new(raw).ok_or(CodecError::Library(code as i32))?;
        let mut this = Decoder { decoder };
        let initialize = this.vtable().Initialize.ok_or(CodecError::Unsupported)?;
        let mut quiet = WELS_LOG_QUIET;
        this.set_option(DECODER_OPTION_TRACE_LEVEL, &mut quiet)?;
        let mut params = SDecodingParam {
            uiTargetDqLayer: u8::MAX, // all
            eEcActiveIdc: ERROR_CON_SLICE_COPY,
            ..SDecodingParam::default()
        };
        params.sVideoProperty.eVideoBsType = VIDEO_BITSTREAM_AVC;
        // SAFETY: the decoder exists and is not yet initialised; the parameters are copied.
        done(unsafe { initialize(this.decoder.as_ptr(), &params) } as i32)?;
        let mut concealment: c_int = ERROR_CON_SLICE_COPY;
        this.set_option(DECODER_OPTION_ERROR_CON_IDC, &mut concealment)?;
        Ok(this)
    }

    fn set_option<T>(&mut self, option: DECODER_OPTION, value: &mut T) -> Result<(), CodecError> {
        let method = self.vtable().SetOption.ok_or(CodecError::Unsupported)?;
        let value: *mut c_void = ptr::from_mut(value).cast();
        // SAFETY: private; each caller passes the type that codec_app_def.h names for its option. It is only read.
        done(unsafe { method(self.decoder.as_ptr(), option, value) } as i32)
    }

    fn vtable(&self) -> &ISVCDecoderVtbl {
        // SAFETY: the library made the object; its first word points to a table that lives as long as the library,
        // which is never unloaded.
        unsafe { &**self.decoder.as_ptr() }
    }
}

impl VideoDecoder for Decoder {
    fn decode(&mut self, access_unit: &[u8]) -> Result<Option<I420>, CodecError> {
        if access_unit.is_empty() || access_unit.len() > MAX_UNIT {
            return Err(CodecError::BadInput);
        }
        let method = self.vtable().DecodeFrameNoDelay;
        let method = method.ok_or(CodecError::Unsupported)?;
        let mut planes = [ptr::null_mut(); 3];
        let mut info = SBufferInfo::default();
        let length = access_unit.len() as c_int;
        // SAFETY: the decoder is initialised; the bytes are valid for `length` and only read (copied into the
        // decoder's buffer); `planes` and `info` outlive the call.
        let state = unsafe {
            method(
                self.decoder.as_ptr(),
                access_unit.as_ptr(),
                length,
                planes.as_mut_ptr(),
                &mut info,
            )
        };
        if state != 0 {
            return Err(CodecError::Corrupt);
        }
        if info.iBufferStatus != 1 {
            return Ok(None);
        }
        // SAFETY: with status 1 the library filled the system buffer, the only member of the union.
        let buffer = unsafe { info.UsrData.sSystemBuffer };
        let [y, uv] = buffer.iStride;
        let planes = Planes {
            start: planes.map(|p| p.cast_const()),
            stride: [y, uv, uv],
            width: buffer.iWidth,
            height: buffer.iHeight,
        };
        // SAFETY: status 1: the planes are those of the call just made, and described by what it filled.
        unsafe { planes.copy() }.map(Some)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if let Some(uninitialize) = self.vtable().Uninitialize {
            // SAFETY: the decoder exists; uninitialising one that never was initialised is allowed and does nothing.
            unsafe { uninitialize(self.decoder.as_ptr()) };
        }
        // SAFETY: made by the same library, destroyed once, not used after.
        unsafe { library().WelsDestroyDecoder(self.decoder.as_ptr()) };
    }
}

fn done(code: i32) -> Result<(), CodecError> {
    match code {
        0 => Ok(()),
        code => Err(CodecError::Library(code)),
    }
}
