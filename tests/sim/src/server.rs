//! The server's shell, played: connections, a store that survives a kill, and media that answers every offer.

use crate::{Packet, room_config, wall_ms};
use confab_base::{Duration, Time, VideoCodec};
use confab_protocol::{MediaKind, Policy, Request, ServerMessage, parse_client};
use confab_room::{
    ConnId, Connect, Digest, Input, MediaCommand, MediaEvent, Output, Passcode, Persisted, Room,
    RoomConfig, StoreCommand,
};
use confab_simnet::{Net, NodeId};
use std::collections::{BTreeMap, VecDeque};

/// The secret of the host link.
pub const HOST_KEY: &str = "host-key";
/// A passcode that is right where one is given.
pub const PASSCODE: &str = "open";
/// How long the media side takes to answer an offer.
const ANSWER_DELAY: Duration = Duration::from_millis(15);

#[derive(Debug)]
pub struct Server {
    /// Absent while the process is dead.
    room: Option<Room>,
    config: RoomConfig,
    /// What a kill does not take.
    pub store: Persisted,
    sockets: BTreeMap<u64, Socket>,
    answers: VecDeque<(Time, MediaEvent)>,
    /// All that was asked of the media side since the last start.
    pub media: Vec<MediaCommand>,
    tokens: u64,
    /// The highest sequence number anybody was told, to see that it never goes back.
    highest_seq: u64,
    pub messages_out: u64,
}

#[derive(Debug)]
struct Socket {
    node: NodeId,
    greeted: bool,
}

impl Server {
    pub fn new(policy: Policy) -> Server {
        let config = RoomConfig {
            policy,
            starts_at: Some(wall_ms(Time::ZERO) + 60_000),
            ..room_config()
        };
        Server {
            room: Some(Room::new(config.clone())),
            config,
            store: Persisted::default(),
            sockets: BTreeMap::new(),
            answers: VecDeque::new(),
            media: Vec::new(),
            tokens: 0,
            highest_seq: 0,
            messages_out: 0,
        }
    }

    pub fn room(&self) -> &Room {
        self.room.as_ref().expect("the server is alive")
    }

    pub fn is_alive(&self) -> bool {
        self.room.is_some()
    }

    /// kill -9: connections break, memory is gone.
    pub fn kill(&mut self, net: &mut Net<Packet>) {
        self.room = None;
        self.answers.clear();
        for (conn, socket) in std::mem::take(&mut self.sockets) {
            net.stream(socket.node, Packet::Closed(conn));
        }
    }

    pub fn restart(&mut self, net: &mut Net<Packet>) {
        self.media.clear();
        let room = Room::restore(self.config.clone(), self.store.clone(), net.now);
        assert!(
            room.snapshot().seq >= self.highest_seq,
            "the order of events went back"
        );
        self.room = Some(room);
        // What the media side has to know anew.
        while let Some(output) = self.room.as_mut().and_then(Room::poll_output) {
            self.carry_out(output, net);
        }
    }

    /// An orderly end: everyone is told, then as a kill.
    pub fn shut_down(&mut self, net: &mut Net<Packet>) {
        self.feed(Input::ShutDown, net);
        self.kill(net);
    }

    /// Something happens on the media side.
    pub fn media_event(&mut self, event: MediaEvent, net: &mut Net<Packet>) {
        self.feed(Input::Media(event), net);
    }

    pub fn on_packet(&mut self, from: NodeId, packet: Packet, net: &mut Net<Packet>) {
        match packet {
            Packet::Open(conn) if self.is_alive() => {
                let greeted = false;
                self.sockets.insert(
                    conn,
                    Socket {
                        node: from,
                        greeted,
                    },
                );
                net.stream(from, Packet::Opened(conn));
            }
            Packet::Text(conn, text) if self.sockets.contains_key(&conn) => {
                self.on_text(conn, &text, net);
            }
            Packet::Open(conn) | Packet::Text(conn, _) => net.stream(from, Packet::Closed(conn)),
            Packet::Closed(conn) => {
                if self.sockets.remove(&conn).is_some() {
                    self.feed(Input::Closed { conn: ConnId(conn) }, net);
                }
            }
            Packet::Opened(_) => {}
        }
    }

    pub fn on_wakeup(&mut self, net: &mut Net<Packet>) {
        while self.answers.front().is_some_and(|(at, _)| *at <= net.now) {
            if let Some((_, event)) = self.answers.pop_front() {
                self.feed(Input::Media(event), net);
            }
        }
        self.feed(Input::Timeout, net);
    }

    pub fn next_wakeup(&self) -> Option<Time> {
        let room = self.room.as_ref()?.next_wakeup();
        let answer = self.answers.front().map(|(at, _)| *at);
        room.into_iter().chain(answer).min()
    }

    fn on_text(&mut self, conn: u64, text: &str, net: &mut Net<Packet>) {
        let message = parse_client(text).expect("sessions send what the protocol allows");
        let first = self
            .sockets
            .get_mut(&conn)
            .is_some_and(|s| !std::mem::replace(&mut s.greeted, true));
        let input = match message.body {
            Request::Hello(hello) if first => {
                self.tokens += 1;
                let token = format!("token-{}", self.tokens);
                Input::Connect(Box::new(Connect {
                    conn: ConnId(conn),
                    id: message.id,
                    host_key_ok: hello.host_key.as_deref() == Some(HOST_KEY),
                    passcode: match hello.passcode.as_deref() {
                        None => Passcode::NotNeeded,
                        Some(PASSCODE) => Passcode::Right,
                        Some(_) => Passcode::Wrong,
                    },
                    account: None,
                    co_host: false,
                    peer: 0,
                    resume_digest: hello.resume.as_ref().map(|r| digest(&r.token)),
                    token_digest: digest(&token),
                    token,
                    hello,
                }))
            }
            request => Input::Request {
                conn: ConnId(conn),
                id: message.id,
                request,
            },
        };
        self.feed(input, net);
    }

    fn feed(&mut self, input: Input, net: &mut Net<Packet>) {
        let Some(room) = &mut self.room else {
            return;
        };
        room.handle(input, net.now, wall_ms(net.now));
        while let Some(output) = self.room.as_mut().and_then(Room::poll_output) {
            self.carry_out(output, net);
        }
    }

    fn carry_out(&mut self, output: Output, net: &mut Net<Packet>) {
        match output {
            Output::Send { to, message } => {
                if let ServerMessage::Event(entry) = &*message {
                    assert_eq!(entry.seq, self.highest_seq.max(entry.seq), "in order");
                    self.highest_seq = entry.seq;
                }
                let text = serde_json::to_string(&message).expect("messages are plain data");
                for conn in to {
                    if let Some(socket) = self.sockets.get(&conn.0) {
                        self.messages_out += 1;
                        net.stream(socket.node, Packet::Text(conn.0, text.clone()));
                    }
                }
            }
            Output::Close { conn, .. } => {
                if let Some(socket) = self.sockets.remove(&conn.0) {
                    net.stream(socket.node, Packet::Closed(conn.0));
                }
            }
            Output::Media(command) => {
                if let Some(answer) = answer(&command) {
                    self.answers.push_back((net.now + ANSWER_DELAY, answer));
                }
                self.media.push(command);
            }
            Output::Listened { .. } | Output::Minute(_) => {}
            Output::Store(command) => self.remember(command),
        }
    }

    fn remember(&mut self, command: StoreCommand) {
        self.store.apply(command);
    }
}

fn answer(command: &MediaCommand) -> Option<MediaEvent> {
    let MediaCommand::Offer {
        participant,
        ticket,
        generation,
        publish,
        ..
    } = command
    else {
        return None;
    };
    let video = publish
        .iter()
        .filter(|line| line.publish.source.kind() == MediaKind::Video);
    Some(MediaEvent::Answer {
        participant: *participant,
        ticket: *ticket,
        generation: *generation,
        sdp: format!("answer {generation}"),
        codecs: video.map(|line| (line.track, VideoCodec::H264)).collect(),
    })
}

/// Stands in for SHA-256: different for different tokens, which is all the room asks of it.
fn digest(token: &str) -> Digest {
    let mut digest = [0; 32];
    for (place, byte) in digest.iter_mut().zip(token.bytes()) {
        *place = byte;
    }
    digest
}
