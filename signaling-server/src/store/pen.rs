//! The connection that writes, and what becomes of a write when it breaks.
//!
//! SQLite ends a transaction by itself where the disk is full or broken, and going on as if it had not would acknowledge writes that
//! wait for a commit which never comes; so it is opened anew after that. PostgreSQL may be gone for a while: a write then waits, tries
//! again with growing pauses, and is given up after [`PATIENCE`]. Where the connection broke while it committed, PostgreSQL is asked
//! what became of that transaction, so nothing is written twice and nothing is taken for written that is not.

use super::sql::{Connection, Options, Transaction};
use super::writer::{Job, write_jobs};
use super::{StoreError, place};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long PostgreSQL may be gone until writes fail. From then on they fail at once, until it is back.
const PATIENCE: Duration = Duration::from_secs(120);
/// A transaction that takes longer is one whose connection is dead.
const ONE_TRY: Duration = Duration::from_secs(30);
/// Pauses between tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(3));

pub(super) struct Pen {
    options: Options,
    /// The database is this server's own, also after a new connection.
    serves: bool,
    connection: Option<Connection>,
    /// A transaction of which nobody knows whether its commit arrived.
    unsure: Transaction,
    lost_at: Option<Instant>,
}

impl Pen {
    pub(super) fn new(connection: Connection, options: Options, serves: bool) -> Pen {
        Pen {
            options,
            serves,
            connection: Some(connection),
            unsure: None,
            lost_at: None,
        }
    }

    /// All jobs in one transaction, or none of them.
    pub(super) async fn write(&mut self, jobs: &[&Job]) -> Result<(), StoreError> {
        self.unsure = None;
        let mut pause = PAUSES.0;
        loop {
            let written = match self.options.is_postgres() {
                false => self.attempt(jobs).await,
                true => timeout(ONE_TRY, self.attempt(jobs))
                    .await
                    .unwrap_or_else(|_| Err(late())),
            };
            match written {
                Err(error) if self.options.is_postgres() && error.is_lost() => {
                    let since = *self.lost_at.get_or_insert_with(|| {
                        tracing::error!(%error, "the database is gone: what is to be written waits");
                        Instant::now()
                    });
                    if since.elapsed() > PATIENCE {
                        return Err(error);
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                other => {
                    if let Some(since) = self.lost_at.take() {
                        let seconds = since.elapsed().as_secs();
                        tracing::warn!(seconds, "the database is back");
                    }
                    return other;
                }
            }
        }
    }

    async fn attempt(&mut self, jobs: &[&Job]) -> Result<(), StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        if let Some(name) = &self.unsure {
            match connection.was_committed(name).await? {
                Some(true) => {
                    self.unsure = None;
                    self.connection = Some(connection);
                    return Ok(());
                }
                Some(false) => self.unsure = None,
                None => {
                    self.connection = Some(connection);
                    return Err(undecided());
                }
            }
        }
        let written = self.transact(&mut connection, jobs).await;
        let is_good = match &written {
            Ok(()) => true,
            Err(error) if error.is_lost() || error.may_end_transactions() => false,
            Err(_) => connection.rollback().await.is_ok(),
        };
        match is_good {
            true => self.connection = Some(connection),
            false => {
                let _ = connection.close().await;
            }
        }
        written
    }

    async fn transact(
        &mut self,
        connection: &mut Connection,
        jobs: &[&Job],
    ) -> Result<(), StoreError> {
        let name = connection.begin().await?;
        write_jobs(connection, jobs).await?;
        self.unsure = name;
        let committed = connection.commit().await.map_err(StoreError::from);
        if !matches!(&committed, Err(error) if error.is_lost()) {
            self.unsure = None;
        }
        committed
    }

    /// The database is this server's own from now on, or not any more. A connection that is made later sees to it by itself.
    pub(super) async fn serve(&mut self, serves: bool) -> Result<(), StoreError> {
        self.serves = serves;
        match &mut self.connection {
            Some(connection) if serves => place::claim(connection).await,
            Some(connection) => Ok(connection.let_go().await?),
            None => Ok(()),
        }
    }

    async fn connect(&self) -> Result<Connection, StoreError> {
        let mut connection = match self.options.is_postgres() {
            true => place::connect(&self.options).await?,
            false => self.options.connect().await?,
        };
        if self.serves && !connection.claim().await? {
            return Err(StoreError::InUse);
        }
        Ok(connection)
    }

    pub(super) async fn close(self) {
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "closing the database");
        }
    }
}

fn late() -> StoreError {
    let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "the database does not get on");
    sqlx::Error::Io(late).into()
}

fn undecided() -> StoreError {
    let open = std::io::Error::new(
        std::io::ErrorKind::WouldBlock,
        "the last transaction is not over",
    );
    sqlx::Error::Io(open).into()
}

#[cfg(test)]
mod tests;
