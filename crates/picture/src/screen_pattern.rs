//! The shared screen of the tests: a page of sharp-edged text-like strokes, a mark on top, a cursor that blinks, and now
//! and then another line, as when someone types.

use crate::I420;
use crate::i420::allowed_side;
use crate::mark::{Mark, write_mark};

/// A synthetic screen. As with [`crate::TestPattern`], drawing is a pure function of the frame number.
#[derive(Clone, Debug)]
pub struct ScreenPattern {
    id: u8,
    page: I420,
}

/// A letter's cell in pixels.
const CELL: (usize, usize) = (8, 16);
/// Frames between two typed letters.
const FRAMES_PER_LETTER: u32 = 4;

impl ScreenPattern {
    /// A screen of this size (made even) for source `id`.
    pub fn new(width: usize, height: usize, id: u8) -> ScreenPattern {
        let mut page = I420::filled(width, height, [230, 128, 128]);
        let (w, h) = page.size();
        let first = text_top(h);
        for row in (first..h.saturating_sub(CELL.1)).step_by(CELL.1) {
            // Lines end raggedly, and every seventh is a gap between paragraphs.
            let line = row / CELL.1;
            let columns = w / CELL.0;
            let letters = columns * (60 + scramble(line as u32, id) as usize % 40) / 100;
            if !line.is_multiple_of(7) {
                (1..letters).for_each(|c| letter(&mut page, c * CELL.0, row, id));
            }
        }
        ScreenPattern { id, page }
    }

    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        self.page.size()
    }

    /// Frame number `counter`.
    pub fn frame(&self, counter: u32) -> I420 {
        let mut p = self.page.clone();
        let (w, h) = p.size();
        let columns = (w / CELL.0).saturating_sub(2).max(1);
        let typed = (counter / FRAMES_PER_LETTER) as usize % columns;
        let row = allowed_side(text_top(h) + h.saturating_sub(text_top(h)) / 2) / CELL.1 * CELL.1;
        p.fill_rect(0, row, w, CELL.1, [235, 128, 128]);
        (1..=typed).for_each(|c| letter(&mut p, c * CELL.0, row, self.id.wrapping_add(1)));
        if (counter / 8).is_multiple_of(2) {
            p.fill_rect((typed + 1) * CELL.0, row, 2, CELL.1, [16, 128, 128]);
        }
        write_mark(
            &mut p,
            Mark {
                id: self.id,
                counter,
            },
        );
        p
    }
}

/// Text begins below the mark.
fn text_top(height: usize) -> usize {
    (height / 5 + CELL.1) / CELL.1 * CELL.1
}

/// Strokes one to two pixels wide in a 6x12 box: four of seven segments, chosen by place.
fn letter(p: &mut I420, x: usize, y: usize, id: u8) {
    let (width, height) = p.size();
    let bits = scramble((x as u32) << 16 | y as u32, id);
    if bits.is_multiple_of(6) {
        return; // a space between words
    }
    let segments = [
        (0, 0, 6, 1),
        (0, 5, 6, 1),
        (0, 11, 6, 1),
        (0, 0, 1, 6),
        (5, 0, 1, 6),
        (0, 6, 1, 6),
        (5, 6, 1, 6),
    ];
    let [luma, ..] = p.planes_mut();
    for (i, (sx, sy, w, h)) in segments.into_iter().enumerate() {
        if bits >> (8 + i) & 1 == 0 {
            continue;
        }
        for row in y + 2 + sy..(y + 2 + sy + h).min(height) {
            let (from, to) = ((x + sx).min(width), (x + sx + w).min(width));
            luma[row * width + from..row * width + to].fill(30);
        }
    }
}

/// A well-mixed number from a place and an id (finaliser of MurmurHash3).
fn scramble(place: u32, id: u8) -> u32 {
    let mut x = place ^ u32::from(id).wrapping_mul(0x9e37_79b9);
    x = (x ^ x >> 16).wrapping_mul(0x85eb_ca6b);
    x = (x ^ x >> 13).wrapping_mul(0xc2b2_ae35);
    x ^ x >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_counter;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_size_can_be_drawn_and_big_ones_read(w in 1usize..900, h in 1usize..900, counter: u32) {
            let p = ScreenPattern::new(w, h, 9).frame(counter);
            prop_assert_eq!(p.size(), (allowed_side(w), allowed_side(h)));
            if w >= 90 && h >= 90 {
                prop_assert_eq!(read_counter(&p), Some(Mark { id: 9, counter }));
            }
        }
    }

    #[test]
    fn the_page_is_full_of_sharp_edges() {
        let p = ScreenPattern::new(1280, 720, 0).frame(0);
        let edges = p
            .y()
            .windows(2)
            .filter(|w| w[0].abs_diff(w[1]) > 150)
            .count();
        assert!(edges > 20_000, "{edges}");
    }
}
