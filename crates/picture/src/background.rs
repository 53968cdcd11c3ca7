//! What is seen behind a person: their room, blurred, or another picture.

use crate::blur::Blur;
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

pub(crate) fn blend(front: &[u8], behind: &[u8], cover: &[u8], out: &mut [u8]) {
    let sources = front.iter().zip(behind).zip(cover);
    for (o, ((&f, &b), &c)) in out.iter_mut().zip(sources) {
        *o = mix(f, b, u16::from(c));
    }
}

/// A row of chroma by two rows of the mask.
pub(crate) fn blend_chroma(front: &[u8], behind: &[u8], cover: &[u8], out: &mut [u8]) {
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
