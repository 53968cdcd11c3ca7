//! What may reach a C library's decoder, and when a key frame has to come first.

use crate::{CodecError, VideoDecoder};
use confab_picture::I420;

/// Larger units are refused unread, as H.264's are.
const MAX_UNIT: usize = 8 << 20;
/// Pictures of more pixels are refused before room is made for them: a few bytes may claim 65536 x 65536.
const MAX_PIXELS: usize = 4096 * 4096;

/// What a unit's headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// It refers to nothing before it.
    pub keyframe: bool,
    /// Width and height of the largest picture it makes room for; 0 if of none.
    pub size: (usize, usize),
}

impl Head {
    fn pixels(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// Takes the larger of both sizes.
    pub(crate) fn grow(&mut self, size: (usize, usize)) {
        if size.0 * size.1 > self.pixels() {
            self.size = size;
        }
    }
}

/// A library's decoder, which is given only what was looked at before.
pub trait RawDecoder: Sized + Send {
    /// Fails only if the library cannot make a decoder.
    fn new() -> Result<Self, CodecError>;
    /// What a unit of at least one byte says of itself; `None` if it can't be read.
    fn look(unit: &[u8]) -> Option<Head>;
    /// Decodes such a unit; the picture it shows, if any. Any error means that later units are worth nothing until a key frame.
    fn decode(&mut self, unit: &[u8]) -> Result<Option<I420>, CodecError>;
}

/// A decoder of [`crate::video_decoder`].
pub struct Decoder<R> {
    raw: R,
    /// Nothing that refers to the past can be decoded.
    wants_keyframe: bool,
}

impl<R> std::fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("wants_keyframe", &self.wants_keyframe)
            .finish_non_exhaustive()
    }
}

impl<R: RawDecoder> Decoder<R> {
    /// Fails only if the library cannot make a decoder.
    pub fn new() -> Result<Decoder<R>, CodecError> {
        Ok(Decoder {
            raw: R::new()?,
            wants_keyframe: true,
        })
    }

    /// What a unit says of itself; `None` if it can't be read.
    pub(crate) fn look(unit: &[u8]) -> Option<Head> {
        (!unit.is_empty()).then(|| R::look(unit))?
    }

    fn decode_checked(&mut self, unit: &[u8]) -> Result<Option<I420>, CodecError> {
        let head = R::look(unit).ok_or(CodecError::Corrupt)?;
        if head.pixels() > MAX_PIXELS || self.wants_keyframe && !head.keyframe {
            return Err(CodecError::Corrupt);
        }
        self.raw.decode(unit)
    }
}

impl<R: RawDecoder> VideoDecoder for Decoder<R> {
    fn decode(&mut self, access_unit: &[u8]) -> Result<Option<I420>, CodecError> {
        if access_unit.is_empty() || access_unit.len() > MAX_UNIT {
            return Err(CodecError::BadInput);
        }
        let result = self.decode_checked(access_unit);
        self.wants_keyframe = result.is_err();
        result
    }
}
