//! The own microphone, camera, screen and speaker: what the user wants, what is open, and bringing these together.

use super::devices::{self, Done, Job, ScreenJob, Unit};
use super::face::{DeskCommand, DeskEvent, DeskReply, NoiseSuppression, ScreenEnd};
use super::handle::Answer;
use super::machine::Machine;
use super::options::DeskOptions;
use super::screens;
use super::state::{
    DeskDevice, DeviceKind, DeviceProblem, LocalNoise, LocalSource, LocalSpeaker, LocalState,
    NoiseProblem, ScreenMode,
};
use crate::Command;
use confab_base::Source;
use confab_pipeline::{
    DeviceNews, DeviceUse, End, NoiseEngine, NoiseFault, NoiseState, PauseSwitch, ScreenSpec,
    VoiceConfig,
};
use confab_protocol::{CallDevice, DeviceChange};
use std::collections::{BTreeMap, BTreeSet};

/// The own devices.
pub(crate) struct Local {
    pub(crate) state: LocalState,
    /// The screen's share has the machine's sound with it.
    pub(crate) screen_sound: bool,
    /// Of the share that is wanted, and of the one before, which goes out until it is there.
    pub(crate) pause: PauseSwitch,
    pub(crate) pause_before: PauseSwitch,
    /// What goes out.
    pub(crate) shared: Option<ScreenSpec>,
    /// Units whose device is open.
    open: BTreeSet<Unit>,
    /// The number of the last task of each unit.
    number: BTreeMap<Unit, u64>,
    /// Who waits for a task.
    waiting: Vec<(Unit, u64, Answer)>,
    /// Through which device each unit goes now, by id; for telling a change from a start.
    using: BTreeMap<Unit, String>,
}

impl Local {
    pub(crate) fn new(options: &DeskOptions) -> Local {
        let source = |device: &Option<String>| LocalSource {
            device: device.clone(),
            ..LocalSource::default()
        };
        Local {
            state: LocalState {
                microphone: source(&options.microphone),
                camera: source(&options.camera),
                speaker: LocalSpeaker {
                    device: options.speaker.clone(),
                    choosable: true,
                    problem: None,
                },
                can_share: screens::possible(options.test_devices.as_ref()),
                ..LocalState::default()
            },
            screen_sound: false,
            pause: PauseSwitch::default(),
            pause_before: PauseSwitch::default(),
            shared: None,
            open: BTreeSet::new(),
            number: BTreeMap::new(),
            waiting: Vec::new(),
            using: BTreeMap::new(),
        }
    }

    pub(crate) fn is_open(&self, unit: Unit) -> bool {
        self.open.contains(&unit)
    }

    /// Whether the source goes out, as far as the user and the device are concerned.
    pub(crate) fn sends(&self, source: Source) -> bool {
        match source {
            Source::Microphone => self.state.microphone.on && self.is_open(Unit::Microphone),
            Source::Camera => self.state.camera.on && self.is_open(Unit::Camera),
            Source::Screen | Source::ScreenAudio => {
                self.state.screen.on && self.is_open(Unit::Screen)
            }
        }
    }

    fn source_mut(&mut self, unit: Unit) -> Option<&mut LocalSource> {
        match unit {
            Unit::Microphone => Some(&mut self.state.microphone),
            Unit::Camera => Some(&mut self.state.camera),
            Unit::Speaker | Unit::Screen => None,
        }
    }

    /// Everything is closed, and nobody waits any more.
    pub(crate) fn reset(&mut self) {
        self.open.clear();
        self.using.clear();
        for unit in Unit::ALL {
            *self.number.entry(unit).or_default() += 1;
        }
        for (_, _, answer) in self.waiting.drain(..) {
            answer(DeskReply::Done);
        }
        for source in [&mut self.state.microphone, &mut self.state.camera] {
            (source.on, source.starting, source.problem) = (false, false, None);
        }
        self.state.talking = false;
        self.state.speaker.problem = None;
        self.state.noise = LocalNoise::default();
        self.state.screen = Default::default();
        self.shared = None;
    }
}

impl Machine {
    pub(crate) fn on_local_command(&mut self, command: DeskCommand, answer: Answer) {
        match command {
            DeskCommand::SetMicrophone { on } => {
                self.local.state.talking = false;
                self.switch(Unit::Microphone, on, answer);
            }
            DeskCommand::Talk { on } => self.talk(on, answer),
            DeskCommand::SetCamera { on } => self.switch(Unit::Camera, on, answer),
            DeskCommand::ChooseDevice { kind, id } => self.choose(kind, id, answer),
            DeskCommand::StartScreen { .. }
            | DeskCommand::StopScreen
            | DeskCommand::PauseScreen { .. }
            | DeskCommand::SetScreenMode { .. } => self.on_screen_command(command, answer),
            DeskCommand::SetProcessing { processing } => {
                // A chain that stays as it is goes on with what it knows of the room.
                let before = std::mem::replace(&mut self.processing, processing);
                let (_, chain) = self.microphone();
                if before != processing
                    && let Some(studio) = &self.studio
                    && self.local.is_open(Unit::Microphone)
                {
                    studio.pipeline().set_voice(chain);
                }
                answer(DeskReply::Done);
            }
            DeskCommand::SetBackground { background } => {
                self.set_background(&background);
                answer(DeskReply::Done);
            }
            _ => answer(DeskReply::Done),
        }
    }

    /// Answers a command whose outcome is in the state, and tells that before.
    pub(crate) fn done(&mut self, answer: Answer) {
        self.touch();
        self.tell_now();
        answer(DeskReply::Done);
    }

    fn talk(&mut self, on: bool, answer: Answer) {
        if on && self.call.is_on() && !self.local.state.microphone.on {
            self.local.state.talking = true;
            self.switch(Unit::Microphone, true, answer);
        } else {
            if !on {
                self.stop_talking();
            }
            self.done(answer);
        }
    }

    /// The key is let go, or whoever held it is gone.
    pub(crate) fn stop_talking(&mut self) {
        if std::mem::take(&mut self.local.state.talking) {
            self.switch_off(Unit::Microphone);
        }
    }

    /// Switches the microphone or the camera.
    fn switch(&mut self, unit: Unit, on: bool, answer: Answer) {
        if on && self.local.is_open(unit) {
            self.put(unit, true, false, None);
            self.say_mute(unit);
            self.done(answer);
        } else if on {
            self.put(unit, true, true, None);
            self.order(unit, Some(answer));
        } else {
            self.switch_off(unit);
            self.done(answer);
        }
    }

    /// Switches off by the user's or a host's will. A camera that is off must show no light; a muted microphone stays open in
    /// a meeting, so that the first word after it is not lost.
    pub(crate) fn switch_off(&mut self, unit: Unit) {
        self.put(unit, false, false, None);
        self.say_mute(unit);
        if unit == Unit::Camera || !self.call.is_on() {
            self.close_unit(unit);
        } else if !self.local.is_open(unit) {
            // It was just being opened.
            self.close_unit(unit);
        }
    }

    fn put(&mut self, unit: Unit, on: bool, starting: bool, problem: Option<DeviceProblem>) {
        if let Some(source) = self.local.source_mut(unit) {
            (source.on, source.starting, source.problem) = (on, starting, problem);
        }
        self.local.state.talking &= self.local.state.microphone.on;
        self.touch();
    }

    fn choose(&mut self, kind: DeviceKind, id: Option<String>, answer: Answer) {
        let unit = match kind {
            DeviceKind::Microphone => Unit::Microphone,
            DeviceKind::Camera => Unit::Camera,
            DeviceKind::Speaker => Unit::Speaker,
        };
        let before = match self.local.source_mut(unit) {
            Some(source) => std::mem::replace(&mut source.device, id.clone()),
            None => std::mem::replace(&mut self.local.state.speaker.device, id.clone()),
        };
        self.touch();
        let wanted = match unit {
            Unit::Microphone => self.local.state.microphone.on,
            Unit::Camera => self.local.state.camera.on,
            Unit::Speaker | Unit::Screen => self.local.is_open(unit),
        };
        if before == id || !(wanted || self.local.is_open(unit)) {
            self.done(answer);
        } else if wanted || self.call.is_on() {
            if wanted && unit != Unit::Speaker {
                self.put(unit, true, true, None);
            }
            self.order(unit, Some(answer));
        } else {
            self.close_unit(unit);
            self.done(answer);
        }
    }

    /// The chosen microphone and its voice chain.
    fn microphone(&self) -> (confab_pipeline::MicrophoneSpec, VoiceConfig) {
        let id = self.local.state.microphone.device.as_deref();
        let (spec, chain) = devices::microphone(id, self.options.test_devices.as_ref());
        let chain = if chain || self.processing.original_sound {
            self.voice()
        } else {
            VoiceConfig::BYPASS
        };
        (spec, chain)
    }

    /// Opens the unit's chosen device, or another one in place of that in use.
    pub(crate) fn order(&mut self, unit: Unit, answer: Option<Answer>) {
        let tests = self.options.test_devices.as_ref();
        let state = &self.local.state;
        let job = match unit {
            Unit::Microphone => {
                let (spec, chain) = self.microphone();
                Job::Microphone(Some(spec), chain)
            }
            Unit::Speaker => {
                let spec = devices::speaker(state.speaker.device.as_deref(), tests);
                Job::Speaker(Some(spec))
            }
            Unit::Camera => {
                let wish = devices::camera(state.camera.device.as_deref(), tests);
                Job::Camera(Some(wish))
            }
            Unit::Screen => Job::Screen(Some(ScreenJob {
                id: state.screen.device.clone(),
                motion: state.screen.mode == ScreenMode::Motion,
                paused: self.local.pause.clone(),
                sound: self
                    .local
                    .screen_sound
                    .then(|| devices::system_sound(tests)),
            })),
        };
        self.give(unit, job, answer);
    }

    pub(crate) fn close_unit(&mut self, unit: Unit) {
        if self.studio.is_none() {
            return;
        }
        let job = match unit {
            Unit::Microphone => Job::Microphone(None, VoiceConfig::BYPASS),
            Unit::Speaker => Job::Speaker(None),
            Unit::Camera => Job::Camera(None),
            Unit::Screen => Job::Screen(None),
        };
        self.local.open.remove(&unit);
        self.give(unit, job, None);
    }

    fn give(&mut self, unit: Unit, job: Job, answer: Option<Answer>) {
        // What is in use after this is no surprise.
        self.local.using.remove(&unit);
        let number = self.local.number.entry(unit).or_default();
        *number += 1;
        let number = *number;
        if let Some(answer) = answer {
            self.local.waiting.push((unit, number, answer));
        }
        let given = match self.studio() {
            Ok(studio) => {
                let pipeline = studio.pipeline().clone();
                self.openers.give(unit, number, &pipeline, job)
            }
            Err(error) => {
                tracing::error!("{error}");
                false
            }
        };
        if !given {
            self.on_done(Done {
                unit,
                number,
                result: Err(DeviceProblem::Failed),
                shared: None,
            });
        }
    }

    /// A task of a unit is finished; what was ordered later is not.
    pub(crate) fn on_done(&mut self, done: Done) {
        let Done {
            unit,
            number,
            result,
            shared,
        } = done;
        let newest = self.local.number.get(&unit) == Some(&number);
        if newest {
            self.settle(unit, &result);
            if unit == Unit::Screen {
                self.show_share(shared);
            }
        }
        // What can be published changed in any case.
        self.call.tell_client(Command::SourcesChanged);
        if newest && unit != Unit::Speaker && unit != Unit::Screen {
            self.say_mute(unit);
        }
        if newest {
            self.rehearsal_opened(unit, &result);
        }
        self.touch();
        let (done, waiting) = std::mem::take(&mut self.local.waiting)
            .into_iter()
            .partition(|(u, n, _)| *u == unit && *n <= number);
        self.local.waiting = waiting;
        let done: Vec<(Unit, u64, Answer)> = done;
        if !done.is_empty() {
            // Who waited finds the outcome in the state.
            self.tell_now();
        }
        for (_, _, answer) in done {
            answer(DeskReply::Done);
        }
    }

    fn settle(&mut self, unit: Unit, result: &Result<bool, DeviceProblem>) {
        match result {
            Ok(true) => self.local.open.insert(unit),
            Ok(false) | Err(_) => self.local.open.remove(&unit),
        };
        let problem = result.as_ref().err().copied();
        match unit {
            Unit::Microphone | Unit::Camera => {
                if let Some(source) = self.local.source_mut(unit) {
                    source.starting = false;
                    source.on &= problem.is_none();
                    if problem.is_some() {
                        source.problem = problem;
                    }
                }
            }
            Unit::Speaker => {
                self.local.state.speaker.problem = problem.filter(|_| self.call.is_on());
            }
            Unit::Screen => {
                let screen = &mut self.local.state.screen;
                screen.starting = false;
                screen.on = *result == Ok(true);
                screen.paused &= screen.on;
                if problem.is_some() || screen.on {
                    screen.problem = problem;
                }
            }
        }
        self.local.state.talking &= self.local.state.microphone.on;
        // A failed microphone may have left the one before in its place.
        if problem.is_some() && matches!(unit, Unit::Microphone | Unit::Screen) {
            self.close_unit(unit);
        }
    }

    /// A device in use tells what happened to it.
    pub(crate) fn on_device_news(&mut self, news: DeviceNews) {
        match news {
            DeviceNews::Using { of, id, name } => {
                let Some((unit, kind)) = unit_of(of) else {
                    return;
                };
                let before = self.local.using.insert(unit, id.clone());
                if before.is_some_and(|before| before != id) {
                    self.list_devices(None);
                    let label = Some(name);
                    self.tell(DeskEvent::DeviceChanged { kind, label });
                    self.note_device(kind, DeviceChange::Changed);
                }
            }
            DeviceNews::BackgroundOff => self.background_gone(),
            // The next news tells what took its place.
            DeviceNews::Lost { of, name } => tracing::info!("{of} lost: {name}"),
            DeviceNews::None { of } => {
                let Some((unit, kind)) = unit_of(of) else {
                    return;
                };
                self.local.using.insert(unit, String::new());
                self.list_devices(None);
                self.tell(DeskEvent::DeviceChanged { kind, label: None });
                self.note_device(kind, DeviceChange::Lost);
            }
            DeviceNews::Ended {
                of: DeviceUse::Screen,
                end,
            } => {
                if self.local.state.screen.on && end != End::Stopped {
                    self.stop_screen();
                    let reason = match end {
                        End::Revoked => ScreenEnd::System,
                        End::Failed => ScreenEnd::Failed,
                        _ => ScreenEnd::Closed,
                    };
                    self.tell(DeskEvent::ScreenEnded { reason });
                }
            }
            DeviceNews::Ended {
                of: DeviceUse::Camera,
                end,
            } => {
                if end != End::Stopped {
                    self.on_camera_lost();
                }
            }
            DeviceNews::Ended { .. } => {}
        }
    }

    /// For the record of how the call went; without one it goes nowhere.
    fn note_device(&self, kind: DeviceKind, change: DeviceChange) {
        let device = match kind {
            DeviceKind::Microphone => CallDevice::Microphone,
            DeviceKind::Camera => CallDevice::Camera,
            DeviceKind::Speaker => CallDevice::Speaker,
        };
        self.call.tell_client(Command::Device { device, change });
    }

    /// Another noise suppressor works on the microphone, or the wanted one can't.
    pub(crate) fn on_noise(&mut self, state: NoiseState) {
        self.local.state.noise = noise(state);
        self.touch();
    }

    /// The camera went away: the next one takes its place where there is one.
    fn on_camera_lost(&mut self) {
        self.local.open.remove(&Unit::Camera);
        self.local.state.camera.device = None;
        self.list_devices(None);
        let kind = DeviceKind::Camera;
        self.tell(DeskEvent::DeviceChanged { kind, label: None });
        if self.local.state.camera.on {
            self.put(Unit::Camera, true, true, None);
            self.order(Unit::Camera, None);
        } else {
            self.close_unit(Unit::Camera);
        }
    }

    /// The system's devices, listed anew.
    pub(crate) fn on_devices(&mut self, devices: Vec<DeskDevice>) {
        if self.local.state.devices != devices {
            self.local.state.devices = devices;
            self.touch();
        }
    }
}

fn noise(state: NoiseState) -> LocalNoise {
    LocalNoise {
        engine: match state.engine {
            NoiseEngine::Off => NoiseSuppression::Off,
            NoiseEngine::Standard => NoiseSuppression::Standard,
            NoiseEngine::Strong => NoiseSuppression::Strong,
        },
        problem: state.fault.map(|fault| match fault {
            NoiseFault::WeightsMissing => NoiseProblem::WeightsMissing,
            NoiseFault::WeightsBad => NoiseProblem::WeightsBad,
            NoiseFault::TooSlow => NoiseProblem::TooSlow,
        }),
    }
}

fn unit_of(of: DeviceUse) -> Option<(Unit, DeviceKind)> {
    match of {
        DeviceUse::Microphone => Some((Unit::Microphone, DeviceKind::Microphone)),
        DeviceUse::Speaker => Some((Unit::Speaker, DeviceKind::Speaker)),
        DeviceUse::Camera => Some((Unit::Camera, DeviceKind::Camera)),
        DeviceUse::Screen => None,
    }
}
