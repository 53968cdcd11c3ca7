//! Microphones and speakers: real ones through cpal, and twins made of files and tones for tests and headless participants.
//!
//! Everyone above sees 10 ms frames of 48 kHz, mono or of two sides as they ask, whatever the device's rate, format, channels and
//! callback sizes are. Between a device's callback and the reader stands a lock-free ring; the callback copies, and nothing else. Rates are converted here, on the
//! reader's thread, because only here the device's real clock shows: the speaker's conversion is steered by the fill of its ring, so
//! a microphone and a speaker on different clocks never drift apart. (That is why `rubato` is a dependency of this crate too.)
//!
//! A device that vanishes is replaced by the default or the next one within two seconds; until then a microphone gives silence
//! at its pace and a speaker swallows sound, and [`DeviceEvent`] says what happened.
#![cfg_attr(not(test), forbid(unsafe_code))]

mod capture;
mod convert;
#[cfg(target_os = "linux")]
mod cookie;
mod device;
mod fake;
mod file;
mod hotplug;
#[cfg(test)]
mod no_alloc;
mod open;
mod playback;
mod ring;
mod sides;
mod steering;
mod system;
mod watch;

pub use confab_base::DeviceFault;
pub use device::{DeviceInfo, Direction, devices};
pub use hotplug::{DeviceWatch, watch};

use std::path::PathBuf;
use std::time::Duration;

/// Samples per second of every frame.
pub const SAMPLE_RATE: u32 = 48_000;
/// Samples in a frame: 10 ms, mono.
pub const FRAME: usize = 480;
/// A frame; samples in -1..=1.
pub type Frame = [f32; FRAME];
/// A frame of two sides, interleaved, the left one first.
pub type StereoFrame = [f32; 2 * FRAME];

/// Something that hears. Its pace is the clock of the thread that reads it.
pub trait Microphone: Send {
    /// Waits until the next frame is there, every 10 ms by the device's clock. While there is no device, frames are silent and paced
    /// by the wall clock.
    fn read(&mut self, frame: &mut Frame);
    /// As [`Microphone::read`], with both sides; says how many channels the sound has. Where it is one, both sides are the same. Going
    /// from one kind of reading to the other loses at most some milliseconds.
    fn read_stereo(&mut self, frame: &mut StereoFrame) -> usize {
        let mut mono = [0.0; FRAME];
        self.read(&mut mono);
        sides::spread(&mono, frame);
        1
    }
    /// What happened to the device since the last call.
    fn poll_event(&mut self) -> Option<DeviceEvent> {
        None
    }
}

/// Something that plays.
pub trait Speaker: Send {
    /// Hands over the next 10 ms; never waits. More than the device plays is dropped, a missing frame is silence.
    fn write(&mut self, frame: &Frame);
    /// As [`Speaker::write`], with both sides. What has one channel plays their mean.
    fn write_stereo(&mut self, frame: &StereoFrame) {
        self.write(&sides::mean(frame));
    }
    /// How long after now a frame written now is heard.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }
    fn poll_event(&mut self) -> Option<DeviceEvent> {
        None
    }
}

/// Which microphone.
#[derive(Clone, Debug, PartialEq)]
pub enum MicrophoneSpec {
    /// The system's default; followed when the user changes it.
    Default,
    /// By [`DeviceInfo::id`]; another is used while it is away.
    Id(String),
    /// A WAV file of any rate and channels; silence follows its end unless it is looped.
    File {
        path: PathBuf,
        looped: bool,
    },
    /// What the other programs on this computer play, without this program's own sound: see `system`.
    System,
    /// A sine of this many Hz, 12 dB below full scale.
    Tone(f32),
    Silence,
}

/// Which speaker.
#[derive(Clone, Debug, PartialEq)]
pub enum SpeakerSpec {
    /// The system's default; followed when the user changes it.
    Default,
    /// By [`DeviceInfo::id`]; another is used while it is away.
    Id(String),
    /// A 16-bit mono WAV file, readable at any moment, whole to the last second if the process is killed.
    File(PathBuf),
    /// The same with both sides.
    StereoFile(PathBuf),
    /// Swallows everything.
    Null,
}

/// What happened to a device in use. Names are for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceEvent {
    /// Sound now goes through this device: at the start, after a loss, or because the default changed.
    Using { id: String, name: String },
    /// The device is gone or failed; another is looked for.
    Lost { name: String },
    /// The device is there and would not open; another is looked for.
    Refused { name: String, fault: DeviceFault },
    /// No device is left. The search goes on.
    None,
    /// A file that is not looped has ended.
    Ended,
}

/// Why a microphone or speaker could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no such device, and no other")]
    Missing,
    #[error("another program has the device for itself")]
    Busy,
    #[error("this program may not use the device")]
    Denied,
    #[error("the device can't be used: {0}")]
    Unsupported(String),
    #[error("the device could not be opened: {0}")]
    Failed(String),
    #[error("the sound file could not be used: {0}")]
    File(#[from] hound::Error),
    #[error("the sound file has a rate or channel count out of range")]
    Format,
    #[error("no thread could be started: {0}")]
    Thread(std::io::Error),
}

impl OpenError {
    /// What people can do about it.
    pub fn fault(&self) -> DeviceFault {
        match self {
            OpenError::Missing => DeviceFault::Missing,
            OpenError::Busy => DeviceFault::Busy,
            OpenError::Denied => DeviceFault::Denied,
            OpenError::Unsupported(_) | OpenError::Format => DeviceFault::Unsupported,
            OpenError::Failed(_) | OpenError::File(_) | OpenError::Thread(_) => DeviceFault::Failed,
        }
    }
}

impl From<cpal::Error> for OpenError {
    fn from(error: cpal::Error) -> OpenError {
        use cpal::ErrorKind as Kind;
        match error.kind() {
            Kind::DeviceBusy => OpenError::Busy,
            Kind::PermissionDenied => OpenError::Denied,
            Kind::DeviceNotAvailable | Kind::HostUnavailable => OpenError::Missing,
            Kind::UnsupportedConfig | Kind::UnsupportedOperation | Kind::InvalidInput => {
                OpenError::Unsupported(error.to_string())
            }
            _ => OpenError::Failed(error.to_string()),
        }
    }
}

pub fn open_microphone(spec: &MicrophoneSpec) -> Result<Box<dyn Microphone>, OpenError> {
    Ok(match spec {
        MicrophoneSpec::Default => Box::new(capture::DeviceMicrophone::open(None)?),
        MicrophoneSpec::Id(id) => Box::new(capture::DeviceMicrophone::open(Some(id.clone()))?),
        MicrophoneSpec::File { path, looped } => {
            Box::new(file::FileMicrophone::open(path, *looped)?)
        }
        MicrophoneSpec::System => system::open()?,
        MicrophoneSpec::Tone(hz) => Box::new(fake::ToneMicrophone::new(*hz)),
        MicrophoneSpec::Silence => Box::new(fake::ToneMicrophone::new(0.0)),
    })
}

pub fn open_speaker(spec: &SpeakerSpec) -> Result<Box<dyn Speaker>, OpenError> {
    Ok(match spec {
        SpeakerSpec::Default => Box::new(playback::DeviceSpeaker::open(None)?),
        SpeakerSpec::Id(id) => Box::new(playback::DeviceSpeaker::open(Some(id.clone()))?),
        SpeakerSpec::File(path) => Box::new(file::FileSpeaker::create(path, 1)?),
        SpeakerSpec::StereoFile(path) => Box::new(file::FileSpeaker::create(path, 2)?),
        SpeakerSpec::Null => Box::new(fake::NullSpeaker),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_people_can_do() {
        let fault = |kind| OpenError::from(cpal::Error::new(kind)).fault();
        assert_eq!(fault(cpal::ErrorKind::DeviceBusy), DeviceFault::Busy);
        assert_eq!(
            fault(cpal::ErrorKind::PermissionDenied),
            DeviceFault::Denied
        );
        assert_eq!(
            fault(cpal::ErrorKind::HostUnavailable),
            DeviceFault::Missing
        );
        assert_eq!(
            fault(cpal::ErrorKind::UnsupportedConfig),
            DeviceFault::Unsupported
        );
        assert_eq!(fault(cpal::ErrorKind::BackendError), DeviceFault::Failed);
    }
}
