//! What is seen behind a person: their room, blurred, or another picture.
//!
//! The blur never sees the person: pixels count as much as they are background, so no rim of skin and hair glows around the
//! silhouette. It works on planes of about a hundred rows whatever the picture's size, by running sums: its time does not depend
//! on how strong it is.

use crate::mask::{Scratch, box_mean};
use crate::{I420, Mask};
use std::sync::Arc;

/// How little is left of what is behind a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strength {
    /// The room can be recognised, the titles of books not.
    Light,
    #[default]
    Strong,
}

/// What others see behind a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// What is there.
    #[default]
    None,
    Blur {
        strength: Strength,
    },
    /// Fills the picture, keeping its shape; what is too much is cut off on both sides alike.
    Picture(Arc<I420>),
}

/// Rows of the planes that are blurred: not more than this, not less than half of it where the picture has as many.
const BLURRED_ROWS: usize = 135;
/// Box filters, one after another: three are close to a Gaussian.
const PASSES: usize = 3;
/// What a pixel of the person counts in the blur, against 255 of the background: enough to divide by where nothing else is near.
const LEAST_WEIGHT: f32 = 0.25;

/// Puts a [`Background`] behind a person. Allocates only when the picture's size or the background is new.
#[derive(Debug, Default)]
pub struct Backdrop {
    background: Background,
    /// The picture at the size of those it was put behind last.
    filled: Option<I420>,
    blur: Blur,
}

impl Backdrop {
    /// Puts `background` behind.
    pub fn new(background: Background) -> Backdrop {
        Backdrop {
            background,
            ..Backdrop::default()
        }
    }

    /// What it puts behind.
    pub fn background(&self) -> &Background {
        &self.background
    }

    /// From the next picture on.
    pub fn set_background(&mut self, background: Background) {
        self.background = background;
        self.filled = None;
    }

    /// `picture` where `mask` is 255, the background where it is 0, a blend in between. `out` takes the picture's size.
    ///
    /// A mask of another size is no mask of this picture: then, as with [`Background::None`], `out` is the picture.
    pub fn compose(&mut self, picture: &I420, mask: &Mask, out: &mut I420) {
        if out.size() != picture.size() {
            *out = I420::black(picture.width(), picture.height());
        }
        let masked = mask.size() == picture.size();
        match &self.background {
            Background::Blur { strength } if masked => {
                self.blur.prepare(picture, mask, *strength);
                self.blur.compose(picture, mask, out);
            }
            Background::Picture(behind) if masked => {
                let known = self.filled.take();
                let known = known.filter(|filled| filled.size() == picture.size());
                let filled = known.unwrap_or_else(|| fill(behind, picture.size()));
                over(picture, mask, &filled, out);
                self.filled = Some(filled);
            }
            _ => copy(picture, out),
        }
    }
}

/// The blurred room in small planes.
#[derive(Debug, Default)]
struct Blur {
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
    fn prepare(&mut self, picture: &I420, mask: &Mask, strength: Strength) {
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

    fn compose(&mut self, picture: &I420, mask: &Mask, out: &mut I420) {
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

/// `behind` in a picture of this size: enlarged until it fills it, the rest cut off on both sides.
fn fill(behind: &I420, (w, h): (usize, usize)) -> I420 {
    let (bw, bh) = behind.size();
    let (fw, fh) = if w * bh >= bw * h {
        (w, (w * bh).div_ceil(bw).next_multiple_of(2))
    } else {
        ((h * bw).div_ceil(bh).next_multiple_of(2), h)
    };
    let scaled = behind.scale_to(fw, fh);
    let (left, top) = (
        ((scaled.width() - w) / 2) & !1,
        ((scaled.height() - h) / 2) & !1,
    );
    let mut out = I420::black(w, h);
    let fw = scaled.width();
    let [y, u, v] = out.planes_mut();
    cut_out(scaled.y(), fw, (left, top), y, w);
    cut_out(scaled.u(), fw / 2, (left / 2, top / 2), u, w / 2);
    cut_out(scaled.v(), fw / 2, (left / 2, top / 2), v, w / 2);
    out
}

fn cut_out(from: &[u8], from_width: usize, (x, y): (usize, usize), to: &mut [u8], width: usize) {
    let rows = from.chunks_exact(from_width).skip(y);
    for (out, row) in to.chunks_exact_mut(width).zip(rows) {
        out.copy_from_slice(&row[x..x + width]);
    }
}

fn over(picture: &I420, mask: &Mask, behind: &I420, out: &mut I420) {
    let w = picture.width();
    let [y, u, v] = out.planes_mut();
    blend(picture.y(), behind.y(), mask.cover(), y);
    let chroma = [(u, picture.u(), behind.u()), (v, picture.v(), behind.v())];
    for (out, picture, behind) in chroma {
        let rows = out.chunks_exact_mut(w / 2);
        let sources = picture.chunks_exact(w / 2).zip(behind.chunks_exact(w / 2));
        for ((out, (a, b)), cover) in rows.zip(sources).zip(mask.cover().chunks_exact(2 * w)) {
            blend_chroma(a, b, cover, out);
        }
    }
}

fn copy(picture: &I420, out: &mut I420) {
    let [y, u, v] = out.planes_mut();
    y.copy_from_slice(picture.y());
    u.copy_from_slice(picture.u());
    v.copy_from_slice(picture.v());
}

fn blend(front: &[u8], behind: &[u8], cover: &[u8], out: &mut [u8]) {
    let sources = front.iter().zip(behind).zip(cover);
    for (o, ((&f, &b), &c)) in out.iter_mut().zip(sources) {
        *o = mix(f, b, u16::from(c));
    }
}

/// A row of chroma by two rows of the mask.
fn blend_chroma(front: &[u8], behind: &[u8], cover: &[u8], out: &mut [u8]) {
    let (upper, lower) = cover.split_at(cover.len() / 2);
    let covers = upper.chunks_exact(2).zip(lower.chunks_exact(2));
    let sources = front.iter().zip(behind).zip(covers);
    for (o, ((&f, &b), (u, l))) in out.iter_mut().zip(sources) {
        let sum = u16::from(u[0]) + u16::from(u[1]) + u16::from(l[0]) + u16::from(l[1]);
        *o = mix(f, b, (sum + 2) / 4);
    }
}

/// Exactly rounded: 255 gives `front`, 0 gives `behind`.
#[inline(always)]
fn mix(front: u8, behind: u8, cover: u16) -> u8 {
    let sum = u16::from(front) * cover + u16::from(behind) * (255 - cover) + 128;
    ((sum + (sum >> 8)) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ScreenPattern, TestPattern};
    use proptest::prelude::*;

    fn composed(background: Background, picture: &I420, mask: &Mask) -> I420 {
        let mut out = I420::black(2, 2);
        Backdrop::new(background).compose(picture, mask, &mut out);
        out
    }

    fn blur(strength: Strength) -> Background {
        Background::Blur { strength }
    }

    /// How much neighbours differ, on average.
    fn detail(p: &I420) -> f64 {
        let steps = p.y().windows(2).map(|w| f64::from(w[0].abs_diff(w[1])));
        steps.sum::<f64>() / p.y().len() as f64
    }

    #[test]
    fn where_the_mask_is_full_the_picture_is_untouched() {
        let picture = TestPattern::new(640, 360, 1).frame(3);
        let other = Background::Picture(Arc::new(I420::filled(64, 64, [99, 1, 2])));
        for background in [Background::None, blur(Strength::Strong), other] {
            let full = Mask::filled(640, 360, 255);
            assert!(composed(background, &picture, &full) == picture);
        }
    }

    #[test]
    fn what_is_behind_is_blurred_more_when_stronger() {
        let picture = ScreenPattern::new(640, 360, 1).frame(3);
        let empty = Mask::filled(640, 360, 0);
        let of = |strength| detail(&composed(blur(strength), &picture, &empty));
        let (light, strong) = (of(Strength::Light), of(Strength::Strong));
        assert!(
            light < detail(&picture) / 3.0,
            "{light} of {}",
            detail(&picture)
        );
        assert!(strong < light / 1.5, "{strong} of {light}");
    }

    #[test]
    fn the_person_does_not_glow_into_the_blur() {
        let mut picture = I420::filled(640, 360, [40, 128, 128]);
        picture.fill_rect(200, 100, 240, 260, [220, 90, 200]);
        let mut mask = Mask::filled(640, 360, 0);
        for row in mask.cover_mut().chunks_exact_mut(640).skip(100) {
            row[200..440].fill(255);
        }
        let out = composed(blur(Strength::Strong), &picture, &mask);
        let room = |x: usize, y: usize| out.y()[y * 640 + x];
        assert!(room(196, 200) < 44 && room(320, 96) < 44 && room(444, 300) < 44);
        assert_eq!(room(200, 200), 220);
        assert!(out.v()[100 * 320 + 98] < 134);
    }

    #[test]
    fn a_picture_behind_fills_and_keeps_its_shape() {
        let mut behind = I420::filled(100, 100, [50, 128, 128]);
        behind.fill_rect(0, 44, 100, 12, [200, 128, 128]);
        let empty = Mask::filled(320, 180, 0);
        let picture = I420::black(320, 180);
        let out = composed(Background::Picture(Arc::new(behind)), &picture, &empty);
        // 320 x 320 of it, the middle 180 rows shown: the stripe stays in the middle, a pixel is as wide as high.
        assert!((out.y()[90 * 320] >= 199) && (out.y()[60 * 320] <= 51));
        let rows = (0..180).filter(|y| out.y()[y * 320 + 160] > 125).count();
        assert!((36..=41).contains(&rows), "{rows}");
    }

    #[test]
    fn an_edge_is_a_blend() {
        let picture = I420::filled(64, 64, [200, 100, 180]);
        let behind = Background::Picture(Arc::new(I420::filled(64, 64, [100, 140, 80])));
        let out = composed(behind, &picture, &Mask::filled(64, 64, 102));
        assert_eq!((out.y()[5], out.u()[5], out.v()[5]), (140, 124, 120));
    }

    #[test]
    fn a_mask_of_another_picture_changes_nothing() {
        let picture = TestPattern::new(320, 180, 1).frame(0);
        let out = composed(blur(Strength::Light), &picture, &Mask::filled(64, 64, 0));
        assert!(out == picture);
    }

    #[test]
    fn sizes_and_backgrounds_may_change_between_pictures() {
        let behind = |l| Background::Picture(Arc::new(I420::filled(40, 90, [l, 128, 128])));
        let mut backdrop = Backdrop::new(behind(60));
        let mut out = I420::black(2, 2);
        for (size, l) in [((64, 48), 60), ((48, 64), 60), ((48, 64), 90)] {
            if l == 90 {
                backdrop.set_background(behind(90));
            }
            let empty = Mask::filled(size.0, size.1, 0);
            backdrop.compose(&I420::black(size.0, size.1), &empty, &mut out);
            assert!(out == I420::filled(size.0, size.1, [l, 128, 128]));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_flat_picture_stays_flat_at_every_size_and_mask(
            w in 1usize..160, h in 1usize..400, cover: u8, yuv: [u8; 3], strong: bool
        ) {
            let picture = I420::filled(w * 2, h * 2, yuv);
            let mask = Mask::filled(w * 2, h * 2, cover);
            let strength = if strong { Strength::Strong } else { Strength::Light };
            prop_assert!(composed(blur(strength), &picture, &mask) == picture);
            let behind = Background::Picture(Arc::new(picture.clone()));
            prop_assert!(composed(behind, &picture, &mask) == picture);
        }

        #[test]
        fn mixing_is_exact(front: u8, behind: u8, cover: u8) {
            let exact = f64::from(front) * f64::from(cover) + f64::from(behind) * f64::from(255 - cover);
            let found = mix(front, behind, u16::from(cover));
            prop_assert_eq!(f64::from(found), (exact / 255.0).round());
        }
    }
}
