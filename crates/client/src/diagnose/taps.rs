//! Recordings of stages into the participant's own folder. A visitor names a stage, never a file.

use super::words::{FailCode, TapInfo};
use confab_pipeline::{ProbePoint, Recording, Watching};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Recordings at a time.
const MOST: usize = 8;
/// The longest one: an hour of 48 kHz mono is 346 MB. It ends by itself.
const LONGEST_SECONDS: f64 = 3600.0;

/// All recordings that run.
#[derive(Debug)]
pub(crate) struct Recordings {
    folder: Option<PathBuf>,
    open: BTreeMap<String, Open>,
}

#[derive(Debug)]
struct Open {
    /// Who began it; it ends with their visit.
    visitor: u64,
    file: String,
    recording: Recording,
}

impl Recordings {
    pub(crate) fn new(folder: Option<PathBuf>) -> Recordings {
        Recordings {
            folder,
            open: BTreeMap::new(),
        }
    }

    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Begins to record, and gives the file's name. `stage` is a name the participant made.
    pub(crate) fn begin(
        &mut self,
        visitor: u64,
        stage: &str,
        point: ProbePoint,
        watching: &Watching,
    ) -> Result<String, FailCode> {
        let folder = self.folder.as_ref().ok_or(FailCode::NoFolder)?;
        match self.open.get(stage) {
            Some(open) if open.visitor == visitor => return Ok(open.file.clone()),
            Some(_) => return Err(FailCode::Taken),
            None if self.open.len() >= MOST => return Err(FailCode::TooMany),
            None => {}
        }
        let opened = create(folder, stage, |path| Recording::open(path, watching, point));
        let (file, recording) = opened.map_err(|error| {
            tracing::error!("recording {stage} into {}: {error}", folder.display());
            FailCode::FileFailed
        })?;
        let open = Open {
            visitor,
            file: file.clone(),
            recording,
        };
        self.open.insert(stage.to_owned(), open);
        Ok(file)
    }

    /// Ends a recording this visitor began, and gives the file's name.
    pub(crate) fn end(&mut self, visitor: u64, stage: &str) -> Result<Option<String>, FailCode> {
        match self.open.get(stage) {
            None => return Ok(None),
            Some(open) if open.visitor != visitor => return Err(FailCode::Taken),
            Some(_) => {}
        }
        let Some(open) = self.open.remove(stage) else {
            return Ok(None);
        };
        let file = open.file.clone();
        match open.recording.finish() {
            Ok(()) => Ok(Some(file)),
            Err(error) => {
                tracing::error!("recording {file}: {error}");
                Err(FailCode::FileFailed)
            }
        }
    }

    /// The visitor is gone.
    pub(crate) fn end_all_of(&mut self, visitor: u64) {
        let of = |open: &Open| open.visitor == visitor;
        let stages: Vec<String> = self
            .open
            .iter()
            .filter(|(_, open)| of(open))
            .map(|(stage, _)| stage.clone())
            .collect();
        for stage in stages {
            let _ = self.end(visitor, &stage);
        }
    }

    /// The pipeline they listened to is another one.
    pub(crate) fn end_all(&mut self) {
        let all: Vec<(String, u64)> = self
            .open
            .iter()
            .map(|(s, o)| (s.clone(), o.visitor))
            .collect();
        for (stage, visitor) in all {
            let _ = self.end(visitor, &stage);
        }
    }

    /// Writes what passed.
    pub(crate) fn pump(&mut self, watching: &Watching) {
        let mut over = Vec::new();
        for (stage, open) in &mut self.open {
            let written = open.recording.pump(watching);
            if let Err(error) = &written {
                tracing::error!("recording {}: {error}", open.file);
            }
            if written.is_err() || open.recording.seconds() >= LONGEST_SECONDS {
                over.push((stage.clone(), open.visitor));
            }
        }
        for (stage, visitor) in over {
            let _ = self.end(visitor, &stage);
        }
    }

    pub(crate) fn info(&self, stage: &str) -> Option<TapInfo> {
        let open = self.open.get(stage)?;
        Some(TapInfo {
            file: open.file.clone(),
            seconds: (open.recording.seconds() * 10.0).round() / 10.0,
            missed: open.recording.missed() as f64 / 48_000.0,
        })
    }
}

/// `<stage>-<seconds since 1970>.wav`, with a number behind it where there is one already.
fn create<T>(
    folder: &Path,
    stage: &str,
    open: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(String, T)> {
    std::fs::create_dir_all(folder)?;
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in 1..100 {
        let name = match number {
            1 => format!("{stage}-{}.wav", since.as_secs()),
            n => format!("{stage}-{}-{n}.wav", since.as_secs()),
        };
        match open(&folder.join(&name)) {
            Ok(recording) => return Ok((name, recording)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_pipeline::Probes;

    const POINT: ProbePoint = ProbePoint::Stage(0);

    #[test]
    fn a_recording_belongs_to_who_began_it_and_ends_with_their_visit() {
        let dir = tempfile::tempdir().unwrap();
        let watching = Probes::default().watch();
        let mut recordings = Recordings::new(Some(dir.path().join("taps")));
        let file = recordings.begin(1, "mic", POINT, &watching).unwrap();
        assert_eq!(
            recordings.begin(1, "mic", POINT, &watching),
            Ok(file.clone())
        );
        assert_eq!(
            recordings.begin(2, "mic", POINT, &watching),
            Err(FailCode::Taken)
        );
        assert_eq!(recordings.end(2, "mic"), Err(FailCode::Taken));
        recordings.end_all_of(1);
        assert!(recordings.info("mic").is_none());
        assert!(dir.path().join("taps").join(file).exists());
    }

    #[test]
    fn files_are_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let watching = Probes::default().watch();
        let mut recordings = Recordings::new(Some(dir.path().to_owned()));
        for _ in 0..3 {
            recordings.begin(1, "mic", POINT, &watching).unwrap();
            recordings.end(1, "mic").unwrap();
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn without_a_folder_and_beyond_the_most_nothing_is_recorded() {
        let watching = Probes::default().watch();
        let mut none = Recordings::new(None);
        assert_eq!(
            none.begin(1, "mic", POINT, &watching),
            Err(FailCode::NoFolder)
        );
        let dir = tempfile::tempdir().unwrap();
        let mut some = Recordings::new(Some(dir.path().to_owned()));
        for n in 0..MOST {
            some.begin(1, &format!("s{n}"), POINT, &watching).unwrap();
        }
        assert_eq!(
            some.begin(1, "mic", POINT, &watching),
            Err(FailCode::TooMany)
        );
    }
}
