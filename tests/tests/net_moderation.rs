//! What a host may do is done by the server, whatever the other client does.
#![allow(
    clippy::print_stdout,
    clippy::type_complexity,
    reason = "a report test prints what it measured"
)]

mod net_common;

use confab_base::{Code, Source};
use confab_client::{Action, Event, Phase};
use net_common::*;
use std::time::Duration;

const ANA: f32 = 440.0;
const BEN: f32 = 1000.0;

/// Waits for the end and gives its code.
fn ended(person: &Person) -> Option<Code> {
    let mut code = None;
    wait(PATIENCE, &format!("{} is out", person.name), || {
        for event in person.handle.events.try_iter() {
            if let Event::Ended(c) = event {
                code = Some(c);
            }
        }
        code.is_some()
    });
    code.flatten()
}

#[test]
fn a_muted_client_that_goes_on_sending_is_not_heard() {
    let house = House::open();
    let ana = Coming::with_tone("ana", ANA, 1).join(&house.host());
    let ben = Coming::with_tone("ben", BEN, 2);
    ben.test.set_send_while_muted(true);
    let ben = ben.join(&house.guest());
    ana.wait_joined();
    let participant = ben.wait_joined();
    wait(PATIENCE, "ana hears ben", || ana.hears(BEN));

    let source = Source::Microphone;
    ana.handle.act(Action::HostMute {
        participant,
        source,
    });
    wait(PATIENCE, "ben is muted", || {
        ben.handle.state().own.muted.contains(&source)
    });
    // What was on its way may still be played.
    std::thread::sleep(Duration::from_millis(700));
    let sent = sent_packets(&ben);
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(100));
        assert!(!ana.hears(BEN), "ana hears muted ben");
    }
    let more = sent_packets(&ben) - sent;
    assert!(more >= 50, "ben went on sending: {more} packets");
    assert!(ana.sees(2), "the camera is not muted");

    ben.handle.act(Action::Mute {
        source,
        muted: false,
    });
    wait(PATIENCE, "ana hears ben again", || ana.hears(BEN));
}

/// Voice packets sent so far, by the newest statistics.
fn sent_packets(person: &Person) -> u64 {
    let mut packets = None;
    wait(PATIENCE, "statistics", || {
        for event in person.handle.events.try_iter() {
            if let Event::Stats(lines) = event {
                let own = |l: &&confab_client::StatsLine| {
                    l.direction == "send" && l.source == "microphone"
                };
                packets = lines.iter().find(own).map(|l| l.packets).or(packets);
            }
        }
        packets.is_some()
    });
    packets.unwrap()
}

#[test]
fn removed_locked_and_ended_mean_it() {
    let house = House::open();
    let ana = Coming::with_tone("ana", ANA, 1).join(&house.host());
    ana.wait_joined();
    let ben = Coming::with_tone("ben", BEN, 2).join(&house.guest());
    let participant = ben.wait_joined();
    let cleo = Coming::with_tone("cleo", 2000.0, 3).join(&house.guest());
    cleo.wait_joined();

    ana.handle.act(Action::HostRemove { participant });
    assert_eq!(ended(&ben), Some(Code::Removed));
    wait(PATIENCE, "ben is gone for the others", || {
        let room = cleo.handle.state().room.unwrap();
        room.participants.iter().all(|p| p.id != participant)
    });

    ana.handle.act(Action::HostLock { locked: true });
    wait(PATIENCE, "the meeting is locked", || {
        cleo.handle.state().room.unwrap().meeting.locked
    });
    let dan = Coming::with_tone("dan", 3000.0, 4).join(&house.guest());
    assert_eq!(ended(&dan), Some(Code::MeetingLocked));
    assert_eq!(cleo.handle.state().phase, Phase::Joined);

    // A guest may not end it.
    cleo.handle.act(Action::HostEnd);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(ana.handle.state().phase, Phase::Joined);
    ana.handle.act(Action::HostEnd);
    assert_eq!(ended(&cleo), Some(Code::MeetingEnded));
    assert_eq!(ended(&ana), Some(Code::MeetingEnded));
}
