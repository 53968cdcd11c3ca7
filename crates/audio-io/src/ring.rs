//! A bounded queue of samples between one writer and one reader, without locks and without `unsafe`: samples are stored as the bits
//! of atomics, which costs nothing on any machine we run on, and the two positions order them.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// One thread may push and one may pop at a time. Two of a kind would mix up samples, but nothing worse.
#[derive(Debug)]
pub struct Ring {
    slots: Box<[AtomicU32]>,
    /// Samples ever read and written; they only grow.
    read: AtomicUsize,
    written: AtomicUsize,
}

impl Ring {
    /// Room for `capacity` samples, rounded up to a power of two.
    pub fn new(capacity: usize) -> Ring {
        let slots = (0..capacity.next_power_of_two())
            .map(|_| AtomicU32::new(0))
            .collect();
        Ring {
            slots,
            read: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
        }
    }

    /// Samples waiting.
    pub fn len(&self) -> usize {
        // The reader's position first: it can then not be ahead of the writer's.
        let read = self.read.load(Ordering::Acquire);
        self.written
            .load(Ordering::Acquire)
            .wrapping_sub(read)
            .min(self.slots.len())
    }

    /// Writer: appends samples as long as there is room, and says how many were taken.
    pub fn push(&self, samples: impl Iterator<Item = f32>) -> usize {
        let written = self.written.load(Ordering::Relaxed);
        // Acquire: slots the reader has freed are really read.
        let room = self.slots.len()
            - written
                .wrapping_sub(self.read.load(Ordering::Acquire))
                .min(self.slots.len());
        let mut taken = 0;
        for sample in samples.take(room) {
            self.slots[written.wrapping_add(taken) & (self.slots.len() - 1)]
                .store(sample.to_bits(), Ordering::Relaxed);
            taken += 1;
        }
        // Release: the samples are there before the position says so.
        self.written
            .store(written.wrapping_add(taken), Ordering::Release);
        taken
    }

    /// Reader: takes up to `out.len()` samples, and says how many there were.
    pub fn pop(&self, out: &mut [f32]) -> usize {
        let read = self.read.load(Ordering::Relaxed);
        let there = self
            .written
            .load(Ordering::Acquire)
            .wrapping_sub(read)
            .min(out.len());
        for (i, sample) in out[..there].iter_mut().enumerate() {
            *sample = f32::from_bits(
                self.slots[read.wrapping_add(i) & (self.slots.len() - 1)].load(Ordering::Relaxed),
            );
        }
        self.read.store(read.wrapping_add(there), Ordering::Release);
        there
    }

    /// Reader: drops all but the newest `keep` samples, and says how many were dropped.
    pub fn skip_to(&self, keep: usize) -> usize {
        let excess = self.len().saturating_sub(keep);
        let read = self.read.load(Ordering::Relaxed);
        self.read
            .store(read.wrapping_add(excess), Ordering::Release);
        excess
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn samples_come_out_in_order_and_a_full_ring_takes_no_more() {
        let ring = Ring::new(8);
        assert_eq!(ring.push((0..10).map(|i| i as f32)), 8);
        let mut out = [0.0; 5];
        assert_eq!(ring.pop(&mut out), 5);
        assert_eq!(out, [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(ring.push((20..22).map(|i| i as f32)), 2);
        assert_eq!(ring.skip_to(2), 3);
        assert_eq!((ring.pop(&mut out), out[0], out[1]), (2, 20.0, 21.0));
        assert_eq!(ring.pop(&mut out), 0);
    }

    #[test]
    fn two_threads_lose_and_mix_up_nothing() {
        const COUNT: usize = 200_000;
        let ring = Arc::new(Ring::new(256));
        let writer = ring.clone();
        let thread = std::thread::spawn(move || {
            let mut next = 0;
            while next < COUNT {
                let until = (next + 7 + next % 100).min(COUNT);
                next += writer.push((next..until).map(|i| i as f32));
                std::thread::yield_now();
            }
        });
        let (mut seen, mut out) = (0, [0.0; 61]);
        while seen < COUNT {
            let got = ring.pop(&mut out);
            for sample in &out[..got] {
                assert_eq!(*sample, seen as f32);
                seen += 1;
            }
            if got == 0 {
                std::thread::yield_now();
            }
        }
        thread.join().unwrap();
    }
}
