//! Which pixels belong to a person: the mask, steadied over time, and brought to a picture's size along the picture's own edges.

use crate::I420;
use crate::i420::allowed_side;
use crate::scale::Scaler;

/// How much of each pixel belongs to the person in front: 0 nothing, 255 all of it.
///
/// Always true: sides are those of an [`I420`], one byte for each pixel of luma.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    height: usize,
    cover: Vec<u8>,
}

impl Mask {
    /// The same everywhere. Sizes as in [`I420::black`].
    pub fn filled(width: usize, height: usize, cover: u8) -> Mask {
        let (width, height) = (allowed_side(width), allowed_side(height));
        Mask {
            width,
            height,
            cover: vec![cover; width * height],
        }
    }

    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
    /// Row by row, `width * height` bytes.
    pub fn cover(&self) -> &[u8] {
        &self.cover
    }
    /// To write to; the length stays.
    pub fn cover_mut(&mut self) -> &mut [u8] {
        &mut self.cover
    }

    /// Makes it this size; what it held is lost when the size changes.
    pub(crate) fn resize(&mut self, size: (usize, usize)) {
        if self.size() != size {
            *self = Mask::filled(size.0, size.1, 0);
        }
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask {}x{}", self.width, self.height)
    }
}

/// Half the side of the window in which mask and luma are compared, in pixels of the coarse mask.
const REACH: usize = 3;
/// Variance of luma (0 to 1) below which the window counts as flat: there the mask is smoothed rather than led.
const FLAT: f32 = 1e-3;
/// Slope and offset of the last step: what is nearly background or nearly person becomes so, and the edge gets crisper.
const CRISP: (f32, f32) = (1.5, -0.22);
/// What a network is less sure of than the first is background, more than the second person: a window it wonders about would
/// else be seen as a ghost.
const UNSURE: (f32, f32) = (0.3, 0.8);
/// Share of a new mask where it agrees with the last one. Where they disagree it rises to all of it, so that hands leave no trail.
const STEADY: f32 = 0.35;
/// Disagreement (0 to 1) from which the new mask counts alone.
const MOVED: f32 = 0.4;

/// Makes a network's coarse mask one of a picture's size.
///
/// Steadied over time where it hardly changes, then refined by a guided filter (He, Sun: Fast Guided Filter, arXiv:1505.00996):
/// in each small window the mask is taken for a linear function of luma, found at the coarse size and used at the full one. So the
/// edge follows hair and shoulders instead of the coarse grid, and a mask that is a picture late still finds them.
/// Nothing is allocated once it has seen the size of pictures.
#[derive(Debug)]
pub struct Refiner {
    size: (usize, usize),
    /// Steadied, row by row, 0 to 1.
    coarse: Vec<f32>,
    known: bool,
    small: I420,
    scaler: Scaler,
    /// Means of luma, mask, luma x mask, luma x luma in each window; then slope and offset.
    sums: Vec<[f32; 4]>,
    scratch: Scratch,
    /// Slope, offset and how they rise to the next column, between two rows.
    row: Vec<[f32; 4]>,
    /// For each column of the picture: the coarse one to its left, and how far from it.
    columns: Vec<(u32, f32)>,
}

impl Refiner {
    /// For coarse masks of this size; both sides are brought to allowed ones.
    pub fn new(width: usize, height: usize) -> Refiner {
        let small = I420::black(width, height);
        let size = small.size();
        Refiner {
            size,
            coarse: vec![0.0; size.0 * size.1],
            known: false,
            small,
            scaler: Scaler::default(),
            sums: vec![[0.0; 4]; size.0 * size.1],
            scratch: Scratch::default(),
            row: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// What came before is forgotten: another camera, another picture.
    pub fn forget(&mut self) {
        self.known = false;
    }

    /// Takes a coarse mask: row by row, 0 (background) to 1 as a network says it. Values that are missing stay as they were.
    pub fn update(&mut self, mask: &[f32]) {
        for (old, &new) in self.coarse.iter_mut().zip(mask) {
            let new = ((new - UNSURE.0) / (UNSURE.1 - UNSURE.0)).clamp(0.0, 1.0);
            let moved = ((new - *old).abs() / MOVED).min(1.0);
            let share = if self.known {
                STEADY + (1.0 - STEADY) * moved
            } else {
                1.0
            };
            *old += (new - *old) * share;
        }
        self.known = true;
    }

    /// The mask for `picture`, along its edges.
    pub fn refine(&mut self, picture: &I420, out: &mut Mask) {
        out.resize(picture.size());
        self.scaler.scale(picture, &mut self.small);
        let values = self.small.y().iter().zip(&self.coarse);
        for (sums, (&luma, &mask)) in self.sums.iter_mut().zip(values) {
            let luma = f32::from(luma) / 255.0;
            *sums = [luma, mask, luma * mask, luma * luma];
        }
        box_mean(&mut self.sums, &mut self.scratch, self.size, REACH);
        for sums in &mut self.sums {
            let [luma, mask, both, square] = *sums;
            let slope = (both - luma * mask) / (square - luma * luma + FLAT);
            *sums = [slope, mask - slope * luma, 0.0, 0.0];
        }
        box_mean(&mut self.sums, &mut self.scratch, self.size, REACH);
        self.apply(picture, out);
    }

    /// Slope and offset, interpolated to each pixel, on its luma.
    fn apply(&mut self, picture: &I420, out: &mut Mask) {
        let ((w, h), (sw, sh)) = (picture.size(), self.size);
        if self.columns.len() != w {
            self.columns.clear();
            let places = (0..w).map(|x| between(x, w, sw));
            self.columns
                .extend(places.map(|(x, part)| (x as u32, part)));
        }
        let rows = picture.y().chunks_exact(w);
        for (y, (luma, cover)) in rows.zip(out.cover.chunks_exact_mut(w)).enumerate() {
            self.interpolate(between(y, h, sh));
            let pixels = luma.iter().zip(&self.columns);
            for (cover, (&luma, &(left, part))) in cover.iter_mut().zip(pixels) {
                let [slope, offset, slopes, offsets] = self.row[left as usize];
                let mask = (slope + slopes * part) * f32::from(luma) + offset + offsets * part;
                *cover = mask.clamp(0.0, 255.0) as u8;
            }
        }
    }

    /// A row of slopes and offsets that lies `part` below the row `top`, such that they make bytes of bytes.
    fn interpolate(&mut self, (top, part): (usize, f32)) {
        let (sw, sh) = self.size;
        let bottom = (top + 1).min(sh - 1);
        let above = self.sums[top * sw..][..sw].iter();
        let pairs = above.zip(&self.sums[bottom * sw..][..sw]);
        self.row.clear();
        self.row.extend(pairs.map(|(a, b)| {
            let [slope, offset] = [0, 1].map(|k| a[k] + (b[k] - a[k]) * part);
            let offset = (offset * CRISP.0 + CRISP.1) * 255.0 + 0.5;
            [slope * CRISP.0, offset, 0.0, 0.0]
        }));
        for x in 1..sw {
            let [slope, offset, ..] = self.row[x];
            let before = &mut self.row[x - 1];
            (before[2], before[3]) = (slope - before[0], offset - before[1]);
        }
    }
}

/// What [`box_mean`] works in.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    lines: Vec<[f32; 4]>,
    columns: Vec<[f32; 4]>,
}

/// Where place `at` of `size` lies between those of `coarse`: the one before it, and the share of the one after.
fn between(at: usize, size: usize, coarse: usize) -> (usize, f32) {
    let at = ((at as f32 + 0.5) * coarse as f32 / size as f32 - 0.5).max(0.0);
    let before = (at as usize).min(coarse - 1);
    (before, (at - before as f32).min(1.0))
}

/// The mean of a window of `2 * reach + 1` on each side, cut off at the borders: running sums, so its time does not depend on `reach`.
pub(crate) fn box_mean(
    values: &mut [[f32; 4]],
    scratch: &mut Scratch,
    (w, h): (usize, usize),
    reach: usize,
) {
    let Scratch { lines, columns } = scratch;
    lines.resize(w * h, [0.0; 4]);
    columns.clear();
    columns.resize(w, [0.0; 4]);
    for (row, line) in values.chunks_exact(w).zip(lines.chunks_exact_mut(w)) {
        let mut sum = [0.0; 4];
        row.iter().take(reach).for_each(|v| add(&mut sum, v));
        for x in 0..w {
            if let Some(v) = row.get(x + reach) {
                add(&mut sum, v);
            }
            if x > reach {
                subtract(&mut sum, &row[x - reach - 1]);
            }
            let count = (x + reach).min(w - 1) - x.saturating_sub(reach) + 1;
            line[x] = sum.map(|s| s / count as f32);
        }
    }
    // Downwards with the sums of all columns side by side: the long loops run over neighbours.
    for row in lines.chunks_exact(w).take(reach) {
        columns.iter_mut().zip(row).for_each(|(s, v)| add(s, v));
    }
    for (y, out) in values.chunks_exact_mut(w).enumerate() {
        if let Some(row) = lines.chunks_exact(w).nth(y + reach) {
            columns.iter_mut().zip(row).for_each(|(s, v)| add(s, v));
        }
        if y > reach {
            let row = &lines[(y - reach - 1) * w..][..w];
            columns
                .iter_mut()
                .zip(row)
                .for_each(|(s, v)| subtract(s, v));
        }
        let count = (y + reach).min(h - 1) - y.saturating_sub(reach) + 1;
        let share = 1.0 / count as f32;
        for (o, s) in out.iter_mut().zip(&*columns) {
            *o = s.map(|s| s * share);
        }
    }
}

fn add(sum: &mut [f32; 4], v: &[f32; 4]) {
    sum.iter_mut().zip(v).for_each(|(s, v)| *s += v);
}

fn subtract(sum: &mut [f32; 4], v: &[f32; 4]) {
    sum.iter_mut().zip(v).for_each(|(s, v)| *s -= v);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bright person left of `edge`, in a dark room.
    fn person(edge: usize) -> I420 {
        let mut p = I420::filled(640, 360, [40, 128, 128]);
        p.fill_rect(0, 0, edge, 360, [180, 110, 150]);
        p
    }

    /// A coarse mask 64 x 36 whose edge is at `edge` of 640, and soft.
    fn coarse(edge: f32) -> Vec<f32> {
        let value = |i: usize| (0.5 + (edge / 10.0 - (i % 64) as f32 - 0.5) / 4.0).clamp(0.0, 1.0);
        (0..64 * 36).map(value).collect()
    }

    fn refined(picture: &I420, coarse: &[f32]) -> Mask {
        let (mut refiner, mut mask) = (Refiner::new(64, 36), Mask::filled(2, 2, 7));
        refiner.update(coarse);
        refiner.refine(picture, &mut mask);
        mask
    }

    #[test]
    fn the_edge_follows_the_picture_and_not_the_grid() {
        let mask = refined(&person(316), &coarse(320.0));
        let row = &mask.cover()[180 * 640..][..640];
        assert!(row[313] > 200 && row[318] < 60, "{:?}", &row[300..332]);
        assert_eq!((row[100], row[500]), (255, 0));
    }

    #[test]
    fn nothing_and_everything_stay_so() {
        let picture = crate::TestPattern::new(640, 360, 1).frame(0);
        for (value, cover) in [(0.0, 0), (1.0, 255)] {
            let mask = refined(&picture, &[value; 64 * 36]);
            assert!(mask == Mask::filled(640, 360, cover));
        }
    }

    #[test]
    fn a_trembling_mask_is_steadied_and_a_moving_one_followed() {
        let mut refiner = Refiner::new(64, 36);
        let mut seen = Vec::new();
        for n in 0..40 {
            refiner.update(&[if n % 2 == 0 { 0.52 } else { 0.58 }; 64 * 36]);
            seen.push(refiner.coarse[0]);
        }
        let last = &seen[30..];
        let spread = last.iter().fold(0.0f32, |m, &v| m.max((v - last[0]).abs()));
        assert!(spread < 0.06, "{spread}");
        refiner.update(&[1.0; 64 * 36]);
        assert!(refiner.coarse[0] > 0.99);
    }

    #[test]
    fn a_new_camera_starts_from_nothing() {
        let mut refiner = Refiner::new(64, 36);
        refiner.update(&[0.6; 64 * 36]);
        refiner.forget();
        refiner.update(&[0.55; 64 * 36]);
        assert!((refiner.coarse[0] - 0.5).abs() < 1e-5);
    }

    #[test]
    fn windows_are_means_also_at_borders() {
        let mut values = [1.0, 2.0, 4.0, 8.0, 3.0, 5.0].map(|v| [v, 0.0, 1.0, v]);
        box_mean(&mut values, &mut Scratch::default(), (3, 2), 1);
        let expected = [14.0 / 4.0, 23.0 / 6.0, 14.0 / 4.0].repeat(2);
        for (v, e) in values.iter().zip(expected) {
            assert!(
                (v[0] - e).abs() < 1e-5 && (v[2] - 1.0).abs() < 1e-6,
                "{values:?}"
            );
        }
    }
}
