//! What outlives the process. Rooms hand over [`StoreCommand`]s and wait for them to be written before anyone hears of
//! what they record; so nothing a participant has seen is lost when the process is killed.

mod sqlite;
mod writer;

pub(crate) use sqlite::Sqlite;

use crate::secrets::Digest;
use confab_protocol::MeetingId;
use confab_room::{Persisted, StoreCommand};
use std::future::Future;
use std::pin::Pin;

/// A meeting as it was made, with what the API tells of its state.
#[derive(Clone, Debug)]
pub(crate) struct MeetingRecord {
    pub(crate) id: MeetingId,
    pub(crate) title: String,
    pub(crate) host_key: Digest,
    /// Milliseconds since 1970.
    pub(crate) starts_at: u64,
    pub(crate) minutes: u16,
    pub(crate) created_at: u64,
    pub(crate) locked: bool,
    pub(crate) ended: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("a stored record cannot be read: {0}")]
    Record(#[from] serde_json::Error),
    #[error("confab.lock in the data directory: {0}")]
    Lock(#[source] std::io::Error),
    #[error("the store is closed")]
    Closed,
}

pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where meetings are kept. SQLite now; PostgreSQL would be a second implementation.
pub(crate) trait Store: Send + Sync + 'static {
    fn create(&self, meeting: MeetingRecord) -> Pending<'_, ()>;
    fn meeting<'a>(&'a self, id: &'a MeetingId) -> Pending<'a, Option<MeetingRecord>>;
    /// A meeting with all that [`confab_room::Room::restore`] needs.
    fn load<'a>(&'a self, id: &'a MeetingId) -> Pending<'a, Option<(MeetingRecord, Persisted)>>;
    /// Meetings in which somebody held a seat when the process ended.
    fn with_seats(&self) -> Pending<'_, Vec<MeetingId>>;
    /// Writes all of `commands` or none. When it returns, a kill of the process loses none of them.
    fn write<'a>(&'a self, id: &'a MeetingId, commands: Vec<StoreCommand>) -> Pending<'a, ()>;
    /// Waits for what is queued and closes.
    fn close(&self) -> Pending<'_, ()>;
}
