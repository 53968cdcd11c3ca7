//! `/api/v1/meetings`: bodies are `confab_protocol`'s, errors are an [`ErrorBody`] with a stable code.

use super::Site;
use super::caller::{Caller, same_origin};
use crate::config::CreatePolicy;
use crate::secrets::Digest;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use confab_protocol::{Code, CreateMeeting, ErrorBody, MeetingCreated, MeetingId, MeetingInfo};
use std::sync::Arc;
use std::time::Instant;

/// An error as the API tells it.
pub(super) struct Refusal(Code, &'static str);

impl From<Code> for Refusal {
    fn from(code: Code) -> Refusal {
        let text = match code {
            Code::MeetingNotFound => "no such meeting",
            Code::BadValue => "a value is outside its range",
            _ => "the server failed",
        };
        Refusal(code, text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.0 {
            Code::BadMessage | Code::BadValue => StatusCode::BAD_REQUEST,
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::NotAllowed => StatusCode::FORBIDDEN,
            Code::MeetingNotFound => StatusCode::NOT_FOUND,
            Code::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Code::Overloaded | Code::GoingAway => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (
            status,
            Json(ErrorBody {
                code: self.0,
                message: self.1.to_owned(),
            }),
        )
            .into_response()
    }
}

pub(super) async fn create(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<MeetingCreated>), Refusal> {
    may_create(&site, &caller, &headers)?;
    let wanted: CreateMeeting = serde_json::from_slice(&body)
        .map_err(|_| Refusal(Code::BadMessage, "the body is no CreateMeeting"))?;
    let (id, host_key) = site.rooms.create(wanted).await?;
    Ok((
        StatusCode::CREATED,
        Json(links(&site.public_url, id, &host_key)),
    ))
}

pub(super) async fn info(
    State(site): State<Arc<Site>>,
    Path(meeting): Path<String>,
) -> Result<Json<MeetingInfo>, Refusal> {
    let id = MeetingId::parse(&meeting).ok_or(Code::MeetingNotFound)?;
    Ok(Json(site.rooms.info(&id).await?))
}

fn may_create(site: &Site, caller: &Caller, headers: &HeaderMap) -> Result<(), Refusal> {
    if !same_origin(headers, &site.public_url) {
        return Err(Refusal(Code::NotAllowed, "wrong origin"));
    }
    // Pages elsewhere can send forms without asking first, but no JSON.
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return Err(Refusal(
            Code::BadMessage,
            "content-type has to be application/json",
        ));
    }
    if !site.creates.allows(caller.address, Instant::now()) {
        return Err(Refusal(
            Code::TooFast,
            "too many meetings from this address; wait a minute",
        ));
    }
    if has_token(site, headers) {
        return Ok(());
    }
    match site.access.create {
        CreatePolicy::Anyone => Ok(()),
        CreatePolicy::Loopback if caller.address.to_canonical().is_loopback() => Ok(()),
        CreatePolicy::Loopback => Err(Refusal(
            Code::NotAllowed,
            "meetings are created on the server itself",
        )),
        CreatePolicy::Token => Err(Refusal(
            Code::Unauthorized,
            "an API token is needed: Authorization: Bearer …",
        )),
    }
}

fn has_token(site: &Site, headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    let Some(token) = value.and_then(|v| v.strip_prefix("Bearer ")) else {
        return false;
    };
    let presented = Digest::of(token.trim());
    // Every one is compared: how long it takes does not tell which came close.
    site.tokens
        .iter()
        .filter(|known| known.matches(&presented))
        .count()
        > 0
}

/// The two links of a new meeting.
pub(crate) fn links(public_url: &str, id: MeetingId, host_key: &str) -> MeetingCreated {
    let guest_link = format!("{public_url}/m/{id}");
    MeetingCreated {
        host_link: format!("{guest_link}#host={host_key}"),
        guest_link,
        id,
    }
}
