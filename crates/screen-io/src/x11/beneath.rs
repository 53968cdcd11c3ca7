//! Keeps what this program draws over a screen out of the picture of it. X11 captures whatever lies over the screen; viewers draw
//! the strokes themselves, and would have them twice, and a moment longer. So the pixels beneath ink stay in the picture as they
//! were before the ink came, and are read anew when it goes.
//!
//! The overlay and the capture are two connections to the X server, on two threads. The overlay says here what it is going to
//! cover before it does, and what it has uncovered after it did; the capture asks before and after it reads.

use super::memory::Area;
use confab_picture::I420;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use x11rb::protocol::xproto::Rectangle;

/// What one overlay covers, on the root window.
#[derive(Debug, Default)]
pub(super) struct Cover(Mutex<Arc<Vec<Rectangle>>>);

/// All overlays of this program with their displays: the X server shows them to every capture, whoever opened it.
static COVERS: Mutex<Vec<(String, Weak<Cover>)>> = Mutex::new(Vec::new());

impl Cover {
    /// One more overlay on a display; it counts until it is dropped.
    pub(super) fn new(display: &str) -> Arc<Cover> {
        let cover = Arc::new(Cover::default());
        let mut all = COVERS.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, cover)| cover.strong_count() > 0);
        all.push((display.to_owned(), Arc::downgrade(&cover)));
        cover
    }

    pub(super) fn set(&self, rows: Vec<Rectangle>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(rows);
    }

    pub(super) fn rows(&self) -> Arc<Vec<Rectangle>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is covered on a display now. The same pointers come again as long as nothing changed.
pub(super) fn covered(display: &str) -> Vec<Arc<Vec<Rectangle>>> {
    let all = COVERS.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter()
        .filter(|(on, _)| on == display)
        .filter_map(|(_, cover)| cover.upgrade())
        .map(|cover| cover.rows())
        .filter(|rows| !rows.is_empty())
        .collect()
}

/// Puts the pixels of `before` beneath `rows` into `fresh`, which is the band of rows of `area` just read.
pub(super) fn restore(
    fresh: &mut I420,
    before: &I420,
    band: &Range<usize>,
    area: Area,
    rows: &[Rectangle],
) {
    let width = fresh.width();
    if before.width() != width || before.height() < band.end || fresh.height() != band.len() {
        return;
    }
    let (old_y, old_u, old_v) = (before.y(), before.u(), before.v());
    let [y, u, v] = fresh.planes_mut();
    let half = width / 2;
    for row in rows {
        let left = (i32::from(row.x) - i32::from(area.x)).clamp(0, width as i32) as usize;
        let right = i32::from(row.x) + i32::from(row.width) - i32::from(area.x);
        let right = right.clamp(left as i32, width as i32) as usize;
        let top = i32::from(row.y) - i32::from(area.y);
        for at in top..top + i32::from(row.height) {
            let Some(line) = usize::try_from(at).ok().filter(|at| band.contains(at)) else {
                continue;
            };
            if left == right {
                continue;
            }
            let (to, from) = ((line - band.start) * width, line * width);
            y[to + left..to + right].copy_from_slice(&old_y[from + left..from + right]);
            // Four pixels share a colour: whatever the ink touched is as it was.
            let (to, from) = ((line - band.start) / 2 * half, line / 2 * half);
            let (start, end) = (left / 2, right.div_ceil(2));
            u[to + start..to + end].copy_from_slice(&old_u[from + start..from + end]);
            v[to + start..to + end].copy_from_slice(&old_v[from + start..from + end]);
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn only_what_is_covered_stays_as_it_was() {
        let area = Area {
            x: 100,
            y: 50,
            width: 16,
            height: 8,
        };
        let before = I420::filled(16, 8, [200, 90, 91]);
        let mut fresh = I420::filled(16, 4, [50, 128, 128]);
        let rows = [Rectangle {
            x: 103,
            y: 54,
            width: 3,
            height: 1,
        }];
        restore(&mut fresh, &before, &(4..8), area, &rows);
        let kept = |y: &[u8]| y.iter().filter(|v| **v == 200).count();
        assert_eq!(kept(fresh.y()), 3);
        assert_eq!(&fresh.y()[..7], &[50, 50, 50, 200, 200, 200, 50]);
        assert_eq!(&fresh.u()[..4], &[128, 90, 90, 128]);
        assert_eq!(&fresh.v()[..4], &[128, 91, 91, 128]);
        assert!(fresh.u()[8..].iter().all(|v| *v == 128));
    }

    #[test]
    fn ink_beside_the_area_or_the_band_changes_nothing() {
        let area = Area {
            x: 0,
            y: 0,
            width: 8,
            height: 8,
        };
        let (before, plain) = (I420::filled(8, 8, [9, 9, 9]), I420::black(8, 4));
        let mut fresh = plain.clone();
        let row = |x, y, width| Rectangle {
            x,
            y,
            width,
            height: 1,
        };
        let rows = [row(-9, 1, 5), row(8, 1, 90), row(0, 4, 8), row(0, -1, 8)];
        restore(&mut fresh, &before, &(0..4), area, &rows);
        assert_eq!(fresh, plain);
        // A picture of another size has nothing to give.
        restore(
            &mut fresh,
            &I420::black(4, 4),
            &(0..4),
            area,
            &[row(0, 0, 8)],
        );
        assert_eq!(fresh, plain);
    }

    #[test]
    fn an_overlay_counts_on_its_display_until_it_is_gone() {
        let cover = Cover::new("unit:1");
        assert!(covered("unit:1").is_empty(), "nothing drawn yet");
        let row = Rectangle {
            x: 1,
            y: 2,
            width: 3,
            height: 1,
        };
        cover.set(vec![row]);
        assert_eq!(covered("unit:1").len(), 1);
        assert!(covered("unit:2").is_empty());
        drop(cover);
        assert!(covered("unit:1").is_empty());
    }
}
