//! Deep redundancy (DRED): what a packet tells, in a few hundred bits, of up to a second of speech before it. libopus 1.6's own
//! and still experimental format, so only between ends of the same version; other decoders skip it as padding.

use super::{SAMPLE_RATE, UNIT, error};
use crate::CodecError;
use opusic_sys as sys;
use std::ffi::c_int;
use std::ptr::NonNull;

/// Most that is described, in samples: 1.04 s (dred_config.h, DRED_MAX_FRAMES).
pub(super) const LONGEST: usize = SAMPLE_RATE * 104 / 100;

/// Reads what packets carry, and keeps the last one made ready for decoding.
#[derive(Debug)]
pub(super) struct DeepRedundancy {
    decoder: NonNull<sys::OpusDREDDecoder>,
    state: NonNull<sys::OpusDRED>,
    /// The packet `state` was made of, with its processing done, and how far back it reaches.
    ready: Option<(Vec<u8>, usize)>,
}

// SAFETY: both states are plain memory owned alone, without thread affinity; `&mut self` rules out concurrent use.
unsafe impl Send for DeepRedundancy {}

impl DeepRedundancy {
    pub(super) fn new() -> Result<DeepRedundancy, CodecError> {
        let mut code = 0;
        // SAFETY: the library allocates a state or gives null; `code` is valid for the call.
        let decoder = unsafe { sys::opus_dred_decoder_create(&mut code) };
        let decoder = NonNull::new(decoder).ok_or(error(code))?;
        // SAFETY: as above.
        let state = unsafe { sys::opus_dred_alloc(&mut code) };
        let Some(state) = NonNull::new(state) else {
            // SAFETY: made above, destroyed once, not used after.
            unsafe { sys::opus_dred_decoder_destroy(decoder.as_ptr()) };
            return Err(error(code));
        };
        Ok(DeepRedundancy {
            decoder,
            state,
            ready: None,
        })
    }

    /// How many samples (per channel) before the packet it describes; 0 if it carries nothing.
    pub(super) fn span(&mut self, packet: &[u8]) -> usize {
        self.ready = None;
        self.parse(packet, true).unwrap_or(0)
    }

    /// What `packet` describes, ready for `opus_decoder_dred_decode_float`, and how far back it reaches.
    pub(super) fn ready(
        &mut self,
        packet: &[u8],
    ) -> Result<(*const sys::OpusDRED, usize), CodecError> {
        let held = self.ready.as_ref().filter(|(bytes, _)| bytes == packet);
        let span = match held {
            Some((_, span)) => *span,
            None => {
                self.ready = None;
                let span = self.parse(packet, false)?;
                self.ready = Some((packet.to_vec(), span));
                span
            }
        };
        Ok((self.state.as_ptr(), span))
    }

    fn parse(&mut self, packet: &[u8], defer: bool) -> Result<usize, CodecError> {
        let length = i32::try_from(packet.len()).map_err(|_| CodecError::BadInput)?;
        if length == 0 {
            return Err(CodecError::BadInput);
        }
        let mut end = 0;
        // SAFETY: both states are valid; `packet` is not empty and valid for `length`.
        let got = unsafe {
            sys::opus_dred_parse(
                self.decoder.as_ptr(),
                self.state.as_ptr(),
                packet.as_ptr(),
                length,
                LONGEST as i32,
                SAMPLE_RATE as i32,
                &mut end,
                c_int::from(defer),
            )
        };
        if got < 0 {
            return Err(error(got));
        }
        Ok((got as usize).min(LONGEST) / UNIT * UNIT)
    }
}

impl Drop for DeepRedundancy {
    fn drop(&mut self) {
        // SAFETY: made by the library's own functions, freed once, not used after.
        unsafe {
            sys::opus_dred_free(self.state.as_ptr());
            sys::opus_dred_decoder_destroy(self.decoder.as_ptr());
        }
    }
}
