//! Who is live where several devices are in one room.

mod common;

use common::Rig;
use confab_base::{ParticipantId, Source};
use confab_protocol::*;
use confab_room::*;

const ONE: ParticipantId = ParticipantId(1);
const TWO: ParticipantId = ParticipantId(2);
const THREE: ParticipantId = ParticipantId(3);

/// Three participants, all unmuted; the first is a host. With their tokens.
fn three() -> (Rig, Vec<String>) {
    let mut rig = Rig::new();
    let tokens = (1..=3).map(|conn| rig.join(conn, conn == 1)).collect();
    for conn in 1..=3 {
        mute(&mut rig, conn, false);
    }
    (rig, tokens)
}

fn mute(rig: &mut Rig, conn: u64, muted: bool) {
    let source = Source::Microphone;
    rig.ask(conn, Request::Mute { source, muted });
}

fn choose(rig: &mut Rig, conn: u64, choice: SameRoomChoice) -> Option<Code> {
    rig.heard(conn);
    rig.ask(conn, Request::SameRoom { choice });
    let heard = rig.heard(conn);
    heard.into_iter().find_map(|message| match message {
        ServerMessage::Error { code, .. } => Some(code),
        _ => None,
    })
}

fn found(rig: &mut Rig, pairs: &[(ParticipantId, ParticipantId)]) {
    rig.feed(Input::Media(MediaEvent::SameRoom(pairs.to_vec())));
}

/// Who is silent for whom.
fn held(rig: &Rig) -> Vec<(ParticipantId, ParticipantId)> {
    let people = rig.room.snapshot().participants;
    let held = people.iter().filter_map(|p| Some((p.id, p.same_room?)));
    held.collect()
}

#[test]
fn the_one_who_came_first_stays_live_and_everyone_is_told() {
    let (mut rig, _) = three();
    rig.heard(3);
    found(&mut rig, &[(ONE, TWO)]);
    assert_eq!(held(&rig), [(TWO, ONE)]);
    let told = rig.heard(3);
    let [ServerMessage::Event(entry)] = &told[..] else {
        panic!("one event, not {told:?}");
    };
    let live = Some(ONE);
    let expected = Event::SameRoomChanged {
        participant: TWO,
        live,
    };
    assert_eq!(entry.event, expected);
    found(&mut rig, &[(ONE, TWO)]);
    assert!(rig.heard(3).is_empty(), "nothing new");
    found(&mut rig, &[]);
    assert_eq!(held(&rig), []);
}

#[test]
fn pairs_that_hang_together_are_one_room() {
    let (mut rig, _) = three();
    found(&mut rig, &[(TWO, THREE)]);
    assert_eq!(held(&rig), [(THREE, TWO)]);
    found(&mut rig, &[(ONE, THREE), (TWO, THREE)]);
    assert_eq!(
        held(&rig),
        [(ONE, TWO), (THREE, TWO)],
        "who was live stays live"
    );
}

#[test]
fn who_asks_for_it_is_live() {
    let (mut rig, _) = three();
    found(&mut rig, &[(ONE, TWO), (ONE, THREE)]);
    assert_eq!(choose(&mut rig, 3, SameRoomChoice::UseMine), None);
    assert_eq!(held(&rig), [(ONE, THREE), (TWO, THREE)]);
    assert_eq!(choose(&mut rig, 3, SameRoomChoice::UseMine), None);
    assert_eq!(held(&rig), [(ONE, THREE), (TWO, THREE)]);
}

#[test]
fn who_is_elsewhere_is_left_out_for_good_over_a_restart_too() {
    let (mut rig, tokens) = three();
    found(&mut rig, &[(ONE, TWO), (ONE, THREE)]);
    assert_eq!(choose(&mut rig, 2, SameRoomChoice::Apart), None);
    assert_eq!(held(&rig), [(THREE, ONE)]);
    assert_eq!(choose(&mut rig, 2, SameRoomChoice::Apart), None, "again");
    let store = rig.store.clone();
    rig.room = Room::restore(common::config(), store, rig.now);
    rig.resume(9, 2, &tokens[1], 0);
    found(&mut rig, &[(ONE, TWO)]);
    assert_eq!(held(&rig), []);
}

#[test]
fn without_a_room_there_is_nothing_to_choose() {
    let (mut rig, _) = three();
    for choice in [SameRoomChoice::UseMine, SameRoomChoice::Apart] {
        assert_eq!(choose(&mut rig, 2, choice), Some(Code::BadValue));
    }
    found(&mut rig, &[(ONE, TWO)]);
    assert_eq!(
        choose(&mut rig, 3, SameRoomChoice::UseMine),
        Some(Code::BadValue)
    );
    assert_eq!(held(&rig), [(TWO, ONE)]);
}

#[test]
fn who_unmutes_is_live_and_who_mutes_leaves_it_to_the_next() {
    let (mut rig, _) = three();
    found(&mut rig, &[(ONE, TWO), (ONE, THREE)]);
    mute(&mut rig, 2, true);
    assert_eq!(held(&rig), [(TWO, ONE), (THREE, ONE)]);
    mute(&mut rig, 1, true);
    assert_eq!(held(&rig), [(ONE, THREE), (TWO, THREE)]);
    mute(&mut rig, 3, true);
    assert_eq!(
        held(&rig),
        [(ONE, THREE), (TWO, THREE)],
        "nobody is left to speak"
    );
    mute(&mut rig, 2, false);
    assert_eq!(held(&rig), [(ONE, TWO), (THREE, TWO)]);
}

#[test]
fn when_the_live_one_leaves_the_next_is_live_and_the_rest_stay_silent() {
    let (mut rig, _) = three();
    found(&mut rig, &[(ONE, TWO), (ONE, THREE)]);
    rig.heard(3);
    rig.ask(1, Request::Leave);
    assert_eq!(held(&rig), [(THREE, TWO)]);
    let events: Vec<Event> = rig
        .heard(3)
        .into_iter()
        .filter_map(|message| match message {
            ServerMessage::Event(entry) => Some(entry.event),
            _ => None,
        })
        .collect();
    let changed = |participant, live| Event::SameRoomChanged { participant, live };
    let left = Event::ParticipantLeft {
        participant: ONE,
        reason: LeaveReason::Left,
    };
    let expected = [changed(THREE, Some(TWO)), changed(TWO, None), left];
    assert_eq!(events, expected);
    rig.ask(2, Request::Leave);
    assert_eq!(held(&rig), []);
}

#[test]
fn a_late_comer_finds_it_in_its_snapshot() {
    let (mut rig, _) = three();
    found(&mut rig, &[(ONE, TWO)]);
    rig.join(4, false);
    let heard = rig.heard(4);
    let Some(ServerMessage::Welcome(welcome)) = heard.first() else {
        panic!("{heard:?}");
    };
    let CatchUp::Snapshot { snapshot } = &welcome.catch_up else {
        panic!("a new one gets a snapshot");
    };
    assert_eq!(snapshot.participants[1].same_room, Some(ONE));
}
