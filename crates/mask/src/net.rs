//! The network that finds people: a MobileNetV3 with an upward path (MediaPipe's selfie segmentation, landscape). 30 million
//! multiplications a picture, written out layer by layer in the order of its weights.

use crate::layer::{
    After, Depthwise, Excite, Map, Pointwise, Stem, add, double, means, scale, sigmoid,
};
use crate::weights::Weights;
use After::{HardSwish, Nothing, Relu, Sigmoid};

/// Pixels in a row of what it looks at, and of the mask.
pub(crate) const WIDTH: usize = 256;
/// Rows.
pub(crate) const HEIGHT: usize = 144;

/// The network with what its layers hand on. Allocates in its first run only.
#[derive(Debug)]
pub(crate) struct Net {
    stem: Stem,
    first: First,
    down: [Plain; 2],
    deep: Vec<Block>,
    head: Head,
    up: [Up; 3],
    last: Last,
    maps: Maps,
}

/// What is needed again on the way up, and what is not.
#[derive(Debug, Default)]
struct Maps {
    half: Map,
    quarter: Map,
    eighth: Map,
    deep: Map,
    a: Map,
    b: Map,
}

impl Net {
    pub(crate) fn new(w: &mut Weights) -> Net {
        Net {
            stem: Stem::new(w, 16, HardSwish),
            first: First::new(w),
            down: [Plain::new(w, 16, 72, 24, 2), Plain::new(w, 24, 88, 24, 1)],
            deep: vec![
                Block::new(w, 24, 96, 24, 2),
                Block::new(w, 32, 128, 32, 1),
                Block::new(w, 32, 128, 32, 1),
                Block::new(w, 32, 96, 24, 1),
                Block::new(w, 32, 96, 24, 1),
            ],
            head: Head::new(w),
            up: [Up::new(w, 128, 24), Up::new(w, 24, 16), Up::new(w, 16, 16)],
            last: Last::new(w),
            maps: Maps::default(),
        }
    }

    /// `rgb`: [`WIDTH`] x [`HEIGHT`] pixels, three values each, 0 to 1. `mask`: as many pixels, 0 (background) to 1 (person).
    pub(crate) fn run(&mut self, rgb: &[f32], mask: &mut [f32]) {
        let Maps {
            half,
            quarter,
            eighth,
            deep,
            a,
            b,
        } = &mut self.maps;
        self.stem.run(rgb, (WIDTH, HEIGHT), half);
        self.first.run(half, a, b, quarter);
        self.down[0].run(quarter, a, b, eighth);
        self.down[1].run(eighth, a, b, deep);
        add(eighth, deep);
        for (n, block) in self.deep.iter_mut().enumerate() {
            let from = if n == 0 { &*eighth } else { &*deep };
            block.run(from, a, b);
            if n == 0 {
                std::mem::swap(deep, a);
            } else {
                add(deep, a);
            }
        }
        self.head.run(deep, a);
        for (up, beside) in self.up.iter_mut().zip([eighth, quarter, half]) {
            up.run(a, b, beside);
        }
        self.last.run(a, mask);
    }
}

/// The first block: no widening, with gates.
#[derive(Debug)]
struct First {
    before: Pointwise,
    depthwise: Depthwise<3>,
    gates: Excite,
    after: Pointwise,
}

impl First {
    fn new(w: &mut Weights) -> First {
        First {
            before: Pointwise::new(w, 16, 16, Relu),
            depthwise: Depthwise::new(w, 16, 2, Relu),
            gates: Excite::new(w, 16, 8),
            after: Pointwise::new(w, 16, 16, Nothing),
        }
    }

    fn run(&mut self, from: &Map, a: &mut Map, b: &mut Map, to: &mut Map) {
        self.before.run(from, a);
        self.depthwise.run(a, b);
        self.gates.run(b);
        self.after.run(b, to);
    }
}

/// A block that widens, filters and narrows, without gates.
#[derive(Debug)]
struct Plain {
    widen: Pointwise,
    depthwise: Depthwise<3>,
    narrow: Pointwise,
}

impl Plain {
    fn new(w: &mut Weights, from: usize, wide: usize, to: usize, stride: usize) -> Plain {
        Plain {
            widen: Pointwise::new(w, from, wide, Relu),
            depthwise: Depthwise::new(w, wide, stride, Relu),
            narrow: Pointwise::new(w, wide, to, Nothing),
        }
    }

    fn run(&mut self, from: &Map, a: &mut Map, b: &mut Map, to: &mut Map) {
        self.widen.run(from, a);
        self.depthwise.run(a, b);
        self.narrow.run(b, to);
    }
}

/// The same with gates, 5 x 5 and to 32 channels.
#[derive(Debug)]
struct Block {
    widen: Pointwise,
    depthwise: Depthwise<5>,
    gates: Excite,
    narrow: Pointwise,
}

impl Block {
    fn new(w: &mut Weights, from: usize, wide: usize, hidden: usize, stride: usize) -> Block {
        Block {
            widen: Pointwise::new(w, from, wide, HardSwish),
            depthwise: Depthwise::new(w, wide, stride, HardSwish),
            gates: Excite::new(w, wide, hidden),
            narrow: Pointwise::new(w, wide, 32, Nothing),
        }
    }

    /// Into `a`.
    fn run(&mut self, from: &Map, a: &mut Map, b: &mut Map) {
        self.widen.run(from, a);
        self.depthwise.run(a, b);
        self.gates.run(b);
        self.narrow.run(b, a);
    }
}

/// What is seen in the whole picture weighs what is seen at each place.
#[derive(Debug)]
struct Head {
    places: Pointwise,
    whole: Pointwise,
    means: Vec<f32>,
    gates: Vec<f32>,
}

impl Head {
    fn new(w: &mut Weights) -> Head {
        Head {
            places: Pointwise::new(w, 32, 128, Relu),
            whole: Pointwise::new(w, 32, 128, Sigmoid),
            means: vec![0.0; 32],
            gates: vec![0.0; 128],
        }
    }

    fn run(&mut self, from: &Map, to: &mut Map) {
        means(&[from], &mut self.means);
        self.whole.pixels(&self.means, &mut self.gates);
        self.places.run(from, to);
        scale(to, &self.gates);
    }
}

/// A step up: what comes from below, enlarged, beside what was seen at this size on the way down.
#[derive(Debug)]
struct Up {
    narrow: Pointwise,
    gates: Excite,
    mix: Pointwise,
    depthwise: Depthwise<3>,
}

impl Up {
    fn new(w: &mut Weights, from: usize, to: usize) -> Up {
        Up {
            narrow: Pointwise::new(w, from, to, Nothing),
            gates: Excite::new(w, to, to),
            mix: Pointwise::new(w, to, to, Relu),
            depthwise: Depthwise::new(w, to, 1, Relu),
        }
    }

    /// From `a` into `a`. `beside` is used up.
    fn run(&mut self, a: &mut Map, b: &mut Map, beside: &mut Map) {
        // Narrowed before it is enlarged, not after: both are linear, and so there is a quarter to do.
        self.narrow.run(a, b);
        double(b, a);
        let gates = self.gates.gates(&[beside, a]);
        scale(beside, gates);
        add(beside, a);
        self.mix.run(beside, a);
        self.depthwise.run(a, b);
        add(a, b);
    }
}

/// Each pixel becomes four of the mask.
#[derive(Debug)]
struct Last {
    /// For each channel: two above, two below.
    weights: Vec<[f32; 4]>,
    bias: f32,
}

impl Last {
    fn new(w: &mut Weights) -> Last {
        Last {
            weights: w.take(16 * 4).as_chunks().0.to_vec(),
            bias: w.take(1)[0],
        }
    }

    fn run(&self, from: &Map, mask: &mut [f32]) {
        let rows = mask.chunks_exact_mut(from.width * 4);
        let sources = from.data.chunks_exact(from.width * from.channels);
        for (rows, source) in rows.zip(sources) {
            let (upper, lower) = rows.split_at_mut(from.width * 2);
            let targets = upper.chunks_exact_mut(2).zip(lower.chunks_exact_mut(2));
            for ((upper, lower), pixel) in targets.zip(source.chunks_exact(from.channels)) {
                let mut sums = [self.bias; 4];
                for (value, weights) in pixel.iter().zip(&self.weights) {
                    sums.iter_mut()
                        .zip(weights)
                        .for_each(|(s, w)| *s += value * w);
                }
                let [a, b, c, d] = sums.map(sigmoid);
                upper.copy_from_slice(&[a, b]);
                lower.copy_from_slice(&[c, d]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILE: &[u8] = include_bytes!("../../../assets/person-mask/person-mask.f16");

    /// Somebody drawn: a head and shoulders before a striped wall.
    fn drawn() -> Vec<f32> {
        let mut rgb = Vec::new();
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let round = |cx: f32, cy: f32, rx: f32, ry: f32| {
                    let (dx, dy) = ((x as f32 - cx) / rx, (y as f32 - cy) / ry);
                    dx * dx + dy * dy < 1.0
                };
                let stripes = ((x * 7 + y * 3) % 32) as f32 / 128.0;
                rgb.extend(if round(128.0, 52.0, 22.0, 30.0) {
                    [0.85, 0.65, 0.55]
                } else if round(128.0, 150.0, 70.0, 64.0) {
                    [0.1, 0.1, 0.3]
                } else {
                    [0.2, 0.3, 0.4].map(|c| c + stripes)
                });
            }
        }
        rgb
    }

    #[test]
    fn it_uses_every_weight() {
        let mut weights = Weights::new(FILE);
        Net::new(&mut weights);
        assert!(weights.is_empty());
        assert_eq!(FILE.len(), 2 * 106_401);
    }

    /// The answers of onnxruntime to the same picture, the network converted operation by operation.
    #[test]
    fn it_answers_what_another_runtime_answers() {
        let expected = [
            (22, 129, 0.1237),
            (43, 149, 0.1414),
            (62, 149, 0.3086),
            (78, 113, 0.3030),
            (82, 139, 0.2849),
            (84, 114, 0.5181),
            (86, 142, 0.3997),
            (89, 106, 0.7074),
            (97, 168, 0.7548),
            (110, 73, 0.5842),
            (125, 193, 0.1243),
            (142, 58, 0.5573),
            (0, 0, 0.0),
            (52, 128, 1.0),
            (130, 128, 1.0),
            (143, 255, 0.0),
        ];
        let mut mask = vec![0.0; WIDTH * HEIGHT];
        let mut net = Net::new(&mut Weights::new(FILE));
        // Twice: what one run leaves behind must not change the next.
        for _ in 0..2 {
            net.run(&drawn(), &mut mask);
            for (y, x, value) in expected {
                let found = mask[y * WIDTH + x];
                assert!((found - value).abs() < 2e-3, "{found} at {x}, {y}: {value}");
            }
            let mean = mask.iter().sum::<f32>() / mask.len() as f32;
            assert!((mean - 0.228_67).abs() < 1e-3, "{mean}");
        }
    }
}
