//! `/api/v1/account/export` and what deletes an account: the person's own way out of the server, and an admin's for somebody else.

use super::Site;
use super::accounts::{Body, Named, left};
use crate::accounts::{Origin, Refused, Who};
use crate::clock::wall_ms;
use crate::schedule::Change;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use confab_protocol::{AccountId, Code, DeleteAccount};
use std::sync::Arc;

/// Meetings that are cancelled when their owner goes, at most; the rest stay, and are nobody's.
const MOST_MEETINGS: u32 = 10_000;

/// One JSON file, to be saved.
pub(super) async fn export(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
) -> Result<Response, Refused> {
    let export = site.accounts.export(&from, &who).await?;
    let name = "attachment; filename=\"confab-data.json\"";
    Ok(([(header::CONTENT_DISPOSITION, name)], Json(export)).into_response())
}

pub(super) async fn delete_own(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    headers: HeaderMap,
    Body(wish): Body<DeleteAccount>,
) -> Result<Response, Refused> {
    site.accounts.may_delete(&from, &who, wish).await?;
    cancel_meetings(&site, &who.account.id).await?;
    site.accounts.erase(&from, &who, &who.account).await?;
    Ok(left(&site, &headers).await)
}

pub(super) async fn delete_other(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    let id = AccountId::parse(&id).ok_or(Code::NotFound)?;
    let account = site.accounts.to_delete(&who, &id).await?;
    cancel_meetings(&site, &account.id).await?;
    site.accounts.erase(&from, &who, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What lies ahead does not take place, and those who are invited hear of it. What runs goes on until its people leave.
async fn cancel_meetings(site: &Site, owner: &AccountId) -> Result<(), Refused> {
    let (store, now) = (&site.planner.store, wall_ms());
    let mut all = store
        .planned_between(Some(owner), now, u64::MAX, MOST_MEETINGS)
        .await?;
    all.extend(store.personal_rooms(owner, MOST_MEETINGS).await?);
    all.retain(|m| !m.plan.cancelled && !m.record.ended);
    for meeting in all {
        let cancel = Change {
            cancelled: Some(true),
            ..Change::default()
        };
        let changed = site.planner.change(&meeting.record.id, None, cancel).await;
        match changed {
            Ok(changed) => site.planner.tell(&changed),
            // Cancelled, or gone, meanwhile.
            Err(refused) if refused.code != Code::Internal => {}
            Err(refused) => return Err(refused.code.into()),
        }
    }
    Ok(())
}
