//! The learned noise suppressors, in place of the classic noise estimate, for machines that can spare some of a core. They remove what comes and goes (keyboards, dishes, dogs), which no
//! estimate of steady noise can. Which network works is told by the file of weights: [DeepFilterNet3](deep_filter), the better one, or [GTCRN](gtcrn), a fortieth of its size.

mod budget;
mod deep_filter;
mod deep_frames;
mod engines;
mod gtcrn;
mod hops;
mod layers;
mod reverberant;
mod streams;

use crate::Frame;
pub use budget::{EngineBudget, FRAME_BUDGET};
use deep_frames::DeepFrames;
pub(crate) use engines::Engines;
pub use engines::NoiseEngine;
use hops::Hops;
pub use layers::BadWeights;

/// One of the networks with sound around it.
#[derive(Debug)]
enum Network {
    Deep(Box<DeepFrames>),
    Small(Box<Hops>),
}

/// The engine with its weights.
#[derive(Debug)]
pub struct LearnedNoise {
    network: Network,
}

impl LearnedNoise {
    /// Samples by which it delays, whichever network it is.
    pub const DELAY: usize = Hops::DELAY;

    /// `weights`: a file that `cargo xtask weights` makes of the packages named there.
    ///
    /// # Errors
    /// The file holds neither network.
    pub fn new(weights: &[u8]) -> Result<LearnedNoise, BadWeights> {
        let network = match Hops::new(weights) {
            Ok(hops) => Network::Small(Box::new(hops)),
            Err(BadWeights) => Network::Deep(Box::new(DeepFrames::new(weights)?)),
        };
        Ok(LearnedNoise { network })
    }

    /// Forgets what was heard, keeps the weights.
    pub fn reset(&mut self) {
        match &mut self.network {
            Network::Deep(deep) => deep.reset(),
            Network::Small(hops) => hops.reset(),
        }
    }

    /// Whether it leaves sound as it came, and noise with it.
    pub(crate) fn steps_aside(&self) -> bool {
        matches!(&self.network, Network::Deep(deep) if deep.steps_aside())
    }

    /// Takes a frame and gives back the one of 30 ms ago, cleaned. `double_talk`: a near voice came through the echo suppressor together with the far one.
    pub fn process(&mut self, frame: &mut Frame, double_talk: bool) {
        match &mut self.network {
            Network::Deep(deep) => deep.process(frame, double_talk),
            Network::Small(hops) => hops.process(frame),
        }
    }
}

/// Engines change without regard to which network works.
const _: () = assert!(Hops::DELAY == DeepFrames::DELAY);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAME;

    #[test]
    fn other_files_are_refused() {
        assert!(LearnedNoise::new(b"hello").is_err());
    }

    #[test]
    fn the_file_tells_which_network_it_is() {
        let small = LearnedNoise::new(&vec![0; 4 * 47_665]).unwrap();
        assert!(matches!(small.network, Network::Small(_)));
        let deep = LearnedNoise::new(&vec![0; 4 * deep_filter::NUMBERS]).unwrap();
        assert!(matches!(deep.network, Network::Deep(_)));
    }

    /// Random weights make nonsense, but the same nonsense each time nothing is remembered.
    #[test]
    fn what_was_heard_is_forgotten_on_reset() {
        for numbers in [47_665, deep_filter::NUMBERS] {
            let mut noise = crate::generate::Noise::new(7);
            let weights: Vec<u8> = (0..numbers)
                .flat_map(|_| (noise.sample() * 0.1).to_le_bytes())
                .collect();
            let mut engine = LearnedNoise::new(&weights).unwrap();
            let mut hear = |level: f32| {
                let mut frames = [[0.0; FRAME]; 12];
                for (f, frame) in frames.iter_mut().enumerate() {
                    *frame = std::array::from_fn(|i| {
                        ((f * FRAME + i) as f32 * 0.03 * level).sin() * level
                    });
                    engine.process(frame, false);
                }
                engine.reset();
                frames
            };
            let first = hear(0.3);
            hear(0.9);
            assert_eq!(hear(0.3), first);
        }
    }
}
