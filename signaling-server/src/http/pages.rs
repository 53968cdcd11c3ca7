//! The two pages rendered by the server: home and a meeting's landing page. Both are the UI's built page; a meeting's
//! carries its title, so that link previews and readers without script see what the link is for. Nothing is started by
//! looking at it.

use super::Site;
use super::assets::index;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use confab_calendar::{GuestLink, Meeting, Slot, Uid, When, Zone};
use confab_protocol::{Code, MeetingId, MeetingInfo, MeetingState};
use std::fmt::Write;
use std::sync::Arc;
use time::OffsetDateTime;
use time::macros::format_description;

const UNCACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");
const UNLISTED: (&str, &str) = ("x-robots-tag", "noindex, nofollow");

pub(super) async fn home() -> Response {
    ([UNCACHED], Html(index())).into_response()
}

/// `/m/{id}` and `/m/{id}.ics`.
pub(super) async fn meeting(State(site): State<Arc<Site>>, Path(name): Path<String>) -> Response {
    let (id, calendar) = match name.strip_suffix(".ics") {
        Some(id) => (id, true),
        None => (name.as_str(), false),
    };
    let info = match MeetingId::parse(id) {
        Some(id) => site.rooms.info(&id).await,
        None => Err(Code::MeetingNotFound),
    };
    match info {
        Ok(info) if calendar => invitation(&site.public_url, &info),
        Ok(info) => page(StatusCode::OK, &landing(&index(), &site.public_url, &info)),
        Err(Code::MeetingNotFound) => page(StatusCode::NOT_FOUND, &not_found(&index())),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the server failed\n").into_response(),
    }
}

fn page(status: StatusCode, html: &str) -> Response {
    (status, [UNCACHED], [UNLISTED], Html(html.to_owned())).into_response()
}

/// None of the meetings of today's kind has an organizer, so the file asks nothing of who reads it.
fn invitation(public_url: &str, info: &MeetingInfo) -> Response {
    let utc = Zone::utc();
    let start = utc.local(info.starts_at / 1000 * 1000);
    let Ok(slot) = Slot::new(start, utc, info.minutes.max(1).into()) else {
        return (StatusCode::NOT_FOUND, "no calendar has that year\n").into_response();
    };
    let meeting = Meeting {
        uid: Uid::of_meeting(&info.id),
        sequence: 0,
        stamp: info.starts_at,
        title: shown_title(info).to_owned(),
        description: String::new(),
        link: GuestLink::new(public_url, &info.id),
        organizer: None,
        attendees: Vec::new(),
        when: When::Once(slot),
        cancelled: info.state == MeetingState::Ended,
    };
    let ics = meeting.publish();
    let kind = (header::CONTENT_TYPE, ics.content_type());
    let name = (
        header::CONTENT_DISPOSITION,
        "attachment; filename=\"meeting.ics\"",
    );
    ([kind], [name, UNCACHED], [UNLISTED], ics.text).into_response()
}

fn shown_title(info: &MeetingInfo) -> &str {
    match info.title.as_str() {
        "" => "Video meeting",
        title => title,
    }
}

fn landing(html: &str, public_url: &str, info: &MeetingInfo) -> String {
    let title = escape(shown_title(info));
    let starts = escape(&utc(info.starts_at));
    let url = escape(&format!("{public_url}/m/{}", info.id));
    let host = public_url
        .split_once("://")
        .map_or(public_url, |(_, host)| host);
    let app = escape(&format!("confab://join/{host}/{}", info.id));
    let mut meta = String::new();
    for (name, content) in [("og:title", &title), ("og:url", &url)] {
        let _ = write!(meta, "<meta property=\"{name}\" content=\"{content}\">");
    }
    let description = format!("Confab video meeting, {starts}, {} minutes", info.minutes);
    let _ = write!(
        meta,
        "<meta property=\"og:description\" content=\"{description}\">"
    );
    let state = match info.state {
        MeetingState::Ended => "<p>This meeting has ended. 会议已结束。</p>",
        _ => "",
    };
    let readable = format!(
        "<noscript><main><h1>{title}</h1><p><time>{starts}</time>, {minutes} min</p>{state}\
         <p><a href=\"{app}\">Open in the Confab app · 在 Confab 应用中打开</a></p>\
         <p><a href=\"{url}.ics\">Add to calendar · 添加到日历</a></p>\
         <p>To join in the browser, JavaScript must be on. 在浏览器中加入会议需要启用 JavaScript。</p></main></noscript>",
        minutes = info.minutes,
    );
    fill(html, &format!("{title} · Confab"), &meta, &readable)
}

fn not_found(html: &str) -> String {
    let readable =
        "<noscript><main><h1>No such meeting</h1><p>没有这个会议。</p></main></noscript>";
    fill(html, "No such meeting · Confab", "", readable)
}

/// Puts a title, more of the head and a part for readers without script into the UI's page.
fn fill(html: &str, title: &str, meta: &str, readable: &str) -> String {
    let html = replace(
        html,
        "<title>",
        "</title>",
        &format!("<title>{title}</title>{meta}"),
    );
    if html.contains("<noscript>") {
        return replace(&html, "<noscript>", "</noscript>", readable);
    }
    html.replacen("</body>", &format!("{readable}</body>"), 1)
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

fn utc(ms: u64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let at = OffsetDateTime::from_unix_timestamp((ms / 1000) as i64).ok();
    at.and_then(|at| at.format(format).ok()).unwrap_or_default()
}

/// For text and for attributes in double quotes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<html><head><title>Confab</title></head><body><div></div><noscript>x</noscript></body></html>";

    fn info(title: &str) -> MeetingInfo {
        MeetingInfo {
            id: MeetingId::from_random(7),
            title: title.into(),
            state: MeetingState::Open,
            starts_at: 1_795_270_200_000,
            minutes: 30,
            locked: false,
            participants: 0,
        }
    }

    #[test]
    fn the_title_is_in_the_page_with_and_without_script() {
        let html = landing(PAGE, "https://meet.example.org", &info("Planning"));
        assert!(html.contains("<title>Planning · Confab</title>"), "{html}");
        assert!(html.contains("<h1>Planning</h1>"), "{html}");
        assert!(html.contains("UTC"), "{html}");
        assert_eq!(html.matches("<noscript>").count(), 1);
    }

    #[test]
    fn a_title_cannot_become_markup() {
        let html = landing(
            PAGE,
            "https://meet.example.org",
            &info("</title><script>alert(\"1\")</script>"),
        );
        assert!(!html.contains("<script>"), "{html}");
        assert!(
            html.contains("&lt;script&gt;alert(&quot;1&quot;)"),
            "{html}"
        );
    }

    #[test]
    fn a_page_without_the_expected_places_still_gets_through() {
        assert_eq!(fill("plain", "T", "", "R"), "plain");
        assert!(fill("<body></body>", "T", "", "R").contains("R</body>"));
    }
}
