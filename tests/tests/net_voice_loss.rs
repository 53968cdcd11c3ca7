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
const SETTLE: Duration = Duration::from_secs(8);
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

#[test]
fn with_half_of_all_datagrams_lost_both_voices_stay_fluent() {
    let house = House::open();
    let dir = house.dir.path();
    let ana = speaker("ana", dir, 1).join(&house.host());
    let ben = speaker("ben", dir, 2).join(&house.guest());
    ana.wait_joined();
    ben.wait_joined();
    std::thread::sleep(Duration::from_secs(3));
    ben.test.set_loss(0.5, 7);
    std::thread::sleep(SETTLE);
    let of_ben = stats(&ben, Duration::from_secs(LISTEN as u64));
    let of_ana = stats(&ana, Duration::from_millis(1500));
    ana.handle.leave();
    ben.handle.leave();

    let (sent, received) = (line(&of_ben, "send"), line(&of_ben, "receive"));
    println!("ben sends {sent:?}\nben hears {received:?}");
    println!("ana hears {:?}", line(&of_ana, "receive"));
    assert_eq!(sent.redundancy, Some("more copies"));
    assert!(received.red_samples > Some(0), "the server copies for ben");
    for (who, other) in [("ana", "ben"), ("ben", "ana")] {
        let heard = read_wav(&dir.join(format!("{who}-heard.wav"))).unwrap();
        let voice = read_wav(&dir.join(format!("{other}.wav"))).unwrap();
        let end = heard.len() - 2 * RATE;
        let found = recognise(&heard[end - LISTEN * RATE..end], &voice);
        let found = found.expect("something was heard");
        println!("{who} hears {other}: {found:?}");
        assert!(found.share >= 0.95, "{who} hears {other}: {found:?}");
    }
}
