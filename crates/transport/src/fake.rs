//! A stand-in for the meeting server's media side: one lite peer on loopback sockets, UDP and ICE-TCP, on a thread of
//! its own. It answers one client and hands out what comes; tests decide what goes back.

use crate::{
    LineInfo, Mid, OutPacket, Peer, PeerConfig, PeerEvent, PeerOutput, Protocol, Rid, SdpError,
};
use crate::{stun_peek, tcp_frame};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

enum Command {
    Answer(String, Sender<Result<String, SdpError>>),
    Send(Mid, Option<Rid>, Box<OutPacket>),
    Keyframe(Mid, Option<Rid>),
    Lines(Sender<Vec<LineInfo>>),
}

/// The handle; dropping it ends the thread.
#[derive(Debug)]
pub struct FakeServer {
    /// All events of the peer; dropped when nobody reads.
    pub events: Receiver<PeerEvent>,
    commands: Sender<Command>,
    udp: SocketAddr,
}

struct Thread {
    peer: Peer,
    udp: UdpSocket,
    udp_addr: SocketAddr,
    listener: TcpListener,
    connections: Vec<Connection>,
    commands: Receiver<Command>,
    events: Sender<PeerEvent>,
}

struct Connection {
    stream: TcpStream,
    from: SocketAddr,
    to: SocketAddr,
    decoder: tcp_frame::Decoder,
}

impl FakeServer {
    /// Binds random ports on 127.0.0.1.
    ///
    /// # Errors
    /// Of the sockets or the thread.
    pub fn start() -> io::Result<FakeServer> {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        udp.set_read_timeout(Some(Duration::from_millis(1)))?;
        let udp_addr = udp.local_addr()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let mut peer = Peer::new(PeerConfig::lite_server(), Instant::now());
        peer.add_local_candidate(udp_addr, Protocol::Udp);
        peer.add_local_candidate(listener.local_addr()?, Protocol::Tcp);
        let (commands, commands_in) = bounded(4096);
        let (events_out, events) = bounded(65536);
        let mut thread = Thread {
            peer,
            udp,
            udp_addr,
            listener,
            connections: Vec::new(),
            commands: commands_in,
            events: events_out,
        };
        std::thread::Builder::new()
            .name("fake-server".into())
            .spawn(move || while thread.round() {})?;
        Ok(FakeServer {
            events,
            commands,
            udp: udp_addr,
        })
    }

    /// Where its UDP socket is.
    pub fn udp_addr(&self) -> SocketAddr {
        self.udp
    }

    /// Answers the client's offer.
    ///
    /// # Errors
    /// Of [`Peer::accept_offer`]; [`SdpError::NoOffer`] if the thread is gone.
    pub fn answer(&self, offer: &str) -> Result<String, SdpError> {
        let (reply, answer) = bounded(1);
        let command = Command::Answer(offer.to_owned(), reply);
        self.commands.send(command).map_err(|_| SdpError::NoOffer)?;
        answer.recv().map_err(|_| SdpError::NoOffer)?
    }

    /// The lines as negotiated.
    pub fn lines(&self) -> Vec<LineInfo> {
        let (reply, lines) = bounded(1);
        let _ = self.commands.send(Command::Lines(reply));
        lines.recv().unwrap_or_default()
    }

    /// Sends into a slot; waits while 4096 packets are waiting already.
    pub fn send(&self, mid: Mid, rid: Option<Rid>, packet: OutPacket) {
        let _ = self
            .commands
            .send(Command::Send(mid, rid, Box::new(packet)));
    }

    pub fn request_keyframe(&self, mid: Mid, rid: Option<Rid>) {
        let _ = self.commands.send(Command::Keyframe(mid, rid));
    }
}

impl Thread {
    /// Once round all sources of input; false when the handle is gone.
    fn round(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.on_command(command),
                Err(crossbeam_channel::TryRecvError::Empty) => break,
                Err(crossbeam_channel::TryRecvError::Disconnected) => return false,
            }
        }
        let mut buffer = [0; 2048];
        // Waits a millisecond at most, which also paces the rest.
        if let Ok((length, from)) = self.udp.recv_from(&mut buffer) {
            let bytes = &buffer[..length];
            self.peer
                .handle_packet(Protocol::Udp, from, self.udp_addr, bytes, Instant::now());
        }
        self.read_tcp(&mut buffer);
        self.speak();
        true
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Answer(offer, reply) => {
                let _ = reply.send(self.peer.accept_offer(&offer));
            }
            Command::Send(mid, rid, packet) => {
                let _ = self.peer.send_rtp(mid, rid, *packet, Instant::now());
            }
            Command::Lines(reply) => {
                let _ = reply.send(self.peer.lines().to_vec());
            }
            Command::Keyframe(mid, rid) => self.peer.request_keyframe(mid, rid),
        }
    }

    fn read_tcp(&mut self, buffer: &mut [u8]) {
        while let Ok((stream, from)) = self.listener.accept() {
            let Ok(to) = stream.local_addr() else {
                continue;
            };
            if stream.set_nonblocking(true).is_ok() {
                self.connections.push(Connection {
                    stream,
                    from,
                    to,
                    decoder: tcp_frame::Decoder::new(),
                });
            }
        }
        let peer = &mut self.peer;
        self.connections.retain_mut(|c| {
            match c.stream.read(buffer) {
                Ok(0) => return false,
                Ok(length) => c.decoder.push(&buffer[..length]),
                Err(e) => return e.kind() == ErrorKind::WouldBlock,
            }
            loop {
                match c.decoder.next_frame() {
                    Ok(Some(bytes)) => {
                        peer.handle_packet(Protocol::Tcp, c.from, c.to, bytes, Instant::now());
                    }
                    Ok(None) => return true,
                    Err(_) => return false,
                }
            }
        });
    }

    fn speak(&mut self) {
        loop {
            match self.peer.poll() {
                PeerOutput::Timeout(at) => {
                    let now = Instant::now();
                    if at <= now {
                        self.peer.handle_timeout(now);
                        continue;
                    }
                    return;
                }
                PeerOutput::Event(event) => {
                    let _ = self.events.try_send(event);
                }
                PeerOutput::Transmit {
                    protocol: Protocol::Udp,
                    dst,
                    bytes,
                    ..
                } => {
                    let _ = self.udp.send_to(&bytes, dst);
                }
                PeerOutput::Transmit { dst, bytes, .. } => {
                    debug_assert_ne!(stun_peek::classify(&bytes), stun_peek::PacketKind::Unknown);
                    let connection = self.connections.iter_mut().find(|c| c.from == dst);
                    let mut frame = Vec::new();
                    if let Some(c) = connection
                        && tcp_frame::encode(&bytes, &mut frame).is_ok()
                    {
                        let _ = c.stream.write_all(&frame);
                    }
                }
            }
        }
    }
}
