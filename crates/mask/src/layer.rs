//! The layers of the network. Maps are rows of pixels with their channels side by side, so the long loops run over neighbours.

use crate::weights::Weights;

/// Channels of an intermediate result, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) data: Vec<f32>,
}

impl Map {
    pub(crate) fn shape(&mut self, width: usize, height: usize, channels: usize) {
        (self.width, self.height, self.channels) = (width, height, channels);
        self.data.resize(width * height * channels, 0.0);
    }

    fn shape_like(&mut self, other: &Map, channels: usize) {
        self.shape(other.width, other.height, channels);
    }
}

/// What comes after a convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    Nothing,
    Relu,
    HardSwish,
    Sigmoid,
}

impl After {
    #[inline(always)]
    fn apply(self, values: Lanes) -> Lanes {
        match self {
            After::Nothing => values,
            After::Relu => values.map(|v| v.max(0.0)),
            After::HardSwish => values.map(|v| v * (v + 3.0).clamp(0.0, 6.0) * (1.0 / 6.0)),
            After::Sigmoid => values.map(sigmoid),
        }
    }
}

pub(crate) fn sigmoid(v: f32) -> f32 {
    1.0 / (1.0 + (-v).exp())
}

/// Output channels computed together, and pixels: what fits into the vector registers of every processor.
const LANES: usize = 8;
const PIXELS: usize = 4;

/// By value all the way: so they stay in registers.
type Lanes = [f32; LANES];

#[inline(always)]
fn plus(sums: Lanes, value: f32, weights: &Lanes) -> Lanes {
    std::array::from_fn(|i| sums[i] + value * weights[i])
}

/// A convolution of single pixels.
#[derive(Debug)]
pub(crate) struct Pointwise {
    inputs: usize,
    outputs: usize,
    /// For each block of [`LANES`] outputs, input by input.
    blocks: Vec<Lanes>,
    bias: Vec<f32>,
    after: After,
}

impl Pointwise {
    pub(crate) fn new(w: &mut Weights, inputs: usize, outputs: usize, after: After) -> Pointwise {
        let weights = w.take(inputs * outputs);
        let block = |b: usize| (0..inputs).map(move |i| (b, i));
        let lanes =
            |(b, i): (usize, usize)| std::array::from_fn(|o| weights[i * outputs + b * LANES + o]);
        Pointwise {
            inputs,
            outputs,
            blocks: (0..outputs / LANES).flat_map(block).map(lanes).collect(),
            bias: w.take(outputs),
            after,
        }
    }

    pub(crate) fn run(&self, from: &Map, to: &mut Map) {
        to.shape_like(from, self.outputs);
        self.pixels(&from.data, &mut to.data);
    }

    /// Any number of pixels one after another.
    pub(crate) fn pixels(&self, from: &[f32], to: &mut [f32]) {
        let mut sources = from.chunks_exact(self.inputs * PIXELS);
        let mut targets = to.chunks_exact_mut(self.outputs * PIXELS);
        for (from, to) in (&mut sources).zip(&mut targets) {
            self.four(from, to);
        }
        let rest = sources.remainder().chunks_exact(self.inputs);
        for (from, to) in rest.zip(targets.into_remainder().chunks_exact_mut(self.outputs)) {
            self.one(from, to);
        }
    }

    /// [`PIXELS`] pixels: each weight that was read is used for all of them.
    fn four(&self, from: &[f32], to: &mut [f32]) {
        let (upper, lower) = from.split_at(2 * self.inputs);
        let ((a, b), (c, d)) = (upper.split_at(self.inputs), lower.split_at(self.inputs));
        for (at, (weights, bias)) in self.blocks() {
            let (mut p, mut q, mut r, mut s) = (*bias, *bias, *bias, *bias);
            let values = a.iter().zip(b).zip(c.iter().zip(d));
            for (weights, ((a, b), (c, d))) in weights.iter().zip(values) {
                p = plus(p, *a, weights);
                q = plus(q, *b, weights);
                r = plus(r, *c, weights);
                s = plus(s, *d, weights);
            }
            for (sums, to) in [p, q, r, s]
                .into_iter()
                .zip(to.chunks_exact_mut(self.outputs))
            {
                to[at..at + LANES].copy_from_slice(&self.after.apply(sums));
            }
        }
    }

    fn one(&self, from: &[f32], to: &mut [f32]) {
        for (at, (weights, bias)) in self.blocks() {
            let pairs = weights.iter().zip(from);
            let sums = pairs.fold(*bias, |sums, (weights, &value)| plus(sums, value, weights));
            to[at..at + LANES].copy_from_slice(&self.after.apply(sums));
        }
    }

    /// Where the outputs of each block begin, their weights and biases.
    fn blocks(&self) -> impl Iterator<Item = (usize, (&[Lanes], &Lanes))> {
        let weights = self.blocks.chunks_exact(self.inputs);
        let blocks = weights.zip(self.bias.as_chunks().0);
        blocks.enumerate().map(|(b, block)| (b * LANES, block))
    }
}

/// A convolution of each channel by itself, `SIZE` x `SIZE`, padded so that the output has the input's size divided by the stride.
#[derive(Debug)]
pub(crate) struct Depthwise<const SIZE: usize> {
    stride: usize,
    /// For each block of channels, row by row.
    weights: Vec<[[Lanes; SIZE]; SIZE]>,
    bias: Vec<Lanes>,
    after: After,
    /// The input with zeros around it.
    padded: Vec<f32>,
}

impl<const SIZE: usize> Depthwise<SIZE> {
    pub(crate) fn new(w: &mut Weights, channels: usize, stride: usize, after: After) -> Self {
        let weights = w.take(SIZE * SIZE * channels);
        let block = |b: usize| {
            let at = move |y, x| (y * SIZE + x) * channels + b * LANES;
            let lanes = |y, x| std::array::from_fn(|c| weights[at(y, x) + c]);
            std::array::from_fn(|y| std::array::from_fn(|x| lanes(y, x)))
        };
        Depthwise {
            stride,
            weights: (0..channels / LANES).map(block).collect(),
            bias: w.take(channels).as_chunks().0.to_vec(),
            after,
            padded: Vec::new(),
        }
    }

    pub(crate) fn run(&mut self, from: &Map, to: &mut Map) {
        let channels = from.channels;
        let (w, h) = (from.width / self.stride, from.height / self.stride);
        to.shape(w, h, channels);
        let line = (from.width + SIZE) * channels;
        self.pad(from, line);
        for (y, out) in to.data.chunks_exact_mut(w * channels).enumerate() {
            let first = y * self.stride * line;
            let rows = std::array::from_fn(|k| &self.padded[first + k * line..][..line]);
            self.row(rows, channels, out);
        }
    }

    /// As TensorFlow pads "same": what is odd goes below and to the right.
    fn pad(&mut self, from: &Map, line: usize) {
        let before = (SIZE - self.stride) / 2;
        self.padded.resize(line * (from.height + SIZE), 0.0);
        let (left, width) = (before * from.channels, from.width * from.channels);
        let rows = self.padded.chunks_exact_mut(line).skip(before);
        for (row, from) in rows.zip(from.data.chunks_exact(width)) {
            row[left..left + width].copy_from_slice(from);
        }
    }

    fn row(&self, rows: [&[f32]; SIZE], channels: usize, out: &mut [f32]) {
        for (x, out) in out.chunks_exact_mut(channels).enumerate() {
            let first = x * self.stride * channels;
            let seen = rows.map(|row| &row[first..first + SIZE * channels]);
            let blocks = self.weights.iter().zip(&self.bias);
            for (b, (out, (weights, bias))) in out
                .as_chunks_mut::<LANES>()
                .0
                .iter_mut()
                .zip(blocks)
                .enumerate()
            {
                let mut sums = *bias;
                for (seen, weights) in seen.iter().zip(weights) {
                    for (pixel, weights) in seen.chunks_exact(channels).zip(weights) {
                        let values = &pixel[b * LANES..][..LANES];
                        sums = std::array::from_fn(|i| sums[i] + values[i] * weights[i]);
                    }
                }
                *out = self.after.apply(sums);
            }
        }
    }
}

/// The first convolution: 3 x 3 of three colours, every second pixel, as one of single pixels over what each one sees.
#[derive(Debug)]
pub(crate) struct Stem {
    inner: Pointwise,
    seen: Vec<f32>,
}

impl Stem {
    const SEEN: usize = 27;

    pub(crate) fn new(w: &mut Weights, outputs: usize, after: After) -> Stem {
        Stem {
            inner: Pointwise::new(w, Stem::SEEN, outputs, after),
            seen: Vec::new(),
        }
    }

    /// `rgb`: 0 to 1, three values a pixel.
    pub(crate) fn run(&mut self, rgb: &[f32], (w, h): (usize, usize), to: &mut Map) {
        let (tw, th) = (w / 2, h / 2);
        to.shape(tw, th, self.inner.outputs);
        self.seen.resize(tw * Stem::SEEN, 0.0);
        for (y, out) in to
            .data
            .chunks_exact_mut(tw * self.inner.outputs)
            .enumerate()
        {
            for (x, seen) in self.seen.chunks_exact_mut(Stem::SEEN).enumerate() {
                for (ky, seen) in seen.chunks_exact_mut(9).enumerate() {
                    let sy = y * 2 + ky;
                    let columns = if x + 1 < tw { 9 } else { 6 };
                    let (there, missing) = seen.split_at_mut(if sy < h { columns } else { 0 });
                    missing.fill(0.0);
                    let from = (sy.min(h - 1) * w + x * 2) * 3;
                    there.copy_from_slice(&rgb[from..][..there.len()]);
                }
            }
            self.inner.pixels(&self.seen, out);
        }
    }
}

/// Squeeze and excite: weighs channels by what their means say (Hu et al., arXiv:1709.01507).
#[derive(Debug)]
pub(crate) struct Excite {
    squeeze: Pointwise,
    excite: Pointwise,
    means: Vec<f32>,
    hidden: Vec<f32>,
    gates: Vec<f32>,
}

impl Excite {
    pub(crate) fn new(w: &mut Weights, channels: usize, hidden: usize) -> Excite {
        Excite {
            squeeze: Pointwise::new(w, channels, hidden, After::Relu),
            excite: Pointwise::new(w, hidden, channels, After::Sigmoid),
            means: vec![0.0; channels],
            hidden: vec![0.0; hidden],
            gates: vec![0.0; channels],
        }
    }

    /// The gates of the channels of `maps` added together; all have one size.
    pub(crate) fn gates(&mut self, maps: &[&Map]) -> &[f32] {
        means(maps, &mut self.means);
        self.squeeze.pixels(&self.means, &mut self.hidden);
        self.excite.pixels(&self.hidden, &mut self.gates);
        &self.gates
    }

    pub(crate) fn run(&mut self, map: &mut Map) {
        self.gates(&[map]);
        scale(map, &self.gates);
    }
}

/// The mean of each channel of `maps` added together; all have one size.
pub(crate) fn means(maps: &[&Map], means: &mut [f32]) {
    means.fill(0.0);
    for map in maps {
        let share = 1.0 / (map.width * map.height) as f32;
        for pixel in map.data.chunks_exact(map.channels) {
            let pairs = means.iter_mut().zip(pixel);
            pairs.for_each(|(m, v)| *m += v * share);
        }
    }
}

/// Each channel times its gate.
pub(crate) fn scale(map: &mut Map, gates: &[f32]) {
    for pixel in map.data.chunks_exact_mut(map.channels) {
        pixel.iter_mut().zip(gates).for_each(|(v, g)| *v *= g);
    }
}

pub(crate) fn add(map: &mut Map, other: &Map) {
    map.data
        .iter_mut()
        .zip(&other.data)
        .for_each(|(v, o)| *v += o);
}

/// Twice as wide and high, bilinear between pixels' centres.
pub(crate) fn double(from: &Map, to: &mut Map) {
    let (w, h, c) = (from.width, from.height, from.channels);
    to.shape(w * 2, h * 2, c);
    for (y, row) in to.data.chunks_exact_mut(w * 2 * c).enumerate() {
        let (near, far) = neighbours(y, h);
        for (x, out) in row.chunks_exact_mut(c).enumerate() {
            let (beside, away) = neighbours(x, w);
            let pixel = |y: usize, x: usize| &from.data[(y * w + x) * c..][..c];
            let (a, b) = (pixel(near, beside), pixel(near, away));
            let (d, e) = (pixel(far, beside), pixel(far, away));
            let columns = a.iter().zip(b).zip(d.iter().zip(e));
            for (o, ((a, b), (d, e))) in out.iter_mut().zip(columns) {
                *o = (a * 0.75 + b * 0.25) * 0.75 + (d * 0.75 + e * 0.25) * 0.25;
            }
        }
    }
}

/// Of the larger map's place: the smaller map's place that counts three quarters, and the one that counts a quarter.
fn neighbours(at: usize, size: usize) -> (usize, usize) {
    let near = at / 2;
    let far = if at.is_multiple_of(2) {
        near.saturating_sub(1)
    } else {
        (near + 1).min(size - 1)
    };
    (near, far)
}
