//! Serves the head of the queue: a line of some rate, or opportunities of a trace. To the nanosecond for each
//! datagram, also when the rate changes in the middle of one.

use crate::{Bottleneck, DeliveryTrace};
use confab_base::{Bitrate, Duration, Time};
use std::sync::Arc;

/// Work left of a datagram, in billionths of a bit: nanoseconds times bit/s.
pub(super) fn work(bytes: usize) -> u64 {
    bytes as u64 * 8 * 1_000_000_000
}

/// Time as the server counts it.
pub(super) fn ns(at: Time) -> u64 {
    at.as_micros().saturating_mul(1000)
}

#[derive(Debug)]
pub(super) struct Server {
    kind: Kind,
    /// Up to here work is done, ns.
    clock: u64,
}

#[derive(Debug)]
enum Kind {
    Rate(u64),
    Trace {
        trace: Arc<DeliveryTrace>,
        start: u64,
        /// Number of the next opportunity.
        next: u64,
        /// Work that may still be done at the present opportunity.
        left: u64,
    },
}

impl Server {
    /// `None` where nothing waits. A trace begins now.
    pub fn new(bottleneck: &Bottleneck, now: Time) -> Option<Server> {
        let kind = match bottleneck {
            Bottleneck::None | Bottleneck::Policer { .. } => return None,
            Bottleneck::Rate(rate) => Kind::Rate(rate.bps().max(1)),
            Bottleneck::Trace(trace) => Kind::Trace {
                trace: trace.clone(),
                start: ns(now),
                next: trace.first_after(0),
                left: 0,
            },
        };
        let clock = ns(now);
        Some(Server { kind, clock })
    }

    /// The queue was empty until now: what might have passed is lost.
    pub fn wake(&mut self, now: Time) {
        self.clock = ns(now);
        if let Kind::Trace {
            trace,
            start,
            next,
            left,
        } = &mut self.kind
        {
            *left = 0;
            *next = trace.first_after(self.clock.saturating_sub(*start));
        }
    }

    /// Works at the head's rest up to `now`. Says when it was done, if it was.
    pub fn serve(&mut self, rest: &mut u64, now: Time) -> Option<u64> {
        let now = ns(now);
        match &mut self.kind {
            Kind::Rate(bps) => {
                let done = self.clock.saturating_add(rest.div_ceil(*bps));
                if done <= now {
                    self.clock = done;
                    *rest = 0;
                    return Some(done);
                }
                // Less than the rest, or it would be done.
                *rest -= now.saturating_sub(self.clock) * *bps;
                self.clock = self.clock.max(now);
                None
            }
            Kind::Trace {
                trace,
                start,
                next,
                left,
            } => loop {
                if *left == 0 {
                    let at = start.saturating_add(trace.nth_ns(*next));
                    if at > now {
                        return None;
                    }
                    self.clock = at;
                    *next += 1;
                    *left = work(DeliveryTrace::OPPORTUNITY_BYTES as usize);
                }
                let part = (*left).min(*rest);
                *left -= part;
                *rest -= part;
                if *rest == 0 {
                    return Some(self.clock);
                }
            },
        }
    }

    /// When a head with this much left will be done, ns.
    pub fn done_at(&self, rest: u64) -> u64 {
        match &self.kind {
            Kind::Rate(bps) => self.clock.saturating_add(rest.div_ceil(*bps)),
            Kind::Trace {
                trace,
                start,
                next,
                left,
            } => {
                let more = rest.saturating_sub(*left);
                match more.div_ceil(work(DeliveryTrace::OPPORTUNITY_BYTES as usize)) {
                    0 => self.clock,
                    n => start.saturating_add(trace.nth_ns(next + n - 1)),
                }
            }
        }
    }

    /// How long this much work takes, in the mean.
    pub fn time_for(&self, work: u64) -> Duration {
        let rate = match &self.kind {
            Kind::Rate(bps) => Bitrate(*bps),
            Kind::Trace { trace, .. } => trace.mean_rate(),
        };
        Duration::from_nanos(work / rate.bps())
    }
}

/// A policer's token bucket. It is full at first.
#[derive(Debug)]
pub(super) struct TokenBucket {
    bps: u64,
    /// In the unit of [`work`].
    capacity: u64,
    tokens: u64,
    /// Filled up to here, ns.
    filled: u64,
}

impl TokenBucket {
    pub fn new(bottleneck: &Bottleneck, now: Time) -> Option<TokenBucket> {
        let Bottleneck::Policer { rate, burst_bytes } = bottleneck else {
            return None;
        };
        let capacity = work(*burst_bytes as usize);
        Some(TokenBucket {
            bps: rate.bps(),
            capacity,
            tokens: capacity,
            filled: ns(now),
        })
    }

    /// Takes tokens for a datagram; `false`: there are too few, and none are taken.
    pub fn take(&mut self, bytes: usize, now: Time) -> bool {
        let elapsed = ns(now).saturating_sub(self.filled);
        self.filled += elapsed;
        let more = elapsed.saturating_mul(self.bps);
        self.tokens = self.tokens.saturating_add(more).min(self.capacity);
        let enough = self.tokens >= work(bytes);
        if enough {
            self.tokens -= work(bytes);
        }
        enough
    }
}
