//! Erasing: which parts of a stroke an eraser touched, and what is left of a stroke after all its cuts. Lengths along
//! a stroke are counted in 1/256 of the way from one point to the next, so no rounding differs between replicas.

use crate::ink::{NO_PRESSURE, Point};
use crate::limits::MAX_SPANS;

/// Parts of a stroke per point.
pub const STEPS: u32 = 256;

/// Joins sorted spans that touch.
pub(crate) fn join(spans: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    let mut joined: Vec<(u32, u32)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// The parts of a stroke within `radius` of the eraser's way, as a cut's spans; empty where it missed. `points` and
/// `eraser` in the same units, sixteenths. A single point is wiped whole.
pub fn touched(points: &[Point], eraser: &[(i32, i32)], radius: i32) -> Vec<(u32, u32)> {
    let reach = i64::from(radius) * i64::from(radius);
    let near = |x: i64, y: i64| distance_squared(eraser, x, y) <= reach;
    if let [p] = points {
        let hit = near(p.x.into(), p.y.into());
        return if hit { vec![(0, STEPS)] } else { Vec::new() };
    }
    let mut spans = Vec::new();
    for (i, pair) in points.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        let length = (i64::from(b.x) - i64::from(a.x))
            .abs()
            .max((i64::from(b.y) - i64::from(a.y)).abs());
        // Looked at every quarter of the radius, so that no bridge is left where the eraser went through.
        let looks = (length * 4 / i64::from(radius.max(1)) + 1).clamp(1, i64::from(STEPS));
        for k in 0..looks {
            let t = (2 * k + 1) * i64::from(STEPS) / (2 * looks);
            let at = |a: i32, b: i32| {
                i64::from(a) + (i64::from(b) - i64::from(a)) * t / i64::from(STEPS)
            };
            if near(at(a.x, b.x), at(a.y, b.y)) {
                let base = i as u32 * STEPS;
                let from = base + (k * i64::from(STEPS) / looks) as u32;
                let to = base + ((k + 1) * i64::from(STEPS) / looks) as u32;
                spans.push((from, to));
            }
        }
    }
    let mut spans = join(spans);
    // More pieces than a cut may hold: the smallest gaps are given up.
    while spans.len() > MAX_SPANS {
        let gap = (1..spans.len()).min_by_key(|i| spans[*i].0 - spans[*i - 1].1);
        let at = gap.unwrap_or(1);
        spans[at - 1].1 = spans[at].1;
        spans.remove(at);
    }
    spans
}

/// Squared distance from a point to the eraser's way.
fn distance_squared(way: &[(i32, i32)], x: i64, y: i64) -> i64 {
    let to_point = |p: &(i32, i32)| {
        let (dx, dy) = (x - i64::from(p.0), y - i64::from(p.1));
        dx * dx + dy * dy
    };
    let points = way.iter().map(to_point).min().unwrap_or(i64::MAX);
    let lines = way.windows(2).filter_map(|pair| {
        let (a, b) = (pair[0], pair[1]);
        let (ux, uy) = (
            i64::from(b.0) - i64::from(a.0),
            i64::from(b.1) - i64::from(a.1),
        );
        let length = ux * ux + uy * uy;
        let (px, py) = (x - i64::from(a.0), y - i64::from(a.1));
        let along = px * ux + py * uy;
        // Beyond the ends, the ends count.
        if along <= 0 || along >= length {
            return None;
        }
        let across = i128::from(px * uy - py * ux);
        Some((across * across / i128::from(length)) as i64)
    });
    lines.min().unwrap_or(i64::MAX).min(points)
}

/// The runs of points left between the spans, with points put in where a cut lies between two.
pub fn pieces(points: &[Point], wiped: &[(u32, u32)]) -> Vec<Vec<Point>> {
    if wiped.is_empty() {
        return vec![points.to_vec()];
    }
    let end = (points.len().max(2) as u32 - 1) * STEPS;
    let mut out = Vec::new();
    let mut from = 0;
    for (a, b) in wiped.iter().copied().chain([(end, end)]) {
        if a.min(end) > from {
            out.push(piece(points, from, a.min(end)));
        }
        from = from.max(b);
    }
    out
}

fn piece(points: &[Point], from: u32, to: u32) -> Vec<Point> {
    let mut run = vec![point_at(points, from)];
    let (first, last) = (from / STEPS + 1, to.div_ceil(STEPS));
    run.extend((first..last).filter_map(|i| points.get(i as usize).copied()));
    run.push(point_at(points, to));
    run
}

fn point_at(points: &[Point], at: u32) -> Point {
    let i = (at / STEPS) as usize;
    let t = i64::from(at % STEPS);
    let none = Point {
        pressure: NO_PRESSURE,
        ..Point::default()
    };
    let a = points.get(i).or(points.last()).copied().unwrap_or(none);
    let b = points.get(i + 1).copied().unwrap_or(a);
    // Rounded down, as TypeScript's Math.floor does.
    let mix = |a: i64, b: i64| a + ((b - a) * t).div_euclid(i64::from(STEPS));
    Point {
        x: mix(a.x.into(), b.x.into()) as i32,
        y: mix(a.y.into(), b.y.into()) as i32,
        pressure: mix(a.pressure.into(), b.pressure.into()) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Vec<Point> {
        (0..=10)
            .map(|i| Point {
                x: i * 160,
                y: 0,
                pressure: NO_PRESSURE,
            })
            .collect()
    }

    #[test]
    fn an_eraser_across_a_line_leaves_two_pieces() {
        let spans = touched(&line(), &[(800, -500), (800, 500)], 80);
        assert_eq!(spans.len(), 1, "{spans:?}");
        let left = pieces(&line(), &spans);
        assert_eq!(left.len(), 2);
        let (end, start) = (left[0].last().unwrap().x, left[1][0].x);
        assert!(
            (700..=740).contains(&end) && (860..=900).contains(&start),
            "{end} {start}"
        );
    }

    #[test]
    fn a_miss_leaves_the_line_alone() {
        assert!(touched(&line(), &[(800, 400)], 80).is_empty());
        assert_eq!(pieces(&line(), &[]), vec![line()]);
    }

    #[test]
    fn all_wiped_leaves_nothing() {
        let spans = touched(&line(), &[(-500, 0), (5000, 0)], 80);
        assert_eq!(spans, [(0, 10 * STEPS)]);
        assert!(pieces(&line(), &spans).is_empty());
        let dot = [Point {
            x: 5,
            y: 5,
            pressure: 9,
        }];
        assert_eq!(touched(&dot, &[(0, 0)], 16), [(0, STEPS)]);
        assert!(pieces(&dot, &[(0, STEPS)]).is_empty());
    }
}
