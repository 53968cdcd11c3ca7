//! The TURN server in virtual time, spoken to by a client written here.

use confab_base::{Duration, Time};
use confab_turn::message::{Builder, Class, Message, attribute, method};
use confab_turn::{
    Client, Config, Credentials, Input, Limits, REALM, Server, is_for_relay, is_relayed,
};
use proptest::prelude::*;
use std::net::SocketAddr;

const SECRET: [u8; 32] = [9; 32];
const UDP_TRANSPORT: [u8; 4] = [17, 0, 0, 0];
const ALLOCATE: (u16, &[(u16, &[u8])]) = (
    method::ALLOCATE,
    &[(attribute::REQUESTED_TRANSPORT, &UDP_TRANSPORT)],
);

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn media() -> SocketAddr {
    "203.0.113.9:443".parse().unwrap()
}

fn media_v6() -> SocketAddr {
    "[2001:db8:9::9]:443".parse().unwrap()
}

fn server_with(media: Vec<SocketAddr>, limits: Limits) -> Server {
    Server::new(Config {
        secret: SECRET,
        media,
        limits,
    })
}

fn server() -> Server {
    server_with(vec![media(), media_v6()], Limits::default())
}

/// A TURN client: what it was given, and the nonce it was told.
struct Caller {
    client: Client,
    credentials: Credentials,
    nonce: Vec<u8>,
    transaction: u8,
}

impl Caller {
    fn new(port: u16, participant: &str) -> Caller {
        Caller {
            client: Client {
                stream: true,
                remote: ([198, 51, 100, 7], port).into(),
                local: media(),
            },
            credentials: Credentials::issue(&SECRET, participant, at(3_600_000)),
            nonce: Vec::new(),
            transaction: 0,
        }
    }

    fn key(&self) -> [u8; 16] {
        use md5::{Digest, Md5};
        let Credentials { username, password } = &self.credentials;
        Md5::digest(format!("{username}:{REALM}:{password}")).into()
    }

    fn request(&mut self, method: u16, attributes: &[(u16, &[u8])]) -> Builder {
        self.transaction += 1;
        let start = Builder::new(Class::Request, method, [self.transaction; 12]);
        attributes
            .iter()
            .fold(start, |b, (k, v)| b.attribute(*k, v))
    }

    fn sign(&self, request: Builder) -> Vec<u8> {
        request
            .attribute(attribute::USERNAME, self.credentials.username.as_bytes())
            .attribute(attribute::REALM, REALM.as_bytes())
            .attribute(attribute::NONCE, &self.nonce)
            .sign(&self.key())
            .fingerprint()
            .finish()
    }

    /// Sends a request as a browser does: unsigned where no nonce is known, and again when told one.
    fn ask(&mut self, server: &mut Server, request: Builder, now: Time) -> Vec<u8> {
        if self.nonce.is_empty() {
            let refused = tell(server, self.client, &request.clone().finish(), now);
            let refused = refused.expect("a stream is always answered");
            assert_eq!(error_code(&refused), Some(401));
            self.nonce = nonce_of(&refused);
        }
        let signed = self.sign(request);
        let answer = tell(server, self.client, &signed, now).unwrap();
        match error_code(&answer) {
            // RFC 8489, 9.2.5: the answer brings the nonce to go on with.
            Some(438) => self.nonce = nonce_of(&answer),
            Some(401) => {}
            _ => assert!(
                Message::parse(&answer).unwrap().is_signed_with(&self.key()),
                "the server shows that it knows the password"
            ),
        }
        answer
    }

    fn send(&mut self, server: &mut Server, request: (u16, &[(u16, &[u8])]), now: Time) -> Vec<u8> {
        let request = self.request(request.0, request.1);
        self.ask(server, request, now)
    }

    fn allocate(&mut self, server: &mut Server, now: Time) -> SocketAddr {
        let answer = self.send(server, ALLOCATE, now);
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.class, Class::Success);
        let mapped = answer.xor_address(attribute::XOR_MAPPED_ADDRESS);
        assert_eq!(mapped, Some(self.client.remote));
        answer.xor_address(attribute::XOR_RELAYED_ADDRESS).unwrap()
    }

    fn permit(&mut self, server: &mut Server, peer: SocketAddr, now: Time) -> Option<u16> {
        let request = self.request(method::CREATE_PERMISSION, &[]);
        let request = request.xor_address(attribute::XOR_PEER_ADDRESS, peer);
        error_code(&self.ask(server, request, now))
    }

    fn bind(
        &mut self,
        server: &mut Server,
        number: u16,
        peer: SocketAddr,
        now: Time,
    ) -> Option<u16> {
        let [n0, n1] = number.to_be_bytes();
        let channel = (attribute::CHANNEL_NUMBER, &[n0, n1, 0, 0][..]);
        let request = self.request(method::CHANNEL_BIND, &[channel]);
        let request = request.xor_address(attribute::XOR_PEER_ADDRESS, peer);
        error_code(&self.ask(server, request, now))
    }

    fn refresh(&mut self, server: &mut Server, seconds: u32, now: Time) -> Vec<u8> {
        let lifetime = (attribute::LIFETIME, &seconds.to_be_bytes()[..]);
        self.send(server, (method::REFRESH, &[lifetime]), now)
    }
}

fn tell(server: &mut Server, client: Client, bytes: &[u8], now: Time) -> Option<Vec<u8>> {
    assert!(is_for_relay(bytes));
    server.handle(Input::Message { client, bytes }, now);
    let output = server.poll_output()?;
    assert_eq!((output.client, server.poll_output()), (client, None));
    Some(output.bytes)
}

fn error_code(answer: &[u8]) -> Option<u16> {
    let answer = Message::parse(answer).unwrap();
    let [_, _, hundreds, rest] = answer.attribute(attribute::ERROR_CODE)? else {
        panic!("an error without a code");
    };
    assert_eq!(answer.class, Class::Error);
    Some(u16::from(*hundreds) * 100 + u16::from(*rest))
}

fn nonce_of(answer: &[u8]) -> Vec<u8> {
    let answer = Message::parse(answer).unwrap();
    assert_eq!(answer.text(attribute::REALM), Some(REALM));
    answer.attribute(attribute::NONCE).unwrap().to_vec()
}

fn channel_data(number: u16, bytes: &[u8]) -> Vec<u8> {
    let mut all = number.to_be_bytes().to_vec();
    all.extend((bytes.len() as u16).to_be_bytes());
    all.extend(bytes);
    all
}

fn wrap(server: &Server, relayed: SocketAddr, peer: SocketAddr, now: Time) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let client = server.wrap(relayed, peer, b"hello", now, &mut out);
    assert_eq!(client.is_some(), !out.is_empty());
    client.map(|_| out)
}

#[test]
fn a_channel_carries_datagrams_both_ways() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    let relayed = caller.allocate(&mut server, at(0));
    assert!(is_relayed(relayed.ip()));
    assert_eq!(caller.bind(&mut server, 0x4001, media(), at(10)), None);
    let data = channel_data(0x4001, b"media");
    let forward = server.forward(&caller.client, &data, at(20)).unwrap();
    assert_eq!(
        (forward.relayed, forward.peer, forward.bytes),
        (relayed, media(), &b"media"[..])
    );
    assert_eq!(
        wrap(&server, relayed, media(), at(20)).unwrap(),
        [0x40, 1, 0, 5, b'h', b'e', b'l', b'l', b'o', 0, 0, 0],
        "padded on a stream"
    );
    let unbound = channel_data(0x4002, b"media");
    assert_eq!(server.forward(&caller.client, &unbound, at(20)), None);
}

#[test]
fn two_servers_at_the_same_media_addresses_have_relayed_addresses_apart() {
    let (mut first, mut second) = (server(), server().second());
    let here = Caller::new(1, "1.2").allocate(&mut first, at(0));
    let there = Caller::new(2, "1.3").allocate(&mut second, at(0));
    assert!(is_relayed(here.ip()) && is_relayed(there.ip()));
    assert_ne!(here, there);
    assert_eq!(wrap(&first, there, media(), at(1)), None);
    assert_eq!(wrap(&second, here, media(), at(1)), None);
}

#[test]
fn without_a_channel_indications_do() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    let relayed = caller.allocate(&mut server, at(0));
    let send = Builder::new(Class::Indication, method::SEND, [3; 12])
        .xor_address(attribute::XOR_PEER_ADDRESS, media())
        .attribute(attribute::DATA, b"check")
        .finish();
    assert!(is_for_relay(&send));
    assert_eq!(
        server.forward(&caller.client, &send, at(5)),
        None,
        "not permitted yet"
    );
    assert_eq!(wrap(&server, relayed, media(), at(5)), None);
    assert_eq!(caller.permit(&mut server, media(), at(10)), None);
    let forward = server.forward(&caller.client, &send, at(20)).unwrap();
    assert_eq!((forward.peer, forward.bytes), (media(), &b"check"[..]));
    let data = wrap(&server, relayed, media(), at(20)).unwrap();
    let data = Message::parse(&data).unwrap();
    assert_eq!((data.class, data.method), (Class::Indication, method::DATA));
    assert_eq!(data.attribute(attribute::DATA), Some(&b"hello"[..]));
    assert_eq!(data.xor_address(attribute::XOR_PEER_ADDRESS), Some(media()));
}

#[test]
fn nobody_but_our_own_media_is_reached() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    caller.allocate(&mut server, at(0));
    for elsewhere in [
        "127.0.0.1:443",
        "10.0.0.1:80",
        "192.168.1.1:443",
        "169.254.169.254:80",
        "100.64.0.1:1",
        "0.0.0.0:443",
        "8.8.8.8:53",
        "198.51.100.251:1025",
    ] {
        let peer = elsewhere.parse().unwrap();
        assert_eq!(
            caller.permit(&mut server, peer, at(1)),
            Some(403),
            "{elsewhere}"
        );
        assert_eq!(
            caller.bind(&mut server, 0x4001, peer, at(1)),
            Some(403),
            "{elsewhere}"
        );
    }
    let other_port = SocketAddr::new(media().ip(), 22);
    assert_eq!(
        caller.bind(&mut server, 0x4001, other_port, at(1)),
        Some(403)
    );
    assert_eq!(
        caller.permit(&mut server, other_port, at(1)),
        None,
        "permissions know no ports"
    );
    let send = Builder::new(Class::Indication, method::SEND, [3; 12])
        .xor_address(attribute::XOR_PEER_ADDRESS, other_port)
        .attribute(attribute::DATA, b"ssh")
        .finish();
    assert_eq!(server.forward(&caller.client, &send, at(5)), None);
    assert_eq!(
        caller.permit(&mut server, media_v6(), at(1)),
        Some(443),
        "another family"
    );
}

#[test]
fn an_ipv6_allocation_reaches_ipv6_media() {
    let mut server = server();
    let family = |family| (attribute::REQUESTED_ADDRESS_FAMILY, family);
    let transport = (attribute::REQUESTED_TRANSPORT, &UDP_TRANSPORT[..]);
    let mut caller = Caller::new(1, "1.2");
    let ask = (
        method::ALLOCATE,
        &[transport, family(&[2, 0, 0, 0][..])][..],
    );
    let answer = caller.send(&mut server, ask, at(0));
    let relayed = Message::parse(&answer)
        .unwrap()
        .xor_address(attribute::XOR_RELAYED_ADDRESS);
    assert!(relayed.unwrap().is_ipv6());
    assert_eq!(caller.bind(&mut server, 0x4000, media_v6(), at(1)), None);
    assert_eq!(caller.bind(&mut server, 0x4001, media(), at(1)), Some(443));
    let ask = (
        method::ALLOCATE,
        &[transport, family(&[3, 0, 0, 0][..])][..],
    );
    assert_eq!(
        error_code(&Caller::new(2, "1.2").send(&mut server, ask, at(0))),
        Some(440)
    );

    let mut only_v6 = server_with(vec![media_v6()], Limits::default());
    assert!(
        Caller::new(1, "1.2")
            .allocate(&mut only_v6, at(0))
            .is_ipv6()
    );
    let ask = (
        method::ALLOCATE,
        &[transport, family(&[1, 0, 0, 0][..])][..],
    );
    assert_eq!(
        error_code(&Caller::new(3, "1.2").send(&mut only_v6, ask, at(0))),
        Some(440)
    );
}

#[test]
fn wrong_and_expired_credentials_get_nothing() {
    let mut server = server();
    let mut wrong = Caller::new(1, "1.2");
    wrong.credentials.password.push('x');
    assert_eq!(
        error_code(&wrong.send(&mut server, ALLOCATE, at(0))),
        Some(401)
    );
    let mut late = Caller::new(2, "1.2");
    let after = at(3_600_000);
    assert_eq!(
        error_code(&late.send(&mut server, ALLOCATE, after)),
        Some(401)
    );
    assert_eq!(server.allocations(), 0);
    let mut prolonged = Caller::new(3, "1.2");
    prolonged.credentials.username = prolonged.credentials.username.replace("3600", "9999");
    assert_eq!(
        error_code(&prolonged.send(&mut server, ALLOCATE, after)),
        Some(401)
    );
}

#[test]
fn an_allocation_outlives_the_credentials_it_was_made_with() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    caller.allocate(&mut server, at(3_500_000));
    let later = at(3_700_000);
    assert_eq!(error_code(&caller.refresh(&mut server, 600, later)), None);
}

#[test]
fn a_stale_nonce_is_replaced_and_anothers_is_not_taken() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    caller.allocate(&mut server, at(0));
    let mut other = Caller::new(2, "1.2");
    other.nonce = caller.nonce.clone();
    assert_eq!(
        error_code(&other.send(&mut server, ALLOCATE, at(10))),
        Some(438)
    );
    other.credentials = Credentials::issue(&SECRET, "1.2", at(99_000_000));
    assert_eq!(error_code(&other.send(&mut server, ALLOCATE, at(20))), None);
    let late = at(3 * 3_600_000);
    assert_eq!(
        error_code(&other.send(&mut server, ALLOCATE, late)),
        Some(438)
    );
    assert_eq!(error_code(&other.send(&mut server, ALLOCATE, late)), None);
}

#[test]
fn the_quota_is_the_participants_not_the_addresss() {
    let limits = Limits {
        per_participant: 3,
        allocations: 200,
    };
    let mut server = server_with(vec![media()], limits);
    // A hundred people behind one address.
    for person in 0..100 {
        Caller::new(person, &format!("1.{person}")).allocate(&mut server, at(0));
    }
    let mut greedy: Vec<Caller> = (1000..1004).map(|p| Caller::new(p, "1.7")).collect();
    let codes = greedy
        .iter_mut()
        .map(|c| error_code(&c.send(&mut server, ALLOCATE, at(1))));
    assert_eq!(
        codes.collect::<Vec<_>>(),
        [None, None, Some(486), Some(486)]
    );
    // One given back makes room.
    assert_eq!(error_code(&greedy[0].refresh(&mut server, 0, at(2))), None);
    assert_eq!(
        error_code(&greedy[2].send(&mut server, ALLOCATE, at(3))),
        None
    );
    assert_eq!(server.allocations(), 102);
    for person in 0..98 {
        Caller::new(2000 + person, &format!("2.{person}")).allocate(&mut server, at(0));
    }
    let mut last = Caller::new(3000, "3.1");
    assert_eq!(
        error_code(&last.send(&mut server, ALLOCATE, at(3))),
        Some(508),
        "all are taken"
    );
}

#[test]
fn what_is_not_refreshed_ends() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    let relayed = caller.allocate(&mut server, at(0));
    assert_eq!(caller.bind(&mut server, 0x4000, media(), at(0)), None);
    let data = channel_data(0x4000, b"x");
    assert_eq!(
        error_code(&caller.refresh(&mut server, 1_000_000, at(300_000))),
        None
    );
    assert_eq!(
        server.next_wakeup(),
        Some(at(2_100_000)),
        "at most half an hour"
    );
    assert!(server.forward(&caller.client, &data, at(599_999)).is_some());
    assert!(
        server.forward(&caller.client, &data, at(600_000)).is_none(),
        "the channel"
    );
    assert!(wrap(&server, relayed, media(), at(600_000)).is_none());
    assert_eq!(caller.bind(&mut server, 0x4000, media(), at(600_000)), None);
    assert!(wrap(&server, relayed, media(), at(600_001)).is_some());
    server.handle(Input::Timeout, at(2_099_999));
    assert_eq!(server.allocations(), 1);
    server.handle(Input::Timeout, at(2_100_000));
    assert_eq!((server.allocations(), server.next_wakeup()), (0, None));
    assert!(wrap(&server, relayed, media(), at(2_100_000)).is_none());
}

#[test]
fn a_closed_stream_takes_its_allocation_along() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    caller.allocate(&mut server, at(0));
    server.handle(Input::Closed(caller.client), at(1));
    assert_eq!(server.allocations(), 0);
    assert_eq!(
        error_code(&caller.refresh(&mut server, 600, at(2))),
        Some(437)
    );
}

#[test]
fn a_repeated_request_is_answered_alike_and_another_is_a_mismatch() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    let first = caller.request(ALLOCATE.0, ALLOCATE.1);
    let answer = caller.ask(&mut server, first.clone(), at(0));
    assert_eq!(caller.ask(&mut server, first, at(0)), answer);
    assert_eq!(
        error_code(&caller.send(&mut server, ALLOCATE, at(1))),
        Some(437)
    );
    let mut thief = Caller::new(1, "1.3");
    assert_eq!(
        error_code(&thief.refresh(&mut server, 0, at(2))),
        Some(441),
        "another's"
    );
    assert_eq!(server.allocations(), 1);
}

#[test]
fn an_even_port_can_be_had_but_none_reserved() {
    let mut server = server();
    let transport = (attribute::REQUESTED_TRANSPORT, &UDP_TRANSPORT[..]);
    for port in 1..4 {
        let even = (attribute::EVEN_PORT, &[0][..]);
        let mut caller = Caller::new(port, "1.2");
        let answer = caller.send(&mut server, (method::ALLOCATE, &[transport, even]), at(0));
        let relayed = Message::parse(&answer)
            .unwrap()
            .xor_address(attribute::XOR_RELAYED_ADDRESS)
            .unwrap();
        assert!(relayed.port().is_multiple_of(2), "{relayed}");
    }
    let reserved = (attribute::EVEN_PORT, &[0x80][..]);
    let mut caller = Caller::new(9, "1.2");
    let answer = caller.send(
        &mut server,
        (method::ALLOCATE, &[transport, reserved]),
        at(0),
    );
    assert_eq!(error_code(&answer), Some(508));
}

#[test]
fn requests_that_make_no_sense_are_told_so() {
    let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
    fn code(
        caller: &mut Caller,
        server: &mut Server,
        request: (u16, &[(u16, &[u8])]),
    ) -> Option<u16> {
        error_code(&caller.send(server, request, at(1)))
    }
    let tcp: (u16, &[u8]) = (attribute::REQUESTED_TRANSPORT, &[6, 0, 0, 0]);
    assert_eq!(
        code(&mut caller, &mut server, (method::ALLOCATE, &[])),
        Some(400)
    );
    assert_eq!(
        code(&mut caller, &mut server, (method::ALLOCATE, &[tcp])),
        Some(442)
    );
    const DONT_FRAGMENT: u16 = 0x001a;
    let dont = (method::ALLOCATE, &[(DONT_FRAGMENT, &[][..])][..]);
    let answer = caller.send(&mut server, dont, at(1));
    assert_eq!(error_code(&answer), Some(420));
    let unknown = Message::parse(&answer)
        .unwrap()
        .attribute(attribute::UNKNOWN_ATTRIBUTES);
    assert_eq!(unknown, Some(&[0, 0x1a][..]));
    caller.allocate(&mut server, at(1));
    assert_eq!(
        code(&mut caller, &mut server, (method::CREATE_PERMISSION, &[])),
        Some(400)
    );
    assert_eq!(caller.bind(&mut server, 0x3fff, media(), at(1)), Some(400));
    assert_eq!(caller.bind(&mut server, 0x5000, media(), at(1)), Some(400));
    assert_eq!(caller.bind(&mut server, 0x4000, media(), at(1)), None);
    assert_eq!(
        caller.bind(&mut server, 0x4001, media(), at(1)),
        Some(400),
        "bound otherwise"
    );
}

#[test]
fn a_datagram_from_a_stranger_is_never_answered_at_greater_length() {
    let mut server = server();
    let client = Client {
        stream: false,
        ..Caller::new(1, "1.2").client
    };
    let allocate = Builder::new(Class::Request, method::ALLOCATE, [1; 12])
        .attribute(attribute::REQUESTED_TRANSPORT, &UDP_TRANSPORT)
        .finish();
    assert_eq!(
        tell(&mut server, client, &allocate, at(0)),
        None,
        "it may be forged"
    );
    // Browsers repeat it after a quarter of a second.
    let refused = tell(&mut server, client, &allocate, at(250)).unwrap();
    assert_eq!(error_code(&refused), Some(401));
    assert_eq!((allocate.len(), refused.len()), (28, 56));
    let ask = Builder::new(Class::Request, method::BINDING, [1; 12]).finish();
    assert_eq!(tell(&mut server, client, &ask, at(300)), None);
    let told = tell(&mut server, client, &ask, at(400)).unwrap();
    let told = Message::parse(&told).unwrap();
    assert_eq!(
        told.xor_address(attribute::XOR_MAPPED_ADDRESS),
        Some(client.remote)
    );
}

#[test]
fn checks_of_peer_connections_are_not_ours() {
    let check = Builder::new(Class::Request, method::BINDING, [1; 12])
        .attribute(attribute::USERNAME, b"server:client")
        .finish();
    assert!(!is_for_relay(&check));
    let answer = Builder::new(Class::Success, method::BINDING, [1; 12]).finish();
    assert!(!is_for_relay(&answer));
    assert!(!is_for_relay(&[22, 254, 253, 0]) && !is_for_relay(&[0x80; 12]) && !is_for_relay(&[]));
}

fn mostly_turn() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec![
        0x0001u16, 0x0003, 0x0004, 0x0008, 0x0009, 0x0016, 0x0111,
    ]);
    let body = prop::collection::vec(
        (0u16..0x30, prop::collection::vec(any::<u8>(), 0..24)),
        0..8,
    );
    (kinds, body, any::<bool>()).prop_map(|(kind, attributes, intact)| {
        let mut bytes = Builder::new(Class::Request, 1, [5; 12]);
        for (kind, value) in attributes {
            bytes = bytes.attribute(kind, &value);
        }
        let bytes = if intact { bytes.fingerprint() } else { bytes };
        let mut bytes = bytes.finish();
        bytes[..2].copy_from_slice(&kind.to_be_bytes());
        bytes
    })
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic_and_never_get_an_allocation(
        packets in prop::collection::vec(
            prop_oneof![mostly_turn(), prop::collection::vec(any::<u8>(), 0..80)], 0..30),
        stream in any::<bool>(),
    ) {
        let mut server = server();
        let client = Client { stream, ..Caller::new(1, "1.2").client };
        let (mut came, mut went) = (0, 0);
        for (i, bytes) in packets.iter().enumerate() {
            let now = at(i as u64 * 100);
            came += bytes.len();
            let _ = is_for_relay(bytes);
            prop_assert_eq!(server.forward(&client, bytes, now), None);
            server.handle(Input::Message { client, bytes }, now);
            while let Some(output) = server.poll_output() {
                went += output.bytes.len();
            }
        }
        prop_assert_eq!(server.allocations(), 0);
        prop_assert!(stream || went <= came, "{} bytes for {}", went, came);
    }

    #[test]
    fn a_participant_with_any_data_never_panics(bytes in mostly_turn(), data in prop::collection::vec(any::<u8>(), 0..80)) {
        let (mut server, mut caller) = (server(), Caller::new(1, "1.2"));
        caller.allocate(&mut server, at(0));
        let _ = caller.bind(&mut server, 0x4040, media(), at(1));
        let _ = server.forward(&caller.client, &bytes, at(2));
        let _ = server.forward(&caller.client, &data, at(2) + Duration::from_millis(1));
        let mut request = Builder::new(Class::Request, method::CREATE_PERMISSION, [200; 12]);
        let foreign = Message::parse(&bytes).unwrap();
        for (kind, value) in foreign.attributes().filter(|(k, _)| *k != attribute::MESSAGE_INTEGRITY) {
            request = request.attribute(kind, value);
        }
        let signed = caller.sign(request);
        server.handle(Input::Message { client: caller.client, bytes: &signed }, at(3));
        while server.poll_output().is_some() {}
    }
}
