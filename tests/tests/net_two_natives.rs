//! Two native participants in a real meeting on a real server: they hear and see each other.
#![allow(
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a report test prints what it measured"
)]

mod net_common;

use confab_client::pipeline::{MicrophoneSpec, VoiceConfig};
use confab_tests::hearing::{RATE, read_wav, recognise};
use net_common::*;
use std::path::Path;
use std::time::Duration;

const STAY: Duration = Duration::from_secs(12);

fn speaker(name: &'static str, dir: &Path, seed: u64) -> Coming {
    let voice = dir.join(format!("{name}.wav"));
    write_speech(&voice, seed, 10);
    Coming {
        microphone: Some(MicrophoneSpec::File {
            path: voice,
            looped: true,
        }),
        speaker: Some(dir.join(format!("{name}-heard.wav"))),
        ..Coming::with_tone(name, 0.0, seed as u8)
    }
}

#[test]
fn two_people_hear_and_see_each_other_without_a_gap() {
    let house = House::open();
    let dir = house.dir.path();
    let ana = speaker("ana", dir, 1).join(&house.host());
    let ben = speaker("ben", dir, 2).join(&house.guest());
    ana.wait_joined();
    ben.wait_joined();
    wait(PATIENCE, "pictures both ways", || {
        ana.sees(2) && ben.sees(1)
    });
    std::thread::sleep(STAY);

    for (who, id) in [(&ana, 2), (&ben, 1)] {
        // The last seconds: the first ones hold the climb from the small layer to the large one.
        let seen = who.pictures(id, STAY - Duration::from_secs(4));
        let fps = seen.len() as f64 / (STAY.as_secs_f64() - 4.0);
        let last = seen.last().expect("pictures");
        println!(
            "{} sees {id}: {fps:.1} pictures a second, {} rows",
            who.name, last.height
        );
        assert!(
            fps > 20.0,
            "{} sees {id} at {fps:.1} pictures a second",
            who.name
        );
        assert_eq!(last.height, 360, "{} sees {id}", who.name);
        let longest = seen
            .windows(2)
            .map(|p| p[1].shown.since(p[0].shown))
            .max()
            .unwrap();
        assert!(
            longest < Duration::from_secs(1),
            "{} saw a gap of {longest:?}",
            who.name
        );
        assert!(seen.windows(2).all(|p| p[0].counter < p[1].counter));
        let psnr: Vec<f64> = seen.iter().filter_map(|s| s.psnr).collect();
        let (middle, _) = p50_p95(psnr);
        println!("{} sees {id} at {middle:.1} dB", who.name);
        assert!(middle > 28.0, "{} sees {id} at {middle:.1} dB", who.name);
    }
    ana.handle.leave();
    ben.handle.leave();

    for (who, other) in [("ana", "ben"), ("ben", "ana")] {
        let heard = read_wav(&dir.join(format!("{who}-heard.wav"))).unwrap();
        let voice = read_wav(&dir.join(format!("{other}.wav"))).unwrap();
        let own = read_wav(&dir.join(format!("{who}.wav"))).unwrap();
        // Without the seconds in which they were still coming in.
        let middle = &heard[heard.len() - 10 * RATE..];
        let found = recognise(middle, &voice).expect("something was heard");
        println!("{who} hears {other}: {found:?}");
        assert!(found.share > 0.9, "{who} hears {other}: {found:?}");
        let echo = recognise(middle, &own).map_or(0.0, |f| f.share);
        assert!(echo < 0.3, "{who} hears itself: {echo}");
    }
}

#[test]
fn speech_passes_the_whole_voice_chain() {
    let house = House::open();
    let dir = house.dir.path();
    let mut ana = speaker("ana", dir, 3);
    ana.voice = VoiceConfig::default();
    ana.camera = None;
    let mut ben = speaker("ben", dir, 4);
    ben.camera = None;
    ben.microphone = None;
    let ana = ana.join(&house.host());
    let ben = ben.join(&house.guest());
    ana.wait_joined();
    ben.wait_joined();
    std::thread::sleep(Duration::from_secs(10));
    ana.handle.leave();
    ben.handle.leave();
    let heard = read_wav(&dir.join("ben-heard.wav")).unwrap();
    let voice = read_wav(&dir.join("ana.wav")).unwrap();
    let found = recognise(&heard[heard.len() - 6 * RATE..], &voice).expect("something was heard");
    println!("through the voice chain: {found:?}");
    // Noise suppression takes the generated consonants for noise, so less of it is recognised than of real speech.
    assert!(found.share > 0.5, "{found:?}");
}
