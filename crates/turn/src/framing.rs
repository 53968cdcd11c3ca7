//! STUN and ChannelData on a byte stream (RFC 8656, 12.5): each says its own length, ChannelData is padded to four bytes.

use crate::message::{HEADER, MAX_MESSAGE};
use confab_base::CutStream;

/// Largest ChannelData taken, bytes of payload. Media packets are made for datagrams of about 1500 bytes.
const MAX_CHANNEL_DATA: usize = 2048;
/// Header of ChannelData: channel number and length.
pub const CHANNEL_HEADER: usize = 4;

/// The stream is no TURN, or carries what no media packet is. Close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no TURN message")]
pub struct NotTurn;

/// Cuts a stream that comes in any pieces into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    stream: CutStream,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Takes the next bytes of the stream. Call [`Decoder::next_message`] until it has none, so that the buffer stays
    /// small.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.push(bytes);
    }

    /// The next whole message, without padding.
    ///
    /// # Errors
    /// [`NotTurn`] for anything that no message begins with, or that is too large.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>, NotTurn> {
        let [b0, b1, l0, l1, ..] = *self.stream.rest() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let (whole, padded) = match (b0, b1) {
            (0x00..=0x3f, _) if length.is_multiple_of(4) && HEADER + length <= MAX_MESSAGE => {
                (HEADER + length, HEADER + length)
            }
            (0x40..=0x4f, _) if length <= MAX_CHANNEL_DATA => {
                let whole = CHANNEL_HEADER + length;
                (whole, whole.next_multiple_of(4))
            }
            _ => return Err(NotTurn),
        };
        Ok(self.stream.cut(padded, 0..whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_turn_ends_the_stream() {
        for strange in [
            &b"GET / HTTP"[..],
            &[0x80, 0, 0, 4],
            &[0, 1, 0, 3],
            &[0x40, 0, 0xff, 0xff],
        ] {
            let mut decoder = Decoder::new();
            decoder.push(strange);
            assert_eq!(decoder.next_message(), Err(NotTurn));
        }
    }

    proptest! {
        #[test]
        fn messages_survive_any_cutting_of_the_stream(
            sizes in prop::collection::vec((any::<bool>(), 0usize..300), 0..20), cut in 1usize..700,
        ) {
            let mut stream = Vec::new();
            let mut sent = Vec::new();
            for (is_channel, size) in sizes {
                let (size, head) = match is_channel {
                    true => (size, [0x40, 1]),
                    false => (size.next_multiple_of(4), [0, 0x16]),
                };
                let mut message = head.to_vec();
                message.extend((size as u16).to_be_bytes());
                message.resize(size + if is_channel { CHANNEL_HEADER } else { HEADER }, 7);
                stream.extend(&message);
                stream.resize(stream.len().next_multiple_of(4), 0);
                sent.push(message);
            }
            let mut decoder = Decoder::new();
            let mut got = Vec::new();
            for piece in stream.chunks(cut) {
                decoder.push(piece);
                while let Some(message) = decoder.next_message().unwrap() {
                    got.push(message.to_vec());
                }
            }
            prop_assert_eq!(got, sent);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let mut decoder = Decoder::new();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next_message() {}
        }
    }
}
