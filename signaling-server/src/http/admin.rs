//! `/api/v1/admin`: for who looks after the server. What runs now and who is in it, meetings that are planned, what the
//! configuration allows; ending a meeting and sending somebody out. What is done is noted first, so nothing is done unnoted.

use super::Site;
use super::accounts::{Answer, Body, Cursor, Named, Route, routed};
use super::caller::Caller;
use super::schedule;
use crate::accounts::{Origin, Refused, Who, must_be_admin};
use crate::config::{Config, CreatePolicy};
#[cfg(unix)]
use crate::handover::more_meetings;
use crate::log;
use crate::rooms::Seen;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use confab_protocol::{
    AuditAction, Call, CallDetails, Code, CreateRule, LiveMeeting, MeetingId, Page, ParticipantId,
    ProviderPolicy, ServerLog, ServerPolicy,
};
use confab_room::Deed;
use std::sync::Arc;

/// Each with the methods it answers to, as docs/openapi.json has them.
pub(super) fn table() -> Vec<Route> {
    vec![
        ("/api/v1/admin/meetings", &["get"], get(meetings)),
        ("/api/v1/admin/meetings/{meeting}/end", &["post"], post(end)),
        (
            "/api/v1/admin/meetings/{meeting}/people/{person}",
            &["delete"],
            delete(send_out),
        ),
        ("/api/v1/admin/plans", &["get"], get(schedule::plans_of_all)),
        ("/api/v1/admin/calls", &["get"], get(calls)),
        ("/api/v1/admin/calls/{call}", &["get"], get(call)),
        ("/api/v1/admin/policy", &["get"], get(policy)),
        (
            "/api/v1/admin/log",
            &["get", "put"],
            get(log_level).put(set_log_level),
        ),
    ]
}

pub(super) fn routes() -> Router<Arc<Site>> {
    routed(table())
}

async fn meetings(
    State(site): State<Arc<Site>>,
    who: Who,
    caller: Caller,
    headers: HeaderMap,
) -> Answer<Page<LiveMeeting>> {
    must_be_admin(&who)?;
    #[cfg(unix)]
    let mut items = more_meetings(&site.rooms.held, &headers, caller.direct).await;
    #[cfg(not(unix))]
    let mut items = {
        let _ = (caller, headers);
        Vec::new()
    };
    for seen in site.rooms.seen().await {
        items.push(shown(&site, seen).await?);
    }
    items.sort_by_cached_key(|m| (m.since.unwrap_or(u64::MAX), m.id.as_str().to_owned()));
    Ok(Json(Page { items, next: None }))
}

async fn shown(site: &Site, seen: Seen) -> Result<LiveMeeting, Refused> {
    let owner = match &seen.owner {
        Some(id) => site.accounts.email_of(id).await?,
        None => None,
    };
    Ok(LiveMeeting {
        id: seen.id,
        title: seen.overview.title,
        owner,
        since: seen.overview.since,
        locked: seen.overview.locked,
        people: seen.overview.people,
    })
}

async fn end(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    let seen = running(&site, &who, &id).await?;
    let (action, title) = (AuditAction::MeetingEnded, &seen.overview.title);
    site.accounts
        .note_meeting(&from, &who, action, title, None)
        .await?;
    site.rooms.deed(&seen.id, Deed::End).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn send_out(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Refused> {
    let Ok(Path((id, person))) = path else {
        return Err(Code::BadMessage.into());
    };
    let seen = running(&site, &who, &id).await?;
    let number = person.parse().ok().map(ParticipantId);
    let mut people = seen.overview.people.iter();
    let person = people.find(|p| Some(p.id) == number);
    let person = person.ok_or(Code::NotFound)?;
    let (action, title) = (AuditAction::PersonSentOut, &seen.overview.title);
    site.accounts
        .note_meeting(&from, &who, action, title, Some(&person.name))
        .await?;
    site.rooms.deed(&seen.id, Deed::Remove(person.id)).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn running(site: &Site, who: &Who, id: &str) -> Result<Seen, Refused> {
    must_be_admin(who)?;
    let id = MeetingId::parse(id).ok_or(Code::MeetingNotFound)?;
    let seen = site.rooms.look(&id).await;
    Ok(seen.ok_or(Code::MeetingNotFound)?)
}

async fn calls(State(site): State<Arc<Site>>, who: Who, cursor: Cursor) -> Answer<Page<Call>> {
    must_be_admin(&who)?;
    let before = match cursor.after.as_str() {
        "" => u32::MAX,
        after => after.parse().map_err(|_| Code::BadValue)?,
    };
    let (items, next) = site.quality.calls(before).await?;
    let next = next.map(|id| id.to_string());
    Ok(Json(Page { items, next }))
}

async fn call(State(site): State<Arc<Site>>, who: Who, Named(id): Named) -> Answer<CallDetails> {
    must_be_admin(&who)?;
    let id: u32 = id.parse().map_err(|_| Code::NotFound)?;
    let found = site.quality.call(id).await?;
    Ok(Json(found.ok_or(Code::NotFound)?))
}

async fn policy(State(site): State<Arc<Site>>, who: Who) -> Answer<ServerPolicy> {
    must_be_admin(&who)?;
    Ok(Json(site.live().policy.clone()))
}

async fn log_level(who: Who) -> Answer<ServerLog> {
    must_be_admin(&who)?;
    let level = log::level().ok_or(Code::NotFound)?;
    Ok(Json(ServerLog { level }))
}

/// Until the process ends, or the configuration names another and is read anew.
async fn set_log_level(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Body(wanted): Body<ServerLog>,
) -> Answer<ServerLog> {
    must_be_admin(&who)?;
    log::level().ok_or(Code::NotFound)?;
    site.accounts
        .note_log_level(&from, &who, wanted.level)
        .await?;
    match log::set_level(wanted.level) {
        true => Ok(Json(wanted)),
        false => Err(Code::Internal.into()),
    }
}

/// What of the configuration concerns who may do what.
pub(super) fn policy_of(config: &Config) -> ServerPolicy {
    let provider = config.oidc.issuer.clone().map(|issuer| ProviderPolicy {
        issuer,
        domains: config.oidc.domains.clone(),
        sign_up: config.oidc.sign_up,
    });
    let has_mail = config.mail.host.is_some();
    ServerPolicy {
        create: match config.access.create {
            CreatePolicy::Anyone => CreateRule::Anyone,
            CreatePolicy::Token => CreateRule::Token,
            CreatePolicy::Loopback => CreateRule::Loopback,
            CreatePolicy::Account => CreateRule::Account,
        },
        tokens: config.access.tokens.len() as u32,
        sign_up: config.accounts.sign_up,
        session_days: config.accounts.session_days,
        mail_from: config.mail.from.clone().filter(|_| has_mail),
        provider,
        meetings_per_minute: config.limits.meetings_per_minute,
        joins_per_minute: config.limits.joins_per_minute,
    }
}
