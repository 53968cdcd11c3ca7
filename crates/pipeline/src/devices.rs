//! What microphones, speakers, cameras and screens there are, and opening them.

use crate::video_up::{Picture, PictureSource};
use crate::{MicrophoneSpec, SpeakerSpec};
use confab_audio_io::{DeviceEvent, Direction, Microphone, OpenError, Speaker};
pub use confab_base::DeviceFault;
use confab_base::Duration;
pub use confab_camera_io::End;
use confab_camera_io::{Camera, CameraSpec};
use confab_screen_io::{ScreenOptions, ScreenSpec};

/// A device as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What options take; stable over restarts where the system has stable ids.
    pub id: String,
    /// For people.
    pub name: String,
    /// The system's choice for those who choose none.
    pub default: bool,
}

/// The microphones, speakers and cameras of this machine, now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceList {
    pub microphones: Vec<Device>,
    pub speakers: Vec<Device>,
    pub cameras: Vec<Device>,
}

/// Asks the system. Takes up to a second where a sound server has to be found.
pub fn list() -> DeviceList {
    let (microphones, speakers): (Vec<_>, Vec<_>) = confab_audio_io::devices()
        .into_iter()
        .partition(|d| d.direction == Direction::Microphone);
    let audio = |d: confab_audio_io::DeviceInfo| Device {
        id: d.id,
        name: d.name,
        default: d.default,
    };
    DeviceList {
        microphones: microphones.into_iter().map(audio).collect(),
        speakers: speakers.into_iter().map(audio).collect(),
        cameras: list_cameras(),
    }
}

/// The cameras alone.
pub fn list_cameras() -> Vec<Device> {
    let cameras = confab_camera_io::devices().into_iter();
    let device = |d: confab_camera_io::CameraInfo| Device {
        id: d.id,
        name: d.name,
        default: false,
    };
    cameras.map(device).collect()
}

/// Screens and windows that can be shared now, by [`Device::id`]. Some systems ask their user before they tell.
pub fn list_screens() -> Vec<Device> {
    let sources = confab_screen_io::sources().into_iter();
    let device = |s: confab_screen_io::Source| Device {
        id: s.id,
        name: s.title,
        default: s.primary,
    };
    sources.map(device).collect()
}

/// What a device is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeviceUse {
    Microphone,
    Speaker,
    Camera,
    Screen,
}

impl std::fmt::Display for DeviceUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DeviceUse::Microphone => "microphone",
            DeviceUse::Speaker => "speaker",
            DeviceUse::Camera => "camera",
            DeviceUse::Screen => "screen",
        })
    }
}

/// Why a device could not be opened.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{of}: {why}")]
pub struct DeviceError {
    pub of: DeviceUse,
    /// `None`: the user chose not to.
    pub fault: Option<DeviceFault>,
    pub why: String,
}

/// What happened to a device in use. Names are for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceNews {
    /// It goes through this device now: at the start, after a loss, or because the system's default changed.
    Using {
        of: DeviceUse,
        id: String,
        name: String,
    },
    /// The machine has no time left for the background behind the camera's person: it was taken away.
    BackgroundOff,
    /// It is gone or failed; another is looked for.
    Lost { of: DeviceUse, name: String },
    /// No device is left. The search goes on.
    None { of: DeviceUse },
    /// Nothing more will come.
    Ended { of: DeviceUse, end: End },
}

/// Hears [`DeviceNews`]. Called on media threads: must be quick.
pub type DeviceWatch = std::sync::Arc<dyn Fn(DeviceNews) + Send + Sync>;

pub(crate) fn audio_news(of: DeviceUse, event: DeviceEvent) -> DeviceNews {
    match event {
        DeviceEvent::Using { id, name } => DeviceNews::Using { of, id, name },
        DeviceEvent::Lost { name } => DeviceNews::Lost { of, name },
        DeviceEvent::Refused { name, fault } => {
            tracing::info!("{of} {name}: {fault}");
            DeviceNews::Lost { of, name }
        }
        DeviceEvent::None => DeviceNews::None { of },
        DeviceEvent::Ended => DeviceNews::Ended {
            of,
            end: End::Finished,
        },
    }
}

pub(crate) fn open_microphone(spec: &MicrophoneSpec) -> Result<Box<dyn Microphone>, DeviceError> {
    confab_audio_io::open_microphone(spec).map_err(|e| audio_error(DeviceUse::Microphone, &e))
}

pub(crate) fn open_speaker(spec: &SpeakerSpec) -> Result<Box<dyn Speaker>, DeviceError> {
    confab_audio_io::open_speaker(spec).map_err(|e| audio_error(DeviceUse::Speaker, &e))
}

fn audio_error(of: DeviceUse, error: &OpenError) -> DeviceError {
    let (fault, why) = (Some(error.fault()), error.to_string());
    DeviceError { of, fault, why }
}

/// An open camera or screen; both give pictures the same way.
pub(crate) struct Pictures(Camera);

pub(crate) fn open_camera(spec: &CameraSpec) -> Result<Pictures, DeviceError> {
    confab_camera_io::open(spec)
        .map(Pictures)
        .map_err(|error| DeviceError {
            of: DeviceUse::Camera,
            fault: Some(error.fault()),
            why: error.to_string(),
        })
}

pub(crate) fn open_screen(spec: &ScreenSpec, fps: u32) -> Result<Pictures, DeviceError> {
    let options = ScreenOptions {
        fps,
        ..ScreenOptions::default()
    };
    confab_screen_io::open_with(spec, &options)
        .map(Pictures)
        .map_err(|error| DeviceError {
            of: DeviceUse::Screen,
            fault: error.fault(),
            why: error.to_string(),
        })
}

impl Pictures {
    pub(crate) fn size(&self) -> (usize, usize) {
        self.0.size()
    }
}

impl PictureSource for Pictures {
    fn next(&mut self, patience: Duration) -> Option<Picture> {
        let Some(frame) = self.0.next(patience) else {
            if self.0.ended() {
                // A dead device answers at once; do not ask it in a circle.
                std::thread::sleep(patience);
            }
            return None;
        };
        Some(Picture {
            picture: frame.picture,
            captured: crate::clock::at(frame.captured),
        })
    }

    fn ended(&self) -> Option<End> {
        self.0.end()
    }
}
