//! A look at the database from beside a server, for `confab-server doctor`: nothing is made, brought up to date or kept.

use super::migrations::{level, newest};
use super::sql::{self, Connection, Options};
use super::writer::probe;
use super::{DATABASE_FILE, StoreError, place};
use crate::config::Config;
use confab_diagnosis::{Database, DatabaseState};
use sqlx::sqlite::SqliteConnectOptions;
use std::time::Duration;
use tokio::time::timeout;

/// How long a server that writes at the moment may take to let the look have its turn.
const TURN: Duration = Duration::from_secs(2);
/// For each of the two steps; the doctor promises 15 s for all it does.
const STEP: Duration = Duration::from_secs(5);

/// Whether the database of `config` can be reached and written to, and whose tables are in it.
pub(crate) async fn look(config: &Config) -> Database {
    let (options, is_there) = match &config.database {
        None => {
            let file = config.data_dir.join(DATABASE_FILE);
            let is_there = file.exists();
            let options = SqliteConnectOptions::new().filename(file);
            (
                Ok(Options::Sqlite(Box::new(options.busy_timeout(TURN)))),
                is_there,
            )
        }
        Some(url) => (place::postgres(url.secret()), true),
    };
    let state = match &options {
        Err(error) => DatabaseState::Unreachable(error.to_string()),
        Ok(_) if !is_there => DatabaseState::Missing,
        Ok(options) => state(options).await,
    };
    let at = options.as_ref().map(place::said).unwrap_or_default();
    Database { at, state }
}

async fn state(options: &Options) -> DatabaseState {
    let late = "no answer within 5 seconds";
    let open = async {
        let mut connection = options.connect().await?;
        let found = level(&mut connection).await?;
        Ok::<_, StoreError>((connection, found))
    };
    let (connection, found) = match timeout(STEP, open).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return DatabaseState::Unreachable(why(&error)),
        Err(_) => return DatabaseState::Unreachable(late.into()),
    };
    let known = newest();
    if found > known {
        return DatabaseState::TooNew { found, known };
    }
    match timeout(STEP, try_write(connection)).await {
        Ok(Ok(())) if found < known => DatabaseState::Older { found, known },
        Ok(Ok(())) => DatabaseState::Well,
        Ok(Err(error)) => DatabaseState::NotWritable(why(&error)),
        Err(_) => DatabaseState::NotWritable(late.into()),
    }
}

/// A write that is taken back.
async fn try_write(mut connection: Connection) -> Result<(), StoreError> {
    match connection.is_postgres() {
        true => drop(connection.begin().await?),
        // At once: whoever reads first and writes then is turned away, not made to wait, where a server wrote in between.
        false => sql::script(&mut connection, "BEGIN IMMEDIATE").await?,
    }
    let wrote = probe(&mut connection).await;
    connection.rollback().await?;
    connection.close().await?;
    wrote
}

/// The database's own words, without ours before them.
fn why(error: &StoreError) -> String {
    match error {
        StoreError::Database(error) => match error.as_database_error() {
            Some(own) => own.message().to_owned(),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}
