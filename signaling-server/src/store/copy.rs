//! The database as a whole: copies of it as of one moment while it is in use, and the way from one kind of database to the other.

use super::migrations::{self, has_table, known, level, migrate, not_too_new};
use super::sql::{self, Connection, Options};
use super::transfer::{Moved, empty, transfer};
use super::{DATABASE_FILE, Database, StoreError, database, place};
use crate::config::{Config, DatabaseUrl};
use confab_protocol::FileId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use std::path::Path;
use std::time::Duration;

/// How long a copy waits for a writer that holds the whole file.
const PATIENCE: Duration = Duration::from_secs(60);

/// A copy of the database in a file of its own, as of one moment.
#[derive(Debug)]
pub(crate) struct Copied {
    /// The number of its newest migration.
    pub(crate) level: i64,
    /// By id.
    pub(crate) files: Vec<CopiedFile>,
}

/// A shared file of which the copy has a row.
#[derive(Debug)]
pub(crate) struct CopiedFile {
    pub(crate) id: FileId,
    pub(crate) size: u64,
    pub(crate) sha256: Vec<u8>,
}

/// One that is there, without any change to it but those that are asked for.
async fn open(file: &Path) -> Result<Connection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .busy_timeout(PATIENCE);
    Ok(Options::Sqlite(Box::new(options)).connect().await?)
}

/// A new one, in one file, without tables.
async fn make(file: &Path) -> Result<Connection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Delete);
    Ok(Options::Sqlite(Box::new(options)).connect().await?)
}

impl Database {
    /// Whether this program can read a database of this level.
    pub(crate) fn knows(level: i64) -> Result<(), StoreError> {
        known(level)
    }

    pub(crate) fn is_newest(level: i64) -> bool {
        level == migrations::newest()
    }

    /// Copies the database of `config` to the file `to`, which must not be there, and always is one of SQLite. A server may write
    /// meanwhile: it does not wait, and the copy is as of its beginning.
    pub(crate) async fn copy(config: &Config, to: &Path) -> Result<Copied, StoreError> {
        match &config.database {
            None => {
                let mut from = open(&config.data_dir.join(DATABASE_FILE)).await?;
                not_too_new(&mut from).await?;
                let copy = sql::query("VACUUM INTO ?").bind(to.to_string_lossy().into_owned());
                copy.execute(&mut from).await?;
                from.close().await?;
            }
            Some(url) => {
                let mut from = place::connect(&place::postgres(url.secret())?).await?;
                not_too_new(&mut from).await?;
                let level = level(&mut from).await?;
                let mut to = make(to).await?;
                migrate(&mut to, level).await?;
                from.begin_snapshot().await?;
                to.begin().await?;
                transfer(&mut from, &mut to, level).await?;
                to.commit().await?;
                from.rollback().await?;
                from.close().await?;
                to.close().await?;
            }
        }
        let mut copy = open(to).await?;
        let copied = Copied {
            level: level(&mut copy).await?,
            files: files(&mut copy).await?,
        };
        copy.close().await?;
        Ok(copied)
    }

    /// Takes files out of a copy, whose bytes went while it was made.
    pub(crate) async fn without(copy: &Path, gone: &[FileId]) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        let mut copy = open(copy).await?;
        for id in gone {
            let forget = sql::query("DELETE FROM file WHERE id = ?").bind(id.as_str());
            forget.execute(&mut copy).await?;
        }
        Ok(copy.close().await?)
    }

    /// Whether nothing was ever written to the database of `config`; it is made where there is none. A backup goes into such a one.
    pub(crate) async fn must_be_empty(config: &Config) -> Result<(), StoreError> {
        let (mut connection, options) = place::open(config).await?;
        let found = empty(&mut connection, &options).await;
        connection.close().await?;
        found
    }

    /// Puts the records of an SQLite file into PostgreSQL, which has to be empty; the file stays as it is.
    pub(crate) async fn import(file: &Path, url: &DatabaseUrl) -> Result<Vec<Moved>, StoreError> {
        let (from, _) = place::open_sqlite(file).await?;
        let (to, options) = place::open_postgres(url.secret()).await?;
        whole(from, to, &options).await
    }

    /// The other way round: `file` is made, or has to be empty.
    pub(crate) async fn export_to(
        url: &DatabaseUrl,
        file: &Path,
    ) -> Result<Vec<Moved>, StoreError> {
        let (from, _) = place::open_postgres(url.secret()).await?;
        let (to, options) = place::open_sqlite(file).await?;
        whole(from, to, &options).await
    }
}

/// All tables in one transaction. Both sides are claimed, so no server writes to a database that is left or not yet whole.
async fn whole(
    mut from: Connection,
    mut to: Connection,
    options: &Options,
) -> Result<Vec<Moved>, StoreError> {
    place::claim(&mut from).await?;
    place::claim(&mut to).await?;
    empty(&mut to, options).await?;
    from.begin_snapshot().await?;
    to.begin().await?;
    let moved = transfer(&mut from, &mut to, migrations::newest()).await?;
    to.commit().await?;
    from.rollback().await?;
    to.close().await?;
    from.close().await?;
    Ok(moved)
}

async fn files(copy: &mut Connection) -> Result<Vec<CopiedFile>, StoreError> {
    if !has_table(copy, "file").await? {
        return Ok(Vec::new());
    }
    let rows = sql::query("SELECT id, size, sha256 FROM file ORDER BY id");
    let rows = rows.fetch_all(copy).await?;
    let file = |row: &sql::Row| -> Result<CopiedFile, StoreError> {
        let id: String = row.try_get("id")?;
        Ok(CopiedFile {
            id: FileId::parse(&id).ok_or_else(|| database::broken("id"))?,
            size: row.try_get::<i64, _>("size")? as u64,
            sha256: row.try_get("sha256")?,
        })
    };
    rows.iter().map(file).collect()
}
