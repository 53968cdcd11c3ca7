//! The meeting's rules, one by one.

mod common;

use common::{Rig, hello, offer};
use confab_protocol::*;
use confab_room::{Input, MediaCommand, MediaEvent, Output};

const LOSS: VoiceLoss = VoiceLoss {
    percent: 40,
    burst: 23,
};

const MIC: Source = Source::Microphone;
const CAMERA: Source = Source::Camera;

/// A host on connection 1 (participant 1) and a guest on connection 2 (participant 2).
fn two() -> (Rig, String, String) {
    let mut rig = Rig::new();
    let host = rig.join(1, true);
    let guest = rig.join(2, false);
    rig.outputs.clear();
    (rig, host, guest)
}

fn mute(muted: bool) -> Request {
    Request::Mute { source: MIC, muted }
}

fn say(text: &str) -> Request {
    Request::Chat {
        text: text.into(),
        client_id: text.into(),
        to: None,
        files: Vec::new(),
    }
}

#[test]
fn everyone_starts_muted_and_the_host_key_makes_a_host() {
    let (rig, ..) = two();
    let people = rig.room.snapshot().participants;
    assert_eq!((people[0].role, people[1].role), (Role::Host, Role::Guest));
    assert!(people.iter().all(|p| p.muted == [MIC, CAMERA]));
}

#[test]
fn the_newcomer_gets_a_snapshot_with_itself_and_the_others_an_event() {
    let mut rig = Rig::new();
    rig.join(1, false);
    rig.outputs.clear();
    rig.join(2, false);
    let outputs = rig.outputs.clone();
    assert!(
        matches!(&rig.events(1)[..], [Event::ParticipantJoined { participant }] if participant.id.0 == 2)
    );
    rig.outputs = outputs;
    let welcome = rig.welcome(2).unwrap();
    let snapshot = rig.room.snapshot();
    assert_eq!(welcome.catch_up, CatchUp::Snapshot { snapshot });
    assert_eq!(
        (welcome.you.0, welcome.resumed, welcome.media_generation),
        (2, false, 0)
    );
}

#[test]
fn a_wrong_host_key_and_an_old_version_are_refused() {
    let mut rig = Rig::new();
    let mut wrong = hello("A");
    wrong.host_key = Some("guess".into());
    rig.connect(1, wrong);
    assert_eq!(rig.dismissed(1), Some(Code::BadSecret));
    let mut old = hello("A");
    old.protocol = 0;
    rig.connect(2, old);
    assert_eq!(rig.dismissed(2), Some(Code::UnsupportedVersion));
    let mut newer = hello("A");
    newer.protocol = VERSION + 5;
    rig.connect(3, newer);
    assert_eq!(rig.welcome(3).unwrap().protocol, VERSION);
}

#[test]
fn requests_before_hello_and_a_second_hello_are_out_of_order() {
    let (mut rig, ..) = two();
    rig.ask(9, Request::Ping);
    assert_eq!(rig.dismissed(9), Some(Code::OutOfOrder));
    rig.ask(2, Request::Hello(hello("A")));
    assert_eq!(rig.error(2), Some(Code::OutOfOrder));
    rig.connect(2, hello("A"));
    assert_eq!(rig.error(2), Some(Code::OutOfOrder));
    assert_eq!(rig.room.seats(), 2);
}

#[test]
fn a_full_meeting_is_full() {
    let mut rig = Rig::new();
    for conn in 1..=5 {
        rig.join(conn, false);
    }
    rig.join(6, true);
    assert_eq!(rig.dismissed(6), Some(Code::MeetingFull));
}

#[test]
fn a_lock_refuses_guests_and_not_hosts_nor_people_with_a_seat() {
    let (mut rig, _, guest) = two();
    rig.ask(1, Request::HostLock { locked: true });
    rig.feed(Input::Closed {
        conn: confab_room::ConnId(2),
    });
    rig.outputs.clear();
    rig.join(3, false);
    assert_eq!(rig.dismissed(3), Some(Code::MeetingLocked));
    rig.join(4, true);
    assert!(rig.welcome(4).is_some());
    rig.resume(5, 2, &guest, 0);
    assert!(rig.welcome(5).unwrap().resumed);
}

#[test]
fn resume_brings_what_was_missed() {
    let (mut rig, _, guest) = two();
    let seq = rig.room.snapshot().seq;
    rig.feed(Input::Closed {
        conn: confab_room::ConnId(2),
    });
    rig.ask(1, say("hi"));
    rig.outputs.clear();
    rig.resume(3, 2, &guest, seq);
    let CatchUp::Events { events } = rig.welcome(3).unwrap().catch_up else {
        panic!("events are enough");
    };
    let seqs: Vec<_> = events.iter().map(|e| e.seq).collect();
    assert_eq!(seqs, [seq + 1, seq + 2, seq + 3]);
    assert!(matches!(
        events[2].event,
        Event::PresenceChanged {
            presence: Presence::Connected,
            ..
        }
    ));
}

#[test]
fn the_token_before_the_last_works_until_the_last_is_used() {
    let (mut rig, _, first) = two();
    let second = rig.resume(3, 2, &first, 0);
    // The welcome with `second` is lost; the client still has `first`.
    let third = rig.resume(4, 2, &first, 0);
    assert_ne!(second, third);
    rig.resume(5, 2, &third, 0);
    rig.outputs.clear();
    rig.resume(6, 2, &first, 0);
    assert_eq!(rig.dismissed(6), Some(Code::BadSecret));
    rig.resume(7, 1, "guess", 0);
    assert_eq!(rig.dismissed(7), Some(Code::BadSecret));
}

#[test]
fn a_second_connection_replaces_the_first_without_a_word_to_others() {
    let (mut rig, _, guest) = two();
    rig.resume(3, 2, &guest, 0);
    let outputs = rig.outputs.clone();
    assert_eq!(rig.dismissed(2), Some(Code::Replaced));
    rig.outputs = outputs;
    assert_eq!(rig.events(1), []);
    // The old connection's end changes nothing any more.
    rig.feed(Input::Closed {
        conn: confab_room::ConnId(2),
    });
    assert_eq!(
        rig.room.snapshot().participants[1].presence,
        Presence::Connected
    );
}

#[test]
fn silence_loses_the_connection_and_then_the_seat() {
    let (mut rig, ..) = two();
    for _ in 0..4 {
        rig.wait_ms(1000);
        rig.ask(1, Request::Ping);
    }
    assert_eq!(
        rig.room.snapshot().participants[1].presence,
        Presence::Reconnecting
    );
    assert_eq!(rig.room.connected(), 1);
    rig.outputs.clear();
    for _ in 0..60 {
        rig.wait_ms(1000);
        rig.ask(1, Request::Ping);
    }
    let left = Event::ParticipantLeft {
        participant: ParticipantId(2),
        reason: LeaveReason::Lost,
    };
    assert_eq!(rig.events(1), [left]);
    assert!(rig.store.participants.iter().all(|p| p.id.0 != 2));
}

#[test]
fn too_fast_is_an_error_and_a_flood_the_end_of_the_connection() {
    let (mut rig, ..) = two();
    for _ in 0..REQUEST_BURST {
        rig.ask(2, Request::Ping);
    }
    rig.outputs.clear();
    rig.ask(2, Request::Ping);
    assert_eq!(rig.error(2), Some(Code::TooFast));
    assert_eq!(rig.room.connected(), 2);
    for _ in 0..200 {
        rig.ask(2, Request::Ping);
    }
    assert_eq!(rig.dismissed(2), Some(Code::TooFast));
    assert_eq!(rig.room.connected(), 1);
    assert_eq!(rig.room.seats(), 2);
}

#[test]
fn offers_have_a_limit_of_their_own_that_no_new_connection_lifts() {
    let (mut rig, _, token) = two();
    for generation in 1..=OFFER_BURST {
        assert_eq!(rig.publish(2, generation, &[MIC]).len(), 1);
    }
    rig.outputs.clear();
    rig.ask(2, offer(OFFER_BURST + 1, &[MIC]));
    assert_eq!(rig.error(2), Some(Code::TooFast));
    rig.resume(3, 2, &token, 0);
    rig.ask(3, offer(OFFER_BURST + 1, &[MIC]));
    assert_eq!(rig.error(3), Some(Code::TooFast));
    assert_eq!(rig.room.connected(), 2, "it costs no connection");
    rig.wait_ms(1000);
    assert_eq!(rig.publish(3, OFFER_BURST + 1, &[MIC]).len(), 1);
}

#[test]
fn a_removed_participant_is_told_and_its_tokens_are_worth_nothing() {
    let (mut rig, _, guest) = two();
    rig.ask(
        1,
        Request::HostRemove {
            participant: ParticipantId(2),
        },
    );
    let outputs = rig.outputs.clone();
    assert_eq!(rig.dismissed(2), Some(Code::Removed));
    rig.outputs = outputs;
    let dropped = MediaCommand::Drop {
        participant: ParticipantId(2),
    };
    assert!(rig.commands().contains(&dropped));
    rig.resume(3, 2, &guest, 0);
    assert_eq!(rig.dismissed(3), Some(Code::Removed));
}

#[test]
fn ending_ends_for_all() {
    let (mut rig, host, _) = two();
    rig.ask(1, Request::HostEnd);
    let outputs = rig.outputs.clone();
    for conn in [1, 2] {
        rig.outputs = outputs.clone();
        assert_eq!(rig.dismissed(conn), Some(Code::MeetingEnded));
        rig.outputs = outputs.clone();
        assert_eq!(rig.events(conn).len(), 1);
    }
    rig.outputs = outputs;
    assert!(rig.commands().contains(&MediaCommand::Close));
    assert!(rig.store.meeting.ended && rig.room.is_ended());
    rig.resume(3, 1, &host, 0);
    assert_eq!(rig.dismissed(3), Some(Code::MeetingEnded));
    rig.join(4, true);
    assert_eq!(rig.dismissed(4), Some(Code::MeetingEnded));
}

#[test]
fn only_hosts_have_host_tools() {
    let (mut rig, ..) = two();
    let participant = ParticipantId(1);
    for request in [
        Request::HostMute {
            participant,
            source: MIC,
        },
        Request::HostMuteAll,
        Request::HostLowerHand { participant },
        Request::HostRemove { participant },
        Request::HostLock { locked: true },
        Request::HostSpotlight {
            participants: Vec::new(),
        },
        Request::HostEnd,
    ] {
        rig.ask(2, request);
        assert_eq!(rig.error(2), Some(Code::NotAllowed));
    }
    let nobody = ParticipantId(77);
    rig.ask(
        1,
        Request::HostRemove {
            participant: nobody,
        },
    );
    assert_eq!(rig.error(1), Some(Code::NotFound));
    rig.ask(1, Request::HostRemove { participant });
    assert_eq!(rig.error(1), Some(Code::BadValue));
}

#[test]
fn a_host_mutes_all_guests_and_each_may_unmute_itself() {
    let (mut rig, ..) = two();
    for conn in [1, 2] {
        rig.ask(conn, mute(false));
    }
    let track = rig.publish(2, 1, &[MIC])[0];
    rig.outputs.clear();
    rig.ask(1, Request::HostMuteAll);
    let outputs = rig.outputs.clone();
    assert_eq!(rig.commands(), [MediaCommand::Mute { track, muted: true }]);
    rig.outputs = outputs;
    let by_host = Event::MuteChanged {
        participant: ParticipantId(2),
        source: MIC,
        muted: true,
        by: ParticipantId(1),
    };
    assert_eq!(rig.events(2), [by_host]);
    rig.ask(2, mute(false));
    assert_eq!(
        rig.commands(),
        [MediaCommand::Mute {
            track,
            muted: false
        }]
    );
}

#[test]
fn a_host_puts_some_before_everyone_until_they_leave() {
    let (mut rig, ..) = two();
    let (host, guest) = (ParticipantId(1), ParticipantId(2));
    let put = |participants: &[ParticipantId]| Request::HostSpotlight {
        participants: participants.to_vec(),
    };
    let shown = |rig: &Rig| rig.room.snapshot().meeting.spotlights;
    rig.ask(1, put(&[guest, ParticipantId(77)]));
    assert_eq!(rig.error(1), Some(Code::NotFound));
    rig.ask(1, put(&[guest]));
    let changed = |participants: &[ParticipantId]| Event::SpotlightChanged {
        participants: participants.to_vec(),
        by: host,
    };
    assert_eq!(rig.events(2), [changed(&[guest])]);
    rig.ask(1, put(&[guest]));
    assert_eq!(rig.events(2), [], "nothing changed");
    rig.ask(1, put(&[host, guest]));
    assert_eq!(
        rig.events(2),
        [changed(&[host, guest])],
        "in the order said"
    );
    rig.ask(1, put(&[]));
    assert_eq!(rig.events(2), [changed(&[])]);
    assert_eq!(shown(&rig), []);
    rig.ask(1, put(&[guest, host]));
    let kept = confab_room::Room::restore(common::config(), rig.store.clone(), rig.now);
    assert_eq!(kept.snapshot().meeting.spotlights, [guest, host]);
    rig.ask(2, Request::Leave);
    assert_eq!(shown(&rig), [host]);
    assert_eq!(rig.store.meeting.spotlights, [host]);
}

#[test]
fn one_shows_the_whiteboard_and_hosts_may_take_it_over() {
    let (mut rig, ..) = two();
    let (host, guest) = (ParticipantId(1), ParticipantId(2));
    let show = |on| Request::BoardPresent { on };
    let shown = |participant, by| Event::BoardPresented { participant, by };
    rig.ask(2, show(true));
    assert_eq!(rig.events(1), [shown(Some(guest), guest)]);
    rig.ask(2, show(true));
    assert_eq!(rig.events(1), [], "nothing changed");
    rig.ask(1, show(true));
    assert_eq!(rig.events(2), [shown(Some(host), host)]);
    // A guest neither ends what a host shows nor takes it over.
    for on in [false, true] {
        rig.ask(2, show(on));
        assert_eq!(rig.error(2), Some(Code::NotAllowed));
    }
    let kept = confab_room::Room::restore(common::config(), rig.store.clone(), rig.now);
    assert_eq!(kept.snapshot().meeting.board, Some(host));
    rig.ask(1, show(false));
    assert_eq!(rig.events(2), [shown(None, host)]);
    // Who may not draw does not show it.
    let mut policy = Policy::default();
    policy.permissions.draw = false;
    rig.ask(1, Request::HostPolicy { policy });
    rig.ask(2, show(true));
    assert_eq!(rig.error(2), Some(Code::NotAllowed));
    rig.ask(
        1,
        Request::HostPolicy {
            policy: Policy::default(),
        },
    );
    rig.ask(2, show(true));
    rig.ask(2, Request::Leave);
    assert_eq!(rig.room.snapshot().meeting.board, None, "ends with them");
}

#[test]
fn the_event_comes_before_the_reply() {
    let (mut rig, ..) = two();
    rig.ask(2, mute(false));
    let heard = rig.heard(2);
    assert!(matches!(heard[0], ServerMessage::Event(_)));
    assert!(matches!(
        heard[1],
        ServerMessage::Reply {
            body: ReplyBody::Done,
            ..
        }
    ));
}

#[test]
fn a_repeated_chat_message_is_one_message() {
    let (mut rig, ..) = two();
    rig.ask(2, say("once"));
    rig.outputs.clear();
    rig.ask(2, say("once"));
    assert!(matches!(rig.heard(2)[..], [ServerMessage::Reply { .. }]));
    rig.ask(1, say("once"));
    assert_eq!(
        rig.room.snapshot().chat.len(),
        2,
        "another's id is another message"
    );
    assert_eq!(rig.store.chat.len(), 2);
}

#[test]
fn tracks_appear_when_the_media_side_has_answered() {
    let (mut rig, ..) = two();
    rig.ask(2, offer(1, &[MIC, CAMERA]));
    assert!(rig.room.snapshot().participants[1].tracks.is_empty());
    let Some(MediaCommand::Offer {
        ticket, publish, ..
    }) = rig.commands().pop()
    else {
        panic!("the offer is passed on");
    };
    assert!(publish.iter().all(|line| line.muted));
    let camera = publish[1].track;
    rig.feed(Input::Media(MediaEvent::Answer {
        participant: ParticipantId(2),
        ticket,
        generation: 1,
        sdp: "sdp".into(),
        codecs: vec![(camera, VideoCodec::Vp8)],
    }));
    let heard = rig.heard(2);
    assert!(
        matches!(&heard[2], ServerMessage::Reply { body: ReplyBody::Answer { sdp, .. }, .. } if sdp == "sdp")
    );
    let tracks = &rig.room.snapshot().participants[1].tracks;
    assert_eq!(tracks[1].codec, Some(VideoCodec::Vp8));
    assert_eq!(tracks[0].codec, None);
}

#[test]
fn what_an_offer_no_longer_names_is_unpublished_and_what_stays_keeps_its_id() {
    let (mut rig, ..) = two();
    let before = rig.publish(2, 1, &[MIC, CAMERA]);
    let after = rig.publish(2, 2, &[MIC, Source::Screen]);
    assert_eq!(after[0], before[0]);
    let gone = Event::TrackUnpublished {
        participant: ParticipantId(2),
        track: before[1],
    };
    let events = rig.events(1);
    assert_eq!((events.len(), &events[0]), (2, &gone));
    rig.ask(
        2,
        Request::Unpublish {
            source: Source::Screen,
        },
    );
    let unpublish = MediaCommand::Unpublish { track: after[1] };
    assert!(rig.commands().contains(&unpublish));
    assert_eq!(rig.room.snapshot().participants[1].tracks.len(), 1);
}

#[test]
fn stale_generations_are_refused_and_lost_ones_told() {
    let (mut rig, ..) = two();
    rig.publish(2, 2, &[MIC]);
    rig.outputs.clear();
    rig.ask(2, offer(1, &[MIC]));
    assert_eq!(rig.error(2), Some(Code::StaleGeneration));
    let lost = |generation| {
        Input::Media(MediaEvent::Lost {
            participant: ParticipantId(2),
            generation,
        })
    };
    rig.feed(lost(1));
    assert_eq!(rig.heard(2), []);
    rig.feed(lost(2));
    assert_eq!(rig.heard(2), [ServerMessage::MediaLost { generation: 2 }]);
    rig.ask(2, offer(2, &[MIC]));
    assert_eq!(rig.error(2), Some(Code::StaleGeneration));
    assert_eq!(rig.publish(2, 3, &[MIC]).len(), 1);
}

#[test]
fn a_welcome_names_a_generation_that_can_be_gone_on_from() {
    let (mut rig, _, token) = two();
    rig.publish(2, 3, &[MIC]);
    rig.outputs.clear();
    let token = rig.resume(3, 2, &token, 0);
    assert_eq!(rig.welcome(3).unwrap().media_generation, 3);
    // Lost, and the page loaded anew: counting starts at one.
    rig.feed(Input::Media(MediaEvent::Lost {
        participant: ParticipantId(2),
        generation: 3,
    }));
    rig.resume(4, 2, &token, 0);
    assert_eq!(rig.welcome(4).unwrap().media_generation, 0);
    assert_eq!(rig.publish(4, 1, &[MIC]).len(), 1);
}

#[test]
fn an_answer_is_for_the_connection_that_asked() {
    let (mut rig, _, token) = two();
    rig.ask(2, offer(1, &[MIC]));
    let Some(MediaCommand::Offer { ticket, .. }) = rig.commands().pop() else {
        panic!("the offer is passed on");
    };
    rig.resume(3, 2, &token, 0);
    assert_eq!(
        rig.welcome(3).unwrap().media_generation,
        1,
        "an offer is in the works"
    );
    rig.feed(Input::Media(MediaEvent::Answer {
        participant: ParticipantId(2),
        ticket,
        generation: 1,
        sdp: "late".into(),
        codecs: Vec::new(),
    }));
    let reply = |m: &ServerMessage| matches!(m, ServerMessage::Reply { .. });
    assert!(!rig.heard(3).iter().any(reply));
}

#[test]
fn a_failed_offer_changes_nothing() {
    let (mut rig, ..) = two();
    rig.publish(2, 1, &[MIC]);
    let before = rig.room.snapshot();
    rig.outputs.clear();
    rig.ask(2, offer(1, &[CAMERA]));
    let Some(MediaCommand::Offer { ticket, .. }) = rig.commands().pop() else {
        panic!("the offer is passed on");
    };
    rig.feed(Input::Media(MediaEvent::OfferFailed {
        participant: ParticipantId(2),
        ticket,
        generation: 1,
        code: Code::BadSdp,
        message: "no".into(),
    }));
    assert_eq!(rig.error(2), Some(Code::BadSdp));
    assert_eq!(rig.room.snapshot(), before);
}

#[test]
fn a_view_of_what_is_not_there_shows_nothing() {
    let (mut rig, ..) = two();
    let track = rig.publish(2, 1, &[CAMERA])[0];
    rig.outputs.clear();
    let slot = |mid: &str, track| Slot {
        mid: mid.into(),
        track: Some(track),
        max_height: 180,
    };
    let slots = vec![slot("1", track), slot("2", TrackId(99))];
    let max_bitrate = Some(300_000);
    rig.ask(1, Request::View { slots, max_bitrate });
    let Some(MediaCommand::View { slots, most, .. }) = rig.commands().pop() else {
        panic!("the view is passed on");
    };
    assert_eq!((slots[0].track, slots[1].track), (Some(track), None));
    assert_eq!(most, Some(confab_base::Bitrate::kbps(300)));
}

#[test]
fn speakers_quality_slots_and_losses_are_told_when_they_change_and_at_welcome() {
    let (mut rig, _, token) = two();
    let speakers = vec![ParticipantId(2), ParticipantId(50)];
    let quality = ParticipantQuality {
        participant: ParticipantId(1),
        level: QualityLevel::Fair,
    };
    let slots = vec![SlotState {
        mid: "1".into(),
        track: None,
        height: 0,
        limited: Limited::No,
    }];
    let wanted = LayersWanted {
        track: rig.publish(2, 1, &[CAMERA])[0],
        layers: vec![0, 2],
    };
    rig.outputs.clear();
    for _ in 0..2 {
        rig.feed(Input::Media(MediaEvent::Speakers(speakers.clone())));
        rig.feed(Input::Media(MediaEvent::Quality(vec![quality])));
        rig.feed(Input::Media(MediaEvent::Slots {
            participant: ParticipantId(2),
            slots: slots.clone(),
        }));
        rig.feed(Input::Media(MediaEvent::LayersWanted {
            participant: ParticipantId(2),
            wanted: wanted.clone(),
        }));
        rig.feed(Input::Media(MediaEvent::VoiceLoss {
            participant: ParticipantId(2),
            loss: LOSS,
        }));
    }
    let told = [
        ServerMessage::Speakers {
            participants: vec![ParticipantId(2)],
        },
        ServerMessage::Quality {
            levels: vec![quality],
        },
        ServerMessage::Slots { slots },
        ServerMessage::LayersWanted(wanted),
        ServerMessage::VoiceLoss(LOSS),
    ];
    assert_eq!(rig.heard(2), told);
    rig.resume(3, 2, &token, 0);
    assert_eq!(rig.heard(3)[1..], told);
}

#[test]
fn what_a_listener_says_reaches_the_media_side_and_is_told_when_it_leaves() {
    let (mut rig, ..) = two();
    let say = |stalled_permille, minutes, fluent_minutes| {
        Request::Listening(Listening {
            stalled_permille,
            minutes,
            fluent_minutes,
        })
    };
    rig.wait_ms(1000);
    rig.ask(2, say(45, 1, 0));
    let passed_on = MediaCommand::Listening {
        participant: ParticipantId(2),
        stalled_permille: 45,
    };
    assert_eq!(rig.commands(), [passed_on]);
    rig.ask(2, say(0, 7, 7));
    assert_eq!(rig.error(2), Some(Code::BadValue), "so long it is not here");
    rig.ask(2, Request::Leave);
    let listened = Output::Listened {
        participant: ParticipantId(2),
        minutes: 1,
        fluent_minutes: 0,
    };
    assert!(rig.outputs.contains(&listened));
    rig.outputs.clear();
    rig.ask(1, Request::HostEnd);
    let is_account = |o: &Output| matches!(o, Output::Listened { .. });
    assert!(!rig.outputs.iter().any(is_account), "it never listened");
}

#[test]
fn leaving_gives_up_the_seat() {
    let (mut rig, _, token) = two();
    rig.ask(2, Request::Leave);
    let closed = Output::Close {
        conn: confab_room::ConnId(2),
        code: None,
    };
    assert!(rig.outputs.contains(&closed));
    let left = Event::ParticipantLeft {
        participant: ParticipantId(2),
        reason: LeaveReason::Left,
    };
    assert_eq!(rig.events(1), [left]);
    rig.resume(3, 2, &token, 0);
    assert_eq!(rig.dismissed(3), Some(Code::BadSecret));
    rig.join(4, false);
    assert_eq!(
        rig.welcome(4).unwrap().you,
        ParticipantId(3),
        "ids are not used again"
    );
}

#[test]
fn resync_from_ahead_gets_a_snapshot() {
    let (mut rig, ..) = two();
    rig.ask(
        2,
        Request::Resync {
            last_seq: 1_000_000,
        },
    );
    let snapshot = rig.room.snapshot();
    let catch_up = CatchUp::Snapshot { snapshot };
    assert!(
        matches!(&rig.heard(2)[..], [ServerMessage::Reply { body: ReplyBody::CatchUp { catch_up: c }, .. }] if *c == catch_up)
    );
}

#[test]
fn a_track_whose_sender_goes_over_to_another_codec_is_told_anew_once() {
    let (mut rig, ..) = two();
    let tracks = rig.publish(2, 1, &[Source::Camera]);
    rig.heard(1);
    let codec = |rig: &mut Rig, track, codec| {
        rig.feed(Input::Media(MediaEvent::Codec {
            participant: ParticipantId(2),
            track,
            codec,
        }));
        rig.heard(1)
    };
    let told = codec(&mut rig, tracks[0], VideoCodec::Vp8);
    let published = |m: &ServerMessage| match m {
        ServerMessage::Event(Sequenced {
            event: Event::TrackPublished { track, .. },
            ..
        }) => track.codec,
        _ => None,
    };
    assert_eq!(
        told.iter().filter_map(published).collect::<Vec<_>>(),
        [VideoCodec::Vp8]
    );
    let snapshot = rig.room.snapshot();
    assert_eq!(
        snapshot.participants[1].tracks[0].codec,
        Some(VideoCodec::Vp8)
    );
    assert!(codec(&mut rig, tracks[0], VideoCodec::Vp8).is_empty());
    assert!(codec(&mut rig, TrackId(9999), VideoCodec::H264).is_empty());
}
