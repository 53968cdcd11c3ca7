//! Files on this machine's disk: one each, by its random id, in `files` of the data directory.

use super::blobs::{Blobs, Pieces, Upload, Work};
use bytes::Bytes;
use confab_protocol::FileId;
use futures_util::stream;
use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Bytes read from the disk at a time.
const PIECE: usize = 64 * 1024;

pub(crate) struct Local {
    dir: PathBuf,
}

impl Local {
    /// Makes the directory, for the server's user alone.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Local> {
        let dir = data_dir.join("files");
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&dir)?;
        Ok(Local { dir })
    }

    /// An id holds letters and digits alone, so this never leads elsewhere.
    fn path(&self, id: &FileId) -> PathBuf {
        self.dir.join(id.as_str())
    }
}

impl Blobs for Local {
    fn create<'a>(&'a self, id: &'a FileId, _size: u64) -> Work<'a, Box<dyn Upload>> {
        Box::pin(async move {
            let mut options = File::options();
            options.write(true).create_new(true);
            #[cfg(unix)]
            options.mode(0o600);
            let file = options.open(self.path(id)).await?;
            Ok(Box::new(Writing(file)) as Box<dyn Upload>)
        })
    }

    fn read<'a>(&'a self, id: &'a FileId, from: u64, length: u64) -> Work<'a, Pieces> {
        Box::pin(async move {
            let mut file = File::open(self.path(id)).await?;
            file.seek(SeekFrom::Start(from)).await?;
            Ok(pieces(file, length))
        })
    }

    fn delete<'a>(&'a self, id: &'a FileId) -> Work<'a, ()> {
        Box::pin(async move {
            match tokio::fs::remove_file(self.path(id)).await {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }

    fn ids(&self) -> Work<'_, Vec<FileId>> {
        Box::pin(async move {
            let mut ids = Vec::new();
            let mut entries = tokio::fs::read_dir(&self.dir).await?;
            while let Some(entry) = entries.next_entry().await? {
                // What has another name is not ours.
                ids.extend(entry.file_name().to_str().and_then(FileId::parse));
            }
            Ok(ids)
        })
    }

    #[cfg(unix)]
    fn free(&self) -> Option<u64> {
        let room = rustix::fs::statvfs(&self.dir).ok()?;
        Some(room.f_bavail.saturating_mul(room.f_frsize))
    }

    #[cfg(not(unix))]
    fn free(&self) -> Option<u64> {
        None
    }

    fn sweep_every(&self) -> Duration {
        SWEEP_EVERY
    }
}

struct Writing(File);

impl Upload for Writing {
    fn write(&mut self, bytes: Bytes) -> Work<'_, ()> {
        Box::pin(async move { self.0.write_all(&bytes).await })
    }

    fn finish(&mut self) -> Work<'_, ()> {
        Box::pin(async move { self.0.flush().await })
    }
}

fn pieces(file: File, length: u64) -> Pieces {
    Box::pin(stream::try_unfold(
        (file, length),
        |(mut file, left)| async move {
            let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            if most == 0 {
                return Ok(None);
            }
            let mut piece = vec![0; most];
            let read = file.read(&mut piece).await?;
            if read == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof));
            }
            piece.truncate(read);
            Ok(Some((Bytes::from(piece), (file, left - read as u64))))
        },
    ))
}
