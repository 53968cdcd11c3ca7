//! The client's loop: carries inputs to the session machine and its outputs to the socket and the media side.

use crate::face::{ClientOptions, Command, Event};
use crate::hearing::Hearing;
use crate::media::{MediaNews, MediaSide, Snapshot as Counted};
use crate::minutes::{Minutes, Second};
use crate::socket::{Door, Socket, SocketEvent, SocketNews};
use crate::stats::{Reporter, StatsLine};
use confab_base::{Code, Source};
use confab_pipeline::{Pipeline, clock};
use confab_protocol::parse_server;
use confab_session::{
    Action, Input, JoinOptions, MediaPhase, Output, Phase, SavedSeat, Session, SessionState,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What the handle sees of the running client.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<SessionState>,
    /// Of the newest welcome.
    seat: Mutex<Option<SavedSeat>>,
    pub(crate) pipeline: Weak<Pipeline>,
    /// Somebody looks at `counted`, which is kept only then.
    watched: AtomicBool,
    counted: Mutex<Counted>,
}

impl Shared {
    pub(crate) fn of(pipeline: &Arc<Pipeline>) -> Shared {
        Shared {
            pipeline: Arc::downgrade(pipeline),
            ..Shared::default()
        }
    }

    pub(crate) fn state(&self) -> SessionState {
        let state = self.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn seat(&self) -> Option<SavedSeat> {
        let seat = self.seat.lock();
        seat.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_watched(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
    }

    /// As of the last news of the peer connection while somebody watches.
    pub(crate) fn counted(&self) -> Counted {
        let counted = self.counted.lock();
        counted.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, media: &MediaSide) {
        if self.watched.load(Ordering::Relaxed) {
            let counted = media.snapshot();
            *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = counted;
        }
    }
}

pub(crate) struct Actor {
    pub(crate) session: Session,
    pub(crate) door: Door,
    pub(crate) media: MediaSide,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: crossbeam_channel::Sender<Event>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) media_news: mpsc::Receiver<MediaNews>,
    on_change: Option<Arc<dyn Fn() + Send + Sync>>,
    /// The devices stay open after the end.
    lent: bool,
    /// Sources to unmute once we are in.
    pub(crate) unmute: Vec<Source>,
    socket: Option<Socket>,
    /// The socket closed last, until what was queued on it is written.
    closing: Option<tokio::task::JoinHandle<()>>,
    socket_number: u64,
    news: (mpsc::Sender<SocketNews>, mpsc::Receiver<SocketNews>),
    reporter: Reporter,
    hearing: Hearing,
    minutes: Minutes,
    told: (Phase, MediaPhase, u32),
    ended: Option<Option<Code>>,
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Actor({:?})", self.session.state().phase)
    }
}

/// What the actor is made of besides its options.
pub(crate) struct Parts {
    pub(crate) door: Door,
    pub(crate) media: MediaSide,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: crossbeam_channel::Sender<Event>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) media_news: mpsc::Receiver<MediaNews>,
    pub(crate) lent: bool,
}

impl Actor {
    pub(crate) fn new(options: &ClientOptions, parts: Parts) -> Actor {
        let join = JoinOptions {
            meeting: options.link.meeting.clone(),
            name: options.name.clone(),
            client: options.kind,
            agent: options.agent.clone(),
            host_key: options.link.host_key.clone(),
            passcode: None,
            decodes: options.decodes.clone(),
            seat: None,
            jitter: rand::random_range(0..=1000),
        };
        let unmute = if options.unmuted {
            parts.media.sources()
        } else {
            Vec::new()
        };
        Actor {
            session: Session::new(join),
            door: parts.door,
            media: parts.media,
            shared: parts.shared,
            events: parts.events,
            commands: parts.commands,
            media_news: parts.media_news,
            on_change: options.on_change.clone(),
            lent: parts.lent,
            unmute,
            socket: None,
            closing: None,
            socket_number: 0,
            news: mpsc::channel(256),
            reporter: Reporter::default(),
            hearing: Hearing::default(),
            minutes: Minutes::default(),
            told: (Phase::Idle, MediaPhase::None, 0),
            ended: None,
        }
    }

    /// Runs until the session ends.
    pub(crate) async fn run(mut self) {
        self.feed(Input::Start);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        while self.ended.is_none() {
            let wakeup = self.session.next_wakeup().map(clock::instant);
            tokio::select! {
                command = self.commands.recv() => self.on_command(command),
                Some(news) = self.news.1.recv() => self.on_socket(news),
                Some(news) = self.media_news.recv() => self.on_media(news),
                () = sleep_until(wakeup) => self.feed(Input::Timeout),
                _ = second.tick() => self.on_second(),
            }
        }
        // The last word, a leave, goes out before the media side takes its time.
        if let Some(socket) = self.socket.take() {
            socket.finish().await;
        }
        if let Some(closing) = self.closing.take() {
            let _ = closing.await;
        }
        self.media.close(self.lent);
        let code = self.ended.flatten();
        // The end must arrive: wait for room, but not for a reader that is gone.
        let _ = self
            .events
            .send_timeout(Event::Ended(code), Duration::from_secs(1));
    }

    fn feed(&mut self, input: Input) {
        self.session.handle(input, clock::now());
        while let Some(output) = self.session.poll_output() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::OpenSocket => {
                self.socket_number += 1;
                let news = self.news.0.clone();
                self.socket = Some(Socket::open(&self.door, self.socket_number, news));
            }
            Output::CloseSocket => {
                if let Some(socket) = self.socket.take() {
                    self.closing = Some(tokio::spawn(socket.finish()));
                }
            }
            Output::Send { message } => {
                let text = serde_json::to_string(&message);
                if let (Some(socket), Ok(text)) = (&self.socket, text)
                    && !socket.send(text)
                {
                    // 256 messages behind: the pings that go unanswered will end this connection.
                    tracing::warn!("signaling socket takes no more messages");
                }
            }
            Output::NewPeer { generation } => {
                let tracks = self.media.tracks(self.session.state());
                self.media.new_peer(generation, &tracks);
            }
            Output::Answer { sdp, .. } => self.media.accept(sdp),
            Output::Changed => self.on_changed(),
            Output::Event { event } => self.tell(Event::Room(event)),
            Output::Notice { notice } => self.tell(Event::Notice(notice)),
            Output::Ended { code } => {
                self.publish();
                self.ended = Some(code);
            }
        }
    }

    fn on_command(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Act(action)) => self.feed(Input::Act { action }),
            Some(Command::Chat(text)) => {
                let client_id = confab_base::id::encode(rand::random());
                let action = Action::Chat {
                    text,
                    client_id,
                    to: None,
                    files: Vec::new(),
                };
                self.feed(Input::Act { action });
            }
            Some(Command::MaxHeight(height)) => {
                self.media.set_max_height(height);
                self.update_media();
            }
            Some(Command::Show(shown)) => {
                self.media.show(shown);
                self.update_media();
            }
            Some(Command::SourcesChanged) => {
                self.media.refresh_sources(&self.session.state().silent());
                self.update_media();
            }
            Some(Command::Save(saving)) => {
                self.media.save(saving);
                self.update_media();
            }
            Some(Command::Device { device, change }) => {
                self.minutes.note(device, change, clock::now());
            }
            // The handle is gone, and with it whoever wanted to be in the meeting.
            None => self.feed(Input::Act {
                action: Action::Leave,
            }),
        }
    }

    fn on_socket(&mut self, news: SocketNews) {
        if self.socket.as_ref().map(|s| s.number) != Some(news.number) {
            return;
        }
        match news.what {
            SocketEvent::Opened => self.feed(Input::SocketOpened),
            SocketEvent::Text(text) => match parse_server(&text) {
                Ok(message) => self.feed(Input::Received {
                    message: Box::new(message),
                }),
                Err(error) if error.code == Code::UnknownMessage => {
                    tracing::debug!("skipping a message from a newer server: {error}");
                }
                Err(error) => tracing::warn!("{error}"),
            },
            SocketEvent::Closed(why) => {
                tracing::info!("signaling socket: {why}");
                self.socket = None;
                self.feed(Input::SocketClosed);
            }
        }
    }

    fn on_media(&mut self, news: MediaNews) {
        match self.media.handle(news) {
            Some(input) => {
                self.feed(input);
                self.update_media();
            }
            None => self.update_media(),
        }
        self.shared.note(&self.media);
    }

    fn on_changed(&mut self) {
        self.publish();
        let state = self.session.state();
        if state.phase == Phase::Joined && !self.unmute.is_empty() {
            for source in std::mem::take(&mut self.unmute) {
                if self.session.state().own.muted.contains(&source) {
                    let action = Action::Mute {
                        source,
                        muted: false,
                    };
                    self.session.handle(Input::Act { action }, clock::now());
                }
            }
        }
        let state = self.session.state();
        self.media.set_muted(&state.silent());
        self.media.set_deaf(state.live_instead().is_some());
        self.media.choose_codec(state);
        self.media.set_wanted(state);
        self.update_media();
    }

    /// Moves the slots to the tracks that are wanted now, and asks for more slots where they are short.
    fn update_media(&mut self) {
        let tracks = self.media.tracks(self.session.state());
        if let Some((slots, max_bitrate)) = self.media.update(&tracks) {
            // The session sends it when it may; what comes out of it is polled by whoever called us.
            let view = Input::View { slots, max_bitrate };
            self.session.handle(view, clock::now());
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Changed => self.publish(),
                    output => self.carry_out(output),
                }
            }
        }
    }

    /// Makes the state visible to the handle and tells what changed in it.
    fn publish(&mut self) {
        let state = self.session.state();
        let now = (state.phase.clone(), state.media, state.generation);
        let state = state.clone();
        self.reporter.note(&state);
        if let Ok(mut seat) = self.shared.seat.lock() {
            *seat = self.session.seat().cloned();
        }
        if let Ok(mut shared) = self.shared.state.lock() {
            *shared = state;
        }
        if let Some(on_change) = &self.on_change {
            on_change();
        }
        let told = std::mem::replace(&mut self.told, now.clone());
        if told.0 != now.0 {
            self.tell(Event::Phase(now.0));
        }
        if (told.1, told.2) != (now.1, now.2) {
            let (phase, generation) = (now.1, now.2);
            self.tell(Event::Media { phase, generation });
        }
    }

    fn on_second(&mut self) {
        let joined = self.session.state().phase == Phase::Joined;
        if let Some(input) = self.media.check(joined) {
            self.feed(input);
        }
        self.media.adapt();
        self.media.choose_codec(self.session.state());
        self.shared.note(&self.media);
        let counted = self.media.snapshot();
        let state = self.session.state();
        if state.room.is_some() {
            let listening = self.hearing.look(&counted, state, clock::now());
            self.feed(Input::Listening { listening });
        }
        let lines = self.reporter.report(&counted, clock::now());
        self.tell_minute(&lines, counted.is_short);
        if !lines.is_empty() {
            self.tell(Event::Stats(lines));
        }
    }

    /// Once a minute, how it went.
    fn tell_minute(&mut self, lines: &[StatsLine], is_short: bool) {
        // Looked at every second: what it tells is of the time since the last look.
        let busy = self.minutes.busy();
        let state = self.session.state();
        if state.room.is_none() {
            return;
        }
        let second = Second {
            lines,
            is_short,
            busy,
        };
        if let Some(report) = self.minutes.look(second, state, clock::now()) {
            self.feed(Input::Quality { report });
        }
    }

    /// Bounded: a reader that is more than a thousand events behind misses the newest ones.
    fn tell(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("nobody reads the client's events");
        }
    }
}

async fn sleep_until(when: Option<std::time::Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(Instant::from_std(when)).await,
        None => std::future::pending().await,
    }
}
