//! What those may see and do who look after the server and are in no meeting.

mod common;

use common::{Rig, hello};
use confab_base::AccountId;
use confab_protocol::*;
use confab_room::{Deed, Input, MediaCommand};

/// A host (1), a guest (2), and Ada with an account (3), who waits in the lobby.
fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.join(1, true);
    rig.join(2, false);
    let policy = Policy {
        lobby: LobbyPolicy::Everyone,
        ..Policy::default()
    };
    rig.ask(1, Request::HostPolicy { policy });
    rig.account = Some(AccountId::from_random(7));
    rig.connect(3, hello("Ada"));
    rig.outputs.clear();
    rig
}

#[test]
fn all_who_are_in_or_wait_are_seen() {
    let rig = rig();
    let seen = rig.room.overview();
    assert!(seen.since.is_some() && !seen.locked);
    let people: Vec<_> = seen
        .people
        .iter()
        .map(|p| (p.id.0, p.name.as_str(), p.role, p.member, p.waiting))
        .collect();
    let expected = [
        (1, "P1", Role::Host, false, false),
        (2, "P2", Role::Guest, false, false),
        (3, "Ada", Role::Participant, true, true),
    ];
    assert_eq!(people, expected);
}

#[test]
fn also_the_host_is_sent_out_and_cannot_come_back() {
    let mut rig = Rig::new();
    let token = rig.join(1, true);
    rig.join(2, false);
    rig.outputs.clear();
    rig.feed(Input::Deed(Deed::Remove(ParticipantId(1))));
    let left = Event::ParticipantLeft {
        participant: ParticipantId(1),
        reason: LeaveReason::Removed,
    };
    let outputs = std::mem::take(&mut rig.outputs);
    rig.outputs.clone_from(&outputs);
    assert_eq!(rig.dismissed(1), Some(Code::Removed));
    rig.outputs = outputs;
    assert!(rig.events(2).contains(&left));
    assert_eq!(rig.room.seats(), 1);
    rig.resume(3, 1, &token, 0);
    assert_eq!(rig.dismissed(3), Some(Code::Removed));
}

#[test]
fn who_waits_is_sent_away() {
    let mut rig = rig();
    rig.feed(Input::Deed(Deed::Remove(ParticipantId(3))));
    assert_eq!(rig.dismissed(3), Some(Code::Denied));
    assert_eq!(rig.room.waiting(), 0);
}

#[test]
fn nobody_is_hurt_where_nobody_is_meant() {
    let mut rig = rig();
    rig.feed(Input::Deed(Deed::Remove(ParticipantId(99))));
    assert!(rig.outputs.is_empty());
    assert_eq!((rig.room.seats(), rig.room.waiting()), (2, 1));
}

#[test]
fn the_server_ends_a_meeting_for_all_once() {
    let mut rig = rig();
    rig.feed(Input::Deed(Deed::End));
    let outputs = rig.outputs.clone();
    for conn in 1..=3 {
        rig.outputs.clone_from(&outputs);
        assert_eq!(rig.dismissed(conn), Some(Code::MeetingEnded), "{conn}");
    }
    rig.outputs.clone_from(&outputs);
    let by = ParticipantId(0);
    assert!(rig.events(2).contains(&Event::Ended { by }));
    rig.outputs = outputs;
    assert!(rig.commands().contains(&MediaCommand::Close));
    assert!(rig.room.is_ended() && rig.store.meeting.ended);
    rig.feed(Input::Deed(Deed::End));
    assert!(rig.outputs.is_empty());
}
