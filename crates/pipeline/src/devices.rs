//! What microphones, speakers, cameras and screens there are, and opening them.

use crate::pipeline::PipelineError;
use crate::video_up::{Picture, PictureSource};
use crate::{MicrophoneSpec, SpeakerSpec};
use confab_audio_io::{Direction, Microphone, Speaker};
use confab_base::Duration;
use confab_camera_io::{Camera, CameraSpec};
use confab_screen_io::ScreenSpec;

/// A device as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What options take; stable over restarts where the system has stable ids.
    pub id: String,
    /// For people.
    pub name: String,
}

/// The devices of this machine, now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceList {
    pub microphones: Vec<Device>,
    pub speakers: Vec<Device>,
    pub cameras: Vec<Device>,
    pub screens: Vec<Device>,
}

/// Asks the system. Takes up to a second where a sound server has to be found.
pub fn list() -> DeviceList {
    let (microphones, speakers): (Vec<_>, Vec<_>) = confab_audio_io::devices()
        .into_iter()
        .partition(|d| d.direction == Direction::Microphone);
    let audio = |d: confab_audio_io::DeviceInfo| Device {
        name: match d.default {
            true => format!("{} (default)", d.name),
            false => d.name,
        },
        id: d.id,
    };
    DeviceList {
        microphones: microphones.into_iter().map(audio).collect(),
        speakers: speakers.into_iter().map(audio).collect(),
        cameras: confab_camera_io::devices()
            .into_iter()
            .map(|d| Device {
                id: d.id,
                name: d.name,
            })
            .collect(),
        screens: confab_screen_io::devices()
            .into_iter()
            .map(|d| Device {
                id: d.id,
                name: d.name,
            })
            .collect(),
    }
}

pub(crate) fn open_microphone(spec: &MicrophoneSpec) -> Result<Box<dyn Microphone>, PipelineError> {
    confab_audio_io::open_microphone(spec).map_err(|e| PipelineError::Microphone(e.to_string()))
}

pub(crate) fn open_speaker(spec: &SpeakerSpec) -> Result<Box<dyn Speaker>, PipelineError> {
    confab_audio_io::open_speaker(spec).map_err(|e| PipelineError::Speaker(e.to_string()))
}

/// An open camera or screen; both give pictures the same way.
pub(crate) struct Pictures(Camera);

pub(crate) fn open_camera(spec: &CameraSpec) -> Result<Pictures, PipelineError> {
    confab_camera_io::open(spec)
        .map(Pictures)
        .map_err(|e| PipelineError::Camera(e.to_string()))
}

pub(crate) fn open_screen(spec: &ScreenSpec) -> Result<Pictures, PipelineError> {
    confab_screen_io::open(spec)
        .map(Pictures)
        .map_err(|e| PipelineError::Screen(e.to_string()))
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
}
