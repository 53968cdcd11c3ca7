//! People's own calendars in the database, and what was put into them.

use super::records::bound;
use super::sql::{self, Connection, Row};
use super::{Database, PlannedMeeting, StoreError, database};
use crate::caldav::Link;
use confab_base::AccountId;
use confab_caldav::{Fate, Pushed};
use confab_protocol::MeetingId;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Clone, Debug)]
pub(crate) enum CaldavWrite {
    /// In place of whatever was connected; what was put into another calendar is forgotten.
    Connect(Box<Link>),
    Disconnect(AccountId),
    /// State and events after a push. Fails with [`StoreError::Stale`] where somebody has connected or disconnected meanwhile.
    Push {
        link: Box<Link>,
        /// By `UID`; none: forgotten.
        records: Vec<(String, Option<Pushed>)>,
    },
}

pub(super) async fn write(
    connection: &mut Connection,
    write: &CaldavWrite,
) -> Result<(), StoreError> {
    match write {
        CaldavWrite::Connect(link) => connect(connection, link).await,
        CaldavWrite::Disconnect(account) => {
            let delete = sql::query("DELETE FROM calendar_link WHERE account = ?");
            connection.execute(delete.bind(account.as_str())).await?;
            Ok(())
        }
        CaldavWrite::Push { link, records } => push(connection, link, records).await,
    }
}

/// Enums and lists as their JSON.
fn json(value: &impl Serialize) -> Result<String, StoreError> {
    Ok(serde_json::to_string(value)?)
}

fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    Ok(serde_json::from_str(text)?)
}

async fn connect(connection: &mut Connection, link: &Link) -> Result<(), StoreError> {
    let forget = "DELETE FROM calendar_event WHERE account = ?1 AND NOT EXISTS \
         (SELECT 1 FROM calendar_link WHERE account = ?1 AND calendar = ?2)";
    let forget = sql::query(forget)
        .bind(link.account.as_str())
        .bind(&link.calendar);
    connection.execute(forget).await?;
    let save = "INSERT INTO calendar_link \
         (account, url, login, password, calendar, name, choices, state, failures, revision) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 1) ON CONFLICT (account) DO UPDATE SET \
         url = excluded.url, login = excluded.login, password = excluded.password, calendar = excluded.calendar, \
         name = excluded.name, choices = excluded.choices, state = excluded.state, error = NULL, pushed_at = NULL, \
         failures = 0, retry_at = NULL, revision = calendar_link.revision + 1";
    let save = sql::query(save)
        .bind(link.account.as_str())
        .bind(&link.url)
        .bind(&link.user)
        .bind(&link.password)
        .bind(&link.calendar)
        .bind(&link.name)
        .bind(json(&link.choices)?)
        .bind(json(&link.state)?);
    connection.execute(save).await?;
    Ok(())
}

async fn push(
    connection: &mut Connection,
    link: &Link,
    records: &[(String, Option<Pushed>)],
) -> Result<(), StoreError> {
    let account = link.account.as_str();
    let update = "UPDATE calendar_link SET state = ?, error = ?, pushed_at = ?, failures = ?, retry_at = ? \
         WHERE account = ? AND revision = ?";
    let update = sql::query(update)
        .bind(json(&link.state)?)
        .bind(link.error.as_ref().map(json).transpose()?)
        .bind(link.pushed_at.map(bound))
        .bind(link.failures)
        .bind(link.retry_at.map(bound))
        .bind(account)
        .bind(link.revision);
    if connection.execute(update).await?.rows_affected() == 0 {
        return Err(StoreError::Stale);
    }
    for (uid, pushed) in records {
        let forget = sql::query("DELETE FROM calendar_event WHERE account = ? AND uid = ?");
        connection.execute(forget.bind(account).bind(uid)).await?;
        if let Some(pushed) = pushed {
            insert(connection, account, pushed).await?;
        }
    }
    Ok(())
}

async fn insert(
    connection: &mut Connection,
    account: &str,
    pushed: &Pushed,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO calendar_event (account, uid, meeting, href, etag, text, fate) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let insert = sql::query(insert)
        .bind(account)
        .bind(&pushed.uid)
        .bind(pushed.meeting.as_str())
        .bind(&pushed.href)
        .bind(&pushed.etag)
        .bind(&pushed.text)
        .bind(pushed.fate.as_str());
    connection.execute(insert).await?;
    Ok(())
}

impl Database {
    /// Fails with [`StoreError::Stale`] as [`CaldavWrite`] says.
    pub(crate) async fn write_caldav(&self, write: CaldavWrite) -> Result<(), StoreError> {
        self.writer()
            .run(super::writer::Job::Caldav(Box::new(write)))
            .await
    }

    pub(crate) async fn calendar_link(
        &self,
        account: &AccountId,
    ) -> Result<Option<Link>, StoreError> {
        let row = sql::query("SELECT * FROM calendar_link WHERE account = ?")
            .bind(account.as_str())
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(link).transpose()
    }

    /// Of everybody who may sign in, with their mail address.
    pub(crate) async fn calendar_links(&self) -> Result<Vec<(Link, String)>, StoreError> {
        let rows = sql::query(
            "SELECT l.*, a.email FROM calendar_link AS l JOIN account AS a ON a.id = l.account \
             WHERE a.disabled_at IS NULL ORDER BY l.account",
        )
        .fetch_all(self.readers())
        .await?;
        let whole = |row| Ok((link(row)?, row.try_get("email")?));
        rows.iter().map(whole).collect()
    }

    pub(crate) async fn pushed(&self, account: &AccountId) -> Result<Vec<Pushed>, StoreError> {
        let rows = sql::query("SELECT * FROM calendar_event WHERE account = ? ORDER BY uid")
            .bind(account.as_str())
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(event).collect()
    }

    /// Planned meetings that are not over by `now`: an account's own, and those its mail address is invited to.
    pub(crate) async fn planned_for(
        &self,
        account: &AccountId,
        email: &str,
        now: u64,
        limit: u32,
    ) -> Result<Vec<PlannedMeeting>, StoreError> {
        let rows = sql::query(database::FOR_PERSON)
            .bind(account.as_str())
            .bind(email)
            .bind(bound(now))
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(database::planned_row).collect()
    }
}

fn link(row: &Row) -> Result<Link, StoreError> {
    let time =
        |name: &str| Ok::<_, StoreError>(row.try_get::<Option<i64>, _>(name)?.map(|t| t as u64));
    let error: Option<String> = row.try_get("error")?;
    let account: String = row.try_get("account")?;
    Ok(Link {
        account: AccountId::parse(&account).ok_or_else(|| database::broken("account"))?,
        url: row.try_get("url")?,
        user: row.try_get("login")?,
        password: row.try_get("password")?,
        calendar: row.try_get("calendar")?,
        name: row.try_get("name")?,
        choices: parsed(&row.try_get::<String, _>("choices")?)?,
        state: parsed(&row.try_get::<String, _>("state")?)?,
        error: error.as_deref().map(parsed).transpose()?,
        pushed_at: time("pushed_at")?,
        failures: row.try_get("failures")?,
        retry_at: time("retry_at")?,
        revision: row.try_get("revision")?,
    })
}

fn event(row: &Row) -> Result<Pushed, StoreError> {
    let meeting: String = row.try_get("meeting")?;
    Ok(Pushed {
        uid: row.try_get("uid")?,
        meeting: MeetingId::parse(&meeting).ok_or_else(|| database::broken("meeting"))?,
        href: row.try_get("href")?,
        etag: row.try_get("etag")?,
        text: row.try_get("text")?,
        fate: Fate::parse(&row.try_get::<String, _>("fate")?),
    })
}
