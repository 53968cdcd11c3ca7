//! A shell for one room: sends requests, keeps what comes back.
#![allow(
    dead_code,
    reason = "each test file uses the part it needs of this shared shell"
)]

use confab_base::{AccountId, MeetingId, Time, VideoCodec};
use confab_protocol::*;
use confab_room::*;

pub const HOUR: u64 = 3_600_000;

pub fn config() -> RoomConfig {
    RoomConfig {
        id: MeetingId::from_random(1),
        title: "T".into(),
        max_participants: 5,
        policy: Policy::default(),
        starts_at: None,
    }
}

pub fn digest(token: &str) -> Digest {
    let mut digest = [0; 32];
    for (place, byte) in digest.iter_mut().zip(token.bytes()) {
        *place = byte;
    }
    digest
}

pub fn hello(name: &str) -> Hello {
    Hello {
        protocol: VERSION,
        meeting: MeetingId::from_random(1),
        name: name.into(),
        client: ClientKind::Headless,
        agent: String::new(),
        host_key: None,
        passcode: None,
        resume: None,
        decodes: vec![VideoCodec::H264],
    }
}

pub struct Rig {
    pub room: Room,
    pub now: Time,
    pub store: Persisted,
    /// What came out since the last look.
    pub outputs: Vec<Output>,
    /// The account of who connects next.
    pub account: Option<AccountId>,
    /// Whether the plan names who connects next as co-host.
    pub co_host: bool,
    /// Where connections come from.
    pub peer: u64,
    /// The passcode is "open".
    pub has_passcode: bool,
    tokens: u64,
    ids: u32,
}

impl Rig {
    pub fn new() -> Rig {
        Rig::with(Policy::default())
    }

    pub fn with(policy: Policy) -> Rig {
        let config = RoomConfig { policy, ..config() };
        Rig {
            room: Room::new(config),
            account: None,
            co_host: false,
            peer: 1,
            has_passcode: false,
            now: Time::from_millis(1),
            store: Persisted::default(),
            outputs: Vec::new(),
            tokens: 0,
            ids: 0,
        }
    }

    pub fn feed(&mut self, input: Input) {
        let wall = HOUR + self.now.as_millis();
        self.room.handle(input, self.now, wall);
        while let Some(output) = self.room.poll_output() {
            if let Output::Store(command) = &output {
                self.store.apply(command.clone());
            }
            self.outputs.push(output);
        }
    }

    pub fn wait_ms(&mut self, ms: u64) {
        self.now += confab_base::Duration::from_millis(ms);
        self.feed(Input::Timeout);
    }

    /// Connects, and gives back the token that a welcome would carry.
    pub fn connect(&mut self, conn: u64, hello: Hello) -> String {
        self.tokens += 1;
        self.ids += 1;
        let token = format!("t{}", self.tokens);
        let connect = Connect {
            conn: ConnId(conn),
            id: self.ids,
            host_key_ok: hello.host_key.as_deref() == Some("key"),
            passcode: match hello.passcode.as_deref() {
                _ if !self.has_passcode => Passcode::NotNeeded,
                None => Passcode::Missing,
                Some("open") => Passcode::Right,
                Some(_) => Passcode::Wrong,
            },
            account: self.account.take(),
            co_host: std::mem::take(&mut self.co_host),
            peer: self.peer,
            resume_digest: hello.resume.as_ref().map(|r| digest(&r.token)),
            token: token.clone(),
            token_digest: digest(&token),
            hello,
        };
        self.feed(Input::Connect(Box::new(connect)));
        token
    }

    pub fn join(&mut self, conn: u64, host: bool) -> String {
        let mut hello = hello(&format!("P{conn}"));
        hello.host_key = host.then(|| "key".into());
        self.connect(conn, hello)
    }

    pub fn resume(&mut self, conn: u64, participant: u32, token: &str, last_seq: u64) -> String {
        let mut hello = hello("");
        hello.resume = Some(Resume {
            participant: ParticipantId(participant),
            token: token.into(),
            last_seq,
        });
        self.connect(conn, hello)
    }

    /// Sends a request on a connection; what comes of it is in `outputs`.
    pub fn ask(&mut self, conn: u64, request: Request) {
        self.ids += 1;
        let (conn, id) = (ConnId(conn), self.ids);
        self.feed(Input::Request { conn, id, request });
    }

    /// The messages to one connection since the last look, in order. Forgets everything else.
    pub fn heard(&mut self, conn: u64) -> Vec<ServerMessage> {
        let outputs = std::mem::take(&mut self.outputs);
        let to = |output| match output {
            Output::Send { to, message } if to.contains(&ConnId(conn)) => Some(*message),
            _ => None,
        };
        outputs.into_iter().filter_map(to).collect()
    }

    /// The error that the last request got.
    pub fn error(&mut self, conn: u64) -> Option<Code> {
        self.heard(conn).into_iter().find_map(|m| match m {
            ServerMessage::Error { code, .. } => Some(code),
            _ => None,
        })
    }

    /// How the connection was refused or dismissed, and whether it was closed.
    pub fn dismissed(&mut self, conn: u64) -> Option<Code> {
        let closed = self
            .outputs
            .iter()
            .any(|o| matches!(o, Output::Close { conn: c, code: Some(_) } if *c == ConnId(conn)));
        let code = self.heard(conn).into_iter().find_map(|m| match m {
            ServerMessage::Refused { code, .. } | ServerMessage::Bye { code, .. } => Some(code),
            _ => None,
        });
        code.filter(|_| closed)
    }

    pub fn welcome(&mut self, conn: u64) -> Option<Welcome> {
        self.heard(conn).into_iter().find_map(|m| match m {
            ServerMessage::Welcome(welcome) => Some(welcome),
            _ => None,
        })
    }

    pub fn events(&mut self, conn: u64) -> Vec<Event> {
        let event = |m| match m {
            ServerMessage::Event(entry) => Some(entry.event),
            _ => None,
        };
        self.heard(conn).into_iter().filter_map(event).collect()
    }

    pub fn commands(&mut self) -> Vec<MediaCommand> {
        let outputs = std::mem::take(&mut self.outputs);
        let media = |output| match output {
            Output::Media(command) => Some(command),
            _ => None,
        };
        outputs.into_iter().filter_map(media).collect()
    }

    /// Sends an offer and leaves it unanswered. Returns its ticket.
    pub fn offer(&mut self, conn: u64, generation: u32, sources: &[Source]) -> u64 {
        self.outputs.clear();
        self.ask(conn, offer(generation, sources));
        match self.commands().pop() {
            Some(MediaCommand::Offer { ticket, .. }) => ticket,
            other => panic!("the offer is passed on, not {other:?}"),
        }
    }

    /// The media side refuses an offer.
    pub fn fail_offer(&mut self, participant: u32, ticket: u64, generation: u32) {
        self.feed(Input::Media(MediaEvent::OfferFailed {
            participant: ParticipantId(participant),
            ticket,
            generation,
            code: Code::BadSdp,
            message: "no".into(),
        }));
    }

    /// Offers these sources, and has the media side answer. Returns the track ids.
    pub fn publish(&mut self, conn: u64, generation: u32, sources: &[Source]) -> Vec<TrackId> {
        self.outputs.clear();
        self.ask(conn, offer(generation, sources));
        let Some(MediaCommand::Offer {
            participant,
            ticket,
            publish,
            ..
        }) = self.commands().pop()
        else {
            return Vec::new();
        };
        self.feed(Input::Media(MediaEvent::Answer {
            participant,
            ticket,
            generation,
            sdp: "answer".into(),
            codecs: Vec::new(),
        }));
        publish.iter().map(|line| line.track).collect()
    }
}

pub fn offer(generation: u32, sources: &[Source]) -> Request {
    let layer = Layer {
        rid: "q".into(),
        width: 320,
        height: 180,
        max_bitrate: 100_000,
    };
    let line = |(i, source): (usize, &Source)| Publish {
        mid: i.to_string(),
        source: *source,
        layers: match source.kind() {
            MediaKind::Audio => Vec::new(),
            MediaKind::Video => vec![layer.clone()],
        },
    };
    Request::Offer(Offer {
        generation,
        sdp: "offer".into(),
        publish: sources.iter().enumerate().map(line).collect(),
    })
}
