//! All records from SQLite to PostgreSQL or back: `confab-server migrate-db`.

use crate::config::{Config, DatabaseUrl};
use crate::store::{DATABASE_FILE, Database, Moved, StoreError};
use std::path::Path;

/// Copies the database of `config` to `to`, which is `postgres://…` or `sqlite:FILE` and has to be empty; counts and hashes of all
/// tables are compared before it is kept. The configuration and the old database stay as they are.
pub async fn move_database(config: &Config, to: &str) -> Result<Vec<Moved>, MoveError> {
    match (&config.database, to.strip_prefix("sqlite:")) {
        (Some(url), Some(file)) => Ok(Database::export_to(url, Path::new(file)).await?),
        (None, None) => {
            let file = config.data_dir.join(DATABASE_FILE);
            if !file.is_file() {
                return Err(MoveError::NoDatabase(file.display().to_string()));
            }
            Ok(Database::import(&file, &DatabaseUrl::new(to)).await?)
        }
        (Some(_), None) => Err(MoveError::SameKind("PostgreSQL", "sqlite:FILE")),
        (None, Some(_)) => Err(MoveError::SameKind("SQLite", "postgres://…")),
    }
}

/// Why nothing was copied. The text begins with a word for programs, which stays the same.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error("no_database: there is no {0}")]
    NoDatabase(String),
    #[error("database_same_kind: the configuration's database is one of {0}: --to takes {1}")]
    SameKind(&'static str, &'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}
