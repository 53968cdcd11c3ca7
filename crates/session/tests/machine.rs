//! Whatever a server, a socket, a peer connection and a person do, the session keeps its manners.

use confab_base::{Duration, MeetingId, Time};
use confab_protocol::*;
use confab_session::*;
use proptest::prelude::*;

fn options() -> JoinOptions {
    JoinOptions {
        meeting: MeetingId::from_random(1),
        name: "A".into(),
        client: ClientKind::Headless,
        agent: String::new(),
        host_key: None,
        passcode: None,
        decodes: vec![VideoCodec::H264],
        seat: None,
        jitter: 500,
    }
}

fn participant(id: u32) -> Participant {
    Participant {
        id: ParticipantId(id),
        name: "A".into(),
        role: Role::Guest,
        client: ClientKind::Browser,
        presence: Presence::Connected,
        muted: vec![Source::Camera],
        hand: None,
        tracks: Vec::new(),
        decodes: Vec::new(),
        joined_at: 0,
        same_room: None,
        room: None,
        assigned: None,
        help: None,
    }
}

fn snapshot(seq: u64) -> Snapshot {
    Snapshot {
        seq,
        meeting: Meeting {
            id: MeetingId::from_random(1),
            title: String::new(),
            locked: false,
            spotlights: Vec::new(),
            board: None,
            policy: confab_protocol::Policy::default(),
            started_at: 0,
        },
        participants: vec![participant(1), participant(2)],
        chat: Vec::new(),
        tools: Tools::default(),
    }
}

fn event() -> impl Strategy<Value = Event> {
    let who = || (1..4u32).prop_map(ParticipantId);
    prop_oneof![
        (1..5u32).prop_map(|id| Event::ParticipantJoined {
            participant: participant(id)
        }),
        who().prop_map(|participant| Event::ParticipantLeft {
            participant,
            reason: LeaveReason::Left
        }),
        (who(), any::<bool>(), who()).prop_map(|(participant, muted, by)| Event::MuteChanged {
            participant,
            source: Source::Microphone,
            muted,
            by
        }),
        (who(), prop::option::of(0..9u64))
            .prop_map(|(participant, hand)| Event::HandChanged { participant, hand }),
        who().prop_map(|by| Event::Ended { by }),
    ]
}

fn catch_up() -> impl Strategy<Value = CatchUp> {
    let entry = (0..12u64, event()).prop_map(|(seq, event)| Sequenced { seq, at: 0, event });
    prop_oneof![
        (0..9u64).prop_map(|seq| CatchUp::Snapshot {
            snapshot: snapshot(seq)
        }),
        prop::collection::vec(entry, 0..4).prop_map(|events| CatchUp::Events { events }),
    ]
}

fn code() -> impl Strategy<Value = Code> {
    prop::sample::select(vec![
        Code::BadSecret,
        Code::GoingAway,
        Code::Overloaded,
        Code::TooFast,
        Code::StaleGeneration,
        Code::Internal,
    ])
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let id = || 0..20u32;
    let message = String::new;
    prop_oneof![
        4 => (catch_up(), 0..4u32, any::<bool>()).prop_map(|(catch_up, media_generation, resumed)| {
            ServerMessage::Welcome(Welcome {
                protocol: VERSION,
                you: ParticipantId(1),
                token: Some("t".into()),
                resumed,
                media_generation,
                catch_up,
                server_time: 0,
                ice_servers: Vec::new(),
            })
        }),
        1 => code().prop_map(move |code| ServerMessage::Refused { code, message: message() }),
        1 => code().prop_map(move |code| ServerMessage::Bye { code, message: message() }),
        4 => id().prop_map(|id| ServerMessage::Reply { id, body: ReplyBody::Done }),
        3 => (id(), 0..4u32).prop_map(|(id, generation)| ServerMessage::Reply {
            id,
            body: ReplyBody::Answer { generation, sdp: String::new() }
        }),
        2 => (id(), catch_up())
            .prop_map(|(id, catch_up)| ServerMessage::Reply { id, body: ReplyBody::CatchUp { catch_up } }),
        3 => (id(), code()).prop_map(move |(id, code)| ServerMessage::Error { id, code, message: message() }),
        5 => (0..12u64, event())
            .prop_map(|(seq, event)| ServerMessage::Event(Sequenced { seq, at: 0, event })),
        1 => (0..5u32).prop_map(|generation| ServerMessage::MediaLost { generation }),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        any::<bool>().prop_map(|muted| Action::Mute {
            source: Source::Microphone,
            muted
        }),
        any::<bool>().prop_map(|raised| Action::Hand { raised }),
        (0..5u8).prop_map(|n| Action::Chat {
            text: "t".into(),
            client_id: n.to_string(),
            to: None,
            files: Vec::new(),
        }),
        Just(Action::Rename { name: "B".into() }),
        Just(Action::HostMuteAll),
        Just(Action::Unpublish {
            source: Source::Camera
        }),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        2 => Just(Input::Start),
        4 => Just(Input::SocketOpened),
        2 => Just(Input::SocketClosed),
        12 => server_message().prop_map(|message| Input::Received { message: Box::new(message) }),
        4 => action().prop_map(|action| Input::Act { action }),
        2 => (0..5u32).prop_map(|generation| Input::LocalOffer {
            generation,
            sdp: String::new(),
            publish: Vec::new()
        }),
        1 => (0..3u16, prop::option::of(Just(100_000))).prop_map(|(max_height, max_bitrate)| Input::View {
            slots: vec![Slot { mid: "1".into(), track: None, max_height }],
            max_bitrate,
        }),
        1 => (0..5u32).prop_map(|generation| Input::MediaConnected { generation }),
        1 => (0..5u32).prop_map(|generation| Input::MediaFailed { generation }),
        1 => (0..3u16, 0..3u32).prop_map(|(stalled_permille, minutes)| Input::Listening {
            listening: Listening { stalled_permille, minutes, fluent_minutes: 0 },
        }),
        6 => Just(Input::Timeout),
    ]
}

/// What a shell may rely on.
#[derive(Default)]
struct Shell {
    socket: bool,
    greeted: bool,
    last_id: u32,
    generation: u32,
    ended: bool,
}

impl Shell {
    fn check(&mut self, output: Output) {
        assert!(
            !self.ended || output == Output::Changed,
            "after the end: {output:?}"
        );
        match output {
            Output::OpenSocket => {
                assert!(!self.socket, "a second socket");
                self.socket = true;
                self.greeted = false;
            }
            Output::CloseSocket => {
                assert!(self.socket, "no socket to close");
                self.socket = false;
            }
            Output::Send { message } => {
                assert!(self.socket, "no socket to send on");
                assert!(message.id > self.last_id, "numbers rise");
                self.last_id = message.id;
                let hello = matches!(message.body, Request::Hello(_));
                assert_eq!(hello, !self.greeted, "hello first, and once");
                self.greeted = true;
                let text = serde_json::to_string(&message).unwrap();
                assert_eq!(parse_client(&text), Ok(message));
            }
            Output::NewPeer { generation } => {
                assert!(generation > self.generation, "generations rise");
                self.generation = generation;
            }
            Output::Ended { .. } => self.ended = true,
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_inputs_keep_the_manners(steps in prop::collection::vec((input(), 0..1500u64), 1..80)) {
        let mut session = Session::new(options());
        let mut shell = Shell::default();
        let mut now = Time::ZERO;
        session.handle(Input::Start, now);
        for (input, ms) in steps {
            while let Some(output) = session.poll_output() {
                shell.check(output);
            }
            match input {
                // A socket that is not there neither opens, closes nor speaks.
                Input::SocketOpened | Input::Received { .. } if !shell.socket => continue,
                Input::SocketClosed => shell.socket = false,
                _ => {}
            }
            session.handle(input, now);
            now += Duration::from_millis(ms);
            session.handle(Input::Timeout, now);
            prop_assert!(session.next_wakeup().is_none_or(|at| at > now), "woken for nothing");
        }
    }
}

#[test]
fn debug_output_keeps_the_secrets() {
    let mut options = options();
    options.host_key = Some("s3cret".into());
    options.seat = Some(SavedSeat {
        participant: ParticipantId(1),
        token: "t0ken".into(),
    });
    let shown = format!("{options:?} {:?}", options.seat);
    assert!(
        !shown.contains("s3cret") && !shown.contains("t0ken"),
        "{shown}"
    );
}
