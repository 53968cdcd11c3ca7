//! STUN messages (RFC 8489, 5 and 14; TURN's attributes: RFC 8656, 18): reading foreign ones, writing our own.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

pub const HEADER: usize = 20;
pub const MAGIC_COOKIE: u32 = 0x2112_a442;
/// Largest message read, bytes: DATA of a Send indication holds one datagram.
pub const MAX_MESSAGE: usize = 2048;

/// Methods, as they stand in the type field of a request.
pub mod method {
    pub const BINDING: u16 = 0x001;
    pub const ALLOCATE: u16 = 0x003;
    pub const REFRESH: u16 = 0x004;
    pub const SEND: u16 = 0x006;
    pub const DATA: u16 = 0x007;
    pub const CREATE_PERMISSION: u16 = 0x008;
    pub const CHANNEL_BIND: u16 = 0x009;
}

/// Attribute types.
pub mod attribute {
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub const CHANNEL_NUMBER: u16 = 0x000c;
    pub const LIFETIME: u16 = 0x000d;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub const EVEN_PORT: u16 = 0x0018;
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const FINGERPRINT: u16 = 0x8028;
}

/// The class of a message: bits 4 and 8 of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A foreign message whose header and attribute lengths are right. Borrows the datagram.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub class: Class,
    pub method: u16,
    pub transaction: [u8; 12],
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// None for anything but one whole message with the magic cookie, of at most [`MAX_MESSAGE`] bytes.
    pub fn parse(bytes: &'a [u8]) -> Option<Message<'a>> {
        let (header, body) = bytes.split_first_chunk::<HEADER>()?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, transaction @ ..] = *header;
        let fits = usize::from(u16::from_be_bytes([l0, l1])) == body.len()
            && body.len().is_multiple_of(4)
            && bytes.len() <= MAX_MESSAGE
            && u32::from_be_bytes([c0, c1, c2, c3]) == MAGIC_COOKIE
            && t0 & 0xc0 == 0;
        if !fits {
            return None;
        }
        let kind = u16::from_be_bytes([t0, t1]);
        let class = match kind & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error,
        };
        let method = kind & 0x000f | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2;
        let mut all = Attributes { bytes, at: HEADER };
        while all.next().is_some() {}
        (all.at == bytes.len()).then_some(Message {
            class,
            method,
            transaction,
            bytes,
        })
    }

    /// The first attribute of a kind. What stands behind MESSAGE-INTEGRITY is nobody's word and is not found, but for
    /// FINGERPRINT.
    pub fn attribute(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes()
            .find(|(k, _)| *k == kind)
            .map(|(_, value)| value)
    }

    /// All of them in order, up to MESSAGE-INTEGRITY, and FINGERPRINT behind it.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let mut signed = false;
        let all = Attributes {
            bytes: self.bytes,
            at: HEADER,
        };
        all.filter_map(move |(kind, value, _)| {
            let passed = !signed || kind == attribute::FINGERPRINT;
            signed |= kind == attribute::MESSAGE_INTEGRITY;
            passed.then_some((kind, value))
        })
    }

    /// A text attribute.
    pub fn text(&self, kind: u16) -> Option<&'a str> {
        std::str::from_utf8(self.attribute(kind)?).ok()
    }

    /// A number of four bytes.
    pub fn number(&self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.attribute(kind)?.try_into().ok()?))
    }

    /// Whether the MESSAGE-INTEGRITY there is was made with `key`; false without one.
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        let mut all = Attributes {
            bytes: self.bytes,
            at: HEADER,
        };
        let found = all.find(|(kind, ..)| *kind == attribute::MESSAGE_INTEGRITY);
        let Some((_, value, at)) = found else {
            return false;
        };
        // The length counts up to and including MESSAGE-INTEGRITY, whatever follows.
        let length = (at - HEADER + 4 + INTEGRITY) as u16;
        let (head, body) = (&self.bytes[..2], &self.bytes[4..at]);
        let mac = signing(key)
            .chain_update(head)
            .chain_update(length.to_be_bytes());
        mac.chain_update(body).verify_slice(value).is_ok()
    }

    /// Whether FINGERPRINT is absent or right.
    pub fn is_intact(&self) -> bool {
        let all = Attributes {
            bytes: self.bytes,
            at: HEADER,
        };
        let found = all.last().filter(|a| a.0 == attribute::FINGERPRINT);
        found.is_none_or(|(_, value, at)| value == fingerprint(&self.bytes[..at]).to_be_bytes())
    }

    /// An XOR-…-ADDRESS.
    pub fn xor_address(&self, kind: u16) -> Option<SocketAddr> {
        self.read_xor_address(self.attribute(kind)?)
    }

    /// The value of an XOR-…-ADDRESS of this message (RFC 8489, 14.2).
    pub fn read_xor_address(&self, value: &[u8]) -> Option<SocketAddr> {
        let [_, family, p0, p1, ip @ ..] = value else {
            return None;
        };
        let port = u16::from_be_bytes([*p0, *p1]) ^ (MAGIC_COOKIE >> 16) as u16;
        let ip = match family {
            1 => IpAddr::V4(xor_v4(<[u8; 4]>::try_from(ip).ok()?.into())),
            2 => {
                let bits: [u8; 16] = ip.try_into().ok()?;
                IpAddr::V6(xor_v6(bits.into(), &self.transaction))
            }
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

fn xor_v4(ip: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(ip.to_bits() ^ MAGIC_COOKIE)
}

fn xor_v6(ip: Ipv6Addr, transaction: &[u8; 12]) -> Ipv6Addr {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    Ipv6Addr::from_bits(ip.to_bits() ^ u128::from_be_bytes(mask))
}

/// Length of MESSAGE-INTEGRITY's value.
const INTEGRITY: usize = 20;

fn signing(key: &[u8]) -> Hmac<Sha1> {
    // HMAC takes keys of any length.
    Hmac::<Sha1>::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length will do"))
}

/// Kind, value and where the attribute starts. Ends early where a length does not fit.
struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        let [k0, k1, l0, l1, rest @ ..] = self.bytes.get(self.at..)? else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = rest.get(..length)?;
        rest.get(..length.next_multiple_of(4))?;
        let at = self.at;
        self.at += 4 + length.next_multiple_of(4);
        Some((u16::from_be_bytes([*k0, *k1]), value, at))
    }
}

/// CRC-32 of ITU V.42 over the message before FINGERPRINT, as RFC 8489, 14.7 disguises it.
fn fingerprint(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        let low = crc & 1;
        (crc >> 1) ^ (0xedb8_8320 & low.wrapping_neg())
    };
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), step)
    });
    !crc ^ 0x5354_554e
}

/// A message of ours being written.
#[derive(Clone, Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    transaction: [u8; 12],
}

impl Builder {
    pub fn new(class: Class, method: u16, transaction: [u8; 12]) -> Builder {
        let class = match class {
            Class::Request => 0x0000,
            Class::Indication => 0x0010,
            Class::Success => 0x0100,
            Class::Error => 0x0110,
        };
        let kind = class | method & 0x000f | (method & 0x0070) << 1 | (method & 0x0f80) << 2;
        let mut bytes = Vec::with_capacity(128);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend(MAGIC_COOKIE.to_be_bytes());
        bytes.extend(transaction);
        Builder { bytes, transaction }
    }

    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Builder {
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend((value.len() as u16).to_be_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let length = (self.bytes.len() - HEADER) as u16;
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
        self
    }

    pub fn xor_address(self, kind: u16, address: SocketAddr) -> Builder {
        let value = xor_address(address, &self.transaction);
        self.attribute(kind, &value)
    }

    /// ERROR-CODE without a reason phrase: answers to strangers are no longer than they must be.
    pub fn error(self, code: u16) -> Builder {
        self.attribute(
            attribute::ERROR_CODE,
            &[0, 0, (code / 100) as u8, (code % 100) as u8],
        )
    }

    /// MESSAGE-INTEGRITY over what was written so far.
    pub fn sign(self, key: &[u8]) -> Builder {
        let mut all = self.attribute(attribute::MESSAGE_INTEGRITY, &[0; INTEGRITY]);
        let at = all.bytes.len() - INTEGRITY;
        let mac = signing(key).chain_update(&all.bytes[..at - 4]).finalize();
        all.bytes[at..].copy_from_slice(&mac.into_bytes());
        all
    }

    pub fn fingerprint(self) -> Builder {
        let mut all = self.attribute(attribute::FINGERPRINT, &[0; 4]);
        let at = all.bytes.len() - 4;
        let crc = fingerprint(&all.bytes[..at - 4]);
        all.bytes[at..].copy_from_slice(&crc.to_be_bytes());
        all
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The value of an XOR-…-ADDRESS.
fn xor_address(address: SocketAddr, transaction: &[u8; 12]) -> Vec<u8> {
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let family = if address.is_ipv4() { 1 } else { 2 };
    let mut value = vec![0, family];
    value.extend(port.to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => value.extend(xor_v4(ip).octets()),
        IpAddr::V6(ip) => value.extend(xor_v6(ip, transaction).octets()),
    }
    value
}
