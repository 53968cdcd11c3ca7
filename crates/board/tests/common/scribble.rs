//! Dice from a seed, and ink as a hand makes it: for tests and for the engines' bench (tools/bench/board).

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `below` - 1.
    pub fn below(&mut self, below: u64) -> u64 {
        self.next() % below.max(1)
    }

    /// 0.0 to 1.0.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Points (x, y, pressure) in sixteenths from the box's corner, and the box: x, y, width, height.
#[derive(Clone, Debug)]
pub struct Scribble {
    pub points: Vec<(i32, i32, u8)>,
    pub place: [i32; 4],
}

/// A stroke of handwriting or sketching: 20 to 140 points at 120 Hz, loops of changing size on a moving base, slow at
/// both ends, a pen's pressure and a sensor's noise of a tenth of a pixel.
pub fn scribble(dice: &mut Dice) -> Scribble {
    let count = 20 + dice.below(121) as i32;
    let (radius, turns) = (4.0 + 60.0 * dice.unit(), 0.5 + 3.0 * dice.unit());
    let (drift, slope) = (20.0 + 200.0 * dice.unit(), dice.unit() - 0.5);
    let (phase, squash) = (6.3 * dice.unit(), 0.4 + dice.unit());
    let firm = 90.0 + 80.0 * dice.unit();
    let mut points = Vec::new();
    for i in 0..count {
        let t = f64::from(i) / f64::from(count - 1);
        // The hand speeds up and slows down.
        let s = t * t * (3.0 - 2.0 * t);
        let angle = phase + s * turns * std::f64::consts::TAU;
        let x = drift * s + radius * angle.cos() + 0.2 * (dice.unit() - 0.5);
        let y = drift * slope * s + radius * squash * angle.sin() + 0.2 * (dice.unit() - 0.5);
        let ends = (t.min(1.0 - t) * 8.0).min(1.0);
        let pressure = 20.0 + firm * ends + 6.0 * dice.unit();
        points.push((
            (x * 16.0).round() as i32,
            (y * 16.0).round() as i32,
            pressure as u8,
        ));
    }
    let (left, right) = bounds(points.iter().map(|p| p.0));
    let (top, bottom) = bounds(points.iter().map(|p| p.1));
    points
        .iter_mut()
        .for_each(|p| *p = (p.0 - left, p.1 - top, p.2));
    let (x, y) = (dice.below(30_000) as i32, dice.below(20_000) as i32);
    Scribble {
        points,
        place: [x, y, right - left, bottom - top],
    }
}

fn bounds(values: impl Iterator<Item = i32>) -> (i32, i32) {
    values.fold((i32::MAX, i32::MIN), |(low, high), v| {
        (low.min(v), high.max(v))
    })
}
