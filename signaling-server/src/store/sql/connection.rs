//! Connections to either database, and transactions on them.

use super::{query, query_scalar};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection as _, Error};
use std::time::Duration;

/// For the lock that writers hold for one transaction: as with SQLite, one writes at a time, also of several processes.
const PEN: i64 = 0x636f_6e66_6162_0001;
/// For the lock that a server holds for as long as it runs.
const SERVER: i64 = 0x636f_6e66_6162_0002;
/// How long a read waits for a connection.
const FOR_A_CONNECTION: Duration = Duration::from_secs(5);
const SQLITE_READERS: u32 = 2;
const POSTGRES_READERS: u32 = 4;

pub(crate) enum Connection {
    Sqlite(Box<SqliteConnection>),
    Postgres(Box<PgConnection>),
}

#[derive(Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// How to get a connection.
#[derive(Clone)]
pub(crate) enum Options {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

/// What a statement runs on.
pub(crate) enum On<'a> {
    Pool(&'a Pool),
    One(&'a mut Connection),
}

impl<'a> From<&'a Pool> for On<'a> {
    fn from(pool: &'a Pool) -> On<'a> {
        On::Pool(pool)
    }
}

impl<'a> From<&'a mut Connection> for On<'a> {
    fn from(connection: &'a mut Connection) -> On<'a> {
        On::One(connection)
    }
}

impl Options {
    pub(crate) async fn connect(&self) -> Result<Connection, Error> {
        Ok(match self {
            Options::Sqlite(options) => Connection::Sqlite(Box::new(options.connect().await?)),
            Options::Postgres(options) => Connection::Postgres(Box::new(options.connect().await?)),
        })
    }

    /// For reading.
    pub(crate) async fn pool(&self) -> Result<Pool, Error> {
        Ok(match self {
            Options::Sqlite(options) => {
                let pool = SqlitePoolOptions::new().max_connections(SQLITE_READERS);
                Pool::Sqlite(pool.connect_with((**options).clone()).await?)
            }
            Options::Postgres(options) => {
                let pool = PgPoolOptions::new()
                    .max_connections(POSTGRES_READERS)
                    .acquire_timeout(FOR_A_CONNECTION);
                Pool::Postgres(pool.connect_with((**options).clone()).await?)
            }
        })
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Options::Postgres(_))
    }
}

impl Pool {
    pub(crate) async fn close(&self) {
        match self {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

/// Names a transaction, also when nobody knows whether its commit arrived. SQLite's are of this process and need none.
pub(crate) type Transaction = Option<String>;

impl Connection {
    pub(crate) async fn execute(&mut self, query: super::Query) -> Result<super::Done, Error> {
        query.execute(self).await
    }

    pub(crate) async fn fetch_all(
        &mut self,
        query: super::Query,
    ) -> Result<Vec<super::Row>, Error> {
        query.fetch_all(self).await
    }

    pub(crate) async fn fetch_optional(
        &mut self,
        query: super::Query,
    ) -> Result<Option<super::Row>, Error> {
        query.fetch_optional(self).await
    }

    /// A transaction that writes. In PostgreSQL it waits until no other writes: what is read in it is then as good as in SQLite.
    pub(crate) async fn begin(&mut self) -> Result<Transaction, Error> {
        super::script(self, "BEGIN").await?;
        match self {
            Connection::Sqlite(_) => Ok(None),
            Connection::Postgres(_) => {
                query("SELECT pg_advisory_xact_lock(?)")
                    .bind(PEN)
                    .execute(&mut *self)
                    .await?;
                let number = query_scalar::<String>("SELECT CAST(pg_current_xact_id() AS TEXT)");
                Ok(Some(number.fetch_one(self).await?))
            }
        }
    }

    /// One that reads all as of its beginning.
    pub(crate) async fn begin_snapshot(&mut self) -> Result<(), Error> {
        let begin = match self {
            Connection::Sqlite(_) => "BEGIN",
            Connection::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        super::script(self, begin).await
    }

    pub(crate) async fn commit(&mut self) -> Result<(), Error> {
        super::script(self, "COMMIT").await
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), Error> {
        super::script(self, "ROLLBACK").await
    }

    /// Whether a transaction of an earlier connection was committed; none: it is not decided yet.
    pub(crate) async fn was_committed(&mut self, name: &str) -> Result<Option<bool>, Error> {
        let ask =
            query_scalar::<Option<String>>("SELECT pg_xact_status(CAST(CAST(? AS TEXT) AS xid8))");
        let status = ask.bind(name).fetch_one(self).await?;
        Ok(match status.as_deref() {
            Some("committed") => Some(true),
            Some("in progress") => None,
            // Aborted, or from so long ago that nobody knows.
            _ => Some(false),
        })
    }

    /// Whether this connection is now the server's own: one server has one database. Given back with the connection.
    pub(crate) async fn claim(&mut self) -> Result<bool, Error> {
        match self {
            Connection::Sqlite(_) => Ok(true),
            Connection::Postgres(_) => {
                let claim = query_scalar::<bool>("SELECT pg_try_advisory_lock(?)").bind(SERVER);
                claim.fetch_one(self).await
            }
        }
    }

    /// Gives it back before.
    pub(crate) async fn let_go(&mut self) -> Result<(), Error> {
        if let Connection::Postgres(_) = self {
            let unlock = query_scalar::<bool>("SELECT pg_advisory_unlock(?)").bind(SERVER);
            unlock.fetch_one(self).await?;
        }
        Ok(())
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Connection::Postgres(_))
    }

    pub(crate) async fn close(self) -> Result<(), Error> {
        match self {
            Connection::Sqlite(connection) => connection.close().await,
            Connection::Postgres(connection) => connection.close().await,
        }
    }
}
