//! What VP9's frames say of themselves (VP9 bitstream specification, 6.2 and annex B): key frames, sizes, and the frames of a superframe.

use crate::bits::Bits;
use crate::checked::Head;

const SYNC: u32 = 0x49_83_42;
const SRGB: u32 = 7;

/// The frames of a unit; one without an index is one frame.
fn frames(unit: &[u8]) -> Vec<&[u8]> {
    let Some(sizes) = index(unit) else {
        return vec![unit];
    };
    let mut rest = unit;
    let mut frames = Vec::with_capacity(sizes.len());
    for size in sizes {
        let Some((frame, tail)) = rest.split_at_checked(size) else {
            break;
        };
        frames.push(frame);
        rest = tail;
    }
    frames
}

/// The sizes in the index at a unit's end, if there is one.
fn index(unit: &[u8]) -> Option<Vec<usize>> {
    let &marker = unit.last()?;
    let (bytes, count) = (
        usize::from(marker >> 3 & 3) + 1,
        usize::from(marker & 7) + 1,
    );
    let start = unit.len().checked_sub(2 + bytes * count)?;
    if marker & 0xe0 != 0xc0 || unit[start] != marker {
        return None;
    }
    let number = |size: &[u8]| {
        let bytes = size.iter().rev();
        bytes.fold(0, |value, &b| value << 8 | usize::from(b))
    };
    let sizes = unit[start + 1..unit.len() - 1].chunks_exact(bytes);
    Some(sizes.map(number).collect())
}

/// The unit with an index if it has none: libvpx then takes it for one frame, and does not look for more behind it.
pub(super) fn indexed(unit: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if index(unit).is_some() {
        return unit.into();
    }
    const MARKER: u8 = 0xc0 | 3 << 3; // sizes of four bytes, one frame
    let mut whole = Vec::with_capacity(unit.len() + 6);
    whole.extend_from_slice(unit);
    whole.push(MARKER);
    whole.extend((unit.len() as u32).to_le_bytes());
    whole.push(MARKER);
    whole.into()
}

/// A unit begins with a key frame or not; its size is that of its largest frame. `None` if one of its frames can't be read.
pub(super) fn look(unit: &[u8]) -> Option<Head> {
    let mut head: Option<Head> = None;
    for frame in frames(unit) {
        let next = frame_head(frame)?;
        let first = head.get_or_insert(next);
        first.grow(next.size);
    }
    head
}

/// The uncompressed header of one frame, as far as it says the size.
fn frame_head(frame: &[u8]) -> Option<Head> {
    let mut bits = Bits::new(frame);
    let mut head = Head {
        keyframe: false,
        size: (0, 0),
    };
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = bits.take(1)? | bits.take(1)? << 1;
    if profile == 3 {
        bits.skip(1);
    }
    if bits.flag()? {
        return Some(head); // shows a frame that is there already
    }
    let predicted = bits.flag()?;
    let shown = bits.flag()?;
    let resilient = bits.flag()?;
    if !predicted {
        head.keyframe = true;
        sync(&mut bits)?;
        colours(&mut bits, profile)?;
        head.size = size(&mut bits)?;
        return Some(head);
    }
    let intra_only = !shown && bits.flag()?;
    if !resilient {
        bits.skip(2);
    }
    if intra_only {
        sync(&mut bits)?;
        if profile > 0 {
            colours(&mut bits, profile)?;
        }
        bits.skip(8); // buffers written
        head.size = size(&mut bits)?;
        return Some(head);
    }
    bits.skip(8 + 3 * 4); // buffers written, three read
    let has_size_of_a_reference = bits.flag()? || bits.flag()? || bits.flag()?;
    if !has_size_of_a_reference {
        head.size = size(&mut bits)?;
    }
    Some(head)
}

fn sync(bits: &mut Bits<'_>) -> Option<()> {
    (bits.take(24)? == SYNC).then_some(())
}

fn colours(bits: &mut Bits<'_>, profile: u32) -> Option<()> {
    if profile >= 2 {
        bits.skip(1); // 10 or 12 bits
    }
    let is_odd = profile == 1 || profile == 3;
    match bits.take(3)? {
        SRGB if is_odd => bits.skip(1),
        SRGB => return None,
        _ if is_odd => bits.skip(4),
        _ => bits.skip(1),
    }
    Some(())
}

fn size(bits: &mut Bits<'_>) -> Option<(usize, usize)> {
    Some((bits.take(16)? as usize + 1, bits.take(16)? as usize + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_index_is_written_once_and_found_again() {
        let one = indexed(&[1, 2, 3]);
        assert_eq!(*one, [1, 2, 3, 0xd8, 3, 0, 0, 0, 0xd8]);
        assert_eq!(*indexed(&one), *one);
        assert_eq!(frames(&one), [&[1, 2, 3]]);
        let two = [1, 2, 3, 0xc1, 1, 2, 0xc1];
        assert_eq!(frames(&two), [&[1][..], &[2, 3]]);
    }

    #[test]
    fn every_frame_of_a_superframe_is_looked_at() {
        // Key frames of profile 0: marker, sync, colours, 64 x 32 and 65536 x 65536.
        let small = [0x82, 0x49, 0x83, 0x42, 0, 0x03, 0xf0, 0x01, 0xf0];
        let large = [0x82, 0x49, 0x83, 0x42, 0x0f, 0xff, 0xff, 0xff, 0xf0];
        let head = |size| Head {
            keyframe: true,
            size,
        };
        assert_eq!(look(&small), Some(head((64, 32))));
        let both = [&small[..], &large, &[0xc1, 9, 9, 0xc1]].concat();
        assert_eq!(look(&both), Some(head((1 << 16, 1 << 16))));
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 1..60), marker in 0xc0u8..0xe0) {
            let _ = look(&bytes);
            bytes.push(marker);
            let _ = look(&bytes);
            prop_assert_eq!(index(&indexed(&bytes)).is_some(), true);
        }
    }
}
