//! Transcripts drawn by dice: inputs no real server would send in an order no real one would keep, so that the twins
//! agree in the odd corners too. See `transcripts.rs` for how they are recorded.

use confab_base::{Duration, Source, Time};
use confab_protocol::*;
use confab_session::{Action, Input, Output, Session};
use confab_sim::{Person, Recording, meeting_id};
use confab_simnet::Rng;
use std::path::PathBuf;

const SEEDS: std::ops::Range<u64> = 0..3;
const STEPS: u32 = 250;

#[test]
fn the_odd_corners_are_on_record() {
    for seed in SEEDS {
        let text = record(seed);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/transcripts");
        let path = PathBuf::from(folder).join(format!("dice_{seed}.jsonl"));
        if std::env::var_os("CONFAB_RECORD").is_some() {
            std::fs::write(&path, &text).expect("writable");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let parsed = |text: &str| -> Vec<serde_json::Value> {
            let line = |line| serde_json::from_str(line).expect("JSON");
            text.lines().map(line).collect()
        };
        assert!(
            parsed(&committed) == parsed(&text),
            "{} is stale",
            path.display()
        );
    }
}

/// Draws inputs that fit the state now and then, since purely random ones would not get far.
struct Dice {
    rng: Rng,
    seq: u64,
    last_sent: u32,
    greeted: bool,
}

fn record(seed: u64) -> String {
    let options = Person::options(seed + 1, None);
    let mut recording = Recording::new(&options);
    let mut session = Session::new(options);
    let mut dice = Dice {
        rng: Rng::new(seed),
        seq: 1,
        last_sent: 0,
        greeted: false,
    };
    let mut now = Time::ZERO;
    let mut feed = |input: Input, now: Time, dice: &mut Dice| {
        session.handle(input.clone(), now);
        let outputs: Vec<_> = std::iter::from_fn(|| session.poll_output()).collect();
        recording.step(input, &outputs, &session, now);
        for output in outputs {
            if let Output::Send { message } = output {
                dice.greeted = !matches!(message.body, Request::Hello(_));
                dice.last_sent = message.id;
            }
        }
    };
    feed(Input::Start, now, &mut dice);
    for _ in 0..STEPS {
        let input = dice.input();
        feed(input, now, &mut dice);
        now += Duration::from_millis(dice.rng.below(400));
        if dice.rng.chance(0.5) {
            feed(Input::Timeout, now, &mut dice);
        }
    }
    recording.to_text()
}

impl Dice {
    fn input(&mut self) -> Input {
        match self.rng.below(30) {
            0 => Input::SocketClosed,
            1..=4 => Input::SocketOpened,
            5..=9 => Input::Act {
                action: self.action(),
            },
            10 | 11 => Input::LocalOffer {
                generation: self.small(),
                sdp: "o".into(),
                publish: vec![Publish {
                    mid: "0".into(),
                    source: self.source(),
                    layers: Vec::new(),
                }],
            },
            12 => Input::View {
                slots: vec![Slot {
                    mid: "1".into(),
                    track: None,
                    max_height: self.small() as u16,
                }],
                max_bitrate: self.rng.chance(0.5).then_some(100_000),
            },
            13 => Input::MediaConnected {
                generation: self.small(),
            },
            14 => Input::MediaFailed {
                generation: self.small(),
            },
            15 => Input::Listening {
                listening: Listening {
                    stalled_permille: 40 * self.small() as u16,
                    minutes: self.small(),
                    fluent_minutes: 1,
                },
            },
            _ => Input::Received {
                message: Box::new(self.message()),
            },
        }
    }

    fn message(&mut self) -> ServerMessage {
        let message = String::new();
        let id = self.last_sent.saturating_sub(self.rng.below(3) as u32);
        match self.rng.below(28) {
            24 => ServerMessage::Waiting(Waiting {
                protocol: VERSION,
                you: ParticipantId(1),
                token: format!("w{}", self.seq),
                title: "T".into(),
                starts_at: self.rng.chance(0.5).then_some(7),
                server_time: self.seq,
                place: self.place(),
            }),
            25 => ServerMessage::Place(self.place()),
            26 | 27 => self.aside(),
            0..=4 => ServerMessage::Welcome(Welcome {
                protocol: VERSION,
                you: ParticipantId(1),
                token: self.rng.chance(0.9).then(|| format!("t{}", self.seq)),
                resumed: self.rng.chance(0.9),
                media_generation: self.small(),
                catch_up: self.catch_up(),
                server_time: 0,
                ice_servers: Vec::new(),
            }),
            5 if self.rng.chance(0.2) => ServerMessage::Refused {
                code: self.code(),
                message,
            },
            6 if self.rng.chance(0.3) => ServerMessage::Bye {
                code: self.code(),
                message,
            },
            7..=9 => ServerMessage::Reply {
                id,
                body: ReplyBody::Done,
            },
            10 => ServerMessage::Reply {
                id,
                body: ReplyBody::Answer {
                    generation: self.small(),
                    sdp: "a".into(),
                },
            },
            11 | 12 => ServerMessage::Reply {
                id,
                body: ReplyBody::CatchUp {
                    catch_up: self.catch_up(),
                },
            },
            13 => ServerMessage::Error {
                id,
                code: self.code(),
                message,
            },
            14 => ServerMessage::MediaLost {
                generation: self.small(),
            },
            15 => ServerMessage::Speakers {
                participants: vec![self.who(), self.who()],
            },
            16 => ServerMessage::Quality {
                levels: vec![ParticipantQuality {
                    participant: self.who(),
                    level: QualityLevel::Fair,
                }],
            },
            17 => ServerMessage::VoiceLoss(VoiceLoss {
                percent: 55,
                burst: 23,
            }),
            18 => ServerMessage::Slots {
                slots: vec![SlotState {
                    mid: "1".into(),
                    track: Some(TrackId(self.small())),
                    height: 180,
                    limited: Limited::Bandwidth,
                }],
            },
            _ => ServerMessage::Event(self.entry()),
        }
    }

    fn place(&mut self) -> LobbyPlace {
        LobbyPlace {
            position: self.small(),
            reason: WaitReason::Host,
        }
    }

    /// What is in no event.
    fn aside(&mut self) -> ServerMessage {
        match self.rng.below(5) {
            0 => ServerMessage::Lobby {
                waiting: (0..self.rng.below(2))
                    .map(|_| self.waiting_person())
                    .collect(),
            },
            1 => ServerMessage::OwnVotes {
                votes: (0..self.rng.below(3) as u32)
                    .map(|poll| OwnVote {
                        poll,
                        choices: vec![1],
                    })
                    .collect(),
            },
            2 => ServerMessage::SpeakingTimes {
                times: vec![SpeakingTime {
                    participant: self.who(),
                    seconds: self.small(),
                }],
            },
            3 => ServerMessage::Reacted {
                participant: self.who(),
                reaction: Reaction::Heart,
            },
            _ => ServerMessage::Asides {
                messages: vec![ChatMessage {
                    id: u64::from(self.small()),
                    from: self.who(),
                    name: "N".into(),
                    text: "t".into(),
                    to: Some(Audience::Hosts),
                    present: Vec::new(),
                    at: self.seq,
                    client_id: self.small().to_string(),
                    files: Vec::new(),
                }],
            },
        }
    }

    fn waiting_person(&mut self) -> WaitingPerson {
        WaitingPerson {
            id: self.who(),
            name: "W".into(),
            client: ClientKind::Browser,
            presence: Presence::Connected,
            member: false,
            turned_away: true,
            since: self.seq,
        }
    }

    /// What happens with the rules and the tools.
    fn tool_event(&mut self) -> Event {
        let (participant, by, id) = (self.who(), self.who(), self.small());
        let yes = self.rng.chance(0.6);
        match self.rng.below(12) {
            0 => Event::PolicyChanged {
                policy: Policy {
                    lobby: if yes {
                        LobbyPolicy::Guests
                    } else {
                        LobbyPolicy::Off
                    },
                    ..Policy::default()
                },
                by,
            },
            1 => Event::UnmuteAsked {
                participant,
                source: Source::Camera,
                by,
            },
            2 => Event::FloorChanged {
                floor: yes.then(|| Floor {
                    holder: Some(participant),
                    since: self.seq,
                    queue: vec![by],
                }),
            },
            3 => Event::QuestionChanged {
                question: Question {
                    id,
                    from: participant,
                    name: "N".into(),
                    text: "?".into(),
                    at: self.seq,
                    client_id: "q".into(),
                    votes: vec![by],
                    answer: None,
                },
            },
            4 => Event::QuestionDismissed { question: id },
            5 => Event::PollChanged {
                poll: Poll {
                    id,
                    question: "?".into(),
                    options: vec!["a".into(), "b".into()],
                    multiple: false,
                    anonymous: yes,
                    live: true,
                    closed: false,
                    quiz: false,
                    voters: id,
                    results: vec![id, 0],
                    correct: Vec::new(),
                    votes: Vec::new(),
                },
            },
            6 => Event::PollRemoved { poll: id },
            7 => Event::AgendaChanged {
                agenda: yes.then(Agenda::default),
            },
            8 => Event::BreakoutChanged {
                breakout: yes.then(|| Breakout {
                    rooms: vec!["Red".into(), "Blue".into()],
                    choose: false,
                    opened_at: Some(self.seq),
                    ends_at: None,
                }),
            },
            9 => Event::Placed {
                places: vec![Place {
                    participant,
                    room: yes.then_some(id),
                    assigned: Some(id),
                }],
            },
            10 => Event::HelpChanged {
                participant,
                help: yes.then_some(self.seq),
            },
            _ => Event::SeatOrderChanged {
                participants: if yes { vec![by] } else { Vec::new() },
            },
        }
    }

    /// Mostly the next event, sometimes one from the past or from behind a gap.
    fn entry(&mut self) -> Sequenced {
        self.seq += match self.rng.below(12) {
            0 => 2,
            1 => 0,
            _ => 1,
        };
        Sequenced {
            seq: self.seq,
            at: self.seq,
            event: self.event(),
        }
    }

    fn event(&mut self) -> Event {
        let participant = self.who();
        match self.rng.below(18) {
            13..=17 => self.tool_event(),
            0 => Event::ParticipantJoined {
                participant: self.participant(participant),
            },
            1 => Event::ParticipantLeft {
                participant,
                reason: LeaveReason::Lost,
            },
            2 => Event::PresenceChanged {
                participant,
                presence: Presence::Reconnecting,
            },
            3 => Event::Renamed {
                participant,
                name: "N".into(),
            },
            4 => Event::RoleChanged {
                participant,
                role: Role::Host,
            },
            5 | 6 => Event::MuteChanged {
                participant,
                source: self.source(),
                muted: self.rng.chance(0.5),
                by: self.who(),
            },
            7 => Event::HandChanged {
                participant,
                hand: self.rng.chance(0.5).then_some(self.seq),
            },
            8 => Event::TrackPublished {
                participant,
                track: Track {
                    id: TrackId(self.small()),
                    source: self.source(),
                    codec: None,
                    layers: Vec::new(),
                },
            },
            9 => Event::TrackUnpublished {
                participant,
                track: TrackId(self.small()),
            },
            10 => Event::Chat {
                message: ChatMessage {
                    id: self.seq,
                    from: participant,
                    name: "N".into(),
                    text: "t".into(),
                    to: None,
                    present: Vec::new(),
                    at: self.seq,
                    client_id: self.small().to_string(),
                    files: Vec::new(),
                },
            },
            11 => Event::SpotlightChanged {
                participants: (0..self.rng.below(3)).map(|_| self.who()).collect(),
                by: self.who(),
            },
            12 => Event::BoardPresented {
                participant: self.rng.chance(0.8).then_some(participant),
                by: self.who(),
            },
            _ => Event::LockChanged {
                locked: self.rng.chance(0.5),
                by: participant,
            },
        }
    }

    fn catch_up(&mut self) -> CatchUp {
        if self.rng.chance(0.4) {
            let events = (0..self.rng.below(3)).map(|_| self.entry()).collect();
            return CatchUp::Events { events };
        }
        let participants = vec![
            self.participant(ParticipantId(1)),
            self.participant(ParticipantId(2)),
        ];
        CatchUp::Snapshot {
            snapshot: Snapshot {
                seq: self.seq,
                meeting: Meeting {
                    id: meeting_id(),
                    title: String::new(),
                    locked: false,
                    spotlights: Vec::new(),
                    board: None,
                    policy: confab_protocol::Policy::default(),
                    started_at: 1,
                },
                participants,
                chat: Vec::new(),
                tools: Tools::default(),
            },
        }
    }

    fn participant(&mut self, id: ParticipantId) -> Participant {
        Participant {
            id,
            name: "A".into(),
            role: Role::Guest,
            client: ClientKind::Browser,
            presence: Presence::Connected,
            muted: vec![self.source()],
            hand: None,
            same_room: None,
            room: None,
            assigned: None,
            help: None,
            tracks: Vec::new(),
            decodes: Vec::new(),
            joined_at: 1,
        }
    }

    fn action(&mut self) -> Action {
        match self.rng.below(10) {
            8 => Action::Ask(Request::FloorGrab),
            9 => Action::Ask(Request::PollVote {
                poll: self.small(),
                choices: vec![0],
            }),
            0 | 1 => Action::Mute {
                source: self.source(),
                muted: self.rng.chance(0.5),
            },
            2 => Action::Hand {
                raised: self.rng.chance(0.5),
            },
            3 => Action::Unpublish {
                source: self.source(),
            },
            4 | 5 => Action::Chat {
                text: "t".into(),
                client_id: self.small().to_string(),
                to: self.rng.chance(0.3).then_some(Audience::Hosts),
                files: Vec::new(),
            },
            6 => Action::Rename { name: "B".into() },
            _ => Action::HostMuteAll,
        }
    }

    fn code(&mut self) -> Code {
        let codes = [
            Code::BadSecret,
            Code::GoingAway,
            Code::Overloaded,
            Code::StaleGeneration,
        ];
        let some = if self.greeted {
            &codes[1..3]
        } else {
            &codes[..3]
        };
        *self.rng.pick(some).unwrap_or(&Code::Internal)
    }

    fn source(&mut self) -> Source {
        *self.rng.pick(&Source::ALL).unwrap_or(&Source::Camera)
    }

    fn who(&mut self) -> ParticipantId {
        ParticipantId(1 + self.small() % 4)
    }

    fn small(&mut self) -> u32 {
        self.rng.below(8) as u32
    }
}
