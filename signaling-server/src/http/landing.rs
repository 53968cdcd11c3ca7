//! A meeting's landing page: what and when, for readers without script, for link previews, and until the UI has started in the
//! same document. Looking at it starts nothing: a deep link is followed by a click only.

use super::html::{Lang, escape, iso, when};
use crate::schedule::Planner;
use crate::store::PlannedMeeting;
use confab_calendar::{Occurrence, Slot, Zone};
use std::fmt::Write;

/// How the meeting stands for whoever looks at its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Ended,
    Cancelled,
}

/// All that the page shows.
pub(super) struct Landing<'a> {
    meeting: &'a PlannedMeeting,
    title: String,
    pub(super) state: State,
    slot: Slot,
    /// After the one shown.
    next: Option<Occurrence>,
    link: String,
    /// None: not planned.
    calendars: Option<[(&'static str, String); 3]>,
    lang: Lang,
}

impl<'a> Landing<'a> {
    pub(super) fn new(
        planner: &Planner,
        meeting: &'a PlannedMeeting,
        now: u64,
        lang: Lang,
    ) -> Self {
        let stands = meeting.as_it_stands(now);
        let meant = meeting.plan.meant(now);
        let off = meeting.plan.cancelled || meant.as_ref().is_some_and(|m| m.cancelled);
        let state = match (off, stands.ended) {
            (true, _) => State::Cancelled,
            (false, true) => State::Ended,
            (false, false) => State::Open,
        };
        let (begins, unplanned) = (stands.starts_at / 1000 * 1000, Zone::utc());
        let slot = meant.as_ref().map(|m| m.slot.clone());
        let next = meant.and_then(|m| meeting.plan.next(m.begins_at.max(now)));
        let fallback = || {
            let start = unplanned.local(begins);
            Slot::new(start, unplanned.clone(), u32::from(stands.minutes.max(1)))
        };
        let link = planner.link(&meeting.record.id);
        let title = match stands.title.as_str() {
            "" => lang.pick("Video meeting", "视频会议").to_owned(),
            title => title.to_owned(),
        };
        let calendars = planner.offered(meeting, now).map(|add_to| {
            [
                ("Google", add_to.google),
                ("Outlook", add_to.outlook),
                ("Outlook.com", add_to.outlook_live),
            ]
        });
        Landing {
            slot: slot.or_else(|| fallback().ok()).unwrap_or_else(epoch),
            meeting,
            title,
            state,
            next,
            link,
            calendars,
            lang,
        }
    }

    /// For `<title>`.
    pub(super) fn title(&self) -> String {
        format!("{} · Confab", escape(&self.title))
    }

    /// For the head: what previews show.
    pub(super) fn meta(&self) -> String {
        let (title, link) = (escape(&self.title), escape(&self.link));
        let said = match self.state_words() {
            Some(words) => words.to_owned(),
            None => format!("{} ({})", when(&self.slot, self.lang), self.slot.zone()),
        };
        let said = escape(&format!(
            "{} · {said}",
            self.lang.pick("Confab video meeting", "Confab 视频会议")
        ));
        let mut meta = String::new();
        let all = [
            ("type", "website"),
            ("site_name", "Confab"),
            ("title", &title),
            ("url", &link),
            ("description", &said),
        ];
        for (name, content) in all {
            let _ = write!(meta, "<meta property=\"og:{name}\" content=\"{content}\">");
        }
        meta.push_str("<link rel=\"stylesheet\" href=\"/pages.css\"><script src=\"/pages.js\" defer></script>");
        meta
    }

    /// The content, for readers and until the UI takes its place.
    pub(super) fn main(&self) -> String {
        let lang = self.lang;
        let mut page = format!(
            "<main id=\"landing\" lang=\"{}\"><p class=\"mark\">Confab</p><h1><bdi>{}</bdi></h1>",
            lang.tag(),
            escape(&self.title)
        );
        if let Some(words) = self.state_words() {
            let _ = write!(page, "<p class=\"state\" role=\"status\">{words}</p>");
        }
        if let Some(organizer) = self
            .meeting
            .plan
            .organizer
            .as_ref()
            .filter(|o| !o.name.is_empty())
        {
            let name = escape(&organizer.name);
            let invites = lang.pick(format!("{name} invites you"), format!("{name} 邀请您"));
            let _ = write!(page, "<p class=\"muted\"><bdi>{invites}</bdi></p>");
        }
        self.times(&mut page);
        if !self.meeting.plan.description.is_empty() {
            let _ = write!(
                page,
                "<p class=\"text\">{}</p>",
                escape(&self.meeting.plan.description)
            );
        }
        if self.state == State::Open {
            self.ways_in(&mut page);
        }
        page.push_str("</main>");
        page
    }

    fn times(&self, page: &mut String) {
        let (from, until) = (iso(self.slot.begins_at()), iso(self.slot.ends_at()));
        let yours = self.lang.pick("Your time", "您的时间");
        let _ = write!(
            page,
            "<p class=\"when\"><time datetime=\"{from}\">{}</time> <span class=\"muted\">{}</span></p>\
             <p class=\"when\" data-from=\"{from}\" data-until=\"{until}\" data-zone=\"{1}\" hidden><span class=\"muted\">{yours}</span> <time></time></p>",
            when(&self.slot, self.lang),
            escape(self.slot.zone().name()),
        );
        if let Some(next) = &self.next {
            let (said, series) = (
                when(&next.slot, self.lang),
                self.lang.pick("Series. After that:", "系列会议。下一次："),
            );
            let _ = write!(
                page,
                "<p class=\"muted\">{series} <time datetime=\"{}\">{said}</time></p>",
                iso(next.begins_at)
            );
        }
    }

    fn ways_in(&self, page: &mut String) {
        let (lang, link) = (self.lang, escape(&self.link));
        let app = escape(
            &self
                .link
                .replacen("https://", "", 1)
                .replacen("http://", "", 1)
                .replacen("/m/", "/", 1),
        );
        let _ = write!(
            page,
            "<p class=\"ways\"><a class=\"way first\" href=\"{link}\">{}</a> <a class=\"way\" href=\"confab://join/{app}\">{}</a></p>\
             <noscript><p class=\"muted\">{}</p></noscript>",
            lang.pick("Join in the browser", "在浏览器中加入"),
            lang.pick("Open in the app", "在应用中打开"),
            lang.pick(
                "To join in the browser, JavaScript must be on.",
                "在浏览器中加入会议需要启用 JavaScript。"
            ),
        );
        let Some(calendars) = &self.calendars else {
            return;
        };
        let _ = write!(
            page,
            "<p class=\"calendars\">{} <a href=\"{link}/invite.ics\">{}</a>",
            lang.pick("Add to calendar:", "添加到日历："),
            lang.pick("File (.ics)", "文件 (.ics)"),
        );
        for (name, url) in calendars {
            let _ = write!(
                page,
                " <a href=\"{}\" rel=\"noreferrer\" target=\"_blank\">{name}</a>",
                escape(url)
            );
        }
        page.push_str("</p>");
    }

    fn state_words(&self) -> Option<&'static str> {
        match self.state {
            State::Open => None,
            State::Ended => Some(self.lang.pick("This meeting has ended.", "会议已结束。")),
            State::Cancelled => Some(
                self.lang
                    .pick("This meeting was cancelled.", "会议已取消。"),
            ),
        }
    }
}

/// For records no calendar has a time for.
fn epoch() -> Slot {
    let start = confab_calendar::civil::date(1971, 1, 1).at(0, 0, 0, 0);
    Slot::new(start, Zone::utc(), 1).expect("within the years of slots")
}

#[cfg(test)]
mod tests;
