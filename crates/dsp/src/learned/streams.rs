//! Layers that larger speech networks have beyond those in [`layers`](super::layers): dense ones in groups, and convolutions over the last frames.

use super::layers::{BadWeights, Weights, dot};

/// A dense layer in groups: each group of inputs makes its own outputs, without a bias.
#[derive(Debug)]
pub struct Grouped {
    weights: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Grouped {
    /// `inputs` and `outputs` of each of the `groups`.
    pub fn read(
        weights: &mut Weights<'_>,
        groups: usize,
        inputs: usize,
        outputs: usize,
    ) -> Result<Grouped, BadWeights> {
        Ok(Grouped {
            weights: weights.take(groups * inputs * outputs)?,
            inputs,
            outputs,
        })
    }

    pub fn run(&self, input: &[f32], output: &mut [f32]) {
        let size = self.inputs * self.outputs;
        for ((from, out), weights) in input
            .chunks_exact(self.inputs)
            .zip(output.chunks_exact_mut(self.outputs))
            .zip(self.weights.chunks_exact(size))
        {
            for (out, row) in out.iter_mut().zip(weights.chunks_exact(self.inputs)) {
                *out = dot(row, from);
            }
        }
    }
}

/// The last frames of something, each with all its values; the newest replaces the oldest.
#[derive(Debug)]
pub struct Past {
    frames: Vec<Vec<f32>>,
    newest: usize,
}

impl Past {
    /// `frames` of `size` zeros.
    pub fn new(frames: usize, size: usize) -> Past {
        Past {
            frames: vec![vec![0.0; size]; frames],
            newest: 0,
        }
    }

    pub fn push(&mut self, frame: &[f32]) {
        self.newest = (self.newest + 1) % self.frames.len();
        self.frames[self.newest].copy_from_slice(frame);
    }

    /// Number 0 is the oldest.
    pub fn frame(&self, number: usize) -> &[f32] {
        &self.frames[(self.newest + 1 + number) % self.frames.len()]
    }

    pub fn clear(&mut self) {
        self.frames.iter_mut().for_each(|frame| frame.fill(0.0));
    }
}

/// Convolution over the frames of a [`Past`], in groups of channels, each frequency by itself.
#[derive(Debug)]
pub struct OverTime {
    /// By output, input of the group, frame.
    kernel: Vec<f32>,
    bias: Vec<f32>,
    fan: usize,
    frames: usize,
}

impl OverTime {
    /// `fan`: inputs of each group; two groups.
    pub fn read(
        weights: &mut Weights<'_>,
        fan: usize,
        outputs: usize,
        frames: usize,
    ) -> Result<OverTime, BadWeights> {
        Ok(OverTime {
            kernel: weights.take(outputs * fan * frames)?,
            bias: weights.take(outputs)?,
            fan,
            frames,
        })
    }

    pub fn run(&self, past: &Past, output: &mut [f32]) {
        let outputs = self.bias.len();
        let wide = output.len() / outputs;
        for (channel, out) in output.chunks_exact_mut(wide).enumerate() {
            out.fill(self.bias[channel]);
            let first = channel / (outputs / 2) * self.fan;
            for time in 0..self.frames {
                let sources = past.frame(time)[first * wide..].chunks_exact(wide);
                for (i, source) in sources.take(self.fan).enumerate() {
                    let weight = self.kernel[(channel * self.fan + i) * self.frames + time];
                    out.iter_mut()
                        .zip(source)
                        .for_each(|(o, s)| *o += weight * s);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    #[test]
    fn groups_see_their_own_inputs_only() {
        let file = bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let layer = Grouped::read(&mut Weights::new(&file), 2, 3, 1).unwrap();
        let mut out = [0.0; 2];
        layer.run(&[1.0, 10.0, 100.0, 1.0, 0.0, 1.0], &mut out);
        assert_eq!(out, [321.0, 10.0]);
    }

    #[test]
    fn the_past_is_read_from_the_oldest_on() {
        let mut past = Past::new(3, 1);
        for value in 1..=5 {
            past.push(&[value as f32]);
        }
        assert_eq!([0, 1, 2].map(|n| past.frame(n)[0]), [3.0, 4.0, 5.0]);
        past.clear();
        assert_eq!([0, 1, 2].map(|n| past.frame(n)[0]), [0.0; 3]);
    }

    #[test]
    fn a_convolution_over_time_weighs_each_frame_of_its_group() {
        // Two outputs of one input each, two frames.
        let file = bytes(&[1.0, 10.0, 100.0, 1000.0, 0.5, 0.25]);
        let layer = OverTime::read(&mut Weights::new(&file), 1, 2, 2).unwrap();
        let mut past = Past::new(2, 2);
        past.push(&[1.0, 2.0]);
        past.push(&[3.0, 4.0]);
        let mut out = [0.0; 2];
        layer.run(&past, &mut out);
        assert_eq!(out, [31.5, 4200.25]);
    }
}
