//! A whiteboard's history over HTTP: every change with its time, for replay. To whoever has a seat where the board is, and to
//! whoever manages the meeting, also when it is long over.

use super::Asked;
use super::meetings::managed;
use super::report::{SEAT, seated};
use crate::http::Site;
use crate::http::caller::Caller;
use crate::schedule::Refused;
use crate::store::BoardKey;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use confab_protocol::{Code, MeetingId};
use std::sync::Arc;

/// Bytes of one answer, about.
const MOST: usize = 1024 * 1024;
/// Names the number to go on after; absent: that was all.
const NEXT: &str = "x-next";

/// Entries of docs/BOARD.md, one after the other, after number `after`. `at`: the occurrence, for who manages the meeting.
pub(super) async fn history(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    Path((id, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let missing = || Refused::new(Code::NotFound, "no such whiteboard");
    let asked = Asked::read(query.as_deref())?;
    let store = &site.planner.store;
    let meeting = match headers.get(SEAT) {
        Some(_) => {
            let (meeting, seat) = seated(&site, &caller, &headers, &id).await?;
            let own = seat
                .room
                .map_or("main".into(), |room| format!("room-{room}"));
            if name != own && !seat.role.moderates() {
                return Err(missing());
            }
            meeting
        }
        None => managed(&site, &caller, &headers, &id).await?,
    };
    let meeting: MeetingId = meeting.record.id;
    let at = match asked.at.filter(|_| headers.get(SEAT).is_none()) {
        Some(at) => at,
        None => store.board_occurrence(&meeting).await?,
    };
    let key = BoardKey { meeting, at, name };
    let after = asked.after.unwrap_or(0);
    let (bytes, next) = store.board_history(&key, after, MOST).await?;
    let own = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut response = (own, bytes).into_response();
    if let Some(next) = next {
        response.headers_mut().insert(NEXT, HeaderValue::from(next));
    }
    Ok(response)
}
