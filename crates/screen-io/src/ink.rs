//! What is drawn over the real screen: strokes in shares of what is shared, and the pixels they come to. Pure but for [`Ink`], the
//! sheet that whoever knows the strokes writes on and the overlay reads.
//!
//! Pixels are whole: there is no half transparency without a compositor. A highlighter is every third row, so that text stays
//! readable beneath it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Strokes on a sheet at once; what is drawn after that is not shown over the screen.
pub const MOST_STROKES: usize = 4000;
/// Points of all strokes together.
pub const MOST_POINTS: usize = 400_000;
/// Of a highlighter's rows one in so many is drawn.
const HATCH: i32 = 3;
/// Half the thickness of the thinnest line that holds together.
const THIN: f32 = 0.75;
/// Half of the thickest line, pixels: as broad as a small screen.
const THICK: f32 = 400.0;
/// Pixels between two corners of a curve.
const STEP: f32 = 4.0;

/// A place in shares of the picture, 0 to 1 from the upper left corner, and how thick the line is there in shares of its width:
/// 1 where it was not pressed harder or softer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InkPoint {
    pub x: f32,
    pub y: f32,
    pub thick: f32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct InkStroke {
    /// 0xRRGGBB.
    pub color: u32,
    /// In shares of the picture's width.
    pub width: f32,
    /// A highlighter's.
    pub hatched: bool,
    pub points: Vec<InkPoint>,
}

/// A row of pixels: its left end, its row, how many. The upper left corner of what is shared is (0, 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) y: i32,
    pub(crate) x: i32,
    pub(crate) width: i32,
}

/// The sheet: a list of strokes, lowest first. Copies are the same sheet.
#[derive(Clone, Debug, Default)]
pub struct Ink(Arc<(Mutex<Sheet>, Condvar)>);

#[derive(Debug, Default)]
struct Sheet {
    strokes: Vec<Arc<InkStroke>>,
    points: usize,
    /// Counts what was changed.
    version: u64,
}

/// The list at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) strokes: Vec<Arc<InkStroke>>,
    pub(crate) version: u64,
}

impl Ink {
    fn sheet(&self) -> MutexGuard<'_, Sheet> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first `keep` strokes stay as they are; these come after them, in place of all others. Beyond [`MOST_STROKES`] and
    /// [`MOST_POINTS`] the newest are left out; `false` says so, and also that `keep` was more than there are.
    pub fn draw(&self, keep: usize, strokes: impl IntoIterator<Item = InkStroke>) -> bool {
        let mut sheet = self.sheet();
        let mut whole = keep <= sheet.strokes.len();
        sheet.strokes.truncate(keep);
        sheet.points = sheet.strokes.iter().map(|s| s.points.len()).sum();
        for stroke in strokes {
            let points = sheet.points + stroke.points.len();
            if sheet.strokes.len() >= MOST_STROKES || points > MOST_POINTS {
                whole = false;
                break;
            }
            sheet.points = points;
            sheet.strokes.push(Arc::new(stroke));
        }
        sheet.version += 1;
        self.0.1.notify_all();
        whole
    }

    /// Takes everything away.
    pub fn clear(&self) {
        self.draw(0, []);
    }

    /// The strokes as they are now, at once if they are not those of `version`, else after `patience` at the latest.
    pub(crate) fn wait(&self, version: u64, patience: Duration) -> Seen {
        let sheet = self.sheet();
        let same = |sheet: &mut Sheet| sheet.version == version;
        let waited = self.0.1.wait_timeout_while(sheet, patience, same);
        let (sheet, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Seen {
            strokes: sheet.strokes.clone(),
            version: sheet.version,
        }
    }

    /// Whoever waits looks again.
    pub(crate) fn wake(&self) {
        self.sheet().version += 1;
        self.0.1.notify_all();
    }
}

/// A corner of the line: its place in pixels, and half the line's thickness there.
#[derive(Clone, Copy)]
struct Dot {
    x: f32,
    y: f32,
    r: f32,
}

/// The pixels of a stroke over a picture of this size, those whose middle it covers: rows from top to bottom, each from left to
/// right, none twice.
pub(crate) fn spans(stroke: &InkStroke, (width, height): (u16, u16)) -> Vec<Span> {
    let dots = curve(stroke, f32::from(width), f32::from(height));
    let (right, bottom) = (i32::from(width), i32::from(height));
    let mut all = Vec::new();
    let single = [dots.first().copied(), dots.first().copied()];
    let lone = dots.len() == 1;
    let pairs = dots.windows(2).map(|w| (w[0], w[1]));
    let alone = match single {
        [Some(a), Some(b)] if lone => Some((a, b)),
        _ => None,
    };
    for (a, b) in pairs.chain(alone) {
        let top = ((a.y - a.r).min(b.y - b.r) - 0.5).ceil().max(0.0) as i32;
        let end = ((a.y + a.r).max(b.y + b.r) - 0.5).floor() as i32;
        for y in top..=end.min(bottom - 1) {
            if stroke.hatched && y % HATCH != 0 {
                continue;
            }
            let Some((from, to)) = across(a, b, y as f32 + 0.5) else {
                continue;
            };
            let x = ((from - 0.5).ceil() as i32).clamp(0, right);
            let stop = ((to - 0.5).floor() as i32 + 1).clamp(x, right);
            if stop > x {
                let width = stop - x;
                all.push(Span { y, x, width });
            }
        }
    }
    joined(all)
}

/// Rows that overlap or touch as one, in order.
pub(crate) fn joined(mut all: Vec<Span>) -> Vec<Span> {
    all.sort_unstable();
    let mut out: Vec<Span> = Vec::with_capacity(all.len());
    for span in all {
        match out.last_mut() {
            Some(last) if last.y == span.y && span.x <= last.x + last.width => {
                last.width = last.width.max(span.x + span.width - last.x);
            }
            _ => out.push(span),
        }
    }
    out
}

/// The way of the pen in pixels: as the pages draw it (`ui/src/state/board/outline.ts`), curves from the middle of one step to the
/// middle of the next with the points as their handles. Places that are no numbers are left out.
fn curve(stroke: &InkStroke, width: f32, height: f32) -> Vec<Dot> {
    let half = stroke.width * width / 2.0;
    let points: Vec<Dot> = stroke
        .points
        .iter()
        .map(|p| Dot {
            x: p.x.clamp(-1.0, 2.0) * width,
            y: p.y.clamp(-1.0, 2.0) * height,
            r: (half * p.thick).clamp(THIN, THICK),
        })
        .filter(|d| d.x.is_finite() && d.y.is_finite() && d.r.is_finite())
        .collect();
    let mut out: Vec<Dot> = points.first().copied().into_iter().collect();
    for i in 1..points.len().saturating_sub(1) {
        let (handle, next) = (points[i], points[i + 1]);
        let (from, to) = (out[out.len() - 1], mix(handle, next, 0.5));
        let length =
            (handle.x - from.x).hypot(handle.y - from.y) + (to.x - handle.x).hypot(to.y - handle.y);
        let steps = (length / STEP).ceil().clamp(1.0, 32.0) as usize;
        out.extend((1..=steps).map(|step| {
            let t = step as f32 / steps as f32;
            mix(mix(from, handle, t), mix(handle, to, t), t)
        }));
    }
    if points.len() > 1 {
        out.extend(points.last());
    }
    out
}

fn mix(a: Dot, b: Dot, t: f32) -> Dot {
    let mix = |a: f32, b: f32| a + (b - a) * t;
    Dot {
        x: mix(a.x, b.x),
        y: mix(a.y, b.y),
        r: mix(a.r, b.r),
    }
}

/// From where to where a line with round ends covers the row at `y`. It is convex, so that is one piece.
fn across(a: Dot, b: Dot, y: f32) -> Option<(f32, f32)> {
    let mut piece: Option<(f32, f32)> = None;
    let mut take = |x: f32| {
        let (from, to) = piece.unwrap_or((x, x));
        piece = Some((from.min(x), to.max(x)));
    };
    for end in [a, b] {
        let square = end.r * end.r - (y - end.y) * (y - end.y);
        if square >= 0.0 {
            take(end.x - square.sqrt());
            take(end.x + square.sqrt());
        }
    }
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx.hypot(dy);
    if length > 0.0 {
        let (nx, ny) = (-dy / length, dx / length);
        let corner = |d: Dot, side: f32| (d.x + side * nx * d.r, d.y + side * ny * d.r);
        let corners = [
            corner(a, 1.0),
            corner(b, 1.0),
            corner(b, -1.0),
            corner(a, -1.0),
        ];
        for i in 0..4 {
            let ((x0, y0), (x1, y1)) = (corners[i], corners[(i + 1) % 4]);
            if (y0 - y) * (y1 - y) <= 0.0 && y0 != y1 {
                take(x0 + (x1 - x0) * (y - y0) / (y1 - y0));
            }
        }
    }
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stroke(width: f32, points: &[(f32, f32)]) -> InkStroke {
        let points = points.iter().map(|&(x, y)| InkPoint { x, y, thick: 1.0 });
        InkStroke {
            color: 0xd1_3438,
            width,
            hatched: false,
            points: points.collect(),
        }
    }

    fn covers(spans: &[Span], x: i32, y: i32) -> bool {
        spans
            .iter()
            .any(|s| s.y == y && (s.x..s.x + s.width).contains(&x))
    }

    #[test]
    fn a_level_line_is_a_bar_with_round_ends() {
        // From (100, 100) to (300, 100), ten pixels thick.
        let all = spans(&stroke(0.01, &[(0.1, 0.1), (0.3, 0.1)]), (1000, 1000));
        let rows: Vec<i32> = all.iter().map(|s| s.y).collect();
        assert_eq!(rows, (95..105).collect::<Vec<_>>());
        for row in &all {
            assert!((95..=100).contains(&row.x), "{row:?}");
            assert!((300..=305).contains(&(row.x + row.width)), "{row:?}");
        }
        assert_eq!((all[5].x, all[5].width), (95, 210));
    }

    #[test]
    fn a_click_is_a_dot() {
        let all = spans(&stroke(0.01, &[(0.5, 0.5)]), (1000, 500));
        assert!(covers(&all, 500, 250) && covers(&all, 496, 250));
        assert!(!covers(&all, 494, 250) && !covers(&all, 500, 256));
        assert!((70..=90).contains(&all.iter().map(|s| s.width).sum::<i32>()));
    }

    #[test]
    fn a_slope_is_as_thick_as_a_level_line() {
        let level = spans(&stroke(0.01, &[(0.2, 0.2), (0.6, 0.2)]), (1000, 1000));
        let slope = spans(&stroke(0.01, &[(0.2, 0.2), (0.44, 0.52)]), (1000, 1000));
        let count = |spans: &[Span]| spans.iter().map(|s| f64::from(s.width)).sum::<f64>();
        assert!((count(&slope) / count(&level) - 1.0).abs() < 0.01);
        assert!(covers(&slope, 320, 360), "the middle of the way");
    }

    #[test]
    fn a_corner_is_rounded_as_the_pages_round_it() {
        // The curve from (100, 100) by (500, 100) towards (500, 500) ends at (500, 300): a quarter of the way it is at
        // (100, 100) * 9/16 + (500, 100) * 6/16 + (500, 300) / 16 = (275, 112.5).
        let all = spans(
            &stroke(0.004, &[(0.1, 0.1), (0.5, 0.1), (0.5, 0.5)]),
            (1000, 1000),
        );
        assert!(covers(&all, 275, 112), "{all:?}");
        assert!(!covers(&all, 500, 100), "the handle itself");
        assert!(covers(&all, 500, 400));
    }

    #[test]
    fn nothing_is_drawn_beside_the_picture_and_nonsense_draws_nothing() {
        let all = spans(&stroke(0.1, &[(-0.5, 0.5), (1.5, 0.5)]), (100, 100));
        assert!(all.iter().all(|s| s.x == 0 && s.width == 100));
        assert_eq!(all.len(), 10);
        assert_eq!(spans(&stroke(0.1, &[]), (100, 100)), []);
        assert_eq!(
            spans(
                &stroke(0.1, &[(f32::NAN, 0.5), (f32::NAN, 0.9)]),
                (100, 100)
            ),
            []
        );
        let huge = stroke(f32::INFINITY, &[(0.5, 0.5), (0.6, 0.5)]);
        assert_eq!(spans(&huge, (100, 100)).len(), 100);
        assert_eq!(spans(&stroke(0.1, &[(0.5, 0.5)]), (0, 0)), []);
    }

    #[test]
    fn a_highlighter_leaves_two_rows_of_three_to_the_text() {
        let full = stroke(0.05, &[(0.1, 0.5), (0.9, 0.5)]);
        let light = InkStroke {
            hatched: true,
            ..full.clone()
        };
        let (full, light) = (spans(&full, (1000, 900)), spans(&light, (1000, 900)));
        assert!(light.iter().all(|s| s.y % 3 == 0 && full.contains(s)));
        assert!((16..=17).contains(&light.len()));
    }

    #[test]
    fn rows_of_one_stroke_do_not_overlap() {
        let back = stroke(
            0.02,
            &[(0.1, 0.1), (0.9, 0.1), (0.1, 0.12), (0.9, 0.9), (0.1, 0.1)],
        );
        let all = spans(&back, (640, 480));
        for pair in all.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            assert!(a.y < b.y || a.x + a.width < b.x, "{pair:?}");
        }
    }

    #[test]
    fn a_sheet_keeps_its_beginning_and_has_its_limits() {
        let ink = Ink::default();
        let line = |x: f32| stroke(0.01, &[(x, 0.1), (x, 0.9)]);
        assert!(ink.draw(0, [line(0.1), line(0.2), line(0.3)]));
        let first = ink.wait(0, Duration::ZERO);
        assert!(ink.draw(2, [line(0.4)]));
        let second = ink.wait(first.version, Duration::ZERO);
        assert_eq!(second.strokes.len(), 3);
        assert!(Arc::ptr_eq(&first.strokes[1], &second.strokes[1]));
        assert_eq!(*second.strokes[2], line(0.4));
        assert!(!ink.draw(9, []), "there were only three");
        assert!(!ink.draw(0, (0..=MOST_STROKES).map(|_| line(0.5))));
        assert_eq!(ink.wait(0, Duration::ZERO).strokes.len(), MOST_STROKES);
        let long = stroke(0.01, &vec![(0.5, 0.5); MOST_POINTS]);
        assert!(ink.draw(0, [long]) && !ink.draw(1, [line(0.1)]));
        ink.clear();
        assert!(ink.wait(0, Duration::ZERO).strokes.is_empty());
    }
}
