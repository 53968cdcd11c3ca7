//! RTP above the packet header: payload formats (H.264, VP8, VP9, AV1, Opus, redundant audio), frame assembly, jitter buffers and audio/video sync.
//!
//! Everything here is pure: packets and the time go in, access units and decisions come out. Payloads are foreign bytes;
//! every parser bounds what it reads and what it keeps.
#![forbid(unsafe_code)]

pub mod av1;
pub mod h264;
pub mod opus;
pub mod red;
mod reference;
mod reference_feedback;
pub mod sequence;
pub mod stats;
pub mod vp8;
pub mod vp9;

mod assembly;
mod audio_buffer;
mod delay;
mod described;
mod protection;
mod repair_wait;
mod sps;
mod sync;
mod video_buffer;

pub use assembly::{AssembledFrame, FrameAssembler, VideoPacket};
pub use audio_buffer::{AudioJitterBuffer, AudioJitterConfig, AudioPacket, AudioStats, Pace, Pull};
pub use delay::DelayEstimator;
pub use protection::Protection;
pub use reference_feedback::{ReferenceLog, ReferenceReporter};
pub use sequence::{SequenceUnwrapper, TimestampUnwrapper};
pub use sps::h264_size;
pub use stats::{JitterEstimator, LossCounter};
pub use sync::{AvSync, SenderReport, SyncDelays};
pub use video_buffer::{VideoFrame, VideoJitterBuffer, VideoJitterConfig, VideoOutput, VideoStats};
