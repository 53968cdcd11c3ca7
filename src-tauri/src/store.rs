//! Small files that survive a crash: written beside and renamed, with a version, and never silently thrown away.

use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file of ours is never larger, bytes.
const MAX_FILE: u64 = 2 << 20;
/// The form of the files written here.
pub const VERSION: u64 = 1;

/// What was found where a file should be.
#[derive(Debug, PartialEq)]
pub enum Found {
    Nothing,
    /// The content, whatever its fields are worth.
    Content(Map<String, Value>),
    /// Not readable as such a file; why.
    Broken(String),
}

/// Reads a file written by [`write`]. Later versions are read too: fields this version does not know are the reader's to skip.
pub fn read(path: &Path) -> Found {
    let mut text = String::new();
    match File::open(path).and_then(|f| f.take(MAX_FILE + 1).read_to_string(&mut text)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Found::Nothing,
        Err(e) => return Found::Broken(e.to_string()),
        Ok(_) if text.len() as u64 > MAX_FILE => return Found::Broken("too large".into()),
        Ok(_) => {}
    }
    parse(&text)
}

fn parse(text: &str) -> Found {
    match serde_json::from_str::<Value>(text) {
        Err(e) => Found::Broken(e.to_string()),
        Ok(Value::Object(mut file)) => match (file.remove("version"), file.remove("content")) {
            (Some(Value::Number(_)), Some(Value::Object(content))) => Found::Content(content),
            _ => Found::Broken("no version or no content".into()),
        },
        Ok(_) => Found::Broken("no object".into()),
    }
}

/// Writes the content so that after a crash either the old or the new file is there, whole. Readable by the user only.
pub fn write(path: &Path, content: &Value) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let text = serde_json::to_string_pretty(&json!({ "version": VERSION, "content": content }))?;
    let beside = beside(path, "new");
    let mut file = private(&beside)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    drop(file);
    fs::rename(&beside, path)
}

/// Keeps a copy of a file that could not be used, as `<name>.broken`, and says where. An older copy is overwritten.
pub fn keep_copy(path: &Path) -> io::Result<PathBuf> {
    let copy = beside(path, "broken");
    fs::copy(path, &copy)?;
    Ok(copy)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// The profile folder is the user's own on other systems.
#[cfg(not(unix))]
fn private(path: &Path) -> io::Result<File> {
    File::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.json");
        assert_eq!(read(&path), Found::Nothing);
        let content = json!({ "x": [1, 2, { "y": "ä" }] });
        write(&path, &content).unwrap();
        write(&path, &content).unwrap();
        assert_eq!(
            read(&path),
            Found::Content(content.as_object().unwrap().clone())
        );
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.json");
        write(&path, &json!({})).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_broken_file_is_told_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.json");
        fs::write(&path, b"{\"version\": 1, \"content\": {\"na").unwrap();
        assert!(matches!(read(&path), Found::Broken(_)));
        let copy = keep_copy(&path).unwrap();
        assert_eq!(fs::read(copy).unwrap(), fs::read(&path).unwrap());
    }

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.json");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path), Found::Broken(_)));
        assert!(matches!(read(folder.path()), Found::Broken(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_bytes_are_read_or_told_broken(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let _ = parse(&String::from_utf8_lossy(&bytes));
            let good = json!({ "version": 1, "content": { "theme": "dark", "shortcuts": { "a": [1, 2, 3] } } }).to_string();
            let _ = parse(good.get(..cut).unwrap_or(&good));
        }
    }
}
