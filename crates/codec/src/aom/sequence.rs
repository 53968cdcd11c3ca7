//! What a unit of AV1 says of itself (AV1 specification, 5.3 and 5.5): whether it brings a sequence header, with which decoding can
//! begin, and the largest picture such a header allows. libaom refuses frames larger than that.

use crate::bits::Bits;
use crate::checked::Head;

const SEQUENCE_HEADER: u8 = 1;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

/// `None` where the bytes are no OBUs, each with its size, or a sequence header can't be read.
pub(super) fn look(unit: &[u8]) -> Option<Head> {
    let mut head = Head {
        keyframe: false,
        size: (0, 0),
    };
    let mut rest = unit;
    while let Some((&header, tail)) = rest.split_first() {
        let extension = usize::from(header & HAS_EXTENSION != 0);
        let mut tail = tail.get(extension..)?;
        if header & 0x80 != 0 || header & HAS_SIZE == 0 {
            return None;
        }
        let size = leb128(&mut tail)?;
        let (payload, behind) = tail.split_at_checked(size)?;
        if header >> 3 & 15 == SEQUENCE_HEADER {
            head.keyframe = true;
            head.grow(largest(payload)?);
        }
        rest = behind;
    }
    Some(head)
}

fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for i in 0..4 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << (i * 7);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None // larger than anything that is let in
}

/// Width and height of the largest frame a sequence header allows.
fn largest(payload: &[u8]) -> Option<(usize, usize)> {
    let mut bits = Bits::new(payload);
    bits.skip(3 + 1); // profile, still picture
    if bits.flag()? {
        bits.skip(5); // reduced header: a level
    } else {
        operating_points(&mut bits)?;
    }
    let (width, height) = (bits.take(4)? + 1, bits.take(4)? + 1);
    Some((
        bits.take(width)? as usize + 1,
        bits.take(height)? as usize + 1,
    ))
}

fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(64); // ticks of display and time scale
        if bits.flag()? {
            bits.exp_golomb()?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? as usize + 1);
            bits.skip(32 + 5 + 5);
        }
    }
    let says_display_delay = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        bits.skip(12); // layers of the point
        if bits.take(5)? > 7 {
            bits.skip(1); // tier
        }
        if let Some(delay) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay + 1);
        }
        if says_display_delay && bits.flag()? {
            bits.skip(4);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{encoder, layer, short_stream, stream};
    use confab_base::VideoCodec::Av1;
    use proptest::prelude::*;

    #[test]
    fn the_encoders_key_frames_say_their_size() {
        let frames = short_stream(Av1);
        let key = Head {
            keyframe: true,
            size: (96, 64),
        };
        assert_eq!(look(&frames[0]), Some(key));
        let rest = Head {
            keyframe: false,
            size: (0, 0),
        };
        assert!(frames[1..].iter().all(|f| look(f) == Some(rest)));
        // With operating points for temporal layers, and a size that is not a power of two.
        let three = &stream(Av1, 3, 1, 300)[0].1;
        assert_eq!(look(&three.data).unwrap().size, (640, 360));
        let picture = confab_picture::I420::black(1366, 768);
        let mut encoder = encoder(Av1, &[layer(1366, 768, 300)], 1);
        let frame = encoder.encode(&picture, crate::tests::at(0), &[]).unwrap();
        assert_eq!(look(&frame[0].data).unwrap().size, (1366, 768));
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (look(&bytes), largest(&bytes));
        }
    }
}
