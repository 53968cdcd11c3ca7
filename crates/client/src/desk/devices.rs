//! Devices by id: what there is, opening and closing them one after the other, and telling trouble apart.

use super::options::TestDevices;
use super::screens;
use super::state::{DeskDevice, DeviceKind, DeviceProblem};
use confab_pipeline::screens::Ink;
use confab_pipeline::{
    CameraSpec, DeviceError, DeviceFault, MicrophoneSpec, PauseSwitch, Pipeline, PipelineError,
    ScreenSpec, Share, SpeakerSpec, VoiceConfig, devices,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Tasks of one kind of device that may wait while a device opens; only the newest counts.
const TASKS: usize = 32;

/// Kinds of devices that are opened each on a thread of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Unit {
    Microphone,
    Speaker,
    Camera,
    Screen,
}

impl Unit {
    pub(crate) const ALL: [Unit; 4] = [Unit::Microphone, Unit::Speaker, Unit::Camera, Unit::Screen];
}

/// What to open; `None`: close.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    Microphone(Option<MicrophoneSpec>, VoiceConfig),
    Speaker(Option<SpeakerSpec>),
    Camera(Option<CameraWish>),
    Screen(Option<ScreenJob>),
}

/// A screen and how it is shared.
#[derive(Clone, Debug)]
pub(crate) struct ScreenJob {
    /// Of the screen or window; `None`: the main screen, or what the system's own dialog gives.
    pub(crate) id: Option<String>,
    pub(crate) motion: bool,
    pub(crate) paused: PauseSwitch,
    /// Where the machine's sound is heard, if it is shared, too.
    pub(crate) sound: Option<MicrophoneSpec>,
}

/// A camera, or whichever there is.
#[derive(Clone, Debug)]
pub(crate) enum CameraWish {
    Any,
    /// Where it is gone: any.
    Device(String),
    Test(CameraSpec),
}

struct Task {
    number: u64,
    pipeline: Arc<Pipeline>,
    job: Job,
}

/// A task was carried out, and with it all of the unit with smaller numbers.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) unit: Unit,
    pub(crate) number: u64,
    /// Whether a device is open now.
    pub(crate) result: Result<bool, DeviceProblem>,
    /// What is shared, where that was ordered.
    pub(crate) shared: Option<Shared>,
}

/// What is shared.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) spec: ScreenSpec,
    /// For people, where known.
    pub(crate) title: Option<String>,
}

/// The threads that open and close devices: one per unit, tasks in order, overtaken ones left out.
pub(crate) struct Openers {
    queues: Vec<(Unit, Sender<Task>)>,
    frames: Sender<Option<ScreenSpec>>,
    ink: Ink,
}

impl Openers {
    /// Starts the threads. They end when this is dropped, each after the device it is opening.
    pub(crate) fn start(done: &Sender<Done>, tests: Option<&TestDevices>) -> io::Result<Openers> {
        let start = |unit: Unit| {
            let (queue, tasks) = bounded(TASKS);
            let (done, tests) = (done.clone(), tests.cloned());
            let name = format!("desk-{unit:?}").to_lowercase();
            std::thread::Builder::new()
                .name(name)
                .spawn(move || open_all(unit, &tasks, tests.as_ref(), &done))?;
            Ok((unit, queue))
        };
        let queues = Unit::ALL
            .into_iter()
            .map(start)
            .collect::<io::Result<_>>()?;
        let ink = Ink::default();
        let (frames, wanted) = bounded(TASKS);
        std::thread::Builder::new()
            .name("desk-frame".to_owned())
            .spawn({
                let ink = ink.clone();
                move || frame_all(&wanted, &ink)
            })?;
        Ok(Openers {
            queues,
            frames,
            ink,
        })
    }

    /// What is drawn over what is shared, as long as there is a frame.
    pub(crate) fn ink(&self) -> &Ink {
        &self.ink
    }

    /// Puts a frame around what is shared, and takes the one before away.
    pub(crate) fn frame(&self, around: Option<ScreenSpec>) {
        if self.frames.try_send(around).is_err() {
            tracing::warn!("the desktop does not draw frames fast enough");
        }
    }

    /// Whether the task was taken; not when a device hangs and 32 tasks wait for it.
    pub(crate) fn give(&self, unit: Unit, number: u64, pipeline: &Arc<Pipeline>, job: Job) -> bool {
        let pipeline = pipeline.clone();
        let task = Task {
            number,
            pipeline,
            job,
        };
        let queue = self.queues.iter().find(|(u, _)| *u == unit);
        queue.is_some_and(|(_, queue)| queue.try_send(task).is_ok())
    }
}

/// The frame is there as long as what it is around is wanted, and so is the ink over that.
fn frame_all(wanted: &Receiver<Option<ScreenSpec>>, ink: &Ink) {
    let mut around: Option<ScreenSpec> = None;
    let mut frame = None;
    while let Ok(next) = wanted.recv() {
        let next = wanted.try_iter().last().unwrap_or(next);
        if next != around {
            drop(frame.take());
            frame = next
                .as_ref()
                .map(|spec| (screens::frame(spec), screens::overlay(spec, ink)));
            around = next;
        }
    }
    drop(frame);
}

fn open_all(unit: Unit, tasks: &Receiver<Task>, tests: Option<&TestDevices>, done: &Sender<Done>) {
    while let Ok(task) = tasks.recv() {
        let Task {
            number,
            pipeline,
            job,
        } = tasks.try_iter().last().unwrap_or(task);
        let mut shared = None;
        let result = carry_out(&pipeline, job, tests, &mut shared).map_err(|error| {
            tracing::warn!("{error}");
            problem(&error)
        });
        // Not chosen in the system's dialog: no problem, and nothing open.
        let result = match result {
            Err(None) => Ok(false),
            Err(Some(problem)) => Err(problem),
            Ok(open) => Ok(open),
        };
        drop(pipeline);
        let told = done.send(Done {
            unit,
            number,
            result,
            shared,
        });
        if told.is_err() {
            return;
        }
    }
}

fn carry_out(
    pipeline: &Pipeline,
    job: Job,
    tests: Option<&TestDevices>,
    shared: &mut Option<Shared>,
) -> Result<bool, PipelineError> {
    match job {
        Job::Microphone(spec, voice) => {
            let open = spec.is_some();
            pipeline.set_microphone(spec.as_ref(), voice)?;
            Ok(open)
        }
        Job::Speaker(spec) => {
            let open = spec.is_some();
            pipeline.set_speaker(spec.as_ref())?;
            Ok(open)
        }
        Job::Camera(None) => pipeline.set_camera(None).map(|()| false),
        Job::Camera(Some(wish)) => open_camera(pipeline, wish).map(|()| true),
        Job::Screen(None) => {
            pipeline.set_screen_audio(None)?;
            pipeline.set_screen(None).map(|()| false)
        }
        Job::Screen(Some(job)) => {
            let spec = screens::spec(job.id.as_deref(), tests);
            let share = Share {
                spec: spec.clone(),
                motion: job.motion,
                paused: job.paused,
            };
            if let Err(error) = pipeline.set_screen(Some(&share)) {
                // Failed, or not chosen after all: then nothing goes out, not what was shared before either.
                pipeline.set_screen_audio(None)?;
                pipeline.set_screen(None)?;
                return Err(error);
            }
            let title = screens::title(&spec);
            *shared = Some(Shared { spec, title });
            // A screen without its sound is better than none.
            if let Err(error) = pipeline.set_screen_audio(job.sound.as_ref()) {
                tracing::warn!("the machine's sound is not shared: {error}");
            }
            Ok(true)
        }
    }
}

fn open_camera(pipeline: &Pipeline, wish: CameraWish) -> Result<(), PipelineError> {
    let spec = match wish {
        CameraWish::Test(spec) => spec,
        CameraWish::Device(id) => {
            let opened = pipeline.set_camera(Some(&CameraSpec::Device(id)));
            match &opened {
                Err(PipelineError::Device(e)) if e.fault == Some(DeviceFault::Missing) => {}
                _ => return opened,
            }
            any_camera()?
        }
        CameraWish::Any => any_camera()?,
    };
    pipeline.set_camera(Some(&spec))
}

fn any_camera() -> Result<CameraSpec, PipelineError> {
    let first = devices::list_cameras().into_iter().next();
    let missing = || {
        PipelineError::Device(DeviceError {
            of: devices::DeviceUse::Camera,
            fault: Some(DeviceFault::Missing),
            why: "there is none".to_owned(),
        })
    };
    first.map(|d| CameraSpec::Device(d.id)).ok_or_else(missing)
}

fn problem(error: &PipelineError) -> Option<DeviceProblem> {
    let PipelineError::Device(error) = error else {
        return Some(DeviceProblem::Failed);
    };
    Some(match error.fault? {
        DeviceFault::Denied => DeviceProblem::Denied,
        DeviceFault::Missing => DeviceProblem::Missing,
        DeviceFault::Busy => DeviceProblem::Busy,
        DeviceFault::Unsupported => DeviceProblem::Unsupported,
        DeviceFault::Failed => DeviceProblem::Failed,
    })
}

/// All devices with their ids, test devices first. Asks the system: up to a second.
pub(crate) fn list(tests: Option<&TestDevices>) -> Vec<DeskDevice> {
    let mut all = Vec::new();
    if let Some(tests) = tests {
        for (kind, ids) in [
            (DeviceKind::Microphone, &tests.microphones),
            (DeviceKind::Camera, &tests.cameras),
            (DeviceKind::Speaker, &tests.speakers),
        ] {
            all.extend(ids.iter().map(|id| DeskDevice {
                id: id.clone(),
                kind,
                label: format!("Test: {id}"),
                is_default: false,
            }));
        }
        if tests.only {
            return all;
        }
    }
    let found = devices::list();
    for (kind, devices) in [
        (DeviceKind::Microphone, found.microphones),
        (DeviceKind::Camera, found.cameras),
        (DeviceKind::Speaker, found.speakers),
    ] {
        all.extend(devices.into_iter().map(|d| DeskDevice {
            id: d.id,
            kind,
            label: d.name,
            is_default: d.default,
        }));
    }
    all
}

/// The microphone of an id, or the default, and whether it needs the voice chain: a tone would not survive it.
pub(crate) fn microphone(id: Option<&str>, tests: Option<&TestDevices>) -> (MicrophoneSpec, bool) {
    let test = tests.and_then(|t| {
        let id = id.or(t.microphones.first().map(String::as_str))?;
        test_microphone(id, &t.folder)
    });
    match (test, id) {
        (Some(spec), _) => (spec, false),
        (None, Some(id)) => (MicrophoneSpec::Id(id.to_owned()), true),
        (None, None) => (MicrophoneSpec::Default, true),
    }
}

pub(crate) fn speaker(id: Option<&str>, tests: Option<&TestDevices>) -> SpeakerSpec {
    let test = tests.and_then(|t| {
        let id = id.or(t.speakers.first().map(String::as_str))?;
        test_speaker(id, &t.folder)
    });
    match (test, id) {
        (Some(spec), _) => spec,
        (None, Some(id)) => SpeakerSpec::Id(id.to_owned()),
        (None, None) => SpeakerSpec::Default,
    }
}

pub(crate) fn camera(id: Option<&str>, tests: Option<&TestDevices>) -> CameraWish {
    let test = tests.and_then(|t| {
        let id = id.or(t.cameras.first().map(String::as_str))?;
        test_camera(id, &t.folder)
    });
    match (test, id) {
        (Some(spec), _) => CameraWish::Test(spec),
        (None, Some(id)) => CameraWish::Device(id.to_owned()),
        (None, None) => CameraWish::Any,
    }
}

/// What the machine plays.
pub(crate) fn system_sound(tests: Option<&TestDevices>) -> MicrophoneSpec {
    let test = tests.and_then(|t| test_microphone(t.system_sound.as_deref()?, &t.folder));
    test.unwrap_or(MicrophoneSpec::System)
}

fn test_microphone(id: &str, folder: &Path) -> Option<MicrophoneSpec> {
    match id.split_once(':') {
        None if id == "silence" => Some(MicrophoneSpec::Silence),
        Some(("tone", hz)) => hz.parse().ok().map(MicrophoneSpec::Tone),
        Some(("file", path)) => Some(MicrophoneSpec::File {
            path: folder.join(path),
            looped: true,
        }),
        _ => None,
    }
}

fn test_speaker(id: &str, folder: &Path) -> Option<SpeakerSpec> {
    match id.split_once(':') {
        None if id == "null" => Some(SpeakerSpec::Null),
        Some(("file", path)) => Some(SpeakerSpec::File(folder.join(path))),
        _ => None,
    }
}

/// `pattern:640x360@30`, with `#7` behind it for the number of the picture's mark; `file:<y4m>`.
fn test_camera(id: &str, folder: &Path) -> Option<CameraSpec> {
    let (kind, rest) = id.split_once(':')?;
    if kind == "file" {
        return Some(CameraSpec::File {
            path: folder.join(rest),
            looped: true,
            clock: false,
        });
    }
    let (size, mark) = rest.split_once('#').unwrap_or((rest, "1"));
    let (size, fps) = size.split_once('@').unwrap_or((size, "30"));
    let (width, height) = size.split_once('x')?;
    (kind == "pattern").then_some(())?;
    Some(CameraSpec::Pattern {
        width: width.parse().ok()?,
        height: height.parse().ok()?,
        fps: fps.parse().ok()?,
        id: mark.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests() -> TestDevices {
        TestDevices {
            microphones: vec!["tone:440".to_owned(), "file:a.wav".to_owned()],
            cameras: vec!["pattern:640x360@30".to_owned()],
            speakers: vec!["null".to_owned()],
            folder: "/x".into(),
            ..TestDevices::default()
        }
    }

    #[test]
    fn test_devices_are_there_only_when_asked_for() {
        let (spec, chain) = microphone(Some("tone:440"), None);
        assert_eq!(spec, MicrophoneSpec::Id("tone:440".to_owned()));
        assert!(chain);
        let (spec, chain) = microphone(Some("tone:440"), Some(&tests()));
        assert_eq!(spec, MicrophoneSpec::Tone(440.0));
        assert!(!chain);
    }

    #[test]
    fn the_first_test_device_stands_in_for_the_default() {
        let tests = tests();
        assert_eq!(
            microphone(None, Some(&tests)).0,
            MicrophoneSpec::Tone(440.0)
        );
        assert_eq!(speaker(None, Some(&tests)), SpeakerSpec::Null);
        assert_eq!(
            speaker(Some("real"), Some(&tests)),
            SpeakerSpec::Id("real".to_owned())
        );
        let CameraWish::Test(spec) = camera(None, Some(&tests)) else {
            panic!("no test camera");
        };
        let expected = CameraSpec::Pattern {
            width: 640,
            height: 360,
            fps: 30,
            id: 1,
        };
        assert_eq!(spec, expected);
    }

    #[test]
    fn files_of_test_devices_are_looked_for_in_their_folder() {
        let (spec, _) = microphone(Some("file:a.wav"), Some(&tests()));
        let expected = MicrophoneSpec::File {
            path: "/x/a.wav".into(),
            looped: true,
        };
        assert_eq!(spec, expected);
    }

    #[test]
    fn strange_pattern_ids_are_ids_of_devices() {
        for id in [
            "pattern:",
            "pattern:axb",
            "pattern:1x",
            "tone:3",
            "usb",
            "pattern:2x2@a",
        ] {
            let wish = camera(Some(id), Some(&tests()));
            assert!(matches!(wish, CameraWish::Device(_)), "{id}: {wish:?}");
        }
    }

    #[test]
    fn only_test_devices_are_listed_where_nothing_real_is_wanted() {
        let tests = TestDevices {
            only: true,
            ..tests()
        };
        let ids: Vec<String> = list(Some(&tests)).into_iter().map(|d| d.id).collect();
        assert_eq!(
            ids,
            ["tone:440", "file:a.wav", "pattern:640x360@30", "null"]
        );
    }
}
