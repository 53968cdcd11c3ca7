//! One direction of a path that keeps datagrams inside it: what waits is there, in a queue, when the settings change.
//!
//! [`crate::Link`] reckons the arrival at once, which suits [`crate::World`]; here a rate that changes also changes what
//! waits already, and traces of delivery times can be replayed. `tools/impair` runs it between real programs.
//!
//! The way of a datagram: cut → policer → queue → bottleneck → loss → copy → delay, jitter, order. So what is lost used up
//! the bottleneck's rate, as on a radio link. Its dice are rolled when it comes in, a stream of dice for each effect: the
//! fate of the n-th datagram doesn't depend on when it came, on drops before it, or on the settings of other effects.

mod bottleneck;
#[cfg(test)]
mod tests;

use crate::Rng;
use crate::impairments::{Bursts, Impairments, QueueBound};
use crate::loss::LossProcess;
use bottleneck::{Server, TokenBucket, ns, work};
use confab_base::{Duration, Time};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// What a link is told.
#[derive(Clone, Debug)]
pub enum LinkInput<P> {
    /// A datagram of this size comes in.
    Datagram { payload: P, bytes: usize },
    /// From now on. What waits stays, and is served as the new settings say.
    Settings(Impairments),
    /// Only time has passed.
    Timeout,
}

/// A datagram that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery<P> {
    pub payload: P,
    pub bytes: usize,
    /// When; never later than the time the link was told, but earlier if it was told late.
    pub at: Time,
    /// From coming in to having left the bottleneck.
    pub queued: Duration,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueuedStats {
    pub packets_in: u64,
    pub bytes_in: u64,
    pub packets_out: u64,
    pub bytes_out: u64,
    pub lost_random: u64,
    pub lost_burst: u64,
    /// Tail drops.
    pub lost_queue: u64,
    pub lost_policer: u64,
    pub lost_cut: u64,
    /// More than [`QueuedLink::MOST_PACKETS`] or [`QueuedLink::MOST_BYTES`] would have been inside.
    pub lost_overflow: u64,
    pub duplicated: u64,
    pub reordered: u64,
}

/// See the module's text. It holds a bounded number of datagrams and forgets none: packets in and copies are packets out,
/// lost and [`QueuedLink::held`].
#[derive(Debug)]
pub struct QueuedLink<P> {
    settings: Impairments,
    dice: Dice,
    bursts: LossProcess,
    server: Option<Server>,
    policer: Option<TokenBucket>,
    queue: VecDeque<Waiting<P>>,
    queue_bytes: u64,
    /// Of the queue's head.
    work_left: u64,
    line: BinaryHeap<Reverse<Flying<P>>>,
    line_bytes: u64,
    order: u64,
    last_arrival: Time,
    now: Time,
    stats: QueuedStats,
}

/// Streams that do not disturb each other.
#[derive(Debug)]
struct Dice {
    loss: Rng,
    bursts: Rng,
    duplicate: Rng,
    reorder: Rng,
    jitter: Rng,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    LostRandom,
    LostBurst,
    /// Delay, and that of a copy.
    Arrives(Way, Option<Way>),
}

#[derive(Clone, Copy, Debug)]
struct Way {
    delay: Duration,
    held_back: bool,
}

#[derive(Debug)]
struct Waiting<P> {
    payload: P,
    bytes: usize,
    came: Time,
    fate: Fate,
}

#[derive(Debug)]
struct Flying<P> {
    order: u64,
    delivery: Delivery<P>,
}

impl<P> PartialEq for Flying<P> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl<P> Eq for Flying<P> {}
impl<P> PartialOrd for Flying<P> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<P> Ord for Flying<P> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.delivery.at, self.order).cmp(&(other.delivery.at, other.order))
    }
}

impl<P: Clone> QueuedLink<P> {
    /// The most datagrams inside.
    pub const MOST_PACKETS: usize = 65_536;
    /// The most bytes inside.
    pub const MOST_BYTES: u64 = 64 << 20;

    pub fn new(settings: Impairments, mut rng: Rng, now: Time) -> QueuedLink<P> {
        let mut dice = Dice {
            loss: rng.fork(),
            bursts: rng.fork(),
            duplicate: rng.fork(),
            reorder: rng.fork(),
            jitter: rng.fork(),
        };
        let chain = Bursts::chain(settings.bursts);
        QueuedLink {
            bursts: LossProcess::in_the_long_run(chain, &mut dice.bursts),
            dice,
            server: Server::new(&settings.bottleneck, now),
            policer: TokenBucket::new(&settings.bottleneck, now),
            settings,
            queue: VecDeque::new(),
            queue_bytes: 0,
            work_left: 0,
            line: BinaryHeap::new(),
            line_bytes: 0,
            order: 0,
            last_arrival: now,
            now,
            stats: QueuedStats::default(),
        }
    }

    /// Times must not fall; an earlier one counts as the latest.
    pub fn handle(&mut self, input: LinkInput<P>, now: Time) {
        self.now = self.now.max(now);
        self.serve();
        match input {
            LinkInput::Datagram { payload, bytes } => self.take(payload, bytes),
            LinkInput::Settings(settings) => self.set(settings),
            LinkInput::Timeout => {}
        }
    }

    /// What has arrived by the time told last, in order of arrival.
    pub fn poll_output(&mut self) -> Option<Delivery<P>> {
        let due = |f: &Reverse<Flying<P>>| f.0.delivery.at <= self.now;
        if !self.line.peek().is_some_and(due) {
            return None;
        }
        let Reverse(Flying { delivery, .. }) = self.line.pop()?;
        self.line_bytes -= delivery.bytes as u64;
        self.stats.packets_out += 1;
        self.stats.bytes_out += delivery.bytes as u64;
        Some(delivery)
    }

    /// When to come with [`LinkInput::Timeout`] at the latest.
    pub fn next_wakeup(&self) -> Option<Time> {
        let arrival = self.line.peek().map(|f| f.0.delivery.at);
        let served = self.server.as_ref().filter(|_| !self.queue.is_empty());
        let served = served.map(|s| time_of(s.done_at(self.work_left)));
        arrival.into_iter().chain(served).min()
    }

    pub fn settings(&self) -> &Impairments {
        &self.settings
    }

    pub fn stats(&self) -> QueuedStats {
        self.stats
    }

    /// Datagrams inside: waiting, or on their way.
    pub fn held(&self) -> usize {
        self.queue.len() + self.line.len()
    }

    fn take(&mut self, payload: P, bytes: usize) {
        self.stats.packets_in += 1;
        self.stats.bytes_in += bytes as u64;
        let waiting = Waiting {
            payload,
            bytes,
            came: self.now,
            fate: self.roll(),
        };
        if self.settings.cut {
            self.stats.lost_cut += 1;
            return;
        }
        if let Some(policer) = &mut self.policer
            && !policer.take(bytes, self.now)
        {
            self.stats.lost_policer += 1;
            return;
        }
        if self.held() >= Self::MOST_PACKETS
            || self.queue_bytes + self.line_bytes + bytes as u64 > Self::MOST_BYTES
        {
            self.stats.lost_overflow += 1;
            return;
        }
        let Some(server) = &mut self.server else {
            self.leave(waiting, self.now);
            return;
        };
        if self.queue.is_empty() {
            server.wake(self.now);
            self.work_left = work(bytes);
        } else if !self.has_room(bytes) {
            self.stats.lost_queue += 1;
            return;
        }
        self.queue_bytes += bytes as u64;
        self.queue.push_back(waiting);
    }

    /// Whether the queue, which is not empty, takes a datagram of this size.
    fn has_room(&self, bytes: usize) -> bool {
        match (self.settings.queue, &self.server, self.queue.front()) {
            (QueueBound::Bytes(most), ..) => self.queue_bytes + bytes as u64 <= most,
            (QueueBound::Time(most), Some(server), Some(head)) => {
                let behind = self.queue_bytes as usize - head.bytes;
                server.time_for(self.work_left + work(behind)) <= most
            }
            _ => true,
        }
    }

    fn set(&mut self, settings: Impairments) {
        if settings.bottleneck != self.settings.bottleneck {
            self.server = Server::new(&settings.bottleneck, self.now);
            self.policer = TokenBucket::new(&settings.bottleneck, self.now);
        }
        if settings.bursts != self.settings.bursts {
            let chain = Bursts::chain(settings.bursts);
            self.bursts = LossProcess::in_the_long_run(chain, &mut self.dice.bursts);
        }
        self.settings = settings;
        self.serve();
    }

    /// Rolls all of a datagram's dice.
    fn roll(&mut self) -> Fate {
        let (set, dice) = (&self.settings, &mut self.dice);
        let random = dice.loss.chance(set.loss);
        let burst = self
            .bursts
            .loses(Bursts::chain(set.bursts), &mut dice.bursts);
        let copied = dice.duplicate.chance(set.duplicate);
        let held_back = dice.reorder.chance(set.reorder);
        // One number of the stream each, whatever the shape needs.
        let mut own = Rng::new(dice.jitter.next_u64());
        let mut way = |held_back: bool| Way {
            delay: set.delay + set.jitter.draw(&mut own),
            held_back,
        };
        let ways = (way(held_back), copied.then(|| way(false)));
        match (random, burst) {
            (_, true) => Fate::LostBurst,
            (true, _) => Fate::LostRandom,
            _ => Fate::Arrives(ways.0, ways.1),
        }
    }

    /// Does what the bottleneck does up to now.
    fn serve(&mut self) {
        while !self.queue.is_empty() {
            let done = match &mut self.server {
                // The bottleneck is gone, and with it the queue.
                None => Some(ns(self.now)),
                Some(server) => server.serve(&mut self.work_left, self.now),
            };
            let Some(done) = done else { return };
            let Some(head) = self.queue.pop_front() else {
                return;
            };
            self.queue_bytes -= head.bytes as u64;
            self.work_left = self.queue.front().map_or(0, |next| work(next.bytes));
            self.leave(head, time_of(done));
        }
    }

    /// A datagram has left the bottleneck.
    fn leave(&mut self, datagram: Waiting<P>, at: Time) {
        let (way, copy) = match datagram.fate {
            Fate::LostRandom => {
                self.stats.lost_random += 1;
                return;
            }
            Fate::LostBurst => {
                self.stats.lost_burst += 1;
                return;
            }
            Fate::Arrives(way, copy) => (way, copy),
        };
        if let Some(copy) = copy {
            self.stats.duplicated += 1;
            self.fly(
                datagram.payload.clone(),
                datagram.bytes,
                datagram.came,
                at,
                copy,
            );
        }
        self.stats.reordered += u64::from(way.held_back);
        self.fly(datagram.payload, datagram.bytes, datagram.came, at, way);
    }

    fn fly(&mut self, payload: P, bytes: usize, came: Time, left: Time, way: Way) {
        let at = left + way.delay;
        let at = if way.held_back {
            at + self.settings.reorder_by
        } else {
            self.last_arrival = self.last_arrival.max(at);
            self.last_arrival
        };
        self.order += 1;
        self.line_bytes += bytes as u64;
        self.line.push(Reverse(Flying {
            order: self.order,
            delivery: Delivery {
                payload,
                bytes,
                at,
                queued: left.since(came),
            },
        }));
    }
}

fn time_of(ns: u64) -> Time {
    Time::from_micros(ns.div_ceil(1000))
}
