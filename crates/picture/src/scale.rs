//! Scaling: area average downwards (no aliasing, every source pixel counts), bilinear upwards.
//!
//! Both are separable and work row by row in `u16`/`u32` with plain loops the compiler turns into vector code.
//! Halving, the common step of the ladder, has its own loop.

use crate::I420;
use crate::i420::allowed_side;

impl I420 {
    /// The picture at another size, its shape stretched if need be. Sides are brought to allowed ones.
    pub fn scale_to(&self, width: usize, height: usize) -> I420 {
        let (width, height) = (allowed_side(width), allowed_side(height));
        if (width, height) == self.size() {
            return self.clone();
        }
        let (w, h) = self.size();
        let mut out = I420::black(width, height);
        let [y, u, v] = out.planes_mut();
        scale_plane(self.y(), (w, h), y, (width, height));
        let (from, to) = ((w / 2, h / 2), (width / 2, height / 2));
        scale_plane(self.u(), from, u, to);
        scale_plane(self.v(), from, v, to);
        out
    }

    /// The whole picture inside `width` x `height` with its shape kept, black bars around it where shapes differ.
    pub fn fit(&self, width: usize, height: usize) -> I420 {
        let (width, height) = (allowed_side(width), allowed_side(height));
        let (w, h) = self.size();
        let (fw, fh) = if w * height >= width * h {
            (width, rounded(width * h, w))
        } else {
            (rounded(height * w, h), height)
        };
        // Ladder sizes are rounded to even numbers; a bar of that error is no bar but a flaw.
        if width - fw <= 2 && height - fh <= 2 {
            return self.scale_to(width, height);
        }
        let mut out = I420::black(width, height);
        out.paste(&self.scale_to(fw, fh), (width - fw) / 2, (height - fh) / 2);
        out
    }
}

fn rounded(a: usize, b: usize) -> usize {
    allowed_side((a + b / 2) / b)
}

fn scale_plane(from: &[u8], from_size: (usize, usize), to: &mut [u8], to_size: (usize, usize)) {
    let ((w, h), (tw, th)) = (from_size, to_size);
    if (w, h) == (tw, th) {
        to.copy_from_slice(from);
    } else if (w, h) == (tw * 2, th * 2) {
        halve(from, w, to, tw);
    } else {
        separable(from, from_size, to, to_size);
    }
}

fn halve(from: &[u8], w: usize, to: &mut [u8], tw: usize) {
    for (pair, out) in from.chunks_exact(w * 2).zip(to.chunks_exact_mut(tw)) {
        let (top, bottom) = pair.split_at(w);
        let blocks = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        for (o, (t, b)) in out.iter_mut().zip(blocks) {
            let sum = u16::from(t[0]) + u16::from(t[1]) + u16::from(b[0]) + u16::from(b[1]);
            *o = ((sum + 2) >> 2) as u8;
        }
    }
}

/// 1.0 in the weights' fixed point. A sum of products of two passes stays below 2^32.
const ONE: u32 = 1 << 12;

fn separable(from: &[u8], from_size: (usize, usize), to: &mut [u8], to_size: (usize, usize)) {
    PlaneScaler::new(from_size, to_size).scale(from, to);
}

/// Scales picture after picture of one size to another. It allocates when a size is new.
#[derive(Debug, Default)]
pub struct Scaler {
    /// Luma's and chroma's.
    planes: Option<[PlaneScaler; 2]>,
}

impl Scaler {
    /// `from` at the size of `to`, its shape stretched if need be.
    pub fn scale(&mut self, from: &I420, to: &mut I420) {
        let ((w, h), (tw, th)) = (from.size(), to.size());
        let known = self.planes.take();
        let planes = known.filter(|[luma, _]| luma.from == (w, h) && luma.to == (tw, th));
        let [luma, chroma] = self.planes.insert(planes.unwrap_or_else(|| {
            [
                PlaneScaler::new((w, h), (tw, th)),
                PlaneScaler::new((w / 2, h / 2), (tw / 2, th / 2)),
            ]
        }));
        let [y, u, v] = to.planes_mut();
        luma.scale(from.y(), y);
        chroma.scale(from.u(), u);
        chroma.scale(from.v(), v);
    }
}

#[derive(Debug)]
struct PlaneScaler {
    from: (usize, usize),
    to: (usize, usize),
    columns: Taps,
    rows: Taps,
    line: Vec<u8>,
    /// For lines of many.
    sums: Vec<u32>,
}

impl PlaneScaler {
    fn new(from: (usize, usize), to: (usize, usize)) -> PlaneScaler {
        PlaneScaler {
            from,
            to,
            columns: Taps::new(from.0, to.0),
            rows: Taps::new(from.1, to.1),
            line: vec![0; from.0],
            sums: Vec::new(),
        }
    }

    fn scale(&mut self, from: &[u8], to: &mut [u8]) {
        let (columns, line, sums) = (&self.columns, &mut self.line, &mut self.sums);
        for (out, (start, weights)) in to.chunks_exact_mut(self.to.0).zip(self.rows.iter()) {
            // Rows first: the long loops run over neighbouring bytes.
            down(&from[start * self.from.0..], weights, line, sums);
            match columns.each {
                2 => across::<2>(columns, line, out),
                3 => across::<3>(columns, line, out),
                4 => across::<4>(columns, line, out),
                _ => across_many(columns, line, out),
            }
        }
    }
}

/// One line out of as many source lines as there are weights.
fn down(from: &[u8], weights: &[u16], line: &mut [u8], sums: &mut Vec<u32>) {
    let w = line.len();
    match *weights {
        // What counts nothing is not looked at.
        [0, ref rest @ ..] => down(&from[w..], rest, line, sums),
        [ref rest @ .., 0] => down(from, rest, line, sums),
        [_] => line.copy_from_slice(&from[..w]),
        [a, b] => {
            let (x, y) = from.split_at(w);
            for ((l, &x), &y) in line.iter_mut().zip(x).zip(y) {
                *l = weighed([(a, x), (b, y)]);
            }
        }
        [a, b, c] => {
            let (x, rest) = from.split_at(w);
            let (y, z) = rest.split_at(w);
            for (((l, &x), &y), &z) in line.iter_mut().zip(x).zip(y).zip(z) {
                *l = weighed([(a, x), (b, y), (c, z)]);
            }
        }
        _ => {
            sums.clear();
            sums.resize(w, ONE / 2);
            for (&weight, source) in weights.iter().zip(from.chunks_exact(w)) {
                for (sum, &s) in sums.iter_mut().zip(source) {
                    *sum += u32::from(weight) * u32::from(s);
                }
            }
            for (l, &sum) in line.iter_mut().zip(&*sums) {
                *l = (sum / ONE) as u8;
            }
        }
    }
}

fn across<const N: usize>(taps: &Taps, line: &[u8], out: &mut [u8]) {
    let (weights, _) = taps.weights.as_chunks::<N>();
    for (o, (&start, weights)) in out.iter_mut().zip(taps.starts.iter().zip(weights)) {
        if let Some(&source) = line[start..].first_chunk::<N>() {
            *o = weighed::<N>(std::array::from_fn(|k| (weights[k], source[k])));
        }
    }
}

fn across_many(taps: &Taps, line: &[u8], out: &mut [u8]) {
    for (o, (start, weights)) in out.iter_mut().zip(taps.iter()) {
        let products = line[start..].iter().zip(weights);
        let sum: u32 = products.map(|(&s, &w)| u32::from(s) * u32::from(w)).sum();
        *o = ((sum + ONE / 2) / ONE) as u8;
    }
}

#[inline(always)]
fn weighed<const N: usize>(parts: [(u16, u8); N]) -> u8 {
    let products = parts.map(|(w, s)| u32::from(w) * u32::from(s));
    ((products.iter().sum::<u32>() + ONE / 2) / ONE) as u8
}

/// Which source samples make each target sample, and how much each counts. All have as many weights, which sum to [`ONE`];
/// some are zero.
#[derive(Debug)]
struct Taps {
    each: usize,
    starts: Vec<usize>,
    weights: Vec<u16>,
}

impl Taps {
    fn new(from: usize, to: usize) -> Taps {
        let covered = |i: usize| ((i + 1) * from - 1) / to - i * from / to + 1;
        let each = match from > to {
            true => (0..to).map(covered).max().unwrap_or(1),
            false => from.min(2),
        };
        let mut taps = Taps {
            each,
            starts: Vec::with_capacity(to),
            weights: vec![0; each * to],
        };
        for (i, weights) in taps.weights.chunks_exact_mut(each).enumerate() {
            let start = match from > to {
                true => area(from, to, i, weights),
                false => bilinear(from, to, i, weights),
            };
            taps.starts.push(start);
        }
        taps
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[u16])> {
        let weights = self.weights.chunks_exact(self.each);
        self.starts.iter().copied().zip(weights)
    }
}

/// The target sample covers `from / to` source samples, the first and last perhaps in part. Gives the first weight's sample.
fn area(from: usize, to: usize, i: usize, weights: &mut [u16]) -> usize {
    let (begin, end) = (i * from, (i + 1) * from);
    let start = (begin / to).min(from - weights.len());
    let mut sum = 0;
    for (s, weight) in (start..).zip(&mut *weights) {
        // In units of `1 / to` of a sample.
        let covered = end.min((s + 1) * to).saturating_sub(begin.max(s * to));
        *weight = ((covered * ONE as usize + from / 2) / from) as u16;
        sum += u32::from(*weight);
    }
    // Rounded so that they sum to one exactly: a flat picture stays flat.
    if let Some(largest) = weights.iter_mut().max() {
        *largest = (u32::from(*largest) + ONE).saturating_sub(sum) as u16;
    }
    start
}

/// Between the two source samples around the target sample's centre. Gives the first weight's sample.
fn bilinear(from: usize, to: usize, i: usize, weights: &mut [u16]) -> usize {
    let [first, second] = weights else {
        weights.fill(ONE as u16);
        return 0;
    };
    let centre = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
    let start = (centre as usize).min(from - 2);
    *second = ((centre - start as f64) * f64::from(ONE) + 0.5) as u16;
    *first = ONE as u16 - *second;
    start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psnr_y;
    use proptest::prelude::*;

    fn gradient(w: usize, h: usize) -> I420 {
        let mut p = I420::black(w, h);
        let [y, ..] = p.planes_mut();
        for (i, l) in y.iter_mut().enumerate() {
            *l = (16 + (i % w) * 100 / w + (i / w) * 100 / h) as u8;
        }
        p
    }

    #[test]
    fn halving_is_the_mean_of_four() {
        let y = vec![10, 20, 50, 60, 30, 40, 70, 81];
        let p = I420::from_planes(4, 2, y, vec![100, 200], vec![7, 9]).unwrap();
        let mut out = [0; 2];
        halve(p.y(), 4, &mut out, 2);
        assert_eq!(out, [25, 65]);
    }

    #[test]
    fn down_and_up_again_keeps_smooth_pictures() {
        let p = gradient(640, 360);
        for (w, h) in [(320, 180), (480, 270), (1280, 720), (426, 240)] {
            let back = p.scale_to(w, h).scale_to(640, 360);
            assert!(psnr_y(&p, &back) > 45.0, "{w}x{h}: {}", psnr_y(&p, &back));
        }
    }

    #[test]
    fn fitting_keeps_the_shape_and_puts_bars() {
        let p = I420::filled(640, 480, [200, 128, 128]).fit(320, 180);
        assert_eq!(p.size(), (320, 180));
        assert_eq!((p.y()[0], p.y()[160]), (16, 200));
        let tall = I420::filled(90, 160, [200, 128, 128]).fit(90, 90);
        assert_eq!((tall.y()[0], tall.y()[45]), (16, 200));
        // 1366x768 to its own ladder rung 640x360 differs only by rounding: no bars.
        let screen = I420::filled(1366, 768, [200, 128, 128]).fit(640, 360);
        assert!(screen.y().iter().all(|&l| l == 200));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_flat_picture_stays_flat_at_every_size(
            w in 1usize..80, h in 1usize..80, tw in 1usize..80, th in 1usize..80, yuv: [u8; 3]
        ) {
            let p = I420::filled(w * 2, h * 2, yuv);
            prop_assert!(p.scale_to(tw * 2, th * 2) == I420::filled(tw * 2, th * 2, yuv));
            prop_assert_eq!(p.fit(tw * 2, th * 2).size(), (tw * 2, th * 2));
        }

        #[test]
        fn scaling_never_leaves_the_range(w in 1usize..40, tw in 1usize..40, seed: u64) {
            let mut p = I420::black(w * 2, 8);
            let mut s = seed;
            for l in p.planes_mut()[0].iter_mut() {
                s = s.wrapping_mul(6364136223846793005).wrapping_add(1);
                *l = if s >> 63 == 1 { 235 } else { 16 };
            }
            let q = p.scale_to(tw * 2, 6);
            prop_assert!(q.y().iter().all(|l| (16..=235).contains(l)));
        }
    }
}
