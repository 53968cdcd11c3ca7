//! DeepFilterNet3, a speech enhancement network of 2.1 million numbers and 320 million multiplications per second (H. Schröter et al., "DeepFilterNet: perceptually motivated
//! real-time speech enhancement", Interspeech 2023), frame by frame: 10 ms each, spectra of 20 ms at 48 kHz.
//!
//! Two encoders, one that reads the level of 32 bands and one that reads the lower 96 bins, meet in a recurrent unit. One decoder makes a gain for each band, the other five complex
//! coefficients for each of the lower bins: a filter over five frames that follows each partial of a voice. Frequencies and channels shrink and grow; nothing looks ahead but by the delay
//! with which its output is applied.

use super::layers::{BadWeights, Conv, ConvShape, Gru, Weights, dot, rectify, sigmoid};
use super::streams::{Grouped, OverTime, Past};

/// Bands with a gain, bins with a filter, its taps.
pub const BANDS: usize = 32;
pub const BINS: usize = 96;
pub const TAPS: usize = 5;
/// Numbers in the weights' file.
#[cfg(test)]
pub const NUMBERS: usize = 2_134_906;
const CHANNELS: usize = 64;
const HIDDEN: usize = 256;
const EMBEDDED: usize = 512;

/// A convolution of each channel by itself and a mix of all channels behind it.
#[derive(Debug)]
struct Layer {
    each: Conv,
    mix: Conv,
    between: Vec<f32>,
}

impl Layer {
    /// `wide`: frequencies that come out.
    fn read(weights: &mut Weights<'_>, each: ConvShape, wide: usize) -> Result<Layer, BadWeights> {
        Ok(Layer {
            each: Conv::read(weights, each)?,
            mix: Conv::point(weights, CHANNELS, CHANNELS)?,
            between: vec![0.0; CHANNELS * wide],
        })
    }

    fn run(&mut self, input: &[f32], output: &mut [f32]) {
        self.each.run(input, &mut self.between);
        self.mix.run(&self.between, output);
        rectify(output, 0.0);
    }
}

fn each(stride: usize, transposed: bool) -> ConvShape {
    ConvShape {
        inputs: CHANNELS,
        outputs: CHANNELS,
        groups: CHANNELS,
        width: 3,
        stride,
        transposed,
    }
}

/// What reads the last three frames: `groups` inputs of so many frames, three frequencies wide.
fn first(groups: usize) -> ConvShape {
    ConvShape {
        inputs: 3 * groups,
        outputs: CHANNELS,
        groups,
        width: 3,
        stride: 1,
        transposed: false,
    }
}

/// Dense in groups, recurrent units one after the other.
#[derive(Debug)]
struct Memory {
    enter: Grouped,
    units: Vec<Gru>,
    states: Vec<[f32; HIDDEN]>,
    entered: [f32; HIDDEN],
}

impl Memory {
    fn read(weights: &mut Weights<'_>, groups: usize, units: usize) -> Result<Memory, BadWeights> {
        let enter = Grouped::read(weights, groups, EMBEDDED / groups, HIDDEN / groups)?;
        let units: Result<Vec<Gru>, BadWeights> = (0..units)
            .map(|_| Gru::read(weights, HIDDEN, HIDDEN))
            .collect();
        let units = units?;
        Ok(Memory {
            enter,
            states: vec![[0.0; HIDDEN]; units.len()],
            units,
            entered: [0.0; HIDDEN],
        })
    }

    fn run(&mut self, input: &[f32]) -> &[f32; HIDDEN] {
        self.enter.run(input, &mut self.entered);
        rectify(&mut self.entered, 0.0);
        for (unit, state) in self.units.iter_mut().zip(&mut self.states) {
            unit.step(&self.entered, state);
            self.entered = *state;
        }
        &self.entered
    }

    fn reset(&mut self) {
        self.states.iter_mut().for_each(|state| state.fill(0.0));
    }
}

/// From the features of a frame to what is remembered of the voice.
#[derive(Debug)]
struct Encoder {
    levels: Past,
    spectra: Past,
    gathered: Vec<f32>,
    level_first: Conv,
    level_layers: [Layer; 3],
    spectrum_first: Layer,
    spectrum_second: Layer,
    spectrum_dense: Grouped,
    memory: Memory,
    leave: Grouped,
    snr: Vec<f32>,
    snr_bias: f32,
    /// What the layers made: of the levels with 32, 16, 8 and 8 frequencies, of the spectrum with 96 and 48.
    level: [Vec<f32>; 4],
    spectrum: [Vec<f32>; 2],
    flat: Vec<f32>,
    made: Vec<f32>,
    embedded: Vec<f32>,
}

impl Encoder {
    fn read(w: &mut Weights<'_>) -> Result<Encoder, BadWeights> {
        let channels = |wide: usize| vec![0.0; CHANNELS * wide];
        Ok(Encoder {
            levels: Past::new(3, BANDS),
            spectra: Past::new(3, 2 * BINS),
            gathered: vec![0.0; 6 * BINS],
            level_first: Conv::read(w, first(1))?,
            level_layers: [
                Layer::read(w, each(2, false), 16)?,
                Layer::read(w, each(2, false), 8)?,
                Layer::read(w, each(1, false), 8)?,
            ],
            spectrum_first: Layer::read(w, first(2), BINS)?,
            spectrum_second: Layer::read(w, each(2, false), BINS / 2)?,
            spectrum_dense: Grouped::read(w, 32, 96, 16)?,
            memory: Memory::read(w, 16, 1)?,
            leave: Grouped::read(w, 16, HIDDEN / 16, EMBEDDED / 16)?,
            snr: w.take(EMBEDDED)?,
            snr_bias: w.one()?,
            level: [32, 16, 8, 8].map(channels),
            spectrum: [BINS, BINS / 2].map(channels),
            flat: channels(BINS / 2),
            made: vec![0.0; EMBEDDED],
            embedded: vec![0.0; EMBEDDED],
        })
    }

    /// The signal-to-noise ratio of the frame, dB.
    fn run(&mut self, levels: &[f32; BANDS], spectrum: &[f32; 2 * BINS]) -> f32 {
        self.levels.push(levels);
        self.spectra.push(spectrum);
        for time in 0..3 {
            self.gathered[time * BANDS..(time + 1) * BANDS]
                .copy_from_slice(self.levels.frame(time));
        }
        self.level_first
            .run(&self.gathered[..3 * BANDS], &mut self.level[0]);
        rectify(&mut self.level[0], 0.0);
        for (i, layer) in self.level_layers.iter_mut().enumerate() {
            let (done, next) = self.level.split_at_mut(i + 1);
            layer.run(&done[i], &mut next[0]);
        }
        for time in 0..3 {
            let frame = self.spectra.frame(time);
            for (part, values) in frame.chunks_exact(BINS).enumerate() {
                let at = (3 * part + time) * BINS;
                self.gathered[at..at + BINS].copy_from_slice(values);
            }
        }
        let [wide, narrow] = &mut self.spectrum;
        self.spectrum_first.run(&self.gathered, wide);
        self.spectrum_second.run(wide, narrow);
        turn(narrow, &mut self.flat);
        self.spectrum_dense.run(&self.flat, &mut self.made);
        rectify(&mut self.made, 0.0);
        turn(&self.level[3], &mut self.flat[..EMBEDDED]);
        add(&mut self.made, &self.flat);
        let memory = self.memory.run(&self.made);
        self.leave.run(memory, &mut self.embedded);
        rectify(&mut self.embedded, 0.0);
        // The range it was trained on.
        50.0 * sigmoid(dot(&self.snr, &self.embedded) + self.snr_bias) - 15.0
    }

    fn reset(&mut self) {
        self.levels.clear();
        self.spectra.clear();
        self.memory.reset();
    }
}

/// Makes a gain for each band.
#[derive(Debug)]
struct GainDecoder {
    memory: Memory,
    leave: Grouped,
    /// Of the encoder's layers, deepest first, and what is made of the sum.
    ways: [Conv; 4],
    layers: [Layer; 3],
    last: Conv,
    flat: Vec<f32>,
    sums: [Vec<f32>; 4],
    way: Vec<f32>,
}

impl GainDecoder {
    fn read(w: &mut Weights<'_>) -> Result<GainDecoder, BadWeights> {
        let way = ConvShape {
            width: 1,
            ..each(1, false)
        };
        let memory = Memory::read(w, 16, 2)?;
        let leave = Grouped::read(w, 16, HIDDEN / 16, EMBEDDED / 16)?;
        let deepest = Conv::read(w, way)?;
        let third = Layer::read(w, each(1, false), 8)?;
        let next = Conv::read(w, way)?;
        let second = Layer::read(w, each(2, true), 16)?;
        let then = Conv::read(w, way)?;
        let first = Layer::read(w, each(2, true), 32)?;
        let top = Conv::read(w, way)?;
        let last = ConvShape {
            inputs: CHANNELS,
            outputs: 1,
            groups: 1,
            ..each(1, false)
        };
        Ok(GainDecoder {
            memory,
            leave,
            ways: [deepest, next, then, top],
            layers: [third, second, first],
            last: Conv::read(w, last)?,
            flat: vec![0.0; EMBEDDED],
            sums: [8, 8, 16, 32].map(|wide| vec![0.0; CHANNELS * wide]),
            way: vec![0.0; CHANNELS * BANDS],
        })
    }

    fn run(&mut self, encoder: &Encoder, gains: &mut [f32; BANDS]) {
        let memory = self.memory.run(&encoder.embedded);
        self.leave.run(memory, &mut self.flat);
        rectify(&mut self.flat, 0.0);
        unturn(&self.flat, &mut self.sums[0]);
        for (i, way) in self.ways.iter().enumerate() {
            let from = &encoder.level[3 - i];
            way.run(from, &mut self.way[..from.len()]);
            rectify(&mut self.way[..from.len()], 0.0);
            add(&mut self.sums[i], &self.way);
            if let Some(layer) = self.layers.get_mut(i) {
                let (done, next) = self.sums.split_at_mut(i + 1);
                layer.run(&done[i], &mut next[0]);
            }
        }
        self.last.run(&self.sums[3], gains);
        gains.iter_mut().for_each(|g| *g = sigmoid(*g));
    }
}

/// Makes the filter of each lower bin.
#[derive(Debug)]
struct FilterDecoder {
    memory: Memory,
    skip: Grouped,
    past: Past,
    over_time: OverTime,
    mix: Conv,
    leave: Grouped,
    skipped: [f32; HIDDEN],
    between: Vec<f32>,
    way: Vec<f32>,
}

impl FilterDecoder {
    fn read(w: &mut Weights<'_>) -> Result<FilterDecoder, BadWeights> {
        Ok(FilterDecoder {
            memory: Memory::read(w, 8, 2)?,
            skip: Grouped::read(w, 16, EMBEDDED / 16, HIDDEN / 16)?,
            past: Past::new(TAPS, CHANNELS * BINS),
            over_time: OverTime::read(w, CHANNELS / 2, 2 * TAPS, TAPS)?,
            mix: Conv::point(w, 2 * TAPS, 2 * TAPS)?,
            leave: Grouped::read(w, 16, HIDDEN / 16, 2 * TAPS * BINS / 16)?,
            skipped: [0.0; HIDDEN],
            between: vec![0.0; 2 * TAPS * BINS],
            way: vec![0.0; 2 * TAPS * BINS],
        })
    }

    fn run(&mut self, encoder: &Encoder, filter: &mut [f32; 2 * TAPS * BINS]) {
        self.skip.run(&encoder.embedded, &mut self.skipped);
        let memory = self.memory.run(&encoder.embedded);
        add(&mut self.skipped, memory);
        self.leave.run(&self.skipped, filter);
        self.past.push(&encoder.spectrum[0]);
        self.over_time.run(&self.past, &mut self.between);
        self.mix.run(&self.between, &mut self.way);
        rectify(&mut self.way, 0.0);
        for (i, value) in filter.iter_mut().enumerate() {
            let (bin, part) = (i / (2 * TAPS), i % (2 * TAPS));
            *value = value.tanh() + self.way[part * BINS + bin];
        }
    }

    fn reset(&mut self) {
        self.memory.reset();
        self.past.clear();
    }
}

/// The network with its memory.
#[derive(Debug)]
pub struct DeepFilterNet {
    encoder: Encoder,
    gains: GainDecoder,
    filter: FilterDecoder,
}

impl DeepFilterNet {
    /// Reads the weights written by `tools/bench/voice/weights.py`.
    ///
    /// # Errors
    /// The file is shorter or longer than the network, or holds what is no number.
    pub fn read(bytes: &[u8]) -> Result<DeepFilterNet, BadWeights> {
        let w = &mut Weights::new(bytes);
        let network = DeepFilterNet {
            encoder: Encoder::read(w)?,
            gains: GainDecoder::read(w)?,
            filter: FilterDecoder::read(w)?,
        };
        if w.is_empty() {
            Ok(network)
        } else {
            Err(BadWeights)
        }
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        self.encoder.reset();
        self.gains.memory.reset();
        self.filter.reset();
    }

    /// Takes the features of the next frame: normalised levels of the bands, and the lower bins, real parts first. Writes the gains (0..=1) and, bin after bin, the filter's taps from the
    /// oldest frame on, real and imaginary part; both belong to the frame before the last. Returns the signal-to-noise ratio it believes in, -15 to 35 dB.
    pub fn run(
        &mut self,
        levels: &[f32; BANDS],
        spectrum: &[f32; 2 * BINS],
        gains: &mut [f32; BANDS],
        filter: &mut [f32; 2 * TAPS * BINS],
    ) -> f32 {
        let snr = self.encoder.run(levels, spectrum);
        self.gains.run(&self.encoder, gains);
        self.filter.run(&self.encoder, filter);
        snr
    }
}

/// Channel after channel becomes frequency after frequency.
fn turn(input: &[f32], output: &mut [f32]) {
    let wide = input.len() / CHANNELS;
    for (c, channel) in input.chunks_exact(wide).enumerate() {
        for (f, value) in channel.iter().enumerate() {
            output[f * CHANNELS + c] = *value;
        }
    }
}

fn unturn(input: &[f32], output: &mut [f32]) {
    let wide = input.len() / CHANNELS;
    for (f, frequency) in input.chunks_exact(CHANNELS).enumerate() {
        for (c, value) in frequency.iter().enumerate() {
            output[c * wide + f] = *value;
        }
    }
}

fn add(to: &mut [f32], what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_length_is_refused() {
        assert!(DeepFilterNet::read(&vec![0; 4 * NUMBERS]).is_ok());
        assert!(DeepFilterNet::read(&vec![0; 4 * NUMBERS - 4]).is_err());
        assert!(DeepFilterNet::read(&vec![0; 4 * NUMBERS + 4]).is_err());
    }

    #[test]
    fn frequencies_and_channels_change_places_and_back() {
        let values: Vec<f32> = (0..3 * CHANNELS).map(|i| i as f32).collect();
        let (mut turned, mut back) = (vec![0.0; values.len()], vec![0.0; values.len()]);
        turn(&values, &mut turned);
        // The second frequency's first channel.
        assert_eq!(turned[CHANNELS], 1.0);
        unturn(&turned, &mut back);
        assert_eq!(back, values);
    }
}
