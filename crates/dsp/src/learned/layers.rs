//! The few kinds of layers that small speech networks are made of, for one frame at a time. Activations are channel after channel, each with all its frequencies.

/// Weights in the order of the layers.
#[derive(Debug)]
pub struct Weights<'a> {
    bytes: &'a [u8],
}

/// The file does not hold the network it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadWeights;

impl std::fmt::Display for BadWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not the weights of this network")
    }
}

impl std::error::Error for BadWeights {}

impl<'a> Weights<'a> {
    /// Little-endian `f32` numbers.
    pub fn new(bytes: &'a [u8]) -> Weights<'a> {
        Weights { bytes }
    }

    pub fn take(&mut self, count: usize) -> Result<Vec<f32>, BadWeights> {
        let (now, later) = self.bytes.split_at_checked(4 * count).ok_or(BadWeights)?;
        self.bytes = later;
        let numbers: Vec<f32> = now
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        numbers
            .iter()
            .all(|n| n.is_finite())
            .then_some(numbers)
            .ok_or(BadWeights)
    }

    pub fn one(&mut self) -> Result<f32, BadWeights> {
        Ok(self.take(1)?[0])
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Leaky rectifier with one learned slope.
pub fn rectify(values: &mut [f32], slope: f32) {
    values
        .iter_mut()
        .for_each(|v| *v = if *v > 0.0 { *v } else { slope * *v });
}

/// Convolution over frequency, in groups of channels.
#[derive(Debug)]
pub struct Conv {
    kernel: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    groups: usize,
    width: usize,
    stride: usize,
    /// Spreads instead of gathers: `stride` times as many frequencies come out.
    transposed: bool,
}

/// Shape of a [`Conv`].
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
    pub inputs: usize,
    pub outputs: usize,
    pub groups: usize,
    pub width: usize,
    pub stride: usize,
    pub transposed: bool,
}

impl Conv {
    pub fn read(weights: &mut Weights<'_>, shape: ConvShape) -> Result<Conv, BadWeights> {
        Ok(Conv {
            kernel: weights.take(shape.outputs * shape.inputs / shape.groups * shape.width)?,
            bias: weights.take(shape.outputs)?,
            inputs: shape.inputs,
            groups: shape.groups,
            width: shape.width,
            stride: shape.stride,
            transposed: shape.transposed,
        })
    }

    /// A mix of channels at each frequency.
    pub fn point(
        weights: &mut Weights<'_>,
        inputs: usize,
        outputs: usize,
    ) -> Result<Conv, BadWeights> {
        let shape = ConvShape {
            inputs,
            outputs,
            groups: 1,
            width: 1,
            stride: 1,
            transposed: false,
        };
        Conv::read(weights, shape)
    }

    pub fn run(&self, input: &[f32], output: &mut [f32]) {
        let outputs = self.bias.len();
        let (wide, made) = (input.len() / self.inputs, output.len() / outputs);
        let (fan, per_group) = (self.inputs / self.groups, outputs / self.groups);
        let pad = self.width / 2;
        for (channel, out) in output.chunks_exact_mut(made).enumerate() {
            out.fill(self.bias[channel]);
            for i in 0..fan {
                let from = (channel / per_group * fan + i) * wide;
                let source = &input[from..from + wide];
                let taps = &self.kernel[(channel * fan + i) * self.width..][..self.width];
                for (tap, weight) in taps.iter().enumerate() {
                    if self.stride == 1 && !self.transposed {
                        shifted(out, source, *weight, tap, pad);
                    } else if self.transposed {
                        for (at, s) in source.iter().enumerate() {
                            if let Some(o) = (at * self.stride + tap)
                                .checked_sub(pad)
                                .and_then(|f| out.get_mut(f))
                            {
                                *o += weight * s;
                            }
                        }
                    } else {
                        for (f, o) in out.iter_mut().enumerate() {
                            if let Some(s) = (f * self.stride + tap)
                                .checked_sub(pad)
                                .and_then(|at| source.get(at))
                            {
                                *o += weight * s;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Adds `weight` times the source, moved by `tap - pad` places, to `out` of the same length: a loop without bounds to look at, for the vector unit.
fn shifted(out: &mut [f32], source: &[f32], weight: f32, tap: usize, pad: usize) {
    let (to, from) = (pad.saturating_sub(tap), tap.saturating_sub(pad));
    for (o, s) in out[to..].iter_mut().zip(&source[from..]) {
        *o += weight * s;
    }
}

/// Convolution of each channel by itself over three frequencies and three frames, `dilation` apart.
#[derive(Debug)]
pub struct Depthwise {
    kernel: Vec<f32>,
    bias: Vec<f32>,
    past: Vec<Vec<f32>>,
    newest: usize,
    dilation: usize,
}

impl Depthwise {
    pub fn read(
        weights: &mut Weights<'_>,
        channels: usize,
        wide: usize,
        dilation: usize,
    ) -> Result<Depthwise, BadWeights> {
        Ok(Depthwise {
            kernel: weights.take(channels * 9)?,
            bias: weights.take(channels)?,
            past: vec![vec![0.0; channels * wide]; 2 * dilation + 1],
            newest: 0,
            dilation,
        })
    }

    pub fn run(&mut self, input: &[f32], output: &mut [f32]) {
        let kept = self.past.len();
        self.newest = (self.newest + 1) % kept;
        self.past[self.newest].copy_from_slice(input);
        let wide = input.len() / self.bias.len();
        for (channel, out) in output.chunks_exact_mut(wide).enumerate() {
            out.fill(self.bias[channel]);
            for time in 0..3 {
                let frame = &self.past[(self.newest + kept - (2 - time) * self.dilation) % kept];
                let source = &frame[channel * wide..(channel + 1) * wide];
                let taps = &self.kernel[channel * 9 + time * 3..][..3];
                for f in 0..wide {
                    out[f] += taps[1] * source[f];
                }
                for f in 1..wide {
                    out[f] += taps[0] * source[f - 1];
                    out[f - 1] += taps[2] * source[f];
                }
            }
        }
    }

    pub fn reset(&mut self) {
        self.past.iter_mut().for_each(|frame| frame.fill(0.0));
    }
}

/// A gated recurrent unit; gates in the order update, reset, new.
#[derive(Debug)]
pub struct Gru {
    input: Vec<f32>,
    hidden: Vec<f32>,
    bias: Vec<f32>,
    size: usize,
    gates: Vec<f32>,
}

impl Gru {
    pub fn read(weights: &mut Weights<'_>, inputs: usize, size: usize) -> Result<Gru, BadWeights> {
        Ok(Gru {
            input: weights.take(3 * size * inputs)?,
            hidden: weights.take(3 * size * size)?,
            bias: weights.take(6 * size)?,
            size,
            gates: vec![0.0; 6 * size],
        })
    }

    /// One step; `state` is the memory and the output.
    pub fn step(&mut self, input: &[f32], state: &mut [f32]) {
        let size = self.size;
        let (from_input, from_state) = self.gates.split_at_mut(3 * size);
        let (b_in, b_state) = self.bias.split_at(3 * size);
        dense(&self.input, b_in, input, from_input);
        dense(&self.hidden, b_state, state, from_state);
        for i in 0..size {
            let update = sigmoid(from_input[i] + from_state[i]);
            let reset = sigmoid(from_input[size + i] + from_state[size + i]);
            let new = (from_input[2 * size + i] + reset * from_state[2 * size + i]).tanh();
            state[i] = (1.0 - update) * new + update * state[i];
        }
    }
}

/// `output = bias + weights · input`, weights row after row.
pub fn dense(weights: &[f32], bias: &[f32], input: &[f32], output: &mut [f32]) {
    for ((out, row), bias) in output
        .iter_mut()
        .zip(weights.chunks_exact(input.len()))
        .zip(bias)
    {
        *out = bias + dot(row, input);
    }
}

/// Sums in so many lanes: floating-point addition may not be reordered by the compiler, and one sum would wait for itself.
const LANES: usize = 16;

pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Layer normalisation over everything, with a learned scale and offset for each value.
pub fn normalise(values: &mut [f32], scale: &[f32], offset: &[f32]) {
    let count = values.len() as f32;
    let mean = values.iter().sum::<f32>() / count;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count;
    let by = 1.0 / (variance + 1e-8).sqrt();
    for ((v, scale), offset) in values.iter_mut().zip(scale).zip(offset) {
        *v = (*v - mean) * by * scale + offset;
    }
}

/// The attention weight from what a recurrent unit remembers.
pub fn attend(weights: &[f32], bias: &[f32], state: &[f32], output: &mut [f32]) {
    dense(weights, bias, state, output);
    output.iter_mut().for_each(|v| *v = sigmoid(*v));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    #[test]
    fn a_convolution_gathers_and_a_transposed_one_spreads() {
        let file = bytes(&[1.0, 2.0, 3.0, 0.5]);
        let shape = |stride, transposed| ConvShape {
            inputs: 1,
            outputs: 1,
            groups: 1,
            width: 3,
            stride,
            transposed,
        };
        let gather = Conv::read(&mut Weights::new(&file), shape(2, false)).unwrap();
        let mut out = [0.0; 2];
        gather.run(&[1.0, 10.0, 100.0], &mut out);
        assert_eq!(out, [32.5, 210.5]);
        let spread = Conv::read(&mut Weights::new(&file), shape(2, true)).unwrap();
        let mut out = [0.0; 3];
        spread.run(&[1.0, 10.0], &mut out);
        assert_eq!(out, [2.5, 13.5, 20.5]);
    }

    #[test]
    fn depthwise_remembers_as_far_as_its_dilation_says() {
        // Only the oldest frame's middle tap.
        let file = bytes(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let mut layer = Depthwise::read(&mut Weights::new(&file), 1, 2, 2).unwrap();
        let mut out = [0.0; 2];
        let heard: Vec<f32> = (1..=6)
            .map(|i| {
                layer.run(&[i as f32, 0.0], &mut out);
                out[0]
            })
            .collect();
        assert_eq!(heard, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn weights_that_end_early_are_refused() {
        assert_eq!(Weights::new(&[0; 7]).take(2), Err(BadWeights));
        assert_eq!(Weights::new(&bytes(&[f32::NAN])).take(1), Err(BadWeights));
    }
}
