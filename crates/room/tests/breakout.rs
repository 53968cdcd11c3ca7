//! Breakout rooms: who is where, who hears, sees and reads whom, and that everybody comes back as they were.

mod common;

use common::{HOUR, Rig};
use confab_protocol::*;
use confab_room::{Input, MediaCommand, MediaEvent, Room};

const MIC: Source = Source::Microphone;

fn id(n: u32) -> ParticipantId {
    ParticipantId(n)
}

fn plan(rooms: usize, choose: bool) -> Request {
    Request::HostBreakout {
        rooms: (1..=rooms).map(|n| format!("Room {n}")).collect(),
        choose,
    }
}

fn assign(places: &[(u32, Option<u32>)]) -> Request {
    let place = |(who, room): &(u32, Option<u32>)| Assignment {
        participant: id(*who),
        room: *room,
    };
    Request::HostBreakoutAssign {
        places: places.iter().map(place).collect(),
    }
}

fn open(minutes: Option<u32>) -> Request {
    Request::HostBreakoutOpen { minutes }
}

fn close(seconds: u32) -> Request {
    Request::HostBreakoutClose { seconds }
}

fn go(room: Option<u32>) -> Request {
    Request::BreakoutGo { room }
}

fn say(text: &str, to: Option<Audience>) -> Request {
    Request::Chat {
        text: text.into(),
        client_id: text.into(),
        to,
        files: Vec::new(),
    }
}

/// A host (1) in the main room, 2 and 3 in the first breakout room, 4 in the second, by the same numbers of connections.
fn split() -> Rig {
    let mut rig = Rig::new();
    for conn in 1..=4 {
        rig.join(conn, conn == 1);
    }
    rig.ask(1, plan(2, false));
    rig.ask(1, assign(&[(2, Some(1)), (3, Some(1)), (4, Some(2))]));
    rig.ask(1, open(None));
    rig.outputs.clear();
    rig
}

/// Where everybody is, in order of ids.
fn rooms(rig: &Rig) -> Vec<Option<u32>> {
    let people = rig.room.snapshot().participants;
    people.iter().map(|p| p.room).collect()
}

fn asides(rig: &mut Rig, conn: u64) -> Vec<String> {
    let texts = |m| match m {
        ServerMessage::Asides { messages } => messages.into_iter().map(|m| m.text).collect(),
        _ => Vec::new(),
    };
    rig.heard(conn).into_iter().flat_map(texts).collect()
}

fn view(tracks: &[TrackId]) -> Request {
    let slot = |(i, track): (usize, &TrackId)| Slot {
        mid: i.to_string(),
        track: Some(*track),
        max_height: 360,
    };
    Request::View {
        slots: tracks.iter().enumerate().map(slot).collect(),
        max_bitrate: None,
    }
}

/// What the forwarding unit was last told to send to each, in order of ids.
fn shown(rig: &mut Rig, who: u32) -> Option<Vec<TrackId>> {
    let last = rig.commands().into_iter().rev().find_map(|c| match c {
        MediaCommand::View {
            participant, slots, ..
        } if participant == id(who) => Some(slots),
        _ => None,
    });
    last.map(|slots| slots.into_iter().filter_map(|s| s.track).collect())
}

#[test]
fn opening_moves_those_who_are_assigned_and_closing_brings_them_back_as_they_were() {
    let mut rig = Rig::new();
    for conn in 1..=4 {
        rig.join(conn, conn == 1);
    }
    rig.ask(3, Request::Hand { raised: true });
    let before = rig.room.snapshot().participants;
    rig.ask(1, plan(2, false));
    rig.ask(1, assign(&[(2, Some(1)), (3, Some(2)), (9, Some(2))]));
    assert_eq!(
        rooms(&rig),
        [None; 4],
        "nobody moves before they are opened"
    );
    rig.ask(1, open(None));
    assert_eq!(rooms(&rig), [None, Some(1), Some(2), None]);
    rig.outputs.clear();
    rig.ask(1, close(0));
    assert_eq!(rooms(&rig), [None; 4]);
    let after = rig.room.snapshot();
    let identity = |p: &Participant| (p.id, p.name.clone(), p.role, p.hand, p.muted.clone());
    assert_eq!(
        after.participants.iter().map(identity).collect::<Vec<_>>(),
        before.iter().map(identity).collect::<Vec<_>>()
    );
    let assigned = after.participants.iter().map(|p| p.assigned);
    assert_eq!(
        assigned.collect::<Vec<_>>(),
        [None, Some(1), Some(2), None],
        "they may be opened again"
    );
    let breakout = after.tools.breakout.expect("the plan stays");
    assert_eq!((breakout.opened_at, breakout.ends_at), (None, None));
}

#[test]
fn nobody_is_sent_a_track_of_another_room() {
    let mut rig = Rig::new();
    for conn in 1..=4 {
        rig.join(conn, conn == 1);
    }
    let tracks: Vec<_> = (1..=4)
        .map(|conn| rig.publish(conn, 1, &[MIC])[0])
        .collect();
    for conn in 1..=4 {
        rig.ask(conn, view(&tracks));
    }
    rig.ask(1, plan(2, false));
    rig.ask(1, assign(&[(2, Some(1)), (3, Some(1)), (4, Some(2))]));
    rig.outputs.clear();
    rig.ask(1, open(None));
    let outputs = rig.outputs.clone();
    let mut seen = |who: u32| {
        rig.outputs.clone_from(&outputs);
        shown(&mut rig, who).expect("a new view without asking for one")
    };
    assert_eq!(seen(1), [tracks[0]]);
    assert_eq!(seen(2), [tracks[1], tracks[2]]);
    assert_eq!(seen(3), [tracks[1], tracks[2]]);
    assert_eq!(seen(4), [tracks[3]]);
    rig.outputs = outputs;
    let groups = rig.commands().into_iter().filter_map(|c| match c {
        MediaCommand::Group { participant, group } => Some((participant.0, group)),
        _ => None,
    });
    assert_eq!(groups.collect::<Vec<_>>(), [(2, 1), (3, 1), (4, 2)]);
    // Asking does not help.
    rig.ask(4, view(&tracks));
    assert_eq!(shown(&mut rig, 4), Some(vec![tracks[3]]));
    // One is moved to the other: both see it at once.
    rig.ask(1, assign(&[(4, Some(1))]));
    let outputs = rig.outputs.clone();
    assert_eq!(shown(&mut rig, 4), Some(tracks[1..].to_vec()));
    rig.outputs = outputs;
    assert_eq!(shown(&mut rig, 2), Some(tracks[1..].to_vec()));
    rig.ask(1, close(0));
    let outputs = rig.outputs.clone();
    for who in 1..=4 {
        rig.outputs.clone_from(&outputs);
        assert_eq!(shown(&mut rig, who), Some(tracks.clone()), "all are back");
    }
}

#[test]
fn words_stay_in_their_room() {
    let mut rig = split();
    rig.ask(2, say("one", None));
    let outputs = rig.outputs.clone();
    let mut reads = |conn| {
        rig.outputs.clone_from(&outputs);
        let events = rig.events(conn);
        assert!(events.is_empty(), "no number tells others of it");
        rig.outputs.clone_from(&outputs);
        asides(&mut rig, conn)
    };
    assert_eq!(
        (reads(2), reads(3)),
        (vec!["one".into()], vec!["one".into()])
    );
    assert!(reads(1).is_empty() && reads(4).is_empty());
    rig.ask(1, say("main", None));
    assert_eq!(asides(&mut rig, 1), ["main"]);
    rig.ask(1, say("main again", Some(Audience::Room { room: 0 })));
    assert!(asides(&mut rig, 2).is_empty());
    assert!(rig.room.snapshot().chat.is_empty());
    // Late words do not reach others than they were meant for.
    rig.ask(1, close(0));
    rig.ask(2, say("late", Some(Audience::Room { room: 1 })));
    assert_eq!(rig.error(2), Some(Code::NotFound));
    rig.ask(2, say("back", Some(Audience::Room { room: 0 })));
    assert_eq!(rig.room.snapshot().chat[0].to, None, "it is for all again");
}

#[test]
fn a_host_speaks_to_all_rooms_and_nobody_else_does() {
    let mut rig = split();
    rig.ask(2, say("me too", Some(Audience::Everyone)));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(1, say("five minutes", Some(Audience::Everyone)));
    for conn in 1..=4 {
        let outputs = rig.outputs.clone();
        let events = rig.events(conn);
        assert!(
            matches!(&events[..], [Event::Chat { message }] if message.to == Some(Audience::Everyone))
        );
        rig.outputs = outputs;
    }
}

#[test]
fn private_words_cross_rooms_only_from_or_to_hosts() {
    let mut rig = split();
    let to = |n: u32| Some(Audience::Person { participant: id(n) });
    rig.ask(2, say("a", to(4)));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(2, say("b", to(3)));
    assert_eq!(asides(&mut rig, 3), ["b"]);
    rig.ask(2, say("c", to(1)));
    assert_eq!(asides(&mut rig, 1), ["c"]);
    rig.ask(1, say("d", to(4)));
    assert_eq!(asides(&mut rig, 4), ["d"]);
    rig.ask(4, say("e", Some(Audience::Hosts)));
    assert_eq!(asides(&mut rig, 1), ["e"]);
    rig.ask(4, say("f", to(77)));
    assert_eq!(rig.error(4), Some(Code::NotFound));
}

#[test]
fn who_comes_back_finds_the_words_of_rooms_it_was_in_alone() {
    let mut rig = split();
    rig.ask(2, say("before", None));
    rig.ask(1, assign(&[(4, Some(1))]));
    rig.ask(2, say("after", None));
    let Rig { room, store, .. } = &rig;
    let seq = room.snapshot().seq;
    assert_eq!(store.chat.len(), 2);
    let token = "t4";
    rig.feed(Input::Closed {
        conn: confab_room::ConnId(4),
    });
    rig.outputs.clear();
    rig.resume(14, 4, token, seq);
    assert_eq!(asides(&mut rig, 14), ["after"]);
}

#[test]
fn reactions_and_speakers_are_those_of_the_own_room() {
    let mut rig = split();
    rig.ask(
        2,
        Request::Reaction {
            reaction: Reaction::Clap,
        },
    );
    let outputs = rig.outputs.clone();
    let reacted = ServerMessage::Reacted {
        participant: id(2),
        reaction: Reaction::Clap,
    };
    assert_eq!(rig.heard(3), [reacted]);
    rig.outputs = outputs;
    assert!(rig.heard(4).is_empty());
    rig.feed(Input::Media(MediaEvent::Speakers(vec![
        id(1),
        id(3),
        id(4),
    ])));
    let outputs = rig.outputs.clone();
    let mut speak = |conn| {
        rig.outputs.clone_from(&outputs);
        rig.heard(conn).into_iter().find_map(|m| match m {
            ServerMessage::Speakers { participants } => Some(participants),
            _ => None,
        })
    };
    assert_eq!(speak(1), Some(vec![id(1)]));
    assert_eq!(speak(2), Some(vec![id(3)]));
    assert_eq!(speak(4), Some(vec![id(4)]));
    // Only one room hears of a change in it.
    rig.outputs.clear();
    rig.feed(Input::Media(MediaEvent::Speakers(vec![id(1), id(4)])));
    let outputs = rig.outputs.clone();
    let none = ServerMessage::Speakers {
        participants: Vec::new(),
    };
    assert_eq!(rig.heard(2), [none]);
    rig.outputs = outputs;
    assert!(rig.heard(1).is_empty());
    // Who comes hears who speaks there.
    rig.ask(1, assign(&[(2, Some(2))]));
    let four = ServerMessage::Speakers {
        participants: vec![id(4)],
    };
    assert!(rig.heard(2).contains(&four));
}

#[test]
fn the_timer_brings_everybody_back_and_a_countdown_makes_it_sooner() {
    let mut rig = split();
    rig.ask(1, open(Some(10)));
    let ends = |rig: &Rig| rig.room.snapshot().tools.breakout.unwrap().ends_at;
    let due = HOUR + rig.now.as_millis() + 600_000;
    assert_eq!(ends(&rig), Some(due));
    for conn in 1..=4 {
        rig.ask(conn, Request::Ping);
    }
    rig.ask(1, close(60));
    let sooner = HOUR + rig.now.as_millis() + 60_000;
    assert_eq!(ends(&rig), Some(sooner));
    rig.ask(1, close(120));
    assert_eq!(ends(&rig), Some(sooner), "it never gets later by closing");
    let keep = |rig: &mut Rig| (1..=4).for_each(|conn| rig.ask(conn, Request::Ping));
    for _ in 0..29 {
        rig.wait_ms(2000);
        keep(&mut rig);
    }
    assert_eq!(rooms(&rig), [None, Some(1), Some(1), Some(2)]);
    let wakes = rig.room.next_wakeup().expect("it wakes by itself");
    assert!(wakes.as_millis() <= rig.now.as_millis() + 2000);
    rig.wait_ms(2000);
    assert_eq!(rooms(&rig), [None; 4]);
}

#[test]
fn hosts_say_who_is_where_and_people_come_back_when_they_like() {
    let mut rig = split();
    for request in [plan(3, true), assign(&[(2, None)]), open(None), close(0)] {
        rig.ask(2, request);
        assert_eq!(rig.error(2), Some(Code::NotAllowed));
    }
    rig.ask(2, Request::HostBreakoutSpread { anew: true });
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(2, go(Some(2)));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(2, go(None));
    assert_eq!(rooms(&rig), [None, None, Some(1), Some(2)]);
    rig.ask(2, go(Some(1)));
    assert_eq!(rooms(&rig)[1], Some(1), "its own room is open to it");
    rig.ask(1, go(Some(2)));
    rig.ask(1, go(Some(1)));
    let host = rig.room.snapshot().participants[0].clone();
    assert_eq!((host.room, host.assigned), (Some(1), None), "a visit");
    for request in [go(Some(3)), assign(&[(2, Some(3))])] {
        rig.ask(1, request);
        assert_eq!(rig.error(1), Some(Code::BadValue));
    }
    rig.ask(1, plan(1, false));
    assert_eq!(
        rig.error(1),
        Some(Code::BadValue),
        "people are in the other"
    );
    rig.ask(1, plan(3, true));
    rig.ask(2, go(Some(3)));
    let guest = rig.room.snapshot().participants[1].clone();
    assert_eq!((guest.room, guest.assigned), (Some(3), Some(3)), "a choice");
}

#[test]
fn a_choice_before_they_open_is_an_assignment() {
    let mut rig = Rig::new();
    rig.join(1, true);
    rig.join(2, false);
    rig.ask(2, go(Some(1)));
    assert_eq!(rig.error(2), Some(Code::BadValue), "there are no rooms");
    rig.ask(1, open(None));
    assert_eq!(rig.error(1), Some(Code::BadValue));
    rig.ask(1, plan(2, false));
    rig.ask(2, go(Some(2)));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(1, plan(2, true));
    rig.ask(2, go(Some(2)));
    let guest = rig.room.snapshot().participants[1].clone();
    assert_eq!((guest.room, guest.assigned), (None, Some(2)));
    // Fewer rooms: whose room is gone is assigned to none.
    rig.ask(1, plan(1, true));
    assert_eq!(rig.room.snapshot().participants[1].assigned, None);
    rig.ask(1, plan(0, false));
    assert_eq!(rig.room.snapshot().tools.breakout, None);
}

#[test]
fn people_are_spread_evenly() {
    let mut rig = Rig::new();
    for conn in 1..=5 {
        rig.join(conn, conn == 1);
    }
    let assigned = |rig: &Rig| {
        let people = rig.room.snapshot().participants;
        people.iter().map(|p| p.assigned).collect::<Vec<_>>()
    };
    rig.ask(1, plan(2, false));
    rig.ask(1, assign(&[(5, Some(1))]));
    rig.ask(1, Request::HostBreakoutSpread { anew: false });
    assert_eq!(
        assigned(&rig),
        [None, Some(2), Some(1), Some(2), Some(1)],
        "hosts are not sent away"
    );
    rig.ask(1, Request::HostBreakoutSpread { anew: true });
    assert_eq!(assigned(&rig), [None, Some(1), Some(2), Some(1), Some(2)]);
}

#[test]
fn help_is_asked_for_from_a_room_and_ends_with_leaving_it() {
    let mut rig = split();
    let help = |asked| Request::BreakoutHelp { asked };
    rig.ask(1, help(true));
    assert_eq!(rig.error(1), Some(Code::BadValue), "it is in no room");
    rig.ask(2, help(true));
    assert!(rig.room.snapshot().participants[1].help.is_some());
    rig.outputs.clear();
    rig.ask(2, help(true));
    assert!(rig.events(1).is_empty(), "once is enough");
    rig.ask(2, help(false));
    assert_eq!(rig.room.snapshot().participants[1].help, None);
    rig.ask(2, help(true));
    rig.ask(2, go(None));
    assert_eq!(rig.room.snapshot().participants[1].help, None);
}

#[test]
fn a_restart_changes_nothing_and_the_timer_runs_on() {
    let mut rig = split();
    rig.ask(1, open(Some(1)));
    rig.ask(3, Request::BreakoutHelp { asked: true });
    let before = rig.room.snapshot();
    let (store, now) = (rig.store.clone(), rig.now);
    rig.room = Room::restore(common::config(), store, now);
    rig.outputs.clear();
    rig.feed(Input::Timeout);
    let groups = rig
        .commands()
        .into_iter()
        .filter(|c| matches!(c, MediaCommand::Group { .. }));
    assert_eq!(groups.count(), 3, "the forwarding unit learns it anew");
    let after = rig.room.snapshot();
    assert_eq!(after.tools, before.tools);
    let place = |p: &Participant| (p.id, p.room, p.assigned, p.help);
    assert_eq!(
        after.participants.iter().map(place).collect::<Vec<_>>(),
        before.participants.iter().map(place).collect::<Vec<_>>()
    );
    rig.resume(11, 1, "t1", 0);
    for _ in 0..31 {
        rig.wait_ms(2000);
        rig.ask(11, Request::Ping);
    }
    assert!(rooms(&rig).iter().all(Option::is_none));
}

#[test]
fn the_rooms_are_over_when_nobody_is_left() {
    let mut rig = split();
    for conn in 1..=4 {
        rig.ask(conn, Request::Leave);
    }
    let breakout = rig.room.snapshot().tools.breakout.expect("the plan stays");
    assert_eq!(breakout.opened_at, None);
    rig.join(9, false);
    assert_eq!(rooms(&rig), [None]);
}

#[test]
fn late_comers_are_in_the_main_room() {
    let mut rig = split();
    rig.join(5, false);
    assert_eq!(rooms(&rig)[4], None);
    rig.ask(1, assign(&[(5, Some(2))]));
    assert_eq!(rooms(&rig)[4], Some(2));
}

#[test]
fn the_floor_is_the_main_rooms_and_muting_all_the_own_ones() {
    let mut rig = split();
    let unmute = Request::Mute {
        source: MIC,
        muted: false,
    };
    rig.ask(2, unmute.clone());
    rig.ask(4, unmute.clone());
    rig.ask(1, Request::HostFloor { on: true });
    let muted = |rig: &Rig, n: usize| rig.room.snapshot().participants[n - 1].muted.contains(&MIC);
    assert!(!muted(&rig, 2), "no floor is held in a breakout room");
    rig.ask(2, Request::FloorGrab);
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(1, go(Some(1)));
    rig.ask(1, Request::HostMuteAll);
    assert!(muted(&rig, 2) && !muted(&rig, 4));
    rig.ask(1, close(0));
    assert!(muted(&rig, 4), "back where one at a time speaks");
    rig.ask(4, unmute);
    assert_eq!(rig.error(4), Some(Code::NotAllowed));
}

#[test]
fn two_devices_of_one_place_in_two_rooms_are_both_live() {
    let mut rig = split();
    let pairs = vec![(id(2), id(3)), (id(3), id(4))];
    rig.feed(Input::Media(MediaEvent::SameRoom(pairs)));
    let live = |rig: &Rig| {
        let people = rig.room.snapshot().participants;
        people.iter().map(|p| p.same_room).collect::<Vec<_>>()
    };
    assert_eq!(live(&rig), [None, None, Some(id(2)), None]);
    rig.ask(1, assign(&[(3, Some(2))]));
    assert_eq!(live(&rig), [None, None, None, Some(id(3))]);
}
