//! Whether a packet on the media port is for the relay, told by its first bytes.

use crate::message::{MAGIC_COOKIE, Message, attribute, method};

/// TURN's requests and Send indications, ChannelData (RFC 7983: a first byte of 64 to 79), and binding requests that
/// name nobody, which only ask for the own address. Checks of a peer connection carry a user name and are not among
/// them.
pub fn is_for_relay(packet: &[u8]) -> bool {
    const REQUESTS: [u16; 4] = [
        method::ALLOCATE,
        method::REFRESH,
        method::CREATE_PERMISSION,
        method::CHANNEL_BIND,
    ];
    const SEND_INDICATION: u16 = 0x0016;
    match packet {
        [0x40..=0x4f, ..] => true,
        [0, kind, _, _, c0, c1, c2, c3, ..] => {
            let kind = u16::from(*kind);
            u32::from_be_bytes([*c0, *c1, *c2, *c3]) == MAGIC_COOKIE
                && (REQUESTS.contains(&kind)
                    || kind == SEND_INDICATION
                    || kind == method::BINDING && names_nobody(packet))
        }
        _ => false,
    }
}

fn names_nobody(packet: &[u8]) -> bool {
    Message::parse(packet).is_some_and(|m| m.attribute(attribute::USERNAME).is_none())
}
