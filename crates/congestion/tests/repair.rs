//! Video over bad paths in virtual time: how much of it is seen, that nothing is repaired where nothing is lost, and that
//! what comes back is what was sent. `--nocapture` prints the table of docs/QUALITY.md.

mod scene;

use confab_base::{Bitrate, Duration, Time};
use confab_congestion::repair::{FrameClass, MediaPacket, RepairReceiver, RepairSender};
use confab_simnet::Loss;
use proptest::prelude::*;
use scene::{Scene, Seen};

/// Runs a scene from three seeds, prints the rows, and gives the worst of each figure that is judged.
#[expect(clippy::print_stdout, reason = "the table is what is looked at")]
fn see(scene: Scene) -> Seen {
    let of_seed = |seed| {
        let scene = Scene {
            seed,
            ..scene.clone()
        };
        let seen = scene.run();
        println!("{}\n{}", Seen::HEAD, seen.row());
        seen
    };
    let mut seen: Vec<_> = (1..=3).map(of_seed).collect();
    let gap = seen.iter().map(|s| s.longest_gap).max();
    let p90 = seen.iter().map(|s| s.delay_p90).max();
    let keys = seen.iter().map(|s| s.keys).max();
    seen.sort_by(|a, b| a.fps.total_cmp(&b.fps));
    let mut worst = seen[0].clone();
    for other in &seen {
        if other.send.overhead() > worst.send.overhead() {
            worst.send = other.send;
        }
    }
    (worst.longest_gap, worst.delay_p90) = (gap.unwrap(), p90.unwrap());
    worst.keys = keys.unwrap();
    worst
}

fn random(name: &'static str, loss: f64) -> Seen {
    see(Scene::new(name, Loss::Random(loss)))
}

#[test]
fn without_loss_repair_takes_no_room() {
    let seen = see(Scene::new("0 %", Loss::None));
    assert!(seen.fps >= 29.5 && seen.send.overhead() < 0.01);
    assert_eq!(seen.keys, 1);
}

#[test]
fn a_little_loss_is_repaired_on_request() {
    for (name, loss, overhead) in [
        ("2 %", 0.02, 0.06),
        ("5 %", 0.05, 0.12),
        ("10 %", 0.1, 0.25),
    ] {
        let seen = random(name, loss);
        assert!(seen.fps >= 28.0, "{}", seen.fps);
        assert!(seen.send.overhead() < overhead, "{}", seen.send.overhead());
    }
}

#[test]
fn pictures_flow_at_30_percent() {
    let seen = random("30 %", 0.3);
    assert!(seen.fps >= 24.0 && seen.longest_gap <= Duration::from_secs(1));
}

#[test]
fn pictures_flow_at_50_percent() {
    assert!(random("50 %", 0.5).fps >= 24.0);
}

#[test]
fn pictures_flow_at_70_percent() {
    assert!(random("70 %", 0.7).fps >= 24.0);
}

#[test]
fn no_second_is_without_a_picture_at_80_percent() {
    let seen = random("80 %", 0.8);
    assert!(seen.fps >= 15.0, "{}", seen.fps);
    assert!(seen.longest_gap <= Duration::from_secs(1));
    assert!(seen.delay_p90 <= Duration::from_millis(450));
}

#[test]
fn bursts_at_80_percent_leave_pictures() {
    assert!(see(Scene::new("80 % in bursts of 8", Loss::bursts(0.8, 8.0))).fps >= 12.0);
}

#[test]
fn a_middle_that_repairs_carries_pictures_over_two_bad_hops() {
    let mut scene = Scene::new("two hops, 50 % each", Loss::Random(0.5));
    scene.links.push(scene.links[0]);
    assert!(see(scene).fps >= 20.0);
}

#[test]
fn a_long_way_with_loss_is_repaired_in_time() {
    let mut scene = Scene::new("30 %, RTT 200 ms", Loss::Random(0.3));
    scene.links[0].delay = Duration::from_millis(100);
    assert!(see(scene).fps >= 20.0);
}

#[test]
fn sudden_loss_is_answered() {
    let mut scene = Scene::new("0, from 10 s on 50 %", Loss::None);
    scene.change = Some((Time::from_millis(10_000), Loss::Random(0.5)));
    scene.seconds = 30;
    assert!(see(scene).fps >= 22.0);
}

#[test]
fn reordered_and_doubled_packets_are_not_repaired() {
    let mut scene = Scene::new("5 % reordered, 2 % doubled", Loss::None);
    (scene.links[0].reorder, scene.links[0].duplicate) = (0.05, 0.02);
    let seen = see(scene);
    assert!(seen.fps >= 29.5);
    assert!(seen.send.overhead() < 0.02, "{}", seen.send.overhead());
}

fn packet(seq: u64, bytes: usize) -> MediaPacket {
    MediaPacket {
        ssrc: 9,
        seq,
        timestamp: (seq / 100 * 3000) as u32,
        marker: seq % 100 == 99,
        tag: (seq as u32).to_be_bytes(),
        payload: (0..bytes).map(|i| (i * 31 + seq as usize) as u8).collect(),
    }
}

/// Sends packets, of which some come, and repairs until nothing is missing.
fn bring_back(packets: &[MediaPacket], lost: impl Fn(u64) -> bool) -> Vec<MediaPacket> {
    let (mut sender, mut receiver) = (RepairSender::new(), RepairReceiver::new());
    sender.set_rate(Bitrate(100_000_000));
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for packet in packets {
        sender.sent(packet.clone(), FrameClass::default(), Time::ZERO);
        if !lost(packet.seq) {
            receiver.received(packet.clone(), Time::from_millis(10));
        }
    }
    for ms in 10..300 {
        let now = Time::from_millis(ms);
        if receiver.poll_feedback(now, &mut out) {
            sender
                .feedback(&out, now + Duration::from_millis(10))
                .unwrap();
        }
        while sender
            .poll(now + Duration::from_millis(10), &mut out)
            .is_some()
        {
            receiver.repair(&out, now).unwrap();
        }
        back.extend(std::iter::from_fn(|| receiver.poll_recovered()));
    }
    back.sort_by_key(|p| p.seq);
    back
}

#[test]
fn key_frames_of_a_hundred_packets_come_back() {
    let packets: Vec<_> = (1000..1100).map(|seq| packet(seq, 1180)).collect();
    let lost = |seq: u64| !seq.is_multiple_of(3) && seq != 1099;
    let expected: Vec<_> = packets.iter().filter(|p| lost(p.seq)).cloned().collect();
    assert_eq!(bring_back(&packets, lost), expected);
}

#[test]
fn several_streams_share_one_sender() {
    let of = |seq: u64| MediaPacket {
        ssrc: 1 + (seq % 3) as u32,
        seq: 500 + seq / 3,
        ..packet(seq, 300 + seq as usize)
    };
    let packets: Vec<_> = (0..120).map(of).collect();
    let lost = |seq: u64| (510..530).contains(&seq);
    let mut expected: Vec<_> = packets.iter().filter(|p| lost(p.seq)).cloned().collect();
    let mut back = bring_back(&packets, lost);
    expected.sort_by_key(|p| (p.ssrc, p.seq));
    back.sort_by_key(|p| (p.ssrc, p.seq));
    assert_eq!(back, expected);
}

#[test]
fn who_joins_late_or_is_switched_gets_no_past() {
    let (mut sender, mut receiver) = (RepairSender::new(), RepairReceiver::new());
    let mut out = Vec::new();
    let mut now = Time::ZERO;
    // Two seconds before anybody listens, and then a step of thousands.
    for seq in (0..200).chain(9000..9100) {
        now += Duration::from_millis(10);
        sender.sent(packet(seq, 500), FrameClass::default(), now);
        if seq >= 190 {
            receiver.received(packet(seq, 500), now);
        }
        if receiver.poll_feedback(now, &mut out) {
            sender.feedback(&out, now).unwrap();
        }
        assert!(sender.poll(now, &mut out).is_none(), "repair at {seq}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_back_is_what_was_sent(
        sizes in prop::collection::vec(0usize..1400, 1..60),
        lost in prop::collection::vec(any::<bool>(), 60),
        first in 0u64..1 << 46,
    ) {
        let packets: Vec<_> = sizes.iter().enumerate().map(|(i, s)| packet(first + i as u64, *s)).collect();
        let last = packets.len() - 1;
        // One comes, or the receiver would know of nothing.
        let lost = |seq: u64| lost[(seq - first) as usize] && seq != first + last as u64;
        let expected: Vec<_> = packets.iter().filter(|p| lost(p.seq)).cloned().collect();
        prop_assert_eq!(bring_back(&packets, lost), expected);
    }

    #[test]
    fn any_bytes_are_taken_without_harm(
        pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..40),
    ) {
        let (mut sender, mut receiver) = (RepairSender::new(), RepairReceiver::new());
        let mut out = Vec::new();
        for (i, (mask, mut bytes)) in pieces.into_iter().enumerate() {
            let now = Time::from_millis(i as u64 * 7);
            sender.sent(packet(i as u64, 300), FrameClass::default(), now);
            if let (true, Some(lead)) = (mask, bytes.first_mut()) {
                *lead = 0x10 | *lead & 15; // the right version: gets further
            }
            let _ = sender.feedback(&bytes, now);
            let _ = receiver.repair(&bytes, now);
            receiver.received(packet(i as u64 * 3, 300), now);
            let _ = sender.poll(now, &mut out);
            while receiver.poll_recovered().is_some() {}
            if receiver.poll_feedback(now, &mut out) {
                prop_assert!(out.len() <= 600);
                prop_assert!(sender.feedback(&out, now).is_ok());
            }
        }
    }
}

#[test]
fn while_no_video_goes_others_say_what_the_path_loses() {
    let mut sender = RepairSender::new();
    let mut ms = 0;
    let mut told = |sender: &mut RepairSender, loss: f32, until: u64| {
        while ms < until {
            ms += 50;
            sender.path_loss(loss, Time::from_millis(ms));
        }
        sender.media_share()
    };
    sender.sent(packet(1, 300), FrameClass::default(), Time::ZERO);
    let share = told(&mut sender, 0.8, 950);
    assert_eq!(share, 1.0, "the video itself tells more");
    let share = told(&mut sender, 0.8, 6000);
    assert!((0.1..0.2).contains(&share), "{share}");
    assert_eq!(sender.media_payload(), 450);
    let share = told(&mut sender, 0.0, 12_000);
    assert!(share > 0.95, "{share}");
    assert_eq!(sender.media_payload(), 1180);
}
