//! Looks at a packet's first bytes to tell what it is and whom it is for, without parsing it as a whole: what a server
//! with one port does for every packet of an unknown sender (RFC 7983, RFC 8489).

/// What RFC 7983 says a packet on a WebRTC port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PacketKind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

const STUN_HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;
/// RFC 8489 §14.3: a user name is shorter than 509 bytes.
const MAX_USERNAME: usize = 508;

/// Sorts a packet by its first bytes. STUN needs a whole header with its magic cookie and a length that fits.
pub fn classify(packet: &[u8]) -> PacketKind {
    match packet {
        [0..=3, ..] if is_stun(packet) => PacketKind::Stun,
        [20..=63, ..] if packet.len() >= 13 => PacketKind::Dtls,
        // RTCP types 192..=223 (RFC 5761) stand where RTP has marker bit and payload type.
        [128..=191, 192..=223, ..] if packet.len() >= 8 => PacketKind::Rtcp,
        [128..=191, ..] if packet.len() >= 12 => PacketKind::Rtp,
        _ => PacketKind::Unknown,
    }
}

fn is_stun(packet: &[u8]) -> bool {
    packet.len() >= STUN_HEADER
        && packet[4..8] == MAGIC_COOKIE
        && usize::from(u16::from_be_bytes([packet[2], packet[3]])) + STUN_HEADER == packet.len()
        && packet.len().is_multiple_of(4)
}

/// Whether it is a STUN binding success response: what we send to who knew our password.
pub fn is_binding_success(packet: &[u8]) -> bool {
    const BINDING_SUCCESS: [u8; 2] = [1, 1];
    is_stun(packet) && packet[..2] == BINDING_SUCCESS
}

/// The USERNAME of a STUN binding request as (our ufrag, the sender's ufrag): the receiver's stands first (RFC 8445
/// §7.2.2). Nothing for any other packet. Nothing here is authenticated yet.
pub fn stun_username(packet: &[u8]) -> Option<(&str, &str)> {
    const BINDING_REQUEST: [u8; 2] = [0, 1];
    if !is_stun(packet) || packet[..2] != BINDING_REQUEST {
        return None;
    }
    let mut rest = &packet[STUN_HEADER..];
    while let [t0, t1, l0, l1, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = tail.get(..length)?;
        if u16::from_be_bytes([*t0, *t1]) == USERNAME {
            if length > MAX_USERNAME {
                return None;
            }
            return std::str::from_utf8(value).ok()?.split_once(':');
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The SSRC of an RTP packet.
pub(crate) fn rtp_ssrc(packet: &[u8]) -> Option<u32> {
    let bytes = packet.get(8..12)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend(kind.to_be_bytes());
            body.extend((value.len() as u16).to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut packet = vec![0, 1];
        packet.extend((body.len() as u16).to_be_bytes());
        packet.extend(MAGIC_COOKIE);
        packet.extend([7; 12]);
        packet.extend(body);
        packet
    }

    #[test]
    fn the_receivers_ufrag_stands_first() {
        let packet = request(&[(0x8022, b"agent"), (USERNAME, b"server:client")]);
        assert_eq!(classify(&packet), PacketKind::Stun);
        assert_eq!(stun_username(&packet), Some(("server", "client")));
    }

    #[test]
    fn kinds_are_told_by_their_first_bytes() {
        assert_eq!(classify(&[22; 13]), PacketKind::Dtls);
        assert_eq!(classify(&[0x80; 12]), PacketKind::Rtp);
        assert_eq!(classify(&[0x80, 200, 0, 1, 0, 0, 0, 1]), PacketKind::Rtcp);
        assert_eq!(classify(b"GET / HTTP/1.1\r\n\r\n"), PacketKind::Unknown);
        assert_eq!(classify(&[]), PacketKind::Unknown);
    }

    #[test]
    fn responses_and_requests_without_a_name_have_no_username() {
        assert_eq!(stun_username(&request(&[])), None);
        let mut response = request(&[(USERNAME, b"a:b")]);
        response[0] = 1;
        response[1] = 1;
        assert_eq!(stun_username(&response), None);
        assert!(is_binding_success(&response) && !is_binding_success(&request(&[])));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (classify(&bytes), stun_username(&bytes), rtp_ssrc(&bytes), is_binding_success(&bytes));
        }

        #[test]
        fn garbage_after_a_stun_header_never_panics(body in proptest::collection::vec(any::<u8>(), 0..50)) {
            let mut packet = request(&[]);
            packet.extend(body.iter().copied().cycle().take(body.len() * 4));
            let length = (packet.len() - STUN_HEADER) as u16;
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            let _ = stun_username(&packet);
        }

        #[test]
        fn every_username_with_a_colon_is_found(local in "[a-zA-Z0-9+/]{4,32}", remote in "[a-zA-Z0-9+/]{4,32}") {
            let name = format!("{local}:{remote}");
            let packet = request(&[(0x0024, &[0; 4]), (USERNAME, name.as_bytes())]);
            prop_assert_eq!(stun_username(&packet), Some((local.as_str(), remote.as_str())));
        }
    }
}
