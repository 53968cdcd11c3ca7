//! Webhooks and their letters in the database. What a letter tells of is written in the same transaction ([`tell`]), so nothing is
//! told that did not take place and nothing that took place is forgotten; also what another process (the command line) writes.
//! Where nobody listens this costs one look into an empty table. The SQL is of the kind that SQLite and PostgreSQL both speak.

use super::accounts::time;
use super::sql::{self, Connection, Row};
use super::writer::Job;
use super::{Database, StoreError};
use crate::secrets::fresh_secret;
use confab_protocol::{Delivery, DeliveryState, DeliveryTrouble, HookEvent};
use serde_json::{Value, json};

/// Letters that wait for one webhook; what comes on top is counted and not put down.
const MOST_WAITING: i64 = 1_000;

#[derive(Clone, Debug)]
pub(crate) struct HookRecord {
    pub(crate) id: String,
    pub(crate) url: String,
    /// Sealed for this id.
    pub(crate) secret: Vec<u8>,
    pub(crate) events: Vec<HookEvent>,
    pub(crate) enabled: bool,
    pub(crate) gone: bool,
    pub(crate) created_at: u64,
    pub(crate) arrived_at: Option<u64>,
    pub(crate) waiting: u32,
    pub(crate) dead: u32,
    pub(crate) dropped: u32,
}

/// A letter that waits, as the courier knows it.
#[derive(Clone, Debug)]
pub(crate) struct LetterRecord {
    pub(crate) id: String,
    pub(crate) webhook: String,
    pub(crate) tries: u32,
    pub(crate) due_at: u64,
}

/// What became of a letter.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) id: String,
    pub(crate) state: DeliveryState,
    pub(crate) tries: u32,
    pub(crate) due_at: Option<u64>,
    pub(crate) status: Option<u16>,
    pub(crate) trouble: Option<DeliveryTrouble>,
    pub(crate) at: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum HookWrite {
    Add(Box<HookRecord>),
    Set {
        id: String,
        url: String,
        events: Vec<HookEvent>,
        enabled: bool,
    },
    Remove(String),
    /// It answered 410.
    SwitchOff(String),
    Tried(Tried),
    /// A letter that is over is to be sent once more, from its first try on.
    Again {
        id: String,
        at: u64,
    },
    Test {
        webhook: String,
        at: u64,
    },
    /// Forgets what arrived before the one and was given up before the other instant.
    Prune {
        arrived: u64,
        dead: u64,
    },
}

pub(super) async fn write(
    connection: &mut Connection,
    write: &HookWrite,
) -> Result<(), StoreError> {
    let query = match write {
        HookWrite::Add(hook) => sql::query(
            "INSERT INTO webhook (id, url, secret, events, enabled, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(hook.id.as_str())
        .bind(hook.url.as_str())
        .bind(hook.secret.as_slice())
        .bind(words(&hook.events))
        .bind(hook.enabled)
        .bind(hook.created_at as i64),
        HookWrite::Set {
            id,
            url,
            events,
            enabled,
        } => sql::query(
            "UPDATE webhook SET url = $1, events = $2, enabled = $3, \
             gone = CASE WHEN $3 = 1 THEN 0 ELSE gone END WHERE id = $4",
        )
        .bind(url.as_str())
        .bind(words(events))
        .bind(*enabled)
        .bind(id.as_str()),
        HookWrite::Remove(id) => sql::query("DELETE FROM webhook WHERE id = $1").bind(id.as_str()),
        HookWrite::SwitchOff(id) => {
            sql::query("UPDATE webhook SET enabled = 0, gone = 1 WHERE id = $1").bind(id.as_str())
        }
        HookWrite::Tried(tried) => return write_tried(connection, tried).await,
        HookWrite::Again { id, at } => sql::query(
            "UPDATE webhook_letter SET state = 'waiting', tries = 0, due_at = $1 WHERE id = $2 AND state <> 'waiting'",
        )
        .bind(*at as i64)
        .bind(id.as_str()),
        HookWrite::Test { webhook, at } => {
            let event = HookEvent::WebhookTest;
            let body = body(event, *at, &json!({}));
            return put_down(connection, webhook, event, &body, *at).await;
        }
        HookWrite::Prune { arrived, dead } => sql::query(
            "DELETE FROM webhook_letter WHERE (state = 'arrived' AND created_at < $1) OR (state = 'dead' AND created_at < $2)",
        )
        .bind(*arrived as i64)
        .bind(*dead as i64),
    };
    connection.execute(query).await?;
    Ok(())
}

async fn write_tried(connection: &mut Connection, tried: &Tried) -> Result<(), StoreError> {
    let update = sql::query(
        "UPDATE webhook_letter SET state = $1, tries = $2, due_at = $3, status = $4, trouble = $5 WHERE id = $6",
    )
    .bind(state_word(tried.state))
    .bind(tried.tries)
    .bind(tried.due_at.map(|at| at as i64))
    .bind(tried.status)
    .bind(tried.trouble.map(trouble_word))
    .bind(tried.id.as_str());
    connection.execute(update).await?;
    if tried.state == DeliveryState::Arrived {
        let arrived = sql::query(
            "UPDATE webhook SET arrived_at = $1 WHERE id = (SELECT webhook FROM webhook_letter WHERE id = $2)",
        )
        .bind(tried.at as i64)
        .bind(tried.id.as_str());
        connection.execute(arrived).await?;
    }
    Ok(())
}

/// Puts down a letter for everybody who listens to `event`, about a meeting and what `more` says.
pub(super) async fn tell(
    connection: &mut Connection,
    event: HookEvent,
    meeting: &str,
    at: u64,
    more: Value,
) -> Result<(), StoreError> {
    let listening =
        sql::query("SELECT id FROM webhook WHERE enabled = $1 AND events LIKE $2 ORDER BY id")
            .bind(true)
            .bind(format!("%,{},%", event.as_str()));
    let listening = connection.fetch_all(listening).await?;
    if listening.is_empty() {
        return Ok(());
    }
    let title = sql::query("SELECT title FROM meeting WHERE id = $1").bind(meeting);
    let title: Option<String> = match connection.fetch_optional(title).await? {
        Some(row) => row.try_get("title")?,
        None => None,
    };
    let mut data = json!({"meeting": {"id": meeting, "title": title.unwrap_or_default()}});
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more);
    }
    let body = body(event, at, &data);
    for row in listening {
        let webhook: String = row.try_get("id")?;
        put_down(connection, &webhook, event, &body, at).await?;
    }
    Ok(())
}

async fn put_down(
    connection: &mut Connection,
    webhook: &str,
    event: HookEvent,
    body: &str,
    at: u64,
) -> Result<(), StoreError> {
    let insert = sql::query(
        "INSERT INTO webhook_letter (id, webhook, event, body, state, created_at, due_at) \
         SELECT $1, id, $2, $3, 'waiting', $4, $4 FROM webhook WHERE id = $5 AND \
         (SELECT count(*) FROM webhook_letter AS l WHERE l.webhook = $5 AND l.state = 'waiting') < $6",
    )
    .bind(format!("msg_{}", fresh_secret()))
    .bind(event.as_str())
    .bind(body)
    .bind(at as i64)
    .bind(webhook)
    .bind(MOST_WAITING);
    if connection.execute(insert).await?.rows_affected() == 0 {
        let drop = sql::query("UPDATE webhook SET dropped = dropped + 1 WHERE id = $1");
        connection.execute(drop.bind(webhook)).await?;
    }
    Ok(())
}

/// As receivers get it.
fn body(event: HookEvent, at: u64, data: &Value) -> String {
    let zone = confab_calendar::Zone::utc();
    let moment = zone.local(at / 1000 * 1000).strftime("%Y-%m-%dT%H:%M:%S");
    let timestamp = format!("{moment}.{:03}Z", at % 1000);
    json!({"type": event.as_str(), "timestamp": timestamp, "data": data}).to_string()
}

fn words(events: &[HookEvent]) -> String {
    let words: Vec<&str> = events.iter().map(|e| e.as_str()).collect();
    format!(",{},", words.join(","))
}

fn state_word(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Waiting => "waiting",
        DeliveryState::Arrived => "arrived",
        DeliveryState::Dead => "dead",
    }
}

fn trouble_word(trouble: DeliveryTrouble) -> &'static str {
    match trouble {
        DeliveryTrouble::Unreachable => "unreachable",
        DeliveryTrouble::Forbidden => "forbidden",
    }
}

const HOOK: &str = "SELECT w.id, w.url, w.secret, w.events, w.enabled, w.gone, w.created_at, w.arrived_at, w.dropped, \
     (SELECT count(*) FROM webhook_letter AS l WHERE l.webhook = w.id AND l.state = 'waiting') AS waiting, \
     (SELECT count(*) FROM webhook_letter AS l WHERE l.webhook = w.id AND l.state = 'dead') AS dead FROM webhook AS w";

impl Database {
    pub(crate) async fn write_hook(&self, write: HookWrite) -> Result<(), StoreError> {
        self.writer().run(Job::Hook(Box::new(write))).await
    }

    /// Oldest first.
    pub(crate) async fn hooks(&self) -> Result<Vec<HookRecord>, StoreError> {
        let sql = format!("{HOOK} ORDER BY w.created_at, w.id");
        let rows = sql::query(sqlx::AssertSqlSafe(sql))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(hook).collect()
    }

    pub(crate) async fn hook(&self, id: &str) -> Result<Option<HookRecord>, StoreError> {
        let sql = format!("{HOOK} WHERE w.id = $1");
        let row = sql::query(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(hook).transpose()
    }

    /// Letters that wait for webhooks which are switched on: of each the first due, at most `of_each`, so that one that takes
    /// none does not stand before all others.
    pub(crate) async fn waiting_letters(
        &self,
        of_each: u32,
    ) -> Result<Vec<LetterRecord>, StoreError> {
        let rows = sql::query(
            "SELECT id, webhook, tries, due_at FROM (SELECT l.id, l.webhook, l.tries, l.due_at, l.number, \
             row_number() OVER (PARTITION BY l.webhook ORDER BY l.due_at, l.number) AS place \
             FROM webhook_letter AS l JOIN webhook AS w ON w.id = l.webhook \
             WHERE l.state = 'waiting' AND w.enabled = $1) AS waiting WHERE place <= $2 ORDER BY due_at, number",
        )
        .bind(true)
        .bind(of_each)
        .fetch_all(self.readers())
        .await?;
        let letter = |row: &Row| {
            Ok(LetterRecord {
                id: row.try_get("id")?,
                webhook: row.try_get("webhook")?,
                tries: row.try_get("tries")?,
                due_at: time(row, "due_at")?,
            })
        };
        rows.iter().map(letter).collect()
    }

    /// What a letter says.
    pub(crate) async fn letter_body(&self, id: &str) -> Result<Option<String>, StoreError> {
        let body = sql::query_scalar::<String>("SELECT body FROM webhook_letter WHERE id = $1")
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        Ok(body)
    }

    /// The newest letters to a webhook first, those that are dead before all others.
    pub(crate) async fn deliveries(
        &self,
        webhook: &str,
        most: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let rows = sql::query(
            "SELECT id, event, state, created_at, tries, due_at, status, trouble FROM webhook_letter WHERE webhook = $1 \
             ORDER BY CASE state WHEN 'dead' THEN 0 ELSE 1 END, number DESC LIMIT $2",
        )
        .bind(webhook)
        .bind(most)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(delivery).collect()
    }
}

fn broken(what: &str) -> StoreError {
    sqlx::Error::Decode(format!("column {what}").into()).into()
}

fn maybe_time(row: &Row, column: &str) -> Result<Option<u64>, StoreError> {
    let at: Option<i64> = row.try_get(column)?;
    Ok(at.map(|at| at as u64))
}

fn hook(row: &Row) -> Result<HookRecord, StoreError> {
    let events: String = row.try_get("events")?;
    Ok(HookRecord {
        id: row.try_get("id")?,
        url: row.try_get("url")?,
        secret: row.try_get("secret")?,
        events: events.split(',').filter_map(HookEvent::parse).collect(),
        enabled: row.try_get("enabled")?,
        gone: row.try_get("gone")?,
        created_at: time(row, "created_at")?,
        arrived_at: maybe_time(row, "arrived_at")?,
        waiting: row.try_get("waiting")?,
        dead: row.try_get("dead")?,
        dropped: row.try_get("dropped")?,
    })
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    let event: String = row.try_get("event")?;
    let state: String = row.try_get("state")?;
    let trouble: Option<String> = row.try_get("trouble")?;
    Ok(Delivery {
        id: row.try_get("id")?,
        event: HookEvent::parse(&event).ok_or_else(|| broken("event"))?,
        state: match state.as_str() {
            "waiting" => DeliveryState::Waiting,
            "arrived" => DeliveryState::Arrived,
            "dead" => DeliveryState::Dead,
            _ => return Err(broken("state")),
        },
        created_at: time(row, "created_at")?,
        tries: row.try_get("tries")?,
        due_at: maybe_time(row, "due_at")?,
        status: row.try_get("status")?,
        trouble: match trouble.as_deref() {
            Some("forbidden") => Some(DeliveryTrouble::Forbidden),
            Some(_) => Some(DeliveryTrouble::Unreachable),
            None => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_says_what_and_when() {
        let text = body(HookEvent::MeetingEnded, 1_795_000_000_042, &json!({"a": 1}));
        let value: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["type"], "meeting.ended");
        let when = value["timestamp"].as_str().expect("a text");
        assert!(
            when.starts_with("2026-11-18T") && when.ends_with(".042Z"),
            "{when}"
        );
        assert_eq!(value["data"], json!({"a": 1}));
    }
}
