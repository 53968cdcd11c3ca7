//! Debugging by tapping: what comes out of any stage can be written to a file. Off unless asked for; then the media
//! threads hand copies to one writer thread, which drops when the disk is too slow.

use crate::probe::Probes;
use confab_picture::{I420, y4m};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Which stages to tap, and where the files go: `<stage>.wav` (48 kHz mono), `<stage>.y4m`, `<stage>.bin`, with the
/// track's name before the dot where several streams pass a stage (`.bin`: 32-bit little-endian length before each unit).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapOptions {
    pub dir: PathBuf,
    /// Names of [`crate::order`]; empty: all.
    pub stages: Vec<String>,
}

enum Piece {
    Audio(Vec<f32>),
    Picture(Arc<I420>),
    Bytes(Vec<u8>),
}

/// A handle for the media threads; costs one comparison while off.
#[derive(Clone, Default)]
pub(crate) struct Taps {
    on: Option<Arc<On>>,
    /// For those who come and go while the stages run.
    pub(crate) probes: Probes,
}

struct On {
    stages: Vec<String>,
    queue: Option<Sender<(String, Piece)>>,
    thread: Option<JoinHandle<()>>,
}

impl Taps {
    pub(crate) fn open(options: Option<&TapOptions>) -> std::io::Result<Taps> {
        let Some(options) = options else {
            return Ok(Taps::default());
        };
        std::fs::create_dir_all(&options.dir)?;
        let (queue, pieces) = bounded(256);
        let dir = options.dir.clone();
        let thread = std::thread::Builder::new()
            .name("taps".to_owned())
            .spawn(move || write(&dir, &pieces))?;
        let on = On {
            stages: options.stages.clone(),
            queue: Some(queue),
            thread: Some(thread),
        };
        Ok(Taps {
            on: Some(Arc::new(on)),
            probes: Probes::default(),
        })
    }

    /// `tag` tells several streams that pass the same stage apart; it goes into the file's name. Empty: there is one.
    pub(crate) fn audio(&self, stage: &str, tag: &str, samples: &[f32]) {
        if tag.is_empty() {
            self.probes.stage(stage, samples);
        }
        self.give(stage, tag, || Piece::Audio(samples.to_vec()));
    }

    pub(crate) fn picture(&self, stage: &str, tag: &str, picture: &Arc<I420>) {
        self.give(stage, tag, || Piece::Picture(picture.clone()));
    }

    pub(crate) fn bytes(&self, stage: &str, tag: &str, bytes: &[u8]) {
        self.give(stage, tag, || Piece::Bytes(bytes.to_vec()));
    }

    fn give(&self, stage: &str, tag: &str, piece: impl FnOnce() -> Piece) {
        let Some(on) = &self.on else { return };
        let wanted = on.stages.is_empty() || on.stages.iter().any(|s| s == stage);
        if wanted && let Some(queue) = &on.queue {
            let name = match tag {
                "" => stage.to_owned(),
                tag => format!("{stage}-{tag}"),
            };
            // A tap must never slow the stage it listens to: a full queue drops the piece.
            let _ = queue.try_send((name, piece()));
        }
    }
}

impl Drop for On {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

enum TapFile {
    Wav(hound::WavWriter<BufWriter<File>>),
    Y4m((usize, usize), y4m::Writer<BufWriter<File>>),
    Bin(BufWriter<File>),
}

type Failure = Box<dyn std::error::Error>;

fn write(dir: &Path, pieces: &Receiver<(String, Piece)>) {
    let mut files: HashMap<String, Option<TapFile>> = HashMap::new();
    for (stage, piece) in pieces {
        let file = files.entry(stage.clone()).or_insert_with(|| {
            open(dir, &stage, &piece)
                .inspect_err(|e| tracing::error!("tap {stage}: {e}"))
                .ok()
        });
        let result = file.as_mut().map_or(Ok(()), |f| f.append(&piece));
        if let Err(error) = result {
            tracing::error!("tap {stage}: {error}");
            *file = None;
        }
    }
    for file in files.into_values().flatten() {
        file.close();
    }
}

fn open(dir: &Path, stage: &str, piece: &Piece) -> Result<TapFile, Failure> {
    let create =
        |suffix: &str| File::create(dir.join(format!("{stage}.{suffix}"))).map(BufWriter::new);
    Ok(match piece {
        Piece::Audio(_) => {
            TapFile::Wav(hound::WavWriter::new(create("wav")?, crate::offline::WAV)?)
        }
        Piece::Picture(p) => {
            let writer = y4m::Writer::new(create("y4m")?, p.size(), (30, 1))?;
            TapFile::Y4m(p.size(), writer)
        }
        Piece::Bytes(_) => TapFile::Bin(create("bin")?),
    })
}

impl TapFile {
    fn append(&mut self, piece: &Piece) -> Result<(), Failure> {
        match (self, piece) {
            (TapFile::Wav(wav), Piece::Audio(samples)) => {
                for sample in samples {
                    wav.write_sample(crate::offline::to_i16(*sample))?;
                }
            }
            (TapFile::Y4m(size, y4m), Piece::Picture(p)) if p.size() == *size => y4m.write(p)?,
            (TapFile::Y4m(size, y4m), Piece::Picture(p)) => y4m.write(&p.fit(size.0, size.1))?,
            (TapFile::Bin(file), Piece::Bytes(bytes)) => {
                file.write_all(&(bytes.len() as u32).to_le_bytes())?;
                file.write_all(bytes)?;
            }
            // A stage gives one kind of thing.
            _ => {}
        }
        Ok(())
    }

    fn close(self) {
        let result: Result<(), Failure> = match self {
            TapFile::Wav(wav) => wav.finalize().map_err(Into::into),
            TapFile::Y4m(_, mut y4m) => y4m.flush().map_err(Into::into),
            TapFile::Bin(mut file) => file.flush().map_err(Into::into),
        };
        if let Err(error) = result {
            tracing::error!("closing a tap: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wanted_stages_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let options = TapOptions {
            dir: dir.path().to_owned(),
            stages: vec!["mix".to_owned()],
        };
        let taps = Taps::open(Some(&options)).unwrap();
        taps.audio("mix", "", &[0.5; 480]);
        taps.audio("mic", "p1", &[0.5; 480]);
        drop(taps);
        let wav = hound::WavReader::open(dir.path().join("mix.wav")).unwrap();
        assert_eq!(wav.duration(), 480);
        assert!(!dir.path().join("mic-p1.wav").exists());
    }
}
