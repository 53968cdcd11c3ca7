//! Pacing: an encoder hands over a picture at once, and a key frame sent at once would stand in a queue on its way, where the
//! voice would wait behind it. So packets leave at a rate somewhat above the estimate, in small bursts
//! (the leaky bucket of draft-ietf-rmcat-gcc-02, 4).

use confab_base::{Bitrate, Duration, Time};
use std::collections::VecDeque;

/// Times the estimate: a picture is out before the next one comes, as pictures take most of the estimate.
const ABOVE: u64 = 5;
const BELOW: u64 = 2;
/// What takes longer than this at the estimate is a key frame, and leaves at little more than the estimate until so much is left: it
/// would fill the queue on its way, be taken for congestion, and be dropped where the queue is full.
const LARGE: Duration = Duration::from_millis(80);
const LARGE_ABOVE: u64 = 5;
const LARGE_BELOW: u64 = 4;
/// Bursts are not longer than this at that rate: timers are not finer.
const BURST: Duration = Duration::from_millis(5);
/// Whatever the estimate says, nothing waits longer than this: then it leaves faster.
const LONGEST: Duration = Duration::from_millis(250);
/// Estimates below this are not believed here.
const LEAST: Bitrate = Bitrate::kbps(200);

/// Packets of type `T` waiting to leave in their order.
#[derive(Debug)]
pub struct Pacer<T> {
    queue: VecDeque<(Time, usize, T)>,
    bytes: usize,
    /// When the next packet may leave.
    next: Time,
}

impl<T> Default for Pacer<T> {
    fn default() -> Pacer<T> {
        Pacer {
            queue: VecDeque::new(),
            bytes: 0,
            next: Time::ZERO,
        }
    }
}

impl<T> Pacer<T> {
    /// `size` in bytes on the wire.
    pub fn push(&mut self, size: usize, packet: T, now: Time) {
        self.queue.push_back((now, size, packet));
        self.bytes += size;
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }

    /// The packet that may leave now, if there is one; ask again until there is none.
    pub fn poll(&mut self, estimate: Bitrate, now: Time) -> Option<T> {
        if self.next > now + BURST {
            return None;
        }
        let (since, size, packet) = self.queue.pop_front()?;
        let left = LONGEST.as_micros() as u64;
        let left = left
            .saturating_sub(now.since(since).as_micros() as u64)
            .max(1_000);
        let estimate = estimate.max(LEAST).bps();
        let is_large = self.bytes as u64 * 8 * 1_000_000 > estimate * LARGE.as_micros() as u64;
        let usual = match is_large {
            true => estimate * LARGE_ABOVE / LARGE_BELOW,
            false => estimate * ABOVE / BELOW,
        };
        let needed = self.bytes as u64 * 8 * 1_000_000 / left;
        let rate = usual.max(needed);
        self.bytes -= size;
        let takes = Duration::from_micros(size as u64 * 8 * 1_000_000 / rate);
        self.next = self.next.max(now) + takes;
        Some(packet)
    }

    /// When to ask again; `None` while nothing waits.
    pub fn next_wakeup(&self) -> Option<Time> {
        let waits = !self.queue.is_empty();
        waits.then(|| {
            let before = BURST.as_micros() as u64;
            Time::from_micros(self.next.as_micros().saturating_sub(before))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of so many packets of 1000 bytes leaves, in milliseconds; they come at once.
    fn leave(count: usize, estimate: Bitrate) -> Vec<u64> {
        let mut pacer = Pacer::default();
        let start = Time::from_micros(1_000_000);
        (0..count).for_each(|i| pacer.push(1000, i, start));
        let (mut now, mut left) = (start, Vec::new());
        while left.len() < count {
            while let Some(i) = pacer.poll(estimate, now) {
                assert_eq!(i, left.len(), "in order");
                left.push(now.since(start).as_micros() as u64 / 1000);
            }
            if let Some(next) = pacer.next_wakeup() {
                assert!(next > now);
                now = next;
            }
        }
        left
    }

    #[test]
    fn a_key_frame_leaves_at_little_more_than_the_estimate_and_its_end_at_twice_that() {
        // 40 kB at 2 Mbps: half of it at 2.5 Mbps, half at 5.
        let left = leave(40, Bitrate::kbps(2000));
        assert!((84..=94).contains(&left[39]), "{left:?}");
        let at_once = left.iter().filter(|at| **at == 0).count();
        assert!((2..=5).contains(&at_once), "{left:?}");
    }

    #[test]
    fn nothing_waits_for_long_however_little_the_network_takes() {
        let left = leave(200, Bitrate::kbps(50));
        assert!(left[199] <= 260, "{left:?}");
    }

    #[test]
    fn a_picture_leaves_at_two_and_a_half_times_the_estimate() {
        // 15 kB at 2 Mbps: 24 ms at 5 Mbps.
        let left = leave(15, Bitrate::kbps(2000));
        assert!((14..=24).contains(&left[14]), "{left:?}");
    }

    #[test]
    fn after_a_rest_a_small_picture_leaves_at_once() {
        assert_eq!(leave(3, Bitrate::kbps(1000)), [0, 0, 1]);
    }

    #[test]
    fn nothing_wakes_while_nothing_waits() {
        let mut pacer = Pacer::default();
        assert_eq!(pacer.next_wakeup(), None);
        pacer.push(100, (), Time::ZERO);
        assert!(pacer.next_wakeup().is_some());
        assert!(pacer.poll(Bitrate::kbps(300), Time::ZERO).is_some());
        assert_eq!(pacer.next_wakeup(), None);
        pacer.push(100, (), Time::ZERO);
        pacer.clear();
        assert_eq!(
            (
                pacer.poll(Bitrate::kbps(300), Time::ZERO),
                pacer.next_wakeup()
            ),
            (None, None)
        );
    }
}
