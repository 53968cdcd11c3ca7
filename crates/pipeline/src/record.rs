//! Recording what passes a probe into a WAV file, while the meeting runs.

use crate::offline::{WAV, to_i16};
use crate::probe::{ProbePoint, Watching};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::Path;

/// Silence is written for at most this much missed sound at a time; 10 s.
const MOST_MISSED: u64 = 480_000;

/// A WAV (48 kHz mono, 16 bit) that is being written. [`Recording::pump`] has to be called several times a second.
pub struct Recording {
    point: ProbePoint,
    next: u64,
    missed: u64,
    wav: hound::WavWriter<BufWriter<File>>,
    samples: Vec<f32>,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recording")
            .field("point", &self.point)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Recording {
    /// Begins with what passes from now on. A file that exists is never written to.
    pub fn open(path: &Path, watching: &Watching, point: ProbePoint) -> io::Result<Recording> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let wav = hound::WavWriter::new(BufWriter::new(file), WAV).map_err(to_io)?;
        Ok(Recording {
            point,
            next: watching.position(point),
            missed: 0,
            wav,
            samples: Vec::new(),
        })
    }

    /// Writes what passed since the last time. What was missed becomes silence, so that the file keeps its time.
    pub fn pump(&mut self, watching: &Watching) -> io::Result<()> {
        self.samples.clear();
        let read = watching.read(self.point, self.next, &mut self.samples);
        (self.next, self.missed) = (read.next, self.missed + read.missed);
        for _ in 0..read.missed.min(MOST_MISSED) {
            self.wav.write_sample(0i16).map_err(to_io)?;
        }
        for sample in &self.samples {
            self.wav.write_sample(to_i16(*sample)).map_err(to_io)?;
        }
        Ok(())
    }

    /// Samples that passed unseen.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Length so far, in seconds.
    pub fn seconds(&self) -> f64 {
        f64::from(self.wav.duration()) / f64::from(WAV.sample_rate)
    }

    /// Writes the head of the file.
    pub fn finish(self) -> io::Result<()> {
        self.wav.finalize().map_err(to_io)
    }
}

fn to_io(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probes;

    #[test]
    fn a_recording_holds_what_passed_between_its_begin_and_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mic.wav");
        let probes = Probes::default();
        let watching = probes.watch();
        probes.stage("mic", &[0.9; 480]);
        let mut recording = Recording::open(&path, &watching, ProbePoint::Stage(0)).unwrap();
        for _ in 0..5 {
            probes.stage("mic", &[0.5; 480]);
            recording.pump(&watching).unwrap();
        }
        assert_eq!((recording.missed(), recording.seconds()), (0, 0.05));
        recording.finish().unwrap();
        let wav = hound::WavReader::open(&path).unwrap();
        let samples: Vec<i16> = wav.into_samples().map(Result::unwrap).collect();
        assert_eq!(samples, [to_i16(0.5); 2400]);
        assert!(Recording::open(&path, &watching, ProbePoint::Stage(0)).is_err());
    }
}
