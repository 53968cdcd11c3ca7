//! One libopus encoder, safe to hold.

use super::deep::LONGEST;
use super::{MAX_FRAME, SAMPLE_RATE, error};
use crate::{AudioEncoder, CodecError};
use confab_base::{Bitrate, Duration};
use opusic_sys as sys;
use std::ffi::c_int;
use std::ptr::NonNull;

/// Larger than any packet of one frame at the highest rate (RFC 6716, 3.2.1: 1275 bytes a frame, up to three in 60 ms).
const MAX_PACKET: usize = 4000;

/// What an Opus encoder starts with.
#[derive(Clone, Debug, PartialEq)]
pub struct OpusConfig {
    /// 1 or 2.
    pub channels: usize,
    /// Target rate; variable, this is the mean.
    pub bitrate: Bitrate,
    /// 0 to 10: processor time against quality.
    pub complexity: u8,
    /// Fraction of packets expected to be lost, 0 to 1.
    pub expected_loss: f32,
    /// Repeat parts of each frame in the next one when loss is expected (LBRR).
    pub inband_fec: bool,
    /// Any sound, as faithfully as the rate allows; else made for speech to be understood.
    pub music: bool,
}

impl Default for OpusConfig {
    /// Speech: mono, 32 kbps, forward error correction ready.
    fn default() -> OpusConfig {
        OpusConfig {
            channels: 1,
            bitrate: Bitrate::kbps(32),
            complexity: 9,
            expected_loss: 0.0,
            inband_fec: true,
            music: false,
        }
    }
}

impl OpusConfig {
    /// What [`OpusConfig::music`] takes.
    pub const MUSIC_BITRATE: Bitrate = Bitrate::kbps(128);

    /// Music: stereo, [`OpusConfig::MUSIC_BITRATE`]. Without LBRR, for whose sake the encoder would treat it as speech.
    pub fn music() -> OpusConfig {
        OpusConfig {
            channels: 2,
            bitrate: Self::MUSIC_BITRATE,
            inband_fec: false,
            music: true,
            ..OpusConfig::default()
        }
    }
}

/// Opus encoder, see [`crate::opus_encoder`].
#[derive(Debug)]
pub struct Encoder {
    state: NonNull<sys::OpusEncoder>,
    channels: usize,
    /// How much of the past packets describe.
    deep: Duration,
}

// SAFETY: the state is plain memory owned alone, without thread affinity; `&mut self` rules out concurrent use.
unsafe impl Send for Encoder {}

impl Encoder {
    /// Fails with `Unsupported` on channel counts other than 1 and 2 and complexities above 10.
    pub fn new(config: OpusConfig) -> Result<Encoder, CodecError> {
        if !(1..=2).contains(&config.channels) || config.complexity > 10 {
            return Err(CodecError::Unsupported);
        }
        let application = match config.music {
            true => sys::OPUS_APPLICATION_AUDIO,
            false => sys::OPUS_APPLICATION_VOIP,
        };
        let mut code = 0;
        // SAFETY: the library allocates a state or gives null; `code` is valid for the call.
        let state = unsafe {
            sys::opus_encoder_create(
                SAMPLE_RATE as i32,
                config.channels as c_int,
                application,
                &mut code,
            )
        };
        let mut this = Encoder {
            state: NonNull::new(state).ok_or(error(code))?,
            channels: config.channels,
            deep: Duration::ZERO,
        };
        this.set(sys::OPUS_SET_VBR_REQUEST, 1)?;
        this.set(sys::OPUS_SET_DTX_REQUEST, 0)?;
        this.set(
            sys::OPUS_SET_COMPLEXITY_REQUEST,
            c_int::from(config.complexity),
        )?;
        this.set(
            sys::OPUS_SET_INBAND_FEC_REQUEST,
            c_int::from(config.inband_fec),
        )?;
        this.set_bitrate(config.bitrate);
        this.set_expected_loss(config.expected_loss);
        Ok(this)
    }

    fn set(&mut self, request: c_int, value: c_int) -> Result<(), CodecError> {
        // SAFETY: the state is valid; every request used here takes one int (opus_defines.h).
        match unsafe { sys::opus_encoder_ctl(self.state.as_ptr(), request, value) } {
            sys::OPUS_OK => Ok(()),
            code => Err(error(code)),
        }
    }
}

impl AudioEncoder for Encoder {
    fn encode(&mut self, pcm: &[f32], out: &mut Vec<u8>) -> Result<(), CodecError> {
        out.clear();
        let samples = pcm.len() / self.channels;
        if !matches!(samples, 480 | 960 | 1920 | 2880)
            || samples * self.channels != pcm.len()
            || samples > MAX_FRAME
        {
            return Err(CodecError::BadInput);
        }
        out.resize(MAX_PACKET, 0);
        // SAFETY: the state is valid; `pcm` holds `samples` for each channel, `out` the bytes it is said to hold.
        let length = unsafe {
            sys::opus_encode_float(
                self.state.as_ptr(),
                pcm.as_ptr(),
                samples as c_int,
                out.as_mut_ptr(),
                MAX_PACKET as i32,
            )
        };
        out.truncate(length.max(0) as usize);
        if length > 0 {
            Ok(())
        } else {
            Err(error(length))
        }
    }

    fn set_bitrate(&mut self, bitrate: Bitrate) {
        let rate = bitrate.bps().clamp(6_000, 510_000) as c_int;
        let accepted = self.set(sys::OPUS_SET_BITRATE_REQUEST, rate);
        debug_assert!(accepted.is_ok());
    }

    fn set_expected_loss(&mut self, fraction: f32) {
        // A NaN becomes 0.
        let percent = (fraction * 100.0).round().clamp(0.0, 100.0) as c_int;
        let accepted = self.set(sys::OPUS_SET_PACKET_LOSS_PERC_REQUEST, percent);
        debug_assert!(accepted.is_ok());
    }

    fn set_inband_fec(&mut self, on: bool) {
        let accepted = self.set(sys::OPUS_SET_INBAND_FEC_REQUEST, c_int::from(on));
        debug_assert!(accepted.is_ok());
    }

    fn set_channels(&mut self, channels: usize) {
        let coded = channels.clamp(1, self.channels) as c_int;
        let accepted = self.set(sys::OPUS_SET_FORCE_CHANNELS_REQUEST, coded);
        debug_assert!(accepted.is_ok());
    }

    fn set_deep_redundancy(&mut self, reach: Duration) {
        self.deep = reach;
        // In units of 10 ms.
        let frames = (reach.as_millis() / 10).min(LONGEST as u128 / 480) as c_int;
        let accepted = self.set(sys::OPUS_SET_DRED_DURATION_REQUEST, frames);
        debug_assert!(accepted.is_ok());
    }

    fn reset(&mut self) {
        // SAFETY: the state is valid; the request takes no argument.
        unsafe { sys::opus_encoder_ctl(self.state.as_ptr(), sys::OPUS_RESET_STATE) };
        // libopus counts this one setting among what it forgets.
        self.set_deep_redundancy(self.deep);
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by opus_encoder_create, destroyed once, not used after.
        unsafe { sys::opus_encoder_destroy(self.state.as_ptr()) };
    }
}
