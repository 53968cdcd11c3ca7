//! The bytes of shared files and of pictures on whiteboards, by a random id each, never by what people call it: on this machine's disk, or in a bucket of S3 where
//! one is configured. Nothing here looks into them. What may be there, and for how long, is in the database (`store/files.rs`).

mod blobs;
mod local;
mod s3;

pub(crate) use blobs::{Blobs, Pieces};
pub use s3::BucketSetupError;

use crate::clock::wall_ms;
use crate::config::{Config, FilesConfig};
use crate::handover::Duty;
use crate::store::{Database, FileWrite, StoreError};
use blobs::Upload;
use bytes::Bytes;
use confab_protocol::{AccountId, Code, FileId, FileLimits, MeetingId};
use local::Local;
use s3::S3;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

/// How often rows are looked through for what is over.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const DAY_MS: u64 = 24 * 3_600_000;

/// Why there is no place for files.
#[derive(Debug, thiserror::Error)]
pub enum FilesSetupError {
    #[error("files in the data directory: {0}")]
    Directory(#[from] io::Error),
    #[error(transparent)]
    Bucket(#[from] BucketSetupError),
}

/// Where the bytes lie, as configured.
pub(crate) fn place(config: &Config) -> Result<Arc<dyn Blobs>, FilesSetupError> {
    Ok(match S3::open(&config.files.s3)? {
        Some(bucket) => Arc::new(bucket),
        None => Arc::new(Local::open(&config.data_dir)?),
    })
}

/// What is on its way up.
struct Coming {
    meeting: MeetingId,
    account: Option<AccountId>,
    /// The bytes it was announced with.
    size: u64,
}

pub(crate) struct Files {
    blobs: Arc<dyn Blobs>,
    config: FilesConfig,
    store: Arc<Database>,
    /// On their way up, and so in no row yet.
    coming: Mutex<HashMap<FileId, Coming>>,
}

/// A file on its way up. Dropped before [`Incoming::keep`], nothing of it stays.
pub(crate) struct Incoming {
    files: Arc<Files>,
    pub(crate) id: FileId,
    upload: Option<Box<dyn Upload>>,
    /// Something may lie there by now.
    begun: bool,
    hash: Sha256,
    size: u64,
    kept: bool,
}

impl Files {
    /// Looks after the place of files from now on, while no other process has files on their way up.
    pub(crate) fn open(
        config: &Config,
        store: Arc<Database>,
        alone: Duty,
    ) -> Result<Arc<Files>, FilesSetupError> {
        let files = Arc::new(Files {
            blobs: place(config)?,
            config: config.files.clone(),
            store,
            coming: Mutex::default(),
        });
        tokio::spawn(alone.run(Files::sweep_always(Arc::downgrade(&files))));
        Ok(files)
    }

    pub(crate) async fn limits(&self, meeting: &MeetingId) -> Result<FileLimits, StoreError> {
        Ok(FileLimits {
            max_file: self.config.max_file(),
            max_meeting: self.config.max_meeting(),
            used: self.store.bytes_of_files(Some(meeting)).await?,
            keep_days: self.config.keep_days,
        })
    }

    /// Bytes a file may have; 0: none is taken.
    pub(crate) fn max_file(&self) -> u64 {
        self.config.max_file()
    }

    /// Takes up a file of `size` bytes, if there is room for it beside all that are kept and on their way. `account`: whose it
    /// is, where somebody is signed in.
    pub(crate) async fn take(
        self: &Arc<Files>,
        meeting: &MeetingId,
        account: Option<&AccountId>,
        size: u64,
    ) -> Result<Incoming, Code> {
        if self.config.max_file() == 0 {
            return Err(Code::NotAllowed);
        }
        if size > self.config.max_file() {
            return Err(Code::TooLarge);
        }
        let mut incoming = Incoming {
            files: Arc::clone(self),
            id: FileId::from_random(rand::random()),
            upload: None,
            begun: false,
            hash: Sha256::new(),
            size: 0,
            kept: false,
        };
        // Counted first and looked up then: what is kept meanwhile is in one of the two sums, or in both.
        let coming = Coming {
            meeting: meeting.clone(),
            account: account.cloned(),
            size,
        };
        self.lock().insert(incoming.id.clone(), coming);
        self.has_room(meeting, account).await?;
        incoming.begun = true;
        let upload = self.blobs.create(&incoming.id, size).await;
        incoming.upload = Some(upload.map_err(|e| place_failed(&e))?);
        Ok(incoming)
    }

    /// Whether all that is kept and all that is on its way fit in everywhere.
    async fn has_room(&self, meeting: &MeetingId, account: Option<&AccountId>) -> Result<(), Code> {
        let of_meeting = self.coming(|c| c.meeting == *meeting);
        let kept = self.store.bytes_of_files(Some(meeting)).await;
        if sum(kept.map_err(internal)?, of_meeting) > self.config.max_meeting() {
            return Err(Code::QuotaExceeded);
        }
        if let (Some(account), Some(most)) = (account, self.config.max_account()) {
            let of_account = self.coming(|c| c.account.as_ref() == Some(account));
            let kept = self.store.bytes_of_account(account).await;
            if sum(kept.map_err(internal)?, of_account) > most {
                return Err(Code::QuotaExceeded);
            }
        }
        let of_all = self.coming(|_| true);
        let kept = self.store.bytes_of_files(None).await;
        if sum(kept.map_err(internal)?, of_all) > self.config.max_total() {
            return Err(Code::StorageFull);
        }
        // What is on its way may be on the disk already: then a little more is asked for than is needed.
        let needed = sum(self.config.min_free(), of_all);
        match self.blobs.free().is_some_and(|free| free < needed) {
            true => Err(Code::StorageFull),
            false => Ok(()),
        }
    }

    /// Bytes of what is on its way and is meant.
    fn coming(&self, meant: impl Fn(&Coming) -> bool) -> u64 {
        let coming = self.lock();
        coming.values().filter(|c| meant(c)).map(|c| c.size).sum()
    }

    /// `length` bytes, at least one, from byte `from` on.
    pub(crate) async fn read(&self, id: &FileId, from: u64, length: u64) -> io::Result<Pieces> {
        self.blobs.read(id, from, length).await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FileId, Coming>> {
        self.coming.lock().expect("no panic while counting")
    }

    async fn sweep_always(files: Weak<Files>) {
        // The bytes at once, and then as often as looking is worth its price.
        let mut waited = Duration::MAX;
        while let Some(files) = files.upgrade() {
            match files.expire().await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "deleting files that are over"),
            }
            if waited >= files.blobs.sweep_every() {
                waited = Duration::ZERO;
                if let Err(error) = files.sweep().await {
                    tracing::warn!(%error, "looking for files that are over");
                }
            }
            drop(files);
            tokio::time::sleep(SWEEP_EVERY).await;
            waited = waited.saturating_add(SWEEP_EVERY);
        }
    }

    /// Forgets what is over. Its bytes go with the next sweep.
    async fn expire(&self) -> Result<(), StoreError> {
        let now = wall_ms();
        let kept = u64::from(self.config.keep_days) * DAY_MS;
        let expire = FileWrite::Expire {
            files: now.saturating_sub(kept),
            loose: now.saturating_sub(DAY_MS),
        };
        self.store.write_file(expire).await
    }

    async fn sweep(&self) -> io::Result<()> {
        // In this order: what is there and not on its way any more has its row, if it is to stay.
        let found = self.blobs.ids().await?;
        let coming: HashSet<FileId> = self.lock().keys().cloned().collect();
        let kept = self.store.file_ids().await.map_err(io::Error::other)?;
        for id in found {
            if coming.contains(&id) || kept.contains(id.as_str()) {
                continue;
            }
            if let Err(error) = self.blobs.delete(&id).await {
                tracing::warn!(%error, "deleting a file");
            }
        }
        Ok(())
    }
}

fn sum(kept: u64, coming: u64) -> u64 {
    kept.saturating_add(coming)
}

impl Incoming {
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), Code> {
        self.hash.update(&bytes);
        self.size += bytes.len() as u64;
        match &mut self.upload {
            Some(upload) => upload.write(bytes).await.map_err(|e| place_failed(&e)),
            None => Err(Code::Internal),
        }
    }

    /// All of it is here: its size in bytes and its SHA-256.
    pub(crate) async fn complete(&mut self) -> Result<(u64, [u8; 32]), Code> {
        if let Some(mut upload) = self.upload.take() {
            upload.finish().await.map_err(|e| place_failed(&e))?;
        }
        let hash = std::mem::take(&mut self.hash);
        Ok((self.size, hash.finalize().into()))
    }

    /// It has its row.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.upload = None;
        let (files, id) = (Arc::clone(&self.files), self.id.clone());
        let runtime = tokio::runtime::Handle::try_current();
        match runtime {
            // Until its bytes are gone it is on its way, so that no sweep and no sum is wrong.
            Ok(runtime) if self.begun && !self.kept => {
                runtime.spawn(async move {
                    if let Err(error) = files.blobs.delete(&id).await {
                        tracing::warn!(%error, "deleting a file that broke off");
                    }
                    files.lock().remove(&id);
                });
            }
            _ => {
                files.lock().remove(&id);
            }
        }
    }
}

fn place_failed(error: &io::Error) -> Code {
    tracing::error!(%error, "keeping a file");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::StorageFull,
        _ => Code::Internal,
    }
}

fn internal(error: StoreError) -> Code {
    tracing::error!(%error, "store");
    Code::Internal
}
