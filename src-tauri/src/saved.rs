//! Files that a page wants saved: into the downloads folder, under a name that is one, beside what is there already.

use crate::ipc::{AppCode, AppReply, ShellCode};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Longest name, characters.
const LONGEST: usize = 120;
/// Files of the same name, `name (2)` and so on.
const MOST: usize = 1000;

/// Saves and says where.
pub fn save(folder: &Path, name: &str, bytes: &[u8]) -> Result<AppReply, AppCode> {
    match write(folder, name, bytes) {
        Ok(path) => Ok(AppReply::File {
            path: path.to_string_lossy().into_owned(),
        }),
        Err(error) => {
            tracing::error!("not saved: {error}");
            Err(ShellCode::File.into())
        }
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let name = plain(name);
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name.as_str(), String::new()),
    };
    for n in 1..=MOST {
        let path = match n {
            1 => folder.join(format!("{stem}{ending}")),
            n => folder.join(format!("{stem} ({n}){ending}")),
        };
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(bytes)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A name without a way in it, that no system takes for something else.
fn plain(name: &str) -> String {
    let good = |c: char| !c.is_control() && !"/\\:*?\"<>|".contains(c);
    let name: String = name.chars().filter(|c| good(*c)).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    // The ending tells what it is: what is too long is cut before it.
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let ending: String = ending.chars().take(10).collect();
    let stem: String = stem.chars().take(LONGEST).collect();
    match (stem.is_empty(), ending.is_empty()) {
        (true, _) => "confab".to_owned(),
        (_, true) => stem,
        _ => format!("{stem}.{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = write(folder.path(), "report.csv", b"1").unwrap();
        let second = write(folder.path(), "report.csv", b"2").unwrap();
        assert_eq!(first, folder.path().join("report.csv"));
        assert_eq!(second, folder.path().join("report (2).csv"));
        assert_eq!(fs::read(first).unwrap(), b"1");
    }

    #[test]
    fn a_name_is_a_name() {
        for (name, expected) in [
            ("../../.bashrc", "bashrc"),
            ("/etc/passwd", "etcpasswd"),
            ("C:\\x.txt", "Cx.txt"),
            ("..", "confab"),
            ("", "confab"),
            ("a\nb.csv", "ab.csv"),
            ("会议.csv", "会议.csv"),
        ] {
            assert_eq!(plain(name), expected, "{name:?}");
        }
        let long = plain(&format!("{}.csv", "x".repeat(500)));
        assert!(long.ends_with(".csv") && long.len() < 130);
    }
}
