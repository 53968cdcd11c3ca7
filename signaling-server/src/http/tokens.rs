//! `/api/v1/account/tokens` and `/api/v1/admin/tokens`: tokens of programs. They are made by people who are signed in, never by
//! programs.

use super::Site;
use super::accounts::{Answer, Body, Named, Route, routed};
use crate::accounts::{Origin, Refused, Who};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use confab_protocol::{ApiToken, ApiTokenMade, NewApiToken, Page};
use std::sync::Arc;

/// Each with the methods it answers to, as docs/openapi.json has them.
pub(super) fn table() -> Vec<Route> {
    vec![
        (
            "/api/v1/account/tokens",
            &["get", "post"],
            get(own).post(make),
        ),
        (
            "/api/v1/account/tokens/{id}",
            &["delete"],
            delete(revoke_own),
        ),
        (
            "/api/v1/admin/tokens",
            &["get", "post"],
            get(all).post(make_for_server),
        ),
        ("/api/v1/admin/tokens/{id}", &["delete"], delete(revoke_any)),
    ]
}

pub(super) fn routes() -> Router<Arc<Site>> {
    routed(table())
}

async fn own(State(site): State<Arc<Site>>, who: Who) -> Answer<Page<ApiToken>> {
    Ok(Json(site.accounts.tokens(&who).await?))
}

async fn all(State(site): State<Arc<Site>>, who: Who) -> Answer<Page<ApiToken>> {
    Ok(Json(site.accounts.all_tokens(&who).await?))
}

type Made = Result<(StatusCode, Json<ApiTokenMade>), Refused>;

async fn make(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Body(wish): Body<NewApiToken>,
) -> Made {
    let made = site.accounts.make_token(&from, &who, wish).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn make_for_server(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Body(wish): Body<NewApiToken>,
) -> Made {
    let made = site.accounts.make_server_token(&from, &who, wish).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn revoke_own(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    site.accounts.revoke_token(&from, &who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_any(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    site.accounts.revoke_any_token(&from, &who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
