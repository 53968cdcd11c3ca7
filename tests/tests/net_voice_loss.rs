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

/// The last statistics of each that come while we wait, and a line a second of what their senders do.
fn stats(people: [&Person; 2], length: Duration) -> [Vec<StatsLine>; 2] {
    let until = Instant::now() + length;
    let mut last = [const { Vec::new() }; 2];
    while Instant::now() < until {
        for ((person, last), who) in people.iter().zip(&mut last).zip(["ben", "ana"]) {
            for event in person.handle.events.try_iter() {
                let Event::Stats(lines) = event else { continue };
                let of = |direction: &str| lines.iter().find(|l| l.direction == direction);
                if let (Some(sent), Some(heard)) = (of("send"), of("receive")) {
                    println!(
                        "{who} sends {:?}: {:?} lost; hears: {:?} % lost, stalls of {:?} ms",
                        sent.redundancy, sent.lost, heard.loss_percent, heard.stall_ms,
                    );
                }
                *last = lines;
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
/// `share`: of the time, how much of the voice is found again at least.
fn meet(loss: f32, share: f32) -> [Vec<StatsLine>; 2] {
    let house = House::open();
    let dir = house.dir.path();
    let ana = speaker("ana", dir, 1).join(&house.host());
    let ben = speaker("ben", dir, 2).join(&house.guest());
    ana.wait_joined();
    ben.wait_joined();
    std::thread::sleep(Duration::from_secs(3));
    ben.test.set_loss(loss, 7);
    let before = stats([&ben, &ana], SETTLE);
    let after = stats(
        [&ben, &ana],
        Duration::from_secs(LISTEN as u64) + Duration::from_millis(500),
    );
    ana.handle.leave();
    ben.handle.leave();

    for ((who, before), after) in ["ben", "ana"].iter().zip(&before).zip(&after) {
        println!("{who} sends {:?}", line(after, "send"));
        println!("{who} hears {:?}", line(after, "receive"));
        let [before, after] = [before, after].map(|lines| line(lines, "receive"));
        assert!(
            after.packets >= before.packets,
            "{who}'s connection is another one"
        );
        let stalled = after.stall_ms.unwrap_or(0) - before.stall_ms.unwrap_or(0);
        // The rule for a minute, here for a part of one.
        assert!(
            stalled as usize <= LISTEN * 30,
            "{who} heard stalls of {stalled} ms"
        );
    }
    for (who, other) in [("ana", "ben"), ("ben", "ana")] {
        let heard = read_wav(&dir.join(format!("{who}-heard.wav"))).unwrap();
        let voice = read_wav(&dir.join(format!("{other}.wav"))).unwrap();
        let end = heard.len() - 2 * RATE;
        let found = recognise(&heard[end - LISTEN * RATE..end], &voice);
        let found = found.expect("something was heard");
        println!("{who} hears {other}: {found:?}");
        assert!(found.share >= share, "{who} hears {other}: {found:?}");
    }
    after
}

#[test]
fn with_half_of_all_datagrams_lost_both_voices_stay_fluent() {
    let [of_ben, _] = meet(0.5, 0.95);
    assert_eq!(line(&of_ben, "send").redundancy, Some("more copies"));
    let received = line(&of_ben, "receive");
    assert!(received.red_samples > Some(0), "the server copies for ben");
}

#[test]
fn with_four_of_five_datagrams_lost_both_voices_stay_fluent() {
    // What is played from descriptions sounds like the voice and has another wave, so that it is harder to find.
    let [of_ben, of_ana] = meet(0.8, 0.8);
    assert_eq!(line(&of_ben, "send").redundancy, Some("deep"));
    for (who, lines) in [("ben", of_ben), ("ana", of_ana)] {
        let described = line(&lines, "receive").dred_samples;
        assert!(described > Some(0), "{who} hears descriptions");
    }
}
