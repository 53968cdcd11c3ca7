//! What waits for one slow reader: bounded in bytes. Presence gives way first; then the reader is given up, and resyncs.

use std::collections::VecDeque;

/// Bytes that may wait beyond the frames of the opening.
pub const QUEUE_BYTES: usize = 1024 * 1024;
/// Above this presence is dropped.
pub const PRESENCE_BYTES: usize = QUEUE_BYTES / 4;

/// How much a frame matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Of the opening: taken however large, and not counted.
    Opening,
    Kept,
    /// May be left out.
    Presence,
}

/// The reader is too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// Frames on their way to one connection, oldest first.
#[derive(Debug)]
pub struct Queue<F> {
    frames: VecDeque<(F, usize)>,
    bytes: usize,
}

impl<F> Default for Queue<F> {
    fn default() -> Queue<F> {
        Queue {
            frames: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<F: AsRef<[u8]>> Queue<F> {
    /// Puts a frame at the end. Whether it was taken; presence may not be.
    pub fn push(&mut self, frame: F, weight: Weight) -> Result<bool, Overflow> {
        // A frame costs memory beside its bytes.
        let cost = match weight {
            Weight::Opening => 0,
            _ => frame.as_ref().len() + 64,
        };
        if weight == Weight::Presence && self.bytes + cost > PRESENCE_BYTES {
            return Ok(false);
        }
        if self.bytes + cost > QUEUE_BYTES {
            return Err(Overflow);
        }
        self.bytes += cost;
        self.frames.push_back((frame, cost));
        Ok(true)
    }

    pub fn pop(&mut self) -> Option<F> {
        let (frame, cost) = self.frames.pop_front()?;
        self.bytes -= cost;
        Some(frame)
    }

    /// Bytes that wait, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_gives_way_first_and_then_the_reader_is_given_up() {
        let mut queue = Queue::default();
        assert_eq!(queue.push(vec![0; 9 << 20], Weight::Opening), Ok(true));
        assert_eq!(queue.bytes(), 0);
        let mut dropped = 0;
        let mut changes = 0;
        while queue.push(vec![0; 1000], Weight::Kept).is_ok() {
            changes += 1;
            let taken = queue.push(vec![0; 1000], Weight::Presence);
            dropped += usize::from(taken == Ok(false));
        }
        assert!(dropped > 0 && changes > 800, "{dropped} {changes}");
        assert!(queue.bytes() <= QUEUE_BYTES);
        while queue.pop().is_some() {}
        assert_eq!(queue.bytes(), 0);
        assert_eq!(queue.push(vec![0; 1000], Weight::Presence), Ok(true));
    }
}
