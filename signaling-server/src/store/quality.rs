//! How calls went, in the database: minutes of their participants, and the server's own.

use super::records::bound;
use super::sql::{self, Connection, Row};
use super::writer::Job;
use super::{Database, StoreError, database};
use confab_protocol::{
    Call, CallMinute, CallPerson, GOOD_SCORE, MeetingId, ParticipantId, ServerMinute,
};
use confab_room::MinuteOf;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Whoever comes back to a meeting within this time is in the same call, milliseconds.
const SAME_CALL_MS: u64 = 10 * 60_000;

/// Calls with their sums, for [`call_row`].
macro_rules! calls {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.meeting, c.title, c.began, c.ended, ",
            "(SELECT count(*) FROM call_person AS p WHERE p.call = c.id) AS people, ",
            "count(m.ended) AS minutes, count(CASE WHEN m.score < ?1 THEN 1 END) AS poor ",
            "FROM call AS c LEFT JOIN call_minute AS m ON m.call = c.id ",
            $rest,
            " GROUP BY c.id"
        )
    };
}

const ONE: &str = calls!("WHERE c.id = ?2");
/// Newest first; those are the ones with the highest numbers.
const PAGE: &str = concat!(
    calls!(
        "WHERE c.id IN (SELECT x.id FROM call AS x WHERE x.id < ?2 ORDER BY x.id DESC LIMIT ?3)"
    ),
    " ORDER BY c.id DESC"
);

/// A minute of a meeting's participant, with its score.
#[derive(Clone, Debug)]
pub(crate) struct MinuteRecord {
    pub(crate) meeting: MeetingId,
    pub(crate) title: String,
    pub(crate) minute: MinuteOf,
    pub(crate) score: u8,
}

#[derive(Clone, Debug)]
pub(crate) enum QualityWrite {
    Minute(Box<MinuteRecord>),
    Server(ServerMinute),
    /// Calls and minutes that ended before.
    Forget(u64),
}

pub(super) async fn write(
    connection: &mut Connection,
    write: &QualityWrite,
) -> Result<(), StoreError> {
    match write {
        QualityWrite::Minute(record) => minute(connection, record).await,
        QualityWrite::Server(minute) => {
            let insert = "INSERT INTO server_minute (ended, began, cpu, packets, dropped) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT (ended) DO UPDATE SET began = excluded.began, cpu = excluded.cpu, packets = excluded.packets, \
                 dropped = excluded.dropped";
            let insert = sql::query(insert)
                .bind(bound(minute.to))
                .bind(bound(minute.from))
                .bind(minute.cpu)
                .bind(bound(minute.packets))
                .bind(bound(minute.dropped));
            connection.execute(insert).await?;
            Ok(())
        }
        QualityWrite::Forget(before) => {
            for forget in [
                "DELETE FROM call WHERE ended < ?",
                "DELETE FROM server_minute WHERE ended < ?",
            ] {
                let forget = sql::query(forget).bind(bound(*before));
                connection.execute(forget).await?;
            }
            Ok(())
        }
    }
}

async fn minute(connection: &mut Connection, record: &MinuteRecord) -> Result<(), StoreError> {
    let minute = &record.minute;
    let call = call_of(connection, record).await?;
    let person = "INSERT INTO call_person (call, participant, name, client) VALUES (?, ?, ?, ?) \
         ON CONFLICT (call, participant) DO UPDATE SET name = excluded.name, client = excluded.client";
    let person = sql::query(person)
        .bind(call)
        .bind(minute.participant.0)
        .bind(&minute.name)
        .bind(word(&minute.client)?);
    connection.execute(person).await?;
    let insert = "INSERT INTO call_minute (call, participant, ended, began, score, client, server) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (call, participant, ended) DO UPDATE SET \
         began = excluded.began, score = excluded.score, client = excluded.client, server = excluded.server";
    let insert = sql::query(insert)
        .bind(call)
        .bind(minute.participant.0)
        .bind(bound(minute.to))
        .bind(bound(minute.from))
        .bind(record.score)
        .bind(minute.report.as_ref().map(json).transpose()?)
        .bind(minute.measured.as_ref().map(json).transpose()?);
    connection.execute(insert).await?;
    Ok(())
}

/// The number of the call that the minute belongs to; it reaches over the minute from now on.
async fn call_of(connection: &mut Connection, record: &MinuteRecord) -> Result<i64, StoreError> {
    let (from, to) = (record.minute.from, record.minute.to);
    let find = "SELECT id FROM call WHERE meeting = ? AND ended >= ? ORDER BY ended DESC LIMIT 1";
    let find = sql::query_scalar::<i64>(find)
        .bind(record.meeting.as_str())
        .bind(bound(from.saturating_sub(SAME_CALL_MS)));
    if let Some(call) = find.fetch_optional(&mut *connection).await? {
        let reach = "UPDATE call SET began = CASE WHEN began < ?1 THEN began ELSE ?1 END, \
             ended = CASE WHEN ended > ?2 THEN ended ELSE ?2 END, title = ?3 WHERE id = ?4";
        let reach = sql::query(reach)
            .bind(bound(from))
            .bind(bound(to))
            .bind(&record.title)
            .bind(call);
        connection.execute(reach).await?;
        return Ok(call);
    }
    let insert = "INSERT INTO call (meeting, title, began, ended) VALUES (?, ?, ?, ?) RETURNING id";
    let insert = sql::query_scalar::<i64>(insert)
        .bind(record.meeting.as_str())
        .bind(&record.title)
        .bind(bound(from))
        .bind(bound(to));
    Ok(insert.fetch_one(&mut *connection).await?)
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    Ok(serde_json::to_string(value)?)
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    Ok(serde_json::from_str(text)?)
}

/// An enum's name on the wire.
fn word(value: &impl Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(word) => Ok(word),
        _ => Err(database::broken("client").into()),
    }
}

impl Database {
    pub(crate) async fn write_quality(&self, write: QualityWrite) -> Result<(), StoreError> {
        self.writer().run(Job::Quality(write)).await
    }

    /// Newest first, those with numbers below `before`.
    pub(crate) async fn calls(&self, before: u32, limit: u32) -> Result<Vec<Call>, StoreError> {
        let rows = sql::query(PAGE)
            .bind(GOOD_SCORE)
            .bind(before)
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(call_row).collect()
    }

    pub(crate) async fn call(&self, id: u32) -> Result<Option<Call>, StoreError> {
        let row = sql::query(ONE)
            .bind(GOOD_SCORE)
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(call_row).transpose()
    }

    /// A call's participants with their minutes, by number and time: the newest minutes of all, at most `limit`.
    pub(crate) async fn call_people(
        &self,
        call: u32,
        limit: u32,
    ) -> Result<Vec<CallPerson>, StoreError> {
        let rows = sql::query("SELECT * FROM call_person WHERE call = ? ORDER BY participant")
            .bind(call)
            .fetch_all(self.readers())
            .await?;
        let person = |row| person_row(row);
        let mut people: Vec<CallPerson> = rows.iter().map(person).collect::<Result<_, _>>()?;
        let newest = "SELECT * FROM (SELECT * FROM call_minute WHERE call = ? ORDER BY ended DESC LIMIT ?) AS newest ORDER BY ended";
        let rows = sql::query(newest)
            .bind(call)
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        for row in &rows {
            let participant = ParticipantId(row.try_get("participant")?);
            if let Ok(at) = people.binary_search_by_key(&participant, |p| p.id) {
                people[at].minutes.push(minute_row(row)?);
            }
        }
        Ok(people)
    }

    /// Those that have to do with a time.
    pub(crate) async fn server_minutes(
        &self,
        (from, to): (u64, u64),
        limit: u32,
    ) -> Result<Vec<ServerMinute>, StoreError> {
        let newest = "SELECT * FROM (SELECT * FROM server_minute WHERE ended > ? AND began < ? ORDER BY ended DESC LIMIT ?) AS newest ORDER BY ended";
        let rows = sql::query(newest)
            .bind(bound(from))
            .bind(bound(to))
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(server_row).collect()
    }
}

fn number(row: &Row, name: &str) -> Result<u64, StoreError> {
    Ok(row.try_get::<i64, _>(name)? as u64)
}

fn call_row(row: &Row) -> Result<Call, StoreError> {
    let meeting: String = row.try_get("meeting")?;
    Ok(Call {
        id: row.try_get("id")?,
        meeting: MeetingId::parse(&meeting).ok_or_else(|| database::broken("meeting"))?,
        title: row.try_get("title")?,
        from: number(row, "began")?,
        to: number(row, "ended")?,
        people: row.try_get("people")?,
        minutes: row.try_get("minutes")?,
        poor_minutes: row.try_get("poor")?,
    })
}

fn person_row(row: &Row) -> Result<CallPerson, StoreError> {
    let client: String = row.try_get("client")?;
    Ok(CallPerson {
        id: ParticipantId(row.try_get("participant")?),
        name: row.try_get("name")?,
        client: serde_json::from_value(client.into())?,
        minutes: Vec::new(),
    })
}

fn minute_row(row: &Row) -> Result<CallMinute, StoreError> {
    let client: Option<String> = row.try_get("client")?;
    let server: Option<String> = row.try_get("server")?;
    Ok(CallMinute {
        from: number(row, "began")?,
        to: number(row, "ended")?,
        score: row.try_get("score")?,
        client: client.as_deref().map(parsed).transpose()?,
        server: server.as_deref().map(parsed).transpose()?,
    })
}

fn server_row(row: &Row) -> Result<ServerMinute, StoreError> {
    Ok(ServerMinute {
        from: number(row, "began")?,
        to: number(row, "ended")?,
        cpu: row.try_get("cpu")?,
        packets: number(row, "packets")?,
        dropped: number(row, "dropped")?,
    })
}

#[cfg(test)]
mod tests;
