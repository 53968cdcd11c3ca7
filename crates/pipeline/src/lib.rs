//! The client's media stages between devices, codecs and the network.
//!
//! [`order`] lists the stages of each way with the reason for their order; the threads run these lists. Threads: `voice`
//! (every 10 ms, both ways), `camera` and `screen` (per picture), `video-N` (slots of remote video), `video-out` (one per
//! file being written), `taps`. Channels are bounded; each says at its constant what it drops when it is full.

pub mod bus;
pub mod clock;
mod coding;
pub mod devices;
mod noise;
pub mod offline;
pub mod order;
#[cfg(test)]
mod original_tests;
mod packet;
mod pause;
mod pipeline;
mod probe;
mod record;
mod sink;
mod sources;
mod stats;
mod sync;
mod system_sound;
mod tap;
mod video_down;
mod video_up;
mod voice;
mod voice_down;
mod voice_up;

pub use confab_audio_io::{MicrophoneSpec, SpeakerSpec};
pub use confab_camera_io::{CameraSpec, jpeg};
pub use confab_codec::{CAN_DECODE, CAN_ENCODE, CHEAP, FINE};
pub use confab_dsp::bands as sound;
pub use confab_dsp::{Frame, NoiseEngine, VoiceConfig};
pub use confab_picture::{Background, I420, Strength, read_counter};
pub use confab_screen_io as screens;
pub use confab_screen_io::ScreenSpec;
pub use devices::{DeviceError, DeviceFault, DeviceNews, DeviceUse, DeviceWatch, End};
pub use noise::{NoiseFault, NoiseState, NoiseWatch, WEIGHTS_FILES, weights_places};
pub use packet::{Network, ReceivedPacket, SentPacket};
pub use pause::PauseSwitch;
pub use pipeline::{
    AudioWatch, MediaOptions, Outgoing, OutgoingLayer, PictureWatch, Pipeline, PipelineError,
    PipelineStats, Share,
};
pub use probe::{ProbePoint, ProbeStage, Probes, Read as ProbeRead, Watching};
pub use record::Recording;
pub use sink::{
    FrameInfo, KeyframeAsk, Needs, NoSinks, RemoteTrack, VideoSink, VideoSinks, Watch, Y4mSinks,
    source_name,
};
pub use stats::{
    AudioDownStats, AudioUpStats, GapCounter, LayerUpStats, STALL, VideoDownStats, VideoUpStats,
};
pub use tap::TapOptions;
pub use video_up::CodecPair;
