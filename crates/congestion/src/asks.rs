//! What of a browser's video is missing here, and when to ask for it (generic NACK, RFC 4585 §6.2.1): soon, and again and again, since
//! on a bad way most requests and resends get lost too. A browser sends nothing twice within its round trip and 5 ms, so a request too
//! many costs some bytes, and one too few costs a picture: every second request comes just after that time, and those between stand in
//! for the ones that get lost.

use confab_base::{Duration, Time};
use std::collections::VecDeque;

/// A packet may be overtaken by so much without being asked for.
const OVERTAKEN: Duration = Duration::from_millis(4);
/// Later it helps nobody: pictures do not wait so long.
const LONGEST: Duration = Duration::from_millis(800);
/// Added to the round trip: a browser's 5 ms, and what it measures differently.
const MARGIN: Duration = Duration::from_millis(10);
/// Between requests for the same packet.
const LEAST: Duration = Duration::from_millis(15);
const MOST: Duration = Duration::from_millis(250);
const ASSUMED: Duration = Duration::from_millis(80);
/// What falls due within this goes along.
const TOGETHER: Duration = Duration::from_millis(5);
/// Packets of one stream asked for at a time; a longer gap takes a key frame.
const MOST_MISSING: usize = 256;
/// Streams at a time; of more, those longest silent are forgotten.
const MOST_STREAMS: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Missing {
    seq: u64,
    since: Time,
    due: Time,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    highest: u64,
    last: Time,
    missing: VecDeque<Missing>,
}

/// All video streams of one browser.
#[derive(Debug, Default)]
pub struct Asks {
    streams: Vec<Stream>,
    round_trip: Option<Duration>,
}

impl Asks {
    /// The round trip, as soon as it is known.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = Some(round_trip);
    }

    /// A packet came, by itself or sent again; `seq` is its extended number.
    pub fn received(&mut self, ssrc: u32, seq: u64, now: Time) {
        let Some(at) = self.streams.iter().position(|s| s.ssrc == ssrc) else {
            return self.begin(ssrc, seq, now);
        };
        let stream = &mut self.streams[at];
        stream.last = now;
        if seq <= stream.highest {
            stream.missing.retain(|m| m.seq != seq);
            return;
        }
        let gap = stream.highest + 1..seq;
        stream.highest = seq;
        if gap.end - gap.start > MOST_MISSING as u64 {
            stream.missing.clear();
            return;
        }
        let due = now + OVERTAKEN;
        let since = now;
        stream
            .missing
            .extend(gap.map(|seq| Missing { seq, since, due }));
        while stream.missing.len() > MOST_MISSING {
            stream.missing.pop_front();
        }
    }

    fn begin(&mut self, ssrc: u32, seq: u64, now: Time) {
        if self.streams.len() >= MOST_STREAMS {
            let oldest = (0..self.streams.len()).min_by_key(|i| self.streams[*i].last);
            self.streams.swap_remove(oldest.unwrap_or(0));
        }
        self.streams.push(Stream {
            ssrc,
            highest: seq,
            last: now,
            missing: VecDeque::new(),
        });
    }

    /// A stream with the numbers it shall be asked for now, rising; call until `None`.
    pub fn poll(&mut self, now: Time) -> Option<(u32, Vec<u16>)> {
        let round_trip = self.round_trip.unwrap_or(ASSUMED);
        let again = ((round_trip + MARGIN) / 2).clamp(LEAST, MOST);
        for stream in &mut self.streams {
            stream.missing.retain(|m| now.since(m.since) < LONGEST);
            if !stream.missing.iter().any(|m| m.due <= now) {
                continue;
            }
            let due = stream.missing.iter_mut();
            let due = due.filter(|m| m.due <= now + TOGETHER).map(|m| {
                m.due = now + again;
                m.seq as u16
            });
            return Some((stream.ssrc, due.collect()));
        }
        None
    }

    /// When [`Asks::poll`] has something next; `None` while nothing is missing.
    pub fn next_wakeup(&self) -> Option<Time> {
        let missing = self.streams.iter().flat_map(|s| &s.missing);
        missing.map(|m| m.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(1000 + ms)
    }

    #[test]
    fn what_is_missing_is_asked_for_until_it_comes() {
        let mut asks = Asks::default();
        asks.set_round_trip(Duration::from_millis(60));
        asks.received(7, 65_533, at(0));
        asks.received(7, 65_538, at(10));
        assert_eq!(asks.poll(at(10)), None, "it may have been overtaken");
        assert_eq!(asks.next_wakeup(), Some(at(14)));
        let all = vec![65_534, 65_535, 0, 1];
        assert_eq!(asks.poll(at(14)), Some((7, all)));
        assert_eq!(asks.poll(at(14)), None);
        asks.received(7, 65_536, at(30));
        assert_eq!(asks.poll(at(49)), Some((7, vec![65_534, 65_535, 1])));
        for seq in [65_534, 65_535, 65_537] {
            asks.received(7, seq, at(60));
        }
        assert_eq!((asks.next_wakeup(), asks.poll(at(100))), (None, None));
    }

    #[test]
    fn nobody_asks_for_ever_or_for_too_much() {
        let mut asks = Asks::default();
        asks.received(7, 1, at(0));
        asks.received(7, 3, at(0));
        let times = (0..2000).filter(|ms| asks.poll(at(*ms)).is_some()).count();
        assert!((15..=25).contains(&times), "{times}");
        assert_eq!(asks.next_wakeup(), None);
        asks.received(7, 100_000, at(2000));
        assert_eq!(asks.poll(at(2010)), None, "a key frame does more");
        for ssrc in 0..100 {
            asks.received(ssrc, 1, at(u64::from(ssrc)));
            asks.received(ssrc, 200, at(u64::from(ssrc)));
            asks.received(ssrc, 400, at(u64::from(ssrc)));
        }
        assert_eq!(asks.streams.len(), MOST_STREAMS);
        assert!(asks.streams.iter().all(|s| s.missing.len() <= MOST_MISSING));
    }

    #[test]
    fn every_second_request_comes_just_when_a_browser_sends_again() {
        for round_trip in [40, 55, 120, 300] {
            let mut asks = Asks::default();
            asks.set_round_trip(Duration::from_millis(round_trip));
            asks.received(7, 1, at(0));
            asks.received(7, 3, at(0));
            let (mut asked, mut sent) = (0, Vec::new());
            for ms in 0..800 {
                if asks.poll(at(ms)).is_none() {
                    continue;
                }
                asked += 1;
                if sent.last().is_none_or(|last| ms - last >= round_trip + 5) {
                    sent.push(ms);
                }
            }
            let steps: Vec<u64> = sent.windows(2).map(|s| s[1] - s[0]).collect();
            assert!(steps.iter().all(|s| *s < round_trip + 15), "{steps:?}");
            assert!(asked + 1 >= 2 * sent.len(), "{asked}, {sent:?}");
        }
    }

    #[test]
    fn each_stream_is_asked_for_itself() {
        let mut asks = Asks::default();
        for ssrc in [1, 2] {
            asks.received(ssrc, 10, at(0));
            asks.received(ssrc, 12, at(0));
        }
        let mut found: Vec<_> = std::iter::from_fn(|| asks.poll(at(4))).collect();
        found.sort_unstable();
        assert_eq!(found, [(1, vec![11]), (2, vec![11])]);
    }
}
