//! The camera of the tests: a scene in a colour of its own with things moving in it, and a readable mark on top.
//!
//! Drawing is a pure function of the frame number, so that a test can draw again what a receiver should have seen.

use crate::i420::allowed_side;
use crate::mark::{Mark, write_mark};
use crate::{I420, ladder};

/// A moving test picture. Two patterns with different ids differ in colour, motion and mark.
#[derive(Clone, Debug)]
pub struct TestPattern {
    id: u8,
    background: I420,
    figure: [u8; 3],
}

impl TestPattern {
    /// A pattern of this size (made even) for source `id`.
    pub fn new(width: usize, height: usize, id: u8) -> TestPattern {
        let (width, height) = (allowed_side(width), allowed_side(height));
        let (u, v) = hue(id);
        let mut background = I420::filled(width, height, [90, u, v]);
        let [y, ..] = background.planes_mut();
        for (i, l) in y.iter_mut().enumerate() {
            let (x, row) = (i % width, i / width);
            // A soft light from one corner and a coarse weave: something for the encoder to keep sharp.
            let light = 60 + (x * 60 / width) + (row * 40 / height);
            let weave = ((x * 40 / width) ^ (row * 24 / height)) & 1;
            *l = (light + weave * 10) as u8;
        }
        TestPattern {
            id,
            background,
            figure: [200, 255 - u, 255 - v],
        }
    }

    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        self.background.size()
    }

    /// The source's number, as in the mark.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// Luma and chroma values of the background's middle, to tell participants apart by colour.
    pub fn colour(&self) -> [u8; 3] {
        let (w, h) = self.size();
        let (y, c) = (h / 2 * w + w / 2, h / 4 * (w / 2) + w / 4);
        [
            self.background.y()[y],
            self.background.u()[c],
            self.background.v()[c],
        ]
    }

    /// Frame number `counter`: at 30 fps the figure crosses the picture in four seconds.
    pub fn frame(&self, counter: u32) -> I420 {
        let mut p = self.background.clone();
        let (w, h) = p.size();
        // Everything moves below the mark.
        let top = h / 5;
        let side = (h / 5).max(2);
        let phase = (counter as usize + usize::from(self.id) * 17) % 240;
        let there = if phase < 120 { phase } else { 240 - phase };
        let x = w.saturating_sub(side) * there / 120;
        let y = top + (h - top - side) * ((counter as usize + 40) % 90) / 180;
        p.fill_rect(x, y, side, side, self.figure);
        p.fill_rect(
            x + side / 4,
            y + side / 4,
            side / 2,
            side / 2,
            [40, 128, 128],
        );
        // A bar that grows along the lower edge, like a progress line.
        let grown = w * (counter as usize % 300) / 300;
        p.fill_rect(0, h - h / 20, grown, h / 20, [220, 128, 128]);
        write_mark(
            &mut p,
            Mark {
                id: self.id,
                counter,
            },
        );
        p
    }

    /// The rungs a camera of this size would send.
    pub fn ladder(&self) -> Vec<ladder::Rung> {
        let (w, h) = self.size();
        ladder::ladder(w, h)
    }
}

/// Sixteen hues around the circle, far enough apart to survive compression.
fn hue(id: u8) -> (u8, u8) {
    let angle = f64::from(id % 16) * std::f64::consts::TAU / 16.0;
    let part = |f: f64| (128.0 + 56.0 * f).round() as u8;
    (part(angle.cos()), part(angle.sin()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{psnr_y, read_counter};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_counter_survives_every_rung_and_back(id: u8, counter: u32) {
            let pattern = TestPattern::new(1280, 720, id);
            let p = pattern.frame(counter);
            for r in pattern.ladder() {
                let small = p.scale_to(r.width, r.height);
                prop_assert_eq!(read_counter(&small), Some(Mark { id, counter }));
                let back = small.scale_to(1280, 720);
                prop_assert_eq!(read_counter(&back), Some(Mark { id, counter }));
            }
        }

        #[test]
        fn every_size_can_be_drawn(w in 1usize..700, h in 1usize..700, counter: u32) {
            let p = TestPattern::new(w, h, 1).frame(counter);
            prop_assert_eq!(p.size(), (allowed_side(w), allowed_side(h)));
        }
    }

    #[test]
    fn the_scene_moves_and_repeats_exactly() {
        let p = TestPattern::new(640, 360, 3);
        assert!(p.frame(7) == p.frame(7));
        assert!(psnr_y(&p.frame(7), &p.frame(12)) < 30.0);
    }

    #[test]
    fn sources_can_be_told_apart_by_colour() {
        for a in 0..16u8 {
            for b in 0..a {
                let (a, b) = (TestPattern::new(64, 64, a), TestPattern::new(64, 64, b));
                let distance = a.colour()[1].abs_diff(b.colour()[1]) as u32
                    + a.colour()[2].abs_diff(b.colour()[2]) as u32;
                assert!(distance >= 20);
            }
        }
    }
}
