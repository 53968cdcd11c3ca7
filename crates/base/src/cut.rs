//! A stream that comes in any pieces, until whole messages can be cut off its front. What a message is, its reader knows.

use core::ops::Range;

/// Bytes that came and were not yet given out. It holds what is pushed: whoever pushes takes all messages off before the next piece.
#[derive(Debug, Default)]
pub struct CutStream {
    buffer: Vec<u8>,
    /// Bytes of `buffer` already given out.
    read: usize,
}

impl CutStream {
    pub fn new() -> CutStream {
        CutStream::default()
    }

    /// Takes the next bytes of the stream, and forgets those that were given out.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// All that is there, from the next message on.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.read..]
    }

    /// Goes `whole` bytes on and gives out `part` of them, counted from where they begin; none, where fewer are there. `part` has to
    /// lie within `whole`.
    pub fn cut(&mut self, whole: usize, part: Range<usize>) -> Option<&[u8]> {
        debug_assert!(part.end <= whole);
        if self.rest().len() < whole {
            return None;
        }
        let start = self.read;
        self.read += whole;
        self.buffer.get(start + part.start..start + part.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_off_once_it_is_whole() {
        let mut stream = CutStream::new();
        stream.push(&[1, 2, 3]);
        assert_eq!(stream.cut(4, 1..4), None);
        assert_eq!(stream.rest(), [1, 2, 3]);
        stream.push(&[4, 5]);
        assert_eq!(stream.cut(4, 1..3), Some(&[2, 3][..]));
        assert_eq!(stream.rest(), [5]);
        stream.push(&[6]);
        assert_eq!(stream.cut(2, 0..2), Some(&[5, 6][..]));
        assert_eq!(stream.cut(1, 0..1), None);
        assert_eq!(stream.cut(0, 0..0), Some(&[][..]));
    }
}
