//! Making a backup, beside a server that runs.

use super::archive::Archive;
use super::{BackupError, DATABASE, FILES, FORMAT, Manifest, Outside, REST, RUNNING, at, outside};
use crate::clock::wall_ms;
use crate::config::Config;
use crate::files::place;
use crate::store::{Copied, Database};
use crate::traces::{Context, Span, SpanKind, Traces};
use bytes::Bytes;
use confab_protocol::FileId;
use futures_util::{Stream, stream};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

const PIECE: usize = 256 * 1024;
/// Folders in folders of the data directory.
const DEEPEST: usize = 8;

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// Bytes of the archive.
    pub size: u64,
    /// Shared files in it.
    pub files: usize,
    /// What the configuration names elsewhere, and so is not in it.
    pub outside: Vec<Outside>,
    /// Ids of shared files that were deleted while it was made.
    pub gone: Vec<String>,
    /// Ids of shared files whose bytes are no longer those that were uploaded; they are in it as they are.
    pub changed: Vec<String>,
}

/// Writes all that the server of `config` keeps to `to`, which must not be there yet. A server may run on it meanwhile. Next to `to`
/// there has to be room for the database once more. `config_file` is only to be named among what is not in the backup.
pub async fn backup(
    config: &Config,
    config_file: Option<&Path>,
    to: &Path,
) -> Result<Made, BackupError> {
    let traces = Traces::start(&config.traces, &Arc::default());
    let mut span = traces.span_in("backup", SpanKind::Internal, &Context::new());
    let made = make(config, config_file, to, (&traces, &span)).await;
    match &made {
        Ok(made) => {
            span.set("confab.backup.bytes", made.size);
            span.set("confab.backup.files", made.files);
        }
        Err(error) => span.failed(error.kind()),
    }
    drop(span);
    traces.shutdown().await;
    made
}

async fn make(
    config: &Config,
    config_file: Option<&Path>,
    to: &Path,
    (traces, span): (&Traces, &Span),
) -> Result<Made, BackupError> {
    let part = |name| traces.span_in(name, SpanKind::Internal, &span.context());
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    if config.database.is_none() && !config.data_dir.join(DATABASE).is_file() {
        return Err(BackupError::NoDatabase(config.data_dir.clone()));
    }
    // Beside it, so that it is one step from there to its name.
    let folder = match to.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let work = folder.join(format!(".confab-backup-{}", crate::secrets::fresh_secret()));
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&work).map_err(at(&work))?;
    let work = Work(work);
    let copy = work.0.join("copy.sqlite");
    let copying = part("backup database");
    let copied = Database::copy(config, &copy).await?;
    drop(copying);
    let archive = work.0.join("archive.tar");
    let packing = part("backup archive");
    let made = pack(config, config_file, &copied, &copy, &archive).await?;
    drop(packing);
    // Not by rename, which would take the place of a file that has come there meanwhile.
    let named = std::fs::hard_link(&archive, to).or_else(|error| match to.exists() {
        true => Err(error),
        false => std::fs::rename(&archive, to),
    });
    named.map_err(at(to))?;
    Ok(made)
}

/// A folder that goes when the work is done, or given up.
struct Work(PathBuf);

impl Drop for Work {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn pack(
    config: &Config,
    config_file: Option<&Path>,
    copied: &Copied,
    copy: &Path,
    to: &Path,
) -> Result<Made, BackupError> {
    let made_at = wall_ms();
    let mut archive = Archive::create(to, made_at / 1000).await?;
    let (gone, changed) = pack_files(&mut archive, config, copied).await?;
    pack_rest(&mut archive, &config.data_dir).await?;
    Database::without(copy, &gone).await?;
    pack_one(&mut archive, DATABASE, copy).await?;
    let outside = outside(config, config_file);
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: copied.level,
        made_at,
        members: Vec::new(),
        outside: outside.clone(),
    };
    let text = |ids: Vec<FileId>| ids.iter().map(FileId::to_string).collect();
    Ok(Made {
        size: archive.finish(manifest).await?,
        files: copied.files.len() - gone.len(),
        outside,
        gone: text(gone),
        changed: text(changed),
    })
}

/// The bytes of all files of which the copy has a row. Those that were deleted since, and those whose bytes are others now.
async fn pack_files(
    archive: &mut Archive,
    config: &Config,
    copied: &Copied,
) -> Result<(Vec<FileId>, Vec<FileId>), BackupError> {
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    if copied.files.is_empty() {
        return Ok((gone, changed));
    }
    let blobs = place(config)?;
    for file in &copied.files {
        let name = format!("{FILES}{}", file.id);
        let pieces = match blobs.read(&file.id, 0, file.size).await {
            Ok(pieces) => pieces,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                gone.push(file.id.clone());
                continue;
            }
            Err(error) => return Err(at(Path::new(&name))(error)),
        };
        let sha256 = archive.append(&name, file.size, pieces).await?;
        if sha256[..] != file.sha256[..] {
            changed.push(file.id.clone());
        }
    }
    Ok((gone, changed))
}

/// Everything in the data directory that is neither the database nor a shared file.
async fn pack_rest(archive: &mut Archive, data_dir: &Path) -> Result<(), BackupError> {
    let mut found = Vec::new();
    list(data_dir, Path::new(""), 0, &mut found)?;
    found.sort();
    for path in found {
        let Some(name) = path.to_str() else {
            continue;
        };
        pack_one(archive, &format!("{REST}{name}"), &data_dir.join(&path)).await?;
    }
    Ok(())
}

fn list(
    data_dir: &Path,
    folder: &Path,
    depth: usize,
    into: &mut Vec<PathBuf>,
) -> Result<(), BackupError> {
    let whole = data_dir.join(folder);
    for entry in std::fs::read_dir(&whole).map_err(at(&whole))? {
        let entry = entry.map_err(at(&whole))?;
        let name = entry.file_name();
        let ours = |n: &str| RUNNING.contains(&n) || n == "files" || n.starts_with('.');
        if depth == 0 && name.to_str().is_none_or(ours) {
            continue;
        }
        // Neither links, which lead elsewhere, nor sockets.
        let kind = entry.file_type().map_err(at(&entry.path()))?;
        let path = folder.join(name);
        if kind.is_dir() && depth < DEEPEST {
            list(data_dir, &path, depth + 1, into)?;
        } else if kind.is_file() {
            into.push(path);
        }
    }
    Ok(())
}

async fn pack_one(archive: &mut Archive, name: &str, path: &Path) -> Result<(), BackupError> {
    let file = match File::open(path).await {
        Ok(file) => file,
        // Deleted since it was listed, as a certificate is that was renewed.
        Err(error) if error.kind() == ErrorKind::NotFound && name != DATABASE => return Ok(()),
        Err(error) => return Err(at(path)(error)),
    };
    let size = file.metadata().await.map_err(at(path))?.len();
    archive.append(name, size, Box::pin(pieces(file))).await?;
    Ok(())
}

fn pieces(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    })
}
