//! The one question of SNTP (RFC 4330 §5): how far apart two clocks are.

/// Of time servers.
pub const PORT: u16 = 123;
const PACKET: usize = 48;
/// Leap indicator 0, version 4, mode 3 (client).
const CLIENT: u8 = 0x23;
const SERVER_MODE: u8 = 4;
/// From 1900, where NTP begins, to 1970.
const EPOCHS: f64 = 2_208_988_800.0;
/// One turn of the 32-bit count of seconds.
const ERA: f64 = 4_294_967_296.0;

/// `nonce` stands where our time would: the server gives it back, and learns nothing of our clock.
pub fn request(nonce: [u8; 8]) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[0] = CLIENT;
    packet[40..].copy_from_slice(&nonce);
    packet
}

/// Seconds our clock is ahead of the server's. `sent` and `received` are our times, seconds since 1970. None: no usable
/// answer to this request.
pub fn ahead(packet: &[u8], nonce: [u8; 8], sent: f64, received: f64) -> Option<f64> {
    let packet: &[u8; PACKET] = packet.get(..PACKET)?.try_into().ok()?;
    let is_synchronised = packet[0] >> 6 != 3 && (1..=15).contains(&packet[1]);
    if packet[0] & 7 != SERVER_MODE || !is_synchronised || packet[24..32] != nonce {
        return None;
    }
    let middle = (sent + received) / 2.0;
    let theirs = (stamp(&packet[32..40])? + stamp(&packet[40..48])?) / 2.0;
    // Seconds are counted modulo 2^32: the nearest turn is meant.
    let apart = middle - theirs;
    Some(apart - (apart / ERA).round() * ERA)
}

/// Seconds since 1970 of 32.32 bits since 1900.
fn stamp(bytes: &[u8]) -> Option<f64> {
    let raw = u64::from_be_bytes(bytes.try_into().ok()?);
    Some(raw as f64 / ERA - EPOCHS)
}

/// A server's answer, for tests with a server of their own: its clock says `time`, seconds since 1970.
pub fn answer(request: &[u8], time: f64) -> Option<[u8; PACKET]> {
    let nonce = request.get(40..PACKET)?;
    let mut packet = [0; PACKET];
    (packet[0], packet[1]) = (0x24, 2);
    packet[24..32].copy_from_slice(nonce);
    let raw = ((time + EPOCHS) * ERA) as u64;
    packet[32..40].copy_from_slice(&raw.to_be_bytes());
    packet[40..48].copy_from_slice(&raw.to_be_bytes());
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONCE: [u8; 8] = *b"12345678";

    #[test]
    fn the_difference_is_seen_both_ways_and_half_the_wait_is_not_in_it() {
        for difference in [600.0, -600.0, 0.25] {
            let theirs = 1_800_000_000.0;
            let answered = answer(&request(NONCE), theirs).unwrap();
            let ours = theirs + difference;
            let seen = ahead(&answered, NONCE, ours - 0.4, ours + 0.4).unwrap();
            assert!((seen - difference).abs() < 1e-3, "{seen}");
        }
    }

    #[test]
    fn the_turn_of_2036_is_crossed() {
        let theirs = 2_085_978_496.0 + 5.0;
        // The count began anew.
        let answered = answer(&request(NONCE), theirs - ERA).unwrap();
        let seen = ahead(&answered, NONCE, theirs, theirs).unwrap();
        assert!(seen.abs() < 1.0, "{seen}");
    }

    #[test]
    fn answers_to_others_and_of_servers_without_time_are_none() {
        let good = answer(&request(NONCE), 1.8e9).unwrap();
        assert_eq!(ahead(&good, *b"87654321", 1.8e9, 1.8e9), None);
        let mut unsynchronised = good;
        unsynchronised[0] |= 0xc0;
        assert_eq!(ahead(&unsynchronised, NONCE, 1.8e9, 1.8e9), None);
        let mut kiss_of_death = good;
        kiss_of_death[1] = 0;
        assert_eq!(ahead(&kiss_of_death, NONCE, 1.8e9, 1.8e9), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = (ahead(&bytes, NONCE, 1.8e9, 1.8e9), answer(&bytes, 1.8e9));
        }
    }
}
