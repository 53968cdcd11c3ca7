//! Points of a stroke in few bytes: sixteenths of a unit, second differences, zigzag, variable length. A hand moves
//! evenly, so nearly every number fits one byte; three bytes a point with pressure, two without.

use crate::limits::{MAX_COORDINATE, MAX_INK, MAX_POINTS};
use crate::wire::{Reader, WireError, Writer};
use std::sync::Arc;

/// A point of a stroke, sixteenths of a unit from the ink's own origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    pub x: i32,
    pub y: i32,
    /// 0 to 255; a device without pressure says 128 throughout.
    pub pressure: u8,
}

/// The pressure of devices that feel none.
pub const NO_PRESSURE: u8 = 128;

/// Encoded points, known to be well-formed: 1 to [`MAX_POINTS`] points, at most [`MAX_INK`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ink(Arc<[u8]>);

impl Ink {
    /// Fails without points, with too many, or with coordinates out of range.
    pub fn new(points: &[Point]) -> Result<Ink, WireError> {
        let bytes = encode(points);
        decode(&bytes)?;
        Ok(Ink(bytes.into()))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn points(&self) -> Vec<Point> {
        // Checked when it was made.
        decode(&self.0).unwrap_or_default()
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Ink, WireError> {
        let bytes = r.bytes(MAX_INK)?;
        decode(bytes)?;
        Ok(Ink(bytes.into()))
    }
}

fn encode(points: &[Point]) -> Vec<u8> {
    let mut w = Writer::new();
    let pressure = points.iter().any(|p| p.pressure != NO_PRESSURE);
    w.number(points.len() as u64 * 2 + u64::from(pressure));
    let (mut last, mut step) = (Point::default(), (0i64, 0i64));
    last.pressure = NO_PRESSURE;
    for (i, p) in points.iter().enumerate() {
        let now = (
            i64::from(p.x) - i64::from(last.x),
            i64::from(p.y) - i64::from(last.y),
        );
        w.signed(now.0 - step.0);
        w.signed(now.1 - step.1);
        if pressure {
            w.signed(i64::from(p.pressure) - i64::from(last.pressure));
        }
        // From the origin to the first point is no movement of the hand.
        step = if i == 0 { (0, 0) } else { now };
        last = *p;
    }
    w.into_bytes()
}

fn decode(bytes: &[u8]) -> Result<Vec<Point>, WireError> {
    let mut r = Reader::new(bytes);
    let head = r.below(MAX_POINTS as u64 * 2 + 1)?;
    let (count, pressure) = ((head / 2) as usize, head & 1 == 1);
    // Every point takes two bytes at least: a count beyond that is no reason to allocate.
    if count == 0 || bytes.len() < count * 2 {
        return Err(WireError::OutOfRange);
    }
    let mut points = Vec::with_capacity(count);
    let (mut at, mut step) = ((0i64, 0i64, i64::from(NO_PRESSURE)), (0i64, 0i64));
    let mut felt = false;
    for i in 0..count {
        let most = MAX_COORDINATE * 8;
        let now = (step.0 + r.within(most)?, step.1 + r.within(most)?);
        at.0 += now.0;
        at.1 += now.1;
        if pressure {
            at.2 += r.within(255)?;
            felt |= at.2 != i64::from(NO_PRESSURE);
        }
        let inside = at.0.abs() <= MAX_COORDINATE && at.1.abs() <= MAX_COORDINATE;
        if !inside || !(0..=255).contains(&at.2) {
            return Err(WireError::OutOfRange);
        }
        points.push(Point {
            x: at.0 as i32,
            y: at.1 as i32,
            pressure: at.2 as u8,
        });
        step = if i == 0 { (0, 0) } else { now };
    }
    // Without any, pressure is not written: one stroke has one form.
    if pressure && !felt {
        return Err(WireError::BadNumber);
    }
    r.end()?;
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_even_line_takes_two_bytes_a_point() {
        let points: Vec<Point> = (0..100)
            .map(|i| Point {
                x: 1000 + i * 40,
                y: -i * 21,
                pressure: NO_PRESSURE,
            })
            .collect();
        let ink = Ink::new(&points).unwrap();
        assert!(ink.bytes().len() <= 206, "{}", ink.bytes().len());
        assert_eq!(ink.points(), points);
    }

    #[test]
    fn what_is_no_ink_is_refused() {
        assert!(Ink::new(&[]).is_err());
        assert!(
            Ink::new(&[Point {
                x: i32::MAX,
                y: 0,
                pressure: 1
            }])
            .is_err()
        );
        assert!(Ink::new(&vec![Point::default(); MAX_POINTS + 1]).is_err());
        assert_eq!(decode(&[0xfe, 0x7f, 0, 0]), Err(WireError::OutOfRange));
    }

    proptest! {
        #[test]
        fn points_come_back(raw in proptest::collection::vec((-(1i32 << 26)..1 << 26, -(1i32 << 26)..1 << 26, 0u8..), 1..60)) {
            let points: Vec<Point> = raw.iter().map(|&(x, y, pressure)| Point { x, y, pressure }).collect();
            prop_assert_eq!(Ink::new(&points).unwrap().points(), points);
        }

        #[test]
        fn foreign_bytes_are_read_in_their_only_form_or_refused(bytes in proptest::collection::vec(0u8.., 0..40)) {
            if let Ok(points) = decode(&bytes) {
                prop_assert_eq!(encode(&points), bytes);
            }
        }
    }
}
