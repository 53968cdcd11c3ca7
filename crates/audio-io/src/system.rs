//! What the other programs on this computer play, for sharing a screen with its sound: a microphone that never hears this
//! program's own sound, or everybody would hear themselves.
//!
//! | system | how |
//! |---|---|
//! | PulseAudio, PipeWire | every other program's playback stream is recorded by itself and mixed here: `pulse` |
//! | Windows, macOS, bare ALSA | [`OpenError::Unsupported`]: cpal's loopback hears the whole speaker, the call included |

#[cfg(target_os = "linux")]
mod pulse;

use crate::{Microphone, OpenError};

#[cfg(target_os = "linux")]
pub(crate) fn open() -> Result<Box<dyn Microphone>, OpenError> {
    Ok(Box::new(pulse::SystemSound::open()?))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn open() -> Result<Box<dyn Microphone>, OpenError> {
    Err(OpenError::Unsupported("the system's sound".into()))
}
