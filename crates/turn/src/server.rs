//! The TURN server as a machine: requests in and answers out, and the data path between clients and the media side.

use crate::allocation::{BindError, Full, New, Refused, Table};
use crate::credit::Credit;
use crate::framing::CHANNEL_HEADER;
use crate::message::{Builder, Class, Message, attribute, method};
use crate::{REALM, credentials, nonce};
use confab_base::{Duration, Time};
use core::net::{IpAddr, SocketAddr};
use std::collections::VecDeque;

/// Lifetime of an allocation where the client asks for less, and the longest: one left behind is gone soon.
const LIFETIME: Duration = Duration::from_secs(600);
const LONGEST: Duration = Duration::from_secs(1800);
/// Peers named in one CreatePermission.
const PEERS_AT_ONCE: usize = 16;
/// Protocol number of UDP in REQUESTED-TRANSPORT.
const UDP: u8 = 17;

/// The two ends of a client's connection, which is what an allocation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Client {
    /// TCP or TLS: the sender's address is no forgery, and ChannelData is padded.
    pub stream: bool,
    pub remote: SocketAddr,
    /// The server's address it came to.
    pub local: SocketAddr,
}

#[derive(Clone, Debug)]
pub struct Limits {
    /// Allocations at a time.
    pub allocations: usize,
    /// Of one participant: a browser makes one per network interface and server address.
    pub per_participant: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            allocations: 16_384,
            per_participant: 16,
        }
    }
}

#[derive(Clone)]
pub struct Config {
    /// Credentials and nonces are made with it. Random, new with every start.
    pub secret: [u8; 32],
    /// The server's own media addresses as clients are told: the only peers there are.
    pub media: Vec<SocketAddr>,
    pub limits: Limits,
}

impl std::fmt::Debug for Config {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Config({:?}, {:?})", self.media, self.limits)
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A message that is not for the data path.
    Message { client: Client, bytes: &'a [u8] },
    /// A stream has ended.
    Closed(Client),
    /// [`Server::next_wakeup`] has come.
    Timeout,
}

/// What is to be sent to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub client: Client,
    pub bytes: Vec<u8>,
}

/// A datagram for the media side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward<'a> {
    /// The client, as the media side knows it.
    pub relayed: SocketAddr,
    /// The media address it is for.
    pub peer: SocketAddr,
    pub bytes: &'a [u8],
}

/// See the crate.
#[derive(Debug)]
pub struct Server {
    config: Config,
    table: Table,
    credit: Credit,
    out: VecDeque<Output>,
}

/// A request whose sender is known.
struct Caller<'a> {
    username: &'a str,
    participant: &'a str,
    expires: Time,
    key: [u8; 16],
}

/// A success to be signed, or the code of an error.
type Answer = Result<Builder, u16>;

impl Server {
    pub fn new(config: Config) -> Server {
        Server {
            config,
            table: Table::default(),
            credit: Credit::default(),
            out: VecDeque::new(),
        }
    }

    /// Beside another one at the same media addresses: relayed addresses of the two are apart.
    #[must_use]
    pub fn second(mut self) -> Server {
        self.table.is_second = true;
        self
    }

    pub fn handle(&mut self, input: Input<'_>, now: Time) {
        match input {
            Input::Message { client, bytes } => self.message(client, bytes, now),
            Input::Closed(client) => self.table.remove(&client),
            Input::Timeout => self.table.remove_ended(now),
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When the next allocation ends.
    pub fn next_wakeup(&self) -> Option<Time> {
        self.table.next_end()
    }

    /// Allocations there are.
    pub fn allocations(&self) -> usize {
        self.table.len()
    }

    pub fn is_allocated(&self, client: &Client, now: Time) -> bool {
        self.table.get(client, now).is_some()
    }

    /// The datagram in ChannelData or a Send indication, if the client may send it. None for other messages as well.
    pub fn forward<'a>(&self, client: &Client, bytes: &'a [u8], now: Time) -> Option<Forward<'a>> {
        let allocation = self.table.get(client, now)?;
        let relayed = allocation.relayed;
        if let [0x40..=0x4f, _, l0, l1, rest @ ..] = bytes {
            let number = u16::from_be_bytes([bytes[0], bytes[1]]);
            let bytes = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
            let peer = allocation.peer_of(number, now)?;
            return Some(Forward {
                relayed,
                peer,
                bytes,
            });
        }
        let message = Message::parse(bytes)?;
        if (message.class, message.method) != (Class::Indication, method::SEND) {
            return None;
        }
        let peer = message.xor_address(attribute::XOR_PEER_ADDRESS)?;
        let may = self.config.media.contains(&peer) && allocation.is_permitted(peer.ip(), now);
        may.then_some(Forward {
            relayed,
            peer,
            bytes: message.attribute(attribute::DATA)?,
        })
    }

    /// Appends to `out` what carries a datagram of `peer`, one of the media addresses, to the client whose relayed address
    /// is given, and returns the client. None, and nothing appended: no such client, or it does not take it.
    pub fn wrap(
        &self,
        relayed: SocketAddr,
        peer: SocketAddr,
        bytes: &[u8],
        now: Time,
        out: &mut Vec<u8>,
    ) -> Option<Client> {
        let client = self.table.client_of(relayed)?;
        let allocation = self.table.get(client, now)?;
        if let Some(number) = allocation.channel_to(peer, now) {
            let length = u16::try_from(bytes.len()).ok()?;
            out.extend(number.to_be_bytes());
            out.extend(length.to_be_bytes());
            out.extend(bytes);
            if client.stream {
                let padded = (CHANNEL_HEADER + bytes.len()).next_multiple_of(4);
                out.resize(out.len() + padded - CHANNEL_HEADER - bytes.len(), 0);
            }
            return Some(*client);
        }
        if !allocation.is_permitted(peer.ip(), now) || bytes.len() > usize::from(u16::MAX) / 2 {
            return None;
        }
        // Nobody answers an indication, so its transaction need not be unlike others.
        let wrapped = Builder::new(Class::Indication, method::DATA, [0; 12])
            .xor_address(attribute::XOR_PEER_ADDRESS, peer)
            .attribute(attribute::DATA, bytes)
            .finish();
        out.extend(wrapped);
        Some(*client)
    }

    fn message(&mut self, client: Client, bytes: &[u8], now: Time) {
        let Some(message) = Message::parse(bytes).filter(Message::is_intact) else {
            return;
        };
        if message.class != Class::Request {
            return;
        }
        match message.method {
            method::BINDING => {
                let answer = Builder::new(Class::Success, method::BINDING, message.transaction)
                    .xor_address(attribute::XOR_MAPPED_ADDRESS, client.remote);
                self.tell_stranger(client, bytes.len(), answer, now);
            }
            method::ALLOCATE
            | method::REFRESH
            | method::CREATE_PERMISSION
            | method::CHANNEL_BIND => match self.identify(&client, &message, now) {
                Ok(caller) => self.serve(client, &message, &caller, now),
                Err(code) => {
                    let error =
                        Builder::new(Class::Error, message.method, message.transaction).error(code);
                    let answer = match code {
                        400 => error,
                        _ => error
                            .attribute(attribute::REALM, REALM.as_bytes())
                            .attribute(
                                attribute::NONCE,
                                nonce::make(&self.config.secret, &client, now).as_bytes(),
                            ),
                    };
                    self.tell_stranger(client, bytes.len(), answer, now);
                }
            },
            _ => {}
        }
    }

    /// Answers somebody whose address may be forged: with no more bytes than came.
    fn tell_stranger(&mut self, client: Client, request: usize, answer: Builder, now: Time) {
        let bytes = answer.finish();
        if client.stream || self.credit.allows(client.remote, request, bytes.len(), now) {
            self.out.push_back(Output { client, bytes });
        }
    }

    /// RFC 8489, 9.2.4. The error is the code to answer with.
    fn identify<'a>(
        &self,
        client: &Client,
        message: &Message<'a>,
        now: Time,
    ) -> Result<Caller<'a>, u16> {
        if message.attribute(attribute::MESSAGE_INTEGRITY).is_none() {
            return Err(401);
        }
        let username = message.text(attribute::USERNAME).ok_or(400u16)?;
        let given = message.attribute(attribute::NONCE).ok_or(400u16)?;
        message.attribute(attribute::REALM).ok_or(400u16)?;
        if !nonce::is_good(&self.config.secret, client, given, now) {
            return Err(438);
        }
        let (expires, participant) = credentials::read(username).ok_or(401u16)?;
        let key = credentials::key(&self.config.secret, username);
        match message.is_signed_with(&key) {
            true => Ok(Caller {
                username,
                participant,
                expires,
                key,
            }),
            false => Err(401),
        }
    }

    fn serve(&mut self, client: Client, message: &Message<'_>, caller: &Caller<'_>, now: Time) {
        let unknown = unknown_attributes(message);
        let answer = match (unknown.is_empty(), self.table.get(&client, now)) {
            (false, _) => Err(420),
            (true, Some(a)) if a.username != caller.username => Err(441),
            (true, None) if message.method != method::ALLOCATE => Err(437),
            _ => match message.method {
                method::ALLOCATE => self.allocate(client, message, caller, now),
                method::REFRESH => self.refresh(&client, message, now),
                method::CREATE_PERMISSION => self.create_permission(&client, message, now),
                _ => self.channel_bind(&client, message, now),
            },
        };
        let answer = answer.unwrap_or_else(|code| {
            let error = Builder::new(Class::Error, message.method, message.transaction).error(code);
            match code {
                420 => error.attribute(attribute::UNKNOWN_ATTRIBUTES, &unknown),
                _ => error,
            }
        });
        self.out.push_back(Output {
            client,
            bytes: answer.sign(&caller.key).finish(),
        });
    }

    /// RFC 8656, 7.2.
    fn allocate(
        &mut self,
        client: Client,
        message: &Message<'_>,
        caller: &Caller<'_>,
        now: Time,
    ) -> Answer {
        if let Some(known) = self.table.get(&client, now) {
            return match known.transaction == message.transaction {
                true => Ok(allocated(
                    message,
                    &client,
                    known.relayed,
                    known.expires.since(now),
                )),
                false => Err(437),
            };
        }
        if now >= caller.expires {
            return Err(401);
        }
        match message.attribute(attribute::REQUESTED_TRANSPORT) {
            Some([UDP, _, _, _]) => {}
            Some([_, _, _, _]) => return Err(442),
            _ => return Err(400),
        }
        let lifetime = wanted_lifetime(message)?.max(LIFETIME);
        let new = New {
            username: caller.username,
            participant: caller.participant,
            transaction: message.transaction,
            is_v6: self.family(message)?,
            is_even: wants_even(message)?,
            expires: now + lifetime,
        };
        match self.table.add(client, new, &self.config.limits) {
            Ok(relayed) => Ok(allocated(message, &client, relayed, lifetime)),
            Err(Refused::Quota) => Err(486),
            Err(Refused::Full) => Err(508),
        }
    }

    /// Whether the relayed address is an IPv6 one: it only reaches media addresses of its family. Not asked for, it is an IPv4
    /// one where there is such a media address.
    fn family(&self, message: &Message<'_>) -> Result<bool, u16> {
        let has = |is_v6: bool| self.config.media.iter().any(|m| m.is_ipv6() == is_v6);
        let wanted = match message.attribute(attribute::REQUESTED_ADDRESS_FAMILY) {
            Some([1, _, _, _]) => false,
            Some([2, _, _, _]) => true,
            Some(_) => return Err(440),
            None => !has(false),
        };
        has(wanted).then_some(wanted).ok_or(440)
    }

    /// RFC 8656, 8.2.
    fn refresh(&mut self, client: &Client, message: &Message<'_>, now: Time) -> Answer {
        let lifetime = match wanted_lifetime(message)? {
            Duration::ZERO => {
                self.table.remove(client);
                Duration::ZERO
            }
            wanted => {
                let lifetime = wanted.max(LIFETIME);
                self.table.prolong(client, now + lifetime);
                lifetime
            }
        };
        let seconds = (lifetime.as_secs() as u32).to_be_bytes();
        Ok(success(message).attribute(attribute::LIFETIME, &seconds))
    }

    /// RFC 8656, 10.2. All peers or none.
    fn create_permission(&mut self, client: &Client, message: &Message<'_>, now: Time) -> Answer {
        let all = message.attributes();
        let peers = all.filter(|(kind, _)| *kind == attribute::XOR_PEER_ADDRESS);
        let mut wanted = Vec::new();
        for (_, value) in peers {
            let peer = message.read_xor_address(value).ok_or(400u16)?;
            self.check_peer(client, peer.ip(), now)?;
            wanted.push(peer.ip());
        }
        if wanted.is_empty() {
            return Err(400);
        }
        if wanted.len() > PEERS_AT_ONCE {
            return Err(508);
        }
        let allocation = self.table.get_mut(client, now).ok_or(437u16)?;
        for peer in wanted {
            allocation.permit(peer, now).map_err(|Full| 508u16)?;
        }
        Ok(success(message))
    }

    /// RFC 8656, 12.2.
    fn channel_bind(&mut self, client: &Client, message: &Message<'_>, now: Time) -> Answer {
        let Some([c0, c1, _, _]) = message.attribute(attribute::CHANNEL_NUMBER) else {
            return Err(400);
        };
        let number = u16::from_be_bytes([*c0, *c1]);
        let peer = message.xor_address(attribute::XOR_PEER_ADDRESS);
        let peer = peer.ok_or(400u16)?;
        if !(0x4000..=0x4fff).contains(&number) {
            return Err(400);
        }
        self.check_peer(client, peer.ip(), now)?;
        if !self.config.media.contains(&peer) {
            return Err(403);
        }
        let allocation = self.table.get_mut(client, now).ok_or(437u16)?;
        match allocation.bind(number, peer, now) {
            Ok(()) => Ok(success(message)),
            Err(BindError::Conflict) => Err(400),
            Err(BindError::Full) => Err(508),
        }
    }

    /// Only our own media is anybody's peer: no relay into private networks, to other services here, or to third parties.
    fn check_peer(&self, client: &Client, peer: IpAddr, now: Time) -> Result<(), u16> {
        let allocation = self.table.get(client, now).ok_or(437u16)?;
        if allocation.relayed.is_ipv4() != peer.is_ipv4() {
            return Err(443);
        }
        let known = self.config.media.iter().any(|m| m.ip() == peer);
        known.then_some(()).ok_or(403)
    }
}

fn success(message: &Message<'_>) -> Builder {
    Builder::new(Class::Success, message.method, message.transaction)
}

fn allocated(
    message: &Message<'_>,
    client: &Client,
    relayed: SocketAddr,
    lifetime: Duration,
) -> Builder {
    success(message)
        .xor_address(attribute::XOR_RELAYED_ADDRESS, relayed)
        .attribute(
            attribute::LIFETIME,
            &(lifetime.as_secs() as u32).to_be_bytes(),
        )
        .xor_address(attribute::XOR_MAPPED_ADDRESS, client.remote)
}

/// Whether EVEN-PORT asks for an even port. The next one cannot be kept as well.
fn wants_even(message: &Message<'_>) -> Result<bool, u16> {
    match message.attribute(attribute::EVEN_PORT) {
        None => Ok(false),
        Some([reserve]) if reserve & 0x80 == 0 => Ok(true),
        Some([_]) => Err(508),
        Some(_) => Err(400),
    }
}

/// At most the longest there is.
fn wanted_lifetime(message: &Message<'_>) -> Result<Duration, u16> {
    if message.attribute(attribute::LIFETIME).is_none() {
        return Ok(LIFETIME);
    }
    let seconds = message.number(attribute::LIFETIME).ok_or(400u16)?;
    Ok(Duration::from_secs(seconds.into()).min(LONGEST))
}

/// The types of attributes that have to be understood (RFC 8489, 14) and are not: RESERVATION-TOKEN and DONT-FRAGMENT of
/// TURN's own, which mean nothing where no port is opened.
fn unknown_attributes(message: &Message<'_>) -> Vec<u8> {
    const KNOWN: [u16; 11] = [
        attribute::USERNAME,
        attribute::MESSAGE_INTEGRITY,
        attribute::REALM,
        attribute::NONCE,
        attribute::CHANNEL_NUMBER,
        attribute::LIFETIME,
        attribute::XOR_PEER_ADDRESS,
        attribute::REQUESTED_ADDRESS_FAMILY,
        attribute::EVEN_PORT,
        attribute::REQUESTED_TRANSPORT,
        // A Send indication's; without meaning in a request.
        attribute::DATA,
    ];
    let unknown = message
        .attributes()
        .map(|(kind, _)| kind)
        .filter(|kind| *kind < 0x8000 && !KNOWN.contains(kind));
    unknown.take(8).flat_map(u16::to_be_bytes).collect()
}
