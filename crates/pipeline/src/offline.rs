//! `confab-headless process`: the voice chain on files, without devices, network or real time.

use crate::noise::{ChainMaker, NoiseState, ReadyChain};
use confab_dsp::{FRAME, VoiceConfig, downmix};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::path::{Path, PathBuf};

/// The form of every WAV we write: 48 kHz mono, 16 bit.
pub const WAV: WavSpec = WavSpec {
    channels: 1,
    sample_rate: 48_000,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// Why files could not be processed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("{path}: {why}")]
    File { path: String, why: String },
    #[error("{path}: {rate} Hz with {channels} channels; the voice chain takes 48000 Hz mono")]
    Format {
        path: String,
        rate: u32,
        channels: u16,
    },
}

/// What was processed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessReport {
    pub seconds: f64,
    /// Share of 10 ms frames in which the chain found a voice.
    pub voice: f64,
    /// The noise suppressor at the end, and why it is not the learned one that was wanted.
    pub noise: NoiseState,
}

/// Runs `near` through the voice chain with `far` as what the speaker plays, and writes what would be sent to `out`, sample
/// for sample as long as `near`. A shorter `far` goes on as silence. All files are 48 kHz mono; in original sound `near` and
/// `out` may have two channels. `weights`: where the learned suppressor's may be, see [`crate::weights_places`].
///
/// # Errors
/// A file that cannot be read or written, or has another format; the path is named.
pub fn process(
    far: &Path,
    near: &Path,
    out: &Path,
    config: VoiceConfig,
    weights: Vec<PathBuf>,
) -> Result<ProcessReport, ProcessError> {
    let (far, _) = read(far, 1)?;
    let (near, channels) = read(near, if config.original { 2 } else { 1 })?;
    let width = usize::from(channels);
    let ReadyChain { mut chain, fault } = ChainMaker::new(weights).make(config);
    let mut sent = Vec::with_capacity(near.len());
    let mut voiced = 0usize;
    for (index, chunk) in near.chunks(FRAME * width).enumerate() {
        let mut frame = match width {
            2 => downmix(&padded(chunk)),
            _ => padded(chunk),
        };
        let start = (index * FRAME).min(far.len());
        let end = (start + FRAME).min(far.len());
        let voice = chain.process(&mut frame, &padded(&far[start..end]));
        voiced += usize::from(voice.voice_active);
        match config.original {
            true => sent.extend_from_slice(chunk),
            false => sent.extend_from_slice(&frame[..chunk.len()]),
        }
    }
    write(out, channels, &sent)?;
    let samples = near.len() / width;
    let frames = samples.div_ceil(FRAME).max(1);
    Ok(ProcessReport {
        seconds: samples as f64 / 48_000.0,
        voice: voiced as f64 / frames as f64,
        noise: NoiseState {
            engine: chain.noise_engine(),
            fault,
        },
    })
}

/// Samples with silence behind them.
fn padded<const N: usize>(samples: &[f32]) -> [f32; N] {
    let mut frame = [0.0; N];
    frame[..samples.len()].copy_from_slice(samples);
    frame
}

/// A sample in -1..=1 as 16 bits; louder ones are clipped.
pub(crate) fn to_i16(sample: f32) -> i16 {
    (sample.clamp(-1.0, 1.0) * 32767.0).round() as i16
}

fn failed<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> ProcessError + '_ {
    move |why| ProcessError::File {
        path: path.display().to_string(),
        why: why.to_string(),
    }
}

/// Interleaved samples, and their channels, `most` of them.
fn read(path: &Path, most: u16) -> Result<(Vec<f32>, u16), ProcessError> {
    let mut reader = WavReader::open(path).map_err(failed(path))?;
    let spec = reader.spec();
    if spec.sample_rate != 48_000 || !(1..=most).contains(&spec.channels) {
        return Err(ProcessError::Format {
            path: path.display().to_string(),
            rate: spec.sample_rate,
            channels: spec.channels,
        });
    }
    let samples: Result<Vec<f32>, ProcessError> = match spec.sample_format {
        SampleFormat::Float => reader
            .samples::<f32>()
            .collect::<Result<_, _>>()
            .map_err(failed(path)),
        SampleFormat::Int => {
            let scale = 1.0 / (1i64 << (spec.bits_per_sample - 1)) as f32;
            reader
                .samples::<i32>()
                .map(|s| s.map(|v| v as f32 * scale))
                .collect::<Result<_, _>>()
                .map_err(failed(path))
        }
    };
    Ok((samples?, spec.channels))
}

fn write(path: &Path, channels: u16, samples: &[f32]) -> Result<(), ProcessError> {
    let spec = WavSpec { channels, ..WAV };
    let mut writer = WavWriter::create(path, spec).map_err(failed(path))?;
    for sample in samples {
        writer.write_sample(to_i16(*sample)).map_err(failed(path))?;
    }
    writer.finalize().map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::NoiseFault;
    use confab_dsp::NoiseEngine;

    fn file(dir: &Path, name: &str, samples: &[f32]) -> std::path::PathBuf {
        let path = dir.join(name);
        write(&path, 1, samples).unwrap();
        path
    }

    #[test]
    fn with_every_stage_off_what_goes_in_comes_out() {
        let dir = tempfile::tempdir().unwrap();
        let near: Vec<f32> = (0..4_900).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
        let near_file = file(dir.path(), "near.wav", &near);
        let far_file = file(dir.path(), "far.wav", &[0.0; 100]);
        let out = dir.path().join("out.wav");
        let report = process(&far_file, &near_file, &out, VoiceConfig::BYPASS, vec![]).unwrap();
        assert!((report.seconds - 4_900.0 / 48_000.0).abs() < 1e-9);
        let (back, _) = read(&out, 1).unwrap();
        assert_eq!(back.len(), near.len());
        let worst = near
            .iter()
            .zip(&back)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(worst < 0.01, "{worst}");
    }

    #[test]
    fn two_channels_come_out_as_they_were_in_original_sound_and_are_refused_else() {
        let dir = tempfile::tempdir().unwrap();
        let near: Vec<f32> = (0..9_802).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
        let (near_file, out) = (dir.path().join("near.wav"), dir.path().join("out.wav"));
        write(&near_file, 2, &near).unwrap();
        let far_file = file(dir.path(), "far.wav", &[0.0; 100]);
        let report = process(&far_file, &near_file, &out, VoiceConfig::ORIGINAL, vec![]).unwrap();
        assert!((report.seconds - 4_901.0 / 48_000.0).abs() < 1e-9);
        let (back, channels) = read(&out, 2).unwrap();
        assert_eq!((back.len(), channels), (near.len(), 2));
        assert!(near.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-3));
        let refused = process(&far_file, &near_file, &out, VoiceConfig::default(), vec![]);
        assert!(matches!(
            refused,
            Err(ProcessError::Format { channels: 2, .. })
        ));
    }

    #[test]
    fn another_rate_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slow.wav");
        let spec = WavSpec {
            sample_rate: 16_000,
            ..WAV
        };
        WavWriter::create(&path, spec).unwrap().finalize().unwrap();
        let out = dir.path().join("out.wav");
        let error = process(&path, &path, &out, VoiceConfig::BYPASS, vec![]).unwrap_err();
        assert!(error.to_string().contains("slow.wav: 16000 Hz"), "{error}");
    }

    #[test]
    fn strong_suppression_without_its_weights_says_so_and_the_standard_one_works() {
        let dir = tempfile::tempdir().unwrap();
        let near = file(dir.path(), "near.wav", &[0.1; 48_000]);
        let out = dir.path().join("out.wav");
        let strong = VoiceConfig {
            learned: true,
            ..VoiceConfig::default()
        };
        let missing = vec![dir.path().join("no weights")];
        let report = process(&near, &near, &out, strong, missing).unwrap();
        assert_eq!(report.noise.fault, Some(NoiseFault::WeightsMissing));
        assert_eq!(report.noise.engine, NoiseEngine::Standard);
    }
}
