//! What VP8's frames say of themselves: key frames and their sizes (RFC 6386, section 9.1).

use crate::checked::Head;

/// Frame tag, start code and size of a key frame.
const KEYFRAME_HEADER: usize = 10;

/// `None` for a key frame without its start code.
pub(super) fn look(frame: &[u8]) -> Option<Head> {
    // Inverse: the bit says that the frame refers to others.
    if frame.first()? & 1 != 0 {
        return Some(Head {
            keyframe: false,
            size: (0, 0),
        });
    }
    let header = frame.first_chunk::<KEYFRAME_HEADER>()?;
    let side = |i: usize| usize::from(u16::from_le_bytes([header[i], header[i + 1]]) & 0x3fff);
    (header[3..6] == [0x9d, 0x01, 0x2a]).then(|| Head {
        keyframe: true,
        size: (side(6), side(8)),
    })
}

#[cfg(test)]
mod tests {
    use crate::CodecError;
    use crate::tests::{decoder, short_stream};
    use confab_base::VideoCodec::Vp8;
    use proptest::prelude::*;

    #[test]
    fn pictures_too_large_or_of_no_size_are_refused() {
        for size in [[0xff, 0x3f, 0xff, 0x3f], [0; 4], [0x10, 0, 0, 0]] {
            let mut frame = short_stream(Vp8).remove(0);
            frame[6..10].copy_from_slice(&size);
            let out = decoder(Vp8).decode(&frame);
            assert_eq!(out, Err(CodecError::Corrupt));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn random_bytes_neither_crash_nor_hang(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..6),
            sizes in prop::collection::vec((1u16..200, 1u16..200), 6),
        ) {
            let mut decoder = decoder(Vp8);
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
