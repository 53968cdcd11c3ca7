//! `/api/v1/session/provider`, `/session/passkey`, `/session/app` and `/account/ways`, `/provider`, `/passkeys`: other ways into an account than its
//! password. The way to the provider and back are pages a browser goes through, so they end in a page and not in JSON; what went
//! wrong stands behind its `#`.

use super::Site;
use super::accounts::{Answer, Body, Named, Route, by_cookie, entered};
use super::caller::Caller;
use crate::accounts::cookie::{self, Kind};
use crate::accounts::oidc::{Back, Purpose};
use crate::accounts::{Origin, Refused, Who};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{delete, get, post};
use confab_protocol::{
    AppCode, AppPage, AppSession, AppSignIn, NewPasskey, NewPasskeyChallenge, Passkey,
    PasskeyAnswer, PasskeyChallenge, ProviderPage, WaysIn,
};
use std::sync::Arc;

/// How long somebody may take at the provider, seconds.
const TRIP_LASTS: u64 = 600;
const TO_PROVIDER: &str = "/api/v1/session/provider";
/// Marks that a browser was sent to the public address before: if the proxy in front names another host, once is enough.
const HERE: &str = "here";

/// Each with the methods it answers to, as docs/openapi.json has them.
pub(super) fn table() -> Vec<Route> {
    let provider = post(link).delete(unlink);
    vec![
        (TO_PROVIDER, &["get"], get(to_provider)),
        (
            "/api/v1/session/provider/callback",
            &["get"],
            get(from_provider),
        ),
        (
            "/api/v1/session/passkey/challenge",
            &["post"],
            post(challenge),
        ),
        ("/api/v1/session/passkey", &["post"], post(enter_by_passkey)),
        ("/api/v1/session/app", &["post"], post(let_app_in)),
        ("/api/v1/session/app/token", &["post"], post(enter_by_app)),
        ("/api/v1/account/ways", &["get"], get(ways)),
        ("/api/v1/account/provider", &["post", "delete"], provider),
        (
            "/api/v1/account/passkeys/challenge",
            &["post"],
            post(new_challenge),
        ),
        ("/api/v1/account/passkeys", &["post"], post(add_passkey)),
        (
            "/api/v1/account/passkeys/{id}",
            &["delete"],
            delete(remove_passkey),
        ),
    ]
}

/// The cookie goes where the provider sends the browser back to: the public address.
async fn to_provider(
    State(site): State<Arc<Site>>,
    from: Origin,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Some(there) = at_public(&site, &headers, query.as_deref(), TO_PROVIDER) {
        return there;
    }
    match site.accounts.to_provider(&from, Purpose::SignIn).await {
        Ok((page, trip)) => ([trip_cookie(&site, &trip)], Redirect::to(&page)).into_response(),
        Err(refused) => problem(&site, refused),
    }
}

/// The way to a page under the server's public address, where the browser has opened it under another one.
fn at_public(
    site: &Site,
    headers: &HeaderMap,
    query: Option<&str>,
    page: &str,
) -> Option<Response> {
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    let public: Option<Uri> = site.public_url.parse().ok();
    let ours = public.as_ref().and_then(|u| u.authority());
    let elsewhere = query != Some(HERE) && ours.map(|a| a.as_str()) != host;
    elsewhere.then(|| {
        let there = format!("{}{page}?{HERE}", site.public_url);
        Redirect::to(&there).into_response()
    })
}

/// The page on which somebody lets the desktop app in. Browsers take along what stands behind `#`.
pub(super) async fn app_page(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    match at_public(&site, &headers, query.as_deref(), "/account/app") {
        Some(there) => there,
        None => super::pages::home().await,
    }
}

async fn let_app_in(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Body(wish): Body<AppSignIn>,
) -> Answer<AppPage> {
    let url = site.accounts.let_app_in(&from, &who, &wish)?;
    Ok(Json(AppPage { url }))
}

async fn enter_by_app(
    State(site): State<Arc<Site>>,
    from: Origin,
    Body(wish): Body<AppCode>,
) -> Answer<AppSession> {
    let entered = site.accounts.enter_by_app(&from, &wish).await?;
    Ok(Json(AppSession {
        me: entered.account.shown(),
        secret: entered.secret,
        lasts: site.accounts.session_seconds(),
    }))
}

async fn from_provider(
    State(site): State<Arc<Site>>,
    from: Origin,
    headers: HeaderMap,
    back: Result<Query<Back>, QueryRejection>,
) -> Response {
    let secure = site.accounts.secure();
    let trip = cookie::read(&headers, Kind::Trip, secure);
    let back = back.map(|Query(back)| back).unwrap_or_default();
    let done = async {
        let who = by_cookie(&site, &headers).await?;
        site.accounts
            .back_from_provider(&from, trip, who, &back)
            .await
    };
    match done.await {
        Ok(Some(entered)) => {
            let seconds = site.accounts.session_seconds();
            let session = cookie::set(Kind::Session, &entered.secret, seconds, secure);
            let mut cookies = vec![(header::SET_COOKIE, session), trip_cookie(&site, "")];
            let word = entered.id_token.as_deref();
            let word = word.and_then(|token| cookie::at_provider(&entered.secret, token));
            cookies.extend(word.map(|word| {
                let set = cookie::set(Kind::Provider, &word, seconds, secure);
                (header::SET_COOKIE, set)
            }));
            (AppendHeaders(cookies), Redirect::to("/account")).into_response()
        }
        Ok(None) => ([trip_cookie(&site, "")], Redirect::to("/account#linked")).into_response(),
        Err(refused) => problem(&site, refused),
    }
}

/// An empty secret takes it away.
fn trip_cookie(site: &Site, secret: &str) -> (HeaderName, HeaderValue) {
    let seconds = if secret.is_empty() { 0 } else { TRIP_LASTS };
    let set = cookie::set(Kind::Trip, secret, seconds, site.accounts.secure());
    (header::SET_COOKIE, set)
}

/// The sign-in page, with the code of what went wrong.
fn problem(site: &Site, refused: Refused) -> Response {
    let page = format!("/account#problem={}", refused.code.as_str());
    ([trip_cookie(site, "")], Redirect::to(&page)).into_response()
}

/// By POST from a page of ours, so that nobody else's page begins it.
async fn link(State(site): State<Arc<Site>>, from: Origin, _who: Who) -> Result<Response, Refused> {
    let (url, trip) = site.accounts.to_provider(&from, Purpose::Link).await?;
    Ok(([trip_cookie(&site, &trip)], Json(ProviderPage { url })).into_response())
}

async fn unlink(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
) -> Result<StatusCode, Refused> {
    site.accounts.unlink(&from, &who).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn ways(State(site): State<Arc<Site>>, who: Who) -> Answer<WaysIn> {
    Ok(Json(site.accounts.ways(&who).await?))
}

async fn challenge(State(site): State<Arc<Site>>, from: Origin) -> Answer<PasskeyChallenge> {
    Ok(Json(site.accounts.passkey_challenge(&from)?))
}

async fn enter_by_passkey(
    State(site): State<Arc<Site>>,
    caller: Caller,
    from: Origin,
    Body(answer): Body<PasskeyAnswer>,
) -> Result<Response, Refused> {
    let done = site.accounts.enter_by_passkey(&from, answer).await?;
    entered(&site, &caller, done, StatusCode::OK).await
}

async fn new_challenge(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
) -> Answer<NewPasskeyChallenge> {
    Ok(Json(
        site.accounts.new_passkey_challenge(&from, &who).await?,
    ))
}

async fn add_passkey(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Body(wish): Body<NewPasskey>,
) -> Result<(StatusCode, Json<Passkey>), Refused> {
    let made = site.accounts.add_passkey(&from, &who, wish).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn remove_passkey(
    State(site): State<Arc<Site>>,
    from: Origin,
    who: Who,
    Named(id): Named,
) -> Result<StatusCode, Refused> {
    site.accounts.remove_passkey(&from, &who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
