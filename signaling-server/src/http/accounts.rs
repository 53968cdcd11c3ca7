//! `/api/v1/session`, `/account`, `/accounts`, `/invitations` and `/audit`: bodies are `confab_protocol`'s, the work is done in
//! `accounts/`. A cookie goes along with whatever a browser sends here, so everything that changes something has to come from
//! a page of this server, and with a body only as JSON, which pages elsewhere cannot send.

use super::Site;
use super::api::{Refusal, may_create_now};
use super::caller::{Caller, own_page};
use super::{privacy, scopes, ways};
use crate::accounts::cookie::{self, Kind};
use crate::accounts::{Bearer, Entered, Origin, Refused, Who, agent};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post};
use axum::{Json, Router};
use confab_protocol::{
    Account, AccountId, AskForLink, AuditEntry, ChangeAccount, ChangePassword, ChangeProfile, Code,
    Invitation, Invite, Invited, Join, LinkToken, NewPassword, Page, ProviderPage, SignIn,
    SignedIn, Standing,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

pub(super) type Route = (
    &'static str,
    &'static [&'static str],
    MethodRouter<Arc<Site>>,
);

/// Each with the methods it answers to, as docs/openapi.json has them.
fn table() -> Vec<Route> {
    let session = get(standing).post(sign_in).delete(sign_out);
    let sessions = get(sessions).delete(end_all_sessions);
    vec![
        ("/api/v1/session", &["get", "post", "delete"], session),
        ("/api/v1/account", &["patch"], patch(change_profile)),
        ("/api/v1/account/password", &["post"], post(change_password)),
        ("/api/v1/account/sessions", &["get", "delete"], sessions),
        (
            "/api/v1/account/sessions/{id}",
            &["delete"],
            delete(end_session),
        ),
        ("/api/v1/account/reset", &["post"], post(ask_reset)),
        (
            "/api/v1/account/reset/confirm",
            &["post"],
            post(confirm_reset),
        ),
        ("/api/v1/accounts", &["get", "post"], get(list).post(join)),
        ("/api/v1/accounts/request", &["post"], post(ask_account)),
        ("/api/v1/account/export", &["get"], get(privacy::export)),
        (
            "/api/v1/account/delete",
            &["post"],
            post(privacy::delete_own),
        ),
        (
            "/api/v1/accounts/{id}",
            &["patch", "delete"],
            patch(change_account).delete(privacy::delete_other),
        ),
        (
            "/api/v1/invitations",
            &["get", "post"],
            get(invitations).post(invite),
        ),
        ("/api/v1/invitations/look", &["post"], post(look)),
        ("/api/v1/invitations/{id}", &["delete"], delete(revoke)),
        ("/api/v1/audit", &["get"], get(audit)),
    ]
}

pub(super) fn routes() -> Router<Arc<Site>> {
    routed(table().into_iter().chain(ways::table()))
}

/// The routes of a table; no cache keeps what they answer.
pub(super) fn routed(table: impl IntoIterator<Item = Route>) -> Router<Arc<Site>> {
    let all = table.into_iter();
    all.fold(Router::new(), |router, (path, _, methods)| {
        router.route(path, methods)
    })
    .layer(axum::middleware::map_response(uncached))
}

/// Answers about people are nobody else's: no cache keeps them.
async fn uncached(mut response: Response) -> Response {
    let value = axum::http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, value);
    response
}

/// Around the whole API: what changes something comes from a page of ours, or from no page at all.
pub(super) async fn from_own_pages(
    State(site): State<Arc<Site>>,
    request: Request,
    next: Next,
) -> Response {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let api = request.uri().path().starts_with("/api/");
    if api && !safe && !own_page(request.headers(), &site.public_url) {
        return Refusal::from(Code::NotAllowed).into_response();
    }
    next.run(request).await
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let answer = Refusal::from(self.code).into_response();
        match self.wait {
            // Rounded up: whoever waits so long is not sent away again.
            Some(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                ([(header::RETRY_AFTER, seconds.to_string())], answer).into_response()
            }
            None => answer,
        }
    }
}

pub(super) type Answer<T> = Result<Json<T>, Refused>;

/// A body in JSON, said to be JSON.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Site>> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Body<T>, Refused> {
        // axum asks for the content type itself.
        match Json::<T>::from_request(request, site).await {
            Ok(Json(body)) => Ok(Body(body)),
            Err(_) => Err(Code::BadMessage.into()),
        }
    }
}

/// Where the request comes from.
impl FromRequestParts<Arc<Site>> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        site: &Arc<Site>,
    ) -> Result<Origin, Self::Rejection> {
        let Ok(caller) = Caller::from_request_parts(parts, site).await;
        let text = parts.headers.get(header::USER_AGENT);
        let text = text.and_then(|v| v.to_str().ok()).unwrap_or_default();
        Ok(Origin {
            address: caller.address,
            agent: agent(text),
        })
    }
}

/// Somebody signed in, or a program with a token; others are refused.
impl FromRequestParts<Arc<Site>> for Who {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Who, Refused> {
        if let Some(who) = by_cookie(site, &parts.headers).await? {
            return Ok(who);
        }
        let bearer = scopes::bearer(site, &parts.headers).await?;
        bearer.map(Bearer::who).ok_or(Code::SignInNeeded.into())
    }
}

/// The person the request's cookie or token stands for.
pub(super) async fn signed_in(site: &Site, headers: &HeaderMap) -> Result<Option<Who>, Refused> {
    if let Some(who) = by_cookie(site, headers).await? {
        return Ok(Some(who));
    }
    let bearer = scopes::bearer(site, headers).await?;
    Ok(bearer.filter(|b| b.account.is_some()).map(Bearer::who))
}

/// Whoever the request's cookie stands for.
pub(super) async fn by_cookie(site: &Site, headers: &HeaderMap) -> Result<Option<Who>, Refused> {
    match cookie::read(headers, Kind::Session, site.accounts.secure()) {
        Some(secret) => site.accounts.who(secret).await,
        None => Ok(None),
    }
}

async fn standing(
    State(site): State<Arc<Site>>,
    caller: Caller,
    headers: HeaderMap,
) -> Answer<Standing> {
    let who = by_cookie(&site, &headers).await?;
    let may = may_create_now(&site, &caller, who.is_some()).await?;
    let me = who.map(|w| w.account.shown());
    Ok(Json(site.accounts.standing(me, may).await?))
}

/// The answer to whatever signs in: the cookie, and what `GET /session` would say now.
pub(super) async fn entered(
    site: &Site,
    caller: &Caller,
    entered: Entered,
    status: StatusCode,
) -> Result<Response, Refused> {
    let may = may_create_now(site, caller, true).await?;
    let me = Some(entered.account.shown());
    let standing = site.accounts.standing(me, may).await?;
    let (seconds, secure) = (site.accounts.session_seconds(), site.accounts.secure());
    let set = cookie::set(Kind::Session, &entered.secret, seconds, secure);
    Ok((status, [(header::SET_COOKIE, set)], Json(standing)).into_response())
}

/// The answer to whatever signs out: no cookie any more. Who came by the provider is told where to sign out there, too.
pub(super) async fn left(site: &Site, headers: &HeaderMap) -> Response {
    let secure = site.accounts.secure();
    let none = |kind| (header::SET_COOKIE, cookie::set(kind, "", 0, secure));
    let gone = none(Kind::Session);
    let Some(word) = cookie::read(headers, Kind::Provider, secure) else {
        return (StatusCode::NO_CONTENT, [gone]).into_response();
    };
    let gone = AppendHeaders([gone, none(Kind::Provider)]);
    let session = cookie::read(headers, Kind::Session, secure);
    let page = match session.and_then(|session| cookie::id_token(session, word)) {
        Some(id_token) => site.accounts.provider_sign_out(id_token).await,
        None => None,
    };
    match page {
        Some(url) => (gone, Json(ProviderPage { url })).into_response(),
        None => (StatusCode::NO_CONTENT, gone).into_response(),
    }
}

async fn sign_in(
    State(site): State<Arc<Site>>,
    caller: Caller,
    from: Origin,
    Body(with): Body<SignIn>,
) -> Result<Response, Refused> {
    let done = site.accounts.sign_in(&from, with).await?;
    entered(&site, &caller, done, StatusCode::OK).await
}

/// Also takes away a cookie that stands for nothing any more.
async fn sign_out(
    State(site): State<Arc<Site>>,
    from: Origin,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if let Some(who) = by_cookie(&site, &headers).await? {
        site.accounts.sign_out(&from, &who).await?;
    }
    Ok(left(&site, &headers).await)
}

async fn join(
    State(site): State<Arc<Site>>,
    caller: Caller,
    from: Origin,
    Body(wish): Body<Join>,
) -> Result<Response, Refused> {
    let done = site.accounts.join(&from, wish).await?;
    entered(&site, &caller, done, StatusCode::CREATED).await
}

async fn ask_account(
    State(site): State<Arc<Site>>,
    from: Origin,
    Body(wish): Body<AskForLink>,
) -> Result<StatusCode, Refused> {
    site.accounts.ask_account(&from, wish).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn ask_reset(
    State(site): State<Arc<Site>>,
    from: Origin,
    Body(wish): Body<AskForLink>,
) -> Result<StatusCode, Refused> {
    site.accounts.ask_reset(&from, wish).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn confirm_reset(
    State(site): State<Arc<Site>>,
    caller: Caller,
    from: Origin,
    Body(wish): Body<NewPassword>,
) -> Result<Response, Refused> {
    let done = site.accounts.confirm_reset(&from, wish).await?;
    entered(&site, &caller, done, StatusCode::OK).await
}

async fn look(
    State(site): State<Arc<Site>>,
    from: Origin,
    Body(wish): Body<LinkToken>,
) -> Answer<Invitation> {
    Ok(Json(site.accounts.look(&from, &wish.token).await?))
}

async fn change_profile(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Body(wish): Body<ChangeProfile>,
) -> Answer<Account> {
    let account = site.accounts.change_profile(&from, &who, wish).await?;
    Ok(Json(account.shown()))
}

async fn change_password(
    State(site): State<Arc<Site>>,
    caller: Caller,
    from: Origin,
    who: Who,
    Body(wish): Body<ChangePassword>,
) -> Result<Response, Refused> {
    let done = site.accounts.change_password(&from, &who, wish).await?;
    entered(&site, &caller, done, StatusCode::OK).await
}

async fn sessions(State(site): State<Arc<Site>>, who: Who) -> Answer<Page<SignedIn>> {
    let items = site.accounts.sessions(&who).await?;
    Ok(Json(Page { items, next: None }))
}

async fn end_session(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    site.accounts.end_session(&from, &who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end_all_sessions(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    site.accounts.end_all_sessions(&from, &who).await?;
    Ok(left(&site, &headers).await)
}

/// `?after=`, as a page's `next` says.
#[derive(Deserialize)]
pub(super) struct Cursor {
    #[serde(default)]
    pub(super) after: String,
}

impl FromRequestParts<Arc<Site>> for Cursor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Cursor, Refused> {
        match Query::from_request_parts(parts, site).await {
            Ok(Query(cursor)) => Ok(cursor),
            Err(_) => Err(Code::BadMessage.into()),
        }
    }
}

/// What a path names.
pub(super) struct Named(pub(super) String);

impl FromRequestParts<Arc<Site>> for Named {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Named, Refused> {
        match Path::from_request_parts(parts, site).await {
            Ok(Path(name)) => Ok(Named(name)),
            Err(_) => Err(Code::BadMessage.into()),
        }
    }
}

async fn list(State(site): State<Arc<Site>>, who: Who, cursor: Cursor) -> Answer<Page<Account>> {
    Ok(Json(site.accounts.list(&who, &cursor.after).await?))
}

async fn change_account(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
    Body(wish): Body<ChangeAccount>,
) -> Answer<Account> {
    let id = AccountId::parse(&id).ok_or(Code::NotFound)?;
    let changed = site.accounts.change_account(&from, &who, &id, wish).await?;
    Ok(Json(changed))
}

async fn invite(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Body(wish): Body<Invite>,
) -> Result<(StatusCode, Json<Invited>), Refused> {
    let invited = site.accounts.invite(&from, &who, wish).await?;
    Ok((StatusCode::CREATED, Json(invited)))
}

async fn invitations(State(site): State<Arc<Site>>, who: Who) -> Answer<Page<Invitation>> {
    Ok(Json(site.accounts.invitations(&who).await?))
}

async fn revoke(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    site.accounts.revoke(&from, &who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn audit(
    State(site): State<Arc<Site>>,
    who: Who,
    cursor: Cursor,
) -> Answer<Page<AuditEntry>> {
    let before = match cursor.after.as_str() {
        "" => u64::MAX,
        text => text.parse().map_err(|_| Code::BadValue)?,
    };
    Ok(Json(site.accounts.audit(&who, before).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_names_these_routes_and_no_others_of_their_kind() {
        let document = include_str!("../../../docs/openapi.json");
        let document: serde_json::Value = serde_json::from_str(document).expect("JSON");
        let kinds = [
            "session",
            "account",
            "accounts",
            "invitations",
            "audit",
            "admin",
        ];
        let is_ours = |path: &str| {
            let kind = path.trim_start_matches("/api/v1/").split('/').next();
            kind.is_some_and(|kind| kinds.contains(&kind))
        };
        let mut said = BTreeSet::new();
        let paths = document["paths"].as_object().expect("paths");
        for (path, item) in paths.iter().filter(|(path, _)| is_ours(path)) {
            let methods = item.as_object().expect("path item").keys();
            let methods = methods.filter(|k| *k != "parameters");
            said.extend(methods.map(|m| (path.clone(), m.clone())));
        }
        let mut routed = BTreeSet::new();
        let calendar = super::super::calendar::table();
        let admin = super::super::admin::table();
        let tokens = super::super::tokens::table();
        let webhooks = super::super::webhooks::table();
        let all = table().into_iter().chain(ways::table());
        let all = all.chain(calendar).chain(admin);
        let all = all.chain(tokens).chain(webhooks);
        for (path, methods, _) in all {
            routed.extend(methods.iter().map(|m| (path.to_owned(), (*m).to_owned())));
        }
        assert_eq!(said, routed);
    }
}
