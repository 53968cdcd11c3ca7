//! Meetings over real WebSockets: joining, chat, moderation, coming back, restarts.

mod common;

use common::{Invitation, Person, Server, hello, told};
use confab_protocol::{
    CatchUp, Code, Event, Hello, LeaveReason, Presence, ReplyBody, Request, Role, ServerMessage,
    Source,
};

#[tokio::test]
async fn two_people_join_and_see_each_other() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let joined = ada.socket.event(
        |e| matches!(e, Event::ParticipantJoined { participant } if participant.id == bob.id),
    );
    assert!(
        matches!(joined.await, Event::ParticipantJoined { participant } if participant.name == "Bob")
    );
    let seen: Vec<_> = told(&bob.welcome)
        .participants
        .iter()
        .map(|p| (p.name.as_str(), p.role))
        .collect();
    assert_eq!(seen, [("Ada", Role::Host), ("Bob", Role::Guest)]);
    assert_eq!(told(&bob.welcome).meeting.title, "Planning");
}

#[tokio::test]
async fn chat_reaches_all_and_late_comers_read_it() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    let mut bob = Person::join(&server, &meeting, "Bob").await;
    ada.say("hello <b>all</b>").await;
    let heard = bob.socket.event(|e| matches!(e, Event::Chat { .. })).await;
    let Event::Chat { message } = heard else {
        unreachable!()
    };
    assert_eq!(
        (message.text.as_str(), message.name.as_str()),
        ("hello <b>all</b>", "Ada")
    );
    let late = Person::join(&server, &meeting, "Cleo").await;
    assert_eq!(told(&late.welcome).chat, [message]);
}

#[tokio::test]
async fn the_host_moderates_and_a_guest_cannot() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let mut bob = Person::join(&server, &meeting, "Bob").await;
    assert_eq!(
        bob.ask(Request::HostLock { locked: true }).await,
        Err(Code::NotAllowed)
    );

    let source = Source::Microphone;
    bob.ask(Request::Mute {
        source,
        muted: false,
    })
    .await
    .unwrap();
    ada.ask(Request::HostMute {
        participant: bob.id,
        source,
    })
    .await
    .unwrap();
    let by_host =
        |e: &Event| matches!(e, Event::MuteChanged { muted: true, by, .. } if *by == ada.id);
    bob.socket.event(by_host).await;

    ada.ask(Request::HostLock { locked: true }).await.unwrap();
    let refused = Person::enter(server.http(), hello(&meeting, "Eve")).await;
    assert_eq!(refused.err(), Some(Code::MeetingLocked));

    ada.ask(Request::HostRemove {
        participant: bob.id,
    })
    .await
    .unwrap();
    assert_eq!(bob.socket.end().await, Some(Code::Removed));
    let again = Person::enter(server.http(), bob.resume(&meeting, 0)).await;
    assert_eq!(
        again.err(),
        Some(Code::Removed),
        "the old token is worth nothing"
    );
}

#[tokio::test]
async fn ending_the_meeting_ends_it_for_all_and_its_links_too() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let mut bob = Person::join(&server, &meeting, "Bob").await;
    ada.socket.send(Request::HostEnd).await;
    assert_eq!(bob.socket.end().await, Some(Code::MeetingEnded));
    let again = Person::enter(server.http(), hello(&meeting, "Eve")).await;
    assert_eq!(again.err(), Some(Code::MeetingEnded));
    let server = server.restart().await;
    let after = Person::enter(server.http(), hello(&meeting, "Eve")).await;
    assert_eq!(after.err(), Some(Code::MeetingEnded));
}

#[tokio::test]
async fn a_seat_is_taken_again_with_its_token_and_only_with_it() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    let bob = Person::join(&server, &meeting, "Bob").await;
    let seq = told(&bob.welcome).seq;
    let back = bob.resume(&meeting, seq);
    bob.socket.close().await;
    let bob_id = bob.id;
    let lost = |e: &Event| matches!(e, Event::PresenceChanged { participant, presence: Presence::Reconnecting } if *participant == bob_id);
    ada.socket.event(lost).await;
    ada.say("meanwhile").await;

    let mut forged = back.clone();
    forged.resume.as_mut().unwrap().token = "0".repeat(26);
    assert_eq!(
        Person::enter(server.http(), forged).await.err(),
        Some(Code::BadSecret)
    );

    let bob = Person::enter(server.http(), back).await.unwrap();
    assert!(bob.welcome.resumed);
    assert_eq!(bob.id, bob_id);
    let CatchUp::Events { events } = &bob.welcome.catch_up else {
        panic!("a short absence needs no snapshot")
    };
    assert!(
        events
            .iter()
            .any(|e| matches!(&e.event, Event::Chat { message } if message.text == "meanwhile"))
    );
    assert!(
        events.iter().zip(seq + 1..).all(|(e, n)| e.seq == n),
        "no gap"
    );
}

#[tokio::test]
async fn after_a_kill_roles_mutes_chat_and_the_lock_are_kept() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    let mut bob = Person::join(&server, &meeting, "Bob").await;
    bob.ask(Request::Mute {
        source: Source::Camera,
        muted: false,
    })
    .await
    .unwrap();
    bob.ask(Request::Hand { raised: true }).await.unwrap();
    ada.ask(Request::HostLock { locked: true }).await.unwrap();
    for n in 0..20 {
        ada.say(&format!("message {n}")).await;
    }
    let before = bob.socket.snapshot().await;

    let server = server.restart().await;
    let mut bob_back = Person::enter(server.http(), bob.resume(&meeting, before.seq))
        .await
        .unwrap();
    let ada_back = Person::enter(server.http(), ada.resume(&meeting, before.seq))
        .await
        .unwrap();
    assert!(bob_back.welcome.resumed && ada_back.welcome.resumed);
    let after = bob_back.socket.snapshot().await;
    assert_eq!(after.chat, before.chat);
    assert!(after.meeting.locked);
    assert!(after.seq > before.seq, "numbers go on above the old ones");
    let kept = |list: &[confab_protocol::Participant]| -> Vec<_> {
        list.iter()
            .map(|p| (p.id, p.name.clone(), p.role, p.muted.clone(), p.hand))
            .collect()
    };
    assert_eq!(kept(&after.participants), kept(&before.participants));
    let eve = Person::enter(server.http(), hello(&meeting, "Eve")).await;
    assert_eq!(eve.err(), Some(Code::MeetingLocked));
}

#[tokio::test]
async fn a_chat_message_that_was_acknowledged_survives_a_kill_at_that_moment() {
    let mut server = Server::start().await;
    let meeting = server.meeting().await;
    for n in 1..=5 {
        let mut ada = Person::join(&server, &meeting, "Ada").await;
        ada.say(&format!("number {n}")).await;
        server = server.restart().await;
        let mut eve = Person::join(&server, &meeting, "Eve").await;
        assert_eq!(eve.socket.snapshot().await.chat.len(), n);
    }
}

#[tokio::test]
async fn a_graceful_end_says_going_away_and_keeps_the_seats() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    let Server { running, dir } = server;
    running.shutdown().await;
    let code = ada.socket.end().await.unwrap();
    assert_eq!(code, Code::GoingAway);
    assert!(!code.is_final());
    let running = confab_server::start(confab_server::Config::ephemeral(dir.path()))
        .await
        .unwrap();
    let back = Person::enter(running.http_addr, ada.resume(&meeting, 0))
        .await
        .unwrap();
    assert!(back.welcome.resumed);
}

#[tokio::test]
async fn leaving_gives_the_seat_up() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    let mut bob = Person::join(&server, &meeting, "Bob").await;
    assert_eq!(bob.ask(Request::Leave).await, Ok(ReplyBody::Done));
    assert_eq!(bob.socket.end().await, None);
    let gone = ada
        .socket
        .event(|e| matches!(e, Event::ParticipantLeft { .. }))
        .await;
    assert_eq!(
        gone,
        Event::ParticipantLeft {
            participant: bob.id,
            reason: LeaveReason::Left
        }
    );
    let again = Person::enter(server.http(), bob.resume(&meeting, 0)).await;
    assert_eq!(again.err(), Some(Code::BadSecret));
}

#[tokio::test]
async fn who_is_refused_hears_why() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let nowhere = Invitation {
        id: confab_protocol::MeetingId::from_random(5),
        ..meeting.clone()
    };
    let refused = |hello: Hello| async { Person::enter(server.http(), hello).await.err() };
    assert_eq!(
        refused(hello(&nowhere, "Eve")).await,
        Some(Code::MeetingNotFound)
    );
    let old = Hello {
        protocol: 0,
        ..hello(&meeting, "Eve")
    };
    assert_eq!(refused(old).await, Some(Code::UnsupportedVersion));
    let forged = Hello {
        host_key: Some("0".repeat(26)),
        ..hello(&meeting, "Eve")
    };
    assert_eq!(refused(forged).await, Some(Code::BadSecret));
}

#[tokio::test]
async fn a_person_who_reads_nothing_does_not_hold_up_the_others() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    // Never read from: its queue and the socket's buffers fill up.
    let _deaf = Person::join(&server, &meeting, "Deaf").await;
    for n in 0..30 {
        ada.say(&format!("{n} {}", "x".repeat(3000))).await;
    }
    assert!(matches!(
        ada.ask(Request::Ping).await,
        Ok(ReplyBody::Pong { .. })
    ));
}

#[tokio::test]
async fn an_offer_that_is_no_sdp_is_an_error_and_not_the_end() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::join(&server, &meeting, "Ada").await;
    let offer = confab_protocol::Offer {
        generation: 1,
        sdp: "v=nonsense".into(),
        publish: vec![],
    };
    let answer = ada.ask(Request::Offer(offer)).await;
    assert!(answer.is_err(), "{answer:?}");
    assert!(ada.ask(Request::Ping).await.is_ok());
}

#[tokio::test]
async fn the_second_connection_of_a_seat_replaces_the_first() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut first = Person::join(&server, &meeting, "Ada").await;
    let mut second = Person::enter(server.http(), first.resume(&meeting, 0))
        .await
        .unwrap();
    assert_eq!(first.socket.end().await, Some(Code::Replaced));
    second.socket.send(Request::Ping).await;
    let pong = |m| {
        matches!(
            m,
            ServerMessage::Reply {
                body: ReplyBody::Pong { .. },
                ..
            }
        )
        .then_some(())
    };
    second.socket.find(pong).await;
}

/// A page says that it leaves and closes its socket in one breath. The meeting may be storing something just then, and be
/// about to tell it to a socket that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leave_that_is_the_last_word_is_heard_while_the_meeting_is_busy() {
    let server = Server::start().await;
    let meeting = server.meeting().await;
    let mut ada = Person::host(&server, &meeting, "Ada").await;
    for turn in 0..20 {
        let mut bob = Person::join(&server, &meeting, "Bob").await;
        let say = |n: usize| Request::Chat {
            text: format!("{turn}, {n}"),
            client_id: format!("{turn}-{n}"),
            to: None,
            files: Vec::new(),
        };
        ada.socket.send(say(0)).await;
        ada.socket.send(say(1)).await;
        bob.socket.send(Request::Leave).await;
        bob.socket.close().await;
        let gone = ada.socket.event(|e| {
            matches!(e, Event::ParticipantLeft { participant, .. } | Event::PresenceChanged { participant, .. } if *participant == bob.id)
        });
        let reason = LeaveReason::Left;
        let left = Event::ParticipantLeft {
            participant: bob.id,
            reason,
        };
        assert_eq!(gone.await, left, "turn {turn}");
    }
}
