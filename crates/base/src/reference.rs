//! Which base frames a receiver has: told to who codes them, so that after a loss the stream goes on from one of them instead of a key
//! frame (long-term references; the idea of RPSI, RFC 4585 6.3.3, with packets for names, which whoever forwards can translate).
//!
//! On the wire: a byte with version 1 in its upper four bits, then up to [`Reference::MOST`] times
//!
//! | bytes | |
//! |---|---|
//! | 4 | SSRC of the stream |
//! | 4 | the low half of the extended sequence number of the first packet of the newest base frame that was decoded |
//! | 1 | bit 0: nothing after it can be decoded |
//!
//! Numbers are big-endian. Each tells all that counts, so that any may be lost.

const VERSION: u8 = 1;
const STUCK: u8 = 1;
const BYTES: usize = 9;

/// What a receiver says of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Low half of the extended sequence number of the first packet of the newest base frame that was decoded.
    pub seq: u32,
    /// Nothing after it can be decoded.
    pub is_stuck: bool,
}

impl Reference {
    /// Most streams told of at a time.
    pub const MOST: usize = 64;

    /// Appends what is said of these streams, of [`Reference::MOST`] at most.
    pub fn write(all: &[(u32, Reference)], out: &mut Vec<u8>) {
        out.push(VERSION << 4);
        for (ssrc, reference) in all.iter().take(Self::MOST) {
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&reference.seq.to_be_bytes());
            out.push(if reference.is_stuck { STUCK } else { 0 });
        }
    }

    /// SSRCs and what is said of them. `None` for another version, length or number of streams.
    pub fn parse(body: &[u8]) -> Option<Vec<(u32, Reference)>> {
        let (&lead, rest) = body.split_first()?;
        let (all, over) = rest.as_chunks::<BYTES>();
        if lead >> 4 != VERSION || !over.is_empty() || all.len() > Self::MOST {
            return None;
        }
        let one = |&[a, b, c, d, e, f, g, h, flags]: &[u8; BYTES]| {
            let reference = Reference {
                seq: u32::from_be_bytes([e, f, g, h]),
                is_stuck: flags & STUCK == STUCK,
            };
            (u32::from_be_bytes([a, b, c, d]), reference)
        };
        Some(all.iter().map(one).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let stuck = Reference {
            seq: u32::MAX,
            is_stuck: true,
        };
        let good = Reference {
            seq: 7,
            is_stuck: false,
        };
        let all = [(0xdead_beef, good), (2, stuck)];
        let mut bytes = Vec::new();
        Reference::write(&all, &mut bytes);
        assert_eq!(bytes.len(), 19);
        assert_eq!(Reference::parse(&bytes), Some(all.to_vec()));
        assert_eq!(Reference::parse(&bytes[..18]), None);
        assert_eq!(Reference::parse(&[0x20]), None);
        assert_eq!(Reference::parse(&[VERSION << 4]), Some(Vec::new()));
        assert_eq!(Reference::parse(&[VERSION << 4; 1 + 65 * BYTES]), None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let bytes: Vec<u8> = (0..=255u8).chain(0..=255).chain(0..=255).collect();
        for from in 0..256 {
            for length in [0, 1, 5, 10, 19, 64, 300, 600] {
                let parsed = Reference::parse(&bytes[from..(from + length).min(bytes.len())]);
                assert!(parsed.is_none_or(|all| all.len() <= Reference::MOST));
            }
        }
    }
}
