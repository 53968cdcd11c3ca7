//! What is kept of a person with an account: all of it for the person to take along, and what becomes of it when the account goes.
//! Chat and attendance are found by the account of the seat (from migration 10 on); what people did without being signed in is
//! nobody's account.

use super::accounts::AccountRecord;
use super::sql::{self, Connection, Row};
use super::{Database, StoreError};
use confab_protocol::{AccountId, ParticipantId};
use confab_room::{PersistedMeeting, PersistedTools};
use serde::Serialize;
use serde_json::Value;

/// In place of the name or mail address of somebody whose account is gone.
pub(crate) const DELETED: &str = "[deleted]";

/// Everything kept of one account, but for secrets. Times are milliseconds since 1970.
#[derive(Debug, Serialize)]
pub(crate) struct Export {
    pub(crate) format: u32,
    pub(crate) made_at: u64,
    pub(crate) account: Value,
    pub(crate) sessions: Vec<Value>,
    pub(crate) passkeys: Vec<Value>,
    pub(crate) providers: Vec<Value>,
    /// The calendar that meetings are pushed to.
    pub(crate) calendar: Vec<Value>,
    pub(crate) feeds: Vec<Value>,
    /// Made by it, with their plans.
    pub(crate) meetings: Vec<Value>,
    /// Where it was.
    pub(crate) attended: Vec<Value>,
    /// Messages it wrote, with their meetings.
    pub(crate) chat: Vec<Value>,
    /// Files it uploaded; their bytes are in their meetings' chats.
    pub(crate) files: Vec<Value>,
    /// Whiteboards it drew on.
    pub(crate) boards: Vec<Value>,
    /// Entries of the audit log that name its mail address.
    pub(crate) audit: Vec<Value>,
}

impl Database {
    /// All that is kept of `account`.
    pub(crate) async fn export(
        &self,
        account: &AccountRecord,
        now: u64,
    ) -> Result<Export, StoreError> {
        let id = account.id.as_str();
        Ok(Export {
            format: 1,
            made_at: now,
            account: serde_json::json!({
                "id": id, "email": account.email, "name": account.name, "role": account.role,
                "language": account.language, "time_zone": account.time_zone,
                "created_at": account.created_at, "has_password": account.password.is_some(),
            }),
            sessions: self.lines(SESSIONS, id).await?,
            passkeys: self.lines(PASSKEYS, id).await?,
            providers: self.lines(PROVIDERS, id).await?,
            calendar: self.lines(CALENDAR, id).await?,
            feeds: self.lines(FEEDS, id).await?,
            meetings: self.lines(MEETINGS, id).await?,
            attended: self.lines(ATTENDED, id).await?,
            chat: self.lines(CHAT, id).await?,
            files: self.lines(FILES, id).await?,
            boards: self.lines(BOARDS, &format!("account:{id}")).await?,
            audit: self.lines(AUDIT, &account.email).await?,
        })
    }

    /// One JSON object from each row, by the names of its columns: bytes in hex; JSON as it is where the name ends in `_json`.
    async fn lines(&self, sql: &'static str, of: &str) -> Result<Vec<Value>, StoreError> {
        let rows = sql::query(sql).bind(of).fetch_all(self.readers()).await?;
        rows.iter().map(line).collect()
    }
}

fn line(row: &Row) -> Result<Value, StoreError> {
    let mut line = serde_json::Map::new();
    for (name, value) in row.columns() {
        let (name, is_json) = match name.strip_suffix("_json") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let value = match value {
            sql::Value::Text(Some(text)) if is_json => serde_json::from_str(text)?,
            sql::Value::Text(text) => text.clone().into(),
            sql::Value::Int(number) => (*number).into(),
            sql::Value::Blob(bytes) => bytes.as_deref().map(hex).into(),
        };
        line.insert(name.to_owned(), value);
    }
    if let Some(Value::Object(plan)) = line.get_mut("plan") {
        plan.remove("passcode");
    }
    Ok(line.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const SESSIONS: &str = "SELECT created_at, used_at, expires_at, agent FROM account_session WHERE account = ? ORDER BY created_at";
const PASSKEYS: &str =
    "SELECT name, created_at, used_at FROM passkey WHERE account = ? ORDER BY created_at";
const PROVIDERS: &str = "SELECT issuer, subject, email, created_at, used_at FROM account_identity WHERE account = ? ORDER BY created_at";
const CALENDAR: &str =
    "SELECT url, login, calendar, name, pushed_at FROM calendar_link WHERE account = ?";
const FEEDS: &str = "SELECT name, created_at FROM feed WHERE owner = ? ORDER BY created_at";
const MEETINGS: &str = "SELECT m.id, m.title, m.created_at, m.starts_at, m.minutes, m.ended, p.data AS plan_json \
    FROM meeting AS m LEFT JOIN plan AS p ON p.meeting = m.id WHERE m.owner = ? ORDER BY m.created_at";
const ATTENDED: &str = "SELECT a.meeting, m.title, a.name, a.role, a.joined_at, a.left_at, a.spoken AS seconds_spoken \
    FROM attendance AS a JOIN meeting AS m ON m.id = a.meeting WHERE a.account = ? ORDER BY a.joined_at";
const CHAT: &str = "SELECT c.meeting, m.title, c.data AS message_json FROM attendance AS a \
    JOIN meeting AS m ON m.id = a.meeting \
    JOIN chat AS c ON c.meeting = a.meeting AND CAST(json_extract(c.data, '$.from') AS BIGINT) = a.participant \
    WHERE a.account = ? ORDER BY CAST(json_extract(c.data, '$.at') AS BIGINT)";
const FILES: &str = "SELECT meeting, name, size, sha256, created_at, \
    (SELECT b.name FROM board AS b WHERE b.id = file.board) AS board FROM file WHERE account = ? ORDER BY created_at";
const BOARDS: &str = "SELECT b.meeting, b.name AS board, b.created_at, w.name \
    FROM board_author AS w JOIN board AS b ON b.id = w.board WHERE w.who = ? ORDER BY b.created_at";
const AUDIT: &str = "SELECT at, action, CASE WHEN actor = ?1 THEN actor END AS \"by\", \
    CASE WHEN subject = ?1 THEN subject END AS \"of\", detail, CASE WHEN actor = ?1 THEN address END AS address \
    FROM audit WHERE actor = ?1 OR subject = ?1 ORDER BY id";

/// The account goes, and with it everything that is its own alone. What others have a part in stays without it: see [`sweep`].
pub(super) async fn erase(
    connection: &mut Connection,
    account: &AccountId,
    email: &str,
) -> Result<(), StoreError> {
    let id = account.as_str();
    // Its meetings are nobody's from now on, and those who were invited by it are forgotten with it.
    for sql in [
        "UPDATE plan SET data = json_remove(data, '$.organizer', '$.invitees', '$.co_hosts') \
         WHERE meeting IN (SELECT id FROM meeting WHERE owner = ?)",
        "UPDATE meeting SET owner = NULL WHERE owner = ?",
        "DELETE FROM feed WHERE owner = ?",
        // Sessions, links, passkeys, people at providers, and the calendar go along.
        "DELETE FROM account WHERE id = ?",
    ] {
        connection.execute(sql::query(sql).bind(id)).await?;
    }
    for sql in [
        "DELETE FROM invitation WHERE email = ?",
        "UPDATE audit SET actor = '[deleted]', address = NULL WHERE actor = ?",
        "UPDATE audit SET subject = '[deleted]', detail = NULL WHERE subject = ?",
    ] {
        connection.execute(sql::query(sql).bind(email)).await?;
    }
    sweep(connection).await
}

/// What accounts that are gone have left behind loses its name: who was there, who voted, and who drew. What they wrote is deleted,
/// and so are their files. Again from time to time: a meeting that goes on writes down what it knows, until it ends.
pub(super) async fn sweep(connection: &mut Connection) -> Result<(), StoreError> {
    sweep_tools(connection).await?;
    for sql in [
        // The meetings first, which are found by an index: the rest of the chat is not read.
        "DELETE FROM chat WHERE meeting IN (SELECT a.meeting FROM attendance AS a \
         WHERE a.account IS NOT NULL AND a.account NOT IN (SELECT id FROM account)) \
         AND (meeting, CAST(json_extract(data, '$.from') AS BIGINT)) IN (SELECT a.meeting, a.participant FROM attendance AS a \
         WHERE a.account IS NOT NULL AND a.account NOT IN (SELECT id FROM account))",
        "DELETE FROM file WHERE account IS NOT NULL AND account NOT IN (SELECT id FROM account)",
        // Seats that are remembered because somebody was sent out.
        "UPDATE seat SET data = json_set(data, '$.name', '[deleted]', '$.account', NULL) \
         WHERE removed = 1 AND json_extract(data, '$.account') NOT IN (SELECT id FROM account)",
        "UPDATE attendance SET name = '[deleted]', account = CASE WHEN EXISTS (SELECT 1 FROM occurrence AS o \
         WHERE o.meeting = attendance.meeting AND o.at = attendance.at AND o.ended_at IS NULL) THEN account END \
         WHERE account IS NOT NULL AND account NOT IN (SELECT id FROM account)",
        "UPDATE board_author SET name = '[deleted]', who = 'deleted:' || author \
         WHERE who LIKE 'account:%' AND substr(who, 9) NOT IN (SELECT id FROM account)",
    ] {
        connection.execute(sql::query(sql)).await?;
    }
    Ok(())
}

/// Polls and questions, in the record of their occurrence and in the meeting's state.
async fn sweep_tools(connection: &mut Connection) -> Result<(), StoreError> {
    let gone = sql::query(
        "SELECT a.meeting, a.participant, a.at FROM attendance AS a WHERE a.account IS NOT NULL AND a.account NOT IN (SELECT id FROM account) LIMIT 100000",
    );
    for row in gone.fetch_all(&mut *connection).await? {
        let (meeting, at): (String, i64) = (row.try_get("meeting")?, row.try_get("at")?);
        let who = ParticipantId(row.try_get("participant")?);
        // Read for each: several who are gone may have been in the same one.
        let kept = sql::query(
            "SELECT o.tools, m.state FROM occurrence AS o JOIN meeting AS m ON m.id = o.meeting \
             WHERE o.meeting = ? AND o.at = ?",
        );
        let kept = kept.bind(&meeting).bind(at);
        let Some(row) = connection.fetch_optional(kept).await? else {
            continue;
        };
        if let Some(json) = row.try_get::<Option<String>, _>("tools")? {
            let mut tools: PersistedTools = serde_json::from_str(&json)?;
            if forget(&mut tools, who) {
                let save =
                    sql::query("UPDATE occurrence SET tools = ? WHERE meeting = ? AND at = ?");
                let save = save.bind(serde_json::to_string(&tools)?);
                connection.execute(save.bind(&meeting).bind(at)).await?;
            }
        }
        if let Some(json) = row.try_get::<Option<String>, _>("state")? {
            let mut state: PersistedMeeting = serde_json::from_str(&json)?;
            if forget(&mut state.tools, who) {
                let save = sql::query("UPDATE meeting SET state = ? WHERE id = ?");
                let save = save.bind(serde_json::to_string(&state)?);
                connection.execute(save.bind(&meeting)).await?;
            }
        }
    }
    Ok(())
}

/// Whether there was anything of this participant.
fn forget(tools: &mut PersistedTools, who: ParticipantId) -> bool {
    let before = tools.clone();
    for question in &mut tools.questions {
        if question.from == who {
            question.name = DELETED.to_owned();
            question.text = DELETED.to_owned();
        }
        if let Some(answer) = question.answer.as_mut().filter(|a| a.by == who) {
            answer.text = None;
        }
    }
    let votes = tools.polls.iter_mut().flat_map(|poll| &mut poll.votes);
    for vote in votes.filter(|vote| vote.participant == who) {
        vote.name = DELETED.to_owned();
    }
    *tools != before
}

#[cfg(test)]
mod tests;
