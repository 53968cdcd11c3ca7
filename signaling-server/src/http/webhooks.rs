//! `/api/v1/admin/webhooks`: receivers of what happens on the server, for who looks after it. What is done is noted.

use super::Site;
use super::accounts::{Answer, Body, Named, Route, routed};
use crate::accounts::{Origin, Refused, Who, must_be_admin};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use confab_protocol::{
    AuditAction, ChangeWebhook, Code, Delivery, NewWebhook, Page, Webhook, WebhookMade,
};
use std::sync::Arc;

/// Each with the methods it answers to, as docs/openapi.json has them.
pub(super) fn table() -> Vec<Route> {
    vec![
        (
            "/api/v1/admin/webhooks",
            &["get", "post"],
            get(list).post(make),
        ),
        (
            "/api/v1/admin/webhooks/{id}",
            &["patch", "delete"],
            patch(change).delete(remove),
        ),
        (
            "/api/v1/admin/webhooks/{id}/deliveries",
            &["get"],
            get(deliveries),
        ),
        (
            "/api/v1/admin/webhooks/{id}/deliveries/{delivery}/send",
            &["post"],
            post(send_again),
        ),
        ("/api/v1/admin/webhooks/{id}/test", &["post"], post(test)),
    ]
}

pub(super) fn routes() -> Router<Arc<Site>> {
    routed(table())
}

async fn list(State(site): State<Arc<Site>>, who: Who) -> Answer<Page<Webhook>> {
    must_be_admin(&who)?;
    Ok(Json(site.hooks.list().await?))
}

async fn make(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Body(wish): Body<NewWebhook>,
) -> Result<(StatusCode, Json<WebhookMade>), Refused> {
    must_be_admin(&who)?;
    let made = site.hooks.make(wish).await?;
    let (action, url) = (AuditAction::WebhookMade, &made.webhook.url);
    site.accounts.note_webhook(&from, &who, action, url).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn change(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
    Body(wish): Body<ChangeWebhook>,
) -> Answer<Webhook> {
    must_be_admin(&who)?;
    let changed = site.hooks.change(&id, wish).await?;
    let action = AuditAction::WebhookChanged;
    let noted = site
        .accounts
        .note_webhook(&from, &who, action, &changed.url);
    noted.await?;
    Ok(Json(changed))
}

async fn remove(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    must_be_admin(&who)?;
    let url = site.hooks.remove(&id).await?;
    let action = AuditAction::WebhookRemoved;
    site.accounts
        .note_webhook(&from, &who, action, &url)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn deliveries(
    State(site): State<Arc<Site>>,
    who: Who,
    Named(id): Named,
) -> Answer<Page<Delivery>> {
    must_be_admin(&who)?;
    Ok(Json(site.hooks.deliveries(&id).await?))
}

async fn send_again(
    State(site): State<Arc<Site>>,
    who: Who,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Refused> {
    must_be_admin(&who)?;
    let Ok(Path((id, delivery))) = path else {
        return Err(Code::BadMessage.into());
    };
    site.hooks.send_again(&id, &delivery).await?;
    Ok(StatusCode::ACCEPTED)
}

/// A letter with nothing in it, to see whether it arrives.
async fn test(
    State(site): State<Arc<Site>>,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    must_be_admin(&who)?;
    site.hooks.test(&id).await?;
    Ok(StatusCode::ACCEPTED)
}
