//! What took place: an occurrence is put down when its first participant gets a seat and ends with the last one; who was there
//! stands beside it. Read off the records a room has written anyway, in the same transaction.

use super::sql::{self, Connection, Row};
use super::{StoreError, database, webhooks};
use crate::schedule::{At, Last, Plan};
use confab_base::AccountId;
use confab_calendar::Schedule;
use confab_protocol::{Audience, ChatMessage, HookEvent, MeetingId, ParticipantId, SpeakingTime};
use confab_room::{PersistedParticipant, PersistedTools, StoreCommand};
use serde_json::json;

/// An occurrence that took place, or takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) at: At,
    pub(crate) started_at: u64,
    /// None: it goes on.
    pub(crate) ended_at: Option<u64>,
    /// People who were there; who came back by another device or after leaving counts again.
    pub(crate) people: u32,
}

/// One stay of one participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) name: String,
    /// As the room calls it: `host`, `guest`.
    pub(crate) role: String,
    pub(crate) joined_at: u64,
    /// None: still there.
    pub(crate) left_at: Option<u64>,
    /// Seconds it spoke.
    pub(crate) spoken: u32,
}

/// Puts down what `command` says of who is there, at `now` (milliseconds since 1970).
pub(super) async fn follow(
    connection: &mut Connection,
    id: &str,
    command: &StoreCommand,
    now: u64,
) -> Result<(), StoreError> {
    match command {
        // Who waits is not there yet.
        StoreCommand::SaveParticipant(seat) if seat.waiting => Ok(()),
        StoreCommand::SaveParticipant(seat) if !seat.removed => {
            came(connection, id, seat, now).await
        }
        StoreCommand::SaveParticipant(seat) => left(connection, id, Some(seat.id.0), now).await,
        StoreCommand::DeleteParticipant(seat) => left(connection, id, Some(seat.0), now).await,
        StoreCommand::SaveMeeting(state) => {
            keep_tools(connection, id, &state.tools).await?;
            match state.ended {
                true => left(connection, id, None, now).await,
                false => Ok(()),
            }
        }
        StoreCommand::Spoke(times) => spoke(connection, id, times).await,
        _ => Ok(()),
    }
}

async fn came(
    connection: &mut Connection,
    id: &str,
    seat: &PersistedParticipant,
    now: u64,
) -> Result<(), StoreError> {
    let known = sql::query(
        "UPDATE attendance SET name = ?, role = ?, account = ? WHERE meeting = ? AND participant = ?",
    )
    .bind(&seat.name)
    .bind(word(&seat.role))
    .bind(seat.account.as_ref().map(AccountId::as_str))
    .bind(id)
    .bind(seat.id.0);
    if connection.execute(known).await?.rows_affected() > 0 {
        return Ok(());
    }
    let at = open(connection, id, now).await?;
    let insert = sql::query(
        "INSERT INTO attendance (meeting, participant, at, name, role, joined_at, account) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(seat.id.0)
    .bind(at as i64)
    .bind(&seat.name)
    .bind(word(&seat.role))
    .bind(now as i64)
    .bind(seat.account.as_ref().map(AccountId::as_str));
    connection.execute(insert).await?;
    let more = json!({"participant": {"id": seat.id, "name": seat.name, "role": seat.role}});
    webhooks::tell(connection, HookEvent::ParticipantJoined, id, now, more).await
}

/// Polls and questions are kept with the occurrence that goes on: the next one begins without.
async fn keep_tools(
    connection: &mut Connection,
    id: &str,
    tools: &PersistedTools,
) -> Result<(), StoreError> {
    let kept = !tools.polls.is_empty() || !tools.questions.is_empty();
    let json = kept.then(|| serde_json::to_string(tools)).transpose()?;
    let keep = sql::query(
        "UPDATE occurrence SET tools = ?1 WHERE meeting = ?2 AND ended_at IS NULL AND tools IS DISTINCT FROM ?1",
    );
    connection.execute(keep.bind(json).bind(id)).await?;
    Ok(())
}

async fn spoke(
    connection: &mut Connection,
    id: &str,
    times: &[SpeakingTime],
) -> Result<(), StoreError> {
    for time in times {
        let add = sql::query(
            "UPDATE attendance SET spoken = spoken + ? WHERE meeting = ? AND participant = ?",
        );
        let add = add.bind(time.seconds).bind(id).bind(time.participant.0);
        connection.execute(add).await?;
    }
    Ok(())
}

/// The occurrence that goes on, begun if there is none.
async fn open(connection: &mut Connection, id: &str, now: u64) -> Result<u64, StoreError> {
    let (plan, last) = match database::planned(&mut *connection, id).await? {
        Some(meeting) => (meeting.plan, meeting.last),
        None => (Plan::new(Schedule::Instant, now), None),
    };
    if let Some(last) = last.as_ref().filter(|last| last.ended_at.is_none()) {
        return Ok(last.at.at);
    }
    let at = plan.at(now, last.as_ref());
    // Begun again after all had left: still the same.
    let insert = sql::query(
        "INSERT INTO occurrence (meeting, at, name, started_at) VALUES (?, ?, ?, ?) \
         ON CONFLICT (meeting, at) DO UPDATE SET ended_at = NULL, for_all = 0",
    )
    .bind(id)
    .bind(at.at as i64)
    .bind(&at.name)
    .bind(now as i64);
    connection.execute(insert).await?;
    let more = json!({"occurrence": {"at": at.at, "name": at.name}});
    webhooks::tell(connection, HookEvent::MeetingStarted, id, now, more).await?;
    Ok(at.at)
}

/// One participant, or all of them.
async fn left(
    connection: &mut Connection,
    id: &str,
    who: Option<u32>,
    now: u64,
) -> Result<(), StoreError> {
    let gone = sql::query(
        "UPDATE attendance SET left_at = ?1 WHERE meeting = ?2 AND left_at IS NULL AND (?3 IS NULL OR participant = ?3) \
         RETURNING participant, name, role, joined_at",
    )
    .bind(now as i64)
    .bind(id)
    .bind(who);
    let gone = connection.fetch_all(gone).await?;
    for row in gone {
        let joined: i64 = row.try_get("joined_at")?;
        let more = json!({"participant": {
            "id": row.try_get::<u32, _>("participant")?,
            "name": row.try_get::<String, _>("name")?,
            "role": row.try_get::<String, _>("role")?,
            "joined_at": joined,
        }});
        webhooks::tell(connection, HookEvent::ParticipantLeft, id, now, more).await?;
    }
    let over = sql::query(
        "UPDATE occurrence SET ended_at = ?1 WHERE meeting = ?2 AND ended_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM attendance WHERE meeting = ?2 AND left_at IS NULL) RETURNING at, name",
    )
    .bind(now as i64)
    .bind(id);
    let over = connection.fetch_optional(over).await?;
    if let Some(row) = over {
        let (at, name): (i64, Option<String>) = (row.try_get("at")?, row.try_get("name")?);
        let more = json!({"occurrence": {"at": at, "name": name}, "for_all": who.is_none()});
        webhooks::tell(connection, HookEvent::MeetingEnded, id, now, more).await?;
    }
    if who.is_none() {
        let for_all = sql::query(
            "UPDATE occurrence SET for_all = 1 WHERE meeting = ?1 AND started_at = \
             (SELECT max(started_at) FROM occurrence WHERE meeting = ?1)",
        );
        connection.execute(for_all.bind(id)).await?;
    }
    Ok(())
}

/// A role as the wire has it.
fn word(role: &confab_protocol::Role) -> String {
    let value = serde_json::to_value(role);
    value
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The columns `last_at`, `last_name`, `last_ended` and `last_for_all` of a meeting's row.
pub(super) fn last(row: &Row) -> Result<Option<Last>, StoreError> {
    let Some(at) = row.try_get::<Option<i64>, _>("last_at")? else {
        return Ok(None);
    };
    Ok(Some(Last {
        at: At {
            at: at as u64,
            name: row.try_get("last_name")?,
        },
        ended_at: row
            .try_get::<Option<i64>, _>("last_ended")?
            .map(|at| at as u64),
        for_all: row.try_get("last_for_all")?,
    }))
}

impl super::Database {
    /// What took place of a meeting and began between two instants; the newest first, at most `limit`.
    pub(crate) async fn held(
        &self,
        id: &MeetingId,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<Held>, StoreError> {
        let rows = sql::query(
            "SELECT at, name, started_at, ended_at, \
             (SELECT count(*) FROM attendance AS a WHERE a.meeting = o.meeting AND a.at = o.at) AS people \
             FROM occurrence AS o WHERE meeting = ? AND started_at >= ? AND started_at < ? ORDER BY started_at DESC LIMIT ?",
        )
        .bind(id.as_str())
        .bind(bound(from))
        .bind(bound(until))
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(held).collect()
    }

    /// The same of all meetings of `owner`, or of all there are.
    pub(crate) async fn held_between(
        &self,
        owner: Option<&AccountId>,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<(MeetingId, Held)>, StoreError> {
        let rows = sql::query(
            "SELECT o.meeting, at, name, started_at, ended_at, \
             (SELECT count(*) FROM attendance AS a WHERE a.meeting = o.meeting AND a.at = o.at) AS people \
             FROM occurrence AS o JOIN meeting AS m ON m.id = o.meeting \
             WHERE (?1 IS NULL OR m.owner = ?1) AND started_at >= ?2 AND started_at < ?3 ORDER BY started_at DESC LIMIT ?4",
        )
        .bind(owner.map(AccountId::as_str))
        .bind(bound(from))
        .bind(bound(until))
        .bind(limit)
        .fetch_all(self.readers())
        .await?;
        let of = |row: &Row| -> Result<(MeetingId, Held), StoreError> {
            let id: String = row.try_get("meeting")?;
            let id = MeetingId::parse(&id).ok_or_else(|| database::broken("meeting"))?;
            Ok((id, held(row)?))
        };
        rows.iter().map(of).collect()
    }

    /// Who was there in the occurrence with key `at`, in the order in which they came.
    pub(crate) async fn attendance(
        &self,
        id: &MeetingId,
        at: u64,
    ) -> Result<Vec<Stay>, StoreError> {
        let rows = sql::query(
            "SELECT name, role, joined_at, left_at, spoken FROM attendance WHERE meeting = ? AND at = ? ORDER BY joined_at, participant",
        )
        .bind(id.as_str())
        .bind(bound(at))
        .fetch_all(self.readers())
        .await?;
        let stay = |row: &Row| -> Result<Stay, StoreError> {
            Ok(Stay {
                name: row.try_get("name")?,
                role: row.try_get("role")?,
                joined_at: row.try_get::<i64, _>("joined_at")? as u64,
                left_at: row
                    .try_get::<Option<i64>, _>("left_at")?
                    .map(|at| at as u64),
                spoken: row.try_get("spoken")?,
            })
        };
        rows.iter().map(stay).collect()
    }

    /// The occurrence with key `at`, if it took place.
    pub(crate) async fn held_at(
        &self,
        id: &MeetingId,
        at: u64,
    ) -> Result<Option<Held>, StoreError> {
        let row = sql::query(
            "SELECT at, name, started_at, ended_at, \
             (SELECT count(*) FROM attendance AS a WHERE a.meeting = o.meeting AND a.at = o.at) AS people \
             FROM occurrence AS o WHERE meeting = ? AND at = ?",
        )
        .bind(id.as_str())
        .bind(bound(at))
        .fetch_optional(self.readers())
        .await?;
        row.as_ref().map(held).transpose()
    }

    /// Polls and questions of the occurrence with key `at`.
    pub(crate) async fn tools(
        &self,
        id: &MeetingId,
        at: u64,
    ) -> Result<PersistedTools, StoreError> {
        let kept = sql::query_scalar::<Option<String>>(
            "SELECT tools FROM occurrence WHERE meeting = ? AND at = ?",
        )
        .bind(id.as_str())
        .bind(bound(at))
        .fetch_optional(self.readers())
        .await?;
        let kept = kept.flatten();
        Ok(kept.map_or(Ok(PersistedTools::default()), |json| {
            serde_json::from_str(&json)
        })?)
    }

    /// A seat, with the digests of its tokens.
    pub(crate) async fn seat(
        &self,
        id: &MeetingId,
        who: ParticipantId,
    ) -> Result<Option<PersistedParticipant>, StoreError> {
        let data =
            sql::query_scalar::<String>("SELECT data FROM seat WHERE meeting = ? AND id = ?")
                .bind(id.as_str())
                .bind(who.0)
                .fetch_optional(self.readers())
                .await?;
        Ok(data.map(|json| serde_json::from_str(&json)).transpose()?)
    }

    /// What was said to all in the occurrence with key `at`, oldest first; no more of it is kept than latecomers are told.
    pub(crate) async fn said(
        &self,
        id: &MeetingId,
        at: u64,
    ) -> Result<Vec<ChatMessage>, StoreError> {
        let rows = sql::query_scalar::<String>(
            "SELECT data FROM chat WHERE meeting = ? AND at = ? ORDER BY id",
        )
        .bind(id.as_str())
        .bind(bound(at))
        .fetch_all(self.readers())
        .await?;
        let all: Vec<ChatMessage> = rows
            .iter()
            .map(|json| serde_json::from_str(json))
            .collect::<Result<_, _>>()?;
        let for_all = |said: &ChatMessage| matches!(said.to, None | Some(Audience::Everyone));
        Ok(all.into_iter().filter(for_all).collect())
    }
}

/// SQLite's integers have a sign.
pub(super) fn bound(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn held(row: &Row) -> Result<Held, StoreError> {
    Ok(Held {
        at: At {
            at: row.try_get::<i64, _>("at")? as u64,
            name: row.try_get("name")?,
        },
        started_at: row.try_get::<i64, _>("started_at")? as u64,
        ended_at: row
            .try_get::<Option<i64>, _>("ended_at")?
            .map(|at| at as u64),
        people: row.try_get("people")?,
    })
}

#[cfg(test)]
mod tests;
