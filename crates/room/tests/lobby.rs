//! The lobby's rules: who waits and for whom, in which order, what the waiting are told, and how many wrong secrets are heard.

mod common;

use common::{Rig, digest, hello};
use confab_base::{AccountId, ParticipantId, Time};
use confab_protocol::*;
use confab_room::{Output, Room, StoreCommand};

const WAIT: Policy = Policy {
    lobby: LobbyPolicy::Guests,
    absent_host: AbsentHost::Wait,
    permissions: Permissions {
        share: true,
        chat: true,
        unmute: true,
        reactions: true,
        draw: true,
    },
};

fn policy(lobby: LobbyPolicy, absent_host: AbsentHost) -> Policy {
    Policy {
        lobby,
        absent_host,
        ..WAIT
    }
}

fn account(n: u128) -> Option<AccountId> {
    Some(AccountId::from_random(n))
}

/// What a connection was told about its waiting: its place at first, and then.
fn places(messages: &[ServerMessage]) -> Vec<(u32, WaitReason)> {
    let place = |m: &ServerMessage| match m {
        ServerMessage::Waiting(w) => Some((w.place.position, w.place.reason)),
        ServerMessage::Place(p) => Some((p.position, p.reason)),
        _ => None,
    };
    messages.iter().filter_map(place).collect()
}

/// Ids and names of the last list a host was told.
fn list(messages: &[ServerMessage]) -> Option<Vec<(u32, String)>> {
    let list = |m: &ServerMessage| match m {
        ServerMessage::Lobby { waiting } => {
            Some(waiting.iter().map(|w| (w.id.0, w.name.clone())).collect())
        }
        _ => None,
    };
    messages.iter().filter_map(list).next_back()
}

fn is_welcome(messages: &[ServerMessage]) -> bool {
    let welcome = |m: &ServerMessage| matches!(m, ServerMessage::Welcome(_));
    messages.iter().any(welcome)
}

#[test]
fn a_late_host_is_waited_for_and_then_admits() {
    let mut rig = Rig::with(WAIT);
    rig.join(1, false);
    assert_eq!(places(&rig.heard(1)), [(1, WaitReason::Host)]);
    rig.join(2, false);
    assert_eq!(places(&rig.heard(2)), [(2, WaitReason::Host)]);
    assert_eq!(rig.room.seats(), 0);
    rig.join(3, true);
    let outputs = rig.outputs.clone();
    let told = rig.heard(3);
    assert!(is_welcome(&told));
    assert_eq!(list(&told), Some(vec![(1, "P1".into()), (2, "P2".into())]));
    rig.outputs = outputs;
    assert_eq!(places(&rig.heard(2)), [(2, WaitReason::Admission)]);
    let participant = ParticipantId(1);
    rig.ask(3, Request::HostAdmit { participant });
    let outputs = rig.outputs.clone();
    assert!(is_welcome(&rig.heard(1)));
    rig.outputs = outputs;
    assert_eq!(places(&rig.heard(2)), [(1, WaitReason::Admission)]);
    assert_eq!(rig.room.seats(), 2);
    assert_eq!(rig.room.waiting(), 1);
}

#[test]
fn the_waiting_are_told_nothing_of_the_room() {
    let mut rig = Rig::with(policy(LobbyPolicy::Everyone, AbsentHost::Anyone));
    rig.join(1, true);
    rig.join(2, false);
    rig.outputs.clear();
    rig.publish(1, 1, &[Source::Microphone]);
    for request in [
        Request::Chat {
            text: "secret".into(),
            client_id: "c".into(),
            to: None,
            files: Vec::new(),
        },
        Request::Rename {
            name: "Other".into(),
        },
        Request::HostLock { locked: true },
        Request::HostFloor { on: true },
    ] {
        rig.ask(1, request);
    }
    rig.feed(confab_room::Input::Media(
        confab_room::MediaEvent::Speakers(vec![ParticipantId(1)]),
    ));
    rig.wait_ms(1500);
    assert_eq!(rig.heard(2), []);
    // And they can do nothing in it.
    for request in [
        Request::Hand { raised: true },
        Request::Resync { last_seq: 0 },
        Request::HostAdmitAll,
        common::offer(1, &[Source::Microphone]),
    ] {
        rig.ask(2, request);
        assert_eq!(rig.error(2), Some(Code::NotAllowed));
    }
    rig.ask(2, Request::Ping);
    assert!(matches!(
        rig.heard(2)[..],
        [ServerMessage::Reply {
            body: ReplyBody::Pong { .. },
            ..
        }]
    ));
    assert_eq!(rig.room.snapshot().participants.len(), 1);
}

#[test]
fn the_waiting_cannot_read_names_in_what_greets_them() {
    let mut rig = Rig::with(policy(LobbyPolicy::Everyone, AbsentHost::Anyone));
    rig.connect(
        1,
        Hello {
            host_key: Some("key".into()),
            ..hello("Zebedee")
        },
    );
    rig.connect(2, hello("Xanthippe"));
    rig.connect(3, hello("Ada"));
    let text = serde_json::to_string(&rig.heard(3)).unwrap();
    assert!(text.contains("waiting"));
    assert!(!text.contains("Zebedee") && !text.contains("Xanthippe"));
}

#[test]
fn the_order_is_kept_over_cuts_and_restarts() {
    let mut rig = Rig::with(WAIT);
    let token = rig.join(1, false);
    rig.join(2, false);
    rig.feed(confab_room::Input::Closed {
        conn: confab_room::ConnId(1),
    });
    rig.wait_ms(1000);
    rig.outputs.clear();
    let token = {
        rig.ask(2, Request::Ping);
        rig.resume(11, 1, &token, 0)
    };
    assert_eq!(places(&rig.heard(11)), [(1, WaitReason::Host)]);
    let config = confab_room::RoomConfig {
        policy: WAIT,
        ..common::config()
    };
    rig.room = Room::restore(config, rig.store.clone(), rig.now);
    rig.join(3, true);
    assert_eq!(
        list(&rig.heard(3)),
        Some(vec![(1, "P1".into()), (2, "P2".into())])
    );
    rig.resume(21, 1, &token, 0);
    assert_eq!(places(&rig.heard(21)), [(1, WaitReason::Admission)]);
}

#[test]
fn who_was_admitted_while_away_comes_back_into_the_room() {
    let mut rig = Rig::with(WAIT);
    let token = rig.join(1, false);
    rig.join(2, true);
    rig.feed(confab_room::Input::Closed {
        conn: confab_room::ConnId(1),
    });
    rig.ask(2, Request::HostAdmitAll);
    rig.outputs.clear();
    rig.resume(11, 1, &token, 0);
    let welcome = rig.welcome(11).unwrap();
    assert_eq!(welcome.you, ParticipantId(1));
    assert!(welcome.token.is_some());
}

#[test]
fn a_place_is_given_up_after_a_minute_or_by_leaving() {
    let mut rig = Rig::with(WAIT);
    rig.join(1, false);
    rig.join(2, false);
    rig.ask(2, Request::Leave);
    assert!(rig.outputs.iter().any(|o| matches!(
        o,
        Output::Store(StoreCommand::DeleteParticipant(ParticipantId(2)))
    )));
    assert_eq!(rig.room.waiting(), 1);
    rig.wait_ms(3001);
    assert_eq!(rig.room.waiting(), 1, "silent, and waited for");
    rig.wait_ms(60_000);
    assert_eq!(rig.room.waiting(), 0);
    assert_eq!(rig.room.next_wakeup(), None);
}

#[test]
fn who_is_turned_away_waits_again_whatever_the_policy() {
    let mut rig = Rig::with(policy(LobbyPolicy::Guests, AbsentHost::Anyone));
    rig.join(1, true);
    rig.join(2, false);
    rig.outputs.clear();
    let participant = ParticipantId(2);
    rig.ask(1, Request::HostDeny { participant });
    assert_eq!(rig.dismissed(2), Some(Code::Denied));
    rig.ask(
        1,
        Request::HostPolicy {
            policy: Policy::default(),
        },
    );
    // Somebody else comes straight in; the same name does not, however it is written.
    rig.join(3, false);
    assert!(rig.welcome(3).is_some());
    rig.connect(4, hello("p2"));
    let outputs = rig.outputs.clone();
    assert_eq!(places(&rig.heard(4)), [(1, WaitReason::Admission)]);
    rig.outputs = outputs;
    let told = rig.heard(1);
    assert!(told.iter().any(
        |m| matches!(m, ServerMessage::Lobby { waiting } if waiting.len() == 1 && waiting[0].turned_away)
    ));
}

#[test]
fn a_removed_person_does_not_come_back() {
    let mut rig = Rig::new();
    rig.join(1, true);
    let token = rig.join(2, false);
    rig.account = account(5);
    rig.join(3, false);
    for participant in [2, 3].map(ParticipantId) {
        rig.ask(1, Request::HostRemove { participant });
    }
    rig.outputs.clear();
    // By the seat, by the name, by the account.
    rig.resume(11, 2, &token, 0);
    assert_eq!(rig.dismissed(11), Some(Code::Removed));
    rig.connect(12, hello(" P2"));
    assert_eq!(places(&rig.heard(12)), [(1, WaitReason::Admission)]);
    rig.account = account(5);
    rig.connect(13, hello("Somebody new"));
    assert_eq!(rig.dismissed(13), Some(Code::Removed));
    assert_eq!(rig.room.seats(), 1);
}

#[test]
fn accounts_need_not_wait_where_guests_do() {
    let mut rig = Rig::with(policy(LobbyPolicy::Guests, AbsentHost::Wait));
    rig.join(1, true);
    rig.account = account(7);
    rig.join(2, false);
    assert!(rig.welcome(2).is_some());
    assert_eq!(rig.room.snapshot().participants[1].role, Role::Participant);
    let policy = policy(LobbyPolicy::Everyone, AbsentHost::Wait);
    rig.ask(1, Request::HostPolicy { policy });
    rig.account = account(8);
    rig.join(3, false);
    assert_eq!(places(&rig.heard(3)), [(1, WaitReason::Admission)]);
}

#[test]
fn a_loosened_rule_lets_the_waiting_in_at_once() {
    let mut rig = Rig::with(policy(LobbyPolicy::Everyone, AbsentHost::Wait));
    rig.join(1, true);
    rig.join(2, false);
    rig.join(3, false);
    let policy = Policy::default();
    rig.ask(1, Request::HostPolicy { policy });
    let outputs = rig.outputs.clone();
    assert!(is_welcome(&rig.heard(2)));
    rig.outputs = outputs;
    assert_eq!(list(&rig.heard(1)), Some(vec![]));
    assert_eq!(rig.room.seats(), 3);
}

#[test]
fn the_first_who_comes_opens_and_admits() {
    let mut rig = Rig::with(policy(LobbyPolicy::Everyone, AbsentHost::FirstOpens));
    rig.join(1, false);
    assert!(rig.welcome(1).is_some());
    assert_eq!(rig.room.snapshot().participants[0].role, Role::CoHost);
    rig.join(2, false);
    assert_eq!(places(&rig.heard(2)), [(1, WaitReason::Admission)]);
    rig.ask(1, Request::HostAdmitAll);
    assert_eq!(rig.room.snapshot().participants[1].role, Role::Guest);
}

#[test]
fn all_get_in_without_a_host_where_the_rule_says_so() {
    let mut rig = Rig::with(policy(LobbyPolicy::Everyone, AbsentHost::Anyone));
    rig.join(1, false);
    rig.join(2, false);
    assert_eq!(rig.room.seats(), 2);
    rig.join(3, true);
    rig.join(4, false);
    assert_eq!((rig.room.seats(), rig.room.waiting()), (3, 1));
}

#[test]
fn a_full_meeting_admits_nobody_and_a_seat_that_is_free_is_for_the_next() {
    let mut rig = Rig::with(policy(LobbyPolicy::Everyone, AbsentHost::Wait));
    rig.join(1, true);
    for conn in 2..=6 {
        rig.join(conn, false);
    }
    rig.ask(1, Request::HostAdmitAll);
    assert_eq!(rig.error(1), Some(Code::MeetingFull));
    assert_eq!((rig.room.seats(), rig.room.waiting()), (5, 1));
}

#[test]
fn a_waiting_person_with_the_host_key_is_in_within_its_hello() {
    let mut rig = Rig::with(WAIT);
    let token = rig.join(1, false);
    let mut hello = hello("");
    hello.host_key = Some("key".into());
    hello.resume = Some(Resume {
        participant: ParticipantId(1),
        token,
        last_seq: 0,
    });
    rig.connect(2, hello);
    assert_eq!(rig.welcome(2).map(|w| w.you), Some(ParticipantId(1)));
    assert_eq!(rig.room.snapshot().participants[0].role, Role::Host);
}

#[test]
fn the_end_is_the_end_for_the_waiting_too() {
    let mut rig = Rig::with(policy(LobbyPolicy::Everyone, AbsentHost::Anyone));
    rig.join(1, true);
    rig.join(2, false);
    rig.outputs.clear();
    rig.ask(1, Request::HostEnd);
    assert_eq!(rig.dismissed(2), Some(Code::MeetingEnded));
    assert_eq!(rig.store.participants, []);
}

#[test]
fn ten_wrong_keys_cost_a_delay_and_only_there() {
    let mut rig = Rig::new();
    let wrong = |rig: &mut Rig, conn| {
        let mut hello = hello("Eve");
        hello.host_key = Some("wrong".into());
        rig.outputs.clear();
        rig.connect(conn, hello);
        rig.dismissed(conn)
    };
    for conn in 1..=10 {
        assert_eq!(wrong(&mut rig, conn), Some(Code::BadSecret));
    }
    rig.outputs.clear();
    rig.join(11, true);
    assert_eq!(rig.dismissed(11), Some(Code::TooManyTries), "a right one");
    rig.peer = 2;
    rig.join(12, true);
    assert!(rig.welcome(12).is_some(), "from elsewhere");
    rig.peer = 1;
    rig.now += confab_base::Duration::from_secs(1);
    rig.join(13, true);
    assert!(rig.welcome(13).is_some(), "a second later");
    assert_eq!(wrong(&mut rig, 14), Some(Code::BadSecret));
    assert_eq!(wrong(&mut rig, 15), Some(Code::TooManyTries));
}

#[test]
fn a_passcode_is_asked_of_those_without_a_key_or_a_seat() {
    let mut rig = Rig::new();
    rig.has_passcode = true;
    let try_it = |rig: &mut Rig, conn, passcode: Option<&str>| {
        let mut hello = hello("Ada");
        hello.passcode = passcode.map(str::to_owned);
        rig.outputs.clear();
        let token = rig.connect(conn, hello);
        (rig.dismissed(conn), token)
    };
    let needed = Some(Code::PasscodeNeeded);
    for conn in 1..=20 {
        assert_eq!(try_it(&mut rig, conn, None).0, needed, "asked, not tried");
    }
    for conn in 21..=30 {
        assert_eq!(try_it(&mut rig, conn, Some("x")).0, needed);
    }
    let late = try_it(&mut rig, 31, Some("open"));
    assert_eq!(late.0, Some(Code::TooManyTries));
    rig.now += confab_base::Duration::from_secs(2);
    let (refused, token) = try_it(&mut rig, 32, Some("open"));
    assert_eq!(refused, None);
    assert_eq!(rig.room.seats(), 1);
    rig.join(33, true);
    rig.resume(34, 1, &token, 0);
    assert!(rig.welcome(34).is_some());
}

#[test]
fn tokens_of_the_lobby_are_no_secrets_to_the_store() {
    let mut rig = Rig::with(WAIT);
    let token = rig.join(1, false);
    let row = &rig.store.participants[0];
    assert!(row.waiting && row.token == digest(&token));
    assert_eq!(rig.now, Time::from_millis(1));
}

#[test]
fn whom_the_plan_names_comes_in_as_co_host_and_opens_the_meeting() {
    let mut rig = Rig::with(Policy {
        lobby: LobbyPolicy::Everyone,
        absent_host: AbsentHost::Wait,
        ..Policy::default()
    });
    rig.join(1, false);
    assert_eq!(rig.room.waiting(), 1);
    rig.account = Some(confab_base::AccountId::from_random(7));
    rig.co_host = true;
    rig.connect(2, hello("Ada"));
    assert!(rig.welcome(2).is_some(), "no waiting");
    let role = |rig: &Rig, name: &str| {
        let all = rig.room.snapshot().participants;
        all.iter().find(|p| p.name == name).map(|p| p.role)
    };
    assert_eq!(role(&rig, "Ada"), Some(Role::CoHost));
    rig.ask(2, Request::HostAdmitAll);
    assert_eq!(role(&rig, "P1"), Some(Role::Guest));
    rig.ask(2, Request::HostEnd);
    assert_eq!(rig.error(2), Some(Code::NotAllowed), "no host");
}

#[test]
fn a_locked_meeting_keeps_co_hosts_out_too() {
    let mut rig = Rig::new();
    rig.join(1, true);
    rig.ask(1, Request::HostLock { locked: true });
    rig.outputs.clear();
    rig.co_host = true;
    rig.join(2, false);
    assert_eq!(rig.dismissed(2), Some(Code::MeetingLocked));
}
