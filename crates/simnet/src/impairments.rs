//! What a direction of a path does to datagrams, as [`crate::QueuedLink`] takes it.

use crate::{Loss, Rng};
use confab_base::{Bitrate, Duration};
use std::sync::Arc;

/// All settings of one direction. Probabilities are 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Impairments {
    /// Added to every datagram.
    pub delay: Duration,
    pub jitter: Jitter,
    /// Probability of each datagram to be lost by itself.
    pub loss: f64,
    /// Losses in bursts, beside those.
    pub bursts: Option<Bursts>,
    /// Probability that a datagram comes twice.
    pub duplicate: f64,
    /// Probability that a datagram is held back by `reorder_by` while later ones pass it.
    pub reorder: f64,
    pub reorder_by: Duration,
    pub bottleneck: Bottleneck,
    /// How much may wait before a bottleneck that makes datagrams wait.
    pub queue: QueueBound,
    /// Everything is lost.
    pub cut: bool,
}

impl Default for Impairments {
    /// A perfect path.
    fn default() -> Impairments {
        Impairments {
            delay: Duration::ZERO,
            jitter: Jitter::default(),
            loss: 0.0,
            bursts: None,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_by: Duration::from_millis(30),
            bottleneck: Bottleneck::None,
            queue: QueueBound::Time(Duration::from_millis(200)),
            cut: false,
        }
    }
}

/// What is added to the delay, drawn for each datagram. Alone it does not reorder: a late datagram holds up those behind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Jitter {
    /// The most that is added.
    pub up_to: Duration,
    pub shape: JitterShape,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JitterShape {
    /// Even from 0 to the most.
    #[default]
    Uniform,
    /// Normal: mean half of the most, standard deviation a sixth of it, so that the cut at both ends takes 0.3 %.
    Normal,
}

impl Jitter {
    /// One draw. Consumes any number of the dice's numbers.
    pub fn draw(self, dice: &mut Rng) -> Duration {
        let most = self.up_to.as_micros() as u64;
        match self.shape {
            JitterShape::Uniform => Duration::from_micros(dice.below(most + 1)),
            JitterShape::Normal => {
                let at = loop {
                    let at = 0.5 + normal(dice) / 6.0;
                    if (0.0..=1.0).contains(&at) {
                        break at;
                    }
                };
                Duration::from_micros((at * most as f64) as u64)
            }
        }
    }
}

/// Standard normal (Box and Muller 1958).
fn normal(dice: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - dice.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * dice.unit()).cos()
}

/// Gilbert's model: runs of lost datagrams between runs of datagrams that get through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bursts {
    /// Share of all datagrams that is lost in the long run, 0 to 0.99.
    pub loss: f64,
    /// Mean number of datagrams in a burst, at least [`Bursts::shortest`].
    pub length: f64,
}

impl Bursts {
    /// The shortest mean burst that can lose this share: one datagram gets through between two bursts.
    pub fn shortest(loss: f64) -> f64 {
        (loss / (1.0 - loss)).max(1.0)
    }

    pub(crate) fn chain(bursts: Option<Bursts>) -> Loss {
        bursts.map_or(Loss::bursts(0.0, 1.0), |b| Loss::bursts(b.loss, b.length))
    }
}

/// What limits how much gets through.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Bottleneck {
    #[default]
    None,
    /// A line of this rate with a queue before it. At least 1 bit/s.
    Rate(Bitrate),
    /// A token bucket (RFC 2697 with one rate and two colours): what finds no tokens is dropped, nothing waits.
    Policer { rate: Bitrate, burst_bytes: u64 },
    /// Opportunities at given times, with a queue before them.
    Trace(Arc<DeliveryTrace>),
}

/// The bound of the queue. What finds no room is dropped (tail drop).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueBound {
    /// The longest a datagram may wait before its own turn begins, reckoned when it comes in at the rate of then (of a
    /// trace: at its mean rate).
    Time(Duration),
    /// Bytes of all datagrams that wait, the one being sent among them. An empty queue takes any datagram.
    Bytes(u64),
}

/// Times at which [`DeliveryTrace::OPPORTUNITY_BYTES`] may pass, repeated for ever: the format of mahimahi's link traces
/// (Netravali et al., "Mahimahi: Accurate Record-and-Replay for HTTP", USENIX ATC 2015).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTrace {
    at_ms: Vec<u32>,
}

impl DeliveryTrace {
    /// What passes at one opportunity. mahimahi says 1504, counting four bytes that its TUN device puts in front.
    pub const OPPORTUNITY_BYTES: u64 = 1500;

    /// `None` unless the times, in ms since the start, are sorted and end above 0. The last is also the length.
    pub fn new(at_ms: Vec<u32>) -> Option<DeliveryTrace> {
        let ends = at_ms.last().is_some_and(|end| *end > 0);
        (ends && at_ms.is_sorted()).then_some(DeliveryTrace { at_ms })
    }

    pub fn at_ms(&self) -> &[u32] {
        &self.at_ms
    }

    /// After this the list repeats.
    pub fn length(&self) -> Duration {
        Duration::from_millis(self.at_ms.last().copied().unwrap_or(1).into())
    }

    pub fn mean_rate(&self) -> Bitrate {
        let bits = self.at_ms.len() as u64 * Self::OPPORTUNITY_BYTES * 8;
        Bitrate((bits * 1000 / self.length().as_millis() as u64).max(1))
    }

    /// When the `n`-th opportunity is, ns since the start.
    pub(crate) fn nth_ns(&self, n: u64) -> u64 {
        let count = self.at_ms.len() as u64;
        let round = (n / count).saturating_mul(self.length().as_nanos() as u64);
        round.saturating_add(u64::from(self.at_ms[(n % count) as usize]) * 1_000_000)
    }

    /// The first opportunity later than this many ns since the start.
    pub(crate) fn first_after(&self, ns: u64) -> u64 {
        let length = self.length().as_nanos() as u64;
        let (round, rest) = (ns / length, ns % length);
        let passed = self
            .at_ms
            .partition_point(|at| u64::from(*at) * 1_000_000 <= rest);
        round * self.at_ms.len() as u64 + passed as u64
    }
}
