//! Codecs behind four small traits: H.264 by openh264, VP8 and the decoding of VP9 by libvpx, AV1 by libaom, Opus by libopus.
//!
//! The only `unsafe` code is in the wrappers around the four C libraries, `h264/raw_encoder.rs`, `h264/decoder.rs`, `vpx/raw_*.rs`,
//! `aom/raw_*.rs` and `opus/`, and in `planes.rs`; each block says why it is sound. Encoders and decoders may move between
//! threads but are used by one at a time.
//!
//! # H.264 and its licence
//! By default openh264 is compiled from source into the program. Cisco pays the patent pool's fees only for its own binary,
//! downloaded on the user's device at installation: the feature `cisco-binary` adds [`load_cisco_library`], which takes
//! such a file (checked against the known hashes) in place of the compiled-in code.
//! Without nasm at build time encoding is more than twice as slow; `build.rs` warns and a test looks for the assembly.

pub mod aom;
mod bits;
mod checked;
pub mod h264;
mod opus;
mod planes;
mod simulcast;
mod temporal;
#[cfg(test)]
mod tests;
pub mod vpx;

use confab_base::{Bitrate, Duration, Time, VideoCodec};
use confab_picture::I420;

#[cfg(feature = "cisco-binary")]
pub use h264::load_cisco_library;
pub use opus::{OpusConfig, SAMPLE_RATE};

/// Why a codec did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A configuration the codec cannot have: layer counts, sizes, rates, channels.
    #[error("the codec does not support this configuration")]
    Unsupported,
    /// Input of a wrong length: no whole audio frame, an empty or an oversized packet.
    #[error("the input has a wrong length")]
    BadInput,
    /// The bytes are not decodable, or need something that was lost. Video wants a key frame now.
    #[error("the packet cannot be decoded")]
    Corrupt,
    /// The library failed; its own number.
    #[error("the codec library failed with {0}")]
    Library(i32),
}

/// One layer of a video encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerConfig {
    /// Pixels in a row, even.
    pub width: usize,
    /// Rows, even.
    pub height: usize,
    /// Target rate. Frames are skipped where even the coarsest picture would exceed it.
    pub bitrate: Bitrate,
    /// Pictures that come faster than this are left out of the layer. Frames per second, 1 to 60.
    pub max_fps: u32,
}

/// What a video encoder starts with.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoConfig {
    /// Simulcast layers, one to four, lowest first.
    pub layers: Vec<LayerConfig>,
    /// Temporal layers of each, 1 to 3: with 2 every other frame may be dropped, with 3 three of four.
    pub temporal_layers: u8,
    /// Tune for screens (sharp edges, little motion) instead of cameras.
    pub screen: bool,
}

/// The same for [`h264_encoder`].
pub type H264Config = VideoConfig;

/// One coded picture of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    /// Index into [`VideoConfig::layers`].
    pub layer: usize,
    /// Counts the frames that came out of this layer, from 0, round and round.
    pub number: u16,
    /// The number of the long-term reference it refers to, where such a one takes the place of the frame before
    /// ([`VideoEncoder::recover`]) or is that frame itself.
    pub refers: Option<u16>,
    /// Temporal layer, 0 the base. Frames never refer to a frame of a higher one.
    pub temporal: u8,
    /// Decoding can begin here. In H.264 an IDR picture with its SPS and PPS in front.
    pub keyframe: bool,
    /// No other frame refers to this one.
    pub discardable: bool,
    /// Refers to frames of the base layer only: who got no more than that may go on with this layer here. VP8's packets say so
    /// (RFC 7741, Y); set for AV1, too, never for H.264, whose packets have no place for it.
    pub layer_sync: bool,
    /// H.264: the access unit in Annex-B form (start codes). VP8: the bare frame (RFC 6386). AV1: the OBUs of the temporal unit, each
    /// with its size, without a temporal delimiter.
    pub data: Vec<u8>,
}

/// Turns pictures into the frames of all layers.
pub trait VideoEncoder: Send {
    /// Encodes a picture of any size; it is scaled to each layer, with bars if its shape is another. `at` is its capture
    /// time. `force_keyframe` asks layer by layer for a key frame; missing entries mean no. Gives the layers' frames
    /// lowest first; a layer gives none where it is off, faster than its `max_fps`, or its rate control skips. A key
    /// frame asked for is then owed and comes with the layer's next frame.
    fn encode(
        &mut self,
        picture: &I420,
        at: Time,
        force_keyframe: &[bool],
    ) -> Result<Vec<EncodedFrame>, CodecError>;
    /// Sets a layer's target rate from the next frame on, without a key frame. Unknown layers are ignored.
    fn set_bitrate(&mut self, layer: usize, bitrate: Bitrate);
    /// Switches a layer on or off; when switched on it begins with a key frame. An inactive layer costs nothing.
    fn set_active(&mut self, layer: usize, active: bool);
    /// Keeps long-term references, so that [`VideoEncoder::recover`] may do without a key frame; all layers begin anew with key frames.
    /// To be called before the first picture. False where the encoder can't: only H.264 of cameras can.
    fn keep_long_term_references(&mut self) -> bool {
        false
    }
    /// All receivers of a layer have decoded its frame with this [`EncodedFrame::number`], and so what it is predicted from.
    fn acknowledge(&mut self, _layer: usize, _number: u16) {}
    /// A receiver of a layer has decoded nothing that is whole since the frame with this number. The layer's next base frame refers to a
    /// long-term reference that was acknowledged; it is a key frame where there is none. To be asked once per loss and round trip.
    fn recover(&mut self, _layer: usize, _last_good: u16) {}
    /// The same without the key frame: what may be lost is no reason for one. False where nothing is there to go on from.
    fn go_on_from(&mut self, _layer: usize, _last_good: u16) -> bool {
        false
    }
}

/// Turns access units into pictures.
pub trait VideoDecoder: Send {
    /// Decodes one access unit: H.264 in Annex-B form, VP8 as bare frames, VP9 as the frames of all spatial layers one behind the other,
    /// AV1 as OBUs with their sizes. Gives nothing if there is no picture to show in it (parameter sets only, a hidden frame). After
    /// [`CodecError::Corrupt`] a key frame makes it whole again. Picture sizes may change at key frames. Only H.264 says by itself that
    /// a frame is missing: frames of VP8, VP9 and ours of AV1 carry no number, so whoever loses one must go on with a key frame.
    fn decode(&mut self, access_unit: &[u8]) -> Result<Option<I420>, CodecError>;
}

/// Turns sound into packets.
pub trait AudioEncoder: Send {
    /// Encodes one frame of 10, 20, 40 or 60 ms of interleaved samples at 48 kHz, -1 to 1. `out` is replaced.
    fn encode(&mut self, pcm: &[f32], out: &mut Vec<u8>) -> Result<(), CodecError>;
    /// Target rate, brought into 6 to 510 kbps.
    fn set_bitrate(&mut self, bitrate: Bitrate);
    /// Fraction of packets that get lost on the way, 0 to 1: the more, the more of each frame is repeated in the next.
    fn set_expected_loss(&mut self, fraction: f32);
    /// Whether frames are repeated at all in the packet after them (LBRR).
    fn set_inband_fec(&mut self, on: bool);
    /// Channels of the packets from now on, at most those it was made with; it still takes frames of that many. Left to itself the
    /// encoder chooses by the rate.
    fn set_channels(&mut self, channels: usize);
    /// How much of the past every packet describes beside its frame (deep redundancy), up to 1.04 s; zero: nothing. Needs an
    /// expected loss; the bit rate decides how much is really carried.
    fn set_deep_redundancy(&mut self, reach: Duration);
    /// Forgets the past, as if new; settings stay.
    fn reset(&mut self);
}

/// Turns packets into sound. Every call replaces `out` with interleaved samples at 48 kHz.
pub trait AudioDecoder: Send {
    /// Decodes a packet. On error `out` is empty; concealing is then the caller's choice.
    fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) -> Result<(), CodecError>;
    /// Makes the `samples` (per channel) lost before `next` from what `next` repeats of them; conceals what it does not.
    fn decode_fec(
        &mut self,
        next: &[u8],
        samples: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), CodecError>;
    /// Invents `samples` (per channel, any number up to 10 s) that sound like what came before. Over 100 to 300 ms it
    /// sinks to the level of the background noise and stays there: whoever knows that nothing more comes turns to silence.
    fn conceal(&mut self, samples: usize, out: &mut Vec<f32>) -> Result<(), CodecError>;
    /// How many samples (per channel) right before the packet it describes beside its own frame; 0 for most packets and all
    /// garbage.
    fn deep_redundancy(&mut self, packet: &[u8]) -> usize;
    /// Makes the `samples` (per channel, in steps of 2.5 ms, at most 120 ms) that begin `before` samples before `packet` from
    /// what it describes. To be called in the order of time; what it does not describe of them is concealed.
    fn decode_deep(
        &mut self,
        packet: &[u8],
        before: usize,
        samples: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), CodecError>;
    /// Forgets the past, as if new.
    fn reset(&mut self);
}

/// What [`video_encoder`] can make and natives offer to send, the one every native has sent since the beginning first.
pub const CAN_ENCODE: [VideoCodec; 3] = [VideoCodec::H264, VideoCodec::Vp8, VideoCodec::Av1];

/// What [`video_decoder`] can make and natives say they decode, those of [`CAN_ENCODE`] first and in their order.
pub const CAN_DECODE: [VideoCodec; 4] = [
    VideoCodec::H264,
    VideoCodec::Vp8,
    VideoCodec::Av1,
    VideoCodec::Vp9,
];

/// Those of [`CAN_ENCODE`] that any machine has time for, best first.
pub const CHEAP: [VideoCodec; 2] = [VideoCodec::H264, VideoCodec::Vp8];

/// The best picture first, whatever it costs: AV1 shows more at the same rate for three to nine times the time (adr/0016).
pub const FINE: [VideoCodec; 3] = [VideoCodec::Av1, VideoCodec::H264, VideoCodec::Vp8];

/// An encoder of one of [`CAN_ENCODE`]; all behave alike, so that one may take another's place.
///
/// # Errors
/// `Unsupported` for other codecs, and for layer counts, sizes and frame rates outside [`VideoConfig`]'s ranges.
pub fn video_encoder(
    codec: VideoCodec,
    config: VideoConfig,
) -> Result<Box<dyn VideoEncoder>, CodecError> {
    match codec {
        VideoCodec::H264 => h264_encoder(config),
        VideoCodec::Vp8 => Ok(Box::new(vpx::Encoder::new(&config)?)),
        VideoCodec::Av1 => Ok(Box::new(aom::Encoder::new(&config)?)),
        VideoCodec::Vp9 => Err(CodecError::Unsupported),
    }
}

/// A decoder of one of [`CAN_DECODE`].
///
/// # Errors
/// `Library` if the codec's library cannot make one.
pub fn video_decoder(codec: VideoCodec) -> Result<Box<dyn VideoDecoder>, CodecError> {
    match codec {
        VideoCodec::H264 => h264_decoder(),
        VideoCodec::Vp8 => Ok(Box::new(vpx::Vp8Decoder::new()?)),
        VideoCodec::Vp9 => Ok(Box::new(vpx::Vp9Decoder::new()?)),
        VideoCodec::Av1 => Ok(Box::new(aom::Decoder::new()?)),
    }
}

/// Width and height in the key frame of a unit that [`video_decoder`] takes; `None` where it says none. H.264's parameter sets are not
/// read here.
pub fn key_frame_size(codec: VideoCodec, unit: &[u8]) -> Option<(u16, u16)> {
    let head = match codec {
        VideoCodec::H264 => None,
        VideoCodec::Vp8 => vpx::Vp8Decoder::look(unit),
        VideoCodec::Vp9 => vpx::Vp9Decoder::look(unit),
        VideoCodec::Av1 => aom::Decoder::look(unit),
    }?;
    let (width, height) = head.size;
    let side = |pixels: usize| u16::try_from(pixels).ok().filter(|p| *p > 0);
    Some((side(width)?, side(height)?)).filter(|_| head.keyframe)
}

/// An H.264 encoder: constrained baseline, parameter sets with every key frame, key frames on demand only.
pub fn h264_encoder(config: H264Config) -> Result<Box<dyn VideoEncoder>, CodecError> {
    Ok(Box::new(h264::Encoder::new(&config)?))
}

/// An H.264 decoder.
pub fn h264_decoder() -> Result<Box<dyn VideoDecoder>, CodecError> {
    Ok(Box::new(h264::Decoder::new()?))
}

/// An Opus encoder.
pub fn opus_encoder(config: OpusConfig) -> Result<Box<dyn AudioEncoder>, CodecError> {
    Ok(Box::new(opus::Encoder::new(config)?))
}

/// An Opus decoder that gives one or two channels, whatever was sent, with deep packet-loss concealment.
pub fn opus_decoder(channels: usize) -> Result<Box<dyn AudioDecoder>, CodecError> {
    Ok(Box::new(opus::Decoder::new(channels)?))
}
