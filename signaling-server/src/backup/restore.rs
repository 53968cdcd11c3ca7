//! Putting a backup back. It is read twice: first all hashes are checked and nothing is touched; then it is unpacked into a folder
//! of its own in the data directory, and moved to its place when all of it is there, the database last.

use super::{
    BackupError, DATABASE, FORMAT, Kind, MANIFEST, MOST_MANIFEST, Manifest, Outside, RUNNING, at,
};
use crate::config::Config;
use crate::files::{Blobs, place};
use crate::secrets::Digest;
use crate::server::make_data_dir;
use crate::store::{Database, Store};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PIECE: usize = 256 * 1024;
/// Where it is unpacked first.
const UNPACKING: &str = ".restoring";

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// Milliseconds since 1970, when the backup was made.
    pub made_at: u64,
    /// Version of the program that made it.
    pub program: String,
    /// Shared files.
    pub files: usize,
    /// What the configuration named elsewhere when it was made, and what so has to be brought separately.
    pub outside: Vec<Outside>,
    /// The tables were of an older program and have been brought up to date.
    pub migrated: bool,
}

/// Restores the backup in `from` into the data directory of `config`, which has to be absent or empty; shared files go to where
/// `config` wants them.
pub async fn restore(config: &Config, from: &Path) -> Result<Restored, BackupError> {
    let data_dir = &config.data_dir;
    must_be_empty(data_dir)?;
    let archive = from.to_owned();
    let manifest = tokio::task::spawn_blocking(move || verify(&archive)).await;
    let manifest = manifest.map_err(|e| at(from)(io::Error::other(e)))??;
    Database::knows(manifest.schema)?;
    if config.database.is_some() {
        Database::must_be_empty(config).await?;
    }
    make_data_dir(data_dir).map_err(|e| at(data_dir)(io::Error::other(e)))?;
    let unpacking = data_dir.join(UNPACKING);
    let unpacked = unpack(config, from, &manifest, &unpacking).await;
    let moved = unpacked.and_then(|files| move_in(&unpacking, data_dir).map(|()| files));
    let removed = std::fs::remove_dir_all(&unpacking);
    let files = moved?;
    removed.map_err(at(&unpacking))?;
    let migrated = !Database::is_newest(manifest.schema);
    let file = data_dir.join(DATABASE);
    match &config.database {
        Some(url) => {
            Database::import(&file, url).await?;
            for name in RUNNING {
                // Of SQLite, and done with.
                let _ = std::fs::remove_file(data_dir.join(name));
            }
        }
        // A database of today's form stays as it was, to the last bit.
        None if migrated => Database::open(config).await?.close().await?,
        None => {}
    }
    Ok(Restored {
        made_at: manifest.made_at,
        program: manifest.program,
        files,
        outside: manifest.outside,
        migrated,
    })
}

/// What was left of a restoration that broke off does not count, nor what file systems put into their root.
fn must_be_empty(dir: &Path) -> Result<(), BackupError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(dir)(error)),
    };
    for entry in entries {
        let name = entry.map_err(at(dir))?.file_name();
        if name != UNPACKING && name != "lost+found" {
            return Err(BackupError::NotEmpty(dir.to_owned()));
        }
    }
    Ok(())
}

fn open(archive: &Path) -> Result<tar::Archive<BufReader<File>>, BackupError> {
    let file = File::open(archive).map_err(at(archive))?;
    Ok(tar::Archive::new(BufReader::with_capacity(PIECE, file)))
}

fn damaged(what: impl Into<String>) -> BackupError {
    BackupError::Damaged(what.into())
}

/// What a member is called, of those that backups have.
fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, BackupError> {
    let bytes = entry.path_bytes().into_owned();
    let name = String::from_utf8(bytes).map_err(|_| damaged("a member without a name"))?;
    let plain = entry.header().entry_type() == tar::EntryType::Regular;
    match plain && Kind::of(&name).is_some() {
        true => Ok(name),
        false => Err(damaged(format!(
            "there is no place for its member {name:?}"
        ))),
    }
}

/// Reads all of it; each member has to be what the manifest says, and there has to be each.
fn verify(path: &Path) -> Result<Manifest, BackupError> {
    let mut archive = open(path)?;
    let mut found = HashMap::new();
    let mut manifest: Option<Manifest> = None;
    let unreadable = |e: io::Error| damaged(format!("it cannot be read to its end ({e})"));
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = name_of(&entry)?;
        if manifest.is_some() {
            return Err(damaged("something stands behind its manifest"));
        }
        if name == MANIFEST {
            let mut json = Vec::new();
            let mut entry = entry.take(MOST_MANIFEST);
            entry.read_to_end(&mut json).map_err(unreadable)?;
            manifest = Some(parsed(&json)?);
            continue;
        }
        let (size, sum) = hash(&mut entry).map_err(unreadable)?;
        if found.insert(name.clone(), (size, sum)).is_some() {
            return Err(damaged(format!("{name} is in it twice")));
        }
    }
    let manifest = manifest.ok_or_else(|| damaged("it has no manifest: its end is missing"))?;
    for member in &manifest.members {
        let known = found.remove(&member.name);
        if known != Some((member.size, member.sha256.clone())) {
            return Err(damaged(format!("{} is not what it was", member.name)));
        }
    }
    if let Some(name) = found.keys().next() {
        return Err(damaged(format!("{name} is not in its manifest")));
    }
    match manifest.members.iter().any(|m| m.name == DATABASE) {
        true => Ok(manifest),
        false => Err(damaged("there is no database in it")),
    }
}

fn parsed(json: &[u8]) -> Result<Manifest, BackupError> {
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
    }
    let unreadable = |e: serde_json::Error| damaged(format!("its manifest cannot be read ({e})"));
    let form: Form = serde_json::from_slice(json).map_err(unreadable)?;
    if form.format != FORMAT {
        return Err(BackupError::Format(form.format));
    }
    serde_json::from_slice(json).map_err(unreadable)
}

fn hash(from: &mut impl Read) -> io::Result<(u64, String)> {
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return Ok((size, Digest(hash.finalize().into()).to_hex()));
        }
        hash.update(&piece[..read]);
        size += read as u64;
    }
}

/// Unpacks all members, hashes once more on the way, and gives back how many shared files there were.
async fn unpack(
    config: &Config,
    from: &Path,
    manifest: &Manifest,
    into: &Path,
) -> Result<usize, BackupError> {
    if into.exists() {
        std::fs::remove_dir_all(into).map_err(at(into))?;
    }
    make_folder(into)?;
    // A bucket takes them at once; on this disk they are moved in with the rest.
    let own = Config {
        data_dir: into.to_owned(),
        ..config.clone()
    };
    let blobs: Arc<dyn Blobs> = place(&own)?;
    let sums: HashMap<&str, &str> = manifest
        .members
        .iter()
        .map(|m| (m.name.as_str(), m.sha256.as_str()))
        .collect();
    let mut files = 0;
    let mut archive = open(from)?;
    for entry in archive.entries().map_err(at(from))? {
        let mut entry = entry.map_err(at(from))?;
        let name = name_of(&entry)?;
        let sum = match Kind::of(&name) {
            None | Some(Kind::Manifest) => continue,
            Some(Kind::Database) => write(&mut entry, &into.join(DATABASE))?,
            Some(Kind::Rest(path)) => write(&mut entry, &into.join(path))?,
            Some(Kind::File(id)) => {
                files += 1;
                let failed = at(Path::new(&name));
                let size = entry.size();
                hand_over(&mut entry, &*blobs, &id, size)
                    .await
                    .map_err(failed)?
            }
        };
        if sums.get(name.as_str()) != Some(&sum.as_str()) {
            return Err(damaged(format!("{name} changed while it was read")));
        }
    }
    Ok(files)
}

async fn hand_over(
    from: &mut impl Read,
    blobs: &dyn Blobs,
    id: &confab_protocol::FileId,
    size: u64,
) -> io::Result<String> {
    let mut upload = blobs.create(id, size).await?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        upload.write(Bytes::copy_from_slice(&piece[..read])).await?;
    }
    upload.finish().await?;
    Ok(Digest(hash.finalize().into()).to_hex())
}

fn make_folder(dir: &Path) -> Result<(), BackupError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(at(dir))
}

/// For the server's user alone: among them are keys.
fn write(from: &mut impl Read, to: &Path) -> Result<String, BackupError> {
    if let Some(folder) = to.parent() {
        make_folder(folder)?;
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(to).map_err(at(to))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).map_err(at(to))?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        file.write_all(&piece[..read]).map_err(at(to))?;
    }
    file.sync_all().map_err(at(to))?;
    Ok(Digest(hash.finalize().into()).to_hex())
}

/// The database last: a server that is started too early finds none, and not one without its files.
fn move_in(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(from).map_err(at(from))? {
        names.push(entry.map_err(at(from))?.file_name().into());
    }
    names.sort_by_key(|name| name == Path::new(DATABASE));
    for name in names {
        let place = to.join(&name);
        std::fs::rename(from.join(&name), &place).map_err(at(&place))?;
    }
    Ok(())
}
