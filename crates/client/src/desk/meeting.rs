//! The desk's time in a meeting: joining, following the client, and agreeing with the server on what is muted.

use super::devices::Unit;
use super::face::{DataSaving, DeskCommand, DeskEvent};
use super::machine::Machine;
use super::translate::{self, CallFacts};
use crate::{
    Action, Client, ClientHandle, ClientOptions, Command, Event, Notice, Phase, SessionState,
    StatsLine,
};
use confab_base::{ParticipantId, Source};
use confab_pipeline::clock;
use confab_protocol::{ClientKind, Code, Event as RoomEvent};
use crossbeam_channel::{Receiver, never};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nobody waits longer than this for a first answer of the server.
const FIRST_JOIN: Duration = Duration::from_secs(20);
/// What is said here is in the session's state within this time, or it was not heard.
const AGREEMENT: Duration = Duration::from_secs(2);
/// No layer is taller: what is asked for is what is shown.
const MAX_HEIGHT: u16 = 4320;

/// One time in the meeting; the last one stays until the next.
pub(crate) struct Call {
    client: Option<ClientHandle>,
    pub(crate) session: SessionState,
    pub(crate) facts: CallFacts,
    /// The last second's statistics.
    pub(crate) lines: Vec<StatsLine>,
    /// When the server must have answered.
    patience: Option<Instant>,
    /// As whom the server was last told the own mutes.
    told_as: Option<ParticipantId>,
    /// The last word about the mute of a source, in this seat.
    said: BTreeMap<Source, bool>,
    /// Since when the session has a source muted that goes out here.
    disagreed: Option<Instant>,
    /// What each page shows; also before and after a meeting.
    shown: BTreeMap<String, Vec<super::face::ShownVideo>>,
    saving: DataSaving,
}

impl Call {
    pub(crate) fn new(saving: DataSaving) -> Call {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let wall = wall.unwrap_or_default().as_millis() as u64;
        Call {
            client: None,
            session: SessionState::default(),
            facts: CallFacts {
                wall_offset_ms: wall.saturating_sub(clock::now().as_millis()),
                ..CallFacts::default()
            },
            lines: Vec::new(),
            patience: None,
            told_as: None,
            said: BTreeMap::new(),
            disagreed: None,
            shown: BTreeMap::new(),
            saving,
        }
    }

    /// What the client tells; never anything without one.
    pub(crate) fn events(&self) -> Receiver<Event> {
        let client = self.client.as_ref();
        client.map_or_else(never, |client| client.events.clone())
    }

    pub(crate) fn client(&self) -> Option<&ClientHandle> {
        self.client.as_ref()
    }

    /// Joining, or in.
    pub(crate) fn is_on(&self) -> bool {
        self.client.is_some() && !matches!(self.session.phase, Phase::Ended { .. })
    }

    /// When [`Call::check_patience`] or [`Machine::check_mutes`] has something to do.
    pub(crate) fn wakeup(&self) -> Option<Instant> {
        let disagreed = self.disagreed.map(|since| since + AGREEMENT);
        self.patience.into_iter().chain(disagreed).min()
    }

    pub(crate) fn check_patience(&mut self, now: Instant) {
        if self.patience.is_some_and(|until| now >= until) {
            self.patience = None;
            self.facts.unreachable = true;
            self.act(Action::Leave);
        }
    }

    pub(crate) fn tell_client(&self, command: Command) {
        if let Some(client) = &self.client
            && !client.send(command)
        {
            tracing::warn!("the client took no command");
        }
    }

    fn act(&self, action: Action) {
        self.tell_client(Command::Act(action));
    }

    /// Leaves and waits for it.
    pub(crate) fn close(&mut self) {
        self.client = None;
    }
}

impl Machine {
    pub(crate) fn on_call_command(&mut self, command: DeskCommand) {
        let action = match command {
            DeskCommand::Join { name, host_key } => return self.join(name, host_key),
            DeskCommand::Leave => Action::Leave,
            DeskCommand::Show { page, videos } => {
                match videos.is_empty() {
                    true => self.call.shown.remove(&page),
                    false => self.call.shown.insert(page, videos),
                };
                return self.show();
            }
            DeskCommand::SetDataSaver { saving } => {
                self.call.saving = saving;
                return self.call.tell_client(Command::Save(saving.into()));
            }
            DeskCommand::Chat { text, to } => Action::Chat {
                text,
                client_id: confab_base::id::encode(rand::random()),
                to,
                files: Vec::new(),
            },
            DeskCommand::Ask { request } => Action::Ask(request),
            DeskCommand::Hand { raised } => Action::Hand { raised },
            DeskCommand::React { reaction } => Action::Reaction { reaction },
            DeskCommand::Rename { name } => Action::Rename { name },
            DeskCommand::SameRoom { choice } => Action::SameRoom { choice },
            DeskCommand::Host { action } => translate::host_action(action),
            _ => return,
        };
        self.call.act(action);
    }

    fn show(&self) {
        let pages = self.call.shown.values().map(Vec::as_slice);
        let shown = translate::merge_shown(pages);
        self.call.tell_client(Command::Show(shown));
    }

    fn join(&mut self, name: String, host_key: Option<String>) {
        if self.call.is_on() {
            return;
        }
        let wake = self.changed.0.clone();
        let mut link = self.options.link.clone();
        link.host_key = host_key.or(link.host_key);
        let options = ClientOptions {
            kind: ClientKind::Desktop,
            trust: self.options.trust.clone(),
            session: self.options.session.clone(),
            sinks: (self.options.pictures.sinks)(),
            max_height: MAX_HEIGHT,
            saving: self.call.saving.into(),
            unmuted: false,
            agent: self.options.agent.clone(),
            on_change: Some(Arc::new(move || {
                let _ = wake.try_send(());
            })),
            test: self.options.test.clone(),
            ..ClientOptions::new(link, name)
        };
        let started = self
            .studio()
            .cloned()
            .and_then(|studio| Client::start_in(options, &studio));
        let call = &mut self.call;
        let offset = call.facts.wall_offset_ms;
        call.facts = CallFacts {
            wall_offset_ms: offset,
            ..CallFacts::default()
        };
        (call.told_as, call.session) = (None, SessionState::default());
        call.said.clear();
        call.disagreed = None;
        match started {
            Ok(client) => {
                call.patience = Some(Instant::now() + FIRST_JOIN);
                call.client = Some(client);
                self.show_visitors();
                self.show();
                self.order(Unit::Speaker, None);
                self.say_mute(Unit::Microphone);
                self.say_mute(Unit::Camera);
            }
            Err(error) => {
                tracing::error!("{error}");
                call.client = None;
                call.facts.unreachable = true;
                call.session.phase = Phase::Ended { code: None };
            }
        }
        self.touch();
    }

    /// Tells the session whether a source is muted, where that differs from what it knows.
    pub(crate) fn say_mute(&mut self, unit: Unit) {
        let source = match unit {
            Unit::Microphone => Source::Microphone,
            Unit::Camera => Source::Camera,
            Unit::Speaker | Unit::Screen => return,
        };
        let muted = !self.local.sends(source);
        let call = &mut self.call;
        let known = call.session.own.muted.contains(&source);
        // The session's state comes later than what was said last.
        let said = call.said.get(&source).copied().unwrap_or(known);
        if call.is_on() && (said, known) != (muted, muted) {
            call.said.insert(source, muted);
            call.act(Action::Mute { source, muted });
        }
    }

    /// The session's state is another one.
    pub(crate) fn on_call_changed(&mut self) {
        let Some(client) = &self.call.client else {
            return;
        };
        let session = client.state();
        let call = &mut self.call;
        if session.phase == Phase::Joined {
            call.facts.was_in = true;
        }
        // However long one waits for a host, the server did answer.
        if matches!(session.phase, Phase::Joined | Phase::Waiting) {
            call.patience = None;
        }
        let now = call.facts.wall_offset_ms + clock::now().as_millis();
        let written = &mut call.facts.written;
        written.retain(|id, _| session.outbox.iter().any(|m| m.client_id == *id));
        for message in &session.outbox {
            written.entry(message.client_id.clone()).or_insert(now);
        }
        call.session = session;
        if call.session.phase == Phase::Joined {
            self.agree_on_mutes();
        }
        self.touch();
    }

    /// A new seat starts muted, and hears what is on. In a seat one has, a mute that did not come from here and stays is the
    /// server's word (a host's, or a refusal): the device goes off, it does not argue. See [`Machine::check_mutes`].
    fn agree_on_mutes(&mut self) {
        let new_seat = self.call.session.you != self.call.told_as;
        self.call.told_as = self.call.session.you;
        if new_seat {
            self.call.said.clear();
            self.say_mute(Unit::Microphone);
            self.say_mute(Unit::Camera);
        }
        if self.disagreeing().is_empty() {
            self.call.disagreed = None;
        } else {
            self.call.disagreed.get_or_insert(Instant::now());
        }
    }

    fn disagreeing(&self) -> Vec<Unit> {
        let muted = &self.call.session.own.muted;
        let units = [
            (Unit::Microphone, Source::Microphone),
            (Unit::Camera, Source::Camera),
        ];
        let differs = |source: &Source| muted.contains(source) && self.local.sends(*source);
        let units = units.into_iter().filter(|(_, source)| differs(source));
        units.map(|(unit, _)| unit).collect()
    }

    /// Switches off what the server keeps muted.
    pub(crate) fn check_mutes(&mut self, now: Instant) {
        let due = |since: &Instant| now >= *since + AGREEMENT;
        if self.call.disagreed.take_if(|since| due(since)).is_some() {
            for unit in self.disagreeing() {
                self.switch_off(unit);
            }
        }
    }

    pub(crate) fn on_event(&mut self, event: Event) {
        match event {
            Event::Stats(lines) => self.call.lines = lines,
            Event::Room(room) => {
                if let RoomEvent::Reacted {
                    participant,
                    reaction,
                } = room.event
                {
                    self.on_call_changed();
                    self.tell(DeskEvent::Reaction {
                        participant,
                        reaction,
                    });
                }
            }
            Event::Notice(notice) => self.on_notice(notice),
            Event::Phase(_) | Event::Media { .. } => {}
            Event::Ended(code) => self.on_ended(code),
        }
    }

    fn on_notice(&mut self, notice: Notice) {
        match notice {
            // The room was left meanwhile, which is what was wanted.
            Notice::Failed {
                action: Action::SameRoom { .. },
                ..
            } => {}
            Notice::Failed { action, code } => {
                // The switch follows: what the server refused is off.
                if let Action::Mute {
                    source,
                    muted: false,
                } = action
                {
                    self.switch_source_off(source);
                }
                self.tell(DeskEvent::Refused { code });
            }
            Notice::NotConnected { .. } => {
                let code = Code::GoingAway;
                self.tell(DeskEvent::Refused { code });
            }
            // The session tries again by itself; only a description that cannot work is worth a word.
            Notice::OfferFailed { code: Code::BadSdp } => {
                let code = Code::BadSdp;
                self.tell(DeskEvent::Refused { code });
            }
            Notice::OfferFailed { .. } => {}
            Notice::MutedBy { by, source } => {
                self.switch_source_off(source);
                self.tell(DeskEvent::MutedByHost { source, by });
            }
            Notice::Reacted {
                participant,
                reaction,
            } => self.tell(DeskEvent::Reaction {
                participant,
                reaction,
            }),
            Notice::AskedToUnmute { by, source } => {
                self.tell(DeskEvent::AskedToUnmute { source, by });
            }
        }
    }

    fn switch_source_off(&mut self, source: Source) {
        match source {
            Source::Microphone => self.switch_off(Unit::Microphone),
            Source::Camera => self.switch_off(Unit::Camera),
            Source::Screen | Source::ScreenAudio => self.stop_screen(),
        }
    }

    fn on_ended(&mut self, code: Option<Code>) {
        self.on_call_changed();
        let call = &mut self.call;
        call.client = None;
        (call.patience, call.disagreed) = (None, None);
        call.lines.clear();
        // The link's key opens nothing: one may still come in as a guest.
        if code == Some(Code::BadSecret) && !call.facts.was_in {
            self.options.link.host_key = None;
        }
        if !matches!(call.session.phase, Phase::Ended { .. }) {
            call.session.phase = Phase::Ended { code };
        }
        self.local.reset();
        self.openers.frame(None);
        self.rehearsal.reset();
        self.close_studio();
        self.touch();
    }
}
