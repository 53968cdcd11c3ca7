//! `/api/v1/meetings`.

use super::asker::Asker;
use super::{Asked, body, report};
use crate::accounts::{Who, must_be_admin};
use crate::clock::wall_ms;
use crate::http::Site;
use crate::http::api::may_create;
use crate::http::caller::Caller;
use crate::schedule::{
    Cancel, Change, ChangeMeeting, Changed, Created, ListedMeetings, MeetingPlan, NewMeeting,
    Occurrences, Refused,
};
use crate::store::PlannedMeeting;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use confab_protocol::{Code, MeetingId, SharedFile};
use serde::Serialize;
use std::sync::Arc;

type Shared = State<Arc<Site>>;
/// Personal rooms looked at for one account; the newest count.
const MOST_ROOMS: u32 = 50;

pub(super) async fn create(
    State(site): Shared,
    caller: Caller,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Created>), Refused> {
    let asker = Asker::of(&site, &headers).await?;
    may_create(&site, &caller, &headers).await?;
    let wanted: NewMeeting = body(&headers, &bytes)?;
    // A passcode takes its time to be hashed: not on a thread that others wait for.
    let wanted = apart(move || wanted.checked()).await?;
    let (created, meeting) = site.planner.create(asker.account, wanted).await?;
    site.planner.invite(&meeting);
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) async fn list(
    State(site): Shared,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Json<ListedMeetings>, Refused> {
    let asker = Asker::of(&site, &headers).await?;
    let asked = Asked::read(query.as_deref())?;
    let (span, limit) = (asked.span(wall_ms())?, asked.limit()?);
    Ok(Json(site.planner.list(asker.lists()?, span, limit).await?))
}

/// `/api/v1/admin/plans`: of everybody, for who looks after the server.
pub(in crate::http) async fn of_all(
    State(site): Shared,
    who: Who,
    RawQuery(query): RawQuery,
) -> Result<Json<ListedMeetings>, Refused> {
    must_be_admin(&who)?;
    let asked = Asked::read(query.as_deref())?;
    let (span, limit) = (asked.span(wall_ms())?, asked.limit()?);
    Ok(Json(site.planner.list(None, span, limit).await?))
}

pub(super) async fn plan(
    State(site): Shared,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let meeting = managed(&site, &caller, &headers, &id).await?;
    Ok(shown(&site, meeting))
}

pub(super) async fn change(
    State(site): Shared,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let meeting = managed(&site, &caller, &headers, &id).await?;
    let wanted: ChangeMeeting = body(&headers, &bytes)?;
    let wanted = apart(move || wanted.checked()).await?;
    let seen = seen(&headers)?;
    let changed = site
        .planner
        .change(&meeting.record.id, seen, wanted)
        .await?;
    Ok(answer(&site, changed))
}

pub(super) async fn cancel(
    State(site): Shared,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Response, Refused> {
    let meeting = managed(&site, &caller, &headers, &id).await?;
    let Cancel { scope } = match bytes.is_empty() {
        true => Cancel::default(),
        false => body(&headers, &bytes)?,
    };
    let change = Change {
        scope,
        cancelled: Some(true),
        ..Change::default()
    };
    let seen = seen(&headers)?;
    let changed = site
        .planner
        .change(&meeting.record.id, seen, change)
        .await?;
    Ok(answer(&site, changed))
}

pub(super) async fn rotate(
    State(site): Shared,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Created>, Refused> {
    let meeting = managed(&site, &caller, &headers, &id).await?;
    let seen = seen(&headers)?;
    let created = site.planner.rotate(&meeting.record.id, seen).await?;
    let meeting = site.planner.meeting(&created.id).await?;
    // A meeting that runs knows only the old one.
    site.rooms
        .new_host_key(&created.id, meeting.record.host_key)
        .await;
    Ok(Json(created))
}

pub(super) async fn occurrences(
    State(site): Shared,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Occurrences>, Refused> {
    let meeting = managed(&site, &caller, &headers, &id).await?;
    let asked = Asked::read(query.as_deref())?;
    let (span, limit) = (asked.span(wall_ms())?, asked.limit()?);
    Ok(Json(site.planner.occurrences(&meeting, span, limit).await?))
}

#[derive(Debug, Serialize)]
struct Attendance {
    stays: Vec<StayBody>,
}

#[derive(Debug, Serialize)]
struct StayBody {
    name: String,
    role: String,
    joined_at: u64,
    left_at: Option<u64>,
    spoken_seconds: u32,
}

/// Of the record `at`; as a table with `format=csv`.
pub(super) async fn attendance(
    State(site): Shared,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let meeting = managed(&site, &caller, &headers, &id).await?;
    let asked = Asked::read(query.as_deref())?;
    let missing = || Refused::new(Code::BadValue, "at is the key of a record");
    let at = asked.at.ok_or_else(missing)?;
    let stays = site
        .planner
        .store
        .attendance(&meeting.record.id, at)
        .await?;
    if asked.format.as_deref() == Some("csv") {
        let table = report::attendance(&stays);
        return Ok(report::download("attendance.csv", table));
    }
    let stays = stays.into_iter().map(|s| StayBody {
        name: s.name,
        role: s.role,
        joined_at: s.joined_at,
        left_at: s.left_at,
        spoken_seconds: s.spoken,
    });
    Ok(Json(Attendance {
        stays: stays.collect(),
    })
    .into_response())
}

#[derive(Debug, Serialize)]
pub(super) struct Said {
    messages: Vec<MessageBody>,
}

#[derive(Debug, Serialize)]
struct MessageBody {
    name: String,
    text: String,
    at: u64,
    files: Vec<SharedFile>,
}

/// What was said to all in the record `at`.
pub(super) async fn chat(
    State(site): Shared,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Said>, Refused> {
    let meeting = managed(&site, &caller, &headers, &id).await?;
    let missing = || Refused::new(Code::BadValue, "at is the key of a record");
    let at = Asked::read(query.as_deref())?.at.ok_or_else(missing)?;
    let said = site.planner.store.said(&meeting.record.id, at).await?;
    let messages = said.into_iter().map(|m| MessageBody {
        name: m.name,
        text: m.text,
        at: m.at,
        files: m.files,
    });
    Ok(Json(Said {
        messages: messages.collect(),
    }))
}

#[derive(Debug, Serialize)]
pub(super) struct PersonalRooms {
    rooms: Vec<MeetingPlan>,
}

/// Of the account that asks; a list of meetings has them only once they were used.
pub(super) async fn personal_rooms(
    State(site): Shared,
    headers: HeaderMap,
) -> Result<Json<PersonalRooms>, Refused> {
    let account = Asker::of(&site, &headers).await?.account;
    let account = account.ok_or_else(|| Refused::new(Code::SignInNeeded, "sign in first"))?;
    let all = site
        .planner
        .store
        .personal_rooms(&account, MOST_ROOMS)
        .await?;
    let open = all.into_iter().filter(|m| !m.plan.cancelled);
    let rooms = open.map(|m| site.planner.shown(m)).collect();
    Ok(Json(PersonalRooms { rooms }))
}

pub(super) async fn managed(
    site: &Site,
    caller: &Caller,
    headers: &HeaderMap,
    id: &str,
) -> Result<PlannedMeeting, Refused> {
    let asker = Asker::of(site, headers).await?;
    let unknown = || Refused::new(Code::MeetingNotFound, "no such meeting");
    let id = MeetingId::parse(id).ok_or_else(unknown)?;
    let meeting = site.planner.meeting(&id).await?;
    asker.may_manage(site, caller, &meeting)?;
    Ok(meeting)
}

/// The revision of `If-Match`; none: whichever there is.
fn seen(headers: &HeaderMap) -> Result<Option<u32>, Refused> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    match value.to_str().ok().map(str::trim) {
        Some("*") => Ok(None),
        value => {
            let tag = value.and_then(|v| v.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
            let message = "If-Match is the ETag of an earlier answer";
            tag.map(Some)
                .ok_or_else(|| Refused::new(Code::ChangedMeanwhile, message))
        }
    }
}

fn answer(site: &Site, changed: Changed) -> Response {
    site.planner.tell(&changed);
    shown(site, changed.after)
}

fn shown(site: &Site, meeting: PlannedMeeting) -> Response {
    let plan: MeetingPlan = site.planner.shown(meeting);
    let tag = format!("\"{}\"", plan.revision);
    (
        [(header::ETAG, tag)],
        [(header::CACHE_CONTROL, "no-store")],
        Json(plan),
    )
        .into_response()
}

/// On a thread where waiting does no harm.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let failed = |_| Refused::new(Code::Internal, "the server failed");
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_etag_is_a_revision() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, value.parse().expect("value"));
            seen(&headers)
        };
        assert_eq!(of("\"7\""), Ok(Some(7)));
        assert_eq!(of("*"), Ok(None));
        for bad in ["7", "\"x\"", "\"", "W/\"7\""] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
