//! Which devices there are, and which one to take.

use cpal::traits::{DeviceTrait, HostTrait};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Microphone,
    Speaker,
}

/// A device as shown to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Stable across restarts; for `MicrophoneSpec::Id` and `SpeakerSpec::Id`.
    pub id: String,
    pub name: String,
    pub direction: Direction,
    /// The system's default at the moment.
    pub default: bool,
    /// A "microphone" that hears what a speaker plays.
    pub monitor: bool,
}

/// All microphones and speakers of the system's sound server (PulseAudio or PipeWire before ALSA on Linux). Empty when there is none.
/// Asks the server: may take some milliseconds.
pub fn devices() -> Vec<DeviceInfo> {
    // One for all who ask: a connection to the sound server is never given back whole, so a new one for every question
    // takes the app's memory in an afternoon.
    static LISTER: Mutex<Lister> = Mutex::new(Lister::new());
    let mut lister = LISTER.lock().unwrap_or_else(PoisonError::into_inner);
    lister.devices()
}

/// Lists devices again and again. Keeps its connection to the sound server as long as that gives devices.
pub(crate) struct Lister {
    /// With the moment it was connected.
    host: Option<(cpal::Host, Instant)>,
    /// How long a connection is good for while it gives no devices.
    patience: Duration,
}

/// Between one connection without devices and the next. A connection costs time, and memory that never comes back.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(16));

impl Lister {
    pub(crate) const fn new() -> Lister {
        Lister {
            host: None,
            patience: PATIENCE.0,
        }
    }

    pub(crate) fn devices(&mut self) -> Vec<DeviceInfo> {
        [Direction::Microphone, Direction::Speaker]
            .into_iter()
            .flat_map(|direction| self.list(direction))
            .map(|(info, _)| info)
            .collect()
    }

    fn list(&mut self, direction: Direction) -> Vec<(DeviceInfo, cpal::Device)> {
        let Some((host, connected)) = &self.host else {
            return list(self.connect(), direction);
        };
        let all = list(host, direction);
        if !all.is_empty() {
            self.patience = PATIENCE.0;
        } else if connected.elapsed() >= self.patience {
            // The sound server may have been restarted: the old connection would stay dead.
            self.patience = (self.patience * 2).min(PATIENCE.1);
            return list(self.connect(), direction);
        }
        all
    }

    fn connect(&mut self) -> &cpal::Host {
        &self.host.insert((host(), Instant::now())).0
    }
}

fn host() -> cpal::Host {
    #[cfg(target_os = "linux")]
    crate::cookie::ensure();
    cpal::default_host()
}

fn list(host: &cpal::Host, direction: Direction) -> Vec<(DeviceInfo, cpal::Device)> {
    let (default, all) = match direction {
        Direction::Microphone => (
            host.default_input_device(),
            host.input_devices().map(Iterator::collect),
        ),
        Direction::Speaker => (
            host.default_output_device(),
            host.output_devices().map(Iterator::collect),
        ),
    };
    let default = default.and_then(|device| device.id().ok());
    let all: Vec<cpal::Device> = all.unwrap_or_default();
    all.into_iter()
        .filter_map(|device| {
            let id = device.id().ok()?;
            let name = device
                .description()
                .map_or_else(|_| id.id().to_owned(), |d| d.name().to_owned());
            let monitor = direction == Direction::Microphone && id.id().ends_with(".monitor");
            let info = DeviceInfo {
                default: default.as_ref() == Some(&id),
                id: id.to_string(),
                name,
                direction,
                monitor,
            };
            Some((info, device))
        })
        .collect()
}

/// How long a device that would not open is left alone.
const REFUSED: Duration = Duration::from_secs(10);

/// Finds the device to use, again and again.
pub struct Finder {
    direction: Direction,
    /// An id, with or without the host's name in front.
    wanted: Option<String>,
    lister: Lister,
    refused: Vec<(String, Instant)>,
}

impl Finder {
    pub fn new(direction: Direction, wanted: Option<&str>) -> Finder {
        Finder {
            direction,
            wanted: wanted.map(str::to_owned),
            lister: Lister::new(),
            refused: Vec::new(),
        }
    }

    /// The wanted device if it is there, else the default, else the first real one, else any; never one refused lately.
    pub fn best(&mut self) -> Option<(DeviceInfo, cpal::Device)> {
        self.refused.retain(|(_, at)| at.elapsed() < REFUSED);
        let mut all = self.lister.list(self.direction);
        all.retain(|(info, _)| self.refused.iter().all(|(id, _)| *id != info.id));
        let place = best(
            &all.iter().map(|(info, _)| info).collect::<Vec<_>>(),
            self.wanted.as_deref(),
        )?;
        Some(all.swap_remove(place))
    }

    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether this device is the one asked for; without a wish it is the default one.
    pub fn is_wanted(&self, info: &DeviceInfo) -> bool {
        match &self.wanted {
            Some(wanted) => named(info, wanted),
            None => info.default,
        }
    }

    /// This device would not open; the next ones are tried for a while.
    pub fn refuse(&mut self, id: String) {
        self.refused.push((id, Instant::now()));
    }
}

/// Whether this is the device's id, with or without the host's name in front.
fn named(info: &DeviceInfo, id: &str) -> bool {
    info.id == id || cpal::DeviceId::from_str(&info.id).is_ok_and(|whole| whole.id() == id)
}

fn best(all: &[&DeviceInfo], wanted: Option<&str>) -> Option<usize> {
    let place = |test: &dyn Fn(&&DeviceInfo) -> bool| all.iter().position(test);
    place(&|info| wanted.is_some_and(|wanted| named(info, wanted)))
        .or_else(|| place(&|info| info.default))
        .or_else(|| place(&|info| !info.monitor))
        .or(if all.is_empty() { None } else { Some(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: &str, default: bool, monitor: bool) -> DeviceInfo {
        DeviceInfo {
            id: id.into(),
            name: id.into(),
            direction: Direction::Microphone,
            default,
            monitor,
        }
    }

    #[test]
    fn the_wanted_device_comes_first_then_the_default_then_a_real_one() {
        let (monitor, usb, built_in) = (
            info("m", false, true),
            info("usb", false, false),
            info("in", true, false),
        );
        let all = [&monitor, &usb, &built_in];
        assert_eq!(best(&all, Some("usb")), Some(1));
        assert_eq!(best(&all, Some("gone")), Some(2));
        assert_eq!(best(&all, None), Some(2));
        assert_eq!(best(&all[..2], None), Some(1));
        assert_eq!(best(&all[..1], None), Some(0));
        assert_eq!(best(&[], Some("usb")), None);
    }
}
