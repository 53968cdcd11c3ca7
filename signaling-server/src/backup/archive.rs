//! Writing a tar archive piece by piece, since what goes into it may come over a network. The `tar` crate makes the headers.

use super::{BackupError, Manifest, Member, at};
use crate::secrets::Digest;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest as _, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

const BLOCK: u64 = 512;

pub(super) struct Archive {
    file: BufWriter<File>,
    path: PathBuf,
    members: Vec<Member>,
    /// Seconds since 1970, of all members.
    time: u64,
}

impl Archive {
    /// A new file, for its owner alone.
    pub(super) async fn create(path: &Path, time: u64) -> Result<Archive, BackupError> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(path).await.map_err(at(path))?;
        Ok(Archive {
            file: BufWriter::with_capacity(256 * 1024, file),
            path: path.to_owned(),
            members: Vec::new(),
            time,
        })
    }

    /// Appends a member of exactly `size` bytes; gives back its SHA-256. What comes beyond `size` is left out: it was written
    /// after the member was begun.
    pub(super) async fn append<S>(
        &mut self,
        name: &str,
        size: u64,
        mut pieces: S,
    ) -> Result<[u8; 32], BackupError>
    where
        S: Stream<Item = io::Result<Bytes>> + Unpin,
    {
        self.put(&header(name, size, self.time).map_err(at(&self.path))?)
            .await?;
        let (mut left, mut hash) = (size, Sha256::new());
        while left > 0 {
            let Some(piece) = pieces.next().await else {
                return Err(BackupError::Changed(name.to_owned()));
            };
            let mut piece = piece.map_err(at(Path::new(name)))?;
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
            hash.update(&piece);
            self.put(&piece).await?;
        }
        let rest = (BLOCK - size % BLOCK) % BLOCK;
        self.put(&[0; BLOCK as usize][..rest as usize]).await?;
        let sha256: [u8; 32] = hash.finalize().into();
        self.members.push(Member {
            name: name.to_owned(),
            size,
            sha256: Digest(sha256).to_hex(),
        });
        Ok(sha256)
    }

    /// Puts the manifest behind all members, and all of it onto the disk.
    pub(super) async fn finish(mut self, mut manifest: Manifest) -> Result<u64, BackupError> {
        manifest.members = std::mem::take(&mut self.members);
        let json = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        let size = json.len() as u64;
        let pieces = futures_util::stream::iter([Ok(Bytes::from(json))]);
        self.append(super::MANIFEST, size, pieces).await?;
        self.put(&[0; 2 * BLOCK as usize]).await?;
        self.file.flush().await.map_err(at(&self.path))?;
        let file = self.file.into_inner();
        file.sync_all().await.map_err(at(&self.path))?;
        let length = file.metadata().await.map_err(at(&self.path))?.len();
        Ok(length)
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(bytes).await.map_err(at(&self.path))
    }
}

fn header(name: &str, size: u64, time: u64) -> io::Result<[u8; 512]> {
    // Names of up to 255 bytes fit in, and so do sizes beyond 8 GiB.
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(time);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(*header.as_bytes())
}
