//! `/api/v1/feeds`: calendars to subscribe to, whose links can be revoked; and the calendars themselves.

use super::asker::Asker;
use super::body;
use crate::clock::wall_ms;
use crate::http::Site;
use crate::http::pages::{UNCACHED, UNLISTED};
use crate::schedule::{Feed, Refused, line};
use crate::secrets::{Digest, fresh_secret};
use crate::store::PlanWrite;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use confab_protocol::Code;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

type Shared = State<Arc<Site>>;
/// Feeds of one account, or of the operator.
const MOST_FEEDS: usize = 50;
const MOST_NAME: usize = 80;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFeed {
    name: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Feeds {
    feeds: Vec<FeedBody>,
}

#[derive(Debug, Serialize)]
pub(super) struct FeedBody {
    id: String,
    name: String,
    created_at: u64,
    /// Told once: the link with its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

pub(super) async fn list(State(site): Shared, headers: HeaderMap) -> Result<Json<Feeds>, Refused> {
    let asker = Asker::of(&site, &headers).await?;
    let feeds = site.planner.store.feeds(asker.lists()?).await?;
    let feeds = feeds.into_iter().map(|feed| shown(feed, None)).collect();
    Ok(Json(Feeds { feeds }))
}

pub(super) async fn create(
    State(site): Shared,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<(StatusCode, Json<FeedBody>), Refused> {
    let asker = Asker::of(&site, &headers).await?;
    let owner = asker.lists()?.cloned();
    let wanted: NewFeed = body(&headers, &bytes)?;
    if site.planner.store.feeds(owner.as_ref()).await?.len() >= MOST_FEEDS {
        let message = "fifty feeds are enough; revoke one";
        return Err(Refused::new(Code::BadValue, message));
    }
    let token = fresh_secret();
    let feed = Feed {
        id: fresh_secret(),
        token: Digest::of(&token),
        owner,
        name: line(&wanted.name, MOST_NAME, "name")?,
        created_at: wall_ms(),
    };
    site.planner
        .store
        .write_plan(PlanWrite::SaveFeed(feed.clone()))
        .await?;
    let link = format!("{}/feed/{token}.ics", site.public_url);
    Ok((StatusCode::CREATED, Json(shown(feed, Some(link)))))
}

pub(super) async fn revoke(
    State(site): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let asker = Asker::of(&site, &headers).await?;
    let owner = asker.lists()?.cloned();
    let known = site.planner.store.feeds(owner.as_ref()).await?;
    if known.iter().all(|feed| feed.id != id) {
        return Err(Refused::new(Code::NotFound, "no such feed"));
    }
    site.planner
        .store
        .write_plan(PlanWrite::DeleteFeed(id, owner))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `/feed/{token}.ics`
pub(crate) async fn calendar(State(site): Shared, Path(file): Path<String>) -> Response {
    let token = file.strip_suffix(".ics").unwrap_or(&file);
    let feed = match site.planner.store.feed(&Digest::of(token)).await {
        Ok(Some(feed)) => feed,
        Ok(None) => {
            return (StatusCode::NOT_FOUND, [UNCACHED], "no such calendar\n").into_response();
        }
        Err(error) => return Refused::from(error).into_response(),
    };
    match site.planner.feed(&feed, wall_ms()).await {
        Ok(ics) => {
            let kind = (header::CONTENT_TYPE, ics.content_type());
            ([kind], [UNCACHED], [UNLISTED], ics.text).into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

fn shown(feed: Feed, link: Option<String>) -> FeedBody {
    FeedBody {
        id: feed.id,
        name: feed.name,
        created_at: feed.created_at,
        link,
    }
}
