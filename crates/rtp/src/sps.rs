//! The picture size in an H.264 sequence parameter set (ITU-T H.264, 7.3.2.1.1), for statistics where nothing is decoded.

use crate::h264::nal_units;

const SPS: u8 = 7;
/// Profiles whose sets carry the chroma format and scaling matrices.
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Width and height of the pictures an access unit (Annex-B) begins; `None` without a readable parameter set. Scaling matrices, which no
/// encoder of ours writes, are not read.
pub fn h264_size(annexb: &[u8]) -> Option<(u16, u16)> {
    let sps = nal_units(annexb).find(|nal| nal[0] & 0x1f == SPS)?;
    // A size stands in the first bytes; more of them only cost time.
    size_in(&without_emulation_prevention(&sps[1..sps.len().min(64)]))
}

fn size_in(sps: &[u8]) -> Option<(u16, u16)> {
    let mut bits = Bits { bytes: sps, at: 24 };
    let profile = *sps.first()?;
    bits.exp_golomb()?; // seq_parameter_set_id
    let mut chroma = 1;
    if HIGH_PROFILES.contains(&profile) {
        chroma = bits.exp_golomb()?;
        if chroma == 3 {
            bits.take(1)?;
        }
        bits.exp_golomb()?; // bit depths
        bits.exp_golomb()?;
        bits.take(1)?;
        if bits.take(1)? == 1 {
            return None;
        }
    }
    bits.exp_golomb()?; // log2_max_frame_num_minus4
    match bits.exp_golomb()? {
        0 => drop(bits.exp_golomb()?),
        1 => {
            bits.take(1)?;
            bits.exp_golomb()?;
            bits.exp_golomb()?;
            for _ in 0..bits.exp_golomb()?.min(255) {
                bits.exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?; // max_num_ref_frames
    bits.take(1)?;
    let width = (bits.exp_golomb()? + 1).checked_mul(16)?;
    let map_units = bits.exp_golomb()? + 1;
    let frames_only = bits.take(1)?;
    if frames_only == 0 {
        bits.take(1)?;
    }
    bits.take(1)?;
    let height = map_units.checked_mul(16 * (2 - frames_only))?;
    let mut crop = [0; 4];
    if bits.take(1)? == 1 {
        for side in &mut crop {
            *side = bits.exp_golomb()?;
        }
    }
    let unit = (
        if matches!(chroma, 1 | 2) { 2 } else { 1 },
        if chroma == 1 { 2 } else { 1 } * (2 - frames_only),
    );
    let cropped = |size: u32, a: u32, b: u32, unit: u32| {
        size.checked_sub(a.checked_add(b)?.checked_mul(unit)?)
    };
    let width = cropped(width, crop[0], crop[1], unit.0)?;
    let height = cropped(height, crop[2], crop[3], unit.1)?;
    Some((width.try_into().ok()?, height.try_into().ok()?))
}

/// `00 00 03` stands for `00 00` inside a NAL unit.
fn without_emulation_prevention(nal: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// Unsigned Exp-Golomb (9.1), at most 31 bits; signed ones are as long.
    fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 30 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_with_and_without_cropping_in_baseline_and_high() {
        // Written by openh264 (640x360: 23 rows of macroblocks, cropped) and by x264 (high profile, 1920x1080).
        let baseline = [
            0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f,
            0x08, 0x84, 0x6a,
        ];
        assert_eq!(h264_size(&baseline), Some((640, 360)));
        let high = [
            0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44,
            0, 0, 3, 0, 4, 0, 0, 3, 0, 0xf0, 0x3c, 0x60, 0xc6, 0x58,
        ];
        assert_eq!(h264_size(&high), Some((1920, 1080)));
        assert_eq!(h264_size(&[0, 0, 1, 0x65, 1, 2, 3]), None);
        assert_eq!(h264_size(&[0, 0, 1, 0x67]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, profile in proptest::sample::select(vec![66u8, 100])) {
            let mut unit = vec![0, 0, 1, 0x67, profile];
            unit.extend(bytes);
            let _ = h264_size(&unit);
        }
    }
}
