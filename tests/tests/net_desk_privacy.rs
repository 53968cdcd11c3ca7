//! What must not get out of a desktop window: a paused screen, a microphone nobody holds open any more; and what must not
//! keep people out.

mod net_common;

use confab_client::desk::{CallPhase, DeskCommand, ScreenMode};
use confab_client::pipeline::clock;
use net_common::page::Page;
use net_common::{Coming, House, PATIENCE, Person, wait};
use std::time::Duration;

const WHILE: Duration = Duration::from_millis(800);

/// The tone of a page's first microphone.
const TONE: f32 = 440.0;

fn person(house: &House) -> Person {
    let person = Coming::with_tone("Headless", 700.0, 3).join(&house.guest());
    person.wait_joined();
    person
}

/// Different pictures of the test screen seen in the last while.
fn screens(person: &Person, last: Duration) -> usize {
    let from = clock::now() - last;
    let sights = person.sights.lock().unwrap();
    let recent = sights.iter().rev().take_while(|s| s.shown > from);
    let mut counters: Vec<u32> = recent
        .filter(|s| s.height == 720)
        .map(|s| s.counter)
        .collect();
    counters.dedup();
    counters.len()
}

fn start_screen(page: &Page) {
    page.done(DeskCommand::StartScreen {
        id: Some("pattern".to_owned()),
        audio: false,
        mode: ScreenMode::Text,
    });
}

#[test]
fn a_paused_share_shows_nothing_new_whatever_is_changed_until_it_is_shared_anew() {
    let house = House::open();
    let other = person(&house);
    let page = Page::open(&house, &house.guest());
    page.join("Desk");
    start_screen(&page);
    wait(PATIENCE, "the screen is seen", || {
        screens(&other, Duration::from_millis(500)) >= 3
    });
    page.done(DeskCommand::PauseScreen { on: true });
    assert!(page.state().local.screen.paused);
    wait(PATIENCE, "it stands still", || screens(&other, WHILE) <= 1);
    for mode in [ScreenMode::Motion, ScreenMode::Text] {
        page.done(DeskCommand::SetScreenMode { mode });
        let screen = page.state().local.screen;
        assert!(screen.paused && screen.on && screen.mode == mode);
        // Two seconds: a still picture is sent again once a second.
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(100));
            assert!(screens(&other, WHILE) <= 1, "{mode:?}");
        }
    }
    // Somebody who comes now sees the picture that stands.
    let late = person(&house);
    wait(PATIENCE, "the one who came late sees it", || {
        screens(&late, WHILE) == 1
    });
    start_screen(&page);
    assert!(!page.state().local.screen.paused);
    wait(PATIENCE, "what is shared anew is live", || {
        screens(&other, Duration::from_millis(500)) >= 3
    });
    page.done(DeskCommand::PauseScreen { on: true });
    wait(PATIENCE, "it can be paused, too", || {
        screens(&other, WHILE) <= 1
    });
    page.done(DeskCommand::PauseScreen { on: false });
    wait(PATIENCE, "and goes on", || {
        screens(&other, Duration::from_millis(500)) >= 3
    });
}

#[test]
fn whoever_gets_an_answer_finds_what_was_done_in_the_state() {
    let house = House::open();
    let page = Page::open(&house, &house.guest());
    for on in [true, false, true, false] {
        page.done(DeskCommand::SetCamera { on });
        assert_eq!(page.state().local.camera.on, on);
    }
    page.join("Desk");
    for on in [true, false, true, false, true] {
        page.done(DeskCommand::SetMicrophone { on });
        assert_eq!(page.state().local.microphone.on, on);
    }
    for _ in 0..3 {
        start_screen(&page);
        assert!(page.state().local.screen.on);
        let mode = ScreenMode::Motion;
        page.done(DeskCommand::SetScreenMode { mode });
        assert_eq!(page.state().local.screen.mode, mode);
        for on in [true, false, true] {
            page.done(DeskCommand::PauseScreen { on });
            assert_eq!(page.state().local.screen.paused, on);
        }
        page.done(DeskCommand::StopScreen);
        let screen = page.state().local.screen;
        assert!(!screen.on && !screen.paused);
    }
}

#[test]
fn a_microphone_that_a_key_holds_open_shuts_with_the_key_or_the_page() {
    let house = House::open();
    let other = person(&house);
    let page = Page::open(&house, &house.guest());
    let talk = |on| page.done(DeskCommand::Talk { on });
    let open = || {
        let local = page.state().local;
        (local.microphone.on, local.talking)
    };
    talk(true);
    assert_eq!(open(), (false, false), "nothing to talk to");
    page.join("Desk");
    talk(true);
    assert_eq!(open(), (true, true));
    wait(PATIENCE, "the held key is heard", || other.hears(TONE));
    // Keys repeat.
    talk(true);
    talk(false);
    assert_eq!(open(), (false, false));
    wait(PATIENCE, "the key is let go", || !other.hears(TONE));

    talk(true);
    wait(PATIENCE, "heard again", || other.hears(TONE));
    let again = Page::load(page.desk.clone(), page.seen.clone(), page.own.clone());
    let local = again.state().local;
    assert!(!local.microphone.on && !local.talking);
    wait(PATIENCE, "silence after the page died", || {
        !other.hears(TONE)
    });
    talk(false);

    // A microphone that is on is nobody's to shut.
    page.done(DeskCommand::SetMicrophone { on: true });
    talk(true);
    talk(false);
    assert_eq!(open(), (true, false));
    page.done(DeskCommand::SetMicrophone { on: false });
    // Nor one that was switched on while the key was held.
    talk(true);
    page.done(DeskCommand::SetMicrophone { on: true });
    talk(false);
    assert_eq!(open(), (true, false));
}

#[test]
fn a_wrong_host_key_keeps_nobody_out_for_good() {
    let house = House::open();
    let (link, key) = house.meeting.host_link.split_once('#').unwrap();
    let wrong: String = key
        .chars()
        .rev()
        .take_while(|c| *c != '=')
        .map(|c| if c == 'x' { 'y' } else { 'x' })
        .collect();
    let page = Page::open(&house, &format!("{link}#host={wrong}"));
    page.done(DeskCommand::Join {
        name: "Ana".to_owned(),
        host_key: None,
    });
    page.until("refused", |s| s.call.phase == CallPhase::Ended);
    let ended = serde_json::to_value(page.state().call.ended).unwrap();
    assert_eq!(ended, "bad_secret");
    page.join("Ana");
}
