//! `/healthz`: the process answers. `/readyz`: it can take meetings. For load balancers and whatever restarts the server; both say
//! nothing about anybody.

use super::Site;
use crate::rooms::Health;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/health", get(alive))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(site): State<Arc<Site>>) -> Response {
    let health = site.rooms.health().await;
    answer(health).into_response()
}

fn answer(health: Health) -> impl IntoResponse {
    let status = match health.ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(health))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_wrong_is_enough() {
        let status = |database, media, draining| {
            let health = Health {
                database,
                media,
                draining,
            };
            answer(health).into_response().status().as_u16()
        };
        assert_eq!(status(true, true, false), 200);
        assert_eq!(status(false, true, false), 503);
        assert_eq!(status(true, false, false), 503);
        assert_eq!(status(true, true, true), 503);
    }
}
