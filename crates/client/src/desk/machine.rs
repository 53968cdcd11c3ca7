//! The desk's thread: takes commands, news of devices and of the call one after the other, and tells the pages what changed.

use super::devices::{Done, Openers};
use super::face::{
    DeskCode, DeskCommand, DeskEvent, DeskPush, DeskReply, NoiseSuppression, Processing,
};
use super::handle::{Answer, Listener, Order};
use super::local::Local;
use super::meeting::Call;
use super::options::DeskOptions;
use super::rehearsal::Rehearsal;
use super::sounds::Sounds;
use super::state::{DeskDevice, DeskState};
use super::translate;
use super::{api, devices, screens};
use crate::board::{BoardLine, LineNews};
use crate::diagnose::Diagnostics;
use crate::{Event, StartError, Studio};
use confab_pipeline::{Background, DeviceNews, MediaOptions, NoiseState, VoiceConfig};
use confab_protocol::Code;
use crossbeam_channel::{Receiver, Sender, after, bounded, never, select};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// State goes out at most this often: twenty times a second.
const PUSH_INTERVAL: Duration = Duration::from_millis(50);
/// Levels, while somebody looks.
const LEVEL_INTERVAL: Duration = Duration::from_millis(50);
/// A page that does not ask again for levels does not look any more.
const LEVELS_WATCHED: Duration = Duration::from_secs(2);
/// How often the system is asked for its devices, so that lists follow what is plugged in.
const LIST_INTERVAL: Duration = Duration::from_secs(3);
/// News of devices, and results of helpers; each is one of a handful a second at most. When full, news is dropped.
const QUEUE: usize = 64;

/// What a helper thread found out.
pub(crate) enum Found {
    Devices(Vec<DeskDevice>, Option<Answer>),
    /// For whoever asked.
    Reply(DeskReply, Answer),
}

/// A channel of the machine to itself.
pub(crate) type Way<T> = (Sender<T>, Receiver<T>);

pub(crate) struct Machine {
    pub(crate) options: DeskOptions,
    pub(crate) local: Local,
    pub(crate) call: Call,
    pub(crate) openers: Openers,
    pub(crate) studio: Option<Studio>,
    pub(crate) sounds: Arc<Sounds>,
    pub(crate) rehearsal: Rehearsal,
    pub(crate) processing: Processing,
    pub(crate) background: Background,
    /// For the support window, once it was wanted.
    pub(crate) door: Option<Diagnostics>,
    /// Whiteboards that pages have open, by the pages' numbers.
    pub(crate) boards: BTreeMap<u32, BoardLine>,
    /// When full, the lines' threads wait.
    pub(crate) board_news: Way<(u32, LineNews)>,
    listeners: Vec<Listener>,
    /// Client's state changed.
    pub(crate) changed: Way<()>,
    done: Receiver<Done>,
    news: Way<DeviceNews>,
    noise: Way<NoiseState>,
    found: Way<Found>,
    /// What pages know.
    told: DeskState,
    told_at: Option<Instant>,
    /// The state may differ from what pages know.
    stale: bool,
    levels_until: Option<Instant>,
    levels_at: Instant,
    listed_at: Option<Instant>,
    listing: bool,
}

impl Machine {
    pub(crate) fn new(options: DeskOptions) -> Result<Machine, StartError> {
        let (done_in, done) = bounded(QUEUE);
        let local = Local::new(&options);
        Ok(Machine {
            processing: options.processing,
            background: Background::None,
            call: Call::new(options.saving),
            openers: Openers::start(&done_in, options.test_devices.as_ref())?,
            studio: None,
            sounds: Arc::default(),
            rehearsal: Rehearsal::default(),
            door: None,
            boards: BTreeMap::new(),
            board_news: bounded(QUEUE),
            listeners: Vec::new(),
            changed: bounded(1),
            done,
            news: bounded(QUEUE),
            noise: bounded(QUEUE),
            found: bounded(QUEUE),
            // The first number is one, so that a page can take zero for "nothing yet".
            told: DeskState {
                seq: 1,
                ..translate::desk_state(
                    &crate::SessionState::default(),
                    &translate::CallFacts::default(),
                    &local.state,
                )
            },
            told_at: None,
            stale: false,
            levels_until: None,
            levels_at: Instant::now(),
            listed_at: None,
            listing: false,
            local,
            options,
        })
    }

    /// Runs until the last handle is gone.
    pub(crate) fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let events = self.call.events();
            let timer = self.next_wakeup().map_or_else(never, |at| {
                after(at.saturating_duration_since(Instant::now()))
            });
            select! {
                recv(orders) -> order => match order {
                    Ok(Order::Command(command, answer)) => self.on_command(command, answer),
                    Ok(Order::Listen(listener)) => self.listeners.push(listener),
                    Ok(Order::LetIn(options, tell)) => drop(tell.send(self.let_visitors_in(options))),
                    Err(_) => break,
                },
                recv(self.changed.1) -> _ => self.on_call_changed(),
                recv(events) -> event => match event {
                    Ok(event) => self.on_event(event),
                    Err(_) => self.on_event(Event::Ended(None)),
                },
                recv(self.done) -> done => if let Ok(done) = done { self.on_done(done) },
                recv(self.news.1) -> news => if let Ok(news) = news { self.on_device_news(news) },
                recv(self.noise.1) -> noise => if let Ok(noise) = noise { self.on_noise(noise) },
                recv(self.board_news.1) -> news => if let Ok((line, news)) = news { self.on_board_news(line, news) },
                recv(self.found.1) -> found => if let Ok(found) = found { self.on_found(found) },
                recv(timer) -> _ => {}
            }
            self.on_time(Instant::now());
        }
        self.call.close();
        // A helper may hold on to the studio for as long as a system's dialog stands open.
        if let Some(studio) = self.studio.take() {
            studio.pipeline().close();
        }
    }

    fn next_wakeup(&self) -> Option<Instant> {
        let push = self.told_at.filter(|_| self.stale);
        let levels = self.levels_until.map(|_| self.levels_at + LEVEL_INTERVAL);
        let list = self.listed_at.map(|at| at + LIST_INTERVAL);
        [
            push.map(|at| at + PUSH_INTERVAL),
            levels,
            list.filter(|_| !self.listing),
            self.call.wakeup(),
            self.rehearsal.wakeup(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn on_time(&mut self, now: Instant) {
        self.call.check_patience(now);
        self.check_mutes(now);
        self.rehearse(now);
        if self.listed_at.is_some_and(|at| now >= at + LIST_INTERVAL) && !self.listing {
            self.list_devices(None);
        }
        if self.levels_until.is_some_and(|until| now >= until) {
            self.levels_until = None;
        }
        if self.levels_until.is_some() && now >= self.levels_at + LEVEL_INTERVAL {
            self.levels_at = now;
            let (microphone, speaker) = (self.sounds.microphone.read(), self.sounds.speaker.read());
            self.tell(DeskEvent::Levels {
                microphone: match self.local.state.microphone.on || self.rehearsal.records() {
                    true => microphone,
                    false => 0.0,
                },
                speaker,
            });
        }
        let rested = self.told_at.is_none_or(|at| now >= at + PUSH_INTERVAL);
        if self.stale && rested {
            self.stale = false;
            if self.tell_state() {
                self.told_at = Some(now);
            }
        }
    }

    /// What pages see may have changed.
    pub(crate) fn touch(&mut self) {
        self.stale = true;
    }

    /// Tells what changed; whether anything did.
    fn tell_state(&mut self) -> bool {
        let (session, facts) = (&self.call.session, &self.call.facts);
        let mut state = translate::desk_state(session, facts, &self.local.state);
        state.seq = self.told.seq;
        let Some(patch) = translate::patch(&self.told, &state) else {
            return false;
        };
        state.seq = patch.seq;
        self.told = state;
        self.push(&DeskPush::State(patch));
        true
    }

    /// As [`Machine::touch`], but before anything else is told.
    pub(crate) fn tell_now(&mut self) {
        self.stale = false;
        if self.tell_state() {
            self.told_at = Some(Instant::now());
        }
    }

    pub(crate) fn tell(&mut self, event: DeskEvent) {
        // What happened is in the state that comes before it.
        if !matches!(
            event,
            DeskEvent::Levels { .. }
                | DeskEvent::BoardOpened { .. }
                | DeskEvent::BoardFrame { .. }
                | DeskEvent::BoardClosed { .. }
        ) {
            self.tell_state();
        }
        self.push(&DeskPush::Event(event));
    }

    fn push(&mut self, push: &DeskPush) {
        for listener in &mut self.listeners {
            listener(push);
        }
    }

    fn on_command(&mut self, command: DeskCommand, answer: Answer) {
        match command {
            DeskCommand::Attach => {
                // A page that begins holds no key; the one before may have died with it held.
                self.stop_talking();
                self.tell_state();
                self.list_devices_once();
                answer(DeskReply::Attached {
                    state: Box::new(self.told.clone()),
                    bus: self.options.pictures.address.as_ref().map(|f| f()),
                });
            }
            DeskCommand::MeetingInfo => {
                let (link, trust) = (self.options.link.clone(), self.options.trust.clone());
                self.help(answer, move || match api::meeting_info(&link, &trust) {
                    Ok(info) => DeskReply::Meeting { info },
                    Err(code) => DeskReply::Failed { code },
                });
            }
            DeskCommand::MeetingReport => {
                let (link, trust) = (self.options.link.clone(), self.options.trust.clone());
                let seat = self.call.client().and_then(|client| client.seat());
                self.help(answer, move || {
                    match api::meeting_report(&link, &trust, seat.as_ref()) {
                        Ok(csv) => DeskReply::Report { csv },
                        Err(code) => DeskReply::Failed { code },
                    }
                });
            }
            DeskCommand::LinkStats => answer(DeskReply::Link {
                stats: translate::link_stats(&self.call.lines),
            }),
            DeskCommand::StreamStats => answer(DeskReply::Streams {
                streams: translate::stream_stats(&self.call.lines),
            }),
            DeskCommand::ScreenSources => {
                let tests = self.options.test_devices.clone();
                self.help(answer, move || DeskReply::Screens {
                    sources: screens::list(tests.as_ref()),
                });
            }
            DeskCommand::RefreshDevices => self.list_devices(Some(answer)),
            DeskCommand::WatchLevels => {
                self.levels_until = Some(Instant::now() + LEVELS_WATCHED);
                answer(DeskReply::Done);
            }
            DeskCommand::BoardOpen { .. }
            | DeskCommand::BoardSay { .. }
            | DeskCommand::BoardClose { .. } => {
                let reply = self.on_board_command(command);
                answer(reply);
            }
            DeskCommand::BoardHistory { board, after } => {
                self.board_history(board, after, answer);
            }
            DeskCommand::DrawOver { keep, strokes } => {
                let reply = self.draw_over(keep, &strokes);
                answer(reply);
            }
            DeskCommand::RecordTest { seconds } => self.record_test(seconds, answer),
            DeskCommand::PlayTest => self.play_test(answer),
            DeskCommand::TestSpeaker => self.test_speaker(answer),
            DeskCommand::SetMicrophone { .. }
            | DeskCommand::SetCamera { .. }
            | DeskCommand::Talk { .. }
            | DeskCommand::StartScreen { .. }
            | DeskCommand::StopScreen
            | DeskCommand::PauseScreen { .. }
            | DeskCommand::SetScreenMode { .. }
            | DeskCommand::ChooseDevice { .. }
            | DeskCommand::SetProcessing { .. }
            | DeskCommand::SetBackground { .. } => self.on_local_command(command, answer),
            DeskCommand::Join { .. }
            | DeskCommand::Leave
            | DeskCommand::Show { .. }
            | DeskCommand::SetDataSaver { .. }
            | DeskCommand::Chat { .. }
            | DeskCommand::Ask { .. }
            | DeskCommand::Hand { .. }
            | DeskCommand::React { .. }
            | DeskCommand::Rename { .. }
            | DeskCommand::SameRoom { .. }
            | DeskCommand::Host { .. } => {
                self.on_call_command(command);
                answer(DeskReply::Done);
            }
        }
    }

    fn on_found(&mut self, found: Found) {
        match found {
            Found::Reply(reply, answer) => answer(reply),
            Found::Devices(devices, answer) => {
                self.listing = false;
                self.listed_at = Some(Instant::now());
                self.on_devices(devices);
                if let Some(answer) = answer {
                    // Whoever waited for the list finds it in the state.
                    self.tell_now();
                    answer(DeskReply::Done);
                }
            }
        }
    }

    /// Does on a thread of its own what takes time, and answers then.
    pub(crate) fn help(&self, answer: Answer, work: impl FnOnce() -> DeskReply + Send + 'static) {
        let found = self.found.0.clone();
        let run = move |answer| drop(found.send(Found::Reply(work(), answer)));
        if let Some(answer) = spawn_with("desk-help", answer, run) {
            answer(NO_THREAD);
        }
    }

    fn list_devices_once(&mut self) {
        if self.listed_at.is_none() && !self.listing {
            self.list_devices(None);
        }
    }

    /// Asks the system for its devices; the answer comes to [`Machine::on_devices`].
    pub(crate) fn list_devices(&mut self, answer: Option<Answer>) {
        self.listing = true;
        let (found, tests) = (self.found.0.clone(), self.options.test_devices.clone());
        let run = move |answer| {
            let devices = devices::list(tests.as_ref());
            drop(found.send(Found::Devices(devices, answer)));
        };
        if let Some(answer) = spawn_with("desk-list", answer, run) {
            self.listing = false;
            if let Some(answer) = answer {
                answer(NO_THREAD);
            }
        }
    }

    /// The devices and media threads; made when first needed.
    pub(crate) fn studio(&mut self) -> Result<&Studio, StartError> {
        if self.studio.is_none() {
            let [hear, spoken, play] = self.sounds.watches();
            let (news, noise) = (self.news.0.clone(), self.noise.0.clone());
            self.studio = Some(Studio::open(&MediaOptions {
                voice: self.voice(),
                noise_weights: self.options.noise_weights.clone(),
                on_noise: Some(Arc::new(move |state| {
                    let _ = noise.try_send(state);
                })),
                on_microphone: Some(hear),
                on_spoken: Some(spoken),
                on_speaker: Some(play),
                on_picture: self.options.pictures.own.clone(),
                guard_load: true,
                on_device: Some(Arc::new(move |what| {
                    let _ = news.try_send(what);
                })),
                ..MediaOptions::default()
            })?);
            if let Some(studio) = &self.studio {
                studio.pipeline().set_background(self.background.clone());
            }
            self.show_visitors();
        }
        self.studio
            .as_ref()
            .ok_or(StartError::Thread(io::Error::other("no studio")))
    }

    /// The chain the user wants, for real microphones.
    pub(crate) fn voice(&self) -> VoiceConfig {
        let Processing {
            echo_cancellation,
            noise_suppression,
            gain_control,
            original_sound,
        } = self.processing;
        if original_sound {
            return VoiceConfig::ORIGINAL;
        }
        let noise = noise_suppression != NoiseSuppression::Off;
        if !echo_cancellation && !noise && !gain_control {
            return VoiceConfig::BYPASS;
        }
        let all = VoiceConfig::default();
        VoiceConfig {
            echo_cancel: echo_cancellation,
            noise_suppress: all.noise_suppress.filter(|_| noise),
            learned: noise_suppression == NoiseSuppression::Strong,
            gain_control,
            ..all
        }
    }

    /// Closes all devices; what takes its time happens elsewhere.
    pub(crate) fn close_studio(&mut self) {
        self.sounds.silence();
        if let Some(studio) = self.studio.take() {
            let left = spawn_with("desk-close", studio, |studio| studio.pipeline().close());
            // Then here, however long it takes: nothing stays open.
            if let Some(studio) = left {
                studio.pipeline().close();
            }
        }
    }
}

/// What is asked for cannot be done for want of a thread.
const NO_THREAD: DeskReply = DeskReply::Failed {
    code: DeskCode::Code(Code::Internal),
};

/// Runs on a thread of its own with what it is given; gives that back where there is no thread.
fn spawn_with<T: Send + 'static>(
    name: &str,
    given: T,
    run: impl FnOnce(T) + Send + 'static,
) -> Option<T> {
    let (hand, taken) = bounded(1);
    let builder = std::thread::Builder::new().name(name.to_owned());
    let started = builder.spawn(move || {
        if let Ok(given) = taken.recv() {
            run(given);
        }
    });
    match started {
        // There is room for one.
        Ok(_) => hand.send(given).err().map(|unsent| unsent.0),
        Err(error) => {
            tracing::error!("no thread {name}: {error}");
            Some(given)
        }
    }
}
