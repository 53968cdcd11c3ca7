//! The one STUN exchange a diagnosis needs (RFC 8489): a binding request without credentials, and its answer, which says
//! where the request came from.
//!
//! The answer is never larger than the request, so that the server's port is of no use to whoever wants to have somebody
//! else flooded: [`request`] is padded for that, and [`answer`] leaves shorter requests unanswered.

use core::net::{IpAddr, SocketAddr};

/// Which request an answer belongs to; random for every request.
pub type Transaction = [u8; 12];

const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const REQUEST: [u8; 2] = [0, 1];
const SUCCESS: [u8; 2] = [1, 1];
const SOFTWARE: u16 = 0x8022;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Attributes below this are to be understood (RFC 8489 §14).
const OPTIONAL_FROM: u16 = 0x8000;
/// Longer than the answer to it over IPv6.
const PADDING: &[u8; 24] = b"confab doctor, room for ";

/// A binding request that [`answer`] answers.
pub fn request(transaction: Transaction) -> Vec<u8> {
    let mut body = Vec::with_capacity(4 + PADDING.len());
    put(&mut body, SOFTWARE, PADDING);
    message(REQUEST, transaction, &body)
}

/// The answer to a binding request that carries no credentials and asks for nothing special, where it is not larger than
/// the request. None for any other packet, such as the checks of a peer connection.
pub fn answer(packet: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let (kind, transaction, attributes) = read(packet)?;
    if kind != REQUEST || attributes.into_iter().any(|(kind, _)| kind < OPTIONAL_FROM) {
        return None;
    }
    let mut body = Vec::with_capacity(24);
    put(
        &mut body,
        XOR_MAPPED_ADDRESS,
        &xor_address(from, transaction),
    );
    let answer = message(SUCCESS, transaction, &body);
    (answer.len() <= packet.len()).then_some(answer)
}

/// Where the server saw the request come from, if this packet answers it.
pub fn mapped(packet: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let (kind, answered, attributes) = read(packet)?;
    if kind != SUCCESS || answered != transaction {
        return None;
    }
    let found = attributes
        .into_iter()
        .find(|(kind, _)| *kind == XOR_MAPPED_ADDRESS);
    let value = found?.1;
    let port = u16::from_be_bytes(value.get(2..4)?.try_into().ok()?) ^ 0x2112;
    let ip = match (value.get(1)?, value.get(4..)?) {
        (1, bytes) => {
            let bytes: [u8; 4] = bytes.try_into().ok()?;
            IpAddr::from(xor(bytes, transaction))
        }
        (2, bytes) => {
            let bytes: [u8; 16] = bytes.try_into().ok()?;
            IpAddr::from(xor(bytes, transaction))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

type Attributes<'a> = Vec<(u16, &'a [u8])>;

/// Kind, transaction, attributes.
fn read(packet: &[u8]) -> Option<([u8; 2], Transaction, Attributes<'_>)> {
    let kind: [u8; 2] = packet.get(..2)?.try_into().ok()?;
    let length = usize::from(u16::from_be_bytes(packet.get(2..4)?.try_into().ok()?));
    let transaction = packet.get(8..HEADER)?.try_into().ok()?;
    if packet.get(4..8)? != MAGIC_COOKIE || HEADER + length != packet.len() {
        return None;
    }
    let mut attributes = Vec::new();
    let mut rest = packet.get(HEADER..)?;
    while let [t0, t1, l0, l1, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        attributes.push((u16::from_be_bytes([*t0, *t1]), tail.get(..length)?));
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    rest.is_empty().then_some((kind, transaction, attributes))
}

fn message(kind: [u8; 2], transaction: Transaction, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    [&kind[..], &length, &MAGIC_COOKIE, &transaction, body].concat()
}

/// `value` is a multiple of four bytes long.
fn put(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(kind.to_be_bytes());
    body.extend((value.len() as u16).to_be_bytes());
    body.extend(value);
}

fn xor_address(address: SocketAddr, transaction: Transaction) -> Vec<u8> {
    let port = (address.port() ^ 0x2112).to_be_bytes();
    let (family, ip) = match address.ip().to_canonical() {
        IpAddr::V4(v4) => (1, xor(v4.octets(), transaction).to_vec()),
        IpAddr::V6(v6) => (2, xor(v6.octets(), transaction).to_vec()),
    };
    [&[0, family], &port[..], &ip].concat()
}

/// RFC 8489 §14.2: with the cookie, and for the rest of an IPv6 address with the transaction.
fn xor<const N: usize>(bytes: [u8; N], transaction: Transaction) -> [u8; N] {
    let mask = MAGIC_COOKIE.into_iter().chain(transaction);
    let mut out = bytes;
    for (byte, mask) in out.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const T: Transaction = *b"transaction!";

    #[test]
    fn an_address_comes_back_as_it_was_seen() {
        for from in [
            "192.0.2.1:32853",
            "[2001:db8::9]:443",
            "[::ffff:192.0.2.7]:9",
        ] {
            let from: SocketAddr = from.parse().unwrap();
            let answer = answer(&request(T), from).unwrap();
            let seen = SocketAddr::new(from.ip().to_canonical(), from.port());
            assert_eq!(mapped(&answer, T), Some(seen));
            assert_eq!(mapped(&answer, [0; 12]), None, "not what was asked");
        }
    }

    #[test]
    fn the_vector_of_rfc_5769_is_read() {
        // §2.2, without SOFTWARE, MESSAGE-INTEGRITY and FINGERPRINT: 192.0.2.1 port 32853.
        let transaction = [
            0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
        ];
        let value = [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let mut body = Vec::new();
        put(&mut body, XOR_MAPPED_ADDRESS, &value);
        let answer = message(SUCCESS, transaction, &body);
        let address = "192.0.2.1:32853".parse().ok();
        assert_eq!(mapped(&answer, transaction), address);
    }

    #[test]
    fn no_answer_is_larger_than_its_request() {
        let from = "[2001:db8::9]:443".parse().unwrap();
        let bare = message(REQUEST, T, &[]);
        assert_eq!(answer(&bare, from), None);
        let sent = request(T);
        assert!(answer(&sent, from).unwrap().len() <= sent.len());
    }

    #[test]
    fn checks_of_a_peer_connection_are_left_to_it() {
        let mut body = Vec::new();
        put(&mut body, 0x0006, b"server:client-ab");
        put(&mut body, SOFTWARE, PADDING);
        let check = message(REQUEST, T, &body);
        assert_eq!(answer(&check, "192.0.2.1:1".parse().unwrap()), None);
        let other = message(SUCCESS, T, &[]);
        assert_eq!(answer(&other, "192.0.2.1:1".parse().unwrap()), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = (answer(&bytes, "192.0.2.1:1".parse().unwrap()), mapped(&bytes, T));
        }

        #[test]
        fn garbage_after_a_header_never_panics(body in proptest::collection::vec(any::<u8>(), 0..120)) {
            for kind in [REQUEST, SUCCESS] {
                let packet = message(kind, T, &body);
                let _ = (answer(&packet, "192.0.2.1:1".parse().unwrap()), mapped(&packet, T));
            }
        }
    }
}
