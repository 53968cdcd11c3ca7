//! Two devices on one table and one far away: the server finds the two by what their microphones hear.
#![allow(clippy::print_stdout, reason = "a report test prints what it measured")]

mod net_common;

use confab_base::{ParticipantId, Source};
use confab_client::pipeline::MicrophoneSpec;
use confab_client::{Action, ClientHandle};
use confab_protocol::{Code, SameRoomChoice};
use net_common::*;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::Duration;

/// Speech goes on for at most a few seconds before two devices are found; the machine may be busy.
const FOUND: Duration = Duration::from_secs(40);
/// So long nothing may happen to who is elsewhere.
const WATCHED: Duration = Duration::from_secs(15);
const RATE: usize = 48_000;

/// One voice as the microphone beside the mouth has it, and as another on the same table: 20 ms later, 12 dB quieter.
fn near_and_far(dir: &Path) -> (PathBuf, PathBuf) {
    let mut near = vec![0.0; 30 * RATE];
    confab_dsp::generate::Speech::new(11).fill(&mut near);
    let mut far = vec![0.0; RATE / 50];
    far.extend(near.iter().map(|s| s * 0.25));
    far.truncate(near.len());
    let paths = (dir.join("near.wav"), dir.join("far.wav"));
    write_wav(&paths.0, &near);
    write_wav(&paths.1, &far);
    paths
}

fn coming(name: &'static str, voice: PathBuf) -> Coming {
    Coming {
        camera: None,
        microphone: Some(MicrophoneSpec::File {
            path: voice,
            looped: true,
        }),
        ..Coming::with_tone(name, 0.0, 0)
    }
}

fn live_instead(handle: &ClientHandle) -> Option<ParticipantId> {
    handle.state().live_instead()
}

fn choose(person: &Person, choice: SameRoomChoice) {
    person.handle.act(Action::SameRoom { choice });
}

/// Whether anything was played in the last second.
fn hears_something(person: &Person) -> bool {
    let heard = person.heard.lock().unwrap();
    let last = heard.iter().rev().take(100);
    last.flat_map(|(_, frame)| frame).any(|s| s.abs() > 1e-3)
}

#[test]
fn of_two_devices_on_a_table_one_is_live_and_who_is_elsewhere_is_left_alone() {
    let house = House::open();
    let dir = house.dir.path();
    let (near, far) = near_and_far(dir);
    let elsewhere = dir.join("elsewhere.wav");
    write_speech(&elsewhere, 12, 30);
    // Their files begin to play at the same time.
    let together = Barrier::new(2);
    let enter = |name, voice, link: String| {
        let coming = coming(name, voice);
        together.wait();
        coming.join(&link)
    };
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| enter("one", near, house.host()));
        let two = scope.spawn(|| enter("two", far, house.guest()));
        (one.join().unwrap(), two.join().unwrap())
    });
    let cara = coming("cara", elsewhere).join(&house.guest());
    let (one_id, two_id) = (one.wait_joined(), two.wait_joined());
    cara.wait_joined();
    // Who came in first stays live.
    let (live, other, live_id) = match one_id < two_id {
        true => (&one, &two, one_id),
        false => (&two, &one, two_id),
    };
    let took = wait(FOUND, "the two are found", || {
        live_instead(&other.handle) == Some(live_id)
    });
    println!("found {:.1} s after they were in", took.as_secs_f64());
    assert_eq!(live_instead(&live.handle), None);
    assert_eq!(live_instead(&cara.handle), None);
    let state = other.handle.state();
    assert!(!state.own.muted.contains(&Source::Microphone));
    wait(PATIENCE, "the other is silent", || !hears_something(other));
    assert!(hears_something(live), "the live one goes on");

    choose(other, SameRoomChoice::UseMine);
    wait(PATIENCE, "live moves", || {
        live_instead(&other.handle).is_none() && live_instead(&live.handle).is_some()
    });
    wait(PATIENCE, "the other hears again", || hears_something(other));
    wait(PATIENCE, "the first is silent", || !hears_something(live));

    choose(live, SameRoomChoice::Apart);
    wait(PATIENCE, "both are live", || {
        live_instead(&live.handle).is_none() && live_instead(&other.handle).is_none()
    });
    let again = std::time::Instant::now();
    while again.elapsed() < WATCHED {
        for person in [&one, &two, &cara] {
            assert_eq!(live_instead(&person.handle), None, "{}", person.name);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    choose(&cara, SameRoomChoice::UseMine);
    wait(PATIENCE, "there is nothing to take over", || {
        cara.handle.events.try_iter().any(|event| {
            matches!(event, confab_client::Event::Notice(confab_client::Notice::Failed { code, .. }) if code == Code::BadValue)
        })
    });
}
