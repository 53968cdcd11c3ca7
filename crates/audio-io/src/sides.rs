//! Channels of devices and files to two sides, and sides to one. What has more channels than two gives every other one to a side: of
//! four inputs the first and the third are left.

use crate::{FRAME, Frame, StereoFrame};

/// The two sides of one moment of `channels` samples. Their mean is the mean of all where the channels are one or even in number.
pub(crate) fn sides(channels: usize, moment: impl Iterator<Item = f32>) -> [f32; 2] {
    let mut sides = [0.0f32; 2];
    for (i, sample) in moment.enumerate() {
        sides[i % 2] += sample;
    }
    match channels {
        0 | 1 => [sides[0]; 2],
        2 => sides,
        _ => {
            let right = (channels / 2) as f32;
            [sides[0] / (channels as f32 - right), sides[1] / right]
        }
    }
}

/// Interleaved pairs to their means, appended to `out`.
pub(crate) fn means(pairs: &[f32], out: &mut Vec<f32>) {
    out.extend(pairs.chunks_exact(2).map(|pair| (pair[0] + pair[1]) * 0.5));
}

pub(crate) fn mean(frame: &StereoFrame) -> Frame {
    std::array::from_fn(|i| (frame[2 * i] + frame[2 * i + 1]) * 0.5)
}

/// The same on both sides.
pub(crate) fn spread(mono: &Frame, out: &mut StereoFrame) {
    for (pair, sample) in out.chunks_exact_mut(2).zip(mono) {
        pair.fill(*sample);
    }
}

/// Samples of 10 ms with so many channels.
pub(crate) const fn frame_of(channels: usize) -> usize {
    FRAME * channels
}

/// Sound of one channel or of two, interleaved, turned into the other kind in place.
pub(crate) fn rechannel(samples: &mut Vec<f32>, from: usize, to: usize) {
    *samples = match (from, to) {
        (2, 1) => {
            let mut mono = Vec::with_capacity(samples.len());
            means(samples, &mut mono);
            mono
        }
        (1, 2) => samples.iter().flat_map(|s| [*s, *s]).collect(),
        _ => return,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_channels_are_the_sides_and_more_are_dealt_out() {
        let of = |all: &[f32]| sides(all.len(), all.iter().copied());
        assert_eq!(of(&[0.5]), [0.5, 0.5]);
        assert_eq!(of(&[0.5, -0.25]), [0.5, -0.25]);
        assert_eq!(of(&[0.5, 0.25, 0.25, 0.75]), [0.375, 0.5]);
        assert_eq!(of(&[0.5, 0.25, 0.25]), [0.375, 0.25]);
        assert_eq!(of(&[]), [0.0, 0.0]);
    }

    #[test]
    fn one_channel_becomes_two_and_two_become_one() {
        let mut samples = vec![0.5, -0.25];
        rechannel(&mut samples, 1, 2);
        assert_eq!(samples, [0.5, 0.5, -0.25, -0.25]);
        samples[1] = 0.0;
        rechannel(&mut samples, 2, 1);
        assert_eq!(samples, [0.25, -0.25]);
    }
}
