//! Somebody who decodes less than the others comes into a meeting and goes: everybody sees everybody, and nobody's picture stands still.
#![allow(
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a report test prints what it measured"
)]

mod net_common;

use confab_base::VideoCodec;
use confab_client::pipeline::ScreenSpec;
use confab_client::{Event, StatsLine};
use net_common::*;
use std::time::Duration;

/// The mark's number of the synthetic screen.
const SCREEN: u8 = 200;

/// What pictures of this source are coded in now, as far as the person has said so in the last seconds.
fn coded_in(person: &Person, direction: &str, source: &str) -> Option<VideoCodec> {
    let is_it = |line: &StatsLine| line.direction == direction && line.source == source;
    let events = person.handle.events.try_iter();
    let lines = events.filter_map(|event| match event {
        Event::Stats(lines) => lines.into_iter().find(is_it),
        _ => None,
    });
    lines.last().and_then(|line| line.codec)
}

fn wait_sent_in(people: &[&Person], codec: VideoCodec) {
    for person in people {
        let what = format!("{} sends {codec:?}", person.name);
        wait(PATIENCE, &what, || sent_in(person) == Some(codec));
    }
}

fn sent_in(person: &Person) -> Option<VideoCodec> {
    coded_in(person, "send", "camera")
}

fn wait_screen_in(sender: &Person, receiver: &Person, codec: VideoCodec) {
    let what = format!("the screen is sent in {codec:?}");
    wait(PATIENCE, &what, || {
        coded_in(sender, "send", "screen") == Some(codec)
    });
    let what = format!("the screen is seen in {codec:?}");
    wait(PATIENCE, &what, || {
        coded_in(receiver, "receive", "screen") == Some(codec)
    });
}

fn sees_screen(person: &Person) -> bool {
    person.pictures(SCREEN, Duration::from_millis(600)).len() >= 3
}

/// The longest time between two pictures of `id` lately.
fn longest_gap(person: &Person, id: u8, time: Duration) -> Duration {
    let seen = person.pictures(id, time);
    let gap = |p: &[Sight]| p[1].shown.since(p[0].shown);
    seen.windows(2).map(gap).max().unwrap_or(time)
}

#[test]
fn senders_change_their_codec_without_a_gap_when_someone_needs_another() {
    let house = House::open();
    let ana = Coming::with_tone("ana", 440.0, 1).join(&house.host());
    let ben = Coming::with_tone("ben", 660.0, 2).join(&house.guest());
    let both = [&ana, &ben];
    for person in both {
        person.wait_joined();
    }
    wait(PATIENCE, "ana and ben see each other", || {
        ana.sees(2) && ben.sees(1)
    });
    wait_sent_in(&both, VideoCodec::H264);
    // The first seconds hold the climb from the small layer to the large one.
    std::thread::sleep(Duration::from_secs(4));

    let mut cleo = Coming::with_tone("cleo", 880.0, 3);
    cleo.decodes = vec![VideoCodec::Vp8];
    let cleo = cleo.join(&house.guest());
    cleo.wait_joined();
    wait_sent_in(&both, VideoCodec::Vp8);
    wait(PATIENCE, "everybody sees everybody", || {
        let all = [(&ana, [2, 3]), (&ben, [1, 3]), (&cleo, [1, 2])];
        all.iter()
            .all(|(who, of)| of.iter().all(|id| who.sees(*id)))
    });
    assert_eq!(
        sent_in(&cleo).or(Some(VideoCodec::H264)),
        Some(VideoCodec::H264),
        "ana and ben decode what cleo cannot"
    );
    std::thread::sleep(Duration::from_secs(3));
    let during = Duration::from_secs(5);
    let gaps = [longest_gap(&ana, 2, during), longest_gap(&ben, 1, during)];
    println!("longest gaps while VP8 came: {gaps:?}");

    cleo.handle.leave();
    wait_sent_in(&both, VideoCodec::H264);
    std::thread::sleep(Duration::from_secs(3));
    let after = [longest_gap(&ana, 2, during), longest_gap(&ben, 1, during)];
    println!("longest gaps while H.264 came back: {after:?}");
    for gap in gaps.into_iter().chain(after) {
        assert!(gap < Duration::from_secs(1), "a picture stood for {gap:?}");
    }
    for (who, id) in [(&ana, 2), (&ben, 1)] {
        let last = *who.pictures(id, Duration::from_secs(1)).last().unwrap();
        assert_eq!(last.height, 360, "{} sees {id}", who.name);
    }
    ana.handle.leave();
    ben.handle.leave();
}

#[test]
fn a_screen_is_shared_in_av1_until_somebody_comes_who_does_not_decode_it() {
    let house = House::open();
    let coming = |name, hz| Coming {
        camera: None,
        ..Coming::with_tone(name, hz, 0)
    };
    let show = |media: &mut confab_client::pipeline::MediaOptions| {
        media.screen = Some(ScreenSpec::Pattern);
    };
    let ana = coming("ana", 440.0).join_with(&house.host(), show);
    let ben = coming("ben", 660.0).join(&house.guest());
    for person in [&ana, &ben] {
        person.wait_joined();
    }
    wait(PATIENCE, "ben sees the screen", || sees_screen(&ben));
    wait_screen_in(&ana, &ben, VideoCodec::Av1);
    std::thread::sleep(Duration::from_secs(3));
    let before = longest_gap(&ben, SCREEN, Duration::from_secs(2));

    let mut dora = coming("dora", 880.0);
    dora.decodes = vec![VideoCodec::H264, VideoCodec::Vp8];
    let dora = dora.join(&house.guest());
    dora.wait_joined();
    wait(PATIENCE, "dora sees the screen", || sees_screen(&dora));
    wait_screen_in(&ana, &dora, VideoCodec::H264);
    std::thread::sleep(Duration::from_secs(2));
    let during = longest_gap(&ben, SCREEN, Duration::from_secs(5));

    dora.handle.leave();
    wait_screen_in(&ana, &ben, VideoCodec::Av1);
    std::thread::sleep(Duration::from_secs(2));
    let after = longest_gap(&ben, SCREEN, Duration::from_secs(5));
    println!(
        "longest gaps: {before:?} in AV1, {during:?} while H.264 came, {after:?} while AV1 came back"
    );
    for gap in [during, after] {
        // A page in H.264 is most of a second's rate.
        assert!(gap < Duration::from_secs(2), "a screen stood for {gap:?}");
    }
    ana.handle.leave();
    ben.handle.leave();
}
