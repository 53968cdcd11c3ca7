//! Where the person is in a camera's picture: a small neural network, and what makes a mask of the picture's size of its answer.
//!
//! Pure: the network is plain arithmetic over weights that are part of the program (assets/person-mask, which says where they come
//! from).
#![forbid(unsafe_code)]

mod layer;
mod net;
mod scenery;
mod weights;

use confab_picture::{I420, Mask, Refiner, Scaler};
pub use scenery::Scenery;

use net::{HEIGHT, Net, WIDTH};
use weights::Weights;

static WEIGHTS: &[u8] = include_bytes!("../../../assets/person-mask/person-mask.f16");

/// The network looks at one picture of this many; between them the mask is led by the edges of the newest picture.
pub const LOOK_EVERY: u32 = 2;

/// Finds the person in picture after picture of one camera. What it costs is in docs/QUALITY.md.
///
/// Made for one or a few people in front of a camera, about 2 m away at most. Pictures of any shape are stretched to 16:9 first.
/// Allocates when the size of pictures is new.
#[derive(Debug)]
pub struct PersonMask {
    net: Net,
    refiner: Refiner,
    scaler: Scaler,
    small: I420,
    rgb: Vec<f32>,
    found: Vec<f32>,
    /// Of the pictures seen last.
    size: (usize, usize),
    /// Pictures until the network looks again.
    rest: u32,
}

impl Default for PersonMask {
    fn default() -> PersonMask {
        PersonMask::new()
    }
}

impl PersonMask {
    /// Reads the weights: a millisecond.
    pub fn new() -> PersonMask {
        PersonMask {
            net: Net::new(&mut Weights::new(WEIGHTS)),
            refiner: Refiner::new(WIDTH, HEIGHT),
            scaler: Scaler::default(),
            small: I420::black(WIDTH, HEIGHT),
            rgb: vec![0.0; WIDTH * HEIGHT * 3],
            found: vec![0.0; WIDTH * HEIGHT],
            size: (0, 0),
            rest: 0,
        }
    }

    /// The next picture has nothing to do with the last one: another camera, or a pause.
    pub fn forget(&mut self) {
        self.refiner.forget();
        self.rest = 0;
    }

    /// Where the person is in `picture`, the next one of the camera. `out` takes its size.
    pub fn mask(&mut self, picture: &I420, out: &mut Mask) {
        if picture.size() != self.size {
            self.size = picture.size();
            self.forget();
        }
        if self.rest == 0 {
            self.rest = LOOK_EVERY;
            self.scaler.scale(picture, &mut self.small);
            to_rgb(&self.small, &mut self.rgb);
            self.net.run(&self.rgb, &mut self.found);
            self.refiner.update(&self.found);
        }
        self.rest -= 1;
        self.refiner.refine(picture, out);
    }

    /// What the network answered when it looked last: [`MASK_SIZE`], row by row, 0 (background) to 1.
    pub fn found(&self) -> &[f32] {
        &self.found
    }
}

/// Width and height of the network's answer.
pub const MASK_SIZE: (usize, usize) = (WIDTH, HEIGHT);

/// BT.601 in limited range to red, green and blue, 0 to 1.
fn to_rgb(picture: &I420, rgb: &mut [f32]) {
    let w = picture.width();
    for (y, row) in rgb.chunks_exact_mut(w * 3).enumerate() {
        let luma = &picture.y()[y * w..][..w];
        let u = &picture.u()[y / 2 * (w / 2)..][..w / 2];
        let v = &picture.v()[y / 2 * (w / 2)..][..w / 2];
        let pairs = luma.chunks_exact(2).zip(u.iter().zip(v));
        for (pixels, (luma, (&u, &v))) in row.chunks_exact_mut(6).zip(pairs) {
            let (u, v) = (f32::from(u) - 128.0, f32::from(v) - 128.0);
            let add = [1.596 * v, -0.391 * u - 0.813 * v, 2.018 * u];
            for (pixel, &luma) in pixels.chunks_exact_mut(3).zip(luma) {
                let grey = (f32::from(luma) - 16.0) * 1.164;
                for (p, add) in pixel.iter_mut().zip(add) {
                    *p = ((grey + add) / 255.0).clamp(0.0, 1.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(size: (usize, usize), at: usize) -> I420 {
        let mut p = I420::filled(size.0, size.1, [120, 120, 120]);
        let (w, h) = size;
        p.fill_rect(at + w / 16, h / 7, w / 6, h * 2 / 5, [150, 108, 150]);
        p.fill_rect(at, h / 2, w * 3 / 10, h / 2, [40, 140, 125]);
        p
    }

    #[test]
    fn sizes_may_change_and_be_small_or_upright() {
        let (mut mask, mut out) = (PersonMask::new(), Mask::filled(2, 2, 0));
        for size in [(640, 360), (2, 2), (360, 640), (322, 182), (64, 8)] {
            mask.mask(&I420::black(size.0, size.1), &mut out);
            assert_eq!(out.size(), size);
        }
    }

    #[test]
    fn the_network_looks_at_every_second_picture_and_at_once_after_a_change() {
        let (mut mask, mut out) = (PersonMask::new(), Mask::filled(2, 2, 0));
        let mut changed = |mask: &mut PersonMask, at: usize| {
            let before = mask.found().to_vec();
            mask.mask(&person((640, 360), at), &mut out);
            mask.found() != before
        };
        let looks = [0, 40, 80, 120].map(|at| changed(&mut mask, at));
        assert_eq!(looks, [true, false, true, false]);
        assert!(changed(&mut mask, 160));
        mask.forget();
        assert!(changed(&mut mask, 200));
    }

    #[test]
    fn colours_are_those_of_the_standard() {
        let mut rgb = [0.0; 12];
        to_rgb(&I420::filled(2, 2, [82, 90, 240]), &mut rgb);
        assert!(rgb[0] > 0.99 && rgb[1] < 0.01 && rgb[2] < 0.01, "{rgb:?}");
        to_rgb(&I420::filled(2, 2, [235, 128, 128]), &mut rgb);
        assert!(rgb.iter().all(|&c| c > 0.99));
    }
}
