//! Probes: short bursts of padding at a rate beyond the estimate. What of them arrives, and how fast, proves more than
//! waiting does.

use super::came::Came;
use super::history::{Ack, History};
use confab_base::{Duration, Time};

/// How long a burst takes at its rate, and the least it holds.
const LENGTH: Duration = Duration::from_millis(20);
const LEAST_BYTES: f64 = 4000.0;
/// But on a slow path no more than it carries in this time: whoever talks would hear it.
const LONG: f64 = 0.08;
/// Where packets get lost anyway, more are sent, at most so many times as many.
const MOST_MORE: f64 = 4.0;
const LEAST_PACKETS: u32 = 4;
/// A probe goes this much above the estimate.
const FACTOR: f64 = 2.0;
/// Desired rates up to this much above the estimate are not worth a probe.
const WORTH: f64 = 1.05;
/// Padding is given out in portions, this far apart.
const PORTION: Duration = Duration::from_millis(2);
/// Waiting for what comes of a probe.
const PATIENCE: Duration = Duration::from_millis(600);
/// Without any report a burst is forgotten after this.
const UNHEARD: Duration = Duration::from_millis(1500);
/// Between probes that did not help: doubled each time, up to the longest.
const AGAIN: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(2);
/// After a queue was seen.
const REST: Duration = Duration::from_secs(2);
/// Reports of a burst, and the queue it leaves, are over a round trip and so long after it.
const FELT: Duration = Duration::from_millis(200);
/// Share that must come of a probe's packets that the path does not lose anyway; or as few as chance leaves once in so many standard
/// deviations.
const ENOUGH: f64 = 0.7;
const CHANCE: f64 = 2.0;
/// And over so much of its time.
const PART: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
struct Burst {
    rate: f64,
    bytes: f64,
    began: Time,
    given: f64,
    packets: u32,
    ended: Option<Time>,
    // What came of it.
    came: u32,
    came_bytes: usize,
    /// Share of packets that comes through whatever is sent.
    passes: f64,
    first: Option<Ack>,
    last: Option<Ack>,
}

#[derive(Debug, Default)]
pub(crate) struct Probe {
    burst: Option<Burst>,
    /// Number of the burst, never 0.
    cluster: u8,
    next: Time,
    wait: Option<Duration>,
    /// When a packet of a burst last left.
    left: Option<Time>,
}

impl Probe {
    /// There is a new reason to go up.
    pub fn hurry(&mut self, now: Time) {
        self.next = self.next.min(now);
        self.wait = None;
    }

    /// Whether the queue that reports tell of now may be that of a burst.
    pub fn is_felt(&self, rtt: Duration, now: Time) -> bool {
        self.left.is_some_and(|at| now.since(at) < rtt + FELT)
    }

    pub fn back_off(&mut self, now: Time) {
        self.next = self.next.max(now + REST);
        if self.burst.is_some_and(|b| b.ended.is_none()) {
            self.burst = None;
        }
    }

    /// A packet leaves: the burst it counts for, 0 if none.
    pub fn sent(&mut self, size: usize, now: Time) -> u8 {
        let Some(burst) = self.burst.as_mut().filter(|b| b.ended.is_none()) else {
            return 0;
        };
        self.left = Some(now);
        burst.given += size as f64;
        burst.packets += 1;
        if burst.given >= burst.bytes && burst.packets >= LEAST_PACKETS {
            burst.ended = Some(now);
        }
        self.cluster
    }

    /// Bytes to send now.
    pub fn padding(
        &mut self,
        estimate: f64,
        desired: f64,
        passes: f64,
        may_start: bool,
        now: Time,
    ) -> Option<usize> {
        let ended = self.burst.and_then(|b| b.ended);
        if ended.is_some_and(|at| now.since(at) >= UNHEARD) {
            self.burst = None;
            self.put_off(now);
        }
        if self.burst.is_none() && !may_start && now >= self.next {
            self.next = now + AGAIN;
        }
        if self.burst.is_none() && may_start && desired > estimate * WORTH && now >= self.next {
            let rate = (estimate * FACTOR).min(desired);
            self.cluster = self.cluster % 250 + 1;
            self.burst = Some(Burst {
                rate,
                bytes: bytes(rate, estimate, passes),
                began: now,
                given: 0.0,
                packets: 0,
                ended: None,
                came: 0,
                came_bytes: 0,
                passes,
                first: None,
                last: None,
            });
        }
        let burst = self.burst.as_ref().filter(|b| b.ended.is_none())?;
        let passed = (now.since(burst.began) + PORTION).as_secs_f64();
        let due = burst.rate * passed / 8.0 - burst.given;
        (due > 0.0).then_some(due as usize + 1)
    }

    pub fn next_wakeup(&self, estimate: f64, desired: f64) -> Option<Time> {
        match &self.burst {
            Some(burst) => Some(match burst.ended {
                None => {
                    let sent = Duration::from_secs_f64((burst.given * 8.0 / burst.rate).min(1.0));
                    (burst.began + sent).max(burst.began + PORTION)
                }
                Some(at) => at + UNHEARD,
            }),
            None => (desired > estimate * WORTH).then_some(self.next),
        }
    }

    pub fn arrived(&mut self, ack: &Ack, _now: Time) {
        if ack.cluster == 0 || ack.cluster != self.cluster {
            return;
        }
        let Some(burst) = &mut self.burst else { return };
        burst.came += 1;
        burst.came_bytes += ack.size;
        if burst.first.is_none_or(|f| ack.at < f.at) {
            burst.first = Some(*ack);
        }
        if burst.last.is_none_or(|l| ack.at >= l.at) {
            burst.last = Some(*ack);
        }
    }

    /// What the burst proved, once it is over; bits per second.
    pub fn result(&mut self, history: &History, now: Time) -> Option<f64> {
        let burst = self.burst?;
        let ended = burst.ended?;
        let all = burst.came == burst.packets;
        if !all && now.since(ended) < PATIENCE {
            return None;
        }
        self.burst = None;
        let expected = f64::from(burst.packets) * burst.passes;
        let deviation = (expected * (1.0 - burst.passes)).sqrt();
        let enough = (expected * ENOUGH).min(expected - CHANCE * deviation);
        let enough = burst.came >= 3 && f64::from(burst.came) >= enough;
        let proven = if enough {
            proven(&burst, history)
        } else {
            None
        };
        match proven {
            // The path took nearly what was asked: ask for more at once.
            Some(rate) if rate > 0.8 * burst.rate => {
                self.wait = None;
                self.next = now;
            }
            _ => self.put_off(now),
        }
        proven
    }

    fn put_off(&mut self, now: Time) {
        let wait = self.wait.map_or(AGAIN, |w| (w * 2).min(LONGEST));
        self.wait = Some(wait);
        self.next = self.next.max(now + wait);
    }
}

/// How much a burst holds.
fn bytes(rate: f64, estimate: f64, passes: f64) -> f64 {
    let least = LEAST_BYTES.min(estimate * LONG / 8.0);
    (rate * LENGTH.as_secs_f64() / 8.0).max(least) * (1.0 / passes).min(MOST_MORE)
}

fn proven(burst: &Burst, history: &History) -> Option<f64> {
    let (first, last) = (&burst.first?, &burst.last?);
    let sent_span = last.sent - first.sent;
    // Where most of it is lost, what came may be of its first moment alone, before a queue could tell.
    let whole = burst.ended?.since(burst.began).as_micros() as f64;
    if sent_span < 1000 || (sent_span as f64) < whole * PART {
        return None;
    }
    let (_, bytes) = history.between(first.seq, last.seq)?;
    let bytes = (bytes + first.size).saturating_sub(last.size);
    let sent = bytes as f64 * 8e6 / sent_span as f64;
    // Faster in than out is a path that lets bursts through in one go: only the sending rate is proven.
    let behind = burst.came_bytes - first.size;
    let came = Came::new(first.into(), last.into(), burst.came as usize - 1, behind);
    let came = came.carried(history, burst.passes);
    Some(if came < 0.9 * sent {
        0.95 * came
    } else {
        sent.min(burst.rate)
    })
}
