//! Voices where a lot is lost: two people in a real meeting on a real server, one of them on a bad network.
#![allow(clippy::print_stdout, reason = "a report test prints what it measured")]

mod net_common;

use confab_client::pipeline::MicrophoneSpec;
use confab_client::{Event, StatsLine};
use confab_tests::hearing::{RATE, read_wav, recognise};
use net_common::*;
use std::path::Path;
use std::time::{Duration, Instant};

/// Until both ends have found what the network needs.
const SETTLE: Duration = Duration::from_secs(12);
/// What is judged.
const LISTEN: usize = 16;

fn speaker(name: &'static str, dir: &Path, seed: u64) -> Coming {
    let voice = dir.join(format!("{name}.wav"));
    write_speech(&voice, seed, 10);
    Coming {
        microphone: Some(MicrophoneSpec::File {
            path: voice,
            looped: true,
        }),
        speaker: Some(dir.join(format!("{name}-heard.wav"))),
        camera: None,
        ..Coming::with_tone(name, 0.0, seed as u8)
    }
}

/// The last statistics that come while we wait.
fn stats(person: &Person, length: Duration) -> Vec<StatsLine> {
    let until = Instant::now() + length;
    let mut last = Vec::new();
    while Instant::now() < until {
        for event in person.handle.events.try_iter() {
            if let Event::Stats(lines) = event {
                last = lines;
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    last
}

fn line<'a>(lines: &'a [StatsLine], direction: &str) -> &'a StatsLine {
    let of = |l: &&StatsLine| l.direction == direction && l.source == "microphone";
    lines.iter().find(of).expect("a microphone's statistics")
}

/// What both send and hear once ben has lost this share of all datagrams, both ways, for a while: ben's lines, then ana's.
fn meet(loss: f32) -> [Vec<StatsLine>; 2] {
    let house = House::open();
    let dir = house.dir.path();
    let ana = speaker("ana", dir, 1).join(&house.host());
    let ben = speaker("ben", dir, 2).join(&house.guest());
    ana.wait_joined();
    ben.wait_joined();
    std::thread::sleep(Duration::from_secs(3));
    ben.test.set_loss(loss, 7);
    let before = stats(&ben, SETTLE);
    let of_ben = stats(&ben, Duration::from_secs(LISTEN as u64));
    let of_ana = stats(&ana, Duration::from_millis(1500));
    ana.handle.leave();
    ben.handle.leave();

    println!("ben sends {:?}", line(&of_ben, "send"));
    for (who, lines) in [("ben", &of_ben), ("ana", &of_ana)] {
        println!("{who} hears {:?}", line(lines, "receive"));
    }
    let stalled = |lines: &[StatsLine]| line(lines, "receive").stall_ms.unwrap_or(0);
    let stalled = stalled(&of_ben) - stalled(&before);
    // The rule for a minute, here for a part of one.
    assert!(stalled as usize <= LISTEN * 30, "stalls of {stalled} ms");
    for (who, other) in [("ana", "ben"), ("ben", "ana")] {
        let heard = read_wav(&dir.join(format!("{who}-heard.wav"))).unwrap();
        let voice = read_wav(&dir.join(format!("{other}.wav"))).unwrap();
        let end = heard.len() - 2 * RATE;
        let found = recognise(&heard[end - LISTEN * RATE..end], &voice);
        let found = found.expect("something was heard");
        println!("{who} hears {other}: {found:?}");
        assert!(found.share >= 0.95, "{who} hears {other}: {found:?}");
    }
    [of_ben, of_ana]
}

#[test]
fn with_half_of_all_datagrams_lost_both_voices_stay_fluent() {
    let [of_ben, _] = meet(0.5);
    assert_eq!(line(&of_ben, "send").redundancy, Some("more copies"));
    let received = line(&of_ben, "receive");
    assert!(received.red_samples > Some(0), "the server copies for ben");
}

#[test]
fn with_four_of_five_datagrams_lost_both_voices_stay_fluent() {
    let [of_ben, of_ana] = meet(0.8);
    assert_eq!(line(&of_ben, "send").redundancy, Some("deep"));
    for (who, lines) in [("ben", of_ben), ("ana", of_ana)] {
        let described = line(&lines, "receive").dred_samples;
        assert!(described > Some(0), "{who} hears descriptions");
    }
}
