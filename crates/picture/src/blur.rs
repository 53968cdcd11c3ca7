//! The room behind a person, blurred.
//!
//! The blur never sees the person: pixels count as much as they are background, so no rim of skin and hair glows around the
//! silhouette. It works on planes of about a hundred rows whatever the picture's size, by running sums: its time does not depend
//! on how strong it is.

use crate::background::{blend, blend_chroma};
use crate::mask::{Scratch, box_mean};
use crate::{I420, Mask, Strength};

/// Rows of the planes that are blurred: not more than this, not less than half of it where the picture has as many.
const BLURRED_ROWS: usize = 135;
/// Box filters, one after another: three are close to a Gaussian.
const PASSES: usize = 3;
/// What a pixel of the person counts in the blur, against 255 of the background: enough to divide by where nothing else is near.
const LEAST_WEIGHT: f32 = 0.25;

/// The blurred room in small planes.
#[derive(Debug, Default)]
pub(crate) struct Blur {
    /// Pixels of luma on each side that make one small pixel, a power of two; chroma's half of it.
    factor: usize,
    size: (usize, usize),
    /// Weight, then luma and chroma times weight; after blurring the colours themselves.
    small: Vec<[f32; 4]>,
    scratch: Scratch,
    /// A row between two small ones, in 256ths.
    line: Vec<i32>,
    row: Vec<u8>,
}

impl Blur {
    /// Takes the room out of `picture`, where `mask` lets it be seen, and blurs it.
    pub(crate) fn prepare(&mut self, picture: &I420, mask: &Mask, strength: Strength) {
        let (w, h) = picture.size();
        // At least 2, so that a small pixel has whole pixels of chroma.
        self.factor = 2;
        while h.div_ceil(self.factor) > BLURRED_ROWS {
            self.factor *= 2;
        }
        self.size = (w.div_ceil(self.factor), h.div_ceil(self.factor));
        self.small.resize(self.size.0 * self.size.1, [0.0; 4]);
        self.gather(picture, mask);
        let reach = match strength {
            Strength::Light => self.size.1 / 40,
            Strength::Strong => self.size.1 / 15,
        };
        for _ in 0..PASSES {
            box_mean(&mut self.small, &mut self.scratch, self.size, reach.max(1));
        }
        for [weight, colours @ ..] in &mut self.small {
            colours.iter_mut().for_each(|c| *c /= *weight);
        }
    }

    /// Small pixels out of the picture, each colour weighed by how much of it is background.
    fn gather(&mut self, picture: &I420, mask: &Mask) {
        let (n, width) = (self.factor, picture.width());
        for (row, small) in self.small.chunks_exact_mut(self.size.0).enumerate() {
            small.fill([0.0; 4]);
            sum_blocks(picture.y(), width, (row, n), small, 1);
            sum_blocks(picture.u(), width / 2, (row, n / 2), small, 2);
            sum_blocks(picture.v(), width / 2, (row, n / 2), small, 3);
            sum_blocks(mask.cover(), width, (row, n), small, 0);
            for [cover, colours @ ..] in small {
                *cover = (255.0 - *cover).max(LEAST_WEIGHT);
                colours.iter_mut().for_each(|c| *c *= *cover);
            }
        }
    }

    /// `picture` where `mask` is 255, the blurred room where it is 0.
    pub(crate) fn compose(&mut self, picture: &I420, mask: &Mask, out: &mut I420) {
        let (w, h) = picture.size();
        let [y, u, v] = out.planes_mut();
        for row in 0..h {
            self.enlarge(row, self.factor, w, 1);
            let at = row * w..(row + 1) * w;
            let cover = &mask.cover()[at.clone()];
            blend(&picture.y()[at.clone()], &self.row, cover, &mut y[at]);
        }
        for row in 0..h / 2 {
            let at = row * (w / 2)..(row + 1) * (w / 2);
            let cover = &mask.cover()[row * 2 * w..][..2 * w];
            for (plane, from, channel) in [(&mut *u, picture.u(), 2), (&mut *v, picture.v(), 3)] {
                self.enlarge(row, self.factor / 2, w / 2, channel);
                blend_chroma(&from[at.clone()], &self.row, cover, &mut plane[at.clone()]);
            }
        }
    }

    /// Row `y` of a channel at its full width, where `n` pixels make a small one.
    fn enlarge(&mut self, y: usize, n: usize, width: usize, channel: usize) {
        let (sw, sh) = self.size;
        // Counted in half pixels, from the centre of the first small row.
        let at = (2 * y + 1).saturating_sub(n);
        let top = (at / (2 * n)).min(sh - 1);
        let part = (at % (2 * n)) as f32 / (2 * n) as f32;
        let below = (top + 1).min(sh - 1);
        let rows = self.small[top * sw..][..sw].iter();
        let pairs = rows.zip(&self.small[below * sw..][..sw]);
        let between = |(a, b): (&[f32; 4], &[f32; 4])| {
            ((a[channel] + (b[channel] - a[channel]) * part) * 256.0 + 0.5) as i32
        };
        self.line.clear();
        self.line.extend(pairs.map(between));
        self.row.resize(width, 0);
        match n {
            1 => widen::<1>(&self.line, &mut self.row),
            2 => widen::<2>(&self.line, &mut self.row),
            4 => widen::<4>(&self.line, &mut self.row),
            8 => widen::<8>(&self.line, &mut self.row),
            16 => widen::<16>(&self.line, &mut self.row),
            32 => widen::<32>(&self.line, &mut self.row),
            // Pictures have at most 8192 rows, which makes 64.
            _ => widen::<64>(&self.line, &mut self.row),
        }
    }
}

/// `N` pixels, a power of two, for each in `line`, which is in 256ths; linear from centre to centre.
fn widen<const N: usize>(line: &[i32], row: &mut [u8]) {
    let byte = |value: i32| ((value + 128) >> 8) as u8;
    if N == 1 {
        let pairs = row.iter_mut().zip(line);
        pairs.for_each(|(out, &value)| *out = byte(value));
        return;
    }
    let (first, rest) = row.split_at_mut((N / 2).min(row.len()));
    first.fill(byte(line[0]));
    let mut blocks = rest.chunks_exact_mut(N);
    for (out, pair) in (&mut blocks).zip(line.windows(2)) {
        let rise = pair[1] - pair[0];
        for (i, o) in out.iter_mut().enumerate() {
            let part = rise * (2 * i as i32 + 1) / (2 * N as i32);
            *o = byte(pair[0] + part);
        }
    }
    let last = line.last().copied().unwrap_or_default();
    blocks.into_remainder().fill(byte(last));
}

/// Means of blocks of `n` x `n` of the block row `row`, smaller ones at the far borders, into channel `channel`.
fn sum_blocks(
    plane: &[u8],
    width: usize,
    (row, n): (usize, usize),
    small: &mut [[f32; 4]],
    channel: usize,
) {
    let lines = plane.chunks_exact(width).skip(row * n).take(n);
    let count = lines.len();
    for line in lines {
        for (small, block) in small.iter_mut().zip(line.chunks(n)) {
            let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
            small[channel] += sum as f32;
        }
    }
    for (i, small) in small.iter_mut().enumerate() {
        small[channel] /= (n.min(width - i * n) * count) as f32;
    }
}
