//! GTCRN, a speech enhancement network of 48,000 numbers and 33 million multiplications per second (X. Rong et al., "GTCRN: a speech enhancement model requiring ultralow
//! computational resources", ICASSP 2024), frame by frame: 16 ms each, spectra of 32 ms at 16 kHz in, the spectrum's complex mask applied.
//!
//! Bands → five encoder layers, halving the frequencies twice → two blocks that run along frequency and then along time → five decoder layers → mask. Each decoder layer also gets what its
//! mirror image in the encoder made.

use super::layers::{
    BadWeights, Conv, ConvShape, Depthwise, Gru, Weights, attend, dense, normalise, rectify,
};

/// Bins of the spectrum, bands inside, frequencies in the middle of the network, channels.
pub const BINS: usize = 257;
const LOW: usize = 65;
const ERB: usize = 64;
const BANDS: usize = LOW + ERB;
const HALF: usize = 65;
const WIDE: usize = 33;
const CHANNELS: usize = 16;

/// A temporal block: half of the channels pass it, and are interleaved with the others.
#[derive(Debug)]
struct Block {
    mix_in: Conv,
    slope_in: f32,
    depth: Depthwise,
    slope: f32,
    mix_out: Conv,
    memory: Gru,
    state: [f32; 16],
    attention: Vec<f32>,
    attention_bias: Vec<f32>,
    around: Vec<f32>,
    inner: Vec<f32>,
    deep: Vec<f32>,
    made: Vec<f32>,
}

impl Block {
    const HALF: usize = CHANNELS / 2;

    fn read(weights: &mut Weights<'_>, dilation: usize) -> Result<Block, BadWeights> {
        Ok(Block {
            mix_in: Conv::point(weights, 3 * Self::HALF, CHANNELS)?,
            slope_in: weights.one()?,
            depth: Depthwise::read(weights, CHANNELS, WIDE, dilation)?,
            slope: weights.one()?,
            mix_out: Conv::point(weights, CHANNELS, Self::HALF)?,
            memory: Gru::read(weights, Self::HALF, 16)?,
            state: [0.0; 16],
            attention: weights.take(Self::HALF * 16)?,
            attention_bias: weights.take(Self::HALF)?,
            around: vec![0.0; 3 * Self::HALF * WIDE],
            inner: vec![0.0; CHANNELS * WIDE],
            deep: vec![0.0; CHANNELS * WIDE],
            made: vec![0.0; Self::HALF * WIDE],
        })
    }

    fn run(&mut self, values: &mut [f32], scratch: &mut [f32]) {
        let (first, second) = values.split_at(Self::HALF * WIDE);
        neighbours(first, WIDE, &mut self.around);
        self.mix_in.run(&self.around, &mut self.inner);
        rectify(&mut self.inner, self.slope_in);
        self.depth.run(&self.inner, &mut self.deep);
        rectify(&mut self.deep, self.slope);
        self.mix_out.run(&self.deep, &mut self.made);
        let mut power = [0.0; Self::HALF];
        for (power, channel) in power.iter_mut().zip(self.made.chunks_exact(WIDE)) {
            *power = channel.iter().map(|v| v * v).sum::<f32>() / WIDE as f32;
        }
        self.memory.step(&power, &mut self.state);
        let mut weight = [0.0; Self::HALF];
        attend(
            &self.attention,
            &self.attention_bias,
            &self.state,
            &mut weight,
        );
        for c in 0..Self::HALF {
            let range = c * WIDE..(c + 1) * WIDE;
            let (even, odd) = scratch[2 * c * WIDE..(2 * c + 2) * WIDE].split_at_mut(WIDE);
            for (out, value) in even.iter_mut().zip(&self.made[range.clone()]) {
                *out = value * weight[c];
            }
            odd.copy_from_slice(&second[range]);
        }
        values.copy_from_slice(&scratch[..CHANNELS * WIDE]);
    }

    fn reset(&mut self) {
        self.depth.reset();
        self.state.fill(0.0);
    }
}

/// Each channel with its neighbours in frequency as channels of their own.
fn neighbours(input: &[f32], wide: usize, output: &mut [f32]) {
    for (channel, out) in input
        .chunks_exact(wide)
        .zip(output.chunks_exact_mut(3 * wide))
    {
        out[0] = 0.0;
        out[1..wide].copy_from_slice(&channel[..wide - 1]);
        out[wide..2 * wide].copy_from_slice(channel);
        out[2 * wide..3 * wide - 1].copy_from_slice(&channel[1..]);
        out[3 * wide - 1] = 0.0;
    }
}

/// Recurrent along frequency (both ways), then along time.
#[derive(Debug)]
struct DualPath {
    along: [[Gru; 2]; 2],
    along_mix: Mix,
    time: [Gru; 2],
    time_mix: Mix,
    states: Vec<f32>,
    /// Frequency after frequency, as the recurrent units read it.
    turned: Vec<f32>,
    made: Vec<f32>,
    mixed: Vec<f32>,
}

/// A dense layer and its normalisation.
#[derive(Debug)]
struct Mix {
    weights: Vec<f32>,
    bias: Vec<f32>,
    scale: Vec<f32>,
    offset: Vec<f32>,
}

impl Mix {
    fn read(weights: &mut Weights<'_>) -> Result<Mix, BadWeights> {
        Ok(Mix {
            weights: weights.take(CHANNELS * CHANNELS)?,
            bias: weights.take(CHANNELS)?,
            scale: weights.take(WIDE * CHANNELS)?,
            offset: weights.take(WIDE * CHANNELS)?,
        })
    }

    fn add(&self, input: &[f32], mixed: &mut [f32], to: &mut [f32]) {
        for (from, out) in input
            .chunks_exact(CHANNELS)
            .zip(mixed.chunks_exact_mut(CHANNELS))
        {
            dense(&self.weights, &self.bias, from, out);
        }
        normalise(mixed, &self.scale, &self.offset);
        to.iter_mut()
            .zip(mixed)
            .for_each(|(to, value)| *to += *value);
    }
}

impl DualPath {
    fn read(weights: &mut Weights<'_>) -> Result<DualPath, BadWeights> {
        let mut both_ways = || Ok([Gru::read(weights, 8, 4)?, Gru::read(weights, 8, 4)?]);
        let along = [both_ways()?, both_ways()?];
        let along_mix = Mix::read(weights)?;
        let time = [Gru::read(weights, 8, 8)?, Gru::read(weights, 8, 8)?];
        Ok(DualPath {
            along,
            along_mix,
            time,
            time_mix: Mix::read(weights)?,
            states: vec![0.0; WIDE * CHANNELS],
            turned: vec![0.0; WIDE * CHANNELS],
            made: vec![0.0; WIDE * CHANNELS],
            mixed: vec![0.0; WIDE * CHANNELS],
        })
    }

    fn run(&mut self, values: &mut [f32]) {
        for (c, channel) in values.chunks_exact(WIDE).enumerate() {
            for (f, value) in channel.iter().enumerate() {
                self.turned[f * CHANNELS + c] = *value;
            }
        }
        for (group, ways) in self.along.iter_mut().enumerate() {
            for (way, unit) in ways.iter_mut().enumerate() {
                let mut state = [0.0; 4];
                for step in 0..WIDE {
                    let f = if way == 0 { step } else { WIDE - 1 - step };
                    let at = f * CHANNELS + group * 8;
                    unit.step(&self.turned[at..at + 8], &mut state);
                    self.made[at + way * 4..at + way * 4 + 4].copy_from_slice(&state);
                }
            }
        }
        self.along_mix
            .add(&self.made, &mut self.mixed, &mut self.turned);
        for f in 0..WIDE {
            for (group, unit) in self.time.iter_mut().enumerate() {
                let at = f * CHANNELS + group * 8;
                unit.step(&self.turned[at..at + 8], &mut self.states[at..at + 8]);
            }
        }
        self.time_mix
            .add(&self.states, &mut self.mixed, &mut self.turned);
        for (c, channel) in values.chunks_exact_mut(WIDE).enumerate() {
            for (f, value) in channel.iter_mut().enumerate() {
                *value = self.turned[f * CHANNELS + c];
            }
        }
    }
}

/// The network with its memory.
#[derive(Debug)]
pub struct Gtcrn {
    to_bands: Vec<f32>,
    first: Conv,
    first_slope: f32,
    second: Conv,
    second_slope: f32,
    encoder: [Block; 3],
    paths: [DualPath; 2],
    decoder: [Block; 3],
    third: Conv,
    third_slope: f32,
    last: Conv,
    from_bands: Vec<f32>,
    bands: Vec<f32>,
    around: Vec<f32>,
    kept: [Vec<f32>; 2],
    skipped: [Vec<f32>; 3],
    values: Vec<f32>,
    scratch: Vec<f32>,
    raised: Vec<f32>,
    mask: Vec<f32>,
}

impl Gtcrn {
    /// Reads the weights written by `tools/bench/voice/weights.py`.
    ///
    /// # Errors
    /// The file is shorter or longer than the network, or holds what is no number.
    pub fn read(bytes: &[u8]) -> Result<Gtcrn, BadWeights> {
        let w = &mut Weights::new(bytes);
        let band = |inputs, outputs, groups, transposed| ConvShape {
            inputs,
            outputs,
            groups,
            width: 5,
            stride: 2,
            transposed,
        };
        let network = Gtcrn {
            to_bands: w.take(ERB * (BINS - LOW))?,
            first: Conv::read(w, band(9, CHANNELS, 1, false))?,
            first_slope: w.one()?,
            second: Conv::read(w, band(CHANNELS, CHANNELS, 2, false))?,
            second_slope: w.one()?,
            encoder: [Block::read(w, 1)?, Block::read(w, 2)?, Block::read(w, 5)?],
            paths: [DualPath::read(w)?, DualPath::read(w)?],
            decoder: [Block::read(w, 5)?, Block::read(w, 2)?, Block::read(w, 1)?],
            third: Conv::read(w, band(CHANNELS, CHANNELS, 2, true))?,
            third_slope: w.one()?,
            last: Conv::read(w, band(CHANNELS, 2, 1, true))?,
            from_bands: w.take(ERB * (BINS - LOW))?,
            bands: vec![0.0; 3 * BANDS],
            around: vec![0.0; 9 * BANDS],
            kept: [vec![0.0; CHANNELS * HALF], vec![0.0; CHANNELS * WIDE]],
            skipped: std::array::from_fn(|_| vec![0.0; CHANNELS * WIDE]),
            values: vec![0.0; CHANNELS * WIDE],
            scratch: vec![0.0; CHANNELS * WIDE],
            raised: vec![0.0; CHANNELS * HALF],
            mask: vec![0.0; 2 * BANDS],
        };
        if w.is_empty() {
            Ok(network)
        } else {
            Err(BadWeights)
        }
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.encoder
            .iter_mut()
            .chain(&mut self.decoder)
            .for_each(Block::reset);
        self.paths.iter_mut().for_each(|p| p.states.fill(0.0));
    }

    /// Takes the next frame's spectrum (257 bins of the transform of 512 root-Hann-windowed samples at 16 kHz) and writes the complex mask to multiply it by.
    pub fn run(&mut self, re: &[f32], im: &[f32], mask_re: &mut [f32], mask_im: &mut [f32]) {
        self.gather(re, im);
        neighbours(&self.bands, BANDS, &mut self.around);
        self.first.run(&self.around, &mut self.kept[0]);
        rectify(&mut self.kept[0], self.first_slope);
        let (kept, rest) = self.kept.split_at_mut(1);
        self.second.run(&kept[0], &mut rest[0]);
        rectify(&mut rest[0], self.second_slope);
        self.values.copy_from_slice(&rest[0]);
        for (block, skipped) in self.encoder.iter_mut().zip(&mut self.skipped) {
            block.run(&mut self.values, &mut self.scratch);
            skipped.copy_from_slice(&self.values);
        }
        self.paths
            .iter_mut()
            .for_each(|path| path.run(&mut self.values));
        for (block, skipped) in self.decoder.iter_mut().zip(self.skipped.iter().rev()) {
            add(&mut self.values, skipped);
            block.run(&mut self.values, &mut self.scratch);
        }
        add(&mut self.values, &self.kept[1]);
        self.third.run(&self.values, &mut self.raised);
        rectify(&mut self.raised, self.third_slope);
        add(&mut self.raised, &self.kept[0]);
        self.last.run(&self.raised, &mut self.mask);
        self.mask.iter_mut().for_each(|v| *v = v.tanh());
        for (bands, out) in self.mask.chunks_exact(BANDS).zip([mask_re, mask_im]) {
            out[..LOW].copy_from_slice(&bands[..LOW]);
            dense(
                &self.from_bands,
                &[0.0; BINS - LOW],
                &bands[LOW..],
                &mut out[LOW..BINS],
            );
        }
    }

    /// Magnitude, real and imaginary part, the upper frequencies gathered to bands as wide as hearing's.
    fn gather(&mut self, re: &[f32], im: &[f32]) {
        let mut size = [0.0; BINS];
        for ((size, re), im) in size.iter_mut().zip(re).zip(im) {
            *size = (re * re + im * im + 1e-12).sqrt();
        }
        for (source, bands) in [&size[..], re, im]
            .into_iter()
            .zip(self.bands.chunks_exact_mut(BANDS))
        {
            bands[..LOW].copy_from_slice(&source[..LOW]);
            dense(
                &self.to_bands,
                &[0.0; ERB],
                &source[LOW..BINS],
                &mut bands[LOW..],
            );
        }
    }
}

fn add(to: &mut [f32], what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in the network: as many as the file has.
    const NUMBERS: usize = 47_665;

    #[test]
    fn a_file_of_another_length_is_refused() {
        assert!(Gtcrn::read(&vec![0; 4 * NUMBERS]).is_ok());
        assert!(Gtcrn::read(&vec![0; 4 * NUMBERS - 4]).is_err());
        assert!(Gtcrn::read(&vec![0; 4 * NUMBERS + 4]).is_err());
    }

    #[test]
    fn neighbours_are_the_frequencies_below_and_above() {
        let mut out = [9.0; 9];
        neighbours(&[1.0, 2.0, 3.0], 3, &mut out);
        assert_eq!(out, [0.0, 1.0, 2.0, 1.0, 2.0, 3.0, 2.0, 3.0, 0.0]);
    }
}
