//! Where a decoder can start: the first packet of a key frame, by its tag, or told from the first bytes of the RTP payload.

use confab_base::{FrameTag, VideoCodec};
use confab_rtp::{av1, h264, vp8, vp9};

/// Whether decoding can begin with this packet. Never panics, whatever the bytes. `is_first`: whether it is known to be the first one of
/// its frame; a tag says so itself.
///
/// H.264 (RFC 6184): an SPS, alone or aggregated; an IDR slice only where nothing of its frame can be before it: each of its slices
/// looks like that, and without parameter sets, which travel in a packet before it, nobody can decode them.
/// VP8 (RFC 7741): the first partition's start with the P bit clear. VP9 (RFC 9628): not inter-predicted, start of the
/// lowest layer's frame. AV1: the N bit of the aggregation header, or a sequence header.
pub fn is_keyframe_start(
    codec: VideoCodec,
    tag: Option<FrameTag>,
    payload: &[u8],
    is_first: impl FnOnce() -> bool,
) -> bool {
    if let Some(tag) = tag {
        return tag.start && tag.is_keyframe();
    }
    match codec {
        VideoCodec::H264 => {
            h264::has_sps(payload) || (h264::is_keyframe_start(payload) && is_first())
        }
        VideoCodec::Vp8 => vp8::is_keyframe(payload),
        VideoCodec::Vp9 => vp9::is_keyframe(payload),
        VideoCodec::Av1 => av1::is_keyframe(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn h264_key_frames_are_known_in_every_packaging() {
        let after = |p: &[u8], is_first| is_keyframe_start(VideoCodec::H264, None, p, || is_first);
        let start = |p: &[u8]| after(p, true);
        assert!(after(&[0x67, 0x42], false) && after(&[0x78, 0, 2, 0x67, 0x42], false));
        assert!(!after(&[0x65, 0x88], false) && !after(&[0x7c, 0x85], false));
        assert!(start(&[0x67, 0x42]), "SPS alone");
        assert!(start(&[0x65, 0x88]), "IDR alone");
        assert!(
            start(&[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68]),
            "SPS in an aggregate"
        );
        assert!(
            start(&[0x78, 0, 1, 0x06, 0, 1, 0x65]),
            "IDR behind SEI in an aggregate"
        );
        assert!(start(&[0x7c, 0x85]), "first fragment of IDR");
        assert!(!start(&[0x7c, 0x05]), "middle of IDR");
        assert!(!start(&[0x7c, 0x81]), "first fragment of a predicted slice");
        assert!(!start(&[0x61]), "predicted slice");
        assert!(!start(&[]), "nothing");
    }

    #[test]
    fn a_tag_says_it_whatever_the_payload() {
        let start = |refers, start| {
            let tag = FrameTag {
                frame: 7,
                refers,
                temporal: 0,
                start,
            };
            is_keyframe_start(VideoCodec::H264, Some(tag), &[0x65, 0x88], || true)
        };
        assert!(start(0, true) && !start(0, false) && !start(4, true));
    }

    #[test]
    fn vp8_key_frames_are_known() {
        let start = |p: &[u8]| is_keyframe_start(VideoCodec::Vp8, None, p, || false);
        assert!(start(&[0x10, 0x00]));
        assert!(!start(&[0x10, 0x01]), "predicted");
        assert!(!start(&[0x00, 0x00]), "continuation");
        assert!(
            start(&[0x90, 0xe0, 0x81, 0x02, 0x03, 0x04, 0x00]),
            "with every extension"
        );
        assert!(!start(&[0x90, 0xe0, 0x81]), "cut short");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for codec in [VideoCodec::H264, VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::Av1] {
                is_keyframe_start(codec, None, &bytes, || true);
            }
        }
    }
}
