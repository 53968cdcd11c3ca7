//! Whatever comes in whatever order: the room never panics, keeps its order, speaks only to those who are there, and
//! comes back from a kill between any two outputs with all it had told anybody.

mod common;

use common::{HOUR, config, digest, hello, offer};
use confab_base::{Duration, Time};
use confab_protocol::*;
use confab_room::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Op {
    Join {
        host: bool,
    },
    /// Somebody who was ever in takes the seat again, or tries to.
    Resume {
        token: usize,
    },
    Closed {
        conn: usize,
    },
    Ask {
        conn: usize,
        request: Request,
    },
    /// The media side answers, or fails, what waits longest.
    Answer {
        fine: bool,
    },
    Lost {
        participant: u32,
        generation: u32,
    },
    Wait {
        ms: u64,
    },
    /// kill -9 after this many more outputs, then a restart.
    Kill {
        after: usize,
    },
    ShutDown,
}

fn source() -> impl Strategy<Value = Source> {
    prop::sample::select(&Source::ALL[..])
}

fn request() -> impl Strategy<Value = Request> {
    let who = (1..6u32).prop_map(ParticipantId);
    let sources = prop::collection::btree_set(source(), 0..4);
    prop_oneof![
        (0..4u32, sources).prop_map(|(generation, s)| {
            offer(generation.max(1), &s.into_iter().collect::<Vec<_>>())
        }),
        (0..9u32).prop_map(|track| Request::View {
            slots: vec![Slot {
                mid: "5".into(),
                track: Some(TrackId(track)),
                max_height: 90,
            }],
            max_bitrate: None,
        }),
        (source(), any::<bool>()).prop_map(|(source, muted)| Request::Mute { source, muted }),
        source().prop_map(|source| Request::Unpublish { source }),
        any::<bool>().prop_map(|raised| Request::Hand { raised }),
        Just(Request::Reaction {
            reaction: Reaction::Clap
        }),
        (0..12u8).prop_map(|n| Request::Chat {
            text: n.to_string(),
            client_id: n.to_string(),
            to: None,
            files: Vec::new(),
        }),
        (0..3u8).prop_map(|n| Request::Rename {
            name: n.to_string()
        }),
        (who.clone(), source()).prop_map(|(participant, source)| Request::HostMute {
            participant,
            source
        }),
        Just(Request::HostMuteAll),
        who.clone()
            .prop_map(|participant| Request::HostLowerHand { participant }),
        who.clone()
            .prop_map(|participant| Request::HostRemove { participant }),
        any::<bool>().prop_map(|locked| Request::HostLock { locked }),
        proptest::collection::vec(who, 0..3)
            .prop_map(|participants| Request::HostSpotlight { participants }),
        (0..40u64).prop_map(|last_seq| Request::Resync { last_seq }),
        Just(Request::Ping),
        Just(Request::Leave),
        Just(Request::Hello(hello("again"))),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => any::<bool>().prop_map(|host| Op::Join { host }),
        2 => any::<usize>().prop_map(|token| Op::Resume { token }),
        1 => any::<usize>().prop_map(|conn| Op::Closed { conn }),
        20 => (any::<usize>(), request()).prop_map(|(conn, request)| Op::Ask { conn, request }),
        1 => any::<usize>().prop_map(|conn| Op::Ask { conn, request: Request::HostEnd }),
        2 => (any::<usize>(), 0..4u32).prop_map(|(conn, minutes)| Op::Ask { conn, request: Request::Listening(Listening { stalled_permille: 40, minutes, fluent_minutes: minutes / 2 }) }),
        4 => any::<bool>().prop_map(|fine| Op::Answer { fine }),
        1 => (1..6u32, 0..4u32).prop_map(|(participant, generation)| Op::Lost { participant, generation }),
        3 => (0..2500u64).prop_map(|ms| Op::Wait { ms }),
        1 => (0..8usize).prop_map(|after| Op::Kill { after }),
        1 => Just(Op::ShutDown),
    ]
}

/// The shell, and all that it is checked by.
struct World {
    room: Room,
    now: Time,
    store: Persisted,
    /// Connections that are open, and the last event number each was told.
    open: BTreeMap<ConnId, Option<u64>>,
    last_conn: u64,
    last_id: u32,
    /// Every token a welcome carried, with whose it is.
    tokens: Vec<(ParticipantId, String)>,
    answers: Vec<(ParticipantId, u64, u32)>,
    highest: u64,
    told_chat: BTreeSet<u64>,
    /// Outputs until the kill.
    fuse: Option<usize>,
}

impl World {
    fn new() -> World {
        World {
            room: Room::new(config()),
            now: Time::ZERO,
            store: Persisted::default(),
            open: BTreeMap::new(),
            last_conn: 0,
            last_id: 0,
            tokens: Vec::new(),
            answers: Vec::new(),
            highest: 0,
            told_chat: BTreeSet::new(),
            fuse: None,
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Join { host } => {
                let mut hello = hello("N");
                hello.host_key = host.then(|| "key".into());
                self.connect(hello);
            }
            Op::Resume { token } => {
                if self.tokens.is_empty() {
                    return;
                }
                // A client has the last token it was told, and no other.
                let participant = self.tokens[token % self.tokens.len()].0;
                let Some(token) = self.newest_token(participant) else {
                    return;
                };
                let last_seq = self.highest / 2;
                let mut hello = hello("");
                hello.resume = Some(Resume {
                    participant,
                    token,
                    last_seq,
                });
                self.connect(hello);
            }
            Op::Closed { conn } => {
                if let Some(conn) = self.some_conn(conn) {
                    self.open.remove(&conn);
                    self.feed(Input::Closed { conn });
                }
            }
            Op::Ask { conn, request } => {
                if let Some(conn) = self.some_conn(conn) {
                    self.last_id += 1;
                    let id = self.last_id;
                    self.feed(Input::Request { conn, id, request });
                }
            }
            Op::Answer { fine } => self.answer(fine),
            Op::Lost {
                participant,
                generation,
            } => self.feed(Input::Media(MediaEvent::Lost {
                participant: ParticipantId(participant),
                generation,
            })),
            Op::Wait { ms } => {
                self.now += Duration::from_millis(ms);
                self.feed(Input::Timeout);
                let next = self.room.next_wakeup();
                assert!(next.is_none_or(|at| at > self.now), "woken for nothing");
            }
            Op::Kill { after } => self.fuse = Some(after),
            Op::ShutDown => {
                self.feed(Input::ShutDown);
                self.restart();
            }
        }
    }

    fn newest_token(&self, participant: ParticipantId) -> Option<String> {
        let mut newest_first = self.tokens.iter().rev();
        newest_first
            .find(|t| t.0 == participant)
            .map(|t| t.1.clone())
    }

    fn some_conn(&self, n: usize) -> Option<ConnId> {
        self.open.keys().nth(n % self.open.len().max(1)).copied()
    }

    fn connect(&mut self, hello: Hello) {
        self.last_conn += 1;
        self.last_id += 1;
        let conn = ConnId(self.last_conn);
        let token = format!("t{}", self.last_conn);
        self.open.insert(conn, None);
        self.feed(Input::Connect(Box::new(Connect {
            conn,
            id: self.last_id,
            host_key_ok: hello.host_key.is_some(),
            passcode: Passcode::NotNeeded,
            account: None,
            co_host: false,
            peer: 0,
            resume_digest: hello.resume.as_ref().map(|r| digest(&r.token)),
            token_digest: digest(&token),
            token,
            hello,
        })));
    }

    fn answer(&mut self, fine: bool) {
        if self.answers.is_empty() {
            return;
        }
        let (participant, ticket, generation) = self.answers.remove(0);
        self.feed(Input::Media(if fine {
            MediaEvent::Answer {
                participant,
                ticket,
                generation,
                sdp: String::new(),
                codecs: Vec::new(),
            }
        } else {
            MediaEvent::OfferFailed {
                participant,
                ticket,
                generation,
                code: Code::BadSdp,
                message: String::new(),
            }
        }));
    }

    fn feed(&mut self, input: Input) {
        let wall = HOUR + self.now.as_millis();
        self.room.handle(input, self.now, wall);
        while let Some(output) = self.room.poll_output() {
            if let Some(fuse) = &mut self.fuse {
                if *fuse == 0 {
                    return self.restart();
                }
                *fuse -= 1;
            }
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Send { to, message } => {
                assert!(!to.is_empty());
                for conn in to {
                    assert!(self.open.contains_key(&conn), "{conn:?} is closed");
                    self.tell(conn, &message);
                }
            }
            Output::Close { conn, .. } => {
                assert!(self.open.remove(&conn).is_some(), "{conn:?} closed twice");
            }
            Output::Media(MediaCommand::Offer {
                participant,
                ticket,
                generation,
                ..
            }) => self.answers.push((participant, ticket, generation)),
            Output::Media(_) | Output::Listened { .. } | Output::Minute(_) => {}
            Output::Store(command) => self.store.apply(command),
        }
    }

    fn tell(&mut self, conn: ConnId, message: &ServerMessage) {
        let last = self.open[&conn];
        let next = match message {
            ServerMessage::Welcome(welcome) => {
                let token = welcome.token.clone().expect("nobody waits");
                self.tokens.push((welcome.you, token));
                match &welcome.catch_up {
                    CatchUp::Snapshot { snapshot } => snapshot.seq,
                    CatchUp::Events { events } => events.last().map_or(self.highest, |e| e.seq),
                }
            }
            ServerMessage::Event(entry) => {
                assert_eq!(
                    Some(entry.seq),
                    last.map(|seq| seq + 1),
                    "a gap for {conn:?}"
                );
                if let Event::Chat { message } = &entry.event {
                    self.told_chat.insert(message.id);
                }
                entry.seq
            }
            _ => return,
        };
        self.highest = self.highest.max(next);
        self.open.insert(conn, Some(next));
    }

    /// The process is gone with all outputs that were not carried out; a new one starts from the store.
    fn restart(&mut self) {
        let before = self.fuse.take().is_none().then(|| self.room.snapshot());
        self.open.clear();
        self.answers.clear();
        self.room = Room::restore(config(), self.store.clone(), self.now);
        let after = self.room.snapshot();
        assert!(after.seq >= self.highest, "the order went back");
        let chat: BTreeSet<_> = after.chat.iter().map(|m| m.id).collect();
        let oldest = chat.first().copied().unwrap_or(0);
        let missing = |id: &&u64| **id >= oldest && !chat.contains(id);
        assert_eq!(self.told_chat.iter().find(missing), None, "chat was lost");
        if let Some(before) = before.filter(|_| !self.room.is_ended()) {
            assert_eq!(before.chat, after.chat);
            assert_eq!(before.meeting, after.meeting);
            let lasting = |room: Snapshot| -> Vec<_> {
                let people = room.participants.into_iter();
                people
                    .map(|p| (p.id, p.name, p.role, p.muted, p.hand))
                    .collect()
            };
            assert_eq!(lasting(before), lasting(after));
        }
    }

    /// Everyone who has a seat and its newest token gets in again.
    fn all_resume(&mut self) {
        if self.room.is_ended() {
            return;
        }
        self.restart();
        for participant in self.room.snapshot().participants {
            let Some(token) = self.newest_token(participant.id) else {
                // Killed before anybody was told of this seat.
                continue;
            };
            let mut hello = hello("");
            hello.resume = Some(Resume {
                participant: participant.id,
                token,
                last_seq: 0,
            });
            let before = self.tokens.len();
            self.connect(hello);
            assert_eq!(
                self.tokens.len(),
                before + 1,
                "{} stays outside",
                participant.id
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_keeps_the_rooms_promises(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.run(op);
        }
        world.all_resume();
    }
}
