//! `/api/v1/rooms`: rooms of the house, and the page for the display beside a door.

use super::asker::Asker;
use super::{Asked, body};
use crate::clock::wall_ms;
use crate::http::{Site, doors, pages};
use crate::schedule::{BookableRoom, NewRoom, Refused};
use crate::secrets::fresh_secret;
use crate::store::{PlanWrite, RoomBookings};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use confab_protocol::Code;
use serde::Serialize;
use std::sync::Arc;

type Shared = State<Arc<Site>>;

#[derive(Debug, Serialize)]
pub(super) struct Rooms {
    rooms: Vec<RoomBody>,
}

#[derive(Debug, Serialize)]
pub(super) struct RoomBody {
    #[serde(flatten)]
    room: BookableRoom,
    /// For the display beside the door.
    door_link: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Busy {
    busy: Vec<Stretch>,
}

#[derive(Debug, Serialize)]
struct Stretch {
    from: u64,
    until: u64,
}

pub(super) async fn list(State(site): Shared, headers: HeaderMap) -> Result<Json<Rooms>, Refused> {
    // Who may plan a meeting may see where it could be.
    Asker::of(&site, &headers).await?.lists()?;
    let rooms = site.planner.store.rooms().await?;
    let rooms = rooms.into_iter().map(|room| shown(&site, room)).collect();
    Ok(Json(Rooms { rooms }))
}

pub(super) async fn create(
    State(site): Shared,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<(StatusCode, Json<RoomBody>), Refused> {
    Asker::of(&site, &headers).await?.must_be_operator()?;
    let wanted: NewRoom = body(&headers, &bytes)?;
    let room = wanted.checked(fresh_secret())?;
    let write = PlanWrite::SaveRoom(room.clone());
    site.planner.store.write_plan(write).await?;
    Ok((StatusCode::CREATED, Json(shown(&site, room))))
}

pub(super) async fn room(
    State(site): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<RoomBody>, Refused> {
    Asker::of(&site, &headers).await?.lists()?;
    Ok(Json(shown(&site, found(&site, &id).await?.room)))
}

pub(super) async fn save(
    State(site): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<RoomBody>, Refused> {
    Asker::of(&site, &headers).await?.must_be_operator()?;
    let wanted: NewRoom = body(&headers, &bytes)?;
    let room = wanted.checked(found(&site, &id).await?.room.id)?;
    let write = PlanWrite::SaveRoom(room.clone());
    site.planner.store.write_plan(write).await?;
    Ok(Json(shown(&site, room)))
}

/// Meetings booked in it stay, without a room.
pub(super) async fn remove(
    State(site): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    Asker::of(&site, &headers).await?.must_be_operator()?;
    found(&site, &id).await?;
    site.planner
        .store
        .write_plan(PlanWrite::DeleteRoom(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn busy(
    State(site): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Busy>, Refused> {
    Asker::of(&site, &headers).await?.lists()?;
    let span = Asked::read(query.as_deref())?.span(wall_ms())?;
    let room = site.planner.store.room(&id, span.start).await?;
    let room = room.ok_or_else(unknown)?;
    let stretch = |r: std::ops::Range<u64>| Stretch {
        from: r.start,
        until: r.end,
    };
    let busy = room.free_busy(span).into_iter().map(stretch).collect();
    Ok(Json(Busy { busy }))
}

/// `/rooms/{id}`: whoever has the link may see it, as whoever stands before the door.
pub(crate) async fn door(State(site): Shared, Path(id): Path<String>) -> Response {
    match found(&site, &id).await {
        Ok(room) => doors::page(&room, wall_ms()),
        Err(refused) if refused.code == Code::NotFound => {
            pages::plain_not_found("No such room", "没有这个会议室。")
        }
        Err(refused) => refused.into_response(),
    }
}

async fn found(site: &Site, id: &str) -> Result<RoomBookings, Refused> {
    let room = site.planner.store.room(id, wall_ms()).await?;
    room.ok_or_else(unknown)
}

fn unknown() -> Refused {
    Refused::new(Code::NotFound, "no such room")
}

fn shown(site: &Site, room: BookableRoom) -> RoomBody {
    RoomBody {
        door_link: format!("{}/rooms/{}", site.public_url, room.id),
        room,
    }
}
