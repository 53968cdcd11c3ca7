//! What a jitter buffer must know of an Opus packet without decoding it (RFC 6716, section 3).

/// Samples at 48 kHz in this packet, or `None` when the bytes are no Opus packet (at most 120 ms may be in one).
pub fn duration(packet: &[u8]) -> Option<u32> {
    let &toc = packet.first()?;
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    let samples = frames * frame_samples(toc);
    (1..=5760).contains(&samples).then_some(samples)
}

/// Whether the packet holds two channels. Decoders give as many as they were made for, whatever came.
pub fn is_stereo(packet: &[u8]) -> bool {
    packet.first().is_some_and(|toc| toc & 4 != 0)
}

/// Whether the packet carries in-band FEC (LBRR) for the packet before it: the flag that follows the voice-activity flags at the
/// start of its first SILK frame (RFC 6716, section 4.2.4). CELT-only packets have none.
pub fn has_lbrr(packet: &[u8]) -> bool {
    let Some(&toc) = packet.first() else {
        return false;
    };
    if toc & 0x80 != 0 {
        return false;
    }
    let Some(&first) = first_frame(packet).and_then(|frame| frame.first()) else {
        return false;
    };
    // One voice-activity bit per 20 ms comes before each channel's LBRR bit.
    let vad_bits = (frame_samples(toc) / 960).max(1);
    let mid = first >> (7 - vad_bits) & 1 != 0;
    let stereo = is_stereo(packet);
    mid || stereo && vad_bits <= 3 && first >> (6 - 2 * vad_bits as i32).max(0) & 1 != 0
}

/// A packet of one frame without its padding, in which libopus carries what only helps to conceal (deep redundancy): the bare
/// frame, as it was coded. `None`: it has no padding, several frames, or is no Opus packet (RFC 6716, section 3.2.5).
pub fn without_padding(packet: &[u8]) -> Option<Vec<u8>> {
    let frame = padded_frame(packet)?;
    let mut bare = Vec::with_capacity(1 + frame.len());
    bare.push(packet.first()? & !3);
    bare.extend_from_slice(frame);
    Some(bare)
}

/// Whether [`without_padding`] would take something away.
pub fn has_padding(packet: &[u8]) -> bool {
    padded_frame(packet).is_some()
}

/// The one frame of a packet with padding.
fn padded_frame(packet: &[u8]) -> Option<&[u8]> {
    let &[toc, count, ref rest @ ..] = packet else {
        return None;
    };
    if toc & 3 != 3 || count & 0x40 == 0 || count & 0x3f != 1 {
        return None;
    }
    let (mut padding, mut rest) = (0usize, rest);
    loop {
        let (&more, tail) = rest.split_first()?;
        rest = tail;
        if more < 255 {
            padding += usize::from(more);
            break;
        }
        padding += 254;
    }
    rest.get(..rest.len().checked_sub(padding)?)
}

/// Samples at 48 kHz of one frame, from the configuration number in the first byte (RFC 6716, table 2).
fn frame_samples(toc: u8) -> u32 {
    let config = toc >> 3;
    match config {
        0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    }
}

/// The bytes of the first frame, leniently: up to the end of the packet where lengths would have to be read.
fn first_frame(packet: &[u8]) -> Option<&[u8]> {
    match packet.first()? & 3 {
        0 | 1 => packet.get(1..),
        2 => {
            let long = *packet.get(1)? >= 252;
            packet.get(if long { 3 } else { 2 }..)
        }
        // Lengths of several frames: no sender of ours makes these with LBRR.
        _ => padded_frame(packet),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Some(samples) = duration(&bytes) {
                prop_assert!(samples <= 5760);
            }
            let _ = has_lbrr(&bytes);
            if let Some(bare) = without_padding(&bytes) {
                prop_assert!(bare.len() < bytes.len());
            }
        }
    }

    #[test]
    fn padding_is_taken_off_and_the_frame_stays() {
        // Hybrid 20 ms; one frame of two bytes; three bytes of padding.
        assert_eq!(
            without_padding(&[0x7b, 0x41, 3, 8, 9, 0, 0, 0]),
            Some(vec![0x78, 8, 9])
        );
        let long: Vec<u8> = [0x7b, 0x41, 255, 1, 8]
            .into_iter()
            .chain([0; 255])
            .collect();
        assert_eq!(without_padding(&long), Some(vec![0x78, 8]));
        assert_eq!(
            without_padding(&[0x7b, 0x41, 9, 8]),
            None,
            "more than there is"
        );
        assert_eq!(without_padding(&[0x78, 8, 9]), None, "none");
        assert_eq!(
            without_padding(&[0x7b, 0x42, 1, 8, 9, 0]),
            None,
            "two frames"
        );
    }

    #[test]
    fn durations_follow_the_table() {
        assert_eq!(duration(&[0x78, 0]), Some(960), "hybrid 20 ms");
        assert_eq!(duration(&[0xf0, 0]), Some(480), "CELT 10 ms");
        assert_eq!(duration(&[0x18, 0]), Some(2880), "SILK 60 ms");
        assert_eq!(duration(&[0xf9, 0]), Some(1920), "two CELT frames of 20 ms");
        assert_eq!(duration(&[0xfb, 7]), None, "140 ms are too many");
        assert_eq!(duration(&[]), None);
    }

    #[test]
    fn the_third_bit_from_the_right_tells_two_channels() {
        assert!(is_stereo(&[0xf4, 0]));
        assert!(!is_stereo(&[0xf0, 0]));
        assert!(!is_stereo(&[]));
    }

    #[test]
    fn the_lbrr_flag_follows_the_voice_activity_flag() {
        assert!(has_lbrr(&[0x48, 0b0100_0000]));
        assert!(!has_lbrr(&[0x48, 0b1000_0000]));
        assert!(has_lbrr(&[0x4b, 0x41, 1, 0b0100_0000, 0]), "behind padding");
        assert!(!has_lbrr(&[0xf8, 0xff]), "CELT has no LBRR");
    }
}
