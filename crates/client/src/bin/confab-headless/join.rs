//! `confab-headless join`: options from arguments, then events until it is over.

use crate::args::{CameraArgs, JoinArgs, MicrophoneArgs, OutputArgs, PatternSize};
use crate::draw::Drawer;
use crate::lines::{Lines, event_json, picture_json, stamped};
use crate::outcome::Failure;
use confab_base::Bitrate;
use confab_client::diagnose::{DiagnoseOptions, Diagnostics};
use confab_client::pipeline::{
    CameraSpec, FrameInfo, I420, MediaOptions, MicrophoneSpec, NoSinks, RemoteTrack, ScreenSpec,
    SpeakerSpec, TapOptions, VideoSink, VideoSinks, VoiceConfig, Watch, Y4mSinks,
};
use confab_client::{
    Action, BoardNews, Client, ClientHandle, ClientOptions, Command, Drawing, Event, MeetingLink,
    Phase, Saving, Trust,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, at, bounded, never};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub fn run(args: &JoinArgs) -> Result<(), Failure> {
    let stats = args
        .output
        .stats_json
        .as_deref()
        .map(Lines::open)
        .transpose()?;
    let events = args
        .output
        .events_json
        .as_deref()
        .map(Lines::open)
        .transpose()?;
    let options = options(args)?;
    let (link, trust) = (options.link.clone(), options.trust.clone());
    let stop = on_interrupt()?;
    let client = Client::start(options)?;
    let _diagnostics = diagnose(args, &client)?;
    let mut visit = Visit {
        args,
        link,
        trust,
        client,
        drawer: None,
        stats,
        events,
        deadline: Instant::now() + args.server.join_timeout,
        joined: false,
        leaving: false,
    };
    let result = visit.follow(&stop);
    visit.drawer = None;
    // Waits until the files are written to their end.
    visit.client.leave();
    result
}

/// A socket for visitors, where it is wanted.
fn diagnose(args: &JoinArgs, client: &ClientHandle) -> Result<Option<Diagnostics>, Failure> {
    if !args.testing.diagnose {
        return Ok(None);
    }
    let program = concat!("confab-headless ", env!("CARGO_PKG_VERSION"));
    let diagnostics = Diagnostics::start(DiagnoseOptions {
        taps: args.testing.diagnose_taps.clone(),
        ..DiagnoseOptions::new(program)
    });
    let diagnostics = diagnostics.map_err(|e| Failure::File(format!("diagnostics: {e}")))?;
    diagnostics.watch(client);
    Ok(Some(diagnostics))
}

/// One stay in a meeting.
struct Visit<'a> {
    args: &'a JoinArgs,
    link: MeetingLink,
    trust: Trust,
    client: ClientHandle,
    /// With `--draw`, once joined.
    drawer: Option<Drawer>,
    stats: Option<Lines>,
    events: Option<Lines>,
    /// Until joined: when to give up. Then: when to leave, if ever.
    deadline: Instant,
    joined: bool,
    leaving: bool,
}

impl Visit<'_> {
    fn follow(&mut self, stop: &Receiver<()>) -> Result<(), Failure> {
        loop {
            let bounded_stay = !self.joined || self.leaving || self.args.meeting.stay.is_some();
            let wait = match bounded_stay {
                true => self.deadline.saturating_duration_since(Instant::now()),
                false => Duration::from_secs(3600),
            };
            let drawer = self.drawer.as_ref();
            let board = drawer.map_or_else(never, |d| d.board.news.clone());
            let pen = drawer.and_then(|d| d.next).map_or_else(never, at);
            let news = crossbeam_channel::select! {
                recv(board) -> news => {
                    self.on_board(news.ok());
                    continue;
                }
                recv(pen) -> _ => {
                    let every = self.args.meeting.draw_every;
                    self.drawer.iter_mut().for_each(|d| d.draw(every));
                    continue;
                }
                recv(self.client.events) -> event => event.map_err(|_| RecvTimeoutError::Disconnected),
                recv(stop) -> _ => {
                    self.leave();
                    continue;
                }
                default(wait) => Err(RecvTimeoutError::Timeout),
            };
            match news {
                Ok(Event::Ended(None)) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(event) => {
                    self.note(&event);
                    match event {
                        Event::Ended(Some(code)) => return Err(Failure::Server(code)),
                        Event::Phase(Phase::Joined) if !self.joined => self.on_joined()?,
                        _ => {}
                    }
                }
                Err(RecvTimeoutError::Timeout) if !bounded_stay => {}
                Err(RecvTimeoutError::Timeout) if !self.joined => {
                    return Err(Failure::Unreachable(self.args.server.join_timeout));
                }
                // The server did not take the leave in time; it will notice.
                Err(RecvTimeoutError::Timeout) if self.leaving => return Ok(()),
                Err(RecvTimeoutError::Timeout) => self.leave(),
            }
        }
    }

    fn on_joined(&mut self) -> Result<(), Failure> {
        self.joined = true;
        if let Some(stay) = self.args.meeting.stay {
            self.deadline = Instant::now() + stay;
        }
        for text in &self.args.meeting.chat {
            self.client.send(Command::Chat(text.clone()));
        }
        if self.args.meeting.raise_hand {
            self.client.act(Action::Hand { raised: true });
        }
        if let Some(most) = self.args.meeting.draw {
            let board = Drawing::open(&self.client, &self.link, &self.trust, "")?;
            self.drawer = Some(Drawer::new(board, most));
        }
        Ok(())
    }

    /// `None`: the board is over.
    fn on_board(&mut self, news: Option<BoardNews>) {
        let Some(news) = news else {
            self.drawer = None;
            return;
        };
        let line = self.drawer.as_mut().map(|drawer| drawer.note(&news));
        if let (Some(line), Some(events)) = (line, &mut self.events)
            && let Err(error) = events.write(&stamped(line))
        {
            tracing::error!("cannot write JSON lines: {error}");
        }
    }

    fn leave(&mut self) {
        if !self.leaving {
            self.leaving = true;
            self.deadline = Instant::now() + Duration::from_secs(2);
            self.client.act(Action::Leave);
        }
    }

    fn note(&mut self, event: &Event) {
        let result = match (event, &mut self.stats, &mut self.events) {
            (Event::Stats(all), Some(lines), _) => all.iter().try_for_each(|l| lines.write(l)),
            (other, _, Some(lines)) => event_json(other).map_or(Ok(()), |l| lines.write(&l)),
            _ => Ok(()),
        };
        if let Err(error) = result {
            tracing::error!("cannot write JSON lines: {error}");
        }
    }
}

/// A channel that speaks on the first Ctrl-C or termination signal; the second one ends the process.
fn on_interrupt() -> Result<Receiver<()>, Failure> {
    let (tell, told) = bounded(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Other(e.to_string()))?;
    let wait = move || {
        runtime.block_on(async {
            let _ = tokio::signal::ctrl_c().await;
            let _ = tell.send(());
            let _ = tokio::signal::ctrl_c().await;
            std::process::exit(130);
        });
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)
        .map_err(|e| Failure::Other(e.to_string()))?;
    Ok(told)
}

fn options(args: &JoinArgs) -> Result<ClientOptions, Failure> {
    let link = MeetingLink::parse(&args.link).map_err(|e| Failure::BadLink(e.to_string()))?;
    let mut options = ClientOptions::new(link, args.name.trim());
    options.trust = match (&args.server.ca, args.server.insecure) {
        (Some(path), _) => Trust::WithFile(path.clone()),
        (None, true) => Trust::InsecureLocal,
        (None, false) => Trust::PublicRoots,
    };
    options.media = media(args);
    options.sinks = sinks(&args.output)?;
    options.max_height = args.output.max_height;
    options.max_videos = usize::from(args.output.max_videos);
    let rate = |kbps: u32| Bitrate::kbps(u64::from(kbps));
    options.saving = Saving {
        small_camera: false,
        up: args.meeting.max_send.map(rate),
        down: args.meeting.max_receive.map(rate),
    };
    if !args.output.decodes.is_empty() {
        options.decodes.clone_from(&args.output.decodes);
    }
    options.unmuted = !args.meeting.muted;
    options
        .test
        .set_send_while_muted(args.testing.send_while_muted);
    Ok(options)
}

fn media(args: &JoinArgs) -> MediaOptions {
    let looped = args.meeting.looped;
    let speaker = match (&args.output.speaker_file, &args.output.speaker_device) {
        (Some(path), _) if args.output.speaker_stereo => {
            Some(SpeakerSpec::StereoFile(path.clone()))
        }
        (Some(path), _) => Some(SpeakerSpec::File(path.clone())),
        (None, Some(id)) if id == "default" => Some(SpeakerSpec::Default),
        (None, Some(id)) => Some(SpeakerSpec::Id(id.clone())),
        (None, None) => None,
    };
    let screen = match (&args.screen.screen, args.screen.screen_pattern) {
        (Some(id), _) => Some(ScreenSpec::from_id(id)),
        (None, true) => Some(ScreenSpec::Pattern),
        (None, false) => None,
    };
    let taps = args.testing.tap.clone().map(|dir| TapOptions {
        dir,
        stages: args.testing.tap_stages.clone(),
    });
    MediaOptions {
        microphone: microphone(&args.microphone, looped),
        speaker,
        camera: camera(&args.camera, looped),
        screen,
        voice: voice(args),
        noise_weights: args.noise.weights(),
        taps,
        ..MediaOptions::default()
    }
}

fn voice(args: &JoinArgs) -> VoiceConfig {
    if args.original_sound {
        return VoiceConfig::ORIGINAL;
    }
    if args.testing.raw_voice {
        return VoiceConfig::BYPASS;
    }
    args.noise.voice()
}

fn microphone(args: &MicrophoneArgs, looped: bool) -> Option<MicrophoneSpec> {
    if let Some(path) = args.mic_file.clone() {
        return Some(MicrophoneSpec::File { path, looped });
    }
    if let Some(hz) = args.mic_tone {
        return Some(MicrophoneSpec::Tone(hz));
    }
    args.mic_device.clone().map(|id| match id.as_str() {
        "default" => MicrophoneSpec::Default,
        _ => MicrophoneSpec::Id(id),
    })
}

fn camera(args: &CameraArgs, looped: bool) -> Option<CameraSpec> {
    if let Some(path) = args.camera_file.clone() {
        return Some(CameraSpec::File {
            path,
            looped,
            clock: args.camera_clock,
        });
    }
    if let Some(PatternSize { width, height, fps }) = args.camera_pattern {
        return Some(CameraSpec::Pattern {
            width,
            height,
            fps,
            id: args.camera_id,
        });
    }
    args.camera_device.clone().map(CameraSpec::Device)
}

fn sinks(args: &OutputArgs) -> Result<Box<dyn VideoSinks>, Failure> {
    let times = args.video_times.as_deref().map(times).transpose()?;
    let files = args
        .video_out
        .as_ref()
        .map(|dir| Y4mSinks::new(dir, usize::from(args.max_height)));
    Ok(match (times, files) {
        (Some(times), Some(files)) => Box::new(TimedFiles { times, files }),
        (Some(times), None) => times,
        (None, Some(files)) => Box::new(files),
        (None, None) => Box::new(NoSinks),
    })
}

/// A line for every picture.
fn times(path: &Path) -> Result<Box<dyn VideoSinks>, Failure> {
    let lines = Mutex::new(Lines::open(path)?);
    let write = move |picture: &Arc<I420>, info: &FrameInfo| {
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk costs lines, not the meeting.
        let _ = lines.write(&picture_json(picture, info));
    };
    Ok(Box::new(Watch::new(write)))
}

/// Both the times and the pictures.
struct TimedFiles {
    times: Box<dyn VideoSinks>,
    files: Y4mSinks,
}

impl VideoSinks for TimedFiles {
    fn open(&mut self, track: RemoteTrack) -> Box<dyn VideoSink> {
        Box::new(TimedFile(self.times.open(track), self.files.open(track)))
    }
}

struct TimedFile(Box<dyn VideoSink>, Box<dyn VideoSink>);

impl VideoSink for TimedFile {
    fn show(&mut self, picture: &Arc<I420>, info: &FrameInfo) {
        self.0.show(picture, info);
        self.1.show(picture, info);
    }
}
