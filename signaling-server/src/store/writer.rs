//! The one task that writes. Jobs queue up in a bounded channel (a full queue makes rooms wait, nothing is dropped);
//! what is waiting is written in one transaction, and every job hears whether it was.

use super::accounts::{self, AccountChange};
use super::pen::Pen;
use super::sql::{self, Connection, Options};
use super::{
    BoardWrite, CaldavWrite, FileWrite, HookWrite, MeetingRecord, PlanWrite, QualityWrite,
    StoreError, boards, caldav, files, plans, quality, records, webhooks,
};
use crate::clock::wall_ms;
use crate::schedule::Plan;
use crate::traces::{Cause, Span, SpanKind, Traces};
use confab_protocol::{MAX_CHAT_HISTORY, MeetingId};
use confab_room::StoreCommand;
use sqlx::AssertSqlSafe;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, oneshot};

const QUEUE: usize = 1024;
/// Jobs of one transaction, at most.
const BATCH: usize = 128;

pub(super) enum Job {
    Create(MeetingRecord),
    Update(MeetingId, Vec<StoreCommand>),
    Plan(Box<PlanWrite>),
    Accounts(Vec<AccountChange>),
    Caldav(Box<CaldavWrite>),
    Files(FileWrite),
    Board(Box<BoardWrite>),
    Hook(Box<HookWrite>),
    /// Changes nothing, but goes the way of all writes.
    Probe,
    Quality(QualityWrite),
    /// The database is the server's own, or not any more: another process has it.
    Serve(bool),
    Close,
}

struct Entry {
    job: Job,
    done: oneshot::Sender<Result<(), StoreError>>,
    cause: Cause,
}

pub(super) struct Writer {
    queue: mpsc::Sender<Entry>,
    written: Arc<Notify>,
}

impl Writer {
    /// `options` open the same database again; `serves`: it has to be the server's own then, too.
    pub(super) fn start(
        connection: Connection,
        options: Options,
        serves: bool,
        traces: Traces,
    ) -> Writer {
        let (queue, entries) = mpsc::channel(QUEUE);
        let system = match options.is_postgres() {
            true => "postgresql",
            false => "sqlite",
        };
        let pen = Pen::new(connection, options, serves);
        let written = Arc::new(Notify::new());
        let told = Told { traces, system };
        tokio::spawn(run(pen, entries, Arc::clone(&written), told));
        Writer { queue, written }
    }

    /// Told whenever something was written: there may be letters to send.
    pub(super) fn written(&self) -> Arc<Notify> {
        Arc::clone(&self.written)
    }

    /// Hands the job in and waits until it is written.
    pub(super) async fn run(&self, job: Job) -> Result<(), StoreError> {
        let (done, written) = oneshot::channel();
        let cause = Cause::current();
        self.queue
            .send(Entry { job, done, cause })
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

/// Who is told how long writing took.
struct Told {
    traces: Traces,
    system: &'static str,
}

impl Told {
    fn span(&self, batch: &[Entry]) -> Span {
        // Looking whether the disk is well is no work.
        if batch.iter().all(|e| matches!(e.job, Job::Probe)) {
            return Span::default();
        }
        let causes: Vec<Cause> = batch.iter().map(|e| e.cause.clone()).collect();
        let name = "database write";
        let mut span = self.traces.span_for(name, SpanKind::Client, &causes);
        span.set("db.system.name", self.system);
        if batch.len() > 1 {
            span.set("db.operation.batch.size", batch.len());
        }
        span
    }
}

async fn run(mut pen: Pen, mut entries: mpsc::Receiver<Entry>, written: Arc<Notify>, told: Told) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut closing = Vec::new();
    while closing.is_empty() && entries.recv_many(&mut batch, BATCH).await > 0 {
        let (closes, work): (Vec<_>, Vec<_>) =
            batch.drain(..).partition(|e| matches!(e.job, Job::Close));
        let (turns, work): (Vec<_>, Vec<_>) = work
            .into_iter()
            .partition(|e| matches!(e.job, Job::Serve(_)));
        write_batch(&mut pen, work, &told).await;
        for Entry { job, done, .. } in turns {
            if let Job::Serve(serves) = job {
                // The asker may be gone.
                let _ = done.send(pen.serve(serves).await);
            }
        }
        written.notify_one();
        closing = closes;
    }
    pen.close().await;
    for entry in closing {
        let _ = entry.done.send(Ok(()));
    }
}

/// All in one transaction; if that fails, each alone, so that one bad job does not take the others with it.
async fn write_batch(pen: &mut Pen, batch: Vec<Entry>, told: &Told) {
    if batch.is_empty() {
        return;
    }
    let mut span = told.span(&batch);
    let jobs: Vec<&Job> = batch.iter().map(|e| &e.job).collect();
    let together = pen.write(&jobs).await;
    if let Err(error) = &together {
        span.failed(error.kind());
    }
    let alone = together.is_err() && batch.len() > 1;
    let mut result = Some(together);
    for entry in batch {
        let result = match alone {
            true => pen.write(&[&entry.job]).await,
            false => result.take().unwrap_or(Ok(())),
        };
        // The asker may be gone; what it asked for is done all the same.
        let _ = entry.done.send(result);
    }
}

/// In the transaction that is open.
pub(super) async fn write_jobs(
    connection: &mut Connection,
    jobs: &[&Job],
) -> Result<(), StoreError> {
    for job in jobs {
        match job {
            Job::Create(meeting) => create(connection, meeting).await?,
            Job::Update(id, commands) => {
                let now = wall_ms();
                for command in commands {
                    update(connection, id.as_str(), command).await?;
                    records::follow(connection, id.as_str(), command, now).await?;
                }
            }
            Job::Plan(write) => plans::write(connection, write).await?,
            Job::Accounts(steps) => {
                for step in steps {
                    accounts::change(connection, step).await?;
                }
            }
            Job::Files(write) => files::write(connection, write).await?,
            Job::Caldav(write) => caldav::write(connection, write).await?,
            Job::Board(write) => boards::write(connection, write).await?,
            Job::Hook(write) => webhooks::write(connection, write).await?,
            Job::Probe => probe(connection).await?,
            Job::Quality(write) => quality::write(connection, write).await?,
            Job::Serve(_) | Job::Close => {}
        }
    }
    Ok(())
}

/// Writes the first page as it is: a disk that is full or was taken away says so here. In PostgreSQL a transaction that writes has
/// a number, which a database that takes nothing does not give out.
pub(super) async fn probe(connection: &mut Connection) -> Result<(), StoreError> {
    if connection.is_postgres() {
        return Ok(());
    }
    let version = sql::query_scalar::<i64>("PRAGMA user_version")
        .fetch_one(&mut *connection)
        .await?;
    let same = format!("PRAGMA user_version = {version}");
    sql::query(AssertSqlSafe(same)).execute(connection).await?;
    Ok(())
}

async fn create(connection: &mut Connection, meeting: &MeetingRecord) -> Result<(), StoreError> {
    plans::insert_meeting(connection, meeting).await?;
    plans::insert_plan(connection, &meeting.id, &Plan::of_record(meeting)).await
}

async fn update(
    connection: &mut Connection,
    id: &str,
    command: &StoreCommand,
) -> Result<(), StoreError> {
    let query = match command {
        StoreCommand::SaveMeeting(state) => Some(
            sql::query("UPDATE meeting SET locked = ?, ended = ?, state = ? WHERE id = ?")
                .bind(state.locked)
                .bind(state.ended)
                .bind(serde_json::to_string(state)?)
                .bind(id),
        ),
        StoreCommand::SaveParticipant(seat) => Some(
            sql::query(
                "INSERT INTO seat (meeting, id, removed, data) VALUES (?, ?, ?, ?) \
                 ON CONFLICT (meeting, id) DO UPDATE SET removed = excluded.removed, data = excluded.data",
            )
            .bind(id)
            .bind(seat.id.0)
            .bind(seat.removed)
            .bind(serde_json::to_string(seat)?),
        ),
        StoreCommand::DeleteParticipant(seat) => Some(
            sql::query("DELETE FROM seat WHERE meeting = ? AND id = ?")
                .bind(id)
                .bind(seat.0),
        ),
        StoreCommand::SaveChat(message) => Some(
            sql::query(
                "INSERT INTO chat (meeting, id, data, at) \
                 VALUES (?1, ?2, ?3, (SELECT at FROM occurrence WHERE meeting = ?1 AND ended_at IS NULL)) \
                 ON CONFLICT (meeting, id) DO UPDATE SET data = excluded.data, at = excluded.at",
            )
            .bind(id)
            .bind(message.id as i64)
            .bind(serde_json::to_string(message)?),
        ),
        StoreCommand::RemoveFile(file) => Some(
            sql::query("DELETE FROM file WHERE meeting = ? AND id = ?")
                .bind(id)
                .bind(file.as_str()),
        ),
        // For the record of who was there alone.
        StoreCommand::Spoke(_) => None,
    };
    if let Some(query) = query {
        connection.execute(query).await?;
    }
    if let StoreCommand::SaveChat(message) = command {
        files::carried(connection, id, message, wall_ms()).await?;
        // Nobody is told more than the newest of an occurrence.
        let old = message.id.saturating_sub(MAX_CHAT_HISTORY as u64);
        let forget = sql::query(
            "DELETE FROM chat WHERE meeting = ?1 AND id <= ?2 AND at IS NOT DISTINCT FROM (SELECT at FROM chat WHERE meeting = ?1 AND id = ?3)",
        )
        .bind(id)
        .bind(old as i64)
        .bind(message.id as i64);
        connection.execute(forget).await?;
    }
    Ok(())
}
