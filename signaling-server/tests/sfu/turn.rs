//! A TURN client over UDP, TCP or TLS, as small as can be, and a proxy that takes the datagrams of a client which knows
//! nothing of TURN through it.

use confab_server::sfu::Credentials;
use confab_turn::framing::Decoder;
use confab_turn::message::{Builder, Class, Message, attribute, method};
use md5::{Digest, Md5};
use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const CHANNEL: u16 = 0x4123;
/// How long a read waits.
const PATIENCE: Duration = Duration::from_millis(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// The way to the server. Reads must not wait for long.
pub enum Way {
    Udp(UdpSocket),
    Stream(Box<dyn Stream>),
}

impl Way {
    pub fn udp(server: SocketAddr) -> Way {
        let any = SocketAddr::new(server.ip(), 0);
        let socket = UdpSocket::bind(any).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Way::Udp(socket)
    }

    pub fn tcp(server: SocketAddr) -> std::net::TcpStream {
        let stream = std::net::TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }
}

pub struct Turn {
    way: Way,
    credentials: Credentials,
    nonce: Vec<u8>,
    realm: String,
    decoder: Decoder,
    transaction: u8,
    pub relayed: Option<SocketAddr>,
    /// Datagrams that came while an answer was waited for.
    early: Vec<Vec<u8>>,
}

impl Turn {
    pub fn new(way: Way, credentials: Credentials) -> Turn {
        Turn {
            way,
            credentials,
            nonce: Vec::new(),
            realm: String::new(),
            decoder: Decoder::new(),
            transaction: 0,
            relayed: None,
            early: Vec::new(),
        }
    }

    /// Allocates, and binds a channel to `peer`.
    pub fn open(mut self, peer: SocketAddr) -> Result<Turn, u16> {
        self.allocate()?;
        self.bind(peer)?;
        Ok(self)
    }

    pub fn allocate(&mut self) -> Result<(), u16> {
        let transport = [17, 0, 0, 0];
        let request = self.request(method::ALLOCATE);
        let request = request.attribute(attribute::REQUESTED_TRANSPORT, &transport);
        let answer = self.ask(request)?;
        let answer = Message::parse(&answer).unwrap();
        self.relayed = answer.xor_address(attribute::XOR_RELAYED_ADDRESS);
        Ok(())
    }

    pub fn bind(&mut self, peer: SocketAddr) -> Result<(), u16> {
        let [c0, c1] = CHANNEL.to_be_bytes();
        let request = self
            .request(method::CHANNEL_BIND)
            .attribute(attribute::CHANNEL_NUMBER, &[c0, c1, 0, 0])
            .xor_address(attribute::XOR_PEER_ADDRESS, peer);
        self.ask(request).map(|_| ())
    }

    fn request(&mut self, method: u16) -> Builder {
        self.transaction += 1;
        Builder::new(Class::Request, method, [self.transaction; 12])
    }

    /// Asks until there is an answer, with the nonce once one was told. The error is the answer's code.
    fn ask(&mut self, request: Builder) -> Result<Vec<u8>, u16> {
        for _ in 0..3 {
            let bytes = match self.nonce.is_empty() {
                true => request.clone().finish(),
                false => self.sign(request.clone()),
            };
            let answer = self.answer_to(&bytes);
            let message = Message::parse(&answer).unwrap();
            let Some(error) = message.attribute(attribute::ERROR_CODE) else {
                return Ok(answer);
            };
            let code = u16::from(error[2]) * 100 + u16::from(error[3]);
            let retries = code == 438 || code == 401 && self.nonce.is_empty();
            if !retries {
                return Err(code);
            }
            self.nonce = message.attribute(attribute::NONCE).unwrap().to_vec();
            self.realm = message.text(attribute::REALM).unwrap().to_owned();
        }
        Err(438)
    }

    fn sign(&self, request: Builder) -> Vec<u8> {
        let Credentials { username, password } = &self.credentials;
        let key = Md5::digest(format!("{username}:{}:{password}", self.realm));
        request
            .attribute(attribute::USERNAME, username.as_bytes())
            .attribute(attribute::REALM, self.realm.as_bytes())
            .attribute(attribute::NONCE, &self.nonce)
            .sign(&key)
            .finish()
    }

    /// Repeats the request as clients on UDP do.
    fn answer_to(&mut self, request: &[u8]) -> Vec<u8> {
        let until = Instant::now() + ANSWER_WITHIN;
        let mut again = Instant::now();
        loop {
            if Instant::now() >= again {
                self.write(request);
                let pause = match self.way {
                    Way::Udp(_) => Duration::from_millis(250),
                    Way::Stream(_) => ANSWER_WITHIN,
                };
                again = Instant::now() + pause;
            }
            match self.read() {
                Some(message) if message[0] < 0x40 => return message,
                Some(data) => self.early.push(data),
                None => assert!(Instant::now() < until, "no answer"),
            }
        }
    }

    /// To the peer.
    pub fn send(&mut self, datagram: &[u8]) {
        let mut bytes = CHANNEL.to_be_bytes().to_vec();
        bytes.extend((datagram.len() as u16).to_be_bytes());
        bytes.extend(datagram);
        if matches!(self.way, Way::Stream(_)) {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        self.write(&bytes);
    }

    /// From the peer, if something has come.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let message = match self.early.is_empty() {
            true => self.read()?,
            false => self.early.remove(0),
        };
        let [c0, c1, l0, l1, rest @ ..] = &message[..] else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        assert_eq!(u16::from_be_bytes([*c0, *c1]), CHANNEL);
        Some(rest[..length].to_vec())
    }

    fn write(&mut self, bytes: &[u8]) {
        match &mut self.way {
            // A full buffer loses it.
            Way::Udp(socket) => drop(socket.send(bytes)),
            Way::Stream(stream) => {
                stream.write_all(bytes).unwrap();
                stream.flush().unwrap();
            }
        }
    }

    fn read(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; 4096];
        match &mut self.way {
            Way::Udp(socket) => {
                let n = socket.recv(&mut buffer).ok()?;
                Some(buffer[..n].to_vec())
            }
            Way::Stream(stream) => {
                if let Some(message) = self.decoder.next_message().unwrap() {
                    return Some(message.to_vec());
                }
                match stream.read(&mut buffer) {
                    Ok(0) => None,
                    Ok(n) => {
                        self.decoder.push(&buffer[..n]);
                        self.decoder.next_message().unwrap().map(<[u8]>::to_vec)
                    }
                    Err(_) => None,
                }
            }
        }
    }
}

/// A UDP address behind which a peer of the relay is. Whoever sends there first is its client.
pub struct Proxy {
    pub address: SocketAddr,
    /// Datagrams that went through.
    pub carried: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    pub fn start(mut turn: Turn) -> Proxy {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        socket.set_nonblocking(true).unwrap();
        let (carried, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, over) = (carried.clone(), stop.clone());
        let run = move || {
            let mut client = None;
            let mut buffer = [0; 4096];
            while !over.load(Ordering::Relaxed) {
                while let Ok((n, from)) = socket.recv_from(&mut buffer) {
                    client = Some(from);
                    turn.send(&buffer[..n]);
                    count.fetch_add(1, Ordering::Relaxed);
                }
                // Not all there is: the other direction waits.
                for _ in 0..64 {
                    let Some(datagram) = turn.receive() else {
                        break;
                    };
                    let Some(to) = client else { continue };
                    let _ = socket.send_to(&datagram, to);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        Proxy {
            address,
            carried,
            stop,
            thread: Some(std::thread::spawn(run)),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
