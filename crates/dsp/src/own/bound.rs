//! How much of what was sent can come back at most, for each way round: whatever else is heard, the microphone is never quieter than that. A singer's vibrato looks like itself after a while, but when
//! she takes a breath nothing comes back. A loop that fills every pause shows by the same: no pause on its way is as deep as those on others.

use super::{KEPT, LONGEST, SHORTEST, WAYS};

/// Smoothing of the powers compared, per frame: little, so that on the shortest way a pause is seen before what was sent then is quiet too.
const SMOOTH: f32 = 0.5;
/// Frames of each half of the window in which the least is sought.
const HALF: u32 = 200;
/// Power of what was sent that is loud enough to be missed.
const LOUD: f32 = 1.0;
/// Loops bring back more than this share of the power; a known one that brings back less than this in a pause is gone.
const RETURNS: f32 = 0.05;
const GONE: f32 = 0.003;
/// A pause is a moment at which the microphone hears less than this share of what was sent on some other way round; the way of a loop stands out from that by so much.
const PAUSE: f32 = 0.25;
const STANDS: f32 = 1.5;

/// One for all ways.
#[derive(Debug)]
pub struct Bound {
    sent: [f32; KEPT],
    sent_now: f32,
    heard_now: f32,
    /// The least of heard over sent, in this half of the window and in the last one.
    least: [[f32; WAYS]; 2],
    frames: u32,
}

impl Default for Bound {
    fn default() -> Bound {
        Bound {
            sent: [0.0; KEPT],
            sent_now: 0.0,
            heard_now: 0.0,
            least: [[f32::MAX; WAYS]; 2],
            frames: 0,
        }
    }
}

impl Bound {
    /// Takes the power of what was sent, which is kept at this place.
    pub fn send(&mut self, power: f32, place: usize) {
        self.sent_now += SMOOTH * (power - self.sent_now);
        self.sent[place] = self.sent_now;
    }

    /// Takes the power of what is heard, in the measure of what is sent; `newest`: where what was sent last is kept.
    pub fn hear(&mut self, power: f32, newest: usize) {
        self.heard_now += SMOOTH * (power - self.heard_now);
        self.frames += 1;
        if self.frames >= HALF {
            self.frames = 0;
            self.least.swap(0, 1);
            self.least[0] = [f32::MAX; WAYS];
        }
        for (way, least) in (SHORTEST..LONGEST).zip(&mut self.least[0]) {
            let sent = self.sent[(newest + KEPT + 1 - way) % KEPT];
            if sent > LOUD {
                *least = least.min(self.heard_now / sent);
            }
        }
    }

    fn least(&self, way: usize) -> f32 {
        let [now, before] = &self.least;
        now[way - SHORTEST].min(before[way - SHORTEST])
    }

    /// Whether what comes back this way was heard in a pause: the microphone got quieter than what was sent shortly before, but never quieter than what comes back.
    pub fn speaks_for(&self, way: usize) -> bool {
        let quietest = (SHORTEST..LONGEST).fold(f32::MAX, |least, way| least.min(self.least(way)));
        let here = self.least(way);
        here > RETURNS && here > STANDS * quietest && quietest < PAUSE
    }

    /// Whether the microphone was quieter than what would have come back this way.
    pub fn speaks_against(&self, way: usize) -> bool {
        self.least(way) < GONE
    }
}
