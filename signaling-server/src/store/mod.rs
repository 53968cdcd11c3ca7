//! What outlives the process. Rooms hand over [`StoreCommand`]s and wait for them to be written before anyone hears of
//! what they record; so nothing a participant has seen is lost when the process is killed.

mod accounts;
mod boards;
mod caldav;
mod copy;
mod database;
mod files;
mod look;
mod migrations;
mod pen;
mod place;
mod plans;
mod privacy;
mod quality;
mod records;
mod sql;
mod tokens;
mod transfer;
mod ways;
mod webhooks;
mod writer;

pub(crate) use accounts::{AccountChange, AccountRecord, AccountStore, Deed, SessionRecord};
pub(crate) use boards::{BoardKey, BoardWrite};
pub(crate) use caldav::CaldavWrite;
pub(crate) use copy::Copied;
pub(crate) use database::Database;
pub(crate) use files::{FileRecord, FileWrite};
pub(crate) use look::look;
pub(crate) use plans::{PlanWrite, PlannedMeeting, RoomBookings, SeenRoom};
pub(crate) use privacy::{DELETED, Export};
pub(crate) use quality::{MinuteRecord, QualityWrite};
pub(crate) use records::{Held, Stay};
pub(crate) use tokens::{TokenChange, TokenRecord, TokensOf};
pub use transfer::Moved;
pub(crate) use ways::{IdentityRecord, PasskeyRecord, WayChange};
pub(crate) use webhooks::{HookRecord, HookWrite, Tried};

use crate::secrets::Digest;
use confab_protocol::{AccountId, MeetingId, Policy};
use confab_room::{Persisted, StoreCommand};
use sqlx::sqlite::SqliteError;
use std::future::Future;
use std::pin::Pin;

/// A meeting as it stands now: time and title of a series are those of the occurrence people mean who come now.
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
    /// Nobody gets in any more: ended for all, cancelled, or past its last day.
    pub(crate) ended: bool,
    pub(crate) cancelled: bool,
    /// As it was planned; hosts may change them while it runs.
    pub(crate) policy: Policy,
    /// As `schedule/passcode.rs` keeps it; `None`: none is asked for.
    pub(crate) passcode: Option<String>,
    /// Who made it; `None`: somebody without an account.
    pub(crate) owner: Option<AccountId>,
    /// Mail addresses of accounts that come in as co-hosts, in lower case.
    pub(crate) co_hosts: Vec<String>,
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
    #[error("database_unreachable: {to}: {source}")]
    Unreachable {
        /// User, host, port and database; no password.
        to: String,
        source: sqlx::Error,
    },
    #[error("database_url: not of the form postgres://user@host:port/database")]
    Address,
    /// One server has one database.
    #[error(
        "database_in_use: another confab-server runs on this database; end it first, or name another database"
    )]
    InUse,
    #[error("database_not_empty: {0} has records already; nothing was copied")]
    NotEmpty(String),
    #[error("database_copy: {table} is not the same in both; nothing was copied")]
    Differs { table: String },
    /// A newer program wrote it, and this one would not understand it.
    #[error(
        "database_too_new: the database has tables of level {found}, this program knows those up to {known}: run the program that \
         wrote it, or a newer one, or restore a backup made before the update"
    )]
    TooNew { found: i64, known: i64 },
    /// Two programs that work with one database for a while know the same tables.
    #[error(
        "handover_migrations: the database has tables of level {found}, this program those of level {known}: drain the running server \
         (SIGUSR1) and start this program then"
    )]
    OtherLevel { found: i64, known: i64 },
    /// What was seen before is no longer what is stored; nothing was written.
    #[error("changed meanwhile")]
    Stale,
    #[error("there is an account with this address")]
    Taken,
    #[error("used, called back or too old")]
    Gone,
    #[error("no owner would be left")]
    LastOwner,
    #[error("nobody could get into the account any more")]
    LastWay,
}

impl StoreError {
    /// For traces: a word of few.
    fn kind(&self) -> &'static str {
        match self {
            _ if self.is_full() => "full",
            _ if self.is_lost() => "lost",
            StoreError::Stale => "stale",
            StoreError::Taken => "taken",
            StoreError::Gone => "gone",
            StoreError::LastOwner | StoreError::LastWay => "last",
            _ => "database",
        }
    }

    /// The server stops: nothing is read or written any more.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(
            self,
            StoreError::Closed | StoreError::Database(sqlx::Error::PoolClosed)
        )
    }

    /// There is no room on the disk; what was to be written is not, and all that was is still there.
    pub(crate) fn is_full(&self) -> bool {
        let StoreError::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        error.code().is_some_and(|code| FULL.contains(&&*code))
    }

    /// The connection broke, or there is none for now: the same may work later.
    fn is_lost(&self) -> bool {
        let error = match self {
            StoreError::Database(error) => error,
            // Of one that had a connection and lost it. In use: the old connection is not over yet, or another server came between.
            StoreError::Unreachable { .. } | StoreError::InUse => return true,
            _ => return false,
        };
        match error {
            sqlx::Error::Database(error) => error
                .code()
                .is_some_and(|code| LOST.iter().any(|lost| code.starts_with(lost))),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        }
    }
}

impl StoreError {
    /// SQLite may have rolled back by itself (all but broken rules of the tables: sqlite.org/lang_transaction.html).
    fn may_end_transactions(&self) -> bool {
        let StoreError::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        matches!(error.kind(), sqlx::error::ErrorKind::Other)
            && error.try_downcast_ref::<SqliteError>().is_some()
    }
}

/// PostgreSQL's classes of a connection that broke, a server that ends or begins, one that takes no more connections, and a standby.
const LOST: [&str; 4] = ["08", "57P", "53300", "25006"];

/// The file in the data directory.
pub(crate) const DATABASE_FILE: &str = "confab.sqlite";

/// PostgreSQL's disk_full; SQLite's FULL, and IOERR_WRITE and IOERR_SHMSIZE, which are a quota that is used up, and no room for the `-shm` file.
const FULL: [&str; 4] = ["53100", "13", "778", "4874"];

pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Where meetings are kept.
pub(crate) trait Store: Send + Sync + 'static {
    fn create(&self, meeting: MeetingRecord) -> Pending<'_, ()>;
    fn meeting<'a>(&'a self, id: &'a MeetingId) -> Pending<'a, Option<MeetingRecord>>;
    /// A meeting with all that [`confab_room::Room::restore`] needs.
    fn load<'a>(&'a self, id: &'a MeetingId) -> Pending<'a, Option<(MeetingRecord, Persisted)>>;
    /// Meetings in which somebody held a seat when the process ended.
    fn with_seats(&self) -> Pending<'_, Vec<MeetingId>>;
    /// Writes all of `commands` or none. When it returns, a kill of the process loses none of them.
    fn write<'a>(&'a self, id: &'a MeetingId, commands: Vec<StoreCommand>) -> Pending<'a, ()>;
    /// Whether something can be written now, behind what is queued. Changes nothing.
    fn probe(&self) -> Pending<'_, ()>;
    /// Waits for what is queued and closes.
    fn close(&self) -> Pending<'_, ()>;
}
