//! The page for a display beside a meeting room's door: what is on now, what comes next, and until when. It loads itself again
//! every half minute, also without script.

use super::html::{escape, iso};
use super::pages::{UNCACHED, UNLISTED};
use crate::store::RoomBookings;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use confab_calendar::Occurrence;
use confab_protocol::MeetingId;
use std::fmt::Write;

const EVERY_SECONDS: u32 = 30;

/// The room at `now`, milliseconds since 1970.
pub(super) fn page(room: &RoomBookings, now: u64) -> Response {
    let refresh = (header::REFRESH, EVERY_SECONDS.to_string());
    ([refresh], [UNCACHED], [UNLISTED], Html(render(room, now))).into_response()
}

fn render(room: &RoomBookings, now: u64) -> String {
    let stands = room.now_next(now);
    let taken = stands.now.is_some();
    let name = escape(&room.room.name);
    let clock = |at: u64| room.room.zone.local(at).strftime("%H:%M").to_string();
    let (state, word) = match taken {
        true => ("taken", "Taken · 使用中"),
        false => ("free", "Free · 空闲"),
    };
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{name}</title><link rel=\"stylesheet\" href=\"/pages.css\"></head>\
         <body class=\"door {state}\"><header><h1><bdi>{name}</bdi></h1><p>{}</p><time datetime=\"{}\">{}</time></header><main>\
         <p class=\"word\">{word}</p>",
        escape(&room.room.place),
        iso(now),
        clock(now),
    );
    if let Some(until) = stands.until {
        let _ = write!(
            page,
            "<p class=\"until\">until · 直到 <time datetime=\"{}\">{}</time></p>",
            iso(until),
            clock(until)
        );
    }
    let titled = |found: &(MeetingId, Occurrence)| title(room, found);
    for (label, class, found) in [
        ("Now · 现在", "now", &stands.now),
        ("Next · 接下来", "next", &stands.next),
    ] {
        let Some(found) = found else {
            continue;
        };
        let o = &found.1;
        let _ = write!(
            page,
            "<section class=\"{class}\"><h2>{label}</h2><p class=\"what\"><bdi>{}</bdi></p><p><time datetime=\"{}\">{}</time> – {}</p></section>",
            escape(&titled(found)),
            iso(o.begins_at),
            clock(o.begins_at),
            clock(o.ends_at),
        );
    }
    page.push_str("</main></body></html>");
    page
}

/// Passers-by see titles only where the room is meant to show them.
fn title(room: &RoomBookings, (id, occurrence): &(MeetingId, Occurrence)) -> String {
    let own = room.meeting(id).map(|m| m.record.title.clone());
    let title = occurrence.title.clone().or(own).filter(|t| !t.is_empty());
    match title.filter(|_| room.room.show_titles) {
        Some(title) => title,
        None => "Meeting · 会议".into(),
    }
}
