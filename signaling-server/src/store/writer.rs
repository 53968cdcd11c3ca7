//! The one task that writes. Jobs queue up in a bounded channel (a full queue makes rooms wait, nothing is dropped);
//! what is waiting is written in one transaction, and every job hears whether it was.

use super::{MeetingRecord, StoreError};
use confab_protocol::{MAX_CHAT_HISTORY, MeetingId};
use confab_room::StoreCommand;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};
use tokio::sync::{mpsc, oneshot};

const QUEUE: usize = 1024;
/// Jobs of one transaction, at most.
const BATCH: usize = 128;

pub(super) enum Job {
    Create(MeetingRecord),
    Update(MeetingId, Vec<StoreCommand>),
    Close,
}

struct Entry {
    job: Job,
    done: oneshot::Sender<Result<(), StoreError>>,
}

pub(super) struct Writer {
    queue: mpsc::Sender<Entry>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection) -> Writer {
        let (queue, entries) = mpsc::channel(QUEUE);
        tokio::spawn(run(connection, entries));
        Writer { queue }
    }

    /// Hands the job in and waits until it is written.
    pub(super) async fn run(&self, job: Job) -> Result<(), StoreError> {
        let (done, written) = oneshot::channel();
        self.queue
            .send(Entry { job, done })
            .await
            .map_err(|_| StoreError::Closed)?;
        written.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        match self.run(Job::Close).await {
            Err(StoreError::Closed) => Ok(()),
            other => other,
        }
    }
}

async fn run(mut connection: SqliteConnection, mut entries: mpsc::Receiver<Entry>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut closing = Vec::new();
    while closing.is_empty() && entries.recv_many(&mut batch, BATCH).await > 0 {
        let (closes, work): (Vec<_>, Vec<_>) =
            batch.drain(..).partition(|e| matches!(e.job, Job::Close));
        write_batch(&mut connection, work).await;
        closing = closes;
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the database");
    }
    for entry in closing {
        let _ = entry.done.send(Ok(()));
    }
}

/// All in one transaction; if that fails, each alone, so that one bad job does not take the others with it.
async fn write_batch(connection: &mut SqliteConnection, batch: Vec<Entry>) {
    if batch.is_empty() {
        return;
    }
    let together = write_jobs(connection, batch.iter().map(|e| &e.job)).await;
    let alone = together.is_err() && batch.len() > 1;
    let mut result = Some(together);
    for entry in batch {
        let result = match alone {
            true => write_jobs(connection, std::iter::once(&entry.job)).await,
            false => result.take().unwrap_or(Ok(())),
        };
        // The asker may be gone; what it asked for is done all the same.
        let _ = entry.done.send(result);
    }
}

async fn write_jobs<'a>(
    connection: &mut SqliteConnection,
    jobs: impl Iterator<Item = &'a Job>,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await?;
    for job in jobs {
        match job {
            Job::Create(meeting) => create(&mut transaction, meeting).await?,
            Job::Update(id, commands) => {
                for command in commands {
                    update(&mut transaction, id.as_str(), command).await?;
                }
            }
            Job::Close => {}
        }
    }
    Ok(transaction.commit().await?)
}

async fn create(
    connection: &mut SqliteConnection,
    meeting: &MeetingRecord,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO meeting (id, title, host_key, starts_at, minutes, created_at) VALUES (?, ?, ?, ?, ?, ?)";
    let query = sqlx::query(insert)
        .bind(meeting.id.as_str())
        .bind(&meeting.title)
        .bind(meeting.host_key.0.as_slice())
        .bind(meeting.starts_at as i64)
        .bind(meeting.minutes)
        .bind(meeting.created_at as i64);
    connection.execute(query).await?;
    Ok(())
}

async fn update(
    connection: &mut SqliteConnection,
    id: &str,
    command: &StoreCommand,
) -> Result<(), StoreError> {
    let query = match command {
        StoreCommand::SaveMeeting(state) => {
            sqlx::query("UPDATE meeting SET locked = ?, ended = ?, state = ? WHERE id = ?")
                .bind(state.locked)
                .bind(state.ended)
                .bind(serde_json::to_string(state)?)
                .bind(id)
        }
        StoreCommand::SaveParticipant(seat) => sqlx::query(
            "INSERT OR REPLACE INTO seat (meeting, id, removed, data) VALUES (?, ?, ?, ?)",
        )
        .bind(id)
        .bind(seat.id.0)
        .bind(seat.removed)
        .bind(serde_json::to_string(seat)?),
        StoreCommand::DeleteParticipant(seat) => {
            sqlx::query("DELETE FROM seat WHERE meeting = ? AND id = ?")
                .bind(id)
                .bind(seat.0)
        }
        StoreCommand::SaveChat(message) => {
            sqlx::query("INSERT OR REPLACE INTO chat (meeting, id, data) VALUES (?, ?, ?)")
                .bind(id)
                .bind(message.id as i64)
                .bind(serde_json::to_string(message)?)
        }
    };
    connection.execute(query).await?;
    if let StoreCommand::SaveChat(message) = command {
        // Nobody is told more than the newest.
        let old = message.id.saturating_sub(MAX_CHAT_HISTORY as u64);
        let forget = sqlx::query("DELETE FROM chat WHERE meeting = ? AND id <= ?")
            .bind(id)
            .bind(old as i64);
        connection.execute(forget).await?;
    }
    Ok(())
}
