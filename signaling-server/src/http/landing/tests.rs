use super::*;
use crate::schedule::Plan;
use crate::secrets::Digest;
use crate::store::{Database, MeetingRecord};
use confab_calendar::{Schedule, When};
use confab_protocol::{MeetingId, Policy};
use std::sync::Arc;

const ID: u128 = 7;

async fn planner() -> (Planner, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Database::in_folder(dir.path()).await.expect("a store");
    let planner = Planner {
        store: Arc::new(store),
        public_url: "https://meet.example.org".into(),
        post: Arc::default(),
        concerned: crate::caldav::Concerned::default(),
    };
    (planner, dir)
}

fn slot(start: &str) -> Slot {
    let zone = Zone::new("Europe/Berlin").expect("zone");
    Slot::new(start.parse().expect("time"), zone, 30).expect("slot")
}

fn meeting(title: &str, schedule: Schedule) -> PlannedMeeting {
    PlannedMeeting {
        record: MeetingRecord {
            id: MeetingId::from_random(ID),
            title: title.into(),
            host_key: Digest::of("key"),
            starts_at: 1_795_000_000_000,
            minutes: 30,
            created_at: 1_795_000_000_000,
            locked: false,
            ended: false,
            cancelled: false,
            policy: Policy::default(),
            passcode: None,
            owner: None,
            co_hosts: Vec::new(),
        },
        plan: Plan::new(schedule, 1_795_000_000_000),
        last: None,
    }
}

fn once(start: &str) -> Schedule {
    Schedule::Planned {
        when: When::Once(slot(start)),
    }
}

#[tokio::test]
async fn a_planned_meeting_says_what_when_and_how() {
    let (planner, _dir) = planner().await;
    let meeting = meeting("Planning", once("2026-11-24T09:00:00"));
    let page = |lang| Landing::new(&planner, &meeting, 1_795_000_000_000, lang).main();
    let english = page(Lang::English);
    for part in [
        "<h1><bdi>Planning</bdi></h1>",
        "<time datetime=\"2026-11-24T08:00:00Z\">Tuesday, 24 November 2026, 09:00 – 09:30</time>",
        "Europe/Berlin",
        "Join in the browser",
        "/invite.ics\"",
        "calendar.google.com",
        "outlook.office.com",
    ] {
        assert!(english.contains(part), "{part}: {english}");
    }
    let id = MeetingId::from_random(ID);
    assert!(
        english.contains(&format!("href=\"confab://join/meet.example.org/{id}\"")),
        "{english}"
    );
    assert!(page(Lang::Chinese).contains("2026年11月24日 星期二 09:00 – 09:30"));
}

#[tokio::test]
async fn a_title_cannot_become_markup() {
    let (planner, _dir) = planner().await;
    let bad = "</title><script>alert(\"1\")</script>";
    let mut meeting = meeting(bad, once("2026-11-24T09:00:00"));
    meeting.plan.description = bad.into();
    let landing = Landing::new(&planner, &meeting, 1_795_000_000_000, Lang::English);
    let html = format!("{}{}{}", landing.title(), landing.meta(), landing.main());
    assert!(!html.contains("<script>"), "{html}");
    assert!(
        html.contains("&lt;script&gt;alert(&quot;1&quot;)"),
        "{html}"
    );
}

#[tokio::test]
async fn cancelled_and_ended_meetings_say_so_and_offer_no_way_in() {
    let (planner, _dir) = planner().await;
    let mut off = meeting("Planning", once("2026-11-24T09:00:00"));
    off.plan.cancelled = true;
    let mut over = meeting("Planning", Schedule::Instant);
    over.record.ended = true;
    for (meeting, words) in [
        (off, "This meeting was cancelled."),
        (over, "This meeting has ended."),
    ] {
        let landing = Landing::new(&planner, &meeting, 1_795_000_000_000, Lang::English);
        let html = landing.main();
        assert!(
            html.contains(words) && landing.meta().contains(words),
            "{html}"
        );
        assert!(
            !html.contains("confab://") && !html.contains("invite.ics"),
            "{html}"
        );
    }
}
