//! Somebody who decodes VP8 only comes into a meeting and goes: everybody sees everybody, and nobody's picture stands still.
#![allow(
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a report test prints what it measured"
)]

mod net_common;

use confab_base::VideoCodec;
use confab_client::{Event, StatsLine};
use net_common::*;
use std::time::Duration;

/// What this person's pictures are coded in now, as far as it has said so in the last seconds.
fn sent_in(person: &Person) -> Option<VideoCodec> {
    let camera = |line: &StatsLine| line.direction == "send" && line.source == "camera";
    let events = person.handle.events.try_iter();
    let lines = events.filter_map(|event| match event {
        Event::Stats(lines) => lines.into_iter().find(camera),
        _ => None,
    });
    lines.last().and_then(|line| line.codec)
}

fn wait_sent_in(people: &[&Person], codec: VideoCodec) {
    for person in people {
        wait(
            PATIENCE,
            &format!("{} sends {codec:?}", person.name),
            || sent_in(person) == Some(codec),
        );
    }
}

/// The longest time between two pictures of `id` lately.
fn longest_gap(person: &Person, id: u8, time: Duration) -> Duration {
    let seen = person.pictures(id, time);
    let gap = |p: &[Sight]| p[1].shown.since(p[0].shown);
    seen.windows(2).map(gap).max().expect("pictures")
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
