//! The log: files of limited size in the platform's place, each line written as it comes, so that a crash loses none.
//! A panic is in it with its trace; a run that ended without goodbye is noticed by the next one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Size at which a file is put aside, bytes, and how many are kept.
const MAX_FILE: u64 = 1 << 20;
const FILES: usize = 5;
const NAME: &str = "confab.log";
const RUNNING: &str = "running";

/// The open log. Clones write to the same file.
#[derive(Clone, Debug)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
    folder: Arc<Path>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    size: u64,
    limit: u64,
    folder: PathBuf,
}

impl Log {
    /// Opens the log in `folder` and goes on at its end.
    pub fn open(folder: &Path) -> io::Result<Log> {
        Log::with_limit(folder, MAX_FILE)
    }

    fn with_limit(folder: &Path, limit: u64) -> io::Result<Log> {
        fs::create_dir_all(folder)?;
        let file = append(&folder.join(NAME))?;
        let size = file.metadata()?.len();
        let inner = Inner {
            file,
            size,
            limit,
            folder: folder.to_owned(),
        };
        Ok(Log {
            inner: Arc::new(Mutex::new(inner)),
            folder: folder.into(),
        })
    }

    /// Sends all tracing of this process, and panics, to the log.
    pub fn install(&self) {
        let filter = EnvFilter::try_from_env("CONFAB_LOG")
            .unwrap_or_else(|_| EnvFilter::new("info,tao=warn,wry=warn,zbus=warn"));
        let done = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(self.clone())
            .try_init();
        if let Err(error) = done {
            let _ = writeln!(io::stderr(), "confab-desktop: no log: {error}");
        }
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let trace = std::backtrace::Backtrace::force_capture();
            tracing::error!(
                thread = thread.name().unwrap_or("?"),
                "panic: {info}\n{trace}"
            );
            before(info);
        }));
    }

    /// Marks the run as going on. True when the run before did not end by itself.
    pub fn begin(&self) -> bool {
        let mark = self.folder.join(RUNNING);
        let crashed = mark.exists();
        let _ = fs::write(mark, std::process::id().to_string());
        crashed
    }

    /// Marks the run as ended.
    pub fn end(&self) {
        let _ = fs::remove_file(self.folder.join(RUNNING));
    }

    /// The files there are, newest first.
    pub fn files(&self) -> Vec<PathBuf> {
        let names =
            std::iter::once(NAME.to_owned()).chain((1..FILES).map(|n| format!("{NAME}.{n}")));
        names
            .map(|n| self.folder.join(n))
            .filter(|p| p.exists())
            .collect()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Inner {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size + bytes.len() as u64 > self.limit && self.size > 0 {
            self.roll()?;
        }
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn roll(&mut self) -> io::Result<()> {
        let name = |n: usize| match n {
            0 => self.folder.join(NAME),
            n => self.folder.join(format!("{NAME}.{n}")),
        };
        for n in (0..FILES - 1).rev() {
            if name(n).exists() {
                fs::rename(name(n), name(n + 1))?;
            }
        }
        self.file = append(&name(0))?;
        self.size = 0;
        Ok(())
    }
}

/// One line on its way.
#[derive(Debug)]
pub struct Line(Log);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.put(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_go_and_new_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::with_limit(folder.path(), 100).unwrap();
        for n in 0..200 {
            writeln!(log.make_writer(), "line {n}").unwrap();
        }
        let files = log.files();
        assert_eq!(files.len(), FILES);
        assert!(files.iter().all(|f| fs::metadata(f).unwrap().len() <= 100));
        assert!(
            fs::read_to_string(&files[0])
                .unwrap()
                .ends_with("line 199\n")
        );
        // A second start goes on where the first ended.
        drop(log);
        let log = Log::with_limit(folder.path(), 1000).unwrap();
        writeln!(log.make_writer(), "again").unwrap();
        assert!(
            fs::read_to_string(&files[0])
                .unwrap()
                .ends_with("line 199\nagain\n")
        );
    }

    #[test]
    fn a_run_without_goodbye_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path()).unwrap();
        assert!(!log.begin());
        assert!(log.begin());
        log.end();
        assert!(!log.begin());
    }
}
