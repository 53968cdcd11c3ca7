//! All that a server keeps in one file, made while it runs, and put back on an empty machine.
//!
//! The file is a tar archive, so every system can look into it: `confab.sqlite`, a copy of the database as of one moment;
//! `files/<id>`, the bytes of shared files, also those that lie in a bucket; `data/…`, everything else of the data directory, such as
//! certificates and keys; and last `manifest.json` ([`Manifest`]) with the SHA-256 of each. **It holds all secrets of the server.**

mod archive;
mod make;
mod restore;

pub use make::{Made, backup};
pub use restore::{Restored, restore};

use crate::config::Config;
use crate::files::FilesSetupError;
use crate::store::StoreError;
use confab_protocol::FileId;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Of the archive's form; another one is refused.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "confab.sqlite";
const FILES: &str = "files/";
const REST: &str = "data/";
/// Files of the data directory that belong to a running server alone.
const RUNNING: [&str; 4] = [
    "confab.sqlite",
    "confab.sqlite-wal",
    "confab.sqlite-shm",
    "confab.lock",
];
/// Bytes of a manifest: enough for some hundred thousand members.
const MOST_MANIFEST: u64 = 64 << 20;

/// What is in a backup. Last in the archive, so that it is written in one go.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// Version of the program that made it.
    program: String,
    /// The number of the database's newest migration.
    schema: i64,
    /// Milliseconds since 1970.
    made_at: u64,
    members: Vec<Member>,
    /// Keys of the configuration that name files elsewhere, which are not in it.
    outside: Vec<Outside>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    name: String,
    /// Bytes.
    size: u64,
    /// Hex.
    sha256: String,
}

/// A file that the configuration names outside the data directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    pub key: String,
    pub path: PathBuf,
}

/// Why there is no backup, or nothing was restored. The text begins with a word for programs, which stays the same.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("backup_exists: {0} is there already")]
    Exists(PathBuf),
    #[error("no_database: there is no confab.sqlite in {0}")]
    NoDatabase(PathBuf),
    #[error("not_empty: {0} is not empty; a backup is restored into an empty data directory only")]
    NotEmpty(PathBuf),
    #[error("backup_damaged: {0}; nothing was changed")]
    Damaged(String),
    #[error("backup_format: the backup is of form {0}, this program knows form {FORMAT}")]
    Format(u32),
    #[error("file_changed: {0} became shorter while it was read; try again")]
    Changed(String),
    /// Says its own word where the tables are of a newer program.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(#[from] FilesSetupError),
    #[error("io: {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

impl BackupError {
    /// For traces: a word of few.
    fn kind(&self) -> &'static str {
        match self {
            BackupError::Exists(_) => "backup_exists",
            BackupError::NoDatabase(_) => "no_database",
            BackupError::Changed(_) => "file_changed",
            BackupError::Store(_) => "store",
            BackupError::Files(_) => "files",
            BackupError::Io { .. } => "io",
            BackupError::NotEmpty(_) | BackupError::Damaged(_) | BackupError::Format(_) => "backup",
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::Io { path, source }
}

/// What a member's name says it is. Names that are none of these are not restored anywhere.
enum Kind {
    Manifest,
    Database,
    File(FileId),
    Rest(PathBuf),
}

impl Kind {
    fn of(name: &str) -> Option<Kind> {
        match name {
            MANIFEST => return Some(Kind::Manifest),
            DATABASE => return Some(Kind::Database),
            _ => {}
        }
        if let Some(id) = name.strip_prefix(FILES) {
            return FileId::parse(id).map(Kind::File);
        }
        let rest = PathBuf::from(name.strip_prefix(REST)?);
        let plain = rest.components().all(|c| matches!(c, Component::Normal(_)));
        let first = rest.components().next()?;
        let first = first.as_os_str().to_str()?;
        let ours = RUNNING.contains(&first) || first == "files" || first.starts_with('.');
        (plain && !ours).then_some(Kind::Rest(rest))
    }
}

/// Files that the configuration names and that are not in the data directory. `file`: the configuration itself.
fn outside(config: &Config, file: Option<&Path>) -> Vec<Outside> {
    let named = [
        ("the configuration", file),
        ("tls.cert", config.tls.cert.as_deref()),
        ("tls.key", config.tls.key.as_deref()),
        (
            "oidc.client_secret_file",
            config.oidc.client_secret_file.as_deref(),
        ),
        ("oidc.ca", config.oidc.ca.as_deref()),
        ("mail.password_file", config.mail.password_file.as_deref()),
        ("mail.ca", config.mail.ca.as_deref()),
        ("caldav.ca", config.caldav.ca.as_deref()),
        (
            "files.s3.secret_key_file",
            config.files.s3.secret_key_file.as_deref(),
        ),
        ("files.s3.ca", config.files.s3.ca.as_deref()),
    ];
    let named = named
        .into_iter()
        .filter_map(|(key, path)| Some((key, path?)));
    let away = named.filter(|(_, path)| !path.starts_with(&config.data_dir));
    let outside = |(key, path): (&str, &Path)| Outside {
        key: key.to_owned(),
        path: path.to_owned(),
    };
    away.map(outside).collect()
}

#[cfg(test)]
mod tests;
