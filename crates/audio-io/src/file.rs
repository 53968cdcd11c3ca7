//! WAV files as microphone and speaker.

use crate::convert::ToOurs;
use crate::fake::Pacer;
use crate::sides::{frame_of, mean, rechannel, sides, spread};
use crate::{DeviceEvent, FRAME, Frame, Microphone, OpenError, SAMPLE_RATE, Speaker, StereoFrame};
use crossbeam_channel::{Sender, bounded};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::thread::JoinHandle;

/// Reads a file at the pace of a device, in pieces: a recording of hours costs no memory.
pub struct FileMicrophone {
    reader: WavReader<BufReader<File>>,
    converter: ToOurs,
    /// Sides that are read: one, mixed, or both.
    sides: usize,
    looped: bool,
    ended: bool,
    told: bool,
    ready: Vec<f32>,
    piece: Vec<f32>,
    pacer: Pacer,
}

impl FileMicrophone {
    pub fn open(path: &Path, looped: bool) -> Result<FileMicrophone, OpenError> {
        let reader = WavReader::open(path)?;
        let spec = reader.spec();
        if spec.channels == 0 || spec.channels > 32 {
            return Err(OpenError::Format);
        }
        Ok(FileMicrophone {
            converter: ToOurs::new(spec.sample_rate, 1)?,
            sides: 1,
            // An empty file can't be looped: it would be read for ever.
            looped: looped && reader.duration() > 0,
            ended: false,
            told: false,
            ready: Vec::new(),
            piece: Vec::new(),
            pacer: Pacer::default(),
            reader,
        })
    }

    /// Makes another 10 ms or so of the file ready; at its end, starts over or ends.
    fn fill(&mut self) {
        let spec = self.reader.spec();
        let channels = usize::from(spec.channels);
        let wanted = (spec.sample_rate / 100).max(1) as usize * channels;
        self.piece.clear();
        match spec.sample_format {
            SampleFormat::Float => self.piece.extend(
                self.reader
                    .samples::<f32>()
                    .take(wanted)
                    .map_while(Result::ok),
            ),
            SampleFormat::Int => {
                let scale = 1.0 / (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
                self.piece.extend(
                    self.reader
                        .samples::<i32>()
                        .take(wanted)
                        .map_while(Result::ok)
                        .map(|s| s as f32 * scale),
                );
            }
        }
        let short = self.piece.len() < wanted;
        self.mix(channels);
        self.converter.process(&self.piece, &mut self.ready);
        if short {
            // A damaged file ends where it can't be read any further.
            self.ended = !(self.looped && self.reader.seek(0).is_ok());
            if self.ended {
                // Push out what the converter still holds.
                self.piece.clear();
                self.piece.resize(wanted / channels * self.sides, 0.0);
                self.converter.process(&self.piece, &mut self.ready);
            }
        }
    }

    /// Turns the piece's channels into the sides that are read.
    fn mix(&mut self, channels: usize) {
        let frames = self.piece.len() / channels;
        if self.sides == 2 {
            let moments = self.piece.chunks_exact(channels);
            self.piece = moments
                .flat_map(|moment| sides(channels, moment.iter().copied()))
                .collect();
            return;
        }
        for i in 0..frames {
            self.piece[i] = self.piece[i * channels..(i + 1) * channels]
                .iter()
                .sum::<f32>()
                / channels as f32;
        }
        self.piece.truncate(frames);
    }

    /// Gives one side or both from now on.
    fn set_sides(&mut self, sides: usize) {
        if self.sides == sides {
            return;
        }
        let rate = self.reader.spec().sample_rate;
        if let Ok(converter) = ToOurs::new(rate, sides) {
            rechannel(&mut self.ready, self.sides, sides);
            (self.sides, self.converter) = (sides, converter);
        }
    }

    /// The next 10 ms of the sides that are read.
    fn next(&mut self, frame: &mut [f32]) {
        self.pacer.wait();
        while self.ready.len() < frame_of(self.sides) && !self.ended {
            self.fill();
        }
        let there = self.ready.len().min(frame.len());
        frame[..there].copy_from_slice(&self.ready[..there]);
        frame[there..].fill(0.0);
        self.ready.drain(..there);
    }
}

impl Microphone for FileMicrophone {
    fn read(&mut self, frame: &mut Frame) {
        self.set_sides(1);
        self.next(frame);
    }

    fn read_stereo(&mut self, frame: &mut StereoFrame) -> usize {
        self.set_sides(2);
        self.next(frame);
        usize::from(self.reader.spec().channels).min(2)
    }

    fn poll_event(&mut self) -> Option<DeviceEvent> {
        let news = self.ended && !self.told;
        self.told |= news;
        news.then_some(DeviceEvent::Ended)
    }
}

/// Writes what is played. A thread of its own does the writing: a slow disk must not hold up a voice. When it is two seconds
/// behind, frames are dropped.
pub struct FileSpeaker {
    channels: u16,
    /// Both sides the same where there is one channel.
    frames: Option<Sender<StereoFrame>>,
    thread: Option<JoinHandle<()>>,
}

impl FileSpeaker {
    /// `channels`: 1 or 2.
    pub fn create(path: &Path, channels: u16) -> Result<FileSpeaker, OpenError> {
        let spec = WavSpec {
            channels,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(path, spec)?;
        // A reader finds a valid, empty file from the first moment.
        writer.flush()?;
        let (frames, queue) = bounded::<StereoFrame>(200);
        let work = move || {
            if let Err(error) =
                write_all(&mut writer, queue.iter()).and_then(|()| writer.finalize())
            {
                tracing::error!("speaker file: {error}");
            }
        };
        let thread = std::thread::Builder::new()
            .name("speaker-file".into())
            .spawn(work)
            .map_err(OpenError::Thread)?;
        Ok(FileSpeaker {
            channels,
            frames: Some(frames),
            thread: Some(thread),
        })
    }
}

fn write_all(
    writer: &mut WavWriter<BufWriter<File>>,
    frames: impl Iterator<Item = StereoFrame>,
) -> Result<(), hound::Error> {
    let step = 2 / usize::from(writer.spec().channels.clamp(1, 2));
    for (i, frame) in frames.enumerate() {
        for sample in frame.iter().step_by(step) {
            writer.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
        }
        if i % 50 == 49 {
            // Also writes the length into the header: what a killed process leaves is readable.
            writer.flush()?;
        }
    }
    Ok(())
}

impl Speaker for FileSpeaker {
    fn write(&mut self, frame: &Frame) {
        let mut both = [0.0; 2 * FRAME];
        spread(frame, &mut both);
        if let Some(frames) = &self.frames {
            let _ = frames.try_send(both);
        }
    }

    fn write_stereo(&mut self, frame: &StereoFrame) {
        if self.channels == 1 {
            self.write(&mean(frame));
        } else if let Some(frames) = &self.frames {
            let _ = frames.try_send(*frame);
        }
    }
}

impl Drop for FileSpeaker {
    fn drop(&mut self) {
        self.frames = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone_file(path: &Path, rate: u32, channels: u16, seconds: f32) {
        let spec = WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = WavWriter::create(path, spec).unwrap();
        for i in 0..(rate as f32 * seconds) as u32 {
            let sample = (i as f32 / rate as f32 * 500.0 * std::f32::consts::TAU).sin() * 16_000.0;
            (0..channels).for_each(|_| writer.write_sample(sample as i16).unwrap());
        }
        writer.finalize().unwrap();
    }

    fn crossings(samples: &[f32]) -> usize {
        samples
            .windows(2)
            .filter(|w| w[0] <= 0.0 && w[1] > 0.0)
            .count()
    }

    fn read(microphone: &mut dyn Microphone, frames: usize) -> Vec<f32> {
        let mut frame = [0.0; FRAME];
        (0..frames)
            .flat_map(|_| {
                microphone.read(&mut frame);
                frame
            })
            .collect()
    }

    #[test]
    fn a_stereo_file_at_another_rate_is_heard_as_mono_at_48_khz_and_then_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        tone_file(&path, 44_100, 2, 0.3);
        let mut microphone = FileMicrophone::open(&path, false).unwrap();
        let heard = read(&mut microphone, 40);
        let found = crossings(&heard[960..9_600]);
        assert!(
            (89..=91).contains(&found),
            "{found} periods of 500 Hz in 0.18 s"
        );
        assert!(heard[17_000..].iter().all(|s| *s == 0.0));
        assert_eq!(microphone.poll_event(), Some(DeviceEvent::Ended));
        assert_eq!(microphone.poll_event(), None);
    }

    #[test]
    fn a_looped_file_does_not_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        tone_file(&path, 16_000, 1, 0.05);
        let mut microphone = FileMicrophone::open(&path, true).unwrap();
        let heard = read(&mut microphone, 30);
        assert!(heard[12_000..].iter().any(|s| s.abs() > 0.3));
    }

    #[test]
    fn the_speaker_file_can_be_read_while_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let mut speaker = FileSpeaker::create(&path, 1).unwrap();
        assert_eq!(WavReader::open(&path).unwrap().duration(), 0);
        (0..60).for_each(|_| speaker.write(&[0.5; FRAME]));
        drop(speaker);
        let mut reader = WavReader::open(&path).unwrap();
        assert_eq!(reader.duration(), 60 * 480);
        assert!(
            reader
                .samples::<i16>()
                .all(|s| (16_383..=16_384).contains(&s.unwrap()))
        );
    }

    #[test]
    fn what_is_no_wav_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        std::fs::write(&path, b"RIFF....WAVEjunk").unwrap();
        assert!(matches!(
            FileMicrophone::open(&path, true),
            Err(OpenError::File(_))
        ));
    }

    #[test]
    fn a_stereo_file_keeps_its_sides_where_both_are_read_and_a_mono_one_has_two_alike() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let mut speaker = FileSpeaker::create(&path, 2).unwrap();
        let both: StereoFrame = std::array::from_fn(|i| if i % 2 == 0 { 0.5 } else { -0.25 });
        (0..20).for_each(|_| speaker.write_stereo(&both));
        drop(speaker);
        let mut microphone = FileMicrophone::open(&path, false).unwrap();
        let (mut frame, mut mono) = ([0.0; 2 * FRAME], [0.0; FRAME]);
        assert_eq!(microphone.read_stereo(&mut frame), 2);
        assert!(frame.iter().zip(&both).all(|(a, b)| (a - b).abs() < 1e-4));
        microphone.read(&mut mono);
        assert!(mono.iter().all(|s| (s - 0.125).abs() < 1e-4));
        assert_eq!(microphone.read_stereo(&mut frame), 2);
        assert!(frame.iter().zip(&both).all(|(a, b)| (a - b).abs() < 1e-4));
        tone_file(&path, 44_100, 1, 0.2);
        let mut microphone = FileMicrophone::open(&path, false).unwrap();
        assert_eq!(microphone.read_stereo(&mut frame), 1);
        assert_eq!(microphone.read_stereo(&mut frame), 1);
        assert!(frame.chunks_exact(2).all(|pair| pair[0] == pair[1]));
        assert!(frame.iter().any(|s| s.abs() > 0.3));
    }

    #[test]
    fn a_mono_file_gets_the_mean_of_both_sides() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let mut speaker = FileSpeaker::create(&path, 1).unwrap();
        let both: StereoFrame = std::array::from_fn(|i| if i % 2 == 0 { 0.5 } else { 0.0 });
        speaker.write_stereo(&both);
        drop(speaker);
        let mut reader = WavReader::open(&path).unwrap();
        assert_eq!((reader.spec().channels, reader.duration()), (1, 480));
        assert!(reader.samples::<i16>().all(|s| s.unwrap() == 8_192));
    }
}
