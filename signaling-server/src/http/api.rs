//! `/api/v1/meetings`: bodies are `confab_protocol`'s, errors an `ErrorBody` with a stable code.

use super::Site;
use super::accounts::signed_in;
use super::caller::Caller;
use super::scopes::operates;
use crate::accounts;
use crate::clock::wall_ms;
use crate::config::CreatePolicy;
use crate::schedule::{AddTo, Refused, Standing};
use crate::secrets::Digest;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use confab_protocol::{
    AccountId, Code, ErrorBody, MayCreate, MeetingCreated, MeetingId, MeetingInfo,
};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// An error as the API of accounts tells it: by its code alone.
pub(super) struct Refusal(Code, &'static str);

impl From<Code> for Refusal {
    fn from(code: Code) -> Refusal {
        let text = match code {
            Code::MeetingNotFound => "no such meeting",
            Code::BadValue => "a value is outside its range",
            Code::BadMessage => "the body is not what is taken here",
            Code::NotAllowed => "this is not allowed",
            Code::NotFound => "there is no such thing",
            Code::SignInNeeded => "sign in first",
            Code::WrongPassword => "the address or the password is wrong",
            Code::TooManyTries => "too many wrong tries; wait",
            Code::TooFast => "too often; wait a minute",
            Code::BadSdp => "the session description cannot be used",
            Code::TooLarge => "more than is taken here",
            Code::GoingAway => "the server is shutting down",
            Code::Overloaded => "the server is busy; try again",
            Code::WeakPassword => "the password is too short or too easy",
            Code::LinkExpired => "the link was used or is too old",
            Code::EmailTaken => "there is an account with this address",
            Code::CalendarAddress => "this address may not be asked; it takes https",
            Code::CalendarUnreachable => "the calendar server does not answer",
            Code::CalendarRefused => "the calendar server refuses this user name or password",
            Code::CalendarNotFound => "there is no calendar that takes events",
            Code::CalendarFailed => "the calendar server failed",
            Code::LastOwner => "the server would be left without an owner",
            Code::ProviderUnavailable => "the sign-in provider does not answer",
            Code::ProviderRefused => "the sign-in provider's answer does not hold",
            Code::NoAccount => "there is no account here for this person",
            Code::LinkFirst => "sign in with the account, then link the provider",
            Code::IdentityTaken => "one of the two is linked already",
            Code::LastWayIn => "nobody could get into the account any more",
            Code::PasskeyRefused => "the passkey is not known here",
            Code::Unauthorized => "the API token is not known, has expired or was revoked",
            Code::ScopeMissing => "the API token does not have the scope this needs",
            Code::TooMany => "there are as many of them as may be; remove one",
            Code::WebhookAddress => "this address may not be asked; it takes https",
            _ => "the server failed",
        };
        Refusal(code, text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let message = self.1.to_owned();
        let body = ErrorBody {
            code: self.0,
            message,
        };
        (status(self.0), Json(body)).into_response()
    }
}

impl From<accounts::Refused> for Refused {
    fn from(refused: accounts::Refused) -> Refused {
        let Refusal(code, text) = refused.code.into();
        Refused::new(code, text)
    }
}

/// The HTTP status a code goes with.
pub(super) fn status(code: Code) -> StatusCode {
    match code {
        Code::BadMessage | Code::BadValue | Code::BadSdp | Code::WeakPassword => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthorized
        | Code::SignInNeeded
        | Code::WrongPassword
        | Code::ProviderRefused
        | Code::PasskeyRefused => StatusCode::UNAUTHORIZED,
        Code::NotAllowed | Code::BadSecret | Code::NoAccount | Code::ScopeMissing => {
            StatusCode::FORBIDDEN
        }
        Code::MeetingNotFound | Code::NotFound => StatusCode::NOT_FOUND,
        Code::RoomTaken
        | Code::EmailTaken
        | Code::LastOwner
        | Code::LinkFirst
        | Code::IdentityTaken
        | Code::LastWayIn
        | Code::TooMany => StatusCode::CONFLICT,
        Code::MeetingEnded | Code::MeetingCancelled | Code::LinkExpired => StatusCode::GONE,
        Code::ChangedMeanwhile => StatusCode::PRECONDITION_FAILED,
        Code::CalendarAddress
        | Code::CalendarUnreachable
        | Code::CalendarRefused
        | Code::CalendarNotFound
        | Code::CalendarFailed
        | Code::WebhookAddress => StatusCode::UNPROCESSABLE_ENTITY,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::QuotaExceeded | Code::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::TooFast | Code::TooManyTries => StatusCode::TOO_MANY_REQUESTS,
        Code::Overloaded | Code::GoingAway | Code::ProviderUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What anyone with the link may know.
#[derive(Debug, Serialize)]
pub(super) struct InfoBody {
    #[serde(flatten)]
    info: MeetingInfo,
    #[serde(flatten)]
    standing: Standing,
    /// None: in no calendar, over or cancelled.
    add_to: Option<AddTo>,
}

pub(super) async fn info(
    State(site): State<Arc<Site>>,
    Path(meeting): Path<String>,
) -> Result<Json<InfoBody>, Refused> {
    let unknown = || Refused::new(Code::MeetingNotFound, "no such meeting");
    let id = MeetingId::parse(&meeting).ok_or_else(unknown)?;
    let (meeting, now) = (site.planner.meeting(&id).await?, wall_ms());
    let (standing, add_to) = (meeting.standing(now), site.planner.offered(&meeting, now));
    let info = site.rooms.info(&id).await;
    let info = info.map_err(|code| Refused::new(code, "the server failed"))?;
    Ok(Json(InfoBody {
        info,
        standing,
        add_to,
    }))
}

/// By the rate and by the policy. Whose the meeting will be: the account that is signed in, if one is.
pub(super) async fn may_create(
    site: &Site,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Option<AccountId>, Refused> {
    let refused = |code, message| Err(Refused::new(code, message));
    if !site.creates.allows(caller.address, Instant::now()) {
        let message = "too many meetings from this address; wait a minute";
        return refused(Code::TooFast, message);
    }
    let who = signed_in(site, headers).await?;
    let may = match operates(site, headers).await? {
        true => MayCreate::Yes,
        false => may_create_now(site, caller, who.is_some()).await?,
    };
    match (may, site.live().access.create) {
        (MayCreate::Yes, _) => Ok(who.map(|who| who.account.id)),
        (MayCreate::SignIn, _) => refused(Code::SignInNeeded, "sign in first"),
        (MayCreate::No, CreatePolicy::Token) => refused(
            Code::Unauthorized,
            "an API token is needed: Authorization: Bearer …",
        ),
        (MayCreate::No, _) => refused(
            Code::NotAllowed,
            "meetings are created on the server itself",
        ),
    }
}

/// Whether the policy lets this caller create a meeting without an API token.
pub(super) async fn may_create_now(
    site: &Site,
    caller: &Caller,
    signed_in: bool,
) -> Result<MayCreate, accounts::Refused> {
    let local = match caller.address.to_canonical().is_loopback() {
        true => MayCreate::Yes,
        false => MayCreate::No,
    };
    Ok(match site.live().access.create {
        CreatePolicy::Anyone => MayCreate::Yes,
        CreatePolicy::Loopback => local,
        CreatePolicy::Token => MayCreate::No,
        CreatePolicy::Account if signed_in => MayCreate::Yes,
        CreatePolicy::Account if site.accounts.any().await? => MayCreate::SignIn,
        CreatePolicy::Account => local,
    })
}

pub(super) fn has_token(site: &Site, headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    let Some(token) = value.and_then(|v| v.strip_prefix("Bearer ")) else {
        return false;
    };
    let presented = Digest::of(token.trim());
    // Every one is compared: how long it takes does not tell which came close.
    site.live()
        .tokens
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
