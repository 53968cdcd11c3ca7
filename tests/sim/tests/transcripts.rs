//! Records the transcripts that both session machines are held to. The committed ones must be what is recorded now:
//! after a deliberate change, `CONFAB_RECORD=1 cargo test -p confab-tests-sim --test transcripts` writes them anew, and the
//! difference is to be read.

use confab_base::{Source, TrackId};
use confab_protocol::{
    AgendaItem, Assignment, Audience, Code, LayersWanted, Listening, LobbyPolicy, NewPoll,
    ParticipantId, ParticipantQuality, Policy, QualityLevel, QualityReport, Reaction, Request,
    Role, SameRoomChoice, Slot, SlotState, VoiceLoss,
};
use confab_room::{MediaCommand, MediaEvent};
use confab_session::{Action, Input, Notice, Phase};
use confab_sim::{Meeting, Person, Recording};
use confab_simnet::{LinkConfig, NodeId};
use std::path::PathBuf;

fn path(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/transcripts");
    PathBuf::from(folder).join(format!("{name}.jsonl"))
}

/// A host who is in, and a guest under record who has not begun.
fn stage() -> (Meeting, NodeId, NodeId) {
    let mut m = Meeting::new(1);
    let host = m.join(true, LinkConfig::default());
    m.run_ms(300);
    let guest = invite(&mut m);
    (m, host, guest)
}

fn invite(m: &mut Meeting) -> NodeId {
    let options = Person::options(m.people.len() as u64 + 1, None);
    let guest = m.invite(options.clone(), LinkConfig::default());
    m.person(guest, |p, _| p.recording = Some(Recording::new(&options)));
    guest
}

fn start(m: &mut Meeting, guest: NodeId) {
    m.person(guest, |p, net| p.start(net));
    m.run_ms(400);
}

fn keep(name: &str, mut m: Meeting, guest: NodeId) {
    let recording = m.person(guest, |p, _| p.recording.take());
    let text = recording.expect("the guest is under record").to_text();
    let path = path(name);
    if std::env::var_os("CONFAB_RECORD").is_some() {
        std::fs::write(&path, &text).expect("writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is stale: see the top of this file",
        path.display()
    );
}

fn mute(source: Source, muted: bool) -> Action {
    Action::Mute { source, muted }
}

fn say(text: &str) -> Action {
    Action::Chat {
        text: text.into(),
        to: None,
        client_id: format!("c-{}", text.replace(' ', "-")),
        files: Vec::new(),
    }
}

fn cut(m: &mut Meeting, guest: NodeId, ms: u64) {
    m.set_up(guest, false);
    m.run_ms(ms);
    m.set_up(guest, true);
}

#[test]
fn join_and_everything_said() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    for action in [
        mute(Source::Microphone, false),
        Action::Hand { raised: true },
        say("hello"),
        Action::Reaction {
            reaction: Reaction::Heart,
        },
        Action::Rename {
            name: "Grace".into(),
        },
        Action::HostLock { locked: true },
        Action::Unpublish {
            source: Source::Camera,
        },
    ] {
        m.act(guest, action);
        m.run_ms(100);
    }
    let you = m.see(guest).session.state().you.expect("is in");
    let other = m.see(host).session.state().you.expect("is in");
    let told = [
        MediaEvent::Speakers(vec![other, you]),
        MediaEvent::Quality(vec![ParticipantQuality {
            participant: other,
            level: QualityLevel::Good,
        }]),
        MediaEvent::LayersWanted {
            participant: you,
            wanted: LayersWanted {
                track: TrackId(7),
                layers: vec![0, 2],
            },
        },
        MediaEvent::VoiceLoss {
            participant: you,
            loss: VoiceLoss {
                percent: 40,
                burst: 0,
            },
        },
        MediaEvent::Slots {
            participant: you,
            slots: vec![SlotState {
                mid: "3".into(),
                track: None,
                height: 0,
                limited: confab_protocol::Limited::Source,
            }],
        },
    ];
    for event in told {
        m.server(|s, net| s.media_event(event, net));
    }
    m.run_ms(100);
    m.act(
        host,
        Action::HostMute {
            participant: you,
            source: Source::Microphone,
        },
    );
    m.act(host, Action::HostLowerHand { participant: you });
    m.act(host, Action::HostLock { locked: true });
    m.run_ms(1500);
    m.act(host, Action::Leave);
    m.run_ms(100);
    m.act(guest, Action::Leave);
    m.run_ms(100);
    keep("join", m, guest);
}

#[test]
fn a_share_that_a_host_stopped_is_begun_anew() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    let participant = m.see(guest).session.state().you.expect("is in");
    let source = Source::Screen;
    let stop = |m: &mut Meeting| {
        let action = Action::HostMute {
            participant,
            source,
        };
        m.act(host, action);
        m.run_ms(200);
    };
    m.person(guest, |p, net| p.share(true, net));
    m.run_ms(200);
    stop(&mut m);
    let muted = |m: &Meeting| m.see(guest).session.state().own.muted.contains(&source);
    assert!(muted(&m));
    m.act(guest, Action::Unpublish { source });
    m.run_ms(200);
    assert!(!muted(&m));
    m.person(guest, |p, net| p.share(true, net));
    m.run_ms(200);
    assert!(!muted(&m));
    // Stopped again, and this time the share goes with the next offer.
    stop(&mut m);
    m.person(guest, |p, net| p.share(false, net));
    m.run_ms(200);
    assert!(!muted(&m));
    m.assert_converged();
    keep("share_stopped", m, guest);
}

#[test]
fn another_device_in_the_room_is_live() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    for person in [host, guest] {
        m.act(person, mute(Source::Microphone, false));
        m.run_ms(100);
    }
    let you = m.see(guest).session.state().you.expect("is in");
    let other = m.see(host).session.state().you.expect("is in");
    let choose = |choice| Action::SameRoom { choice };
    let live = |m: &Meeting| m.see(guest).session.state().live_instead();
    // Nobody is in the room yet: refused.
    m.act(guest, choose(SameRoomChoice::UseMine));
    m.run_ms(100);
    m.server(|s, net| s.media_event(MediaEvent::SameRoom(vec![(other, you)]), net));
    m.run_ms(100);
    assert_eq!(live(&m), Some(other));
    // The switch stays as it is; what is sent does not follow it.
    assert_eq!(m.see(guest).session.state().own.muted, [Source::Camera]);
    let silent = m.see(guest).session.state().silent();
    assert_eq!(silent, [Source::Camera, Source::Microphone]);
    m.act(guest, choose(SameRoomChoice::UseMine));
    m.run_ms(100);
    assert_eq!(live(&m), None);
    m.act(host, choose(SameRoomChoice::UseMine));
    m.run_ms(100);
    cut(&mut m, guest, 4000);
    m.run_ms(3000);
    assert_eq!(live(&m), Some(other), "over a cut, too");
    m.act(guest, choose(SameRoomChoice::Apart));
    m.run_ms(100);
    assert_eq!(live(&m), None);
    m.assert_converged();
    keep("same_room", m, guest);
}

#[test]
fn spotlight() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    let you = m.see(guest).session.state().you.expect("is in");
    let other = m.see(host).session.state().you.expect("is in");
    let put = |participants: &[ParticipantId]| Action::HostSpotlight {
        participants: participants.to_vec(),
    };
    // Not the guest's to do.
    m.act(guest, put(&[you]));
    m.run_ms(100);
    for who in [&[you][..], &[other, you], &[], &[you]] {
        m.act(host, put(who));
        m.run_ms(100);
        assert_eq!(m.snapshot().meeting.spotlights, who);
    }
    let third = m.join(false, LinkConfig::default());
    m.run_ms(300);
    let their = m.see(third).session.state().you.expect("is in");
    m.act(host, put(&[their]));
    m.run_ms(100);
    m.act(third, Action::Leave);
    m.run_ms(300);
    assert_eq!(m.snapshot().meeting.spotlights, []);
    m.assert_converged();
    // Who comes back hears of it.
    m.set_up(guest, false);
    m.run_ms(4000);
    m.act(host, put(&[you, other]));
    m.run_ms(100);
    m.set_up(guest, true);
    m.run_ms(3000);
    m.assert_converged();
    keep("spotlight", m, guest);
}

#[test]
fn what_is_heard_is_told_when_it_changes_while_it_stalls_and_after_a_cut() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    let hear = |m: &mut Meeting, stalled_permille, minutes| {
        let listening = Listening {
            stalled_permille,
            minutes,
            fluent_minutes: minutes.min(1),
        };
        m.person(guest, |p, net| p.feed(Input::Listening { listening }, net));
        m.run_ms(1000);
    };
    // Nothing to tell; then a stall that grows, and stays in the last minute; then a full minute, at once; then none.
    for (stalled, minutes) in [(0, 0), (5, 0), (20, 0), (40, 0), (40, 0), (40, 0), (40, 0)] {
        hear(&mut m, stalled, minutes);
    }
    m.run_ms(6000);
    hear(&mut m, 40, 1);
    hear(&mut m, 0, 1);
    m.run_ms(12_000);
    cut(&mut m, guest, 4000);
    m.run_ms(4000);
    m.assert_converged();
    let told: Vec<u16> = m.server(|s, _| {
        let said = s.media.iter().filter_map(|command| match command {
            MediaCommand::Listening {
                stalled_permille, ..
            } => Some(*stalled_permille),
            _ => None,
        });
        said.collect()
    });
    assert_eq!(told.first(), Some(&5));
    assert_eq!(told.last(), Some(&0));
    assert!((5..9).contains(&told.len()), "{told:?}");
    keep("listening", m, guest);
}

#[test]
fn how_a_minute_went_is_told_while_there_is_a_connection() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    let report = QualityReport {
        seconds: 60,
        rtt_ms: Some(40),
        mic_on: 500,
        ..QualityReport::default()
    };
    let say = |m: &mut Meeting| {
        let report = report.clone();
        m.person(guest, |p, net| p.feed(Input::Quality { report }, net));
    };
    say(&mut m);
    m.run_ms(1000);
    m.set_up(guest, false);
    m.run_ms(4000);
    say(&mut m);
    m.set_up(guest, true);
    m.run_ms(3000);
    m.assert_converged();
    keep("quality", m, guest);
}

#[test]
fn resume_with_events() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    m.set_up(guest, false);
    m.run_ms(1000);
    m.act(host, say("anybody here"));
    m.act(host, mute(Source::Microphone, false));
    m.run_ms(4000);
    m.set_up(guest, true);
    m.run_ms(3000);
    m.assert_converged();
    keep("resume_events", m, guest);
}

#[test]
fn resume_with_a_snapshot() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    m.set_up(guest, false);
    for _ in 0..530 {
        m.act(
            host,
            Action::Reaction {
                reaction: Reaction::Clap,
            },
        );
        m.run_ms(55);
    }
    m.set_up(guest, true);
    m.run_ms(8000);
    m.assert_converged();
    keep("resume_snapshot", m, guest);
}

#[test]
fn a_gap() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    m.person(guest, |p, _| p.swallow = 1);
    m.act(host, mute(Source::Microphone, false));
    m.act(host, mute(Source::Camera, false));
    m.act(host, say("after the gap"));
    m.run_ms(500);
    m.assert_converged();
    keep("gap", m, guest);
}

#[test]
fn refused() {
    let (mut m, host, guest) = stage();
    m.act(host, Action::HostLock { locked: true });
    m.run_ms(100);
    start(&mut m, guest);
    keep("refused", m, guest);
}

#[test]
fn removed() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    let participant = m.see(guest).session.state().you.expect("is in");
    m.act(host, Action::HostRemove { participant });
    m.run_ms(500);
    keep("removed", m, guest);
}

#[test]
fn replaced_by_oneself() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    let mut options = Person::options(9, None);
    options.seat = m.see(guest).session.seat().cloned();
    let again = m.invite(options.clone(), LinkConfig::default());
    m.person(again, |p, _| p.recording = Some(Recording::new(&options)));
    start(&mut m, again);
    m.run_ms(300);
    m.assert_converged();
    let older = m.person(guest, |p, _| p.recording.take());
    assert!(older.is_some() && m.see(guest).has_ended());
    m.person(guest, |p, _| p.recording = older);
    let newer = m.person(again, |p, _| p.recording.take());
    let text = newer.expect("recorded").to_text();
    assert!(text.contains("\"resumed\":true"));
    keep("replaced", m, guest);
}

#[test]
fn server_restart() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    m.act(guest, mute(Source::Microphone, false));
    m.act(guest, Action::Hand { raised: true });
    m.run_ms(300);
    m.server(|s, net| s.kill(net));
    m.run_ms(2600);
    m.server(|s, net| s.restart(net));
    m.run_ms(3000);
    m.assert_converged();
    keep("server_restart", m, guest);
}

#[test]
fn mute_and_hand_go_back_when_refused() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    for _ in 0..60 {
        m.act(
            guest,
            Action::Reaction {
                reaction: Reaction::Laugh,
            },
        );
    }
    m.act(guest, mute(Source::Microphone, false));
    m.act(guest, Action::Hand { raised: true });
    m.act(guest, say("too much"));
    m.run_ms(500);
    let own = &m.see(guest).session.state().own;
    assert!(own.muted.contains(&Source::Microphone) && !own.hand);
    keep("rollback", m, guest);
}

#[test]
fn the_most_that_may_be_sent_goes_with_the_view_and_is_said_anew_after_a_cut() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    let see = |m: &mut Meeting, max_height, max_bitrate| {
        let slots = vec![Slot {
            mid: "2".into(),
            track: None,
            max_height,
        }];
        let view = Input::View { slots, max_bitrate };
        m.person(guest, |p, net| p.feed(view, net));
        m.run_ms(200);
    };
    for (height, most) in [
        (360, None),
        (360, Some(600_000)),
        (360, Some(600_000)),
        (0, Some(100_000)),
    ] {
        see(&mut m, height, most);
    }
    cut(&mut m, guest, 2000);
    m.run_ms(2000);
    see(&mut m, 360, None);
    keep("data_saver", m, guest);
}

#[test]
fn chat_and_switches_are_kept_over_a_cut() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    m.act(guest, say("sent before the cut"));
    m.act(guest, mute(Source::Microphone, false));
    m.set_up(guest, false);
    m.run_ms(2000);
    m.act(guest, say("said in the cut"));
    m.act(guest, mute(Source::Camera, false));
    m.act(guest, Action::Hand { raised: true });
    m.run_ms(2000);
    m.act(guest, mute(Source::Microphone, true));
    m.act(guest, Action::Hand { raised: false });
    m.act(guest, Action::HostMuteAll);
    m.act(
        guest,
        Action::Rename {
            name: "Later".into(),
        },
    );
    m.run_ms(500);
    m.set_up(guest, true);
    m.run_ms(3000);
    m.assert_converged();
    assert_eq!(m.snapshot().chat.len(), 2);
    keep("kept_over_cut", m, guest);
}

#[test]
fn a_host_mutes_who_is_away_and_an_older_wish_does_not_undo_it() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    m.act(guest, mute(Source::Camera, false));
    m.run_ms(100);
    m.set_up(guest, false);
    m.run_ms(4000);
    m.act(guest, mute(Source::Camera, false));
    m.act(guest, mute(Source::Microphone, false));
    let participant = m.see(guest).session.state().you.expect("is in");
    m.act(
        host,
        Action::HostMute {
            participant,
            source: Source::Camera,
        },
    );
    m.run_ms(500);
    m.set_up(guest, true);
    m.run_ms(3000);
    m.assert_converged();
    assert_eq!(m.snapshot().participants[1].muted, vec![Source::Camera]);
    keep("muted_while_away", m, guest);
}

#[test]
fn media_lost_and_failing() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    let participant = m.see(guest).session.state().you.expect("is in");
    m.server(|s, net| {
        let lost = MediaEvent::Lost {
            participant,
            generation: 1,
        };
        s.media_event(lost, net);
    });
    m.run_ms(200);
    for _ in 0..4 {
        let generation = m.see(guest).session.state().generation;
        m.person(guest, |p, net| {
            p.feed(Input::MediaFailed { generation }, net)
        });
        m.run_ms(5000);
    }
    // One that stood for long was good: the next comes at once.
    m.run_ms(14_000);
    let generation = m.see(guest).session.state().generation;
    m.person(guest, |p, net| {
        p.feed(Input::MediaFailed { generation }, net)
    });
    m.run_ms(200);
    m.assert_converged();
    keep("media_lost", m, guest);
}

#[test]
fn the_seat_is_lost() {
    let (mut m, _, guest) = stage();
    start(&mut m, guest);
    cut(&mut m, guest, 66_000);
    m.run_ms(8000);
    m.assert_converged();
    keep("seat_lost", m, guest);
}

/// A meeting with a lobby for all, its host, and a guest under record who has not begun.
fn lobby_stage() -> (Meeting, NodeId, NodeId) {
    let policy = Policy {
        lobby: LobbyPolicy::Everyone,
        ..Policy::default()
    };
    let mut m = Meeting::with(1, policy);
    let host = m.join(true, LinkConfig::default());
    m.run_ms(300);
    m.join(false, LinkConfig::default());
    m.run_ms(300);
    let mut options = Person::options(3, None);
    options.passcode = Some("open".into());
    let guest = m.invite(options.clone(), LinkConfig::default());
    m.person(guest, |p, _| p.recording = Some(Recording::new(&options)));
    (m, host, guest)
}

fn position(m: &Meeting, guest: NodeId) -> Option<u32> {
    let state = m.see(guest).session.state();
    state.waiting.as_ref().map(|w| w.place.position)
}

#[test]
fn the_lobby() {
    let (mut m, host, guest) = lobby_stage();
    start(&mut m, guest);
    assert_eq!(position(&m, guest), Some(2));
    // What is wished in the lobby is done in the room; what needs the room is not.
    m.act(guest, mute(Source::Camera, false));
    m.act(guest, Action::Ask(Request::FloorGrab));
    m.act(guest, say("am I in"));
    m.run_ms(1500);
    cut(&mut m, guest, 4000);
    m.run_ms(2500);
    assert_eq!(position(&m, guest), Some(2), "over a cut");
    let first = m.see(host).session.state().lobby[0].id;
    let ask = |request| Action::Ask(request);
    m.act(host, ask(Request::HostDeny { participant: first }));
    m.run_ms(200);
    assert_eq!(position(&m, guest), Some(1));
    m.act(host, ask(Request::HostAdmitAll));
    m.run_ms(300);
    m.assert_converged();
    assert!(m.see(guest).is_joined());
    assert_eq!(m.snapshot().chat.len(), 1);
    assert_eq!(m.see(host).session.state().lobby, []);
    cut(&mut m, guest, 4000);
    m.run_ms(2500);
    m.assert_converged();
    keep("lobby", m, guest);
}

#[test]
fn turned_away() {
    let (mut m, host, guest) = lobby_stage();
    start(&mut m, guest);
    let participant = m.see(host).session.state().lobby[1].id;
    m.act(host, Action::Ask(Request::HostDeny { participant }));
    m.run_ms(300);
    let code = Some(Code::Denied);
    assert_eq!(m.see(guest).session.state().phase, Phase::Ended { code });
    keep("turned_away", m, guest);
}

#[test]
fn out_of_the_lobby_by_oneself_and_by_time() {
    let (mut m, _, guest) = lobby_stage();
    start(&mut m, guest);
    // Away for too long: the place is lost, and the last is taken.
    let before = m.see(guest).session.seat().cloned();
    cut(&mut m, guest, 70_000);
    m.run_ms(3000);
    assert_eq!(position(&m, guest), Some(2));
    assert_ne!(
        before.map(|s| s.participant),
        m.see(guest).session.seat().map(|s| s.participant)
    );
    m.act(guest, Action::Leave);
    m.run_ms(300);
    assert_eq!(m.see_server().room().waiting(), 1);
    keep("lobby_left", m, guest);
}

#[test]
fn led_by_a_host() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    let you = m.see(guest).session.state().you.expect("is in");
    let other = m.see(host).session.state().you.expect("is in");
    let ask = |m: &mut Meeting, who, request| {
        m.act(who, Action::Ask(request));
        m.run_ms(100);
    };
    let mut policy = Policy::default();
    policy.permissions.unmute = false;
    ask(&mut m, host, Request::HostPolicy { policy });
    m.act(guest, mute(Source::Microphone, false));
    m.run_ms(100);
    let asked = Request::HostAskUnmute {
        participant: you,
        source: Source::Microphone,
    };
    ask(&mut m, host, asked);
    m.act(guest, mute(Source::Microphone, false));
    m.run_ms(100);
    let policy = Policy::default();
    ask(&mut m, host, Request::HostPolicy { policy });
    ask(&mut m, host, Request::HostFloor { on: true });
    ask(&mut m, guest, Request::FloorGrab);
    ask(&mut m, host, Request::FloorGrab);
    ask(&mut m, guest, Request::FloorRelease);
    ask(&mut m, host, Request::HostFloor { on: false });
    let question = |text: &str| Request::QuestionAsk {
        text: text.into(),
        client_id: text.into(),
    };
    ask(&mut m, guest, question("When?"));
    ask(&mut m, host, question("Where?"));
    ask(
        &mut m,
        guest,
        Request::QuestionVote {
            question: 2,
            up: true,
        },
    );
    ask(
        &mut m,
        host,
        Request::HostQuestionAnswer {
            question: 1,
            text: None,
        },
    );
    ask(&mut m, host, Request::HostQuestionDismiss { question: 2 });
    let poll = NewPoll {
        question: "Tea?".into(),
        options: vec!["Yes".into(), "No".into()],
        multiple: false,
        anonymous: false,
        live: false,
        correct: vec![0],
    };
    ask(&mut m, host, Request::HostPollOpen { poll: poll.clone() });
    ask(&mut m, host, Request::HostPollOpen { poll });
    for poll in [1, 2] {
        let choices = vec![0];
        ask(&mut m, guest, Request::PollVote { poll, choices });
    }
    ask(&mut m, host, Request::HostPollClose { poll: 1 });
    ask(&mut m, host, Request::HostPollRemove { poll: 2 });
    let items = vec![AgendaItem {
        title: "News".into(),
        minutes: 5,
    }];
    ask(&mut m, host, Request::HostAgenda { items });
    ask(&mut m, host, Request::HostAgendaGo { item: Some(0) });
    let participants = vec![other];
    ask(&mut m, host, Request::HostSeatOrder { participants });
    let aside = |text: &str, to| Action::Chat {
        text: text.into(),
        client_id: text.into(),
        to: Some(to),
        files: Vec::new(),
    };
    m.act(guest, aside("help", Audience::Hosts));
    m.act(host, aside("yes?", Audience::Person { participant: you }));
    m.act(
        guest,
        aside(
            "lost",
            Audience::Person {
                participant: ParticipantId(99),
            },
        ),
    );
    m.run_ms(200);
    assert_eq!(m.see(guest).session.state().asides.len(), 2);
    let role = Role::CoHost;
    ask(
        &mut m,
        host,
        Request::HostRole {
            participant: you,
            role,
        },
    );
    m.server(|s, net| s.media_event(MediaEvent::Speakers(vec![you]), net));
    m.run_ms(11_000);
    cut(&mut m, guest, 4000);
    m.act(host, aside("again?", Audience::Hosts));
    m.run_ms(3000);
    m.assert_converged();
    let state = m.see(guest).session.state();
    assert_eq!((state.asides.len(), state.own_votes.len()), (3, 1));
    assert!(!state.speaking_times.is_empty());
    ask(&mut m, host, Request::HostAgenda { items: Vec::new() });
    m.act(guest, aside("bye", Audience::Person { participant: other }));
    m.run_ms(200);
    m.act(guest, Action::Leave);
    m.run_ms(100);
    keep("led", m, guest);
}

#[test]
fn breakout_rooms() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    let you = m.see(guest).session.state().you.expect("is in");
    let ask = |m: &mut Meeting, who, request| {
        m.act(who, Action::Ask(request));
        m.run_ms(100);
    };
    let plan = |choose| Request::HostBreakout {
        rooms: vec!["Red".into(), "Blue".into()],
        choose,
    };
    let go = |room| Request::BreakoutGo { room };
    ask(&mut m, host, plan(false));
    ask(&mut m, guest, go(Some(1)));
    ask(&mut m, host, Request::HostBreakoutSpread { anew: true });
    ask(&mut m, host, Request::HostBreakoutOpen { minutes: Some(5) });
    // Said while the link is down, for the room it was said in.
    ask(&mut m, guest, Request::BreakoutHelp { asked: true });
    m.act(guest, say("in red"));
    ask(&mut m, host, go(Some(1)));
    let reaction = Reaction::Clap;
    m.act(host, Action::Reaction { reaction });
    m.act(host, say("here I am"));
    m.run_ms(200);
    m.set_up(guest, false);
    m.act(guest, say("late"));
    let places = vec![Assignment {
        participant: you,
        room: Some(2),
    }];
    ask(&mut m, host, Request::HostBreakoutAssign { places });
    let everyone = Action::Chat {
        text: "five minutes".into(),
        client_id: "e1".into(),
        to: Some(Audience::Everyone),
        files: Vec::new(),
    };
    m.act(host, everyone);
    m.run_ms(4000);
    m.set_up(guest, true);
    m.run_ms(2500);
    m.assert_converged();
    let notices = &m.see(guest).notices;
    assert!(notices.iter().any(|n| matches!(n, Notice::Reacted { .. })));
    assert!(
        notices.iter().any(|n| matches!(
            n,
            Notice::Failed {
                code: Code::NotFound,
                ..
            }
        )),
        "late words go to nobody"
    );
    assert_eq!(m.see(guest).session.state().asides.len(), 2);
    assert_eq!(m.snapshot().chat.len(), 1);
    ask(&mut m, guest, go(None));
    ask(&mut m, guest, go(Some(2)));
    m.act(guest, say("in blue"));
    m.run_ms(200);
    ask(&mut m, host, plan(true));
    ask(&mut m, guest, go(Some(1)));
    ask(&mut m, host, Request::HostBreakoutClose { seconds: 2 });
    m.run_ms(2500);
    m.assert_converged();
    m.act(guest, say("all here"));
    m.run_ms(200);
    assert_eq!(m.snapshot().chat.len(), 2);
    ask(
        &mut m,
        host,
        Request::HostBreakout {
            rooms: Vec::new(),
            choose: false,
        },
    );
    m.act(guest, Action::Leave);
    m.run_ms(100);
    keep("breakout", m, guest);
}

#[test]
fn the_meeting_ends() {
    let (mut m, host, guest) = stage();
    start(&mut m, guest);
    m.act(host, Action::HostEnd);
    m.run_ms(300);
    keep("meeting_ended", m, guest);
}

#[test]
fn a_server_that_shuts_down_and_a_slow_start() {
    let (mut m, _, guest) = stage();
    m.server(|s, net| s.kill(net));
    m.person(guest, |p, net| p.start(net));
    m.run_ms(1800);
    m.server(|s, net| s.restart(net));
    m.run_ms(3000);
    m.server(|s, net| s.shut_down(net));
    m.run_ms(100);
    m.server(|s, net| s.restart(net));
    m.run_ms(1500);
    m.assert_converged();
    keep("going_away", m, guest);
}

#[test]
fn a_dead_link_before_the_first_word() {
    let (mut m, _, guest) = stage();
    m.set_up(guest, false);
    m.person(guest, |p, net| p.start(net));
    m.run_ms(20_000);
    m.set_up(guest, true);
    m.run_ms(6000);
    m.assert_converged();
    keep("dead_link", m, guest);
}
