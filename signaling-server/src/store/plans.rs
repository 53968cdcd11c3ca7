//! Plans, bookable rooms and feeds in the database.
//!
//! Who changes something says which revision they have seen; where the stored one is another, nothing is written
//! ([`StoreError::Stale`]). A room has a revision, too: whoever books it has looked at all its bookings at that revision, so two
//! that would both fit alone cannot both be written, also by two processes.

use super::records::bound;
use super::sql::{self, Connection, Row};
use super::{Database, MeetingRecord, StoreError, database, webhooks};
use crate::clock::wall_ms;
use crate::schedule::{BookableRoom, Feed, Last, Plan};
use crate::secrets::Digest;
use confab_base::AccountId;
use confab_protocol::{HookEvent, MeetingId};
use serde_json::json;

/// A meeting with its plan, as it is stored; [`crate::schedule`] knows what it means now.
#[derive(Clone, Debug)]
pub(crate) struct PlannedMeeting {
    pub(crate) record: MeetingRecord,
    pub(crate) plan: Plan,
    pub(crate) last: Option<Last>,
}

/// A room with the revision of its bookings.
#[derive(Clone, Debug)]
pub(crate) struct RoomBookings {
    pub(crate) room: BookableRoom,
    pub(crate) revision: u32,
    pub(crate) meetings: Vec<PlannedMeeting>,
}

/// Room and revision that a booking was judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenRoom {
    pub(crate) id: String,
    pub(crate) revision: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum PlanWrite {
    /// Title and first time stand in the record.
    Create {
        record: MeetingRecord,
        plan: Box<Plan>,
        room: Option<SeenRoom>,
    },
    /// The plan's revision is one above what was seen.
    Change {
        id: MeetingId,
        title: String,
        plan: Box<Plan>,
        room: Option<SeenRoom>,
    },
    HostKey {
        id: MeetingId,
        key: Digest,
        seen: u32,
    },
    SaveRoom(BookableRoom),
    DeleteRoom(String),
    SaveFeed(Feed),
    /// Of this owner's, or of nobody's.
    DeleteFeed(String, Option<AccountId>),
}

pub(super) async fn write(
    connection: &mut Connection,
    write: &PlanWrite,
) -> Result<(), StoreError> {
    match write {
        PlanWrite::Create { record, plan, room } => {
            take_room(connection, room.as_ref()).await?;
            insert_meeting(connection, record).await?;
            insert_plan(connection, &record.id, plan).await?;
            match plan.span().0 {
                Some(_) => tell(connection, HookEvent::MeetingPlanned, &record.id, plan).await,
                // Begun at once, or a room that is always there.
                None => Ok(()),
            }
        }
        PlanWrite::Change {
            id,
            title,
            plan,
            room,
        } => {
            take_room(connection, room.as_ref()).await?;
            change(connection, id, title, plan).await?;
            let event = match plan.cancelled {
                true => HookEvent::MeetingCancelled,
                false => HookEvent::MeetingChanged,
            };
            tell(connection, event, id, plan).await
        }
        PlanWrite::HostKey { id, key, seen } => rotate(connection, id, key, *seen).await,
        PlanWrite::SaveRoom(room) => save_room(connection, room).await,
        PlanWrite::DeleteRoom(id) => {
            one(
                connection,
                sql::query("DELETE FROM bookable_room WHERE id = ?").bind(id),
            )
            .await
        }
        PlanWrite::SaveFeed(feed) => save_feed(connection, feed).await,
        PlanWrite::DeleteFeed(id, owner) => {
            let delete =
                sql::query("DELETE FROM feed WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)");
            let owner = owner.as_ref().map(AccountId::as_str);
            one(connection, delete.bind(id).bind(owner)).await
        }
    }
}

async fn tell(
    connection: &mut Connection,
    event: HookEvent,
    id: &MeetingId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let (begins, ends) = plan.span();
    let more = json!({"plan": {"begins_at": begins, "ends_at": ends, "revision": plan.revision}});
    webhooks::tell(connection, event, id.as_str(), wall_ms(), more).await
}

/// Runs what must touch exactly one row.
async fn one(connection: &mut Connection, query: sql::Query) -> Result<(), StoreError> {
    match connection.execute(query).await?.rows_affected() {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

async fn take_room(connection: &mut Connection, seen: Option<&SeenRoom>) -> Result<(), StoreError> {
    let Some(seen) = seen else {
        return Ok(());
    };
    let take = sql::query(
        "UPDATE bookable_room SET revision = revision + 1 WHERE id = ? AND revision = ?",
    );
    one(connection, take.bind(&seen.id).bind(seen.revision)).await
}

pub(super) async fn insert_meeting(
    connection: &mut Connection,
    meeting: &MeetingRecord,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO meeting (id, title, host_key, starts_at, minutes, created_at, owner) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let query = sql::query(insert)
        .bind(meeting.id.as_str())
        .bind(&meeting.title)
        .bind(meeting.host_key.0.as_slice())
        .bind(meeting.starts_at as i64)
        .bind(meeting.minutes)
        .bind(meeting.created_at as i64)
        .bind(meeting.owner.as_ref().map(AccountId::as_str));
    connection.execute(query).await?;
    Ok(())
}

pub(super) async fn insert_plan(
    connection: &mut Connection,
    id: &MeetingId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let (begins, ends) = plan.span();
    let insert = "INSERT INTO plan (meeting, room, begins_at, ends_at, revision, data) VALUES (?, ?, ?, ?, ?, ?)";
    let query = sql::query(insert)
        .bind(id.as_str())
        .bind(&plan.room)
        .bind(begins.map(bound))
        .bind(ends.map(bound))
        .bind(plan.revision)
        .bind(serde_json::to_string(plan)?);
    connection.execute(query).await?;
    Ok(())
}

async fn change(
    connection: &mut Connection,
    id: &MeetingId,
    title: &str,
    plan: &Plan,
) -> Result<(), StoreError> {
    let (begins, ends) = plan.span();
    let update = "UPDATE plan SET room = ?, begins_at = ?, ends_at = ?, revision = ?, data = ? WHERE meeting = ? AND revision = ?";
    let query = sql::query(update)
        .bind(&plan.room)
        .bind(begins.map(bound))
        .bind(ends.map(bound))
        .bind(plan.revision)
        .bind(serde_json::to_string(plan)?)
        .bind(id.as_str())
        .bind(plan.revision - 1);
    one(connection, query).await?;
    let title = sql::query("UPDATE meeting SET title = ? WHERE id = ?")
        .bind(title)
        .bind(id.as_str());
    one(connection, title).await
}

async fn rotate(
    connection: &mut Connection,
    id: &MeetingId,
    key: &Digest,
    seen: u32,
) -> Result<(), StoreError> {
    let revision =
        sql::query("UPDATE plan SET revision = revision + 1 WHERE meeting = ? AND revision = ?");
    one(connection, revision.bind(id.as_str()).bind(seen)).await?;
    let update = sql::query("UPDATE meeting SET host_key = ? WHERE id = ?");
    one(connection, update.bind(key.0.as_slice()).bind(id.as_str())).await
}

async fn save_room(connection: &mut Connection, room: &BookableRoom) -> Result<(), StoreError> {
    let save = "INSERT INTO bookable_room (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data";
    let save = sql::query(save)
        .bind(&room.id)
        .bind(serde_json::to_string(room)?);
    connection.execute(save).await?;
    Ok(())
}

async fn save_feed(connection: &mut Connection, feed: &Feed) -> Result<(), StoreError> {
    let save = "INSERT INTO feed (id, token, owner, name, created_at) VALUES (?, ?, ?, ?, ?)";
    let save = sql::query(save)
        .bind(&feed.id)
        .bind(feed.token.0.as_slice())
        .bind(feed.owner.as_ref().map(AccountId::as_str))
        .bind(&feed.name)
        .bind(bound(feed.created_at));
    connection.execute(save).await?;
    Ok(())
}

impl Database {
    /// Fails with [`StoreError::Stale`] where something else was changed first.
    pub(crate) async fn write_plan(&self, write: PlanWrite) -> Result<(), StoreError> {
        self.writer()
            .run(super::writer::Job::Plan(Box::new(write)))
            .await
    }

    pub(crate) async fn planned(
        &self,
        id: &MeetingId,
    ) -> Result<Option<PlannedMeeting>, StoreError> {
        database::planned(self.readers(), id.as_str()).await
    }

    /// Meetings of `owner` (none: all), those whose plan touches `from` to `until` or that took place then; newest first.
    pub(crate) async fn planned_between(
        &self,
        owner: Option<&AccountId>,
        from: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<PlannedMeeting>, StoreError> {
        let rows = sql::query(database::BETWEEN)
            .bind(owner.map(AccountId::as_str))
            .bind(bound(from))
            .bind(bound(until))
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(database::planned_row).collect()
    }

    /// Personal rooms of `owner`, cancelled ones too; newest first.
    pub(crate) async fn personal_rooms(
        &self,
        owner: &AccountId,
        limit: u32,
    ) -> Result<Vec<PlannedMeeting>, StoreError> {
        let rows = sql::query(database::PERSONAL)
            .bind(owner.as_str())
            .bind(limit)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(database::planned_row).collect()
    }

    pub(crate) async fn rooms(&self) -> Result<Vec<BookableRoom>, StoreError> {
        let rows = sql::query_scalar::<String>("SELECT data FROM bookable_room ORDER BY id")
            .fetch_all(self.readers())
            .await?;
        rows.iter()
            .map(|json| Ok(serde_json::from_str(json)?))
            .collect()
    }

    /// A room with every meeting booked in it that is not over by `now`.
    pub(crate) async fn room(
        &self,
        id: &str,
        now: u64,
    ) -> Result<Option<RoomBookings>, StoreError> {
        // One after the other: a booking in between has raised the revision, and the writer will see that.
        let row = sql::query("SELECT revision, data FROM bookable_room WHERE id = ?")
            .bind(id)
            .fetch_optional(self.readers())
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let meetings = sql::query(database::IN_ROOM)
            .bind(id)
            .bind(bound(now))
            .fetch_all(self.readers())
            .await?;
        Ok(Some(RoomBookings {
            room: serde_json::from_str(&row.try_get::<String, _>("data")?)?,
            revision: row.try_get("revision")?,
            meetings: meetings
                .iter()
                .map(database::planned_row)
                .collect::<Result<_, _>>()?,
        }))
    }

    /// The feeds of `owner` (none: all), oldest first.
    pub(crate) async fn feeds(&self, owner: Option<&AccountId>) -> Result<Vec<Feed>, StoreError> {
        let rows = sql::query(
            "SELECT id, token, owner, name, created_at FROM feed WHERE ?1 IS NULL OR owner = ?1 ORDER BY created_at, id",
        )
        .bind(owner.map(AccountId::as_str))
        .fetch_all(self.readers())
        .await?;
        rows.iter().map(feed).collect()
    }

    /// The feed of a link's token.
    pub(crate) async fn feed(&self, token: &Digest) -> Result<Option<Feed>, StoreError> {
        let row = sql::query("SELECT id, token, owner, name, created_at FROM feed WHERE token = ?")
            .bind(token.0.as_slice())
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(feed).transpose()
    }
}

fn feed(row: &Row) -> Result<Feed, StoreError> {
    let token: Vec<u8> = row.try_get("token")?;
    let owner: Option<String> = row.try_get("owner")?;
    Ok(Feed {
        id: row.try_get("id")?,
        token: Digest(token.try_into().map_err(|_| database::broken("token"))?),
        owner: owner.and_then(|o| AccountId::parse(&o)),
        name: row.try_get("name")?,
        created_at: row.try_get::<i64, _>("created_at")? as u64,
    })
}
