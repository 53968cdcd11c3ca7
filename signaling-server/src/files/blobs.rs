//! Where bytes of files lie: behind one trait, so that those who take and give files need not know whether it is this machine's
//! disk (`local.rs`) or a store of objects (`s3.rs`).

use bytes::Bytes;
use confab_protocol::FileId;
use futures_util::Stream;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// An error of [`io::ErrorKind::StorageFull`] means that there is no room, wherever it is.
pub(crate) trait Blobs: Send + Sync + 'static {
    /// Begins a new file of `size` bytes.
    fn create<'a>(&'a self, id: &'a FileId, size: u64) -> Work<'a, Box<dyn Upload>>;
    /// `length` bytes, at least one, from byte `from` on. [`io::ErrorKind::NotFound`]: there is no such file.
    fn read<'a>(&'a self, id: &'a FileId, from: u64, length: u64) -> Work<'a, Pieces>;
    /// One that is not there is as good as deleted.
    fn delete<'a>(&'a self, id: &'a FileId) -> Work<'a, ()>;
    /// All files that are there, those on their way up too.
    fn ids(&self) -> Work<'_, Vec<FileId>>;
    /// Bytes that fit in; `None`: nobody can say.
    fn free(&self) -> Option<u64>;
    /// How often it is worth while to look for files that nobody needs any more.
    fn sweep_every(&self) -> Duration;
}

/// A file on its way up. Dropped before [`Upload::finish`], it has to be deleted.
pub(crate) trait Upload: Send {
    fn write(&mut self, bytes: Bytes) -> Work<'_, ()>;
    /// After all bytes: when it returns, they can be read.
    fn finish(&mut self) -> Work<'_, ()>;
}
