//! The pages rendered by the server: home and a meeting's landing page. Both are the UI's built page; a meeting's carries what
//! `landing.rs` says of it, so that link previews and readers without script see what the link is for. Nothing is started by
//! looking at it.

use super::Site;
use super::assets::index;
use super::html::Lang;
use super::landing::{Landing, State};
use crate::clock::wall_ms;
use crate::store::PlannedMeeting;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use confab_calendar::{Meeting, Slot, When, Zone};
use confab_protocol::{Code, MeetingId};
use std::sync::Arc;

pub(super) const UNCACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");
pub(super) const UNLISTED: (&str, &str) = ("x-robots-tag", "noindex, nofollow");
const SHORT_CACHE: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=3600");

pub(super) async fn home() -> Response {
    ([UNCACHED], Html(index())).into_response()
}

pub(super) async fn style() -> Response {
    let kind = (header::CONTENT_TYPE, "text/css; charset=utf-8");
    ([kind, SHORT_CACHE], include_str!("pages.css")).into_response()
}

pub(super) async fn script() -> Response {
    let kind = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
    ([kind, SHORT_CACHE], include_str!("pages.js")).into_response()
}

/// `/m/{id}` and `/m/{id}.ics`.
pub(super) async fn meeting(
    extract::State(site): extract::State<Arc<Site>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    match name.strip_suffix(".ics") {
        Some(id) => calendar(&site, id).await,
        None => landing_page(&site, &name, Lang::of(&headers)).await,
    }
}

/// `/m/{id}/invite.ics`
pub(super) async fn invitation(
    extract::State(site): extract::State<Arc<Site>>,
    Path(id): Path<String>,
) -> Response {
    calendar(&site, &id).await
}

async fn landing_page(site: &Site, id: &str, lang: Lang) -> Response {
    match found(site, id).await {
        Ok(meeting) => {
            let landing = Landing::new(&site.planner, &meeting, wall_ms(), lang);
            page(StatusCode::OK, &fill(&index(), &landing))
        }
        Err(Code::MeetingNotFound) => plain_not_found("No such meeting", "没有这个会议。"),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the server failed\n").into_response(),
    }
}

async fn calendar(site: &Site, id: &str) -> Response {
    let meeting = match found(site, id).await {
        Ok(meeting) => meeting,
        Err(Code::MeetingNotFound) => {
            return (StatusCode::NOT_FOUND, "no such meeting\n").into_response();
        }
        Err(_) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "the server failed\n").into_response();
        }
    };
    let mut events = meeting.plan.calendar(&site.planner.told_of(&meeting));
    let ics = match events.len() {
        0 => unplanned(site, &meeting).map(|event| event.publish()),
        1 => events.pop().map(|event| event.publish()),
        _ => {
            let feed = confab_calendar::Feed {
                name: &events[0].title,
                every_minutes: 60,
            };
            Some(confab_calendar::feed(feed, &events))
        }
    };
    let Some(ics) = ics else {
        return (StatusCode::NOT_FOUND, "no calendar has that year\n").into_response();
    };
    let kind = (header::CONTENT_TYPE, ics.content_type());
    let name = (
        header::CONTENT_DISPOSITION,
        "attachment; filename=\"meeting.ics\"",
    );
    ([kind], [name, UNCACHED], [UNLISTED], ics.text).into_response()
}

/// What was begun at once, or is there at any time, at the time it was made.
fn unplanned(site: &Site, meeting: &PlannedMeeting) -> Option<Meeting> {
    let (utc, record) = (Zone::utc(), &meeting.record);
    let start = utc.local(record.starts_at / 1000 * 1000);
    let slot = Slot::new(start, utc, record.minutes.max(1).into()).ok()?;
    let when = When::Once(slot);
    let segment = crate::schedule::Segment {
        when: &when,
        number: 0,
    };
    Some(site.planner.event(meeting, segment))
}

async fn found(site: &Site, id: &str) -> Result<PlannedMeeting, Code> {
    let id = MeetingId::parse(id).ok_or(Code::MeetingNotFound)?;
    site.planner
        .meeting(&id)
        .await
        .map_err(|refused| refused.code)
}

fn page(status: StatusCode, html: &str) -> Response {
    (status, [UNCACHED], [UNLISTED], Html(html.to_owned())).into_response()
}

pub(super) fn plain_not_found(english: &str, chinese: &str) -> Response {
    let readable = format!("<noscript><main><h1>{english}</h1><p>{chinese}</p></main></noscript>");
    let html = replace(
        &index(),
        "<title>",
        "</title>",
        &format!("<title>{english} · Confab</title>"),
    );
    page(StatusCode::NOT_FOUND, &replace_or_end(&html, &readable))
}

/// Puts a title, more of the head and the landing page's content into the UI's page. What does not take place starts no UI.
fn fill(html: &str, landing: &Landing<'_>) -> String {
    let head = format!("<title>{}</title>{}", landing.title(), landing.meta());
    let mut html = replace(html, "<title>", "</title>", &head);
    if landing.state == State::Cancelled {
        while html.contains("<script type=\"module\"") {
            html = replace(&html, "<script type=\"module\"", "</script>", "");
        }
    }
    replace_or_end(&html, &landing.main())
}

fn replace_or_end(html: &str, content: &str) -> String {
    let Some((before, rest)) = html.split_once("<body>") else {
        return html.to_owned();
    };
    let rest = replace(rest, "<noscript>", "</noscript>", "");
    format!("{before}<body>{content}{rest}")
}

/// Replaces the first stretch from `from` to `to`, both included, where there is one.
fn replace(text: &str, from: &str, to: &str, with: &str) -> String {
    let found = text.find(from).and_then(|start| {
        let end = start + text[start..].find(to)? + to.len();
        Some((start, end))
    });
    match found {
        Some((start, end)) => format!("{}{with}{}", &text[..start], &text[end..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_the_expected_places_still_gets_through() {
        assert_eq!(replace_or_end("plain", "R"), "plain");
        let html = "<body><div></div><noscript>x</noscript></body>";
        assert_eq!(replace_or_end(html, "R"), "<body>R<div></div></body>");
        assert_eq!(replace("abc", "x", "y", "-"), "abc");
    }
}
