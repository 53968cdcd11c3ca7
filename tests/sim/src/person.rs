//! A participant's shell, played: a socket, and a peer connection that always comes up.

use crate::{Packet, Recording, meeting_id};
use confab_base::{Source, Time};
use confab_protocol::{
    ClientKind, Layer, Publish, ReplyBody, Sequenced, ServerMessage, Slot, VideoCodec, parse_server,
};
use confab_session::{Action, Input, JoinOptions, Notice, Output, Phase, Session};
use confab_simnet::{Net, NodeId};
use std::collections::VecDeque;

#[derive(Debug)]
pub struct Person {
    pub session: Session,
    server: NodeId,
    me: u64,
    sockets: u64,
    conn: Option<u64>,
    /// Every chat id that was said, and not refused.
    pub said: Vec<String>,
    pub events: Vec<Sequenced>,
    pub notices: Vec<Notice>,
    /// Peer connections made.
    pub peers: u32,
    pub recording: Option<Recording>,
    /// Lose this many of the next room events, to make a gap.
    pub swallow: u32,
    /// The most the server may send, bits per second.
    pub max_bitrate: Option<u64>,
    outputs: VecDeque<Output>,
}

impl Person {
    /// `me`: a number of its own, not 0.
    pub fn new(me: u64, server: NodeId, host_key: Option<&str>) -> Person {
        Person::with(Person::options(me, host_key), me, server)
    }

    pub fn options(me: u64, host_key: Option<&str>) -> JoinOptions {
        JoinOptions {
            meeting: meeting_id(),
            name: format!("P{me}"),
            client: ClientKind::Headless,
            agent: "sim".into(),
            host_key: host_key.map(str::to_owned),
            passcode: None,
            decodes: vec![VideoCodec::H264, VideoCodec::Vp8],
            seat: None,
            jitter: (me as u32 * 137) % 1000,
        }
    }

    pub fn with(options: JoinOptions, me: u64, server: NodeId) -> Person {
        Person {
            session: Session::new(options),
            server,
            me,
            sockets: 0,
            conn: None,
            said: Vec::new(),
            events: Vec::new(),
            notices: Vec::new(),
            peers: 0,
            recording: None,
            swallow: 0,
            max_bitrate: None,
            outputs: VecDeque::new(),
        }
    }

    pub fn is_joined(&self) -> bool {
        self.session.state().phase == Phase::Joined
    }

    pub fn has_ended(&self) -> bool {
        matches!(self.session.state().phase, Phase::Ended { .. })
    }

    pub fn start(&mut self, net: &mut Net<Packet>) {
        self.feed(Input::Start, net);
    }

    pub fn act(&mut self, action: Action, net: &mut Net<Packet>) {
        if let Action::Chat { client_id, .. } = &action {
            self.said.push(client_id.clone());
        }
        self.feed(Input::Act { action }, net);
    }

    pub fn feed(&mut self, input: Input, net: &mut Net<Packet>) {
        let nested = !self.outputs.is_empty();
        self.session.handle(input.clone(), net.now);
        let outputs: Vec<_> = std::iter::from_fn(|| self.session.poll_output()).collect();
        if let Some(recording) = &mut self.recording {
            recording.step(input, &outputs, &self.session, net.now);
        }
        self.outputs.extend(outputs);
        while let Some(output) = self.outputs.front().filter(|_| !nested).cloned() {
            self.carry_out(output, net);
            self.outputs.pop_front();
        }
    }

    /// Offers the standing peer connection anew, with a shared screen or without.
    pub fn share(&mut self, on: bool, net: &mut Net<Packet>) {
        let generation = self.session.state().generation;
        let mut publish = publish();
        if on {
            publish.push(screen());
        }
        let sdp = format!("offer {generation}, shares: {on}");
        self.feed(
            Input::LocalOffer {
                generation,
                sdp,
                publish,
            },
            net,
        );
    }

    pub fn on_packet(&mut self, packet: Packet, net: &mut Net<Packet>) {
        match packet {
            Packet::Opened(conn) if self.conn == Some(conn) => {
                self.feed(Input::SocketOpened, net);
            }
            Packet::Text(conn, text) if self.conn == Some(conn) => {
                let message = parse_server(&text).expect("the server speaks the protocol");
                if self.session.state().phase == Phase::Waiting {
                    assert!(
                        may_be_heard_waiting(&message),
                        "told to the waiting: {text}"
                    );
                }
                if self.swallow > 0 && matches!(message, ServerMessage::Event(_)) {
                    self.swallow -= 1;
                    return;
                }
                self.feed(
                    Input::Received {
                        message: Box::new(message),
                    },
                    net,
                );
            }
            Packet::Closed(conn) if self.conn == Some(conn) => {
                self.conn = None;
                self.feed(Input::SocketClosed, net);
            }
            _ => {}
        }
    }

    pub fn on_wakeup(&mut self, net: &mut Net<Packet>) {
        self.feed(Input::Timeout, net);
    }

    pub fn next_wakeup(&self) -> Option<Time> {
        self.session.next_wakeup()
    }

    fn carry_out(&mut self, output: Output, net: &mut Net<Packet>) {
        match output {
            Output::OpenSocket => {
                assert_eq!(self.conn, None, "one socket at a time");
                self.sockets += 1;
                let conn = self.me * 1_000_000 + self.sockets;
                self.conn = Some(conn);
                net.stream(self.server, Packet::Open(conn));
            }
            Output::CloseSocket => {
                let conn = self.conn.take().expect("there is a socket to close");
                net.stream(self.server, Packet::Closed(conn));
            }
            Output::Send { message } => {
                let conn = self.conn.expect("there is a socket to send on");
                let text = serde_json::to_string(&message).expect("messages are plain data");
                net.stream(self.server, Packet::Text(conn, text));
            }
            Output::NewPeer { generation } => {
                self.peers += 1;
                let sdp = format!("offer {generation}");
                let publish = publish();
                self.feed(
                    Input::LocalOffer {
                        generation,
                        sdp,
                        publish,
                    },
                    net,
                );
            }
            Output::Answer { generation, .. } => {
                self.feed(Input::MediaConnected { generation }, net);
                let slots = vec![slot("2"), slot("3")];
                let max_bitrate = self.max_bitrate;
                self.feed(Input::View { slots, max_bitrate }, net);
            }
            Output::Notice { notice } => {
                if let Notice::Failed {
                    action: Action::Chat { client_id, .. },
                    ..
                } = &notice
                {
                    self.said.retain(|said| said != client_id);
                }
                self.notices.push(notice);
            }
            Output::Event { event } => {
                let last = self.events.last().map_or(0, |e| e.seq);
                assert!(event.seq > last, "an event came twice or out of order");
                self.events.push(event);
            }
            Output::Changed | Output::Ended { .. } => {}
        }
    }
}

/// All that anybody in the lobby is told, and nothing of it is of the room; in the welcome it is the one who is in.
fn may_be_heard_waiting(message: &ServerMessage) -> bool {
    matches!(
        message,
        ServerMessage::Welcome(_)
            | ServerMessage::Place(_)
            | ServerMessage::Bye { .. }
            | ServerMessage::Error { .. }
            | ServerMessage::Reply {
                body: ReplyBody::Pong { .. } | ReplyBody::Done,
                ..
            }
    )
}

fn slot(mid: &str) -> Slot {
    Slot {
        mid: mid.into(),
        track: None,
        max_height: 360,
    }
}

fn screen() -> Publish {
    Publish {
        mid: "4".into(),
        source: Source::Screen,
        layers: vec![Layer {
            rid: String::new(),
            width: 1920,
            height: 1080,
            max_bitrate: 2_500_000,
        }],
    }
}

fn publish() -> Vec<Publish> {
    let layer = |rid: &str, height: u16| Layer {
        rid: rid.into(),
        width: height / 9 * 16,
        height,
        max_bitrate: u64::from(height) * 2000,
    };
    vec![
        Publish {
            mid: "0".into(),
            source: Source::Microphone,
            layers: Vec::new(),
        },
        Publish {
            mid: "1".into(),
            source: Source::Camera,
            layers: vec![layer("q", 180), layer("h", 360), layer("f", 720)],
        },
    ]
}
