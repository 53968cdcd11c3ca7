//! VP8's decoder: what may reach libvpx, and when a key frame has to come first.

use super::raw_decoder::RawDecoder;
use crate::{CodecError, VideoDecoder};
use confab_picture::I420;

/// Larger frames are refused unread, as H.264's are.
const MAX_FRAME: usize = 8 << 20;
/// Pictures of more pixels are refused before room is made for them: a few bytes may claim 16383 x 16383.
const MAX_PIXELS: usize = 4096 * 4096;
/// Frame tag, start code and size of a key frame (RFC 6386, section 9.1).
const KEYFRAME_HEADER: usize = 10;

/// VP8 decoder, see [`crate::video_decoder`].
pub struct Decoder {
    raw: RawDecoder,
    /// Nothing that refers to the past can be decoded.
    wants_keyframe: bool,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("wants_keyframe", &self.wants_keyframe)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Fails only if the library cannot make a decoder.
    pub fn vp8() -> Result<Decoder, CodecError> {
        Ok(Decoder {
            raw: RawDecoder::new()?,
            wants_keyframe: true,
        })
    }

    fn decode_checked(&mut self, frame: &[u8]) -> Result<Option<I420>, CodecError> {
        // Inverse: the bit says that the frame refers to others.
        if frame[0] & 1 == 0 {
            let (width, height) = keyframe_size(frame).ok_or(CodecError::Corrupt)?;
            if width * height > MAX_PIXELS {
                return Err(CodecError::Corrupt);
            }
        } else if self.wants_keyframe {
            return Err(CodecError::Corrupt);
        }
        self.raw.decode(frame)
    }
}

impl VideoDecoder for Decoder {
    fn decode(&mut self, access_unit: &[u8]) -> Result<Option<I420>, CodecError> {
        if access_unit.is_empty() || access_unit.len() > MAX_FRAME {
            return Err(CodecError::BadInput);
        }
        let result = self.decode_checked(access_unit);
        self.wants_keyframe = result.is_err();
        result
    }
}

/// Width and height a key frame claims.
fn keyframe_size(frame: &[u8]) -> Option<(usize, usize)> {
    let header = frame.first_chunk::<KEYFRAME_HEADER>()?;
    let size = |i: usize| usize::from(u16::from_le_bytes([header[i], header[i + 1]]) & 0x3fff);
    (header[3..6] == [0x9d, 0x01, 0x2a]).then(|| (size(6), size(8)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpx::Encoder;
    use crate::{LayerConfig, VideoConfig, VideoEncoder};
    use confab_base::{Bitrate, Time};
    use confab_picture::{TestPattern, read_counter};
    use proptest::prelude::*;

    /// A key frame and some that follow, of a small picture.
    fn short_stream() -> Vec<Vec<u8>> {
        let pattern = TestPattern::new(96, 64, 0);
        let layer = LayerConfig {
            width: 96,
            height: 64,
            bitrate: Bitrate::kbps(200),
            max_fps: 30,
        };
        let mut encoder = Encoder::new(VideoConfig {
            layers: vec![layer],
            temporal_layers: 1,
            screen: false,
        })
        .unwrap();
        let at = |i: u32| Time::from_micros(u64::from(i) * 33_333);
        (0..6)
            .flat_map(|i| encoder.encode(&pattern.frame(i), at(i), &[]).unwrap())
            .map(|f| f.data)
            .collect()
    }

    #[test]
    fn a_key_frame_has_to_come_first_and_after_every_error() {
        let frames = short_stream();
        let mut decoder = Decoder::vp8().unwrap();
        assert_eq!(decoder.decode(&frames[1]), Err(CodecError::Corrupt));
        assert!(matches!(decoder.decode(&frames[0]), Ok(Some(_))));
        assert!(matches!(decoder.decode(&frames[1]), Ok(Some(_))));
        assert_eq!(decoder.decode(&[1]), Err(CodecError::Corrupt));
        assert_eq!(decoder.decode(&frames[2]), Err(CodecError::Corrupt));
        for (i, frame) in frames.iter().enumerate() {
            let out = decoder.decode(frame).unwrap().unwrap();
            assert_eq!(read_counter(&out).map(|m| m.counter), Some(i as u32));
        }
    }

    #[test]
    fn frames_that_end_too_early_are_not_shown() {
        let frames = short_stream();
        for cut in [1, 9, 10, 30, frames[0].len() / 2] {
            let mut decoder = Decoder::vp8().unwrap();
            let out = decoder.decode(&frames[0][..cut]);
            assert_eq!(out, Err(CodecError::Corrupt), "{cut}");
        }
        let mut decoder = Decoder::vp8().unwrap();
        decoder.decode(&frames[0]).unwrap();
        let half = &frames[1][..frames[1].len() / 2];
        assert_eq!(decoder.decode(half), Err(CodecError::Corrupt));
    }

    #[test]
    fn empty_and_oversized_frames_are_refused() {
        let mut decoder = Decoder::vp8().unwrap();
        assert_eq!(decoder.decode(&[]), Err(CodecError::BadInput));
        assert_eq!(decoder.decode(&vec![0; 9 << 20]), Err(CodecError::BadInput));
    }

    #[test]
    fn pictures_too_large_or_of_no_size_are_refused() {
        for size in [[0xff, 0x3f, 0xff, 0x3f], [0; 4], [0x10, 0, 0, 0]] {
            let mut frame = short_stream().remove(0);
            frame[6..10].copy_from_slice(&size);
            let out = Decoder::vp8().unwrap().decode(&frame);
            assert_eq!(out, Err(CodecError::Corrupt));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn broken_frames_neither_crash_nor_hang(
            flips in prop::collection::vec((0usize..6, any::<prop::sample::Index>(), any::<u8>()), 0..12),
            cut in prop::option::of((0usize..6, any::<prop::sample::Index>())),
            gone in 0usize..12,
        ) {
            let mut frames = short_stream();
            for (frame, at, byte) in flips {
                let frame = frame % frames.len();
                let at = at.index(frames[frame].len());
                frames[frame][at] = byte;
            }
            if let Some((frame, at)) = cut {
                let frame = frame % frames.len();
                let at = at.index(frames[frame].len());
                frames[frame].truncate(at);
            }
            let mut decoder = Decoder::vp8().unwrap();
            for (i, frame) in frames.iter().enumerate() {
                if i != gone {
                    let _ = decoder.decode(frame);
                }
            }
            // Whatever happened, a new stream from its key frame on is whole.
            for (i, frame) in short_stream().iter().enumerate() {
                let out = decoder.decode(frame);
                let counter = out.ok().flatten().and_then(|p| read_counter(&p));
                prop_assert_eq!(counter.map(|m| m.counter), Some(i as u32));
            }
        }

        #[test]
        fn random_bytes_neither_crash_nor_hang(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..6),
            sizes in prop::collection::vec((1u16..200, 1u16..200), 6),
        ) {
            let mut decoder = Decoder::vp8().unwrap();
            for (bytes, (width, height)) in frames.iter().zip(sizes) {
                let _ = decoder.decode(bytes);
                // Behind a good header, or nothing would get far.
                let mut key = vec![0x10, 0x02, 0, 0x9d, 0x01, 0x2a];
                key.extend(width.to_le_bytes().into_iter().chain(height.to_le_bytes()));
                key.extend(bytes);
                let _ = decoder.decode(&key);
                let mut inter = vec![0x11, 0x02, 0];
                inter.extend(bytes);
                let _ = decoder.decode(&inter);
            }
        }
    }
}
