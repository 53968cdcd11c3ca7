//! One libopus decoder, safe to hold.

use super::deep::{DeepRedundancy, LONGEST};
use super::{MAX_FRAME, SAMPLE_RATE, UNIT, error};
use crate::{AudioDecoder, CodecError};
use opusic_sys as sys;
use std::ffi::c_int;
use std::ptr::{self, NonNull};

/// From complexity 5 on, libopus 1.6 conceals losses with its neural vocoder; from 7 on it also enhances what was coded at low
/// rates (NoLACE), which is what copies leave to each frame: at 12 kbps that is worth .3 in PLCMOS.
const COMPLEXITY: c_int = 7;
/// Concealment is made in steps of 20 ms, as in the encoder's frames.
const STEP: usize = SAMPLE_RATE / 50;
/// Nobody conceals longer; a forged length must not allocate gigabytes.
const LONGEST_GAP: usize = SAMPLE_RATE * 10;

/// Opus decoder, see [`crate::opus_decoder`].
#[derive(Debug)]
pub struct Decoder {
    state: NonNull<sys::OpusDecoder>,
    channels: usize,
    deep: DeepRedundancy,
}

// SAFETY: the state is plain memory owned alone, without thread affinity; `&mut self` rules out concurrent use.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Fails with `Unsupported` on channel counts other than 1 and 2.
    pub fn new(channels: usize) -> Result<Decoder, CodecError> {
        if !(1..=2).contains(&channels) {
            return Err(CodecError::Unsupported);
        }
        let mut code = 0;
        // SAFETY: the library allocates a state or gives null; `code` is valid for the call.
        let state =
            unsafe { sys::opus_decoder_create(SAMPLE_RATE as i32, channels as c_int, &mut code) };
        let state = NonNull::new(state).ok_or(error(code))?;
        let deep = match DeepRedundancy::new() {
            Ok(deep) => deep,
            Err(error) => {
                // SAFETY: made above, destroyed once, not used after.
                unsafe { sys::opus_decoder_destroy(state.as_ptr()) };
                return Err(error);
            }
        };
        let this = Decoder {
            state,
            channels,
            deep,
        };
        // SAFETY: the state is valid; the request takes one int.
        let code = unsafe {
            sys::opus_decoder_ctl(state.as_ptr(), sys::OPUS_SET_COMPLEXITY_REQUEST, COMPLEXITY)
        };
        match code {
            sys::OPUS_OK => Ok(this),
            code => Err(error(code)),
        }
    }

    /// Appends what `packet` holds, at most `samples` per channel; with `None` concealment of exactly that many. With `fec`
    /// what the packet repeats of the frame before it.
    fn append(
        &mut self,
        packet: Option<&[u8]>,
        samples: usize,
        fec: bool,
        out: &mut Vec<f32>,
    ) -> Result<(), CodecError> {
        let (data, length) = match packet {
            Some(packet) => {
                let length = i32::try_from(packet.len()).map_err(|_| CodecError::BadInput)?;
                (packet.as_ptr(), length)
            }
            None => (ptr::null(), 0),
        };
        let start = out.len();
        out.resize(start + samples * self.channels, 0.0);
        // SAFETY: the state is valid; `data` is null with length 0 (concealment) or valid for `length`; behind `start`
        // there is room for `samples` in each channel.
        let got = unsafe {
            sys::opus_decode_float(
                self.state.as_ptr(),
                data,
                length,
                out.as_mut_ptr().add(start),
                samples as c_int,
                c_int::from(fec),
            )
        };
        out.truncate(start + got.max(0) as usize * self.channels);
        if got > 0 { Ok(()) } else { Err(error(got)) }
    }
}

impl AudioDecoder for Decoder {
    fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) -> Result<(), CodecError> {
        out.clear();
        // The library takes an empty packet for a lost one.
        if packet.is_empty() {
            return Err(CodecError::BadInput);
        }
        let result = self.append(Some(packet), MAX_FRAME, false, out);
        if result.is_err() {
            out.clear();
        }
        result
    }

    fn decode_fec(
        &mut self,
        next: &[u8],
        samples: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), CodecError> {
        out.clear();
        if next.is_empty() || samples == 0 || samples > LONGEST_GAP {
            return Err(CodecError::BadInput);
        }
        // A packet repeats one frame of its own length: all before that is concealed.
        // SAFETY: `next` has a first byte, which is all that is read.
        let frame =
            unsafe { sys::opus_packet_get_samples_per_frame(next.as_ptr(), SAMPLE_RATE as i32) };
        let repeated = samples.min(frame.max(0) as usize) / UNIT * UNIT;
        if samples > repeated {
            self.conceal(samples - repeated, out)?;
        }
        if repeated > 0 {
            self.append(Some(next), repeated, true, out)?;
        }
        Ok(())
    }

    fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) -> Result<(), CodecError> {
        out.clear();
        if samples == 0 || samples > LONGEST_GAP {
            return Err(CodecError::BadInput);
        }
        let mut left = samples.next_multiple_of(UNIT);
        while left > 0 {
            let step = left.min(STEP);
            self.append(None, step, false, out)?;
            left -= step;
        }
        out.truncate(samples * self.channels);
        Ok(())
    }

    fn deep_redundancy(&mut self, packet: &[u8]) -> usize {
        self.deep.span(packet)
    }

    fn decode_deep(
        &mut self,
        packet: &[u8],
        before: usize,
        samples: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), CodecError> {
        out.clear();
        let is_fit = samples > 0 && samples <= MAX_FRAME && samples.is_multiple_of(UNIT);
        if !is_fit || samples > before || before > LONGEST {
            return Err(CodecError::BadInput);
        }
        let (deep, span) = self.deep.ready(packet)?;
        if span == 0 {
            return Err(CodecError::Corrupt);
        }
        out.resize(samples * self.channels, 0.0);
        // SAFETY: the decoder's state is valid; `deep` was made by the library and is fully processed; `out` has room for
        // `samples` in each channel.
        let got = unsafe {
            sys::opus_decoder_dred_decode_float(
                self.state.as_ptr(),
                deep,
                before as i32,
                out.as_mut_ptr(),
                samples as c_int,
            )
        };
        out.truncate(got.max(0) as usize * self.channels);
        if got > 0 { Ok(()) } else { Err(error(got)) }
    }

    fn reset(&mut self) {
        // SAFETY: the state is valid; the request takes no argument.
        unsafe { sys::opus_decoder_ctl(self.state.as_ptr(), sys::OPUS_RESET_STATE) };
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by opus_decoder_create, destroyed once, not used after.
        unsafe { sys::opus_decoder_destroy(self.state.as_ptr()) };
    }
}
