//! Files in the chat: what is said of them, and names that are safe on every system.

use crate::MAX_FILE_NAME;
use crate::parse::is_seen;
use confab_base::FileId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A file of a chat message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SharedFile {
    pub id: FileId,
    /// As [`clean_file_name`] leaves it.
    pub name: String,
    /// Bytes.
    #[ts(type = "number")]
    pub size: u64,
    pub kind: FileKind,
    /// Somebody took it out: it can't be had any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(as = "Option<bool>", optional)]
    pub removed: bool,
}

/// What a file seems to be by its name, for a symbol beside it. Trusted for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    Image,
    Sound,
    Video,
    Document,
    Archive,
    Other,
}

impl FileKind {
    pub fn of(name: &str) -> FileKind {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending.to_ascii_lowercase().as_str() {
            "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "heic" | "bmp" | "svg" => {
                FileKind::Image
            }
            "mp3" | "ogg" | "opus" | "wav" | "flac" | "m4a" | "aac" => FileKind::Sound,
            "mp4" | "webm" | "mkv" | "mov" | "avi" => FileKind::Video,
            "pdf" | "txt" | "md" | "csv" | "doc" | "docx" | "odt" | "xls" | "xlsx" | "ods"
            | "ppt" | "pptx" | "odp" | "rtf" => FileKind::Document,
            "zip" | "gz" | "tar" | "tgz" | "7z" | "xz" | "bz2" | "zst" | "rar" => FileKind::Archive,
            _ => FileKind::Other,
        }
    }
}

/// What may be uploaded to a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileLimits {
    /// Of one file, bytes; 0: no files are taken here.
    #[ts(type = "number")]
    pub max_file: u64,
    /// Of all files of the meeting together, bytes, and what they take now.
    #[ts(type = "number")]
    pub max_meeting: u64,
    #[ts(type = "number")]
    pub used: u64,
    /// Days until a file is deleted.
    pub keep_days: u32,
}

/// Longest ending that a name keeps when it is cut, with its dot, characters.
const MAX_ENDING: usize = 16;

/// A name to show and to save under: the last part of a path, in one line, without what is not seen or means something to a file
/// system, 1 to [`MAX_FILE_NAME`] characters. `None`: nothing of it is left.
pub fn clean_file_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = last.chars().filter(|c| is_seen(*c)).map(|c| match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' => '_',
        c if c.is_whitespace() => ' ',
        c => c,
    });
    let plain: String = plain.collect();
    // Windows drops blanks and dots at the end; a dot in front hides a file.
    let plain = plain.trim().trim_start_matches(['.', ' ']);
    let plain = plain.trim_end_matches(['.', ' ']);
    if plain.is_empty() {
        return None;
    }
    let plain = match is_device(plain) {
        true => format!("_{plain}"),
        false => plain.to_owned(),
    };
    Some(shortened(&plain))
}

/// Whether Windows takes it for a device, whatever follows the first dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_uppercase();
    let numbered = |kind: &str| {
        let number = stem.strip_prefix(kind);
        number.is_some_and(|n| matches!(n.as_bytes(), [b'0'..=b'9']))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

/// Cut in the middle, so that the ending stays.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= MAX_FILE_NAME {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |dot| &name[dot..]);
    let ending = match ending.chars().count() {
        n if n <= MAX_ENDING => ending,
        _ => "",
    };
    let kept = MAX_FILE_NAME - ending.chars().count();
    let stem: String = name.chars().take(kept).collect();
    format!("{}{ending}", stem.trim_end_matches(['.', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_are_paths_devices_or_tricks_become_plain() {
        for (name, clean) in [
            ("plan.pdf", "plan.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\autoexec.bat", "autoexec.bat"),
            ("C:\\Users\\ada\\plan.pdf", "plan.pdf"),
            (".bashrc", "bashrc"),
            ("NUL.txt", "_NUL.txt"),
            ("com1", "_com1"),
            ("comma.txt", "comma.txt"),
            ("report.txt. . .", "report.txt"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie_ x"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            (
                "<img src=x onerror=alert(1)>.png",
                "_img src=x onerror=alert(1)_.png",
            ),
            ("会议纪要.docx", "会议纪要.docx"),
        ] {
            assert_eq!(clean_file_name(name).as_deref(), Some(clean), "{name:?}");
        }
        for nothing in ["", "..", "/", "a/..", " . ", "\u{200b}", "\0"] {
            assert_eq!(clean_file_name(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let clean = clean_file_name(&format!("{}.tar.gz", "x".repeat(500))).unwrap();
        assert_eq!(clean.chars().count(), MAX_FILE_NAME);
        assert!(clean.ends_with("x.gz"), "{clean}");
        let odd = clean_file_name(&format!("a.{}", "y".repeat(500))).unwrap();
        assert_eq!(odd.chars().count(), MAX_FILE_NAME);
    }

    #[test]
    fn the_kind_is_told_by_the_last_ending() {
        assert_eq!(FileKind::of("a.PNG"), FileKind::Image);
        assert_eq!(FileKind::of("a.png.exe"), FileKind::Other);
        assert_eq!(FileKind::of("png"), FileKind::Other);
    }

    proptest! {
        #[test]
        fn whatever_comes_the_name_is_safe_and_stays_as_it_is(name in "\\PC{0,300}|[./\\\\ a-z\u{202e}\0]{0,20}") {
            if let Some(clean) = clean_file_name(&name) {
                prop_assert!((1..=MAX_FILE_NAME).contains(&clean.chars().count()));
                prop_assert!(!clean.contains(['/', '\\', '\0', '\n', '"']));
                prop_assert!(!clean.starts_with('.') && !clean.ends_with(['.', ' ']));
                prop_assert_eq!(clean_file_name(&clean), Some(clean.clone()));
            }
        }
    }
}
