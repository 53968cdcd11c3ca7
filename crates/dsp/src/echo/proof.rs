//! Whether there is an echo at all. With headphones there is none, and filters that look for one in a near voice find something there all the same.
//!
//! The filter expects an echo before it hears the frame. Where there is one, the microphone's frame contains what was expected: their product is the expected echo's energy. Where there is none,
//! what the filter expects has nothing to do with the near voice, and the product is nothing in the mean. So their ratio is near one or near nothing, whoever talks beside (with two
//! voices and no echo it stayed between -0.26 and 0.2 for two minutes; with an echo as loud as the near voice it is above 0.3 after four seconds and above 0.8 after eight).

use super::energy;
use crate::{FRAME, Frame};

/// Share of the past per frame: about a second.
const MEMORY: f32 = 0.99;
/// The ratio below which a frame speaks against an echo, and above which there is one.
const NONE: f32 = 0.3;
const SOME: f32 = 0.4;
/// From here on the filter is trusted more than other signs of where the echo is.
const SURE: f32 = 0.5;
/// Far sound, in frames, without a proof after which there is no echo; and after the echo's delay was found, so that the filter has the time to learn it below a near voice.
const PATIENCE: u32 = 200;
const LONG_PATIENCE: u32 = 600;
/// Frames in a row for which the ratio must be that high before an echo is believed where there was none: two voices that agree for a syllable are no echo.
const SHOWN: u32 = 50;
/// Keeps the ratio at nothing where neither says anything: an echo below -80 dBFS.
const TINY: f32 = 1e-8 * FRAME as f32;

/// One per microphone.
#[derive(Debug, Default)]
pub struct Proof {
    product: f32,
    expected: f32,
    /// Frames in a row that speak for it, and against it.
    shown: u32,
    against: u32,
    was_proven: bool,
    is_absent: bool,
}

impl Proof {
    /// Takes a frame during which the far side sounds: the microphone's, and the echo that was expected in it. `is_found`: the echo's delay was found by other means.
    pub fn note(&mut self, near: &Frame, expected: &Frame, is_found: bool) {
        let product: f32 = near.iter().zip(expected).map(|(a, b)| a * b).sum();
        self.product = MEMORY * self.product + product;
        self.expected = MEMORY * self.expected + energy(expected);
        let ratio = self.ratio();
        self.was_proven |= ratio > SURE;
        self.shown = if ratio > SOME {
            self.shown.saturating_add(1)
        } else {
            0
        };
        if self.shown > 0 {
            self.against = 0;
            self.is_absent &= self.shown < SHOWN;
        } else if ratio < NONE {
            self.against += 1;
        }
        let patience = if is_found && !self.was_proven {
            LONG_PATIENCE
        } else {
            PATIENCE
        };
        if self.against >= patience {
            self.against = patience;
            self.is_absent = true;
        }
    }

    /// There is no echo, as was found by other means; unless it shows.
    pub fn refute(&mut self) {
        self.is_absent |= self.ratio() < SURE;
    }

    fn ratio(&self) -> f32 {
        self.product / (self.expected + TINY)
    }

    /// Far sound was heard for a while, and nothing of it came back.
    pub fn is_absent(&self) -> bool {
        self.is_absent
    }

    /// The filter stands where the echo is.
    pub fn is_sure(&self) -> bool {
        self.ratio() > SURE
    }

    /// The filter was moved, and begins anew.
    pub fn restart(&mut self) {
        *self = Proof {
            is_absent: self.is_absent,
            ..Proof::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Noise;

    /// Frames of a near talker with `share` of what the filter expects.
    fn hear(proof: &mut Proof, frames: usize, share: f32, is_found: bool) {
        let (mut near, mut far) = (Noise::new(1), Noise::new(2));
        for _ in 0..frames {
            let expected: Frame = std::array::from_fn(|_| 0.1 * far.sample());
            let heard: Frame = std::array::from_fn(|i| 0.2 * near.sample() + share * expected[i]);
            proof.note(&heard, &expected, is_found);
        }
    }

    #[test]
    fn an_echo_is_thought_to_be_there_until_it_had_the_time_to_show() {
        let mut proof = Proof::default();
        hear(&mut proof, 190, 0.0, false);
        assert!(!proof.is_absent());
        hear(&mut proof, 30, 0.0, false);
        assert!(proof.is_absent());
        let mut found = Proof::default();
        hear(&mut found, 500, 0.0, true);
        assert!(!found.is_absent(), "its delay was found: the filter learns");
        hear(&mut found, 150, 0.0, true);
        assert!(found.is_absent(), "it learnt nothing");
    }

    #[test]
    fn it_shows_below_a_near_talker_and_when_it_comes_back() {
        let mut proof = Proof::default();
        hear(&mut proof, 1000, 1.0, true);
        assert!(!proof.is_absent() && proof.is_sure());
        hear(&mut proof, 400, 0.0, true);
        assert!(proof.is_absent(), "headphones were plugged in");
        hear(&mut proof, 80, 1.0, true);
        assert!(
            proof.is_absent(),
            "agreement for some syllables is no proof"
        );
        hear(&mut proof, 40, 1.0, true);
        assert!(!proof.is_absent(), "and unplugged");
    }

    #[test]
    fn silence_proves_nothing_and_breaks_nothing() {
        let mut proof = Proof::default();
        for _ in 0..1000 {
            proof.note(&[0.0; FRAME], &[0.0; FRAME], false);
        }
        assert!(proof.is_absent() && proof.ratio() == 0.0);
        proof.restart();
        assert!(proof.is_absent(), "until something else is proven");
    }
}
