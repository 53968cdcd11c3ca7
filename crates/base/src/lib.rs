//! The words every room shares: identifiers, time, bit rates, video geometry and the stable error [`Code`].
//!
//! Nothing here knows a clock, a socket or a random number; machines are told them.
#![forbid(unsafe_code)]

mod code;
mod cut;
mod declare;
mod device;
mod frame_tag;
pub mod id;
mod media;
mod reference;
mod time;

pub use code::Code;
pub use cut::CutStream;
pub use device::DeviceFault;
pub use frame_tag::{FrameTag, FrameTagger};
pub use id::{AccountId, FileId, MeetingId, ParticipantId, TrackId};
pub use media::{
    AudioLevel, Bitrate, Limited, MediaKind, QualityLevel, Source, VideoCodec, VoiceLoss,
};
pub use reference::Reference;
pub use time::{Duration, Time};
/// For [`declare_types`].
#[doc(hidden)]
pub use ts_rs;
