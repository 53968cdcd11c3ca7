//! Meetings in one SQLite file, in WAL mode with `synchronous=NORMAL`: a commit is in the file system's cache when it
//! returns, so it survives a kill of the process; a power cut may take the last moments, never the consistency.
//!
//! Reads go through a small pool; all writes through one task (see `writer.rs`). The command line may write at the same
//! time from its own process: SQLite locks, and both wait up to [`BUSY_TIMEOUT`]. Making the tables and the change to WAL
//! are not covered by that, so processes open the file one after the other (`confab.lock`).

use super::writer::{Job, Writer};
use super::{MeetingRecord, Pending, Store, StoreError};
use crate::secrets::Digest;
use confab_protocol::{ChatMessage, MAX_CHAT_HISTORY, MeetingId};
use confab_room::{Persisted, PersistedMeeting, StoreCommand};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Row, SqlSafeStr};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 2;
/// How long another process may take to bring the tables up to date.
const OPENING_TIMEOUT: Duration = Duration::from_secs(60);
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

const MEETING_COLUMNS: &str = "SELECT id, title, host_key, starts_at, minutes, created_at, locked, ended, state FROM meeting WHERE id = ?";

/// The files of `migrations`, in order: version, description, text. By hand and not by the macro, which would build SQLite a
/// second time for the compiler's own use.
const MIGRATIONS: &[(i64, &str, &str)] = &[(
    1,
    "meetings",
    include_str!("../../migrations/0001_meetings.sql"),
)];

fn migrator() -> Migrator {
    let migration = |(version, name, text): &(i64, &'static str, &'static str)| {
        let sql = text.into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
}

pub(crate) struct Sqlite {
    readers: SqlitePool,
    writer: Writer,
}

impl Sqlite {
    /// Opens or makes `confab.sqlite` in `data_dir` and brings its tables up to date.
    pub(crate) async fn open(data_dir: &Path) -> Result<Sqlite, StoreError> {
        let _turn = own_turn(&data_dir.join("confab.lock")).await?;
        let options = SqliteConnectOptions::new()
            .filename(data_dir.join("confab.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let connection = options.connect().await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options)
            .await?;
        migrator().run(&readers).await?;
        Ok(Sqlite {
            readers,
            writer: Writer::start(connection),
        })
    }

    /// All meetings, newest first, at most `limit`.
    pub(crate) async fn list(&self, limit: u32) -> Result<Vec<MeetingRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, title, host_key, starts_at, minutes, created_at, locked, ended, state FROM meeting \
             ORDER BY created_at DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(record).collect()
    }

    async fn read_meeting(&self, id: &MeetingId) -> Result<Option<SqliteRow>, StoreError> {
        Ok(sqlx::query(MEETING_COLUMNS)
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await?)
    }

    async fn read_all(
        &self,
        id: &MeetingId,
    ) -> Result<Option<(MeetingRecord, Persisted)>, StoreError> {
        let Some(row) = self.read_meeting(id).await? else {
            return Ok(None);
        };
        let state: Option<String> = row.try_get("state")?;
        let meeting: PersistedMeeting = match state {
            Some(json) => serde_json::from_str(&json)?,
            None => PersistedMeeting::default(),
        };
        let seats =
            sqlx::query_scalar::<_, String>("SELECT data FROM seat WHERE meeting = ? ORDER BY id")
                .bind(id.as_str())
                .fetch_all(&self.readers)
                .await?;
        let chat = sqlx::query_scalar::<_, String>(
            "SELECT data FROM chat WHERE meeting = ? ORDER BY id DESC LIMIT ?",
        )
        .bind(id.as_str())
        .bind(MAX_CHAT_HISTORY as u32)
        .fetch_all(&self.readers)
        .await?;
        let participants = seats
            .iter()
            .map(|json| serde_json::from_str(json))
            .collect::<Result<_, _>>()?;
        let chat: Vec<ChatMessage> = chat
            .iter()
            .rev()
            .map(|json| serde_json::from_str(json))
            .collect::<Result<_, _>>()?;
        Ok(Some((
            record(&row)?,
            Persisted {
                meeting,
                participants,
                chat,
            },
        )))
    }
}

fn record(row: &SqliteRow) -> Result<MeetingRecord, StoreError> {
    let broken = |what: &str| sqlx::Error::Decode(format!("column {what}").into());
    let id: String = row.try_get("id")?;
    let host_key: Vec<u8> = row.try_get("host_key")?;
    Ok(MeetingRecord {
        id: MeetingId::parse(&id).ok_or_else(|| broken("id"))?,
        title: row.try_get("title")?,
        host_key: Digest(host_key.try_into().map_err(|_| broken("host_key"))?),
        starts_at: row.try_get::<i64, _>("starts_at")? as u64,
        minutes: row.try_get("minutes")?,
        created_at: row.try_get::<i64, _>("created_at")? as u64,
        locked: row.try_get("locked")?,
        ended: row.try_get("ended")?,
    })
}

impl Store for Sqlite {
    fn create(&self, meeting: MeetingRecord) -> Pending<'_, ()> {
        Box::pin(self.writer.run(Job::Create(meeting)))
    }

    fn meeting<'a>(&'a self, id: &'a MeetingId) -> Pending<'a, Option<MeetingRecord>> {
        Box::pin(async move {
            self.read_meeting(id)
                .await?
                .as_ref()
                .map(record)
                .transpose()
        })
    }

    fn load<'a>(&'a self, id: &'a MeetingId) -> Pending<'a, Option<(MeetingRecord, Persisted)>> {
        Box::pin(self.read_all(id))
    }

    fn with_seats(&self) -> Pending<'_, Vec<MeetingId>> {
        Box::pin(async move {
            let ids = sqlx::query_scalar::<_, String>(
                "SELECT DISTINCT seat.meeting FROM seat JOIN meeting ON meeting.id = seat.meeting \
                 WHERE seat.removed = 0 AND meeting.ended = 0",
            )
            .fetch_all(&self.readers)
            .await?;
            Ok(ids.iter().filter_map(|id| MeetingId::parse(id)).collect())
        })
    }

    fn write<'a>(&'a self, id: &'a MeetingId, commands: Vec<StoreCommand>) -> Pending<'a, ()> {
        Box::pin(self.writer.run(Job::Update(id.clone(), commands)))
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.readers.close().await;
            self.writer.close().await
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use confab_protocol::ParticipantId;
    use std::ffi::OsString;

    #[test]
    fn every_file_of_the_migrations_is_run() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap());
        let mut files: Vec<_> = files.map(|f| f.file_name()).collect();
        files.sort();
        let name = |(version, name, _): &(i64, &str, &str)| {
            OsString::from(format!("{version:04}_{name}.sql"))
        };
        let listed: Vec<_> = MIGRATIONS.iter().map(name).collect();
        assert_eq!(files, listed);
    }

    fn meeting() -> MeetingRecord {
        MeetingRecord {
            id: crate::secrets::fresh_meeting_id(),
            title: "Planning".into(),
            host_key: Digest::of("key"),
            starts_at: 1_700_000_000_000,
            minutes: 45,
            created_at: 1_700_000_000_000,
            locked: false,
            ended: false,
        }
    }

    fn chat(id: u64) -> ChatMessage {
        let from = ParticipantId(1);
        ChatMessage {
            id,
            from,
            name: "Ada".into(),
            text: format!("text {id}"),
            at: id,
            client_id: id.to_string(),
        }
    }

    #[test]
    fn many_processes_may_open_a_new_database_at_once() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .unwrap();
                    runtime.block_on(async {
                        let store = Sqlite::open(dir.path()).await.unwrap();
                        store.create(meeting()).await.unwrap();
                        store.close().await.unwrap();
                    });
                });
            }
        });
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let meeting = meeting();
        let store = Sqlite::open(dir.path()).await.unwrap();
        store.create(meeting.clone()).await.unwrap();
        let state = PersistedMeeting {
            locked: true,
            seq_reserved: 99,
            ..PersistedMeeting::default()
        };
        let commands = vec![
            StoreCommand::SaveMeeting(state.clone()),
            StoreCommand::SaveChat(chat(1)),
        ];
        store.write(&meeting.id, commands).await.unwrap();
        drop(store);

        let store = Sqlite::open(dir.path()).await.unwrap();
        let (record, persisted) = store.load(&meeting.id).await.unwrap().unwrap();
        assert_eq!(
            (record.title.as_str(), record.minutes, record.locked),
            ("Planning", 45, true)
        );
        assert!(record.host_key.matches(&Digest::of("key")));
        assert_eq!(persisted.meeting, state);
        assert_eq!(persisted.chat, vec![chat(1)]);
    }

    #[tokio::test]
    async fn only_the_newest_chat_is_loaded_oldest_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path()).await.unwrap();
        let meeting = meeting();
        store.create(meeting.clone()).await.unwrap();
        let all = (1..=MAX_CHAT_HISTORY as u64 + 5)
            .map(|id| StoreCommand::SaveChat(chat(id)))
            .collect();
        store.write(&meeting.id, all).await.unwrap();
        let (_, persisted) = store.load(&meeting.id).await.unwrap().unwrap();
        let ids: Vec<u64> = persisted.chat.iter().map(|m| m.id).collect();
        assert_eq!(ids, (6..=MAX_CHAT_HISTORY as u64 + 5).collect::<Vec<_>>());
        let rows: u32 = sqlx::query_scalar("SELECT count(*) FROM chat")
            .fetch_one(&store.readers)
            .await
            .unwrap();
        assert_eq!(rows, MAX_CHAT_HISTORY as u32, "the rest is not kept");
    }

    #[tokio::test]
    async fn an_unknown_meeting_is_none_and_cannot_be_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path()).await.unwrap();
        let id = crate::secrets::fresh_meeting_id();
        assert!(store.meeting(&id).await.unwrap().is_none());
        assert!(
            store
                .write(&id, vec![StoreCommand::SaveChat(chat(1))])
                .await
                .is_err()
        );
        let known = meeting();
        store.create(known.clone()).await.unwrap();
        store
            .write(&known.id, vec![StoreCommand::SaveChat(chat(1))])
            .await
            .expect("the writer lives on");
    }
}
