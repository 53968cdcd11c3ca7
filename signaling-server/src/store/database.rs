//! Meetings in the database. Reads go through a small pool; all writes through one task (see `writer.rs`).

use super::sql::{self, Connection, On, Options, Pool, Row};
use super::writer::{Job, Writer};
use super::{MeetingRecord, Pending, PlannedMeeting, Store, StoreError, place, records};
use crate::clock::wall_ms;
use crate::config::Config;
use crate::schedule::Plan;
use crate::secrets::Digest;
use crate::traces::Traces;
use confab_calendar::Schedule;
use confab_protocol::{AccountId, ChatMessage, MAX_CHAT_HISTORY, MeetingId, Policy};
use confab_room::{Persisted, PersistedMeeting, StoreCommand};
use std::sync::Arc;
use tokio::sync::Notify;

/// Meetings with their plans and what last took place of them, for [`planned_row`].
macro_rules! meetings {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.title, m.host_key, m.starts_at, m.minutes, m.created_at, m.locked, m.ended, m.owner, m.state, ",
            "p.data AS plan, p.room, p.revision, o.at AS last_at, o.name AS last_name, o.ended_at AS last_ended, o.for_all AS last_for_all ",
            "FROM meeting AS m LEFT JOIN plan AS p ON p.meeting = m.id ",
            "LEFT JOIN occurrence AS o ON o.meeting = m.id AND o.at = ",
            "(SELECT x.at FROM occurrence AS x WHERE x.meeting = m.id ORDER BY x.started_at DESC, x.at DESC LIMIT 1) ",
            $rest
        )
    };
}

const ONE: &str = meetings!("WHERE m.id = ?");
const NEWEST: &str = meetings!("ORDER BY m.created_at DESC LIMIT ?");
pub(super) const IN_ROOM: &str =
    meetings!("WHERE p.room = ?1 AND (p.ends_at IS NULL OR p.ends_at > ?2)");
pub(super) const BETWEEN: &str = meetings!(
    "WHERE (?1 IS NULL OR m.owner = ?1) AND (p.begins_at < ?3 AND (p.ends_at IS NULL OR p.ends_at > ?2) \
     OR EXISTS (SELECT 1 FROM occurrence AS h WHERE h.meeting = m.id AND h.started_at >= ?2 AND h.started_at < ?3)) \
     ORDER BY m.created_at DESC LIMIT ?4"
);
pub(super) const PERSONAL: &str = meetings!(
    "WHERE m.owner = ?1 AND json_extract(p.data, '$.schedule.kind') = 'personal_room' ORDER BY m.created_at DESC LIMIT ?2"
);

/// Planned, not over, of an account's own or with its mail address among those invited.
pub(super) const FOR_PERSON: &str = meetings!(
    "WHERE (m.owner = ?1 OR EXISTS (SELECT 1 FROM json_each(p.data, '$.invitees') AS i \
     WHERE lower(json_extract(i.value, '$.person.address')) = ?2)) \
     AND p.begins_at IS NOT NULL AND (p.ends_at IS NULL OR p.ends_at > ?3) ORDER BY p.begins_at LIMIT ?4"
);

pub(crate) struct Database {
    readers: Pool,
    writer: Writer,
}

impl Database {
    /// Opens or makes the database of `config` and brings its tables up to date.
    pub(crate) async fn open(config: &Config) -> Result<Database, StoreError> {
        let (connection, options) = place::open(config).await?;
        Database::of(connection, options, false, Traces::default()).await
    }

    /// The same for a server, whose alone it is until it ends.
    pub(crate) async fn serve(config: &Config, traces: Traces) -> Result<Database, StoreError> {
        let (mut connection, options) = place::open(config).await?;
        place::claim(&mut connection).await?;
        Database::of(connection, options, true, traces).await
    }

    /// The same for a server that takes over from another one, whose it is until [`Database::claim`]. Nothing is changed here: both
    /// work with it for a while.
    pub(crate) async fn take_over(config: &Config, traces: Traces) -> Result<Database, StoreError> {
        let (connection, options) = place::open_as_it_is(config).await?;
        Database::of(connection, options, false, traces).await
    }

    /// It is this server's own from now on.
    pub(crate) async fn claim(&self) -> Result<(), StoreError> {
        self.writer.run(Job::Serve(true)).await
    }

    /// It is another server's from now on, but this one goes on writing what its meetings have to say.
    pub(crate) async fn let_go(&self) -> Result<(), StoreError> {
        self.writer.run(Job::Serve(false)).await
    }

    async fn of(
        connection: Connection,
        options: Options,
        serves: bool,
        traces: Traces,
    ) -> Result<Database, StoreError> {
        Ok(Database {
            readers: options.pool().await?,
            writer: Writer::start(connection, options, serves, traces),
        })
    }

    /// Of a test in this folder; see [`Config::ephemeral`].
    #[cfg(test)]
    pub(crate) async fn in_folder(folder: &std::path::Path) -> Result<Database, StoreError> {
        Database::open(&Config::ephemeral(folder)).await
    }

    /// All meetings, newest first, at most `limit`.
    pub(crate) async fn list(&self, limit: u32) -> Result<Vec<MeetingRecord>, StoreError> {
        let rows = sql::query(NEWEST)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        let now = wall_ms();
        let stands = |row| Ok(planned_row(row)?.as_it_stands(now));
        rows.iter().map(stands).collect()
    }

    pub(super) fn readers(&self) -> &Pool {
        &self.readers
    }

    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Told whenever this process has written something.
    pub(crate) fn written(&self) -> Arc<Notify> {
        self.writer.written()
    }

    async fn read_meeting(&self, id: &MeetingId) -> Result<Option<Row>, StoreError> {
        Ok(sql::query(ONE)
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
            sql::query_scalar::<String>("SELECT data FROM seat WHERE meeting = ? ORDER BY id")
                .bind(id.as_str())
                .fetch_all(&self.readers)
                .await?;
        let (found, now) = (planned_row(&row)?, wall_ms());
        let turned = found.is_turned(now);
        // What was said in earlier occurrences is for their records.
        let chat = sql::query_scalar::<String>(
            "SELECT data FROM chat WHERE meeting = ? AND (at IS NOT DISTINCT FROM ? OR at IS NULL) AND ? = 0 ORDER BY id DESC LIMIT ?",
        )
        .bind(id.as_str())
        .bind(found.last.as_ref().map(|last| last.at.at as i64))
        .bind(turned)
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
            found.as_it_stands(now),
            Persisted {
                meeting: if turned { anew(&meeting) } else { meeting },
                participants,
                chat,
                uploads: self.uploads(id).await?,
            },
        )))
    }
}

/// A meeting begins a new occurrence: numbers go on, so that none is ever used twice; nothing else stays.
fn anew(before: &PersistedMeeting) -> PersistedMeeting {
    PersistedMeeting {
        seq_reserved: before.seq_reserved,
        track_reserved: before.track_reserved,
        last_participant: before.last_participant,
        last_chat: before.last_chat,
        ..PersistedMeeting::default()
    }
}

/// The meeting with its plan, by whichever connection.
pub(super) async fn planned(
    on: impl Into<On<'_>>,
    id: &str,
) -> Result<Option<PlannedMeeting>, StoreError> {
    let row = sql::query(ONE).bind(id).fetch_optional(on).await?;
    row.as_ref().map(planned_row).transpose()
}

pub(super) fn planned_row(row: &Row) -> Result<PlannedMeeting, StoreError> {
    let record = record(row)?;
    let plan = match row.try_get::<Option<String>, _>("plan")? {
        Some(json) => Plan {
            owner: record.owner.clone(),
            room: row.try_get("room")?,
            revision: row.try_get("revision")?,
            ..serde_json::from_str(&json)?
        },
        None => Plan::new(Schedule::Instant, record.created_at),
    };
    Ok(PlannedMeeting {
        plan,
        last: records::last(row)?,
        record,
    })
}

pub(super) fn broken(what: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("column {what}").into())
}

fn record(row: &Row) -> Result<MeetingRecord, StoreError> {
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
        cancelled: false,
        policy: Policy::default(),
        passcode: None,
        owner: row
            .try_get::<Option<String>, _>("owner")?
            .as_deref()
            .and_then(AccountId::parse),
        co_hosts: Vec::new(),
    })
}

impl Store for Database {
    fn create(&self, meeting: MeetingRecord) -> Pending<'_, ()> {
        Box::pin(self.writer.run(Job::Create(meeting)))
    }

    fn meeting<'a>(&'a self, id: &'a MeetingId) -> Pending<'a, Option<MeetingRecord>> {
        Box::pin(async move {
            let found = self.planned(id).await?;
            Ok(found.map(|found| found.as_it_stands(wall_ms())))
        })
    }

    fn load<'a>(&'a self, id: &'a MeetingId) -> Pending<'a, Option<(MeetingRecord, Persisted)>> {
        Box::pin(self.read_all(id))
    }

    fn with_seats(&self) -> Pending<'_, Vec<MeetingId>> {
        Box::pin(async move {
            let ids = sql::query_scalar::<String>(
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

    fn probe(&self) -> Pending<'_, ()> {
        Box::pin(self.writer.run(Job::Probe))
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.readers.close().await;
            self.writer.close().await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DATABASE_FILE;
    use crate::store::migrations::{MIGRATIONS, migrate, newest};
    use confab_protocol::ParticipantId;
    use sqlx::sqlite::SqliteConnectOptions;
    use std::path::Path;

    /// A database as the programs of old made it, with tables up to `level`.
    async fn old_database(dir: &Path, level: i64) -> Pool {
        // Rows are put in as they come, before those they refer to.
        let options = SqliteConnectOptions::new()
            .filename(dir.join(DATABASE_FILE))
            .create_if_missing(true)
            .foreign_keys(false);
        let options = Options::Sqlite(Box::new(options));
        let mut connection = options.connect().await.unwrap();
        migrate(&mut connection, level).await.unwrap();
        connection.close().await.unwrap();
        options.pool().await.unwrap()
    }

    /// In SQLite, whatever the other tests are run on.
    fn in_sqlite(dir: &Path) -> Config {
        Config {
            database: None,
            ..Config::ephemeral(dir)
        }
    }

    /// Columns of all tables, by their table.
    async fn tables(pool: &Pool) -> Vec<(String, Vec<(String, String)>)> {
        let names = sql::query_scalar::<String>(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' \
             AND name NOT LIKE 'sqlite%' ORDER BY name",
        );
        let mut all = Vec::new();
        for name in names.fetch_all(pool).await.unwrap() {
            let columns = sql::query("SELECT name, type FROM pragma_table_info(?)").bind(&name);
            let columns = columns.fetch_all(pool).await.unwrap();
            let column = |row: &Row| (row.try_get("name").unwrap(), row.try_get("type").unwrap());
            all.push((name, columns.iter().map(column).collect()));
        }
        all
    }

    /// What stands in these columns, as SQL would write it.
    async fn rows(pool: &Pool, table: &str, columns: &[(String, String)]) -> Vec<String> {
        let quoted = columns.iter().map(|(name, _)| format!("quote(\"{name}\")"));
        let quoted = quoted.collect::<Vec<_>>().join(" || ',' || ");
        let sql = format!("SELECT {quoted} FROM \"{table}\" ORDER BY 1");
        sql::query_scalar::<String>(sqlx::AssertSqlSafe(sql))
            .fetch_all(pool)
            .await
            .unwrap()
    }

    /// Two rows for every table, each value another one; those that refer to others refer to one that is there.
    async fn fill(pool: &Pool, tables: &[(String, Vec<(String, String)>)]) {
        for n in [1, 2] {
            let ids = [MeetingId::from_random(n).to_string(), account_id(n)];
            for (table, columns) in tables {
                let value = |(name, kind): &(String, String)| match (name.as_str(), kind.as_str()) {
                    ("meeting", _) => format!("'{}'", ids[0]),
                    ("id", "TEXT") if table == "meeting" => format!("'{}'", ids[0]),
                    ("account" | "owner", _) => format!("'{}'", ids[1]),
                    ("id", "TEXT") if table == "account" => format!("'{}'", ids[1]),
                    ("role", _) => "'member'".to_owned(),
                    ("host_key", _) => format!("x'{}'", "ab".repeat(32)),
                    ("data", "TEXT") if table == "plan" => {
                        "'{\"schedule\":{\"kind\":\"instant\"},\"stamp\":7}'".to_owned()
                    }
                    ("data", "TEXT") if table == "chat" => {
                        format!("'{}'", serde_json::to_string(&chat(n as u64)).unwrap())
                    }
                    ("state", _) if table == "meeting" => "NULL".to_owned(),
                    ("tools" | "room", _) => "NULL".to_owned(),
                    ("ended", _) if table == "server_minute" => n.to_string(),
                    ("for_all" | "locked" | "ended" | "removed", _) => "0".to_owned(),
                    ("ended_at" | "left_at", _) => "1700000000000".to_owned(),
                    ("minutes" | "revision", _) => "45".to_owned(),
                    ("board", _) => n.to_string(),
                    ("webhook", _) => format!("'webhook id {n} é會'"),
                    ("id", _) if table == "board" => n.to_string(),
                    (_, "INTEGER" | "BIGINT") => format!("{}", 1_700_000_000_000i64 + n as i64),
                    (_, "BLOB") => format!("x'00ff{n:02x}'"),
                    (name, _) => format!("'{table} {name} {n} é會'"),
                };
                let names: Vec<_> = columns.iter().map(|(c, _)| format!("\"{c}\"")).collect();
                let values: Vec<_> = columns.iter().map(value).collect();
                let (names, values) = (names.join(", "), values.join(", "));
                let sql = format!("INSERT INTO \"{table}\" ({names}) VALUES ({values})");
                let insert = sql::query(sqlx::AssertSqlSafe(sql));
                insert.execute(pool).await.unwrap();
            }
        }
    }

    fn account_id(n: u128) -> String {
        AccountId::from_random(n).to_string()
    }

    #[tokio::test]
    async fn whoever_takes_over_knows_the_same_tables_and_changes_none() {
        let dir = tempfile::tempdir().unwrap();
        let level = MIGRATIONS[MIGRATIONS.len() - 2].0;
        let pool = old_database(dir.path(), level).await;
        let before = tables(&pool).await;
        let taken = Database::take_over(&in_sqlite(dir.path()), Traces::default()).await;
        let error = taken.map(drop).unwrap_err();
        assert!(
            matches!(error, StoreError::OtherLevel { found, known } if found == level && known == newest()),
            "{error}"
        );
        assert_eq!(tables(&pool).await, before);
        pool.close().await;
        let store = Database::open(&in_sqlite(dir.path())).await.unwrap();
        store.close().await.unwrap();
        let taken = Database::take_over(&in_sqlite(dir.path()), Traces::default()).await;
        assert!(taken.is_ok());
    }

    #[tokio::test]
    async fn a_database_of_any_earlier_level_keeps_every_value_on_its_way_to_the_newest() {
        for (level, ..) in MIGRATIONS {
            let dir = tempfile::tempdir().unwrap();
            let pool = old_database(dir.path(), *level).await;
            let before = tables(&pool).await;
            assert!(before.len() >= 3, "level {level}");
            fill(&pool, &before).await;
            let mut said = Vec::new();
            for (table, columns) in &before {
                let found = rows(&pool, table, columns).await;
                assert_eq!(found.len(), 2, "{table} of level {level}");
                said.push(found);
            }
            pool.close().await;

            let store = Database::open(&in_sqlite(dir.path())).await.unwrap();
            for ((table, columns), said) in before.iter().zip(said) {
                let now = rows(store.readers(), table, columns).await;
                assert_eq!(now, said, "{table} of level {level}");
            }
            let wrong = sql::query("PRAGMA foreign_key_check");
            let wrong = wrong.fetch_all(store.readers()).await.unwrap();
            assert!(wrong.is_empty(), "level {level}: {} rows", wrong.len());
            let id = MeetingId::from_random(1);
            let found = store.meeting(&id).await.unwrap().unwrap();
            assert_eq!(found.title, "meeting title 1 é會", "level {level}");
            store.close().await.unwrap();
            // And once more: nothing is left to do.
            Database::open(&in_sqlite(dir.path())).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_database_of_a_newer_program_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Database::in_folder(dir.path()).await.unwrap();
        store.create(meeting()).await.unwrap();
        let newer = newest() + 1;
        let note = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (?, 'x', true, ?, 0)";
        let note = sql::query(note).bind(newer).bind(vec![0u8]);
        note.execute(store.readers()).await.unwrap();
        store.close().await.unwrap();
        let refused = Database::in_folder(dir.path()).await.err().unwrap();
        let said = refused.to_string();
        assert!(said.starts_with("database_too_new: "), "{said}");
        assert!(said.contains(&format!("level {newer}")), "{said}");
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
            cancelled: false,
            policy: Policy::default(),
            passcode: None,
            owner: None,
            co_hosts: Vec::new(),
        }
    }

    fn chat(id: u64) -> ChatMessage {
        let from = ParticipantId(1);
        ChatMessage {
            id,
            from,
            name: "Ada".into(),
            text: format!("text {id}"),
            to: None,
            present: Vec::new(),
            at: id,
            client_id: id.to_string(),
            files: Vec::new(),
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
                        let store = Database::in_folder(dir.path()).await.unwrap();
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
        let store = Database::in_folder(dir.path()).await.unwrap();
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

        let store = Database::in_folder(dir.path()).await.unwrap();
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
        let store = Database::in_folder(dir.path()).await.unwrap();
        let meeting = meeting();
        store.create(meeting.clone()).await.unwrap();
        let all = (1..=MAX_CHAT_HISTORY as u64 + 5)
            .map(|id| StoreCommand::SaveChat(chat(id)))
            .collect();
        store.write(&meeting.id, all).await.unwrap();
        let (_, persisted) = store.load(&meeting.id).await.unwrap().unwrap();
        let ids: Vec<u64> = persisted.chat.iter().map(|m| m.id).collect();
        assert_eq!(ids, (6..=MAX_CHAT_HISTORY as u64 + 5).collect::<Vec<_>>());
        let rows = sql::query_scalar::<u32>("SELECT count(*) FROM chat")
            .fetch_one(&store.readers)
            .await
            .unwrap();
        assert_eq!(rows, MAX_CHAT_HISTORY as u32, "the rest is not kept");
    }

    #[tokio::test]
    async fn an_unknown_meeting_is_none_and_cannot_be_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let store = Database::in_folder(dir.path()).await.unwrap();
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

    #[tokio::test]
    async fn meetings_made_before_there_were_plans_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let pool = old_database(dir.path(), 1).await;
        let ids = [1, 2, 3].map(MeetingId::from_random);
        let (made, later) = (1_700_000_000_000i64, 4_000_000_000_123i64);
        for (id, starts, ended) in [
            (&ids[0], made, false),
            (&ids[1], later, false),
            (&ids[2], made, true),
        ] {
            let insert = "INSERT INTO meeting (id, title, host_key, starts_at, minutes, created_at, ended) VALUES (?, 'Old', ?, ?, 45, ?, ?)";
            let insert = sql::query(insert)
                .bind(id.as_str())
                .bind(Digest::of("key").0.as_slice());
            insert
                .bind(starts)
                .bind(made)
                .bind(ended)
                .execute(&pool)
                .await
                .unwrap();
            let chat = sql::query("INSERT INTO chat (meeting, id, data) VALUES (?, 1, ?)");
            let said = serde_json::to_string(&super::tests::chat(1)).unwrap();
            chat.bind(id.as_str())
                .bind(said)
                .execute(&pool)
                .await
                .unwrap();
        }
        pool.close().await;

        let store = Database::open(&in_sqlite(dir.path())).await.unwrap();
        let found = async |id| store.planned(id).await.unwrap().unwrap();
        assert_eq!(found(&ids[0]).await.plan.schedule, Schedule::Instant);
        let planned = found(&ids[1]).await;
        assert_eq!(
            planned.plan,
            Plan {
                revision: 1,
                ..Plan::of_record(&planned.record)
            }
        );
        assert_eq!(
            planned.plan.span(),
            (Some(4_000_000_000_000), Some(4_000_002_700_000))
        );
        let (record, persisted) = store.load(&ids[2]).await.unwrap().unwrap();
        assert!(record.ended && record.host_key.matches(&Digest::of("key")));
        assert_eq!(persisted.chat, [chat(1)]);
        let listed = store
            .planned_between(None, 3_999_999_999_999, 4_000_000_000_001, 9)
            .await
            .unwrap();
        assert_eq!(
            listed
                .iter()
                .map(|m| m.record.id.clone())
                .collect::<Vec<_>>(),
            [ids[1].clone()]
        );
    }
}
