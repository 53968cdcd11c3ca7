//! Where the database is: `confab.sqlite` in the data directory, or PostgreSQL at an address; and how it is opened.
//!
//! SQLite is in WAL mode with `synchronous=NORMAL`: a commit is in the file system's cache when it returns, so it survives a kill of
//! the process; a power cut may take the last moments, never the consistency. PostgreSQL keeps what its own settings promise.
//!
//! The command line opens the same database beside a server and writes from its own process. SQLite locks, and both wait up to
//! [`BUSY_TIMEOUT`]; making the tables and the change to WAL are not covered by that, so processes open the file one after the other
//! (`confab.lock`). With PostgreSQL writers hold a lock for each transaction, and the server one more for as long as it runs.

use super::migrations::{self, migrate, not_too_new};
use super::sql::{Connection, Options};
use super::{DATABASE_FILE, StoreError};
use crate::config::Config;
use sqlx::migrate::MigrateDatabase;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long another process may take to bring the tables up to date.
const OPENING_TIMEOUT: Duration = Duration::from_secs(60);
const LOCK_INTERVAL: Duration = Duration::from_millis(20);
/// How long PostgreSQL may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the lock of a server that has just ended may still be there.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(10);
const CLAIM_INTERVAL: Duration = Duration::from_millis(100);
/// PostgreSQL: there is no such database; there is one already, or is being made.
const UNKNOWN_DATABASE: &str = "3D000";
const HAS_DATABASE: [&str; 2] = ["42P04", "23505"];

/// Opens the database of `config`, makes it where there is none, and brings its tables up to date.
pub(super) async fn open(config: &Config) -> Result<(Connection, Options), StoreError> {
    match &config.database {
        None => open_sqlite(&config.data_dir.join(DATABASE_FILE)).await,
        Some(url) => open_postgres(url.secret()).await,
    }
}

/// Opens the database of `config`, which another process has open, without changing anything in it.
///
/// # Errors
/// Its tables are not those that this program knows.
pub(super) async fn open_as_it_is(config: &Config) -> Result<(Connection, Options), StoreError> {
    let options = match &config.database {
        None => sqlite(&config.data_dir.join(DATABASE_FILE)),
        Some(url) => postgres(url.secret())?,
    };
    let mut connection = match options.is_postgres() {
        true => connect(&options).await?,
        false => options.connect().await?,
    };
    let (found, known) = (
        migrations::level(&mut connection).await?,
        migrations::newest(),
    );
    match found == known {
        true => Ok((connection, options)),
        false => Err(StoreError::OtherLevel { found, known }),
    }
}

fn sqlite(file: &Path) -> Options {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    Options::Sqlite(Box::new(options))
}

/// The file, made if it is missing.
pub(super) async fn open_sqlite(file: &Path) -> Result<(Connection, Options), StoreError> {
    let _turn = own_turn(&file.with_file_name("confab.lock")).await?;
    up_to_date(sqlite(file)).await
}

/// The database at `url`; where there is none yet, it is made if its user may do so.
pub(super) async fn open_postgres(url: &str) -> Result<(Connection, Options), StoreError> {
    let options = postgres(url)?;
    match connect(&options).await {
        Err(StoreError::Unreachable { source, .. }) if code(&source) == UNKNOWN_DATABASE => {
            match sqlx::Postgres::create_database(url).await {
                Ok(()) => {}
                Err(error) if HAS_DATABASE.contains(&code(&error).as_str()) => {}
                Err(_) => return Err(unreachable(&options, source)),
            }
        }
        Err(error) => return Err(error),
        Ok(connection) => connection.close().await?,
    }
    up_to_date(options).await
}

async fn up_to_date(options: Options) -> Result<(Connection, Options), StoreError> {
    let mut connection = match options.is_postgres() {
        true => connect(&options).await?,
        false => options.connect().await?,
    };
    not_too_new(&mut connection).await?;
    migrate(&mut connection, migrations::newest()).await?;
    Ok((connection, options))
}

/// How to get to the database at `url`.
pub(super) fn postgres(url: &str) -> Result<Options, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Address)?;
    let options = options.application_name("confab-server");
    Ok(Options::Postgres(Box::new(options)))
}

/// Says where it wanted to, but no secret, where it does not get there.
pub(super) async fn connect(options: &Options) -> Result<Connection, StoreError> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await;
    let connected = connected.unwrap_or_else(|_| {
        let late = std::io::Error::new(ErrorKind::TimedOut, "no answer within 10 seconds");
        Err(sqlx::Error::Io(late))
    });
    connected.map_err(|error| unreachable(options, error))
}

fn unreachable(options: &Options, source: sqlx::Error) -> StoreError {
    let to = said(options);
    StoreError::Unreachable { to, source }
}

/// A file's name, or user, host, port and database; no password.
pub(super) fn said(options: &Options) -> String {
    match options {
        Options::Sqlite(options) => options.get_filename().display().to_string(),
        Options::Postgres(options) => format!(
            "{}@{}:{}/{}",
            options.get_username(),
            match options.get_socket() {
                Some(socket) => socket.display().to_string(),
                None => options.get_host().to_owned(),
            },
            options.get_port(),
            options.get_database().unwrap_or_default()
        ),
    }
}

/// SQLSTATE, or nothing.
fn code(error: &sqlx::Error) -> String {
    let error = error.as_database_error();
    let code = error.and_then(|error| error.code());
    code.map(|code| code.into_owned()).unwrap_or_default()
}

/// For a server: the database is its own until the connection ends. A second server is refused.
pub(super) async fn claim(connection: &mut Connection) -> Result<(), StoreError> {
    let wait = async {
        loop {
            if connection.claim().await? {
                return Ok::<(), StoreError>(());
            }
            tokio::time::sleep(CLAIM_INTERVAL).await;
        }
    };
    let claimed = tokio::time::timeout(CLAIM_TIMEOUT, wait).await;
    claimed.unwrap_or(Err(StoreError::InUse))
}

/// Waits until no other process opens the database; for as long as the file is held none does.
async fn own_turn(path: &Path) -> Result<File, StoreError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(StoreError::Lock)?;
    let wait = async {
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_INTERVAL).await,
                Err(TryLockError::Error(error)) => break Err(StoreError::Lock(error)),
                Ok(()) => break Ok(()),
            }
        }
    };
    tokio::time::timeout(OPENING_TIMEOUT, wait)
        .await
        .unwrap_or_else(|_| Err(StoreError::Lock(ErrorKind::TimedOut.into())))?;
    Ok(file)
}
