//! The desktop window's participant against a real server: from the preview through a meeting with changing devices to the end.

mod net_common;

use confab_client::MeetingLink;
use confab_client::desk::{
    CallPhase, Desk, DeskCommand, DeskEvent, DeskOptions, DeskReply, DeskState, DeviceKind,
    DeviceProblem, EndReason, HostAction, OwnEnd, ScreenMode, StreamStats, TestDevices,
};
use confab_client::pipeline::clock;
use confab_protocol::{Reaction, Source};
use net_common::page::{Page, test_devices};
use net_common::{Coming, House, PATIENCE, Person, wait};
use std::sync::Arc;
use std::time::Duration;

const SHORTLY: Duration = Duration::from_millis(300);

fn person(house: &House) -> Person {
    let person = Coming::with_tone("Headless", 700.0, 3).join(&house.guest());
    person.wait_joined();
    person
}

#[test]
fn before_joining_one_sees_and_hears_oneself_and_can_try_everything() {
    let house = House::open();
    let page = Page::open(&house, &house.guest());
    let DeskReply::Meeting { info } = page.desk.send(DeskCommand::MeetingInfo) else {
        panic!("no meeting");
    };
    assert_eq!(info.id, house.meeting.id);

    page.until("devices are listed", |s| s.local.devices.len() == 7);
    page.done(DeskCommand::SetMicrophone { on: true });
    page.done(DeskCommand::SetCamera { on: true });
    let local = page.state().local;
    assert!(local.microphone.on && !local.microphone.starting && local.camera.on);
    wait(PATIENCE, "the own picture", || {
        page.own
            .lock()
            .unwrap()
            .contains(&(Source::Camera, Some(11)))
    });

    page.done(DeskCommand::WatchLevels);
    let loud = |page: &Page| {
        let events = page.events.lock().unwrap();
        let level = |e: &DeskEvent| matches!(e, DeskEvent::Levels { microphone, .. } if (0.7..0.9).contains(microphone));
        events.iter().any(level)
    };
    wait(PATIENCE, "the tone's level", || loud(&page));

    // Another camera, at once.
    let id = Some("pattern:1280x720@30#12".to_owned());
    let kind = DeviceKind::Camera;
    page.done(DeskCommand::ChooseDevice { kind, id });
    page.own.lock().unwrap().clear();
    wait(PATIENCE, "the other camera", || {
        page.own
            .lock()
            .unwrap()
            .contains(&(Source::Camera, Some(12)))
    });

    // The chime, and what was recorded, come out of the chosen speaker.
    let id = Some("file:heard.wav".to_owned());
    let kind = DeviceKind::Speaker;
    page.done(DeskCommand::ChooseDevice { kind, id });
    let recorded = page.desk.send(DeskCommand::RecordTest { seconds: 0.6 });
    assert_eq!(recorded, DeskReply::Recorded { problem: None });
    let played = page.desk.send(DeskCommand::PlayTest);
    assert_eq!(played, DeskReply::Played { problem: None });
    let heard = house.dir.path().join("heard.wav");
    let samples: Vec<f32> = hound::WavReader::open(heard)
        .unwrap()
        .samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32768.0)
        .collect();
    let loudest = samples
        .chunks_exact(4800)
        .map(|part| confab_dsp::tone_power(part, 440.0, 48_000))
        .fold(0.0, f32::max);
    assert!(loudest > net_common::HEARD, "{loudest}");

    page.done(DeskCommand::SetCamera { on: false });
    std::thread::sleep(SHORTLY);
    page.own.lock().unwrap().clear();
    std::thread::sleep(SHORTLY);
    assert!(page.own.lock().unwrap().is_empty(), "the light is out");
}

#[test]
fn in_a_meeting_devices_change_without_a_new_join() {
    let house = House::open();
    let other = person(&house);
    let page = Page::open(&house, &house.guest());
    page.done(DeskCommand::SetMicrophone { on: true });
    page.join("Desk");
    wait(PATIENCE, "the tone is heard", || other.hears(440.0));

    // A camera where there was none: another line in the same connection.
    let generation = other.handle.state().generation;
    page.done(DeskCommand::SetCamera { on: true });
    wait(PATIENCE, "the picture is seen", || other.sees(11));

    let kind = DeviceKind::Microphone;
    let id = Some("tone:1000".to_owned());
    page.done(DeskCommand::ChooseDevice { kind, id });
    wait(PATIENCE, "the other microphone is heard", || {
        other.hears(1000.0) && !other.hears(440.0)
    });
    let kind = DeviceKind::Camera;
    let id = Some("pattern:1280x720@30#12".to_owned());
    page.done(DeskCommand::ChooseDevice { kind, id });
    wait(PATIENCE, "the other camera is seen", || other.sees(12));

    page.done(DeskCommand::SetCamera { on: false });
    page.done(DeskCommand::SetMicrophone { on: false });
    wait(PATIENCE, "silence and no picture", || {
        !other.hears(1000.0) && other.pictures(12, SHORTLY).is_empty()
    });
    page.done(DeskCommand::SetCamera { on: true });
    page.done(DeskCommand::SetMicrophone { on: true });
    wait(PATIENCE, "both again", || other.perceives(1000.0, 12));
    assert_eq!(other.handle.state().generation, generation);
    assert_eq!(page.state().local.camera.problem, None);

    // The speaker, while voices play.
    let kind = DeviceKind::Speaker;
    let id = Some("file:heard.wav".to_owned());
    page.done(DeskCommand::ChooseDevice { kind, id });
    std::thread::sleep(Duration::from_millis(1500));
    let kind = DeviceKind::Speaker;
    page.done(DeskCommand::ChooseDevice { kind, id: None });
    let heard = house.dir.path().join("heard.wav");
    let samples: Vec<f32> = hound::WavReader::open(heard)
        .unwrap()
        .samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32768.0)
        .collect();
    let power = confab_dsp::tone_power(&samples[samples.len() / 2..], 700.0, 48_000);
    assert!(power > net_common::HEARD, "{power}");
}

#[test]
fn what_is_shown_is_received_at_its_height_and_what_is_hidden_not_at_all() {
    let house = House::open();
    let _other = person(&house);
    let page = Page::open(&house, &house.guest());
    page.join("Desk");
    page.until("the other's camera", |_| {
        page.track(Source::Camera).is_some()
    });
    let camera = page.track(Source::Camera).unwrap();
    std::thread::sleep(SHORTLY);
    assert!(page.seen(camera, PATIENCE).is_empty(), "nobody asked");

    page.show(&[(camera, 180.0)]);
    wait(PATIENCE, "a small picture", || {
        page.seen(camera, SHORTLY).contains(&(3, 180))
    });
    page.show(&[(camera, 360.0)]);
    wait(PATIENCE, "a large picture", || {
        page.seen(camera, SHORTLY).contains(&(3, 360))
    });
    page.show(&[(camera, 0.0)]);
    wait(PATIENCE, "nothing while hidden", || {
        page.seen(camera, SHORTLY).is_empty()
    });
    page.show(&[(camera, 180.0)]);
    wait(PATIENCE, "a picture again", || {
        !page.seen(camera, SHORTLY).is_empty()
    });

    // Counted once a second.
    wait(PATIENCE, "the camera's stream", || {
        let reply = page.desk.send(DeskCommand::StreamStats);
        let DeskReply::Streams { streams } = reply else {
            panic!("no streams");
        };
        let camera = |s: &StreamStats| s.source == Source::Camera && s.codec == "h264";
        streams.iter().any(camera)
    });
    wait(PATIENCE, "the way of the connection", || {
        let reply = page.desk.send(DeskCommand::LinkStats);
        matches!(reply, DeskReply::Link { stats } if stats.transport == "udp")
    });
}

#[test]
fn a_screen_is_shared_paused_and_stopped() {
    let house = House::open();
    let other = person(&house);
    let page = Page::open(&house, &house.guest());
    page.join("Desk");
    let DeskReply::Screens { sources } = page.desk.send(DeskCommand::ScreenSources) else {
        panic!("no list");
    };
    let screens = |person: &Person| {
        let room = person.handle.state().room.unwrap();
        let tracks = room.participants.into_iter().flat_map(|p| p.tracks);
        tracks.filter(|t| t.source == Source::Screen).count()
    };
    for round in 0..2 {
        page.done(DeskCommand::StartScreen {
            id: Some(sources[0].id.clone()),
            audio: true,
            mode: ScreenMode::Text,
        });
        assert!(page.state().local.screen.on, "round {round}");
        wait(PATIENCE, "the screen is published", || screens(&other) == 1);
        let track = |s: &net_common::Sight| s.height == 720;
        let moving = || {
            let now = clock::now();
            let sights = other.sights.lock().unwrap();
            let recent = sights
                .iter()
                .rev()
                .take_while(|s| now.since(s.shown).as_millis() < 500);
            let mut counters: Vec<u32> = recent.filter(|s| track(s)).map(|s| s.counter).collect();
            counters.dedup();
            counters.len()
        };
        wait(PATIENCE, "the screen is seen", || moving() >= 3);
        wait(PATIENCE, "its sound is heard", || other.hears(2000.0));
        page.done(DeskCommand::PauseScreen { on: true });
        assert!(page.state().local.screen.paused);
        wait(PATIENCE, "it stands still", || moving() <= 1);
        page.done(DeskCommand::PauseScreen { on: false });
        wait(PATIENCE, "it goes on", || moving() >= 3);
        page.done(DeskCommand::StopScreen);
        wait(PATIENCE, "it is gone", || screens(&other) == 0);
        wait(PATIENCE, "its sound, too", || !other.hears(2000.0));
        assert!(!page.state().local.screen.on);
    }
}

#[test]
fn people_talk_raise_hands_and_the_host_has_the_last_word() {
    let house = House::open();
    let page = Page::open(&house, &house.guest());
    let host = Page::open(&house, &house.host());
    page.done(DeskCommand::SetMicrophone { on: true });
    page.join("Ana");
    host.join("Host");
    let ana = page.state().call.you.unwrap();

    page.done(DeskCommand::Chat {
        text: "hello".to_owned(),
        to: None,
    });
    let arrived = |s: &DeskState| {
        s.chat
            .iter()
            .any(|m| m.message.text == "hello" && !m.pending)
    };
    page.until("the own message is there", arrived);
    host.until("the message is there", arrived);
    page.done(DeskCommand::Hand { raised: true });
    host.until("the hand is up", |s| {
        s.participants
            .iter()
            .any(|p| p.id == ana && p.hand.is_some())
    });
    page.done(DeskCommand::React {
        reaction: Reaction::Clap,
    });
    wait(PATIENCE, "the reaction", || {
        let events = host.events.lock().unwrap();
        events.contains(&DeskEvent::Reaction {
            participant: ana,
            reaction: Reaction::Clap,
        })
    });

    page.until("unmuted for all", |s| {
        let me = s.participants.iter().find(|p| p.id == ana);
        me.is_some_and(|p| !p.muted.contains(&Source::Microphone))
    });
    host.done(DeskCommand::Host {
        action: HostAction::Mute {
            participant: ana,
            source: Source::Microphone,
        },
    });
    page.until("the switch follows the host", |s| !s.local.microphone.on);
    let events = page.events.lock().unwrap().clone();
    assert!(events.iter().any(|e| matches!(
        e,
        DeskEvent::MutedByHost {
            source: Source::Microphone,
            ..
        }
    )));

    page.done(DeskCommand::Host {
        action: HostAction::End,
    });
    wait(PATIENCE, "a guest ends nothing", || {
        let events = page.events.lock().unwrap();
        events
            .iter()
            .any(|e| matches!(e, DeskEvent::Refused { .. }))
    });
    host.done(DeskCommand::Host {
        action: HostAction::Remove { participant: ana },
    });
    page.until("removed", |s| s.call.phase == CallPhase::Ended);
    assert_eq!(
        serde_json::to_value(page.state().call.ended).unwrap(),
        "removed"
    );
    host.done(DeskCommand::Leave);
    host.until("left", |s| s.call.phase == CallPhase::Ended);
    assert_eq!(host.state().call.ended, Some(EndReason::Own(OwnEnd::Left)));
    // And again, from the same window.
    host.join("Host");
}

#[test]
fn a_page_that_is_loaded_anew_finds_everything() {
    let house = House::open();
    let other = person(&house);
    let page = Page::open(&house, &house.guest());
    page.done(DeskCommand::SetMicrophone { on: true });
    page.join("Desk");
    page.done(DeskCommand::Chat {
        text: "still here".to_owned(),
        to: None,
    });
    page.until("said", |s| s.chat.iter().any(|m| !m.pending));
    wait(PATIENCE, "the tone is heard", || other.hears(440.0));
    let before = page.state();

    let again = Page::load(page.desk.clone(), page.seen.clone(), page.own.clone());
    let after = again.state();
    assert_eq!(after.call, before.call);
    assert_eq!(after.chat, before.chat);
    assert_eq!(after.local.microphone, before.local.microphone);
    assert!(other.hears(440.0), "the sound never stopped");
    // Both pages follow from here on.
    again.done(DeskCommand::Hand { raised: true });
    for page in [&page, &again] {
        page.until("the hand", |s| {
            s.participants.iter().any(|p| p.hand.is_some())
        });
    }
}

#[test]
fn a_cut_is_told_and_mended_and_pushes_are_few() {
    let house = House::open();
    let other = person(&house);
    let mut options = DeskOptions::new(MeetingLink::parse(&house.guest()).unwrap());
    options.test_devices = Some(test_devices(house.dir.path()));
    let switches = options.test.clone();
    let desk = Desk::start(options).unwrap();
    let page = Page::load(desk, Arc::default(), Arc::default());
    page.done(DeskCommand::SetMicrophone { on: true });
    page.join("Desk");
    wait(PATIENCE, "heard", || other.hears(440.0));
    switches.set_cut(true);
    page.until("reconnecting", |s| s.call.phase == CallPhase::Reconnecting);
    assert!(page.state().call.reconnecting_since.is_some());
    switches.set_cut(false);
    page.until("back", |s| s.call.phase == CallPhase::Joined);
    wait(PATIENCE, "heard again", || other.hears(440.0));
    assert!(page.state().local.microphone.on);

    let pushes = page.pushes.lock().unwrap().clone();
    let crowded = pushes
        .windows(25)
        .any(|w| w[24] - w[0] < Duration::from_secs(1));
    assert!(!crowded, "{} pushes", pushes.len());
}

#[test]
fn devices_that_do_not_open_and_servers_that_do_not_answer_are_told() {
    let house = House::open();
    let mut options = DeskOptions::new(MeetingLink::parse(&house.guest()).unwrap());
    options.test_devices = Some(TestDevices {
        microphones: vec!["file:no-such.wav".to_owned()],
        cameras: vec!["file:no-such.y4m".to_owned()],
        only: true,
        folder: house.dir.path().to_owned(),
        ..TestDevices::default()
    });
    let desk = Desk::start(options).unwrap();
    let page = Page::load(desk, Arc::default(), Arc::default());
    page.done(DeskCommand::SetMicrophone { on: true });
    page.done(DeskCommand::SetCamera { on: true });
    let local = page.state().local;
    for source in [&local.microphone, &local.camera] {
        assert!(!source.on && !source.starting);
        assert_eq!(source.problem, Some(DeviceProblem::Failed));
    }
    let recorded = page.desk.send(DeskCommand::RecordTest { seconds: 0.5 });
    let problem = Some(DeviceProblem::Failed);
    assert_eq!(recorded, DeskReply::Recorded { problem });
    // One joins without them all the same.
    page.join("Desk");
    assert_ne!(page.state().call.phase, CallPhase::Ended);
}
