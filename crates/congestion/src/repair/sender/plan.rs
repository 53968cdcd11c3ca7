//! How sure the sender wants to be that a frame comes through, and how much room repair needs beside the media.

use super::block::Block;
use super::path::Path;
use crate::repair::{BASE_PLAYOUT, PLAYOUT};
use confab_base::{Duration, Time};

/// Below this loss nothing is sent unasked, as long as there is time to ask twice.
const UNASKED: f64 = 0.15;
/// Below this loss nothing is sent unasked at all.
const GUESSED: f64 = 0.01;
/// Left for depacketising and decoding.
const MARGIN: Duration = Duration::from_millis(10);

/// How frames rank: lower comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(pub u8, pub Time);

/// Until when a frame's repair is of use to the receiver.
pub fn deadline(block: &Block) -> Time {
    let base = block.class.keyframe || block.class.temporal == 0;
    block.captured + if base { BASE_PLAYOUT } else { PLAYOUT }
}

pub fn rank(block: &Block) -> Rank {
    let tier = match (block.class.keyframe, block.class.temporal) {
        (true, _) | (_, 0) => 0,
        (_, layer) => layer,
    };
    // Nothing is seen before a key frame is whole, and what was before it is soon of no use.
    let place = if block.class.keyframe {
        Time::ZERO
    } else {
        block.captured
    };
    Rank(tier, place)
}

/// Whether one more symbol shall go out for this frame now.
pub fn wants(block: &Block, path: &Path, now: Time) -> bool {
    let loss = path.loss();
    let tally = &block.tally;
    if tally.missing == 0.0 && tally.underway == 0.0 && loss <= GUESSED {
        return false; // As the sums below come to; this is nearly every frame there is.
    }
    let left = (block.captured + PLAYOUT).since(now + path.round_trip() / 2 + MARGIN);
    // Until a symbol that is sent now has been answered and the answer acted on.
    let round = path.round_trip() + Duration::from_millis(20).mul_f64(1.0 / (1.0 - loss));
    let rounds = left.as_secs_f64() / round.as_secs_f64();
    let unasked = loss >= UNASKED || (rounds < 2.0 && loss > GUESSED);
    let may_guess = unasked && (block.complete || now.since(block.last_sent).as_millis() >= 5);
    let flying = if may_guess { tally.flying } else { 0.0 };
    let short = tally.missing + flying * loss - tally.arrived - tally.underway * (1.0 - loss);
    let spread = ((flying + tally.underway) * loss * (1.0 - loss) * path.burst()).sqrt();
    short + sureness(rank(block).0, rounds) * spread > THRESHOLD
}

/// Expected shortage, in packets, from which on a symbol is sent.
const THRESHOLD: f64 = 0.3;

/// By how many standard deviations more than needed is sent: the more, the nearer the end; what others need, more.
fn sureness(tier: u8, rounds: f64) -> f64 {
    let late = ((3.0 - rounds) / 2.5).clamp(0.0, 1.0);
    LAST * late + BY_TIER[usize::from(tier.min(2))]
}

/// At the last chance.
const LAST: f64 = 0.5;
const BY_TIER: [f64; 3] = [0.6, 0.2, 0.0];

/// Share of the rate for the media itself.
pub fn media_share(loss: f64) -> f64 {
    ((1.0 - loss) * (1.0 - loss / 2.0)).max(0.05)
}

/// The longest payload that media should have, in bytes. Where much is lost, a frame in three pieces gets through sooner
/// than one in a single piece; on a good path pieces cost headers.
pub fn media_payload(loss: f64) -> usize {
    if loss > 0.6 { 450 } else { 1180 }
}
