//! Meetings told as stories: each checks one promise.

use confab_protocol::{Code, Event, MediaKind, Presence, Role, Source};
use confab_room::{MediaCommand, MediaEvent};
use confab_session::{Action, Notice, Phase};
use confab_sim::Meeting;
use confab_simnet::{LinkConfig, NodeId};

fn say(text: &str) -> Action {
    Action::Chat {
        text: text.into(),
        to: None,
        client_id: text.replace(' ', "-"),
        files: Vec::new(),
    }
}

fn mute(muted: bool) -> Action {
    Action::Mute {
        source: Source::Microphone,
        muted,
    }
}

fn phase(meeting: &Meeting, id: NodeId) -> Phase {
    meeting.see(id).session.state().phase.clone()
}

fn you(meeting: &Meeting, id: NodeId) -> confab_protocol::ParticipantId {
    meeting.see(id).session.state().you.expect("is in")
}

/// How many ms until everyone who has not ended is in, in steps of 50; fails after 60 s.
fn ms_until_all_in(meeting: &mut Meeting) -> u64 {
    for ms in (0..60_000).step_by(50) {
        let people = meeting.people.clone();
        if people
            .iter()
            .all(|id| meeting.see(*id).is_joined() || meeting.see(*id).has_ended())
        {
            return ms;
        }
        meeting.run_ms(50);
    }
    panic!("not everybody came back");
}

#[test]
fn people_join_talk_and_leave() {
    let mut m = Meeting::of(1, 3);
    m.assert_converged();
    let (host, guest, third) = (m.people[0], m.people[1], m.people[2]);
    m.act(guest, mute(false));
    m.act(guest, Action::Hand { raised: true });
    m.act(host, say("hello"));
    m.run_ms(500);
    m.assert_converged();
    let room = m.snapshot();
    assert_eq!(room.participants[0].role, Role::Host);
    assert_eq!(room.participants[1].role, Role::Guest);
    assert_eq!(room.participants[1].muted, vec![Source::Camera]);
    assert!(room.participants[1].hand.is_some());
    assert_eq!(room.participants[1].tracks.len(), 2);
    assert_eq!(room.chat[0].text, "hello");
    m.act(third, Action::Leave);
    m.run_ms(500);
    m.assert_converged();
    assert_eq!(m.snapshot().participants.len(), 2);
    assert_eq!(phase(&m, third), Phase::Ended { code: None });
}

#[test]
fn after_a_cut_of_five_seconds_a_participant_is_back_within_three() {
    let mut m = Meeting::of(2, 3);
    let (host, guest) = (m.people[0], m.people[1]);
    m.set_up(guest, false);
    m.run_ms(5000);
    assert!(matches!(phase(&m, guest), Phase::Reconnecting { .. }));
    let seen = &m
        .see(host)
        .session
        .state()
        .room
        .as_ref()
        .unwrap()
        .participants[1];
    assert_eq!(seen.presence, Presence::Reconnecting);
    m.act(host, say("where are you"));
    m.act(guest, say("here"));
    m.act(guest, mute(false));
    m.set_up(guest, true);
    let ms = ms_until_all_in(&mut m);
    assert!(ms <= 3000, "{ms} ms");
    m.run_ms(1000);
    m.assert_converged();
    assert_eq!(m.snapshot().chat.len(), 2);
    assert_eq!(m.snapshot().participants[1].muted, vec![Source::Camera]);
}

#[test]
fn a_short_cut_is_not_even_noticed() {
    let mut m = Meeting::of(3, 2);
    let guest = m.people[1];
    m.set_up(guest, false);
    m.run_ms(1000);
    m.act(m.people[0], say("one"));
    m.set_up(guest, true);
    m.run_ms(1000);
    m.assert_converged();
    assert_eq!(m.see(guest).peers, 1);
}

#[test]
fn who_stays_away_loses_the_seat_and_comes_back_as_somebody_new() {
    let mut m = Meeting::of(4, 2);
    let guest = m.people[1];
    let before = you(&m, guest);
    m.set_up(guest, false);
    m.run_ms(70_000);
    assert_eq!(m.snapshot().participants.len(), 1);
    m.set_up(guest, true);
    ms_until_all_in(&mut m);
    m.run_ms(1000);
    m.assert_converged();
    assert_ne!(you(&m, guest), before);
}

#[test]
fn a_killed_server_comes_back_with_roles_mutes_hands_and_chat() {
    let mut m = Meeting::of(5, 4);
    let people = m.people.clone();
    m.act(people[1], mute(false));
    m.act(people[2], Action::Hand { raised: true });
    m.act(people[3], say("before"));
    m.act(people[0], Action::HostLock { locked: true });
    m.run_ms(500);
    let before = m.snapshot();
    m.server(|s, net| s.kill(net));
    m.run_ms(2000);
    m.server(|s, net| s.restart(net));
    let ms = ms_until_all_in(&mut m);
    assert!(ms <= 3000, "{ms} ms");
    m.run_ms(1000);
    m.assert_converged();
    let after = m.snapshot();
    assert!(after.seq > before.seq);
    assert_eq!(after.chat, before.chat);
    assert_eq!(after.meeting, before.meeting);
    for (a, b) in after.participants.iter().zip(&before.participants) {
        assert_eq!((a.id, &a.name, a.role), (b.id, &b.name, b.role));
        assert_eq!((&a.muted, a.hand), (&b.muted, b.hand));
    }
}

#[test]
fn an_orderly_restart_is_quicker_still() {
    let mut m = Meeting::of(6, 3);
    m.server(|s, net| s.shut_down(net));
    m.run_ms(300);
    m.server(|s, net| s.restart(net));
    let ms = ms_until_all_in(&mut m);
    assert!(ms <= 1500, "{ms} ms");
    m.run_ms(500);
    m.assert_converged();
}

#[test]
fn a_host_mutes_and_the_media_side_drops() {
    let mut m = Meeting::of(7, 2);
    let (host, guest) = (m.people[0], m.people[1]);
    m.act(guest, mute(false));
    m.run_ms(200);
    let track = m.snapshot().participants[1].tracks[0].id;
    m.server(|s, _| s.media.clear());
    let participant = you(&m, guest);
    m.act(
        host,
        Action::HostMute {
            participant,
            source: Source::Microphone,
        },
    );
    m.run_ms(200);
    let muted = MediaCommand::Mute { track, muted: true };
    assert_eq!(m.see_server().media, vec![muted]);
    let by = you(&m, host);
    let told = Notice::MutedBy {
        by,
        source: Source::Microphone,
    };
    assert_eq!(m.see(guest).notices, vec![told]);
    m.assert_converged();
}

#[test]
fn a_removed_participant_stays_out_with_its_old_token() {
    let mut m = Meeting::of(8, 3);
    let (host, guest) = (m.people[0], m.people[1]);
    // Removed while it is away, and the server forgets everything that is not stored.
    m.set_up(guest, false);
    m.run_ms(5000);
    let participant = you(&m, guest);
    m.act(host, Action::HostRemove { participant });
    m.run_ms(200);
    m.server(|s, net| {
        s.kill(net);
        s.restart(net);
    });
    m.set_up(guest, true);
    m.run_ms(5000);
    let code = Some(Code::Removed);
    assert_eq!(phase(&m, guest), Phase::Ended { code });
    m.assert_converged();
}

#[test]
fn a_lock_keeps_strangers_out_and_lets_people_come_back() {
    let mut m = Meeting::of(9, 2);
    let (host, guest) = (m.people[0], m.people[1]);
    m.act(host, Action::HostLock { locked: true });
    m.run_ms(200);
    let stranger = m.join(false, LinkConfig::default());
    let second_host = m.join(true, LinkConfig::default());
    m.set_up(guest, false);
    m.run_ms(4000);
    m.set_up(guest, true);
    m.run_ms(4000);
    let code = Some(Code::MeetingLocked);
    assert_eq!(phase(&m, stranger), Phase::Ended { code });
    assert!(m.see(second_host).is_joined());
    m.assert_converged();
}

#[test]
fn ending_ends_for_all_and_for_good() {
    let mut m = Meeting::of(10, 3);
    let guest = m.people[1];
    m.set_up(guest, false);
    m.act(m.people[0], Action::HostEnd);
    m.run_ms(1000);
    m.server(|s, net| {
        s.kill(net);
        s.restart(net);
    });
    m.set_up(guest, true);
    let late = m.join(true, LinkConfig::default());
    m.run_ms(8000);
    let code = Some(Code::MeetingEnded);
    for id in m.people.clone() {
        assert_eq!(phase(&m, id), Phase::Ended { code }, "{id:?}");
    }
    assert_eq!(phase(&m, late), Phase::Ended { code });
}

#[test]
fn guests_have_no_host_tools() {
    let mut m = Meeting::of(11, 2);
    let guest = m.people[1];
    let action = Action::HostLock { locked: true };
    m.act(guest, action.clone());
    m.run_ms(200);
    let code = Code::NotAllowed;
    assert_eq!(m.see(guest).notices, vec![Notice::Failed { action, code }]);
    assert!(!m.snapshot().meeting.locked);
}

#[test]
fn a_lost_peer_connection_is_made_again_and_keeps_its_tracks() {
    let mut m = Meeting::of(12, 2);
    let guest = m.people[1];
    let before = m.snapshot().participants[1].tracks.clone();
    let participant = you(&m, guest);
    let generation = m.see(guest).session.state().generation;
    m.server(|s, net| {
        s.media_event(
            MediaEvent::Lost {
                participant,
                generation,
            },
            net,
        );
    });
    m.run_ms(500);
    m.assert_converged();
    assert_eq!(m.see(guest).peers, 2);
    assert_eq!(m.snapshot().participants[1].tracks, before);
    assert_eq!(before[1].source.kind(), MediaKind::Video);
}

#[test]
fn fifty_people_over_bad_links_see_one_room() {
    let mut m = Meeting::new(13);
    for i in 0..50 {
        m.join(i == 0, bad_link());
    }
    ms_until_all_in(&mut m);
    for (i, id) in m.people.clone().into_iter().enumerate() {
        m.act(id, say(&format!("I am {i}")));
        m.act(id, mute(i % 3 == 0));
        m.run_ms(20);
    }
    for id in m.people.clone().into_iter().step_by(5) {
        m.set_up(id, false);
    }
    m.act(m.people[1], say("half are gone"));
    m.run_ms(6000);
    for id in m.people.clone() {
        m.set_up(id, true);
    }
    ms_until_all_in(&mut m);
    m.run_ms(5000);
    m.assert_converged();
    assert_eq!(m.snapshot().participants.len(), 50);
    assert_eq!(m.snapshot().chat.len(), 51);
    let events = &m.see(m.people[1]).events;
    assert!(events.iter().any(|e| matches!(e.event, Event::Chat { .. })));
}

fn bad_link() -> LinkConfig {
    LinkConfig {
        delay: confab_base::Duration::from_millis(60),
        jitter: confab_base::Duration::from_millis(40),
        loss: confab_simnet::Loss::bursts(0.05, 2.0),
        ..LinkConfig::default()
    }
}
