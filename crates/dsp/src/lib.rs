//! Sound as numbers: the voice chain between microphone and encoder, mixing, metering, resampling, stretching, and the generators
//! and measures tests need.
//!
//! Samples are `f32` in -1..=1 at 48 kHz; a frame is 10 ms, 480 samples of mono; a stereo frame has both sides, interleaved. Nothing
//! here allocates after construction, except where a function says so.
#![forbid(unsafe_code)]
#![allow(
    clippy::needless_range_loop,
    reason = "a bin indexes several spectra at once"
)]

pub mod bands;
pub mod chain;
pub mod correlate;
mod echo;
mod gain;
pub mod generate;
mod high_pass;
mod howl;
mod learned;
mod level;
mod limiter;
mod mixer;
mod noise;
mod own;
mod resample;
mod residual;
mod spectrum;
mod stretch;
mod suppress;

pub use chain::{NoiseLevel, VoiceChain, VoiceConfig, VoiceFrame};
pub use correlate::{Match, correlate};
pub use echo::EchoState;
pub use learned::{BadWeights, EngineBudget, FRAME_BUDGET, LearnedNoise, NoiseEngine};
pub use level::{Meter, level_of, rms, tone_power};
pub use limiter::Limiter;
pub use mixer::Mixer;
pub use resample::{BadRate, Resampler};
pub use stretch::Stretcher;

/// Samples per second everywhere inside.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples of one mono frame: 10 ms.
pub const FRAME: usize = 480;
/// A mono frame.
pub type Frame = [f32; FRAME];
/// A frame of two sides, interleaved, the left one first.
pub type StereoFrame = [f32; 2 * FRAME];

/// The mean of both sides: what somebody in the middle hears.
pub fn downmix(frame: &StereoFrame) -> Frame {
    std::array::from_fn(|i| (frame[2 * i] + frame[2 * i + 1]) * 0.5)
}

/// Two sides as one stereo frame.
pub fn interleave(left: &Frame, right: &Frame) -> StereoFrame {
    std::array::from_fn(|i| {
        if i % 2 == 0 {
            left[i / 2]
        } else {
            right[i / 2]
        }
    })
}

/// Everything here moves into the thread that runs it.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<VoiceChain>();
    is_send::<Resampler>();
    is_send::<Mixer>();
};
