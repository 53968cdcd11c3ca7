//! What hosts lead a meeting by: roles, rules, the floor, questions and polls; and who may see what.

mod common;

use common::Rig;
use confab_base::{AccountId, ParticipantId};
use confab_protocol::*;
use confab_room::{BoardSeat, Input, MediaEvent, Room};

const MIC: Source = Source::Microphone;

fn p(n: u32) -> ParticipantId {
    ParticipantId(n)
}

/// A host and three guests on connections 1 to 4.
fn four() -> Rig {
    let mut rig = Rig::new();
    for conn in 1..=4 {
        rig.join(conn, conn == 1);
    }
    rig.outputs.clear();
    rig
}

fn role(rig: &Rig, who: u32) -> Role {
    let people = rig.room.snapshot().participants;
    people.iter().find(|q| q.id == p(who)).unwrap().role
}

fn is_muted(rig: &Rig, who: u32) -> bool {
    let people = rig.room.snapshot().participants;
    let person = people.iter().find(|q| q.id == p(who)).unwrap();
    person.muted.contains(&MIC)
}

fn mute(muted: bool) -> Request {
    Request::Mute { source: MIC, muted }
}

fn make(who: u32, role: Role) -> Request {
    Request::HostRole {
        participant: p(who),
        role,
    }
}

fn allow(share: bool, chat: bool, unmute: bool, reactions: bool) -> Request {
    let permissions = Permissions {
        share,
        chat,
        unmute,
        reactions,
        draw: true,
    };
    let policy = Policy {
        permissions,
        ..Policy::default()
    };
    Request::HostPolicy { policy }
}

fn say(text: &str, to: Option<Audience>) -> Request {
    Request::Chat {
        text: text.into(),
        client_id: text.into(),
        to,
        files: Vec::new(),
    }
}

/// Texts of the asides that each of these connections was told.
fn asides(rig: &mut Rig, conns: &[u64]) -> Vec<Vec<String>> {
    let outputs = std::mem::take(&mut rig.outputs);
    let told = |conn: &u64| {
        rig.outputs = outputs.clone();
        let texts = rig.heard(*conn).into_iter().filter_map(|m| match m {
            ServerMessage::Asides { messages } => Some(messages),
            _ => None,
        });
        texts.flatten().map(|m| m.text).collect()
    };
    conns.iter().map(told).collect()
}

#[test]
fn a_co_host_does_what_a_host_does_but_for_hosts_and_the_end() {
    let mut rig = four();
    rig.ask(2, Request::HostLock { locked: true });
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(1, make(2, Role::CoHost));
    assert_eq!(role(&rig, 2), Role::CoHost);
    rig.ask(2, Request::HostLock { locked: true });
    assert!(rig.room.is_locked());
    rig.outputs.clear();
    for request in [
        Request::HostEnd,
        make(3, Role::CoHost),
        Request::HostRemove { participant: p(1) },
    ] {
        rig.ask(2, request);
        assert_eq!(rig.error(2), Some(Code::NotAllowed));
    }
    rig.ask(1, make(2, Role::Participant));
    assert_eq!(role(&rig, 2), Role::Guest, "it has no account");
    rig.ask(2, Request::HostLock { locked: false });
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(1, make(1, Role::Participant));
    assert_eq!(rig.error(1), Some(Code::BadValue), "not oneself");
    rig.ask(1, make(9, Role::CoHost));
    assert_eq!(rig.error(1), Some(Code::NotFound));
}

#[test]
fn an_account_falls_back_to_participant() {
    let mut rig = Rig::new();
    rig.join(1, true);
    rig.account = Some(AccountId::from_random(3));
    rig.join(2, false);
    rig.ask(1, make(2, Role::Host));
    assert_eq!(role(&rig, 2), Role::Host);
    rig.ask(2, make(1, Role::CoHost));
    rig.ask(2, make(1, Role::Participant));
    assert_eq!((role(&rig, 1), role(&rig, 2)), (Role::Guest, Role::Host));
    // Roles are stored.
    let restored = Room::restore(common::config(), rig.store.clone(), rig.now);
    assert_eq!(restored.snapshot().participants[1].role, Role::Host);
}

#[test]
fn nobody_is_unmuted_by_another_but_asked() {
    let mut rig = four();
    rig.ask(1, allow(true, true, false, true));
    rig.ask(2, mute(false));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    let asked = Request::HostAskUnmute {
        participant: p(2),
        source: MIC,
    };
    rig.ask(1, asked.clone());
    let events = rig.events(2);
    assert_eq!(
        events,
        [Event::UnmuteAsked {
            participant: p(2),
            source: MIC,
            by: p(1)
        }]
    );
    assert!(is_muted(&rig, 2), "asked is not done");
    rig.ask(2, mute(false));
    assert!(!is_muted(&rig, 2));
    rig.outputs.clear();
    rig.ask(1, asked);
    assert_eq!(rig.events(2), [], "it is not muted");
    // Once: after that the rule holds again.
    rig.ask(2, mute(true));
    rig.ask(2, mute(false));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    // A host is not bound by it.
    rig.ask(1, mute(false));
    assert!(!is_muted(&rig, 1));
}

#[test]
fn shares_are_stopped_and_come_muted_while_they_are_not_allowed() {
    let mut rig = four();
    rig.publish(2, 1, &[MIC, Source::Screen]);
    rig.outputs.clear();
    rig.ask(1, allow(false, true, true, true));
    let stopped = |by| Event::MuteChanged {
        participant: p(2),
        source: Source::Screen,
        muted: true,
        by: p(by),
    };
    assert!(rig.events(3).contains(&stopped(1)));
    let unmute = Request::Mute {
        source: Source::Screen,
        muted: false,
    };
    rig.ask(2, unmute.clone());
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(
        2,
        Request::Unpublish {
            source: Source::Screen,
        },
    );
    rig.outputs.clear();
    // Anew: its packets are dropped from the first.
    rig.ask(2, common::offer(1, &[MIC, Source::Screen]));
    let lines = rig.commands().into_iter().find_map(|c| match c {
        confab_room::MediaCommand::Offer { publish, .. } => Some(publish),
        _ => None,
    });
    let lines = lines.unwrap();
    assert!(
        lines
            .iter()
            .all(|l| l.muted == l.publish.source.is_shared() || l.publish.source == MIC)
    );
    rig.ask(2, unmute);
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    // Hosts share as before.
    rig.publish(1, 1, &[Source::Screen]);
    let host = &rig.room.snapshot().participants[0];
    assert!(!host.muted.contains(&Source::Screen));
}

#[test]
fn a_closed_chat_still_reaches_hosts_and_reactions_can_be_off() {
    let mut rig = four();
    rig.ask(1, allow(true, false, true, false));
    for to in [None, Some(Audience::Person { participant: p(3) })] {
        rig.ask(2, say("hello", to));
        assert_eq!(rig.error(2), Some(Code::NotAllowed));
    }
    let reaction = Reaction::Clap;
    rig.ask(2, Request::Reaction { reaction });
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(2, say("help", Some(Audience::Hosts)));
    let host = Audience::Person { participant: p(1) };
    rig.ask(2, say("you", Some(host)));
    assert_eq!(
        asides(&mut rig, &[1, 2, 3]),
        [vec!["help", "you"], vec!["help", "you"], vec![]]
    );
    rig.ask(1, say("all", None));
    assert_eq!(rig.room.snapshot().chat.len(), 1);
}

#[test]
fn what_is_said_aside_reaches_those_it_is_for_and_nobody_else() {
    let mut rig = four();
    let seq = rig.room.snapshot().seq;
    let to = Some(Audience::Person { participant: p(3) });
    rig.ask(2, say("psst", to));
    rig.ask(2, say("psst", to));
    assert_eq!(
        asides(&mut rig, &[1, 2, 3, 4]),
        [vec![], vec!["psst"], vec!["psst"], vec![]],
        "once, however often it is sent"
    );
    assert_eq!(rig.room.snapshot().seq, seq, "there is no event to miss");
    rig.ask(4, say("to the hosts", Some(Audience::Hosts)));
    rig.ask(1, make(2, Role::CoHost));
    assert_eq!(
        asides(&mut rig, &[1, 2, 3]),
        [vec!["to the hosts"], vec!["psst", "to the hosts"], vec![]]
    );
    let nobody = Some(Audience::Person { participant: p(9) });
    rig.ask(2, say("?", nobody));
    assert_eq!(rig.error(2), Some(Code::NotFound));
}

#[test]
fn asides_come_back_after_a_restart_to_those_they_are_for() {
    let mut rig = Rig::new();
    let tokens: Vec<_> = (1..=3).map(|conn| rig.join(conn, conn == 1)).collect();
    let to = Some(Audience::Person { participant: p(3) });
    rig.ask(2, say("psst", to));
    rig.room = Room::restore(common::config(), rig.store.clone(), rig.now);
    rig.outputs.clear();
    for (i, token) in tokens.iter().enumerate() {
        rig.resume(11 + i as u64, 1 + i as u32, token, 0);
    }
    assert_eq!(
        asides(&mut rig, &[11, 12, 13]),
        [vec![], vec!["psst"], vec!["psst"]]
    );
    assert_eq!(rig.room.snapshot().chat, []);
}

#[test]
fn no_two_hands_go_up_at_the_same_time_and_all_go_down_at_once() {
    let mut rig = four();
    for conn in [3, 2, 4] {
        rig.ask(conn, Request::Hand { raised: true });
    }
    let people = rig.room.snapshot().participants;
    let mut hands: Vec<_> = people
        .iter()
        .filter_map(|q| Some((q.hand?, q.id.0)))
        .collect();
    hands.sort_unstable();
    assert_eq!(hands.iter().map(|h| h.1).collect::<Vec<_>>(), [3, 2, 4]);
    assert!(hands.windows(2).all(|w| w[0].0 < w[1].0));
    rig.ask(2, Request::HostLowerHands);
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(1, Request::HostLowerHands);
    let people = rig.room.snapshot().participants;
    assert!(people.iter().all(|q| q.hand.is_none()));
}

#[test]
fn a_host_renames_others() {
    let mut rig = four();
    let rename = |who| Request::HostRename {
        participant: p(who),
        name: "Bob".into(),
    };
    rig.ask(2, rename(3));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(1, rename(3));
    assert_eq!(rig.room.snapshot().participants[2].name, "Bob");
    rig.ask(1, rename(9));
    assert_eq!(rig.error(1), Some(Code::NotFound));
}

fn floor(rig: &Rig) -> Option<(Option<u32>, Vec<u32>)> {
    let floor = rig.room.snapshot().tools.floor?;
    let queue = floor.queue.iter().map(|q| q.0).collect();
    Some((floor.holder.map(|h| h.0), queue))
}

#[test]
fn one_at_a_time_has_the_floor_and_the_others_queue() {
    let mut rig = four();
    rig.ask(2, Request::FloorGrab);
    assert_eq!(rig.error(2), Some(Code::BadValue), "it is not controlled");
    rig.ask(2, mute(false));
    rig.ask(1, Request::HostFloor { on: true });
    assert!(is_muted(&rig, 2), "silence to begin with");
    // Within the same millisecond: as the room hears them.
    for conn in [3, 2, 4] {
        rig.ask(conn, Request::FloorGrab);
    }
    assert_eq!(floor(&rig), Some((Some(3), vec![2, 4])));
    rig.outputs.clear();
    rig.ask(2, mute(false));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(3, mute(false));
    assert!(!is_muted(&rig, 3));
    rig.ask(3, Request::FloorRelease);
    assert_eq!(floor(&rig), Some((Some(2), vec![4])));
    assert!(is_muted(&rig, 3), "who has not the floor is silent");
    rig.ask(4, Request::FloorRelease);
    assert_eq!(floor(&rig), Some((Some(2), vec![])));
    rig.ask(2, mute(false));
    let pass = |who: Option<u32>| Request::HostFloorPass {
        participant: who.map(p),
    };
    rig.ask(1, pass(Some(4)));
    assert_eq!(floor(&rig), Some((Some(4), vec![])));
    assert!(is_muted(&rig, 2));
    rig.ask(1, mute(false));
    rig.ask(1, pass(None));
    assert_eq!(floor(&rig), Some((None, vec![])));
    assert!(!is_muted(&rig, 1), "hosts speak when they like");
    rig.ask(1, Request::HostFloor { on: false });
    rig.ask(4, mute(false));
    assert!(!is_muted(&rig, 4));
    assert_eq!(floor(&rig), None);
}

#[test]
fn who_leaves_lets_go_of_the_floor() {
    let mut rig = four();
    rig.ask(1, Request::HostFloor { on: true });
    for conn in [2, 3, 4] {
        rig.ask(conn, Request::FloorGrab);
    }
    rig.ask(3, Request::Leave);
    assert_eq!(floor(&rig), Some((Some(2), vec![4])));
    rig.ask(1, Request::HostRemove { participant: p(2) });
    assert_eq!(floor(&rig), Some((Some(4), vec![])));
    // And it is kept over a restart.
    let restored = Room::restore(common::config(), rig.store.clone(), rig.now);
    assert_eq!(
        restored.snapshot().tools.floor,
        rig.room.snapshot().tools.floor
    );
}

fn ask(text: &str) -> Request {
    Request::QuestionAsk {
        text: text.into(),
        client_id: text.into(),
    }
}

#[test]
fn questions_are_asked_wanted_answered_and_dismissed() {
    let mut rig = four();
    rig.ask(2, ask("When?"));
    rig.ask(2, ask("When?"));
    rig.ask(3, ask("Where?"));
    let vote = |up| Request::QuestionVote { question: 1, up };
    rig.outputs.clear();
    rig.ask(2, vote(true));
    assert_eq!(rig.error(2), Some(Code::BadValue), "its own");
    for conn in [4, 3, 4] {
        rig.ask(conn, vote(true));
    }
    let questions = rig.room.snapshot().tools.questions;
    assert_eq!(questions.len(), 2, "the repeated one is one");
    assert_eq!(questions[0].votes, [p(3), p(4)]);
    rig.ask(3, vote(false));
    let answer = |text: Option<&str>| Request::HostQuestionAnswer {
        question: 1,
        text: text.map(str::to_owned),
    };
    rig.outputs.clear();
    rig.ask(3, answer(None));
    assert_eq!(rig.error(3), Some(Code::NotAllowed));
    rig.ask(1, answer(Some("Now")));
    let question = &rig.room.snapshot().tools.questions[0];
    assert_eq!(question.votes, [p(4)]);
    assert_eq!(
        question.answer,
        Some(Answered {
            by: p(1),
            text: Some("Now".into())
        })
    );
    rig.ask(1, Request::HostQuestionDismiss { question: 1 });
    assert_eq!(rig.room.snapshot().tools.questions.len(), 1);
    rig.outputs.clear();
    rig.ask(4, vote(true));
    assert_eq!(rig.error(4), Some(Code::NotFound));
}

#[test]
fn there_is_an_end_to_questions() {
    let mut rig = four();
    for i in 0..MAX_QUESTIONS {
        rig.now += confab_base::Duration::from_millis(60);
        rig.ask(2, ask(&format!("{i}?")));
    }
    rig.outputs.clear();
    rig.ask(2, ask("one more?"));
    assert_eq!(rig.error(2), Some(Code::TooLarge));
}

fn poll(multiple: bool, anonymous: bool, live: bool, correct: &[u8]) -> Request {
    let poll = NewPoll {
        question: "Tea?".into(),
        options: vec!["Yes".into(), "No".into(), "Milk".into()],
        multiple,
        anonymous,
        live,
        correct: correct.to_vec(),
    };
    Request::HostPollOpen { poll }
}

fn vote(choices: &[u8]) -> Request {
    Request::PollVote {
        poll: 1,
        choices: choices.to_vec(),
    }
}

#[test]
fn a_live_poll_shows_counts_and_at_the_end_names() {
    let mut rig = four();
    rig.ask(2, poll(false, false, true, &[]));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(1, poll(false, false, true, &[]));
    rig.ask(3, vote(&[0]));
    rig.ask(2, vote(&[1]));
    rig.ask(2, vote(&[0]));
    let open = rig.room.snapshot().tools.polls[0].clone();
    assert_eq!((open.voters, &open.results[..]), (2, &[2, 0, 0][..]));
    assert_eq!(open.votes, [], "names come at the end");
    for bad in [&[0, 1][..], &[3]] {
        rig.outputs.clear();
        rig.ask(4, vote(bad));
        assert_eq!(rig.error(4), Some(Code::BadValue));
    }
    rig.ask(3, vote(&[]));
    rig.ask(1, Request::HostPollClose { poll: 1 });
    let closed = rig.room.snapshot().tools.polls[0].clone();
    assert_eq!(closed.results, [1, 0, 0]);
    assert_eq!(closed.votes.len(), 1);
    assert_eq!(closed.votes[0].participant, p(2));
    rig.outputs.clear();
    rig.ask(4, vote(&[0]));
    assert_eq!(rig.error(4), Some(Code::BadValue), "too late");
}

#[test]
fn a_hidden_poll_tells_no_result_and_an_anonymous_one_never_who() {
    let mut rig = four();
    rig.ask(1, poll(true, true, false, &[]));
    rig.outputs.clear();
    rig.ask(2, vote(&[0, 2]));
    let outputs = rig.outputs.clone();
    let own = rig.heard(2).into_iter().find_map(|m| match m {
        ServerMessage::OwnVotes { votes } => Some(votes),
        _ => None,
    });
    let choices = vec![0, 2];
    assert_eq!(own, Some(vec![OwnVote { poll: 1, choices }]));
    rig.outputs = outputs;
    let told = rig.events(1);
    let [Event::PollChanged { poll }] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((poll.voters, poll.results.len()), (1, 0), "a host neither");
    rig.ask(1, Request::HostPollClose { poll: 1 });
    let poll = rig.room.snapshot().tools.polls[0].clone();
    assert_eq!((poll.results, poll.votes), (vec![1, 0, 1], vec![]));
}

#[test]
fn a_quiz_tells_the_right_answer_at_the_end() {
    let mut rig = four();
    rig.ask(1, poll(false, true, true, &[1]));
    let open = rig.room.snapshot().tools.polls[0].clone();
    assert!(open.quiz && open.correct.is_empty());
    rig.ask(1, Request::HostPollClose { poll: 1 });
    assert_eq!(rig.room.snapshot().tools.polls[0].correct, [1]);
}

#[test]
fn own_votes_come_back_and_polls_have_an_end() {
    let mut rig = Rig::new();
    rig.join(1, true);
    let token = rig.join(2, false);
    rig.ask(1, poll(false, true, false, &[]));
    rig.ask(2, vote(&[2]));
    rig.room = Room::restore(common::config(), rig.store.clone(), rig.now);
    rig.outputs.clear();
    rig.resume(12, 2, &token, 0);
    let told = rig.heard(12);
    assert!(
        told.iter()
            .any(|m| matches!(m, ServerMessage::OwnVotes { votes } if votes[0].choices == [2]))
    );
    rig.join(3, true);
    for _ in 1..MAX_POLLS {
        rig.ask(3, poll(false, true, false, &[]));
    }
    rig.outputs.clear();
    rig.ask(3, poll(false, true, false, &[]));
    assert_eq!(rig.error(3), Some(Code::TooLarge));
    rig.ask(3, Request::HostPollRemove { poll: 1 });
    rig.ask(3, poll(false, true, false, &[]));
    let last = rig.room.snapshot().tools.polls.last().unwrap().id;
    assert_eq!(last, MAX_POLLS as u32 + 1, "ids are not used again");
}

#[test]
fn an_agenda_has_an_item_under_way_and_seats_an_order() {
    let mut rig = four();
    let item = |title: &str| AgendaItem {
        title: title.into(),
        minutes: 5,
    };
    let items = vec![item("News"), item("Work")];
    rig.ask(1, Request::HostAgenda { items });
    rig.ask(1, Request::HostAgendaGo { item: Some(1) });
    let agenda = rig.room.snapshot().tools.agenda.unwrap();
    assert_eq!(agenda.current, Some(1));
    assert_eq!(agenda.since, common::HOUR + rig.now.as_millis());
    rig.outputs.clear();
    rig.ask(1, Request::HostAgendaGo { item: Some(2) });
    assert_eq!(rig.error(1), Some(Code::BadValue));
    rig.ask(1, Request::HostAgenda { items: vec![] });
    assert_eq!(rig.room.snapshot().tools.agenda, None);
    let participants = vec![p(3), p(9), p(1)];
    rig.ask(1, Request::HostSeatOrder { participants });
    assert_eq!(rig.room.snapshot().tools.seat_order, [p(3), p(1)]);
}

#[test]
fn speaking_is_timed() {
    let mut rig = four();
    rig.feed(Input::Media(MediaEvent::Speakers(vec![p(2)])));
    for _ in 0..14 {
        for conn in 1..=4 {
            rig.ask(conn, Request::Ping);
        }
        rig.wait_ms(1000);
    }
    rig.feed(Input::Media(MediaEvent::Speakers(vec![])));
    let times = |rig: &mut Rig| -> Vec<(u32, u32)> {
        let told = rig.heard(4).into_iter().filter_map(|m| match m {
            ServerMessage::SpeakingTimes { times } => Some(times),
            _ => None,
        });
        told.flatten()
            .map(|t| (t.participant.0, t.seconds))
            .collect()
    };
    assert_eq!(times(&mut rig), [(2, 10)]);
    for conn in 1..=4 {
        rig.ask(conn, Request::Ping);
    }
    rig.outputs.clear();
    for _ in 0..7 {
        for conn in 1..=4 {
            rig.ask(conn, Request::Ping);
        }
        rig.wait_ms(1000);
    }
    assert_eq!(times(&mut rig), [(2, 14)]);
}

#[test]
fn the_whiteboard_is_told_who_may_draw_by_which_token_and_where() {
    let mut rig = four();
    let seats = rig.room.board_seats();
    assert_eq!(seats.len(), 4);
    assert!(seats.iter().all(|seat| seat.may_draw));
    let leads: Vec<bool> = seats.iter().map(|seat| seat.leads).collect();
    assert_eq!(leads, [true, false, false, false]);
    assert_eq!(seats[1].token, common::digest("t2"));

    let permissions = Permissions {
        draw: false,
        ..Permissions::default()
    };
    let policy = Policy {
        permissions,
        ..Policy::default()
    };
    rig.ask(2, Request::HostPolicy { policy });
    assert_eq!(rig.error(2), Some(Code::NotAllowed), "hosts alone");
    rig.ask(1, Request::HostPolicy { policy });
    let may: Vec<bool> = rig.room.board_seats().iter().map(|s| s.may_draw).collect();
    assert_eq!(may, [true, false, false, false]);
    rig.ask(1, make(2, Role::CoHost));
    assert!(rig.room.board_seats()[1].may_draw);
}

#[test]
fn a_shared_screen_is_told_to_those_who_can_see_it_for_as_long_as_it_is_shared() {
    let mut rig = four();
    assert!(rig.room.board_seats().iter().all(|s| s.screen.is_none()));
    let screen = rig.publish(2, 1, &[MIC, Source::Screen])[1];
    let mut seats = rig.room.board_seats();
    assert_eq!(seats[1].screen, Some(screen));
    let presenter = |seats: &[BoardSeat], who: usize, screen| {
        let found = seats[who].presenter(seats, screen);
        found.map(|seat| seat.participant)
    };
    assert_eq!(presenter(&seats, 0, screen), Some(p(2)));
    assert_eq!(presenter(&seats, 1, screen), Some(p(2)));
    assert_eq!(presenter(&seats, 0, TrackId(screen.0 + 1)), None);
    seats[3].room = Some(1);
    assert_eq!(presenter(&seats, 3, screen), None, "from another room");

    let unpublish = Request::Unpublish {
        source: Source::Screen,
    };
    rig.ask(2, unpublish);
    assert_eq!(rig.room.board_seats()[1].screen, None);
    let again = rig.publish(2, 2, &[MIC, Source::Screen])[1];
    assert_ne!(again, screen, "another share is another board");
}

#[test]
fn rules_said_before_there_was_drawing_let_everybody_draw() {
    let said = r#"{"share":true,"chat":true,"unmute":true,"reactions":true}"#;
    let permissions: Permissions = serde_json::from_str(said).unwrap();
    assert!(permissions.draw);
}
