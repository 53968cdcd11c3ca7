//! RFC 4571 framing of ICE-TCP: each packet is preceded by its length in two bytes, big endian.

use confab_base::CutStream;

/// Largest packet taken from or given to a TCP stream, bytes. WebRTC packets are made for datagrams of about 1500
/// bytes; a stream that announces more is no WebRTC.
pub const MAX_FRAME: usize = 2048;

/// Bytes before each packet.
const LENGTH: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is larger than {MAX_FRAME}")]
    TooLarge(usize),
    #[error("an empty frame")]
    Empty,
}

/// Appends `packet` with its length to `out`.
///
/// # Errors
/// [`FrameError`] if it is empty or larger than [`MAX_FRAME`]; `out` is unchanged then.
pub fn encode(packet: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    check(packet.len())?;
    out.extend((packet.len() as u16).to_be_bytes());
    out.extend(packet);
    Ok(())
}

fn check(length: usize) -> Result<(), FrameError> {
    match length {
        0 => Err(FrameError::Empty),
        1..=MAX_FRAME => Ok(()),
        _ => Err(FrameError::TooLarge(length)),
    }
}

/// Cuts a byte stream that comes in any pieces into packets. After an error the stream is lost: close it.
#[derive(Debug, Default)]
pub struct Decoder {
    stream: CutStream,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Takes the next bytes of the stream. Call [`Decoder::next_frame`] until it has none, so that the buffer stays small.
    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.push(bytes);
    }

    /// The next whole packet.
    ///
    /// # Errors
    /// [`FrameError`] for a length that no packet of ours has.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let [l0, l1, ..] = *self.stream.rest() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        check(length)?;
        Ok(self.stream.cut(LENGTH + length, LENGTH..LENGTH + length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_out_of_range_are_errors() {
        let mut decoder = Decoder::new();
        decoder.push(b"GET / HTTP/1.1\r\n");
        assert_eq!(decoder.next_frame(), Err(FrameError::TooLarge(0x4745)));
        let mut decoder = Decoder::new();
        decoder.push(&[0, 0]);
        assert_eq!(decoder.next_frame(), Err(FrameError::Empty));
        let mut out = vec![1];
        assert_eq!(
            encode(&[0; MAX_FRAME + 1], &mut out),
            Err(FrameError::TooLarge(MAX_FRAME + 1))
        );
        assert_eq!(out, [1]);
    }

    proptest! {
        #[test]
        fn packets_survive_any_cutting_of_the_stream(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..20),
            cut in 1usize..700,
        ) {
            let mut stream = Vec::new();
            for packet in &packets {
                encode(packet, &mut stream).unwrap();
            }
            let mut decoder = Decoder::new();
            let mut got = Vec::new();
            for piece in stream.chunks(cut) {
                decoder.push(piece);
                while let Some(packet) = decoder.next_frame().unwrap() {
                    got.push(packet.to_vec());
                }
            }
            prop_assert_eq!(got, packets);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            let mut decoder = Decoder::new();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next_frame() {}
        }
    }
}
