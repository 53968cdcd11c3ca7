//! The VP8 payload descriptor (RFC 7741, section 4.2), as far as a forwarder needs it: where a key frame starts, and
//! the picture id and TL0PICIDX, which must go on without a break when a slot changes its source.

use std::sync::Arc;

/// Where the rewritable fields stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// Offset of the picture id and whether it has 15 bits (else 7).
    picture: Option<(usize, bool)>,
    tl0: Option<usize>,
    /// Length of the descriptor.
    len: usize,
    pub picture_id: u16,
    pub tl0picidx: u8,
    start: bool,
}

/// Reads the descriptor; `None` if it is cut short.
pub(crate) fn parse(payload: &[u8]) -> Option<Descriptor> {
    let first = *payload.first()?;
    let mut d = Descriptor {
        start: first & 0x17 == 0x10,
        len: 1,
        ..Descriptor::default()
    };
    if first & 0x80 == 0 {
        return Some(d);
    }
    let ext = *payload.get(1)?;
    d.len = 2;
    if ext & 0x80 != 0 {
        let high = *payload.get(d.len)?;
        let long = high & 0x80 != 0;
        d.picture = Some((d.len, long));
        d.picture_id = if long {
            u16::from_be_bytes([high & 0x7f, *payload.get(d.len + 1)?])
        } else {
            u16::from(high)
        };
        d.len += 1 + usize::from(long);
    }
    if ext & 0x40 != 0 {
        d.tl0 = Some(d.len);
        d.tl0picidx = *payload.get(d.len)?;
        d.len += 1;
    }
    if ext & 0x30 != 0 {
        payload.get(d.len)?;
        d.len += 1;
    }
    Some(d)
}

pub(crate) fn is_keyframe_start(payload: &[u8]) -> bool {
    parse(payload).is_some_and(|d| d.start && payload.get(d.len).is_some_and(|b| b & 1 == 0))
}

/// A copy of `payload` with its picture id and TL0PICIDX moved on, or the same payload if both offsets are zero.
pub(crate) fn shifted(payload: &Arc<[u8]>, picture: u16, tl0: u8) -> Arc<[u8]> {
    if picture == 0 && tl0 == 0 {
        return payload.clone();
    }
    let Some(d) = parse(payload) else {
        return payload.clone();
    };
    let mut copy: Arc<[u8]> = Arc::from(&payload[..]);
    // A fresh Arc has one owner, so this never fails.
    if let Some(bytes) = Arc::get_mut(&mut copy) {
        match d.picture {
            Some((at, true)) => {
                let id = d.picture_id.wrapping_add(picture) & 0x7fff;
                bytes[at..at + 2].copy_from_slice(&(id | 0x8000).to_be_bytes());
            }
            Some((at, false)) => bytes[at] = (d.picture_id.wrapping_add(picture) & 0x7f) as u8,
            None => {}
        }
        if let Some(at) = d.tl0 {
            bytes[at] = d.tl0picidx.wrapping_add(tl0);
        }
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(id: u16, tl0: u8) -> Arc<[u8]> {
        let [hi, lo] = (id | 0x8000).to_be_bytes();
        Arc::from([0x90, 0xe0, hi, lo, tl0, 0x20, 0x00, 1, 2, 3])
    }

    #[test]
    fn picture_ids_move_on_and_wrap() {
        assert_eq!(shifted(&packet(10, 3), 5, 2), packet(15, 5));
        assert_eq!(shifted(&packet(0x7fff, 255), 1, 1), packet(0, 0));
        let short: Arc<[u8]> = Arc::from([0x90, 0x80, 0x7f, 0x00]);
        assert_eq!(
            shifted(&short, 2, 9)[2],
            1,
            "seven-bit ids stay seven bits long"
        );
    }

    proptest! {
        #[test]
        fn shifting_forth_and_back_changes_nothing(
            bytes in proptest::collection::vec(any::<u8>(), 0..40), p in 0u16..0x8000, t in any::<u8>()
        ) {
            let payload: Arc<[u8]> = Arc::from(bytes);
            let there = shifted(&payload, p, t);
            prop_assert_eq!(there.len(), payload.len());
            let back = shifted(&there, 0u16.wrapping_sub(p), 0u8.wrapping_sub(t));
            prop_assert_eq!(back, payload);
        }
    }
}
