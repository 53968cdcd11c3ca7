//! `/api/v1/account/calendar`: the calendar that an account's meetings are pushed to; the work is done in `caldav/`. The password
//! is taken and never told.

use super::Site;
use super::accounts::{Body, Route, routed};
use super::caller::Caller;
use crate::accounts::{Refused, Who};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use confab_protocol::{Code, ConnectCalendar, OwnCalendar, PushCalendar};
use std::sync::Arc;
use std::time::Instant;

type Answer = Result<Json<OwnCalendar>, Refused>;

/// Each with the methods it answers to, as docs/openapi.json has them.
pub(super) fn table() -> Vec<Route> {
    let calendar = get(shown).put(connect).delete(disconnect);
    vec![
        (
            "/api/v1/account/calendar",
            &["get", "put", "delete"],
            calendar,
        ),
        ("/api/v1/account/calendar/push", &["post"], post(push)),
    ]
}

pub(super) fn routes() -> Router<Arc<Site>> {
    routed(table())
}

async fn shown(State(site): State<Arc<Site>>, who: Who) -> Answer {
    let shown = site.calendars.shown(&who.account.id).await;
    Ok(Json(shown.map_err(Refused::from)?))
}

async fn connect(
    State(site): State<Arc<Site>>,
    who: Who,
    caller: Caller,
    Body(wish): Body<ConnectCalendar>,
) -> Answer {
    asked(&site, &caller)?;
    let connected = site.calendars.connect(&who.account.id, wish).await;
    Ok(Json(connected?))
}

async fn push(
    State(site): State<Arc<Site>>,
    who: Who,
    caller: Caller,
    Body(wish): Body<PushCalendar>,
) -> Answer {
    asked(&site, &caller)?;
    let (id, email) = (&who.account.id, &who.account.email);
    let pushed = site.calendars.push_now(id, email, wish.replace).await;
    Ok(Json(pushed?))
}

/// `?events=remove`, or `keep`, which is also what is meant where nothing is said.
async fn disconnect(
    State(site): State<Arc<Site>>,
    who: Who,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Refused> {
    let query = query.unwrap_or_default();
    let mut said = url::form_urlencoded::parse(query.as_bytes());
    let events = said.find(|(name, _)| name == "events");
    let remove = match events.as_ref().map(|(_, value)| value.as_ref()) {
        Some("remove") => true,
        Some("keep") | None => false,
        Some(_) => return Err(Code::BadValue.into()),
    };
    site.calendars.disconnect(&who.account.id, remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Each of these sends a password to a server that was named by somebody: nobody tries many.
fn asked(site: &Site, caller: &Caller) -> Result<(), Refused> {
    match site.calendars_asked.allows(caller.address, Instant::now()) {
        true => Ok(()),
        false => Err(Code::TooFast.into()),
    }
}
